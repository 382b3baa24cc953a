//! Slots reserved in a bounded channel, to be filled later.

use super::{
    bounded::Sender,
    chan::Chan,
    error::{SendError, TrySendError},
};
use std::{fmt, iter::FusedIterator, mem};

impl<T> Sender<T> {
    /// Waits for a free slot, to send into it later without waiting.
    ///
    /// # Cancel safety
    /// Dropping this future takes no slot, and gives up the place in line.
    ///
    /// # Errors
    /// If the receiver has been closed or dropped.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// permit.send(1);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # });
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.tx.reserve(1).await?;
        Ok(Permit::new(&self.tx))
    }

    /// Waits for `count` slots, which are collected as they come free.
    ///
    /// # Cancel safety
    /// Dropping this future gives back what was collected, and the place in line.
    ///
    /// # Errors
    /// If the receiver has been closed or dropped, or the channel has not that many slots at all.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(2);
    /// sender.reserve_many(2).await.unwrap().for_each(|permit| permit.send(()));
    /// assert_eq!(receiver.len(), 2);
    /// # });
    /// ```
    pub async fn reserve_many(&self, count: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        self.tx.reserve(count).await?;
        Ok(PermitIterator::new(&self.tx, count))
    }

    /// Waits for a slot, for a permit that holds this sender.
    ///
    /// # Cancel safety
    /// Dropping this future drops the sender.
    ///
    /// # Errors
    /// If the receiver has been closed or dropped.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    /// let sender = sender.reserve_owned().await.unwrap().send(1);
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # drop(sender);
    /// # });
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.tx.reserve(1).await?;
        Ok(OwnedPermit::new(self))
    }

    /// Takes a slot if one is free, and nobody waits for it.
    ///
    /// # Errors
    /// [`TrySendError::Full`] or [`TrySendError::Closed`].
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let _permit = sender.try_reserve().unwrap();
    /// assert!(sender.try_reserve().is_err());
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.tx.try_reserve(1)?;
        Ok(Permit::new(&self.tx))
    }

    /// Takes `count` slots if so many are free, and nobody waits for them.
    ///
    /// # Errors
    /// [`TrySendError::Full`] or [`TrySendError::Closed`]; the former too if the channel has not that
    /// many slots at all.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// assert_eq!(sender.try_reserve_many(2).unwrap().len(), 2);
    /// ```
    pub fn try_reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.tx.try_reserve(count)?;
        Ok(PermitIterator::new(&self.tx, count))
    }

    /// As [`try_reserve`](Self::try_reserve), for a permit that holds this sender.
    ///
    /// # Errors
    /// The sender, in [`TrySendError::Full`] or [`TrySendError::Closed`].
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let permit = sender.clone().try_reserve_owned().unwrap();
    /// assert!(sender.try_reserve_owned().is_err());
    /// # drop(permit);
    /// ```
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.tx.try_reserve(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }
}

/// A slot in a bounded channel; sending into it does not wait. Dropping it gives the slot back.
///
/// Made by [`Sender::reserve`] and [`Sender::try_reserve`].
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
/// let permit = sender.try_reserve().unwrap();
/// assert!(sender.try_send(1).is_err());
/// permit.send(2);
/// assert_eq!(receiver.try_recv(), Ok(2));
/// ```
#[must_use = "a permit gives its slot back as soon as it is dropped"]
pub struct Permit<'a, T> {
    chan: &'a Chan<T>,
}

impl<'a, T> Permit<'a, T> {
    fn new(chan: &'a Chan<T>) -> Self {
        Self { chan }
    }

    /// Sends into the slot. If the receiver has been dropped, drops the message.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    /// sender.reserve().await.unwrap().send("made while the slot was ours");
    /// assert!(receiver.recv().await.is_some());
    /// # });
    /// ```
    pub fn send(self, message: T) {
        let chan = self.chan;
        mem::forget(self);
        drop(chan.send_reserved(message));
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        crate::acquire::Gate::give_back(self.chan, 1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("channel", self.chan).finish()
    }
}

/// Several slots in a bounded channel, one after the other. Dropping it gives back those not taken
/// out.
///
/// Made by [`Sender::reserve_many`] and [`Sender::try_reserve_many`].
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::channel(3);
/// for (permit, letter) in sender.try_reserve_many(2).unwrap().zip("ab".chars()) {
///     permit.send(letter);
/// }
/// assert_eq!(receiver.try_recv(), Ok('a'));
/// ```
#[must_use = "it gives its slots back as soon as it is dropped"]
pub struct PermitIterator<'a, T> {
    chan: &'a Chan<T>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    fn new(chan: &'a Chan<T>, left: usize) -> Self {
        Self { chan, left }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.chan))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        crate::acquire::Gate::give_back(self.chan, self.left);
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("left", &self.left)
            .field("channel", self.chan)
            .finish()
    }
}

/// A slot together with its sender, which comes back when the slot is used.
///
/// Made by [`Sender::reserve_owned`] and [`Sender::try_reserve_owned`]. Dropping it gives the slot
/// back, and drops the sender.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
/// let permit = sender.try_reserve_owned().unwrap();
/// let sender = std::thread::spawn(move || permit.send(1)).join().unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// # drop(sender);
/// ```
#[must_use = "a permit gives its slot back as soon as it is dropped"]
pub struct OwnedPermit<T> {
    /// `None` only once `send` or `release` has taken it.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    fn new(sender: Sender<T>) -> Self {
        Self { sender: Some(sender) }
    }

    /// Sends into the slot, and returns the sender. If the receiver has been dropped, drops the
    /// message.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    /// let _sender = sender.try_reserve_owned().unwrap().send(1);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.take();
        drop(sender.tx.send_reserved(message));
        sender
    }

    /// Gives the slot back, and returns the sender.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let sender = sender.try_reserve_owned().unwrap().release();
    /// assert_eq!(sender.capacity(), 1);
    /// ```
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        crate::acquire::Gate::give_back(&*sender.tx, 1);
        sender
    }

    /// Whether both are permits of the same channel.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// let one = sender.clone().try_reserve_owned().unwrap();
    /// let other = sender.try_reserve_owned().unwrap();
    /// assert!(one.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        match (&self.sender, &other.sender) {
            (Some(one), Some(other)) => one.same_channel(other),
            _ => false,
        }
    }

    /// Whether this is a permit of `sender`'s channel.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let permit = sender.clone().try_reserve_owned().unwrap();
    /// assert!(permit.same_channel_as_sender(&sender));
    /// ```
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender.as_ref().is_some_and(|own| own.same_channel(sender))
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("a permit has its sender until it is used up")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            crate::acquire::Gate::give_back(&*sender.tx, 1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("sender", &self.sender).finish()
    }
}
