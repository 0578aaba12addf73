//! A server that gives each connection to a process of its own, which answers in capitals: the tutorials' chat server.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features process --example upper_case
//! ```
//!
//! It prints the process ids. Kill one of them with `kill -9`: its client loses the connection, connects again, and is served by another
//! process. The other clients notice nothing. If the server itself is killed, all of its processes end with it.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use ipc_posix::process::{self, Descriptor, Process};
use ipc_posix::task;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Lines that each client sends.
const LINES: u64 = 200;

/// In a process of its own: answers until the client has ended. Returns how many lines there were.
fn talk(connection: Descriptor) -> u64 {
    let mut connection = BufReader::new(TcpStream::from(connection.into_inner()));
    let (mut line, mut lines) = (String::new(), 0);
    while connection.read_line(&mut line).is_ok_and(|len| len > 0) {
        if connection.get_mut().write_all(line.to_uppercase().as_bytes()).is_err() {
            break;
        }
        line.clear();
        lines += 1;
    }
    lines
}
task!(talk);

fn main() -> Result<()> {
    process::init();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let processes = &*Box::leak(Box::new(Mutex::new(Vec::new())));
    std::thread::spawn(move || serve(&listener, processes));

    let clients: Vec<_> = (0..3).map(|client| std::thread::spawn(move || ask(client, server))).collect();
    for client in clients {
        client.join().map_err(|_| "a client has failed")??;
    }
    for process in processes.lock().map_err(|_| "the server has failed")?.drain(..) {
        let pid = process.pid();
        match process.join() {
            Ok(lines) => println!("process {pid} has answered {lines} lines"),
            Err(error) if error.is_killed() => println!("process {pid} was killed"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Starts a process for each client.
fn serve(listener: &TcpListener, processes: &Mutex<Vec<Process<u64>>>) {
    for connection in listener.incoming() {
        let served = connection.map_err(Into::into).and_then(|connection| -> Result<()> {
            let mut processes = processes.lock().map_err(|_| "the server has failed")?;
            let process = process::options().daemon().spawn(talk, connection.into())?;
            println!("a client is served by process {0}: kill -9 {0}", process.pid());
            processes.push(process);
            Ok(())
        });
        if let Err(error) = served {
            eprintln!("a client is not served: {error}");
            std::process::exit(1);
        }
    }
}

/// A client. It connects again when it has lost its process.
fn ask(client: u64, server: SocketAddr) -> Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(server)?);
    for number in 0..LINES {
        std::thread::sleep(Duration::from_millis(5));
        let question = format!("line {number} of client {client}\n");
        let answer = loop {
            match exchange(&mut connection, &question) {
                Some(answer) => break answer,
                None => {
                    println!("client {client} has lost its process after {number} answers, and connects again");
                    connection = BufReader::new(TcpStream::connect(server)?);
                }
            }
        };
        if answer != question.to_uppercase() {
            return Err(format!("client {client} got: {answer}").into());
        }
    }
    println!("client {client}: {LINES} answers, each right");
    Ok(())
}

/// Sends a line and reads the answer; `None` if the process on the other side is gone.
fn exchange(connection: &mut BufReader<TcpStream>, question: &str) -> Option<String> {
    connection.get_mut().write_all(question.as_bytes()).ok()?;
    let mut answer = String::new();
    let len = connection.read_line(&mut answer).ok()?;
    (len > 0 && answer.ends_with('\n')).then_some(answer)
}
