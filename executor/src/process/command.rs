//! What to run, and how.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ExitStatus, Output, Stdio};

use super::{Child, orphans};
use crate::io::failure::failed;

/// What to run, and how: a [`std::process::Command`] whose children are waited for by tasks.
///
/// Starting one is a system call or two that block, some hundred microseconds as a rule; from a task that matters,
/// start it in [`spawn_blocking`](crate::task::spawn_blocking).
///
/// # Examples
/// ```
/// use raddle::process::{Command, Stdio};
///
/// # raddle::block_on(async {
/// let mut sort = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let mut input = sort.stdin.take().unwrap();
/// input.write_all(b"pear\napple\n").await?;
/// drop(input);
/// let output = sort.wait_with_output().await?;
/// assert_eq!(output.stdout, b"apple\npear\n");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct Command {
    std: process::Command,
    kill_on_drop: bool,
}

impl Command {
    /// Runs `program`, which is looked for in `PATH` if it has no slash; without arguments, with this process's
    /// environment, directory and standard streams.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Self {
        process::Command::new(program).into()
    }

    /// The command of the standard library inside.
    pub fn as_std(&self) -> &process::Command {
        &self.std
    }

    /// The command of the standard library inside, for what this type does not have.
    pub fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.std
    }

    /// The command of the standard library inside.
    pub fn into_std(self) -> process::Command {
        self.std
    }

    /// Adds an argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&mut self, args: I) -> &mut Self {
        self.std.args(args);
        self
    }

    /// What the program shall believe its name to be.
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.std.arg0(arg);
        self
    }

    /// Sets a variable of its environment.
    pub fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, key: K, value: V) -> &mut Self {
        self.std.env(key, value);
        self
    }

    /// Sets variables of its environment.
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(variables);
        self
    }

    /// Removes a variable from its environment.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Self {
        self.std.env_remove(key);
        self
    }

    /// Lets its environment begin empty.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Where it runs.
    pub fn current_dir<P: AsRef<Path>>(&mut self, folder: P) -> &mut Self {
        self.std.current_dir(folder);
        self
    }

    /// Its standard input.
    pub fn stdin<T: Into<Stdio>>(&mut self, stream: T) -> &mut Self {
        self.std.stdin(stream);
        self
    }

    /// Its standard output.
    pub fn stdout<T: Into<Stdio>>(&mut self, stream: T) -> &mut Self {
        self.std.stdout(stream);
        self
    }

    /// Its standard error.
    pub fn stderr<T: Into<Stdio>>(&mut self, stream: T) -> &mut Self {
        self.std.stderr(stream);
        self
    }

    /// The user it runs as; usually for the administrator only.
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.std.uid(id);
        self
    }

    /// The group it runs as; usually for the administrator only.
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.std.gid(id);
        self
    }

    /// The process group it joins; 0 for one of its own, which Ctrl-C in the terminal does not reach.
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.std.process_group(group);
        self
    }

    /// Whether dropping the [`Child`] kills it. It does not, by default.
    pub fn kill_on_drop(&mut self, on: bool) -> &mut Self {
        self.kill_on_drop = on;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// What the system says, naming the program: `NotFound`, `PermissionDenied`, ….
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        // The panic outside a runtime comes before there is a child.
        let _ = crate::scheduler::context::io_handle();
        orphans::sweep();
        let program = self.std.get_program().to_string_lossy().into_owned();
        let started = self.std.spawn();
        started
            .and_then(|child| Child::new(child, program.clone(), self.kill_on_drop))
            .map_err(|error| failed("starting", program, error))
    }

    /// Starts it and waits until it has ended.
    ///
    /// # Cancel safety
    /// Dropping the future drops the child, see [`kill_on_drop`](Self::kill_on_drop).
    ///
    /// # Errors
    /// As for [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        let mut child = self.spawn()?;
        // Pipes that nobody reads would hold the child up.
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().await
    }

    /// Starts it, with pipes from its outputs, and waits until it has ended, with what it wrote.
    ///
    /// # Cancel safety
    /// Dropping the future drops the child, see [`kill_on_drop`](Self::kill_on_drop).
    ///
    /// # Errors
    /// As for [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn output(&mut self) -> io::Result<Output> {
        self.std.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.spawn()?.wait_with_output().await
    }
}

impl From<process::Command> for Command {
    fn from(std: process::Command) -> Self {
        Self { std, kill_on_drop: false }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}
