//! Operations on whole files, by path.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use crate::io::offload::offload;

/// Runs `operation` on `path`, which an error names.
async fn on_path<R: Send + 'static>(
    words: &'static str,
    path: &Path,
    operation: impl FnOnce(&Path) -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let (path, name) = (path.to_owned(), path.display().to_string());
    offload(words, name, move || operation(&path)).await
}

/// Runs `operation` on two paths, which an error names.
async fn on_paths<R: Send + 'static>(
    words: &'static str,
    from: &Path,
    to: &Path,
    operation: impl FnOnce(&Path, &Path) -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let names = format!("{} to {}", from.display(), to.display());
    let (from, to) = (from.to_owned(), to.to_owned());
    offload(words, names, move || operation(&from, &to)).await
}

/// The absolute path, with every symbolic link followed.
///
/// # Errors
/// Those of [`std::fs::canonicalize`], naming the path.
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    on_path("resolving", path.as_ref(), |path| fs::canonicalize(path)).await
}

/// Creates a directory, whose parent must be there.
///
/// # Errors
/// Those of [`std::fs::create_dir`], naming the path.
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    on_path("creating the directory", path.as_ref(), |path| fs::create_dir(path)).await
}

/// Creates a directory and those above it that are missing.
///
/// # Errors
/// Those of [`std::fs::create_dir_all`], naming the path.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    on_path("creating the directory", path.as_ref(), |path| fs::create_dir_all(path)).await
}

/// What the system knows of a file; symbolic links are followed.
///
/// # Errors
/// Those of [`std::fs::metadata`], naming the path.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    on_path("reading the metadata of", path.as_ref(), |path| fs::metadata(path)).await
}

/// What the system knows of a file, or of the symbolic link itself.
///
/// # Errors
/// Those of [`std::fs::symlink_metadata`], naming the path.
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    on_path("reading the metadata of", path.as_ref(), |path| fs::symlink_metadata(path)).await
}

/// The whole content of a file.
///
/// # Errors
/// Those of [`std::fs::read`], naming the path.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    on_path("reading", path.as_ref(), |path| fs::read(path)).await
}

/// The whole content of a file, which must be UTF-8.
///
/// # Errors
/// Those of [`std::fs::read_to_string`], naming the path.
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    on_path("reading", path.as_ref(), |path| fs::read_to_string(path)).await
}

/// Where a symbolic link leads.
///
/// # Errors
/// Those of [`std::fs::read_link`], naming the path.
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    on_path("reading the link", path.as_ref(), |path| fs::read_link(path)).await
}

/// Removes a directory, which must be empty.
///
/// # Errors
/// Those of [`std::fs::remove_dir`], naming the path.
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    on_path("removing the directory", path.as_ref(), |path| fs::remove_dir(path)).await
}

/// Removes a directory and all that is in it. Symbolic links are removed, not followed.
///
/// # Errors
/// Those of [`std::fs::remove_dir_all`], naming the path.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    on_path("removing the directory", path.as_ref(), |path| fs::remove_dir_all(path)).await
}

/// Removes a file.
///
/// # Errors
/// Those of [`std::fs::remove_file`], naming the path.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    on_path("removing", path.as_ref(), |path| fs::remove_file(path)).await
}

/// Whether there is something at `path`; a broken symbolic link is nothing.
///
/// # Errors
/// If it cannot be told, for want of permission, say.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    on_path("looking for", path.as_ref(), |path| path.try_exists()).await
}

/// Replaces the content of a file, which is created if it is missing.
///
/// # Errors
/// Those of [`std::fs::write`], naming the path.
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let contents = contents.as_ref().to_owned();
    on_path("writing", path.as_ref(), |path| fs::write(path, contents)).await
}

/// Sets the permissions of a file.
///
/// # Errors
/// Those of [`std::fs::set_permissions`], naming the path.
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let set = |path: &Path| fs::set_permissions(path, permissions);
    on_path("setting the permissions of", path.as_ref(), set).await
}

/// Copies content and permissions of a file, and returns how many bytes that were.
///
/// # Errors
/// Those of [`std::fs::copy`], naming both paths.
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    on_paths("copying", from.as_ref(), to.as_ref(), |from, to| fs::copy(from, to)).await
}

/// Gives a file or directory another name, in place of what had it.
///
/// # Errors
/// Those of [`std::fs::rename`], naming both paths.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    on_paths("renaming", from.as_ref(), to.as_ref(), |from, to| fs::rename(from, to)).await
}

/// Gives a file a second name.
///
/// # Errors
/// Those of [`std::fs::hard_link`], naming both paths.
pub async fn hard_link(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    on_paths("linking", from.as_ref(), to.as_ref(), |from, to| fs::hard_link(from, to)).await
}

/// Makes a symbolic link at the second path that leads to the first.
///
/// # Errors
/// Those of [`std::os::unix::fs::symlink`], naming both paths.
pub async fn symlink(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    on_paths("linking", from.as_ref(), to.as_ref(), |from, to| std::os::unix::fs::symlink(from, to))
        .await
}
