//! Holding a lock byte for a moment, in a way that no child shares.
//!
//! A descriptor that is kept is inherited by every child, and with it the open file description and the locks on it: a
//! process that is killed while it repairs would leave the dead one's byte locked for its children's lives. So a pin has
//! a description of its own, which only a mapping keeps open that children do not get. While its descriptor is open, no
//! `fork` can happen ([`NoFork::briefly`]).
//!
//! Where no description can be opened any more (other rights than at the opening, a sandbox, `chroot`), the pin is a
//! lock on the probe's own description.
//!
//! A pin on a participant's byte is a shared lock, see [`liveness`](crate::liveness). The gate is held alone.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::fork::NoFork;
use ipc_core::ParticipantId;

use crate::liveness::{self, LockByte};
use crate::probe::Probe;
use crate::sys;

/// How a byte is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Beside other shared locks.
    Shared,
    /// Beside none.
    Alone,
}

impl Lock {
    /// Locks the byte for the description of `fd`, without waiting. `false` if another description forbids it. Our own lock of the
    /// other kind becomes this one in one step.
    pub(crate) fn try_on(self, fd: RawFd, byte: LockByte) -> io::Result<bool> {
        match self {
            Lock::Shared => liveness::try_lock_shared(fd, byte),
            Lock::Alone => liveness::try_lock(fd, byte),
        }
    }
}

/// A lock byte that this process holds until [`release`](Pin::release).
#[derive(Debug)]
pub(crate) struct Pin(Holder);

#[derive(Debug)]
enum Holder {
    /// The address of the mapping that keeps the description.
    Mapping(usize),
    /// The probe's descriptor.
    Probe(RawFd, LockByte),
}

impl Pin {
    /// Locks the byte if no other lock forbids it. `None`: one does, or another thread forks just now.
    ///
    /// # Errors
    ///
    /// The system does not let the byte be locked.
    pub(crate) fn try_new(probe: &Probe, byte: LockByte, lock: Lock) -> io::Result<Option<Pin>> {
        let Some(_no_fork) = NoFork::briefly() else { return Ok(None) };
        if let Ok(file) = probe.another() {
            match keep_by_mapping(&file) {
                Ok(page) => {
                    let pin = Pin(Holder::Mapping(page));
                    return match lock.try_on(file.as_raw_fd(), byte) {
                        Ok(true) => Ok(Some(pin)),
                        refused => {
                            pin.release(probe);
                            refused.map(|_| None)
                        }
                    };
                }
                // Too many mappings: as below.
                Err(_) => drop(file),
            }
        }
        let fd = probe.descriptor()?;
        if !lock.try_on(fd, byte)? {
            return Ok(None);
        }
        // The descriptor may have changed hands between the question and the lock.
        if probe.is_ours(fd)? {
            return Ok(Some(Pin(Holder::Probe(fd, byte))));
        }
        liveness::unlock(fd, byte);
        Ok(None)
    }

    /// Gives the byte free. Not for a child after `fork`, which has no pins.
    pub(crate) fn release(self, probe: &Probe) {
        match self.0 {
            // SAFETY: the page was mapped for this pin alone, in this process, and is unmapped once.
            Holder::Mapping(page) => drop(unsafe { libc::munmap(page as *mut libc::c_void, 1) }),
            Holder::Probe(fd, byte) => {
                if probe.is_ours(fd).unwrap_or(true) {
                    liveness::unlock(fd, byte);
                }
            }
        }
    }
}

/// Pins of one process at a time: each belongs to a thread that repairs just now.
const MOST_PINS: usize = 32;

/// Whom the threads of this process have pinned, each as often as it was. No vector: a signal handler may pin, and must not allocate.
#[derive(Debug, Default)]
pub(crate) struct Pins([Option<(ParticipantId, Pin)>; MOST_PINS]);

impl Pins {
    /// Pins the dead participant's byte. `false` if it lives, if another thread forks just now, or if too many threads repair.
    ///
    /// # Errors
    ///
    /// As for [`Pin::try_new`].
    pub(crate) fn add(&mut self, probe: &Probe, who: ParticipantId) -> io::Result<bool> {
        let Some(place) = self.0.iter_mut().find(|place| place.is_none()) else { return Ok(false) };
        *place = Pin::try_new(probe, LockByte::of(who), Lock::Shared)?.map(|pin| (who, pin));
        Ok(place.is_some())
    }

    /// Takes one pin of the participant back.
    pub(crate) fn remove(&mut self, probe: &Probe, who: ParticipantId) {
        let is_it = |place: &&mut Option<(ParticipantId, Pin)>| matches!(place, Some((other, _)) if *other == who);
        let Some((_, pin)) = self.0.iter_mut().find(is_it).and_then(Option::take) else { return };
        // The locks of one description on one byte are one lock: the last one gives it back.
        let by_probe = |pin: &Pin| matches!(pin.0, Holder::Probe(..));
        if !(by_probe(&pin) && self.0.iter().flatten().any(|(other, pin)| *other == who && by_probe(pin))) {
            pin.release(probe);
        }
    }
}

/// A page of the file, which nobody can access, and which children do not get: its address.
fn keep_by_mapping(file: &File) -> io::Result<usize> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 1, libc::PROT_NONE, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page that was just mapped.
    match sys::check(unsafe { libc::madvise(page, 1, libc::MADV_DONTFORK) }) {
        Ok(_) => Ok(page as usize),
        Err(error) => {
            // SAFETY: as above; nobody was told of it.
            unsafe { libc::munmap(page, 1) };
            Err(error)
        }
    }
}
