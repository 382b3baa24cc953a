//! The three queues, which differ in what they hand out first.

use super::{
    core::{Core, Store},
    error::{GetError, PutError, TaskDoneError, TryGetError, TryPutError},
    heap::Heap,
};
use crate::{blocking::block_on, loom::const_fn, stats::Stats};
use std::{
    collections::VecDeque,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

struct Fifo<T>(VecDeque<T>);

impl<T> Store for Fifo<T> {
    type Item = T;

    fn push(&mut self, item: &mut Option<T>) {
        self.0.extend(item.take());
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

struct Lifo<T>(Vec<T>);

impl<T> Store for Lifo<T> {
    type Item = T;

    fn push(&mut self, item: &mut Option<T>) {
        self.0.extend(item.take());
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// A queue type around a store. A macro, because the three share fifteen documented methods whose
/// examples differ in one name.
macro_rules! queue {
    (
        $(#[$attr:meta])*
        $Queue:ident<T $(: $Bound:ident)?>($Store:ident, $empty:expr), $name:literal
    ) => {
        $(#[$attr])*
        pub struct $Queue<T $(: $Bound)?> {
            core: Core<$Store<T>>,
        }

        // A panic leaves the queue consistent.
        impl<T $(: $Bound)?> UnwindSafe for $Queue<T> {}
        impl<T $(: $Bound)?> RefUnwindSafe for $Queue<T> {}

        impl<T $(: $Bound)?> $Queue<T> {
            /// An empty queue for at most `capacity` items at a time.
            ///
            /// Space for them is allocated as they come.
            ///
            /// # Panics
            /// If `capacity` is zero, or more than `usize::MAX >> 3`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::bounded(1);")]
            /// queue.try_put('a').unwrap();
            /// assert!(queue.is_full());
            /// ```
            #[track_caller]
            pub fn bounded(capacity: usize) -> Self {
                Self { core: Core::bounded($empty, capacity) }
            }

            const_fn! {
                /// An empty queue without bound: putting never waits.
                ///
                /// # Examples
                /// ```
                #[doc = concat!("use raddle_sync::queue::", $name, ";")]
                ///
                #[doc = concat!("static QUEUE: ", $name, "<u32> = ", $name, "::unbounded();")]
                /// QUEUE.try_put(1).unwrap();
                /// assert_eq!(QUEUE.try_get(), Ok(1));
                /// ```
                pub fn unbounded() -> Self {
                    Self { core: Core::unbounded($empty) }
                }
            }

            /// Waits for room, and puts the item.
            ///
            /// # Cancel safety
            /// Dropping this future before it completes drops the item, which is then not put.
            ///
            /// # Errors
            /// The item, if the queue is closed, or gets closed meanwhile.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::bounded(1);")]
            /// queue.put('a').await.unwrap();
            /// assert_eq!(queue.get().await, Ok('a'));
            /// # });
            /// ```
            pub async fn put(&self, item: T) -> Result<(), PutError<T>> {
                self.core.put(item).await
            }

            /// As [`put`](Self::put), but the item stays where it is until there is room for it.
            ///
            /// # Cancel safety
            /// Dropping this future before it completes puts nothing, and leaves the item in `item`.
            ///
            /// # Panics
            /// If there is no item in `item` when this is polled first.
            ///
            /// # Errors
            /// If the queue is closed, or gets closed meanwhile. The item is in `item` still.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::bounded(1);")]
            /// let mut item = Some('a');
            /// queue.put_from(&mut item).await.unwrap();
            /// assert_eq!((queue.get().await, item), (Ok('a'), None));
            /// # });
            /// ```
            pub async fn put_from(&self, item: &mut Option<T>) -> Result<(), PutError<()>> {
                self.core.put_from(item).await
            }

            /// Puts the item if there is room, and nobody waits for it.
            ///
            /// # Errors
            /// The item, in [`TryPutError::Full`] or [`TryPutError::Closed`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::bounded(1);")]
            /// assert!(queue.try_put('a').is_ok());
            /// assert!(queue.try_put('b').is_err());
            /// ```
            pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
                self.core.try_put(item)
            }

            /// As [`put`](Self::put), on this thread, which sleeps while the queue is full.
            ///
            /// # Panics
            /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
            /// would be held up.
            ///
            /// # Errors
            /// The item, if the queue is closed, or gets closed meanwhile.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::bounded(1);")]
            /// queue.blocking_put('a').unwrap();
            /// assert_eq!(queue.blocking_get(), Ok('a'));
            /// ```
            #[track_caller]
            pub fn blocking_put(&self, item: T) -> Result<(), PutError<T>> {
                block_on(self.put(item))
            }

            /// Waits for an item, and takes it out.
            ///
            /// # Cancel safety
            /// Dropping this future loses no item, only the place in line.
            ///
            /// # Errors
            /// If the queue is closed and empty.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::unbounded();")]
            /// queue.try_put('a').unwrap();
            /// queue.close();
            /// assert_eq!(queue.get().await, Ok('a'));
            /// assert!(queue.get().await.is_err());
            /// # });
            /// ```
            pub async fn get(&self) -> Result<T, GetError> {
                self.core.get().await
            }

            /// Takes an item out if there is one, and nobody waits for it.
            ///
            /// # Errors
            /// [`TryGetError::Empty`] or [`TryGetError::Closed`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::unbounded();")]
            /// assert!(queue.try_get().is_err());
            /// queue.try_put('a').unwrap();
            /// assert_eq!(queue.try_get(), Ok('a'));
            /// ```
            pub fn try_get(&self) -> Result<T, TryGetError> {
                self.core.try_get()
            }

            /// As [`get`](Self::get), on this thread, which sleeps while the queue is empty.
            ///
            /// # Panics
            /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
            /// would be held up.
            ///
            /// # Errors
            /// If the queue is closed and empty.
            ///
            /// See [`blocking_put`](Self::blocking_put) for an example.
            #[track_caller]
            pub fn blocking_get(&self) -> Result<T, GetError> {
                block_on(self.get())
            }

            /// Says that an item that was got has been worked off. The last one wakes who
            /// [joins](Self::join).
            ///
            /// # Errors
            /// If there is no item left that is not done.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::unbounded();")]
            /// queue.try_put('a').unwrap();
            /// queue.try_get().unwrap();
            /// assert!(queue.task_done().is_ok());
            /// assert!(queue.task_done().is_err());
            /// ```
            pub fn task_done(&self) -> Result<(), TaskDoneError> {
                self.core.task_done()
            }

            /// Waits until every item that was put has been reported with
            /// [`task_done`](Self::task_done).
            ///
            /// # Cancel safety
            /// Nothing is lost.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::unbounded();")]
            /// queue.try_put('a').unwrap();
            /// let work = async {
            ///     queue.get().await.unwrap();
            ///     queue.task_done().unwrap();
            /// };
            /// futures_lite::future::zip(queue.join(), work).await;
            /// # });
            /// ```
            pub async fn join(&self) {
                self.core.join().await;
            }

            /// Refuses items from now on. Who waits to put hears of it at once; who waits to get, when
            /// nothing is left.
            ///
            /// What is in the queue can still be got, first by those who were next in line before
            /// the closing. If one of these gives up, its item goes to the next.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::unbounded();")]
            /// queue.close();
            /// assert_eq!(queue.try_put('a').unwrap_err().into_inner(), 'a');
            /// ```
            pub fn close(&self) {
                self.core.close();
            }

            /// Whether the queue has been closed. There may be items left.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::<u32>::unbounded();")]
            /// assert!(!queue.is_closed());
            /// ```
            pub fn is_closed(&self) -> bool {
                self.core.is_closed()
            }

            /// The number of items at this moment.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::unbounded();")]
            /// queue.try_put('a').unwrap();
            /// assert_eq!(queue.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.core.len()
            }

            /// Whether there is no item at this moment.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::<u32>::unbounded();")]
            /// assert!(queue.is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.core.len() == 0
            }

            /// Whether there is no room at this moment. Never without bound.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::<u32>::unbounded();")]
            /// assert!(!queue.is_full());
            /// ```
            pub fn is_full(&self) -> bool {
                self.core.capacity().is_some_and(|capacity| self.core.len() >= capacity)
            }

            /// The number of items there is room for, free or not; `None` without bound.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::<u32>::bounded(2);")]
            /// assert_eq!(queue.capacity(), Some(2));
            /// ```
            pub fn capacity(&self) -> Option<usize> {
                self.core.capacity()
            }

            /// Who waits to put or to get, how many have, and the longest wait if
            /// [timed](Self::enable_stats).
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::<u32>::unbounded();")]
            /// assert_eq!(queue.stats().waiters, 0);
            /// ```
            pub fn stats(&self) -> Stats {
                self.core.stats()
            }

            /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let queue = raddle_sync::queue::", $name, "::<u32>::unbounded();")]
            /// queue.enable_stats();
            /// assert!(queue.stats().longest_wait.is_zero());
            /// ```
            pub fn enable_stats(&self) {
                self.core.enable_stats();
            }
        }

        impl<T $(: $Bound)?> fmt::Debug for $Queue<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.core.debug($name, f)
            }
        }
    };
}

queue! {
    /// Hands out first what was put first. See the [module](super) for what queues can do.
    ///
    /// # Examples
    /// ```
    /// let queue = raddle_sync::queue::Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// assert_eq!(queue.try_get(), Ok(1));
    /// ```
    Queue<T>(Fifo, Fifo(VecDeque::new())), "Queue"
}

queue! {
    /// Hands out first what was put last. See the [module](super) for what queues can do.
    ///
    /// # Examples
    /// ```
    /// let queue = raddle_sync::queue::LifoQueue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// assert_eq!(queue.try_get(), Ok(2));
    /// ```
    LifoQueue<T>(Lifo, Lifo(Vec::new())), "LifoQueue"
}

queue! {
    /// Hands out the smallest first, and of equals what was put first. See the [module](super) for
    /// what queues can do.
    ///
    /// For the largest first, put `std::cmp::Reverse`.
    ///
    /// `Ord::cmp` of the items runs under the queue's lock: it must not use the queue. If it panics,
    /// so does the call that compared, and the queue is as it was before.
    ///
    /// # Examples
    /// ```
    /// let queue = raddle_sync::queue::PriorityQueue::unbounded();
    /// queue.try_put((2, "wash up")).unwrap();
    /// queue.try_put((1, "cook")).unwrap();
    /// assert_eq!(queue.try_get(), Ok((1, "cook")));
    /// ```
    PriorityQueue<T: Ord>(Heap, Heap::EMPTY), "PriorityQueue"
}
