//! Guards that cancel a token when they are dropped: however a scope is left, what it has started
//! hears of it.

use super::CancellationToken;

/// Cancels its token when it is dropped. Made by [`CancellationToken::drop_guard`].
///
/// # Examples
/// ```
/// let token = raddle_sync::CancellationToken::new();
/// let guard = token.clone().drop_guard();
/// drop(guard);
/// assert!(token.is_cancelled());
/// ```
#[derive(Debug)]
#[must_use = "dropping it at once cancels the token at once"]
pub struct DropGuard {
    /// `None` only once `disarm` has taken it.
    token: Option<CancellationToken>,
}

impl DropGuard {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self { token: Some(token) }
    }

    /// The token.
    ///
    /// # Examples
    /// ```
    /// let guard = raddle_sync::CancellationToken::new().drop_guard();
    /// assert!(!guard.token().is_cancelled());
    /// ```
    pub fn token(&self) -> &CancellationToken {
        self.token.as_ref().expect("a guard has its token until it is disarmed")
    }

    /// Gives the token back without cancelling it.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new().drop_guard().disarm();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("a guard has its token until it is disarmed")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

/// Cancels a borrowed token when it is dropped. Made by [`CancellationToken::drop_guard_ref`].
///
/// # Examples
/// ```
/// let token = raddle_sync::CancellationToken::new();
/// drop(token.drop_guard_ref());
/// assert!(token.is_cancelled());
/// ```
#[derive(Debug)]
#[must_use = "dropping it at once cancels the token at once"]
pub struct DropGuardRef<'a> {
    token: &'a CancellationToken,
    is_armed: bool,
}

impl<'a> DropGuardRef<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        Self { token, is_armed: true }
    }

    /// The token.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// assert!(!token.drop_guard_ref().token().is_cancelled());
    /// ```
    pub fn token(&self) -> &'a CancellationToken {
        self.token
    }

    /// Lets go of the token without cancelling it.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// token.drop_guard_ref().disarm();
    /// assert!(!token.is_cancelled());
    /// ```
    pub fn disarm(mut self) -> &'a CancellationToken {
        self.is_armed = false;
        self.token
    }
}

impl Drop for DropGuardRef<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            self.token.cancel();
        }
    }
}
