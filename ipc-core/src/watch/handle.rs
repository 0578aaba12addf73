//! The cell's handle.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};

use super::reader::WatchReader;
use super::words::{self, SLOTS, Snapshot, Stats, Stride, View, Words};
use crate::error::{Fault, TryWriteError, WaitTimeoutError, WriteError, WriteTimeoutError};
use crate::here::Here;
use crate::memory::Memory;
use crate::mutex::Turn;
use crate::object::{
    Blueprint, Builder, Footprint, Initial, Kind, Schema, Shape, ShapeError, Unsaid, Zeroes, handle, has_schema,
    of_view,
};
use crate::payload;
use crate::platform::Platform;
use crate::sync::AtomicU64;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::{Attempt, SpinBudget};

/// What a cell should be like.
#[derive(Clone, Copy, Debug)]
pub struct Options<I> {
    /// The value that a new cell begins with, version 0: a value, [`Zeroes`], or [`Unsaid`]. A creator must set it.
    pub initial: I,
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
}

impl<I> Options<I> {
    /// A cell that begins with this value.
    pub const fn new(initial: I) -> Self {
        Options { initial, schema: Schema::NONE }
    }
}

impl<T> Default for Options<Unsaid<T>> {
    fn default() -> Self {
        Options { initial: Unsaid::new(), schema: Schema::NONE }
    }
}

impl<'r, I: Initial, H> Builder<'r, Options<I>, H> {
    /// Sets the value of a new cell: version 0. A creator must set it. A cell that exists keeps its own.
    pub fn initial(self, value: I::Value) -> Builder<'r, Options<I::Value>, H> {
        self.map(|wanted| Options { initial: value, schema: wanted.schema })
    }

    /// Lets a new cell begin with zeroes, which no value on the stack is needed for. A cell that exists keeps its own value.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().size(80 << 20).anonymous()?;
    /// let picture = region.watch::<[u8; 16 << 20]>("picture").zeroed().open_or_create()?;
    /// assert_eq!(picture.version()?, 0);
    /// # Ok::<(), ipc_posix::Error>(())
    /// ```
    pub fn zeroed(self) -> Builder<'r, Options<Zeroes<I::Value>>, H>
    where
        I::Value: Zeroable,
    {
        self.map(|wanted| Options { initial: Zeroes::new(), schema: wanted.schema })
    }
}

/// What a cell of `T` is compared with.
pub(super) fn shape<T>(schema: Schema) -> Shape {
    Shape::of::<T>(Kind::Watch, SLOTS as u64, schema)
}

has_schema!(Options<I>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<I: Initial<Value: NoUninit + CheckedBitPattern>> Blueprint for Options<I> {
    const KIND: Kind = Kind::Watch;
    type Object = Words;
    type Handle<'m, P: Platform> = Watch<'m, I::Value, P>;

    fn shape(&self) -> Shape {
        shape::<I::Value>(self.schema)
    }

    fn complete(&self) -> Result<(Shape, Stride), ShapeError> {
        self.initial.value()?;
        Ok((self.shape(), Stride::of::<I::Value>()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, stride: &Stride, now: Timestamp) -> Result<(), ShapeError> {
        let value = self.initial.value()?;
        // Without a value, the cells are zeroes already.
        let fill = |cells: &[AtomicU64]| {
            if let Some(value) = value {
                payload::store(value, cells);
            }
        };
        // SAFETY: the caller's promise.
        unsafe { words::lay(memory, stride, now, fill) }
    }

    of_view!(Watch<'m, I::Value, P>: |_, view, _, platform| Watch { view, budget: SpinBudget::new(&platform), platform, value: PhantomData });
}

/// A value, which version it is, and how old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The number of the version, from 0.
    pub version: u64,
    /// How long ago it was published. `None` if that was on another clock than this process's: before a reboot, or in another
    /// time namespace.
    pub age: Option<Duration>,
}

impl<T: CheckedBitPattern> Versioned<T> {
    pub(super) fn of(snapshot: Snapshot<MaybeUninit<T>, Timestamp>, now: Timestamp) -> Result<Self, Fault> {
        // SAFETY: a snapshot is loaded from shared memory, which is initialised.
        let value = unsafe { payload::check(snapshot.bytes) }?;
        Ok(Versioned { value, version: snapshot.version, age: snapshot.published.age(now) })
    }
}

/// A cell between processes that holds the latest value: what tokio's `watch` is between tasks, and a sequence lock that survives
/// `kill -9`.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let position = region.watch("position").initial([0.0_f64; 3]).open_or_create()?;
/// # let pilot = position.clone();
/// # let pilot = std::thread::spawn(move || pilot.set([1.0, 2.0, 3.0]));
/// let mut changes = position.subscribe()?;
/// # let mut changes = changes.from(0);
/// assert_eq!(changes.changed()?, [1.0, 2.0, 3.0]);
/// assert_eq!(position.get_versioned()?.version, 1);
/// # pilot.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The value alone, a change of it, and waits for another one:
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let speed = region.watch("speed").initial(10_u32).create()?;
/// assert_eq!(speed.update(|speed| speed + 5)?, 10);
/// assert_eq!(speed.get()?, 15);
/// // Those block until there is one; here it is there.
/// assert_eq!(speed.wait_until(|speed| *speed > 12)?, 15);
/// assert_eq!(speed.wait_for_change(0)?.value, 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Readers take no lock and write nothing. They never hold up a writer, even if they are stopped, and always get a whole value. A
/// read is lock-free: it copies again only if three values were published during the copy. Writers take turns under a robust
/// lock. A writer that is killed has published nothing: the previous value stays, and the next writer goes on: at once or, if it
/// was waiting, within some 12 ms after the kernel has released the dead process's memory. A writer that is stopped half-way holds up other writers, never readers.
///
/// A value that no process has read when the next one is published is gone. To get every value, take a
/// [`Queue`](crate::Queue). A [`WatchWriter`](super::WatchWriter) is counted, so that readers notice when the last one is gone.
/// Versions count from 0, the value that the cell was created with. After `fork`, the child's handle
/// returns [`Fault::Forked`]. A [`ReadOnlyWatch`](super::ReadOnlyWatch) reads without the right to write.
#[doc(alias = "seqlock")]
#[doc(alias = "SeqLock")]
#[doc(alias = "blackboard")]
pub struct Watch<'m, T, P> {
    pub(super) view: View<'m>,
    pub(super) budget: SpinBudget,
    pub(super) platform: P,
    pub(super) value: PhantomData<fn(T) -> T>,
}

handle!(Watch<T>, "cell", self => self.budget);

impl<T, P> Watch<'_, T, P> {
    /// The bytes that a cell of `T` takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(Stride::of::<T>().bytes())
    }
}

impl<T, P: Platform> Watch<'_, T, P> {
    fn another(&self, platform: P) -> Self {
        Watch { view: self.view, budget: SpinBudget::new(&platform), platform, value: PhantomData }
    }

    /// Returns the number of the latest version. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn version(&self) -> Result<u64, Fault> {
        self.here()?;
        Ok(self.view.version())
    }

    /// Returns the cell's figures: versions that were published, and counted writers. A snapshot.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let level = region.watch("level").initial(0_u32).create()?;
    /// let writer = level.writer()?;
    /// writer.set(7)?;
    /// assert_eq!((level.stats().version, level.stats().writers), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.platform.assert_here();
        self.view.stats()
    }

    #[inline(always)]
    pub(super) fn turn(&self, limit: &Limit<P::Deadline>) -> Result<Turn<'_, P>, WriteTimeoutError> {
        self.here()?;
        self.view.writers().turn(&self.platform, &self.budget, limit).map_err(WriteTimeoutError::refused)
    }

    pub(super) fn try_turn(&self) -> Result<Turn<'_, P>, TryWriteError> {
        self.here()?;
        self.view.writers().try_turn(&self.platform).map_err(TryWriteError::refused)
    }

    /// Blocks until `attempt` is done, see [`View::wait`].
    pub(super) fn wait_within<R>(
        &self,
        limit: &Limit<P::Deadline>,
        attempt: impl FnMut(bool) -> Attempt<Result<R, Fault>>,
    ) -> Result<R, WaitTimeoutError> {
        self.here()?;
        let result = self.view.wait(&self.platform, &self.budget, limit, attempt);
        Ok(result.map_err(|unmet| unmet.or_fault(WaitTimeoutError::Timeout))??)
    }
}

impl<'m, T: NoUninit + CheckedBitPattern, P: Platform> Watch<'m, T, P> {
    /// Returns a copy of the latest value. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidValue`] if a peer with another idea of `T` has written it; [`Fault::Corrupted`]; [`Fault::Forked`].
    #[inline]
    #[doc(alias = "borrow")]
    pub fn get(&self) -> Result<T, Fault> {
        self.here()?;
        // SAFETY: a snapshot is loaded from shared memory, which is initialised.
        self.view.read().and_then(|snapshot| unsafe { payload::check(snapshot.bytes) })
    }

    /// Returns a copy of the latest value, with its version and its age. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn get_versioned(&self) -> Result<Versioned<T>, Fault> {
        self.here()?;
        // The time first: an age is never that of a value from after the call.
        let now = Timestamp::now(&self.platform);
        self.view.read_timed().and_then(|snapshot| Versioned::of(snapshot, now))
    }

    /// Publishes a value and returns the number of its version. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) from inside of an [`update`](Self::update).
    #[doc(alias = "send")]
    #[inline]
    pub fn set(&self, value: T) -> Result<u64, WriteError> {
        self.set_within(&value, &Limit::Forever).map_err(WriteTimeoutError::endless)
    }

    /// Publishes a value and returns the number of its version, unless another thread writes. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock).
    pub fn try_set(&self, value: T) -> Result<u64, TryWriteError> {
        let turn = self.try_turn()?;
        Ok(self.view.publish(&self.platform, turn, &value)?)
    }

    timed! {
        set_timeout, set_deadline, set, "Publishes a value",
        [&self, value: T] limit [] -> Result<u64, WriteTimeoutError> { self.set_within(&value, limit) }
    }

    #[inline(always)]
    pub(super) fn set_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<u64, WriteTimeoutError> {
        let turn = self.turn(limit)?;
        Ok(self.view.publish(&self.platform, turn, value)?)
    }

    /// Replaces the value with `change(old)` and returns the old value. No other process writes meanwhile; blocks while another
    /// thread does. If `change` panics, nothing has happened.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set) and [`get`](Self::get).
    #[doc(alias = "send_modify")]
    #[inline]
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<T, WriteError> {
        Ok(self.change(self.turn(&Limit::Forever).map_err(WriteTimeoutError::endless)?, change)?)
    }

    /// [`update`](Self::update) that never waits for another writer.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock), and those of [`get`](Self::get).
    pub fn try_update(&self, change: impl FnOnce(T) -> T) -> Result<T, TryWriteError> {
        Ok(self.change(self.try_turn()?, change)?)
    }

    timed! {
        update_timeout, update_deadline, update, "Replaces the value" "The time that `change` itself takes does not count.",
        [&self] limit [change: impl FnOnce(T) -> T] -> Result<T, WriteTimeoutError> { Ok(self.change(self.turn(limit)?, change)?) }
    }

    #[inline]
    fn change(&self, turn: Turn<'_, P>, change: impl FnOnce(T) -> T) -> Result<T, Fault> {
        // SAFETY: a snapshot is loaded from shared memory, which is initialised.
        let old = unsafe { payload::check(self.view.read()?.bytes) }?;
        let new = change(old);
        // The closure may have called `fork`.
        self.here()?;
        self.view.publish(&self.platform, turn, &new)?;
        Ok(old)
    }

    /// Blocks until the latest version is not number `seen`, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn wait_for_change(&self, seen: u64) -> Result<Versioned<T>, Fault> {
        self.change_within(seen, &Limit::Forever).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_for_change_timeout, wait_for_change_deadline, wait_for_change, "Waits for another version than `seen`",
        [&self, seen: u64] limit [] -> Result<Versioned<T>, WaitTimeoutError> { self.change_within(seen, limit) }
    }

    fn change_within(&self, seen: u64, limit: &Limit<P::Deadline>) -> Result<Versioned<T>, WaitTimeoutError> {
        self.wait_within(limit, |_| match self.view.version() {
            version if version == seen => Attempt::NotYet,
            _ => Attempt::Done(self.get_versioned()),
        })
    }

    /// Blocks until `condition` holds for the latest value, and returns that value. May miss a value that was there only for a
    /// moment.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    #[doc(alias = "wait_for")]
    pub fn wait_until(&self, condition: impl FnMut(&T) -> bool) -> Result<T, Fault> {
        self.condition_within(&Limit::Forever, condition).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_until_timeout, wait_until_deadline, wait_until, "Waits for a value that meets `condition`",
        [&self] limit [condition: impl FnMut(&T) -> bool] -> Result<T, WaitTimeoutError> { self.condition_within(limit, condition) }
    }

    fn condition_within(
        &self,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<T, WaitTimeoutError> {
        self.wait_within(limit, |_| {
            let value = match self.get() {
                Ok(value) => value,
                Err(fault) => return Attempt::Done(Err(fault)),
            };
            let holds = condition(&value);
            // The condition may have called `fork`.
            match self.here() {
                Ok(()) if !holds => Attempt::NotYet,
                here => Attempt::Done(here.map(|()| value)),
            }
        })
    }

    /// Makes a reader that remembers what it has seen. The present value counts as seen.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn subscribe(&self) -> Result<WatchReader<'m, T, P>, Fault>
    where
        P: Clone,
    {
        Ok(WatchReader::new(self.clone(), self.version()?))
    }
}
