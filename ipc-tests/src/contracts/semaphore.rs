//! Contracts of the semaphore.

use ipc_core::Platform;
use ipc_core::error::{AcquireError, AcquireTimeoutError, ReleaseError, TryAcquireError};
use ipc_core::semaphore::{Options, Semaphore};

use super::{Role, SHORT, rounds};

/// Two permits, and never more.
#[must_use]
pub fn two_permits() -> Options {
    Options { permits: Some(2), max: None, bounded: true }
}

/// A permit comes back when it is dropped; one that is forgotten does not, and can be posted again.
pub fn permits<P: Platform>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    let first = role.one(|| semaphore.acquire().expect("there are two"));
    let second = role.two(|| semaphore.try_acquire().expect("there is one more"));
    role.one(|| {
        assert_eq!((semaphore.available(), semaphore.max()), (0, 2));
        assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::NoPermits));
        assert_eq!(semaphore.acquire_timeout(SHORT).err(), Some(AcquireTimeoutError::Timeout));
        assert_eq!(semaphore.release(1), Err(ReleaseError::Full { wanted: 1, room: 0 }), "permits that are held count");
        drop(first);
    });
    role.two(|| {
        assert_eq!(semaphore.available(), 1);
        second.expect("it is here").forget().unwrap();
        assert_eq!((semaphore.available(), semaphore.release(1), semaphore.available()), (1, Ok(()), 2));
    });
    role.one(|| assert_eq!(semaphore.release(1), Err(ReleaseError::Full { wanted: 1, room: 0 })));
    // A signal wakes who waits for one.
    role.one(|| semaphore.acquire_many(2).expect("there are two").forget().unwrap());
    role.at_once(
        || (0..rounds(50)).for_each(|_| semaphore.acquire().expect("posted soon").forget().unwrap()),
        || {
            for _ in 0..rounds(50) {
                while semaphore.release(1).is_err() {
                    std::thread::yield_now();
                }
            }
        },
    );
    role.two(|| assert_eq!(semaphore.available(), 0));
}

/// Several permits are had at once or not at all, and never more than there can be.
pub fn many<P: Platform>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    let one = role.one(|| semaphore.acquire().expect("there are two"));
    role.two(|| {
        assert_eq!(semaphore.try_acquire_many(2).err(), Some(TryAcquireError::NoPermits));
        assert_eq!(semaphore.available(), 1, "a part of them is not kept");
        assert_eq!(semaphore.acquire_many(3).err(), Some(AcquireError::TooMany));
    });
    role.at_once(|| drop(one), || assert_eq!(semaphore.acquire_many(2).expect("soon").count(), 2));
    role.one(|| assert_eq!(semaphore.available(), 2));
}

/// A closed semaphore gives no permit any more, not even one that it has, and tells waiters; permits still come back.
pub fn closes<P: Platform>(semaphore: &Semaphore<'_, P>, role: &Role<'_>) {
    let both = role.one(|| semaphore.acquire_many(2).expect("there are two"));
    role.at_once(
        || assert!(semaphore.close().unwrap()),
        || assert_eq!(semaphore.acquire().err(), Some(AcquireError::Closed)),
    );
    role.one(|| drop(both));
    role.two(|| {
        assert_eq!((semaphore.close().unwrap(), semaphore.is_closed(), semaphore.available()), (false, true, 2));
        assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::Closed));
    });
}
