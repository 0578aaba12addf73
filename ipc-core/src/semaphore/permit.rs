//! What an acquirer gets.

use crate::platform::Platform;

use super::view::Semaphore;
use super::word::Chain;

/// Permits of a semaphore, which go back when this is dropped.
///
/// If the process dies first, whoever looks for permits next takes them back.
#[must_use = "the permit goes back when this is dropped"]
pub struct Permit<'s, 'm, P: Platform> {
    semaphore: &'s Semaphore<'m, P>,
    raw: RawPermit,
}

/// Permits without the handle they came from: for guards of other shapes. Dropping it leaves the permits taken until this
/// process is gone; [`Semaphore::adopt`] turns it into a guard again.
#[must_use = "dropping this leaves the permits taken"]
#[derive(Debug, PartialEq, Eq)]
pub struct RawPermit(pub(super) Chain);

impl RawPermit {
    /// How many permits.
    pub const fn count(&self) -> u32 {
        self.0.len
    }
}

// Shared memory is not touched.
impl<P: Platform> core::fmt::Debug for Permit<'_, '_, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Permit").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl<'s, 'm, P: Platform> Permit<'s, 'm, P> {
    /// How many permits.
    pub const fn count(&self) -> u32 {
        self.raw.count()
    }

    /// Takes the permits out of circulation: they do not go back. What was signalled is consumed.
    pub fn forget(self) {
        let semaphore = self.semaphore;
        semaphore.consume(self.into_raw());
    }

    /// The permits alone.
    pub fn into_raw(self) -> RawPermit {
        RawPermit(core::mem::ManuallyDrop::new(self).raw.0)
    }
}

impl<P: Platform> Drop for Permit<'_, '_, P> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.put_back(RawPermit(self.raw.0));
    }
}

impl<'m, P: Platform> Semaphore<'m, P> {
    /// A guard of permits that this handle, or another one of the same participant, has acquired.
    pub fn adopt(&self, raw: RawPermit) -> Permit<'_, 'm, P> {
        Permit { semaphore: self, raw }
    }
}
