//! Not even a function.

#[raddle::main]
struct Server;

fn main() {}
