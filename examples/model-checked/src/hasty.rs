//! The pool as one would write it first. It loses a wake-up.
//!
//! Two tasks find the pool empty and are about to wait. Two things are put back. `notify_one` keeps one notification
//! for whoever comes next, but not two. The first task takes it and one of the things; the second one waits, for ever, beside
//! the other.

use crate::sync::Mutex;
use raddle_sync::Notify;

/// Things to be lent out.
#[derive(Debug)]
pub struct Pool<T> {
    idle: Mutex<Vec<T>>,
    returned: Notify,
}

impl<T> Pool<T> {
    /// A pool with nothing in it.
    #[must_use]
    pub fn new() -> Pool<T> {
        Pool { idle: Mutex::new(Vec::new()), returned: Notify::new() }
    }

    /// Puts a thing back, or a new one in, and tells one of those who wait.
    ///
    /// # Panics
    /// If a thread has panicked while it held the lock.
    pub fn put(&self, thing: T) {
        self.idle.lock().expect("nothing panics in here").push(thing);
        self.returned.notify_one();
    }

    /// Takes a thing; waits until there is one.
    ///
    /// # Panics
    /// If a thread has panicked while it held the lock.
    pub async fn take(&self) -> T {
        loop {
            if let Some(thing) = self.try_take() {
                return thing;
            }
            // Here is the gap: not in line yet, and will not look again.
            self.returned.notified().await;
        }
    }

    fn try_take(&self) -> Option<T> {
        self.idle.lock().expect("nothing panics in here").pop()
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool::new()
    }
}
