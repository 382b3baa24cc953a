#!/usr/bin/env bash
# Whether the comparison with other runtimes still runs. Its figures are no test here: the machine is shared.
. "$(dirname "$0")/prelude.sh"

step 'cargo compare --quick' \
    cargo compare --quick --json "$output/compare.json" --svg "$output/grain.svg"
[[ -s $output/compare.json ]] || fail "no JSON in $output/compare.json"
grep -q '<svg' "$output/grain.svg" || fail "no picture in $output/grain.svg"
