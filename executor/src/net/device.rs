//! The network device that a socket is bound to: the same for TCP and UDP.

/// Adds `device` and `bind_device` to a socket that lends its descriptor.
macro_rules! device_options {
    ($socket:ident) => {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        impl $socket {
            /// The network device that the socket is bound to, by its name. Linux and Android.
            ///
            /// # Errors
            /// What the system says.
            pub fn device(&self) -> std::io::Result<Option<Vec<u8>>> {
                let device = raddle_io_driver::device(std::os::fd::AsFd::as_fd(self));
                device.map_err($crate::net::socket::naming("reading SO_BINDTODEVICE of", self))
            }

            /// Sends and receives through one network device only, by its name (`SO_BINDTODEVICE`); `None` ends that.
            /// Linux and Android.
            ///
            /// # Errors
            /// [`InvalidInput`](std::io::ErrorKind::InvalidInput) for a name that no device can have; what the system says:
            /// `ENODEV` if there is none of that name,
            /// [`PermissionDenied`](std::io::ErrorKind::PermissionDenied) without the capability `CAP_NET_RAW`, which Linux
            /// asks for before 5.7, and since then of who changes the device of a socket that has one.
            ///
            /// # Examples
            /// ```no_run
            #[doc = concat!(
                                                        "# fn example(socket: &raddle::net::",
                                                        stringify!($socket),
                                                        ") -> std::io::Result<()> {"
                                                    )]
            /// socket.bind_device(Some(b"eth1"))?;
            /// assert_eq!(socket.device()?.as_deref(), Some(&b"eth1"[..]));
            /// # Ok(()) }
            /// ```
            pub fn bind_device(&self, interface: Option<&[u8]>) -> std::io::Result<()> {
                let bound =
                    raddle_io_driver::bind_device(std::os::fd::AsFd::as_fd(self), interface);
                bound.map_err($crate::net::socket::naming("setting SO_BINDTODEVICE of", self))
            }
        }
    };
}

pub(crate) use device_options;
