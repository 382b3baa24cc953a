//! Did we get slower? raddle against its own past, with Criterion; where it stands among others is `compare`'s business.
//!
//! One binary for all, because linking is the slow part: `cargo bench -p raddle-benches -- spawn` runs a part of it.

mod mpsc;
mod mutex;
mod ping_pong;
mod spawn;
mod tcp_echo;
mod timers;
mod yield_many;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use raddle::runtime::{Builder, Runtime};

/// Both flavors, with the name each has in the reports.
fn flavors() -> [(&'static str, Runtime); 2] {
    let multi = Builder::new_multi_thread().worker_threads(2).build();
    let current = Builder::new_current_thread().build();
    [("multi", multi.expect("two workers start")), ("current", current.expect("one thread starts"))]
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = regressions;
    config = short();
    targets =
        spawn::bench,
        yield_many::bench,
        ping_pong::bench,
        timers::bench,
        tcp_echo::bench,
        mutex::bench,
        mpsc::bench,
}
criterion_main!(regressions);
