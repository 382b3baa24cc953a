//! From what a caller gives to the addresses it means, and errors that say which of them failed.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::vec;

use super::addr::{ToSocketAddrs, sealed::Query};
pub(super) use crate::io::failure::failed;
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
    /// As the caller wrote them down.
    Listed(vec::IntoIter<SocketAddr>),
    /// What the resolver knows of a name.
    Named(vec::IntoIter<SocketAddr>),
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Self::One(address) => address.take(),
            Self::Listed(addresses) | Self::Named(addresses) => addresses.next(),
        }
    }
}

pub(super) async fn resolve(host: impl ToSocketAddrs) -> io::Result<Addresses> {
    match host.query() {
        Query::Address(address) => Ok(Addresses::One(Some(address))),
        Query::Addresses(addresses) => Ok(Addresses::Listed(addresses.into_iter())),
        Query::Name(host, port) => {
            let name = format!("{host}:{port}");
            let looked_up = spawn_blocking(move || (host, port).to_socket_addrs()).await;
            // A join error means that the runtime is shutting down.
            let addresses = looked_up
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(|error| failed("resolving", name, error))?;
            Ok(Addresses::Named(addresses))
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
