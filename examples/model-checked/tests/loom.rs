//! The models: `RUSTFLAGS="--cfg loom" cargo test --release --test loom`; in this workspace, `cargo loom pool`.
//!
//! Without `--cfg loom` there is nothing here to run.
#![cfg(loom)]
#![allow(missing_docs)]

use loom::{future::block_on, sync::Arc, thread};
use std::process::Command;

/// Two threads take, this one gives; small, because every interleaving of it is tried in which a thread is interrupted three
/// times at most, where it would not have waited. With two, loom misses the bug: a lock is among the steps of `notified`.
macro_rules! two_take_and_one_gives {
    ($pool:ty) => {{
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let pool = Arc::new(<$pool>::new());
            let takers = [(); 2].map(|()| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || block_on(pool.take()))
            });
            pool.put(1);
            pool.put(2);
            let [one, other] = takers.map(|taker| taker.join().unwrap());
            assert_eq!(one + other, 3, "one thing was lent out twice");
        });
    }};
}

#[test]
fn with_the_patient_pool_nobody_waits_beside_a_thing() {
    two_take_and_one_gives!(model_checked::patient::Pool<u32>);
}

/// What the author of the hasty pool would have written. It fails, as it should: with a deadlock, after which loom cannot
/// unwind and aborts the process. So the test below runs it in a process of its own.
#[test]
#[ignore = "this is the model that fails: run it to see how that looks"]
fn with_the_hasty_pool_nobody_waits_beside_a_thing() {
    two_take_and_one_gives!(model_checked::hasty::Pool<u32>);
}

#[test]
fn loom_finds_the_wake_up_that_the_hasty_pool_loses() {
    let model = "with_the_hasty_pool_nobody_waits_beside_a_thing";
    let this = std::env::current_exe().expect("a test knows its own path");
    let ended = Command::new(this)
        .args(["--exact", model, "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "loom has not found the bug");
    assert!(said.contains("deadlock; threads ="), "it failed for another reason:\n{said}");
}
