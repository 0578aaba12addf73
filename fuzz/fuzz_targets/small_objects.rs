//! Locks, permits, events, cells and barriers in memory whose words a faulty peer changes between (not during) operations.
//!
//! No operation may panic, wait beyond its deadline, touch memory outside, or leave a participant seized.
#![no_main]

use std::hint::black_box;

use ipc_core::object::{Schema, Zeroes};
use ipc_core::rwlock::RwLockWriteGuard;
use ipc_core::time::Instant;
use ipc_core::{array, atomic, barrier, event, map, mutex, once, rwlock, semaphore, vector, watch};
use ipc_fuzz::element::{Colour, Element};
use ipc_fuzz::guarded::TheValueMutex;
use ipc_fuzz::input::Input;
use ipc_fuzz::play::{HandleOf, Script, play};
use ipc_fuzz::seeds;
use ipc_fuzz::written::TheValueWatch;
use libfuzzer_sys::fuzz_target;

const PARTICIPANTS: u32 = 8;
const SCHEMA: Schema = Schema::new(7);

type Data = [u64; 3];

fuzz_target!(
    init: seeds::plant(seeds::modes(&(0..18).collect::<Vec<u8>>())),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        match input.byte() % 18 {
            0 => play::<TheMutex>(&mut input),
            1 => play::<TheReentrantMutex>(&mut input),
            2 => play::<TheRwLock>(&mut input),
            3 => play::<TheSemaphore>(&mut input),
            4 => play::<TheEvent>(&mut input),
            5 => play::<TheEventGroup>(&mut input),
            6 => play::<TheAtomic>(&mut input),
            7 => play::<TheOnceCell>(&mut input),
            8 => play::<TheWatch>(&mut input),
            9 => play::<TheArray>(&mut input),
            10 => play::<TheMutexArray>(&mut input),
            11 => play::<TheRwLockArray>(&mut input),
            12 => play::<TheMap>(&mut input),
            13 => play::<TheVector>(&mut input),
            14 => play::<TheByteMap>(&mut input),
            15 => play::<TheBarrier>(&mut input),
            16 => play::<TheValueMutex>(&mut input),
            _ => play::<TheValueWatch>(&mut input),
        }
    }
);

struct TheMutex;
struct TheReentrantMutex;
struct TheRwLock;
struct TheSemaphore;
struct TheEvent;
struct TheEventGroup;
struct TheAtomic;
struct TheOnceCell;
struct TheWatch;
struct TheBarrier;
struct TheArray;
struct TheMutexArray;
struct TheRwLockArray;
struct TheMap;
struct TheVector;
struct TheByteMap;

impl Script for TheMutex {
    type Wanted = mutex::Options<Data>;

    fn wanted() -> Self::Wanted {
        mutex::Options { initial: [1; 3], schema: SCHEMA }
    }
    fn step(input: &mut Input<'_>, mutex: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        match input.below(5) {
            0 => match mutex.try_lock() {
                Ok(mut guard) => guard[0] = guard[0].wrapping_add(1),
                Err(error) => drop(black_box(error.to_string())),
            },
            1 => match mutex.lock_deadline(deadline) {
                Ok(guard) if input.bit() => std::mem::forget(guard),
                Ok(guard) => guard.mark_consistent().unwrap(),
                Err(error) => drop(black_box(error.to_string())),
            },
            2 => {
                if let Ok(mut change) = mutex.lock_transaction_deadline(deadline) {
                    change[1] = change[1].wrapping_add(1);
                    if input.bit() {
                        change.commit().unwrap();
                    }
                }
            }
            3 => mutex.clear_poison().unwrap(),
            _ => _ = black_box((mutex.is_poisoned(), mutex.is_locked())),
        }
    }
}

impl Script for TheMutexArray {
    type Wanted = mutex::SliceOptions<u64>;

    fn wanted() -> Self::Wanted {
        mutex::SliceOptions { len: 3, initial: 1, schema: SCHEMA }
    }
    fn step(input: &mut Input<'_>, mutex: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        if input.bit() {
            if let Ok(mut guard) = mutex.lock_deadline(deadline) {
                guard[2] = guard[2].wrapping_add(1);
            }
        } else if let Ok(mut change) = mutex.lock_transaction_deadline(deadline) {
            change[1] = change[1].wrapping_add(1);
            change.store().unwrap();
            change[0] = change[0].wrapping_add(1);
            if input.bit() {
                change.commit().unwrap();
            }
        }
    }
}

impl Script for TheRwLockArray {
    type Wanted = rwlock::SliceOptions<u16>;

    fn wanted() -> Self::Wanted {
        rwlock::SliceOptions { len: 3, initial: 1, schema: SCHEMA, participants: PARTICIPANTS }
    }
    fn step(input: &mut Input<'_>, lock: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        if input.bit() {
            if let Ok(mut guard) = lock.write_deadline(deadline) {
                guard[2] = guard[2].wrapping_add(1);
            }
        } else if let Ok(guard) = lock.read_deadline(deadline) {
            black_box(guard.iter().fold(0, |sum: u16, value| sum.wrapping_add(*value)));
        }
    }
}

impl Script for TheReentrantMutex {
    type Wanted = mutex::ReentrantOptions<Zeroes<Data>>;

    fn wanted() -> Self::Wanted {
        mutex::ReentrantOptions::default()
    }
    fn step(input: &mut Input<'_>, mutex: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        if let Ok(first) = mutex.lock_deadline(deadline) {
            black_box(first.get().is_ok());
            if let Ok(second) = mutex.try_lock() {
                black_box(second.set([input.u64(); 3]).is_ok());
            }
            if input.below(4) == 0 {
                std::mem::forget(first);
            }
        }
    }
}

impl Script for TheRwLock {
    type Wanted = rwlock::Options<Data>;

    fn wanted() -> Self::Wanted {
        rwlock::Options { initial: [1; 3], schema: SCHEMA, participants: PARTICIPANTS }
    }
    fn step(input: &mut Input<'_>, lock: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        match input.below(6) {
            0 => match lock.try_read() {
                Ok(guard) if input.bit() => std::mem::forget(guard),
                Ok(guard) => _ = black_box(*guard),
                Err(error) => drop(black_box(error.to_string())),
            },
            1 => match lock.read_deadline(deadline) {
                Ok(guard) => _ = black_box(*guard),
                Err(error) => drop(black_box(error.to_string())),
            },
            2 => match lock.try_write() {
                Ok(mut guard) => guard[0] = guard[0].wrapping_add(1),
                Err(error) => drop(black_box(error.to_string())),
            },
            3 | 4 => match lock.write_deadline(deadline) {
                Ok(guard) if input.bit() => drop(RwLockWriteGuard::downgrade(guard).is_ok()),
                Ok(guard) if input.bit() => std::mem::forget(guard),
                Ok(guard) => guard.mark_consistent().unwrap(),
                Err(error) => drop(black_box(error.to_string())),
            },
            _ => {
                black_box(lock.is_poisoned());
                lock.clear_poison().unwrap();
            }
        }
    }
}

impl Script for TheSemaphore {
    type Wanted = semaphore::Options;

    fn wanted() -> Self::Wanted {
        semaphore::Options { permits: Some(3), max: Some(9), bounded: false }
    }
    fn step(input: &mut Input<'_>, semaphore: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        let number = 1 + input.below(10) as u32;
        match input.below(6) {
            0 => match semaphore.try_acquire_many(number) {
                Ok(permit) if input.bit() => std::mem::forget(permit),
                Ok(permit) if input.bit() => permit.forget().unwrap(),
                Ok(permit) => drop(permit),
                Err(error) => drop(black_box(error.to_string())),
            },
            1 => drop(black_box(semaphore.acquire_deadline(deadline).is_ok())),
            2 => drop(black_box(semaphore.acquire_many_deadline(number, deadline).is_ok())),
            3 => drop(black_box(semaphore.release(number).is_ok())),
            4 => assert!(semaphore.available() <= semaphore.max()),
            _ => {
                if input.below(8) == 0 {
                    semaphore.close().unwrap();
                }
                black_box(semaphore.is_closed());
            }
        }
    }
}

impl Script for TheEvent {
    type Wanted = event::Options;

    fn wanted() -> Self::Wanted {
        event::Options { reset: event::Reset::Auto, initial: false }
    }
    fn step(input: &mut Input<'_>, event: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        black_box(match input.below(5) {
            0 => event.set(),
            1 => event.clear(),
            2 => event.try_wait(),
            3 => event.wait_deadline(deadline).map(|()| true).or(Ok(false)),
            _ => Ok(event.is_set()),
        })
        .expect("no fork");
    }
}

impl Script for TheEventGroup {
    type Wanted = event::GroupOptions;

    fn wanted() -> Self::Wanted {
        event::GroupOptions { initial: 5, schema: 0.into() }
    }
    fn step(input: &mut Input<'_>, group: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        let flags = 1 << input.below(32) | 1 << input.below(32);
        match input.below(10) {
            0 => _ = black_box(group.set(flags)),
            1 => _ = black_box(group.clear(flags)),
            2 => _ = black_box(group.try_wait_any(flags)),
            3 => _ = black_box(group.try_wait_all(flags)),
            4 => _ = black_box(group.try_take_any(flags)),
            5 => _ = black_box(group.try_take_all(flags)),
            6 => _ = black_box(group.wait_any_deadline(flags, deadline)),
            7 => _ = black_box(group.wait_all_deadline(flags, deadline)),
            8 => _ = black_box(group.take_any_deadline(flags, deadline)),
            _ => _ = black_box(group.take_all_deadline(flags, deadline)),
        }
    }
}

impl Script for TheAtomic {
    type Wanted = atomic::Options<i32>;

    fn wanted() -> Self::Wanted {
        atomic::Options { initial: -1, schema: SCHEMA }
    }
    fn step(input: &mut Input<'_>, cell: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        let value = input.u16().into();
        match input.below(5) {
            0 => _ = black_box(cell.fetch_add(value)),
            1 => _ = black_box(cell.compare_exchange(-1, value)),
            2 => _ = black_box(cell.fetch_update(|now| now.checked_add(1))),
            3 => _ = black_box(cell.wait_update_deadline(deadline, |now| (now == value).then_some(0))),
            _ => _ = black_box(cell.wait_until_deadline(deadline, |now| now > value)),
        }
    }
}

impl Script for TheArray {
    // Any byte has to be read as one of two values.
    type Wanted = array::Options<bool>;

    fn wanted() -> Self::Wanted {
        array::Options { initial: true, schema: SCHEMA, ..array::Options::new(70) }
    }
    fn step(input: &mut Input<'_>, array: &HandleOf<'_, Self::Wanted>, _: Instant) {
        assert_eq!(array.len(), 70);
        let (index, value) = (input.below(70), input.bit());
        match input.below(7) {
            0 => _ = black_box(array.get(index)),
            1 => _ = black_box(array.set(index, value)),
            2 => _ = black_box(array.at(index).compare_exchange(!value, value)),
            3 => _ = black_box(array.at(index).fetch_update(|now| (now == value).then_some(!now))),
            4 => _ = black_box(array.fill(value)),
            5 => {
                let mut some = [false; 70];
                _ = black_box(array.copy_to_slice(index, &mut some[index..]));
                _ = black_box(array.copy_from_slice(0, &some[..index]));
            }
            _ => assert!(array.iter().map(u32::from).sum::<u32>() <= 70),
        }
    }
}

impl Script for TheMap {
    type Wanted = map::Options<u8, Colour>;

    fn wanted() -> Self::Wanted {
        let mut wanted = map::Options::new(5, [1, 2]);
        wanted.schema = SCHEMA;
        wanted
    }
    fn step(input: &mut Input<'_>, map: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        assert_eq!(map.capacity(), 5);
        let (key, colour) = (input.below(7) as u8, Colour::number(input.byte().into()));
        match input.below(5) {
            0 => _ = black_box((map.get(&key).is_ok(), map.contains_key(&key))),
            1 => assert!(map.len() <= 5 && map.iter().count() <= 5),
            // Through a lock with a deadline: a word that says that a living peer is at it makes it wait.
            _ => {
                if let Ok(mut map) = map.lock_deadline(deadline) {
                    match input.below(6) {
                        0 | 1 => _ = black_box(map.insert(key, colour).is_ok()),
                        2 => _ = black_box(map.remove(&key).is_ok()),
                        3 => _ = black_box(map.update(&key, |now| *now = colour).is_ok()),
                        4 => _ = black_box(map.entry(key).or_insert(colour).is_ok()),
                        _ => _ = black_box(map.clear().is_ok()),
                    }
                    if input.below(8) == 0 {
                        std::mem::forget(map);
                    }
                }
            }
        }
    }
}

impl Script for TheByteMap {
    type Wanted = map::ByteOptions;

    fn wanted() -> Self::Wanted {
        let (max_key, max_value) = (Some(3), Some(20));
        map::ByteOptions { max_key, max_value, schema: SCHEMA, ..map::ByteOptions::new(5, [1, 2]) }
    }
    fn step(input: &mut Input<'_>, map: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        assert_eq!((map.capacity(), map.max_key(), map.max_value()), (5, 3, 20));
        let (key, value) = (vec![1; input.below(5) as usize], vec![2; input.below(22) as usize]);
        match input.below(6) {
            0 => {
                let len = map.get(&key, &mut [0; 12]).ok().flatten();
                assert!(len.is_none_or(|len| len <= 12));
            }
            1 => assert!(map.get_vec(&key).ok().flatten().is_none_or(|value| value.len() <= 24)),
            2 => assert!(map.len() <= 5 && map.iter().all(|(key, value)| key.len() <= 8 && value.len() <= 24)),
            // As for the map.
            _ => {
                if let Ok(mut map) = map.lock_deadline(deadline) {
                    match input.below(7) {
                        0 | 1 => _ = black_box(map.insert(key, value).is_ok()),
                        2 => _ = black_box(map.remove(key).is_ok()),
                        3 => _ = black_box(map.update(key, |now| *now = value).is_ok()),
                        4 => _ = black_box(map.get_or_insert_with(key, || value).is_ok()),
                        5 => _ = black_box(map.alter(key, |now| now.is_none().then_some(value)).is_ok()),
                        _ => _ = black_box(map.clear().is_ok()),
                    }
                    if input.below(8) == 0 {
                        std::mem::forget(map);
                    }
                }
            }
        }
    }
}

impl Script for TheVector {
    type Wanted = vector::Options<Data>;

    fn wanted() -> Self::Wanted {
        let mut wanted = vector::Options::new(5);
        wanted.schema = SCHEMA;
        wanted
    }
    fn step(input: &mut Input<'_>, vector: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        assert!(vector.capacity() == 5 && vector.len() <= 5);
        let (a, b, value) = (input.below(7) as usize, input.below(7) as usize, [u64::from(input.byte()); 3]);
        // A word may say that a living peer has the lock, which would be waited for: so with a deadline first.
        let Ok(mut guard) = vector.lock_deadline(deadline) else { return };
        if input.below(3) == 0 {
            assert!(guard.len() <= 5);
            match input.below(8) {
                0 => _ = black_box(guard.push(value).is_ok()),
                1 => _ = black_box(guard.insert(a, value).is_ok()),
                2 => _ = black_box(guard.extend_from_slice(&[value; 2]).is_ok()),
                3 => _ = black_box((guard.remove(a), guard.swap_remove(b))),
                4 => guard.retain(|element| element[0] < value[0]),
                5 => guard.sort_unstable(),
                6 => guard.truncate(a),
                _ => _ = black_box(guard.pop()),
            }
            match input.below(8) {
                0 => std::mem::forget(guard),
                1 => guard.discard(),
                _ => {}
            }
            return;
        }
        drop(guard);
        match input.below(12) {
            0 => _ = black_box(vector.push(value).is_ok()),
            1 => _ = black_box(vector.insert(a, value).is_ok()),
            2 => _ = black_box(vector.extend_from_slice(&[value; 2]).is_ok()),
            3 => _ = black_box(vector.remove(a).is_ok()),
            4 => _ = black_box(vector.swap_remove(a).is_ok()),
            5 => _ = black_box(vector.swap(a, b).is_ok()),
            6 => _ = black_box(vector.set(a, value).is_ok()),
            7 => _ = black_box(vector.update(a, |now| now[1] = value[0]).is_ok()),
            8 => _ = black_box((vector.get(a).is_ok(), vector.pop().is_ok())),
            9 => assert!(vector.read(a, &mut [value; 4]).is_ok_and(|count| count <= 4) || vector.len() <= 5),
            10 => _ = black_box(vector.truncate(a).is_ok()),
            _ => _ = black_box(vector.sort_unstable().is_ok()),
        }
    }
}

impl Script for TheOnceCell {
    type Wanted = once::Options<Colour>;

    fn wanted() -> Self::Wanted {
        let mut wanted = once::Options::new();
        wanted.schema = SCHEMA;
        wanted
    }
    fn step(input: &mut Input<'_>, cell: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        // Setting has no deadline: a word that says that a living peer is at it makes it wait.
        match input.below(3) {
            0 => _ = black_box(cell.get().is_ok()),
            1 => _ = black_box(cell.wait_deadline(deadline)),
            _ => _ = black_box(cell.is_set()),
        }
    }
}

impl Script for TheWatch {
    type Wanted = watch::Options<Colour>;

    fn wanted() -> Self::Wanted {
        watch::Options { initial: Colour::number(0), schema: SCHEMA }
    }
    fn step(input: &mut Input<'_>, watch: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        match input.below(6) {
            0 => _ = black_box(watch.get_versioned().map(|now| now.age)),
            4 => {
                if let Ok(mut reader) = watch.subscribe() {
                    black_box((reader.changed_deadline(deadline).is_ok(), reader.try_changed().is_ok()));
                }
            }
            5 => {
                let writer = watch.writer().expect("no fork");
                black_box(writer.set_deadline(Colour::number(1), deadline).is_ok());
            }
            1 => _ = black_box(watch.set_deadline(Colour::number(input.byte().into()), deadline).is_ok()),
            2 => _ = black_box(watch.wait_for_change_deadline(input.below(3) as u64, deadline).is_ok()),
            _ => _ = black_box(watch.get()),
        }
    }
}

impl Script for TheBarrier {
    type Wanted = barrier::Options;

    fn wanted() -> Self::Wanted {
        barrier::Options { parties: Some(3) }
    }
    fn step(input: &mut Input<'_>, barrier: &HandleOf<'_, Self::Wanted>, deadline: Instant) {
        match input.below(7) {
            0 | 1 => match barrier.wait_deadline(deadline) {
                Ok(leads) => _ = black_box(leads),
                Err(error) => drop(black_box(error.to_string())),
            },
            2 => drop(black_box(barrier.join().is_ok())),
            3 => barrier.leave().expect("no fork"),
            4 => drop(black_box(barrier.abort().is_ok())),
            5 => drop(black_box(barrier.reset().is_ok())),
            _ => assert!(barrier.waiting() <= barrier.parties() as usize),
        }
    }
}
