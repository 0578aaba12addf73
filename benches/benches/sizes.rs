//! How many messages of which size get from one process to another?
//!
//! Each message's bytes are copied in by the sender and out by the receiver, whatever the way; but for the contenders called "ends", which
//! go from hand to hand and are touched at their first and last word only. The floor is a pass of the same bytes through shared memory
//! between the same two cores, with nothing but two counters to synchronise it. The rivals are in `benches::peers`.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use benches::contest::{self, Contender};
use benches::link::{self, Link, Result};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::ways::{self, LOOK};
use benches::{peers, pin, second};

/// All ways between processes for messages of `W` words.
fn links<const W: usize>() -> Vec<Link> {
    let mut links = vec![
        ways::spsc::<W, LOOK>(),
        ways::bytes::<W, LOOK>(),
        ways::pipe::<W>(),
        ways::loans::<W, LOOK>(),
        ways::loans_ends::<W>(),
        ways::pass::<W>(),
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
        links.push(ways::queue::<W, LOOK>());
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
            speed("64 B pipe/the kernel's", "64 B/ours, pipe", &["64 B/pipe"], Bar::AtLeast(3.0)),
            speed("64 KiB pipe/the kernel's", "64 KiB/ours, pipe", &["64 KiB/pipe"], Bar::AtLeast(3.0)),
            speed("64 KiB bytes/pipe", "64 KiB/ours, bytes", &["64 KiB/pipe", "64 KiB/Unix stream"], Bar::None),
        ])
    );
    Ok(())
}
