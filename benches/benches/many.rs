//! How many messages do several senders get to several receivers, asleep when there is nothing to do?
//!
//! Ours between processes, crossbeam's channels and its ArrayQueue between threads, and what the kernel has to share between processes: a pipe, a pair of
//! sockets, a POSIX message queue. Two of each, and four of each: more than there are cores.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::ours::{Result, fresh_name};
use benches::peers::{posix_mq, unix_socket};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::second::{self, Role, Second};
use benches::{floor, pin};
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::Backoff;
use ipc_posix::{Queue, Region};

const CAPACITY: usize = 1024;
const MANY: u64 = 1 << 17;
/// Messages through the kernel are slower: fewer take some milliseconds, too.
const KERNEL_MANY: u64 = 1 << 13;
const BATCH: usize = 64;

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    for (question, pairs) in [("2 to 2", 2), ("4 to 4", 4)] {
        let mut contenders = vec![
            Contender::new("ours", MANY, ours::<1>(cpus, pairs, false)?),
            Contender::new("ours, 64 B", MANY, ours::<8>(cpus, pairs, false)?),
            Contender::new("ours, batches", MANY, ours::<1>(cpus, pairs, true)?),
            Contender::new("crossbeam-channel", MANY, channel::<1>(pairs)),
            Contender::new("crossbeam-channel, 64 B", MANY, channel::<8>(pairs)),
            Contender::new("ArrayQueue", MANY, array_queue::<1>(pairs)),
            Contender::new("ArrayQueue, 64 B", MANY, array_queue::<8>(pairs)),
        ];
        for way in &KERNEL {
            let [name, name64] = way.names;
            contenders.push(Contender::new(name, KERNEL_MANY, kernel::<1>(cpus, pairs, way)?));
            contenders.push(Contender::new(name64, KERNEL_MANY, kernel::<8>(cpus, pairs, way)?));
        }
        contest::contest(&mut criterion, &mut samples, question, &mut contenders);
    }
    criterion.final_summary();
    samples.save("many")?;
    let speed = |name, ours, others, bar| Ratio { name, of: Of::Speed, ours, others, bar };
    print!(
        "{}",
        samples.table(&[
            speed(
                "2 to 2 ours/best between threads",
                "2 to 2/ours",
                &["2 to 2/crossbeam-channel", "2 to 2/ArrayQueue"],
                Bar::AtLeast(1.5)
            ),
            speed(
                "4 to 4 ours/best between threads",
                "4 to 4/ours",
                &["4 to 4/crossbeam-channel", "4 to 4/ArrayQueue"],
                Bar::AtLeast(1.5)
            ),
            speed(
                "2 to 2, 64 B, ours/best between threads",
                "2 to 2/ours, 64 B",
                &["2 to 2/crossbeam-channel, 64 B", "2 to 2/ArrayQueue, 64 B"],
                Bar::AtLeast(1.2)
            ),
            speed(
                "4 to 4, 64 B, ours/best between threads",
                "4 to 4/ours, 64 B",
                &["4 to 4/crossbeam-channel, 64 B", "4 to 4/ArrayQueue, 64 B"],
                Bar::AtLeast(1.2)
            ),
            speed(
                "2 to 2 ours/best kernel path",
                "2 to 2/ours",
                &["2 to 2/pipe", "2 to 2/Unix seqpacket", "2 to 2/POSIX mq"],
                Bar::AtLeast(5.0)
            ),
            speed(
                "4 to 4 ours/best kernel path",
                "4 to 4/ours",
                &["4 to 4/pipe", "4 to 4/Unix seqpacket", "4 to 4/POSIX mq"],
                Bar::AtLeast(5.0)
            ),
            speed(
                "2 to 2, 64 B, ours/best kernel path",
                "2 to 2/ours, 64 B",
                &["2 to 2/pipe, 64 B", "2 to 2/Unix seqpacket, 64 B", "2 to 2/POSIX mq, 64 B"],
                Bar::None
            ),
            speed(
                "4 to 4, 64 B, ours/best kernel path",
                "4 to 4/ours, 64 B",
                &["4 to 4/pipe, 64 B", "4 to 4/Unix seqpacket, 64 B", "4 to 4/POSIX mq, 64 B"],
                Bar::None
            ),
        ])
    );
    Ok(())
}

/// The second processes, each with its count of messages, and the first process's own side: it waits until all have received theirs.
fn all_together(seconds: &mut [Second], n: u64, mut wait: impl FnMut(u64)) -> Duration {
    let each = n / (seconds.len() as u64 / 2);
    let begun = Instant::now();
    for second in seconds.iter_mut() {
        second.run(each).expect("the second process is alive");
    }
    wait(each * (seconds.len() as u64 / 2));
    begun.elapsed()
}

fn ours<const W: usize>(cpus: [usize; 2], pairs: usize, batches: bool) -> Result<impl FnMut(u64) -> Duration> {
    let name = fresh_name("many");
    let region = Region::options().size(1 << 20).create(&name)?;
    let _queue: Queue<[u64; W]> = region.queue("messages").capacity(CAPACITY).create()?;
    let received = region.counter("received").create()?;
    let role = if batches { "batches" } else { "ours" };
    let mut seconds = Vec::new();
    for pair in 0..pairs {
        for (side, cpu) in [("send", cpus[pair % 2]), ("receive", cpus[(pair + 1) % 2])] {
            seconds.push(Second::start(role, cpu, &[&name, &side, &W])?);
        }
    }
    // Everybody is in.
    Region::unlink(&name)?;
    Ok(move |n| {
        received.store(0).expect("our own cell");
        all_together(&mut seconds, n, |all| {
            received.wait_until(|count| count >= all).expect("our own cell");
        })
    })
}

fn play(role: Role) -> Result<()> {
    let way = KERNEL.iter().find(|way| way.names[0] == role.name());
    match (way, role.arg::<usize>(2)?) {
        (Some(way), 1) => play_kernel::<1>(role, way),
        (Some(way), _) => play_kernel::<8>(role, way),
        (None, 1) => play_ours::<1>(role),
        (None, _) => play_ours::<8>(role),
    }
}

fn play_ours<const W: usize>(role: Role) -> Result<()> {
    let region = Region::open(&role.arg::<String>(0)?)?;
    let queue: Queue<[u64; W]> = region.queue("messages").open()?;
    let received = region.counter("received").open()?;
    let batches = role.name() == "batches";
    if role.arg::<String>(1)? == "send" {
        role.play(|n| {
            if batches {
                let batch = [[7; W]; BATCH];
                (0..n / BATCH as u64).for_each(|_| queue.send_slice(&batch).expect("our own queue"));
            } else {
                (0..n).for_each(|number| queue.send([number; W]).expect("our own queue"));
            }
        })?;
    } else {
        role.play(|n| {
            let mut out = [[0; W]; BATCH];
            let mut left = n;
            while left > 0 {
                if batches {
                    let most = BATCH.min(left as usize);
                    left -= queue.recv_slice(&mut out[..most]).expect("our own queue") as u64;
                } else {
                    queue.recv().expect("our own queue");
                    left -= 1;
                }
            }
            received.fetch_add(n).expect("our own cell");
        })?;
    }
    Ok(())
}

fn channel<const W: usize>(pairs: usize) -> impl FnMut(u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded::<[u64; W]>(CAPACITY);
    let send = move |number| sender.send([number; W]).expect("the receiver is here");
    between_threads(pairs, send, move || assert!(receiver.recv().is_ok(), "the sender is here"))
}

/// With the back-off of its authors, who give it none of its own.
fn array_queue<const W: usize>(pairs: usize) -> impl FnMut(u64) -> Duration {
    let queue = Arc::new(ArrayQueue::<[u64; W]>::new(CAPACITY));
    let from = Arc::clone(&queue);
    between_threads(
        pairs,
        move |number| {
            let back_off = Backoff::new();
            while queue.push([number; W]).is_err() {
                back_off.snooze();
            }
        },
        move || {
            let back_off = Backoff::new();
            while from.pop().is_none() {
                back_off.snooze();
            }
        },
    )
}

/// As many threads that send as threads that receive.
fn between_threads(pairs: usize, send: impl Fn(u64) + Sync, receive: impl Fn() + Sync) -> impl FnMut(u64) -> Duration {
    move |n| {
        let each = n / pairs as u64;
        let begun = Instant::now();
        thread::scope(|scope| {
            for _ in 0..pairs {
                scope.spawn(|| (0..each).for_each(&send));
                scope.spawn(|| (0..each).for_each(|_| receive()));
            }
        });
        begun.elapsed()
    }
}

/// A way through the kernel that several senders and several receivers share. Both sides sleep in their calls.
struct Way {
    /// With messages of 8 and of 64 bytes. The first is the role of its second processes, too.
    names: [&'static str; 2],
    /// The ends to send to and to receive from, for messages of this many bytes.
    open: fn(usize) -> Result<[OwnedFd; 2]>,
    /// Sends these bytes as one.
    send: fn(&mut File, &[u8]),
    /// Receives these bytes, which were sent as one.
    receive: fn(&mut File, &mut [u8]),
}

const KERNEL: [Way; 3] = [
    Way {
        names: ["pipe", "pipe, 64 B"],
        open: |_| {
            let (reader, writer) = std::io::pipe()?;
            Ok([writer.into(), reader.into()])
        },
        send: write,
        receive: read,
    },
    Way {
        names: ["Unix seqpacket", "Unix seqpacket, 64 B"],
        open: |_| unix_socket::sockets(libc::SOCK_SEQPACKET),
        send: write,
        receive: read,
    },
    Way {
        names: ["POSIX mq", "POSIX mq, 64 B"],
        open: |size| {
            let queue = posix_mq::create(CAPACITY, size)?;
            Ok([queue.try_clone()?.into(), queue.into()])
        },
        send: |queue, message| posix_mq::send(queue, message, 0),
        receive: |queue, message| posix_mq::receive(queue, message),
    },
];

fn write(file: &mut File, message: &[u8]) {
    let written = file.write(message).expect("the receiver is here");
    assert_eq!(written, message.len(), "a short message is written as one");
}

fn read(file: &mut File, message: &mut [u8]) {
    let read = file.read(message).expect("the sender is here");
    assert_eq!(read, message.len(), "what was written as one is read as one");
}

fn kernel<const W: usize>(cpus: [usize; 2], pairs: usize, way: &Way) -> Result<impl FnMut(u64) -> Duration + use<W>> {
    let [to, from] = (way.open)(W * 8)?;
    floor::bequeath(&to)?;
    floor::bequeath(&from)?;
    let name = fresh_name("many-kernel");
    let region = Region::options().create(&name)?;
    let received = region.counter("received").create()?;
    let mut seconds = Vec::new();
    for pair in 0..pairs {
        for (side, cpu, end) in [("send", cpus[pair % 2], &to), ("receive", cpus[(pair + 1) % 2], &from)] {
            seconds.push(Second::start(way.names[0], cpu, &[&name, &side, &W, &end.as_raw_fd()])?);
        }
    }
    // Everybody is in.
    Region::unlink(&name)?;
    Ok(move |n| {
        received.store(0).expect("our own cell");
        all_together(&mut seconds, n, |all| {
            received.wait_until(|count| count >= all).expect("our own cell");
        })
    })
}

fn play_kernel<const W: usize>(role: Role, way: &Way) -> Result<()> {
    let region = Region::open(&role.arg::<String>(0)?)?;
    let received = region.counter("received").open()?;
    let mut file = floor::inherited(role.arg(3)?)?;
    if role.arg::<String>(1)? == "send" {
        role.play(|n| (0..n).for_each(|number| (way.send)(&mut file, bytemuck::cast_slice(&[number; W]))))?;
    } else {
        role.play(|n| {
            (0..n).for_each(|_| (way.receive)(&mut file, bytemuck::cast_slice_mut(&mut [0_u64; W])));
            received.fetch_add(n).expect("our own cell");
        })?;
    }
    Ok(())
}
