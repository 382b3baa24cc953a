//! Any string as an address: see `src/addresses.rs`.
#![no_main]

#[path = "../src/addresses.rs"]
mod addresses;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| addresses::run(bytes));
