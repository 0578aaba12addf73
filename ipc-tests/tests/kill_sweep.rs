//! Every instruction boundary of every operation killed; then the survivors must work on and the books must balance.
//!
//! `cargo test --release -p ipc-tests -- --nocapture sweep` prints a closing line for each operation and pre-state.
//!
//! A victim is a forked child that opens the region by itself and is single-stepped through one operation. The process
//! that traces it is the survivor. Because `try_recv` repairs after the dead, the survivor can drain the queue without
//! waiting, and an empty answer from a queue that still counts messages means that it is wedged.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use ipc_posix::{Queue, Region, RegionOptions, TryRecvError};
use ipc_tests::children::TempName;
use ipc_tests::stepper::{self, PairSweep, StepOutcome, SweepReport, Verdict, Victim};
use ipc_tests::watchdog::Watchdog;

/// Longer than any healthy operation takes, shorter than the watchdog.
const PATIENCE: Duration = Duration::from_secs(20);
/// The message that the victim sends. Others count from 1.
const VICTIM: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Message {
    id: u64,
    noise: u64,
    check: u64,
}

impl Message {
    fn new(id: u64) -> Self {
        let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
        Message { id, noise, check: id ^ noise.rotate_left(7) }
    }

    fn is_whole(&self) -> bool {
        *self == Message::new(self.id)
    }
}

/// A region with one queue, and the survivor's view of it.
struct World {
    name: TempName,
    region: Region,
    queue: Queue<Message>,
    next: u64,
    /// Ids that are in the queue, oldest first.
    inside: Vec<u64>,
}

impl World {
    fn new(label: &str, capacity: usize) -> Self {
        let name = TempName::new(label);
        let region = Region::options().participants(8).create(name.as_str()).unwrap();
        let queue = region.queue::<Message>("q").capacity(capacity).create().unwrap();
        World { name, region, queue, next: 1, inside: Vec::new() }
    }

    /// Empties the queue (a rehearsal may have left something) and puts `count` messages in.
    fn fill(&mut self, count: usize) {
        self.drain(&mut Verdict::default());
        self.inside.clear();
        for _ in 0..count {
            self.queue.try_send(Message::new(self.next)).unwrap();
            self.inside.push(self.next);
            self.next += 1;
        }
    }

    fn victim(&self, op: fn(&Queue<Message>)) -> Victim {
        let name = self.name.as_str().to_owned();
        Victim::fork(move |gate| {
            let region = Region::open(&name).expect("the victim opens the region");
            let queue = region.queue::<Message>("q").open().expect("the victim opens the queue");
            gate.begin();
            op(&queue);
            gate.end();
        })
    }

    /// Leaves a ticket in the queue whose holder died before it published.
    fn abandon_ticket(&self) {
        let before = self.queue.len();
        let mut victim = self.victim(|queue| drop(queue.try_send(Message::new(VICTIM))));
        victim.run_to_begin().unwrap();
        while self.queue.len() == before {
            assert_eq!(victim.step(1).unwrap(), StepOutcome::Stepped, "the victim claims a ticket on its way");
        }
        victim.kill();
    }

    /// Everything that is in the queue, without waiting.
    fn drain(&self, verdict: &mut Verdict) -> Vec<u64> {
        let mut ids = Vec::new();
        loop {
            match self.queue.try_recv() {
                Ok(message) if message.is_whole() => ids.push(message.id),
                Ok(_) => verdict.torn += 1,
                // A lone unfinished message of a dead sender hides no message: `try_recv` lets it be, `recv` repairs.
                Err(TryRecvError::Empty) if !self.queue.is_empty() => {
                    match self.queue.recv_timeout(Duration::from_millis(1)) {
                        Ok(message) => ids.push(message.id),
                        Err(_) => break,
                    }
                }
                Err(TryRecvError::Empty) => break,
                Err(_) => {
                    verdict.wedged += 1;
                    break;
                }
            }
        }
        if !self.queue.is_empty() {
            verdict.wedged += 1;
        }
        ids
    }

    /// Whether the queue works on: fills it and drains it twice with the blocking calls, in order.
    fn works(&mut self, verdict: &mut Verdict) {
        for _ in 0..2 {
            for _ in 0..self.queue.capacity() {
                let message = Message::new(self.next);
                self.next += 1;
                if self.queue.send_timeout(message, PATIENCE).is_err() {
                    verdict.wedged += 1;
                    return;
                }
                self.inside.push(message.id);
            }
            for id in std::mem::take(&mut self.inside) {
                match self.queue.recv_timeout(PATIENCE) {
                    Ok(message) if message == Message::new(id) => {}
                    Ok(message) if !message.is_whole() => verdict.torn += 1,
                    Ok(_) => verdict.lost += 1,
                    Err(_) => verdict.wedged += 1,
                }
            }
        }
    }

    /// Compares what came with what was inside, of which the victim may have taken `taken` of the oldest and added at
    /// most one message of its own, `added` of them for certain.
    fn balance(
        &mut self,
        came: Vec<u64>,
        taken: std::ops::RangeInclusive<usize>,
        added: std::ops::RangeInclusive<usize>,
    ) -> Verdict {
        let mut verdict = Verdict::CLEAN;
        let inside = std::mem::take(&mut self.inside);
        let own = came.iter().filter(|&&id| id == VICTIM).count();
        let others: Vec<u64> = came.into_iter().filter(|&id| id != VICTIM).collect();
        verdict.lost += added.start().saturating_sub(own) as u64;
        verdict.duplicated += own.saturating_sub(*added.end()) as u64;
        // In order, and complete but for some of the oldest.
        let missing = inside.len().saturating_sub(others.len());
        if inside.get(missing..) == Some(&others[..]) {
            verdict.lost += missing.saturating_sub(*taken.end()) as u64;
            verdict.duplicated += taken.start().saturating_sub(missing) as u64;
        } else {
            verdict.lost += inside.iter().filter(|id| !others.contains(id)).count().max(1) as u64;
        }
        verdict
    }
}

fn report(report: SweepReport) {
    println!("{report}");
    report.assert_clean();
}

/// What an operation may do to the books: how many messages a finished one takes and adds.
#[derive(Clone, Copy)]
struct Effect {
    takes: usize,
    adds: usize,
}

/// Sweeps an operation on a queue with `filled` messages in it.
fn sweep_queue(
    op_name: &str,
    capacity: usize,
    filled: usize,
    dead_claimant: bool,
    effect: Effect,
    op: fn(&Queue<Message>),
) {
    let label = format!("sweep queue.{op_name} cap={capacity} filled={filled}");
    let _watchdog = Watchdog::new(Duration::from_secs(240), &label);
    stepper::pin_to_one().unwrap();
    let world = std::cell::RefCell::new(World::new("kill-queue", capacity));
    let state = if dead_claimant { " dead-claimant" } else { "" };
    let swept = stepper::sweep(
        &format!("queue.{op_name} (capacity {capacity}, {filled} inside{state})"),
        || {
            let mut world = world.borrow_mut();
            world.fill(filled);
            if dead_claimant {
                world.abandon_ticket();
            }
            world.victim(op)
        },
        |_point, finished| {
            let mut world = world.borrow_mut();
            let mut verdict = Verdict::CLEAN;
            let came = world.drain(&mut verdict);
            let least = |count| if finished { count } else { 0 };
            verdict += world.balance(came, least(effect.takes)..=effect.takes, least(effect.adds)..=effect.adds);
            world.works(&mut verdict);
            verdict
        },
    );
    report(swept.unwrap());
}

const SENDS: Effect = Effect { takes: 0, adds: 1 };
const RECEIVES: Effect = Effect { takes: 1, adds: 0 };
const NOTHING: Effect = Effect { takes: 0, adds: 0 };

#[test]
fn sweep_queue_try_send() {
    let op = |queue: &Queue<Message>| drop(queue.try_send(Message::new(VICTIM)));
    sweep_queue("try_send", 4, 0, false, SENDS, op);
    sweep_queue("try_send", 4, 3, false, SENDS, op);
    sweep_queue("try_send", 4, 4, false, NOTHING, op);
    sweep_queue("try_send", 1, 0, false, SENDS, op);
    sweep_queue("try_send", 4, 1, true, SENDS, op);
}

#[test]
fn sweep_queue_send() {
    let op = |queue: &Queue<Message>| drop(queue.send(Message::new(VICTIM)));
    sweep_queue("send", 4, 0, false, SENDS, op);
    sweep_queue("send", 2, 1, false, SENDS, op);
}

#[test]
fn sweep_queue_try_recv() {
    let op = |queue: &Queue<Message>| drop(queue.try_recv());
    sweep_queue("try_recv", 4, 0, false, NOTHING, op);
    sweep_queue("try_recv", 4, 1, false, RECEIVES, op);
    sweep_queue("try_recv", 4, 4, false, RECEIVES, op);
    sweep_queue("try_recv", 1, 1, false, RECEIVES, op);
    // The victim repairs after another dead one, and is killed while it does.
    sweep_queue("try_recv", 4, 0, true, NOTHING, op);
}

#[test]
fn sweep_queue_recv() {
    let op = |queue: &Queue<Message>| drop(queue.recv());
    sweep_queue("recv", 4, 1, false, RECEIVES, op);
    sweep_queue("recv", 4, 4, false, RECEIVES, op);
}

#[test]
fn sweep_queue_recv_timeout_on_empty() {
    let op = |queue: &Queue<Message>| drop(queue.recv_timeout(Duration::from_millis(1)));
    sweep_queue("recv_timeout", 4, 0, false, NOTHING, op);
    sweep_queue("recv_timeout", 4, 0, true, NOTHING, op);
}

#[test]
fn sweep_queue_send_timeout_on_full() {
    let op = |queue: &Queue<Message>| drop(queue.send_timeout(Message::new(VICTIM), Duration::from_millis(1)));
    sweep_queue("send_timeout", 2, 2, false, NOTHING, op);
}

#[test]
fn sweep_queue_force_send() {
    let op = |queue: &Queue<Message>| drop(queue.force_send(Message::new(VICTIM)));
    sweep_queue("force_send", 2, 2, false, Effect { takes: 1, adds: 1 }, op);
}

#[test]
fn sweep_queue_peek() {
    let op = |queue: &Queue<Message>| drop(queue.peek());
    sweep_queue("peek", 4, 2, false, NOTHING, op);
}

/// A closing that was killed has closed the queue or not, and everybody sees the same.
#[test]
fn sweep_queue_close() {
    let _watchdog = Watchdog::new(Duration::from_secs(120), "sweep queue.close");
    stepper::pin_to_one().unwrap();
    let name = TempName::new("kill-close");
    let open = || Region::open(name.as_str()).unwrap().queue::<Message>("q").open().unwrap();
    let swept = stepper::sweep(
        "queue.close",
        || {
            name.clean();
            let region = Region::create(name.as_str()).unwrap();
            let queue = region.queue::<Message>("q").capacity(4).create().unwrap();
            queue.send(Message::new(1)).unwrap();
            Victim::fork(|gate| {
                let queue = open();
                gate.begin();
                queue.close();
                gate.end();
            })
        },
        |_, finished| {
            let mut verdict = Verdict::CLEAN;
            let (queue, other) = (open(), open());
            let closed = queue.is_closed();
            verdict.wedged += u64::from(finished && !closed);
            verdict.wedged += u64::from(other.try_send(Message::new(2)).is_ok() == closed);
            verdict.lost += u64::from(queue.recv_timeout(PATIENCE) != Ok(Message::new(1)));
            if closed {
                verdict.wedged += u64::from(queue.recv_timeout(PATIENCE) != Err(ipc_posix::RecvTimeoutError::Closed));
                verdict.wedged += u64::from(other.try_recv() != Err(TryRecvError::Closed));
            } else {
                verdict.lost += u64::from(queue.recv_timeout(PATIENCE) != Ok(Message::new(2)));
            }
            verdict
        },
    );
    report(swept.unwrap());
}

/// A half's holder is killed while it takes or drops the half: the other end learns that nobody is there.
#[test]
fn sweep_queue_halves() {
    let _watchdog = Watchdog::new(Duration::from_secs(240), "sweep queue.halves");
    stepper::pin_to_one().unwrap();
    let name = TempName::new("kill-halves");
    for leaves in [false, true] {
        let swept = stepper::sweep(
            if leaves { "queue.sender, dropped" } else { "queue.sender, taken" },
            || {
                name.clean();
                let region = Region::options().participants(4).create(name.as_str()).unwrap();
                let queue = region.queue::<Message>("q").capacity(4).create().unwrap();
                // Somebody was there before, so an empty set means that the last one is gone.
                drop(queue.sender().unwrap());
                let name = name.as_str().to_owned();
                Victim::fork(move |gate| {
                    let queue = Region::open(&name).unwrap().queue::<Message>("q").open().unwrap();
                    if leaves {
                        let sender = queue.sender().unwrap();
                        gate.begin();
                        drop(sender);
                        gate.end();
                    } else {
                        gate.begin();
                        let sender = queue.sender();
                        gate.end();
                        std::mem::forget(sender);
                    }
                })
            },
            |_, _| {
                let queue = Region::open(name.as_str()).unwrap().queue::<Message>("q").open().unwrap();
                let receiver = queue.receiver().unwrap();
                let gone = receiver.recv_timeout(PATIENCE) == Err(ipc_posix::RecvTimeoutError::Disconnected);
                if gone { Verdict::CLEAN } else { Verdict::WEDGED }
            },
        );
        report(swept.unwrap());
    }
}

fn options() -> RegionOptions {
    Region::options().size(64 << 10).participants(4).objects(4)
}

/// After a killed creator: nothing under the name, or a whole region; and no litter after the next creation.
fn sweep_region_create(title: &str, without_tmpfile: bool) {
    let _watchdog = Watchdog::new(Duration::from_secs(400), title);
    stepper::pin_to_one().unwrap();
    let name = TempName::new("kill-create");
    let swept = stepper::sweep(
        title,
        || {
            name.clean();
            let name = name.as_str().to_owned();
            Victim::fork(move |gate| {
                let options = options().without_tmpfile(without_tmpfile);
                gate.begin();
                let region = options.create(&name);
                gate.end();
                std::mem::forget(region.expect("created"));
            })
        },
        |_, finished| {
            let mut verdict = Verdict::CLEAN;
            match Region::open(name.as_str()) {
                Ok(region) => verdict.torn += u64::from(!is_usable(&region)),
                Err(error) if error.is_not_found() => verdict.lost += u64::from(finished),
                Err(_) => verdict.torn += 1,
            }
            let _ = Region::unlink(name.as_str());
            match options().without_tmpfile(without_tmpfile).create(name.as_str()) {
                Ok(region) => verdict.torn += u64::from(!is_usable(&region)),
                Err(_) => verdict.wedged += 1,
            }
            // One file: the new region. Whatever the victim left has gone.
            verdict.lost += u64::from(name.files().len() != 1);
            verdict
        },
    );
    report(swept.unwrap());
}

fn is_usable(region: &Region) -> bool {
    let Ok(queue) = region.queue::<Message>("q").capacity(2).open_or_create() else { return false };
    queue.send(Message::new(7)).is_ok() && queue.recv_timeout(PATIENCE) == Ok(Message::new(7))
}

#[test]
fn sweep_region_creation() {
    sweep_region_create("region.create", false);
}

#[test]
fn sweep_region_creation_without_tmpfile() {
    sweep_region_create("region.create, without O_TMPFILE", true);
}

/// After a killed attacher: its place is free, the others work on.
#[test]
fn sweep_region_open() {
    let _watchdog = Watchdog::new(Duration::from_secs(400), "sweep region.open");
    stepper::pin_to_one().unwrap();
    let name = TempName::new("kill-open");
    // The survivor, and one place for the victim and for whoever comes after it.
    let survivor = Region::options().participants(2).create(name.as_str()).unwrap();
    let queue = survivor.queue::<Message>("q").capacity(2).create().unwrap();
    for leaves in [false, true] {
        let swept = stepper::sweep(
            if leaves { "region.drop" } else { "region.open" },
            || {
                let name = name.as_str().to_owned();
                Victim::fork(move |gate| {
                    if leaves {
                        let region = Region::open(&name).expect("opened");
                        gate.begin();
                        drop(region);
                        gate.end();
                    } else {
                        gate.begin();
                        let region = Region::open(&name);
                        gate.end();
                        std::mem::forget(region.expect("opened"));
                    }
                })
            },
            |_, _| {
                let mut verdict = Verdict::CLEAN;
                match Region::open(name.as_str()) {
                    Ok(region) => {
                        let other = region.queue::<Message>("q").open().unwrap();
                        verdict.lost += u64::from(other.send_timeout(Message::new(3), PATIENCE).is_err());
                        verdict.lost += u64::from(queue.recv_timeout(PATIENCE) != Ok(Message::new(3)));
                    }
                    Err(_) => verdict.wedged += 1,
                }
                verdict.wedged += u64::from(survivor.participants().iter().filter(|other| other.alive).count() != 1);
                verdict
            },
        );
        report(swept.unwrap());
    }
}

/// After a killed creator of an object: the object is not there or whole, the lock is free, no room is lost.
#[test]
fn sweep_object_creation() {
    let _watchdog = Watchdog::new(Duration::from_secs(400), "sweep object.create");
    stepper::pin_to_one().unwrap();
    let name = TempName::new("kill-object");
    let swept = stepper::sweep(
        "object.create",
        || {
            name.clean();
            let region = options().create(name.as_str()).unwrap();
            region.queue::<Message>("first").capacity(2).create().unwrap();
            let name = name.as_str().to_owned();
            Victim::fork(move |gate| {
                let region = Region::open(&name).unwrap();
                gate.begin();
                let queue = region.queue::<Message>("q").capacity(2).open_or_create();
                gate.end();
                std::mem::forget(queue.expect("created"));
            })
        },
        |_, finished| {
            let mut verdict = Verdict::CLEAN;
            let region = Region::open(name.as_str()).unwrap();
            let free_before = region.free();
            let was_there = match region.queue::<Message>("q").open() {
                Ok(_) => true,
                Err(error) => {
                    verdict.torn += u64::from(!error.is_not_found());
                    false
                }
            };
            verdict.lost += u64::from(finished && !was_there);
            verdict.wedged += u64::from(!is_usable(&region));
            let taken = if was_there { 0 } else { Queue::<Message>::footprint(2).bytes() };
            verdict.lost += u64::from(region.free() + taken != free_before || region.list().len() != 2);
            verdict
        },
    );
    report(swept.unwrap());
}

/// One process stopped at an instruction of its operation, another killed at an instruction of its own. The survivor
/// then works, the stopped one goes on, and all that was sent and not taken is there.
fn sweep_queue_pair(
    title: &str,
    strides: (u64, u64),
    paused: fn(&Queue<Message>),
    killed: fn(&Queue<Message>),
    most_taken: usize,
) {
    let _watchdog = Watchdog::new(Duration::from_secs(400), title);
    stepper::pin_to_one().unwrap();
    let world = std::cell::RefCell::new(World::new("kill-pair", 8));
    let seen = std::cell::RefCell::new(Vec::new());
    let swept = PairSweep::new(title).strides(strides.0, strides.1).run(
        || {
            let mut world = world.borrow_mut();
            world.fill(3);
            world.victim(paused)
        },
        || world.borrow().victim(killed),
        |_| {
            let mut world = world.borrow_mut();
            let mut verdict = Verdict::CLEAN;
            // The stopped one may hold up the head, but there is room, and nobody waits for the dead one for good.
            let message = Message::new(world.next);
            world.next += 1;
            world.inside.push(message.id);
            verdict.wedged += u64::from(world.queue.send_timeout(message, PATIENCE).is_err());
            seen.borrow_mut().extend(std::iter::from_fn(|| world.queue.try_recv().ok()).map(|message| message.id));
            verdict
        },
        |_| {
            let mut world = world.borrow_mut();
            let mut verdict = Verdict::CLEAN;
            let mut came = std::mem::take(&mut *seen.borrow_mut());
            came.extend(world.drain(&mut verdict));
            verdict += world.balance(came, 0..=most_taken, 0..=2);
            world.works(&mut verdict);
            verdict
        },
    );
    report(swept.unwrap());
}

#[test]
fn sweep_pairs_of_queue_operations() {
    let full = std::env::var_os("SWEEP_ALL_PAIRS").is_some();
    let strides = if full { (1, 1) } else { (5, 3) };
    let send = |queue: &Queue<Message>| drop(queue.try_send(Message::new(VICTIM)));
    let recv = |queue: &Queue<Message>| drop(queue.try_recv());
    sweep_queue_pair("pair: try_send stopped, try_send killed", strides, send, send, 0);
    sweep_queue_pair("pair: try_send stopped, try_recv killed", strides, send, recv, 1);
    sweep_queue_pair("pair: try_recv stopped, try_send killed", strides, recv, send, 1);
    sweep_queue_pair("pair: try_recv stopped, try_recv killed", strides, recv, recv, 2);
}
