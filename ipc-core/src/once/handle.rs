//! The cell's handle.

use core::marker::PhantomData;
use core::time::Duration;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::words::{self, Cells, View, Words};
use crate::error::{
    Fault, SetError, SetTimeoutError, TrySetError, TryWriteError, WaitTimeoutError, WriteError, WriteTimeoutError,
};
use crate::here::Here;
use crate::memory::Memory;
use crate::mutex::Turn;
use crate::object::{Blueprint, Footprint, Kind, Schema, Shape, ShapeError, handle, has_schema, of_view};
use crate::payload;
use crate::platform::Platform;
use crate::time::{Limit, Timestamp};
use crate::timed::timed;
use crate::wait::SpinBudget;

/// What a cell should be like.
#[derive(Clone, Copy, Debug)]
pub struct Options<T> {
    /// The users' own number for the meaning of `T`.
    pub schema: Schema,
    value: PhantomData<fn(T) -> T>,
}

impl<T> Options<T> {
    /// A cell of `T` with schema 0.
    pub const fn new() -> Self {
        Options { schema: Schema::NONE, value: PhantomData }
    }
}

impl<T> Default for Options<T> {
    fn default() -> Self {
        Self::new()
    }
}

has_schema!(Options<T>.schema);

// SAFETY: `kinds!` gives this kind these words, and only what `complete` describes is laid out and handled.
unsafe impl<T: NoUninit + CheckedBitPattern> Blueprint for Options<T> {
    const KIND: Kind = Kind::OnceCell;
    type Object = Words;
    type Handle<'m, P: Platform> = OnceCell<'m, T, P>;

    fn shape(&self) -> Shape {
        Shape::of::<T>(Kind::OnceCell, 1, self.schema)
    }

    fn complete(&self) -> Result<(Shape, Cells), ShapeError> {
        Ok((self.shape(), Cells::of::<T>()))
    }

    unsafe fn lay(&self, memory: Memory<'_>, cells: &Cells, _: Timestamp) -> Result<(), ShapeError> {
        // SAFETY: the caller's promise.
        unsafe { words::lay(memory, cells) }
    }

    of_view!(OnceCell<'m, T, P>: |_, once, _, platform| OnceCell { once, budget: SpinBudget::new(&platform), platform, value: PhantomData });
}

/// A cell between processes that is set once, by the process that comes first: what [`std::sync::OnceLock`] is between threads.
///
/// ```
/// # use ipc_posix::{Region, WriteError};
/// # let region = Region::options().anonymous()?;
/// let seed = region.once_cell::<u64>("seed").open_or_create()?;
/// // Any number of processes at once: one of them makes the value, all of them get it.
/// let value = seed.get_or_init(|| 42)?;
/// assert_eq!(seed.get()?, Some(value));
/// assert!(seed.set(43).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A process that is killed while it makes or writes the value has done nothing: the next process gets its turn: at once or, if it
/// was waiting already, within some 12 ms after the kernel has released the dead process's memory. The same holds for an initialiser that panics. No process ever sees half a value.
///
/// [`get`](Self::get) is one load and a copy, and never waits. The value is handed out as a copy. After `fork`, the child's
/// handle returns [`Fault::Forked`].
#[doc(alias = "OnceLock")]
#[doc(alias = "LazyLock")]
pub struct OnceCell<'m, T, P> {
    pub(super) once: View<'m>,
    budget: SpinBudget,
    pub(super) platform: P,
    value: PhantomData<fn(T) -> T>,
}

handle!(OnceCell<T>, "cell", self => self.budget);

impl<T, P> OnceCell<'_, T, P> {
    /// The bytes that a cell of `T` takes in a region.
    pub const fn footprint() -> Footprint {
        Footprint(Cells::of::<T>().bytes())
    }
}

impl<T, P: Platform> OnceCell<'_, T, P> {
    fn another(&self, platform: P) -> Self {
        OnceCell { once: self.once, budget: SpinBudget::new(&platform), platform, value: PhantomData }
    }

    /// Returns whether there is a value. One load.
    ///
    /// # Panics
    ///
    /// In a child after `fork`.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.platform.assert_here();
        self.once.is_set()
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> OnceCell<'_, T, P> {
    /// Returns a copy of the value, if there is one. Never waits.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidValue`] if a peer with another idea of `T` has set it; [`Fault::Forked`].
    #[inline]
    pub fn get(&self) -> Result<Option<T>, Fault> {
        self.here()?;
        // SAFETY: loaded from shared memory, which is initialised.
        self.once.get().map(|bytes| unsafe { payload::check(bytes) }).transpose()
    }

    /// Sets the cell. Blocks while another thread is setting it.
    ///
    /// # Errors
    ///
    /// [`AlreadySet`](SetError::AlreadySet); [`Deadlock`](SetError::Deadlock) from inside of an initialiser. The value comes
    /// back.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        self.set_within(value, &Limit::Forever).map_err(SetTimeoutError::endless)
    }

    /// Sets the cell, unless another thread is setting it. Never waits.
    ///
    /// # Errors
    ///
    /// [`AlreadySet`](TrySetError::AlreadySet); [`WouldBlock`](TrySetError::WouldBlock). The value comes back.
    pub fn try_set(&self, value: T) -> Result<(), TrySetError<T>> {
        match self.try_turn() {
            Ok(turn) => self.fill(turn, value).map_err(TrySetError::AlreadySet),
            Err(error) => Err(TrySetError::of(value, error)),
        }
    }

    timed! {
        set_timeout, set_deadline, set, "Sets the cell",
        [&self, value: T] limit [] -> Result<(), SetTimeoutError<T>> { self.set_within(value, limit) }
    }

    fn set_within(&self, value: T, limit: &Limit<P::Deadline>) -> Result<(), SetTimeoutError<T>> {
        match self.turn(limit) {
            Ok(turn) => self.fill(turn, value).map_err(SetTimeoutError::AlreadySet),
            Err(error) => Err(SetTimeoutError::of(value, error)),
        }
    }

    /// Returns the value. If there is none, sets `make()`, which runs in one process at a time; blocks while it runs in another
    /// one.
    ///
    /// # Errors
    ///
    /// [`Deadlock`](WriteError::Deadlock) from inside of an initialiser, and those of [`get`](Self::get).
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<T, WriteError> {
        self.get_or_try_init(|| Ok(make()))
    }

    /// [`get_or_init`](Self::get_or_init) that never waits for another initialiser.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock), and those of [`get`](Self::get).
    pub fn try_get_or_init(&self, make: impl FnOnce() -> T) -> Result<T, TryWriteError> {
        self.init(|| self.try_turn(), || Ok(make()))
    }

    timed! {
        get_or_init_timeout, get_or_init_deadline, get_or_init, "Returns the value, and sets it if there is none,"
        "The time that `make` itself takes does not count.",
        [&self] limit [make: impl FnOnce() -> T] -> Result<T, WriteTimeoutError> { self.init(|| self.turn(limit), || Ok(make())) }
    }

    /// [`get_or_init`](Self::get_or_init) with a `make` that may fail. The cell then stays empty, and the next process gets its
    /// turn.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let limit = region.once_cell::<u32>("limit").create()?;
    /// let parse = |text: &str| -> Result<u32, Box<dyn std::error::Error>> {
    ///     limit.get_or_try_init(|| Ok(text.parse()?))
    /// };
    /// assert!(parse("many").is_err());
    /// assert_eq!(parse("100")?, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `make`, and a [`WriteError`].
    pub fn get_or_try_init<E: From<WriteError>>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.init(|| self.turn(&Limit::Forever).map_err(WriteTimeoutError::endless), make)
    }

    /// [`try_get_or_init`](Self::try_get_or_init) with a `make` that may fail.
    ///
    /// # Errors
    ///
    /// Those of `make`, and a [`TryWriteError`].
    pub fn try_get_or_try_init<E: From<TryWriteError>>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.init(|| self.try_turn(), make)
    }

    /// [`get_or_init_timeout`](Self::get_or_init_timeout) with a `make` that may fail.
    ///
    /// # Errors
    ///
    /// Those of `make`, and a [`WriteTimeoutError`].
    pub fn get_or_try_init_timeout<E: From<WriteTimeoutError>>(
        &self,
        timeout: Duration,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.init(|| self.turn(&Limit::For(timeout)), make)
    }

    /// [`get_or_init_deadline`](Self::get_or_init_deadline) with a `make` that may fail.
    ///
    /// # Errors
    ///
    /// Those of `make`, and a [`WriteTimeoutError`].
    pub fn get_or_try_init_deadline<E: From<WriteTimeoutError>>(
        &self,
        deadline: P::Deadline,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.init(|| self.turn(&Limit::Until(deadline)), make)
    }

    /// The value, or the one that `make` makes once `turn` has let it.
    fn init<'a, W: From<Fault>, E: From<W>>(
        &'a self,
        turn: impl FnOnce() -> Result<Turn<'a, P>, W>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        P: 'a,
    {
        if let Some(value) = self.get().map_err(W::from)? {
            return Ok(value);
        }
        let Some(turn) = self.once.vacant(turn()?) else {
            return Ok(self.get().and_then(|value| value.ok_or(Fault::Corrupted)).map_err(W::from)?);
        };
        let made = make();
        // The closure may have called `fork`. Then also its error is no answer.
        self.here().map_err(W::from)?;
        let value = made?;
        self.once.set(&self.platform, turn, &value);
        Ok(value)
    }

    pub(super) fn turn(&self, limit: &Limit<P::Deadline>) -> Result<Turn<'_, P>, WriteTimeoutError> {
        self.here()?;
        self.once.writers().turn(&self.platform, &self.budget, limit).map_err(WriteTimeoutError::refused)
    }

    pub(super) fn try_turn(&self) -> Result<Turn<'_, P>, TryWriteError> {
        self.here()?;
        self.once.writers().try_turn(&self.platform).map_err(TryWriteError::refused)
    }

    /// Sets the cell if it is empty. Otherwise the value comes back.
    fn fill(&self, turn: Turn<'_, P>, value: T) -> Result<(), T> {
        let turn = self.once.vacant(turn).ok_or(value)?;
        self.once.set(&self.platform, turn, &value);
        Ok(())
    }

    /// Blocks until the cell is set and returns the value. A process that dies while it sets the cell has not set it.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let address = region.once_cell::<[u8; 4]>("address").create()?;
    /// # let server = address.clone();
    /// # let server = std::thread::spawn(move || server.set([10, 0, 0, 1]));
    /// // Another process sets it when it is ready.
    /// assert_eq!(address.wait()?, [10, 0, 0, 1]);
    /// # server.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn wait(&self) -> Result<T, Fault> {
        self.wait_within(&Limit::Forever).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_timeout, wait_deadline, wait, "Waits for the value",
        [&self] limit [] -> Result<T, WaitTimeoutError> { self.wait_within(limit) }
    }

    /// Waits until there is a value.
    pub(super) fn wait_set(&self, limit: &Limit<P::Deadline>) -> Result<(), WaitTimeoutError> {
        self.here()?;
        if self.once.wait(&self.platform, &self.budget, limit) { Ok(()) } else { Err(WaitTimeoutError::Timeout) }
    }

    fn wait_within(&self, limit: &Limit<P::Deadline>) -> Result<T, WaitTimeoutError> {
        self.wait_set(limit)?;
        Ok(self.get()?.ok_or(Fault::Corrupted)?)
    }
}
