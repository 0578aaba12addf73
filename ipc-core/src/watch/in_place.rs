//! Verbs for values that are too large for the stack: the caller says where the value is, or where a copy of it goes.

use core::mem::MaybeUninit;

use bytemuck::{CheckedBitPattern, NoUninit};

use super::handle::Watch;
use super::reader::{ReadOnlyWatch, WatchReader};
use super::words::View;
use crate::error::{
    ChangedError, ChangedTimeoutError, Fault, TryChangedError, TryWriteError, WriteError, WriteTimeoutError,
};
use crate::here::here;
use crate::payload;
use crate::platform::{Observer, Platform};
use crate::time::Limit;
use crate::timed::timed;

impl View<'_> {
    /// Copies the latest version to `place`, if it is a value, and returns its number.
    fn copy_to<T: CheckedBitPattern>(&self, place: &mut MaybeUninit<T>) -> Result<u64, Fault> {
        let version = self.read_into(place)?;
        // SAFETY: copied from shared memory, which is initialised.
        if unsafe { payload::is_value(place) } { Ok(version) } else { Err(Fault::InvalidValue) }
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> Watch<'_, T, P> {
    /// Copies the latest value into memory that need not be initialised, and returns it. Never waits.
    ///
    /// For values that are too large for the stack, through which [`get`](Self::get) hands them.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().size(80 << 20).anonymous()?;
    /// type Picture = [u8; 16 << 20];
    /// let picture = region.watch::<Picture>("picture").zeroed().create()?;
    /// let mut memory = Box::<Picture>::new_uninit();
    /// let copy = picture.get_uninit(&mut memory)?;
    /// copy[7] = 255;
    /// assert_eq!(picture.set_from(copy)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub fn get_uninit<'b>(&self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, Fault> {
        self.here()?;
        self.view.copy_to(place)?;
        // SAFETY: copied, and a value.
        Ok(unsafe { place.assume_init_mut() })
    }

    /// Publishes a copy of a value that stays where it is, as [`set`](Self::set) does, and returns the number of its version.
    ///
    /// For values that are too large for the stack. Blocks while another thread writes.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set).
    pub fn set_from(&self, value: &T) -> Result<u64, WriteError> {
        self.set_within(value, &Limit::Forever).map_err(WriteTimeoutError::endless)
    }

    /// Publishes a copy of a value, as [`set_from`](Self::set_from) does, unless another thread writes. Never waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](TryWriteError::WouldBlock).
    pub fn try_set_from(&self, value: &T) -> Result<u64, TryWriteError> {
        let turn = self.try_turn()?;
        Ok(self.view.publish(&self.platform, turn, value)?)
    }

    timed! {
        set_from_timeout, set_from_deadline, set_from, "Publishes a copy of a value",
        [&self, value: &T] limit [] -> Result<u64, WriteTimeoutError> { self.set_within(value, limit) }
    }
}

impl<T: NoUninit + CheckedBitPattern, P: Platform> WatchReader<'_, T, P> {
    /// Copies the latest value into memory that need not be initialised, and returns it. It counts as seen from now on. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    pub fn get_uninit<'b>(&mut self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, Fault> {
        self.watch().here()?;
        let version = self.watch().view.copy_to(place)?;
        self.see(version);
        // SAFETY: copied, and a value.
        Ok(unsafe { place.assume_init_mut() })
    }

    /// Copies the latest value into memory that need not be initialised, if it was not seen, and returns it. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`try_changed`](Self::try_changed).
    pub fn try_changed_uninit<'b>(&mut self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, TryChangedError> {
        self.try_unseen()?;
        Ok(self.get_uninit(place)?)
    }

    /// Blocks until there is a version that was not seen, copies its value into memory that need not be initialised, and returns it.
    ///
    /// For values that are too large for the stack.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().size(80 << 20).anonymous()?;
    /// type Picture = [u8; 16 << 20];
    /// let picture = region.watch::<Picture>("picture").zeroed().create()?;
    /// let mut pictures = picture.subscribe()?.from(u64::MAX); // no version was seen
    /// let mut memory = Box::<Picture>::new_uninit();
    /// assert_eq!(pictures.changed_uninit(&mut memory)?[7], 0);
    /// assert_eq!(pictures.seen(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`changed`](Self::changed).
    pub fn changed_uninit<'b>(&mut self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, ChangedError> {
        self.changed_uninit_within(place, &Limit::Forever).map_err(ChangedTimeoutError::endless)
    }

    timed! {
        changed_uninit_timeout, changed_uninit_deadline, changed_uninit, "Waits for a new version",
        <'b> [&mut self, place: &'b mut MaybeUninit<T>] limit [] -> Result<&'b mut T, ChangedTimeoutError> {
            self.changed_uninit_within(place, limit)
        }
    }

    fn changed_uninit_within<'b>(
        &mut self,
        place: &'b mut MaybeUninit<T>,
        limit: &Limit<P::Deadline>,
    ) -> Result<&'b mut T, ChangedTimeoutError> {
        let version = self.changed_with(limit, |watch| watch.view.copy_to(place))?;
        self.see(version);
        // SAFETY: copied, and a value.
        Ok(unsafe { place.assume_init_mut() })
    }
}

impl<T: NoUninit + CheckedBitPattern, O: Observer> ReadOnlyWatch<'_, T, O> {
    /// Copies the latest value into memory that need not be initialised, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`Watch::get`].
    pub fn get_uninit<'b>(&self, place: &'b mut MaybeUninit<T>) -> Result<&'b mut T, Fault> {
        here(self.observer.is_here())?;
        self.view.copy_to(place)?;
        // SAFETY: copied, and a value.
        Ok(unsafe { place.assume_init_mut() })
    }
}
