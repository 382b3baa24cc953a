//! What the examples share that is not about raddle: their command line, and signals.

use lexopt::prelude::*;
use raddle::sync::oneshot;
use signal_hook::{consts::TERM_SIGNALS, iterator::Signals};
use std::fmt::Display;
use std::process::{self, ExitCode};
use std::{env, io, thread};

/// The programs of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-asyncio.md")]
pub struct FromAsyncio;

/// The same in Chinese.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-asyncio.zh-CN.md")]
pub struct FromAsyncioInChinese;

/// The options of the servers.
#[derive(Debug)]
pub struct Options {
    /// `--addr`: where to listen.
    pub address: String,
    /// `--workers`: how many worker threads.
    pub workers: usize,
}

impl Options {
    /// Reads the command line of `program`. Explains and exits if it makes no sense.
    pub fn from_arguments(program: &str, address: &str) -> Options {
        Options::parse(program, address).unwrap_or_else(|error| {
            eprintln!("{program}: {error}; --help lists the options");
            process::exit(2)
        })
    }

    fn parse(program: &str, address: &str) -> Result<Options, lexopt::Error> {
        // The runtime's own default; asked for here, because the servers print the number.
        let workers = match env::var_os("RADDLE_WORKERS") {
            Some(count) => count.parse()?,
            None => num_cpus::get(),
        };
        let mut options = Options { address: address.to_owned(), workers };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("addr") => options.address = arguments.value()?.string()?,
                Long("workers") => options.workers = arguments.value()?.parse()?,
                Short('h') | Long("help") => {
                    println!("{program} [--addr {address}] [--workers {}]", options.workers);
                    process::exit(0);
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(options)
    }
}

/// Completes on the first Ctrl-C or SIGTERM; the second one ends the process at once.
///
/// # Errors
/// If the system refuses the handlers.
pub fn stop_signal() -> io::Result<oneshot::Receiver<()>> {
    let (stop, stopped) = oneshot::channel();
    let mut signals = Signals::new(TERM_SIGNALS)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signals = signals.forever();
        signals.next();
        let _ = stop.send(()); // Nobody listens any more if the program is ending anyway.
        let second = signals.next();
        process::exit(128 + second.unwrap_or_default());
    })?;
    Ok(stopped)
}

/// Ends `main`: with a sentence on the terminal, if something went wrong.
pub fn finish(program: &str, outcome: Result<(), impl Display>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The programs in the READMEs are tested with the examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../executor/README.md")]
struct Readme;
