//! What the two ends have in common: a claimed role, and what its holder can ask and do whichever end it is.

use crate::error::{Fault, WaitTimeoutError};
use crate::here::Here;
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;
use crate::time::Limit;
use crate::wait::{Attempt, SpinBudget, block_until};

use super::claim::{ClaimError, ClaimErrorKind};
use super::lane::{self, Lane};
use super::words::{End, View, Words};

/// Waits ask whether the holder of the other end lives this often at most, in milliseconds: the answer takes system calls, which are a good
/// part of a short wait beside processes that compute. A wait that does not ask sleeps for longer than this before it does.
const ASK_EVERY: u32 = crate::sync::bound(50, 0);

/// A claimed end. Its role is given up when this is dropped.
pub(crate) struct Held<'m, T, P: Platform, W: Lane = &'m Words> {
    pub(super) view: View<'m, T, W>,
    pub(super) platform: P,
    pub(super) budget: SpinBudget,
    end: End,
    /// When a wait last asked whether the other end's holder lives, in milliseconds modulo 2^32. 0: never.
    asked: AtomicU32,
}

impl<'m, T, P: Platform> Held<'m, T, P> {
    /// Claims an end. With it come the position at which its last holder stopped, and the other end's position.
    pub(super) fn claim(view: View<'m, T>, end: End, platform: P) -> Result<(Self, u64, u64), ClaimError> {
        platform.here().map_err(|fault| ClaimError::new(&platform, end, ClaimErrorKind::Fault(fault)))?;
        let words = view.words;
        words.role(end).claim(&platform).map_err(|kind| ClaimError::new(&platform, end, kind))?;
        let held = Held::new(view, end, platform);
        // Relaxed: whatever the last holder stored is visible since the claim ("role"), and no other process writes our index. The
        // other index: Acquire, as at every look.
        let (tail, head) = match end {
            End::Producer => (words.front.tail.load(Ordering::Relaxed), words.head.0.load(Ordering::Acquire)),
            End::Consumer => {
                let head = words.head.0.load(Ordering::Relaxed);
                (words.front.tail.load(Ordering::Acquire), head)
            }
        };
        if tail.wrapping_sub(head) > view.capacity {
            let error = ClaimError::new(&held.platform, end, ClaimErrorKind::Fault(Fault::Corrupted));
            return Err(error);
        }
        // The other end may wait for this one to come (`wait_for_other`).
        words.gate(end.other()).notify_all(&held.platform);
        Ok(match end {
            End::Producer => {
                words.front.withdraw(tail);
                (held, tail, head)
            }
            End::Consumer => (held, head, tail),
        })
    }

    pub(super) fn close(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.view.words.close(&self.platform))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.platform.assert_here();
        self.view.words.is_closed()
    }
}

impl<'m, T, P: Platform, W: Lane> Held<'m, T, P, W> {
    /// An end that the caller has claimed for this platform's participant.
    pub(crate) fn new(view: View<'m, T, W>, end: End, platform: P) -> Self {
        Held { view, budget: SpinBudget::new(&platform), platform, end, asked: AtomicU32::new(0) }
    }

    #[inline(always)]
    pub(super) fn here(&self) -> Result<(), Fault> {
        self.platform.here()
    }

    pub(super) fn len(&self) -> usize {
        self.platform.assert_here();
        self.view.len() as usize
    }

    /// Whether the other end was held and no living participant holds it now, for certain.
    pub(super) fn is_deserted(&self) -> bool {
        self.view.words.find_deserted(self.end.other(), &self.platform) == Ok(true)
    }

    /// For a wait, before it sleeps: whether the other end was held and no living participant holds it now, as far as that was asked
    /// lately.
    pub(super) fn find_deserted(&self) -> Result<bool, Fault> {
        let (words, other) = (self.view.words, self.end.other());
        let now = (self.platform.now().as_nanos() / 1_000_000) as u32;
        // Relaxed: private.
        let asked = self.asked.load(Ordering::Relaxed);
        if asked != 0 && now.wrapping_sub(asked) < ASK_EVERY {
            return Ok(words.is_left(other));
        }
        let found = words.find_deserted(other, &self.platform);
        // A doubt is asked about again: it has to last before it is an error.
        self.asked.store(if found.is_ok() { now.max(1) } else { 0 }, Ordering::Relaxed);
        found
    }

    /// Whether a living participant holds the other end.
    pub(super) fn has_other(&self) -> bool {
        let (words, other) = (self.view.words, self.end.other());
        // Removes a dead holder. When in doubt, it lives.
        let _ = words.find_deserted(other, &self.platform);
        words.holder(other).is_some()
    }

    /// Waits until a living participant holds the other end.
    pub(super) fn wait_for_other(&self, limit: &Limit<P::Deadline>) -> Result<(), WaitTimeoutError> {
        self.here()?;
        let words = self.view.words;
        let attempt = |thorough: bool| {
            let there = if thorough { self.has_other() } else { words.holder(self.end.other()).is_some() };
            if there { Attempt::Done(()) } else { Attempt::NotYet }
        };
        let deadline = limit.deadline(&self.platform);
        block_until(&self.platform, lane::gate(&words, self.end), &self.budget, deadline, attempt)
            .map_err(|unmet| unmet.or_fault(WaitTimeoutError::Timeout))
    }
}

impl<T, P: Platform, W: Lane> Drop for Held<'_, T, P, W> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            self.view.words.release(self.end, &self.platform);
        }
    }
}

/// The verbs that both ends have. The type has a field `held`.
macro_rules! end {
    ($name:ident, $other:literal, $has:ident, $wait:ident, $wait_timeout:ident, $wait_deadline:ident) => {
        $crate::object::named!([T, P: $crate::Platform, W: $crate::spsc::Lane] $name<'_, T, P, W>, Spsc, self => self.held.platform);

        impl<'m, T, P: $crate::Platform, W: $crate::spsc::Lane> $name<'m, T, P, W> {
            /// The queue's name in its region.
            pub fn name(&self) -> &str
            where
                P: $crate::platform::Located,
            {
                self.held.platform.name()
            }

            /// The region that the queue lives in.
            pub fn region(&self) -> P::Region
            where
                P: $crate::platform::Located,
            {
                self.held.platform.region()
            }

            $crate::object::waits!(self => self.held.budget);

            #[allow(dead_code, reason = "for the one that iterates")]
            pub(crate) fn platform(&self) -> &P {
                &self.held.platform
            }

            /// How many elements fit.
            pub fn capacity(&self) -> usize {
                self.held.view.capacity as usize
            }

            /// The number of elements in the queue: a snapshot of two loads.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn len(&self) -> usize {
                self.held.len()
            }

            /// Whether there is no element: a snapshot. For the consumer, `false` stays true.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether there is no room: a snapshot. For the producer, `false` stays true.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.len() == self.capacity()
            }

            #[doc = concat!("Whether there was a ", $other, " and none is left alive. Elements may still be there.")]
            ///
            #[doc = concat!("A system call if there is a ", $other, ".")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[doc(alias = "is_abandoned")]
            #[must_use]
            pub fn is_disconnected(&self) -> bool {
                $crate::here::Here::assert_here(&self.held.platform);
                self.held.is_deserted()
            }

            #[doc = concat!("Whether there is a living ", $other, ". A system call if there is one.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn $has(&self) -> bool {
                $crate::here::Here::assert_here(&self.held.platform);
                self.held.has_other()
            }

            #[doc = concat!("Blocks until there is a living ", $other, ".")]
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked).
            pub fn $wait(&self) -> Result<(), $crate::Fault> {
                match self.held.wait_for_other(&$crate::time::Limit::Forever) {
                    Err($crate::error::WaitTimeoutError::Fault(fault)) => Err(fault),
                    // Without a limit there is no time-out.
                    _ => Ok(()),
                }
            }

            #[doc = concat!("Blocks until there is a living ", $other, ", at most for `timeout`.")]
            ///
            /// # Errors
            ///
            /// [`Timeout`](crate::error::WaitTimeoutError::Timeout); [`Fault::Forked`](crate::Fault::Forked).
            pub fn $wait_timeout(&self, timeout: core::time::Duration) -> Result<(), $crate::error::WaitTimeoutError> {
                self.held.wait_for_other(&$crate::time::Limit::For(timeout))
            }

            #[doc = concat!("Blocks until there is a living ", $other, ", at most until `deadline`.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of [`", stringify!($wait_timeout), "`](Self::", stringify!($wait_timeout), ").")]
            pub fn $wait_deadline(&self, deadline: P::Deadline) -> Result<(), $crate::error::WaitTimeoutError> {
                self.held.wait_for_other(&$crate::time::Limit::Until(deadline))
            }
        }

        impl<'m, T, P: $crate::Platform> $name<'m, T, P> {
            /// Returns the queue's figures. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn stats(&self) -> super::Stats {
                $crate::here::Here::assert_here(&self.held.platform);
                self.held.view.stats()
            }

            /// Whether the queue is closed. Elements may still be there.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.held.is_closed()
            }
        }

        // Shared memory is not touched: after a fork it is not there.
        impl<T, P: $crate::Platform + core::fmt::Debug, W: $crate::spsc::Lane> core::fmt::Debug for $name<'_, T, P, W> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut it = f.debug_struct(stringify!($name));
                it.field("name", &self.held.platform).field("capacity", &self.capacity()).finish_non_exhaustive()
            }
        }
    };
}
pub(super) use end;
