//! Rules J1 to J3 of the queues.

use crate::sync_support::{once, run_beside};
use loom::{future::block_on, sync::Arc, thread};
use raddle_sync::{
    loom::internals::{leaving_out, opening},
    queue::{LifoQueue, Queue},
};
use std::{future::poll_fn, task::Poll};

#[test]
fn j1_room_and_items_pass_between_a_putter_and_a_getter() {
    loom::model(|| {
        let queue = Arc::new(Queue::bounded(1));
        let putting = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                block_on(queue.put(Arc::new(1))).unwrap();
                block_on(queue.put(Arc::new(2))).unwrap();
            })
        };
        assert_eq!(*block_on(queue.get()).unwrap(), 1);
        assert_eq!(*block_on(queue.get()).unwrap(), 2);
        putting.join().unwrap();
        assert!(queue.is_empty() && !queue.is_full());
    });
}

#[test]
fn j1_a_getter_that_gives_up_leaves_the_item_to_the_other() {
    loom::model(|| {
        let queue = Arc::new(LifoQueue::unbounded());
        let impatient = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(once(queue.get())).is_some())
        };
        let putting = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                queue.try_put(1).unwrap();
                queue.try_put(2).unwrap();
            })
        };
        assert!(block_on(queue.get()).is_ok());
        putting.join().unwrap();
        let taken = 1 + usize::from(impatient.join().unwrap());
        assert_eq!(queue.len(), 2 - taken);
    });
}

fn an_item_is_got_or_given_back_when_the_queue_closes() {
    loom::model(|| {
        let queue = Arc::new(Queue::bounded(1));
        let putting = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || usize::from(block_on(queue.put(Arc::new(1))).is_ok()))
        };
        let closing = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.close())
        };
        let mut got = 0;
        while block_on(queue.get()).is_ok() {
            got += 1;
        }
        let put = putting.join().unwrap();
        closing.join().unwrap();
        assert!(put == got && queue.is_empty(), "it came after the end");
    });
}

#[test]
fn j2_an_item_is_got_or_given_back_when_the_queue_closes() {
    an_item_is_got_or_given_back_when_the_queue_closes();
}

#[test]
#[should_panic(expected = "it came after the end")]
fn j2_control_a_putter_that_does_not_look_again_leaves_its_item_behind() {
    leaving_out("J2", an_item_is_got_or_given_back_when_the_queue_closes);
}

#[test]
fn j2_who_was_served_before_the_close_gets_its_item() {
    loom::model(|| {
        let queue = Arc::new(Queue::unbounded());
        let mut first = Box::pin(queue.get());
        assert!(block_on(poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx)))).is_pending());
        let asking_later = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || block_on(queue.get()).is_ok())
        };
        queue.try_put(1).unwrap();
        queue.close();
        assert_eq!(block_on(first), Ok(1));
        assert!(!asking_later.join().unwrap(), "there was but one");
    });
}

#[test]
fn j2_who_was_served_before_the_close_and_gives_up_leaves_its_item_to_who_waits() {
    loom::model(|| {
        let queue = Arc::new(Queue::bounded(1));
        let mut first = Box::pin(queue.get());
        assert!(block_on(poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx)))).is_pending());
        let asking_later = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || assert_eq!(block_on(queue.get()), Ok(1)))
        };
        queue.try_put(1).unwrap();
        queue.close();
        drop(first);
        asking_later.join().unwrap();
        assert!(queue.is_empty() && queue.try_get().is_err());
    });
}

#[test]
fn j2_two_who_take_the_last_items_tell_a_third_of_the_end() {
    loom::model(|| {
        let queue = Arc::new(Queue::unbounded());
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || usize::from(block_on(queue.get()).is_ok()))
            })
            .collect();
        queue.close();
        let mut got = 0;
        while block_on(queue.get()).is_ok() {
            got += 1;
        }
        let others: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert_eq!(got + others, 2);
    });
}

fn the_last_task_done_wakes_who_joins() {
    opening("J3", || {
        loom::model(|| {
            let queue = Arc::new(Queue::unbounded());
            queue.try_put(1).unwrap();
            queue.try_put(2).unwrap();
            let workers = (0..2)
                .map(|_| {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || {
                        queue.try_get().unwrap();
                        queue.task_done().unwrap();
                    })
                })
                .collect();
            run_beside(workers, queue.join());
            assert!(queue.task_done().is_err(), "it was not done");
        });
    });
}

#[test]
fn j3_the_last_task_done_wakes_who_joins() {
    the_last_task_done_wakes_who_joins();
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn j3_control_who_counts_before_its_notified_is_born_joins_for_ever() {
    leaving_out("J3", the_last_task_done_wakes_who_joins);
}
