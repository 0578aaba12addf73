//! Pipes in both directions: an end is killed at every instruction; the other one gets what was sent, then the end, and the next session
//! begins with nothing.

use std::cell::RefCell;
use std::time::Duration;

use ipc_posix::{Duplex, DuplexClaimErrorKind, DuplexEnd, RecvTimeoutError, Region};

use super::books::{Message, VICTIM, message, serial_of};
use super::play::{self, Finding, Play, demand, granted};
use super::stage::Folder;
use super::{Scenes, couple, in_short_waits, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "talk";
const CAPACITY: usize = 4;
/// A wait that is not expected to be long enough.
const SOON: Duration = Duration::from_millis(2);

type End = DuplexEnd<Message, Message>;
/// With the server's end, where the survivor holds it meanwhile.
type Objects = (Region, Duplex<Message, Message>, RefCell<Option<End>>);

/// What the victim does, as the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Send,
    /// Three at once, around the end of the array.
    SendBatch,
    /// Receives what the server has sent.
    Recv,
    /// As many as there are.
    RecvBatch,
    /// Waits for room in vain.
    SendInVain,
    /// Waits for a message in vain.
    RecvInVain,
    /// Claims an end, after a session that has left something in both rings, sends, and leaves.
    Comes,
    /// After a client that was killed in the middle of its session.
    ComesAfterDeath,
    /// To a server that waits in a session.
    Joins,
    Leaves,
    /// Gives up one half, and then the other.
    LeavesByHalves,
    /// Waits for a server in vain.
    ConnectsInVain,
    /// Sends while the server sleeps.
    SendWakes,
    /// Receives from a full ring while the server sleeps.
    RecvWakes,
    /// Leaves while the server sleeps.
    LeaveWakes,
    /// Comes while a server waits for it.
    ComesWakes,
}

pub(super) fn send() -> Scenes {
    play::scenes(&[Deed::Send, Deed::SendBatch, Deed::SendInVain])
}

pub(super) fn recv() -> Scenes {
    play::scenes(&[Deed::Recv, Deed::RecvBatch, Deed::RecvInVain])
}

pub(super) fn ends() -> Scenes {
    play::scenes(&[
        Deed::Comes,
        Deed::ComesAfterDeath,
        Deed::Joins,
        Deed::Leaves,
        Deed::LeavesByHalves,
        Deed::ConnectsInVain,
    ])
}

pub(super) fn wakes() -> Scenes {
    play::scenes(&[Deed::SendWakes, Deed::RecvWakes, Deed::LeaveWakes, Deed::ComesWakes])
}

fn open(folder: &Folder) -> Objects {
    let region = folder.open();
    let duplex = region.duplex(NAME).open().expect("the duplex opens");
    (region, duplex, RefCell::new(None))
}

/// A new duplex, whose positions are three places behind the array's begin.
fn create(folder: &Folder) -> Objects {
    let region = folder.create();
    let duplex = region.duplex(NAME).capacity(CAPACITY).create().expect("the duplex is created");
    leave_something(&duplex);
    (region, duplex, RefCell::new(None))
}

fn messages(serials: impl IntoIterator<Item = u64>) -> Vec<Message> {
    serials.into_iter().map(message).collect()
}

/// A session that is over, in which each end has left something for the other.
fn leave_something(duplex: &Duplex<Message, Message>) {
    let (mut client, mut server) = (duplex.client().expect("free"), duplex.server().expect("free"));
    for end in [&mut client, &mut server] {
        end.sender_mut().send_slice(&messages(91..=93)).expect("there is room");
    }
    server.recv().expect("it is there");
    client.recv().expect("it is there");
}

/// A client that died in its session, unknown to anybody yet.
fn die_as_client(folder: &Folder) {
    let helper = super::stage::Helper::fork(|| {
        let (_region, duplex, _) = open(folder);
        let mut client = duplex.client().expect("nobody is the client");
        let mut server = duplex.server().expect("nobody is the server");
        client.sender_mut().send_slice(&messages(81..=82)).expect("there is room");
        server.sender_mut().send_slice(&messages(81..=82)).expect("there is room");
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) }
    });
    assert!(helper.join(), "the earlier client dies as planned");
}

/// What is there, oldest first, up to the end; a torn message is 0.
fn to_the_end(end: &mut End) -> Result<Vec<u64>, Finding> {
    let mut got = Vec::new();
    loop {
        let next = in_short_waits(|limit| match end.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => None,
            other => Some(other),
        });
        match next {
            Some(Ok(message)) => got.push(serial_of(&message).unwrap_or(0)),
            Some(Err(RecvTimeoutError::Disconnected)) => return Ok(got),
            other => return Err((Verdict::WEDGED, format!("no end after {got:?}: {other:?}"))),
        }
    }
}

/// A session of survivors, for a lap and more.
fn work(duplex: &Duplex<Message, Message>) -> Result<(), Finding> {
    let mut client = granted("a new client", duplex.client())?;
    let mut server = granted("a new server", duplex.server())?;
    for serial in 1..=2 * CAPACITY as u64 + 1 {
        granted("a survivor sends", client.send_timeout(message(serial), patience()))?;
        let got = granted("a survivor receives", server.recv_timeout(patience()))?;
        demand(got == message(serial), Verdict::TORN, || format!("sent {serial}, got {:?}", serial_of(&got)))?;
        granted("a survivor answers", server.send_timeout(got, patience()))?;
        let got = granted("a survivor is answered", client.recv_timeout(patience()))?;
        demand(got == message(serial), Verdict::TORN, || format!("sent {serial}, got {:?}", serial_of(&got)))?;
    }
    let full = messages(1..=CAPACITY as u64 + 1);
    let sent = granted("a survivor sends", client.sender_mut().try_send_slice(&full))?;
    demand(sent == CAPACITY, Verdict::TORN, || format!("room for {sent}"))?;
    drop(client);
    let got = to_the_end(&mut server)?;
    demand(got == (1..=CAPACITY as u64).collect::<Vec<_>>(), Verdict::TORN, || format!("{got:?}"))
}

impl Deed {
    /// Messages that the server has sent when the operation begins, if the survivor is the server.
    fn served(self) -> Option<u64> {
        match self {
            Deed::Recv | Deed::RecvBatch => Some(3),
            Deed::SendInVain | Deed::RecvInVain | Deed::Joins | Deed::Leaves | Deed::LeavesByHalves => Some(0),
            _ => None,
        }
    }

    /// What the client sends when it is done.
    fn sends(self) -> u64 {
        match self {
            Deed::Send | Deed::Comes | Deed::ComesAfterDeath | Deed::Joins | Deed::SendWakes | Deed::ComesWakes => 1,
            Deed::SendBatch => 3,
            _ => 0,
        }
    }

    /// What the client sends before the operation.
    fn sent_before(self) -> u64 {
        match self {
            Deed::Send | Deed::SendBatch => 1,
            Deed::SendInVain => CAPACITY as u64,
            _ => 0,
        }
    }
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        let objects = create(folder);
        if self == Deed::ComesAfterDeath {
            die_as_client(folder);
        }
        if let Some(count) = self.served() {
            let mut server = objects.1.server().expect("free");
            server.sender_mut().send_slice(&messages(1..=count)).expect("there is room");
            objects.2.replace(Some(server));
        }
        objects
    }

    fn open(self, folder: &Folder) -> Objects {
        open(folder)
    }

    fn act(self, (_region, duplex, _): &Objects, begin: &mut dyn FnMut()) {
        let batch = messages(VICTIM..VICTIM + 3);
        match self {
            Deed::Comes | Deed::ComesAfterDeath | Deed::Joins | Deed::ComesWakes => {
                begin();
                let mut client = duplex.client().expect("nobody alive is the client");
                let _ = std::hint::black_box(client.try_send(batch[0]));
                return;
            }
            Deed::ConnectsInVain => {
                begin();
                let _ = std::hint::black_box(duplex.connect_timeout(SOON).map(drop));
                return;
            }
            _ => {}
        }
        let mut client = duplex.client().expect("nobody is the client");
        client.sender_mut().send_slice(&messages(1..=self.sent_before())).expect("there is room");
        let mut out = [message(0); 3];
        begin();
        match self {
            Deed::Send | Deed::SendWakes => drop(std::hint::black_box(client.try_send(batch[0]))),
            Deed::SendBatch => drop(std::hint::black_box(client.sender_mut().try_send_slice(&batch))),
            Deed::SendInVain => drop(std::hint::black_box(client.send_timeout(batch[0], SOON))),
            Deed::Recv | Deed::RecvWakes => drop(std::hint::black_box(client.try_recv())),
            Deed::RecvBatch => drop(std::hint::black_box(client.receiver_mut().try_recv_slice(&mut out))),
            Deed::RecvInVain => drop(std::hint::black_box(client.recv_timeout(SOON))),
            Deed::LeavesByHalves => {
                let (sender, receiver) = client.split();
                drop(receiver);
                drop(sender);
            }
            _ => drop(client),
        }
    }

    fn sleeper(self) -> Option<fn(Objects) -> u64> {
        fn next(mut server: End) -> u64 {
            in_short_waits(|limit| match server.recv_timeout(limit) {
                Ok(message) => Some(serial_of(&message).unwrap_or(1)),
                Err(RecvTimeoutError::Timeout) => None,
                Err(_) => Some(u64::MAX),
            })
            .unwrap_or(3)
        }
        fn recv((_region, duplex, _): Objects) -> u64 {
            next(duplex.server().expect("nobody is the server"))
        }
        fn accept((_region, duplex, _): Objects) -> u64 {
            in_short_waits(|limit| duplex.accept_timeout(limit).ok()).map_or(2, next)
        }
        fn send((_region, duplex, _): Objects) -> u64 {
            let mut server = duplex.server().expect("nobody is the server");
            for serial in 1..=CAPACITY as u64 {
                server.try_send(message(serial)).expect("there is room");
            }
            in_short_waits(|limit| match server.send_timeout(message(VICTIM), limit) {
                Ok(()) => Some(VICTIM),
                Err(error) if error.is_disconnected() => Some(u64::MAX),
                Err(_) => None,
            })
            .unwrap_or(3)
        }
        match self {
            Deed::SendWakes | Deed::LeaveWakes => Some(recv),
            Deed::RecvWakes => Some(send),
            Deed::ComesWakes => Some(accept),
            _ => None,
        }
    }

    fn rouse(self, (_region, duplex, _): &Objects) -> Result<(), Finding> {
        if self == Deed::ComesWakes {
            // The victim may have come before it was killed, and then the session is its own.
            if let Ok(mut client) = duplex.client() {
                granted("a survivor sends", client.try_send(message(VICTIM + 1)))?;
            }
        }
        Ok(())
    }

    fn look(self, objects: Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding> {
        let (_region, duplex, server) = objects;
        match self {
            Deed::SendWakes => {
                let right = result == VICTIM || (result == u64::MAX && !finished);
                demand(right, Verdict::LOST, || format!("the sleeper got {result}"))?;
            }
            Deed::ComesWakes => {
                let right = result == VICTIM || ([VICTIM + 1, u64::MAX].contains(&result) && !finished);
                demand(right, Verdict::LOST, || format!("the sleeper got {result}"))?;
                // What the survivor has sent to a sleeper that was gone waits for the next server.
                let mut server = granted("a new server", duplex.server())?;
                let _ = server.try_recv();
            }
            Deed::RecvWakes => {
                let right = result == VICTIM || result == u64::MAX;
                demand(right, Verdict::TORN, || format!("the sleeper got {result}"))?;
            }
            Deed::LeaveWakes => {
                demand(result == u64::MAX, Verdict::TORN, || format!("the sleeper got {result}"))?;
            }
            Deed::ConnectsInVain => {}
            _ => self.receive_the_rest(&duplex, server.take(), finished)?,
        }
        let (_region, newcomer, _) = open(folder);
        work(&newcomer)?;
        work(&duplex)
    }
}

impl Deed {
    /// The survivor receives what the victim has sent, as the server of the victim's session.
    fn receive_the_rest(
        self,
        duplex: &Duplex<Message, Message>,
        server: Option<End>,
        finished: bool,
    ) -> Result<(), Finding> {
        let before: Vec<u64> = (1..=self.sent_before()).collect();
        let after: Vec<u64> = before.iter().copied().chain(VICTIM..VICTIM + self.sends()).collect();
        let held = server.is_some();
        let mut server = match server {
            Some(server) => server,
            None => granted("a new server", duplex.server())?,
        };
        // A victim that was killed before it came is nobody's peer, and one that has sent nothing was in no session.
        let nothing = !finished && matches!(self, Deed::Comes | Deed::ComesAfterDeath | Deed::Joins);
        if nothing && !server.is_disconnected() {
            let got = server.try_recv().is_ok();
            return demand(!got, Verdict::TORN, || "a message of an earlier session".to_owned());
        }
        if let Some(served) = self.served().filter(|served| held && *served != 0) {
            let left = server.sender_mut().len() as u64;
            let taken = if self == Deed::RecvBatch { 3 } else { 1 };
            let right = left == served - taken || (left == served && !finished);
            demand(right, Verdict::TORN, || format!("{left} of {served} messages are left"))?;
        }
        let got = to_the_end(&mut server)?;
        let right = got == after || (got == before && !finished);
        demand(right, Verdict::LOST, || format!("{got:?}, finished: {finished}"))
    }
}

/// What two do at once. The first one is stopped, the second one killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Couple {
    /// Both claim the client's end, and send if they get it.
    ClaimClaim,
    /// One claims the server's end, the other one the client's, and each sends.
    Meet,
}

impl couple::Couple for Couple {
    type Objects = Objects;

    fn make(self, folder: &Folder, new: bool) -> Objects {
        if new { create(folder) } else { open(folder) }
    }

    /// The serial number that it sent; 1000 if it was refused.
    fn act(self, first: bool, (_region, duplex, _): &Objects, begin: &mut dyn FnMut()) -> u64 {
        let mine = VICTIM + u64::from(first);
        begin();
        let claimed = if self == Couple::Meet && first { duplex.server() } else { duplex.client() };
        match claimed {
            Ok(mut end) => end.try_send(message(mine)).map_or(1000, |()| mine),
            Err(error) => {
                assert!(!matches!(error.kind(), DuplexClaimErrorKind::Fault(_)), "{error}");
                1000
            }
        }
    }

    fn meanwhile(self, _: &Objects) -> Result<(), Finding> {
        Ok(())
    }

    fn afterwards(
        self,
        (_region, duplex, _): &Objects,
        folder: &Folder,
        point: PairPoint,
        result: u64,
    ) -> Result<(), Finding> {
        let mut server = match duplex.server() {
            Ok(server) => Some(server),
            // The stopped one has sent to a client that never came.
            Err(error) if self == Couple::Meet && error.kind() == DuplexClaimErrorKind::Unread => None,
            Err(error) => return Err((Verdict::WEDGED, error.to_string())),
        };
        let got = match &mut server {
            Some(server) if server.is_disconnected() => to_the_end(server)?,
            _ => Vec::new(),
        };
        let right = match self {
            Couple::ClaimClaim => {
                let first = result == VICTIM + 1;
                (first || result == 1000)
                    && (got.is_empty() || got == [VICTIM] || got == [VICTIM + 1])
                    && (!first || got == [VICTIM + 1] || got == [VICTIM])
            }
            // A client that has sent, and left with a server in its session, is nobody's after that.
            Couple::Meet => (result == VICTIM + 1 || result == 1000) && (got.is_empty() || got == [VICTIM]),
        };
        demand(right, Verdict::LOST, || format!("{result}, {got:?}, finished: {}", point.killed_finished))?;
        drop(server);
        if let Ok(mut client) = duplex.client() {
            // What a server has left for it, or a new session.
            let _ = client.try_recv();
        }
        let (_region, newcomer, _) = open(folder);
        work(&newcomer)
    }
}
