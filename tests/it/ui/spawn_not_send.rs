//! A task may move to another thread; this one may not.

use std::rc::Rc;

fn main() {
    raddle::block_on(async {
        let shared = Rc::new(1);
        raddle::spawn(async move {
            raddle::task::yield_now().await;
            drop(shared);
        });
    });
}
