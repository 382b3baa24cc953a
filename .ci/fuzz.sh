#!/usr/bin/env bash
# Fuzzes one target for some seconds: `.ci/fuzz.sh driver 3600`, `.ci/fuzz.sh addresses 600`. Not part of .ci/run, where
# the seeds are run by `tests/it/fuzz_seeds.rs`. On stable: the coverage is that of LLVM, the fuzzer that of the crate
# libfuzzer-sys, which a C++ compiler builds. What is found lies in target/fuzz; what is worth keeping goes to
# fuzz/seeds with `.ci/fuzz.sh driver keep`.
. "$(dirname "$0")/prelude.sh"

target=${1:?which target: driver or addresses}
seconds=${2:-600}
corpus="target/fuzz/corpus/$target"
mkdir -p "$corpus" target/fuzz/artifacts

# Counters at every edge, and the operands of comparisons: what `cargo fuzz` asks for, without a sanitizer.
flags='--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1'
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$option"
done

# With a target of its own, so that build scripts and macros are not counted.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="$flags" cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir target/fuzz \
    --bin "$target"
fuzzer="target/fuzz/$host/release/$target"

# As the main function of a Rust program would: a write to a pipe without a reader is an error and not the end.
trap '' PIPE

if [[ $seconds == keep ]]; then
    # The fewest of them that reach everything.
    step "keeping seeds of $target" "$fuzzer" -merge=1 "fuzz/seeds/$target" "$corpus"
else
    step "fuzzing $target for $seconds s" "$fuzzer" -max_total_time="$seconds" -max_len=400 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="target/fuzz/artifacts/$target-" \
        "$corpus" "fuzz/seeds/$target" 2>&1 | tee "$output/fuzz-$target.log"
fi
