//! P1 to P10 of `executor/src/scheduler/mod.rs` and S1 to S5 of `scheduler/shutdown.rs`, for whole runtimes: the real
//! workers, guests and tasks, on threads of the model. A task that nobody runs is a deadlock.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::Mutex;
use loom::thread::{Builder, JoinHandle};
use raddle::loom::internals::{Runtime, without_fences};
use raddle::task::Priority::{self, Normal};

use crate::executor_support::{Signal, block_on, model as model_on_a_small_stack};

/// In words, as loom counts. Its own choice, 32 KiB, is little for a runtime.
const STACK: usize = 1 << 15;

pub fn spawn<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    Builder::new().stack_size(STACK).spawn(f).expect("loom does not fail")
}

pub fn model(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    model_on_a_small_stack(preemptions, move || {
        let test = test.clone();
        spawn(move || test()).join().unwrap();
    });
}

/// Runs the test `name`, which explores `test`, in a process of its own, and expects a deadlock there: one in the middle of
/// a runtime cannot be unwound from, and ends the process.
pub fn must_deadlock(name: &str, preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    const INSIDE: &str = "RADDLE_TESTS_MUST_DEADLOCK";
    if std::env::var_os(INSIDE).is_some() {
        return model(preemptions, test);
    }
    let program = std::env::current_exe().expect("a test has a path");
    let mut command = std::process::Command::new(program);
    let output = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output();
    let output = output.expect("the test program can be started");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "no deadlock was found");
    assert!(messages.contains("deadlock; threads"), "not a deadlock: {messages}");
}

pub fn start_workers(runtime: &Runtime) -> Vec<JoinHandle<()>> {
    (0..runtime.workers())
        .map(|index| {
            let runtime = runtime.clone();
            spawn(move || runtime.work(index))
        })
        .collect()
}

pub fn close(runtime: &Runtime, workers: Vec<JoinHandle<()>>) {
    runtime.close();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
}

pub fn a_task_is_spawned_from_outside(priority: Priority, with_fences: bool) {
    let runtime = Runtime::new(1, 0);
    let workers = start_workers(&runtime);
    let spawn = || runtime.spawn_as(priority, async { 7 });
    let handle = if with_fences { spawn() } else { without_fences(spawn) };
    assert_eq!(block_on(handle).unwrap(), 7);
    close(&runtime, workers);
}

#[test]
fn p2_p3_a_task_spawned_from_outside_is_run() {
    model(3, || a_task_is_spawned_from_outside(Normal, true));
}

#[test]
fn p2_fails_without_the_spawners_fences() {
    must_deadlock("runtime::p2_fails_without_the_spawners_fences", 3, || {
        a_task_is_spawned_from_outside(Normal, false);
    });
}

pub fn a_task_is_woken_from_outside(priority: Priority) {
    let runtime = Runtime::new(1, 0);
    let workers = start_workers(&runtime);
    let (flag, waker) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(None)));
    let arrived = Signal::new();
    let handle = runtime.spawn_as(priority, {
        let (flag, waker, arrived) = (flag.clone(), waker.clone(), arrived.clone());
        poll_fn(move |cx| {
            if *flag.lock().unwrap() {
                return Poll::Ready(());
            }
            *waker.lock().unwrap() = Some(cx.waker().clone());
            arrived.give();
            Poll::Pending
        })
    });
    arrived.wait();
    *flag.lock().unwrap() = true;
    let waker: Waker = waker.lock().unwrap().take().unwrap();
    waker.wake();
    block_on(handle).unwrap();
    close(&runtime, workers);
}

#[test]
fn p2_p3_a_task_woken_from_outside_is_run() {
    model(2, || a_task_is_woken_from_outside(Normal));
}

#[test]
fn p2_p3_two_tasks_spawned_on_two_threads_are_run() {
    model(1, || {
        let runtime = Runtime::new(1, 0);
        let workers = start_workers(&runtime);
        let other = spawn({
            let runtime = runtime.clone();
            move || block_on(runtime.spawn(async { 1 })).unwrap()
        });
        let here = block_on(runtime.spawn(async { 2 })).unwrap();
        assert_eq!(here + other.join().unwrap(), 3);
        close(&runtime, workers);
    });
}

pub fn a_root_future_spawns_and_blocks_its_thread(priority: Priority) {
    let runtime = Runtime::new(1, 1);
    let workers = start_workers(&runtime);
    let inside = runtime.clone();
    runtime.block_on(async move {
        let done = Signal::new();
        drop(inside.spawn_as(priority, {
            let done = done.clone();
            async move { done.give() }
        }));
        done.wait();
    });
    close(&runtime, workers);
}

#[test]
fn p9_a_root_future_that_spawns_and_blocks_its_thread_is_waited_for_by_nobody() {
    model(2, || a_root_future_spawns_and_blocks_its_thread(Normal));
}

#[test]
fn p9_a_root_future_that_blocks_its_thread_leaves_nothing_in_its_queue() {
    model(2, || {
        let runtime = Runtime::new(1, 1);
        let workers = start_workers(&runtime);
        let inside = runtime.clone();
        runtime.block_on(async move {
            let done = Signal::new();
            let first = inside.spawn({
                let (done, inside) = (done.clone(), inside.clone());
                async move { drop(inside.spawn(async move { done.give() })) }
            });
            first.await.unwrap();
            done.wait();
        });
        close(&runtime, workers);
    });
}

/// A worker falls asleep in the driver, without a deadline, while a thread sets a timer.
fn a_timer_is_set(work: fn(&Runtime)) {
    let runtime = Runtime::new(1, 0);
    let worker = spawn({
        let runtime = runtime.clone();
        move || work(&runtime)
    });
    let fired = Signal::new();
    assert!(runtime.set_timer(&fired.clone().into()));
    fired.wait();
    close(&runtime, vec![worker]);
}

#[test]
fn p8_a_timer_set_while_the_driver_falls_asleep_fires() {
    model(3, || a_timer_is_set(|runtime| runtime.work(0)));
}

/// The fence on the other side is the timer's own (W6).
#[test]
fn p8_fails_without_the_drivers_fence() {
    must_deadlock("runtime::p8_fails_without_the_drivers_fence", 3, || {
        a_timer_is_set(|runtime| without_fences(|| runtime.work(0)));
    });
}

#[test]
fn s6_a_timer_set_beside_the_closing_is_refused_or_wakes() {
    model(2, || {
        let runtime = Runtime::new(0, 1);
        let setter = spawn({
            let runtime = runtime.clone();
            move || {
                let fired = Signal::new();
                if runtime.set_timer(&fired.clone().into()) {
                    fired.wait();
                }
            }
        });
        close(&runtime, Vec::new());
        setter.join().unwrap();
    });
}

/// Blocks on a root future that waits for `flag`, and leaves its waker in `root`.
fn wait_for(runtime: &Runtime, flag: &Mutex<bool>, root: &Mutex<Option<Waker>>) {
    runtime.block_on(poll_fn(|cx| {
        *root.lock().unwrap() = Some(cx.waker().clone());
        if *flag.lock().unwrap() { Poll::Ready(()) } else { Poll::Pending }
    }));
}

fn wake(root: &Mutex<Option<Waker>>) {
    let waker = root.lock().unwrap().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A root future waits for another thread, in a guest slot, or, if the runtime is closed, outside.
fn a_root_future_waits(is_closed: bool) {
    let runtime = Runtime::new(0, 1);
    if is_closed {
        runtime.close();
    }
    let flag = Arc::new(Mutex::new(false));
    let root = Arc::new(Mutex::new(None::<Waker>));
    // On a thread of its own, because loom does not like one to be unparked that joins another.
    let caller = spawn({
        let (runtime, flag, root) = (runtime.clone(), flag.clone(), root.clone());
        move || wait_for(&runtime, &flag, &root)
    });
    *flag.lock().unwrap() = true;
    wake(&root);
    caller.join().unwrap();
    drop(root);
    close(&runtime, Vec::new());
}

#[test]
fn a_root_future_is_woken_in_a_guest_slot() {
    model(3, || a_root_future_waits(false));
}

#[test]
fn a_root_future_is_woken_outside() {
    model(3, || a_root_future_waits(true));
}

/// A caller that found the one guest slot taken moves in when it is free, while its root future is woken.
fn a_root_future_is_woken_while_its_caller_moves_in(block_on: fn(&dyn Fn())) {
    let runtime = Runtime::new(0, 1);
    let flag = Arc::new(Mutex::new(false));
    let root = Arc::new(Mutex::new(None::<Waker>));
    let caller = spawn({
        let (runtime, flag, root) = (runtime.clone(), flag.clone(), root.clone());
        move || block_on(&|| wait_for(&runtime, &flag, &root))
    });
    runtime.block_on(async {});
    *flag.lock().unwrap() = true;
    wake(&root);
    caller.join().unwrap();
    drop(root);
    close(&runtime, Vec::new());
}

#[test]
fn a_root_future_that_is_woken_on_the_move_is_polled() {
    model(3, || a_root_future_is_woken_while_its_caller_moves_in(|block_on| block_on()));
}

#[test]
fn a_root_future_that_is_woken_on_the_move_is_lost_without_the_callers_fence() {
    let name = "runtime::a_root_future_that_is_woken_on_the_move_is_lost_without_the_callers_fence";
    must_deadlock(name, 3, || {
        a_root_future_is_woken_while_its_caller_moves_in(|block_on| without_fences(block_on));
    });
}

#[test]
fn two_callers_of_block_on_share_one_guest_slot() {
    model(2, || {
        let runtime = Runtime::new(0, 1);
        let other = spawn({
            let runtime = runtime.clone();
            move || runtime.block_on(async { 1 })
        });
        let here = runtime.block_on(async { 2 });
        assert_eq!(here + other.join().unwrap(), 3);
        close(&runtime, Vec::new());
    });
}

#[test]
fn s1_s5_a_task_spawned_beside_the_closing_completes_or_is_cancelled() {
    model(2, || {
        let runtime = Runtime::new(1, 0);
        let workers = start_workers(&runtime);
        let other = spawn({
            let runtime = runtime.clone();
            move || runtime.close()
        });
        let handle = runtime.spawn(async { 7 });
        match block_on(handle) {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        other.join().unwrap();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

pub fn a_task_is_spawned_beside_the_closing(priority: Priority, with_fences: bool) {
    let runtime = Runtime::new(0, 1);
    let other = spawn({
        let runtime = runtime.clone();
        move || runtime.close()
    });
    let spawn = || runtime.spawn_as(priority, async { 7 });
    let handle = if with_fences { spawn() } else { without_fences(spawn) };
    assert!(block_on(handle).unwrap_err().is_cancelled());
    other.join().unwrap();
}

#[test]
fn s5_a_task_spawned_beside_the_closing_of_a_runtime_without_workers_is_cancelled() {
    model(3, || a_task_is_spawned_beside_the_closing(Normal, true));
}

#[test]
fn s5_fails_without_the_submitters_fences() {
    must_deadlock("runtime::s5_fails_without_the_submitters_fences", 3, || {
        a_task_is_spawned_beside_the_closing(Normal, false);
    });
}

#[test]
fn s3_a_guest_slot_given_back_beside_the_closing_is_left_by_one_of_the_two() {
    model(3, || {
        let runtime = Runtime::new(0, 1);
        let other = spawn({
            let runtime = runtime.clone();
            move || runtime.close()
        });
        runtime.block_on(async {});
        other.join().unwrap();
        assert!(runtime.has_ended());
    });
}

#[test]
fn s3_a_guest_slot_given_back_beside_the_end_of_the_last_worker_is_left() {
    model(2, || {
        let runtime = Runtime::new(1, 1);
        let workers = start_workers(&runtime);
        let other = spawn({
            let runtime = runtime.clone();
            move || runtime.block_on(async {})
        });
        runtime.close();
        other.join().unwrap();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert!(runtime.has_ended());
    });
}
