//! What can be given where an address is wanted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use sealed::Query;

/// An address, several, or a host name with a port: what [`TcpStream::connect`](super::TcpStream)
/// and [`TcpListener::bind`](super::TcpListener) take.
///
/// Implemented for [`SocketAddr`] and its two kinds, for pairs of an IP address and a port, for
/// slices of `SocketAddr`, and for strings: `"host:port"`, or a pair of host and port. A string
/// that holds an IP address is taken as it is; a host name is resolved by the operating system, on
/// a thread of the blocking pool.
///
/// It is sealed: it tells of the addresses in a form that may change.
pub trait ToSocketAddrs: sealed::Sealed {}

impl<T: sealed::Sealed + ?Sized> ToSocketAddrs for T {}

pub(super) mod sealed {
    use std::net::SocketAddr;

    /// Addresses, or a name that leads to some.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Query {
        Address(SocketAddr),
        Addresses(Vec<SocketAddr>),
        /// A host name and a port.
        Name(String, u16),
        /// Neither; what was given instead.
        Malformed(String),
    }

    pub trait Sealed {
        fn query(&self) -> Query;
    }
}

impl sealed::Sealed for SocketAddr {
    fn query(&self) -> Query {
        Query::Address(*self)
    }
}

impl sealed::Sealed for SocketAddrV4 {
    fn query(&self) -> Query {
        Query::Address((*self).into())
    }
}

impl sealed::Sealed for SocketAddrV6 {
    fn query(&self) -> Query {
        Query::Address((*self).into())
    }
}

impl sealed::Sealed for (IpAddr, u16) {
    fn query(&self) -> Query {
        Query::Address((*self).into())
    }
}

impl sealed::Sealed for (Ipv4Addr, u16) {
    fn query(&self) -> Query {
        Query::Address((*self).into())
    }
}

impl sealed::Sealed for (Ipv6Addr, u16) {
    fn query(&self) -> Query {
        Query::Address((*self).into())
    }
}

impl sealed::Sealed for [SocketAddr] {
    fn query(&self) -> Query {
        Query::Addresses(self.to_vec())
    }
}

impl sealed::Sealed for (&str, u16) {
    fn query(&self) -> Query {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Query::Address((ip, port).into()),
            Err(_) if host.is_empty() => Query::Malformed(format!("{host}:{port}")),
            Err(_) => Query::Name(host.to_owned(), port),
        }
    }
}

impl sealed::Sealed for (String, u16) {
    fn query(&self) -> Query {
        (self.0.as_str(), self.1).query()
    }
}

impl sealed::Sealed for str {
    fn query(&self) -> Query {
        if let Ok(address) = self.parse() {
            return Query::Address(address);
        }
        match self.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && !host.is_empty() => match port.parse() {
                Ok(port) => (host, port).query(),
                Err(_) => Query::Malformed(self.to_owned()),
            },
            _ => Query::Malformed(self.to_owned()),
        }
    }
}

impl sealed::Sealed for String {
    fn query(&self) -> Query {
        self.as_str().query()
    }
}

impl<T: sealed::Sealed + ?Sized> sealed::Sealed for &T {
    fn query(&self) -> Query {
        (**self).query()
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::Sealed;
    use super::*;

    #[test]
    fn literals_need_no_lookup_and_names_do() {
        let v4: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let v6: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!("127.0.0.1:80".query(), Query::Address(v4));
        assert_eq!("[::1]:80".query(), Query::Address(v6));
        assert_eq!(("127.0.0.1", 80).query(), Query::Address(v4));
        assert_eq!(("::1".to_owned(), 80).query(), Query::Address(v6));
        assert_eq!([v4, v6][..].query(), Query::Addresses(vec![v4, v6]));
        assert_eq!("localhost:80".query(), Query::Name("localhost".to_owned(), 80));
        for malformed in ["localhost", "localhost:http", "localhost:99999", "::1:80x", "", ":80"] {
            assert_eq!(malformed.query(), Query::Malformed(malformed.to_owned()), "{malformed}");
        }
    }
}
