//! An ordinary test. It would pass with the hasty pool too, almost always, and hang once in a long while.
#![cfg(not(loom))]
#![allow(missing_docs)]

use futures_lite::future::block_on;
use std::thread;

macro_rules! all_is_lent_out_once {
    ($pool:ty) => {
        let pool = <$pool>::new();
        thread::scope(|threads| {
            let takers = [(); 2].map(|()| threads.spawn(|| block_on(pool.take())));
            pool.put(1);
            pool.put(2);
            let [one, other] = takers.map(|taker| taker.join().unwrap());
            assert_eq!(one + other, 3);
        });
    };
}

#[test]
fn what_is_put_into_a_patient_pool_is_lent_out_once() {
    for _ in 0..100 {
        all_is_lent_out_once!(model_checked::patient::Pool<u32>);
    }
}
