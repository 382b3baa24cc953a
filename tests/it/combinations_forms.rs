//! Every form of a task × what it does × when it is aborted × what becomes of its handle × when its runtime is dropped, on
//! every kind of runtime: the future, or function, is dropped exactly once, and so is each output (T8 and T10); and the handle
//! says what has become of the task, also when its runtime is gone.

use crate::support::{DropCounter, DropGuard, Flavor, planned_panic, poll_once, scale, watched};
use raddle::sync::oneshot;
use raddle::task::{
    self, AbortHandle, Builder, Failure, JoinError, JoinHandle, JoinSet, LocalSet, TaskGroup,
};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Spawn,
    Eager,
    Local,
    Pinned,
    Blocking,
    Set,
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Completes,
    Panics,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Aborted {
    Never,
    Before,
    During,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Handle {
    Kept,
    Dropped,
    Awaited,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum RuntimeDropped {
    AtOnce,
    WhenDone,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    form: Form,
    does: Does,
    aborted: Aborted,
    handle: Handle,
    dropped: RuntimeDropped,
}

const FORMS: [Form; 7] =
    [Form::Spawn, Form::Eager, Form::Local, Form::Pinned, Form::Blocking, Form::Set, Form::Group];

impl Case {
    fn all() -> impl Iterator<Item = Case> {
        use {Aborted as A, Handle as H};
        (0..FORMS.len() * 72).map(|number| Case {
            form: FORMS[number / 72],
            does: [Does::Completes, Does::Panics, Does::Never][number % 3],
            aborted: [A::Never, A::Before, A::During, A::After][number / 3 % 4],
            handle: [H::Kept, H::Dropped, H::Awaited][number / 12 % 3],
            dropped: [RuntimeDropped::AtOnce, RuntimeDropped::WhenDone][number / 36 % 2],
        })
    }

    /// Whether the task ends while the runtime lives.
    fn ends(self) -> bool {
        self.does != Does::Never
            || (self.form != Form::Blocking
                && (matches!(self.aborted, Aborted::Before | Aborted::During)
                    || (self.form == Form::Set && self.handle == Handle::Dropped)))
    }
}

/// What a handle says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Output,
    Panicked,
    Cancelled,
}

impl Case {
    /// How the task ends if nobody interferes; a call that is stuck is released in the end.
    fn by_itself(self) -> End {
        match self.does {
            Does::Completes => End::Output,
            Does::Panics => End::Panicked,
            Does::Never if self.form == Form::Blocking => End::Output,
            Does::Never => End::Cancelled,
        }
    }

    /// Whether the task may be cancelled, and whether it must be.
    fn is_cancelled(self, flavor: Flavor) -> (bool, bool) {
        let is_call = self.form == Form::Blocking;
        // Nobody else polls it before the code that has spawned it waits.
        let waits_for_us = flavor == Flavor::CurrentThread || self.form == Form::Local;
        match self.aborted {
            Aborted::Before => (true, waits_for_us && !is_call),
            // A call that has begun is not cancelled.
            Aborted::During => (!is_call, false),
            Aborted::Never | Aborted::After => {
                let is_awaited = self.handle == Handle::Awaited || self.waits();
                (!(is_awaited && self.ends()), false)
            }
        }
    }

    #[track_caller]
    fn check(self, flavor: Flavor, end: End) {
        let (may, must) = self.is_cancelled(flavor);
        let is_right = if end == End::Cancelled { may } else { !must };
        assert!(is_right && (end == End::Cancelled || end == self.by_itself()), "ended: {end:?}");
    }

    /// Whether the script waits for the end, if there is one.
    fn waits(self) -> bool {
        self.aborted == Aborted::After || self.dropped == RuntimeDropped::WhenDone
    }
}

/// What is dropped, and was made.
#[derive(Default, Clone)]
struct Counts {
    futures: Arc<DropCounter>,
    outputs: Arc<DropCounter>,
    made: Arc<AtomicUsize>,
}

/// Dropped with the future.
struct Body {
    case: Case,
    counts: Counts,
    begun: Option<oneshot::Sender<()>>,
    released: mpsc::Receiver<()>,
    _dropped: DropGuard,
}

impl Body {
    fn begin(&mut self) {
        // Nobody listens unless the task is to be aborted by then.
        let _ = self.begun.take().expect("it begins once").send(());
    }

    fn end(&self) -> DropGuard {
        if self.case.does == Does::Panics {
            planned_panic("as the case wants");
        }
        self.counts.made.fetch_add(1, SeqCst);
        self.counts.outputs.guard()
    }

    async fn run(mut self) -> DropGuard {
        self.begin();
        if self.case.does == Does::Never {
            std::future::pending::<()>().await;
        }
        task::yield_now().await;
        self.end()
    }

    fn call(mut self) -> DropGuard {
        self.begin();
        if self.case.does == Does::Never {
            // Until the test ends: a call cannot be aborted.
            let _ = self.released.recv();
        }
        self.end()
    }
}

/// A handle, whose future owns what the user would.
struct Held {
    abort: AbortHandle,
    awaits: Pin<Box<dyn Future<Output = End>>>,
}

fn end_of<T>(output: Result<T, JoinError>) -> End {
    match output {
        Ok(_) => End::Output,
        Err(error) if error.is_panic() => End::Panicked,
        Err(error) => {
            assert!(error.is_cancelled(), "{error}");
            End::Cancelled
        }
    }
}

fn held<T: 'static>(handle: JoinHandle<T>) -> Held {
    Held { abort: handle.abort_handle(), awaits: Box::pin(async move { end_of(handle.await) }) }
}

fn start(body: Body) -> Held {
    match body.case.form {
        Form::Spawn => held(raddle::spawn(body.run())),
        Form::Eager => held(Builder::new().eager(true).spawn(body.run())),
        Form::Local => held(task::spawn_local(body.run())),
        Form::Pinned => held(task::spawn_pinned(0, || body.run())),
        Form::Blocking => held(task::spawn_blocking(|| body.call())),
        Form::Set => {
            let mut set = JoinSet::new();
            let abort = set.spawn(body.run());
            let awaits = Box::pin(async move {
                let end = end_of(set.join_next().await.expect("it is in the set"));
                assert!(set.join_next().await.is_none(), "joined twice");
                end
            });
            Held { abort, awaits }
        }
        Form::Group => {
            let group = raddle::spawn(TaskGroup::<()>::run(|group| async move {
                let child = group.spawn(async move { Ok(body.run().await) });
                Ok(child.await.ok())
            }));
            let abort = group.abort_handle();
            let awaits = Box::pin(async move {
                match group.await {
                    Ok(Ok(value)) => {
                        assert!(value.is_some(), "a child has failed, and its group has not");
                        End::Output
                    }
                    Ok(Err(error)) => {
                        assert!(error.failures().iter().all(Failure::is_panic), "{error:?}");
                        assert_eq!(error.failures().len(), 1, "{error:?}");
                        End::Panicked
                    }
                    Err(error) => end_of::<()>(Err(error)),
                }
            });
            Held { abort, awaits }
        }
    }
}

/// Starts the task, and does with it what the case says. What is kept comes back.
async fn script(
    flavor: Flavor,
    case: Case,
    body: Body,
    begun: oneshot::Receiver<()>,
) -> Option<Held> {
    let mut held = start(body);
    if case.aborted == Aborted::Before {
        held.abort.abort();
    }
    if case.handle == Handle::Dropped {
        held.awaits = Box::pin(async { unreachable!("nobody awaits it") });
    }
    if case.aborted == Aborted::During {
        // An error, if it was dropped before it began.
        let _ = begun.await;
        held.abort.abort();
    }
    while case.ends() && case.waits() && !held.abort.is_finished() {
        task::yield_now().await;
    }
    if case.aborted == Aborted::After && case.ends() {
        held.abort.abort();
    }
    match case.handle {
        Handle::Awaited if case.ends() => case.check(flavor, held.awaits.await),
        Handle::Awaited => {
            let mut once = held.awaits;
            let poll = std::future::poll_fn(|cx| std::task::Poll::Ready(once.as_mut().poll(cx)));
            assert!(poll.await.is_pending());
        }
        Handle::Kept => return Some(held),
        Handle::Dropped => {}
    }
    None
}

fn run(flavor: Flavor, case: Case) {
    let runtime = flavor.build();
    let counts = Counts::default();
    let (begun, begins) = oneshot::channel();
    let (release, released) = mpsc::channel();
    let body = Body {
        case,
        counts: counts.clone(),
        begun: Some(begun),
        released,
        _dropped: counts.futures.guard(),
    };
    let set = LocalSet::new();
    let kept = set.block_on(&runtime, script(flavor, case, body, begins));
    drop(release);
    drop(set);
    drop(runtime);
    assert_eq!(counts.futures.count(), 1, "futures dropped");
    if let Some(mut kept) = kept {
        let Poll::Ready(end) = poll_once(kept.awaits.as_mut(), Waker::noop()) else {
            panic!("a task has not ended with its runtime");
        };
        case.check(flavor, end);
    }
    assert_eq!(counts.outputs.count(), counts.made.load(SeqCst), "outputs dropped");
    assert!(counts.made.load(SeqCst) <= 1);
    assert_eq!(counts.futures.count(), 1, "futures dropped in the end");
}

#[test]
fn whatever_form_a_task_has_its_future_and_its_output_are_dropped_once() {
    for round in 0..scale().clamp(1, 10) {
        for flavor in Flavor::ALL {
            for case in Case::all() {
                if case.form == Form::Pinned && flavor == Flavor::CurrentThread {
                    continue;
                }
                watched(&format!("{case:?} on {flavor:?}, round {round}"), || {
                    run(flavor, case);
                });
            }
        }
    }
}
