//! What becomes of a string where an address is wanted: an address, a name with a port, or a refusal that repeats it;
//! and never a lookup of what was an address, or a name that is none.

use std::net::{IpAddr, SocketAddr};

use addr::sealed::{Query, Sealed};

// The module itself: what it makes of a string is seen by no public function without asking a resolver.
#[allow(dead_code, unreachable_pub)]
#[path = "../../executor/src/net/addr.rs"]
mod addr;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // `host:port` as one string, and as a pair with a port of its own.
    check(text);
    check_pair(text);
}

fn check(text: &str) {
    let address = text.parse::<SocketAddr>();
    let parts = text.rsplit_once(':');
    let as_pair = || {
        let (host, port) = parts?;
        Some(SocketAddr::new(host.parse().ok()?, port.parse().ok()?))
    };
    match text.query() {
        Query::Address(found) => {
            assert!(address == Ok(found) || as_pair() == Some(found), "{text:?} became {found}");
            assert_eq!(found.to_string().query(), Query::Address(found), "printed and read again");
        }
        Query::Name(host, port) => {
            let (left, right) = parts.expect("a name has a port");
            assert_eq!((&*host, right.parse()), (left, Ok(port)), "{text:?}");
            assert!(!host.is_empty() && !host.contains(':'), "{text:?}");
            assert!(
                address.is_err() && host.parse::<IpAddr>().is_err(),
                "{text:?} is looked up in vain"
            );
        }
        Query::Malformed(given) => {
            assert_eq!(given, text);
            assert!(address.is_err(), "{text:?} is refused");
        }
        Query::Addresses(list) => panic!("{text:?} became {list:?}"),
    }
}

fn check_pair(host: &str) {
    match ((host, 80).query(), host.parse::<IpAddr>()) {
        (Query::Address(found), Ok(ip)) => assert_eq!(found, SocketAddr::new(ip, 80)),
        (Query::Name(name, 80), Err(_)) => assert_eq!(name, host),
        (Query::Malformed(_), Err(_)) => assert!(host.is_empty()),
        (query, _) => panic!("{host:?} and 80 became {query:?}"),
    }
}
