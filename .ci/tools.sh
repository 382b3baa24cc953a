#!/usr/bin/env bash
# Installs what the other scripts need and the machine lacks.
. "$(dirname "$0")/prelude.sh"

install_missing() {
    local missing=() tool
    for tool in curl wrk valgrind; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    if ((${#missing[@]} == 0)); then
        echo 'nothing is missing'
        return
    fi
    local root=()
    ((EUID == 0)) || root=(sudo -n)
    export DEBIAN_FRONTEND=noninteractive
    "${root[@]}" apt-get update -qq
    "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
}

step 'tools' install_missing
