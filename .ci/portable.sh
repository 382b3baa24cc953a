#!/usr/bin/env bash
# The integration tests once more, on the I/O driver that every Unix has.
. "$(dirname "$0")/prelude.sh"

tests() {
    RADDLE_IO_DRIVER=portable timeout 10m cargo test --package raddle-tests --test it 2>&1 | tee "$output/portable.log"
    grep '^test result:' "$output/portable.log" >"$output/portable.results"
}

step 'integration tests on the portable driver' tests
