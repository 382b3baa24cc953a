//! From what a caller gives to the addresses it means, and errors that say which of them failed.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::vec;

use super::addr::{ToSocketAddrs, sealed::Query};
use crate::task::spawn_blocking;

/// Resolves a host name and a port, or whatever else is given, to addresses.
///
/// IP addresses cost nothing; a host name is resolved by the operating system, on a thread of the
/// blocking pool.
///
/// # Cancel safety
/// Dropping the future abandons the lookup, which goes on until the system answers.
///
/// # Errors
/// What the system says of the name; [`io::ErrorKind::InvalidInput`] for a string that is not
/// `host:port`.
///
/// # Panics
/// With a host name, outside a runtime.
///
/// # Examples
/// ```
/// # raddle::block_on(async {
/// let addresses = raddle::net::lookup_host("localhost:80").await?;
/// assert!(addresses.into_iter().all(|address| address.ip().is_loopback()));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub async fn lookup_host(
    host: impl ToSocketAddrs,
) -> io::Result<impl Iterator<Item = SocketAddr> + Send> {
    resolve(host).await
}

/// Some addresses, to be tried in this order.
#[derive(Debug)]
pub(super) enum Addresses {
    One(Option<SocketAddr>),
    Many(vec::IntoIter<SocketAddr>),
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Self::One(address) => address.take(),
            Self::Many(addresses) => addresses.next(),
        }
    }
}

pub(super) async fn resolve(host: impl ToSocketAddrs) -> io::Result<Addresses> {
    match host.query() {
        Query::Address(address) => Ok(Addresses::One(Some(address))),
        Query::Addresses(addresses) => Ok(Addresses::Many(addresses.into_iter())),
        Query::Name(host, port) => {
            let name = format!("{host}:{port}");
            let looked_up = spawn_blocking(move || (host, port).to_socket_addrs()).await;
            // A join error means that the runtime is shutting down.
            let addresses = looked_up
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(|error| failed("resolving", name, error))?;
            Ok(Addresses::Many(addresses))
        }
        Query::Malformed(given) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("resolving {given:?}: expected `host:port`"),
        )),
    }
}

/// The error for a list without addresses.
pub(super) fn no_address(operation: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{operation}: no address was given"))
}

/// `error`, saying which operation on which address met it. The kind stays; the original, with its
/// number, is the source.
pub(super) fn failed(
    operation: &'static str,
    address: impl ToString,
    error: io::Error,
) -> io::Error {
    let address = address.to_string();
    io::Error::new(error.kind(), Failed { operation, address, error })
}

#[derive(Debug)]
struct Failed {
    operation: &'static str,
    address: String,
    error: io::Error,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.address, self.error)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
