//! Verbs for values that are too large for the stack: the caller says where the value is, or where a copy of it goes.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::OnceCell;
use crate::error::{Fault, SetError, SetTimeoutError, TrySetError, WaitTimeoutError};
use crate::mutex::Turn;
use crate::payload;
use crate::platform::Platform;
use crate::time::Limit;
use crate::timed::timed;

impl<T: NoUninit + CheckedBitPattern, P: Platform> OnceCell<'_, T, P> {
    /// Copies the value, if there is one, into memory that need not be initialised, and returns it. Never waits.
    ///
    /// For values that are too large for the stack, through which [`get`](Self::get) hands them.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().size(20 << 20).anonymous()?;
    /// type Table = [u8; 16 << 20];
    /// let table = region.once_cell::<Table>("table").create()?;
    /// let mut memory = Box::<Table>::new_uninit();
    /// assert!(table.get_uninit(&mut memory)?.is_none());
    /// let squares: Vec<u8> = (0..16 << 20).map(|number: u32| number.wrapping_pow(2) as u8).collect();
    /// let squares: Box<Table> = squares.try_into().unwrap();
    /// table.set_from(&squares)?;
    /// assert_eq!(table.wait_uninit(&mut memory)?[7], 49);
    /// assert_eq!(table.get_uninit(&mut memory)?.map(|table| table[7]), Some(49));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn get_uninit<'b>(&self, place: &'b mut MaybeUninit<T>) -> Result<Option<&'b mut T>, Fault> {
        self.here()?;
        if !self.once.copy_to(place) {
            return Ok(None);
        }
        // SAFETY: loaded from shared memory, which is initialised.
        if !unsafe { payload::is_value(place) } {
            return Err(Fault::InvalidValue);
        }
        // SAFETY: a value.
        Ok(Some(unsafe { place.assume_init_mut() }))
    }

    /// Sets the cell to a copy of a value that stays where it is. Blocks while another thread is setting it.
    ///
    /// For values that are too large for the stack.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set), without the value.
    pub fn set_from(&self, value: &T) -> Result<(), SetError<()>> {
        self.set_from_within(value, &Limit::Forever).map_err(SetTimeoutError::endless)
    }

    /// Sets the cell to a copy of a value, unless another thread is setting it. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_set`](Self::try_set), without the value.
    pub fn try_set_from(&self, value: &T) -> Result<(), TrySetError<()>> {
        let turn = self.try_turn().map_err(|error| TrySetError::of((), error))?;
        self.fill_from(turn, value).map_err(TrySetError::AlreadySet)
    }

    timed! {
        set_from_timeout, set_from_deadline, set_from, "Sets the cell to a copy of a value",
        [&self, value: &T] limit [] -> Result<(), SetTimeoutError<()>> { self.set_from_within(value, limit) }
    }

    fn set_from_within(&self, value: &T, limit: &Limit<P::Deadline>) -> Result<(), SetTimeoutError<()>> {
        let turn = self.turn(limit).map_err(|error| SetTimeoutError::of((), error))?;
        self.fill_from(turn, value).map_err(SetTimeoutError::AlreadySet)
    }

    fn fill_from(&self, turn: Turn<'_, P>, value: &T) -> Result<(), ()> {
        let turn = self.once.vacant(turn).ok_or(())?;
        self.once.set(&self.platform, turn, value);
        Ok(())
    }

    /// Blocks until the cell is set, copies the value into memory that need not be initialised, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn wait_uninit<'b>(&self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, Fault> {
        self.wait_uninit_within(place, &Limit::Forever).map_err(WaitTimeoutError::endless)
    }

    timed! {
        wait_uninit_timeout, wait_uninit_deadline, wait_uninit, "Waits for the value",
        <'b> [&self, place: &'b mut MaybeUninit<T>] limit [] -> Result<&'b mut T, WaitTimeoutError> {
            self.wait_uninit_within(place, limit)
        }
    }

    fn wait_uninit_within<'b>(
        &self,
        place: &'b mut MaybeUninit<T>,
        limit: &Limit<P::Deadline>,
    ) -> Result<&'b mut T, WaitTimeoutError> {
        self.wait_set(limit)?;
        Ok(self.get_uninit(place)?.ok_or(Fault::Corrupted)?)
    }
}
