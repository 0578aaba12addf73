//! Loans: each block is one participant's at a time, each message is received once, and the blocks of the dead come back.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::loan::{Block, RawLoans, Refused, Words};
use ipc_core::platform::Platform;
use ipc_core::slots::{Place, Slots};
use ipc_core::sync::{AtomicU64, spin_hint};
use ipc_tests::model::{Actor, Machine, Twin, explore, explore_deaths, twin, whole};
use loom::thread;

/// Where the positions wrap on the way.
const START: u64 = (1 << 44) - 1;

struct Shared {
    raw: RawLoans,
    slots: Vec<AtomicU64>,
    blocks: Vec<Block>,
    /// The messages: loom complains when one touches a block who could not know that it was his.
    places: Vec<Place>,
}

impl Shared {
    fn new(blocks: usize) -> Arc<Self> {
        let words = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        let shared = Shared {
            raw: RawLoans::new(START),
            slots: words(blocks.next_power_of_two()),
            blocks: (0..blocks).map(|_| Block::new()).collect(),
            places: (0..blocks.next_power_of_two()).map(|_| Place::new::<Twin>()).collect(),
        };
        shared.words().initialise(START, 1);
        Arc::new(shared)
    }

    fn words(&self) -> Words<'_> {
        Words::new(&self.raw, &self.slots, &self.blocks).expect("a geometry")
    }

    fn messages(&self) -> Slots<'_, Twin> {
        Slots::over(&self.places)
    }

    /// Borrows, writes and sends, if a block is free.
    fn try_send(&self, actor: &Actor, number: u64) -> bool {
        let Ok(index) = self.words().lend(actor.me(), 0) else { return false };
        self.messages().put(index as u64, twin(number));
        self.words().send(actor, index).expect("the words make sense");
        true
    }

    fn send(&self, actor: &Actor, number: u64) {
        while !self.try_send(actor, number) {
            spin_hint();
        }
    }

    /// Receives, reads and gives back, if a message is there.
    fn try_receive(&self, actor: &Actor) -> Option<u64> {
        match self.words().receive(actor.me()) {
            Ok(index) => {
                let message = self.messages().get(index as u64);
                self.words().give_back(actor, index);
                Some(whole(message))
            }
            Err(Refused::NotNow) => None,
            Err(Refused::Corrupted) => panic!("corrupted"),
        }
    }

    fn receive(&self, actor: &Actor) -> u64 {
        loop {
            match self.try_receive(actor) {
                Some(number) => return number,
                None => spin_hint(),
            }
        }
    }

    /// All that is left; then every block can be used again.
    fn drain_and_go_on(&self, actor: &Actor) -> Vec<u64> {
        let got: Vec<u64> = std::iter::from_fn(|| self.try_receive(actor)).collect();
        self.words().find_dead(actor);
        let blocks = self.words().blocks() as u64;
        for number in 100..100 + blocks {
            assert!(self.try_send(actor, number), "a block is missing");
        }
        assert!(!self.try_send(actor, 0));
        for number in 100..100 + blocks {
            assert_eq!(self.try_receive(actor), Some(number));
        }
        got
    }
}

/// One block from hand to hand: who writes and who reads it are never there together, and all arrives in order.
#[test]
fn a_block_goes_from_hand_to_hand() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || (1..=3).for_each(|number| other.send(&one, number)));
        let receiver = thread::spawn(move || (1..=3).for_each(|number| assert_eq!(shared.receive(&two), number)));
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Two senders beside each other: both arrive, once.
#[test]
fn two_senders() {
    explore(3, || {
        let machine = Machine::new();
        let shared = Shared::new(2);
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || shared.send(&actor, number.into()))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let mut got = shared.drain_and_go_on(&machine.actor(3));
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

/// Two receivers beside each other and a sender that waits for their blocks: each message is taken once.
#[test]
fn two_receivers_and_a_sender() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(2);
        let actor = machine.actor(3).without_barriers();
        shared.send(&actor, 1);
        shared.send(&actor, 2);
        let receivers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || shared.try_receive(&actor))
        });
        let sent = shared.try_send(&actor, 3);
        let mut got: Vec<u64> = receivers.into_iter().filter_map(|receiver| receiver.join().unwrap()).collect();
        got.extend(shared.drain_and_go_on(&actor));
        got.sort_unstable();
        assert_eq!(got, if sent { vec![1, 2, 3] } else { vec![1, 2] });
    });
}

/// A sender dies at any write beside a living one: what it sent arrives once and whole, and its block comes back.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.try_send(&one, 1)).is_none());
        let other = thread::spawn(move || second.try_send(&two, 2));
        let (died, sent) = (mortal.join().unwrap(), other.join().unwrap());
        assert!(sent, "there are two blocks");
        let got = shared.drain_and_go_on(&three);
        let count = |number| got.iter().filter(|&&message| message == number).count();
        assert!(count(2) == 1 && count(1) <= 1 && (died || count(1) == 1), "{got:?}");
        died
    });
}

/// A receiver dies at any write beside a living one: at most its message is gone, and its block comes back.
#[test]
fn a_receiver_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        shared.send(&three, 1);
        shared.send(&three, 2);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.try_receive(&one)));
        let other = thread::spawn(move || second.try_receive(&two));
        let (taken, other) = (mortal.join().unwrap(), other.join().unwrap());
        let mut got = shared.drain_and_go_on(&three);
        got.extend(taken.flatten());
        got.extend(other);
        got.sort_unstable();
        let all: &[&[u64]] = if taken.is_none() { &[&[1, 2], &[1], &[2]] } else { &[&[1, 2]] };
        assert!(all.contains(&&got[..]), "{got:?}");
        taken.is_none()
    });
}

/// Whoever sweeps after a dead sender does so while the message that it had sent is received, its block is used again and the position
/// comes round: nothing that is alive is swept.
#[test]
fn sweeping_beside_the_living() {
    explore(3, || {
        let machine = Machine::new();
        let shared = Shared::new(1);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number).without_barriers());
        shared.send(&one, 1);
        one.die();
        let other = shared.clone();
        let sweeper = thread::spawn(move || {
            other.words().find_dead(&two);
        });
        let other = shared.clone();
        let living = thread::spawn(move || {
            assert_eq!(other.receive(&three), 1);
            assert!(other.try_send(&three, 2), "the only block is free");
            assert_eq!(other.try_receive(&three), Some(2));
        });
        sweeper.join().unwrap();
        living.join().unwrap();
    });
}
