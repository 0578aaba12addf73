//! Contracts of the condition variable.

use std::time::Duration;

use ipc_core::Platform;
use ipc_core::condvar::Condvar;
use ipc_core::mutex::Mutex;

use super::{Role, rounds};

/// A wait gives the lock back and has it again when it ends; a notification ends it, and a time limit does.
pub fn notify<P: Platform>((mutex, changed): &(Mutex<'_, u64, P>, Condvar<'_, P>), role: &Role<'_>) {
    role.one(|| {
        let guard = mutex.lock().expect("it is free");
        let (guard, result) =
            changed.wait_timeout_while(guard, Duration::from_millis(2), |value| *value == 0).expect("nobody panics");
        assert!(result.timed_out() && *guard == 0 && mutex.is_locked());
    });
    role.at_once(
        || {
            let guard = mutex.lock().expect("free soon");
            let guard = changed.wait_while(guard, |value| *value == 0).expect("nobody panics");
            assert_eq!(*guard, 1);
        },
        || {
            *mutex.lock().expect("free soon") = 1;
            changed.notify_one().expect("the memory is here");
        },
    );
    role.two(|| assert!(!mutex.is_locked()));
}

/// Two that wait for each other's changes take turns, each woken by the other.
pub fn turns<P: Platform>((mutex, changed): &(Mutex<'_, u64, P>, Condvar<'_, P>), role: &Role<'_>) {
    let turns = |mine: u64| {
        for _ in 0..rounds(50) {
            let guard = mutex.lock().expect("free soon");
            let mut guard = changed.wait_while(guard, |value| *value % 2 != mine).expect("nobody panics");
            *guard += 1;
            drop(guard);
            changed.notify_all().expect("the memory is here");
        }
    };
    role.at_once(|| turns(0), || turns(1));
    role.one(|| assert_eq!(mutex.lock().as_deref().ok(), Some(&(2 * rounds(50)))));
}
