//! Blocking calls that wait for room: classes, and the pool as a whole.

use crate::support::{CountingWaker, DropCounter, Flavor, poll_once, recv, until, wait};
use raddle::task::blocking::Class;
use raddle::task::{self, spawn_blocking_when_free, try_spawn_blocking};
use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

/// A call that ends when the sender goes.
fn until_released() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
    let (release, released) = mpsc::channel::<()>();
    (release, move || _ = released.recv())
}

#[test]
fn a_class_has_no_more_calls_at_once_than_its_limit() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let class = Class::new(2);
        let (release, first) = until_released();
        let (release_second, second) = until_released();
        let first = class.try_spawn_blocking(first).unwrap();
        let second = class.try_spawn_blocking(second).unwrap();
        assert_eq!((class.limit(), class.running()), (2, 2));
        let drops = DropCounter::new();
        let guard = drops.guard();
        let busy = class.try_spawn_blocking(move || drop(guard)).unwrap_err();
        assert_eq!(drops.count(), 0, "the function comes back");
        assert!(busy.to_string().contains("no room"));
        drop(busy);

        let (woken, waker) = CountingWaker::new();
        let mut third = pin!(class.spawn_blocking_when_free(|| 3));
        assert!(poll_once(third.as_mut(), &waker).is_pending());
        assert_eq!(class.waiting(), 1);
        // Another class is not held up.
        let other = Class::new(1).try_spawn_blocking(|| 7).unwrap();
        assert_eq!(wait("another class", other).unwrap(), 7);
        drop(release);
        wait("the first", first).unwrap();
        until("the third has room", || woken.count() > 0);
        let third = wait("the third", third);
        assert_eq!(wait("its call", third).unwrap(), 3);
        assert!(class.longest_wait() > Duration::ZERO);
        drop(release_second);
        wait("the second", second).unwrap();
        until("all room is free", || class.running() == 0);
    }
}

#[test]
fn a_call_aborted_before_it_begins_gives_its_room_back() {
    let runtime = Flavor::Workers(1).builder().max_blocking_threads(1).build().unwrap();
    let _entered = runtime.enter();
    let class = Class::new(2);
    let (release, stuck) = until_released();
    let stuck = class.try_spawn_blocking(stuck).unwrap();
    let aborted = class.try_spawn_blocking(|| ()).unwrap();
    assert_eq!(class.running(), 2);
    aborted.abort();
    drop(release);
    wait("the first", stuck).unwrap();
    let _ = wait("the second", aborted);
    until("all room is free", || class.running() == 0);
}

#[test]
fn the_pool_itself_refuses_or_keeps_waiting_when_all_threads_are_busy() {
    let runtime = Flavor::Workers(1).builder().max_blocking_threads(1).build().unwrap();
    let _entered = runtime.enter();
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let stuck = try_spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    let stuck = stuck.unwrap();
    recv("the call", &begins);
    assert!(try_spawn_blocking(|| ()).is_err());
    let (_, waker) = CountingWaker::new();
    let mut next = pin!(spawn_blocking_when_free(|| 5));
    assert!(poll_once(next.as_mut(), &waker).is_pending());
    // Who does not care waits in the queue, and is seen there.
    let queued = task::spawn_blocking(|| 6);
    let stats = runtime.handle().blocking_stats();
    assert_eq!((stats.threads, stats.idle_threads, stats.queued), (1, 0, 1));
    drop(release);
    wait("the call", stuck).unwrap();
    assert_eq!(wait("the queued call", queued).unwrap(), 6);
    let next = wait("room", next);
    assert_eq!(wait("the next call", next).unwrap(), 5);
    assert!(runtime.handle().blocking_stats().longest_wait > Duration::ZERO);
}
