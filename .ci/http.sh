#!/usr/bin/env bash
# Builds every example in release, and puts http_server through its routes, load, a crowd, and a shutdown under load.
. "$(dirname "$0")/prelude.sh"

release="${CARGO_TARGET_DIR:-target}/release"
log="$output/http_server.log"
server=

build() {
    cargo build --release --examples --bin http_client
}

# Starts http_server on a free port; sets server (its process) and address.
start() {
    "$release/examples/http_server" --addr 127.0.0.1:0 >"$log" 2>&1 &
    server=$!
    for _ in {1..100}; do
        address=$(sed -n 's/^listening on http:\/\/\([^ ]*\) with [0-9]* workers$/\1/p' "$log")
        [[ -z $address ]] || return 0
        sleep 0.05
    done
    cat "$log"
    fail 'http_server does not say where it listens'
}

# Sends SIGTERM; the server must exit with 0, and soon.
stop() {
    local began=$SECONDS
    kill -TERM "$server"
    wait "$server" || fail "http_server exited with $?: $(cat "$log")"
    server=
    ((SECONDS - began <= 2)) || fail "http_server took $((SECONDS - began)) s to stop"
    tail -n 1 "$log"
}

trap '[[ -z $server ]] || kill -KILL "$server"' EXIT

# expect STATUS BODY PATH: one request; BODY is a pattern for the whole of the body.
expect() {
    local answer
    answer=$(curl -s --max-time 10 -w '%{http_code}' "http://$address$3") || fail "$3: curl exited with $?"
    [[ ${answer: -3} == "$1" ]] || fail "$3: status ${answer: -3} instead of $1"
    # shellcheck disable=SC2053 # It is a pattern.
    [[ ${answer%???} == $2 ]] || fail "$3: body '${answer%???}'"
    echo "$1 $3"
}

routes() {
    expect 200 'Hello, World!' '/plaintext'
    expect 200 '{"message":"Hello, World!"}' '/json'
    expect 200 'slept for 20ms*' '/sleep?ms=20'
    expect 200 '* rounds in 20ms*' '/cpu?ms=20'
    expect 400 '/sleep wants ?ms=*' '/sleep'
    expect 400 'ms=soon is not a number*' '/sleep?ms=soon'
    expect 400 'ms=-1 is not a number*' '/cpu?ms=-1'
    expect 404 'try /plaintext*' '/nothing'
}

load() {
    wrk -t1 -c100 -d5 "http://$address/plaintext" | tee "$output/wrk.log"
    ! grep -E 'Socket errors|Non-2xx' "$output/wrk.log" || fail 'wrk counted errors'
    grep -q 'Requests/sec' "$output/wrk.log" || fail 'wrk did not finish'
}

# All connections are open at the same time, then each asks once.
crowd() {
    local limit
    limit=$(ulimit -n)
    [[ $limit == unlimited ]] && limit=10100
    local count=$((limit >= 10100 ? 10000 : limit - 100))
    echo "$count connections"
    "$release/http_client" crowd "$address" "$count" /plaintext
}

# A request is accepted when the server has read it. It says how many it has read, and the client how many were
# answered in full: what the one has more than the other is lost.
shutdown_under_load() {
    local tally client
    "$release/http_client" until-closed "$address" 100 /plaintext '/sleep?ms=2' /json '/cpu?ms=1' \
        >"$output/client.log" &
    client=$!
    sleep 3
    stop
    wait "$client" || fail "the client saw broken responses: $(cat "$output/client.log")"
    tally=$(cat "$output/client.log")
    echo "$tally"
    local answered served
    answered=$(sed -n 's/^answered \([0-9]*\),.*/\1/p' "$output/client.log")
    served=$(sed -n 's/^served \([0-9]*\) requests.*/\1/p' "$log")
    [[ $answered == "$served" ]] || fail "$served requests were accepted, and $answered answered"
}

# Descriptors for the crowd, on both sides.
ulimit -n "$(ulimit -Hn)"

step 'examples in release' build
step 'fan_out and timeouts' eval "$release/examples/fan_out && $release/examples/timeouts"
start
step 'http_server: routes' routes
step 'http_server: wrk with 100 connections' load
step 'http_server: 10,000 connections' crowd
step 'http_server: SIGTERM' stop
start
step 'http_server: SIGTERM under load' shutdown_under_load
