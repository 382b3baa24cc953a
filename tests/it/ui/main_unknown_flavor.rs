//! A flavor that does not exist, with those that do.

#[raddle::main(flavor = "threadpool")]
async fn main() {}
