//! The pool as it is right: first get in line, then look, then wait.
//!
//! Whoever is in line is given a notification of its own, and hands it on if it turns out not to need it.

use crate::sync::Mutex;
use raddle_sync::Notify;
use std::pin::pin;

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
            let mut returned = pin!(self.returned.notified());
            // In line from here on, before looking: this is the line that `hasty` lacks.
            returned.as_mut().enable();
            if let Some(thing) = self.try_take() {
                return thing;
            }
            returned.await;
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
