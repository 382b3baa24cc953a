//! What the environment asks a runtime to do for whoever looks for a fault: `RADDLE_DEBUG`.

use super::builder::{BuildError, Builder, invalid};
use std::env::{self, VarError};

/// A list of [`WORDS`], with commas between them.
const VARIABLE: &str = "RADDLE_DEBUG";
const WORDS: &str = "tasks";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Debug {
    pub(super) tracks_tasks: bool,
}

/// What `RADDLE_DEBUG` asks for at this moment.
///
/// # Errors
/// If there is a word in it that we do not know: a list that is missing because of a slip of the pen would be looked for
/// in vain.
pub(super) fn from_environment() -> Result<Debug, BuildError> {
    match env::var(VARIABLE) {
        Ok(text) => parse(&text),
        Err(VarError::NotPresent) => Ok(Debug::default()),
        Err(VarError::NotUnicode(text)) => Err(unknown(&text.to_string_lossy())),
    }
}

fn parse(text: &str) -> Result<Debug, BuildError> {
    let mut debug = Debug::default();
    for word in text.split(',').map(str::trim) {
        match word {
            "" => {}
            "tasks" => debug.tracks_tasks = true,
            word => return Err(unknown(word)),
        }
    }
    Ok(debug)
}

fn unknown(word: &str) -> BuildError {
    invalid(VARIABLE, format!("has {word:?}, and knows {WORDS:?} only"))
}

/// # Finding faults
///
/// `RADDLE_DEBUG` in the environment has the same effect as these functions, without a change of the program, on every runtime
/// that is built while it is set. It is a list of words with commas between them; so far there is one, `tasks`. (With another,
/// [`build`](Builder::build) fails, and names it.)
impl Builder {
    /// Whether the runtime keeps a list of its live tasks, for [`Handle::tasks`](super::Handle::tasks) and
    /// [`Handle::dump`](super::Handle::dump); not by default, unless `RADDLE_DEBUG=tasks` is in the environment.
    ///
    /// A runtime without pays nothing. With it, each task costs two allocations, a lock at its spawn and one at its end, which are its
    /// worker's own as a rule, and two looks at the clock per poll: a third of a microsecond for a task that is polled once, where a
    /// plain one takes a fifteenth (`compare extras`, 407 against 67 ns on one thread).
    ///
    /// ```
    /// let runtime = raddle::runtime::Builder::new_multi_thread().track_tasks(true).build()?;
    /// let never = runtime.spawn(std::future::pending::<()>());
    /// assert_eq!(runtime.tasks()?[0].id, never.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn track_tasks(&mut self, track_tasks: bool) -> &mut Builder {
        self.hooks.tracks_tasks = track_tasks;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_a_list_of_words() {
        let tracks = |text| parse(text).map(|debug| debug.tracks_tasks).ok();
        assert_eq!(tracks(""), Some(false));
        assert_eq!(tracks("tasks"), Some(true));
        assert_eq!(tracks(" tasks , "), Some(true));
        assert_eq!(tracks("task"), None);
        let error = parse("tasks,everything").unwrap_err().to_string();
        assert!(error.contains("RADDLE_DEBUG") && error.contains("\"everything\""), "{error}");
    }
}
