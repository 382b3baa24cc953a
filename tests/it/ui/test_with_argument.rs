//! Nobody could call it.

#[raddle::test]
async fn takes(_: u32) {}

fn main() {}
