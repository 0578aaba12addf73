//! A counted handle that writes.

use core::fmt;
use core::ops::Deref;

use super::handle::Watch;
use crate::ends::{Half, Role, counted};
use crate::error::Fault;
use crate::platform::Platform;

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
#[must_use = "the other end notices when this is dropped"]
pub struct WatchWriter<'m, T, P: Platform>(Half<Watch<'m, T, P>>);

counted!(Watch<T>);
crate::object::named!([T, P: Platform] WatchWriter<'_, T, P>, Watch, self => self.0.object());

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
