//! `join!` and `try_join!`.

/// Waits for several futures at once, in one task, and returns their outputs as a tuple, in the order of the arguments.
///
/// The futures run in turns, not in parallel: spawn them for that, and join the handles. Up to 64 futures. Which one is
/// polled first changes from poll to poll, unless `biased;` comes first: then it is always the first.
///
/// # Cancel safety
/// All futures are dropped with the whole, and what has completed is lost.
///
/// ```
/// # raddle::block_on(async {
/// let (a, b) = raddle::join!(async { 1 }, async { "two" });
/// assert_eq!((a, b), (1, "two"));
/// # })
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__join!(@list [] join biased $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__join!(@list [] join in_turns $($future,)*)
    };
}

/// Waits until several futures have succeeded, or the first has failed.
///
/// As [`join!`](crate::join), for futures of `Result`s with the same error: `Ok` of a tuple, or the first `Err`, at which
/// the other futures are dropped.
///
/// # Errors
/// The first error.
///
/// # Cancel safety
/// As [`join!`](crate::join).
///
/// ```
/// # raddle::block_on(async {
/// let both = raddle::try_join!(async { Ok::<_, String>(1) }, async { Ok("two") });
/// assert_eq!(both, Ok((1, "two")));
///
/// let failed = raddle::try_join!(std::future::pending::<Result<(), _>>(), async { Err::<(), _>("no") });
/// assert_eq!(failed, Err("no"));
/// # })
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__join!(@list [] try_join biased $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__join!(@list [] try_join in_turns $($future,)*)
    };
}

/// Numbers the futures, and polls them by number.
#[doc(hidden)]
#[macro_export]
macro_rules! __join {
    (@list [] $kind:ident $order:ident $($future:expr,)*) => {
        $crate::__join!(@number $kind $order
            [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
             40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63]
            [] $($future,)*)
    };
    (@number $kind:ident $order:ident [$i:tt $($more:tt)*] [$($done:tt)*] $future:expr, $($rest:expr,)*) => {
        $crate::__join!(@number $kind $order [$($more)*] [$($done)* ($i $future)] $($rest,)*)
    };
    (@number $kind:ident $order:ident [] [$($done:tt)*] $($rest:expr,)+) => {
        ::core::compile_error!("more than 64 futures: join some of them by themselves")
    };
    (@number join $order:ident [$($more:tt)*] []) => { async {}.await };
    (@number try_join $order:ident [$($more:tt)*] []) => {
        async { ::core::result::Result::<(), ::core::convert::Infallible>::Ok(()) }.await
    };
    (@number $kind:ident $order:ident [$($more:tt)*] [$(($i:tt $future:expr))+]) => {{
        use $crate::macros::support as __raddle;
        const __RADDLE_COUNT: u32 = 0 $(+ $crate::__join!(@one $i))+;
        let mut futures = ($(__raddle::pin!(__raddle::maybe_done($future)),)+);
        let mut first = 0_u32;
        __raddle::poll_fn(|cx| {
            let mut all_done = true;
            for step in 0..__RADDLE_COUNT {
                match __raddle::in_turn(first, step, __RADDLE_COUNT) {
                    $($i => {
                        if !futures.$i.as_mut().poll_done(cx) {
                            all_done = false;
                        }
                        $crate::__join!(@check $kind futures.$i);
                    })+
                    _ => ::core::unreachable!(),
                }
            }
            $crate::__join!(@turn $order first);
            if !all_done {
                return __raddle::Pending;
            }
            __raddle::Ready($crate::__join!(@output $kind futures $($i)+))
        })
        .await
    }};
    (@one $i:tt) => { 1 };
    (@turn biased $first:ident) => { let _ = &mut $first; };
    (@turn in_turns $first:ident) => { $first = __raddle::in_turn($first, 1, __RADDLE_COUNT); };
    (@check join $future:expr) => {};
    (@check try_join $future:expr) => {
        if let ::core::option::Option::Some(error) = $future.as_mut().error() {
            return __raddle::Ready(::core::result::Result::Err(error));
        }
    };
    (@output join $futures:ident $($i:tt)+) => { ($($futures.$i.as_mut().output(),)+) };
    (@output try_join $futures:ident $($i:tt)+) => {
        ::core::result::Result::Ok(($($futures.$i.as_mut().value(),)+))
    };
}
