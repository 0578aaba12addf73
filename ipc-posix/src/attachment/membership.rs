//! What handles keep of an attachment: the platform that the core's algorithms run on.

use std::ops::Deref;
#[cfg(feature = "serde")]
use std::sync::Weak;
use std::sync::atomic::{Ordering, compiler_fence, fence};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ipc_core::participant::NotSeized;
use ipc_core::platform::WaitOutcome;
use ipc_core::sync::AtomicU32;
use ipc_core::{Instant, ParticipantId, Platform};

use super::Attachment;
use crate::fork::ForkGuard;
use crate::liveness::{Held, LockByte};
use crate::{clock, futex, membarrier, thread};

/// A shared attachment: what handles keep, so that the mapping outlives them, and what the core calls.
#[derive(Clone)]
pub(crate) struct Membership {
    attachment: Arc<Attachment>,
    // Copies of what every operation reads, so that it is in the handle's own cache lines.
    me: ParticipantId,
    asymmetric: bool,
    pub(super) fork: ForkGuard,
}

impl Membership {
    pub(super) fn new(attachment: Attachment) -> Self {
        Self::of(Arc::new(attachment))
    }

    /// Another holder of the attachment.
    pub(super) fn of(attachment: Arc<Attachment>) -> Self {
        let Attachment { me, asymmetric, fork, .. } = *attachment;
        Membership { attachment, me, asymmetric, fork }
    }

    #[cfg(feature = "serde")]
    pub(super) fn downgrade(&self) -> Weak<Attachment> {
        Arc::downgrade(&self.attachment)
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

    /// Pins the byte of `who` if its owner is dead and `wanted` agrees to who holds it now.
    fn try_seize(&self, who: ParticipantId, wanted: impl FnOnce(Held) -> bool) -> std::io::Result<bool> {
        let Attachment { pins, probe, .. } = &**self;
        // Another thread is at it, or this one, interrupted by a signal: not now.
        let Ok(mut pins) = pins.try_lock() else { return Ok(false) };
        Ok(self.is_here() && wanted(probe.ask(LockByte::of(who))?) && pins.add(probe, who)?)
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
// when the address space is gone: `seize` takes a shared lock on that byte, beside which nobody has an exclusive one. After a fork,
// `is_here` compares the process. `fork.rs`, `thread.rs` and `membarrier.rs` say why the rest holds.
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

    fn wait_in(&self, word: &AtomicU32, expected: u32, timeout: Duration, lanes: u32) -> WaitOutcome {
        futex::wait_in(word, expected, timeout, lanes)
    }

    fn wake_in(&self, word: &AtomicU32, count: u32, lanes: u32) -> u32 {
        futex::wake_in(word, count, lanes)
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
        self.try_seize(who, |held| held != Held::Owned)
            .map_err(|_| NotSeized::Unknown)?
            .then_some(())
            .ok_or(NotSeized::NotNow)
    }

    fn seize_to_repair(&self, who: ParticipantId) -> Result<(), NotSeized> {
        let Some(record) = self.attachment.view.records().get(who.index()) else { return self.seize(who) };
        let now = clock::now();
        let seized = self.try_seize(who, |held| match held {
            Held::Owned => false,
            // Perhaps by one that repairs.
            Held::Shared => !record.is_in_repair(now),
            Held::Free => true,
        });
        if !seized.map_err(|_| NotSeized::Unknown)? {
            return Err(NotSeized::NotNow);
        }
        record.begin_repair(now);
        Ok(())
    }

    fn unseize(&self, who: ParticipantId) {
        if !self.is_here() {
            return;
        }
        if let Some(record) = self.attachment.view.records().get(who.index()) {
            record.end_repair();
        }
        self.attachment.pins.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.attachment.probe, who);
    }

    #[inline(always)]
    fn light_barrier(&self) {
        light_barrier(self.asymmetric);
    }

    fn heavy_barrier(&self) {
        heavy_barrier(self.asymmetric);
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

    #[inline]
    fn pause_nanos(&self) -> u32 {
        self.attachment.pause_nanos
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }
}

/// The barrier of [`Platform::light_barrier`].
#[inline(always)]
pub(super) fn light_barrier(asymmetric: bool) {
    if asymmetric {
        compiler_fence(Ordering::SeqCst);
    } else {
        full_fence();
    }
}

/// The barrier of [`Platform::heavy_barrier`].
pub(super) fn heavy_barrier(asymmetric: bool) {
    if asymmetric {
        membarrier::global();
    } else {
        fence(Ordering::SeqCst);
    }
}

/// Out of line: hardly any machine needs it, and everybody's hot path has it.
#[cold]
#[inline(never)]
fn full_fence() {
    fence(Ordering::SeqCst);
}
