//! An event group: 32 flags in one word.
//!
//! The word is that of an [atomic cell](crate::atomic), with all that is said there about death and orderings. A wait that takes
//! flags is one compare-exchange that finds the flags set and clears them, so of several waiters for one flag a single one gets
//! it.

use core::time::Duration;

use crate::atomic::{BYTES, Word, Words};
use crate::error::{Fault, WaitTimeoutError};
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, HEADER_BYTES, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view,
};
use crate::platform::Platform;
use crate::sync::AtomicU32;
use crate::time::{Limit, Timestamp};
use crate::wait::SpinBudget;

/// What an event group should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupOptions {
    /// The flags that are set in a new one.
    pub initial: u32,
    /// The users' own number for the meaning of the flags.
    pub schema: Schema,
}

impl<H> Builder<'_, GroupOptions, H> {
    /// Sets the flags of a new group. A group that exists keeps its own. Default: none.
    pub fn initial(mut self, flags: u32) -> Self {
        self.wanted.initial = flags;
        self
    }
}

has_schema!(GroupOptions.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for GroupOptions {
    const KIND: Kind = Kind::EventGroup;
    type Object = Words<AtomicU32>;
    type Handle<'m, P: Platform> = EventGroup<'m, P>;

    fn shape(&self) -> Shape {
        Shape::untyped::<()>(Kind::EventGroup, 32, self.schema)
    }

    fn complete(&self) -> Result<(Shape, ()), ShapeError> {
        Ok((self.shape(), ()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, (): &(), _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::<AtomicU32>::new(self.initial)) }
            .map(drop)
            .ok_or(ShapeError::Missing)
    }

    of_view!(EventGroup<'m, P>: |_, words, _, platform| EventGroup { words, budget: SpinBudget::new(&platform), platform });
}

/// Which flags are waited for, and what becomes of them.
#[derive(Clone, Copy)]
struct Wanted {
    /// One bit for each flag.
    flags: u32,
    /// All of them at once, rather than at least one.
    all: bool,
    /// Those that are set are cleared in the same step.
    take: bool,
}

impl Wanted {
    fn is_met_by(self, flags: u32) -> bool {
        if self.all { flags & self.flags == self.flags } else { flags & self.flags != 0 }
    }

    /// The flags after the wait, if these end it.
    fn taken_from(self, flags: u32) -> Option<u32> {
        self.is_met_by(flags).then_some(flags & !self.flags)
    }
}

/// 32 event flags between processes. A wait is for some or for all of them, as in real-time kernels.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// const CAMERA: u32 = 1 << 0;
/// const LIDAR: u32 = 1 << 1;
/// const STOP: u32 = 1 << 31;
///
/// let ready = region.event_group("ready").open_or_create()?;
/// ready.set(CAMERA)?;
/// ready.set(LIDAR)?;
/// // Both at once, and both are clear afterwards.
/// ready.take_all(CAMERA | LIDAR)?;
/// assert_eq!(ready.flags()?, 0);
/// ready.set(STOP)?;
/// assert_eq!(ready.wait_any(CAMERA | STOP)?, STOP);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All of some flags, any of some flags, and flags that only this call clears:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// const RED: u32 = 1 << 0;
/// const BLUE: u32 = 1 << 1;
///
/// let lamps = region.event_group("lamps").create()?;
/// lamps.set(RED | BLUE)?;
/// assert_eq!(lamps.wait_all(RED | BLUE)?, RED | BLUE);
/// assert_eq!(lamps.take_any(RED)?, RED | BLUE);
/// assert_eq!(lamps.try_wait_all(RED | BLUE)?, None);
/// lamps.clear(BLUE)?;
/// assert_eq!(lamps.flags()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The `wait` calls leave the flags as they are. The `take` calls clear the flags that they were called with, in the same step: of
/// several processes that take one flag, one gets it. Each call returns all flags as they were at that moment. `wait_any(0)`
/// blocks for ever; `wait_all(0)` returns at once. A waiter may miss a flag that is set and cleared at once.
///
/// `set` and `clear` are one step each, and make a system call only if there are waiters. A killed process holds up no other: if
/// it is killed between setting flags and waking the sleepers, they notice within half a second.
///
/// # Errors
///
/// Every operation returns [`Fault::Forked`] in a child after `fork`. The waits with a time limit may also return
/// [`Timeout`](WaitTimeoutError::Timeout). There are no other errors.
#[doc(alias = "EventFlags")]
#[doc(alias = "xEventGroup")]
pub struct EventGroup<'m, P> {
    words: &'m Words<AtomicU32>,
    budget: SpinBudget,
    platform: P,
}

handle!(EventGroup, "group", self => self.budget);

impl<P> EventGroup<'_, P> {
    /// The bytes that a group takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(BYTES)
    }
}

/// The four calls of one way to wait.
macro_rules! waits {
    ($what:literal, $all:literal, $take:literal, $try:ident, $wait:ident, $timeout:ident, $deadline:ident) => {
        #[doc = concat!("Returns the flags if ", $what, ". Never waits.")]
        ///
        /// # Errors
        ///
        /// [`Fault::Forked`].
        pub fn $try(&self, flags: u32) -> Result<Option<u32>, Fault> {
            self.try_wait(Wanted { flags, all: $all, take: $take })
        }

        #[doc = concat!("Blocks until ", $what, ". Returns the flags.")]
        ///
        /// # Errors
        ///
        /// [`Fault::Forked`].
        pub fn $wait(&self, flags: u32) -> Result<u32, Fault> {
            let wanted = Wanted { flags, all: $all, take: $take };
            self.wait_within(wanted, &Limit::Forever).map_err(WaitTimeoutError::endless)
        }

        #[doc = concat!("Blocks until ", $what, ", for at most `timeout`. Flags that are there win over any time limit.")]
        ///
        /// # Errors
        ///
        /// [`Timeout`](WaitTimeoutError::Timeout), [`Fault::Forked`].
        pub fn $timeout(&self, flags: u32, timeout: Duration) -> Result<u32, WaitTimeoutError> {
            self.wait_within(Wanted { flags, all: $all, take: $take }, &Limit::For(timeout))
        }

        #[doc = concat!("Blocks until ", $what, ", until `deadline` at the latest.")]
        ///
        /// # Errors
        ///
        /// [`Timeout`](WaitTimeoutError::Timeout), [`Fault::Forked`].
        pub fn $deadline(&self, flags: u32, deadline: P::Deadline) -> Result<u32, WaitTimeoutError> {
            self.wait_within(Wanted { flags, all: $all, take: $take }, &Limit::Until(deadline))
        }
    };
}

impl<'m, P: Platform> EventGroup<'m, P> {
    fn another(&self, platform: P) -> Self {
        EventGroup { words: self.words, budget: SpinBudget::new(&platform), platform }
    }

    /// Returns the flags that are set. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn flags(&self) -> Result<u32, Fault> {
        self.here()?;
        Ok(self.words.load())
    }

    /// Sets these flags and wakes all waiters. Returns the flags that were set before. Wait-free.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn set(&self, flags: u32) -> Result<u32, Fault> {
        self.here()?;
        Ok(self.words.change(&self.platform, |word| Word::fetch_or(word, flags)))
    }

    /// Clears these flags. Returns the flags that were set before. Wait-free.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear(&self, flags: u32) -> Result<u32, Fault> {
        self.here()?;
        Ok(self.words.change(&self.platform, |word| Word::fetch_and(word, !flags)))
    }

    waits!("at least one of these is set", false, false, try_wait_any, wait_any, wait_any_timeout, wait_any_deadline);
    waits!("all of these are set", true, false, try_wait_all, wait_all, wait_all_timeout, wait_all_deadline);
    waits!(
        "at least one of these is set, and clears these",
        false,
        true,
        try_take_any,
        take_any,
        take_any_timeout,
        take_any_deadline
    );
    waits!(
        "all of these are set, and clears these",
        true,
        true,
        try_take_all,
        take_all,
        take_all_timeout,
        take_all_deadline
    );

    fn try_wait(&self, wanted: Wanted) -> Result<Option<u32>, Fault> {
        self.here()?;
        Ok(if wanted.take {
            self.words.fetch_update(&self.platform, |flags| wanted.taken_from(flags)).ok()
        } else {
            Some(self.words.load()).filter(|flags| wanted.is_met_by(*flags))
        })
    }

    fn wait_within(&self, wanted: Wanted, limit: &Limit<P::Deadline>) -> Result<u32, WaitTimeoutError> {
        self.here()?;
        let EventGroup { words, platform, budget } = self;
        if wanted.take {
            words.wait_update(platform, budget, limit, |flags| wanted.taken_from(flags))
        } else {
            words.wait_until(platform, budget, limit, |flags| wanted.is_met_by(flags))
        }
    }
}
