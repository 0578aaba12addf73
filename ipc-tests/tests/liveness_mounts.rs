//! File systems, each mounted for the test: a region works there, or is refused with what to mount instead. Needs root,
//! and `mkfs.ext4`, `mkfs.btrfs` (Debian's e2fsprogs and btrfs-progs) and `fuse2fs`.

#![cfg(not(loom))]

use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ipc_posix::{LockError, Region, RegionErrorKind, RegionOptions};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[
    ("keeps", keeps),
    ("refuses", refuses),
    ("holds", holds),
    ("stays_whole", stays_whole),
    ("names_hugetlbfs", names_hugetlbfs),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn run(command: &str, directory: &Path) {
    let done = Command::new("bash").args(["-ec", command]).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "this test needs root and its tools: {command}: {done:?}");
}

/// Runs the commands, which mount something at `here` in the current directory, for this process and its children alone.
fn mount(args: &Args) -> PathBuf {
    // SAFETY: no memory is passed.
    let unshared = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    assert_eq!(unshared, 0, "this test needs root: {}", std::io::Error::last_os_error());
    let work = PathBuf::from(args.get("work"));
    run("mount --make-rprivate /; mount -t tmpfs -o size=300m none .", &work);
    // The directory that was entered lies under the mount.
    run(&format!("mkdir here; {}", args.get("commands")), &work);
    work.join("here")
}

fn options(directory: &Path, tmpfile: bool) -> RegionOptions {
    Region::options().dir(directory).without_tmpfile(!tmpfile)
}

/// Holds the lock until it is killed.
fn holds(args: &Args) {
    let region = Region::options().dir(args.get("dir")).open("r").unwrap();
    let mutex = region.mutex::<u64>("m").open_or_create().unwrap();
    let _guard = mutex.lock().unwrap();
    children::say("holds");
    let _ = children::hear();
}

/// Two processes know of each other's life and death.
fn keeps(args: &Args) {
    let directory = mount(args);
    for tmpfile in [true, false] {
        let region = options(&directory, tmpfile).create("r").unwrap();
        let mutex = region.mutex::<u64>("m").create().unwrap();
        let mut holder = children::spawn("holds", &[("dir", directory.to_str().unwrap())]);
        holder.expect("holds");
        let living: Vec<_> = region.participants().iter().map(|process| (process.number, process.alive)).collect();
        assert_eq!(living, [(1, true), (2, true)]);
        assert_eq!(region.recover().unwrap(), 0);
        assert!(mutex.try_lock().is_err());
        holder.sigkill();
        assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
        assert_eq!(region.recover().unwrap(), 1);
        options(&directory, tmpfile).unlink("r").unwrap();
    }
}

/// But what libfuse may leave by itself: a file that was open when it was removed gets another name until its last close, and keeps it where
/// both come at the same time.
fn nothing_is_left(directory: &Path) {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| !name.to_string_lossy().starts_with(".fuse_hidden")).collect();
    assert!(left.is_empty(), "left: {left:?}");
}

/// Nobody gets a region, and no file is left.
fn refuses(args: &Args) {
    let directory = mount(args);
    for tmpfile in [true, false] {
        let error = options(&directory, tmpfile).create("r").unwrap_err();
        assert!(matches!(error.kind(), RegionErrorKind::LocksNotKept { .. }), "{error}");
        assert!(error.to_string().contains("mount a tmpfs"), "{error}");
        nothing_is_left(&directory);
    }
    // A file that came otherwise: from the directory below, where a process has it open.
    if let Some(below) = args.try_get("below") {
        let below = PathBuf::from(args.get("work")).join(below);
        let region = options(&below, true).create("r").unwrap();
        let mutex = region.mutex::<u64>("m").create().unwrap();
        let guard = mutex.lock().unwrap();
        // Anew: a mounted overlay does not notice what happens below it.
        run("umount here; rm -r work; mkdir work", Path::new(&args.get("work")));
        run(&args.get("commands").replace("mkdir low up work; ", ""), Path::new(&args.get("work")));
        let error = options(&directory, true).open("r").unwrap_err();
        assert!(matches!(error.kind(), RegionErrorKind::LocksNotKept { .. }), "{error}");
        drop(guard);
        assert!(mutex.lock().is_ok(), "nobody has taken us for dead");
        assert!(below.join("r").exists());
    }
}

/// A region on a file system that others fill up.
fn stays_whole(args: &Args) {
    let directory = mount(args);
    let region = options(&directory, true).size(32 << 20).create("r").unwrap();
    // A copy does not have the region's flag.
    std::fs::write(directory.join("copy"), std::fs::read(directory.join("r")).unwrap()).unwrap();
    let error = options(&directory, true).open("copy").unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::FileSystem { .. }), "{error}");
    assert!(error.to_string().contains("copy-on-write"), "{error}");
    std::fs::remove_file(directory.join("copy")).unwrap();
    let queue = region.byte_queue("q").capacity(8 << 20).create().unwrap();
    let mounted = std::fs::File::open(&directory).unwrap();
    let mut message = vec![7; 60_000];
    let mut once_around = || {
        for _ in 0..200 {
            queue.try_send(&message).unwrap();
            queue.recv(&mut message).unwrap();
        }
        // As the kernel does by itself every few seconds: what is copied on write gets another place.
        // SAFETY: an open descriptor.
        assert_eq!(unsafe { libc::syncfs(mounted.as_raw_fd()) }, 0);
    };
    once_around();
    let mut filler = std::fs::File::create(directory.join("filler")).unwrap();
    for piece in [65536, 512] {
        while filler.write(&vec![1; piece]).is_ok() {}
    }
    once_around();
    once_around();
}

/// The error says what to use instead.
fn names_hugetlbfs(args: &Args) {
    let directory = mount(args);
    for tmpfile in [true, false] {
        let error = options(&directory, tmpfile).create("r").unwrap_err();
        assert!(matches!(error.kind(), RegionErrorKind::FileSystem { .. }), "{error}");
        assert!(error.to_string().contains("huge_pages"), "{error}");
    }
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nothing is left");
}

#[track_caller]
fn play(role: &str, commands: &str, below: &[(&str, &str)]) {
    let _watchdog = Watchdog::new(LIMIT, commands);
    let name = TempName::new("mounts");
    let work = std::env::temp_dir().join(name.as_str());
    std::fs::create_dir(&work).unwrap();
    let mut arguments = vec![("work", work.to_str().unwrap()), ("commands", commands)];
    arguments.extend_from_slice(below);
    let ended = children::spawn(role, &arguments).wait();
    let _ = std::fs::remove_dir(&work);
    assert!(ended.success(), "{commands}");
}

#[test]
fn tmpfs() {
    play("keeps", "mount -t tmpfs none here", &[]);
}

#[test]
fn ramfs() {
    play("keeps", "mount -t ramfs none here", &[]);
}

#[test]
fn bind_mount() {
    play("keeps", "mkdir there; mount --bind there here", &[]);
}

#[test]
fn ext4() {
    play("keeps", "truncate -s 64M image; mkfs.ext4 -q image; mount -o loop image here; rmdir here/lost+found", &[]);
}

#[test]
fn btrfs() {
    play("keeps", "truncate -s 128M image; mkfs.btrfs -q image; mount -o loop image here", &[]);
}

/// What is reserved stays reserved: the region's file is not copied on write.
#[test]
fn a_full_btrfs() {
    play("stays_whole", "truncate -s 256M image; mkfs.btrfs -q image; mount -o loop image here", &[]);
}

#[test]
fn hugetlbfs() {
    play("names_hugetlbfs", "mount -t hugetlbfs none here", &[]);
}

#[test]
fn fuse2fs() {
    // The file gets another identity with its second name here, so two processes would not share memory.
    let ext4 = "truncate -s 64M image; mkfs.ext4 -q image; fuse2fs image here; rmdir here/lost+found";
    play("refuses", ext4, &[]);
}

#[test]
fn overlayfs() {
    let overlay = "mkdir low up work; mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work here";
    play("refuses", overlay, &[("below", "up")]);
}
