//! Tasks and blocking calls that borrow from the stack of a thread that waits for them.
//!
//! - **T60** A child is *running* from before it is spawned until its task is COMPLETE: its future is gone then (T8), and so
//!   is its output, if nobody holds the handle (T5). The scope returns, or passes on a panic, when no child is running, and
//!   in no other way.
//! - **T61** Handles cannot leave the scope: their lifetime is one that the body can name nowhere else. So an output that
//!   borrows is gone, or leaked, before what it borrows.
//!
//! Feared: a panic on the way to the wait (of a hook, of whoever makes names for threads) that goes round it. The wait is
//! a destructor, made before the body runs, and its last resort is a condition variable of its own.
//!
//! # Safety
//! Futures, functions and outputs that do not live for ever go to tasks that might. T60 and T61 say why these do not.

#![allow(unsafe_code)]

use super::child::catch;
use crate::blocking::{self, block_in_place};
use crate::scheduler::block_on::wait_for;
use crate::scheduler::context::{self, Concerned};
use crate::scheduler::shared::Shared;
use crate::task::{Id, JoinError, JoinHandle, extras};
use parking_lot::{Condvar, Mutex};
use raddle_sync::AtomicWaker;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Spawns tasks that may borrow from the caller's stack. Given to the body of [`scope_blocking`].
pub struct BlockingScope<'scope, 'env: 'scope> {
    runtime: Arc<Shared>,
    running: Arc<Running>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// T60.
#[derive(Default)]
struct Running {
    state: Mutex<State>,
    /// Of the scope's wait, and of its last resort.
    waker: AtomicWaker,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    next_key: u64,
    /// What children have panicked with that nobody has joined.
    panics: BTreeMap<u64, String>,
}

/// The handle of a task in a [`scope_blocking`]. Awaiting it, in another task of the scope, gives
/// `Result<T, JoinError>`; so does [`join`](ScopedJoinHandle::join). Dropped, it lets the task run on, to the end of the scope
/// at most.
///
/// # Cancel safety
/// Awaiting `&mut handle` loses nothing when dropped.
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    key: u64,
    runtime: Arc<Shared>,
    running: Arc<Running>,
    scope: PhantomData<&'scope mut &'scope ()>,
}

/// Runs `body`, in which tasks and blocking calls can be spawned that borrow from this stack, and blocks the calling thread
/// until all of them have ended: [`std::thread::scope`] on the threads of a runtime.
///
/// This is as far as Rust goes. A future that borrows can be leaked while its borrower still runs, so nothing that only
/// *awaits* can keep parallel tasks from outliving what they borrow: [`TaskGroup`](super::TaskGroup) asks for `'static`, and
/// [`join!`](crate::join) runs in one task. A thread that blocks cannot be leaked.
///
/// While it waits, the thread works for the runtime, as in [`block_on`](crate::runtime::Handle::block_on). Inside a task it is blocked as by
/// [`block_in_place`], with what that says about other futures of the task, and about tasks that the thread in `block_on` polls.
///
/// The scope waits for each child, however long that takes. A runtime that is shut down cancels its children: their handles
/// say so.
///
/// # Panics
/// Outside a runtime, and inside a current-thread runtime, where blocking would keep the children from running; a plain
/// thread that has [entered](crate::runtime::Handle::enter) one is fine. With what `body` panics with. If children have
/// panicked that were not joined, with a message that has those of all. In a task, `body` is a part of its poll: what waits
/// there is [`join`](ScopedJoinHandle::join), and `blocking_recv` and its kin panic.
///
/// ```
/// let runtime = raddle::runtime::Runtime::new()?;
/// let _entered = runtime.enter();
/// let words = ["to", "borrow", "or", "not"];
/// let (lengths, longest) = raddle::task::scope_blocking(|scope| {
///     let lengths = scope.spawn(async { words.map(str::len) });
///     let longest = scope.spawn_blocking(|| words.iter().max_by_key(|word| word.len()));
///     (lengths.join().unwrap(), longest.join().unwrap())
/// });
/// assert_eq!((lengths, longest), ([2, 6, 2, 3], Some(&"borrow")));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What borrows does not leave:
///
/// ```compile_fail
/// let runtime = raddle::runtime::Runtime::new().unwrap();
/// let _entered = runtime.enter();
/// let handle = raddle::task::scope_blocking(|scope| {
///     let local = String::from("gone");
///     scope.spawn(async { local.len() }); // `local` does not live for long enough.
/// });
/// ```
#[track_caller]
pub fn scope_blocking<'env, F, R>(body: F) -> R
where
    F: for<'scope> FnOnce(&'scope BlockingScope<'scope, 'env>) -> R,
{
    let runtime = context::expect_arc("task::scope_blocking");
    if context::with_concerned(|concerned| matches!(concerned, Concerned::CurrentThread)) {
        panic!(
            "task::scope_blocking inside a current-thread runtime blocks the only thread that could run its children: \
             use a multi-thread runtime, or join! in place of it"
        );
    }
    let scope =
        BlockingScope { runtime, running: Arc::default(), scope: PhantomData, env: PhantomData };
    let waits = Waits { runtime: &scope.runtime, running: &scope.running };
    let output = catch_unwind(AssertUnwindSafe(|| body(&scope)));
    drop(waits);
    match output {
        Err(panic) => resume_unwind(panic),
        Ok(output) => {
            let panics = std::mem::take(&mut scope.running.state.lock().panics);
            if !panics.is_empty() {
                let messages: Vec<String> = panics.into_values().collect();
                panic!(
                    "{} tasks of a scope_blocking panicked: {}",
                    messages.len(),
                    messages.join("; ")
                );
            }
            output
        }
    }
}

/// T60: dropped when no child is running.
struct Waits<'a> {
    runtime: &'a Arc<Shared>,
    running: &'a Running,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let runtime = self.runtime;
        let waited = catch_unwind(AssertUnwindSafe(|| {
            if self.running.state.lock().running > 0 {
                block_in_place(|| wait_for(runtime, poll_fn(|cx| self.running.poll(cx))));
            }
        }));
        let mut state = self.running.state.lock();
        while state.running > 0 {
            self.running.ended.wait(&mut state);
        }
        drop(state);
        if let Err(panic) = waited
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Running {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.state.lock().running == 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    fn enter(&self) -> u64 {
        let mut state = self.state.lock();
        state.running += 1;
        state.next_key += 1;
        state.next_key
    }

    /// The task is COMPLETE.
    fn leave(&self) {
        let mut state = self.state.lock();
        state.running -= 1;
        let is_last = state.running == 0;
        // With the lock held: the waiter may be gone as soon as it is free.
        self.ended.notify_all();
        drop(state);
        if is_last {
            self.waker.wake();
        }
    }

    fn panicked(&self, key: u64, location: &Location<'_>, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "something that is no text".to_owned());
        self.state.lock().panics.insert(key, format!("{text} (spawned at {location})"));
    }
}

impl<'scope> BlockingScope<'scope, '_> {
    /// Starts a task on the runtime, which may borrow what lives for as long as the scope.
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        let location = Location::caller();
        let key = self.running.enter();
        let running = self.running.clone();
        let task = async move {
            match catch(future).await {
                Ok(output) => output,
                Err(panic) => {
                    running.panicked(key, location, &*panic);
                    resume_unwind(panic)
                }
            }
        };
        // SAFETY: T60, T61.
        let handle = unsafe { self.runtime.spawn_unchecked(task, location, extras::inherit) };
        self.entered(key, handle)
    }

    /// Runs a function that may block on a thread kept for such. It may borrow what lives for as long as the scope.
    #[track_caller]
    pub fn spawn_blocking<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let location = Location::caller();
        let key = self.running.enter();
        let running = self.running.clone();
        let call = move || match catch_unwind(AssertUnwindSafe(f)) {
            Ok(output) => output,
            Err(panic) => {
                running.panicked(key, location, &*panic);
                resume_unwind(panic)
            }
        };
        // SAFETY: T60, T61.
        let handle =
            unsafe { blocking::spawn_unchecked(&self.runtime, call, location, extras::inherit) };
        self.entered(key, handle)
    }

    fn entered<T>(&'scope self, key: u64, handle: JoinHandle<T>) -> ScopedJoinHandle<'scope, T> {
        let running = self.running.clone();
        // T60: it is called when the task is COMPLETE.
        handle.on_done(move |_| running.leave());
        ScopedJoinHandle {
            handle,
            key,
            runtime: self.runtime.clone(),
            running: self.running.clone(),
            scope: PhantomData,
        }
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Blocks the calling thread until the task has ended. For the body of the scope, and for blocking calls in it; a task
    /// awaits the handle.
    ///
    /// # Errors
    /// As awaiting a [`JoinHandle`]. A panic that is returned here is not passed on by the scope.
    ///
    /// # Panics
    /// As [`block_in_place`].
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        let runtime = self.runtime.clone();
        block_in_place(|| wait_for(&runtime, self))
    }

    /// As [`JoinHandle::abort`]. The scope waits for the task's end all the same.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// As [`JoinHandle::cancel`].
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.handle.id()
    }
}

impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.handle).poll(cx);
        if let Poll::Ready(Err(_)) = &polled {
            let key = self.key;
            self.running.state.lock().panics.remove(&key);
        }
        polled
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for BlockingScope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.running.state.lock().running;
        f.debug_struct("BlockingScope").field("running", &running).finish_non_exhaustive()
    }
}
