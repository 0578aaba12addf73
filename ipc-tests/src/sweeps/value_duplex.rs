//! Pipes of values: an end is killed at every instruction. A value that fits into the ring is received whole or not at all; a longer one
//! whole, or it is cut off.

use std::cell::RefCell;
use std::time::Duration;

use ipc_posix::{RecvValueTimeoutError, Region, ValueDuplex, ValueDuplexEnd};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::Folder;
use super::{Scenes, in_short_waits, patience};
use crate::stepper::Verdict;

const NAME: &str = "values";
const CAPACITY: usize = 64;
/// A wait that is not expected to be long enough.
const SOON: Duration = Duration::from_millis(2);

type End = ValueDuplexEnd<Vec<u8>, Vec<u8>>;
/// With the server's end, where the survivor holds it meanwhile.
type Objects = (Region, ValueDuplex<Vec<u8>, Vec<u8>>, RefCell<Option<End>>);

/// What the victim does, as the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Around the end of the ring.
    Send,
    /// There is room for a part of it.
    SendInVain,
    SendWakes,
    /// Longer than the ring, while the server receives.
    SendLong,
    /// What the server has sent.
    Recv,
    RecvInVain,
    /// While the server waits for room.
    RecvWakes,
    /// What the server sends meanwhile.
    RecvLong,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendInVain, Deed::SendWakes, Deed::SendLong])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvInVain, Deed::RecvWakes, Deed::RecvLong])
}

/// A value that shows when it is torn: its length is its content.
fn text(number: usize) -> Vec<u8> {
    (0..number).map(|i| (number * 7 + i) as u8).collect()
}

/// The number of a value; 0 if it is torn.
fn number(value: &[u8]) -> usize {
    if value == text(value.len()) { value.len() } else { 0 }
}

const VICTIM: usize = 31;
/// With it, there is no room for the victim's value.
const FIRST: usize = 35;
const LONG: usize = 150;
/// What a sleeper found: that a value was cut off, and the end.
const CUT_OFF: u64 = 1000;
const END: u64 = 1001;

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let duplex = region.value_duplex(NAME).open().expect("the duplex opens");
    (region, duplex, RefCell::new(None))
}

/// What comes next.
fn next(end: &mut End) -> u64 {
    in_short_waits(|limit| match end.recv_timeout(limit) {
        Ok(value) => Some(number(&value) as u64),
        Err(error) if error.is_timeout() => None,
        Err(error) if error.is_cut_off() => Some(CUT_OFF),
        Err(RecvValueTimeoutError::Queue(error)) if error.is_disconnected() => Some(END),
        Err(_) => Some(2),
    })
    .unwrap_or(3)
}

/// What is there, oldest first, up to the end.
fn to_the_end(end: &mut End) -> Vec<u64> {
    let mut got = Vec::new();
    while got.last().is_none_or(|last| ![2, 3, END].contains(last)) {
        got.push(next(end));
    }
    got
}

/// A session of survivors, for a lap and more.
fn work(duplex: &ValueDuplex<Vec<u8>, Vec<u8>>) -> Result<(), Finding> {
    let mut client = granted("a new client", duplex.client())?;
    let mut server = granted("a new server", duplex.server())?;
    for len in [0, 1, CAPACITY - 5, 33, 20, CAPACITY - 5] {
        granted("a survivor sends", client.send_timeout(&text(len), patience()))?;
        let got = granted("a survivor receives", server.recv_timeout(patience()))?;
        demand(got == text(len), Verdict::TORN, || format!("sent {len}, got {got:?}"))?;
        granted("a survivor answers", server.send_timeout(&got, patience()))?;
        let got = granted("a survivor is answered", client.recv_timeout(patience()))?;
        demand(got == text(len), Verdict::TORN, || format!("answered {len}, got {got:?}"))?;
    }
    drop(client);
    let got = to_the_end(&mut server);
    demand(got == [END], Verdict::TORN, || format!("{got:?}"))
}

impl Deed {
    /// What the server has sent when the operation begins, if the survivor is the server.
    fn served(self) -> Option<&'static [usize]> {
        match self {
            Deed::Recv => Some(&[20, 21]),
            Deed::Send | Deed::SendInVain | Deed::RecvInVain => Some(&[]),
            _ => None,
        }
    }
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let region = folder.create();
        let duplex: ValueDuplex<Vec<u8>, Vec<u8>> =
            region.value_duplex(NAME).capacity(CAPACITY).create().expect("the duplex is created");
        let server = self.served().map(|served| {
            let mut server = duplex.server().expect("free");
            served.iter().for_each(|len| server.try_send(&text(*len)).expect("there is room"));
            server
        });
        (region, duplex, RefCell::new(server))
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, duplex, _): &Objects, begin: &mut dyn FnMut()) {
        let mut client = duplex.client().expect("nobody is the client");
        if matches!(self, Deed::Send | Deed::SendInVain) {
            client.try_send(&text(if self == Deed::Send { 10 } else { FIRST })).expect("there is room");
        }
        let (value, long) = (text(VICTIM), text(LONG));
        begin();
        match self {
            Deed::Send | Deed::SendWakes => drop(std::hint::black_box(client.try_send(&value))),
            Deed::SendInVain => drop(std::hint::black_box(client.send_timeout(&value, SOON))),
            Deed::SendLong => drop(std::hint::black_box(client.send(&long))),
            Deed::Recv | Deed::RecvWakes => drop(std::hint::black_box(client.try_recv())),
            Deed::RecvInVain => drop(std::hint::black_box(client.recv_timeout(SOON))),
            Deed::RecvLong => drop(std::hint::black_box(client.recv_timeout(patience()))),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        fn recv((_region, duplex, _): Objects) -> u64 {
            next(&mut duplex.server().expect("nobody is the server"))
        }
        fn send((_region, duplex, _): Objects) -> u64 {
            let mut server = duplex.server().expect("nobody is the server");
            server.try_send(&text(FIRST)).expect("there is room");
            in_short_waits(|limit| match server.send_timeout(&text(VICTIM), limit) {
                Ok(()) => Some(VICTIM as u64),
                Err(error) if error.is_disconnected() => Some(END),
                Err(_) => None,
            })
            .unwrap_or(3)
        }
        fn send_long((_region, duplex, _): Objects) -> u64 {
            let mut server = duplex.server().expect("nobody is the server");
            match server.send(&text(LONG)) {
                Ok(()) => LONG as u64,
                Err(error) if error.is_disconnected() => END,
                Err(_) => 3,
            }
        }
        match self {
            Deed::SendWakes | Deed::SendLong => Some(recv),
            Deed::RecvWakes => Some(send),
            Deed::RecvLong => Some(send_long),
            _ => None,
        }
    }

    fn look(self, objects: Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let (_region, duplex, server) = objects;
        let right = match self {
            Deed::SendWakes => result == VICTIM as u64 || (result == END && !finished),
            Deed::SendLong => result == LONG as u64 || ([CUT_OFF, END].contains(&result) && !finished),
            Deed::RecvWakes => [VICTIM as u64, END].contains(&result),
            // The sender has done its part when the last bytes are in the ring.
            Deed::RecvLong => result == LONG as u64 || (result == END && !finished),
            _ => result == 0,
        };
        demand(right, Verdict::LOST, || format!("the sleeper got {result}, finished: {finished}"))?;
        if let Some(mut server) = server.take() {
            let first = match self {
                Deed::Send => Some(10),
                Deed::SendInVain => Some(FIRST as u64),
                _ => None,
            };
            let sent = (self == Deed::Send).then_some(VICTIM as u64);
            let got = to_the_end(&mut server);
            let before: Vec<u64> = first.into_iter().chain([END]).collect();
            let after: Vec<u64> = first.into_iter().chain(sent).chain([END]).collect();
            demand(got == after || (got == before && !finished), Verdict::LOST, || {
                format!("{got:?}, finished: {finished}")
            })?;
        }
        let (_region, newcomer, _) = open(folder);
        work(&newcomer)?;
        work(&duplex)
    }
}
