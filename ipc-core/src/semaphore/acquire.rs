//! Acquiring.

use crate::error::{AcquireError, AcquireTimeoutError, Fault, TryAcquireError};
use crate::platform::Platform;
use crate::sync::{Ordering, spin_hint};
use crate::time::Instant;
use crate::wait::{Attempt, block_until};

use super::permit::{Permit, RawPermit};
use super::view::Semaphore;
use super::word::{AVAILABLE, Chain};

/// How often an attempt that does not wait begins again because others were faster, or because the dead were found.
const TRIES: u32 = if cfg!(loom) { 2 } else { 16 };

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
        let permit = self.parts.permits.get(at as usize)?;
        // Acquire, with the Release of the one who made it available: what that one did. And the look at `closing` stays
        // behind it.
        permit.compare_exchange(AVAILABLE, self.held, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let raw = RawPermit(Chain { head: at, len: 1 });
        if self.parts.is_closed(&self.platform) {
            self.put_back(raw);
            return None;
        }
        Some(raw)
    }

    /// Takes so many permits, or none.
    fn collect(&self, permits: u32) -> Result<RawPermit, Refused> {
        if self.parts.is_closed(&self.platform) {
            return Err(Refused::Closed);
        }
        if permits > 1 && self.parts.count(AVAILABLE) < permits {
            return Err(Refused::Short);
        }
        let mut chain = Chain::EMPTY;
        let mut start = self.hint.load(Ordering::Relaxed);
        while chain.len < permits {
            // Acquire: as in `take_first`.
            let Some(at) = self.parts.change_one(AVAILABLE, chain.link(self.held), Ordering::Acquire, start, 0) else {
                // Somebody may have gone to sleep for what we had.
                self.put_back_many(chain);
                return Err(if permits == 1 { Refused::Short } else { Refused::Overtaken });
            };
            chain.push(at);
            start = at + 1;
        }
        if permits != 0 {
            self.hint.store(chain.head, Ordering::Relaxed);
        }
        let raw = RawPermit(chain);
        if self.parts.is_closed(&self.platform) {
            self.put_back(raw);
            return Err(Refused::Closed);
        }
        Ok(raw)
    }

    /// Acquires a permit if there is one. Never waits.
    ///
    /// Without one it asks the platform, for each participant that holds some, whether it is dead (a system call or two),
    /// and takes back what the dead had. While others acquire and release at the same time, it may overlook a permit that
    /// moves from one word to another during its look.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_, 'm, P>, TryAcquireError> {
        match self.take_first() {
            Some(raw) => Ok(self.adopt(raw)),
            None => self.try_acquire_many(1),
        }
    }

    /// Acquires so many permits if they are there, all or none. Never waits. 0 permits are always there.
    #[cold]
    #[inline(never)]
    pub fn try_acquire_many(&self, permits: u32) -> Result<Permit<'_, 'm, P>, TryAcquireError> {
        if permits > self.parts.max() {
            return Err(TryAcquireError::TooMany);
        }
        for _ in 0..TRIES {
            match self.collect(permits) {
                Ok(raw) => return Ok(self.adopt(raw)),
                Err(Refused::Closed) => return Err(TryAcquireError::Closed),
                Err(Refused::Overtaken) => spin_hint(),
                Err(Refused::Short) => {
                    let survey = self.survey();
                    if survey.corrupted {
                        return Err(TryAcquireError::Fault(Fault::Corrupted));
                    }
                    if !survey.repaired {
                        return Err(TryAcquireError::NoPermits);
                    }
                }
            }
        }
        Err(TryAcquireError::NoPermits)
    }

    /// Acquires a permit, and waits for one if there is none.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_, 'm, P>, AcquireError> {
        match self.take_first() {
            Some(raw) => Ok(self.adopt(raw)),
            None => self.acquire_many(1),
        }
    }

    /// Acquires a permit, and waits at most until `deadline`. One that is there wins over a deadline that has passed.
    #[inline]
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
        match self.take_first() {
            Some(raw) => Ok(self.adopt(raw)),
            None => self.acquire_contended(1, Some(deadline)),
        }
    }

    /// Acquires so many permits at once, and waits until there are as many. Holds none of them while it waits.
    pub fn acquire_many(&self, permits: u32) -> Result<Permit<'_, 'm, P>, AcquireError> {
        self.acquire_contended(permits, None).map_err(|error| match error {
            AcquireTimeoutError::Closed | AcquireTimeoutError::Timeout => AcquireError::Closed,
            AcquireTimeoutError::TooMany => AcquireError::TooMany,
            AcquireTimeoutError::Fault(fault) => AcquireError::Fault(fault),
        })
    }

    /// Acquires so many permits at once, and waits at most until `deadline`.
    pub fn acquire_many_deadline(
        &self,
        permits: u32,
        deadline: Instant,
    ) -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
        self.acquire_contended(permits, Some(deadline))
    }

    #[cold]
    #[inline(never)]
    fn acquire_contended(
        &self,
        permits: u32,
        deadline: Option<Instant>,
    ) -> Result<Permit<'_, 'm, P>, AcquireTimeoutError> {
        if permits > self.parts.max() {
            return Err(AcquireTimeoutError::TooMany);
        }
        let attempt = |thorough: bool| {
            if thorough && permits > 1 {
                self.parts.announce_many(&self.platform);
            }
            match self.collect(permits) {
                Ok(raw) => Attempt::Done(Ok(raw)),
                Err(Refused::Closed) => Attempt::Done(Err(AcquireTimeoutError::Closed)),
                Err(Refused::Overtaken) => Attempt::Again,
                Err(Refused::Short) if thorough => {
                    let survey = self.survey();
                    if survey.corrupted {
                        Attempt::Done(Err(AcquireTimeoutError::Fault(Fault::Corrupted)))
                    } else if survey.repaired {
                        Attempt::Again
                    } else if survey.owned {
                        Attempt::Suspect
                    } else {
                        Attempt::NotYet
                    }
                }
                Err(Refused::Short) => Attempt::NotYet,
            }
        };
        match block_until(&self.platform, &self.parts.control.sleepers, &self.budget, deadline, attempt) {
            Some(taken) => taken.map(|raw| self.adopt(raw)),
            // The time may have been over before anybody looked for the dead: this does, so that what they had is found
            // however short the time limit.
            None => self.try_acquire_many(permits).map_err(|error| match error {
                TryAcquireError::NoPermits => AcquireTimeoutError::Timeout,
                TryAcquireError::Closed => AcquireTimeoutError::Closed,
                TryAcquireError::TooMany => AcquireTimeoutError::TooMany,
                TryAcquireError::Fault(fault) => AcquireTimeoutError::Fault(fault),
            }),
        }
    }
}
