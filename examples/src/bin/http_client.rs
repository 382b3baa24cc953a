//! A client that knows what became of each of its requests. For the tests of `http_server`.
//!
//! ```text
//! http_client until-closed ADDRESS COUNT PATH…   COUNT connections ask for the paths, each again and again,
//!                                                until the server is gone
//! http_client crowd ADDRESS COUNT PATH           COUNT connections at once; then each asks once, and closes
//! ```
//!
//! A request counts from the moment its last byte is handed to the system, and ends as one of these:
//!
//! - *answered*: the whole response has come, with status 200.
//! - *torn*: a part of a response has come, and then the end of the connection, or nonsense.
//! - *unanswered*: the connection has ended without a byte of response. Either the server had read the
//!   request, and then it lost it; or it had not, because it closed the connection at that moment, as HTTP/1.1
//!   lets it. Who wants to know compares *answered* with the number of requests that the server says it served.
//!
//! An attempt to connect that fails is none of these. The exit code is 1 if a request was torn, or any
//! request of a crowd was not answered.

use std::fmt;
use std::io::{self, Read, Write};
use std::iter::Sum;
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Longer than anything the server may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    torn: u64,
    unanswered: u64,
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(tallies: I) -> Tally {
        tallies.fold(Tally::default(), |all, one| Tally {
            answered: all.answered + one.answered,
            torn: all.torn + one.torn,
            unanswered: all.unanswered + one.unanswered,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { answered, torn, unanswered } = self;
        write!(f, "answered {answered}, torn {torn}, unanswered {unanswered}")
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (tally, complete) = match arguments[..] {
        ["until-closed", address, count, ref paths @ ..] if !paths.is_empty() => {
            let tally = until_closed(address, number(count), paths);
            let complete = tally.torn == 0 && tally.answered > 0;
            (tally, complete)
        }
        ["crowd", address, count, path] => match crowd(address, number(count), path) {
            Ok(tally) => {
                let complete = tally.torn == 0 && tally.unanswered == 0;
                (tally, complete)
            }
            Err(error) => {
                eprintln!("http_client: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => {
            eprintln!("http_client until-closed ADDRESS COUNT PATH… | crowd ADDRESS COUNT PATH");
            return ExitCode::from(2);
        }
    };
    println!("{tally}");
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is not a count: {error}"))
}

fn until_closed(address: &str, count: usize, paths: &[&str]) -> Tally {
    thread::scope(|scope| {
        let start = |index: usize| {
            let path = paths[index % paths.len()];
            // Most connections are kept; every tenth client connects for each request, so that the
            // server is accepting when it is told to stop.
            scope.spawn(move || client(address, path, index % 10 == 9))
        };
        let clients: Vec<_> = (0..count).map(start).collect();
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).sum()
    })
}

/// Asks until the server does not take connections any more.
fn client(address: &str, path: &str, hang_up: bool) -> Tally {
    let mut tally = Tally::default();
    while let Ok(mut connection) = connect(address) {
        while let Ok(()) = connection.write_all(request(path, hang_up).as_bytes()) {
            if !tally.count(read_response(&mut connection)) {
                break;
            }
        }
        if hang_up {
            thread::sleep(Duration::from_millis(5)); // Or the ports run out.
        }
    }
    tally
}

fn crowd(address: &str, count: usize, path: &str) -> io::Result<Tally> {
    let mut connections = (0..count).map(|_| connect(address)).collect::<io::Result<Vec<_>>>()?;
    let mut tally = Tally::default();
    for connection in &mut connections {
        connection.write_all(request(path, false).as_bytes())?;
    }
    for connection in &mut connections {
        tally.count(read_response(connection));
    }
    Ok(tally)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn request(path: &str, hang_up: bool) -> String {
    let connection = if hang_up { "close" } else { "keep-alive" };
    format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: {connection}\r\n\r\n")
}

enum Outcome {
    Answered { stays_open: bool },
    Torn,
    Unanswered,
}

impl Tally {
    /// Whether the connection is good for another request.
    fn count(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Answered { stays_open } => {
                self.answered += 1;
                return stays_open;
            }
            Outcome::Torn => self.torn += 1,
            Outcome::Unanswered => self.unanswered += 1,
        }
        false
    }
}

/// Reads one response. The server says how long its bodies are, and sends nothing unasked.
fn read_response(connection: &mut TcpStream) -> Outcome {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match connection.read(&mut buffer) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ if bytes.is_empty() => return Outcome::Unanswered,
            _ => return Outcome::Torn,
        }
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name| head.lines().find_map(|line| line.strip_prefix(name));
        let length = header("content-length: ").and_then(|length| length.parse().ok());
        match length {
            Some(length) if body.len() < length => {}
            Some(length) if body.len() == length && head.starts_with("http/1.1 200 ") => {
                return Outcome::Answered { stays_open: header("connection: close").is_none() };
            }
            _ => return Outcome::Torn,
        }
    }
}
