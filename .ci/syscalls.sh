#!/usr/bin/env bash
# System calls of a server per request, raddle beside Tokio, counted by strace: `.ci/syscalls.sh`, or with names of
# workloads of `cargo compare` in the group io. Not part of .ci/run. A request is an answer sent. It takes some twenty
# seconds, after the build of `compare`.
#
# strace makes each call some ten times slower, so what depends on time (naps, turns that are taken now and then) is
# overstated, what a faster server finds in vain is not seen, and the figures move by a tenth from run to run. As root there
# are two better ways: RADDLE_COUNT_WITH=stat lets the kernel count, which disturbs next to nothing, but the load is counted as
# well, and what it does is subtracted; RADDLE_COUNT_WITH=perf records each call, with its process.
. "$(dirname "$0")/prelude.sh"

(($# > 0)) || set -- echo_1 echo_10 echo_100 echo_1000 accept udp
cargo build -q --release --package raddle-benches --bin compare
compare="${CARGO_TARGET_DIR:-target}/release/compare"

# Lines of "COUNT NAME" of the process of the server; the load is a process of its own, which is not counted.
with_strace() {
    strace -f -c -b execve -o "$output/strace" "$compare" --rounds 1 "$1" --contenders "$2" >/dev/null 2>&1
    # The column of errors is empty in some lines.
    awk '$NF ~ /^[a-z]/ && $4 ~ /^[0-9]+$/ { print $4, $NF }' "$output/strace"
}

# The load sends once and receives once for each answer, and closes once where it connects for each. It waits by another
# call than the servers do.
with_stat() {
    local events
    events=$(printf ',syscalls:sys_enter_%s' recvfrom recvmsg sendto read write close accept4 epoll_ctl epoll_wait epoll_pwait2 \
        futex sched_yield membarrier getpeername getsockname)
    perf stat -x, -e "${events#,}" -o "$output/stat" -- "$compare" --rounds 1 "$1" --contenders "$2" >/dev/null 2>&1
    awk -F, -v workload="$1" '
        $3 ~ /sys_enter_/ { sub(/.*sys_enter_/, "", $3); count[$3] = $1 }
        END {
            answers = count["sendto"] / 2
            count["sendto"] -= answers
            count["recvfrom"] -= answers
            if (workload == "accept") count["close"] -= answers
            for (name in count) printf "%d %s\n", count[name], name
        }' "$output/stat"
}

with_perf() {
    perf record -q -m 4096 -e raw_syscalls:sys_enter -o "$output/perf" -- \
        "$compare" --rounds 1 "$1" --contenders "$2" >/dev/null 2>&1
    # The first process is the server. Numbers of x86-64.
    perf script -i "$output/perf" -F pid,trace 2>/dev/null | awk '
        BEGIN {
            split("0 read 1 write 3 close 20 writev 24 sched_yield 44 sendto 45 recvfrom 46 sendmsg 47 recvmsg", pairs)
            split("51 getsockname 52 getpeername 202 futex 232 epoll_wait 233 epoll_ctl 288 accept4", more)
            split("299 recvmmsg 324 membarrier 441 epoll_pwait2", last)
            for (i = 1; i in pairs; i += 2) name[pairs[i]] = pairs[i + 1]
            for (i = 1; i in more; i += 2) name[more[i]] = more[i + 1]
            for (i = 1; i in last; i += 2) name[last[i]] = last[i + 1]
        }
        NR == 1 { server = $1 }
        $1 == server { for (i = 2; i < NF; i++) if ($i == "NR") count[$(i + 1)]++ }
        END { for (id in count) print count[id], (id in name) ? name[id] : "call_" id }'
}

count() {
    local workload contender
    for workload in "$@"; do
        for contender in raddle tokio; do
            # The calls that serve requests; the rest is of the beginning and the end.
            "with_${RADDLE_COUNT_WITH:-strace}" "$workload" "$contender" | sort -rn | awk -v what="$workload $contender" '
                { count[NR] = $1; name[NR] = $2; if ($2 == "sendto") requests = $1 }
                END {
                    if (!requests) { print what ": nothing was sent"; exit 1 }
                    wanted = "^(recv|send|read|write|epoll_|accept|close|futex|get(peer|sock)name|membarrier|sched_yield|poll|call_)"
                    for (i = 1; i <= NR; i++) if (name[i] ~ wanted && count[i] >= requests / 200) {
                        sum += count[i]
                        calls = calls sprintf(" %s %.2f", name[i], count[i] / requests)
                    }
                    printf "%-18s %6.2f of %d requests:%s\n", what, sum / requests, requests, calls
                }'
        done
    done
}

step 'system calls per request' count "$@"
