//! Values that are put in once.

use crate::threads::{impatient, on_four_threads, run};
use raddle_sync::{OnceCell, SetOnce};
use std::array;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// What a cell was seen to hold: the same for everybody, and put in once.
#[derive(Default)]
struct Witness {
    seen: AtomicU64,
    put_in: AtomicU64,
}

impl Witness {
    fn sees(&self, value: u64) {
        if let Err(seen) = self.seen.compare_exchange(0, value, Relaxed, Relaxed) {
            assert_eq!(seen, value, "two values in one cell");
        }
    }

    fn puts_in(&self) {
        assert_eq!(self.put_in.fetch_add(1, Relaxed), 0, "put in twice");
    }
}

/// Gives way to others once.
async fn give_way() {
    let mut gave_way = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A few cells that all threads use, each until somebody puts a new one into its place.
type Shelf<T> = [Mutex<Arc<(T, Witness)>>; 3];

fn shelf<T: Default>() -> Shelf<T> {
    array::from_fn(|_| Mutex::default())
}

#[test]
fn a_once_cell_is_filled_once_whoever_gives_up() {
    let (shelf, made) = (shelf::<OnceCell<u64>>(), AtomicU64::new(0));
    on_four_threads("once cell", |_, rng, operations| {
        run("once cell", async {
            for _ in 0..operations {
                let place = &shelf[rng.below(3)];
                let shared = Arc::clone(&place.lock().unwrap());
                let (cell, witness) = &*shared;
                let value = made.fetch_add(1, Relaxed) + 1;
                let fails = rng.one_in(4);
                let making = || async move {
                    give_way().await;
                    if fails {
                        return Err(());
                    }
                    Ok(value)
                };
                let seen = match rng.below(8) {
                    0 => impatient(1, cell.get_or_try_init(making)).await,
                    1 => impatient(2, cell.get_or_try_init(making)).await,
                    2 => Some(match cell.set(value) {
                        Ok(()) => Ok(cell.get().expect("it was just set")),
                        Err(_) => cell.get().ok_or(()),
                    }),
                    _ => Some(cell.get_or_try_init(making).await),
                };
                if let Some(Ok(seen)) = seen {
                    witness.sees(*seen);
                    if *seen == value {
                        witness.puts_in();
                    }
                }
                if rng.one_in(6) {
                    *place.lock().unwrap() = Arc::default();
                }
            }
        })
    });
}

#[test]
fn a_set_once_is_set_once_and_everybody_sees_it() {
    let (shelf, made) = (shelf::<SetOnce<u64>>(), AtomicU64::new(0));
    on_four_threads("set once", |_, rng, operations| {
        run("set once", async {
            for _ in 0..operations {
                let place = &shelf[rng.below(3)];
                let shared = Arc::clone(&place.lock().unwrap());
                let (once, witness) = &*shared;
                let value = made.fetch_add(1, Relaxed) + 1;
                let seen = match rng.below(4) {
                    0 => impatient(1, once.wait()).await,
                    1 => impatient(3, once.wait()).await,
                    _ => {
                        let mut waits = std::pin::pin!(once.wait());
                        let early = impatient(1, waits.as_mut()).await;
                        match once.set(value) {
                            Ok(()) => witness.puts_in(),
                            Err(back) => assert_eq!(back.0, value, "not what was given"),
                        }
                        match early {
                            Some(seen) => Some(seen),
                            None => Some(waits.await),
                        }
                    }
                };
                if let Some(seen) = seen {
                    witness.sees(*seen);
                }
                if rng.one_in(3) {
                    *place.lock().unwrap() = Arc::default();
                }
            }
        })
    });
}
