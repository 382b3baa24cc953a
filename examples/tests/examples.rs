//! Runs the examples as a user would, and the servers with clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any example may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The examples are built beside the tests.
fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().expect("tests know their own path");
    path.pop();
    path.set_file_name("examples");
    path.push(name);
    assert!(path.exists(), "{path:?} is missing: it is built by `cargo test` without `--test`");
    Command::new(path)
}

fn run_to_its_end(name: &str) -> String {
    let Output { status, stdout, .. } = example(name).output().expect("it starts");
    let printed = String::from_utf8(stdout).expect("it prints text");
    assert!(status.success(), "{name} ended with {status}, after:\n{printed}");
    printed
}

/// A running server, killed if the test fails.
struct Server {
    child: Child,
    printed: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    /// Starts an example on a port of the system's choice, and reads the address from its first line.
    fn start(name: &str) -> Server {
        Server::start_with(example(name))
    }

    fn start_with(mut command: Command) -> Server {
        let command = command.args(["--addr", "127.0.0.1:0", "--workers", "2"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut printed = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        printed.read_line(&mut line).expect("it prints text");
        assert!(line.ends_with("with 2 workers\n"), "it said {line:?}");
        let address = line.split_whitespace().find(|word| word.contains("127.0.0.1:"));
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
        Server { address: address.trim_start_matches("http://").to_owned(), child, printed }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        stream
    }

    /// One request on a connection of its own; the whole response.
    fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap_or_else(|error| panic!("{path}: {error}"));
        response
    }

    fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("there is a shell").success());
    }

    /// How it ended, and what it said last.
    fn wait(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "the server does not end"),
            }
            thread::sleep(Duration::from_millis(5));
        };
        let mut rest = String::new();
        self.printed.read_to_string(&mut rest).expect("it prints text");
        (status, rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // Fails if it has ended.
        let _ = self.child.wait();
    }
}

#[test]
fn from_asyncio_shows_every_row() {
    let printed = run_to_its_end("from_asyncio");
    for line in [
        "coroutine: [1.0, 2.0, 4.0], then Done",
        "create_task: hello from Some(\"greeter\"), the sleeper was cancelled: true",
        "add_done_callback: Completed with 7",
        "current_task: worker 1 is running",
        "contextvars: the child serves request 42, and has a depth: false",
        "gather: [0, 1, 4, 9], 1 and two",
        "wait: done [\"quick\"], pending 1",
        "as_completed: all of 60 ms, the shortest first",
        "wait_for: gave up",
        "pool: [2, 4, 3, 7]",
        "task_group: 3, and a group that failed with [\"dropped the cup\"]",
        "cancel_scope: cleaned up in time",
        "priority: the check waited for a request or two: true, and Some(Low) came last",
        "run_coroutine_threadsafe: the thread heard 42",
        "to_thread: a thread summed up 499500",
        "run: the output of main; cancelled: forgotten",
        "shield: asked to stop: true; saved as if not: true",
        "first_completed: what was ready came first",
        "call_later: called",
        "exception_handler: 1 heard of, and true",
        "eager_task_factory: cached and fetched were done at once: (true, false)",
        "not_send: three local tasks counted to 6",
        "pinned: worker 0 is one thread, and worker 1 another: true",
        "block_in_place: another task went on meanwhile",
        "scope_blocking: [\"a\", \"bb\", \"ccc\"] have the lengths [1, 2, 3]",
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line:?} is missing in:\n{printed}"
        );
    }
}

#[test]
fn fan_out_counts_the_same_primes_on_one_worker_and_on_all() {
    let printed = run_to_its_end("fan_out");
    assert_eq!(printed.matches("78498 primes").count(), 2, "{printed}");
}

#[test]
fn timeouts_gives_up_tries_again_races_and_ticks() {
    let printed = run_to_its_end("timeouts");
    for expected in ["attempt 1: the deadline passed", "mirror 2", "was cancelled", "tick 3"] {
        assert!(printed.contains(expected), "{expected:?} is missing in:\n{printed}");
    }
}

#[test]
fn timers_forgets_arranges_limits_and_takes_no_time() {
    let printed = run_to_its_end("timers");
    let expected = "\
forgotten after 720s: seldom
left: [\"often\"]
the tea is ready after 240s
drunk in time: true
sent: first
sent back after a minute: second
an hour's sleep took 5460s
";
    assert_eq!(printed, expected);
}

#[test]
fn echo_sends_back_what_it_gets_and_survives_a_reset() {
    let server = Server::start("echo");
    for round in 0..3 {
        let mut stream = server.connect();
        stream.write_all(b"hello").unwrap();
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"hello");
        // Every other client leaves with an answer unread, which makes a reset of its goodbye.
        if round % 2 == 0 {
            stream.write_all(&[0; 100_000]).unwrap();
        }
    }
    server.terminate();
    assert!(server.wait().0.success());
}

#[test]
fn graceful_shutdown_says_goodbye_to_everybody() {
    let server = Server::start("graceful_shutdown");
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
    }
    server.terminate();
    for client in &mut clients {
        let mut last_words = String::new();
        client.read_to_string(&mut last_words).unwrap();
        assert_eq!(last_words, "goodbye\n");
    }
    let (status, report) = server.wait();
    assert!(status.success() && report.contains("3 of 3 ended by themselves"), "{report}");
}

#[test]
fn http_server_answers_every_route() {
    let server = Server::start("http_server");
    for (path, status, body) in [
        ("/plaintext", 200, "Hello, World!"),
        ("/json", 200, r#"{"message":"Hello, World!"}"#),
        ("/sleep?ms=3", 200, "slept for 3ms\n"),
        ("/cpu?ms=3", 200, "rounds in 3ms\n"),
        ("/sleep", 400, "/sleep wants ?ms=, a number of milliseconds\n"),
        ("/cpu?ms=-1", 400, "ms=-1 is not a number from 0 to 60000\n"),
        ("/sleep?ms=60001", 400, "ms=60001 is not a number from 0 to 60000\n"),
        ("/", 404, "/cpu?ms=10\n"),
    ] {
        let response = server.get(path);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {response}");
        assert!(response.ends_with(body), "{path}: {response}");
    }
}

#[test]
fn http_server_answers_pipelined_requests_in_order() {
    let server = Server::start("http_server");
    let mut stream = server.connect();
    let paths = ["/sleep?ms=20", "/plaintext", "/json", "/nothing"];
    for (index, path) in paths.iter().enumerate() {
        let close = if index + 1 == paths.len() { "Connection: close\r\n" } else { "" };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n{close}\r\n").unwrap();
    }
    let mut responses = String::new();
    stream.read_to_string(&mut responses).unwrap();
    let find = |part| responses.find(part).unwrap_or_else(|| panic!("no {part:?} in {responses}"));
    let places = ["slept for", "Hello, World!HTTP", "{\"message\"", "404 Not Found"].map(find);
    assert!(places.is_sorted(), "{responses}");
}

#[test]
fn http_server_finishes_what_it_has_begun_before_it_stops() {
    let server = Server::start("http_server");
    let (mut idle, mut slow) = (server.connect(), server.connect());
    slow.write_all(b"GET /sleep?ms=400 HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    server.terminate();
    let mut response = String::new();
    slow.read_to_string(&mut response).expect("it closes the connection after the response");
    assert!(response.ends_with("slept for 400ms\n"), "{response}");
    assert!(response.contains("connection: close\r\n"), "{response}");
    assert_eq!(idle.read(&mut [0]).expect("an idle connection is closed in order"), 0);
    let (status, last_words) = server.wait();
    assert!(status.success(), "{status}: {last_words}");
    assert!(last_words.starts_with("served 1 requests"), "{last_words}");
}

#[test]
fn http_server_goes_on_accepting_after_it_ran_out_of_descriptors() {
    let path = example("http_server").get_program().to_owned();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 24; exec \"$0\" \"$@\" 2>&1"]).arg(path);
    let server = Server::start_with(limited);
    let mut crowd: Vec<_> = (0..40).map(|_| server.connect()).collect();
    // The last one waits in the system's queue until others have left.
    let mut last = crowd.pop().unwrap();
    last.write_all(b"GET /plaintext HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    drop(crowd);
    let mut response = String::new();
    last.read_to_string(&mut response).expect("it is answered in the end");
    assert!(response.ends_with("Hello, World!"), "{response}");
    server.terminate();
    let (status, last_words) = server.wait();
    assert!(status.success(), "{status}: {last_words}");
    assert!(last_words.contains("accepting: "), "the limit was not reached: {last_words}");
}

#[test]
fn http_server_loses_no_accepted_request_when_told_to_stop_under_load() {
    let server = Server::start("http_server");
    let mut client = Command::new(env!("CARGO_BIN_EXE_http_client"));
    let client = client.args(["until-closed", &server.address, "50"]);
    let client = client.args(["/plaintext", "/sleep?ms=3", "/json"]).stdout(Stdio::piped());
    let client = client.spawn().expect("the client starts");
    thread::sleep(Duration::from_millis(500)); // The load: what is in flight when it ends matters.
    server.terminate();
    let Output { status, stdout, .. } = client.wait_with_output().expect("it is our child");
    let tally = String::from_utf8(stdout).expect("it prints text");
    let (server_status, last_words) = server.wait();
    assert!(status.success() && server_status.success(), "{tally}{last_words}");
    let answered: u64 = number_after("answered ", &tally);
    assert_eq!(answered, number_after("served ", &last_words), "{tally}{last_words}");
}

fn number_after(word: &str, text: &str) -> u64 {
    let number = text.split_once(word).map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()));
    let number = number.and_then(|mut parts| parts.next()).and_then(|digits| digits.parse().ok());
    number.unwrap_or_else(|| panic!("no number after {word:?} in {text:?}"))
}
