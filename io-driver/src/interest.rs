//! Two small sets of flags: what a caller waits for ([`Interest`]), and what is known of a source ([`Ready`]).

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What to wait for on a source. Combine with `|`.
///
/// # Examples
/// ```
/// use raddle_io_driver::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(format!("{both:?}"), "READABLE | WRITABLE");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// There is something to read, a connection to accept, or the end of the stream.
    pub const READABLE: Self = Self(1);
    /// There is room to write, or writing would fail at once.
    pub const WRITABLE: Self = Self(1 << 1);
    /// There is urgent (out-of-band) data. Linux, Android, illumos and Solaris only; never reported elsewhere.
    pub const PRIORITY: Self = Self(1 << 2);
    /// The source has a pending error, to be collected with `take_error`.
    pub const ERROR: Self = Self(1 << 3);

    pub(crate) const NONE: Self = Self(0);
    /// All but room to write.
    pub(crate) const READING: Self = Self::READABLE.add(Self::PRIORITY).add(Self::ERROR);

    /// Both sets together; the same as `self | other`, usable in constants.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Includes [`Interest::READABLE`].
    pub const fn is_readable(self) -> bool {
        self.0 & Self::READABLE.0 != 0
    }

    /// Includes [`Interest::WRITABLE`].
    pub const fn is_writable(self) -> bool {
        self.0 & Self::WRITABLE.0 != 0
    }

    /// Includes [`Interest::PRIORITY`].
    pub const fn is_priority(self) -> bool {
        self.0 & Self::PRIORITY.0 != 0
    }

    /// Includes [`Interest::ERROR`].
    pub const fn is_error(self) -> bool {
        self.0 & Self::ERROR.0 != 0
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits any of which ends a wait for `self`. A closed direction ends it too: the call that follows fails or
    /// reports the end of the stream, but it does not block.
    pub(crate) const fn satisfied_by(self) -> Ready {
        let mut bits = 0;
        if self.is_readable() {
            bits |= Ready::READABLE.0 | Ready::READ_CLOSED.0;
        }
        if self.is_writable() {
            bits |= Ready::WRITABLE.0 | Ready::WRITE_CLOSED.0;
        }
        if self.is_priority() {
            bits |= Ready::PRIORITY.0 | Ready::READ_CLOSED.0;
        }
        if self.is_error() {
            bits |= Ready::ERROR.0;
        }
        Ready(bits)
    }
}

impl BitOr for Interest {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names(f, self.0, &["READABLE", "WRITABLE", "PRIORITY", "ERROR"])
    }
}

/// What is known of a source: the last word of the kernel, minus what has been used up since.
///
/// A set bit is a promise to try, not a promise to succeed: a call may still answer `WouldBlock`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ready(u8);

impl Ready {
    /// Nothing is known to be ready.
    pub const EMPTY: Self = Self(0);
    /// Reading or accepting is worth a try.
    pub const READABLE: Self = Self(1);
    /// Writing is worth a try.
    pub const WRITABLE: Self = Self(1 << 1);
    /// The peer will send nothing more. Data it sent before may still be unread. Seen as soon as it happens by the
    /// native backend of Linux; elsewhere only once both directions are closed, if at all.
    pub const READ_CLOSED: Self = Self(1 << 2);
    /// Nothing written would arrive any more.
    pub const WRITE_CLOSED: Self = Self(1 << 3);
    /// An error is pending on the source.
    pub const ERROR: Self = Self(1 << 4);
    /// Urgent (out-of-band) data has arrived.
    pub const PRIORITY: Self = Self(1 << 5);

    /// Every bit.
    pub const ALL: Self = Self(0x3f);

    /// Either direction has ended.
    pub(crate) const CLOSED: Self = Self(Self::READ_CLOSED.0 | Self::WRITE_CLOSED.0);

    /// Nothing is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Reading would not block: there is data, or there never will be.
    pub const fn is_readable(self) -> bool {
        self.intersects(Interest::READABLE.satisfied_by())
    }

    /// Writing would not block: there is room, or it would fail at once.
    pub const fn is_writable(self) -> bool {
        self.intersects(Interest::WRITABLE.satisfied_by())
    }

    /// The peer has finished sending.
    pub const fn is_read_closed(self) -> bool {
        self.intersects(Self::READ_CLOSED)
    }

    /// Nothing written would arrive any more.
    pub const fn is_write_closed(self) -> bool {
        self.intersects(Self::WRITE_CLOSED)
    }

    /// An error is pending.
    pub const fn is_error(self) -> bool {
        self.intersects(Self::ERROR)
    }

    /// Urgent data has arrived.
    pub const fn is_priority(self) -> bool {
        self.intersects(Self::PRIORITY)
    }

    /// Has every bit of `other`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Has some bit of `other`.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The bits of `self` that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }
}

impl BitOr for Ready {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = ["READABLE", "WRITABLE", "READ_CLOSED", "WRITE_CLOSED", "ERROR", "PRIORITY"];
        names(f, self.0, &all)
    }
}

/// Writes the names of the set bits, lowest first, joined by `|`.
fn names(f: &mut fmt::Formatter<'_>, bits: u8, all: &[&str]) -> fmt::Result {
    if bits == 0 {
        return f.write_str("(empty)");
    }
    let set = all.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0);
    for (nth, (_, name)) in set.enumerate() {
        if nth > 0 {
            f.write_str(" | ")?;
        }
        f.write_str(name)?;
    }
    Ok(())
}
