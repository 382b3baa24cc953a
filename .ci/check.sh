#!/usr/bin/env bash
# Formatting, lints and documentation, with warnings as errors; the library with every set of features.
. "$(dirname "$0")/prelude.sh"

every_feature_set() {
    local features
    for features in '' macros net io-util io-std fs signal process hyper tokio-io full; do
        echo "features: ${features:-none}"
        cargo clippy -q --package raddle --no-default-features --features "$features" -- -D warnings
    done
}

documentation() {
    RUSTDOCFLAGS='-D warnings' cargo doc -q --workspace --no-deps
    # And with the default features only.
    RUSTDOCFLAGS='-D warnings' cargo doc -q --package raddle --no-deps
}

step 'formatting' cargo fmt --all --check
step 'lints' cargo clippy --workspace --all-targets -- -D warnings
step 'feature sets' every_feature_set
step 'documentation' documentation
