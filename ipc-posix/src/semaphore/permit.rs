//! The guards.

use ipc_core::semaphore::RawPermit;

use super::handle::Semaphore;

/// Permits of a [`Semaphore`], which go back when this is dropped; or when the process dies.
///
/// In a child after `fork`, dropping it does nothing: the permits are the parent's.
#[must_use = "the permit goes back when this is dropped"]
pub struct SemaphorePermit<'s> {
    semaphore: &'s Semaphore,
    /// `None` only while it is dropped or taken apart.
    raw: Option<RawPermit>,
}

/// A [`SemaphorePermit`] that keeps a handle of its semaphore, so that it can go to another thread or into a structure.
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
pub struct OwnedSemaphorePermit {
    semaphore: Semaphore,
    raw: Option<RawPermit>,
}

macro_rules! permit {
    ($name:ident $(<$life:lifetime>)?) => {
        // Shared memory is not touched.
        impl std::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("semaphore", &self.semaphore.name())
                    .field("count", &self.count())
                    .finish()
            }
        }

        impl $name $(<$life>)? {
            /// How many permits.
            #[doc(alias = "num_permits")]
            pub fn count(&self) -> u32 {
                self.raw.as_ref().map_or(0, RawPermit::count)
            }

            /// The semaphore that the permits are of.
            pub fn semaphore(&self) -> &Semaphore {
                &self.semaphore
            }

            /// Takes the permits out of circulation: they do not go back. In the signalling use, this is the receipt of the
            /// signal: it is consumed, and a process that dies later does not bring it back.
            pub fn forget(mut self) {
                if let Some(raw) = self.raw.take() {
                    self.semaphore.core().consume(raw);
                }
            }
        }

        impl Drop for $name $(<$life>)? {
            #[inline]
            fn drop(&mut self) {
                if let Some(raw) = self.raw.take() {
                    self.semaphore.core().put_back(raw);
                }
            }
        }
    };
}

permit!(SemaphorePermit<'_>);
permit!(OwnedSemaphorePermit);

impl<'s> SemaphorePermit<'s> {
    #[inline(always)]
    pub(super) fn new(semaphore: &'s Semaphore, raw: RawPermit) -> Self {
        SemaphorePermit { semaphore, raw: Some(raw) }
    }

    /// The same permits with a handle of their own.
    pub fn into_owned(mut self) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit { semaphore: self.semaphore.clone(), raw: self.raw.take() }
    }
}
