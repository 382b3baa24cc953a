//! `join!`, `try_join!` and `pin!`.

use crate::support::{CountingWaker, DropCounter, poll_once, wait};
use raddle::sync::oneshot;
use std::cell::RefCell;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;

#[test]
fn outputs_come_in_the_order_of_the_arguments_whatever_is_ready_first() {
    let (send, receive) = oneshot::channel();
    let joined = wait("both", async {
        raddle::join!(
            async { receive.await.unwrap() },
            async { send.send("sent").unwrap() },
            ready(3)
        )
    });
    assert_eq!(joined, ("sent", (), 3));
}

#[test]
fn nothing_one_and_many_can_be_joined() {
    wait("nothing", async { raddle::join!() });
    assert_eq!(wait("one", async { raddle::join!(ready(1)) }), (1,));
    let (a, .., l) = wait("twelve", async {
        raddle::join!(
            ready(0),
            ready(1),
            ready(2),
            ready(3),
            ready(4),
            ready(5),
            ready(6),
            ready(7),
            ready(8),
            ready(9),
            ready(10),
            ready(11),
        )
    });
    assert_eq!((a, l), (0, 11));
    assert!(wait("nothing", async { raddle::try_join!() }).is_ok());
}

#[test]
fn a_future_is_dropped_as_soon_as_it_is_done() {
    let drops = DropCounter::new();
    let guard = drops.guard();
    let mut both = pin!(async {
        raddle::join!(
            async {
                let _guard = guard;
            },
            pending::<()>()
        )
    });
    let (_, waker) = CountingWaker::new();
    assert!(poll_once(both.as_mut(), &waker).is_pending());
    assert_eq!(drops.count(), 1);
}

/// Joins two futures that write down their polls, and are ready at the third.
fn order_of_polls(biased: bool) -> Vec<u32> {
    let order = RefCell::new(Vec::new());
    let future = |name| {
        let (order, mut polls) = (&order, 0);
        poll_fn(move |cx| {
            order.borrow_mut().push(name);
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        })
    };
    wait("both", async {
        if biased {
            raddle::join!(biased; future(1), future(2));
        } else {
            raddle::join!(future(1), future(2));
        }
    });
    order.into_inner()
}

#[test]
fn futures_take_turns_in_being_first_unless_biased() {
    assert_eq!(order_of_polls(true), [1, 2, 1, 2, 1, 2]);
    assert_eq!(order_of_polls(false), [1, 2, 2, 1, 1, 2]);
}

#[test]
fn the_first_error_ends_the_others() {
    let drops = DropCounter::new();
    let guard = drops.guard();
    let failed = wait("the error", async {
        raddle::try_join!(
            async {
                let _guard = guard;
                pending::<Result<u8, &str>>().await
            },
            async { Err::<u8, _>("no") }
        )
    });
    assert_eq!((failed, drops.count()), (Err("no"), 1));
    let fine = wait("both", async { raddle::try_join!(async { Ok::<_, ()>(1) }, async { Ok(2) }) });
    assert_eq!(fine, Ok((1, 2)));
}

#[test]
fn what_is_pinned_can_be_awaited_by_reference() {
    wait("the futures", async {
        let one = async { 1 };
        raddle::pin!(one);
        raddle::pin! {
            let two = async { 2 };
            let three = async { 3 };
        }
        assert_eq!((&mut one).await + two.await + three.await, 6);
    });
}
