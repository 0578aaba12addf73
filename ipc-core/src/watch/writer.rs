//! A counted handle that writes.

use core::fmt;
use core::ops::Deref;

use super::handle::Watch;
use crate::ends::{Counted, Half, Presence, Role};
use crate::error::Fault;
use crate::object::Object;
use crate::participant::Dead;
use crate::platform::Platform;
use crate::wait::EventCount;

/// A [`Watch`] that is counted as a writer. It does all that a `Watch` does.
///
/// When the last one is dropped or its process has died, a [`WatchReader`](super::WatchReader) reports `Disconnected` once it has
/// seen the last value. Before there is a first writer, readers wait.
///
/// ```
/// # use ipc_posix::{ChangedError, Region};
/// # let region = Region::options().anonymous()?;
/// let watch = region.watch("progress").initial(0_u32).create()?;
/// let mut progress = watch.subscribe()?;
/// let writer = watch.writer()?;
/// writer.set(100)?;
/// drop(writer);
/// assert_eq!(progress.changed(), Ok(100));
/// assert_eq!(progress.changed(), Err(ChangedError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WatchWriter<'m, T, P: Platform>(Half<Watch<'m, T, P>>);

impl<T, P: Platform> Counted for Watch<'_, T, P> {
    type Platform = P;

    fn platform(&self) -> &P {
        &self.platform
    }

    /// Only writers are counted.
    fn presence(&self, _: Role) -> &Presence {
        self.view.presence()
    }

    /// Only readers wait.
    fn gate(&self, _: Role) -> &EventCount {
        self.view.sleepers()
    }

    fn repair(&self, dead: &Dead) {
        super::Words::sweep(self.view, dead, &self.platform);
    }
}

impl<'m, T, P: Platform> Watch<'m, T, P> {
    /// Makes a counted writer.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn writer(&self) -> Result<WatchWriter<'m, T, P>, Fault>
    where
        P: Clone,
    {
        self.here()?;
        Ok(WatchWriter(Half::new(self.clone(), Role::Sender)))
    }
}

impl<'m, T, P: Platform> Deref for WatchWriter<'m, T, P> {
    type Target = Watch<'m, T, P>;

    #[inline(always)]
    fn deref(&self) -> &Watch<'m, T, P> {
        self.0.object()
    }
}

impl<T, P: Platform + Clone> Clone for WatchWriter<'_, T, P> {
    fn clone(&self) -> Self {
        WatchWriter(self.0.clone())
    }
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for WatchWriter<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchWriter").field(&**self).finish()
    }
}
