//! A server that ends in an orderly way: no new connections, time for the open ones, and then a report.
//!
//! `cargo run --release --example graceful_shutdown`, `nc 127.0.0.1 7001` in another terminal, and then Ctrl-C here.

use futures_lite::future::or;
use raddle::net::{TcpListener, TcpStream, serve};
use raddle::signal::ctrl_c;
use raddle::signal::unix::{SignalKind, signal};
use raddle::sync::CancellationToken;
use raddle::time::Duration;
use raddle_examples::{Options, finish};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    finish(
        "graceful_shutdown",
        run(&Options::from_arguments("graceful_shutdown", "127.0.0.1:7001")),
    )
}

fn run(Options { address, workers }: &Options) -> io::Result<()> {
    let runtime = raddle::runtime::Builder::new_multi_thread().worker_threads(*workers).build()?;
    runtime.block_on(async {
        let stopping = CancellationToken::new();
        let stop = stopping.clone();
        let mut terminate = signal(SignalKind::terminate())?;
        raddle::spawn(async move {
            // Whichever comes first.
            or(async { _ = terminate.recv().await }, async { _ = ctrl_c().await }).await;
            stop.cancel();
        });

        let listener = TcpListener::bind(address).await?;
        println!("greeting on {} with {workers} workers", listener.local_addr()?);
        let told = stopping.clone();
        let served = serve(listener, move |stream, _peer| greet(stream, told.clone()))
            .limit(1000)
            .timeout(Duration::from_secs(600))
            .on_error(|error| eprintln!("{error}"))
            .shutdown(stopping.cancelled_owned())
            .drain(Duration::from_secs(5))
            .await?;
        println!("{} of {} ended by themselves", served.completed, served.accepted);
        Ok(())
    })
}

/// Repeats what the client says, line by line, until it leaves or the server is told to stop.
async fn greet(mut stream: TcpStream, told: CancellationToken) {
    let mut buffer = [0; 1024];
    // `None`: told to stop while it waits. A read that is dropped loses nothing, and an answer is always finished.
    while let Some(Ok(count @ 1..)) = told.run_until_cancelled(stream.read(&mut buffer)).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return; // The client is gone.
        }
    }
    let _ = stream.write_all(b"goodbye\n").await; // As above.
}
