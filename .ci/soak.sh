#!/usr/bin/env bash
# Ten million random operations on each lock and channel, by four threads. Not part of .ci/run, where `cargo test` runs
# fewer. Takes some minutes on two cores. Arguments filter by name.
. "$(dirname "$0")/prelude.sh"

export RADDLE_SOAK_OPERATIONS="${RADDLE_SOAK_OPERATIONS:-10000000}"

soak() {
    # One at a time, so that the four threads meet each other and not those of another test.
    cargo test --release --package raddle-tests --test soak -- --nocapture --test-threads=1 "$@" 2>&1 |
        tee "$output/soak.log"
}

step "soak, $RADDLE_SOAK_OPERATIONS operations" soak "$@"
