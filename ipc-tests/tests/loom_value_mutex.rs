//! The mutex around a value: a change is one step, also of an actor that dies at any write.
#![cfg(loom)]

use ipc_core::error::WriteValueError;
use ipc_core::mutex::{SliceOptions, ValueMutex};
use ipc_tests::model::{Actor, Machine, Shared, explore, explore_deaths};
use loom::thread;

/// Twice the same number: two bytes, behind the four of their length.
type Pair = (u8, u8);
type Words = Shared<SliceOptions<u8>>;

fn of(shared: &Words, actor: &Actor) -> ValueMutex<'static, Pair, Actor> {
    ValueMutex::new(shared.handle(actor))
}

/// Adds `n` to both.
fn add(mutex: &ValueMutex<'_, Pair, Actor>, n: u8) {
    let change = |pair: &mut Pair| {
        assert_eq!(pair.0, pair.1, "whole");
        *pair = (pair.0 + n, pair.1 + n);
    };
    mutex.update(change).expect("a value");
}

/// Two changes never overlap, and each is made to what the other one left.
#[test]
fn changes_add_up() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new(SliceOptions { len: 6, initial: 0, schema: 0.into() }));
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || add(&of(&shared, &machine.actor(1)), 1))
        };
        let actor = machine.actor(2);
        add(&of(&shared, &actor), 10);
        other.join().unwrap();
        assert_eq!(of(&shared, &actor).get().expect("a value"), (11, 11));
    });
}

/// A change that dies at any write leaves the old value or the new one, whole, and no mark.
#[test]
fn a_change_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new(SliceOptions { len: 6, initial: 0, schema: 0.into() }));
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                actor.live(at, || add(&of(&shared, &actor), 1)).is_none()
            })
        };
        add(&of(&shared, &machine.actor(2)), 10);
        let died = mortal.join().unwrap();
        let last = machine.actor(3);
        let pair = of(&shared, &last).get().expect("a value");
        assert_eq!(pair.0, pair.1, "whole");
        assert!(pair.0 == 11 || (died && pair.0 == 10), "{}", pair.0);
        drop(shared.handle(&last).lock().expect("no mark"));
        died
    });
}

/// What an actor left that died while it changed the bytes in place is no value. One that is set by an actor that dies at any write is
/// there, or still none is.
#[test]
fn a_half_changed_value_is_replaced() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new(SliceOptions { len: 6, initial: 0, schema: 0.into() }));
        let dead = machine.actor(1);
        assert!(dead.live(Some(2), || drop(shared.handle(&dead).lock().expect("free"))).is_none());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(2);
                actor.live(at, || of(&shared, &actor).set(&(5, 5)).expect("it fits")).is_none()
            })
        };
        let last = machine.actor(3);
        let get = || match of(&shared, &last).get() {
            Ok(pair) => Some(pair),
            Err(WriteValueError::Value(_)) => None,
            Err(error) => panic!("{error}"),
        };
        let early = get();
        let died = mortal.join().unwrap();
        let late = get();
        assert!(early.is_none() || early == late);
        assert!(late == Some((5, 5)) || (died && late.is_none()), "{late:?}");
        of(&shared, &last).set(&(6, 6)).expect("it fits");
        assert_eq!(get(), Some((6, 6)));
        died
    });
}
