//! How a file is opened.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::File;
use crate::io::offload::offload;

/// How a file is opened; as [`std::fs::OpenOptions`].
///
/// # Examples
/// ```no_run
/// # raddle::block_on(async {
/// let mut log = raddle::fs::OpenOptions::new().append(true).create(true).open("log").await?;
/// log.write_all(b"a line\n").await?;
/// log.flush().await
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions(fs::OpenOptions);

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! switches {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {
        impl OpenOptions {$(
            $(#[doc = $doc])*
            pub fn $name(&mut self, on: bool) -> &mut Self {
                self.0.$name(on);
                self
            }
        )*}
    };
}

switches! {
    /// For reading.
    read;
    /// For writing.
    write;
    /// For writing, always at the end.
    append;
    /// Empties the file. Needs `write`.
    truncate;
    /// Creates the file if it is missing. Needs `write` or `append`.
    create;
    /// Creates the file, which must not be there.
    create_new;
}

impl OpenOptions {
    /// With nothing switched on.
    pub fn new() -> Self {
        Self(fs::OpenOptions::new())
    }

    /// The permissions of a file that is created, less those that the process withholds (its umask).
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.0.mode(mode);
        self
    }

    /// Further flags of the system's `open`.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.0.custom_flags(flags);
        self
    }

    /// Opens the file.
    ///
    /// # Cancel safety
    /// A file that is opened for a future that is dropped is closed again. It may have been created.
    ///
    /// # Errors
    /// Those of [`std::fs::OpenOptions::open`], naming the path.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_owned());
        let name = path.display().to_string();
        let file = offload("opening", name.clone(), move || options.open(&path)).await?;
        Ok(File::new(file, name))
    }
}

impl From<fs::OpenOptions> for OpenOptions {
    fn from(std: fs::OpenOptions) -> Self {
        Self(std)
    }
}
