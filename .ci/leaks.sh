#!/usr/bin/env bash
# The integration tests under valgrind: nothing is leaked, read before it is written, or used after it was freed.
# Arguments are handed to the test binary: parts of names, or `--skip` and a part of a name.
. "$(dirname "$0")/prelude.sh"

# Fewer rounds and longer deadlines: valgrind runs one thread at a time, some thirty times slower.
export RADDLE_TEST_SCALE="${RADDLE_TEST_SCALE:-100}"

# Not all: a few tests leak by design (a panic's payload that panics itself is forgotten, guards dropped out of order keep
# their runtime), and some take minutes here.
# The random operations of `props_` do what the named tests do, for longer.
if (($# == 0)); then
    set -- spawn:: join:: cancel:: wakers:: shutdown:: blocking:: tcp:: \
        oneshot:: channels:: broadcast:: watch:: queues:: \
        mutex:: rwlock:: semaphore:: notify:: event:: condvar:: barrier:: once:: cancellation_token:: \
        --skip props_
fi

# Cargo starts the test binary through the runner of the host's target. (valgrind before 3.22 says that it does not know
# system call 441, epoll_pwait2; the driver then falls back to epoll_wait, as it does on old kernels.)
host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${host}_RUNNER=valgrind --quiet --fair-sched=yes --num-callers=30 \
--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=9"

tests() {
    timeout 15m cargo test --package raddle-tests --test it -- "$@" 2>&1 | tee "$output/leaks.log"
    grep '^test result:' "$output/leaks.log" >"$output/leaks.results"
}

step 'integration tests under valgrind' tests "$@"
