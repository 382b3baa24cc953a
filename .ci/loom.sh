#!/usr/bin/env bash
# The models: every interleaving of a few threads around each protocol. Arguments filter by name.
. "$(dirname "$0")/prelude.sh"

models() {
    timeout 15m cargo loom "$@" 2>&1 | tee "$output/loom.log"
    grep '^test result:' "$output/loom.log" >"$output/loom.results"
}

export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-2}"
step 'loom models' models "$@"
