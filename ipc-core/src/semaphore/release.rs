//! Giving back, consuming and posting.

use crate::error::{Fault, ReleaseError};
use crate::platform::Platform;
use crate::sync::{Ordering, spin_hint};

use super::handle::Semaphore;
use super::permit::RawPermit;
use super::word::{self, ABSENT, AVAILABLE, Chain};

/// How often a release checks again while others are half-way through theirs.
const POST_ATTEMPTS: u32 = crate::sync::bound(128, 4);

impl<P: Platform> Semaphore<'_, P> {
    /// Gives permits back: what dropping the guard does. Nothing if the memory is not there any more.
    #[inline]
    pub(super) fn put_back(&self, raw: RawPermit) {
        if !self.platform.is_here() {
            return;
        }
        let Chain { head, len } = raw.0;
        // A chain of one has no link.
        let permit = self.view.permits.get(head as usize);
        if len == 1
            && permit.is_some_and(|permit| {
                // Release, with the Acquire of the next holder: what we did with the permit.
                permit.compare_exchange(self.held, AVAILABLE, Ordering::Release, Ordering::Relaxed).is_ok()
            })
        {
            self.view.notify(&self.platform, 1);
        } else if len > 1 {
            self.put_back_many(raw.0);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn put_back_many(&self, chain: Chain) {
        let returned = self.view.change_all(chain, self.held, AVAILABLE, Ordering::Release);
        if returned != 0 {
            self.view.notify(&self.platform, returned);
        }
    }

    /// Takes permits out of circulation: what [`Permit::forget`](super::Permit::forget) does.
    pub(super) fn consume(&self, raw: RawPermit) -> Result<(), Fault> {
        self.here()?;
        self.view.change_all(raw.0, self.held, ABSENT, Ordering::Relaxed);
        Ok(())
    }

    /// Adds permits, all of them or none, of which no process holds any: a signal. Not needed to give a permit back, which is
    /// dropping it.
    ///
    /// ```
    /// # use ipc_posix::{Region, ReleaseError};
    /// # let region = Region::options().anonymous()?;
    /// let bell = region.semaphore("bell").permits(0).max(3).create()?;
    /// bell.release(2)?;
    /// assert_eq!(bell.release(2), Err(ReleaseError::Full { wanted: 2, room: 1 }));
    /// assert_eq!(bell.available(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Full`](ReleaseError::Full) if that would be more than the [maximum](Self::max). Permits that are held count.
    #[doc(alias = "sem_post")]
    #[doc(alias = "post")]
    #[doc(alias = "up")]
    #[doc(alias = "add_permits")]
    pub fn release(&self, permits: u32) -> Result<(), ReleaseError> {
        self.here()?;
        if permits == 0 {
            return Ok(());
        }
        for _ in 0..POST_ATTEMPTS {
            let room = match self.post(permits) {
                Ok(()) => return Ok(()),
                Err(room) => room,
            };
            let survey = self.survey();
            if survey.corrupted {
                return Err(ReleaseError::Fault(Fault::Corrupted));
            }
            if !survey.posting && !survey.owners.dead {
                return Err(ReleaseError::Full { wanted: permits, room });
            }
            spin_hint();
        }
        Err(ReleaseError::Full { wanted: permits, room: self.view.count(ABSENT) })
    }

    /// Posts all, or none: then how many there is room for.
    fn post(&self, permits: u32) -> Result<(), u32> {
        let max = self.view.max();
        // Relaxed: a hint in private memory.
        let mut round = self.view.round(self.post_hint.load(Ordering::Relaxed), max);
        if permits == 1 {
            // Release, with the acquirer's Acquire: what was signalled.
            let at = self.view.change_next(&mut round, ABSENT, AVAILABLE, Ordering::Release).ok_or(0u32)?;
            self.post_hint.store(at, Ordering::Relaxed);
            self.view.notify(&self.platform, 1);
            return Ok(());
        }
        let bare = word::posting(self.me);
        let mut chain = Chain::EMPTY;
        while chain.len < permits {
            // Relaxed: nobody but us, and a sweeper when we are dead, changes it from now on.
            let Some(at) = self.view.change_next(&mut round, ABSENT, chain.link(bare), Ordering::Relaxed) else {
                self.view.change_all(chain, bare, ABSENT, Ordering::Relaxed);
                return Err(chain.len);
            };
            chain.push(at);
        }
        self.post_hint.store(chain.head, Ordering::Relaxed);
        // Release: as above, for each.
        let posted = self.view.change_all(chain, bare, AVAILABLE, Ordering::Release);
        self.view.notify(&self.platform, posted);
        Ok(())
    }
}
