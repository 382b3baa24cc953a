//! Rules I1 to I4 of the once cell.

use crate::sync_support::{once, run_beside};
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::OnceCell;
use std::future::pending;

/// Counts how often a value is made.
#[derive(Default)]
struct Shared {
    cell: OnceCell<AtomicUsize>,
    made: AtomicUsize,
}

impl Shared {
    async fn make(&self) -> AtomicUsize {
        self.made.fetch_add(1, Ordering::Relaxed);
        AtomicUsize::new(7)
    }

    /// Relaxed: only the cell orders it.
    async fn get(&self) -> usize {
        self.cell.get_or_init(|| self.make()).await.load(Ordering::Relaxed)
    }

    /// As a cell without the permit would do it.
    async fn look_and_make(&self) -> usize {
        match self.cell.get() {
            Some(value) => value.load(Ordering::Relaxed),
            None => {
                let value = self.make().await;
                let made = value.load(Ordering::Relaxed);
                let _ = self.cell.set(value);
                made
            }
        }
    }
}

fn spawn(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) + Send + 'static,
) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

#[test]
fn i3_the_value_is_made_once_and_seen_by_all() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let other = spawn(&shared, |shared| assert_eq!(block_on(shared.get()), 7));
        if let Some(value) = shared.cell.get() {
            assert_eq!(value.load(Ordering::Relaxed), 7, "I2");
        }
        assert_eq!(block_on(shared.get()), 7);
        other.join().unwrap();
        assert_eq!(shared.made.load(Ordering::Relaxed), 1, "made twice");
    });
}

#[test]
#[should_panic(expected = "made twice")]
fn i3_control_without_the_permit_it_is_made_twice() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let other = spawn(&shared, |shared| _ = block_on(shared.look_and_make()));
        block_on(shared.look_and_make());
        other.join().unwrap();
        assert_eq!(shared.made.load(Ordering::Relaxed), 1, "made twice");
    });
}

#[test]
fn i4_when_the_maker_gives_up_the_next_in_line_makes_the_value() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let others = vec![
            spawn(&shared, |shared| {
                block_on(once(shared.cell.get_or_init(pending)));
            }),
            spawn(&shared, |shared| {
                let failing = shared.cell.get_or_try_init(|| async { Err::<AtomicUsize, _>(()) });
                let _ = block_on(once(failing));
            }),
        ];
        run_beside(others, async { assert_eq!(shared.get().await, 7) });
        assert_eq!(shared.made.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn i3_a_set_and_a_maker_agree() {
    loom::model(|| {
        let shared = Arc::new(Shared::default());
        let other = spawn(&shared, |shared| {
            let set = shared.cell.set(AtomicUsize::new(8)).is_ok();
            if set {
                assert_eq!(shared.cell.get().unwrap().load(Ordering::Relaxed), 8);
            }
        });
        let seen = block_on(shared.get());
        other.join().unwrap();
        assert_eq!(shared.cell.get().unwrap().load(Ordering::Relaxed), seen);
        assert_eq!(shared.made.load(Ordering::Relaxed), usize::from(seen == 7));
    });
}
