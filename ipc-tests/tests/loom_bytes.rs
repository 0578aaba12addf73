//! The byte queue: each message once and whole, also where senders and receivers die. The ring has two words, so that one short
//! message fills it.
#![cfg(loom)]

use std::mem::MaybeUninit;
use std::sync::Arc;

use ipc_core::bytes::{RawBytes, Refusal, Ring};
use ipc_core::participant::Seized;
use ipc_core::slots::Place;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, explore, explore_deaths, id};
use loom::thread;

struct Shared {
    raw: RawBytes,
    places: Vec<Place>,
}

impl Shared {
    fn new(words: usize) -> Arc<Self> {
        // The positions wrap on the way.
        Arc::new(Shared { raw: RawBytes::new(u64::MAX), places: (0..words).map(|_| Place::new::<u64>()).collect() })
    }

    fn ring(&self) -> Ring<'_> {
        Ring::new(&self.raw, &self.places)
    }

    /// Sends once there is room.
    fn send(&self, actor: &Actor, message: &[u8]) {
        while let Err(refusal) = self.ring().try_send(actor, message) {
            assert!(matches!(refusal, Refusal::NotNow | Refusal::Busy), "{refusal:?}");
            spin_hint();
        }
    }

    fn try_receive(&self, actor: &Actor) -> Option<Vec<u8>> {
        let mut out = [MaybeUninit::uninit(); 16];
        match self.ring().try_receive(actor, &mut out) {
            // SAFETY: so many were received.
            Ok(len) => Some(out[..len].iter().map(|byte| unsafe { byte.assume_init() }).collect()),
            Err(Refusal::NotNow | Refusal::Busy) => None,
            Err(other) => panic!("{other:?}"),
        }
    }

    fn receive(&self, actor: &Actor) -> Vec<u8> {
        loop {
            match self.try_receive(actor) {
                Some(message) => return message,
                None => spin_hint(),
            }
        }
    }
}

/// Proves "message" and "free": what is received is whole and in order, also where a place is used again.
#[test]
fn messages_arrive_whole_and_in_order() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            for message in [&b"one"[..], b"two", b"three"] {
                other.send(&one, message);
            }
        });
        let receiver = thread::spawn(move || {
            for message in [&b"one"[..], b"two", b"three"] {
                assert_eq!(shared.receive(&two), message);
            }
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Two senders: the second one's record begins where the first one's ends.
#[test]
fn two_senders() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(4);
        let senders = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || shared.send(&actor, &[number as u8; 5]))
        });
        for sender in senders {
            sender.join().unwrap();
        }
        let actor = machine.actor(3);
        let mut got = [shared.receive(&actor), shared.receive(&actor)];
        got.sort_unstable();
        assert_eq!(got, [[1; 5], [2; 5]]);
        assert!(shared.try_receive(&actor).is_none());
    });
}

/// Two receivers: each message is taken once.
#[test]
fn two_receivers() {
    explore(2, || {
        let machine = Machine::new();
        let shared = Shared::new(4);
        let actor = machine.actor(3);
        shared.send(&actor, b"a");
        shared.send(&actor, b"b");
        let receivers = [1, 2].map(|number| {
            let (shared, actor) = (shared.clone(), machine.actor(number).without_barriers());
            thread::spawn(move || shared.receive(&actor))
        });
        let mut got = receivers.map(|receiver| receiver.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [b"a", b"b"]);
    });
}

/// A closing beside a send: the message got in and is received, or the sender was told; then comes the end.
#[test]
fn nothing_is_behind_the_end() {
    explore(3, || {
        let machine = Machine::new();
        let shared = Shared::new(2);
        let (one, two, three) = (machine.actor(1), machine.actor(2), machine.actor(3));
        let (first, second) = (shared.clone(), shared.clone());
        let sender = thread::spawn(move || first.ring().try_send(&one, b"last").is_ok());
        let closer = thread::spawn(move || second.raw.close(&two));
        let receiver = thread::spawn(move || {
            let mut got = 0;
            let mut out = [MaybeUninit::uninit(); 16];
            loop {
                match shared.ring().try_receive(&three, &mut out) {
                    Ok(_) => got += 1,
                    Err(Refusal::Closed) => return got,
                    Err(_) => spin_hint(),
                }
            }
        });
        let sent = sender.join().unwrap();
        closer.join().unwrap();
        assert_eq!(receiver.join().unwrap(), usize::from(sent));
    });
}

/// Wherever a sender dies, others go on; its message arrives whole or not at all.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(4);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.send(&one, b"mortal")).is_none());
        let other = thread::spawn(move || second.send(&two, b"other"));
        let died = mortal.join().unwrap();
        other.join().unwrap();
        let got: Vec<Vec<u8>> = std::iter::from_fn(|| shared.try_receive(&three)).collect();
        assert_eq!(got.iter().filter(|message| *message == b"other").count(), 1);
        let mortals = got.iter().filter(|message| *message == b"mortal").count();
        assert!(got.len() == 1 + mortals && mortals <= 1 && (died || mortals == 1), "{got:?}");
        died
    });
}

/// Wherever a receiver dies, others go on; nothing comes twice, and at most what it took is missing.
#[test]
fn a_receiver_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = Shared::new(4);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        shared.send(&three, b"a");
        shared.send(&three, b"b");
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || one.live(at, || first.try_receive(&one)));
        let other = thread::spawn(move || second.try_receive(&two));
        let taken = mortal.join().unwrap();
        let mut got: Vec<Vec<u8>> = other.join().unwrap().into_iter().collect();
        // Whoever comes later finds it dead.
        let seized = Seized::try_new(&three, id(1));
        drop(seized);
        got.extend(std::iter::from_fn(|| shared.try_receive(&three)));
        got.extend(taken.clone().flatten());
        got.sort_unstable();
        let all: &[&[&[u8]]] = if taken.is_none() { &[&[b"a", b"b"], &[b"a"], &[b"b"]] } else { &[&[b"a", b"b"]] };
        assert!(all.iter().any(|all| got == *all), "{got:?}");
        taken.is_none()
    });
}
