//! The duplex of values: one that fits into the ring has one step at each end; a longer one goes through it in parts, or is cut off.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::duplex::{Options, ValueDuplex, ValueEnd};
use ipc_core::error::{RecvError, RecvValueError, SendBytesError, SendValueError, TryRecvError, TryRecvValueError};
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths};
use loom::thread;

/// Each value has one byte, and takes five.
type Words = Shared<Options<u8, u8>>;
type End = ValueEnd<'static, u8, u8, Actor>;

/// Both ends, of the first and the second actor.
fn ends(shared: &Words, one: &Actor, two: &Actor) -> (End, End) {
    let client = ValueDuplex::new(shared.handle(one)).client().expect("the client's end");
    let server = ValueDuplex::new(shared.handle(two)).server().expect("the server's end");
    (client, server)
}

fn pipe(capacity: u64) -> Arc<Words> {
    Shared::new(Options::new(capacity))
}

/// What the server receives until the client is gone, and whether a value was cut off.
fn to_the_end(server: &mut End) -> (Vec<u8>, bool) {
    let mut got = Vec::new();
    let mut cut_off = false;
    loop {
        match server.try_recv() {
            Ok(value) => got.push(value),
            Err(TryRecvValueError::Queue(TryRecvError::Empty)) => spin_hint(),
            Err(TryRecvValueError::Queue(TryRecvError::Disconnected)) => return (got, cut_off),
            Err(error) => {
                assert!(error.is_cut_off() && !cut_off, "{error:?}");
                cut_off = true;
            }
        }
    }
}

/// Proves that a sender waits until there is room for all of a value, is woken when there is, and writes behind the receiver's last read.
#[test]
fn a_value_waits_for_all_of_its_room() {
    explore(2, || {
        let machine = Machine::new();
        let shared = pipe(6);
        let (mut client, mut server) = ends(&shared, &machine.actor(1), &machine.actor(2));
        client.try_send(&1).unwrap();
        let receiving = thread::spawn(move || {
            assert_eq!((server.recv(), server.recv()), (Ok(1), Ok(2)));
        });
        client.send(&2).unwrap();
        receiving.join().unwrap();
    });
}

/// Proves that a value that is longer than the ring goes through it in parts, and that each end wakes the other one for the next part.
#[test]
fn a_long_value_goes_in_parts() {
    explore(2, || {
        let machine = Machine::new();
        let shared = pipe(3);
        let (mut client, mut server) = ends(&shared, &machine.actor(1), &machine.actor(2));
        let receiving = thread::spawn(move || {
            assert_eq!(server.recv(), Ok(7));
            assert_eq!(server.recv(), Err(RecvValueError::Queue(RecvError::Disconnected)));
        });
        client.send(&7).unwrap();
        drop(client);
        receiving.join().unwrap();
    });
}

/// Proves: wherever a sender dies, a value that fits into the ring is received whole, or nothing of it is.
#[test]
fn a_sender_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = pipe(10);
        let one = machine.actor(1);
        let (mut client, mut server) = ends(&shared, &one, &machine.actor(2));
        let mortal = thread::spawn(move || {
            let lived = one.live(at, || {
                client.try_send(&1).unwrap();
                client.try_send(&2).unwrap();
            });
            match lived {
                Some(()) => drop(client),
                // The dead drop nothing.
                None => std::mem::forget(client),
            }
            lived.is_none()
        });
        let mut got = Vec::new();
        while let Ok(value) = server.try_recv() {
            got.push(value);
        }
        let died = mortal.join().unwrap();
        // Who waits finds out.
        let end = loop {
            match server.recv() {
                Ok(value) => got.push(value),
                Err(error) => break error,
            }
        };
        assert_eq!(end, RecvValueError::Queue(RecvError::Disconnected));
        assert!([1, 2].starts_with(&got) && (died || got.len() == 2), "{got:?}");
        died
    });
}

/// Proves: wherever the sender of a long value dies, the receiver gets the value, or that it was cut off, or nothing of it was sent; and
/// then the end.
#[test]
fn a_sender_of_a_long_value_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = pipe(4);
        let one = machine.actor(1);
        let (mut client, mut server) = ends(&shared, &one, &machine.actor(2));
        let mortal = thread::spawn(move || {
            let lived = one.live(at, || client.send(&7));
            match lived {
                Some(ref sent) => {
                    assert_eq!(*sent, Ok(()));
                    drop(client);
                }
                None => std::mem::forget(client),
            }
            lived.is_none()
        });
        let first = server.recv();
        let died = mortal.join().unwrap();
        match first {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => {
                assert!(died && (error.is_cut_off() || error.is_disconnected()), "{error:?}");
            }
        }
        assert_eq!(server.recv(), Err(RecvValueError::Queue(RecvError::Disconnected)));
        died
    });
}

/// Proves that a receiver that waits for the rest of a value learns that it was cut off, and then of the end, by the death alone.
#[test]
fn a_part_of_a_value_is_cut_off() {
    explore(2, || {
        let machine = Machine::new();
        let shared = pipe(10);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut client = shared.handle(&one).client().expect("the client's end");
        let mut server: End = ValueDuplex::new(shared.handle(&two)).server().expect("the server's end");
        let mortal = thread::spawn(move || {
            client.sender_mut().try_send_slice(&[1, 0, 0, 0]).unwrap();
            std::mem::forget(client);
            one.die();
        });
        assert!(server.recv().unwrap_err().is_cut_off());
        assert_eq!(server.recv(), Err(RecvValueError::Queue(RecvError::Disconnected)));
        mortal.join().unwrap();
    });
}

/// Proves that a sender whose receiver leaves in the middle of a long value is told, and that what is left is cut off for nobody.
#[test]
fn a_receiver_leaves_in_the_middle() {
    explore(2, || {
        let machine = Machine::new();
        let shared = pipe(3);
        let (mut client, mut server) = ends(&shared, &machine.actor(1), &machine.actor(2));
        let leaving = thread::spawn(move || {
            let _ = server.try_recv();
            drop(server);
        });
        let gone = Err(SendValueError::Queue(SendBytesError::Disconnected));
        let first = client.send(&7);
        assert!(first == gone || first == Ok(()), "{first:?}");
        leaving.join().unwrap();
        assert_eq!(client.send(&7), gone);
    });
}

/// Proves that what is received by a receiver that does not wait is whole, and ends behind the last value.
#[test]
fn a_leave_is_behind_the_last_value() {
    explore(2, || {
        let machine = Machine::new();
        let shared = pipe(10);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let (mut client, mut server) = ends(&shared, &one, &two);
        let sending = thread::spawn(move || {
            client.try_send(&1).unwrap();
            drop(client);
        });
        assert_eq!(to_the_end(&mut server), (vec![1], false));
        sending.join().unwrap();
    });
}
