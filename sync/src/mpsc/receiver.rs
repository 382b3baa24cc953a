//! What both receivers can do, written once.

/// Implements the methods of a receiver around `rx`, with documentation for it.
///
/// A macro, because the two public types share twenty documented methods whose examples differ in
/// one call.
macro_rules! receiver_methods {
    ($Receiver:ident, $channel:literal, $send:literal) => {
        // As the channels of the standard library: a panic leaves the channel consistent.
        impl<T> std::panic::UnwindSafe for $Receiver<T> {}
        impl<T> std::panic::RefUnwindSafe for $Receiver<T> {}

        impl<T> $Receiver<T> {
            /// Waits for the next message; `None` once all have been received and none can come any
            /// more.
            ///
            /// # Panics
            /// If the waker of the sender panics that waited for the slot. The message stays in the
            /// channel, and is the next to be received.
            ///
            /// # Cancel safety
            /// Dropping this future loses no message.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// drop(sender);
            /// assert_eq!(receiver.recv().await, Some(1));
            /// assert_eq!(receiver.recv().await, None);
            /// # });
            /// ```
            #[inline]
            pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
                std::future::poll_fn(|cx| self.rx.poll_recv(cx))
            }

            /// As [`recv`](Self::recv), for hand-written futures.
            ///
            /// After `Pending` the task is woken for the next message, or the end. Only the waker
            /// of the last call counts.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// let next = std::future::poll_fn(|cx| receiver.poll_recv(cx)).await;
            /// assert_eq!(next, Some(1));
            /// # });
            /// ```
            pub fn poll_recv(
                &mut self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<T>> {
                self.rx.poll_recv(cx)
            }

            /// Waits for messages, and appends up to `limit` of those that are there to `into`.
            ///
            /// Returns how many; zero if `limit` is zero, or once all have been received and none
            /// can come any more. Costs the task one unit of its [budget](crate::budget), however
            /// many it gets.
            ///
            /// # Panics
            /// If the waker of a sender panics that waited for one of the slots. What was received
            /// by then is in `into`, though not counted; the other senders are woken all the same,
            /// and no message or slot is lost.
            ///
            /// # Cancel safety
            /// Dropping this future loses no message.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            #[doc = concat!("sender.", $send, "(2).unwrap();")]
            /// let mut batch = Vec::new();
            /// assert_eq!(receiver.recv_many(&mut batch, 10).await, 2);
            /// assert_eq!(batch, [1, 2]);
            /// # });
            /// ```
            pub async fn recv_many(&mut self, into: &mut Vec<T>, limit: usize) -> usize {
                std::future::poll_fn(|cx| self.rx.poll_recv_many(cx, into, limit)).await
            }

            /// As [`recv_many`](Self::recv_many), for hand-written futures.
            ///
            /// # Examples
            /// ```
            /// # futures_lite::future::block_on(async {
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// let mut batch = Vec::new();
            /// std::future::poll_fn(|cx| receiver.poll_recv_many(cx, &mut batch, 10)).await;
            /// assert_eq!(batch, [1]);
            /// # });
            /// ```
            pub fn poll_recv_many(
                &mut self,
                cx: &mut std::task::Context<'_>,
                into: &mut Vec<T>,
                limit: usize,
            ) -> std::task::Poll<usize> {
                self.rx.poll_recv_many(cx, into, limit)
            }

            /// Takes the next message if it is there.
            ///
            /// # Errors
            /// [`TryRecvError::Empty`](crate::mpsc::error::TryRecvError::Empty) if one may still
            /// come, [`TryRecvError::Disconnected`](crate::mpsc::error::TryRecvError::Disconnected)
            /// if not.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            /// assert!(receiver.try_recv().is_err());
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// assert_eq!(receiver.try_recv(), Ok(1));
            /// ```
            pub fn try_recv(&mut self) -> Result<T, crate::mpsc::error::TryRecvError> {
                self.rx.try_recv()
            }

            /// As [`recv`](Self::recv), on this thread, which sleeps meanwhile.
            ///
            /// # Panics
            /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
            /// would be held up.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("std::thread::spawn(move || sender.", $send, "(1));")]
            /// assert_eq!(receiver.blocking_recv(), Some(1));
            /// ```
            #[track_caller]
            pub fn blocking_recv(&mut self) -> Option<T> {
                crate::blocking::block_on(self.recv())
            }

            /// As [`recv_many`](Self::recv_many), on this thread, which sleeps meanwhile.
            ///
            /// # Panics
            /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
            /// would be held up.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// let mut batch = Vec::new();
            /// assert_eq!(receiver.blocking_recv_many(&mut batch, 10), 1);
            /// ```
            #[track_caller]
            pub fn blocking_recv_many(&mut self, into: &mut Vec<T>, limit: usize) -> usize {
                crate::blocking::block_on(self.recv_many(into, limit))
            }

            /// Refuses messages from now on. What has been sent can still be received.
            ///
            /// `recv` returns `None` when all that was sent, or had its slot reserved, has been
            /// received.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, mut receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// receiver.close();
            #[doc = concat!("assert!(sender.", $send, "(2).is_err());")]
            /// assert_eq!(receiver.blocking_recv(), Some(1));
            /// assert_eq!(receiver.blocking_recv(), None);
            /// ```
            pub fn close(&mut self) {
                self.rx.close();
            }

            /// Whether the receiver has been closed, or all senders dropped. There may be messages
            /// left.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("# sender.", $send, "(1).unwrap();")]
            /// drop(sender);
            /// assert!(receiver.is_closed());
            /// ```
            pub fn is_closed(&self) -> bool {
                self.rx.is_closed()
            }

            /// Whether there is no message at this moment.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, receiver) = raddle_sync::mpsc::", $channel, ";")]
            /// assert!(receiver.is_empty());
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// assert!(!receiver.is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.rx.len() == 0
            }

            /// The number of messages at this moment.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// assert_eq!(receiver.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.rx.len()
            }

            /// The number of senders at this moment.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// assert_eq!(receiver.sender_strong_count(), 1);
            /// ```
            pub fn sender_strong_count(&self) -> usize {
                self.rx.senders.load(crate::loom::Ordering::Acquire)
            }

            /// The number of weak senders at this moment.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let (sender, receiver) = raddle_sync::mpsc::", $channel, ";")]
            #[doc = concat!("sender.", $send, "(1).unwrap();")]
            /// assert_eq!(receiver.sender_weak_count(), 0);
            /// ```
            pub fn sender_weak_count(&self) -> usize {
                self.rx.weak_senders.load(crate::loom::Ordering::Relaxed)
            }
        }

        impl<T> std::fmt::Debug for $Receiver<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($Receiver)).field("rx", &self.rx).finish()
            }
        }
    };
}

pub(super) use receiver_methods;
