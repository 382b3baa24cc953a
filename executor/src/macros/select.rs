//! `select!`: several futures, of which the first to be ready decides what happens.
//!
//! - **T51** Preconditions are evaluated first, then all futures, in the order they are written; a branch whose
//!   precondition is false is never polled.
//! - **T52** Every poll begins at another branch, chosen at random, unless `biased` is said. A branch that was ready
//!   and whose pattern does not match is polled no more.
//! - **T53** The futures are dropped before a handler runs, and the handler is in no closure and no loop of ours: `return`,
//!   `?`, `break` and `continue` mean what they mean outside.
//! - **T54** A pattern is matched twice: by reference, to find out whether, and by value, where its handler begins.

/// Waits for several futures in one task, and continues with the first that is ready; the others are dropped.
///
/// ```text
/// select! {
///     biased;                                   // optional: poll in the order written, not in a random one
///     pattern = future, if condition => handler,  // `, if condition` is optional
///     ...
///     else => handler,                          // optional: no branch is left
/// }
/// ```
///
/// The value is that of the handler. All conditions are evaluated first, then all futures; a branch whose condition is
/// false is not polled. If a future is ready and its pattern does not match, the branch is out, and the others go on. When
/// no branch is left, `else` runs. Up to 64 branches; a handler that is a block needs no comma.
///
/// Without `biased`, no branch is favored: each poll begins at one chosen at random. With it, the order is the one
/// written, and it is the author's business that an early branch does not starve the later ones.
///
/// A `select!` in a loop may poll the same future again: pin it outside ([`pin!`](crate::pin)) and give a `&mut` to it.
///
/// # Cancel safety
/// The futures that are not ready first are dropped. Use such as lose nothing then, or keep them and give references.
///
/// # Panics
/// If no branch is left and there is no `else`.
///
/// ```
/// # raddle::block_on(async {
/// use raddle::sync::mpsc;
/// use raddle::time::{Duration, sleep};
///
/// let (send, mut receive) = mpsc::channel(1);
/// send.send(7).await.unwrap();
/// let number = raddle::select! {
///     Some(number) = receive.recv() => number,
///     () = sleep(Duration::from_secs(5)) => panic!("nothing came"),
///     else => panic!("the channel is closed"),
/// };
/// assert_eq!(number, 7);
/// # })
/// ```
#[macro_export]
macro_rules! select {
    () => { ::core::compile_error!("select! needs a branch: `pattern = future => handler`") };
    (biased; $($branches:tt)*) => { $crate::__select!(@list biased $($branches)*) };
    ($($branches:tt)*) => { $crate::__select!(@list random $($branches)*) };
}

/// Reads the branches one by one, numbers them, and polls them by number.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@list $order:ident $($branches:tt)*) => {
        $crate::__select!(@read $order
            [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
             40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63]
            [] $($branches)*)
    };

    // The end, with and without `else`.
    (@read $order:ident [$($n:tt)*] [] else => $else:expr $(,)?) => {
        ::core::compile_error!("select! needs a branch before `else`: `pattern = future => handler`")
    };
    (@read $order:ident [$($n:tt)*] [] ) => {
        ::core::compile_error!("select! needs a branch: `pattern = future => handler`")
    };
    (@read $order:ident [$($n:tt)*] [$($done:tt)+] else => $else:expr $(,)?) => {
        $crate::__select!(@emit $order [$($done)+] $else)
    };
    (@read $order:ident [$($n:tt)*] [$($done:tt)+]) => {
        $crate::__select!(@emit $order [$($done)+]
            ::core::panic!("select!: no branch is left, and there is no `else`"))
    };
    (@read $order:ident [] [$($done:tt)+] $($rest:tt)+) => {
        ::core::compile_error!("select! takes at most 64 branches: select among some of them by themselves")
    };

    // A branch with a condition; its handler is a block, or ends with a comma, or is the last.
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr, if $if:expr => $handler:block, $($rest:tt)*) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, $if, $handler)] $($rest)*)
    };
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr, if $if:expr => $handler:block $($rest:tt)*) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, $if, $handler)] $($rest)*)
    };
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr, if $if:expr => $handler:expr, $($rest:tt)*) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, $if, $handler)] $($rest)*)
    };
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr, if $if:expr => $handler:expr) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, $if, $handler)])
    };

    // One without.
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr => $handler:block, $($rest:tt)*) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, true, $handler)] $($rest)*)
    };
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr => $handler:block $($rest:tt)*) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, true, $handler)] $($rest)*)
    };
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr => $handler:expr, $($rest:tt)*) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, true, $handler)] $($rest)*)
    };
    (@read $order:ident [$i:tt $($n:tt)*] [$($done:tt)*]
        $pattern:pat = $future:expr => $handler:expr) => {
        $crate::__select!(@read $order [$($n)*] [$($done)* ($i, $pattern, $future, true, $handler)])
    };
    (@read $order:ident [$($n:tt)*] [$($done:tt)*] $pattern:pat = $future:expr) => {
        ::core::compile_error!("this branch of select! has no handler: `pattern = future => handler`")
    };
    (@read $order:ident [$($n:tt)*] [$($done:tt)*] $pattern:pat = $future:expr, $($rest:tt)*) => {
        ::core::compile_error!(
            "this branch of select! has no handler: `pattern = future => handler`, with `, if condition` before the `=>`"
        )
    };

    (@emit $order:ident [$(($i:tt, $pattern:pat, $future:expr, $if:expr, $handler:expr))+] $else:expr) => {{
        // T53: the block ends before the handlers begin.
        let (chosen, outputs) = {
            use $crate::macros::support as __raddle;
            use __raddle::Future as _;
            const __RADDLE_COUNT: u32 = 0 $(+ $crate::__select!(@one $i))+;
            let mut disabled = 0_u64;
            $(if !$if {
                disabled |= 1 << $i;
            })+
            let mut futures = ($(__raddle::pin!(__raddle::IntoFuture::into_future($future)),)+);
            let mut outputs = ($($crate::__select!(@none $i),)+);
            let chosen = __raddle::poll_fn(|cx| {
                if !__raddle::has_remaining() {
                    // The budget is spent: others first, whatever is ready.
                    cx.waker().wake_by_ref();
                    return __raddle::Pending;
                }
                let first = $crate::__select!(@first $order);
                let mut is_pending = false;
                for step in 0..__RADDLE_COUNT {
                    let branch = __raddle::in_turn(first, step, __RADDLE_COUNT);
                    if disabled & (1_u64 << branch) != 0 {
                        continue;
                    }
                    match branch {
                        $($i => match futures.$i.as_mut().poll(cx) {
                            __raddle::Pending => is_pending = true,
                            __raddle::Ready(output) => {
                                disabled |= 1 << $i;
                                // T54.
                                #[allow(unused_variables, unused_mut, unreachable_patterns)]
                                let matches = match &output {
                                    __raddle::select_pattern!($pattern) => true,
                                    _ => false,
                                };
                                if matches {
                                    outputs.$i = ::core::option::Option::Some(output);
                                    return __raddle::Ready(::core::option::Option::Some(branch));
                                }
                            }
                        },)+
                        _ => ::core::unreachable!(),
                    }
                }
                if is_pending {
                    __raddle::Pending
                } else {
                    __raddle::Ready(::core::option::Option::None)
                }
            })
            .await;
            (chosen, outputs)
        };
        #[allow(unreachable_code)]
        match chosen {
            $(::core::option::Option::Some($i) => match outputs.$i {
                #[allow(unreachable_patterns)]
                ::core::option::Option::Some($pattern) => $handler,
                _ => ::core::unreachable!("it has matched before"),
            },)+
            _ => $else,
        }
    }};
    (@one $i:tt) => { 1 };
    (@none $i:tt) => { ::core::option::Option::None };
    (@first biased) => { 0_u32 };
    (@first random) => { __raddle::anywhere(__RADDLE_COUNT) };
}
