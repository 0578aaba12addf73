//! The byte queue's blocking calls, as shipped.
#![cfg(loom)]

use std::mem::MaybeUninit;
use std::sync::Arc;

use ipc_core::ByteQueue;
use ipc_core::bytes::footprint;
use ipc_core::error::RecvBytesError;
use ipc_tests::model::{Actor, Creator, Machine, Room, explore};
use loom::thread;

const MOST: u64 = 8;

fn made() -> Arc<Room> {
    let room = Room::new(footprint(MOST).expect("possible"));
    ByteQueue::create(room.memory(), MOST, 0, Creator).expect("it fits");
    room
}

fn of<'m>(room: &'m Room, actor: &Actor) -> ByteQueue<'m, Actor> {
    ByteQueue::attach(room.memory(), 0, actor.clone()).expect("it is there")
}

/// A ring of two words: one message fills it. Both sides sleep in turn, and each is woken.
#[test]
fn blocking_hand_over() {
    explore(2, || {
        let (machine, room) = (Machine::new(), made());
        let sender = {
            let (machine, room) = (machine.clone(), room.clone());
            thread::spawn(move || {
                let queue = of(&room, &machine.actor(1));
                queue.send(&[b"one"], None).unwrap();
                queue.send(&[b"two"], None).unwrap();
            })
        };
        let queue = of(&room, &machine.actor(2));
        let mut out = [MaybeUninit::uninit(); 8];
        assert_eq!(queue.recv(&mut out, None).unwrap(), b"one");
        assert_eq!(queue.recv(&mut out, None).unwrap(), b"two");
        sender.join().unwrap();
    });
}

/// Closing wakes a sleeping receiver.
#[test]
fn closing_ends_a_receiver() {
    explore(2, || {
        let (machine, room) = (Machine::new(), made());
        let closer = {
            let (machine, room) = (machine.clone(), room.clone());
            thread::spawn(move || of(&room, &machine.actor(1)).close())
        };
        let queue = of(&room, &machine.actor(2));
        let mut out = [MaybeUninit::uninit(); 8];
        assert_eq!(queue.recv(&mut out, None), Err(RecvBytesError::Closed));
        assert!(closer.join().unwrap());
    });
}
