//! What tells others of something: event, condition variable, cancellation token.

use crate::threads::{THREADS, impatient, on_four_threads, run};
use raddle_sync::{CancellationToken, Condvar, Event, Mutex};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

#[test]
fn what_was_said_before_an_event_was_set_is_heard_by_who_clears_it() {
    // Two say numbers and set the event, one clears it and listens, one only passes. Only the event orders them.
    let (event, said) = (Event::new(), [AtomicU64::new(0), AtomicU64::new(0)]);
    let heard = on_four_threads("event", |index, rng, operations| {
        let each = 2 * operations;
        if index < 2 {
            for number in 1..=each {
                said[index].store(number, Relaxed);
                event.set();
                if rng.one_in(8) {
                    thread::yield_now();
                }
            }
            return each;
        }
        run("event", async {
            let mut last = [0; 2];
            loop {
                match rng.below(4) {
                    0 => drop(impatient(1, event.wait()).await),
                    1 if impatient(2, event.wait()).await.is_none() => continue,
                    1 => {}
                    _ => event.wait().await,
                }
                if index == 2 {
                    event.clear();
                }
                for (last, now) in last.iter_mut().zip(&said) {
                    let now = now.load(Relaxed);
                    assert!(now >= *last, "from {last} back to {now}");
                    *last = now;
                }
                // By what was heard: what is said after that comes with another set.
                if last == [each; 2] {
                    event.set(); // For the other one.
                    return last[0];
                }
            }
        })
    });
    assert!(heard.iter().all(|number| *number == heard[0]), "{heard:?}");
}

#[test]
fn a_condvar_hands_everything_from_one_side_to_the_other() {
    const ROOM: usize = 4;
    let shelf = Mutex::new(VecDeque::new());
    let (has_room, has_things) = (Condvar::new(), Condvar::new());
    let sums = on_four_threads("condvar", |index, rng, operations| {
        let (mine, theirs) = match index < 2 {
            true => (&has_room, &has_things),
            false => (&has_things, &has_room),
        };
        let must_wait = |shelf: &mut VecDeque<u64>| match index < 2 {
            true => shelf.len() == ROOM,
            false => shelf.is_empty(),
        };
        run("condvar", async {
            let mut sum = 0;
            for number in 1..=operations {
                let mut shelf = loop {
                    let guard = match rng.below(8) {
                        0 => {
                            impatient(2, async {
                                mine.wait_while(shelf.lock().await, must_wait).await
                            })
                            .await
                        }
                        1 => match shelf.try_lock() {
                            Ok(guard) => impatient(1, mine.wait_while(guard, must_wait)).await,
                            Err(_) => None,
                        },
                        _ => Some(mine.wait_while(shelf.lock().await, must_wait).await),
                    };
                    if let Some(guard) = guard {
                        break guard;
                    }
                };
                if index < 2 {
                    shelf.push_back(number);
                    sum += number;
                } else {
                    sum += shelf.pop_front().expect("there was something");
                }
                assert!(shelf.len() <= ROOM, "more than there is room for");
                let notify_first = rng.one_in(2);
                if !notify_first {
                    drop(shelf);
                }
                if rng.one_in(8) {
                    theirs.notify_all();
                } else {
                    theirs.notify_one();
                }
            }
            sum
        })
    });
    assert!(shelf.into_inner().is_empty());
    assert_eq!(sums[0] + sums[1], sums[2] + sums[3]);
}

#[test]
fn whoever_descends_from_a_cancelled_token_hears_of_it() {
    // Tokens that all threads derive others from, cancel, and put new ones in the place of.
    let shelf: [std::sync::Mutex<CancellationToken>; THREADS] = Default::default();
    on_four_threads("cancellation token", |_, rng, operations| {
        run("cancellation token", async {
            let own = CancellationToken::new();
            for _ in 0..operations {
                let place = &shelf[rng.below(THREADS)];
                let token = place.lock().unwrap().clone();
                let child = token.child_token();
                match rng.below(8) {
                    0 => *place.lock().unwrap() = CancellationToken::new(),
                    1 => *place.lock().unwrap() = child.clone(),
                    2 => {
                        // The one between goes; its child stays below the token.
                        let grandchild = child.child_token();
                        drop(child);
                        if rng.one_in(2) {
                            token.cancel();
                            assert!(grandchild.is_cancelled(), "a grandchild was forgotten");
                        }
                        continue;
                    }
                    3 => {
                        let _ = impatient(2, child.cancelled()).await;
                        let ready = impatient(1, child.run_until_cancelled(async {})).await;
                        assert!(ready.is_some(), "neither done nor cancelled");
                    }
                    4 => drop(child.drop_guard()),
                    _ => {
                        // Whoever cancels it first, all below hear of it.
                        let grandchild = child.child_token();
                        let mut waits = std::pin::pin!(grandchild.cancelled());
                        let early = impatient(1, waits.as_mut()).await;
                        token.cancel();
                        assert!(child.is_cancelled() && grandchild.is_cancelled());
                        if early.is_none() {
                            waits.await;
                        }
                        let mut place = place.lock().unwrap();
                        if place.is_cancelled() {
                            *place = own.child_token();
                        }
                    }
                }
                assert!(!own.is_cancelled(), "cancelled from below");
            }
        })
    });
}
