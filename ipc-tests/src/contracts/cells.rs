//! Contracts of atomic cells, once cells and latest-value cells.

use ipc_core::Platform;
use ipc_core::array::Array;
use ipc_core::atomic::Atomic;
use ipc_core::error::{ChangedError, ChangedTimeoutError, InsertError, SetError, TryChangedError, WaitTimeoutError};
use ipc_core::map::Map;
use ipc_core::once::OnceCell;
use ipc_core::watch::Watch;

use super::{Role, SHORT, rounds};

/// A wait ends when its condition holds, with the value for which it did; of two that wait to change one value, one gets it.
pub fn atomic_waits<P: Platform>(cell: &Atomic<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((cell.fetch_add(2), cell.swap(5), cell.load()), (Ok(0), Ok(2), Ok(5)));
        assert_eq!((cell.compare_exchange(4, 6), cell.compare_exchange(5, 0)), (Ok(Err(5)), Ok(Ok(5))));
        assert_eq!(cell.wait_until_timeout(SHORT, |value| value > 0), Err(WaitTimeoutError::Timeout));
    });
    role.at_once(|| assert_eq!(cell.store(7), Ok(())), || assert_eq!(cell.wait_until(|value| value > 0), Ok(7)));
    role.one(|| assert_eq!(cell.store(0), Ok(())));
    // A hundred tickets for one, handed over one by one.
    let give = || (0..rounds(100)).for_each(|_| assert!(cell.wait_update(|left| (left < 3).then(|| left + 1)).is_ok()));
    let take = || (0..rounds(100)).for_each(|_| assert!(cell.wait_update(|left| left.checked_sub(1)).is_ok()));
    role.at_once(give, take);
    role.two(|| assert_eq!(cell.load(), Ok(0)));
}

/// Each element is its own: changes of one meet, neighbours stay, and who sees the last one of a copy sees all of it.
pub fn array<P: Platform>(array: &Array<'_, u16, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((array.len(), array.get(4), array.get(5)), (5, Some(9), None));
        assert_eq!((array.copy_from_slice(1, &[1, 2, 3]), array.at(2).fetch_sub(3)), (Ok(()), Ok(2)));
    });
    role.two(|| {
        let mut out = [0; 3];
        assert_eq!(array.copy_to_slice(1, &mut out), Ok(()));
        assert_eq!(out, [1, u16::MAX, 3]);
        assert!(array.iter().eq([9, 1, u16::MAX, 3, 9]));
        assert_eq!(array.fill(0), Ok(()));
    });
    let times = rounds(200) as u16;
    let add = || (0..times).for_each(|_| assert!(array.at(2).fetch_add(1).is_ok()));
    role.at_once(add, add);
    role.two(|| assert!(array.iter().eq([0, 0, 2 * times, 0, 0])));
    role.at_once(
        || assert_eq!(array.copy_from_slice(3, &[7, 8]), Ok(())),
        || {
            // The last one comes after the one in front of it.
            if array.get(4) == Some(8) {
                assert_eq!(array.get(3), Some(7));
            }
        },
    );
}

/// A cell is set once, by one, and everybody sees that value; waiters get it.
pub fn once<P: Platform>(cell: &OnceCell<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((cell.is_set(), cell.get()), (false, Ok(None)));
        assert_eq!(cell.wait_timeout(SHORT), Err(WaitTimeoutError::Timeout));
    });
    role.at_once(|| assert_eq!(cell.get_or_init(|| 7), Ok(7)), || assert_eq!(cell.wait(), Ok(7)));
    role.two(|| {
        assert_eq!(cell.set(8), Err(SetError::AlreadySet(8)));
        assert_eq!(cell.get_or_init(|| unreachable!("it is set")), Ok(7));
        assert_eq!((cell.is_set(), cell.get()), (true, Ok(Some(7))));
    });
}

/// Each write is a version; a wait for a change has the latest one, and no update is lost.
pub fn watch_versions<P: Platform>(watch: &Watch<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((watch.get(), watch.version()), (Ok(0), Ok(0)));
        assert_eq!(watch.wait_for_change_timeout(0, SHORT).err(), Some(WaitTimeoutError::Timeout));
        assert_eq!((watch.set(5), watch.set(6)), (Ok(1), Ok(2)));
    });
    role.two(|| {
        let latest = watch.wait_for_change(0).expect("there is one");
        assert_eq!((latest.value, latest.version), (6, 2));
    });
    let times = rounds(200);
    let add = || (0..times).for_each(|_| assert!(watch.update(|value| value + 1).is_ok()));
    role.at_once(add, add);
    role.one(|| assert_eq!((watch.get(), watch.version()), (Ok(6 + 2 * times), Ok(2 + 2 * times))));
    role.at_once(
        || assert_eq!(watch.set(1000), Ok(3 + 2 * times)),
        || assert_eq!(watch.wait_until(|value| *value == 1000), Ok(1000)),
    );
}

/// A reader is told once of what it has not seen, and misses what was overwritten.
pub fn watch_reader<P: Platform + Clone>(watch: &Watch<'_, u64, P>, role: &Role<'_>) {
    let mut reader = role.two(|| watch.subscribe().expect("the memory is here"));
    role.one(|| assert_eq!((watch.set(1), watch.set(2)), (Ok(1), Ok(2))));
    role.two(|| {
        let reader = reader.as_mut().expect("it is here");
        assert_eq!((reader.has_changed(), reader.changed(), reader.seen()), (Ok(true), Ok(2), 2));
        assert_eq!((reader.has_changed(), reader.try_changed()), (Ok(false), Err(TryChangedError::Unchanged)));
        assert_eq!(reader.changed_timeout(SHORT), Err(ChangedTimeoutError::Timeout));
    });
    role.at_once(
        || assert_eq!(watch.set(3), Ok(3)),
        || assert_eq!(reader.as_mut().expect("it is here").changed(), Ok(3)),
    );
}

/// When the last counted writer is gone, readers get the latest value and are told.
pub fn watch_abandoned<P: Platform + Clone>(watch: &Watch<'_, u64, P>, role: &Role<'_>) {
    let writer = role.one(|| watch.writer().expect("a writer"));
    let reader = role.two(|| watch.subscribe().expect("the memory is here"));
    role.one(|| assert_eq!(writer.expect("it is here").set(1), Ok(1)));
    role.two(|| {
        let mut reader = reader.expect("it is here");
        assert_eq!((reader.changed(), reader.changed()), (Ok(1), Err(ChangedError::Disconnected)));
    });
}

/// What one puts in, the other finds; changes of one key by both are all there; and it is full when it is.
pub fn map<P: Platform>(map: &Map<'_, u16, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((map.capacity(), map.len(), map.is_empty(), map.get(&1)), (3, 0, true, Ok(None)));
        assert_eq!((map.insert(1, 10), map.insert(2, 20), map.insert(1, 11)), (Ok(None), Ok(None), Ok(Some(10))));
    });
    role.two(|| {
        assert_eq!((map.len(), map.get(&1), map.contains_key(&2), map.get(&3)), (2, Ok(Some(11)), Ok(true), Ok(None)));
        assert_eq!(map.entry(3).or_insert_with_key(|key| u64::from(*key) * 10), Ok(30));
        assert_eq!((map.insert(4, 40), map.entry(4).or_default()), (Err(InsertError::Full), Err(InsertError::Full)));
        assert_eq!((map.insert(2, 21), map.remove(&1), map.remove(&1)), (Ok(Some(20)), Ok(Some(11)), Ok(None)));
    });
    role.one(|| {
        let mut all: Vec<_> = map.iter().collect();
        all.sort_unstable();
        assert_eq!((all, map.values().sum::<u64>()), (vec![(2, 21), (3, 30)], 51));
        assert_eq!((map.update(&9, |_| unreachable!()), map.clear(), map.len()), (Ok(None), Ok(()), 0));
    });
    let times = rounds(100);
    let add = || {
        for _ in 0..times {
            assert!(map.entry(7).and_modify(|sum| *sum += 1).or_insert(1).is_ok());
        }
    };
    role.at_once(add, add);
    role.two(|| assert_eq!((map.get(&7), map.len()), (Ok(Some(2 * times)), 1)));
    // A lock keeps other writers out, and not readers.
    let guard = role.one(|| map.lock().expect("nobody writes"));
    role.two(|| {
        assert!(map.try_lock().is_err_and(|error| error.would_block()));
        assert!(map.lock_timeout(SHORT).is_err_and(|error| error.is_timeout()));
        assert_eq!(map.get(&7), Ok(Some(2 * times)));
    });
    role.one(|| {
        let mut guard = guard.expect("this one has it");
        assert_eq!((guard.update(&7, |sum| *sum = 1), guard.insert(8, 2)), (Ok(Some(2 * times)), Ok(None)));
        assert_eq!((guard.entry(9).or_insert(3), guard.values().sum::<u64>()), (Ok(3), 6));
        assert_eq!((guard.remove(&9), guard.len(), guard.get(&8)), (Ok(Some(3)), 2, Ok(Some(2))));
    });
    role.two(|| assert_eq!((map.try_lock().map(drop), map.remove(&7)), (Ok(()), Ok(Some(1)))));
}
