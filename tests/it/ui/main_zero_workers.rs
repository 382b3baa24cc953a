//! No thread at all.

#[raddle::main(worker_threads = 0)]
async fn main() {}
