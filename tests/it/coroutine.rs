//! Coroutines by hand: values go both ways, the end is an error and no panic, and foreign waits are told.

use crate::support::{CountingWaker, DropCounter, catch, planned_panic, poll_once, wait};
use raddle::coroutine::{Coroutine, ResumeError, Resumed, State};
use raddle::sync::oneshot;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

#[test]
fn values_go_both_ways_until_the_end() {
    let mut echo = Coroutine::new(|giver, first: u32| async move {
        let second = giver.give(format!("got {first}")).await;
        let third = giver.give(format!("got {second}")).await;
        first + second + third
    });
    assert_eq!(echo.state(), State::Created);
    assert_eq!(echo.resume(1), Ok(Resumed::Yielded("got 1".to_owned())));
    assert_eq!(echo.state(), State::Suspended);
    assert_eq!(echo.resume(2), Ok(Resumed::Yielded("got 2".to_owned())));
    assert_eq!(echo.resume(3), Ok(Resumed::Complete(6)));
    assert_eq!(echo.state(), State::Done);
    assert_eq!(echo.resume(4), Err(ResumeError::Ended(4)));
    echo.cancel();
    assert_eq!(echo.state(), State::Done);
}

#[test]
fn cancelling_drops_the_body_where_it_is() {
    let drops = DropCounter::new();
    let guard = drops.guard();
    let mut endless = Coroutine::new(|giver, ()| async move {
        let _guard = guard;
        loop {
            giver.give(1).await;
        }
    });
    assert_eq!(endless.resume(()), Ok(Resumed::<_, ()>::Yielded(1)));
    endless.cancel();
    assert_eq!((drops.count(), endless.state()), (1, State::Cancelled));
    assert_eq!(endless.resume(()), Err(ResumeError::Ended(())));
    let guard = drops.guard();
    let never: Coroutine<'_, (), (), ()> = Coroutine::new(|_, ()| async move { drop(guard) });
    drop(never);
    assert_eq!(drops.count(), 2);
}

#[test]
fn a_panic_of_the_body_cancels_it() {
    let mut panics: Coroutine<'_, (), (), ()> =
        Coroutine::new(|_, ()| async { planned_panic("in the body") });
    assert_eq!(catch(|| _ = panics.resume(())), Err("in the body"));
    assert_eq!(panics.state(), State::Cancelled);
    assert!(panics.resume(()).is_err());
}

#[test]
fn a_coroutine_that_waits_for_something_else_says_so_and_goes_on() {
    let (send, receive) = oneshot::channel();
    let mut asks = Coroutine::new(|giver, name: &'static str| async move {
        let answer: &str = receive.await.unwrap();
        giver.give(format!("{name}: {answer}")).await
    });
    assert_eq!(asks.resume("question"), Err(ResumeError::Waits));
    assert_eq!(asks.state(), State::Waiting);
    assert_eq!(asks.resume("again"), Err(ResumeError::StillWaiting("again")));
    {
        let (_, waker) = CountingWaker::new();
        let mut waiting = pin!(asks.wait());
        assert!(poll_once(waiting.as_mut(), &waker).is_pending());
    }
    send.send("answer").unwrap();
    let resumed = wait("the answer", asks.wait());
    assert_eq!(resumed, Some(Resumed::Yielded("question: answer".to_owned())));
    assert_eq!(wait("no answer", asks.wait()), None);
    assert_eq!(wait("the end", asks.resume_async("end")), Ok(Resumed::Complete("end")));
}

#[test]
fn a_coroutine_is_an_iterator_and_borrows() {
    let words = ["a", "b", "c"];
    let joined = Coroutine::new(|giver, ()| async {
        let giver = giver;
        for word in &words {
            giver.give(*word).await;
        }
    });
    assert_eq!(joined.collect::<String>(), "abc");
}

/// A value that tells of its end.
struct Told(u32, Arc<Mutex<Vec<u32>>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[test]
fn an_answer_that_nobody_took_is_not_given_to_another_question() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut coroutine = Coroutine::new(|giver, first: Told| async move {
        drop(first);
        {
            // Asked, and given up.
            let mut question = pin!(giver.give("first"));
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                if polls == 1 { question.as_mut().poll(cx).map(drop) } else { Poll::Ready(()) }
            })
            .await;
        }
        let mut question = pin!(giver.give("second"));
        // Polled twice before it is resumed, as a combinator may.
        poll_fn(|cx| {
            assert!(question.as_mut().poll(cx).is_pending());
            assert!(question.as_mut().poll(cx).is_pending(), "an answer to the first");
            Poll::Ready(())
        })
        .await;
        question.await.0
    });
    let value = |number| Told(number, told.clone());
    assert!(matches!(coroutine.resume(value(1)), Ok(Resumed::Yielded("first"))));
    assert!(matches!(coroutine.resume(value(2)), Ok(Resumed::Yielded("second"))));
    assert_eq!(*told.lock().unwrap(), [1, 2], "nobody wants the answer to the first");
    assert!(matches!(coroutine.resume(value(3)), Ok(Resumed::Complete(3))));
    assert_eq!(*told.lock().unwrap(), [1, 2, 3]);
}
