//! Duplexes, of elements and of values, and the ends that a participant holds.

use std::cell::RefCell;
use std::hint::black_box;

use ipc_core::memory::Memory;
use ipc_core::object::{self, Blueprint};
use ipc_core::participant::Dead;
use ipc_core::time::Instant;
use ipc_core::{Duplex, duplex};

use crate::element::{Colour, Element};
use crate::input::Input;
use crate::play::Kind;
use crate::world::Seat;

type Record = [u64; 3];

/// A duplex, and the ends that its participant holds.
pub struct Talk<'w> {
    duplex: Duplex<'w, Colour, Record, Seat<'w>>,
    client: RefCell<Option<duplex::DuplexEnd<'w, Colour, Record, Seat<'w>>>>,
    server: RefCell<Option<duplex::DuplexEnd<'w, Record, Colour, Seat<'w>>>>,
}

impl<'w> Talk<'w> {
    fn new(duplex: Duplex<'w, Colour, Record, Seat<'w>>) -> Self {
        Talk { duplex, client: RefCell::default(), server: RefCell::default() }
    }
}

/// Of plain elements.
pub struct TheDuplex;

impl Kind for TheDuplex {
    type Handle<'w> = Talk<'w>;

    fn bytes() -> u64 {
        duplex::Options::<Colour, Record>::new(5).bytes().expect("a capacity")
    }
    fn create<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Talk<'w> {
        // SAFETY: new memory.
        Talk::new(unsafe { duplex::Options::new(5).create(memory, seat) }.expect("it fits"))
    }
    fn attach<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Option<Talk<'w>> {
        duplex::Options::new(0).attach(memory, seat).ok().map(Talk::new)
    }
    fn sweep(memory: Memory<'_>, dead: &Dead, seat: &Seat<'_>) {
        let _ = object::sweep(memory, dead, seat);
    }
    fn step(input: &mut Input<'_>, talk: &Talk<'_>, deadline: Instant) {
        let (client, server) = (&mut *talk.client.borrow_mut(), &mut *talk.server.borrow_mut());
        let (colour, record) = (Colour::number(input.byte().into()), Record::number(input.byte().into()));
        match input.below(20) {
            0 => *client = talk.duplex.client().ok().or(client.take()),
            1 => *server = talk.duplex.server().ok().or(server.take()),
            2 if input.below(4) == 0 => *client = None,
            3 if input.below(4) == 0 => *server = None,
            4 if client.is_none() => *client = talk.duplex.connect_deadline(deadline).ok(),
            5 if server.is_none() => *server = talk.duplex.accept_deadline(deadline).ok(),
            6 => drop(client.take().map(|client| client.split().0)),
            number => {
                if let Some(client) = client {
                    match number {
                        7 => _ = black_box(client.try_send(colour)),
                        8 => _ = black_box(client.send_deadline(colour, deadline)),
                        9 => _ = black_box(client.sender_mut().try_send_slice(&[colour; 4])),
                        10 => _ = black_box(client.try_recv()),
                        11 => _ = black_box(client.recv_deadline(deadline)),
                        12 => _ = black_box(client.wait_readable_deadline(deadline)),
                        13 => _ = black_box((client.is_disconnected(), client.peer_died(), client.peer_pid())),
                        _ => {}
                    }
                }
                if let Some(server) = server {
                    match number {
                        14 => _ = black_box(server.try_send(record)),
                        15 => _ = black_box(server.send_deadline(record, deadline)),
                        16 => assert!(server.sender_mut().len() <= 5),
                        // What it knows of already, and as much again behind an index that was damaged since.
                        17 => assert!(server.receiver_mut().try_iter().count() <= 10),
                        18 => _ = black_box(server.recv_deadline(deadline)),
                        19 => _ = black_box(server.wait_for_peer_deadline(deadline)),
                        _ => {}
                    }
                }
            }
        }
    }
}

type Question = Vec<Option<u16>>;
type Answer = Vec<u8>;
type Values<'w> = duplex::ValueDuplex<'w, Question, Answer, Seat<'w>>;

/// A duplex of values, and the ends that its participant holds.
pub struct ValueTalk<'w> {
    duplex: Values<'w>,
    client: RefCell<Option<duplex::ValueEnd<'w, Question, Answer, Seat<'w>>>>,
    server: RefCell<Option<duplex::ValueEnd<'w, Answer, Question, Seat<'w>>>>,
}

impl<'w> ValueTalk<'w> {
    fn new(duplex: Values<'w>) -> Self {
        ValueTalk { duplex, client: RefCell::default(), server: RefCell::default() }
    }
}

/// Of values, whose lengths and bytes lie.
pub struct TheValueDuplex;

impl Kind for TheValueDuplex {
    type Handle<'w> = ValueTalk<'w>;

    fn bytes() -> u64 {
        duplex::ValueOptions::<Question, Answer>::new(24).bytes().expect("a capacity")
    }
    fn create<'w>(memory: Memory<'w>, seat: Seat<'w>) -> ValueTalk<'w> {
        // SAFETY: new memory.
        ValueTalk::new(unsafe { duplex::ValueOptions::new(24).create(memory, seat) }.expect("it fits"))
    }
    fn attach<'w>(memory: Memory<'w>, seat: Seat<'w>) -> Option<ValueTalk<'w>> {
        duplex::ValueOptions::new(0).attach(memory, seat).ok().map(ValueTalk::new)
    }
    fn sweep(memory: Memory<'_>, dead: &Dead, seat: &Seat<'_>) {
        let _ = object::sweep(memory, dead, seat);
    }
    fn step(input: &mut Input<'_>, talk: &ValueTalk<'_>, deadline: Instant) {
        let (client, server) = (&mut *talk.client.borrow_mut(), &mut *talk.server.borrow_mut());
        let (question, answer) =
            (vec![Some(input.byte().into()); input.below(12)], vec![input.byte(); input.below(24)]);
        match input.below(20) {
            0 => *client = talk.duplex.client().ok().or(client.take()),
            1 => *server = talk.duplex.server().ok().or(server.take()),
            2 if input.below(4) == 0 => *client = None,
            3 if input.below(4) == 0 => *server = None,
            4 if client.is_none() => *client = talk.duplex.connect_deadline(deadline).ok(),
            5 if server.is_none() => *server = talk.duplex.accept_deadline(deadline).ok(),
            6 => drop(client.take().map(|client| client.split().0)),
            number => {
                if let Some(client) = client {
                    match number {
                        7 | 8 => _ = black_box(client.try_send(&question)),
                        9 => _ = black_box(client.send_deadline(&question, deadline)),
                        10 => _ = black_box(client.try_recv()),
                        11 => _ = black_box(client.recv_deadline(deadline)),
                        12 => _ = black_box(client.wait_readable_deadline(deadline)),
                        13 => _ = black_box((client.is_disconnected(), client.max_len())),
                        _ => {}
                    }
                }
                if let Some(server) = server {
                    match number {
                        14 | 15 => _ = black_box(server.try_send(&answer)),
                        16 => _ = black_box(server.send_deadline(&answer, deadline)),
                        17 => assert!(server.receiver_mut().try_iter().count() <= 24),
                        18 => _ = black_box(server.recv_deadline(deadline)),
                        19 => _ = black_box(server.wait_readable_deadline(deadline)),
                        _ => {}
                    }
                }
            }
        }
    }
}
