//! The guards.

use core::fmt;

use super::handle::Semaphore;
use super::word::Chain;
use crate::error::Fault;
use crate::platform::Platform;

/// Permits without the handle they came from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawPermit(pub(super) Chain);

impl RawPermit {
    fn count(&self) -> u32 {
        self.0.len
    }
}

/// Permits of a [`Semaphore`], which go back when this is dropped; or when the process dies.
///
/// In a child after `fork`, dropping it does nothing: the permits are the parent's.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let slots = region.semaphore("slots").permits(2).create()?;
/// let permit = slots.acquire()?;
/// let worker = std::thread::spawn({
///     let permit = permit.into_owned();
///     move || drop(permit)
/// });
/// worker.join().unwrap();
/// slots.close()?; // waits end, and permits come back as before
/// assert!(slots.try_acquire().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the permit goes back when this is dropped"]
pub struct Permit<'s, 'm, P: Platform> {
    semaphore: &'s Semaphore<'m, P>,
    /// `None` only while it is dropped or taken apart.
    raw: Option<RawPermit>,
}

/// A [`Permit`] that keeps a handle of its semaphore, so that it can go to another thread or into a structure.
///
/// ```
/// # use ipc_posix::Region;
/// # let region = Region::options().anonymous()?;
/// let slots = region.semaphore("slots").permits(2).create()?;
/// let permit = slots.acquire_owned()?;
/// std::thread::spawn(move || {
///     // ... works ...
///     drop(permit);
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the permit goes back when this is dropped"]
pub struct OwnedPermit<'m, P: Platform> {
    semaphore: Semaphore<'m, P>,
    raw: Option<RawPermit>,
}

macro_rules! permit {
    ($name:ident<$($life:lifetime),*>) => {
        // Shared memory is not touched.
        impl<P: Platform + fmt::Debug> fmt::Debug for $name<$($life,)* P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("semaphore", &self.semaphore)
                    .field("count", &self.count())
                    .finish()
            }
        }

        impl<P: Platform> $name<$($life,)* P> {
            /// How many permits.
            #[doc(alias = "num_permits")]
            pub fn count(&self) -> u32 {
                self.raw.as_ref().map_or(0, RawPermit::count)
            }

            /// Takes the permits out of circulation: they do not go back. In the signalling use, this is the receipt of the
            /// signal: it is consumed, and a process that dies later does not bring it back.
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`].
            pub fn forget(mut self) -> Result<(), Fault> {
                match self.raw.take() {
                    Some(raw) => self.semaphore.consume(raw),
                    None => Ok(()),
                }
            }
        }

        impl<P: Platform> Drop for $name<$($life,)* P> {
            #[inline]
            fn drop(&mut self) {
                if let Some(raw) = self.raw.take() {
                    self.semaphore.put_back(raw);
                }
            }
        }
    };
}

permit!(Permit<'_, '_>);
permit!(OwnedPermit<'_>);

impl<'s, 'm, P: Platform> Permit<'s, 'm, P> {
    #[inline(always)]
    pub(super) fn new(semaphore: &'s Semaphore<'m, P>, raw: RawPermit) -> Self {
        Permit { semaphore, raw: Some(raw) }
    }

    /// The semaphore that the permits are of.
    pub fn semaphore(&self) -> &'s Semaphore<'m, P> {
        self.semaphore
    }

    /// Returns these permits with a handle of their own.
    pub fn into_owned(mut self) -> OwnedPermit<'m, P>
    where
        P: Clone,
    {
        OwnedPermit { semaphore: self.semaphore.clone(), raw: self.raw.take() }
    }
}

impl<'m, P: Platform> OwnedPermit<'m, P> {
    /// The semaphore that the permits are of.
    pub fn semaphore(&self) -> &Semaphore<'m, P> {
        &self.semaphore
    }
}
