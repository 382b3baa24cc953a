//! P9 and P11 of `executor/src/scheduler/mod.rs`: what a root future has pushed is found while it blocks its thread.
//!
//! `Idle`, the queues and the parkers are the real ones. What a guest and a worker do with them is repeated here in a few
//! lines, so that single steps can be left out; `runtime.rs` has the real ones. Naps pass at once. A task that nobody
//! finds is a deadlock.

use std::sync::Arc;

use loom::sync::atomic::{Ordering::SeqCst, fence};
use loom::thread;
use raddle::loom::internals::{
    Idle, Inject, Local, Parker, Part, Push, Rescue, Searching, Steal, Stealer, Unpark, Unparked,
};

use crate::executor_support::{Signal, model};

/// A step that a negative control leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    PushersFence,
    WatchersFence,
    SecondLook,
}

use Without::Nothing;

struct Scheduler {
    without: Without,
    idle: Idle,
    injector: Inject<u32>,
    guest: Stealer<u32>,
    beds: [Parker; 2],
    /// The guest has pushed what it has to push, and blocks its thread.
    blocked: Arc<Signal>,
}

impl Scheduler {
    /// With the queue of a guest that begins to poll its root future.
    fn new(without: Without) -> (Arc<Scheduler>, Local<u32>) {
        let (queue, guest) = Local::shared();
        assert!(queue.call());
        let scheduler = Scheduler {
            without,
            idle: Idle::new(2),
            injector: Inject::default(),
            guest,
            beds: [Parker::new(), Parker::new()],
            blocked: Signal::new(),
        };
        (Arc::new(scheduler), queue)
    }

    fn wake_one(&self) {
        if let Some(index) = self.idle.wake_one() {
            assert_eq!(self.beds[index].unpark(), Unpark::Done);
        }
    }

    /// `Worker::push`, `Worker::ask_for_a_watch`.
    fn push_while_rooting(&self, queue: &Local<u32>, task: u32) {
        if queue.push(task) == Push::Called {
            queue.take_call();
            if self.without != Without::PushersFence {
                fence(SeqCst);
            }
            self.wake_watcher();
        }
    }

    /// `Shared::wake_watcher`.
    fn wake_watcher(&self) {
        self.idle.want_watch();
        if !self.idle.is_watched()
            && let Some(index) = self.idle.wake_watcher(|index| index < 2)
        {
            assert_eq!(self.beds[index].unpark(), Unpark::Done);
        }
    }

    /// P2.
    fn submit(&self, task: u32) {
        self.injector.push(task);
        self.wake_one();
    }

    fn is_a_root_unwatched(&self) -> bool {
        !self.idle.is_watched() && !self.guest.is_called()
    }

    fn stop_searching(&self, searching: Option<Searching>) {
        let was_last = searching.is_some_and(|evidence| self.idle.found_work(evidence));
        fence(SeqCst);
        if was_last && !self.injector.is_empty() {
            self.wake_one();
        }
        if self.is_a_root_unwatched() {
            self.wake_watcher();
        }
    }

    /// A worker's next task.
    fn next(&self, index: usize, mut searching: Option<Searching>) -> u32 {
        loop {
            if searching.is_none() {
                searching = self.idle.start_searching();
            }
            while !self.injector.is_empty() {
                if let Steal::Success(task) = self.injector.take_one() {
                    self.stop_searching(searching);
                    return task;
                }
                thread::yield_now();
            }
            let nobody_searches = self.idle.park(index, searching.take());
            if nobody_searches && !self.injector.is_empty() {
                self.wake_one();
            }
            let rescued = self.watch();
            if rescued.is_none() {
                self.beds[index].park(None);
            }
            searching = match self.idle.unpark(index) {
                Unparked::Alone => None,
                Unparked::ToSearch(evidence) => Some(evidence),
            };
            if let Some(task) = rescued {
                self.stop_searching(searching);
                return task;
            }
        }
    }

    /// A watch of one nap. The guest has been in its root future all the time.
    fn watch(&self) -> Option<u32> {
        while self.idle.start_watch() {
            let mut rescued = Vec::new();
            loop {
                match self.guest.rescue_into(&mut rescued, Part::All) {
                    // It is pushing. Another nap, and it has pushed.
                    Rescue::Refused => self.blocked.wait(),
                    Rescue::Nothing => break,
                    Rescue::Some | Rescue::All => {
                        self.idle.stop_watch();
                        fence(SeqCst);
                        return rescued.pop();
                    }
                }
            }
            // `Worker::end_watch`.
            self.idle.stop_watch();
            if self.without != Without::WatchersFence {
                fence(SeqCst);
            }
            if self.guest.is_called() || self.without == Without::SecondLook {
                break;
            }
        }
        None
    }
}

fn start(scheduler: &Arc<Scheduler>, index: usize) -> thread::JoinHandle<u32> {
    let scheduler = scheduler.clone();
    scheduler.idle.enter();
    thread::spawn(move || scheduler.next(index, None))
}

/// A guest in its root future pushes, and then blocks its thread.
fn a_guest_pushes_and_blocks(without: Without) {
    model(3, move || {
        let (scheduler, queue) = Scheduler::new(without);
        let worker = start(&scheduler, 0);
        scheduler.push_while_rooting(&queue, 7);
        scheduler.blocked.give();
        assert_eq!(worker.join().unwrap(), 7);
    });
}

#[test]
fn p9_what_a_root_future_pushes_is_found_while_it_blocks() {
    a_guest_pushes_and_blocks(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p9_fails_without_the_pushers_fence() {
    a_guest_pushes_and_blocks(Without::PushersFence);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p9_fails_without_the_watchers_fence() {
    a_guest_pushes_and_blocks(Without::WatchersFence);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p9_fails_without_the_watchers_second_look() {
    a_guest_pushes_and_blocks(Without::SecondLook);
}

/// A worker finds a task from outside, and is stuck in it. What the root future has pushed must be found by another.
/// (No watch is interrupted here, so that it need not be handed on; the search for a model in which it must be goes on.)
fn one_worker_is_stuck_and_the_guest_blocks() {
    model(2, move || {
        let (scheduler, queue) = Scheduler::new(Nothing);
        let workers = [0, 1].map(|index| start(&scheduler, index));
        scheduler.submit(1);
        scheduler.push_while_rooting(&queue, 2);
        scheduler.blocked.give();
        let found = workers.map(|worker| worker.join().unwrap());
        assert_eq!(found.iter().sum::<u32>(), 3);
    });
}

#[test]
fn p11_a_root_futures_task_is_found_while_a_worker_is_stuck() {
    one_worker_is_stuck_and_the_guest_blocks();
}
