//! A process that ends with its parent: how the parent shows that it lives, and how the child looks.
//!
//! A process that has such children attaches to a region of its own to which nobody else ever attaches. The kernel releases its lock
//! byte when it is gone: killed, exited or exec'ed, and not before. A child gets a descriptor of the region's file and asks for that byte. It
//! does not attach, so no newcomer can be taken for the parent, and no process id is asked.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use super::pid::poll;
use super::socket;
use crate::attachment;
use crate::error::RegionError;
use crate::liveness::{self, Held, LockByte};
use crate::probe::FileId;
use crate::region::Region;
use crate::sys::SignalsBlocked;
use ipc_core::ParticipantId;

/// How long a child waits between two looks, if nothing wakes it before.
const PAUSE: Duration = Duration::from_millis(500);
/// Watches the parent where the system gives no descriptor of it.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// A parent's end is told a moment before its lock byte goes; and a large one may take longer.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// This process's region, once it has one. It is never dropped: children watch it until the process ends.
static OURS: AtomicPtr<Region> = AtomicPtr::new(std::ptr::null_mut());

/// Returns a descriptor of this process's life, for a child that watches it.
pub(super) fn ours() -> Result<OwnedFd, RegionError> {
    loop {
        // Acquire, with the exchange below: the region is complete.
        let found = OURS.load(Ordering::Acquire);
        // SAFETY: null, or a region that is never dropped nor changed.
        if let Some(region) = unsafe { found.as_ref() }.filter(|region| region.is_usable()) {
            return region.try_clone_fd();
        }
        // None yet, or that of the process that has forked this one.
        let made = Box::into_raw(Box::new(Region::options().participants(1).objects(1).fit(&[]).anonymous()?));
        if OURS.compare_exchange(found, made, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: made above, and nobody else has its address. Another thread was first.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

/// Whether the process that this descriptor was made by is gone. In doubt, it is not.
fn is_over(life: &OwnedFd) -> bool {
    let byte = ParticipantId::from_index(0).map(LockByte::of);
    byte.is_some_and(|byte| liveness::held(life.as_raw_fd(), byte).is_ok_and(|held| held != Held::Owned))
}

/// Starts a thread that ends this process, and those of its group, when its parent is gone.
pub(super) fn watch(life: OwnedFd) -> io::Result<()> {
    // SAFETY: takes nothing, and always succeeds.
    let parent = socket::process(unsafe { libc::getppid() });
    // A thread begins with the mask of the one that starts it: signals are for the program's own threads.
    let _blocked = SignalsBlocked::new();
    std::thread::Builder::new().name("ipc-parent".to_owned()).spawn(move || {
        let mut pause = FIRST_PAUSE;
        while !is_over(&life) {
            match &parent {
                // Its end is a reason to look, and no more: the process may have had another parent by then.
                Some(parent) if poll(parent, PAUSE) => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(SHORT_PAUSE);
                }
                Some(_) => {}
                None => std::thread::sleep(SHORT_PAUSE),
            }
        }
        end();
    })?;
    Ok(())
}

/// A region's name that goes with the parent.
static NAME: OnceLock<(PathBuf, FileId)> = OnceLock::new();

/// Lets the region's name be removed when the parent is gone, if this process watches it: it is of no use to others then.
pub(crate) fn remove_with_parent(region: &Region) {
    if let Some(path) = region.path() {
        let _ = NAME.set((path.to_owned(), region.membership().probe().id()));
    }
}

/// Ends this process at once, and its group if that is its own.
fn end() -> ! {
    if let Some((path, id)) = NAME.get() {
        let _ = attachment::remove_name("(a parent's)", path, *id);
    }
    // SAFETY: no memory is passed. A group that this process does not lead is somebody else's, the shell's of a wrapper say.
    unsafe {
        let me = libc::getpid();
        libc::kill(if libc::getpgrp() == me { 0 } else { me }, libc::SIGKILL);
        // Not reached: the signal cannot be caught.
        libc::_exit(1)
    }
}
