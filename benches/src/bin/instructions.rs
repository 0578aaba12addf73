//! How many instructions does an operation take? Exact, and the same at every run: callgrind counts them.
//!
//! ```text
//! cargo run --release -p benches --bin instructions            # counts, and compares with benches/instructions.tsv
//! cargo run --release -p benches --bin instructions -- record  # counts, and writes that file
//! ```
//!
//! Fails if an operation takes over three hundredths more than the file says. Needs valgrind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, error, fs, hint};

use bytemuck::Pod;
use ipc_posix::{AtomicValue, LoanQueue, Region, Spsc};

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

const FEW: u64 = 1_000;
const MANY: u64 = 11_000;
/// So much more is noticed.
const TOLERANCE: f64 = 1.03;

/// An operation, and what does it this many times.
type Operation = (&'static str, fn(u64) -> Result<()>);

const OPERATIONS: &[Operation] = &[
    ("queue, try_send + try_recv, 8 B", queue::<1>),
    ("queue, try_send + try_recv, 64 B", queue::<8>),
    ("queue, try_send + try_recv, 1 KiB", queue::<128>),
    ("queue, send + recv, 8 B", |n| queue_blocking(n, |number| number)),
    ("queue, send + recv, 1 KiB", |n| queue_blocking(n, |number| [number; 128])),
    ("queue, send_timeout + recv_timeout, 8 B", queue_timeout),
    ("queue, send_deadline + recv_deadline, 8 B", queue_deadline),
    ("queue, batches of 64, 8 B", queue_batches),
    ("priority, try_send + try_recv, 8 B", |n| priority(n, 0)),
    ("priority, try_send + try_recv beside 1000, 8 B", |n| priority(n, 1000)),
    ("levels, try_send + try_recv, 8 B", |n| levels(n, 0)),
    ("levels, try_send + try_recv behind 3 empty levels, 8 B", |n| levels(n, 3)),
    ("one to one, try_send + try_recv, 8 B", spsc::<1>),
    ("one to one, try_send + try_recv, 64 B", spsc::<8>),
    ("one to one, try_send + try_recv, 1 KiB", spsc::<128>),
    ("one to one, send + recv, 8 B", |n| spsc_blocking(n, |number| number)),
    ("one to one, send + recv, 1 KiB", |n| spsc_blocking(n, |number| [number; 128])),
    ("one to one, batches of 64, 8 B", spsc_batches),
    ("duplex, try_send + try_recv, 8 B", duplex),
    ("pipe, write + read, 64 B", pipe),
    ("duplex of values, try_send + try_recv, text of 60 B", value_duplex),
    ("bytes, try_send + try_recv, 64 B", bytes),
    ("queue of values, try_send + try_recv, text of 60 B", values),
    ("loans, loan + send + recv + give back", loans),
    ("work queue, try_send + try_recv + done, 8 B", work),
    ("work queue of bytes, try_send + try_recv + done, 1 KiB", work_bytes),
    ("work queue of bytes, try_call + try_recv + reply + try_wait, 1 KiB both ways", work_calls),
    ("broadcast, publish + recv, 8 B", broadcast),
    ("mutex, lock + unlock", mutex),
    ("mutex, transaction + commit", transaction),
    ("mutex around a value, update, text of 60 B", value_mutex),
    ("semaphore, acquire + release", semaphore),
    ("event, set + wait", event),
    ("watch, set + get, 8 B", watch),
    ("watch of a value, set + get, text of 60 B", value_watch),
    ("atomic, fetch_add + load, 8 B", atomic),
    ("map, update + get, 8 B", map),
    ("map, insert + remove, 8 B", map_entries),
    ("byte map, insert + get, 8 B", byte_map),
    ("vector, push + get + pop, 8 B", vector_end),
    ("vector, update, 8 B", vector_update),
    ("array, set + get, 8 B", array),
    ("array, 1 KiB copied in and out, 8 B elements", array_copies::<u64>),
    ("array, 1 KiB copied in and out, 1 B elements", array_copies::<u8>),
];

fn region() -> Result<Region> {
    Ok(Region::options().size(1 << 20).anonymous()?)
}

fn atomic(n: u64) -> Result<()> {
    let cell = region()?.counter("cell").create()?;
    for number in 0..n {
        cell.fetch_add(hint::black_box(number))?;
        hint::black_box(cell.load()?);
    }
    Ok(())
}

fn array(n: u64) -> Result<()> {
    let array = region()?.array::<u64>("array").len(64).create()?;
    for number in 0..n {
        array.set(hint::black_box(number as usize % 64), number)?;
        hint::black_box(array.get(hint::black_box(7)));
    }
    Ok(())
}

fn array_copies<T: AtomicValue>(n: u64) -> Result<()> {
    let len = 1024 / size_of::<T>();
    let array = region()?.array::<T>("array").len(len).create()?;
    let mut values = vec![T::default(); len];
    for _ in 0..n {
        array.copy_from_slice(0, hint::black_box(&values))?;
        array.copy_to_slice(0, hint::black_box(&mut values))?;
    }
    Ok(())
}

fn queue<const W: usize>(n: u64) -> Result<()> {
    let queue = region()?.queue::<[u64; W]>("queue").capacity(64).create()?;
    for number in 0..n {
        queue.try_send(hint::black_box([number; W]))?;
        hint::black_box(queue.try_recv()?);
    }
    Ok(())
}

/// In a queue that holds this many other messages, with keys in no order.
fn priority(n: u64, others: u64) -> Result<()> {
    let queue = region()?.priority_queue::<u64, u64>("queue").capacity(1024).create()?;
    for number in 0..others {
        queue.try_send(number * 7919 % 1009, number)?;
    }
    for number in 0..n {
        let key = if others == 0 { 1 } else { number * 31 % 1009 };
        queue.try_send(hint::black_box(key), hint::black_box(number))?;
        hint::black_box(queue.try_recv()?);
    }
    Ok(())
}

/// In this level of four.
fn levels(n: u64, level: usize) -> Result<()> {
    let queue = region()?.level_queue::<u64>("queue").levels(4).capacity(64).create()?;
    for number in 0..n {
        queue.try_send(hint::black_box(level), hint::black_box(number))?;
        hint::black_box(queue.try_recv()?);
    }
    Ok(())
}

fn queue_blocking<T: Pod>(n: u64, message: impl Fn(u64) -> T) -> Result<()> {
    let queue = region()?.queue::<T>("queue").capacity(64).create()?;
    for number in 0..n {
        // An error that gives back a kibibyte is too large for `?`.
        queue.send(hint::black_box(message(number))).map_err(|error| error.without_value())?;
        hint::black_box(queue.recv()?);
    }
    Ok(())
}

fn queue_timeout(n: u64) -> Result<()> {
    let queue = region()?.queue::<u64>("queue").capacity(64).create()?;
    let limit = hint::black_box(Duration::from_secs(1));
    for number in 0..n {
        queue.send_timeout(hint::black_box(number), limit)?;
        hint::black_box(queue.recv_timeout(limit)?);
    }
    Ok(())
}

fn queue_deadline(n: u64) -> Result<()> {
    let queue = region()?.queue::<u64>("queue").capacity(64).create()?;
    let deadline = hint::black_box(Instant::now() + Duration::from_secs(60));
    for number in 0..n {
        queue.send_deadline(hint::black_box(number), deadline)?;
        hint::black_box(queue.recv_deadline(deadline)?);
    }
    Ok(())
}

fn queue_batches(n: u64) -> Result<()> {
    let queue = region()?.queue::<u64>("queue").capacity(64).create()?;
    let mut batch = [7; 64];
    for _ in 0..n {
        queue.try_send_slice(hint::black_box(&batch))?;
        hint::black_box(queue.try_recv_slice(&mut batch)?);
    }
    Ok(())
}

fn spsc<const W: usize>(n: u64) -> Result<()> {
    let queue: Spsc<[u64; W]> = region()?.spsc("queue").capacity(64).create()?;
    let (mut producer, mut consumer) = (queue.producer()?, queue.consumer()?);
    for number in 0..n {
        producer.try_send(hint::black_box([number; W]))?;
        hint::black_box(consumer.try_recv()?);
    }
    Ok(())
}

fn spsc_blocking<T: Pod>(n: u64, message: impl Fn(u64) -> T) -> Result<()> {
    let queue: Spsc<T> = region()?.spsc("queue").capacity(64).create()?;
    let (mut producer, mut consumer) = (queue.producer()?, queue.consumer()?);
    for number in 0..n {
        producer.send(hint::black_box(message(number))).map_err(|error| error.without_value())?;
        hint::black_box(consumer.recv()?);
    }
    Ok(())
}

fn spsc_batches(n: u64) -> Result<()> {
    let queue: Spsc<u64> = region()?.spsc("queue").capacity(64).create()?;
    let (mut producer, mut consumer) = (queue.producer()?, queue.consumer()?);
    let mut batch = [7; 64];
    for _ in 0..n {
        producer.try_send_slice(hint::black_box(&batch))?;
        hint::black_box(consumer.try_recv_slice(&mut batch)?);
    }
    Ok(())
}

fn duplex(n: u64) -> Result<()> {
    let duplex = region()?.duplex::<u64, u64>("duplex").capacity(64).create()?;
    let (mut client, mut server) = (duplex.client()?, duplex.server()?);
    for number in 0..n {
        client.try_send(hint::black_box(number))?;
        hint::black_box(server.try_recv()?);
    }
    Ok(())
}

fn pipe(n: u64) -> Result<()> {
    let pipe = region()?.pipe("pipe").capacity(4096).create()?;
    let (mut client, mut server) = (pipe.client()?, pipe.server()?);
    let mut message = [7; 64];
    for _ in 0..n {
        client.write_all(hint::black_box(&message))?;
        server.read_exact(&mut message)?;
    }
    Ok(())
}

fn value_duplex(n: u64) -> Result<()> {
    let duplex = region()?.value_duplex::<String, ()>("values").capacity(4096).create()?;
    let (mut client, mut server) = (duplex.client()?, duplex.server()?);
    let text = "x".repeat(60);
    for _ in 0..n {
        client.try_send(hint::black_box(&text))?;
        hint::black_box(server.try_recv()?);
    }
    Ok(())
}

fn bytes(n: u64) -> Result<()> {
    let queue = region()?.byte_queue("queue").capacity(4096).create()?;
    let mut message = [7; 64];
    for _ in 0..n {
        queue.try_send(hint::black_box(&message))?;
        hint::black_box(queue.try_recv(&mut message)?);
    }
    Ok(())
}

fn values(n: u64) -> Result<()> {
    let queue = region()?.value_queue::<String>("queue").capacity(4096).create()?;
    let text = "x".repeat(60);
    for _ in 0..n {
        queue.try_send(hint::black_box(&text))?;
        hint::black_box(queue.try_recv()?);
    }
    Ok(())
}

fn loans(n: u64) -> Result<()> {
    let queue: LoanQueue<u64> = region()?.loan_queue("queue").blocks(16).block_len(64).create()?;
    for number in 0..n {
        let mut loan = queue.try_loan_uninit(64)?;
        loan.set(0, number);
        loan.send().map_err(|error| error.without_value())?;
        hint::black_box(queue.try_recv()?.get(0));
    }
    Ok(())
}

fn work_bytes(n: u64) -> Result<()> {
    let queue = region()?.byte_work_queue("queue").capacity(64).max_len(1024).create()?;
    let message = [7; 1024];
    for _ in 0..n {
        queue.try_send(hint::black_box(&message))?;
        let job = queue.try_recv()?;
        hint::black_box(&*job);
        job.done()?;
    }
    Ok(())
}

fn work_calls(n: u64) -> Result<()> {
    let queue = region()?.byte_work_queue("queue").capacity(64).max_len(1024).max_reply(1024).create()?;
    let message = [7; 1024];
    for _ in 0..n {
        let ticket = queue.try_call(hint::black_box(&message))?;
        queue.try_recv()?.reply(hint::black_box(&message))?;
        hint::black_box(ticket.try_wait()?);
    }
    Ok(())
}

fn work(n: u64) -> Result<()> {
    let queue = region()?.work_queue::<u64>("queue").capacity(64).create()?;
    for number in 0..n {
        queue.try_send(hint::black_box(number))?;
        let job = queue.try_recv()?;
        hint::black_box(*job);
        job.done()?;
    }
    Ok(())
}

fn broadcast(n: u64) -> Result<()> {
    let broadcast = region()?.broadcast::<u64>("news").capacity(64).create()?;
    let mut subscriber = broadcast.subscribe()?;
    for number in 0..n {
        broadcast.publish(hint::black_box(number))?;
        hint::black_box(subscriber.try_recv()?);
    }
    Ok(())
}

fn mutex(n: u64) -> Result<()> {
    let mutex = region()?.mutex::<u64>("mutex").create()?;
    for _ in 0..n {
        *mutex.lock().map_err(|error| error.without_guard())? += 1;
    }
    Ok(())
}

fn transaction(n: u64) -> Result<()> {
    let mutex = region()?.mutex::<u64>("mutex").create()?;
    for _ in 0..n {
        let mut transaction = mutex.lock_transaction().map_err(|error| error.without_guard())?;
        *transaction += 1;
        transaction.commit()?;
    }
    Ok(())
}

fn value_mutex(n: u64) -> Result<()> {
    let mutex = region()?.value_mutex("mutex").initial(&"x".repeat(60)).create()?;
    for _ in 0..n {
        mutex.update(|text| text.replace_range(..1, hint::black_box("y")))?;
    }
    Ok(())
}

fn semaphore(n: u64) -> Result<()> {
    let semaphore = region()?.semaphore("semaphore").permits(4).create()?;
    for _ in 0..n {
        drop(semaphore.acquire()?);
    }
    Ok(())
}

fn event(n: u64) -> Result<()> {
    let event = region()?.event("event").auto_reset().create()?;
    for _ in 0..n {
        event.set()?;
        event.wait()?;
    }
    Ok(())
}

fn watch(n: u64) -> Result<()> {
    let watch = region()?.watch("watch").initial(0_u64).create()?;
    for number in 0..n {
        watch.set(hint::black_box(number))?;
        hint::black_box(watch.get()?);
    }
    Ok(())
}

fn value_watch(n: u64) -> Result<()> {
    let text = "x".repeat(60);
    let watch = region()?.value_watch("watch").initial(&text).create()?;
    for _ in 0..n {
        watch.set(hint::black_box(&text))?;
        hint::black_box(watch.get()?);
    }
    Ok(())
}

fn map(n: u64) -> Result<()> {
    let map = region()?.map::<u64, u64>("map").capacity(64).seed([1, 2]).create()?;
    map.insert(7, 0)?;
    for number in 0..n {
        map.update(hint::black_box(&7), |value| *value += number)?;
        hint::black_box(map.get(hint::black_box(&7))?);
    }
    Ok(())
}

fn byte_map(n: u64) -> Result<()> {
    let map = region()?.byte_map("map").capacity(64).seed([1, 2]).create()?;
    map.insert("a number", [0; 8])?;
    let mut value = [0; 8];
    for number in 0..n {
        map.insert(hint::black_box("a number"), number.to_le_bytes())?;
        hint::black_box(map.get(hint::black_box("a number"), &mut value)?);
    }
    Ok(())
}

fn vector_end(n: u64) -> Result<()> {
    let vector = region()?.vector::<u64>("vector").capacity(64).create()?;
    for number in 0..n {
        vector.push(hint::black_box(number))?;
        hint::black_box(vector.get(hint::black_box(0))?);
        hint::black_box(vector.pop()?);
    }
    Ok(())
}

fn vector_update(n: u64) -> Result<()> {
    let vector = region()?.vector::<u64>("vector").capacity(64).create()?;
    vector.extend_from_slice(&[0; 10])?;
    for number in 0..n {
        hint::black_box(vector.update(hint::black_box(7), |value| *value += number)?);
    }
    Ok(())
}

fn map_entries(n: u64) -> Result<()> {
    let map = region()?.map::<u64, u64>("map").capacity(64).seed([1, 2]).create()?;
    for number in 0..n {
        map.insert(hint::black_box(number), number)?;
        hint::black_box(map.remove(&number)?);
    }
    Ok(())
}

fn table() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.tsv")
}

/// The instructions of a whole run of this program that does the operation this many times.
fn whole_run(index: usize, n: u64) -> Result<u64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", &index.to_string(), &n.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim());
    if !run.status.success() {
        return Err(format!("the operation failed under valgrind: {said}").into());
    }
    Ok(collected.ok_or("valgrind said no count")?.parse()?)
}

/// Counts all operations, and says whether none got longer than the table says.
fn count(record: bool) -> Result<bool> {
    let recorded = fs::read_to_string(table()).unwrap_or_default();
    let (mut lines, mut good) = (String::new(), true);
    for (index, (name, _)) in OPERATIONS.iter().enumerate() {
        let each = (whole_run(index, MANY)? - whole_run(index, FEW)?) as f64 / (MANY - FEW) as f64;
        let before = recorded.lines().find_map(|line| line.strip_prefix(&format!("{name}\t"))?.parse::<f64>().ok());
        let longer = before.is_none_or(|before| each > before * TOLERANCE);
        good &= record || !longer;
        let verdict = match before {
            _ if record => "recorded",
            None => "NOT IN THE TABLE",
            Some(_) if longer => "LONGER",
            Some(_) => "as recorded",
        };
        println!(
            "{name:<44}{each:>8.1} instructions, {verdict}{}",
            before.map_or(String::new(), |n| format!(" ({n:.1})"))
        );
        lines += &format!("{name}\t{each:.1}\n");
    }
    if record {
        fs::write(table(), lines)?;
    }
    Ok(good)
}

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", index, n] => {
            let (_, operation) = OPERATIONS.get(index.parse::<usize>()?).ok_or("no such operation")?;
            operation(n.parse()?)?;
            Ok(ExitCode::SUCCESS)
        }
        ["record"] => count(true).map(|_| ExitCode::SUCCESS),
        [] => Ok(if count(false)? { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        _ => Err("instructions [record]".into()),
    }
}
