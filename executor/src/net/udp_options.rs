//! The options of a UDP socket: broadcast, multicast, and how far its datagrams go.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::net::sockopt;

use super::UdpSocket;
use super::device::device_options;
use super::resolve::failed;
use super::socket::naming;

device_options!(UdpSocket);

impl UdpSocket {
    /// Whether datagrams may go to broadcast addresses.
    ///
    /// # Errors
    /// What the system says.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.get_ref().broadcast().map_err(naming("reading SO_BROADCAST of", self))
    }

    /// Allows sending to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_broadcast(on).map_err(naming("setting SO_BROADCAST of", self))
    }

    /// How many routers the datagrams may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl().map_err(naming("reading IP_TTL of", self))
    }

    /// Sets how many routers the datagrams may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(ttl).map_err(naming("setting IP_TTL of", self))
    }

    /// The type of service in the header of IPv4 packets.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn tos_v4(&self) -> io::Result<u8> {
        sockopt::ip_tos(self).map_err(naming("reading IP_TOS of", self))
    }

    /// Sets the type of service in the header of IPv4 packets, which routers may heed (`IP_TOS`). Linux and Android.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn set_tos_v4(&self, tos: u8) -> io::Result<()> {
        sockopt::set_ip_tos(self, tos).map_err(naming("setting IP_TOS of", self))
    }

    /// The traffic class in the header of IPv6 packets.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn tclass_v6(&self) -> io::Result<u32> {
        sockopt::ipv6_tclass(self).map_err(naming("reading IPV6_TCLASS of", self))
    }

    /// Sets the traffic class in the header of IPv6 packets, which routers may heed (`IPV6_TCLASS`). Linux and Android.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn set_tclass_v6(&self, class: u32) -> io::Result<()> {
        sockopt::set_ipv6_tclass(self, class).map_err(naming("setting IPV6_TCLASS of", self))
    }

    /// Whether what is sent to an IPv4 group comes back to this machine.
    ///
    /// # Errors
    /// What the system says.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.io.get_ref().multicast_loop_v4().map_err(naming("reading IP_MULTICAST_LOOP of", self))
    }

    /// Lets what is sent to an IPv4 group come back to this machine, if somebody here has joined it.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.io
            .get_ref()
            .set_multicast_loop_v4(on)
            .map_err(naming("setting IP_MULTICAST_LOOP of", self))
    }

    /// How many routers datagrams to IPv4 groups may pass; 1 unless set.
    ///
    /// # Errors
    /// What the system says.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.io.get_ref().multicast_ttl_v4().map_err(naming("reading IP_MULTICAST_TTL of", self))
    }

    /// Sets how many routers datagrams to IPv4 groups may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.io
            .get_ref()
            .set_multicast_ttl_v4(ttl)
            .map_err(naming("setting IP_MULTICAST_TTL of", self))
    }

    /// Whether what this machine sends to an IPv6 group is received here.
    ///
    /// # Errors
    /// What the system says.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.io
            .get_ref()
            .multicast_loop_v6()
            .map_err(naming("reading IPV6_MULTICAST_LOOP of", self))
    }

    /// Lets what this machine sends to an IPv6 group be received here.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.io
            .get_ref()
            .set_multicast_loop_v6(on)
            .map_err(naming("setting IPV6_MULTICAST_LOOP of", self))
    }

    /// Receives what is sent to the group `group`, too, on the interface with the address `interface` (unspecified: the system's choice).
    ///
    /// # Errors
    /// What the system says, naming the group.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let outcome = self.io.get_ref().join_multicast_v4(&group, &interface);
        outcome.map_err(|error| failed("joining the group", group, error))
    }

    /// No longer receives what is sent to the group `group`, on the interface with the address `interface` (unspecified: the system's choice).
    ///
    /// # Errors
    /// What the system says, naming the group.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let outcome = self.io.get_ref().leave_multicast_v4(&group, &interface);
        outcome.map_err(|error| failed("leaving the group", group, error))
    }

    /// Receives what is sent to the group `group`, too, on the interface of this index (0: the system's choice).
    ///
    /// # Errors
    /// What the system says, naming the group.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let outcome = self.io.get_ref().join_multicast_v6(group, interface);
        outcome.map_err(|error| failed("joining the group", group, error))
    }

    /// No longer receives what is sent to the group `group`, on the interface of this index (0: the system's choice).
    ///
    /// # Errors
    /// What the system says, naming the group.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let outcome = self.io.get_ref().leave_multicast_v6(group, interface);
        outcome.map_err(|error| failed("leaving the group", group, error))
    }

    /// The error that is pending on the socket, which this clears.
    ///
    /// # Errors
    /// What the system says of the question.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error().map_err(naming("asking for the error of", self))
    }
}
