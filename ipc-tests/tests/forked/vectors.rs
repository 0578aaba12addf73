//! The calls of a vector.

use std::time::{Duration, Instant};

use ipc_posix::Region;

use super::{Calls, answers, panics, refuses, theirs};
use crate::forked;

/// Calls every method.
pub fn vectors(calls: &mut Calls) {
    let (short, soon) = (Duration::from_millis(1), Instant::now() + Duration::from_millis(1));
    let region = Region::options().anonymous().expect("a region");
    let vector = region.vector::<u64>("vector").capacity(4).create().expect("new");
    vector.push(1).expect("room");
    refuses!(calls, "vector::Vector", vector: push(1) extend_from_slice(&[1]) pop() get(0) read(0, &mut [0]) to_vec() set(0, 1)
        update(0, |_| ()) swap(0, 0) insert(0, 1) remove(0) swap_remove(0) truncate(0) clear() retain(|_| true)
        sort_unstable() sort_unstable_by(u64::cmp) sort_unstable_by_key(|it| *it) lock() try_lock() lock_timeout(short) lock_deadline(soon));
    panics!(calls, "vector::Vector", vector: len() is_empty());
    answers!(calls, "vector::Vector", vector: clone() capacity() name() region() same_object(&vector));
    let guard = vector.lock().expect("nobody has it");
    refuses!(calls, "vector::VectorGuard", guard: push(1) insert(0, 1) extend_from_slice(&[1]));
    panics!(calls, "vector::VectorGuard", guard: pop() remove(0) swap_remove(0) truncate(0) clear() retain(|_| true));
    answers!(calls, "vector::VectorGuard", guard: discard() capacity());
}
