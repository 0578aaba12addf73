//! Lock bytes: how the kernel tells us who is alive.
//!
//! Each participant holds an exclusive OFD lock (fcntl(2), "Open file description locks") on one byte of the
//! region's file, on a file description that only its mapping keeps open. The lock goes when the address space does.
//! Locks say nothing about the file's contents; the bytes may lie beyond its end.
//!
//! # Who is dead
//!
//! | locks on a participant's byte | what they say |
//! |---|---|
//! | one exclusive | its owner lives |
//! | shared ones | nobody lives, and the number is not given out: somebody repairs after the dead owner, or reads the file and has locked it |
//! | none | nobody lives, and a newcomer can have the number |
//!
//! A process that repairs after a dead one *pins* its byte: a shared lock. It cannot be had beside the exclusive lock of a living owner,
//! so it is the test for life; and no newcomer can have its exclusive lock beside it, so it keeps the number from being given out. But
//! it can be had beside other shared locks: several processes may repair at once, one that is stopped meanwhile keeps nobody, and a
//! process that may only read the file, and so can take shared locks only, can neither feign life nor stop a repair. What it can keep
//! from others is what needs an exclusive lock: a place, and the gate of those that leave.
//!
//! A newcomer that comes to a dead one's place pins it as well, repairs, and only then asks for the exclusive lock: before that, its
//! life is nobody's. If others have pinned the byte it goes on to the next place.
//!
//! # Who holds a description, and until when
//!
//! An open file description ends, and its locks with it, when no descriptor and no mapping of any process refers to it.
//! The one with our byte has our mapping only; the probe's has a descriptor and no locks; a pin's has a mapping for the
//! time of a repair.
//!
//! | what a process does | our byte, pins | the probe | tests |
//! |---|---|---|---|
//! | `fork` | stay with the parent: `MADV_DONTFORK`. No fork comes between their opening and the end of their descriptor, see `fork.rs` | the child shares it, which is harmless: it is asked only | liveness: `a_child_keeps_...` |
//! | `vfork`, `posix_spawn` | the child runs in the same address space until it calls exec. A parent killed meanwhile counts as alive until then | closed by exec | liveness_rules: `a_vfork_child_...`, `a_spawned_program_...` |
//! | `clone` as a system call | as `fork`, but our handlers do not run: a child of the very moment of an attach or a pin shares the description | as `fork` | liveness_rules: `a_clone_with_memory_of_its_own_...` |
//! | `clone` with `CLONE_VM` | belong to both. They end when the last process has left the address space, by exec or death | as `fork`; with `CLONE_FILES`, what one closes is closed for both | liveness_rules: `a_clone_in_the_same_memory_...` |
//! | exec | end with the address space | closed, unless the flag was taken off | region_elsewhere: `exec_ends_an_attachment`; descriptors: `a_descriptor_kept_across_exec_is_no_life` |
//! | dup, passing it on | nobody has a descriptor of them | harmless: the receiver opens a description of its own | liveness_rules: `copies_of_descriptors_...`; descriptors: `an_anonymous_region_outlives_its_founder` |
//! | `closefrom` | stay | closed; opened again by its path, or by the mapping's link in `/proc`, which needs a superuser | liveness: `a_descriptor_that_was_closed_is_opened_again`; deaths_unknown: `a_descriptor_that_cannot_...` |
//! | `chdir` | stay | its path is absolute | liveness: `a_relative_directory_...` |
//! | `chroot`, `setuid`, mount namespaces | stay | stays, but cannot be opened again; pins go through it, see `pin.rs` | liveness: `a_death_is_noticed_without_rights_...`; liveness_rules: `mount_and_user_namespaces_...` |
//! | seccomp | stay | what it forbids is not done: see the limits | deaths_unknown: `a_sandbox_that_refuses_...` |
//! | PID and user namespaces | no part in it | no part in it | region_elsewhere: `another_pid_namespace`; liveness_rules: `mount_and_user_namespaces_...` |
//!
//! The tests are files and functions of `ipc-tests/tests`; `...` stands for the rest of a name.

use std::io;
use std::os::fd::RawFd;

use ipc_core::ParticipantId;

use crate::sys;

/// The first lock byte: fixed, far beyond the header, and small enough for 32-bit file offsets.
const BASE: i64 = 0x4000_0000;

/// A byte that can be locked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockByte(i64);

impl LockByte {
    /// Held alone by a process that decides about the removal of the region's name, until its own byte is free; shared
    /// by those that are taking their byte.
    pub(crate) const GATE: LockByte = LockByte(BASE);
    /// Held by the creator of a temporary file until it has its real name.
    pub(crate) const DRAFT: LockByte = LockByte(BASE + 2000);

    /// Held by this participant for its life.
    pub(crate) fn of(who: ParticipantId) -> Self {
        LockByte(BASE + i64::from(who.get()))
    }
}

fn flock(byte: LockByte, kind: libc::c_int) -> libc::flock {
    // SAFETY: all zeroes is a valid value; l_pid must be 0 for OFD locks.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = byte.0 as libc::off_t;
    lock.l_len = 1;
    lock
}

/// Locks the byte for the description of `fd`, without waiting. `false` if another description holds it.
pub(crate) fn try_lock(fd: RawFd, byte: LockByte) -> io::Result<bool> {
    try_lock_as(fd, byte, libc::F_WRLCK)
}

/// Locks the byte as one of any number. `false` if another description holds it alone.
pub(crate) fn try_lock_shared(fd: RawFd, byte: LockByte) -> io::Result<bool> {
    try_lock_as(fd, byte, libc::F_RDLCK)
}

fn try_lock_as(fd: RawFd, byte: LockByte, kind: libc::c_int) -> io::Result<bool> {
    let lock = flock(byte, kind);
    loop {
        // SAFETY: fcntl reads the struct; a bad descriptor is an error.
        if unsafe { libc::fcntl(fd, libc::F_OFD_SETLK, &lock) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) => return Ok(false),
            Some(libc::EINTR) => {}
            _ => return Err(error),
        }
    }
}

/// Gives the byte free.
pub(crate) fn unlock(fd: RawFd, byte: LockByte) {
    let lock = flock(byte, libc::F_UNLCK);
    // SAFETY: as above. Unlocking a byte of an open file does not fail.
    unsafe { libc::fcntl(fd, libc::F_OFD_SETLK, &lock) };
}

/// Who holds a byte, as far as another description can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nobody.
    Free,
    /// An owner: exclusive locks need write access.
    Owned,
    /// One or several with shared locks, see the module's page. There is no owner beside them.
    Shared,
}

/// Who else but the description of `fd` holds the byte.
pub(crate) fn held(fd: RawFd, byte: LockByte) -> io::Result<Held> {
    let mut lock = flock(byte, libc::F_WRLCK);
    // SAFETY: fcntl reads and writes the struct; a bad descriptor is an error.
    sys::check(unsafe { libc::fcntl(fd, libc::F_OFD_GETLK, &mut lock) })?;
    Ok(match libc::c_int::from(lock.l_type) {
        libc::F_UNLCK => Held::Free,
        libc::F_RDLCK => Held::Shared,
        _ => Held::Owned,
    })
}
