//! A script for three handles and the ghosts, in the harness's own memory: every word is compared with the model after each
//! operation.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ipc_core::error::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_core::object::Blueprint;
use ipc_core::queue::{self, Options, Queue, Role};
use ipc_core::ring::stride;
use ipc_fuzz::element::Element;
use ipc_fuzz::input::Input;
use ipc_fuzz::memory::OwnMemory;
use ipc_fuzz::model::{Entry, Model, NoMessage, NotSent};
use ipc_fuzz::stopwatch::timed;
use ipc_fuzz::world::{Seat, World};

use crate::ghosts::GHOSTS;
use crate::{forced, id, received, sent};

const MOST_STEPS: usize = 400;

pub const TAIL: usize = 128;
const HEAD: usize = 256;
const CLOSING: usize = 408;
const SETS: usize = 512;
const SLOTS: usize = 768;

const CLOSED: u64 = 1;
pub const BUSY: u64 = 1;
pub const FULL: u64 = 2;
pub const VOID: u64 = 3;
const POSITIONS: u64 = 1 << 52;

/// The participants that operate through the library.
const HANDLES: [u16; 3] = [1, 62, 127];

fn attach<'s, T: Element>(memory: &'s OwnMemory, seat: Seat<'s>) -> Queue<'s, T, Seat<'s>> {
    let mut wanted = Options::new(0);
    wanted.schema = 5.into();
    wanted.attach(memory.memory(), seat).expect("complete")
}

/// A half that stays a member, or leaves.
fn keep_if<H>(stays: bool, half: H) {
    if stays { std::mem::forget(half) } else { drop(half) }
}

pub struct Script<'s, T> {
    pub memory: &'s OwnMemory,
    pub world: &'s World,
    pub seats: [Seat<'s>; 3],
    queues: Vec<Queue<'s, T, Seat<'s>>>,
    pub model: Model<T>,
    start: u64,
    slots: u64,
    /// Holders of sender and receiver halves, dead ones included, and whether there ever was one.
    pub halves: [BTreeSet<u16>; 2],
    seen: [bool; 2],
    next: u64,
}

impl<'s, T: Element> Script<'s, T> {
    pub fn run(input: &mut Input<'_>) {
        let capacity = input.pick(&[1u64, 2, 3, 4, 5, 7, 8, 16]);
        let start = match input.below(4) {
            0 => 0,
            1 => POSITIONS - 1 - input.below(40) as u64,
            2 => POSITIONS / 2 - 20 + input.below(40) as u64,
            _ => input.u64() >> 12,
        };
        let memory = OwnMemory::new(Queue::<T, Seat<'_>>::footprint(capacity as usize).bytes());
        let world = World::default();
        world.spins.set(input.bit());
        world.wakes.set(input.bit());
        let seats = HANDLES.map(|number| Seat { world: &world, me: id(number) });
        let mut wanted = Options::new(capacity);
        (wanted.schema, wanted.start) = (5.into(), start);
        // SAFETY: new memory.
        let first = unsafe { wanted.create(memory.memory(), seats[0]) }.expect("enough memory");
        let mut script = Script {
            seats,
            memory: &memory,
            world: &world,
            queues: vec![first, attach(&memory, seats[1]), attach(&memory, seats[2])],
            model: Model::<T>::new(capacity as usize),
            start,
            slots: capacity.next_power_of_two(),
            halves: Default::default(),
            seen: [false; 2],
            next: 0,
        };
        for _ in 0..MOST_STEPS {
            if input.is_empty() {
                break;
            }
            world.begin();
            script.step(input);
            world.begin();
            script.compare();
        }
        script.drain();
    }

    pub fn position(&self, number: u64) -> u64 {
        (self.start.wrapping_add(number) % POSITIONS) << 12
    }

    /// The offset of the slot of the ticket with this number.
    pub fn slot(&self, number: u64) -> usize {
        let index = self.start.wrapping_add(number) % POSITIONS & (self.slots - 1);
        SLOTS + index as usize * stride::<T>() * 8
    }

    pub fn load(&self, offset: usize) -> u64 {
        self.memory.word(offset).load(Ordering::SeqCst)
    }

    pub fn store(&self, offset: usize, value: u64) {
        self.memory.word(offset).store(value, Ordering::SeqCst);
    }

    fn is_dead(&self) -> impl Fn(u16) -> bool + use<'s, T> {
        let world = self.world;
        move |number| world.is_dead(id(number))
    }

    pub fn value(&mut self) -> T {
        self.next += 1;
        T::number(self.next)
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let which = input.below(self.queues.len());
        let is_dead = self.is_dead();
        match input.below(20) {
            0..3 => {
                let value = self.value();
                let expected = self.model.try_send(value, is_dead);
                assert_eq!(sent(value, timed("try_send", || self.queues[which].try_send(value))), expected);
            }
            3..6 => {
                let expected = self.model.try_recv(is_dead);
                assert_eq!(received(timed("try_recv", || self.queues[which].try_recv())), expected);
            }
            6 => {
                let value = self.value();
                let expected = self.model.force_send(value, is_dead);
                assert_eq!(forced(value, timed("force_send", || self.queues[which].force_send(value))), expected);
            }
            7 => assert_eq!(self.queues[which].peek(), self.model.peek()),
            8 => {
                let queue = &self.queues[which];
                assert_eq!(queue.len(), self.model.entries.len());
                assert_eq!(queue.is_empty(), self.model.entries.is_empty());
                assert_eq!(queue.is_full(), self.model.is_full());
                assert_eq!(queue.capacity(), self.model.capacity);
                assert_eq!(queue.is_closed(), self.model.is_closed());
            }
            9 | 10 => self.recv(input, which),
            11 => self.send(input, which),
            12 => {
                if input.below(8) == 0 {
                    assert_eq!(self.queues[which].close().unwrap(), self.model.close());
                }
            }
            13 | 14 => self.claim(input),
            15 => self.publish_late(input),
            16 => {
                let ghost = input.pick(&GHOSTS);
                self.world.set_dead(id(ghost), true);
            }
            17 => self.take_over(input, which),
            18 => self.half(input, which),
            _ => match input.below(8) {
                // Somebody is killed after the first of the two steps of closing.
                0 => {
                    self.memory.half_word(CLOSING).store(1, Ordering::SeqCst);
                    self.model.closing = true;
                }
                // Another handle in its place, which has seen nothing yet.
                1..4 => {
                    self.queues[which] = attach(self.memory, self.seats[which]);
                }
                _ => self.deserted(input, which),
            },
        }
    }

    /// A deadline that has passed, or one that the script's clock only reaches by sleeping.
    fn deadline(&self, patient: bool) -> ipc_core::Instant {
        self.world.after(if patient { Duration::from_millis(350) } else { Duration::ZERO })
    }

    fn recv(&mut self, input: &mut Input<'_>, which: usize) {
        let (patient, watch) = (input.bit(), input.bit());
        let deadline = self.deadline(patient);
        let queue = &self.queues[which];
        let result = if watch {
            let half = queue.receiver().expect("no fork");
            self.joined(Role::Receiver, self.seats[which].me.get());
            let result = timed("recv", || half.recv_deadline(deadline));
            std::mem::forget(half);
            result
        } else {
            timed("recv", || queue.recv_deadline(deadline))
        };
        let mut after = self.model.clone();
        let expected = after.try_recv(self.is_dead());
        match (result, expected) {
            (Ok(value), Ok(expected)) => {
                assert_eq!(value, expected);
                self.model = after;
            }
            (Err(RecvTimeoutError::Closed), Err(NoMessage::Closed)) => self.model = after,
            // It may have repaired or not: `compare` takes that from the memory.
            (Err(RecvTimeoutError::Timeout), Err(NoMessage::Empty)) => {
                let gone = self.all_gone(which, Role::Sender);
                // Nobody in the way (the dead were given up, and were swept), and nobody to wait for.
                let clear = after.entries.iter().all(|entry| match entry {
                    Entry::Busy { owner, .. } => self.world.is_dead(id(*owner)),
                    _ => entry == &Entry::Void,
                });
                assert!(!(patient && watch && gone && clear), "times out, and no sender lives");
            }
            (Err(RecvTimeoutError::Disconnected), Err(NoMessage::Empty)) => {
                assert!(watch && self.all_gone(which, Role::Sender), "a sender lives");
                assert!(!after.entries.iter().any(|entry| matches!(entry, Entry::Message(_))), "not drained");
            }
            (result, expected) => panic!("recv {result:?}, try_recv would {expected:?}; patient: {patient}"),
        }
    }

    fn send(&mut self, input: &mut Input<'_>, which: usize) {
        let (patient, watch) = (input.bit(), input.bit());
        let deadline = self.deadline(patient);
        let value = self.value();
        let gone = watch && self.all_gone(which, Role::Receiver);
        // The last receiver has left: the send is refused at once, room or not.
        let left = gone && self.halves[Role::Receiver as usize].is_empty();
        let mut after = self.model.clone();
        let expected = if left { Err(NotSent::Full) } else { after.try_send(value, self.is_dead()) };
        if !self.model.closed && !left {
            self.model.mark();
        }
        let full = self.model.is_full();
        let queue = &self.queues[which];
        let result = if watch {
            let half = queue.sender().expect("no fork");
            self.joined(Role::Sender, self.seats[which].me.get());
            let result = timed("send", || half.send_deadline(value, deadline));
            std::mem::forget(half);
            result
        } else {
            timed("send", || queue.send_deadline(value, deadline))
        };
        let back = match (result, expected) {
            (Ok(()), Ok(())) => {
                self.model = after;
                return;
            }
            (Err(SendTimeoutError::Closed(back)), Err(NotSent::Closed)) => back,
            // It completes a closing before it makes room, `try_send` does not look.
            (Err(SendTimeoutError::Closed(back)), _) if full && self.model.closing => back,
            (Err(SendTimeoutError::Disconnected(back)), Err(NotSent::Full)) => {
                assert!(gone, "a receiver lives");
                back
            }
            (Err(SendTimeoutError::Timeout(back)), Err(NotSent::Full)) => {
                assert!(!left, "refused at once");
                assert!(!patient || !(gone || self.model.closing), "times out, and no receiver lives or it is closing");
                back
            }
            (result, expected) => panic!("send {result:?}, try_send would {expected:?}; patient: {patient}"),
        };
        assert_eq!(back, value, "the value comes back");
    }

    /// Whether this role had holders of whom none lives.
    fn all_gone(&self, which: usize, role: Role) -> bool {
        let me = self.seats[which].me.get();
        self.seen[role as usize]
            && self.halves[role as usize].iter().all(|&who| who != me && self.world.is_dead(id(who)))
    }

    fn half(&mut self, input: &mut Input<'_>, which: usize) {
        let role = if input.bit() { Role::Sender } else { Role::Receiver };
        let who = if input.bit() { self.seats[which].me.get() } else { input.pick(&GHOSTS) };
        if self.world.is_dead(id(who)) {
            return;
        }
        let queue: Queue<'_, T, _> = attach(self.memory, Seat { world: self.world, me: id(who) });
        let stays = input.bit();
        match role {
            Role::Sender => keep_if(stays, queue.sender().expect("no fork")),
            Role::Receiver => keep_if(stays, queue.receiver().expect("no fork")),
        }
        self.joined(role, who);
        if !stays {
            self.halves[role as usize].remove(&who);
        }
    }

    fn joined(&mut self, role: Role, who: u16) {
        self.seen[role as usize] = true;
        self.halves[role as usize].insert(who);
    }

    fn deserted(&mut self, input: &mut Input<'_>, which: usize) {
        let me = self.seats[which].me.get();
        let queue = &self.queues[which];
        if input.bit() {
            let half = queue.sender().expect("no fork");
            assert_eq!(half.is_disconnected(), self.all_gone(which, Role::Receiver));
            std::mem::forget(half);
            self.joined(Role::Sender, me);
        } else {
            let half = queue.receiver().expect("no fork");
            assert_eq!(half.is_disconnected(), self.all_gone(which, Role::Sender));
            std::mem::forget(half);
            self.joined(Role::Receiver, me);
        }
    }

    /// Every word against the model. Repairs that an operation was free to make or to leave are taken from the memory.
    pub fn compare(&mut self) {
        let head = self.load(HEAD);
        assert_eq!(head & 0xfff, 0);
        let passed = (head.wrapping_sub(self.position(self.model.received)) >> 12) as usize;
        assert!(passed <= self.model.entries.len(), "head is {passed} ahead");
        for _ in 0..passed {
            let entry = self.model.entries.pop_front();
            self.model.received += 1;
            match entry {
                Some(Entry::Void) => {}
                Some(Entry::Busy { owner, .. }) if self.world.is_dead(id(owner)) => self.model.given_up += 1,
                other => panic!("passed over {other:?}"),
            }
        }
        let tail = self.load(TAIL);
        assert_eq!(tail >> 12, self.position(self.model.sent) >> 12, "tail");
        if self.model.closing && tail & CLOSED != 0 {
            self.model.closed = true;
        }
        assert_eq!(tail & CLOSED != 0, self.model.closed, "closed");
        for index in 0..self.model.entries.len() {
            let number = self.model.received + index as u64;
            let (stamp, at) = (self.load(self.slot(number)), self.position(number) >> 12);
            let here = stamp >> 12 == at;
            match self.model.entries[index] {
                Entry::Message(_) => assert!(here && stamp & 3 == FULL, "message {index}: {stamp:#x}"),
                Entry::Void => assert!(here && stamp & 3 == VOID, "void {index}: {stamp:#x}"),
                Entry::Busy { owner, .. } if here && stamp & 3 == VOID => {
                    assert!(self.world.is_dead(id(owner)), "ticket {index} of living {owner} was given up");
                    self.model.entries[index] = Entry::Void;
                    self.model.given_up += 1;
                }
                Entry::Busy { owner, marked } => {
                    assert_eq!(here, marked, "mark of {index}: {stamp:#x}");
                    let word = if marked { stamp } else { tail };
                    assert_eq!(word >> 2 & 0x3ff, owner.into(), "owner of {index}");
                    assert!(!marked || stamp & 3 == BUSY, "state of {index}");
                }
            }
        }
        let stats = queue::stats(self.memory.memory()).expect("complete");
        assert_eq!(stats.given_up, self.model.given_up, "given up");
        assert_eq!(stats.len, self.model.entries.len() as u64);
        assert_eq!(stats.capacity, self.model.capacity as u64);
        assert_eq!(stats.closed, self.model.closed);
        assert_eq!(stats.sent, self.start.wrapping_add(self.model.sent) % POSITIONS);
        assert_eq!(stats.received, self.start.wrapping_add(self.model.received) % POSITIONS);
        for role in [Role::Sender, Role::Receiver] {
            let members = self.members(role);
            for who in self.halves[role as usize].symmetric_difference(&members) {
                assert!(self.world.is_dead(id(*who)), "{role:?} {who} is wrong");
            }
            assert!(members.is_subset(&self.halves[role as usize]), "{role:?}: more than joined");
            self.halves[role as usize] = members;
        }
    }

    /// The participants whose bits are set. Bit 0 says that there ever was one.
    fn members(&self, role: Role) -> BTreeSet<u16> {
        let set = SETS + 128 * role as usize;
        (1..1023).filter(|who| self.load(set + 8 * usize::from(who / 64)) >> (who % 64) & 1 != 0).collect()
    }

    /// At the end all ghosts are dead. What was sent comes out, in order, whichever handle receives, and then nothing.
    fn drain(&mut self) {
        for ghost in GHOSTS {
            self.world.set_dead(id(ghost), true);
        }
        for round in 0.. {
            self.world.begin();
            let which = round % self.queues.len();
            let expected = self.model.try_recv(self.is_dead());
            let result = received(self.queues[which].try_recv());
            assert_eq!(result, expected);
            self.compare();
            if result.is_err() {
                break;
            }
        }
        self.queues[0].close().unwrap();
        assert_eq!(self.queues[1].try_recv(), Err(TryRecvError::Closed));
        let value = self.value();
        assert_eq!(self.queues[2].try_send(value), Err(TrySendError::Closed(value)));
    }
}
