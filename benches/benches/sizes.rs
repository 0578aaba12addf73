//! How many messages of which size get from one process to another?
//!
//! Each message's bytes are copied in by the sender and out by the receiver, whatever the way; but for the contenders called "ends", which
//! go from hand to hand and are touched at their first and last word only. The floor is a pass of the same bytes through shared memory
//! between the same two cores, with nothing but two counters to synchronise it. The rivals are in `benches::peers`.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

use benches::contest::{self, Contender};
use benches::floor::{Shared, Zeroed};
use benches::link::{self, Link, Result};
use benches::message::{BLOCKS, held, receiver, sender};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::{peers, pin, second};
use crossbeam_utils::CachePadded;
use ipc_posix::{ByteQueue, LoanQueue, Queue, Region, Spsc};

fn region(footprint: ipc_posix::Footprint) -> Result<(String, Region)> {
    let name = benches::ours::fresh_name("sizes");
    let region = Region::options().fit(&[footprint]).remove_with_last(true).create(&name)?;
    Ok((name, region))
}

fn queue<const W: usize>() -> Link {
    Link {
        name: "ours, queue",
        create: || {
            let capacity = held(W);
            let (name, region) = region(Queue::<[u64; W]>::footprint(capacity))?;
            let queue = region.queue::<[u64; W]>("messages").capacity(capacity).create()?;
            Ok((name, receiver(move |out: &mut [u64; W]| queue.try_recv().map(|message| *out = message).is_ok())))
        },
        attach: |name| {
            let queue = Region::open(name)?.queue::<[u64; W]>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| queue.try_send(*message).is_ok()))
        },
    }
}

fn spsc<const W: usize>() -> Link {
    Link {
        name: "ours, one to one",
        create: || {
            let capacity = held(W);
            let (name, region) = region(Spsc::<[u64; W]>::footprint(capacity))?;
            let mut consumer = region.spsc::<[u64; W]>("messages").capacity(capacity).create()?.consumer()?;
            let receive = move |out: &mut [u64; W]| consumer.try_recv_slice(std::slice::from_mut(out)).is_ok();
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let mut producer = Region::open(name)?.spsc::<[u64; W]>("messages").open()?.producer()?;
            Ok(sender(move |message: &[u64; W]| producer.try_send_slice(std::slice::from_ref(message)).is_ok()))
        },
    }
}

fn bytes<const W: usize>() -> Link {
    Link {
        name: "ours, bytes",
        create: || {
            let capacity = held(W) * W * 8;
            let (name, region) = region(ByteQueue::footprint(capacity))?;
            let queue = region.byte_queue("messages").capacity(capacity).create()?;
            Ok((name, receiver(move |out: &mut [u64; W]| queue.try_recv(bytemuck::cast_slice_mut(out)).is_ok())))
        },
        attach: |name| {
            let queue = Region::open(name)?.byte_queue("messages").open()?;
            Ok(sender(move |message: &[u64; W]| queue.try_send(bytemuck::cast_slice(message)).is_ok()))
        },
    }
}

fn loans_of<const W: usize>() -> Result<(String, LoanQueue<u64>)> {
    let (name, region) = region(LoanQueue::<u64>::footprint(BLOCKS, W))?;
    Ok((name, region.loan_queue("messages").blocks(BLOCKS).block_len(W).create()?))
}

fn loans<const W: usize>() -> Link {
    Link {
        name: "ours, loans",
        create: || {
            let (name, queue) = loans_of::<W>()?;
            Ok((name, receiver(move |out: &mut [u64; W]| queue.try_recv().map(|got| got.copy_to_slice(out)).is_ok())))
        },
        attach: |name| {
            let queue = Region::open(name)?.loan_queue::<u64>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| queue.try_send_copy(message).is_ok()))
        },
    }
}

fn loans_ends<const W: usize>() -> Link {
    Link {
        name: "ours, loans, ends",
        create: || {
            let (name, queue) = loans_of::<W>()?;
            let receive = move |out: &mut [u64; W]| {
                let Ok(got) = queue.try_recv() else { return false };
                out[0] = got.get(0).unwrap_or(u64::MAX);
                out[W - 1] = got.get(W - 1).unwrap_or(u64::MAX);
                true
            };
            Ok((name, receiver(receive)))
        },
        attach: |name| {
            let queue = Region::open(name)?.loan_queue::<u64>("messages").open()?;
            Ok(sender(move |message: &[u64; W]| {
                let Ok(mut loan) = queue.try_loan_uninit(W) else { return false };
                loan.set(0, message[0]);
                loan.set(W - 1, message[W - 1]);
                loan.send().is_ok()
            }))
        },
    }
}

/// Shared memory with two counters.
#[repr(C)]
struct Pass<const W: usize> {
    sent: CachePadded<AtomicU64>,
    received: CachePadded<AtomicU64>,
    blocks: [UnsafeCell<[u64; W]>; BLOCKS],
}

// SAFETY: integers; a block is written before its number is sent and read before it is received, each by one side.
unsafe impl<const W: usize> Sync for Pass<W> {}
// SAFETY: all zeroes is a value, there are no pointers, and nothing needs a drop.
unsafe impl<const W: usize> Zeroed for Pass<W> {}

fn pass<const W: usize>() -> Link {
    Link {
        name: "floor",
        create: || {
            let shared = Shared::<Pass<W>>::create()?;
            let mut next = 0;
            let address = shared.fd().to_string();
            let receive = move |out: &mut [u64; W]| {
                if shared.sent.load(Ordering::Acquire) == next {
                    return false;
                }
                // SAFETY: sent, and not received yet.
                out.copy_from_slice(unsafe { &*shared.blocks[next as usize % BLOCKS].get() });
                next += 1;
                shared.received.store(next, Ordering::Release);
                true
            };
            Ok((address, receiver(receive)))
        },
        attach: |fd| {
            let shared = Shared::<Pass<W>>::inherit(fd.parse()?)?;
            let mut next = 0;
            Ok(sender(move |message: &[u64; W]| {
                if next - shared.received.load(Ordering::Acquire) == BLOCKS as u64 {
                    return false;
                }
                // SAFETY: received, and not sent again yet.
                unsafe { (*shared.blocks[next as usize % BLOCKS].get()).copy_from_slice(message) };
                next += 1;
                shared.sent.store(next, Ordering::Release);
                true
            }))
        },
    }
}

/// All ways between processes for messages of `W` words.
fn links<const W: usize>() -> Vec<Link> {
    let mut links = vec![
        spsc::<W>(),
        bytes::<W>(),
        loans::<W>(),
        loans_ends::<W>(),
        pass::<W>(),
        peers::pipe::<W>(),
        peers::stream::<W>(),
        peers::iceoryx2::<W>("iceoryx2", false),
        peers::iceoryx2::<W>("iceoryx2, ends", true),
        peers::ipmpsc::<W>(),
        peers::cloudtoid::<W>(),
        peers::ipc_channel::<W>(),
    ];
    // Its slots hold what passes through a send by value: up to a KiB.
    if W <= 128 {
        links.push(queue::<W>());
    }
    // The kernel takes no larger message.
    if W * 8 <= peers::posix_mq::LARGEST {
        links.push(peers::posix_mq::<W>());
    }
    // A message must fit the socket's buffer.
    if W <= 8192 {
        links.push(peers::seqpacket::<W>());
    }
    links
}

/// What a second process plays.
fn play<const W: usize>(role: second::Role) -> Result<()> {
    link::play(role, &links::<W>())
}

fn contest_of<const W: usize>(
    cpus: [usize; 2],
    criterion: &mut criterion::Criterion,
    samples: &mut Samples,
    question: &'static str,
) -> Result<()> {
    let mut contenders = Vec::new();
    // Some milliseconds each.
    let copied = (1 << 24) / (W as u64 * 8 + 256);
    for link in links::<W>() {
        let many = match link.name {
            "pipe" | "Unix stream" | "Unix seqpacket" | "POSIX mq" | "ipc-channel" => (copied / 8).min(1 << 12),
            "iceoryx2" | "iceoryx2, ends" | "ipmpsc" | "cloudtoid-interprocess" => copied.clamp(1 << 6, 1 << 13),
            "ours, loans, ends" => 1 << 15,
            _ => copied,
        };
        contenders.push(Contender::new(link.name, many.max(16), link::between_processes_as(cpus, question, &link)?));
    }
    // Large messages by value would be copied on the stack, more than once.
    contenders.push(if W <= 128 {
        Contender::new("sync_channel, threads", copied, link::between_threads(cpus, peers::by_value::<W>))
    } else {
        Contender::new("sync_channel, threads", copied.max(16), link::between_threads(cpus, peers::boxed::<W>))
    });
    contest::contest(criterion, samples, question, &mut contenders);
    Ok(())
}

fn main() -> Result<()> {
    iceoryx2::prelude::set_log_level(iceoryx2::prelude::LogLevel::Fatal);
    if let Some(role) = second::role()? {
        return match role.name() {
            "8 B" => play::<1>(role),
            "64 B" => play::<8>(role),
            "1 KiB" => play::<128>(role),
            "64 KiB" => play::<8192>(role),
            "1 MiB" => play::<131_072>(role),
            other => Err(format!("no such role: {other}").into()),
        };
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    contest_of::<1>(cpus, &mut criterion, &mut samples, "8 B")?;
    contest_of::<8>(cpus, &mut criterion, &mut samples, "64 B")?;
    contest_of::<128>(cpus, &mut criterion, &mut samples, "1 KiB")?;
    contest_of::<8192>(cpus, &mut criterion, &mut samples, "64 KiB")?;
    contest_of::<131_072>(cpus, &mut criterion, &mut samples, "1 MiB")?;
    criterion.final_summary();
    let speed = |name, ours, others, bar| Ratio { name, of: Of::Speed, ours, others, bar };
    samples.save("sizes")?;
    print!(
        "{}",
        samples.table(&[
            speed("64 B one to one/iceoryx2", "64 B/ours, one to one", &["64 B/iceoryx2"], Bar::AtLeast(5.0)),
            speed("64 B queue/iceoryx2", "64 B/ours, queue", &["64 B/iceoryx2"], Bar::AtLeast(5.0)),
            speed(
                "64 KiB loans, ends/iceoryx2",
                "64 KiB/ours, loans, ends",
                &["64 KiB/iceoryx2, ends"],
                Bar::AtLeast(3.0)
            ),
            speed(
                "1 MiB loans, ends/iceoryx2",
                "1 MiB/ours, loans, ends",
                &["1 MiB/iceoryx2, ends"],
                Bar::AtLeast(3.0)
            ),
            speed(
                "loans, ends, 1 MiB/64 KiB",
                "1 MiB/ours, loans, ends",
                &["64 KiB/ours, loans, ends"],
                Bar::AtLeast(0.9)
            ),
            speed("64 KiB loans/bare pass", "64 KiB/ours, loans", &["64 KiB/floor"], Bar::AtLeast(0.9)),
            speed("1 MiB loans/bare pass", "1 MiB/ours, loans", &["1 MiB/floor"], Bar::AtLeast(0.9)),
            speed("64 KiB one to one/bare pass", "64 KiB/ours, one to one", &["64 KiB/floor"], Bar::None),
            speed("64 KiB bytes/pipe", "64 KiB/ours, bytes", &["64 KiB/pipe", "64 KiB/Unix stream"], Bar::None),
        ])
    );
    Ok(())
}
