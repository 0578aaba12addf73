//! Contracts of the vector.

use ipc_core::Platform;
use ipc_core::error::PushError;
use ipc_core::vector::Vector;

use super::{Role, SHORT, rounds};

/// What one does to the elements, the other finds; it is full when it is; and changes by both are all there.
pub fn elements<P: Platform>(vector: &Vector<'_, u64, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((vector.capacity(), vector.len(), vector.is_empty(), vector.pop()), (4, 0, true, Ok(None)));
        assert_eq!((vector.push(1), vector.extend_from_slice(&[2, 3])), (Ok(()), Ok(())));
        let too_many = vector.extend_from_slice(&[4, 5]);
        assert_eq!((too_many, vector.insert(4, 9)), (Err(PushError::Full((), 4)), Err(PushError::OutOfBounds(9, 3))));
    });
    role.two(|| {
        assert_eq!(
            (vector.len(), vector.get(0), vector.get(2), vector.get(3)),
            (3, Ok(Some(1)), Ok(Some(3)), Ok(None))
        );
        assert_eq!((vector.insert(1, 7), vector.push(8)), (Ok(()), Err(PushError::Full(8, 4))));
        assert_eq!((vector.set(0, 6), vector.set(4, 0), vector.swap(0, 3)), (Ok(Some(1)), Ok(None), Ok(true)));
        assert_eq!((vector.swap(0, 4), vector.update(9, |_| unreachable!())), (Ok(false), Ok(None)));
    });
    role.one(|| {
        let mut room = [0; 5];
        assert_eq!((vector.read(1, &mut room), room), (Ok(3), [7, 2, 6, 0, 0]));
        assert_eq!((vector.read(4, &mut room), vector.read(9, &mut room[..2])), (Ok(0), Ok(0)));
        assert_eq!(vector.read(0, &mut room[..2]).map(|count| room[..count].to_vec()), Ok(vec![3, 7]));
        assert_eq!((vector.remove(0), vector.swap_remove(0), vector.remove(2)), (Ok(Some(3)), Ok(Some(7)), Ok(None)));
        assert_eq!(vector.lock().expect("nobody has it")[..], [6, 2]);
    });
    role.two(|| {
        assert_eq!((vector.extend_from_slice(&[9, 4]), vector.sort_unstable(), vector.len()), (Ok(()), Ok(()), 4));
        assert_eq!(vector.retain(|number| *number != 4), Ok(()));
        assert_eq!(vector.lock().expect("nobody has it")[..], [2, 6, 9]);
        assert_eq!(vector.sort_unstable_by_key(|number| u64::MAX - number), Ok(()));
        assert_eq!(
            (vector.truncate(7), vector.truncate(1), vector.get(0), vector.len()),
            (Ok(()), Ok(()), Ok(Some(9)), 1)
        );
        assert_eq!((vector.clear(), vector.push(0)), (Ok(()), Ok(())));
    });
    let times = rounds(100);
    let add = || {
        for _ in 0..times {
            assert!(vector.update(0, |sum| *sum += 1).is_ok_and(|old| old.is_some()));
            assert_eq!(vector.push(7), Ok(()));
            assert_eq!(vector.pop(), Ok(Some(7)));
        }
    };
    role.at_once(add, add);
    role.two(|| assert_eq!((vector.get(0), vector.len()), (Ok(Some(2 * times)), 1)));
}

/// A lock keeps all others out, but not from the length, and its changes count together, or not at all.
pub fn locks<P: Platform>(vector: &Vector<'_, u64, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(vector.extend_from_slice(&[3, 1, 2]), Ok(())));
    let guard = role.one(|| {
        let mut guard = vector.lock().expect("nobody has it");
        guard.sort_unstable();
        assert_eq!((guard.push(4), guard.push(5)), (Ok(()), Err(PushError::Full(5, 4))));
        guard
    });
    role.two(|| {
        assert!(vector.try_lock().is_err_and(|error| error.would_block()));
        assert!(vector.lock_timeout(SHORT).is_err_and(|error| error.is_timeout()));
        assert_eq!(vector.len(), 3);
    });
    drop(guard);
    role.two(|| {
        let mut guard = vector.lock().expect("nobody has it");
        assert_eq!((&guard[..], guard.capacity()), (&[1, 2, 3, 4][..], 4));
        assert_eq!((guard.insert(5, 0), guard.remove(4)), (Err(PushError::OutOfBounds(0, 4)), None));
        assert_eq!((guard.swap_remove(0), guard.remove(1), guard.pop(), guard.len()), (Some(1), Some(2), Some(3), 1));
        assert_eq!(
            (guard.extend_from_slice(&[7; 4]), guard.extend_from_slice(&[8, 9])),
            (Err(PushError::Full((), 4)), Ok(()))
        );
        assert_eq!((guard.insert(0, 5), guard.iter().sum::<u64>()), (Ok(()), 26));
        guard.retain(|number| *number % 2 == 1);
    });
    role.one(|| {
        let mut guard = vector.lock().expect("nobody has it");
        assert_eq!(guard[..], [5, 9]);
        guard.clear();
        guard.discard();
        let mut guard = vector.try_lock().expect("nobody has it");
        guard.truncate(1);
        // Behind the end of what counts, and on it.
        assert_eq!((guard.push(6), guard.push(7), guard.len()), (Ok(()), Ok(()), 3));
        guard.discard();
        let mut guard = vector.try_lock().expect("nobody has it");
        assert_eq!((guard.push(6), guard.pop(), guard.pop(), guard.push(8)), (Ok(()), Some(6), Some(9), Ok(())));
    });
    role.two(|| assert_eq!(vector.lock().expect("nobody has it").to_vec(), [5, 8]));
}
