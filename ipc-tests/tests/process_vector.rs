//! Vectors between separately started programs.

#![cfg(not(loom))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ipc_posix::{Fault, ObjectErrorKind, PushError, Region, Vector, WriteError};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("append", append), ("change", change), ("hold", hold)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

type Element = [u64; 3];

fn vector(args: &Args) -> Vector<Element> {
    Region::open(&args.get("name")).unwrap().vector("vector").open().unwrap()
}

fn made(name: &TempName, capacity: usize) -> Vector<Element> {
    let bytes = Vector::<Element>::footprint(capacity);
    Region::options().fit(&[bytes]).create(name.as_str()).unwrap().vector("vector").capacity(capacity).create().unwrap()
}

fn element(number: u64) -> Element {
    [number, !number, number]
}

fn append(args: &Args) {
    let (vector, own) = (vector(args), args.number("own"));
    children::say("ready");
    assert_eq!(children::hear(), "go");
    for number in 0..args.number("times") {
        vector.push(element(own << 32 | number)).unwrap();
        vector.update(0, |sum| *sum = element(sum[0] + 1)).unwrap().unwrap();
    }
}

/// Four processes append and add up: nothing is lost, and what each has appended is in its order.
#[test]
fn nothing_is_lost() {
    const TIMES: u64 = 5_000;
    let _watchdog = Watchdog::new(LIMIT, "nothing_is_lost");
    let name = TempName::new("appended");
    let vector = made(&name, 4 * TIMES as usize + 1);
    vector.push(element(0)).unwrap();
    let mut workers = [1, 2, 3, 4].map(|own: u64| {
        let args = [("name", name.as_str()), ("own", &own.to_string()), ("times", &TIMES.to_string())];
        children::spawn("append", &args)
    });
    workers.iter_mut().for_each(|worker| worker.expect("ready"));
    workers.iter_mut().for_each(|worker| worker.say("go"));
    while vector.len() <= 4 * TIMES as usize {
        let (len, sum) = (vector.len(), vector.get(0).unwrap().unwrap());
        assert!(sum == element(sum[0]) && vector.get(len - 1).unwrap().is_some(), "{sum:?} of {len}");
    }
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
    assert_eq!(vector.push(element(0)), Err(PushError::Full(element(0), 4 * TIMES as usize + 1)));
    let all = vector.to_vec().unwrap();
    assert_eq!(all[0], element(4 * TIMES));
    for own in 1..=4 {
        let theirs = all[1..].iter().filter(|now| now[0] >> 32 == own);
        assert!(theirs.copied().eq((0..TIMES).map(|number| element(own << 32 | number))));
    }
}

/// The elements are the numbers from 1 on, each once, in any order; there may be more than one step of the change between them.
fn change(args: &Args) {
    let vector = vector(args);
    let mut dice = Dice::new(args.number("seed"));
    children::say("ready");
    loop {
        let len = vector.len() as u64;
        let (a, b) = (dice.below(len + 1) as usize, dice.below(len + 1) as usize);
        match dice.below(8) {
            0 => _ = vector.swap(a, b).unwrap(),
            1 => vector.sort_unstable_by_key(|element| element[0]).unwrap(),
            2 => vector.sort_unstable_by_key(|element| element[0] % 7).unwrap(),
            3 => vector.lock().unwrap().reverse(),
            // The largest one is taken out; under one lock, so that no other one comes between.
            4 => {
                let mut all = vector.lock().unwrap();
                let most = all.len() as u64;
                if most > 4 {
                    all.retain(|element| element[0] != most);
                }
            }
            // And put in again.
            _ => {
                let mut all = vector.lock().unwrap();
                let next = all.len() as u64 + 1;
                match all.insert(a.min(all.len()), element(next)) {
                    Ok(()) | Err(PushError::Full(..)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}

/// Processes that change it are killed at random times: each number is there once and whole, and the length is right at once.
#[test]
fn killed_processes_leave_whole_vectors() {
    let _watchdog = Watchdog::new(LIMIT, "killed_processes_leave_whole_vectors");
    let name = TempName::new("killed");
    let vector = made(&name, 40);
    for number in 1..=20 {
        vector.push(element(number)).unwrap();
    }
    let check = || {
        let mut all = vector.to_vec().unwrap();
        all.sort_unstable();
        let len = all.len() as u64;
        assert!(len >= 4 && all.into_iter().eq((1..=len).map(element)), "{:?}", vector.lock());
    };
    for round in 0..30 {
        let mut writers = [1, 2].map(|number| {
            children::spawn("change", &[("name", name.as_str()), ("seed", &(2 * round + number).to_string())])
        });
        writers.iter_mut().for_each(|writer| writer.expect("ready"));
        (0..300).for_each(|_| check());
        writers.iter_mut().for_each(children::Child::sigkill);
        let len = vector.len();
        check();
        assert_eq!(vector.to_vec().unwrap().len(), len);
    }
}

fn hold(args: &Args) {
    let vector = vector(args);
    let mut all = vector.lock().unwrap();
    all.reverse();
    all.push(element(9)).unwrap();
    children::say("holds");
    let _ = children::hear();
}

/// A process that is stopped with the lock holds up the others, but not `len`; when it is killed, nothing has happened.
#[test]
fn a_killed_holder_has_changed_nothing() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_holder_has_changed_nothing");
    let name = TempName::new("stopped");
    let vector = made(&name, 3);
    vector.extend_from_slice(&[element(1), element(2)]).unwrap();
    let mut holder = children::spawn("hold", &[("name", name.as_str())]);
    holder.expect("holds");
    holder.sigstop();
    assert!(vector.lock_timeout(Duration::from_millis(20)).is_err_and(|error| error.is_timeout()));
    assert!(vector.try_lock().is_err_and(|error| error.would_block()));
    assert_eq!(vector.len(), 2);
    holder.sigkill();
    assert_eq!((vector.push(element(3)), vector.to_vec()), (Ok(()), Ok([1, 2, 3].map(element).to_vec())));
}

/// A vector does what the standard library's does, one by one and under a lock.
#[test]
fn it_is_a_vector() {
    let region = Region::options().anonymous().unwrap();
    let vector = region.vector::<[u8; 3]>("vector").capacity(50).create().unwrap();
    let mut std: Vec<[u8; 3]> = Vec::new();
    let mut dice = Dice::new(4711);
    for _ in 0..20_000 {
        let value = [dice.below(3) as u8, dice.below(100) as u8, dice.below(3) as u8];
        let (a, b) = (dice.below(60) as usize, dice.below(60) as usize);
        let (there, full) = (a < std.len(), std.len() == 50);
        let guarded = dice.below(2) == 0;
        match dice.below(12) {
            0 if guarded => assert_eq!(vector.lock().unwrap().remove(a), there.then(|| std.remove(a))),
            0 => assert_eq!(vector.remove(a), Ok(there.then(|| std.remove(a)))),
            1 if guarded => assert_eq!(vector.lock().unwrap().swap_remove(a), there.then(|| std.swap_remove(a))),
            1 => assert_eq!(vector.swap_remove(a), Ok(there.then(|| std.swap_remove(a)))),
            2 if guarded => assert_eq!(vector.lock().unwrap().pop(), std.pop()),
            2 => assert_eq!(vector.pop(), Ok(std.pop())),
            3 => {
                let change = |now: &mut [u8; 3]| now[1] = now[1].wrapping_add(3);
                assert_eq!(vector.update(a, change), Ok(std.get(a).copied()));
                std.get_mut(a).into_iter().for_each(change);
            }
            4 => {
                assert_eq!(vector.swap(a, b), Ok(a.max(b) < std.len()));
                if a.max(b) < std.len() {
                    std.swap(a, b);
                }
            }
            5 if dice.below(10) == 0 => {
                std.sort_unstable();
                vector.sort_unstable().unwrap();
            }
            5 => {
                assert_eq!(vector.set(a, value), Ok(std.get(a).copied()));
                std.get_mut(a).into_iter().for_each(|now| *now = value);
            }
            6 => {
                let keep = |now: &[u8; 3]| now[1] != value[1];
                vector.retain(keep).unwrap();
                std.retain(keep);
            }
            7 if guarded => {
                vector.lock().unwrap().truncate(a);
                std.truncate(a);
            }
            7 => {
                vector.truncate(a + 20).unwrap();
                std.truncate(a + 20);
            }
            8 => {
                let values = [value; 3];
                let room = std.len() + 3 <= 50;
                let wanted = if room { Ok(()) } else { Err(PushError::Full((), 50)) };
                assert_eq!(
                    if guarded {
                        vector.lock().unwrap().extend_from_slice(&values)
                    } else {
                        vector.extend_from_slice(&values)
                    },
                    wanted
                );
                if room {
                    std.extend_from_slice(&values);
                }
            }
            _ => {
                let wanted = match (a <= std.len(), full) {
                    (false, _) => Err(PushError::OutOfBounds(value, std.len())),
                    (true, true) => Err(PushError::Full(value, 50)),
                    (true, false) => {
                        std.insert(a, value);
                        Ok(())
                    }
                };
                let got = if guarded { vector.lock().unwrap().insert(a, value) } else { vector.insert(a, value) };
                assert_eq!(got, wanted);
            }
        }
        assert_eq!(
            (vector.len(), vector.is_empty(), vector.get(a)),
            (std.len(), std.is_empty(), Ok(std.get(a).copied()))
        );
    }
    assert_eq!(vector.to_vec().unwrap(), std);
    assert!(vector.lock().unwrap().into_iter().eq(&std));
}

/// A vector of 64 MiB is made, sorted and changed by a thread with a small stack. What is not used takes no memory of the copies.
#[test]
fn large_vectors_do_not_need_the_stack() {
    const LEN: usize = 8 << 20;
    let work = || {
        let region = Region::options().fit(&[Vector::<u64>::footprint(LEN)]).anonymous().unwrap();
        let vector = region.vector::<u64>("vector").capacity(LEN).create().unwrap();
        let part: Vec<u64> = (0..LEN as u64 / 8).rev().collect();
        for _ in 0..8 {
            vector.extend_from_slice(&part).unwrap();
        }
        assert!(vector.push(0).is_err_and(|error| error.is_full()));
        vector.sort_unstable().unwrap();
        assert_eq!(
            (vector.get(0), vector.get(8), vector.get(LEN - 1)),
            (Ok(Some(0)), Ok(Some(1)), Ok(Some(LEN as u64 / 8 - 1)))
        );
        assert_eq!((vector.remove(0), vector.insert(1, 7)), (Ok(Some(0)), Ok(())));
        assert_eq!(vector.set(LEN / 2, 9), Ok(Some(LEN as u64 / 16)));
        vector.retain(|number| *number == 7).unwrap();
        assert_eq!(vector.to_vec().unwrap(), [7; 9]);
        vector.lock().unwrap()[3] = 8;
        assert_eq!(vector.swap_remove(3), Ok(Some(8)));
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

/// Elements of every size, and the smallest vector.
#[test]
fn sizes() {
    fn round_trip<T: ipc_posix::VectorElement + std::fmt::Debug + PartialEq>(region: &Region, name: &str, two: [T; 2]) {
        let one = region.vector::<T>(name).capacity(1).create().unwrap();
        assert_eq!((one.push(two[0]), one.push(two[1])), (Ok(()), Err(PushError::Full(two[1], 1))));
        assert_eq!((one.set(0, two[1]), one.get(0), one.pop()), (Ok(Some(two[0])), Ok(Some(two[1])), Ok(Some(two[1]))));
        let three = region.vector::<T>(&format!("{name}, three")).capacity(3).create().unwrap();
        assert_eq!((three.extend_from_slice(&two), three.insert(0, two[1])), (Ok(()), Ok(())));
        assert_eq!((three.swap(0, 1), three.remove(1)), (Ok(true), Ok(Some(two[1]))));
        assert_eq!(three.lock().unwrap()[..], two);
    }
    let region = Region::options().size(1 << 20).anonymous().unwrap();
    round_trip(&region, "a", [1_u8, 2]);
    round_trip(&region, "b", [[1_u8, 2, 3], [4, 5, 6]]);
    round_trip(&region, "c", [1.5_f64, -0.0]);
    round_trip(&region, "d", [[5_u16; 1500], [6; 1500]]);
    round_trip(&region, "e", [1_u128, 2]);
    round_trip(&region, "f", [(), ()]);
}

/// Closures that panic or use the same vector, and guards that see a panic.
#[test]
fn closures() {
    let region = Region::options().anonymous().unwrap();
    let vector = region.vector::<u64>("vector").capacity(4).create().unwrap();
    vector.extend_from_slice(&[3, 1, 2]).unwrap();
    let panics = |act: &dyn Fn()| {
        assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
        assert_eq!((vector.to_vec().unwrap(), vector.try_lock().is_ok()), (vec![3, 1, 2], true));
    };
    let change = |now: &mut u64| {
        *now = 5;
        panic!("as planned");
    };
    panics(&|| _ = vector.update(0, change));
    panics(&|| _ = vector.retain(|number| if *number == 2 { panic!("as planned") } else { *number == 1 }));
    panics(&|| _ = vector.sort_unstable_by(|_, _| panic!("as planned")));
    panics(&|| {
        let mut guard = vector.lock().unwrap();
        guard[0] = 7;
        guard.push(8).unwrap();
        panic!("as planned");
    });
    let nested = vector.update(1, |now| match vector.push(1) {
        Err(PushError::Deadlock(1)) => *now = 6,
        other => panic!("{other:?}"),
    });
    assert_eq!((nested, vector.get(1)), (Ok(Some(1)), Ok(Some(6))));
    let guard = vector.lock().unwrap();
    assert_eq!((vector.pop(), vector.lock().map(drop)), (Err(WriteError::Deadlock), Err(WriteError::Deadlock)));
    drop(guard);
    assert_eq!(vector.pop(), Ok(Some(2)));
}

/// Capacity, sizes and schema are checked: each difference is told in words.
#[test]
fn shapes_are_checked() {
    let region = Region::options().anonymous().unwrap();
    let error = region.vector::<u64>("a").open_or_create().unwrap_err();
    assert_eq!(*error.kind(), ObjectErrorKind::NoCapacity);
    let vector = region.vector::<u64>("a").capacity(10).schema(7).create().unwrap();
    assert!(region.vector("a").schema(7).open().unwrap().same_object(&vector));
    let error = region.vector::<u64>("a").capacity(11).schema(7).open().unwrap_err();
    assert_eq!(error.to_string(), "vector \"a\": capacity 11 here, 10 in the region");
    let error = region.vector::<u32>("a").schema(7).any_type().open().unwrap_err();
    assert_eq!(error.to_string(), "vector \"a\": element size 4 here, 8 in the region");
    let error = region.vector::<u64>("b").capacity(usize::MAX).create().unwrap_err();
    assert_eq!(error.to_string(), format!("vector \"b\": a capacity of {} is not possible", usize::MAX));
    let list: Vec<String> = region.list().iter().map(ToString::to_string).collect();
    assert_eq!(list, ["vector \"a\" of 10 x 8 bytes, type u64, 512 bytes in all"]);
    vector.extend_from_slice(&[1; 10]).unwrap();
    assert_eq!(vector.push(5).unwrap_err().to_string(), "the vector is full: its capacity is 10");
    vector.truncate(2).unwrap();
    assert_eq!(vector.insert(3, 5).unwrap_err().to_string(), "the index is out of bounds: the vector's length is 2");
}

/// After fork, the child's handles and guards answer with an error.
#[test]
fn forked_handles_say_so() {
    let region = Region::options().anonymous().unwrap();
    let vector = region.vector::<u8>("a").capacity(3).create().unwrap();
    let mut guard = vector.lock().unwrap();
    guard.push(1).unwrap();
    assert!(children::holds_after_fork(|| vector.get(1) == Err(WriteError::Fault(Fault::Forked))
        && vector.push(1) == Err(PushError::Fault(1, Fault::Forked))
        && vector.capacity() == 3));
    assert_eq!(guard.push(2), Ok(()));
    drop(guard);
    assert_eq!(vector.to_vec().unwrap(), [1, 2]);
}
