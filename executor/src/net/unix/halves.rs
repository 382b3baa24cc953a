//! The halves of a split [`UnixStream`].

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;

use raddle_io_driver::{Interest, Ready};

use super::SocketAddr;
use crate::net::UnixStream;
use crate::net::split::borrowed_halves;
use crate::net::split_owned::owned_halves;

borrowed_halves!(UnixStream, SocketAddr);
owned_halves!(UnixStream, SocketAddr);
