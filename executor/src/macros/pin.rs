//! `pin!`: a future that stays where it is.

/// Pins futures to the stack, so that a reference to them can be awaited.
///
/// Takes names of variables, or whole `let` statements. (In an expression use [`std::pin::pin!`].)
///
/// ```
/// # raddle::block_on(async {
/// let slow = async { 40 };
/// raddle::pin!(slow);
/// raddle::pin! { let quick = async { 2 }; }
/// assert_eq!(slow.await + quick.await, 42);
/// # })
/// ```
#[macro_export]
macro_rules! pin {
    ($($name:ident),+ $(,)?) => { $(
        #[allow(unused_mut)]
        let mut $name = $crate::macros::support::pin!($name);
    )+ };
    ($(let $name:ident = $value:expr;)+) => { $(
        #[allow(unused_mut)]
        let mut $name = $crate::macros::support::pin!($value);
    )+ };
}
