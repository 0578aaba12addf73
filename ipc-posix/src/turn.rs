//! Turns: of the processes that would give a name to a region, or take it away, one at a time does.
//!
//! Creators reserve the whole region before `linkat` decides whose it is. Many at once would need many times its memory,
//! so they take turns, and all but the first find the name. A process that removes a name takes a turn, too: between its
//! check that the name is still this region's and the removal, no other can make a new region of that name.
//!
//! A turn is a lock of the directory itself, so that a killed process leaves no file behind. Directories cannot be opened
//! for writing, and without that there are only shared record locks. So there are two steps: under an exclusive lock of
//! the whole directory (flock(2)), for a few system calls, a process asks whether the range of its name is locked
//! ([`F_OFD_GETLK`](libc::F_OFD_GETLK) of a write lock finds read locks), and if not, locks it (as a read lock). The start
//! of the range says the name, its length says the holder's process id.
//!
//! Nothing depends on turns but memory, and the identity of a name that is removed. Any process that may read the
//! directory can hold a turn, and a stopped process keeps its own. So a creator waits for a limited time, and goes on
//! without a turn then; a process that would remove a name leaves it. A child that was forked during a turn shares the lock; the
//! holder releases it in both. If the holder is killed in its turn, the child keeps it: others wait out their time.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::hash::fnv;
use crate::sys;

/// The first pause before asking again, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(16)];

/// The turn of one name in one directory.
pub(crate) struct Turn {
    directory: File,
}

/// How a wait for a turn ended.
pub(crate) enum Waited {
    /// This process has its turn.
    Turn(Turn),
    /// The directory cannot be read, or its file system has no such locks.
    Unavailable,
    /// The caller's condition came true first.
    Interrupted,
    /// A process holds the turn and does not get on.
    Stuck {
        /// Its process id, as it knows itself, if it is known.
        pid: Option<u32>,
    },
}

impl Turn {
    /// Waits for the turn of the file name of `path`, until `patience` is over or `interrupted` is true.
    pub(crate) fn wait(path: &Path, patience: Duration, mut interrupted: impl FnMut() -> bool) -> Waited {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Waited::Unavailable };
        let Ok(directory) = sys::open(directory, libc::O_RDONLY | libc::O_DIRECTORY, 0) else {
            return Waited::Unavailable;
        };
        let start = start_of(name.as_encoded_bytes());
        let begun = Instant::now();
        let [mut pause, longest] = PAUSES;
        loop {
            let pid = match try_take(&directory, start) {
                Ok(Take::Taken) => return Waited::Turn(Turn { directory }),
                Ok(Take::Held { pid }) => pid,
                Err(_) => return Waited::Unavailable,
            };
            if interrupted() {
                return Waited::Interrupted;
            }
            if begun.elapsed() >= patience {
                return Waited::Stuck { pid };
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Not left to the end of the description, for a child may share that.
        let all = range(libc::F_UNLCK, 0, 0);
        // SAFETY: fcntl reads the struct. Unlocking does not fail.
        unsafe { libc::fcntl(self.directory.as_raw_fd(), libc::F_OFD_SETLK, &all) };
    }
}

/// Where the range of this name starts: a multiple of 2^32, so that no range reaches the next.
fn start_of(name: &[u8]) -> i64 {
    ((fnv(name.iter().map(|&byte| byte.into())) >> 34) << 32) as i64
}

/// The result of one attempt.
enum Take {
    Taken,
    Held { pid: Option<u32> },
}

/// Locks the range that starts at `start`, unless another description has locked it.
fn try_take(directory: &File, start: i64) -> io::Result<Take> {
    let fd = directory.as_raw_fd();
    // SAFETY: plain numbers; a bad descriptor is an error.
    if let Err(error) = sys::check(unsafe { libc::flock(fd, libc::LOCK_EX | libc::LOCK_NB) }) {
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Take::Held { pid: None }),
            _ => Err(error),
        };
    }
    let result = take_range(fd, start);
    // SAFETY: as above.
    unsafe { libc::flock(fd, libc::LOCK_UN) };
    result
}

/// The part of [`try_take`] that the lock of the whole directory makes one step.
fn take_range(fd: RawFd, start: i64) -> io::Result<Take> {
    let mut found = range(libc::F_WRLCK, start, 1);
    // SAFETY: fcntl reads and writes the struct; a bad descriptor is an error.
    sys::check(unsafe { libc::fcntl(fd, libc::F_OFD_GETLK, &mut found) })?;
    if found.l_type != libc::F_UNLCK as libc::c_short {
        return Ok(Take::Held { pid: u32::try_from(found.l_len).ok() });
    }
    let own = range(libc::F_RDLCK, start, std::process::id().into());
    // SAFETY: fcntl reads the struct; a bad descriptor is an error.
    sys::check(unsafe { libc::fcntl(fd, libc::F_OFD_SETLK, &own) })?;
    Ok(Take::Taken)
}

/// A range for fcntl(2); a length of 0 reaches to the end.
fn range(kind: libc::c_int, start: i64, len: i64) -> libc::flock {
    // SAFETY: all zeroes is a valid value; l_pid must be 0 for OFD locks.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = start as libc::off_t;
    lock.l_len = len as libc::off_t;
    lock
}
