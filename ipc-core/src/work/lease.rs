//! A job in this process's hands.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use super::engine::Engine;
use super::jobs::Taken;
use crate::error::{Fault, LeaseError};
use crate::here::Here;
use crate::platform::Platform;

/// A job in hand, whatever it is. It goes home when this is dropped.
pub(super) struct Held<'q, 'm, P: Platform> {
    pub(super) engine: &'q Engine<'m>,
    pub(super) platform: &'q P,
    pub(super) taken: Taken,
}

impl<P: Platform> Held<'_, '_, P> {
    /// Done: of a job that nobody waits for. `false` if it has been taken over.
    #[inline]
    pub(super) fn done(self) -> Result<bool, Fault> {
        let this = ManuallyDrop::new(self);
        this.platform.here()?;
        Ok(this.engine.view.finish(this.platform, this.taken))
    }
}

impl<P: Platform> Held<'_, '_, P> {
    /// Done, with an answer or without one, if it was called: `true` if somebody waits for it.
    #[inline]
    pub(super) fn answer(self, reply: Option<&[u8]>) -> Result<bool, Fault> {
        let this = ManuallyDrop::new(self);
        this.platform.here()?;
        if this.engine.view.caller(this.taken.index).is_none() {
            this.engine.view.finish(this.platform, this.taken);
            return Ok(false);
        }
        Ok(this.engine.view.answer(this.platform, this.taken, reply))
    }
}

impl<P: Platform> Drop for Held<'_, '_, P> {
    fn drop(&mut self) {
        if self.platform.is_here() {
            // An error is that of a faulty peer, and no process would get the job.
            let _ = self.engine.view.bring_home(self.platform, self.taken.index, self.taken.word);
        }
    }
}

/// A job that this process works on, and nobody else. Made by the receives of a [`WorkQueue`](super::WorkQueue).
///
/// [`done`](Self::done) ends it for good. If it is dropped without that (an early return, `?`, a panic), or the process dies, the job
/// goes back to the queue at once, and another receiver gets it with the next [`attempt`](Self::attempt). A lease that is forgotten
/// (`mem::forget`) is held until the process ends. It can be carried to another thread.
///
/// Where the queue has a [time limit](crate::object::Builder::lease_limit), a lease ends with it, too: then another process may have the job,
/// [`done`](Self::done) says so, and a drop does nothing.
///
/// The job itself is a private copy, reached by dereference. In a child after `fork`, a drop does nothing.
#[must_use = "the job goes back to the queue when this is dropped"]
pub struct Lease<'q, 'm, T, P: Platform> {
    held: Held<'q, 'm, P>,
    value: T,
}

impl<'q, 'm, T, P: Platform> Lease<'q, 'm, T, P> {
    #[inline(always)]
    pub(super) fn new(held: Held<'q, 'm, P>, value: T) -> Self {
        Lease { held, value }
    }
}

/// The verbs of a lease that has a field `held`, and what is dropped before that.
macro_rules! lease_verbs {
    ($name:ident $(<$T:ident>)?, $error:path $(, $note:literal)?) => {
        impl<$($T,)? P: $crate::Platform> $name<'_, '_, $($T,)? P> {
            /// Says that the job is done: it leaves the queue for good. One store, and a check for sleepers. Lock-free.
            ///
            /// A process that is killed before this returns has done the job or not: then the job comes again. So what it does outside should
            /// bear being done twice.
            ///
            /// # Errors
            ///
            $(#[doc = $note])?
            /// [`Fault::Forked`](crate::Fault::Forked).
            #[doc(alias = "task_done")]
            #[doc(alias = "ack")]
            #[inline]
            pub fn done(self) -> Result<(), $error> {
                self.finish()
            }

            /// Returns which lease of the job this is: 1 for the first. Of a dead letter, how many leases it has had.
            ///
            /// A process that is killed on its way out of a receive has had a lease, too.
            #[must_use]
            pub fn attempt(&self) -> u32 {
                self.held.taken.attempt()
            }

            /// Returns whether the job is a dead letter.
            #[must_use]
            pub fn is_dead_letter(&self) -> bool {
                self.held.taken.is_dead_letter()
            }
        }
    };
}
pub(super) use lease_verbs;
lease_verbs!(
    Lease<T>,
    LeaseError,
    "[`Expired`](LeaseError::Expired): the queue has a time limit, it is over, and the job is another process's, or was."
);

impl<T, P: Platform> Lease<'_, '_, T, P> {
    #[inline(always)]
    fn finish(self) -> Result<(), LeaseError> {
        if self.held.done()? { Ok(()) } else { Err(LeaseError::Expired) }
    }

    /// Begins the time of the lease anew, in a queue with a [time limit](crate::object::Builder::lease_limit): the holder says that it is not
    /// stuck. In other queues it does nothing. A step of a long job is a good place. Reads the clock; lock-free.
    ///
    /// If it succeeds, nobody takes the job over before the whole limit has passed again.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # use std::time::Duration;
    /// # let region = Region::options().anonymous()?;
    /// let jobs = region.work_queue::<u32>("jobs").lease_limit(Duration::from_secs(5)).open_or_create()?;
    /// jobs.send(100)?;
    /// let job = jobs.recv()?;
    /// for step in 0..*job {
    ///     job.renew()?; // each step has five seconds
    /// }
    /// job.done()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Expired`](LeaseError::Expired): another process has the job, or had it, or is about to take it over.
    /// [`Fault::Forked`](crate::Fault::Forked).
    #[doc(alias = "extend")]
    #[doc(alias = "heartbeat")]
    pub fn renew(&self) -> Result<(), LeaseError> {
        let Held { engine, platform, taken } = &self.held;
        platform.here()?;
        if engine.view.geometry.limit == 0 || engine.view.begin_time(*platform, *taken) {
            Ok(())
        } else {
            Err(LeaseError::Expired)
        }
    }
}

impl<T, P: Platform> Deref for Lease<'_, '_, T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug, P: Platform> fmt::Debug for Lease<'_, '_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("value", &self.value).field("attempt", &self.attempt()).finish_non_exhaustive()
    }
}
