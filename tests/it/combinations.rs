//! Every way a task can end, on every kind of runtime: what the future does × where it panics × what becomes of the
//! join handle × when the task is aborted. Whatever happens, the future and its output are dropped exactly once, the
//! handle says what happened, and the joiner is woken once.

use crate::support::{
    CountingWaker, DropCounter, DropGuard, Flavor, Running, catch, planned_panic, poll_once, recv,
    scale, until, wait, watched,
};
use raddle::sync::oneshot;
use raddle::task::{AbortHandle, JoinError, JoinHandle};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Ends,
    YieldsOnce,
    WaitsForAOneshot,
    PendsForEver,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Panics {
    Nowhere,
    /// In the poll that would be its last, or, if there is no such, in its first.
    InPoll,
    InDropOfTheFuture,
    InDropOfTheOutput,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Handle {
    Awaited,
    DroppedBefore,
    DroppedAfter,
    PolledOnceThenDropped,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Aborted {
    Never,
    BeforeFirstPoll,
    /// By the future itself if it does not wait for anybody, else by another thread.
    AfterFirstPoll,
    AfterCompletion,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    does: Does,
    panics: Panics,
    handle: Handle,
    aborted: Aborted,
}

#[derive(Debug, PartialEq)]
enum End {
    Output,
    Cancelled,
    Panicked,
}

impl Case {
    fn all() -> impl Iterator<Item = Case> {
        use {Aborted as A, Does as D, Handle as H, Panics as P};
        let every_does = [D::Ends, D::YieldsOnce, D::WaitsForAOneshot, D::PendsForEver];
        let every_panic = [P::Nowhere, P::InPoll, P::InDropOfTheFuture, P::InDropOfTheOutput];
        let every_handle =
            [H::Awaited, H::DroppedBefore, H::DroppedAfter, H::PolledOnceThenDropped];
        let every_abort = [A::Never, A::BeforeFirstPoll, A::AfterFirstPoll, A::AfterCompletion];
        (0..256).map(move |number: usize| Case {
            does: every_does[number % 4],
            panics: every_panic[number / 4 % 4],
            handle: every_handle[number / 16 % 4],
            aborted: every_abort[number / 64],
        })
    }

    fn is_aborted_in_time(self) -> bool {
        match (self.aborted, self.does) {
            (Aborted::BeforeFirstPoll, _) => true,
            (Aborted::AfterFirstPoll, Does::Ends) => false,
            (Aborted::AfterFirstPoll, Does::PendsForEver) => self.panics != Panics::InPoll,
            (Aborted::AfterFirstPoll, _) => true,
            (Aborted::Never | Aborted::AfterCompletion, _) => false,
        }
    }

    /// Whether only the end of the runtime ends the task.
    fn outlasts_the_runtime(self) -> bool {
        self.does == Does::PendsForEver
            && self.panics != Panics::InPoll
            && !self.is_aborted_in_time()
    }

    fn end(self) -> End {
        let cancelled = self.is_aborted_in_time() || self.outlasts_the_runtime();
        match self.panics {
            Panics::InDropOfTheFuture => End::Panicked,
            Panics::InPoll if !cancelled => End::Panicked,
            _ if cancelled => End::Cancelled,
            _ => End::Output,
        }
    }

    /// Whether the runtime keeps a list of its tasks: every other case, of each kind.
    fn is_listed(self) -> bool {
        let sum = self.does as u8 + self.panics as u8 + self.handle as u8 + self.aborted as u8;
        sum.is_multiple_of(2)
    }

    fn makes_an_output(self) -> bool {
        !self.is_aborted_in_time() && !self.outlasts_the_runtime() && self.panics != Panics::InPoll
    }
}

struct Probe {
    case: Case,
    polls: usize,
    answer: oneshot::Receiver<()>,
    polled: mpsc::Sender<()>,
    itself: Arc<Mutex<Option<AbortHandle>>>,
    outputs: DropCounter,
    _dropped: DropGuard,
}

struct Output {
    panics: bool,
    _dropped: DropGuard,
}

impl Future for Probe {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let Case { does, panics, aborted, .. } = self.case;
        self.polls += 1;
        if self.polls == 1 {
            let _ = self.polled.send(());
            if aborted == Aborted::AfterFirstPoll && matches!(does, Does::Ends | Does::YieldsOnce) {
                self.itself.lock().unwrap().as_ref().unwrap().abort();
            }
        }
        let ends = match does {
            Does::Ends => true,
            Does::YieldsOnce => self.polls == 2,
            Does::WaitsForAOneshot => poll_once(Pin::new(&mut self.answer), cx.waker()).is_ready(),
            Does::PendsForEver => false,
        };
        if panics == Panics::InPoll && (ends || does == Does::PendsForEver) {
            planned_panic("in poll");
        }
        if ends {
            let panics = panics == Panics::InDropOfTheOutput;
            return Poll::Ready(Output { panics, _dropped: self.outputs.guard() });
        }
        if does == Does::YieldsOnce {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if self.case.panics == Panics::InDropOfTheFuture {
            planned_panic("in drop of the future");
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.panics {
            planned_panic("in drop of the output");
        }
    }
}

fn check(flavor: Flavor, case: Case) {
    let runtime = flavor.builder().track_tasks(case.is_listed()).build().unwrap();
    let running = Running::new(flavor, runtime);
    let runtime = running.handle().clone();
    let (futures, outputs) = (DropCounter::new(), DropCounter::new());
    let (polled, first_poll) = mpsc::channel();
    let (send, answer) = oneshot::channel();
    let itself = Arc::new(Mutex::new(None));

    let hold = running.hold();
    let probe = Probe {
        case,
        polls: 0,
        answer,
        polled,
        itself: itself.clone(),
        outputs: outputs.clone(),
        _dropped: futures.guard(),
    };
    let handle = running.handle().spawn(probe);
    let abort = handle.abort_handle();
    *itself.lock().unwrap() = Some(abort.clone());
    if case.aborted == Aborted::BeforeFirstPoll {
        abort.abort();
    }
    let (joiner, waker) = CountingWaker::new();
    let mut handle = Some(handle);
    match case.handle {
        Handle::Awaited => {
            assert!(poll_once(Pin::new(handle.as_mut().unwrap()), &waker).is_pending())
        }
        Handle::DroppedBefore => drop(handle.take()),
        Handle::DroppedAfter => {}
        Handle::PolledOnceThenDropped => {
            assert!(poll_once(Pin::new(handle.as_mut().unwrap()), &waker).is_pending());
            drop(handle.take());
        }
    }
    drop(waker);
    drop(hold);

    if case.aborted != Aborted::BeforeFirstPoll {
        recv("the first poll", &first_poll);
        if case.aborted == Aborted::AfterFirstPoll
            && matches!(case.does, Does::WaitsForAOneshot | Does::PendsForEver)
        {
            running.quiesce();
            abort.abort();
        }
    }
    // Nobody hears it if the task was aborted.
    let _ = send.send(());

    if case.outlasts_the_runtime() {
        running.quiesce();
        assert!(!abort.is_finished());
        running.stop();
        assert!(abort.is_finished(), "a task outlives its runtime");
        assert_end(case, handle, &joiner);
    } else {
        until("the task is finished", || abort.is_finished());
        if case.aborted == Aborted::AfterCompletion {
            abort.abort();
        }
        assert_end(case, handle, &joiner);
        running.stop();
    }
    let listed = runtime.tasks().map(|tasks| tasks.len()).ok();
    assert_eq!(listed.unwrap_or_default(), 0, "tasks in the list");
    // With RADDLE_DEBUG=tasks in the environment, in all cases.
    assert!(listed.is_some() || !case.is_listed());
    drop(abort);
    drop(itself.lock().unwrap().take());
    assert_eq!(futures.count(), 1, "drops of the future");
    assert_eq!(outputs.count(), usize::from(case.makes_an_output()), "drops of the output");
    assert_eq!(joiner.count(), usize::from(case.handle == Handle::Awaited), "wakes of the joiner");
    assert_eq!(Arc::strong_count(&joiner), 1, "the joiner's waker is leaked");
}

fn assert_end(case: Case, handle: Option<JoinHandle<Output>>, joiner: &CountingWaker) {
    let Some(handle) = handle else { return };
    let output_panics = case.makes_an_output() && case.panics == Panics::InDropOfTheOutput;
    if case.handle == Handle::DroppedAfter {
        assert_eq!(
            catch(|| drop(handle)).is_err(),
            output_panics,
            "a panic of the output is its owner's"
        );
        return;
    }
    until("the joiner is woken", || joiner.count() > 0);
    let output = wait("the finished task", handle);
    assert_eq!(kind(&output), case.end());
    assert_eq!(catch(|| drop(output)).is_err(), output_panics);
}

fn kind(output: &Result<Output, JoinError>) -> End {
    match output {
        Ok(_) => End::Output,
        Err(error) if error.is_panic() => End::Panicked,
        Err(_) => End::Cancelled,
    }
}

fn check_all(flavor: Flavor) {
    for case in Case::all().step_by(scale()) {
        watched(&format!("{case:?} on {flavor:?}"), || {
            let checked = std::panic::catch_unwind(|| check(flavor, case));
            assert!(checked.is_ok(), "{case:?} on {flavor:?}");
        });
    }
}

#[test]
fn a_task_ends_once_whatever_happens_on_a_current_thread_runtime() {
    check_all(Flavor::CurrentThread);
}

#[test]
fn a_task_ends_once_whatever_happens_on_one_worker() {
    check_all(Flavor::Workers(1));
}

#[test]
fn a_task_ends_once_whatever_happens_on_two_workers() {
    check_all(Flavor::Workers(2));
}

#[test]
fn a_task_ends_once_whatever_happens_on_four_workers() {
    check_all(Flavor::Workers(4));
}
