//! Calls that block, on threads of their own.

use crate::support::{
    DropCounter, Flavor, Planned, planned_panic, poll_once, recv, scaled, until, wait, watched,
};
use raddle::runtime::{Handle, Runtime};
use raddle::task::{self, JoinHandle};
use raddle::time::{Duration, sleep};
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::Waker;
use std::thread;

fn runtime(threads_max: usize, keep_alive: Duration) -> Runtime {
    Flavor::Workers(1)
        .builder()
        .max_blocking_threads(threads_max)
        .thread_keep_alive(keep_alive)
        .build()
        .unwrap()
}

const LONG: Duration = Duration::from_secs(3_600);

/// A call that blocks until the sender is dropped, and a message when it has begun.
fn stuck(runtime: &Runtime) -> (JoinHandle<()>, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let call = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    (call, release, begins)
}

#[test]
fn a_blocking_call_gives_its_result_and_holds_up_no_task() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (release, released) = mpsc::channel();
        let task = running.handle().spawn(async move {
            let call = task::spawn_blocking(move || released.recv().unwrap());
            assert!(!call.is_finished());
            raddle::spawn(async {}).await.unwrap();
            call.await.unwrap()
        });
        running.quiesce();
        release.send(6).unwrap();
        assert_eq!(wait("the task", task).unwrap(), 6);
    }
}

#[test]
fn more_calls_than_threads_all_run_and_never_more_at_once_than_threads() {
    let runtime = runtime(3, LONG);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = scaled(500);
    let calls: Vec<_> = (0..count)
        .map(|number| {
            let (now, most) = (now.clone(), most.clone());
            runtime.spawn_blocking(move || {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                thread::yield_now();
                now.fetch_sub(1, SeqCst);
                number
            })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(wait("a blocking call", call).unwrap(), number);
    }
    assert!((1..=3).contains(&most.load(SeqCst)), "{most:?} at once");
}

#[test]
fn as_many_calls_as_threads_run_at_once() {
    let runtime = runtime(4, LONG);
    let calls: Vec<_> = (0..4).map(|_| stuck(&runtime)).collect();
    for (_, _, begins) in &calls {
        recv("a blocking call beside stuck ones", begins);
    }
    let fifth = runtime.spawn_blocking(|| {});
    assert!(!fifth.is_finished());
    for (call, release, _) in calls {
        drop(release);
        wait("a released call", call).unwrap();
    }
    wait("the call that had to wait", fifth).unwrap();
}

#[test]
fn calls_wait_their_turn_in_the_order_of_asking() {
    let runtime = runtime(1, LONG);
    let (call, release, begins) = stuck(&runtime);
    recv("the first call", &begins);
    let (said, says) = mpsc::channel();
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let said = said.clone();
            runtime.spawn_blocking(move || said.send(number).unwrap())
        })
        .collect();
    drop(release);
    for call in calls {
        wait("a blocking call", call).unwrap();
    }
    wait("the first call", call).unwrap();
    drop(said);
    assert_eq!(says.into_iter().collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_thread_is_kept_for_the_next_call() {
    let runtime = runtime(1, LONG);
    let threads: HashSet<_> = (0..20)
        .map(|_| {
            wait("a blocking call", runtime.spawn_blocking(|| thread::current().id())).unwrap()
        })
        .collect();
    assert_eq!(threads.len(), 1);
}

#[test]
fn a_thread_without_work_ends_after_its_keep_alive_and_another_is_started() {
    let (ended, ends) = mpsc::channel();
    let runtime = Flavor::CurrentThread
        .builder()
        .max_blocking_threads(1)
        .thread_keep_alive(Duration::from_millis(1))
        .on_thread_stop(move || _ = ended.send(thread::current().id()))
        .build()
        .unwrap();
    for _ in 0..scaled(20) {
        let ran_on =
            wait("a blocking call", runtime.spawn_blocking(|| thread::current().id())).unwrap();
        assert_eq!(recv("the end of an idle thread", &ends), ran_on);
    }
}

#[test]
fn a_call_submitted_while_the_last_thread_gives_up_waiting_is_not_stranded() {
    let runtime = runtime(1, Duration::from_micros(100));
    for number in 0..scaled(2_000) {
        // About as long as the keep-alive, to meet the thread at the door.
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_micros(100) {
            std::hint::spin_loop();
        }
        assert_eq!(
            wait("a blocking call", runtime.spawn_blocking(move || number)).unwrap(),
            number
        );
    }
}

#[test]
fn a_panic_in_a_blocking_call_is_its_callers_and_the_thread_lives_on() {
    let runtime = runtime(1, LONG);
    let before =
        wait("a blocking call", runtime.spawn_blocking(|| thread::current().id())).unwrap();
    let call = runtime.spawn_blocking(|| planned_panic("while blocking"));
    let error = wait("a panicking call", call).unwrap_err();
    assert_eq!(error.into_panic().downcast_ref(), Some(&Planned("while blocking")));
    drop(runtime.spawn_blocking(|| planned_panic("while blocking, unheard")));
    let after = wait("a blocking call", runtime.spawn_blocking(|| thread::current().id())).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_call_aborted_before_it_begins_is_never_made() {
    let runtime = runtime(1, LONG);
    let (call, release, begins) = stuck(&runtime);
    recv("the first call", &begins);
    let (dropped, made) = (DropCounter::new(), Arc::new(AtomicUsize::new(0)));
    let (guard, counted) = (dropped.guard(), made.clone());
    let waiting = runtime.spawn_blocking(move || {
        let _guard = guard;
        counted.fetch_add(1, SeqCst);
    });
    waiting.abort();
    // One that has begun takes no notice.
    call.abort();
    drop(release);
    wait("the first call", call).unwrap();
    assert!(wait("the aborted call", waiting).unwrap_err().is_cancelled());
    assert_eq!((dropped.count(), made.load(SeqCst)), (1, 0));
}

#[test]
fn a_blocking_call_may_spawn_tasks_make_blocking_calls_and_block_on_futures() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let call = running.handle().spawn_blocking(|| {
            let task = raddle::spawn(async { 1 });
            let call = task::spawn_blocking(|| 2);
            let sum = Handle::current().block_on(async {
                sleep(Duration::from_millis(1)).await;
                task.await.unwrap() + call.await.unwrap()
            });
            assert!(task::try_id().is_some());
            sum
        });
        assert_eq!(wait("the blocking call", call).unwrap(), 3);
    }
}

#[test]
fn dropping_a_runtime_waits_for_calls_that_have_begun_and_cancels_the_others() {
    for flavor in Flavor::ALL {
        let runtime = flavor.builder().max_blocking_threads(1).build().unwrap();
        let dropped = DropCounter::new();
        let (call, release, begins) = stuck(&runtime);
        recv("the first call", &begins);
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let guard = dropped.guard();
                runtime.spawn_blocking(move || drop(guard))
            })
            .collect();
        let (ended, ends) = mpsc::channel();
        let dropper = thread::spawn(move || {
            drop(runtime);
            ended.send(()).unwrap();
        });
        for call in waiting {
            assert!(wait("a call that never began", call).unwrap_err().is_cancelled());
        }
        assert_eq!(dropped.count(), 10);
        assert!(ends.try_recv().is_err(), "the runtime's drop did not wait");
        drop(release);
        recv("the runtime's drop", &ends);
        wait("the call that had begun", call).unwrap();
        watched("the dropping thread", || dropper.join()).unwrap();
    }
}

#[test]
fn a_shutdown_with_a_deadline_leaves_a_stuck_call_behind() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let (mut call, release, begins) = stuck(&runtime);
        recv("the call", &begins);
        watched("a shutdown with a deadline", || {
            runtime.shutdown_timeout(Duration::from_millis(1))
        });
        assert!(poll_once(Pin::new(&mut call), Waker::noop()).is_pending());
        drop(release);
        wait("the call left behind", call).unwrap();
    }
}

#[test]
fn a_call_made_through_a_handle_after_the_end_is_cancelled() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let handle = runtime.handle().clone();
        watched("the runtime's drop", || drop(runtime));
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let call = handle.spawn_blocking(move || drop(guard));
        assert!(wait("a late call", call).unwrap_err().is_cancelled());
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn the_handle_of_a_finished_call_is_finished() {
    let runtime = runtime(1, LONG);
    let call = runtime.spawn_blocking(|| {});
    until("the call is finished", || call.is_finished());
    drop(call);
}
