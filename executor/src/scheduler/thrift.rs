//! Memory of tasks that is no longer needed goes back ([`alloc`] has the rules, T85), also from a program that sleeps.
//!
//! A worker that has something to run looks whenever its driver has a turn, which is a load. Who goes to sleep last, with
//! nobody awake who would look, gets up when the period ends; then it gives back a little at a time, and asks the driver in
//! between. A sleep with an end is dear (`watch.rs`), and as a rule no other sleeper takes it. That is twice after a crowd, and never
//! while there is nothing to give back. When it has given something back, it calls the other sleepers of its runtime once, to give back
//! what they keep themselves; a worker that is at work calls nobody.
//!
//! Feared: a period begins, and everybody sleeps without an alarm. A worker that begins it is awake, and goes to sleep after
//! that; a guest that leaves instead wakes one, if nobody else is awake. (A thread that runs no tasks tells nobody. What it has freed waits
//! until a worker gets up: what was blocking calls, or tasks of a runtime that has ended.) Of those who sleep the last to be counted as parked finds nobody active: the count is one word. A guest whose root
//! future is stuck is not counted; then two may have the alarm. A worker that is stuck in a poll is, and nobody has it: what
//! is given back has to wait for the end of that poll.

use super::shared::Shared;
use super::worker::Worker;
use crate::task::alloc;
use std::time::Instant;

impl Worker<'_> {
    /// When this worker has to get up, although nobody calls it. It is counted as parked.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.core().owned.tidy(&self.slot().places);
        alloc::give_back_own();
        let giving_back = alloc::next_giving_back().filter(|_| self.shared().idle.active() == 0);
        self.next_look().into_iter().chain(giving_back).min()
    }

    /// After a sleep: if it was for that, the time has come.
    pub(super) fn give_back_memory(&self) {
        if alloc::next_giving_back().is_none() {
            return;
        }
        let before = alloc::givings();
        alloc::give_back(self.shared().clock.now());
        if alloc::givings() != before {
            // The others have a little each, and may sleep for ever.
            let others = self.shared().slots.iter().filter(|slot| slot.index != self.slot().index);
            others.for_each(|slot| slot.parker.call());
            self.shared().driver.interrupt();
        }
    }
}

impl Shared {
    /// Whether there may be something to give back soon, and nobody is awake to see to it.
    pub(super) fn is_memory_unattended(&self) -> bool {
        alloc::next_giving_back().is_some() && self.idle.active() == 0
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use crate::runtime::Builder;
    use crate::task::alloc;
    use raddle_sync::oneshot;
    use std::thread;
    use std::time::{Duration, Instant};

    const CROWD: u64 = 40_000;
    const LARGE: usize = 256;

    #[test]
    fn t85_memory_goes_back_while_everybody_sleeps() {
        for workers in [0, 2] {
            let mut builder = match workers {
                0 => Builder::new_current_thread(),
                _ => Builder::new_multi_thread(),
            };
            let runtime = builder.worker_threads(workers.max(1)).build().unwrap();
            let (tell, told) = oneshot::channel();
            runtime.block_on(async move {
                let crowd: Vec<_> = (0..CROWD)
                    .map(|_| crate::spawn(async { std::hint::black_box([1_u8; LARGE]) }))
                    .collect();
                let peak = alloc::bytes();
                assert!(peak > CROWD * LARGE as u64, "{peak} bytes");
                for task in crowd {
                    task.await.unwrap();
                }
                let watcher = thread::spawn(move || {
                    let deadline = Instant::now() + Duration::from_secs(60);
                    // Not all: a thread that has ended its work may keep two chains.
                    while alloc::bytes() > peak / 2 {
                        assert!(Instant::now() < deadline, "{} of {peak} bytes", alloc::bytes());
                        thread::yield_now();
                    }
                    tell.send(()).unwrap();
                });
                // Nobody has anything to do meanwhile.
                told.await.unwrap();
                watcher.join().unwrap();
            });
        }
    }
}
