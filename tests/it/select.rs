//! `select!`: which branch runs, what becomes of the others, and how fair it is.

use crate::support::{CountingWaker, DropCounter, poll_once, wait};
use raddle::sync::{budget, mpsc, oneshot};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;

#[test]
fn the_first_that_is_ready_wins_and_the_others_are_dropped_before_its_handler() {
    let drops = DropCounter::new();
    let guard = drops.guard();
    let value = wait("a branch", async {
        raddle::select! {
            () = async { let _guard = guard; pending().await } => unreachable!(),
            x = ready(5) => { assert_eq!(drops.count(), 1); x + 1 }
        }
    });
    assert_eq!(value, 6);
}

#[test]
fn a_pattern_that_does_not_match_takes_its_branch_out() {
    let (send, receive) = oneshot::channel::<u8>();
    let value = wait("the other branch", async {
        raddle::select! {
            biased;
            Some(_) = ready(None::<u8>) => unreachable!(),
            Err(_) = ready(Ok::<u8, ()>(1)) => unreachable!(),
            Ok(number @ 1..=5) = receive => number,
            () = async { send.send(4).unwrap(); pending().await } => unreachable!(),
        }
    });
    assert_eq!(value, 4);
}

#[test]
fn patterns_bind_in_every_way() {
    struct Point {
        x: String,
        y: u8,
    }
    wait("the patterns", async {
        let point = || ready(Point { x: "x".to_owned(), y: 1 });
        raddle::select! { Point { mut x, y: 1 } = point() => { x.push('!'); assert_eq!(x, "x!"); } };
        raddle::select! { Point { ref x, y: _ } = point() => assert_eq!(x, "x") }
        let reference = &3;
        raddle::select! { &number = ready(reference) => assert_eq!(number, 3) }
        raddle::select! { (mut a, Some(&b)) = ready((1, Some(reference))) => { a += b; assert_eq!(a, 4) } }
        raddle::select! { Ok(n) | Err(n) = ready(Err::<u8, u8>(2)) => assert_eq!(n, 2) }
        raddle::select! { _ = ready(()) => {} }
    });
}

#[test]
fn else_runs_when_no_branch_is_left() {
    let value = wait("else", async {
        raddle::select! {
            Some(x) = ready(None) => x,
            x = pending(), if false => x,
            else => 9,
        }
    });
    assert_eq!(value, 9);
}

#[test]
#[should_panic(expected = "no branch is left")]
fn without_else_it_panics() {
    wait("nothing", async {
        raddle::select! { Some(()) = ready(None) => {} }
    });
}

#[test]
fn conditions_come_first_then_every_future_and_only_enabled_ones_are_polled() {
    let steps = RefCell::new(Vec::new());
    let step = |name| steps.borrow_mut().push(name);
    let future = |name, polled| {
        step(name);
        poll_fn(move |_| {
            step(polled);
            Poll::Ready(())
        })
    };
    let condition = |name, value| {
        step(name);
        value
    };
    wait("the second", async {
        raddle::select! {
            biased;
            () = future("first", "first polled"), if condition("if first", false) => unreachable!(),
            () = future("second", "second polled"), if condition("if second", true) => step("handler"),
        }
    });
    assert_eq!(
        *steps.borrow(),
        ["if first", "if second", "first", "second", "second polled", "handler"]
    );
}

#[test]
fn handlers_leave_loops_and_functions() {
    async fn first_even(mut numbers: mpsc::Receiver<u32>) -> Result<u32, &'static str> {
        let mut seen = 0;
        let found = loop {
            raddle::select! {
                Some(number) = numbers.recv() => {
                    seen += 1;
                    if number % 2 == 1 { continue }
                    if number > 100 { return Err("too large") }
                    break number
                }
                else => Err("none")?,
            }
        };
        Ok(found + seen)
    }
    let ask = |numbers: &[u32]| {
        let (send, receive) = mpsc::channel(8);
        numbers.iter().for_each(|number| send.try_send(*number).unwrap());
        drop(send);
        wait("an answer", first_even(receive))
    };
    assert_eq!(ask(&[1, 3, 4, 5]), Ok(7));
    assert_eq!(ask(&[1, 102]), Err("too large"));
    assert_eq!(ask(&[1]), Err("none"));
}

#[test]
fn a_pinned_future_goes_on_from_one_select_to_the_next() {
    let ticks = Cell::new(0);
    wait("the slow future", async {
        let slow = async {
            while ticks.get() < 10 {
                raddle::task::yield_now().await;
            }
            "done"
        };
        raddle::pin!(slow);
        let end = loop {
            raddle::select! {
                biased;
                end = &mut slow => break end,
                () = ready(()) => ticks.set(ticks.get() + 1),
            }
        };
        assert_eq!((end, ticks.get()), ("done", 10));
    });
}

#[test]
fn ready_branches_are_chosen_about_equally_often_unless_biased() {
    let mut counts = [0_u32; 3];
    wait("the rounds", async {
        for _ in 0..3_000 {
            let chosen = raddle::select! {
                () = ready(()) => 0,
                () = ready(()) => 1,
                () = ready(()) => 2,
            };
            counts[chosen] += 1;
        }
    });
    // Nine standard deviations from the mean.
    assert!(counts.iter().all(|count| (750..1_250).contains(count)), "{counts:?}");
    let mut always = [0_u32; 2];
    wait("the biased rounds", async {
        for _ in 0..100 {
            raddle::select! { biased; () = ready(()) => always[0] += 1, () = ready(()) => always[1] += 1 }
        }
    });
    assert_eq!(always, [100, 0]);
}

#[test]
fn a_spent_budget_makes_it_yield() {
    let (counter, waker) = CountingWaker::new();
    let mut selected = pin!(async {
        raddle::select! { () = ready(()) => 1 }
    });
    budget::refill();
    for _ in 0..budget::DEFAULT {
        let mut unit = pin!(poll_fn(budget::poll_proceed));
        let Poll::Ready(unit) = poll_once(unit.as_mut(), &waker) else { panic!("there is budget") };
        unit.made_progress();
    }
    assert!(poll_once(selected.as_mut(), &waker).is_pending());
    assert_eq!(counter.count(), 1);
    budget::clear();
    assert_eq!(poll_once(selected.as_mut(), &waker), Poll::Ready(1));
}

#[test]
fn many_branches_and_every_form_of_handler() {
    let value = wait("a branch", async {
        raddle::select! {
            x = pending::<u8>() => x,
            x = pending::<u8>(), if true => { x }
            x = pending::<u8>(), if 1 > 0 => x,
            x = pending::<u8>() => { x },
            x = pending::<u8>() => if x > 0 { 1 } else { 2 },
            x = ready(8) => match x { 8 => 80, _ => 0 }
        }
    });
    assert_eq!(value, 80);
}

#[test]
fn names_of_the_caller_mean_what_they_mean_outside() {
    mod support {
        pub(super) async fn answer() -> u32 {
            1
        }
    }
    const COUNT: u32 = 7;
    wait("the branches", async {
        raddle::select! { x = support::answer(), if COUNT == 7 => assert_eq!(x + COUNT, 8) }
        assert_eq!(raddle::join!(support::answer(), async { COUNT }), (1, 7));
    });
}
