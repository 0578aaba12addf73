//! What does a send cost when the receiver sleeps, and how long until that one runs?
//!
//! Each message is timed by itself: what the call takes on the sender's side, and when the receiver's call has returned. The receiver is in
//! another process on another core, and the sender checks its state until it sleeps. Beside that the same sends to a receiver that polls
//! all the time, a bare futex, and a pipe.

#![allow(clippy::print_stdout, reason = "the closing table is what a benchmark is for")]

use std::hint;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use benches::floor::{self, Court, Shared, Zeroed};
use benches::ours::{Lanes, Result, fresh_name, producer};
use benches::ratios::Bar;
use benches::report::{self, Percentiles};
use benches::second::{self, Role, Second};
use benches::{clock, pin};
use crossbeam_utils::CachePadded;
use ipc_posix::{Region, SpscConsumer};

/// Messages that a queue holds. One is under way at a time.
const CAPACITY: usize = 16;
const TURNS: usize = 5;

fn main() -> Result<()> {
    if let Some(role) = second::role()? {
        return play(role);
    }
    let quick = std::env::args().any(|arg| arg == "--quick");
    let rounds = if quick { 1_000 } else { 10_000 };
    let [here, there] = pin::pair()?;
    let (mut costs, mut delays) = (Percentiles::new("a send"), Percentiles::new("until the receiver runs"));
    // In turns, so that what slows the machine slows all.
    for _ in 0..TURNS {
        for contender in CONTENDERS {
            let times = (contender.run)(contender, [here, there], rounds)?;
            costs.add(contender.name, &times.costs);
            delays.add(contender.name, &times.delays);
        }
        costs.add("the clock alone", &clock_alone(here, rounds)?);
    }
    report::write("wake", &(costs.lines() + &delays.lines()))?;
    print!("{}{}", costs.table(), delays.table());
    for ours in ["queue", "one to one"] {
        let asleep = format!("asleep, ours, {ours}");
        for (table, what) in [(&costs, "send to a sleeper"), (&delays, "wake-up")] {
            for floor in ["futex", "pipe"] {
                for part in [0.5, 0.99] {
                    let name = format!("{what}, {ours}, ours/{floor}");
                    print!("{}", table.ratio(&name, &asleep, &format!("asleep, {floor}"), part, Bar::None));
                }
            }
        }
        let name = format!("send, {ours}, asleep/awake");
        print!("{}", costs.ratio(&name, &asleep, &format!("awake, ours, {ours}"), 0.5, Bar::None));
    }
    Ok(())
}

/// A way of sending, to a receiver that sleeps or looks all the time. Its name is the second process's role, too.
struct Contender {
    name: &'static str,
    asleep: bool,
    run: fn(&Self, [usize; 2], u64) -> Result<Times>,
}

const CONTENDERS: &[Contender] = &[
    Contender { name: "asleep, futex", asleep: true, run: futex },
    Contender { name: "asleep, pipe", asleep: true, run: pipe },
    Contender { name: "asleep, ours, queue", asleep: true, run: queue },
    Contender { name: "asleep, ours, one to one", asleep: true, run: one_to_one },
    Contender { name: "awake, futex", asleep: false, run: futex },
    Contender { name: "awake, ours, queue", asleep: false, run: queue },
    Contender { name: "awake, ours, one to one", asleep: false, run: one_to_one },
];

/// In nanoseconds: what each send took, and the time from before it until the receiver had the message.
struct Times {
    costs: Vec<u64>,
    delays: Vec<u64>,
}

/// Where the two meet around each message. The counts are of messages.
///
/// ```text
/// label     store             load              makes visible
/// waiting   waiting Release   waiting Acquire   what the receiver did before it began to wait
/// received  received Release  received Acquire  the time
/// ```
#[repr(C)]
struct Meeting {
    /// Messages for which the receiver has begun to wait. Only the receiver writes.
    waiting: CachePadded<AtomicU64>,
    /// Messages that the receiver has got. Only the receiver writes.
    received: CachePadded<AtomicU64>,
    /// When it had the last one.
    at: AtomicU64,
}

// SAFETY: atomic integers without pointers; no messages is a state.
unsafe impl Zeroed for Meeting {}

impl Meeting {
    /// The sender: `rounds` messages, each by `send` once the receiver waits for it.
    fn send(
        &self,
        contender: &Contender,
        here: usize,
        second: &mut Second,
        rounds: u64,
        mut send: impl FnMut(u64),
    ) -> Result<Times> {
        let _pinned = pin::here(here)?;
        second.run(rounds)?;
        let (mut costs, mut delays) = (Vec::new(), Vec::new());
        for number in 1..=rounds {
            until(&self.waiting, number);
            if contender.asleep {
                second.wait_until_asleep()?;
            }
            let begun = clock::now();
            send(number);
            let sent = clock::now();
            until(&self.received, number);
            costs.push(sent - begun);
            // Relaxed: stored before the number was.
            delays.push(self.at.load(Relaxed).saturating_sub(begun));
        }
        Ok(Times { costs, delays })
    }

    /// The receiver: plays its role with `receive`, which returns once it has the message of this number.
    fn receive(&self, role: Role, mut receive: impl FnMut(u64)) -> Result<()> {
        role.play(|rounds| {
            for number in 1..=rounds {
                self.waiting.store(number, Release);
                receive(number);
                self.at.store(clock::now(), Relaxed);
                self.received.store(number, Release);
            }
        })?;
        Ok(())
    }
}

fn until(count: &AtomicU64, number: u64) {
    while count.load(Acquire) != number {
        hint::spin_loop();
    }
}

/// What two readings of the clock take: part of every time here.
fn clock_alone(here: usize, rounds: u64) -> Result<Vec<u64>> {
    let _pinned = pin::here(here)?;
    let between = |_| {
        let begun = clock::now();
        clock::now() - begun
    };
    Ok((0..rounds).map(between).collect())
}

/// A word and a futex on it. Without a sleeper the system call is made all the same.
fn futex(contender: &Contender, [here, there]: [usize; 2], rounds: u64) -> Result<Times> {
    let meeting = Shared::<Meeting>::create()?;
    let court = Shared::<Court>::create()?;
    let mut second = Second::start(contender.name, there, &[&meeting.fd(), &court.fd()])?;
    meeting.send(contender, here, &mut second, rounds, |number| court.serve_waking(number as u32))
}

fn pipe(contender: &Contender, [here, there]: [usize; 2], rounds: u64) -> Result<Times> {
    let meeting = Shared::<Meeting>::create()?;
    let (reader, mut writer): (PipeReader, PipeWriter) = std::io::pipe()?;
    floor::bequeath(&reader)?;
    let mut second = Second::start(contender.name, there, &[&meeting.fd(), &reader.as_raw_fd()])?;
    meeting.send(contender, here, &mut second, rounds, |number| {
        writer.write_all(&number.to_ne_bytes()).expect("the reader is here");
    })
}

fn queue(contender: &Contender, [here, there]: [usize; 2], rounds: u64) -> Result<Times> {
    let meeting = Shared::<Meeting>::create()?;
    let lanes = Lanes::create(CAPACITY)?;
    let mut second = Second::start(contender.name, there, &[&meeting.fd(), &lanes.name()])?;
    lanes.unlink();
    meeting.send(contender, here, &mut second, rounds, |number| lanes.there.send(number))
}

fn one_to_one(contender: &Contender, [here, there]: [usize; 2], rounds: u64) -> Result<Times> {
    let meeting = Shared::<Meeting>::create()?;
    let name = fresh_name("wake");
    let region = Region::options().remove_with_last(true).create(&name)?;
    let _kept = region.spsc::<u64>("queue").capacity(CAPACITY).create()?;
    let mut producer = producer(&name, "queue")?;
    let mut second = Second::start(contender.name, there, &[&meeting.fd(), &name])?;
    meeting.send(contender, here, &mut second, rounds, |number| producer.send(number).expect("our own queue"))
}

/// The second process: receives in the way of the contender that it was started for.
fn play(role: Role) -> Result<()> {
    let meeting = Shared::<Meeting>::inherit(role.arg(0)?)?;
    let asleep = role.name().starts_with("asleep");
    match role.name().split(", ").last() {
        Some("futex") => {
            let court = Shared::<Court>::inherit(role.arg(1)?)?;
            meeting.receive(role, |number| {
                if asleep { court.keep_sleeping(number as u32) } else { court.keep_spinning(number as u32) }
            })
        }
        Some("pipe") => {
            let mut reader = floor::inherited(role.arg(1)?)?;
            meeting.receive(role, |_| reader.read_exact(&mut [0; 8]).expect("the writer is here"))
        }
        Some("queue") => {
            let lanes = Lanes::attach(role.arg(1)?, CAPACITY)?;
            meeting.receive(role, |number| {
                let got = if asleep { lanes.there.recv() } else { spin_for(|| lanes.there.try_recv()) };
                assert_eq!(got, number, "messages must arrive in order");
            })
        }
        _ => {
            let region = Region::open(&role.arg::<String>(1)?)?;
            let mut consumer: SpscConsumer<u64> = region.spsc("queue").open()?.consumer()?;
            meeting.receive(role, |number| {
                let got = if asleep { consumer.recv().ok() } else { Some(spin_for(|| consumer.try_recv().ok())) };
                assert_eq!(got, Some(number), "messages must arrive in order");
            })
        }
    }
}

fn spin_for(mut receive: impl FnMut() -> Option<u64>) -> u64 {
    loop {
        match receive() {
            Some(number) => return number,
            None => hint::spin_loop(),
        }
    }
}
