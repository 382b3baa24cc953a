//! R2, R3, R4, R5, R8, R10: the readiness of one source, set by a driver and used up by a task.
//!
//! The kernel is played by a counter of bytes: reading takes one, or "would block"; whoever adds a byte dispatches an
//! event afterwards. A task that is pending when the driver has finished must have been woken, or an event was lost.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering as StdOrdering};
use std::task::{Context, Poll, Wake, Waker, ready};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use raddle_io_driver::loom::internals::{Arming, Direction, Fd, Mutex, Readiness, Source};
use raddle_io_driver::{Interest, Ready};

const READ: Interest = Interest::READABLE;

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(3);
    model.check(test);
}

/// Any open descriptor will do: no model hands it to a kernel.
fn any_fd() -> Fd {
    Fd::remember(io::stdin().as_fd())
}

fn adopted(arming: Arming, ready: Ready) -> Source {
    let source = Source::new();
    source.adopt(any_fd(), arming, ready);
    source
}

/// A task outside the model, so that it adds no states: its waker only counts.
struct Task(StdArc<Wakes>, Waker);

#[derive(Default)]
struct Wakes(StdAtomicUsize);

impl Wake for Wakes {
    fn wake(self: StdArc<Self>) {
        self.0.fetch_add(1, StdOrdering::Relaxed);
    }
}

impl Task {
    fn new() -> Self {
        let wakes = StdArc::new(Wakes::default());
        Self(wakes.clone(), wakes.into())
    }

    fn context(&self) -> Context<'_> {
        Context::from_waker(&self.1)
    }

    fn wakes(&self) -> usize {
        self.0.0.load(StdOrdering::Relaxed)
    }
}

/// Polls, lets the others finish, and polls again if that woke the task. The outcome must be there then.
fn run_beside<R>(
    others: thread::JoinHandle<()>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> R {
    let task = Task::new();
    let early = poll(&mut task.context());
    others.join().unwrap();
    if let Poll::Ready(outcome) = early {
        return outcome;
    }
    assert!(task.wakes() > 0, "lost: the task waits, and nobody will wake it");
    match poll(&mut task.context()) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("lost: the task was woken for nothing"),
    }
}

/// The bytes in the socket. Reading and writing are system calls, so they are sequentially consistent: RMWs.
struct Kernel(AtomicUsize);

impl Kernel {
    fn write(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn read(&self) -> bool {
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).is_ok()
    }
}

fn no_arming(_: Fd, _: Interest, _: Interest) -> io::Result<()> {
    unreachable!("what is waited for is armed")
}

/// The driver hears of one readable event and wakes whom it concerns.
fn dispatch_readable(source: &Source) {
    let mut woken = Vec::new();
    assert!(source.dispatch(0, Ready::READABLE, no_arming, &mut woken));
    woken.into_iter().for_each(Waker::wake);
}

/// How a reader takes back what it believed, once the kernel has said "would block".
type Clear = fn(&Source, raddle_io_driver::ReadyEvent);

fn reader_against_driver(clear: Clear) {
    let shared = Arc::new((adopted(Arming::READING, Ready::READABLE), Kernel(AtomicUsize::new(0))));
    let theirs = shared.clone();
    let driver = thread::spawn(move || {
        let (source, kernel) = &*theirs;
        kernel.write();
        dispatch_readable(source);
    });
    let (source, kernel) = &*shared;
    run_beside(driver, |cx| {
        loop {
            let event = ready!(source.poll_ready(Direction::Read, cx, no_arming)).unwrap();
            if kernel.read() {
                return Poll::Ready(());
            }
            clear(source, event);
        }
    });
}

#[test]
fn r4_an_event_between_the_failed_read_and_its_clear_is_kept() {
    model(|| reader_against_driver(|source, event| source.readiness().clear(event)));
}

/// Negative control: a clear for whatever is current, as if there were no tick.
#[test]
#[should_panic(expected = "lost")]
fn r4_without_the_tick_the_event_is_lost() {
    model(|| {
        reader_against_driver(|source, _| {
            source.readiness().clear(source.readiness().snapshot().event(READ));
        });
    });
}

#[test]
fn r3_two_listed_waiters_and_one_slot_all_hear_of_one_event() {
    model(|| {
        let source = Arc::new(adopted(Arming::READING, Ready::EMPTY));
        let theirs = source.clone();
        let driver = thread::spawn(move || dispatch_readable(&theirs));
        let (first, second, third) = (Task::new(), Task::new(), Task::new());
        let mut places = [None, None];
        let pending = [
            source
                .poll_listed(&mut places[0], READ, None, &mut first.context(), no_arming)
                .is_pending(),
            source.poll_ready(Direction::Read, &mut second.context(), no_arming).is_pending(),
            source
                .poll_listed(&mut places[1], READ, None, &mut third.context(), no_arming)
                .is_pending(),
        ];
        driver.join().unwrap();
        for (task, pending) in [first, second, third].iter().zip(pending) {
            assert!(!pending || task.wakes() == 1);
        }
        places.into_iter().flatten().for_each(|place| source.leave(place));
    });
}

/// A source whose waiter looks only before it stores its waker.
struct LooksOnce {
    readiness: Readiness,
    waiter: Mutex<Option<Waker>>,
}

impl LooksOnce {
    fn dispatch(&self) {
        assert!(self.readiness.set(0, Ready::READABLE));
        let woken = self.waiter.lock().take();
        woken.into_iter().for_each(Waker::wake);
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.readiness.snapshot().ready().is_readable() {
            return Poll::Ready(());
        }
        let displaced = self.waiter.lock().replace(cx.waker().clone());
        drop(displaced);
        Poll::Pending
    }
}

/// Negative control: no second look under the lock.
#[test]
#[should_panic(expected = "lost")]
fn r3_without_the_second_look_the_event_is_lost() {
    model(|| {
        let source = Arc::new(LooksOnce { readiness: Readiness::new(), waiter: Mutex::new(None) });
        let theirs = source.clone();
        let driver = thread::spawn(move || theirs.dispatch());
        run_beside(driver, |cx| source.poll_ready(cx));
    });
}

/// One owner gives the source up and another takes it over, while the driver holds an event for the first. The
/// driver takes the generation from the event, or, in the negative control, from the word.
fn takeover_against_driver(generation: fn(&Source) -> u32) {
    let source = Arc::new(adopted(Arming::READING, Ready::EMPTY));
    let theirs = source.clone();
    let driver = thread::spawn(move || {
        let (mut woken, generation) = (Vec::new(), generation(&theirs));
        theirs.dispatch(generation, Ready::READABLE, no_arming, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    });
    let mut left = Vec::new();
    source.retire(false, |_| {}, &mut left);
    let second = source.adopt(any_fd(), Arming::READING, Ready::EMPTY);
    assert_eq!(second, 1);
    let task = Task::new();
    let poll = source.poll_ready(Direction::Read, &mut task.context(), no_arming);
    driver.join().unwrap();
    assert!(poll.is_pending(), "the second owner saw an event of the first");
    assert!(source.readiness().snapshot().ready().is_empty(), "an event of the first was stored");
    assert_eq!(task.wakes(), 0);
}

#[test]
fn r5_an_event_of_the_last_owner_finds_nobody() {
    model(|| takeover_against_driver(|_| 0));
}

/// Negative control: an event that concerns whoever owns the source now.
#[test]
#[should_panic(expected = "of the first")]
fn r5_without_the_generation_the_next_owner_is_told() {
    model(|| takeover_against_driver(|source| source.readiness().snapshot().generation()));
}

#[test]
fn r6_a_shut_down_wakes_whoever_waits_or_is_about_to() {
    model(|| {
        let source = Arc::new(adopted(Arming::READING, Ready::EMPTY));
        let theirs = source.clone();
        let closer = thread::spawn(move || {
            let mut woken = Vec::new();
            theirs.shut_down(&mut woken);
            woken.into_iter().for_each(Waker::wake);
        });
        let outcome = run_beside(closer, |cx| source.poll_ready(Direction::Read, cx, no_arming));
        assert!(outcome.is_err());
    });
}

/// A one-shot selector: an event spends whatever was armed.
struct OneShot {
    source: Source,
    armed: AtomicUsize,
}

impl OneShot {
    fn arm(&self) -> impl FnOnce(Fd, Interest, Interest) -> io::Result<()> {
        |_, _, interest| {
            assert!(interest.is_readable());
            self.armed.store(1, Ordering::Release);
            Ok(())
        }
    }
}

/// Reading and writing are armed, for waiters who have gone. The event for writing comes, and beside it a reader.
fn reader_against_one_shot(rearm: bool) {
    let shared = Arc::new(OneShot {
        source: adopted(Arming::Once(READ | Interest::WRITABLE), Ready::EMPTY),
        armed: AtomicUsize::new(1),
    });
    let theirs = shared.clone();
    let driver = thread::spawn(move || {
        theirs.armed.swap(0, Ordering::AcqRel);
        let arm = |fd, before, interest| {
            if rearm { theirs.arm()(fd, before, interest) } else { Ok(()) }
        };
        assert!(theirs.source.dispatch(0, Ready::WRITABLE, arm, &mut Vec::new()));
    });
    let task = Task::new();
    let poll = shared.source.poll_ready(Direction::Read, &mut task.context(), shared.arm());
    driver.join().unwrap();
    assert!(poll.is_pending() && task.wakes() == 0);
    assert_eq!(shared.armed.load(Ordering::Acquire), 1, "lost: nothing is armed for the reader");
}

#[test]
fn r8_whoever_waits_is_armed_for() {
    model(|| reader_against_one_shot(true));
}

/// Negative control: a driver that does not look whom its event has left waiting.
#[test]
#[should_panic(expected = "lost")]
fn r8_without_rearming_the_reader_waits_for_ever() {
    model(|| reader_against_one_shot(false));
}

/// A socket that a selector of edges may watch or not: its bytes, whether it is watched, and whether an event of it is to be
/// heard. One word, as the kernel has one lock.
struct Watched {
    source: Source,
    word: AtomicUsize,
}

const WATCHED: usize = 1;
const EVENT: usize = 2;
const BYTE: usize = 4;

impl Watched {
    fn new() -> Self {
        Self {
            source: adopted(Arming::UNASKED, Ready::READABLE | Ready::WRITABLE),
            word: AtomicUsize::new(0),
        }
    }

    fn update(&self, change: impl Fn(usize) -> Option<usize>) -> Result<usize, usize> {
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, change)
    }

    fn write(&self) {
        let edge = |word| if word & WATCHED != 0 { word | EVENT } else { word };
        let _ = self.update(|word| Some(edge(word + BYTE)));
    }

    fn read(&self) -> bool {
        self.update(|word| word.checked_sub(BYTE)).is_ok()
    }

    /// Adding a file reports what there is.
    fn arm(&self) -> impl FnOnce(Fd, Interest, Interest) -> io::Result<()> {
        |_, before, now| {
            assert!(!before.is_readable() && now.is_readable());
            let report = |word| if word >= BYTE { word | EVENT } else { word };
            let _ = self.update(|word| Some(report(word | WATCHED)));
            Ok(())
        }
    }

    fn turn(&self) {
        if self.update(|word| (word & EVENT != 0).then_some(word & !EVENT)).is_ok() {
            dispatch_readable(&self.source);
        }
    }
}

/// A new stream is read from before anybody watches it, while its peer writes.
fn reader_of_a_new_stream(asks: bool) {
    let shared = Arc::new(Watched::new());
    let theirs = shared.clone();
    let driver = thread::spawn(move || {
        theirs.write();
        theirs.turn();
    });
    let task = Task::new();
    let poll = |cx: &mut Context<'_>| loop {
        let arm = |fd, before, now| if asks { shared.arm()(fd, before, now) } else { Ok(()) };
        let event = ready!(shared.source.poll_ready(Direction::Read, cx, arm)).unwrap();
        if shared.read() {
            return Poll::Ready(());
        }
        shared.source.readiness().clear(event);
    };
    let early = poll(&mut task.context());
    driver.join().unwrap();
    if early.is_pending() {
        // The driver goes on.
        shared.turn();
        assert!(task.wakes() > 0, "lost: the task waits, and nothing is watched for it");
        assert!(poll(&mut task.context()).is_ready(), "lost: the task was woken for nothing");
    }
}

#[test]
fn r8_a_new_stream_is_watched_from_the_first_wait_on_and_nothing_before_is_lost() {
    model(|| reader_of_a_new_stream(true));
}

/// Negative control: a waiter that counts on a registration nobody has made.
#[test]
#[should_panic(expected = "lost")]
fn r8_who_waits_and_does_not_ask_waits_for_ever() {
    model(|| reader_of_a_new_stream(false));
}

/// A stream is closed while the driver may have an event of it: its place goes to another, as in
/// [`takeover_against_driver`], and the selector was asked to forget it, or, by R10, not.
fn close_against_driver(peer_has_finished: bool, forgets: bool) {
    let source = Arc::new(adopted(Arming::READING, Ready::EMPTY));
    let theirs = source.clone();
    let said = if peer_has_finished { Ready::READ_CLOSED } else { Ready::EMPTY } | Ready::READABLE;
    let driver = thread::spawn(move || {
        let mut woken = Vec::new();
        theirs.dispatch(0, said, no_arming, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    });
    let known = source.readiness().snapshot().ready();
    let (mut removed, mut left) = (false, Vec::new());
    source.retire(true, |_| removed = !forgets, &mut left);
    source.adopt(any_fd(), Arming::READING, Ready::EMPTY);
    driver.join().unwrap();
    assert!(removed || peer_has_finished, "left in the selector, and its peer may go on sending");
    assert!(!(removed && known.is_read_closed()), "taken out, where closing does it");
    assert!(source.readiness().snapshot().ready().is_empty(), "an event of the first was stored");
}

#[test]
fn r10_a_stream_is_left_in_the_selector_only_once_its_peer_has_finished() {
    model(|| close_against_driver(true, false));
    model(|| close_against_driver(false, false));
}

/// Negative control: whatever is closed is left.
#[test]
#[should_panic(expected = "left in the selector")]
fn r10_what_is_left_too_soon_goes_on_speaking() {
    model(|| close_against_driver(false, true));
}
