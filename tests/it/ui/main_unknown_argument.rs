//! An argument that does not exist, with those that do.

#[raddle::main(threads = 4)]
async fn main() {}
