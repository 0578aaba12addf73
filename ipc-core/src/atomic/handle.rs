//! The cell's handle.

use super::value::{Bitwise, Number, Value, of_bits, update, values};
use super::word::Word;
use super::words::{self, BYTES, Cell};
use crate::error::{Fault, WaitTimeoutError};
use crate::here::unless_forked;
use crate::memory::Memory;
use crate::object::{
    Blueprint, Builder, Footprint, HEADER_BYTES, Kind, Object, Schema, Shape, ShapeError, handle, has_schema,
};
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What an atomic cell should be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<T> {
    /// The value of a new cell.
    pub initial: T,
    /// The users' own number for the meaning of the value.
    pub schema: Schema,
}

impl<T: Value, H> Builder<'_, Options<T>, H> {
    /// Sets the value of a new cell. A cell that exists keeps its own. Default: 0 or `false`.
    pub fn initial(mut self, value: T) -> Self {
        self.wanted.initial = value;
        self
    }
}

type Words<T> = words::Words<<T as Value>::Word>;

has_schema!(Options<T: Value>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: Value> Blueprint for Options<T> {
    const KIND: Kind = Kind::Atomic;
    type Object = Cell;
    type Handle<'m, P: Platform> = Atomic<'m, T, P>;

    fn shape(&self) -> Shape {
        // The capacity's place says the type.
        Shape::untyped::<()>(Kind::Atomic, T::FORM, self.schema)
    }

    fn complete(&self) -> Result<(Shape, ()), ShapeError> {
        Ok((self.shape(), ()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, (): &(), _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { memory.place(HEADER_BYTES, 1, |_| Words::<T>::new(self.initial.into_bits())) }
            .map(drop)
            .ok_or(ShapeError::Missing)
    }

    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        (): &(),
        platform: P,
    ) -> Result<Atomic<'m, T, P>, ShapeError> {
        // SAFETY: the caller vouches for the object; its shape names the type, and so the width of its word.
        let words = unsafe { Words::<T>::view(memory, &())? };
        Ok(Atomic { words, budget: SpinBudget::new(&platform), platform })
    }
}

/// A number or flag between processes, with the operations of the standard library's atomics, that can be waited for: an integer or
/// float of 8 to 64 bits, or `bool`. Python's `Value`, without the lock that `+=` forgets there.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let left = region.counter("left").initial(3).open_or_create()?;
/// # let worker = left.clone();
/// # let worker = std::thread::spawn(move || {
/// // Each of three workers, in whatever process:
/// left.fetch_sub(1)?;
/// # for _ in 1..3 { left.fetch_sub(1)?; } Ok::<(), ipc_posix::Fault>(()) });
/// # let left = region.counter("left").open()?;
///
/// // A process that waits for all three:
/// left.wait_until(|left| left == 0)?;
/// # worker.join().unwrap()?;
///
/// // Takes a ticket, if there is one: the read and the write are one step.
/// assert!(left.fetch_update(|left| left.checked_sub(1))?.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All operations of the standard library's atomics, with one order of memory: what a process wrote before a change is visible
/// to those that see the change.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let level = region.atomic::<i32>("level").initial(5).create()?;
/// level.store(6)?;
/// assert_eq!((level.swap(7)?, level.load()?), (6, 7));
/// assert_eq!(level.compare_exchange(7, 8)?, Ok(7));
/// assert_eq!((level.fetch_add(4)?, level.fetch_max(20)?, level.fetch_min(3)?), (8, 12, 20));
/// assert_eq!((level.fetch_or(8)?, level.fetch_and(10)?, level.fetch_xor(2)?), (3, 11, 10));
/// assert_eq!((level.update(|level| level * 10)?, level.load()?), (8, 80));
///
/// let on = region.atomic::<bool>("on").create()?;
/// assert_eq!((on.fetch_not()?, on.load()?), (false, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each operation is one step and sequentially consistent: a process that sees a change sees everything that its author did
/// before. All are wait-free, except `fetch_update`, the operations made of it, and sums of floats, which are lock-free. A process that is killed
/// has made its change or not, so there is nothing to repair. An operation makes a system call only if there are waiters. If the
/// author of a change is killed before it has woken them, they notice within half a second.
///
/// Floats are compared by their bits in `compare_exchange`: 0.0 is not -0.0, and a NaN is that same NaN.
///
/// # Errors
///
/// Every operation returns [`Fault::Forked`] in a child after `fork`. The waits with a time limit may also return
/// [`Timeout`](WaitTimeoutError::Timeout). There are no other errors.
#[doc(alias = "Value")]
#[doc(alias = "AtomicCell")]
#[doc(alias = "AtomicU64")]
#[doc(alias = "AtomicI64")]
#[doc(alias = "AtomicBool")]
pub struct Atomic<'m, T: Value, P> {
    words: &'m Words<T>,
    budget: SpinBudget,
    platform: P,
}

handle!(Atomic<T: Value>, "cell", self => self.budget);

impl<T: Value, P> Atomic<'_, T, P> {
    /// The bytes that a cell takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(BYTES)
    }
}

impl<'m, T: Value, P: Platform> Atomic<'m, T, P> {
    fn another(&self, platform: P) -> Self {
        Atomic { words: self.words, budget: SpinBudget::new(&platform), platform }
    }

    /// Returns the value. One load.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "get")]
    pub fn load(&self) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.load()))
    }

    /// Stores a value.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "set")]
    pub fn store(&self, value: T) -> Result<(), Fault> {
        self.swap(value).map(drop)
    }

    /// Stores a value and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn swap(&self, value: T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| word.swap(value.into_bits()))))
    }

    /// Stores `new` if the value is `current`. The inner result is that of the standard library's: the old value, as `Ok` if it
    /// was `current`.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "compare_and_swap")]
    pub fn compare_exchange(&self, current: T, new: T) -> Result<Result<T, T>, Fault> {
        self.here()?;
        Ok(values(self.words.compare_exchange(&self.platform, current.into_bits(), new.into_bits())))
    }

    /// Replaces the value with `change(old)`, unless that is `None`. The read and the write are one step, so `change` may be
    /// called several times. The inner result is the old value: `Ok` if it was replaced, `Err` if it was left alone.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "try_update")]
    pub fn fetch_update(&self, change: impl FnMut(T) -> Option<T>) -> Result<Result<T, T>, Fault> {
        self.here()?;
        let change = unless_forked(&self.platform, of_bits(change));
        let updated = self.words.fetch_update(&self.platform, change);
        if updated.is_err() {
            self.here()?;
        }
        Ok(values(updated))
    }

    /// Replaces the value with `change(old)` in one step and returns the old value. May call `change` several times.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn update(&self, mut change: impl FnMut(T) -> T) -> Result<T, Fault> {
        self.fetch_update(|old| Some(change(old))).map(|updated| updated.unwrap_or_else(|old| old))
    }

    /// [`update`](Self::update) by code of this library, which does not call `fork`.
    #[inline(always)]
    fn replace(&self, change: impl FnMut(T) -> T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| update(word, change))))
    }

    /// Blocks until `condition` holds and returns the value for which it did. May miss a condition that holds only for a moment:
    /// it sees the values that are there when it loads.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn wait_until(&self, condition: impl FnMut(T) -> bool) -> Result<T, Fault> {
        self.wait_until_within(&Limit::Forever, condition).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_until_timeout, wait_until_deadline, wait_until, "Waits until `condition` holds",
        [&self] limit [condition: impl FnMut(T) -> bool] -> Result<T, WaitTimeoutError> { self.wait_until_within(limit, condition) }
    }

    #[inline(always)]
    fn wait_until_within(
        &self,
        limit: &Limit<P::Deadline>,
        mut condition: impl FnMut(T) -> bool,
    ) -> Result<T, WaitTimeoutError> {
        self.here()?;
        let condition = |bits| condition(T::from_bits(bits));
        self.words.wait_until(&self.platform, &self.budget, limit, condition).map(T::from_bits)
    }

    /// Blocks until `change` makes a new value of the one that is there, stores that in the same step, and returns the old value.
    /// Of several processes that wait for one value, one gets it. [`fetch_update`](Self::fetch_update) is the form that never
    /// waits.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// # let tickets = region.atomic::<i32>("tickets").initial(1).create()?;
    /// // Takes a ticket, and waits for one.
    /// tickets.wait_update(|left| (left > 0).then(|| left - 1))?;
    /// assert_eq!(tickets.load()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn wait_update(&self, change: impl FnMut(T) -> Option<T>) -> Result<T, Fault> {
        self.wait_update_within(&Limit::Forever, change).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_update_timeout, wait_update_deadline, wait_update, "Changes the value when it may be changed",
        [&self] limit [change: impl FnMut(T) -> Option<T>] -> Result<T, WaitTimeoutError> { self.wait_update_within(limit, change) }
    }

    #[inline(always)]
    fn wait_update_within(
        &self,
        limit: &Limit<P::Deadline>,
        change: impl FnMut(T) -> Option<T>,
    ) -> Result<T, WaitTimeoutError> {
        self.here()?;
        self.words.wait_update(&self.platform, &self.budget, limit, of_bits(change)).map(T::from_bits)
    }
}

impl<T: Bitwise, P: Platform> Atomic<'_, T, P> {
    /// Stores the bitwise "and" of both values and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_and(&self, value: T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| word.fetch_and(value.into_bits()))))
    }

    /// Stores the bitwise "or" of both values and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_or(&self, value: T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| word.fetch_or(value.into_bits()))))
    }

    /// Stores the bitwise "exclusive or" of both values and returns the old one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    #[doc(alias = "toggle")]
    pub fn fetch_xor(&self, value: T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| word.fetch_xor(value.into_bits()))))
    }
}

impl<T: Number, P: Platform> Atomic<'_, T, P> {
    /// Adds and returns the old value. Integers wrap around at the end of the type's range.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_add(&self, value: T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| value.add_to(word))))
    }

    /// Subtracts and returns the old value. Integers wrap around at the end of the type's range. To stop at 0, see
    /// [`fetch_update`](Self::fetch_update) and [`wait_update`](Self::wait_update).
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_sub(&self, value: T) -> Result<T, Fault> {
        self.here()?;
        Ok(T::from_bits(self.words.change(&self.platform, |word| value.subtract_from(word))))
    }

    /// Stores the greater one of both values and returns the old one. A NaN counts as the smaller one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_max(&self, value: T) -> Result<T, Fault> {
        self.replace(|old| old.or_greater(value))
    }

    /// Stores the smaller one of both values and returns the old one. A NaN counts as the greater one.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_min(&self, value: T) -> Result<T, Fault> {
        self.replace(|old| old.or_smaller(value))
    }
}

impl<P: Platform> Atomic<'_, bool, P> {
    /// Inverts the flag and returns the old value.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    #[inline]
    pub fn fetch_not(&self) -> Result<bool, Fault> {
        self.fetch_xor(true)
    }
}
