//! Time that stands still, on every kind of runtime: when it jumps, when it must not, and what `advance` does.

use crate::support::count::panic_text;
use crate::support::{Flavor, Running, Sleepers, Trace, catch, recv, scaled, until, wait, watched};
use raddle::runtime::Runtime;
use raddle::sync::oneshot;
use raddle::task;
use raddle::time::{self, Duration, Instant, ManualClock, interval, sleep, sleep_until, timeout};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

const HOUR: Duration = Duration::from_secs(3_600);

/// A runtime of that kind whose time stands still.
fn start(flavor: Flavor) -> Running {
    let runtime = flavor.builder().start_paused(true).build().unwrap();
    Running::new(flavor, runtime)
}

fn start_with_sleepers(flavor: Flavor) -> (Running, Sleepers) {
    let mut builder = flavor.builder();
    builder.start_paused(true);
    let sleepers = Sleepers::of(&mut builder);
    (Running::new(flavor, builder.build().unwrap()), sleepers)
}

/// The moment by the clock of a runtime.
fn now_in(running: &Running) -> Instant {
    let _entered = running.handle().enter();
    Instant::now()
}

#[test]
fn a_year_of_sleeps_takes_no_time_and_each_is_exact() {
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let tasks: Vec<_> = (0..scaled(2_000) as u32)
            .map(|number| {
                running.handle().spawn(async move {
                    for part in [1, 5, 3] {
                        let begun = Instant::now();
                        let asked = part * HOUR + number * Duration::from_nanos(7_777_777);
                        sleep(asked).await;
                        assert_eq!(begun.elapsed(), asked, "{flavor:?}");
                    }
                })
            })
            .collect();
        for task in tasks {
            wait("a sleeper", task).unwrap();
        }
    }
}

#[test]
fn time_jumps_from_deadline_to_deadline_whichever_worker_set_them() {
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let trace = Trace::new();
        let written = trace.clone();
        let count = scaled(500) as u32;
        // Set by tasks of the runtime: what a thread outside is about to do holds no time up.
        let parent = running.handle().spawn(async move {
            let base = Instant::now() + HOUR;
            let tasks: Vec<_> = (0..count)
                .map(|number| {
                    let trace = written.clone();
                    let deadline = base + number * 7_919 % count * HOUR;
                    raddle::spawn(async move {
                        sleep_until(deadline).await;
                        trace.push(Instant::now());
                        assert_eq!(Instant::now(), deadline, "{flavor:?}");
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        wait("the sleepers", parent).unwrap();
        assert!(trace.take().is_sorted());
    }
}

#[test]
fn a_root_future_sleeps_through_paused_time_and_a_timeout_is_met_exactly() {
    for flavor in Flavor::ALL {
        let runtime = flavor.builder().start_paused(true).build().unwrap();
        watched("a root future whose time is paused", || {
            runtime.block_on(async {
                let begun = Instant::now();
                assert!(timeout(HOUR, pending::<()>()).await.is_err());
                assert_eq!(begun.elapsed(), HOUR);
                let mut ticks = interval(HOUR);
                for number in 0..10 {
                    assert_eq!(ticks.tick().await, begun + HOUR + number * HOUR);
                    assert_eq!(begun.elapsed(), HOUR + number * HOUR);
                }
            });
        });
    }
}

#[test]
fn tasks_that_wake_one_another_keep_time_from_jumping() {
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let (send, mut receive) = raddle::sync::mpsc::channel::<u32>(1);
        let begun = now_in(&running);
        let count = scaled(2_000) as u32;
        drop(running.handle().spawn(async move {
            for number in 0..count {
                send.send(number).await.unwrap();
                task::yield_now().await;
            }
        }));
        let task = running.handle().spawn(async move {
            for _ in 0..count {
                assert!(timeout(HOUR, receive.recv()).await.is_ok(), "time jumped");
            }
            Instant::now()
        });
        assert_eq!(wait("the receiver", task).unwrap(), begun, "{flavor:?}");
    }
}

#[test]
fn time_stands_still_while_a_blocking_call_runs() {
    for flavor in Flavor::ALL {
        let (running, sleepers) = start_with_sleepers(flavor);
        let begun = now_in(&running);
        let (release, released) = mpsc::channel::<()>();
        let call = running.handle().spawn_blocking(move || {
            recv("the release", &released);
            Instant::now()
        });
        let sleeper = running.handle().spawn(async { sleep(HOUR).await });
        sleepers.until(running.threads());
        assert_eq!(now_in(&running), begun);
        assert!(!sleeper.is_finished());
        release.send(()).unwrap();
        assert_eq!(wait("the call", call).unwrap(), begun, "{flavor:?}");
        // And when it is over, time goes on, although it wakes nobody who waits for it.
        wait("the sleeper", sleeper).unwrap();
        assert_eq!(now_in(&running), begun + HOUR);
    }
}

#[test]
fn time_stands_still_while_a_task_runs_on_one_of_several_workers() {
    for flavor in [Flavor::Workers(2), Flavor::Workers(4)] {
        let (running, sleepers) = start_with_sleepers(flavor);
        let threads = running.threads();
        let begun = now_in(&running);
        let sleeper = running.handle().spawn(async { sleep(HOUR).await });
        // Who sleeps by then, has slept through it.
        let others = sleepers.clone();
        let busy = running.handle().spawn(async move {
            let before = Instant::now();
            others.until(threads - 1);
            assert_eq!(Instant::now(), before);
        });
        wait("the busy task", busy).unwrap();
        wait("the sleeper", sleeper).unwrap();
        assert_eq!(now_in(&running), begun + HOUR);
    }
}

#[test]
fn time_stands_still_while_a_root_future_without_a_guest_slot_is_polled() {
    let flavor = Flavor::Workers(1);
    let (running, sleepers) = start_with_sleepers(flavor);
    // Both guest slots are taken.
    let guests: Vec<_> = (0..2)
        .map(|_| {
            let (handle, (stop, stopped)) = (running.handle().clone(), oneshot::channel::<()>());
            (stop, thread::spawn(move || drop(handle.block_on(stopped))))
        })
        .collect();
    sleepers.until(3);
    let handle = running.handle().clone();
    let outside = thread::spawn(move || {
        handle.block_on(async {
            let begun = Instant::now();
            let sleeper = raddle::spawn(async { sleep(HOUR).await });
            // The worker has polled the sleeper and sleeps again.
            until("a deadline is set", || !sleeper.is_finished());
            sleepers.until(3);
            assert_eq!(Instant::now(), begun);
            sleeper.await.unwrap();
            assert_eq!(begun.elapsed(), HOUR);
            sleep(HOUR).await;
            assert_eq!(begun.elapsed(), 2 * HOUR);
        });
    });
    watched("a root future outside the slots", || outside.join()).unwrap();
    for (stop, guest) in guests {
        stop.send(()).unwrap();
        watched("a guest", || guest.join()).unwrap();
    }
}

#[test]
fn a_wake_of_a_root_future_that_has_ended_holds_no_time_up() {
    for workers in [1, 2] {
        let running = start(Flavor::Workers(workers));
        let handle = running.handle();
        let waker = handle.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        waker.wake();
        wait("a sleeper", handle.spawn(async { sleep(HOUR).await })).unwrap();
    }
}

#[test]
fn time_does_not_jump_to_a_deadline_that_was_cancelled() {
    for flavor in Flavor::ALL {
        let (running, sleepers) = start_with_sleepers(flavor);
        let (answer, answered) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let task = running.handle().spawn(async move {
            let begun = Instant::now();
            timeout(HOUR, task::yield_now()).await.unwrap();
            tell.send(()).unwrap();
            answered.await.unwrap();
            begun.elapsed()
        });
        recv("the end of the timeout", &told);
        sleepers.until(running.threads());
        answer.send(()).unwrap();
        assert_eq!(wait("the answer", task).unwrap(), Duration::ZERO, "{flavor:?}");
    }
}

#[cfg(feature = "net")]
#[test]
fn beside_a_socket_each_jump_takes_its_real_millisecond() {
    use raddle::net::UdpSocket;
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let task = running.handle().spawn(async {
            let _socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            for _ in 0..5 {
                let really = std::time::Instant::now();
                sleep(HOUR).await;
                assert!(really.elapsed() >= Duration::from_millis(1), "{:?}", really.elapsed());
            }
        });
        wait("a sleeper beside a socket", task).unwrap();
    }
}

#[cfg(feature = "net")]
#[test]
fn what_one_socket_has_sent_to_another_arrives_before_time_jumps() {
    use raddle::net::{TcpListener, TcpStream};
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let task = running.handle().spawn(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            // Waits for a connection all the time: that holds nothing up.
            drop(raddle::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    drop(raddle::spawn(async move {
                        let mut byte = [0];
                        while stream.read_exact(&mut byte).await.is_ok() {
                            if byte[0] == b's' {
                                sleep(HOUR).await;
                            }
                            stream.write_all(&byte).await.unwrap();
                        }
                    }));
                }
            }));
            let begun = Instant::now();
            let mut stream = timeout(HOUR, TcpStream::connect(address)).await.unwrap().unwrap();
            for _ in 0..scaled(100) {
                stream.write_all(b"q").await.unwrap();
                let mut byte = [0];
                let reply = timeout(Duration::from_secs(1), stream.read_exact(&mut byte)).await;
                reply.expect("time jumped over a reply").unwrap();
            }
            assert_eq!(begun.elapsed(), Duration::ZERO);
            stream.write_all(b"s").await.unwrap();
            let late = timeout(HOUR / 2, stream.read_exact(&mut [0])).await;
            assert!(late.is_err(), "the server sleeps for an hour");
            assert_eq!(begun.elapsed(), HOUR / 2);
        });
        wait("a client and a server", task).unwrap();
    }
}

#[test]
fn advance_moves_time_by_what_it_is_told_and_wakes_who_is_due() {
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let task = running.handle().spawn(async {
            let begun = Instant::now();
            let trace = Trace::new();
            let sleepers: Vec<_> = [3_u32, 1, 2, 9]
                .map(|hours| {
                    let trace = trace.clone();
                    raddle::spawn(async move {
                        sleep_until(begun + hours * HOUR).await;
                        trace.push(hours);
                    })
                })
                .into_iter()
                .collect();
            time::advance(3 * HOUR).await;
            assert_eq!(begun.elapsed(), 3 * HOUR);
            for sleeper in sleepers {
                sleeper.await.unwrap();
            }
            let mut order = trace.take();
            assert_eq!(order.pop(), Some(9));
            order.sort_unstable();
            assert_eq!(order, [1, 2, 3]);
        });
        wait("a task that moves the time", task).unwrap();
    }
}

#[test]
fn on_a_current_thread_runtime_the_woken_have_run_when_advance_returns() {
    let runtime = Flavor::CurrentThread.builder().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sleeper = raddle::spawn(async { sleep(HOUR).await });
        task::yield_now().await;
        time::advance(HOUR - Duration::from_nanos(1)).await;
        assert!(!sleeper.is_finished(), "early by a nanosecond");
        time::advance(Duration::from_nanos(1)).await;
        assert!(sleeper.is_finished());
    });
}

#[test]
fn time_goes_on_from_where_it_stood() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let before = Instant::now();
            time::pause();
            let stood = Instant::now();
            assert!(stood >= before);
            time::advance(HOUR).await;
            let sleeper = raddle::spawn(async {
                let deadline = Instant::now() + Duration::from_millis(1);
                // Time goes on while it sleeps.
                sleep_until(deadline).await;
                assert!(Instant::now() >= deadline);
            });
            time::resume();
            assert!(Instant::now() >= stood + HOUR);
            sleeper.await.unwrap();
            let now = Instant::now();
            until("time passes", || Instant::now() > now);
            // And may be stopped again.
            time::pause();
            let stood = Instant::now();
            sleep(HOUR).await;
            assert_eq!(stood.elapsed(), HOUR);
        });
        wait("a task that stops the time", task).unwrap();
    }
}

#[test]
fn a_sleep_set_while_time_passed_ends_when_time_is_stopped_later() {
    for flavor in Flavor::ALL {
        let mut builder = flavor.builder();
        let sleepers = Sleepers::of(&mut builder);
        let running = Running::new(flavor, builder.build().unwrap());
        let sleeper = running.handle().spawn(async { sleep(HOUR).await });
        // The driver waits for an hour by the system's clock, and must be told.
        sleepers.until(running.threads());
        let _entered = running.handle().enter();
        time::pause();
        wait("the sleeper", sleeper).unwrap();
    }
}

#[test]
fn on_a_manual_clock_time_passes_when_the_program_says_so() {
    for flavor in Flavor::ALL {
        let clock = ManualClock::new();
        let mut builder = flavor.builder();
        let sleepers = Sleepers::of(&mut builder);
        let running = Running::new(flavor, builder.clock(clock.clone()).build().unwrap());
        let begun = now_in(&running);
        for round in 1..=scaled(50) as u32 {
            let (set, is_set) = mpsc::channel();
            let sleeper = running.handle().spawn(async move {
                let begun = Instant::now();
                let mut nap = pin!(sleep(HOUR));
                poll_fn(|cx| {
                    let polled = nap.as_mut().poll(cx);
                    let _ = set.send(());
                    polled
                })
                .await;
                begun.elapsed()
            });
            recv("the deadline is set", &is_set);
            sleepers.until(running.threads());
            clock.advance(HOUR - Duration::from_nanos(1));
            assert!(!sleeper.is_finished());
            clock.advance(Duration::from_nanos(1));
            assert_eq!(wait("the sleeper", sleeper).unwrap(), HOUR);
            assert_eq!(now_in(&running), begun + round * HOUR);
        }
    }
}

#[test]
fn misuse_is_a_panic_that_says_so() {
    let said = |runtime: &Runtime, f: fn()| {
        let _entered = runtime.enter();
        let payload = std::panic::catch_unwind(f).expect_err("no panic");
        panic_text(&*payload)
    };
    let runtime = Flavor::CurrentThread.build();
    assert!(said(&runtime, time::resume).contains("time does not stand still"));
    time_in(&runtime, time::pause);
    assert!(said(&runtime, time::pause).contains("time stands still already"));
    time_in(&runtime, time::resume);
    let advance = catch(|| {
        let moved = runtime.block_on(async {
            let moved = raddle::spawn(async { time::advance(HOUR).await });
            moved.await
        });
        moved.expect_err("no panic").is_panic()
    });
    assert_eq!(advance, Ok(true));
    let outside = std::panic::catch_unwind(time::pause).expect_err("no panic");
    assert!(panic_text(&*outside).contains("needs a raddle runtime"));
}

fn time_in(runtime: &Runtime, f: fn()) {
    let _entered = runtime.enter();
    f();
}
