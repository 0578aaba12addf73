//! The duplex: what was sent before an end is gone is received first; a session begins with nothing of an earlier one; sleepers are woken.
#![cfg(loom)]

use std::sync::Arc;
use std::time::Duration;

use ipc_core::duplex::{ClaimError, ClaimErrorKind, DuplexEnd, Options};
use ipc_core::error::{RecvError, SendError, TryRecvError, TrySendError, WaitTimeoutError};
use ipc_core::participant::Seized;
use ipc_core::sync::spin_hint;
use ipc_tests::model::{Actor, Machine, Shared, Twin, explore, explore_deaths, id, twin, whole};
use loom::thread;

/// The client sends pairs of words, the server single ones.
type Words = Shared<Options<Twin, u32>>;
/// They live as long as the model's words, which outlive its threads.
type Client = DuplexEnd<'static, Twin, u32, Actor>;
type Server = DuplexEnd<'static, u32, Twin, Actor>;

fn duplex(capacity: u64) -> Arc<Words> {
    Shared::new(Options::new(capacity))
}

fn client(shared: &Words, actor: &Actor) -> Client {
    shared.handle(actor).client().expect("the client's end")
}

fn server(shared: &Words, actor: &Actor) -> Server {
    shared.handle(actor).server().expect("the server's end")
}

/// Claims an end that somebody may be about to give up.
fn persist<E>(mut claim: impl FnMut() -> Result<E, ClaimError>) -> E {
    loop {
        match claim() {
            Ok(end) => return end,
            Err(_) => spin_hint(),
        }
    }
}

/// What the server receives until the client is gone.
fn to_the_end(server: &mut Server) -> Vec<u64> {
    let mut got = Vec::new();
    loop {
        match server.try_recv() {
            Ok(message) => got.push(whole(message)),
            Err(TryRecvError::Empty) => spin_hint(),
            Err(TryRecvError::Disconnected) => return got,
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// A session that is over, in which each end has left two messages for the other, one of which was received.
fn leave_something(shared: &Words, actor: &Actor) {
    let (mut client, mut server) = (client(shared, actor), server(shared, actor));
    for number in [91, 92] {
        client.try_send(twin(number)).unwrap();
        server.try_send(number as u32).unwrap();
    }
    server.try_recv().unwrap();
    client.try_recv().unwrap();
}

/// Proves that both directions wake the end that sleeps, and that it learns of the other's leave.
#[test]
fn a_question_is_answered() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let (mut client, mut server) = (client(&shared, &one), server(&shared, &two));
        let answering = thread::spawn(move || {
            let question = whole(server.recv().unwrap());
            server.send(question as u32 + 1).unwrap();
        });
        client.send(twin(1)).unwrap();
        assert_eq!(client.recv(), Ok(2));
        assert_eq!(client.recv(), Err(RecvError::Disconnected));
        answering.join().unwrap();
    });
}

/// Proves "session": what a client sent before it left is received before the end, also if it came and left before the server.
#[test]
fn nothing_is_behind_an_end_that_left() {
    explore(3, || {
        let machine = Machine::new();
        let shared = duplex(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let sender = thread::spawn(move || {
            // A server that came before it, and has left, was in no session.
            client(&other, &one).try_send(twin(1)).unwrap();
        });
        let receiver = thread::spawn(move || {
            let mut server = server(&shared, &two);
            assert_eq!(to_the_end(&mut server), [1]);
        });
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

/// Proves that a session begins empty at both ends, no matter which end comes first, and which one raises the positions.
#[test]
fn a_new_session_begins_empty() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        leave_something(&shared, &machine.actor(3));
        let other = shared.clone();
        let asking = thread::spawn(move || {
            let mut client = client(&other, &one);
            client.try_send_or_spin(twin(1));
            loop {
                match client.try_recv() {
                    Ok(answer) => break assert_eq!(answer, 2),
                    Err(TryRecvError::Empty) => spin_hint(),
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        let answering = thread::spawn(move || {
            let mut server = server(&shared, &two);
            server.try_send(2).unwrap();
            assert_eq!(to_the_end(&mut server), [1]);
        });
        asking.join().unwrap();
        answering.join().unwrap();
    });
}

trait TrySendOrSpin {
    fn try_send_or_spin(&mut self, message: Twin);
}
impl TrySendOrSpin for Client {
    fn try_send_or_spin(&mut self, message: Twin) {
        while let Err(error) = self.try_send(message) {
            assert_eq!(error, TrySendError::Full(message));
            spin_hint();
        }
    }
}

/// Proves that the next session's first words are written behind the last reads of the one before, whose places they take.
#[test]
fn places_are_written_after_the_last_session_has_read_them() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        client(&shared, &machine.actor(3)).try_send(twin(1)).unwrap();
        let other = shared.clone();
        let reading = thread::spawn(move || {
            let mut server = server(&other, &one);
            assert_eq!(server.try_recv().map(whole), Ok(1));
        });
        let writing = thread::spawn(move || {
            // Refused until the server has come, and left.
            let mut client = persist(|| shared.handle(&two).client());
            client.try_send(twin(2)).unwrap();
        });
        reading.join().unwrap();
        writing.join().unwrap();
    });
}

/// Proves: wherever a client dies, the server receives what it had sent, and then the end; and the next session has nothing of it.
#[test]
fn a_client_dies() {
    explore_deaths(2, |at| {
        let machine = Machine::new();
        let shared = duplex(2);
        let [one, two, three] = [1, 2, 3].map(|number| machine.actor(number));
        leave_something(&shared, &three);
        let other = shared.clone();
        let mortal = thread::spawn(move || {
            let lived = one.live(at, || {
                let mut client = client(&other, &one);
                client.try_send(twin(1)).unwrap();
                client.try_send(twin(2)).unwrap();
            });
            lived.is_none()
        });
        let mut first = server(&shared, &two);
        let died = mortal.join().unwrap();
        let mut got = Vec::new();
        let end = loop {
            match first.try_recv() {
                Ok(message) => got.push(whole(message)),
                Err(end) => break end,
            }
        };
        assert!([1, 2].starts_with(&got) && (died || got.len() == 2), "{got:?}");
        assert!(died || end == TryRecvError::Disconnected, "{end:?}");
        drop(first);
        let mut second = client(&shared, &three);
        let mut first = server(&shared, &two);
        second.try_send(twin(9)).unwrap();
        drop(second);
        assert_eq!(to_the_end(&mut first), [9]);
        died
    });
}

/// Proves that what a dead client sent is received before the end by a server that another process told of the death.
#[test]
fn a_dead_client_is_found_by_somebody_else() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(2);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers().without_seizing());
        let three = machine.actor(3).without_barriers();
        let mut server = server(&shared, &two);
        let (first, second) = (shared.clone(), shared.clone());
        let mortal = thread::spawn(move || {
            let mut client = client(&first, &one);
            client.try_send(twin(1)).unwrap();
            std::mem::forget(client);
            one.die();
        });
        let sweeper = thread::spawn(move || {
            if let Ok(seized) = Seized::try_new(&three, id(1)) {
                second.sweep(seized.dead(), &three);
            }
        });
        if server.try_recv().map(whole) != Ok(1) {
            assert_ne!(server.try_recv(), Err(TryRecvError::Disconnected));
        }
        sweeper.join().unwrap();
        mortal.join().unwrap();
    });
}

/// Proves that a server that waits receives all that a client has sent before it left, and then the end.
#[test]
fn a_wait_ends_behind_the_last_message() {
    explore(3, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut server = server(&shared, &two);
        let mut client = client(&shared, &one);
        let sender = thread::spawn(move || client.try_send(twin(1)).unwrap());
        assert_eq!(server.recv().map(whole), Ok(1));
        assert_eq!(server.recv(), Err(RecvError::Disconnected));
        sender.join().unwrap();
    });
}

/// Proves that a living holder keeps its end, and that a second claim says who it is.
#[test]
fn an_end_has_one_holder() {
    explore(None, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let claims = [1, 2].map(|number| {
            let (actor, shared) = (machine.actor(number).without_barriers(), shared.clone());
            thread::spawn(move || {
                let claimed = shared.handle(&actor).client().map(std::mem::forget);
                if let Err(error) = claimed {
                    assert_eq!(error.kind(), ClaimErrorKind::Held { pid: (3 - number).into() });
                }
                claimed.is_ok()
            })
        });
        let held = claims.map(|claim| claim.join().unwrap());
        assert!(held[0] != held[1], "{held:?}");
    });
}

/// Proves that a sender that sleeps on a full ring is woken by room, and by the other end's leave.
#[test]
fn a_sender_is_woken() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let (mut client, mut server) = (client(&shared, &one), server(&shared, &two));
        client.try_send(twin(1)).unwrap();
        let receiving = thread::spawn(move || assert_eq!(server.recv().map(whole), Ok(1)));
        let second = client.send(twin(2));
        assert!(matches!(second, Ok(()) | Err(SendError::Disconnected(_))), "{second:?}");
        assert!(client.send(twin(3)).is_err());
        receiving.join().unwrap();
    });
}

/// Proves the same of the server, in the other direction.
#[test]
fn a_server_that_sends_is_woken() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let (mut client, mut server) = (client(&shared, &one), server(&shared, &two));
        server.try_send(1).unwrap();
        let receiving = thread::spawn(move || assert_eq!(client.recv(), Ok(1)));
        let second = server.send(2);
        assert!(matches!(second, Ok(()) | Err(SendError::Disconnected(_))), "{second:?}");
        assert!(server.send(3).is_err());
        receiving.join().unwrap();
    });
}

/// Proves that a server that waits for the client's messages learns of its leave.
#[test]
fn leaving_wakes_a_server() {
    explore(None, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let (client, mut server) = (client(&shared, &one), server(&shared, &two));
        let leaving = thread::spawn(move || drop(client));
        assert_eq!(server.recv(), Err(RecvError::Disconnected));
        leaving.join().unwrap();
    });
}

/// Proves that an end that leaves is gone in both directions at once, whichever is tried first.
#[test]
fn an_end_leaves_as_a_whole() {
    explore(3, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let (mut client, mut server) = (client(&shared, &one), server(&shared, &two));
        let leaving = thread::spawn(move || {
            // Loom tries more schedules where a thread stores before it exchanges.
            client.try_send(twin(1)).unwrap();
            drop(client);
        });
        let mut found = server.try_recv();
        if found.is_ok() {
            found = server.try_recv();
        }
        if found == Err(TryRecvError::Disconnected) {
            assert_eq!(server.try_send(1), Err(TrySendError::Disconnected(1)));
        } else if server.try_send(1) == Err(TrySendError::Disconnected(1)) {
            assert_ne!(server.try_recv(), Err(TryRecvError::Empty));
        }
        leaving.join().unwrap();
    });
}

/// Proves that the drop of an end takes nothing from another thread of its process that has the end in the next session.
#[test]
fn an_end_leaves_its_own_session() {
    explore(3, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let mut first = client(&shared, &one);
        drop(server(&shared, &two));
        let leaving = thread::spawn(move || {
            let _ = first.recv();
            drop(first);
        });
        let mut second = persist(|| shared.handle(&one).client());
        let mut server = server(&shared, &two);
        leaving.join().unwrap();
        second.try_send(twin(1)).unwrap();
        server.try_send(2).unwrap();
        assert_eq!((server.try_recv().map(whole), second.try_recv()), (Ok(1), Ok(2)));
    });
}

/// Proves that `accept` and `connect` wake each other.
#[test]
fn those_that_meet_wait_for_each_other() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let other = shared.clone();
        let accepting = thread::spawn(move || std::mem::forget(other.handle(&one).accept().unwrap()));
        std::mem::forget(shared.handle(&two).connect().unwrap());
        accepting.join().unwrap();
    });
}

/// Proves that a claim which waits for the end of the last session is woken by it.
#[test]
fn the_end_of_a_session_wakes_the_next_one() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1), machine.actor(2));
        let client = client(&shared, &one);
        drop(server(&shared, &two));
        let other = shared.clone();
        let next = thread::spawn(move || {
            drop(client);
            std::mem::forget(other.handle(&one).client().unwrap());
        });
        std::mem::forget(shared.handle(&two).accept().unwrap());
        next.join().unwrap();
    });
}

/// Proves that a server whose time is over leaves nothing behind: a client that came meanwhile has met it, or meets the next one.
#[test]
fn a_claim_is_taken_back() {
    explore(2, || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two) = (machine.actor(1).without_barriers(), machine.actor(2).without_barriers());
        let other = shared.clone();
        let accepting = thread::spawn(move || match other.handle(&one).accept_timeout(Duration::ZERO) {
            Ok(server) => {
                std::mem::forget(server);
                true
            }
            Err(error) => {
                assert_eq!(error, WaitTimeoutError::Timeout);
                false
            }
        });
        let mut client = client(&shared, &two);
        let seen = client.wait_for_peer_timeout(Duration::ZERO).is_ok();
        let met = accepting.join().unwrap();
        assert!(met || !seen, "a server that a client has found has found the client");
        assert_eq!(client.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(shared.handle(&machine.actor(3)).server().is_ok(), !met);
    });
}

/// Leaves an end that a dead actor holds, which `sleeper` cannot find out by itself; another actor sweeps.
fn a_sweep_wakes<E>(hold: fn(&Words, &Actor), claim: fn(&Words, &Actor) -> E, sleep: fn(E))
where
    E: 'static,
{
    explore(2, move || {
        let machine = Machine::new();
        let shared = duplex(1);
        let (one, two, three) = (machine.actor(1), machine.actor(2).without_seizing(), machine.actor(3));
        hold(&shared, &one);
        let end = claim(&shared, &two);
        let other = shared.clone();
        let dying = one.clone();
        let sweeper = thread::spawn(move || {
            dying.die();
            let seized = Seized::try_new(&three, id(1)).expect("dead, and nobody else seizes it");
            other.sweep(seized.dead(), &three);
        });
        sleep(end);
        sweeper.join().unwrap();
    });
}

fn hold_client(shared: &Words, actor: &Actor) {
    std::mem::forget(client(shared, actor));
}

fn hold_server(shared: &Words, actor: &Actor) {
    std::mem::forget(server(shared, actor));
}

/// Proves that the repair after a dead client wakes a server that waits for its messages.
#[test]
fn a_sweep_wakes_a_receiving_server() {
    a_sweep_wakes(hold_client, server, |mut server| assert_eq!(server.recv(), Err(RecvError::Disconnected)));
}

/// Proves that the repair after a dead server wakes a client that waits for its messages.
#[test]
fn a_sweep_wakes_a_receiving_client() {
    a_sweep_wakes(hold_server, client, |mut client| assert_eq!(client.recv(), Err(RecvError::Disconnected)));
}

/// Proves that the repair after a dead client wakes a server that waits for room.
#[test]
fn a_sweep_wakes_a_sending_server() {
    a_sweep_wakes(hold_client, server, |mut server| {
        let _ = server.try_send(1);
        assert_eq!(server.send(2), Err(SendError::Disconnected(2)));
    });
}

/// Proves that the repair after a dead server wakes a client that waits for room.
#[test]
fn a_sweep_wakes_a_sending_client() {
    a_sweep_wakes(hold_server, client, |mut client| {
        let _ = client.try_send(twin(1));
        assert_eq!(client.send(twin(2)), Err(SendError::Disconnected(twin(2))));
    });
}
