//! Time that stands still, and does not.

#[raddle::test(start_paused = true, start_paused = false)]
async fn twice() {}

fn main() {}
