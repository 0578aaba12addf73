//! What handles keep of an attachment: the platform that the core's algorithms run on.

use std::ops::Deref;
use std::sync::atomic::{Ordering, compiler_fence, fence};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ipc_core::participant::NotSeized;
use ipc_core::platform::WaitOutcome;
use ipc_core::sync::AtomicU32;
use ipc_core::{Instant, ParticipantId, Platform};

use super::Attachment;
use crate::fork::ForkGuard;
use crate::liveness::LockByte;
use crate::pin::Pin;
use crate::{clock, futex, membarrier, thread};

/// A shared attachment: what handles keep, so that the mapping outlives them, and what the core calls.
#[derive(Clone)]
pub(crate) struct Membership {
    attachment: Arc<Attachment>,
    // Copies of what every operation looks at, so that it is in the handle's own cache lines.
    me: ParticipantId,
    asymmetric: bool,
    fork: ForkGuard,
}

impl Membership {
    pub(super) fn new(attachment: Attachment) -> Self {
        let Attachment { me, asymmetric, fork, .. } = attachment;
        Membership { attachment: Arc::new(attachment), me, asymmetric, fork }
    }

    /// Whether this is still the process that attached.
    #[inline(always)]
    pub(crate) fn is_here(&self) -> bool {
        self.fork.is_here()
    }

    /// Panics in a child after `fork`.
    #[track_caller]
    pub(crate) fn assert_here(&self) {
        self.fork.assert_here();
    }
}

impl Deref for Membership {
    type Target = Attachment;

    #[inline(always)]
    fn deref(&self) -> &Attachment {
        &self.attachment
    }
}

// SAFETY: a participant is a place in the region's table that only this process holds, with a lock byte that the kernel releases
// when the address space is gone: `seize` takes that byte. After a fork, `is_here` compares the process. `fork.rs`, `thread.rs` and
// `membarrier.rs` say why the rest holds.
unsafe impl Platform for Membership {
    type Deadline = std::time::Instant;

    fn instant(&self, deadline: std::time::Instant) -> Instant {
        clock::at(deadline)
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        futex::wait(word, expected, timeout)
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        futex::wake(word, count)
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    #[inline(always)]
    fn clock(&self) -> u64 {
        self.attachment.clock()
    }

    #[inline(always)]
    fn me(&self) -> ParticipantId {
        self.me
    }

    fn seize(&self, who: ParticipantId) -> Result<(), NotSeized> {
        // Another thread repairs: not now.
        let mut pin = self.attachment.pin.try_lock().map_err(|_| NotSeized::NotNow)?;
        if pin.is_some() || !self.is_here() {
            return Err(NotSeized::NotNow);
        }
        let new = Pin::try_new(&self.attachment.probe, LockByte::of(who)).map_err(|_| NotSeized::Unknown)?;
        *pin = Some(new.ok_or(NotSeized::NotNow)?);
        Ok(())
    }

    fn unseize(&self, _who: ParticipantId) {
        let pin = self.attachment.pin.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pin) = pin.filter(|_| self.is_here()) {
            pin.release(&self.attachment.probe);
        }
    }

    #[inline(always)]
    fn light_barrier(&self) {
        if self.asymmetric {
            compiler_fence(Ordering::SeqCst);
        } else {
            full_fence();
        }
    }

    fn heavy_barrier(&self) {
        if self.asymmetric {
            membarrier::global();
        } else {
            fence(Ordering::SeqCst);
        }
    }

    #[inline(always)]
    fn thread(&self) -> u16 {
        thread::number()
    }

    #[inline(always)]
    fn panicking(&self) -> bool {
        std::thread::panicking()
    }

    #[inline(always)]
    fn is_here(&self) -> bool {
        self.fork.is_here()
    }

    fn spinning_helps(&self) -> bool {
        self.attachment.spinning_helps
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }
}

/// Out of line: hardly any machine needs it, and everybody's hot path has it.
#[cold]
#[inline(never)]
fn full_fence() {
    fence(Ordering::SeqCst);
}
