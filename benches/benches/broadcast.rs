//! How many messages does one publisher get to 1, 4 and 16 subscribers that miss nothing?
//!
//! Each subscriber is a process of its own; with 4 and 16 there are more than cores. Ours sleep and are woken, or, as those of iceoryx2,
//! whose publish-subscribe has no sleeping receive, give their core away between two looks.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::time::{Duration, Instant};

use benches::contest::{self, Contender};
use benches::ours::{Result, fresh_name};
use benches::pin;
use benches::ratios::{Bar, Of, Ratio, Samples};
use benches::second::{self, Role, Second};
use iceoryx2::prelude::{BackpressureStrategy, NodeBuilder, ipc};
use ipc_posix::{Atomic, Region};

const CAPACITY: usize = 256;
const MANY: u64 = 1 << 14;

fn main() -> Result<()> {
    iceoryx2::prelude::set_log_level(iceoryx2::prelude::LogLevel::Fatal);
    if let Some(role) = second::role()? {
        return play(role);
    }
    let cpus = pin::pair()?;
    let mut criterion = contest::criterion();
    let mut samples = Samples::new();
    for (question, subscribers) in [("to 1", 1), ("to 4", 4), ("to 16", 16)] {
        let mut contenders = vec![
            Contender::new("ours", MANY, ours(cpus, subscribers, "ours")?),
            Contender::new("ours, polling", MANY, ours(cpus, subscribers, "ours, polling")?),
            Contender::new("iceoryx2", MANY / 4, iceoryx2(cpus, subscribers)?),
        ];
        contest::contest(&mut criterion, &mut samples, question, &mut contenders);
    }
    criterion.final_summary();
    samples.save("broadcast")?;
    let speed = |name, ours, others| Ratio { name, of: Of::Speed, ours, others, bar: Bar::None };
    print!(
        "{}",
        samples.table(&[
            speed("broadcast to 1 ours/iceoryx2", "to 1/ours", &["to 1/iceoryx2"]),
            speed("broadcast to 1 ours, polling/iceoryx2", "to 1/ours, polling", &["to 1/iceoryx2"]),
            speed("broadcast to 4 ours/iceoryx2", "to 4/ours", &["to 4/iceoryx2"]),
            speed("broadcast to 4 ours, polling/iceoryx2", "to 4/ours, polling", &["to 4/iceoryx2"]),
            speed("broadcast to 16 ours/iceoryx2", "to 16/ours", &["to 16/iceoryx2"]),
            speed("broadcast to 16 ours, polling/iceoryx2", "to 16/ours, polling", &["to 16/iceoryx2"]),
        ])
    );
    Ok(())
}

/// `n` messages by `publish`, to subscribers that count themselves ready and done.
fn all_together(
    here: usize,
    seconds: &mut [Second],
    done: &Atomic<u64>,
    n: u64,
    mut publish: impl FnMut(u64),
) -> Duration {
    let _pinned = pin::here(here).expect("the cores were allowed when the benchmark began");
    done.store(0).expect("our own cell");
    for second in seconds.iter_mut() {
        second.run(n).expect("the second process is alive");
    }
    let all = seconds.len() as u64;
    let begun = Instant::now();
    (0..n).for_each(&mut publish);
    done.wait_until(|count| count == all).expect("our own cell");
    begun.elapsed()
}

/// `role` is what the subscribers play.
fn ours([here, there]: [usize; 2], subscribers: u32, role: &'static str) -> Result<impl FnMut(u64) -> Duration> {
    let name = fresh_name("broadcast");
    let region = Region::options().size(1 << 20).create(&name)?;
    let broadcast = region.broadcast::<u64>("news").capacity(CAPACITY).wait_for_subscribers(subscribers).create()?;
    let done = region.counter("done").create()?;
    let mut seconds = Vec::new();
    for number in 0..subscribers as usize {
        seconds.push(Second::start(role, if number % 2 == 0 { there } else { here }, &[&name])?);
    }
    // Everybody is in.
    Region::unlink(&name)?;
    Ok(move |n| {
        all_together(here, &mut seconds, &done, n, |number| {
            if role == "ours" {
                assert!(broadcast.publish(number).is_ok());
            } else {
                while broadcast.try_publish(number).is_err() {
                    std::thread::yield_now();
                }
            }
        })
    })
}

macro_rules! service {
    ($name:expr) => {{
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let service = node
            .service_builder(&$name.try_into()?)
            .publish_subscribe::<u64>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(CAPACITY)
            .max_subscribers(16)
            .max_nodes(20)
            .open_or_create()?;
        (node, service)
    }};
}

fn iceoryx2([here, there]: [usize; 2], subscribers: u32) -> Result<impl FnMut(u64) -> Duration> {
    let name = fresh_name("broadcast-ice");
    let region = Region::options().create(&name)?;
    let done = region.counter("done").create()?;
    let (node, service) = service!(name.as_str());
    let publisher =
        service.publisher_builder().backpressure_strategy(BackpressureStrategy::RetryUntilDelivered).create()?;
    let mut seconds = Vec::new();
    for number in 0..subscribers as usize {
        seconds.push(Second::start("iceoryx2", if number % 2 == 0 { there } else { here }, &[&name])?);
    }
    // Everybody is in.
    Region::unlink(&name)?;
    Ok(move |n| {
        let _ = &node;
        all_together(here, &mut seconds, &done, n, |number| {
            while !publisher.send_copy(number).is_ok_and(|receivers| receivers == subscribers as usize) {
                std::thread::yield_now();
            }
        })
    })
}

fn play(role: Role) -> Result<()> {
    let name = role.arg::<String>(0)?;
    let region = Region::open(&name)?;
    let done: Atomic<u64> = region.counter("done").open()?;
    if role.name() != "iceoryx2" {
        let polls = role.name() != "ours";
        let mut subscriber = region.broadcast::<u64>("news").open()?.subscribe()?;
        role.play(|n| {
            for number in 0..n {
                while polls && subscriber.is_empty() {
                    std::thread::yield_now();
                }
                assert_eq!(subscriber.recv(), Ok(number), "messages must arrive in order");
            }
            done.fetch_add(1).expect("our own cell");
        })?;
    } else {
        let (_node, service) = service!(name.as_str());
        let subscriber = service.subscriber_builder().create()?;
        role.play(|n| {
            let mut got = 0;
            while got < n {
                match subscriber.receive() {
                    Ok(Some(_)) => got += 1,
                    _ => std::thread::yield_now(),
                }
            }
            done.fetch_add(1).expect("our own cell");
        })?;
    }
    Ok(())
}
