//! The event's handle.

use super::words::{self, Reset, Words};
use crate::error::{Fault, WaitTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::object::{Blueprint, Builder, Footprint, HEADER_BYTES, Kind, Schema, Shape, ShapeError, handle, of_view};
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What an event should be like.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How it resets.
    pub reset: Reset,
    /// Whether a new one is set.
    pub initial: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { reset: Reset::Manual, initial: false }
    }
}

impl<H> Builder<'_, Options, H> {
    /// Makes each `set` release one waiter, which clears the flag. Every opener must set it, too. Default: the flag stays set until
    /// it is cleared, and releases every waiter.
    ///
    /// A flag does not count: a `set` of an event that is still set changes nothing, so two of them may release one waiter, and a
    /// `clear` before a waiter has come takes the flag away. A [semaphore](crate::semaphore::Semaphore) counts.
    pub fn auto_reset(mut self) -> Self {
        self.wanted.reset = Reset::Auto;
        self
    }

    /// Sets whether a new event is set. An event that exists keeps its own state. Default: `false`.
    pub fn initial(mut self, set: bool) -> Self {
        self.wanted.initial = set;
        self
    }
}

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl Blueprint for Options {
    const KIND: Kind = Kind::Event;
    type Object = Words;
    type Handle<'m, P: Platform> = Event<'m, P>;

    fn shape(&self) -> Shape {
        // The capacity's place says how it resets.
        Shape::untyped::<()>(Kind::Event, self.reset.number(), Schema::NONE)
    }

    fn complete(&self) -> Result<(Shape, ()), ShapeError> {
        Ok((self.shape(), ()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, (): &(), _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::new(self.initial)) }.map(|_| ()).ok_or(ShapeError::Missing)
    }

    of_view!(Event<'m, P>: |wanted, words, _, platform| Event { words, reset: wanted.reset, budget: SpinBudget::new(&platform), platform });
}

/// A flag between processes that can be waited for: Python's `Event`, and with
/// [`auto_reset`](crate::object::Builder::auto_reset) the one that lets a single waiter go.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let ready = region.event("ready").open_or_create()?;
/// assert!(!ready.is_set());
/// ready.set()?;
/// ready.wait()?; // everybody goes until it is cleared
/// ready.clear()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A thread that has waited sees everything that the setter did before. A `set` that is directly followed by a `clear` releases
/// every thread that was waiting at the time. Of an event with `auto_reset` it releases one, if that took the flag before the `clear`,
/// which then returns `false`; else it releases none. Processes that are killed hold up
/// no other: if a setter is killed before it has woken the sleepers, they notice within half a second.
///
/// [`is_set`](Self::is_set) is one load. `set` makes a system call only if somebody sleeps. After `fork`, the child's handle
/// answers with [`Fault::Forked`].
#[doc(alias = "ManualResetEvent")]
#[doc(alias = "AutoResetEvent")]
#[doc(alias = "Notify")]
pub struct Event<'m, P> {
    words: &'m Words,
    reset: Reset,
    budget: SpinBudget,
    platform: P,
}

handle!(Event, "event", self => self.budget);

impl<P> Event<'_, P> {
    /// The bytes that an event takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(words::BYTES)
    }
}

impl<'m, P: Platform> Event<'m, P> {
    fn another(&self, platform: P) -> Self {
        Event { words: self.words, reset: self.reset, budget: SpinBudget::new(&platform), platform }
    }

    /// Sets the flag and wakes the waiters that may go; `true` if it was clear.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[doc(alias = "notify_all")]
    pub fn set(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.words.set(&self.platform, self.reset))
    }

    /// Clears the flag; `true` if it was set.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn clear(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.words.clear())
    }

    /// Whether the flag is set. One load.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.platform.assert_here();
        self.words.is_set()
    }

    /// Whether a wait would end at once; an event that resets itself is clear afterwards. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn try_wait(&self) -> Result<bool, Fault> {
        self.here()?;
        Ok(self.words.try_wait(self.reset))
    }

    /// Waits until the flag is set, and takes it along if the event resets itself.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn wait(&self) -> Result<(), Fault> {
        self.here()?;
        self.words.wait(&self.platform, self.reset, &self.budget, &Limit::Forever);
        Ok(())
    }

    timed! {
        wait_timeout, wait_deadline, wait, "Waits for the flag",
        [&self] limit [] -> Result<(), WaitTimeoutError> { self.wait_within(limit) }
    }

    fn wait_within(&self, limit: &Limit<P::Deadline>) -> Result<(), WaitTimeoutError> {
        self.here()?;
        if self.words.wait(&self.platform, self.reset, &self.budget, limit) {
            Ok(())
        } else {
            Err(WaitTimeoutError::Timeout)
        }
    }

    /// Whether somebody sleeps, or is about to. A hint: that waiter may have given up or died meanwhile.
    #[doc(hidden)]
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.platform.assert_here();
        self.words.is_awaited()
    }
}
