//! Every form of a task × what it does × when it is aborted × what becomes of its handle × when its runtime is dropped, on
//! every kind of runtime: the future, or function, is dropped exactly once, and so is each output. (T8 and T10; what the
//! handles of `spawn` say in each case is in `combinations.rs`.)

use crate::support::{DropCounter, DropGuard, Flavor, planned_panic, scale, watched};
use raddle::runtime::Runtime;
use raddle::sync::oneshot;
use raddle::task::{self, AbortHandle, Builder, JoinHandle, JoinSet, LocalSet, TaskGroup};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

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
    awaits: Pin<Box<dyn Future<Output = ()>>>,
}

fn held<T: 'static>(handle: JoinHandle<T>) -> Held {
    Held { abort: handle.abort_handle(), awaits: Box::pin(async move { drop(handle.await) }) }
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
            let awaits = Box::pin(async move { drop(set.join_next().await) });
            Held { abort, awaits }
        }
        Form::Group => held(raddle::spawn(TaskGroup::<()>::run(|group| async move {
            let child = group.spawn(async move { Ok(body.run().await) });
            Ok(child.await.ok())
        }))),
    }
}

/// Starts the task, and does with it what the case says. What is kept comes back.
async fn script(case: Case, body: Body, begun: oneshot::Receiver<()>) -> Option<Held> {
    let mut held = start(body);
    if case.aborted == Aborted::Before {
        held.abort.abort();
    }
    if case.handle == Handle::Dropped {
        held.awaits = Box::pin(async {});
    }
    if case.aborted == Aborted::During {
        // An error, if it was dropped before it began.
        let _ = begun.await;
        held.abort.abort();
    }
    let waits =
        case.ends() && (case.aborted == Aborted::After || case.dropped == RuntimeDropped::WhenDone);
    while waits && !held.abort.is_finished() {
        task::yield_now().await;
    }
    if case.aborted == Aborted::After {
        held.abort.abort();
    }
    match case.handle {
        Handle::Awaited if case.ends() => held.awaits.await,
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

fn run(case: Case, runtime: Runtime) {
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
    let kept = set.block_on(&runtime, script(case, body, begins));
    drop(release);
    drop(set);
    drop(runtime);
    assert_eq!(counts.futures.count(), 1, "futures dropped");
    drop(kept);
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
                    run(case, flavor.build());
                });
            }
        }
    }
}
