//! Arrays: who sees an element sees what was written before it, no change is lost, and a death leaves each element old or new.
#![cfg(loom)]

use std::sync::Arc;

use ipc_core::array::{Array, Options};
use ipc_tests::model::{self, Actor, Machine, explore, explore_deaths};
use loom::cell::UnsafeCell;
use loom::thread;

struct Shared {
    array: Arc<model::Shared<Options<u16>>>,
    data: UnsafeCell<u64>,
}

impl Shared {
    fn new(len: u64) -> Arc<Self> {
        Arc::new(Shared { array: model::Shared::new(Options::new(len)), data: UnsafeCell::new(0) })
    }

    fn array(&self, actor: &Actor) -> Array<'_, u16, Actor> {
        self.array.handle(actor)
    }
}

/// Who sees the value of an element, by whichever load, sees what its author had done, by whichever store.
fn is_seen(store: fn(&Array<'_, u16, Actor>), load: fn(&Array<'_, u16, Actor>) -> u16) {
    explore(None, move || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let author = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                // SAFETY: before the element, nobody reads; loom checks.
                shared.data.with_mut(|data| unsafe { *data = 7 });
                store(&shared.array(&machine.actor(1)));
            })
        };
        if load(&shared.array(&machine.actor(2))) == 5 {
            // SAFETY: after the element, nobody writes; loom checks.
            assert_eq!(shared.data.with(|data| unsafe { *data }), 7);
        }
        author.join().unwrap();
    });
}

/// One store and one load.
#[test]
fn a_store_is_seen_with_what_was_before_it() {
    is_seen(|array| array.set(1, 5).unwrap(), |array| array.get(1).unwrap());
}

/// A change is a store to who loads.
#[test]
fn a_change_is_seen_with_what_was_before_it() {
    is_seen(|array| _ = array.at(1).fetch_add(5), |array| array.iter().last().unwrap());
}

/// Who sees an element of a copy sees those in front of it.
#[test]
fn a_copy_is_written_in_order() {
    explore(None, || {
        let (machine, shared) = (Machine::new(), Shared::new(2));
        let author = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || shared.array(&machine.actor(1)).copy_from_slice(0, &[3, 5]).unwrap())
        };
        let array = shared.array(&machine.actor(2));
        if array.get(1) == Some(5) {
            assert_eq!(array.get(0), Some(3));
        }
        author.join().unwrap();
    });
}

/// Two processes add to one float: both sums are made.
#[test]
fn no_sum_of_floats_is_lost() {
    explore(None, || {
        let (machine, array) = (Machine::new(), model::Shared::new(Options { initial: 0.5_f32, ..Options::new(1) }));
        let workers = [1, 2].map(|number| {
            let (machine, array) = (machine.clone(), array.clone());
            thread::spawn(move || array.handle(&machine.actor(number)).at(0).fetch_add(number.into()).unwrap())
        });
        workers.into_iter().for_each(|worker| _ = worker.join().unwrap());
        assert_eq!(array.get(0), Some(3.5));
    });
}

/// A process dies at any write of a copy: each element is old or new, the new ones come first, and another one reads and writes on.
#[test]
fn a_death_leaves_each_element_old_or_new() {
    explore_deaths(None, |at| {
        let (machine, shared) = (Machine::new(), Shared::new(3));
        let author = {
            let (machine, shared) = (machine.clone(), shared.clone());
            thread::spawn(move || {
                let mortal = machine.actor(1);
                mortal.live(at, || shared.array(&mortal).copy_from_slice(0, &[1, 2, 3]).unwrap()).is_some()
            })
        };
        let array = shared.array(&machine.actor(2));
        if array.get(2) == Some(3) {
            assert_eq!(array.get(1), Some(2));
        }
        let lived = author.join().unwrap();
        let new = array.iter().zip(1..).take_while(|(value, number)| value == number).count();
        assert!(array.iter().skip(new).all(|value| value == 0));
        assert!(new == 3 || !lived);
        array.fill(9).unwrap();
        assert!(array.iter().all(|value| value == 9));
        !lived
    });
}
