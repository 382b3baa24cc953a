//! P1 to P4 of `executor/src/scheduler/mod.rs`: nothing is queued while everybody sleeps.
//!
//! `Idle`, the injector, the queues and the parkers are the real ones. What a worker and a submitter do with them is
//! repeated here in a few lines, so that single steps can be left out; `runtime.rs` has the real workers. A worker that
//! has found a task is stuck in it: it stays active, does nothing more, and finds nothing for anybody else. So a task that
//! nobody comes for is a deadlock.

use std::sync::Arc;
use std::sync::atomic::AtomicBool as Unobserved;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::{Ordering::SeqCst, fence};
use loom::thread;
use raddle::loom::internals::{
    Idle, Inject, Local, Parker, Push, Searching, Steal, Stealer, Unpark, Unparked, without_fences,
};

use crate::executor_support::{model, open};

/// A step that a negative control leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    SubmittersFence,
    ParkersFence,
    LastLook,
    HandingOn,
    LookOnLeaving,
    LookAtOtherGuests,
    LookAfterThePoll,
    FenceInTheLook,
}

use Without::Nothing;

/// What the threads of a model share: up to two workers' beds, and one guest's queue.
struct Scheduler {
    without: Without,
    idle: Idle,
    injector: Inject<u32>,
    guests: Stealer<u32>,
    beds: [Parker; 2],
    /// Whether a worker without a task may go home.
    closed: Unobserved,
}

impl Scheduler {
    /// With the guest's queue, which is open to thieves. (`watch.rs` is about those that are not.)
    fn new(limit: usize, without: Without) -> (Arc<Scheduler>, Local<u32>) {
        let (queue, guests) = Local::shared();
        open(&queue);
        let scheduler = Scheduler {
            without,
            idle: Idle::new(limit),
            injector: Inject::default(),
            guests,
            beds: [Parker::new(), Parker::new()],
            closed: Unobserved::new(false),
        };
        (Arc::new(scheduler), queue)
    }

    fn without_if<R>(&self, without: Without, step: impl FnOnce() -> R) -> R {
        if self.without == without { without_fences(step) } else { step() }
    }

    fn wake_one(&self) {
        let woken = self.without_if(Without::SubmittersFence, || self.idle.wake_one());
        if let Some(index) = woken {
            self.unpark(index);
        }
    }

    fn unpark(&self, index: usize) {
        assert_eq!(self.beds[index].unpark(), Unpark::Done);
    }

    /// P2.
    fn submit(&self, task: u32) {
        self.injector.push(task);
        self.wake_one();
    }

    fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.guests.len() > 0
    }

    fn find(&self) -> Option<u32> {
        let (own, _) = Local::shared();
        loop {
            match self.guests.steal_into(&own) {
                Steal::Success(task) => return Some(task),
                Steal::Retry => thread::yield_now(),
                Steal::Empty => match self.injector.take_one() {
                    Steal::Success(task) => return Some(task),
                    Steal::Retry => thread::yield_now(),
                    Steal::Empty => return None,
                },
            }
        }
    }

    /// A worker's next task; `None` if the model has no use for the worker any more.
    fn next(&self, index: usize, mut searching: Option<Searching>) -> Option<u32> {
        while !self.closed.load(Relaxed) {
            if searching.is_none() {
                searching = self.idle.start_searching();
            }
            if let Some(evidence) = searching.take() {
                if let Some(task) = self.find() {
                    self.stop_searching(evidence);
                    return Some(task);
                }
                searching = Some(evidence);
            }
            let nobody_searches =
                self.without_if(Without::ParkersFence, || self.idle.park(index, searching.take()));
            searching = self.sleep(index, nobody_searches);
        }
        None
    }

    /// What guest 1 does after its root future: runs what it has pushed, or, if it is refused (P1), sleeps until it is
    /// needed.
    fn run_as_guest(&self, queue: &Local<u32>) -> Option<u32> {
        let found = if self.idle.step_in() {
            queue.pop().or_else(|| self.next(1, None))
        } else {
            let nobody_searches = self.idle.park_guest(1);
            let searching = self.sleep(1, nobody_searches);
            self.next(1, searching)
        };
        if found.is_some() {
            self.close(1);
        }
        found
    }

    /// P4.
    fn stop_searching(&self, searching: Searching) {
        let last = self.idle.found_work(searching);
        if last && self.without != Without::HandingOn && self.has_work() {
            self.wake_one();
        }
    }

    /// P3.
    fn sleep(&self, index: usize, nobody_searches: bool) -> Option<Searching> {
        if nobody_searches && self.without != Without::LastLook && self.has_work() {
            self.wake_one();
        }
        self.beds[index].park(None);
        match self.idle.unpark(index) {
            Unparked::Alone => None,
            Unparked::ToSearch(searching) => Some(searching),
        }
    }

    /// Sends the other worker home.
    fn close(&self, own_index: usize) {
        self.closed.store(true, Relaxed);
        self.unpark(1 - own_index);
    }
}

fn push(queue: &Local<u32>, task: u32) {
    assert_eq!(queue.push(task), Push::Done, "nobody has called");
}

fn one_submitter_and_one_worker(without: Without) {
    model(3, move || {
        let (scheduler, _) = Scheduler::new(1, without);
        scheduler.idle.enter();
        let worker = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.next(0, None)
        });
        scheduler.submit(7);
        assert_eq!(worker.join().unwrap(), Some(7));
    });
}

#[test]
fn p2_p3_what_is_submitted_while_a_worker_falls_asleep_is_found_or_wakes_it() {
    one_submitter_and_one_worker(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p2_fails_without_the_submitters_fence() {
    one_submitter_and_one_worker(Without::SubmittersFence);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p3_fails_without_the_parkers_fence() {
    one_submitter_and_one_worker(Without::ParkersFence);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p3_fails_without_the_last_look() {
    one_submitter_and_one_worker(Without::LastLook);
}

#[test]
fn p2_p3_two_submitters_and_one_worker() {
    model(2, || {
        let (scheduler, _) = Scheduler::new(1, Nothing);
        scheduler.idle.enter();
        let worker = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.next(0, None).zip(scheduler.next(0, None))
        });
        let other = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.submit(1)
        });
        scheduler.submit(2);
        other.join().unwrap();
        let (first, second) = worker.join().unwrap().unwrap();
        assert_eq!(first + second, 3);
    });
}

#[test]
fn p2_p3_one_submitter_and_two_workers() {
    model(2, || {
        let (scheduler, _) = Scheduler::new(2, Nothing);
        let workers = [0, 1].map(|index| {
            scheduler.idle.enter();
            let scheduler = scheduler.clone();
            thread::spawn(move || {
                let found = scheduler.next(index, None);
                if found.is_some() {
                    scheduler.close(index);
                }
                found
            })
        });
        scheduler.submit(7);
        let found = workers.map(|worker| worker.join().unwrap());
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), [7]);
    });
}

/// The worker that finds the first task never comes back for the second.
fn two_tasks_for_two_workers(preemptions: usize, without: Without) {
    model(preemptions, move || {
        let (scheduler, _) = Scheduler::new(2, without);
        let workers = [0, 1].map(|index| {
            scheduler.idle.enter();
            let scheduler = scheduler.clone();
            thread::spawn(move || scheduler.next(index, None))
        });
        scheduler.submit(1);
        scheduler.submit(2);
        let found = workers.map(|worker| worker.join().unwrap());
        assert_eq!(found.into_iter().flatten().sum::<u32>(), 3);
    });
}

#[test]
fn p4_p6_a_task_is_found_while_the_finder_of_another_is_stuck_in_it() {
    two_tasks_for_two_workers(3, Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p4_fails_without_handing_on() {
    two_tasks_for_two_workers(2, Without::HandingOn);
}

/// A guest pushes in its root future, and then would like to run the task itself; it is refused as long as the worker
/// is active (P1).
#[test]
fn p1_a_refused_guests_task_is_found_by_the_last_active_worker() {
    model(3, || {
        let (scheduler, queue) = Scheduler::new(1, Nothing);
        scheduler.idle.enter();
        let worker = thread::spawn({
            let scheduler = scheduler.clone();
            move || {
                let found = scheduler.next(0, None);
                if found.is_some() {
                    scheduler.close(0);
                }
                found
            }
        });
        push(&queue, 7);
        let found = scheduler.run_as_guest(&queue);
        assert_eq!(worker.join().unwrap().xor(found), Some(7));
    });
}

/// An active guest turns to its root future, which blocks. A submitter has counted on it, because there was no room for
/// another worker; so has whatever is in its queue.
fn a_guest_turns_to_its_root_future(without: Without) {
    model(3, move || {
        let (scheduler, queue) = Scheduler::new(1, without);
        // Parked before the guest stepped in.
        scheduler.idle.enter();
        let nobody_searches = scheduler.idle.park(0, None);
        let worker = thread::spawn({
            let scheduler = scheduler.clone();
            move || {
                let searching = scheduler.sleep(0, nobody_searches);
                scheduler.next(0, searching).zip(scheduler.next(0, None))
            }
        });
        if scheduler.idle.step_in() {
            // Run by the guest: no fence, no wake.
            push(&queue, 1);
            let submitter = thread::spawn({
                let scheduler = scheduler.clone();
                move || scheduler.submit(2)
            });
            scheduler.idle.leave();
            if scheduler.without != Without::LookOnLeaving {
                fence(SeqCst);
                if scheduler.has_work() {
                    scheduler.wake_one();
                }
            }
            submitter.join().unwrap();
        } else {
            unreachable!("the worker is parked until something is queued");
        }
        let (first, second) = worker.join().unwrap().unwrap();
        assert_eq!(first + second, 3);
    });
}

#[test]
fn p3_a_guest_that_turns_to_its_root_future_looks_at_every_queue() {
    a_guest_turns_to_its_root_future(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p3_fails_if_a_guest_turns_to_its_root_future_without_a_look() {
    a_guest_turns_to_its_root_future(Without::LookOnLeaving);
}

/// An active guest goes, for its root future is done. Another one has pushed a task, and was refused to run it.
fn a_guest_goes_while_another_is_refused(without: Without) {
    model(3, move || {
        let (scheduler, queue) = Scheduler::new(1, without);
        scheduler.idle.enter();
        let nobody_searches = scheduler.idle.park(0, None);
        assert!(scheduler.idle.step_in());
        let worker = thread::spawn({
            let scheduler = scheduler.clone();
            move || {
                let searching = scheduler.sleep(0, nobody_searches);
                let found = scheduler.next(0, searching);
                if found.is_some() {
                    scheduler.close(0);
                }
                found
            }
        });
        let refused = thread::spawn({
            let scheduler = scheduler.clone();
            move || {
                push(&queue, 7);
                scheduler.run_as_guest(&queue)
            }
        });
        scheduler.idle.leave();
        fence(SeqCst);
        if scheduler.without != Without::LookAtOtherGuests && scheduler.has_work() {
            scheduler.wake_one();
        }
        assert_eq!(worker.join().unwrap().xor(refused.join().unwrap()), Some(7));
    });
}

#[test]
fn p1_p3_a_guest_that_goes_looks_at_the_queues_of_refused_guests() {
    a_guest_goes_while_another_is_refused(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p1_p3_fails_if_a_guest_that_goes_looks_at_its_own_queue_only() {
    a_guest_goes_while_another_is_refused(Without::LookAtOtherGuests);
}

/// A worker pushes to its own queue while another falls asleep, ends that poll, and is stuck in the next one: what it has
/// pushed waits for the first poll at most. (`guests` is its queue's other end here.)
fn a_worker_shares_what_it_has_pushed(without: Without) {
    model(3, move || {
        let (scheduler, queue) = Scheduler::new(2, without);
        scheduler.idle.enter();
        scheduler.idle.enter();
        let sibling = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.next(0, None)
        });
        // A push orders nothing but itself; that of a model has a fence, which no processor passes (`gate.rs`).
        without_fences(|| push(&queue, 7));
        match scheduler.without {
            Without::LookAfterThePoll => {}
            // `Worker::share_backlog`, which is worth a glance at the word, and no fence.
            Without::FenceInTheLook => {
                if scheduler.idle.could_help() {
                    scheduler.wake_one();
                }
            }
            // `Worker::share_at_any_price`.
            _ => scheduler.wake_one(),
        }
        assert_eq!(sibling.join().unwrap(), Some(7));
    });
}

#[test]
fn what_waits_behind_a_long_poll_is_shared_after_it() {
    a_worker_shares_what_it_has_pushed(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn what_waits_behind_a_long_poll_is_not_shared_without_the_look_after_it() {
    a_worker_shares_what_it_has_pushed(Without::LookAfterThePoll);
}

/// A look without a fence finds the other awake that is falling asleep: it may be one poll late.
#[test]
#[should_panic(expected = "deadlock")]
fn what_waits_behind_a_poll_may_be_missed_by_a_look_without_a_fence() {
    a_worker_shares_what_it_has_pushed(Without::FenceInTheLook);
}
