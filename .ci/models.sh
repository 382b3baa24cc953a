#!/usr/bin/env bash
# Runs every loom model and writes docs/models.md: which there are, and how long each takes. Not part of .ci/run: times
# differ from run to run, and a model that comes or goes is what the list has to be made anew for.
. "$(dirname "$0")/prelude.sh"

export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-2}"
# libtest reports times only to those who ask for what is not stable yet.
export RUSTC_BOOTSTRAP=1
log="$output/models.log"

run() {
    cargo loom -- -Z unstable-options --report-time --test-threads=2 | tee "$log"
}

# Lines such as `test mpsc::c1_slots_are_conserved - should panic ... ok <0.123s>`, by module.
table() {
    local began=$SECONDS
    run
    local took=$((SECONDS - began))
    # The models of the example are in no module.
    {
        cat <<'EOF'
# The models

Every one of them is a test in `tests/loom`, or in `examples/model-checked`. The name begins with the rule that it proves,
which is stated at the head of the module that owns it. A *control* is a variant that lacks what the rule demands, and has
to fail. Written by `.ci/models.sh`.

They prove less than all interleavings. The number of preemptions is bounded. And loom remembers the last access to an atomic: a
thread that loads before it stores, as the guess before a compare-exchange, hides an earlier load of another thread, and the order
in which that one comes late is not tried, however many preemptions are allowed. Where a rule is about such an order, its model
opens a window between two steps (`internals::opening`). Where a control is a stand-in, and not the code without a step, this
may be why.

EOF
        grep '^test .* ok <.*s>$' "$log" | sed 's/^test \([a-z0-9_]*\) /test the_example::\1 /' | LC_ALL=C sort | awk -v bound="$LOOM_MAX_PREEMPTIONS" -v took="$took" '
            {
                time = $NF
                gsub(/[<>s]/, "", time)
                split($2, path, "::")
                if (path[1] != module) {
                    module = path[1]
                    rows = rows "\n## " module "\n\n| model | s |\n|---|---|\n"
                }
                rows = rows "| `" path[2] "`" (/ - should panic / ? ", control" : "") " | " sprintf("%.2f", time) " |\n"
                count++
                sum += time
            }
            END {
                printf "%d models, at most %d preemptions where a model sets no bound of its own: %d s of computing, %d s on two cores.\n%s",
                    count, bound, sum, took, rows
            }'
    } >docs/models.md
}

# Built before, so that the time is that of the models.
step 'building the models' cargo loom --no-run
step 'loom models, timed' table
