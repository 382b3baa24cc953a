//! Queues: order, room, who is served, what is done, and closing.

use crate::support_block_on::{Drops, Task, block_on, poll_with, waker_fn};
use raddle_sync::queue::{
    LifoQueue, PriorityQueue, Queue,
    error::{TryGetError, TryPutError},
};
use std::{
    cell::Cell,
    cmp::Ordering,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

#[test]
fn each_kind_has_its_order() {
    let (first, last, least) =
        (Queue::unbounded(), LifoQueue::unbounded(), PriorityQueue::unbounded());
    for item in [2, 3, 1] {
        first.try_put(item).unwrap();
        last.try_put(item).unwrap();
        least.try_put(item).unwrap();
    }
    let all = |get: &dyn Fn() -> Result<u32, TryGetError>| {
        std::iter::from_fn(|| get().ok()).collect::<Vec<_>>()
    };
    assert_eq!(all(&|| first.try_get()), [2, 3, 1]);
    assert_eq!(all(&|| last.try_get()), [1, 3, 2]);
    assert_eq!(all(&|| least.try_get()), [1, 2, 3]);
}

#[test]
fn getters_and_putters_are_served_in_the_order_of_asking() {
    let queue = Queue::bounded(1);
    let mut first = Task::waiting(queue.get());
    let mut second = Task::waiting(queue.get());
    queue.try_put(1).unwrap();
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(queue.try_get(), Err(TryGetError::Empty), "it is the first's");
    assert_eq!(first.ready(), Ok(1));
    queue.try_put(2).unwrap();
    assert_eq!(second.ready(), Ok(2));

    queue.try_put(3).unwrap();
    let mut first = Task::waiting(queue.put(4));
    let mut second = Task::waiting(queue.put(5));
    assert!(queue.is_full());
    assert_eq!(queue.try_get(), Ok(3));
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(queue.try_put(6), Err(TryPutError::Full(6)), "the room is the first's");
    first.ready().unwrap();
    assert_eq!(queue.try_get(), Ok(4));
    second.ready().unwrap();
    assert_eq!(queue.len(), 1);
}

#[test]
fn who_is_served_and_gives_up_hands_it_on() {
    let queue = Queue::bounded(1);
    let first = Task::waiting(queue.get());
    let mut second = Task::waiting(queue.get());
    queue.try_put(1).unwrap();
    drop(first);
    assert!(second.is_woken());
    assert_eq!(second.ready(), Ok(1));

    queue.try_put(2).unwrap();
    let first = Task::waiting(queue.put(3));
    let mut second = Task::waiting(queue.put(4));
    queue.try_get().unwrap();
    drop(first);
    second.ready().unwrap();
    assert_eq!(queue.try_get(), Ok(4));
}

#[test]
fn joining_waits_for_every_item() {
    let queue = Queue::unbounded();
    block_on(queue.join());
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut joining = Task::waiting(queue.join());
    queue.try_get().unwrap();
    queue.task_done().unwrap();
    assert!(!joining.is_woken());
    queue.task_done().unwrap();
    joining.ready();
    let error = queue.task_done().unwrap_err();
    assert_eq!(error.to_string(), "task_done was called more often than items were put");
}

#[test]
fn closing_gives_back_what_was_not_put_and_hands_out_what_was() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut putting = Task::waiting(queue.put(2));
    queue.close();
    assert!(putting.is_woken() && queue.is_closed());
    assert_eq!(putting.ready().unwrap_err().0, 2);
    assert_eq!(queue.try_put(3), Err(TryPutError::Closed(3)));
    assert_eq!(block_on(queue.get()), Ok(1));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    assert!(queue.blocking_get().is_err() && queue.blocking_put(4).is_err());

    let queue = PriorityQueue::<u32>::unbounded();
    let mut getting = Task::waiting(queue.get());
    queue.close();
    assert!(getting.is_woken());
    assert!(getting.ready().is_err());
}

#[test]
fn a_putter_that_was_served_before_the_queue_closed_gets_its_item_back() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut putting = Task::waiting(queue.put(2));
    assert_eq!(queue.try_get(), Ok(1));
    queue.close();
    assert_eq!(putting.ready().unwrap_err().0, 2);
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn a_getter_that_was_served_before_the_queue_closed_gets_its_item() {
    let queue = Queue::unbounded();
    let mut served = Task::waiting(queue.get());
    let mut waits = Task::waiting(queue.get());
    queue.try_put(1).unwrap();
    queue.close();
    // The one item is promised; it may come back, so this is not the end.
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    assert!(!waits.is_woken());
    assert_eq!(served.ready(), Ok(1));
    assert!(waits.is_woken() && waits.ready().is_err());
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn an_item_of_a_closed_queue_goes_to_the_next_if_its_getter_gives_up() {
    let queue = Queue::bounded(1);
    let served = Task::waiting(queue.get());
    let mut waits = Task::waiting(queue.get());
    queue.try_put(1).unwrap();
    queue.close();
    drop(served);
    assert!(waits.is_woken());
    assert_eq!(waits.ready(), Ok(1));
    assert_eq!(queue.try_get(), Err(TryGetError::Closed));
}

#[test]
fn the_last_item_of_a_closed_queue_stays_when_the_waker_of_a_getter_panics() {
    let queue = Queue::unbounded();
    let mut served = Task::waiting(queue.get());
    let mut waits = Task::new(queue.get());
    assert!(poll_with(waits.pin(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    queue.try_put(1).unwrap();
    queue.close();
    // Taking it tells the other of the end, whose waker panics.
    assert!(catch_unwind(AssertUnwindSafe(|| served.ready())).is_err());
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.try_get(), Ok(1));
    assert!(waits.ready().is_err());
}

#[test]
fn an_item_stays_when_the_waker_of_a_putter_panics() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut putting = Task::new(queue.put(2));
    assert!(poll_with(putting.pin(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| queue.try_get())).is_err());
    assert_eq!(queue.try_get(), Ok(1));
    putting.ready().unwrap();
    assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)), "its room was not given twice");
    assert_eq!(queue.try_get(), Ok(2));
    queue.try_put(4).unwrap();
    assert_eq!(queue.try_get(), Ok(4));
}

thread_local! {
    /// How many comparisons are left before one panics.
    static PATIENCE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Compares by rank, and loses patience.
#[derive(Debug, PartialEq, Eq)]
struct Moody(u32);

impl Ord for Moody {
    fn cmp(&self, other: &Self) -> Ordering {
        PATIENCE.with(|patience| {
            assert!(patience.get() > 0, "out of patience");
            patience.set(patience.get() - 1);
        });
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Runs `action` with more and more patience, and returns how often it panicked.
fn until_it_succeeds(mut action: impl FnMut()) -> usize {
    (0..)
        .take_while(|&patience| {
            PATIENCE.set(patience);
            catch_unwind(AssertUnwindSafe(&mut action)).is_err()
        })
        .count()
}

#[test]
fn comparisons_that_panic_leave_a_priority_queue_as_it_was() {
    let queue = PriorityQueue::bounded(20);
    let mut panics = 0;
    let mut expected = Vec::new();
    // Every call is tried with too little patience first, and then with enough.
    for item in (0..15).map(|at| at * 7 % 15) {
        panics += until_it_succeeds(|| queue.try_put(Moody(item)).unwrap());
        expected.push(item);
        assert_eq!(queue.len(), expected.len());
    }
    expected.sort_unstable();
    for item in expected {
        let mut got = None;
        panics += until_it_succeeds(|| got = Some(queue.try_get().unwrap()));
        assert_eq!(got.map(|item| item.0), Some(item));
        queue.task_done().unwrap();
    }
    assert!(panics > 40, "only {panics} panics");
    assert!(queue.task_done().is_err() && queue.is_empty());
    PATIENCE.set(usize::MAX);
    (0..20).for_each(|item| queue.try_put(Moody(item)).unwrap());
    assert!(queue.is_full(), "no room was lost");
}

#[test]
fn equals_leave_a_priority_queue_in_the_order_of_coming() {
    struct Job(u32, u32);
    impl PartialEq for Job {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Job {}
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Job {
        fn cmp(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }
    let queue = PriorityQueue::unbounded();
    for at in 0..100 {
        queue.try_put(Job(at % 3, at)).unwrap_or_else(|_| unreachable!());
    }
    let mut last = (0, 0);
    while let Ok(Job(rank, at)) = queue.try_get() {
        assert!((rank, at) >= last, "{rank}, {at} after {last:?}");
        last = (rank, at);
    }
}

#[test]
fn what_is_left_is_dropped_with_the_queue() {
    let drops = Drops::default();
    let queue = LifoQueue::bounded(3);
    (0..3).for_each(|_| queue.try_put(drops.counted()).unwrap());
    drop(Task::waiting(queue.put(drops.counted())));
    assert_eq!(drops.count(), 1);
    drop(queue);
    assert_eq!(drops.count(), 4);
}

#[test]
fn threads_lose_and_duplicate_nothing() {
    const EACH: u64 = 2_000;
    let queue = Arc::new(Queue::bounded(3));
    let putters: Vec<_> = (0..2)
        .map(|at| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                (0..EACH).for_each(|item| queue.blocking_put(at * EACH + item).unwrap());
            })
        })
        .collect();
    let getters: Vec<_> = (0..2)
        .map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut got = Vec::new();
                while let Ok(item) = queue.blocking_get() {
                    got.push(item);
                    queue.task_done().unwrap();
                }
                got
            })
        })
        .collect();
    putters.into_iter().for_each(|putter| putter.join().unwrap());
    block_on(queue.join());
    queue.close();
    let mut all: Vec<_> = getters.into_iter().flat_map(|getter| getter.join().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..2 * EACH).collect::<Vec<_>>());
}

#[test]
fn statistics_count_both_lines_and_debug_shows_the_state() {
    let queue = Queue::bounded(1);
    let getting = Task::waiting(queue.get());
    assert_eq!(queue.stats().waiters, 1);
    drop(getting);
    queue.try_put(1).unwrap();
    let _putting = Task::waiting(queue.put(2));
    assert_eq!((queue.stats().waiters, queue.stats().contended), (1, 2));
    assert_eq!(
        format!("{queue:?}"),
        "Queue { len: 1, not_done: 1, closed: false, capacity: Some(1) }"
    );
}

#[test]
#[should_panic(expected = "not 0")]
fn a_queue_without_room_is_refused() {
    let _ = Queue::<u32>::bounded(0);
}
