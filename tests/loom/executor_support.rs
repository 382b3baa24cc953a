//! What the models of the executor share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex as Unobserved;
use std::sync::atomic::AtomicBool as UnobservedBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Wake, Waker};

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};
use loom::thread::ThreadId;
use raddle::loom::internals::{Home, Local, Ran, Runnable, Steal};

/// From now on pushes go to where thieves reach them, as after a visit to others.
pub fn open<T>(queue: &Local<T>) {
    let (_, other) = Local::shared();
    assert!(matches!(other.steal_into(queue), Steal::Empty));
    assert!(queue.is_open());
}

/// Explores `test` with at most `preemptions` preemptions, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
pub fn model(preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(preemptions);
    // A whole runtime takes more steps than loom expects.
    model.max_branches = model.max_branches.max(5_000);
    model.check(test);
}

/// An event that one thread waits for, and a waker that sets it off.
///
/// No `loom::thread::park`: loom 0.7 forgets an `unpark` of a thread that waits for a lock, or has yielded, at that moment; one
/// that parks afterwards sleeps on, and the model deadlocks where no program would.
#[derive(Default)]
pub struct Signal {
    given: Mutex<bool>,
    heard: Condvar,
}

impl Signal {
    pub fn new() -> Arc<Signal> {
        Arc::default()
    }

    pub fn give(&self) {
        *self.given.lock().unwrap() = true;
        self.heard.notify_one();
    }

    /// Waits for the event, and takes it.
    pub fn wait(&self) {
        let mut given = self.given.lock().unwrap();
        while !*given {
            given = self.heard.wait(given).unwrap();
        }
        *given = false;
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.give();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.give();
    }
}

/// Polls `future` until it is ready, and in between waits for its waker to be woken: a lost wake is a deadlock.
pub fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let signal = Signal::new();
    let waker = Waker::from(signal.clone());
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        signal.wait();
    }
}

/// The queue of a runtime with one task: fails the model when a second `Runnable` of it turns up (T2).
#[derive(Default)]
pub struct Desk {
    queued: Mutex<Option<Runnable>>,
    arrived: Condvar,
    polling: UnobservedBool,
}

impl Desk {
    /// A desk, and a worker whose woken tasks come to it.
    pub fn with_home() -> (Arc<Desk>, Arc<Home>) {
        let desk = Arc::<Desk>::default();
        let home = Arc::new(desk.new_home());
        (desk, home)
    }

    pub fn new_home(self: &Arc<Desk>) -> Home {
        let desk = self.clone();
        Home::new(move |runnable| desk.submit(runnable))
    }

    fn submit(&self, runnable: Runnable) {
        assert!(!self.polling.load(Relaxed), "submitted while it is being polled");
        let before = self.queued.lock().unwrap().replace(runnable);
        assert!(before.is_none(), "two runnables of one task");
        self.arrived.notify_one();
    }

    pub fn take(&self) -> Option<Runnable> {
        self.queued.lock().unwrap().take()
    }

    /// The next `Runnable`: waits for it.
    pub fn next(&self) -> Runnable {
        let mut queued = self.queued.lock().unwrap();
        loop {
            match queued.take() {
                Some(runnable) => return runnable,
                None => queued = self.arrived.wait(queued).unwrap(),
            }
        }
    }

    /// Polls `runnable` on `home` until it waits or is complete.
    pub fn run(&self, home: &Home, mut runnable: Runnable) {
        loop {
            self.polling.store(true, Relaxed);
            let ran = home.run(runnable);
            self.polling.store(false, Relaxed);
            match ran {
                Ran::Done => return,
                Ran::Again(again) => runnable = again,
                Ran::Away => unreachable!("a home keeps its slot"),
            }
        }
    }
}

/// What a model sees of a [`Probe`].
#[derive(Default)]
pub struct Seen {
    /// The waker of the last poll.
    waker: Unobserved<Option<Waker>>,
    dropped_by: Unobserved<Option<ThreadId>>,
    /// Written by the destructor, without any order.
    pub dropped: loom::sync::atomic::AtomicBool,
}

impl Seen {
    /// A reference to the task.
    pub fn waker(&self) -> Waker {
        self.waker.lock().unwrap().clone().expect("the task has been polled")
    }

    /// The waker the task was last polled with, which the task thereby gives up.
    pub fn take_waker(&self) -> Waker {
        self.waker.lock().unwrap().take().expect("the task has been polled")
    }

    pub fn dropped_by(&self) -> Option<ThreadId> {
        *self.dropped_by.lock().unwrap()
    }
}

/// A future that is ready when `ready` says so, and fails the model if two threads touch it at once, or it is dropped
/// twice. Its output fails the model if it is never dropped.
pub struct Probe<R> {
    seen: Arc<Seen>,
    touched: UnsafeCell<()>,
    ready: R,
    keeps_waker: bool,
}

/// Counted by loom.
pub type Output = loom::sync::Arc<()>;

impl<R: FnMut() -> bool + Unpin> Probe<R> {
    /// One that leaves the waker of its first poll to the model.
    pub fn new(ready: R) -> (Probe<R>, Arc<Seen>) {
        let seen = Arc::<Seen>::default();
        (Probe { seen: seen.clone(), touched: UnsafeCell::new(()), ready, keeps_waker: true }, seen)
    }
}

impl<R: FnMut() -> bool + Unpin> Future for Probe<R> {
    type Output = Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let this = self.get_mut();
        this.touched.with_mut(|_| ());
        if (this.ready)() {
            return Poll::Ready(Output::new(()));
        }
        if std::mem::replace(&mut this.keeps_waker, false) {
            *this.seen.waker.lock().unwrap() = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<R> Drop for Probe<R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.touched.with_mut(|_| ());
        let before = self.seen.dropped_by.lock().unwrap().replace(loom::thread::current().id());
        assert!(before.is_none(), "a future is dropped twice");
        self.seen.dropped.store(true, loom::sync::atomic::Ordering::Relaxed);
    }
}
