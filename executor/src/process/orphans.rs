//! Children that nobody waits for any more.
//!
//! A task of their runtime waits for them. When the runtime ends first, the task is dropped, and the child moves to a
//! list of the whole process, which is gone through whenever a child is started or orphaned.

use std::process::Child;
use std::time::Duration;

use parking_lot::Mutex;

use super::exit::Running;
use crate::runtime::Handle;

/// Children without a runtime. The lock is held during `waitpid` calls that do not wait, and for nothing else.
static WITHOUT_RUNTIME: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Who has the lock is done long before.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sees to it that `running` is waited for.
pub(super) fn adopt(mut running: Running, runtime: &Handle) {
    // An error means that somebody else has waited for it: it is no zombie, at least.
    if let Ok(None) = running.try_wait() {
        let mut orphan = Orphan(Some(running));
        drop(runtime.spawn(async move { orphan.wait().await }));
    }
}

/// Waits, as far as that can be done at once, for those whose runtime is gone. Not if somebody else is at it: the next will.
/// (In a fork, whoever it was may not be there to let go of the lock.)
pub(super) fn sweep() {
    if let Some(mut children) = WITHOUT_RUNTIME.try_lock() {
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

struct Orphan(Option<Running>);

impl Orphan {
    async fn wait(&mut self) {
        let running = self.0.as_mut().expect("waited for once");
        // An error, again: somebody else was faster; or the runtime ends, and then `drop` looks once more.
        if running.wait().await.is_ok() {
            self.0 = None;
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        if let Some(mut running) = self.0.take()
            && !running.was_forked()
            && let Ok(None) = running.try_wait()
        {
            // In a fork that was made in the middle of a sweep the list is never free again: there it stays a zombie.
            if let Some(mut children) = WITHOUT_RUNTIME.try_lock_for(PATIENCE) {
                children.push(running.child);
            }
            sweep();
        }
    }
}
