#!/usr/bin/env bash
# Ten million random operations on each lock and channel, by four threads. Not part of .ci/run, where `cargo test` runs
# fewer. Optimized, so that threads meet in the narrow places, but with overflow checks and debug assertions: a count that
# is wrong for a moment is found when it happens. Takes a quarter of an hour on two cores. Arguments filter by name.
. "$(dirname "$0")/prelude.sh"

export RADDLE_SOAK_OPERATIONS="${RADDLE_SOAK_OPERATIONS:-10000000}"

export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true

soak() {
    # One at a time, so that the four threads meet each other and not those of another test.
    cargo test --release --package raddle-tests --test soak -- --nocapture --test-threads=1 "$@" 2>&1 |
        tee "$output/soak.log"
}

step "soak, $RADDLE_SOAK_OPERATIONS operations" soak "$@"
