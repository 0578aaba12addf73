//! The barrier: all meet, one leads, everybody has the same outcome, and nobody waits for the dead.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::barrier::{Barrier, Options};
use ipc_core::error::{BarrierError, BarrierTimeoutError};
use ipc_core::participant::Seized;
use ipc_core::sync::crash;
use ipc_core::time::Instant;
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths, id};
use loom::cell::UnsafeCell;
use loom::thread;

/// A barrier, and what each party writes before it comes. The cells complain about every access that the barrier does not order.
struct Shared {
    barrier: Arc<model::Shared<Options>>,
    written: Vec<UnsafeCell<u64>>,
}

type Party = Barrier<'static, Actor>;

/// Whether this party led.
fn wait(party: &Party) -> Result<bool, BarrierError> {
    party.wait().map(|met| met.is_leader())
}

/// Waits for nobody.
fn give_up(party: &Party) -> Result<bool, BarrierTimeoutError> {
    party.wait_deadline(Instant::from_nanos(0)).map(|met| met.is_leader())
}

impl Shared {
    fn new(parties: u32) -> Arc<Self> {
        let barrier = model::Shared::new(Options { parties: Some(parties) });
        Arc::new(Shared { barrier, written: (0..parties).map(|_| UnsafeCell::new(0)).collect() })
    }

    fn party(&self, actor: &Actor) -> Party {
        self.barrier.handle(actor)
    }

    /// Writes one's own cell, meets the others, and reads all cells.
    fn meet(&self, party: &Party, mine: usize) -> Result<bool, BarrierError> {
        // SAFETY: nobody reads before the barrier; loom checks.
        self.written[mine].with_mut(|cell| unsafe { *cell += 1 });
        let leads = wait(party)?;
        for cell in &self.written {
            // SAFETY: nobody writes after the barrier; loom checks.
            assert_eq!(cell.with(|cell| unsafe { *cell }), 1);
        }
        Ok(leads)
    }
}

/// Runs `body` in a thread of its own. Its handle stays: the process does not leave the barrier before the end of the model.
fn spawn<R: 'static>(
    machine: &Arc<Machine>,
    shared: &Arc<Shared>,
    number: u16,
    body: impl FnOnce(&Shared, &Party, &Actor) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (actor, shared) = (machine.actor(number), shared.clone());
    let party = shared.party(&actor);
    thread::spawn(move || {
        let result = body(&shared, &party, &actor);
        std::mem::forget(party);
        result
    })
}

/// Two parties meet, each sees what the other did before, and one of them leads.
#[test]
fn two_meet() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let parties = [1, 2].map(|number| {
            spawn(&machine, &shared, number, move |shared, me, _| shared.meet(me, usize::from(number) - 1))
        });
        let leads = parties.map(|party| party.join().unwrap().expect("a meeting"));
        assert!(leads[0] != leads[1]);
    });
}

/// Three parties meet.
#[test]
fn three_meet() {
    explore(1, || {
        let (machine, shared) = (Machine::new(), Shared::new(3));
        let parties = [1, 2, 3].map(|number| {
            spawn(&machine, &shared, number, move |shared, me, _| shared.meet(me, usize::from(number) - 1))
        });
        let leads = parties.map(|party| party.join().unwrap().expect("a meeting"));
        assert_eq!(leads.into_iter().filter(|leads| *leads).count(), 1);
    });
}

/// Two parties meet twice: who is quick does not count twice in one phase.
#[test]
fn two_meet_twice() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let parties = [1, 2]
            .map(|number| spawn(&machine, &shared, number, |_, me, _| [(); 2].map(|()| wait(me).expect("a meeting"))));
        let [one, other] = parties.map(|party| party.join().unwrap());
        assert!(one[0] != other[0] && one[1] != other[1]);
    });
}

/// An abort beside a meeting: both have met, or both are told.
#[test]
fn aborting_beside_a_meeting() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let other = spawn(&machine, &shared, 1, |_, me, _| wait(me));
        let aborter = spawn(&machine, &shared, 3, |_, me, _| assert_eq!(me.abort(), Ok(true)));
        let one = spawn(&machine, &shared, 2, |_, me, _| wait(me));
        aborter.join().unwrap();
        let outcomes = [one.join().unwrap(), other.join().unwrap()];
        match outcomes {
            [Ok(one), Ok(other)] => assert!(one != other),
            _ => assert_eq!(outcomes, [Err(BarrierError::Broken); 2]),
        }
        assert!(shared.barrier.is_broken());
    });
}

/// Who gives up waiting breaks the barrier for the other, or has met it after all.
#[test]
fn giving_up_beside_a_party() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let patient = spawn(&machine, &shared, 1, |_, me, _| wait(me));
        let hasty = spawn(&machine, &shared, 2, |_, me, _| give_up(me));
        let outcomes = (patient.join().unwrap(), hasty.join().unwrap());
        match outcomes {
            (Ok(one), Ok(other)) => assert!(one != other),
            _ => assert_eq!(outcomes, (Err(BarrierError::Broken), Err(BarrierTimeoutError::Timeout))),
        }
    });
}

/// A reset beside one that waits: it is told, or it comes to the new phase and meets the other.
#[test]
fn resetting_beside_a_party() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(1));
        let alone = spawn(&machine, &shared, 1, |_, me, _| wait(me));
        let resetter = spawn(&machine, &shared, 2, |_, me, _| me.reset());
        assert_eq!(resetter.join().unwrap(), Ok(()));
        assert!(matches!(alone.join().unwrap(), Ok(true) | Err(BarrierError::Broken)));
        assert!(!shared.barrier.is_broken());
        assert_eq!(wait(&shared.party(&machine.actor(3))), Ok(true));
    });
}

/// A party dies at any write of two meetings: the other has met it, or is told, and after a reset the barrier goes on without it.
#[test]
fn a_party_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        // A member from the start: its death before it comes is known, too.
        let members = [1, 2].map(|number| shared.party(&machine.actor(number)));
        for member in &members {
            assert_eq!(member.join(), Ok(()));
        }
        let mortal =
            spawn(&machine, &shared, 1, move |_, me, actor| actor.live(at, || [(); 2].map(|()| wait(me))).is_none());
        let other = spawn(&machine, &shared, 2, |_, me, _| [(); 2].map(|()| wait(me)));
        let outcomes = other.join().unwrap();
        let died = mortal.join().unwrap();
        assert!(died || outcomes.iter().all(Result::is_ok));
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(BarrierError::Broken))));
        assert!(outcomes[0].is_ok() || outcomes[1].is_err());
        if died {
            let last = &members[1];
            assert_eq!(last.reset(), Ok(()));
            assert_eq!(give_up(last), Err(BarrierTimeoutError::Timeout));
            assert_eq!(last.reset(), Ok(()));
            // Somebody else comes in its place.
            assert_eq!(shared.party(&machine.actor(3)).join(), Ok(()));
        }
        died
    });
}

/// The last party arrives and is stopped, not dead, before it ends the phase: the one that waits ends it. (The time-out that makes
/// it look is that of a bystander's death.)
#[test]
fn the_last_party_is_stopped() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let members = [1, 2].map(|number| shared.party(&machine.actor(number)));
        for member in &members {
            assert_eq!(member.join(), Ok(()));
        }
        let waiter = spawn(&machine, &shared, 1, |_, me, _| wait(me));
        let stopped = spawn(&machine, &shared, 2, |_, me, _| {
            // Its first write is its arrival; the second one would end the phase.
            let _ = crash::run(Some(2), || wait(me));
        });
        stopped.join().unwrap();
        machine.actor(3).die();
        assert_eq!(waiter.join().unwrap(), Ok(true));
    });
}

/// A member dies and is swept before the other one looks: the other is told nevertheless.
#[test]
fn sweeping_a_member() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let dead = shared.party(&machine.actor(1));
        assert_eq!(dead.join(), Ok(()));
        std::mem::forget(dead);
        machine.actor(1).die();
        let sweeper = spawn(&machine, &shared, 2, |shared, _, me| {
            if let Ok(seized) = Seized::try_new(me, id(1)) {
                shared.barrier.sweep(seized.dead(), me);
            }
        });
        let other = spawn(&machine, &shared, 3, |_, me, _| wait(me));
        assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
        sweeper.join().unwrap();
    });
}

/// A sweeper is late, and another one has swept the same member and begun a new phase meanwhile: that phase is not broken.
#[test]
fn a_late_sweeper_breaks_no_later_phase() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let dead = shared.party(&machine.actor(1));
        assert_eq!(dead.join(), Ok(()));
        std::mem::forget(dead);
        machine.actor(1).die();
        let late = spawn(&machine, &shared, 2, |shared, _, me| {
            let seized = Seized::try_new(me, id(1)).expect("it is dead");
            shared.barrier.sweep(seized.dead(), me);
        });
        assert_eq!(shared.party(&machine.actor(3)).reset(), Ok(()));
        late.join().unwrap();
        assert!(!shared.barrier.is_broken());
        assert!(machine.is_unpinned(1));
    });
}

/// The last party dies at any write of its arrival. The sweep wakes the one that waits, which has met it or is told.
#[test]
fn a_sweep_wakes_who_waits() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new(2));
        let members = [1, 2].map(|number| shared.party(&machine.actor(number)));
        for member in &members {
            assert_eq!(member.join(), Ok(()));
        }
        let waiting = shared.party(&machine.actor(1).without_seizing());
        let waiter = thread::spawn(move || {
            let outcome = wait(&waiting);
            std::mem::forget(waiting);
            outcome
        });
        let (mortal, me) = (machine.actor(2), machine.actor(3));
        let died = mortal.live(at, || wait(&members[1])).is_none();
        if died {
            shared.barrier.sweep(Seized::try_new(&me, id(2)).unwrap().dead(), &me);
        }
        let outcome = waiter.join().unwrap();
        assert!(outcome.is_ok() || (died && outcome == Err(BarrierError::Broken)));
        members.into_iter().for_each(std::mem::forget);
        died
    });
}

/// Somebody who is no party dies at any write of an abort. The sweep wakes the one that waits, which is told.
#[test]
fn a_sweep_completes_an_abort() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::without_slices(), Shared::new(2));
        let waiting = shared.party(&machine.actor(1).without_seizing());
        let waiter = thread::spawn(move || {
            let outcome = wait(&waiting);
            std::mem::forget(waiting);
            outcome
        });
        let (mortal, heir) = (machine.actor(2), machine.actor(3));
        let stranger = shared.party(&mortal);
        let died = mortal.live(at, || stranger.abort()).is_none();
        std::mem::forget(stranger);
        if died {
            shared.barrier.sweep(Seized::try_new(&heir, id(2)).unwrap().dead(), &heir);
            if !shared.barrier.is_broken() {
                assert_eq!(shared.party(&heir).abort(), Ok(true));
            }
        }
        assert_eq!(waiter.join().unwrap(), Err(BarrierError::Broken));
        died
    });
}
