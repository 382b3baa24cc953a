//! The attribute makes a future of the body, so the function has to be one.

#[raddle::main]
fn main() {}
