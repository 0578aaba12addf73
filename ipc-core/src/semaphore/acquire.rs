//! Acquiring.

use crate::error::{AcquireError, AcquireTimeoutError, Fault, TryAcquireError};
use crate::platform::Platform;
use crate::sync::{Ordering, spin_hint};
use crate::time::Limit;
use crate::timed::timed;

use super::handle::Semaphore;
use super::permit::{OwnedPermit, Permit, RawPermit};
use super::word::{AVAILABLE, Chain};
use super::words::OPEN;

/// How often an attempt that does not wait begins again because others were faster, or because the dead were found.
const TRIES: u32 = crate::sync::bound(16, 2);

/// Why [`Semaphore::collect`] has nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are not enough.
    Short,
    /// There seemed to be enough, but others took some.
    Overtaken,
    Closed,
}

impl<'m, P: Platform> Semaphore<'m, P> {
    /// The common case of every acquire: the permit that this handle had last. `None`: nothing was done.
    ///
    /// This and nothing else is inlined in the callers: what they do otherwise is one call.
    #[inline(always)]
    fn take_first(&self) -> Option<RawPermit> {
        let raw = self.take_last()?;
        // Acquire: who is told that it is closed sees what the closer did.
        if self.view.words.closing.load(Ordering::Acquire) != OPEN {
            self.take_nothing(raw);
            return None;
        }
        Some(raw)
    }

    /// Takes the permit that this handle had last, without a check of whether it may.
    #[inline(always)]
    fn take_last(&self) -> Option<RawPermit> {
        // Relaxed: a hint in private memory.
        let at = self.hint.load(Ordering::Relaxed);
        let permit = self.view.permits.get(at as usize)?;
        // Acquire, with the Release of the one who made it available: what that one did. And the check of `closing` stays
        // behind it.
        permit.compare_exchange(AVAILABLE, self.held, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(RawPermit(Chain { head: at, len: 1 }))
    }

    /// The semaphore is closed, or its permits are for those who have waited for long.
    #[cold]
    #[inline(never)]
    fn take_nothing(&self, raw: RawPermit) {
        self.put_back(raw);
    }

    /// Takes the permit that this handle had last, if it is free: one word, where [`collect`](Self::collect) reads all.
    pub(super) fn collect_last(&self) -> Result<RawPermit, Refused> {
        self.unless_closed(self.take_last().ok_or(Refused::Short)?)
    }

    /// Takes this many permits, or none.
    pub(super) fn collect(&self, permits: u32) -> Result<RawPermit, Refused> {
        if self.view.is_closed(&self.platform) {
            return Err(Refused::Closed);
        }
        if permits > 1 && self.view.count(AVAILABLE) < permits {
            return Err(Refused::Short);
        }
        let mut chain = Chain::EMPTY;
        // One round for all, so that to take n costs n looks and not n times n.
        let mut round = self.view.round(self.hint.load(Ordering::Relaxed), 0);
        while chain.len < permits {
            // Acquire: as in `take_first`.
            let Some(at) = self.view.change_next(&mut round, AVAILABLE, chain.link(self.held), Ordering::Acquire)
            else {
                // Somebody may have gone to sleep for what we had.
                self.put_back_many(chain);
                return Err(if permits == 1 { Refused::Short } else { Refused::Overtaken });
            };
            chain.push(at);
        }
        if permits != 0 {
            self.hint.store(chain.head, Ordering::Relaxed);
        }
        self.unless_closed(RawPermit(chain))
    }

    /// After a closing nothing is acquired: the permits go back.
    fn unless_closed(&self, raw: RawPermit) -> Result<RawPermit, Refused> {
        if self.view.is_closed(&self.platform) {
            self.put_back(raw);
            return Err(Refused::Closed);
        }
        Ok(raw)
    }

    /// Acquires a permit if there is one; never waits. If there is none, it asks the kernel about those who hold some (a
    /// system call or two for each process) and takes back what the dead had. While others acquire and release at the same
    /// time, it may overlook a permit that moves meanwhile. It overtakes calls that wait, those in line included.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits), [`Closed`](TryAcquireError::Closed).
    #[doc(alias = "sem_trywait")]
    #[doc(alias = "try_wait")]
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_, 'm, P>, TryAcquireError> {
        self.here()?;
        match self.take_first() {
            Some(raw) => Ok(Permit::new(self, raw)),
            None => self.try_acquire_contended(1),
        }
    }

    /// Acquires this many permits if they are there, all or none; never waits.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits); [`TooMany`](TryAcquireError::TooMany) if that is more than the
    /// [maximum](Self::max); [`Closed`](TryAcquireError::Closed).
    pub fn try_acquire_many(&self, permits: u32) -> Result<Permit<'_, 'm, P>, TryAcquireError> {
        self.here()?;
        self.try_acquire_contended(permits)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn try_acquire_contended(&self, permits: u32) -> Result<Permit<'_, 'm, P>, TryAcquireError> {
        if permits > self.view.max() {
            return Err(TryAcquireError::TooMany);
        }
        for _ in 0..TRIES {
            match self.collect(permits) {
                Ok(raw) => return Ok(Permit::new(self, raw)),
                Err(Refused::Closed) => return Err(TryAcquireError::Closed),
                Err(Refused::Overtaken) => spin_hint(),
                Err(Refused::Short) => {
                    let survey = self.survey();
                    if survey.corrupted {
                        return Err(TryAcquireError::Fault(Fault::Corrupted));
                    }
                    if !survey.owners.dead {
                        return Err(TryAcquireError::NoPermits);
                    }
                }
            }
        }
        Err(TryAcquireError::NoPermits)
    }

    /// Acquires a permit, and waits for one if there is none: polls for some microseconds, lets others run, then sleeps. After 5 ms
    /// it waits in line: from then on, no other call that blocks overtakes it, except those that are in line already. One in line that
    /// is stopped, as by `SIGSTOP`, is passed within a fifth of a second.
    ///
    /// # Errors
    ///
    /// [`Closed`](AcquireError::Closed).
    #[doc(alias = "sem_wait")]
    #[doc(alias = "sem_timedwait")]
    #[doc(alias = "sem_clockwait")]
    #[doc(alias = "wait")]
    #[doc(alias = "down")]
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_, 'm, P>, AcquireError> {
        self.acquire_within(&Limit::Forever).map_err(AcquireTimeoutError::endless)
    }

    timed! {
        acquire_timeout, acquire_deadline, acquire, "Acquires a permit",
        [&self] limit [] -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> { self.acquire_within(limit) }
    }

    #[inline(always)]
    fn acquire_within(&self, limit: &Limit<P::Deadline>) -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
        self.here()?;
        match self.take_first() {
            Some(raw) => Ok(Permit::new(self, raw)),
            None => self.acquire_contended(1, limit),
        }
    }

    /// Acquires this number of permits at once, and waits until they are there. It holds none of them while it waits. Calls that want fewer
    /// overtake it for 5 ms; then it waits in line, as [`acquire`](Self::acquire) does, and they wait behind it until it has all. So do
    /// not call it, or `acquire`, with permits in hand: they may be what the line waits for.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let places = region.semaphore("places").permits(5).create()?;
    /// let party = places.acquire_many(3)?;
    /// assert_eq!((party.count(), places.available()), (3, 2));
    /// assert!(places.try_acquire_many(3).unwrap_err().is_no_permits());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TooMany`](AcquireError::TooMany) if that is more than the [maximum](Self::max); [`Closed`](AcquireError::Closed).
    pub fn acquire_many(&self, permits: u32) -> Result<Permit<'_, 'm, P>, AcquireError> {
        self.here()?;
        self.acquire_contended(permits, &Limit::Forever).map_err(AcquireTimeoutError::endless)
    }

    timed! {
        acquire_many_timeout, acquire_many_deadline, acquire_many, "Acquires permits at once",
        [&self, permits: u32] limit [] -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
            self.here()?;
            self.acquire_contended(permits, limit)
        }
    }
}

impl<'m, P: Platform + Clone> Semaphore<'m, P> {
    /// Acquires a permit that keeps a handle of its own, as [`acquire`](Self::acquire) does.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    pub fn acquire_owned(&self) -> Result<OwnedPermit<'m, P>, AcquireError> {
        self.acquire().map(Permit::into_owned)
    }

    timed! {
        acquire_owned_timeout, acquire_owned_deadline, acquire_owned, "Acquires a permit that keeps a handle of its own",
        [&self] limit [] -> Result<OwnedPermit<'m, P>, AcquireTimeoutError> {
            self.acquire_within(limit).map(Permit::into_owned)
        }
    }

    /// Acquires a permit that keeps a handle of its own, if one is free. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(&self) -> Result<OwnedPermit<'m, P>, TryAcquireError> {
        self.try_acquire().map(Permit::into_owned)
    }
}
