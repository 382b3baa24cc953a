//! An HTTP server: hyper on every core, and a shutdown that loses no accepted request.
//!
//! `cargo run --release --example http_server -- --addr 127.0.0.1:8080 --workers 2`
//!
//! Ctrl-C or SIGTERM: the connections waiting in the system's queue are taken, and the listener is
//! closed. From then on every response says `Connection: close`, so a client whose request is on its
//! way is answered and sends no other. Who is still idle after [`PATIENCE`] is hung up on, and what
//! still runs has [`DRAIN_MAX`] to end. A second signal ends the process at once.

#[path = "http_server/routes.rs"]
mod routes;

use futures_lite::future::or;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{server::conn::http1, service::service_fn};
use raddle::hyper::RaddleTimer;
use raddle::net::{TcpListener, TcpStream};
use raddle::sync::{Notify, mpsc, oneshot};
use raddle::time::{Duration, Instant, sleep, timeout};
use raddle_examples::{Options, finish, stop_signal};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::{cell::Cell, convert::Infallible, io, pin::pin, process::ExitCode};

const PATIENCE: Duration = Duration::from_millis(100);
const DRAIN_MAX: Duration = Duration::from_secs(10);

static STOPPING: AtomicBool = AtomicBool::new(false);
static HANG_UP: Notify = Notify::const_new();
static REQUESTS: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    finish("http_server", run(&Options::from_arguments("http_server", "127.0.0.1:8080")))
}

fn run(Options { address, workers }: &Options) -> io::Result<()> {
    let stopped = stop_signal()?;
    let runtime = raddle::runtime::Builder::new_multi_thread().worker_threads(*workers).build()?;
    let outcome = runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("listening on http://{} with {workers} workers", listener.local_addr()?);
        serve(listener, stopped).await
    });
    runtime.shutdown_background(); // A `/cpu` whose client has left may still be at it.
    outcome
}

async fn serve(listener: TcpListener, mut stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let (open, mut all_closed) = mpsc::channel(1);
    let welcome = |stream| {
        let open = Open { requests: Cell::new(0), _while_it_lives: open.clone() };
        drop(raddle::spawn(connection(stream, open)));
    };
    loop {
        let stop = async { ((&mut stopped).await, None).1 };
        match or(stop, async { Some(listener.accept().await) }).await {
            None => break,
            Some(Ok((stream, _))) => welcome(stream),
            Some(Err(error)) => {
                // Out of descriptors, most likely. Who wants to connect waits in the queue.
                eprintln!("accepting: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    let begun = Instant::now();
    STOPPING.store(true, Relaxed);
    for waiting in listener.into_std()?.incoming().map_while(Result::ok) {
        welcome(TcpStream::from_std(waiting)?);
    }
    drop(open);
    if timeout(PATIENCE, all_closed.recv()).await.is_err() {
        HANG_UP.notify_waiters();
        if timeout(DRAIN_MAX, all_closed.recv()).await.is_err() {
            eprintln!("cut off {} connections", all_closed.sender_strong_count());
        }
    }
    println!("served {} requests, stopped in {:?}", REQUESTS.load(Relaxed), begun.elapsed());
    Ok(())
}

/// Belongs to a connection: counts its requests, and by being dropped says that it has closed.
struct Open {
    requests: Cell<u64>,
    _while_it_lives: mpsc::Sender<Infallible>,
}

impl Drop for Open {
    fn drop(&mut self) {
        REQUESTS.fetch_add(self.requests.get(), Relaxed);
    }
}

fn connection(stream: TcpStream, open: Open) -> impl Future<Output = ()> + Send {
    let hang_up = HANG_UP.notified(); // Made before the task first runs: a sweep reaches it even so.
    async move {
        let _ = stream.set_nodelay(true); // Fails if the client has left already.
        let service = service_fn(move |request| {
            open.requests.set(open.requests.get() + 1);
            async {
                let mut response = routes::answer(request).await;
                if STOPPING.load(Relaxed) {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let mut server = http1::Builder::new();
        server.timer(RaddleTimer).pipeline_flush(true);
        let mut connection = pin!(server.serve_connection(stream, service));
        let ended = async { Some(connection.as_mut().await) };
        if or(ended, async { (hang_up.await, None).1 }).await.is_none() {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await; // An error is a client that left: nobody to tell.
        }
    }
}
