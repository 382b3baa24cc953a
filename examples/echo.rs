//! A TCP echo server: one task per connection, until Ctrl-C.
//!
//! `cargo run --release --example echo`, and then `nc 127.0.0.1 7000` in another terminal.

use futures_lite::future::or;
use raddle::net::{TcpListener, TcpStream};
use raddle::time::{Duration, sleep};
use raddle_examples::{Options, finish, stop_signal};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    finish("echo", run(&Options::from_arguments("echo", "127.0.0.1:7000")))
}

fn run(Options { address, workers }: &Options) -> io::Result<()> {
    let stopped = stop_signal()?;
    let runtime = raddle::runtime::Builder::new_multi_thread().worker_threads(*workers).build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("echoing on {} with {workers} workers", listener.local_addr()?);
        // Whichever ends first; the other is dropped, and with it the listener.
        or(async { drop(stopped.await) }, accept(listener)).await;
        Ok(())
    })
    // The runtime is dropped here, and with it the connections that are still open.
}

async fn accept(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => drop(raddle::spawn(async move {
                match echo(stream).await {
                    Ok(bytes) => println!("{peer} said goodbye after {bytes} bytes"),
                    Err(error) => println!("{peer} is gone: {error}"),
                }
            })),
            Err(error) => {
                // Out of descriptors, most likely: give the open connections time to end.
                eprintln!("accepting: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Sends back what comes in, until the peer closes. Returns how much that was.
async fn echo(mut stream: TcpStream) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(bytes),
            count => {
                stream.write_all(&buffer[..count]).await?;
                bytes += count as u64;
            }
        }
    }
}
