//! Streams that the I/O driver asks the system about only when it has to (R8), and need not take out again (R10).

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use crate::io_driver::{Loop, Task, drain, fill, on_each_backend, read, tcp_pair, write};
use raddle_io_driver::{Backend, Interest, Registered};
use rustix::io::fcntl_dupfd_cloexec;

fn stream(it: &Loop, io: TcpStream) -> Registered<TcpStream> {
    Registered::new_stream(io, &it.handle).unwrap()
}

#[test]
fn a_new_stream_says_nothing_before_somebody_waits() {
    on_each_backend(|it| {
        let (a, mut b) = tcp_pair();
        let a = stream(it, a);
        b.write_all(b"words").unwrap();
        assert_eq!(it.turn(Duration::ZERO), 0);
        let mut buffer = [0; 64];
        assert_eq!(it.run("what was there", read(&a, &mut buffer)).unwrap(), 5);
        assert_eq!(it.run("room", write(&a, b"answer")).unwrap(), 6);
        assert_eq!(it.turn(Duration::ZERO), 0);

        let task = Task::new();
        let mut more = Box::pin(read(&a, &mut buffer));
        assert!(more.as_mut().poll(&mut task.context()).is_pending());
        assert_eq!(it.turn(Duration::ZERO), 0, "room is no news to a reader");
        b.write_all(b"more").unwrap();
        assert_eq!(it.run("more", more).unwrap(), 4);
    });
}

#[test]
fn data_and_fin_that_came_before_the_first_wait_are_both_read() {
    on_each_backend(|it| {
        let (a, mut b) = tcp_pair();
        let a = stream(it, a);
        b.write_all(b"the last words").unwrap();
        b.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(it.run("data", read(&a, &mut buffer)).unwrap(), 14);
        assert_eq!(it.run("FIN", read(&a, &mut buffer)).unwrap(), 0);
    });
}

#[test]
fn who_only_tries_is_let_once_there_is_something() {
    on_each_backend(|it| {
        let (a, b) = tcp_pair();
        let (a, b) = (it.register(a), stream(it, b));
        let try_read = |io: &Registered<TcpStream>| {
            io.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]))
        };
        for (reader, writer) in [(&a, &b), (&b, &a)] {
            for _ in 0..2 {
                assert_eq!(try_read(reader).unwrap_err().kind(), ErrorKind::WouldBlock);
            }
            assert_eq!(writer.get_ref().write(b"x").unwrap(), 1);
            it.turn_until("the byte", || try_read(reader).is_ok());
        }
        for (writer, reader) in [(&a, &b), (&b, &a)] {
            while fill(writer) > 0 {
                it.settle();
            }
            it.turn_until("room", || {
                drain(reader);
                writer.try_io(Interest::WRITABLE, |mut io| io.write(b"x")).is_ok()
            });
        }
    });
}

/// The same file under the same number, after the stream it was has been closed, if no other thread takes the number.
fn same_again(closed: i32, other: &OwnedFd) -> Option<OwnedFd> {
    let again = fcntl_dupfd_cloexec(other, closed).unwrap();
    (again.as_raw_fd() == closed).then_some(again)
}

#[test]
fn what_was_left_in_the_selector_is_in_nobodys_way() {
    on_each_backend(|it| {
        let mut tries = 0;
        let (again, other, _b) = loop {
            let (a, b) = tcp_pair();
            let a = stream(it, a);
            let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
            b.shutdown(Shutdown::Write).unwrap();
            it.run("FIN", a.readable()).unwrap();
            assert_eq!(it.run("the end", read(&a, &mut [0; 8])).unwrap(), 0);
            let (number, other) = (a.as_raw_fd(), OwnedFd::from(a.get_ref().try_clone().unwrap()));
            drop(a);
            assert_eq!(it.handle.registrations(), 0);
            if let Some(again) = same_again(number, &other) {
                break (again, other, b);
            }
            tries += 1;
            assert!(tries < 1_000, "another thread takes each number");
        };
        let number = again.as_raw_fd();
        let again = it.register(TcpStream::from(again));
        assert_eq!(it.run("room", write(&again, b"words")).unwrap(), 5);
        if it.handle.backend() == Backend::Native {
            // What is watched still is.
            let error = Registered::new(again.get_ref(), &it.handle).unwrap_err();
            assert_eq!((error.kind(), again.as_raw_fd()), (ErrorKind::AlreadyExists, number));
        }
        assert_eq!(it.run("the end", read(&again, &mut [0; 8])).unwrap(), 0);
        drop(other);
    });
}

/// Has had a read that filled its buffer, and then one in vain.
fn has_read_in_vain(it: &mut Loop, a: &Registered<TcpStream>, mut b: &TcpStream) {
    b.write_all(b"word").unwrap();
    let mut buffer = [0; 4];
    assert_eq!(it.run("the first word", read(a, &mut buffer)).unwrap(), 4);
    assert!(a.registration().now().is_readable(), "nobody has said that nothing is left");
    let task = Task::new();
    let mut second = Box::pin(read(a, &mut buffer));
    assert!(second.as_mut().poll(&mut task.context()).is_pending());
}

#[test]
fn a_stream_whose_messages_fill_the_buffer_is_not_read_in_vain_twice() {
    on_each_backend(|it| {
        let (a, b) = tcp_pair();
        let a = stream(it, a);
        has_read_in_vain(it, &a, &b);
        let foresees = cfg!(target_os = "linux") && it.handle.backend() == Backend::Native;
        let mut buffer = [0; 4];
        for text in [b"some", b"more"] {
            (&b).write_all(text).unwrap();
            assert_eq!(it.run("a message", read(&a, &mut buffer)).unwrap(), 4);
            assert_eq!(&buffer, text);
            assert_eq!(a.registration().now().is_readable(), !foresees);
        }
        // What is left is read without a wait for more.
        (&b).write_all(b"some more").unwrap();
        let mut buffers = [0; 9];
        let (first, second) = buffers.split_at_mut(5);
        assert_eq!(it.run("a part", read(&a, first)).unwrap(), 5);
        assert!(a.registration().now().is_readable());
        assert_eq!(it.run("the rest", read(&a, second)).unwrap(), 4);
        assert_eq!(a.registration().now().is_readable(), !foresees);
    });
}

#[test]
fn the_end_of_a_stream_whose_messages_fill_the_buffer_is_heard() {
    on_each_backend(|it| {
        for end_first in [true, false] {
            let (a, b) = tcp_pair();
            let a = stream(it, a);
            has_read_in_vain(it, &a, &b);
            (&b).write_all(b"last").unwrap();
            let mut buffer = [0; 4];
            if end_first {
                b.shutdown(Shutdown::Write).unwrap();
            }
            assert_eq!(it.run("the last word", read(&a, &mut buffer)).unwrap(), 4);
            if !end_first {
                b.shutdown(Shutdown::Write).unwrap();
            }
            assert_eq!(it.run("the end", read(&a, &mut buffer)).unwrap(), 0);
        }
    });
}
