//! What a task passes on to the tasks it spawns: cancel scopes, and the values of keys declared `inherit`.
//!
//! An environment is a list of entries, each with a reference to the one around it, so passing it on is one more
//! reference to its head. A thread-local points to the environment of the future being polled on this thread.
//!
//! - **T15** The thread-local is set for the length of a poll, by a guard that puts the former one back, to an entry that
//!   the poller keeps alive: that of the task being polled, which its extras own, or that of a [`Within`], which owns it
//!   itself.
//!
//! # Safety
//! The thread-local is a plain pointer, so that reading it needs no destructor and no reference count; T15 says why it
//! may be followed.

#![allow(unsafe_code)]

use super::current;
use pin_project_lite::pin_project;
use raddle_sync::CancellationToken;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A list of entries, the innermost first.
#[derive(Clone)]
pub(crate) struct Env(Arc<Entry>);

pub(crate) struct Entry {
    kind: Kind,
    outer: Option<Env>,
}

enum Kind {
    /// A cancel scope, or the end of all scopes around it.
    Scope(Option<CancellationToken>),
    /// The value of an inherited key.
    Local { key: usize, value: Arc<dyn Any + Send + Sync> },
}

impl Env {
    fn new(kind: Kind, outer: Option<Env>) -> Env {
        Env(Arc::new(Entry { kind, outer }))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::successors(Some(&*self.0), |entry| entry.outer.as_ref().map(|outer| &*outer.0))
    }

    /// The innermost scope.
    pub(crate) fn scope(&self) -> Option<&CancellationToken> {
        self.entries().find_map(|entry| match &entry.kind {
            Kind::Scope(token) => Some(token.as_ref()),
            Kind::Local { .. } => None,
        })?
    }

    fn local(&self, wanted: usize) -> Option<Arc<dyn Any + Send + Sync>> {
        self.entries().find_map(|entry| match &entry.kind {
            Kind::Local { key, value } if *key == wanted => Some(value.clone()),
            _ => None,
        })
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *const Entry {
        Arc::as_ptr(&self.0)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // A task that spawns the next one, each in a scope of its own, makes a list as long as it likes: no recursion.
        let mut outer = self.outer.take();
        while let Some(mut entry) = outer.and_then(|env| Arc::into_inner(env.0)) {
            outer = entry.outer.take();
        }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("entries", &self.entries().count()).finish()
    }
}

/// Whether the future being polled here has anything to pass on.
#[inline]
pub(crate) fn is_any() -> bool {
    current::has_env()
}

/// What the future being polled here passes on.
pub(crate) fn here() -> Option<Env> {
    let entry = current::env();
    if entry.is_null() {
        return None;
    }
    // SAFETY: T15: made by `Env::as_ptr`, and alive, because we are inside the poll.
    unsafe {
        Arc::increment_strong_count(entry);
        Some(Env(Arc::from_raw(entry)))
    }
}

/// The value that the inherited key at address `key` has here.
pub(crate) fn local(key: usize) -> Option<Arc<dyn Any + Send + Sync>> {
    here()?.local(key)
}

/// The innermost request to stop that concerns the future being polled here: that of a scope entered in this task, or
/// else the task's own.
pub(crate) fn cancelled() -> Option<CancellationToken> {
    let env = here();
    let Some(task) = current::task() else { return env?.scope().cloned() };
    // T3: the poller is here.
    let base = task.header().origin.env();
    if let Some(env) = env {
        let inside = env.entries().take_while(|&entry| !std::ptr::eq(entry, base));
        for entry in inside {
            if let Kind::Scope(token) = &entry.kind {
                return token.clone();
            }
        }
    }
    Some(task.header().origin.expect_extras().cancelled().clone())
}

/// Whether somebody has asked the future being polled here to stop.
pub(crate) fn is_cancelled() -> bool {
    let Some(task) = current::task() else {
        return here().is_some_and(|env| env.scope().is_some_and(|scope| scope.is_cancelled()));
    };
    // Without extras nobody has asked, and without entries no scope can.
    let is_plain = !is_any() && task.header().origin.extras().is_none();
    !is_plain && cancelled().is_some_and(|token| token.is_cancelled())
}

pin_project! {
    /// A future with one more entry.
    pub(crate) struct Within<F> {
        // From the first poll on: only then is it known what is around.
        env: Option<Env>,
        kind: Option<Kind>,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Within<F> {
        fn drop(this: Pin<&mut Self>) {
            // A destructor sees what the polls have seen.
            let mut this = this.project();
            let entry = this.env.as_ref().map(Env::as_ptr);
            current::with_env(entry.unwrap_or_else(current::env), || this.future.set(None));
        }
    }
}

impl<F> Within<F> {
    fn new(kind: Kind, future: F) -> Within<F> {
        Within { env: None, kind: Some(kind), future: Some(future) }
    }

    /// In a cancel scope; `None` is the end of all scopes around.
    pub(crate) fn scope(token: Option<CancellationToken>, future: F) -> Within<F> {
        Within::new(Kind::Scope(token), future)
    }

    /// With a value for an inherited key.
    pub(crate) fn local(key: usize, value: Arc<dyn Any + Send + Sync>, future: F) -> Within<F> {
        Within::new(Kind::Local { key, value }, future)
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let kind = this.kind;
        let env = this
            .env
            .get_or_insert_with(|| Env::new(kind.take().expect("one entry per future"), here()));
        // T15: ours, and we do not go away meanwhile.
        current::with_env(env.as_ptr(), || {
            let future = this.future.as_mut().as_pin_mut();
            let polled = future.expect("a future is not polled after it has ended").poll(cx);
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        })
    }
}

/// Runs `f` with one more entry.
pub(crate) fn sync_within<R>(
    key: usize,
    value: Arc<dyn Any + Send + Sync>,
    f: impl FnOnce() -> R,
) -> R {
    let env = Env::new(Kind::Local { key, value }, here());
    // T15: ours, and it stays until `f` has returned.
    current::with_env(env.as_ptr(), f)
}

/// From here on, until the guard goes, code on this thread runs in a scope; `None` is the end of all scopes around.
pub(crate) fn enter_scope(token: Option<CancellationToken>) -> EnteredScope {
    let env = Env::new(Kind::Scope(token), here());
    // T15: the guard owns it, and belongs to this thread, because of the pointer.
    let outer = current::replace_env(env.as_ptr());
    EnteredScope { _env: env, outer }
}

/// Puts the former environment back when dropped.
pub(crate) struct EnteredScope {
    _env: Env,
    outer: current::OuterEnv,
}

impl Drop for EnteredScope {
    fn drop(&mut self) {
        self.outer.restore();
    }
}
