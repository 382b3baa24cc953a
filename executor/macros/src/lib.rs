//! The procedural macros of raddle: `#[raddle::main]`, `#[raddle::test]`, and a part of `raddle::select!`. Use them
//! through `raddle`, which re-exports them under the feature `macros`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arguments;
mod entry;
mod pattern;

use entry::Kind;
use proc_macro::TokenStream;

/// Runs an `async fn main` on a new runtime.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `flavor = "multi_thread"` or `"current_thread"` | the kind of runtime | `"multi_thread"` |
/// | `worker_threads = 4` | how many worker threads a multi-thread runtime has | as `runtime::Builder` |
/// | `start_paused = true` | time stands still from the start, as with `runtime::Builder::start_paused`; on both flavors | `false` |
/// | `crate = "my_raddle"` | what `raddle` is called here | `"raddle"` |
///
/// The function may have any name and arguments, and whatever it returns is returned. Its body is the future given to
/// `block_on`, and so not a task itself.
///
/// # Panics
/// If the runtime cannot be built.
///
/// ```ignore
/// #[raddle::main(worker_threads = 2)]
/// async fn main() -> std::io::Result<()> {
///     let listener = raddle::net::TcpListener::bind("127.0.0.1:7000").await?;
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Kind::Main, arguments.into(), function.into()).into()
}

/// Makes an `async fn` a test that runs on a runtime of its own.
///
/// The arguments are those of [`main`](macro@main), but for the flavor, which is `"current_thread"` by default; with
/// `"multi_thread"` the default is one worker thread beside the test's own. Other attributes, such as `#[ignore]` and
/// `#[should_panic]`, work as on any test.
///
/// ```ignore
/// #[raddle::test]
/// async fn two_and_two() {
///     assert_eq!(raddle::spawn(async { 2 + 2 }).await.unwrap(), 4);
/// }
///
/// #[raddle::test(start_paused = true)]
/// async fn an_hour_takes_no_time() {
///     raddle::time::sleep(std::time::Duration::from_secs(3_600)).await;
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Kind::Test, arguments.into(), function.into()).into()
}

/// A part of `select!`: the pattern without `ref`, `mut` and `&`, which can be matched against a reference to the value.
#[doc(hidden)]
#[proc_macro]
pub fn select_pattern(pattern: TokenStream) -> TokenStream {
    pattern::by_reference(pattern.into()).into()
}
