//! Echo of 1 KiB over one loopback connection, client and server on the same runtime: time per round trip.

use std::io;

use criterion::{Criterion, Throughput};
use raddle::net::{TcpListener, TcpStream};

const MESSAGE: usize = 1_024;
const ROUND_TRIPS: u64 = 100;

async fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}

async fn serve_one(listener: TcpListener) -> io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let mut buffer = [0; MESSAGE];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        write_all(&mut stream, &buffer[..count]).await?;
    }
}

async fn connect() -> io::Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    drop(raddle::spawn(serve_one(listener)));
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn round_trips(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; MESSAGE];
    for _ in 0..ROUND_TRIPS {
        write_all(stream, &[b'r'; MESSAGE]).await?;
        let mut received = 0;
        while received < MESSAGE {
            match stream.read(&mut buffer[received..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => received += count,
            }
        }
    }
    Ok(())
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tcp_echo");
    group.throughput(Throughput::Elements(ROUND_TRIPS));
    for (flavor, runtime) in crate::flavors() {
        let mut stream = runtime.block_on(connect()).expect("loopback connects");
        group.bench_function(flavor, |bencher| {
            bencher.iter(|| runtime.block_on(round_trips(&mut stream)).expect("the echo answers"));
        });
    }
}
