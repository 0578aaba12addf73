//! Do the blocking calls move as much as the best loop that polls?
//!
//! One process sends, another one receives. Beside the blocking calls: loops of the `try_` calls on both sides with 1 to 256 pauses
//! between two looks, of which the best counts. How many pauses are best depends on the processor and on the message.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::time::Duration;

use benches::link::{self, Link, Result};
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::ways::{self, BLOCK};
use benches::{pin, second};

const PAUSES: [&str; 5] = ["1 pauses", "4 pauses", "16 pauses", "64 pauses", "256 pauses"];
const OBJECTS: [&str; 4] = ["queue", "one to one", "bytes", "loans"];
const SIZES: [(&str, u64); 3] = [("8 B", 1), ("64 B", 8), ("1 KiB", 128)];

fn forms<const W: usize, const P: usize>() -> [Link; 4] {
    [ways::queue::<W, P>(), ways::spsc::<W, P>(), ways::bytes::<W, P>(), ways::loans::<W, P>()]
}

fn links<const W: usize>() -> Vec<Link> {
    let polling = [forms::<W, 1>(), forms::<W, 4>(), forms::<W, 16>(), forms::<W, 64>(), forms::<W, 256>()];
    let mut links: Vec<_> = forms::<W, BLOCK>().into_iter().chain(polling.into_iter().flatten()).collect();
    links.push(ways::pass::<W>());
    links
}

fn links_of(size: &str) -> Vec<Link> {
    match size {
        "8 B" => links::<1>(),
        "64 B" => links::<8>(),
        _ => links::<128>(),
    }
}

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        let links = links_of(role.name());
        return link::play(role, &links);
    }
    let cpus = pin::pair()?;
    let quick = std::env::args().any(|arg| arg == "--quick");
    let turns = if quick { 7 } else { 50 };
    let mut samples = Samples::new();
    for (size, words) in SIZES {
        // Some milliseconds each.
        let many = (1 << 25) / (words * 8 + 256);
        let mut contenders = Vec::new();
        for link in links_of(size) {
            contenders.push((format!("{size}/{}", link.name), link::between_processes_as(cpus, size, &link)?));
        }
        for _ in 0..turns {
            for (name, run) in &mut contenders {
                let time: Duration = run(many);
                samples.note(name, time.as_secs_f64() * 1e9 / many as f64);
            }
            // Every second turn the other way round: nobody always goes first.
            contenders.reverse();
        }
    }
    samples.save("streams")?;
    print!("{}", samples.table(&[]));
    for (size, _) in SIZES {
        for object in OBJECTS {
            let name = format!("blocking stream of {size}, {object}, to the best of polling");
            let ours = format!("{size}/{object}, blocking");
            let polling = PAUSES.map(|pauses| format!("{size}/{object}, {pauses}"));
            line(&samples, &name, &ours, &polling.each_ref().map(String::as_str), Bar::AtLeast(0.9));
        }
    }
    let name = "blocking stream of 1 KiB, queue, to one pass of the same bytes";
    line(&samples, name, "1 KiB/queue, blocking", &["1 KiB/floor"], Bar::AtLeast(0.5));
    Ok(())
}

fn line(samples: &Samples, name: &str, ours: &str, others: &[&str], bar: Bar) {
    print!("{}", samples.line(&Ratio { name, of: Of::Speed, ours, others, bar }));
}
