//! A counted handle that writes values of serde's types.

use core::fmt;
use core::ops::Deref;

use super::values::ValueWatch;
use crate::ends::{Counted, Half, Presence, Role};
use crate::error::Fault;
use crate::participant::Dead;
use crate::platform::Platform;
use crate::wait::Gate;

/// A [`ValueWatch`] that is counted as a writer. It does all that a `ValueWatch` does.
///
/// When the last one is dropped or its process has died, a [`ValueWatchReader`](super::ValueWatchReader) reports `Disconnected` once it has
/// seen the last value. Before there is a first writer, readers wait.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let watch = region.value_watch("state").initial(&"idle".to_owned()).create()?;
/// let mut states = watch.subscribe()?;
/// let writer = watch.writer()?;
/// writer.set(&"done".to_owned())?;
/// drop(writer);
/// assert_eq!(states.changed()?, "done");
/// assert!(states.changed().unwrap_err().is_disconnected());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the other end notices when this is dropped"]
pub struct ValueWatchWriter<'m, T, P: Platform>(Half<ValueWatch<'m, T, P>>);

crate::object::named!([T, P: Platform] ValueWatchWriter<'_, T, P>, ValueWatch, self => self.0.object());

impl<T, P: Platform> Counted for ValueWatch<'_, T, P> {
    type Platform = P;

    fn platform(&self) -> &P {
        &self.cell.platform
    }

    fn presence(&self, role: Role) -> &Presence {
        self.cell.presence(role)
    }

    fn gate(&self, role: Role) -> &Gate {
        self.cell.gate(role)
    }

    fn repair(&self, dead: &Dead) {
        self.cell.repair(dead);
    }
}

impl<'m, T, P: Platform> ValueWatch<'m, T, P> {
    /// Makes a counted writer.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`].
    pub fn writer(&self) -> Result<ValueWatchWriter<'m, T, P>, Fault>
    where
        P: Clone,
    {
        self.cell.here()?;
        Ok(ValueWatchWriter(Half::new(self.clone(), Role::Sender)))
    }
}

impl<'m, T, P: Platform> Deref for ValueWatchWriter<'m, T, P> {
    type Target = ValueWatch<'m, T, P>;

    fn deref(&self) -> &ValueWatch<'m, T, P> {
        self.0.object()
    }
}

impl<T, P: Platform + Clone> Clone for ValueWatchWriter<'_, T, P> {
    fn clone(&self) -> Self {
        ValueWatchWriter(self.0.clone())
    }
}

impl<T, P: Platform + fmt::Debug> fmt::Debug for ValueWatchWriter<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueWatchWriter").field(&**self).finish()
    }
}
