//! A word where `true` or `false` belongs.

#[raddle::main(start_paused = "yes")]
async fn main() {}
