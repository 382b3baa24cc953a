//! What all guards have in common: they print as what they guard.

/// Implements `Debug` and `Display` for guards, as the value behind them.
macro_rules! show_the_value {
    ($([$($generics:tt)*] $guard:ty: $value:ty),+ $(,)?) => {$(
        impl<$($generics)*> std::fmt::Debug for $guard
        where
            $value: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            $value: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, f)
            }
        }
    )+};
}

pub(crate) use show_the_value;
