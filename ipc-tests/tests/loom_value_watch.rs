//! Latest-value cells of written values, each of another length: whole values, no lost change, and a writer that dies changes nothing.
//! The cell has two slots here, so the second version is written where the first value was.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::Fault;
use ipc_core::error::{ChangedError, ChangedValueError, GetValueError};
use ipc_core::watch::{ValueOptions, ValueWatch, Versioned};
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths};
use loom::thread;

/// As many elements as each of them says: a byte for their number, then one for each. Two words with the length before them.
type Value = Vec<u8>;

struct Shared(Arc<model::Shared<ValueOptions<Value>>>);

fn value(number: u8) -> Value {
    vec![number; number.into()]
}

/// Longer, then shorter.
const NUMBERS: [u8; 3] = [2, 3, 1];

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Shared(model::Shared::new(ValueOptions::new(&value(NUMBERS[0]), 8))))
    }

    fn watch(&self, actor: &Actor) -> ValueWatch<'_, Value, Actor> {
        self.0.handle(actor)
    }

    fn publish(&self, actor: &Actor, number: u8) -> u64 {
        self.watch(actor).set(&value(number)).expect("our turn")
    }
}

/// The version and the number, whole; `None` if writers have spoilt all attempts.
fn number(read: Result<Versioned<Value>, GetValueError>) -> Option<(u64, u8)> {
    match read {
        Ok(Versioned { value: read, version, .. }) => {
            let number = read.len() as u8;
            assert_eq!(read, value(number), "whole");
            Some((version, number))
        }
        Err(GetValueError::Fault(Fault::Corrupted)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A reader beside a writer of two versions, the second of which goes where version 0 was: it gets whole values, of their own length.
#[test]
fn a_reader_gets_a_whole_value() {
    explore(3, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let watch = shared.watch(&machine.actor(2));
                if let Some((version, number)) = number(watch.get_versioned()) {
                    assert_eq!(number, NUMBERS[version as usize], "version {version}");
                }
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1).without_barriers();
                assert_eq!([1, 2].map(|version| shared.publish(&actor, NUMBERS[version])), [1, 2]);
            })
        };
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

/// Two changes at once: each is made to what the other one left.
#[test]
fn changes_add_up() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let add = |actor: &Actor, shared: &Shared, more: usize| {
            let change = |value: &mut Value| *value = vec![(value.len() + more) as u8; value.len() + more];
            shared.watch(actor).update(change).expect("a value");
        };
        let other = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || add(&machine.actor(1), &shared, 1))
        };
        let actor = machine.actor(2);
        add(&actor, &shared, 2);
        other.join().unwrap();
        assert_eq!(number(shared.watch(&actor).get_versioned()), Some((2, 5)));
    });
}

/// A writer dies at any write, beside a reader: the reader gets the old value or the new one, and the next writer goes on.
#[test]
fn a_writer_dies() {
    explore_deaths(2, |at| {
        let (machine, shared) = (Machine::new(), Shared::new());
        let mortal = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let actor = machine.actor(1);
                let died = actor.live(at, || shared.publish(&actor, NUMBERS[1])).is_none();
                let heir = machine.actor(2);
                let before = shared.watch(&heir).version().unwrap();
                assert_eq!(shared.publish(&heir, NUMBERS[before as usize + 1]), before + 1);
                died
            })
        };
        let watch = shared.watch(&machine.actor(3));
        if let Some((version, number)) = number(watch.get_versioned()) {
            assert_eq!(number, NUMBERS[version as usize], "version {version}");
        }
        mortal.join().unwrap()
    });
}

/// The last counted writer leaves after two values: a reader gets the last one, is woken, and ends.
#[test]
fn the_last_writer_leaves() {
    explore(2, || {
        let (machine, shared) = (Machine::new(), Shared::new());
        let reader = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mut reader = shared.watch(&machine.actor(1)).subscribe().unwrap().from(0);
                assert_eq!(reader.by_ref().last(), Some(value(NUMBERS[2])));
                assert_eq!(reader.end(), Some(ChangedValueError::Cell(ChangedError::Disconnected)));
            })
        };
        let writer = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let writer = shared.watch(&machine.actor(2)).writer().unwrap();
                assert_eq!([1, 2].map(|version| writer.set(&value(NUMBERS[version])).unwrap()), [1, 2]);
            })
        };
        writer.join().unwrap();
        reader.join().unwrap();
    });
}
