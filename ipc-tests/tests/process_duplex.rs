//! Pipes in both directions between separately started programs.

#![cfg(not(loom))]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::time::Duration;

use ipc_posix::{
    Duplex, DuplexClaimErrorKind, DuplexEnd, DuplexSide, Pipe, RecvError, RecvTimeoutError, Region, SendTimeoutError,
    TryRecvError, TrySendError, WaitTimeoutError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_millis(2);

const ROLES: &[Role] = &[
    ("answer", answer),
    ("write_on", write_on),
    ("read_on", read_on),
    ("write_and_wait", write_and_wait),
    ("write_and_leave", write_and_leave),
    ("serve", serve),
    ("hold", hold),
    ("accept", accept),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn pipe(args: &Args) -> Pipe {
    Region::open(&args.get("name")).unwrap().pipe("talk").open().unwrap()
}

fn create(name: &TempName, capacity: usize) -> Pipe {
    Region::create(name.as_str()).unwrap().pipe("talk").capacity(capacity).create().unwrap()
}

fn spawn(role: &str, name: &TempName) -> children::Child {
    children::spawn(role, &[("name", name.as_str())])
}

/// A message that shows when it is torn.
type Record = [u64; 3];

fn record(number: u64) -> Record {
    [number, !number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

/// Answers each question until the client is gone.
fn answer(args: &Args) {
    let duplex: Duplex<Record, u32> = Region::open(&args.get("name")).unwrap().duplex("sums").open().unwrap();
    let mut server = duplex.accept().unwrap();
    let end = loop {
        match server.recv() {
            Ok(question) => {
                assert_eq!(question, record(question[0]), "a torn message");
                server.send(question[0] as u32 + 1).unwrap();
            }
            Err(end) => break end,
        }
    };
    assert_eq!(end, RecvError::Disconnected);
}

/// Messages of two types go both ways, for more laps than one, and a client's leave ends the server.
#[test]
fn questions_and_answers() {
    let _watchdog = Watchdog::new(LIMIT, "questions_and_answers");
    for capacity in [1, 3, 64] {
        let name = TempName::new("sums");
        let region = Region::create(name.as_str()).unwrap();
        let duplex = region.duplex::<Record, u32>("sums").capacity(capacity).create().unwrap();
        let mut child = spawn("answer", &name);
        let mut client = duplex.connect().unwrap();
        assert_eq!((client.peer_pid(), client.side()), (Some(child.pid()), DuplexSide::Client));
        for number in 0..2000 {
            client.send(record(number)).unwrap();
            assert_eq!(client.recv(), Ok(number as u32 + 1));
        }
        drop(client);
        assert!(child.wait().success(), "capacity {capacity}");
    }
}

fn line(number: u64) -> String {
    format!("line {number}: {}", "x".repeat((number % 50) as usize))
}

/// Writes lines for as long as it lives.
fn write_on(args: &Args) {
    let mut client = pipe(args).connect().unwrap();
    for number in 0.. {
        writeln!(client, "{}", line(number)).unwrap();
    }
}

/// Writers are killed twenty times in full swing. Each time the reader gets whole lines in order, at most one that is cut, and the end
/// of the file; and the next session begins at its own first line.
#[test]
fn a_killed_writer_ends_the_file() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_writer_ends_the_file");
    let name = TempName::new("writers");
    let pipe = create(&name, 1000);
    for _ in 0..20 {
        let mut child = spawn("write_on", &name);
        let mut reader = BufReader::new(pipe.accept().unwrap());
        let mut text = String::new();
        for number in 0..500 {
            text.clear();
            reader.read_line(&mut text).unwrap();
            assert_eq!(text.trim_end_matches('\n'), line(number));
        }
        child.sigkill();
        for number in 500.. {
            text.clear();
            reader.read_line(&mut text).unwrap();
            if !text.ends_with('\n') {
                assert!(line(number).starts_with(&text), "{text:?}");
                break;
            }
            assert_eq!(text.trim_end_matches('\n'), line(number));
        }
        assert_eq!(reader.read_line(&mut text).unwrap(), 0, "the end of the file stays");
        assert!(reader.get_ref().peer_died() && reader.get_ref().peer_pid().is_none());
    }
}

fn read_on(args: &Args) {
    let mut client = pipe(args).connect().unwrap();
    children::say("reading");
    std::io::copy(&mut client, &mut std::io::sink()).unwrap();
}

/// A writer to a reader that is killed gets a broken pipe, also one that waits for room.
#[test]
fn a_killed_reader_breaks_the_pipe() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_reader_breaks_the_pipe");
    let name = TempName::new("readers");
    let pipe = create(&name, 1000);
    for _ in 0..10 {
        let mut child = spawn("read_on", &name);
        let mut server = pipe.accept().unwrap();
        child.expect("reading");
        server.write_all(&[7; 5000]).unwrap();
        child.sigkill();
        let error = server.write_all(&[7; 5000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
        // Now it is known, and there is no need to fill the ring.
        assert_eq!(server.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
    }
}

fn write_and_wait(args: &Args) {
    let mut client = pipe(args).client().unwrap();
    client.write_all(b"before it was killed").unwrap();
    children::say("written");
    let _ = children::hear();
}

fn write_and_leave(args: &Args) {
    pipe(args).client().unwrap().write_all(b"before it left").unwrap();
}

/// What was written is read, and then the end of the file, although the writer was killed or has left before anybody came to read.
/// Until then nobody takes its end.
#[test]
fn what_is_written_to_nobody_is_read_later() {
    let _watchdog = Watchdog::new(LIMIT, "what_is_written_to_nobody_is_read_later");
    let name = TempName::new("later");
    let pipe = create(&name, 100);
    let mut text = String::new();
    let mut child = spawn("write_and_wait", &name);
    child.expect("written");
    child.sigkill();
    assert_eq!(pipe.client().unwrap_err().kind(), DuplexClaimErrorKind::Unread);
    pipe.server().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "before it was killed");
    assert!(spawn("write_and_leave", &name).wait().success());
    assert_eq!(pipe.client().unwrap_err().kind(), DuplexClaimErrorKind::Unread);
    text.clear();
    pipe.server().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "before it left");
    // It was received: a session that is over, and the next one is new.
    let mut client = pipe.client().unwrap();
    let mut server = pipe.server().unwrap();
    client.write_all(b"again").unwrap();
    drop(client);
    text.clear();
    server.read_to_string(&mut text).unwrap();
    assert_eq!(text, "again");
}

/// Serves clients, one after the other: each session's text comes back in capitals.
fn serve(args: &Args) {
    let pipe = pipe(args);
    children::say("serving");
    loop {
        let (mut tx, mut rx) = pipe.accept().unwrap().split();
        let mut text = String::new();
        rx.read_to_string(&mut text).unwrap();
        // The client may be gone.
        let _ = tx.write_all(text.to_uppercase().as_bytes());
    }
}

/// Servers are killed in full swing. The client sees the end or its whole answer, and goes on with the next server.
#[test]
fn servers_are_replaced() {
    let _watchdog = Watchdog::new(LIMIT, "servers_are_replaced");
    let name = TempName::new("servers");
    let pipe = create(&name, 64);
    let mut child = spawn("serve", &name);
    child.expect("serving");
    let mut answered = 0;
    for round in 0..200_u32 {
        let (mut tx, mut rx) = pipe.connect().unwrap().split();
        let question = format!("question {round}");
        let sent = tx.write_all(question.as_bytes());
        drop(tx);
        if round % 20 == 19 {
            child.sigkill();
            child = spawn("serve", &name);
            child.expect("serving");
        }
        let mut answer = String::new();
        rx.read_to_string(&mut answer).unwrap();
        if sent.is_ok() && answer.len() == question.len() {
            answered += 1;
        }
        assert!(question.to_uppercase().starts_with(&answer), "{answer:?} to {question:?}");
    }
    assert!(answered >= 180, "{answered} answers");
}

fn hold(args: &Args) {
    let _client = pipe(args).client().unwrap();
    children::say("holding");
    let _ = children::hear();
}

/// An end has one holder, alive or stopped; a successor waits for the peer to end its session, and gets its own after that.
#[test]
fn ends_have_one_holder() {
    let _watchdog = Watchdog::new(LIMIT, "ends_have_one_holder");
    let name = TempName::new("holder");
    let pipe = create(&name, 4);
    let mut child = spawn("hold", &name);
    child.expect("holding");
    let held = DuplexClaimErrorKind::Held { pid: child.pid() };
    assert_eq!(pipe.client().unwrap_err().kind(), held);
    child.sigstop();
    assert_eq!(pipe.client().unwrap_err().kind(), held);
    assert_eq!(pipe.holder_pid(DuplexSide::Client), Some(child.pid()));
    assert_eq!(pipe.holder_pid(DuplexSide::Server), None);
    let server = pipe.server().unwrap();
    assert!(!server.is_disconnected());
    child.sigkill_unreaped();
    assert!(server.is_disconnected());
    let mine = DuplexClaimErrorKind::Unfinished { pid: std::process::id() };
    assert_eq!(pipe.client().unwrap_err().kind(), mine);
    assert_eq!(pipe.connect_timeout(SOON).unwrap_err(), WaitTimeoutError::Timeout);
    drop(server);
    let client = pipe.client().unwrap();
    let server = pipe.server().unwrap();
    assert!(!server.is_disconnected() && !client.is_disconnected());
}

fn accept(args: &Args) {
    children::say("accepting");
    let mut server = pipe(args).accept().unwrap();
    server.write_all(b"welcome").unwrap();
}

/// A server that is killed while it waits for a client is no peer: the client waits for the next one.
#[test]
fn a_server_that_is_killed_while_it_waits_is_passed_over() {
    let _watchdog = Watchdog::new(LIMIT, "a_server_that_is_killed_while_it_waits_is_passed_over");
    let name = TempName::new("passed");
    let pipe = create(&name, 100);
    let mut first = spawn("accept", &name);
    first.expect("accepting");
    while pipe.holder_pid(DuplexSide::Server).is_none() {
        std::thread::yield_now();
    }
    first.sigkill();
    assert_eq!(pipe.connect_timeout(SOON).unwrap_err(), WaitTimeoutError::Timeout);
    let mut second = spawn("accept", &name);
    let mut text = String::new();
    pipe.connect().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "welcome");
    assert!(second.wait().success());
}

/// All ends of a session, in one process: the words of each operation, half-closed ends, and who is there.
#[test]
fn ends_of_a_session() {
    let _watchdog = Watchdog::new(LIMIT, "ends_of_a_session");
    let region = Region::options().anonymous().unwrap();
    let duplex = region.duplex::<u64, u8>("d").capacity(2).create().unwrap();
    let mut client = duplex.client().unwrap();
    assert_eq!(client.wait_for_peer_timeout(SOON), Err(WaitTimeoutError::Timeout));
    client.sender_mut().send_slice(&[1, 2]).unwrap();
    assert_eq!(client.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(client.send_timeout(3, SOON), Err(SendTimeoutError::Timeout(3)));
    let mut server = duplex.server().unwrap();
    client.wait_for_peer_timeout(Duration::ZERO).unwrap();
    assert_eq!(client.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(client.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
    assert_eq!(client.wait_readable_timeout(SOON), Err(RecvTimeoutError::Timeout));
    server.wait_readable().unwrap();
    assert_eq!((server.recv(), server.receiver_mut().peek(), server.recv()), (Ok(1), Ok(2), Ok(2)));
    let (mut tx, rx) = client.split();
    drop(rx);
    assert_eq!(server.try_send(7), Err(TrySendError::Disconnected(7)), "nobody reads any more");
    assert_eq!(server.try_recv(), Err(TryRecvError::Empty), "but somebody writes");
    tx.send(4).unwrap();
    drop(tx);
    assert_eq!((server.recv(), server.recv()), (Ok(4), Err(RecvError::Disconnected)));
    assert!(!server.peer_died());
    assert_eq!(duplex.client().unwrap_err().kind(), DuplexClaimErrorKind::Unfinished { pid: std::process::id() });
    drop(server);
    let client: DuplexEnd<u64, u8> = duplex.client().unwrap();
    assert_eq!(client.capacity(), 2);
}

/// In non-blocking mode, reads and writes that would wait say so; the end of the file and the broken pipe come all the same.
#[test]
fn streams_that_do_not_wait() {
    let _watchdog = Watchdog::new(LIMIT, "streams_that_do_not_wait");
    let region = Region::options().anonymous().unwrap();
    let pipe = region.pipe("p").capacity(8).create().unwrap();
    let (mut client, mut server) = (pipe.client().unwrap(), pipe.server().unwrap());
    client.set_nonblocking(true);
    server.set_nonblocking(true);
    let mut out = [0; 20];
    assert_eq!(server.read(&mut out).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(client.write(&[1; 20]).unwrap(), 8, "as much as there is room for");
    assert_eq!(client.write(&[1; 20]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(server.read(&mut out).unwrap(), 8);
    assert_eq!(client.write(&[2]).unwrap(), 1);
    drop(client);
    assert_eq!(server.write(&[3]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(server.read(&mut out).unwrap(), 1);
    assert_eq!(server.read(&mut out).unwrap(), 0);
    server.flush().unwrap();
}

/// The halves of an end that does not wait do not wait either, until they are told to.
#[test]
fn halves_that_do_not_wait() {
    let _watchdog = Watchdog::new(LIMIT, "halves_that_do_not_wait");
    let region = Region::options().anonymous().unwrap();
    let pipe = region.pipe("p").capacity(8).create().unwrap();
    let (mut client, mut server) = (pipe.client().unwrap(), pipe.server().unwrap());
    client.set_nonblocking(true);
    let (mut tx, mut rx) = client.split();
    assert_eq!(rx.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(tx.write(&[1; 20]).unwrap(), 8);
    assert_eq!(tx.write(&[1; 20]).unwrap_err().kind(), ErrorKind::WouldBlock);
    rx.set_nonblocking(false);
    let late = std::thread::spawn(move || {
        let mut first = [0];
        server.read_exact(&mut first).unwrap();
        server.write_all(&first).unwrap();
    });
    assert_eq!(rx.read(&mut [0; 4]).unwrap(), 1, "it waits");
    late.join().unwrap();
}

/// A pipe has room for 64 KiB if nobody says otherwise, and a duplex of larger elements for fewer.
#[test]
fn capacities_by_default() {
    let region = Region::options().anonymous().unwrap();
    assert_eq!(region.pipe("p").create().unwrap().capacity(), 65_536);
    assert_eq!(region.duplex::<u8, [u64; 128]>("d").create().unwrap().capacity(), 64);
    assert_eq!(region.duplex::<u64, ()>("e").create().unwrap().capacity(), 1024);
}

/// Another type, of either end, is another duplex.
#[test]
fn types_are_compared() {
    let region = Region::options().anonymous().unwrap();
    region.duplex::<u64, u8>("d").capacity(2).create().unwrap();
    for error in [
        region.duplex::<u64, u16>("d").open().unwrap_err().to_string(),
        region.duplex::<u32, u8>("d").open().unwrap_err().to_string(),
        region.duplex::<u8, u64>("d").open().unwrap_err().to_string(),
    ] {
        assert!(error.contains(" here, ") && error.contains(" in the region"), "{error}");
    }
    let named = region.duplex::<u64, u16>("d").any_type().open().unwrap_err().to_string();
    assert!(named.contains("size of the server's elements 2 here, 1 in the region"), "{named}");
}
