//! Acquiring.

use crate::error::{AcquireError, AcquireTimeoutError, Fault, TryAcquireError};
use crate::platform::Platform;
use crate::sync::{Ordering, spin_hint};
use crate::time::Limit;
use crate::timed::timed;
use crate::wait::{Attempt, block_until};

use super::handle::Semaphore;
use super::permit::{OwnedPermit, Permit, RawPermit};
use super::word::{AVAILABLE, Chain};

/// How often an attempt that does not wait begins again because others were faster, or because the dead were found.
const TRIES: u32 = crate::sync::bound(16, 2);

/// Permits of a semaphore whose words a waiter reads at each poll, and every few milliseconds to find the dead among their holders. With
/// more, it reads them before each sleep only, of a tenth of a second: that takes up to some milliseconds.
const READ_OFTEN: usize = 1 << 16;

/// Why [`Semaphore::collect`] has nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
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
        // Relaxed: a hint in private memory.
        let at = self.hint.load(Ordering::Relaxed);
        let permit = self.view.permits.get(at as usize)?;
        // Acquire, with the Release of the one who made it available: what that one did. And the look at `closing` stays
        // behind it.
        permit.compare_exchange(AVAILABLE, self.held, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let raw = RawPermit(Chain { head: at, len: 1 });
        if self.view.is_closed(&self.platform) {
            self.put_back(raw);
            return None;
        }
        Some(raw)
    }

    /// Takes so many permits, or none.
    fn collect(&self, permits: u32) -> Result<RawPermit, Refused> {
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
        let raw = RawPermit(chain);
        if self.view.is_closed(&self.platform) {
            self.put_back(raw);
            return Err(Refused::Closed);
        }
        Ok(raw)
    }

    /// Acquires a permit if there is one; never waits. If there is none, it asks the kernel about those who hold some (a
    /// system call or two for each process) and takes back what the dead had. While others acquire and release at the same
    /// time, it may overlook a permit that moves meanwhile.
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

    /// Acquires so many permits if they are there, all or none; never waits.
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
    fn try_acquire_contended(&self, permits: u32) -> Result<Permit<'_, 'm, P>, TryAcquireError> {
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

    /// Acquires a permit, and waits for one if there is none: polls for some microseconds, lets others run, then sleeps.
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

    /// Acquires so many permits at once, and waits until there are as many. It holds none of them while it waits, so those
    /// who want fewer overtake it.
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

    #[cold]
    #[inline(never)]
    fn acquire_contended(
        &self,
        permits: u32,
        limit: &Limit<P::Deadline>,
    ) -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
        if permits > self.view.max() {
            return Err(AcquireTimeoutError::TooMany);
        }
        let attempt = |thorough: bool| {
            if !thorough && self.view.used().len() > READ_OFTEN {
                let first = if permits == 1 { self.take_first() } else { None };
                return first.map_or(Attempt::NotYet, |raw| Attempt::Done(Ok(raw)));
            }
            if thorough && permits > 1 {
                self.view.announce_many(&self.platform);
            }
            match self.collect(permits) {
                Ok(raw) => Attempt::Done(Ok(raw)),
                Err(Refused::Closed) => Attempt::Done(Err(AcquireTimeoutError::Closed)),
                Err(Refused::Overtaken) => Attempt::Again,
                Err(Refused::Short) if thorough => {
                    let survey = self.survey();
                    if survey.corrupted {
                        Attempt::Done(Err(AcquireTimeoutError::Fault(Fault::Corrupted)))
                    } else if survey.owners.dead {
                        Attempt::Again
                    } else if survey.owners.unknown {
                        Attempt::Unknown
                    } else if survey.owners.alive && self.view.used().len() <= READ_OFTEN {
                        Attempt::Suspect
                    } else {
                        Attempt::NotYet
                    }
                }
                Err(Refused::Short) => Attempt::NotYet,
            }
        };
        match block_until(
            &self.platform,
            &self.view.words.sleepers,
            &self.budget,
            limit.deadline(&self.platform),
            attempt,
        ) {
            Ok(taken) => taken.map(|raw| Permit::new(self, raw)),
            // The time may have been over before anybody looked for the dead: this does, so that what they had is found
            // however short the time limit.
            Err(unmet) => self.try_acquire_contended(permits).map_err(|error| match error {
                TryAcquireError::NoPermits => unmet.or_fault(AcquireTimeoutError::Timeout),
                TryAcquireError::Closed => AcquireTimeoutError::Closed,
                TryAcquireError::TooMany => AcquireTimeoutError::TooMany,
                TryAcquireError::Fault(fault) => AcquireTimeoutError::Fault(fault),
            }),
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
