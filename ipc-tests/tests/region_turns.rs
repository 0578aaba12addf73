//! Processes that create, open and leave one name at the same time; and files whose memory is not reserved.

#![cfg(not(loom))]

use std::ffi::CString;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use ipc_posix::{Region, RegionErrorKind, RegionOptions};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(120);

const ROLES: &[Role] = &[
    ("crowd", crowd),
    ("creator", creator),
    ("leaver", leaver),
    ("file_limit", file_limit),
    ("without_proc", without_proc),
    ("other_user", other_user),
    ("stops_in_its_turn", stops_in_its_turn),
    ("beside_a_stopped_creator", beside_a_stopped_creator),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A tmpfs at `path` that only this process and its children see.
fn mount(path: &Path, options: &str) {
    // SAFETY: no memory is passed. Root needs no user namespace; others do.
    let unshared =
        unsafe { libc::unshare(libc::CLONE_NEWNS) == 0 || libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) == 0 };
    assert!(unshared, "this test needs a mount namespace: {}", std::io::Error::last_os_error());
    let path = CString::new(path.to_str().unwrap()).unwrap();
    let options = CString::new(options).unwrap();
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: all strings are C strings; the first call keeps the second one's mount from spreading.
    unsafe {
        libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null());
        let mounted = libc::mount(c"tmpfs".as_ptr(), path.as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast());
        assert_eq!(mounted, 0, "mount: {}", std::io::Error::last_os_error());
    }
}

fn options(args: &Args) -> RegionOptions {
    Region::options().dir(args.get("dir"))
}

fn creator(args: &Args) {
    children::say("ready");
    assert_eq!(children::hear(), "go");
    let region = options(args).size(5 << 20).open_or_create("one").unwrap();
    children::say(&region.identity().to_string());
    assert_eq!(children::hear(), "end");
}

fn crowd(args: &Args) {
    let dir = args.get("dir");
    mount(Path::new(&dir), "size=8m,nr_inodes=100");
    for _ in 0..10 {
        let mut all: Vec<Child> = (0..16).map(|_| children::spawn("creator", &[("dir", &dir)])).collect();
        all.iter_mut().for_each(|child| child.expect("ready"));
        all.iter_mut().for_each(|child| child.say("go"));
        let said: Vec<String> = all.iter_mut().map(|child| child.hear()).collect();
        assert!(said.iter().all(|identity| *identity == said[0]), "one region");
        all.iter_mut().for_each(|child| child.say("end"));
        all.iter_mut().for_each(|child| assert!(child.wait().success()));
        options(args).unlink("one").unwrap();
    }

    let missing = Region::options().dir(format!("{dir}/none")).create("r").unwrap_err();
    assert!(matches!(missing.kind(), RegionErrorKind::NoDirectory { .. }), "{missing}");
    let mut number = 0;
    while fs::write(format!("{dir}/file-{number}"), "").is_ok() {
        number += 1;
    }
    let full = options(args).create("r").unwrap_err();
    assert!(matches!(full.kind(), RegionErrorKind::NoInodes { .. }), "{full}");
    children::say("done");
}

/// Plays a role that has a directory of its own, until it says "done".
fn play(role: &str) {
    let _watchdog = Watchdog::new(LIMIT, role);
    let dir = TempName::new(role);
    fs::create_dir(dir.path()).unwrap();
    let mut child = children::spawn(role, &[("dir", dir.path().to_str().unwrap())]);
    child.expect("done");
    assert!(child.wait().success());
    fs::remove_dir_all(dir.path()).unwrap();
}

#[test]
fn creators_of_a_region_that_fits_once_all_get_it() {
    play("crowd");
}

/// From now on, `call` does not run in this thread: the process stops. See seccomp(2).
fn stop_at(call: libc::c_long) {
    extern "C" fn stop(_: libc::c_int) {
        children::say("stops");
        // SAFETY: no memory is passed.
        unsafe { libc::raise(libc::SIGSTOP) };
    }
    let op = |code, jf, k| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let mut filter = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, call as u32),
        op(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_TRAP),
        op(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a handler that runs instead of the call, between two instructions of this thread; a program that is alive for the
    // call.
    unsafe {
        libc::signal(libc::SIGSYS, stop as *const () as libc::sighandler_t);
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// Has reserved the memory, and stops before the region has its name.
fn stops_in_its_turn(args: &Args) {
    stop_at(libc::SYS_linkat);
    let _ = options(args).size(5 << 20).create("one");
}

fn beside_a_stopped_creator(args: &Args) {
    let dir = args.get("dir");
    mount(Path::new(&dir), "size=8m");
    let large = options(args).size(5 << 20);
    let mut creator = children::spawn("stops_in_its_turn", &[("dir", &dir)]);
    creator.expect("stops");
    creator.sigstop();
    // There is no memory for a second one.
    let error = large.open_or_create("one").unwrap_err();
    let RegionErrorKind::Busy { action: "creating", pid } = error.kind() else { panic!("{error}") };
    assert_eq!(*pid, Some(creator.pid()), "{error}");
    assert!(matches!(options(args).open("one").unwrap_err().kind(), RegionErrorKind::NotFound { .. }));
    options(args).size(1 << 20).create("two").unwrap();
    // For a small one there is.
    options(args).size(1 << 20).open_or_create("one").unwrap();
    options(args).unlink("one").unwrap();
    creator.sigkill();
    large.create("one").unwrap();
    children::say("done");
}

/// Others wait for a limited time, and learn what they have waited for.
#[test]
fn a_creator_that_stops_holds_up_others_for_a_limited_time() {
    play("beside_a_stopped_creator");
}

/// A process that may only read the directory locks all of it, and delays creators. The name stays until it has gone.
#[test]
fn a_locked_directory_holds_up_creators_for_a_limited_time() {
    let _watchdog = Watchdog::new(LIMIT, "a_locked_directory_holds_up_creators_for_a_limited_time");
    let dir = TempName::new("locked-directory");
    fs::create_dir(dir.path()).unwrap();
    let locked = fs::File::open(dir.path()).unwrap();
    // SAFETY: our own descriptor.
    assert_eq!(unsafe { libc::flock(locked.as_raw_fd(), libc::LOCK_EX) }, 0);
    let options = Region::options().dir(dir.path()).size(1 << 18).remove_with_last(true);
    let region = options.create("one").unwrap();
    drop(region);
    let error = options.unlink_if_unused("one").unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::Busy { pid: None, .. }), "{error}");
    let path = dir.path().join("one");
    assert!(path.exists());
    drop(locked);
    assert!(options.unlink_if_unused("one").unwrap());
    assert!(!path.exists());
    fs::remove_dir(dir.path()).unwrap();
}

fn leaver(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    children::say("ready");
    assert_eq!(children::hear(), "go");
    drop(region);
}

#[test]
fn the_last_two_that_leave_at_once_remove_the_name() {
    let _watchdog = Watchdog::new(LIMIT, "the_last_two_that_leave_at_once_remove_the_name");
    let name = TempName::new("two");
    let mut pairs: Vec<Child> = Vec::new();
    for _ in 0..60 {
        let region = Region::options().size(1 << 18).remove_with_last(true).create(name.as_str()).unwrap();
        pairs.extend((0..2).map(|_| children::spawn("leaver", &[("name", name.as_str())])));
        pairs.iter_mut().for_each(|child| child.expect("ready"));
        drop(region);
        pairs.iter_mut().for_each(|child| child.say("go"));
        pairs.drain(..).for_each(|mut child| assert!(child.wait().success()));
        assert!(!name.path().exists());
    }
}

/// A process that leaves does not remove the name of a region that is not its own.
#[test]
fn a_newer_region_keeps_its_name() {
    let _watchdog = Watchdog::new(LIMIT, "a_newer_region_keeps_its_name");
    let name = TempName::new("newer");
    let options = Region::options().size(1 << 18).remove_with_last(true);
    for _ in 0..2000 {
        let old = options.create(name.as_str()).unwrap();
        let leaving = std::thread::spawn(move || drop(old));
        let _ = Region::unlink(name.as_str());
        let new = options.create(name.as_str()).unwrap();
        leaving.join().unwrap();
        assert!(!new.is_orphaned());
    }
}

fn file_limit(args: &Args) {
    let limit = libc::rlimit { rlim_cur: 64 << 10, rlim_max: 64 << 10 };
    // SAFETY: a filled-in struct.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    for result in [options(args).anonymous(), options(args).create("r")] {
        let error = result.unwrap_err();
        let RegionErrorKind::FileSizeLimit { wanted, limit } = error.kind() else { panic!("{error}") };
        assert_eq!((*wanted, *limit), (1 << 20, 64 << 10));
    }
    children::say("done");
}

#[test]
fn a_limit_for_files_is_an_error() {
    play("file_limit");
}

fn without_proc(args: &Args) {
    let dir = CString::new(args.get("dir")).unwrap();
    // SAFETY: C strings.
    let there = unsafe { libc::chroot(dir.as_ptr()) == 0 && libc::chdir(c"/".as_ptr()) == 0 };
    assert!(there, "this test needs root: {}", std::io::Error::last_os_error());
    let options = Region::options().dir("/");
    let region = options.create("r").unwrap();
    let queue = region.queue::<u64>("q").capacity(4).create().unwrap();
    options.open_or_create("r").unwrap().queue::<u64>("q").open().unwrap().send(7).unwrap();
    assert_eq!(queue.recv(), Ok(7));
    // Each attachment knows the age of its own only: there is nothing that says which clock it has.
    let other = options.open("r").unwrap();
    let known = |region: &Region| region.participants().iter().map(|one| one.age.is_some()).collect::<Vec<_>>();
    assert_eq!([known(&region), known(&other)], [[true, false], [false, true]]);
    let error = options.anonymous().unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::ProcMissing), "{error}");
    children::say("done");
}

#[cfg(feature = "root")]
#[test]
fn regions_are_created_without_proc() {
    play("without_proc");
}

fn other_user(args: &Args) {
    const USER: u32 = 65534;
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::setuid(USER) }, 0, "this test needs root");
    // The owner's region may be used, but its name not be removed: the directory is sticky.
    let error = options(args).mode(0o666).unlink_if_unused("r").unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::PermissionDenied { owner: Some(0), .. }), "{error}");
    children::say("done");
}

#[cfg(feature = "root")]
#[test]
fn a_sticky_directory_is_an_error_of_removal() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempName::new("sticky");
    fs::create_dir(dir.path()).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    drop(Region::options().dir(dir.path()).mode(0o666).create("r").unwrap());
    let mut child = children::spawn("other_user", &[("dir", dir.path().to_str().unwrap())]);
    child.expect("done");
    assert!(child.wait().success());
    fs::remove_dir_all(dir.path()).unwrap();
}

#[test]
fn a_copy_with_holes_is_refused() {
    let [name, copy] = ["whole", "holes"].map(TempName::new);
    drop(Region::create(name.as_str()).unwrap());
    let bytes = fs::read(name.path()).unwrap();
    let file = fs::File::create(copy.path()).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (page, bytes) in bytes.chunks(4096).enumerate().filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0)) {
        file.write_all_at(bytes, page as u64 * 4096).unwrap();
    }
    for error in [Region::open(copy.as_str()).unwrap_err(), Region::open_read_only(copy.as_str()).unwrap_err()] {
        assert!(matches!(error.kind(), RegionErrorKind::Sparse { size: 0x10_0000, .. }), "{error}");
    }
}

#[test]
fn a_mode_without_the_owner_is_refused() {
    let name = TempName::new("mode");
    let error = Region::options().mode(0o066).create(name.as_str()).unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::OwnerModeMissing { wanted: 0o066 }), "{error}");
}
