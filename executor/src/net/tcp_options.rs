//! The options that a TCP socket has before it is connected and after.

/// Options by file descriptor, so that `TcpSocket` and `TcpStream` have the same.
macro_rules! tcp_options {
    ($socket:ident) => {
        impl $socket {
            /// Whether small writes are sent at once (`TCP_NODELAY`).
            ///
            /// # Errors
            /// What the system says.
            pub fn nodelay(&self) -> io::Result<bool> {
                sockopt::tcp_nodelay(self)
                    .map_err($crate::net::socket::naming("reading TCP_NODELAY of", self))
            }

            /// Sends small writes at once, instead of waiting for more to send with them
            /// (`TCP_NODELAY`).
            ///
            /// # Errors
            /// What the system says.
            pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
                sockopt::set_tcp_nodelay(self, on)
                    .map_err($crate::net::socket::naming("setting TCP_NODELAY of", self))
            }

            /// Whether what arrives is acknowledged at once (`TCP_QUICKACK`). Linux and Android.
            ///
            /// # Errors
            /// What the system says.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn quickack(&self) -> io::Result<bool> {
                sockopt::tcp_quickack(self)
                    .map_err($crate::net::socket::naming("reading TCP_QUICKACK of", self))
            }

            /// Acknowledges what arrives at once, instead of waiting for something to send with the
            /// acknowledgment (`TCP_QUICKACK`). The system goes back to its own judgment after a
            /// while: set it again when it matters. Linux and Android.
            ///
            /// # Errors
            /// What the system says.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn set_quickack(&self, on: bool) -> io::Result<()> {
                sockopt::set_tcp_quickack(self, on)
                    .map_err($crate::net::socket::naming("setting TCP_QUICKACK of", self))
            }

            /// Whether an idle peer is asked now and then whether it is still there.
            ///
            /// # Errors
            /// What the system says.
            pub fn keepalive(&self) -> io::Result<bool> {
                sockopt::socket_keepalive(self)
                    .map_err($crate::net::socket::naming("reading SO_KEEPALIVE of", self))
            }

            /// Asks an idle peer now and then whether it is still there (`SO_KEEPALIVE`). How often
            /// is the system's choice, unless [`set_keepalive_times`](Self::set_keepalive_times)
            /// has said it.
            ///
            /// # Errors
            /// What the system says.
            pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
                sockopt::set_socket_keepalive(self, on)
                    .map_err($crate::net::socket::naming("setting SO_KEEPALIVE of", self))
            }

            /// Asks an idle peer whether it is still there after `idle`, and then every `interval`;
            /// when it has not answered `retries` times, the connection is given up. In whole
            /// seconds, at least one. Switches [`set_keepalive`](Self::set_keepalive) on.
            ///
            /// # Errors
            /// What the system says, which takes no more than some nine hours (Linux) and 127
            /// retries.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn set_keepalive_times(
                &self,
                idle: Duration,
                interval: Duration,
                retries: u32,
            ) -> io::Result<()> {
                sockopt::set_tcp_keepidle(self, idle)
                    .map_err($crate::net::socket::naming("setting TCP_KEEPIDLE of", self))?;
                sockopt::set_tcp_keepintvl(self, interval)
                    .map_err($crate::net::socket::naming("setting TCP_KEEPINTVL of", self))?;
                sockopt::set_tcp_keepcnt(self, retries)
                    .map_err($crate::net::socket::naming("setting TCP_KEEPCNT of", self))?;
                self.set_keepalive(true)
            }

            /// What closing does with unsent data; see [`set_linger`](Self::set_linger).
            ///
            /// # Errors
            /// What the system says.
            pub fn linger(&self) -> io::Result<Option<Duration>> {
                sockopt::socket_linger(self)
                    .map_err($crate::net::socket::naming("reading SO_LINGER of", self))
            }

            /// What closing does with unsent data (`SO_LINGER`). `None`: it is sent in the
            /// background. Zero: it is thrown away, and the peer sees a reset. More, in whole
            /// seconds: closing *blocks its thread* until it is sent, or for that long.
            ///
            /// # Errors
            /// What the system says.
            pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
                sockopt::set_socket_linger(self, linger)
                    .map_err($crate::net::socket::naming("setting SO_LINGER of", self))
            }

            /// Lets closing throw unsent data away, so that the peer sees a reset:
            /// [`set_linger`](Self::set_linger) of zero.
            ///
            /// # Errors
            /// What the system says.
            pub fn set_zero_linger(&self) -> io::Result<()> {
                self.set_linger(Some(Duration::ZERO))
            }

            /// The type of service in the header of IPv4 packets.
            ///
            /// # Errors
            /// What the system says.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn tos_v4(&self) -> io::Result<u8> {
                sockopt::ip_tos(self)
                    .map_err($crate::net::socket::naming("reading IP_TOS of", self))
            }

            /// Sets the type of service in the header of IPv4 packets, which routers may heed
            /// (`IP_TOS`). Linux and Android.
            ///
            /// # Errors
            /// What the system says.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn set_tos_v4(&self, tos: u8) -> io::Result<()> {
                sockopt::set_ip_tos(self, tos)
                    .map_err($crate::net::socket::naming("setting IP_TOS of", self))
            }

            /// The traffic class in the header of IPv6 packets.
            ///
            /// # Errors
            /// What the system says.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn tclass_v6(&self) -> io::Result<u32> {
                sockopt::ipv6_tclass(self)
                    .map_err($crate::net::socket::naming("reading IPV6_TCLASS of", self))
            }

            /// Sets the traffic class in the header of IPv6 packets, which routers may heed
            /// (`IPV6_TCLASS`). Linux and Android.
            ///
            /// # Errors
            /// What the system says.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pub fn set_tclass_v6(&self, class: u32) -> io::Result<()> {
                sockopt::set_ipv6_tclass(self, class)
                    .map_err($crate::net::socket::naming("setting IPV6_TCLASS of", self))
            }

            /// How many routers the packets may pass.
            ///
            /// # Errors
            /// What the system says.
            pub fn ttl(&self) -> io::Result<u32> {
                sockopt::ip_ttl(self)
                    .map_err($crate::net::socket::naming("reading IP_TTL of", self))
            }

            /// Sets how many routers the packets may pass.
            ///
            /// # Errors
            /// What the system says.
            pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
                sockopt::set_ip_ttl(self, ttl)
                    .map_err($crate::net::socket::naming("setting IP_TTL of", self))
            }
        }
    };
}

pub(super) use tcp_options;
