//! Files and directories, without holding up a worker.
//!
//! The system has no calls for files that wait without blocking, so each operation here runs on a thread of the
//! [blocking pool](crate::task::spawn_blocking), at the price of two hand-overs between threads, some ten microseconds.
//! Many small operations are better done together, in one `spawn_blocking` of your own.
//!
//! Functions and types are those of [`std::fs`]. Errors say which operation failed, and on what path.
//!
//! # Cancel safety
//! Dropping a future here does not take back an operation that a thread has begun: it goes on to its end.
//!
//! # Panics
//! Outside a runtime.
//!
//! # Examples
//! ```
//! use raddle::fs;
//!
//! # raddle::block_on(async {
//! # let folder = std::env::temp_dir().join(format!("raddle-fs-{}", std::process::id()));
//! fs::create_dir_all(&folder).await?;
//! fs::write(folder.join("greeting"), "hello").await?;
//! assert_eq!(fs::read_to_string(folder.join("greeting")).await?, "hello");
//! let mut entries = fs::read_dir(&folder).await?;
//! assert_eq!(entries.next_entry().await?.unwrap().file_name(), "greeting");
//! fs::remove_dir_all(&folder).await?;
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

mod dir;
mod file;
mod open_options;
mod whole;

pub use dir::{DirBuilder, DirEntry, ReadDir, read_dir};
pub use file::File;
pub use open_options::OpenOptions;
pub use whole::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, try_exists, write,
};
