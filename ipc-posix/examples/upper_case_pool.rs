//! A server that answers lines in capitals, with a pool of four worker processes for all of its clients.
//!
//! ```sh
//! cargo run --release -p ipc-posix --features process --example upper_case_pool
//! ```
//!
//! It prints the workers' process ids. Kill one of them with `kill -9`: its line is answered by another one. No client loses its
//! connection, which only the server has. In the example `upper_case` the client of a killed process connects again.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use ipc_posix::pool::{self, Pool};
use ipc_posix::{process, task};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const WORKERS: usize = 4;
const CLIENTS: u64 = 8;
/// Lines that each client sends.
const LINES: u64 = 200;

/// In a worker: what takes long, or may crash.
fn upper_case(line: String) -> String {
    thread::sleep(std::time::Duration::from_millis(1));
    line.to_uppercase()
}
task!(upper_case);

fn main() -> Result<()> {
    process::init();
    let pool = Arc::new(pool::options().workers(WORKERS).start()?);
    for worker in pool.stats().workers {
        let pid = worker.pid.ok_or("a worker has ended")?;
        println!("a worker is process {pid}: kill -9 {pid}");
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let serving = Arc::clone(&pool);
    thread::spawn(move || serve(&listener, &serving));

    let clients: Vec<_> = (0..CLIENTS).map(|client| thread::spawn(move || ask(client, server))).collect();
    for client in clients {
        client.join().map_err(|_| "a client has failed")??;
    }
    let replaced: u64 = pool.stats().workers.iter().map(|worker| worker.replaced).sum();
    println!("no client has lost its connection, workers that were replaced: {replaced}");
    Ok(())
}

/// A thread for each client, which waits, and four workers for all of them.
fn serve(listener: &TcpListener, pool: &Arc<Pool>) {
    for connection in listener.incoming() {
        let pool = Arc::clone(pool);
        thread::spawn(move || {
            if let Err(error) = connection.map_err(Into::into).and_then(|connection| talk(connection, &pool)) {
                eprintln!("a client is not served: {error}");
                std::process::exit(1);
            }
        });
    }
}

/// Answers until the client has ended.
fn talk(connection: TcpStream, pool: &Pool) -> Result<()> {
    let mut connection = BufReader::new(connection);
    let mut line = String::new();
    while connection.read_line(&mut line)? > 0 {
        let answer = pool.apply(upper_case, std::mem::take(&mut line))?;
        connection.get_mut().write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn ask(client: u64, server: SocketAddr) -> Result<()> {
    let mut connection = BufReader::new(TcpStream::connect(server)?);
    let mut answer = String::new();
    for number in 0..LINES {
        let question = format!("line {number} of client {client}\n");
        connection.get_mut().write_all(question.as_bytes())?;
        answer.clear();
        connection.read_line(&mut answer)?;
        if answer != question.to_uppercase() {
            return Err(format!("client {client} got: {answer}").into());
        }
    }
    println!("client {client}: {LINES} answers, each right");
    Ok(())
}
