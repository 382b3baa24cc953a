#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[cfg(not(unix))]
compile_error!("raddle-io-driver supports Unix only, so far");

mod datagrams;
mod driver;
mod error;
mod handle;
mod interest;
#[doc(hidden)]
pub mod loom;
mod readiness;
mod receiving;
mod registered;
mod registration;
mod registry;
mod source;
mod sys;

pub use datagrams::{Datagram, Datagrams};
pub use driver::Driver;
pub use error::ShutDown;
pub use handle::Handle;
pub use interest::{Interest, Ready};
pub use readiness::ReadyEvent;
pub use registered::Registered;
pub use registration::{ReadyFuture, Registration};
pub use sys::Backend;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use sys::credentials::peer_credentials;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use sys::device::{bind_device, device};
