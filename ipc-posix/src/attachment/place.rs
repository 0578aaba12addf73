//! How a process that attaches gets its place.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use ipc_core::participant::{Dead, NotSeized, Record};
use ipc_core::platform::WaitOutcome;
use ipc_core::region::{Flags, RegionView};
use ipc_core::sync::AtomicU32;
use ipc_core::{Instant, ParticipantId, Platform};

use super::membership::{heavy_barrier, light_barrier};
use crate::error::{RegionError, RegionErrorKind};
use crate::liveness::{self, Held, LockByte};
use crate::pin::Lock;
use crate::{clock, futex};

/// Places of which the record says that they are taken, and that are tried in their order all the same: their owner may be dead.
const TAKEN_TRIED: usize = 32;

/// A process that attaches and has no place yet.
pub(super) struct Newcomer<'a> {
    /// The description that will hold the lock byte.
    file: &'a File,
    view: RegionView<'static>,
    name: &'a str,
}

impl<'a> Newcomer<'a> {
    /// Passes the gate, which it shares with others that attach.
    ///
    /// # Errors
    ///
    /// [`Busy`](RegionErrorKind::Busy): a process holds the gate alone, to remove the name.
    pub(super) fn new(file: &'a File, view: RegionView<'static>, name: &'a str) -> Result<Self, RegionError> {
        let newcomer = Newcomer { file, view, name };
        newcomer.pass_gate()?;
        Ok(newcomer)
    }

    fn pass_gate(&self) -> Result<(), RegionError> {
        match liveness::try_lock_shared(self.file.as_raw_fd(), LockByte::GATE) {
            Ok(true) => Ok(()),
            Ok(false) => Err(RegionError::new(self.name, RegionErrorKind::Busy { action: "leaving", pid: None })),
            Err(error) => Err(self.lock_error(error)),
        }
    }

    fn lock_error(&self, error: io::Error) -> RegionError {
        RegionError::io(self.name, "lock a byte of the file (OFD locks)", error)
    }

    /// Locks the first byte of the table that can be had, after a repair if its last owner is dead. Where many are taken, those of
    /// living processes are passed over at first: each try is a system call, and a crowd that attaches at once would make n² of them.
    ///
    /// # Errors
    ///
    /// [`TooManyParticipants`](RegionErrorKind::TooManyParticipants), [`PlacesLocked`](RegionErrorKind::PlacesLocked), `Busy`.
    pub(super) fn take_place(&self) -> Result<ParticipantId, RegionError> {
        let records = self.view.records();
        let (mut tried, mut passed) = (0, Vec::new());
        for (index, record) in records.iter().enumerate() {
            let Some(who) = ParticipantId::from_index(index) else { break };
            if record.info().joined {
                tried += 1;
                if tried > TAKEN_TRIED {
                    passed.push((who, record));
                    continue;
                }
            }
            if self.try_place(who, record)? {
                return Ok(who);
            }
        }
        for (who, record) in passed {
            if self.try_place(who, record)? {
                return Ok(who);
            }
        }
        let (max, mut locked) = (records.len() as u32, 0);
        for who in (0..records.len()).filter_map(ParticipantId::from_index) {
            locked += u32::from(self.held(who)? != Held::Owned);
        }
        Err(RegionError::new(
            self.name,
            match locked {
                0 => RegionErrorKind::TooManyParticipants { max },
                locked => RegionErrorKind::PlacesLocked { max, locked },
            },
        ))
    }

    /// From here on nobody takes the region for unused.
    pub(super) fn leave_gate(self) {
        liveness::unlock(self.file.as_raw_fd(), LockByte::GATE);
    }

    fn held(&self, who: ParticipantId) -> Result<Held, RegionError> {
        liveness::held(self.file.as_raw_fd(), LockByte::of(who)).map_err(|error| self.lock_error(error))
    }

    fn lock(&self, who: ParticipantId, lock: Lock) -> Result<bool, RegionError> {
        lock.try_on(self.file.as_raw_fd(), LockByte::of(who)).map_err(|error| self.lock_error(error))
    }

    /// Whether the place was to be had: its owner does not live, and no other process has pinned it.
    fn try_place(&self, who: ParticipantId, record: &Record) -> Result<bool, RegionError> {
        // If its last owner left, it left nothing to repair.
        if record.info().joined {
            let held = self.held(who)?;
            if held == Held::Owned || (held == Held::Shared && record.is_in_repair(clock::now())) {
                return Ok(false);
            }
            // Not alone: while we repair, we are not the life of this place.
            if !self.lock(who, Lock::Shared)? {
                return Ok(false);
            }
            self.repair(who, record)?;
        }
        let mut ours = self.lock(who, Lock::Alone)?;
        if ours && record.info().joined {
            // Another process has come and died since the check. As above.
            self.lock(who, Lock::Shared)?;
            self.repair(who, record)?;
            ours = self.lock(who, Lock::Alone)?;
        }
        if !ours {
            // What we have pinned for the repair.
            liveness::unlock(self.file.as_raw_fd(), LockByte::of(who));
        }
        Ok(ours)
    }

    /// Repairs after the last owner of the place, whose byte is pinned. That may take long, and is no reason to keep others that leave
    /// waiting.
    fn repair(&self, who: ParticipantId, record: &Record) -> Result<(), RegionError> {
        liveness::unlock(self.file.as_raw_fd(), LockByte::GATE);
        record.begin_repair(clock::now());
        let asymmetric = self.view.flags().has(Flags::ASYMMETRIC_BARRIER);
        // SAFETY: its byte is pinned, and was locked until its address space was gone.
        let dead = unsafe { Dead::on_evidence(who) };
        self.view.sweep(&dead, &Undertaker { who, asymmetric });
        record.end_repair();
        record.leave();
        self.pass_gate()
    }
}

/// What a repair needs of a platform, for a process that has no place yet.
struct Undertaker {
    who: ParticipantId,
    asymmetric: bool,
}

// SAFETY: a repair takes nothing for itself: `me` is the dead one, whose byte is pinned. It seizes nobody, and its handles are
// nobody's.
unsafe impl Platform for Undertaker {
    type Deadline = Instant;

    fn instant(&self, deadline: Instant) -> Instant {
        deadline
    }

    fn wait(&self, word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
        futex::wait(word, expected, timeout)
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        futex::wake(word, count)
    }

    fn wake_in(&self, word: &AtomicU32, count: u32, lanes: u32) -> u32 {
        futex::wake_in(word, count, lanes)
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn me(&self) -> ParticipantId {
        self.who
    }

    fn seize(&self, _: ParticipantId) -> Result<(), NotSeized> {
        Err(NotSeized::NotNow)
    }

    fn unseize(&self, _: ParticipantId) {}

    fn light_barrier(&self) {
        light_barrier(self.asymmetric);
    }

    fn heavy_barrier(&self) {
        heavy_barrier(self.asymmetric);
    }
}
