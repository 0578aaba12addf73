//! Who counts as dead, whatever a process does with its descriptors, its children and its directory.

#![cfg(not(loom))]

use std::os::fd::AsRawFd;
use std::time::Duration;

use ipc_posix::{LockError, Mutex, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[
    ("dies_in_repair", dies_in_repair),
    ("dies_in_the_gate", dies_in_the_gate),
    ("closes_all", closes_all),
    ("closes_all_of_two", closes_all_of_two),
    ("without_streams", without_streams),
    ("elsewhere", elsewhere),
    ("drops_rights", drops_rights),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A child by `fork` alone, which plays and ends.
fn fork(play: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child is a copy of this thread alone, and ends with _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: no memory is passed. The kernel ends the child if the test does not.
        unsafe { libc::alarm(60) };
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(play));
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(played.is_err())) };
    }
    child
}

fn pause() {
    loop {
        // SAFETY: no memory is passed.
        unsafe { libc::pause() };
    }
}

fn wait_for(child: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: room for the status; our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status
}

fn kill(child: libc::pid_t) {
    // SAFETY: our own child, which was not waited for.
    unsafe { libc::kill(child, libc::SIGKILL) };
    wait_for(child);
}

/// A process locks the mutex `m` of the region and dies.
fn leave_a_dead_holder(open: impl FnOnce() -> Region) {
    let holder = fork(|| {
        let region = open();
        let mutex = region.mutex::<u64>("m").open_or_create().unwrap();
        let _guard = mutex.lock().unwrap();
        // SAFETY: this very process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    });
    wait_for(holder);
}

fn finds_the_death(mutex: &Mutex<u64>) {
    let locked = mutex.lock();
    assert!(matches!(locked, Err(LockError::OwnerDied(_))), "{:?}", locked.map(drop).map_err(|e| e.to_string()));
}

/// What `ptrace` does to a child of this thread.
fn trace(request: libc::c_uint, child: libc::pid_t) {
    // SAFETY: a stopped tracee of this thread; no memory is passed.
    assert_eq!(unsafe { libc::ptrace(request, child, 0, 0) }, 0, "ptrace: {}", std::io::Error::last_os_error());
}

/// From now on traced by the parent, and stopped.
fn be_traced() {
    trace(libc::PTRACE_TRACEME, 0);
    // SAFETY: no memory is passed.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Lets a traced child run until it has locked a byte of a file.
#[cfg(target_arch = "x86_64")]
fn run_until_locked(child: libc::pid_t) {
    let mut returns = false;
    loop {
        trace(libc::PTRACE_SYSCALL, child);
        let status = wait_for(child);
        assert!(libc::WIFSTOPPED(status), "it ended without a lock: {status:#x}");
        // SAFETY: plain data, for which all zeroes is a value.
        let mut regs: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: a stopped tracee, and room for its registers.
        assert_eq!(unsafe { libc::ptrace(libc::PTRACE_GETREGS, child, 0, &raw mut regs) }, 0);
        let locks = regs.orig_rax == libc::SYS_fcntl as u64 && regs.rsi == libc::F_OFD_SETLK as u64;
        if returns && locks && regs.rax == 0 {
            return;
        }
        returns = !returns;
    }
}

/// A process that has forked runs `step` until it has locked a byte, and is killed there. Says the child, which lives on.
#[cfg(target_arch = "x86_64")]
fn killed_with_a_lock(args: &Args, step: fn(Region)) {
    let name = args.get("name");
    let mut pipe = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    let victim = fork(|| {
        let region = Region::open(&name).unwrap();
        let bystander = fork(pause);
        // SAFETY: four bytes into a pipe.
        unsafe { libc::write(pipe[1], (&raw const bystander).cast(), 4) };
        be_traced();
        step(region);
    });
    let mut bystander: libc::pid_t = 0;
    assert!(libc::WIFSTOPPED(wait_for(victim)));
    // SAFETY: room for four bytes.
    assert_eq!(unsafe { libc::read(pipe[0], (&raw mut bystander).cast(), 4) }, 4);
    if args.try_get("holder").is_some() {
        leave_a_dead_holder(|| Region::open(&name).unwrap());
    }
    run_until_locked(victim);
    kill(victim);
    children::say(&bystander.to_string());
    let _ = children::hear();
    // SAFETY: a grandchild, which nobody waits for, and which ends by its alarm otherwise.
    unsafe { libc::kill(bystander, libc::SIGKILL) };
}

#[cfg(not(target_arch = "x86_64"))]
fn killed_with_a_lock(_: &Args, _: fn(Region)) {
    unreachable!("its tests are for x86-64")
}

fn dies_in_repair(args: &Args) {
    killed_with_a_lock(args, |region| assert_eq!(region.recover().unwrap(), 1));
}

/// A process is killed while it holds the place of a dead one. A child that it had forked, and that never used the region,
/// does not keep that place.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_child_keeps_no_place_that_its_dead_parent_had_seized() {
    let _watchdog = Watchdog::new(LIMIT, "a_child_keeps_no_place_that_its_dead_parent_had_seized");
    let name = TempName::new("pins");
    let region = Region::create(name.as_str()).unwrap();
    let mutex = region.mutex::<u64>("m").create().unwrap();
    let mut repairer = children::spawn("dies_in_repair", &[("name", name.as_str()), ("holder", "yes")]);
    let bystander = repairer.hear();
    finds_the_death(&mutex);
    assert!(std::path::Path::new("/proc").join(&bystander).exists(), "the child lives");
    assert_eq!(region.recover().unwrap(), 2, "the holder and the one that repaired after it");
    repairer.say("done");
    assert!(repairer.wait().success());
}

fn dies_in_the_gate(args: &Args) {
    killed_with_a_lock(args, drop);
}

/// As above, for the lock that decides about the removal of the name: others can open the region.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_child_keeps_no_gate_that_its_dead_parent_had() {
    let _watchdog = Watchdog::new(LIMIT, "a_child_keeps_no_gate_that_its_dead_parent_had");
    let name = TempName::new("gate");
    let _region = Region::options().remove_with_last(true).create(name.as_str()).unwrap();
    let mut leaver = children::spawn("dies_in_the_gate", &[("name", name.as_str())]);
    let bystander = leaver.hear();
    Region::open(name.as_str()).unwrap();
    assert!(std::path::Path::new("/proc").join(&bystander).exists(), "the child lives");
    leaver.say("done");
    assert!(leaver.wait().success());
}

/// As daemons do: `closefrom(3)`.
fn close_all() {
    // SAFETY: plain numbers. What this program has open is not used again, but for the standard streams.
    assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
}

/// How many descriptors of this process are of a file with this name.
fn descriptors_of(name: &str) -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = entries.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().contains(name)).count()
}

fn closes_all(args: &Args) {
    let name = args.get("name");
    let region = Region::open(&name).unwrap();
    let mutex = region.mutex::<u64>("m").open_or_create().unwrap();
    leave_a_dead_holder(|| Region::open(&name).unwrap());
    close_all();
    assert_eq!(descriptors_of(&name), 0);
    finds_the_death(&mutex);
    assert_eq!(descriptors_of(&name), 1, "opened again");
    drop((region, mutex));
    assert_eq!(descriptors_of(&name), 0, "and closed");
}

/// Two attachments, whose descriptors get the same number: each has one of its own, and closes no other.
fn closes_all_of_two(args: &Args) {
    let name = args.get("name");
    let first = Region::open(&name).unwrap();
    close_all();
    let second = Region::open(&name).unwrap();
    let mutex = second.mutex::<u64>("m").open_or_create().unwrap();
    // The first asks the kernel, and so needs its descriptor again.
    assert_eq!(first.participants().len(), 2);
    assert_eq!(descriptors_of(&name), 2);
    leave_a_dead_holder(|| Region::open(&name).unwrap());
    drop(first);
    assert_eq!(descriptors_of(&name), 1);
    // Nothing can be opened by name any more.
    Region::unlink(&name).unwrap();
    finds_the_death(&mutex);
}

#[test]
fn a_descriptor_that_was_closed_is_opened_again() {
    let _watchdog = Watchdog::new(LIMIT, "a_descriptor_that_was_closed_is_opened_again");
    for role in ["closes_all", "closes_all_of_two"] {
        let name = TempName::new("closed");
        drop(Region::create(name.as_str()).unwrap());
        let mut child = children::spawn(role, &[("name", name.as_str())]);
        assert!(child.wait().success(), "{role}");
    }
}

/// Opens and prints, in a process whose standard streams are closed.
fn without_streams(args: &Args) {
    let name = args.get("name");
    let status = wait_for(fork(|| {
        for stream in 0..3 {
            // SAFETY: this process, a copy, does not use them but as below.
            unsafe { libc::close(stream) };
        }
        let region = Region::create(&name).unwrap();
        let anonymous = Region::options().anonymous().unwrap();
        let passed = anonymous.try_clone_fd().unwrap();
        assert!(passed.as_raw_fd() > 2);
        let again = Region::from_fd(&passed).unwrap();
        // Closed by somebody, and opened again.
        close_all();
        assert_eq!(region.participants().len(), 1);
        let recovery = ipc_posix::RecoveryThread::spawn(&region).unwrap();
        for stream in 0..3 {
            // SAFETY: a plain number; a closed descriptor is an error.
            assert_eq!(unsafe { libc::fcntl(stream, libc::F_GETFD) }, -1, "{stream}");
        }
        drop((recovery, again));
        Region::open(&name).unwrap();
    }));
    assert_eq!(status, 0);
}

#[test]
fn a_region_is_no_standard_stream() {
    let _watchdog = Watchdog::new(LIMIT, "a_region_is_no_standard_stream");
    let name = TempName::new("streams");
    let mut child = children::spawn("without_streams", &[("name", name.as_str())]);
    assert!(child.wait().success());
}

/// Changes its directory after opening by a relative one, and closes all.
fn elsewhere(args: &Args) {
    let name = args.get("name");
    std::env::set_current_dir("/dev/shm").unwrap();
    let options = Region::options().dir(".").remove_with_last(true);
    let region = options.create(&name).unwrap();
    let mutex = region.mutex::<u64>("m").create().unwrap();
    leave_a_dead_holder(|| Region::open(&name).unwrap());
    std::env::set_current_dir("/").unwrap();
    assert!(!region.is_orphaned());
    assert!(region.path().unwrap().is_absolute());
    close_all();
    finds_the_death(&mutex);
    drop((mutex, region));
    assert!(Region::open(&name).is_err(), "the last one removed it");
}

#[test]
fn a_relative_directory_is_that_of_the_opening() {
    let _watchdog = Watchdog::new(LIMIT, "a_relative_directory_is_that_of_the_opening");
    let name = TempName::new("relative");
    let mut child = children::spawn("elsewhere", &[("name", name.as_str())]);
    assert!(child.wait().success());
}

const NOBODY: u32 = 65534;

/// Gives up the rights by which it could open the file, and sees nothing of the file system any more.
fn drops_rights(args: &Args) {
    let name = args.get("name");
    let region = Region::open(&name).unwrap();
    let mutex = region.mutex::<u64>("m").open_or_create().unwrap();
    leave_a_dead_holder(|| Region::open(&name).unwrap());
    let empty = std::env::temp_dir().join(&name);
    std::fs::create_dir(&empty).unwrap();
    let path = std::ffi::CString::new(empty.to_str().unwrap()).unwrap();
    // SAFETY: a C string, and otherwise no memory.
    unsafe {
        assert_eq!(libc::chroot(path.as_ptr()), 0, "this test needs root");
        assert_eq!(libc::chdir(c"/".as_ptr()), 0);
        assert_eq!(libc::setgid(NOBODY) | libc::setuid(NOBODY), 0);
    }
    finds_the_death(&mutex);
    assert_eq!(region.recover().unwrap(), 1);
}

/// What was opened before suffices after `setuid` and `chroot`.
#[cfg(feature = "root")]
#[test]
fn a_death_is_noticed_without_rights_and_without_files() {
    let _watchdog = Watchdog::new(LIMIT, "a_death_is_noticed_without_rights_and_without_files");
    let name = TempName::new("rights");
    drop(Region::create(name.as_str()).unwrap());
    let mut child = children::spawn("drops_rights", &[("name", name.as_str())]);
    let ended = child.wait();
    let _ = std::fs::remove_dir(std::env::temp_dir().join(name.as_str()));
    assert!(ended.success());
}
