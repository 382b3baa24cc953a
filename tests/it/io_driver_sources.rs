//! Sources of the I/O driver that come and go, and the driver's own end.

use std::fs::File;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::io_driver::{Loop, TOO_LONG, Task, on_each_backend, read, tcp_pair, unix_pair, write};
use raddle_io_driver::{Backend, Driver, Interest, Registered, ShutDown};

#[test]
fn closing_wakes_everyone_and_fails_whatever_comes_later() {
    on_each_backend(|it| {
        let (a, b) = unix_pair();
        let a = it.register(a);
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        let (slot, listed) = (Task::new(), Task::new());
        assert!(a.registration().poll_read_ready(&mut slot.context()).is_pending());
        let mut wait = Box::pin(a.readable());
        assert!(wait.as_mut().poll(&mut listed.context()).is_pending());

        let mut woken = Vec::new();
        it.handle.close(&mut woken);
        assert_eq!((slot.wakes(), listed.wakes()), (0, 0), "wakers are returned, not woken");
        woken.drain(..).for_each(Waker::wake);
        assert_eq!((slot.wakes(), listed.wakes()), (1, 1));

        let error = it.run("the end", wait).unwrap_err();
        assert!(ShutDown::is_cause_of(&error));
        assert_eq!(error.to_string(), "the I/O driver has shut down");
        assert!(ShutDown::is_cause_of(&a.try_io(Interest::WRITABLE, |_| Ok(())).unwrap_err()));
        assert!(ShutDown::is_cause_of(&Registered::new(b, &it.handle).unwrap_err()));
        it.handle.close(&mut woken);
        assert!(woken.is_empty());
    });
}

#[test]
fn dropping_the_driver_tells_those_who_still_wait() {
    for backend in [Backend::default(), Backend::Portable] {
        let (driver, handle) = Driver::new(backend).unwrap();
        let (a, _b) = unix_pair();
        let a = Registered::new(a, &handle).unwrap();
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        let task = Task::new();
        assert!(a.registration().poll_read_ready(&mut task.context()).is_pending());
        drop(driver);
        assert_eq!(task.wakes(), 1);
        let Poll::Ready(outcome) = a.registration().poll_read_ready(&mut task.context()) else {
            panic!("still waiting");
        };
        assert!(ShutDown::is_cause_of(&outcome.unwrap_err()));
    }
}

#[test]
fn a_dropped_source_forgets_its_waiter_and_is_counted_no_more() {
    on_each_backend(|it| {
        let handle = it.handle.clone();
        let (a, b) = unix_pair();
        let a = it.register(a);
        let _b = it.register(b);
        assert_eq!(handle.registrations(), 2);
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        let task = Task::new();
        assert!(a.registration().poll_read_ready(&mut task.context()).is_pending());
        assert_eq!(task.kept_elsewhere(), 1);
        drop(a);
        assert_eq!((task.kept_elsewhere(), task.wakes()), (0, 0));
        assert_eq!(handle.registrations(), 1);
    });
}

#[test]
fn a_source_given_back_can_be_registered_again() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        let mut a = a;
        for _ in 0..3 {
            let registered = it.register(a);
            b.write_all(b"x").unwrap();
            it.run("a byte", registered.readable()).unwrap();
            a = registered.into_inner();
            assert_eq!(a.read(&mut [0; 8]).unwrap(), 1);
        }
        assert_eq!(it.handle.registrations(), 0);
    });
}

#[test]
fn a_source_cannot_be_registered_twice_nor_a_regular_file_at_all() {
    let (_driver, handle) = Driver::new(Backend::default()).unwrap();
    let (a, _b) = unix_pair();
    let a = Registered::new(Arc::new(a), &handle).unwrap();
    let error = Registered::new(a.get_ref().clone(), &handle).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    let error = Registered::new(file, &handle).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("registering"), "{error}");
    assert_eq!(handle.registrations(), 1);
}

#[test]
fn events_of_a_closed_socket_never_reach_the_next_owner_of_its_place() {
    on_each_backend(|it| {
        let stop = AtomicBool::new(false);
        let Loop { driver, handle, .. } = it;
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut woken = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    driver.turn(Some(Duration::ZERO), &mut woken).unwrap();
                    woken.drain(..).for_each(Waker::wake);
                }
            });
            for _ in 0..2_000 {
                // The first owner has events under way when it is closed; the second has none, ever.
                let (a, mut b) = unix_pair();
                let a = Registered::new(a, handle).unwrap();
                let task = Task::new();
                let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
                let _ = a.registration().poll_read_ready(&mut task.context());
                b.write_all(b"x").unwrap();
                drop(a);
                let (c, _d) = unix_pair();
                let c = Registered::new_connecting(c, handle).unwrap();
                let task = Task::new();
                let _ = c.registration().poll_read_ready(&mut task.context());
                thread::yield_now();
                assert!(!c.registration().now().is_readable());
                assert_eq!(task.wakes(), 0);
            }
            stop.store(true, Ordering::SeqCst);
        });
    });
}

#[test]
fn a_thousand_pairs_converse_at_once() {
    on_each_backend(|it| {
        let pairs: Vec<_> = (0..1_000)
            .map(|_| {
                let (a, b) = tcp_pair();
                (it.register(a), it.register(b))
            })
            .collect();
        assert_eq!(it.handle.registrations(), 2_000);
        let conversations = pairs.iter().map(|(a, b)| async move {
            for round in 0..3 {
                let mut byte = [0];
                write(a, &[round]).await.unwrap();
                read(b, &mut byte).await.unwrap();
                write(b, &byte).await.unwrap();
                read(a, &mut byte).await.unwrap();
                assert_eq!(byte, [round]);
            }
        });
        // Every conversation is a task of its own, polled when it was woken and not otherwise.
        let mut tasks: Vec<_> =
            conversations.map(|future| (Task::new(), 0, Some(Box::pin(future)))).collect();
        let mut left = tasks.len();
        while left > 0 {
            for (task, seen, future) in &mut tasks {
                let Some(pinned) = future else { continue };
                if *seen > task.wakes() {
                    continue;
                }
                *seen = task.wakes() + 1;
                if pinned.as_mut().poll(&mut task.context()).is_ready() {
                    *future = None;
                    left -= 1;
                }
            }
            if left > 0 {
                assert!(it.turn(TOO_LONG) > 0, "{left} conversations wait for nothing");
            }
        }
    });
}
