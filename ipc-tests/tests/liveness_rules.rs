//! What each way to make a process, or to hand a descriptor on, does to the verdict on who is dead: the rows of the table in
//! ipc-posix's `liveness.rs` that have no test elsewhere.

#![cfg(not(loom))]

use std::ffi::c_void;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ipc_posix::{LockError, Mutex, Region, TryLockError};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[
    ("holds", holds),
    ("clones", clones),
    ("vforks", vforks),
    ("spawns", spawns),
    ("hands_on", hands_on),
    ("changes_namespaces", changes_namespaces),
];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn pause() -> ! {
    loop {
        // SAFETY: no memory is passed.
        unsafe { libc::pause() };
    }
}

/// Locks the mutex `m` of the region for the life of this process.
fn hold(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let mutex = region.mutex::<u64>("m").open_or_create().unwrap();
    std::mem::forget(mutex.lock().unwrap());
    std::mem::forget((mutex, region));
}

fn holds(args: &Args) {
    hold(args);
    children::say("holds");
    pause();
}

/// Becomes `cat` when it reads "go".
extern "C" fn waits(says: *mut c_void) -> libc::c_int {
    if !says.is_null() {
        children::say("holds");
    }
    let mut line = [0_u8; 3];
    let cat = [c"cat".as_ptr(), std::ptr::null()];
    // SAFETY: room for three bytes; NUL-terminated strings in an array that ends with null. The kernel ends the process if the
    // test does not.
    unsafe {
        libc::alarm(60);
        libc::read(0, line.as_mut_ptr().cast(), line.len());
        libc::execvp(cat[0], cat.as_ptr());
        libc::_exit(1)
    }
}

/// A process that [`waits`], by `clone` alone: no handler of `fork` runs.
fn clone(flags: libc::c_int, says: bool) {
    let stack = vec![0_u128; 16384].leak().as_mut_ptr_range();
    let says = if says { stack.start.cast() } else { std::ptr::null_mut() };
    // SAFETY: a stack of its own, which stays; the function uses nothing but the standard streams, and ends in another program.
    let child = unsafe { libc::clone(waits, stack.end.cast(), flags | libc::SIGCHLD, says) };
    assert!(child > 0, "clone: {}", std::io::Error::last_os_error());
}

fn clones(args: &Args) {
    hold(args);
    clone(args.number("flags") as libc::c_int, false);
    children::say("holds");
    pause();
}

/// `vfork` is this `clone`: the caller goes on when the child has called exec.
fn vforks(args: &Args) {
    hold(args);
    clone(libc::CLONE_VM | libc::CLONE_VFORK, true);
    pause();
}

/// std takes `posix_spawn` for a command without hooks.
#[expect(clippy::zombie_processes, reason = "the program outlives this process")]
fn spawns(args: &Args) {
    hold(args);
    Command::new("cat").spawn().unwrap();
    children::say("holds");
    pause();
}

/// Hands copies of all descriptors on to another program.
#[expect(clippy::zombie_processes, reason = "the program outlives this process")]
fn hands_on(args: &Args) {
    hold(args);
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let known: Vec<i32> = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    for fd in known.into_iter().filter(|fd| *fd > 2) {
        // SAFETY: plain numbers. The copies stay open at exec; one of a closed descriptor is an error.
        unsafe { libc::fcntl(fd, libc::F_DUPFD, 100) };
    }
    let cat = Command::new("cat").spawn().unwrap();
    children::say("holds");
    children::say(&cat.id().to_string());
    pause();
}

/// A region, and a process that holds its mutex. It has started another one, which still lives.
struct Scene {
    region: Region,
    mutex: Mutex<u64>,
    holder: Child,
    name: TempName,
    _watchdog: Watchdog,
}

impl Scene {
    fn new(role: &'static str, more: &[(&str, &str)]) -> Self {
        let watchdog = Watchdog::new(LIMIT, role);
        let name = TempName::new("rules");
        let region = Region::create(name.as_str()).unwrap();
        let mutex = region.mutex::<u64>("m").create().unwrap();
        let mut holder = children::spawn(role, &[&[("name", name.as_str())], more].concat());
        holder.expect("holds");
        Scene { region, mutex, holder, name, _watchdog: watchdog }
    }

    fn is_alive(&self) -> bool {
        let others: Vec<_> = self.region.participants().into_iter().filter(|process| !process.is_me).collect();
        assert_eq!(others.len(), 1);
        others[0].alive
    }

    #[track_caller]
    fn holder_counts_as_alive(&self) {
        assert!(self.is_alive());
        assert!(matches!(self.mutex.try_lock(), Err(TryLockError::WouldBlock)));
        assert_eq!(self.region.recover(), Ok(0));
    }

    #[track_caller]
    fn holder_counts_as_dead(&self) {
        assert!(matches!(self.mutex.lock(), Err(LockError::OwnerDied(_))));
        assert!(!self.is_alive());
        assert_eq!(self.region.recover(), Ok(1));
    }

    /// The other process is another program now, which repeats what it reads.
    #[track_caller]
    fn bystander_lives(&mut self) {
        self.holder.say("@ipc-tests here");
        self.holder.expect("here");
    }
}

/// The child has a copy of everything but the mapping.
#[test]
fn a_clone_with_memory_of_its_own_keeps_nobody_alive() {
    for flags in [0, libc::CLONE_FILES] {
        let mut scene = Scene::new("clones", &[("flags", &flags.to_string())]);
        scene.holder_counts_as_alive();
        scene.holder.sigkill();
        scene.holder_counts_as_dead();
        scene.holder.say("go");
        scene.bystander_lives();
    }
}

/// The address space is the participant: it ends with the last process that has it.
#[test]
fn a_clone_in_the_same_memory_keeps_its_parent_alive_until_exec() {
    for flags in [libc::CLONE_VM, libc::CLONE_VM | libc::CLONE_FILES] {
        let mut scene = Scene::new("clones", &[("flags", &flags.to_string())]);
        scene.holder.sigkill();
        scene.holder_counts_as_alive();
        scene.holder.say("go");
        scene.holder_counts_as_dead();
        scene.bystander_lives();
    }
}

#[test]
fn a_vfork_child_keeps_its_parent_alive_until_exec() {
    let mut scene = Scene::new("vforks", &[]);
    scene.holder.sigkill();
    scene.holder_counts_as_alive();
    scene.holder.say("go");
    scene.holder_counts_as_dead();
    scene.bystander_lives();
}

#[test]
fn a_spawned_program_keeps_nobody_alive() {
    let mut scene = Scene::new("spawns", &[]);
    scene.bystander_lives();
    scene.holder_counts_as_alive();
    scene.holder.sigkill();
    scene.holder_counts_as_dead();
    scene.bystander_lives();
}

#[test]
fn copies_of_descriptors_keep_nobody_alive() {
    let mut scene = Scene::new("hands_on", &[]);
    let descriptors = Path::new("/proc").join(scene.holder.hear()).join("fd");
    scene.bystander_lives();
    let of_region = std::fs::read_dir(descriptors).unwrap().filter_map(|entry| entry.unwrap().path().read_link().ok());
    assert_eq!(of_region.filter(|target| *target == scene.name.path()).count(), 1, "the probe's");
    scene.holder.sigkill();
    scene.holder_counts_as_dead();
    scene.bystander_lives();
}

/// Goes where no user has rights, and where the region's name leads to nothing.
fn changes_namespaces(args: &Args) {
    // In a process of one thread: others cannot change their user namespace.
    assert!(children::holds_after_fork(|| {
        // SAFETY: plain numbers.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        hold(args);
        let other = args.get("other");
        let region = Region::open(&other).unwrap();
        let mutex = region.mutex::<u64>("m").open().unwrap();
        let mut holder = children::spawn("holds", &[("name", &other)]);
        holder.expect("holds");
        // SAFETY: C strings, and otherwise no memory.
        unsafe {
            let unshared = libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS);
            assert_eq!(unshared, 0, "this test needs root: {}", std::io::Error::last_os_error());
            let tmpfs = c"tmpfs".as_ptr();
            assert_eq!(libc::mount(tmpfs, c"/dev/shm".as_ptr(), tmpfs, 0, std::ptr::null()), 0);
        }
        assert!(Region::open(&other).is_err());
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        holder.sigkill();
        assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
        children::say("holds");
        pause()
    }));
}

#[cfg(feature = "root")]
#[test]
fn mount_and_user_namespaces_change_nothing() {
    let other = TempName::new("other");
    let region = Region::create(other.as_str()).unwrap();
    let _mutex = region.mutex::<u64>("m").create().unwrap();
    let mut scene = Scene::new("changes_namespaces", &[("other", other.as_str())]);
    scene.holder_counts_as_alive();
    scene.holder.sigkill();
    scene.holder_counts_as_dead();
}
