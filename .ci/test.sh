#!/usr/bin/env bash
# The tests, as the README says to run them.
. "$(dirname "$0")/prelude.sh"

tests() {
    timeout 15m cargo test --workspace 2>&1 | tee "$output/test.log"
    grep '^test result:' "$output/test.log" >"$output/test.results"
}

step 'cargo test --workspace' tests
