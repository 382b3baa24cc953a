# Read by every script here: where we are, how cargo behaves, and how a step announces itself.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_INCREMENTAL=0
export CARGO_TERM_PROGRESS_WHEN=never
# Logs and results, for whoever looks afterwards.
output="${CARGO_TARGET_DIR:-target}/ci"
mkdir -p "$output"

# step HEADLINE COMMAND…: runs the command between its headline and its duration.
step() {
    local headline=$1 began=$SECONDS
    shift
    printf '\n==> %s\n' "$headline"
    "$@"
    printf '<== %s: %d s\n' "$headline" $((SECONDS - began))
}

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
