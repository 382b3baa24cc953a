//! The threads that blocking calls run on.
//!
//! - **B1** Calls go through one channel, first come, first served. Every thread that has nothing to do waits on it.
//! - **B2** Who submits sends, fences, and reads how many threads wait; if none, the pool grows. A thread that gives up
//!   waiting says so, fences, and looks into the channel once more: one of the two sees the other, so no call is
//!   stranded between a submitter that counted on a thread and a thread that left.
//! - **B3** One thread is started at a time. A thread that takes a call and leaves others behind, with nobody waiting,
//!   lets the pool grow before it makes the call. So a burst of short calls is served by the first thread before a
//!   second has come up, and a burst of long ones starts threads one after another as fast as they come up.
//!   If the system refuses a thread and no other takes calls, those that wait are *refused*: who counted on one to be
//!   started has sent its call before it looked, so the call is in the channel by then.
//! - **B4** Closing sets a flag, fences, cancels what is in the channel, and sends a stop per thread. Who submits looks
//!   at the flag after its fence, and cancels what is in the channel if it is set.
//! - **B5** Who waits for room gets in line, and then looks. A thread that has nothing to do, or leaves, says so, and then tells
//!   the first in line: one of the two sees the other. Who is told and goes away tells the next.
//!
//! Feared: two threads become idle, with nobody in line, and only one is told of later, because telling nobody twice counts
//! once; the other caller, who had looked before, waits beside an idle thread. But who has looked was in line.

use crate::contain::contain;
use crate::loom::sync::atomic::AtomicUsize as Modeled;
use crate::runtime::LeftoverState;
use crate::scheduler::context;
use crate::scheduler::hooks::{Hooks, call};
use crate::scheduler::shared::Shared;
use crate::task::polled::Polls;
use crate::task::runnable::{Nowhere, Ran, Runnable};
use crossbeam_channel::{Receiver, Sender};
use parking_lot::{Condvar, Mutex};
use raddle_sync::Notify;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*, fence};
use std::time::{Duration, Instant};

pub(crate) struct Config {
    pub(crate) threads_max: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) stack_size: Option<usize>,
    pub(crate) name: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) hooks: Hooks,
}

impl Config {
    /// The name of the next thread. It is made by the user's code, whose panic is reported, and goes no further; and a name
    /// with a NUL is none, for a thread.
    pub(crate) fn next_name(&self) -> String {
        let mut name = None;
        contain(|| name = Some((self.name)().replace('\0', "")));
        name.unwrap_or_default()
    }
}

enum Message {
    /// And since when it waits.
    Call(Runnable, Instant),
    Stop,
}

pub(crate) struct Pool {
    config: Config,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    /// Threads waiting on the channel (B2).
    pub(super) waiting: AtomicUsize,
    /// Calls submitted and not done yet (Z1).
    in_flight: Modeled,
    closed: AtomicBool,
    /// Tells, one by one, who waits for room, of each thread that waits for a call or has left.
    pub(super) room: Notify,
    pub(super) longest_wait_ns: AtomicU64,
    /// Not in the pool itself: the last thing a thread does is to count itself out, when it has let go of everything
    /// else.
    pub(super) threads: Arc<(Mutex<Threads>, Condvar)>,
}

#[derive(Debug, Default)]
pub(super) struct Threads {
    /// Threads that take calls.
    pub(super) count: usize,
    /// Threads that exist; the condition variable beside tells of each that ends.
    alive: usize,
    /// Whether one of them has been started and has not come up yet (B3).
    starting: bool,
}

thread_local! {
    /// The pool this thread belongs to.
    static OWN_POOL: Cell<*const Pool> = const { Cell::new(ptr::null()) };
}

impl Pool {
    pub(crate) fn new(config: Config) -> Pool {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Pool {
            config,
            sender,
            receiver,
            waiting: AtomicUsize::new(0),
            in_flight: Modeled::new(0),
            closed: AtomicBool::new(false),
            room: Notify::new(),
            longest_wait_ns: AtomicU64::new(0),
            threads: Arc::default(),
        }
    }

    /// Calls that wait for a thread or run.
    pub(crate) fn in_flight(&self) -> usize {
        // Acquire: pairs with `end`: whom the call has woken is seen awake.
        self.in_flight.load(Acquire)
    }

    /// How its threads are started, and those of others.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A call is about to be submitted, or something else that blocks begins: time that is paused is to wait for it.
    pub(crate) fn begin(&self) {
        // Relaxed: who submits is awake, and is seen to be.
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// It has been made, or never will be; whoever waits for it has been woken.
    pub(crate) fn end(&self, shared: &Shared) {
        // Release: pairs with `in_flight`.
        self.in_flight.fetch_sub(1, Release);
        shared.may_be_quiet();
    }

    /// B2.
    pub(crate) fn submit(&self, shared: &Arc<Shared>, runnable: Runnable) {
        self.begin();
        self.send(Message::Call(runnable, Instant::now()));
        // B2, B4: pairs with the fences in `give_up_waiting` and `close`.
        fence(SeqCst);
        if self.closed.load(Relaxed) {
            context::with_shared(shared, || self.cancel_waiting_calls(shared));
        } else if self.waiting.load(Relaxed) == 0 {
            self.grow(shared);
        }
    }

    fn send(&self, message: Message) {
        // The pool holds both ends, so the channel is connected.
        assert!(
            self.sender.send(message).is_ok(),
            "the pool's channel is open while the pool lives"
        );
    }

    /// B3: starts a thread, if one is missing, allowed, and not on its way already.
    fn grow(&self, shared: &Arc<Shared>) {
        // First, because it is the user's code.
        let name = self.config.next_name();
        {
            let mut threads = self.threads.0.lock();
            let missing = !self.receiver.is_empty() && self.waiting.load(Relaxed) == 0;
            let may = !threads.starting && threads.count < self.config.threads_max;
            if !missing || !may || self.closed.load(Relaxed) {
                return;
            }
            threads.starting = true;
            threads.count += 1;
            threads.alive += 1;
        }
        let mut builder = std::thread::Builder::new().name(name);
        if let Some(size) = self.config.stack_size {
            builder = builder.stack_size(size);
        }
        let runtime = shared.clone();
        if let Err(error) = builder.spawn(move || run(runtime)) {
            let mut threads = self.threads.0.lock();
            threads.starting = false;
            threads.count -= 1;
            threads.alive -= 1;
            let none_left = threads.count == 0;
            drop(threads);
            self.threads.1.notify_all();
            if none_left {
                // B3: nobody will ever take them: an error is better than silence.
                context::with_shared(shared, || {
                    self.end_waiting_calls(shared, |call| call.refuse(again(&error), &Nowhere));
                });
            }
        }
    }

    fn cancel_waiting_calls(&self, shared: &Shared) {
        self.end_waiting_calls(shared, |call| {
            shared.shutdown.note_leftover(call.task(), LeftoverState::Queued);
            call.cancel(&Nowhere);
        });
    }

    fn end_waiting_calls(&self, shared: &Shared, end: impl Fn(Runnable)) {
        let mut stops = 0;
        for message in self.receiver.try_iter() {
            match message {
                Message::Call(runnable, _) => {
                    end(runnable);
                    self.end(shared);
                }
                Message::Stop => stops += 1,
            }
        }
        // There is one for each thread, and each needs its own to be woken.
        for _ in 0..stops {
            self.send(Message::Stop);
        }
    }

    /// The next call to make, or `None` when the thread should end.
    fn next(&self) -> Option<Runnable> {
        let message = match self.receiver.try_recv() {
            Ok(message) => Ok(message),
            Err(_) if self.closed.load(Relaxed) => return None,
            Err(_) => self.wait(),
        };
        match message {
            Ok(Message::Call(runnable, since)) => {
                let waited = since.elapsed().as_nanos().try_into().unwrap_or(u64::MAX);
                self.longest_wait_ns.fetch_max(waited, Relaxed);
                Some(runnable)
            }
            Ok(Message::Stop) | Err(_) => None,
        }
    }

    fn wait(&self) -> Result<Message, crossbeam_channel::RecvTimeoutError> {
        self.waiting.fetch_add(1, Relaxed);
        // After the count: who is told looks there.
        self.room.notify_one();
        let received = self.receiver.recv_timeout(self.config.keep_alive);
        self.waiting.fetch_sub(1, Relaxed);
        received.or_else(|timeout| {
            // B2: pairs with the fence in `submit`.
            fence(SeqCst);
            self.receiver.try_recv().map_err(|_| timeout)
        })
    }

    /// Whether a call would find a thread, idle or to be started, as far as can be told at this moment.
    pub(super) fn has_room(&self) -> bool {
        let threads = self.threads.0.lock();
        let may_start = self.config.threads_max - threads.count;
        // One that is being started has a call waiting for it.
        self.receiver.len() < self.waiting.load(Relaxed) + may_start + usize::from(threads.starting)
    }

    /// Calls that wait for a thread.
    pub(super) fn queued(&self) -> usize {
        self.receiver.len()
    }

    /// Threads that have not ended.
    pub(crate) fn threads_left(&self) -> usize {
        self.threads.0.lock().alive
    }

    /// B4: cancels the calls that have not begun, and waits for the others until `deadline`.
    pub(crate) fn shutdown(&self, shared: &Shared, deadline: Option<Instant>) {
        self.closed.store(true, Relaxed);
        // B4: pairs with the fence in `submit`.
        fence(SeqCst);
        self.cancel_waiting_calls(shared);
        let mut threads = self.threads.0.lock();
        for _ in 0..threads.alive {
            self.send(Message::Stop);
        }
        if OWN_POOL.get() == ptr::from_ref(self) {
            // A blocking call cannot wait for itself.
            return;
        }
        while threads.alive > 0 {
            match deadline {
                None => self.threads.1.wait(&mut threads),
                Some(deadline) if self.threads.1.wait_until(&mut threads, deadline).timed_out() => {
                    return;
                }
                Some(_) => {}
            }
        }
    }
}

/// The same error once more, for another call.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// The life of a blocking thread.
fn run(shared: Arc<Shared>) {
    /// Counts the thread out when everything else is gone, also after a panic of ours.
    struct Ended(Arc<(Mutex<Threads>, Condvar)>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.0.lock().alive -= 1;
            self.0.1.notify_all();
        }
    }
    /// The thread takes no more calls.
    struct Leaving<'a>(&'a Arc<Shared>);
    impl Drop for Leaving<'_> {
        fn drop(&mut self) {
            let pool = &self.0.blocking;
            let none_left = {
                let mut threads = pool.threads.0.lock();
                threads.count -= 1;
                threads.count == 0
            };
            pool.room.notify_one();
            if none_left && !pool.receiver.is_empty() {
                // Somebody counted on this thread when it could not start another.
                pool.grow(self.0);
            }
        }
    }
    // Dropped in reverse order.
    let _ended = Ended(shared.blocking.threads.clone());
    let shared = shared;
    OWN_POOL.set(ptr::from_ref(&shared.blocking));
    shared.blocking.threads.0.lock().starting = false;
    let _leaving = Leaving(&shared);
    let entered = context::enter(shared.clone());
    let pool = &shared.blocking;
    let _listed = shared.pollers.enter(Polls::Calls);
    let _counted = context::count_as_call(&shared);
    call(&pool.config.hooks.on_thread_start);
    while let Some(runnable) = pool.next() {
        // B3.
        if pool.waiting.load(Relaxed) == 0 && !pool.receiver.is_empty() {
            pool.grow(&shared);
        }
        shared.wait_for_a_jump();
        match runnable.run(&Nowhere) {
            Ran::Done => {}
            Ran::Again(_) | Ran::Away => unreachable!("a call is complete after one poll"),
        }
        pool.end(&shared);
    }
    call(&pool.config.hooks.on_thread_stop);
    drop(entered);
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("queued", &self.receiver.len())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
