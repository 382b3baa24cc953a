//! Rule M5 of the bounded semaphore.

use crate::sync_support::run_beside;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{BoundedSemaphore, Semaphore};

/// Forgotten permits counted in two steps, a look and a change: what M5 forbids.
struct TwoSteps {
    permits: Semaphore,
    forgotten: AtomicUsize,
}

impl TwoSteps {
    fn release(&self) -> bool {
        let forgotten = self.forgotten.load(Ordering::Relaxed);
        if forgotten == 0 {
            return false;
        }
        self.forgotten.store(forgotten - 1, Ordering::Relaxed);
        self.permits.add_permits(1);
        true
    }
}

/// Two threads that release the same forgotten permit.
fn two_releases<G: Send + Sync + 'static>(
    gate: impl Fn() -> G + Send + Sync + 'static,
    release: fn(&G) -> bool,
) {
    loom::model(move || {
        let gate = Arc::new(gate());
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || release(&gate))
        };
        let here = release(&gate);
        assert_ne!(here, other.join().unwrap(), "one permit was released twice, or never");
    });
}

fn one_forgotten() -> BoundedSemaphore {
    let gate = BoundedSemaphore::new(1);
    gate.try_acquire().unwrap().forget();
    gate
}

#[test]
fn m5_of_two_releases_of_one_permit_one_succeeds() {
    two_releases(one_forgotten, |gate| gate.release(1).is_ok());
}

#[test]
#[should_panic(expected = "released twice")]
fn m5_control_with_a_look_and_a_change_both_succeed() {
    two_releases(
        || TwoSteps { permits: Semaphore::new(0), forgotten: AtomicUsize::new(1) },
        TwoSteps::release,
    );
}

#[test]
fn m5_a_permit_released_by_another_thread_reaches_who_waits() {
    loom::model(|| {
        let gate = Arc::new(BoundedSemaphore::new(1));
        gate.try_acquire().unwrap().forget();
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.release(1).unwrap())
        };
        run_beside(vec![other], async {
            drop(gate.acquire().await.unwrap());
        });
        assert!(gate.release(1).is_err());
        assert_eq!(gate.available_permits(), 1);
    });
}
