//! What scenes are built from: a folder for the region, a page for notes, and processes beside the victim.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use ipc_posix::{Queue, Region, RegionOptions};

use super::books::Message;
use super::patience;
use crate::children::TempName;
use crate::stepper::{Gate, Victim};

/// The region of every scene.
pub(super) const REGION: &str = "region";
/// The queue of most scenes.
pub(super) const QUEUE: &str = "queue";

/// A directory of its own for the region of a scene: whatever else lies in it is litter.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    owner: u32,
}

impl Folder {
    pub(super) fn new() -> Self {
        let path = TempName::new("sweep").path();
        std::fs::create_dir(&path).expect("a directory in /dev/shm");
        Self { path, owner: std::process::id() }
    }

    /// A small region in this directory.
    pub(super) fn options(&self) -> RegionOptions {
        Region::options().dir(&self.path).size(1 << 16).participants(6).objects(4)
    }

    pub(super) fn open(&self) -> Region {
        self.options().open(REGION).expect("the region opens")
    }

    pub(super) fn create(&self) -> Region {
        self.clear();
        self.options().create(REGION).expect("the region is created")
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path.join(REGION)
    }

    /// The names in the directory.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).expect("the directory is there");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    pub(super) fn clear(&self) {
        for name in self.names() {
            let _ = std::fs::remove_file(self.path.join(name));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::process::id() == self.owner {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The queue of a region that somebody else has made.
pub(super) fn queue_of(region: &Region) -> Queue<Message> {
    region.queue(QUEUE).open().expect("the queue opens")
}

/// Notes that processes of a scene leave for each other.
#[derive(Debug)]
pub(super) struct Page(*mut AtomicU64);

/// What a word of the page is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Note {
    /// The victim's operation is about to begin.
    Armed,
    /// The helper has to end.
    Stop,
    /// A serial number of a message that the helper, the sleeper or the paused victim has moved.
    Moved,
    /// What became of the sleeper, or of the paused victim: see [`super::sleepers`] and [`super::pairs`].
    Result,
    /// The helper has the lock.
    Held,
    /// The process of another helper.
    Other,
}

impl Page {
    const WORDS: usize = 8;

    pub(super) fn new() -> Self {
        // SAFETY: a new anonymous mapping, at an address of the kernel's choice.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Self::WORDS * size_of::<AtomicU64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(page, libc::MAP_FAILED);
        Self(page.cast())
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has that many zeroed words, lives as long as `self`, and is only used through atomics.
        unsafe { std::slice::from_raw_parts(self.0, Self::WORDS) }
    }

    pub(super) fn get(&self, note: Note) -> u64 {
        self.words()[note as usize].load(SeqCst)
    }

    pub(super) fn set(&self, note: Note, value: u64) {
        self.words()[note as usize].store(value, SeqCst);
    }

    pub(super) fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, SeqCst));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`; no slice outlives `self`.
        unsafe { libc::munmap(self.0.cast(), Self::WORDS * size_of::<AtomicU64>()) };
    }
}

/// A forked process that nobody traces.
#[derive(Debug)]
pub(super) struct Helper(libc::pid_t);

impl Helper {
    pub(super) fn fork(act: impl FnOnce()) -> Self {
        // SAFETY: the child is a copy of this thread alone; it runs the closure and ends with _exit.
        match unsafe { libc::fork() } {
            0 => {
                // SAFETY: no memory is passed.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
                // SAFETY: no memory is passed.
                unsafe { libc::_exit(if done.is_ok() { 0 } else { 101 }) }
            }
            pid if pid > 0 => Self(pid),
            _ => panic!("fork: {}", std::io::Error::last_os_error()),
        }
    }

    pub(super) fn pid(&self) -> libc::pid_t {
        self.0
    }

    /// Waits for its end; whether it was a good one.
    pub(super) fn join(mut self) -> bool {
        self.reap() == 0
    }

    fn reap(&mut self) -> libc::c_int {
        let mut status = 0;
        let pid = std::mem::take(&mut self.0);
        loop {
            // SAFETY: room for the status; our own child, not reaped before.
            let done = unsafe { libc::waitpid(pid, &mut status, 0) };
            if done == pid {
                return status;
            }
            let error = std::io::Error::last_os_error();
            assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "waitpid: {error}");
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: no memory is passed; our own child, not reaped.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
            self.reap();
        }
    }
}

/// Whether the process sleeps, as the kernel says. One that is stopped by its tracer does not.
pub(super) fn sleeps(pid: libc::pid_t) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S")))
}

/// Whether the process has died; its parent need not know.
pub(super) fn is_dead(pid: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

/// A process that runs this and is on its way to sleep in it. It is not traced any more.
pub(super) fn sleeper(act: impl FnOnce(&Gate)) -> Victim {
    let mut sleeper = Victim::fork(act);
    sleeper.set_blocked_after(patience());
    sleeper.run_to_begin().expect("the sleeper begins");
    sleeper.cont_detach().expect("the sleeper goes on");
    sleeper
}

/// A sleeper that has fallen asleep.
pub(super) fn asleep(act: impl FnOnce(&Gate)) -> Victim {
    let sleeper = sleeper(act);
    let pid = sleeper.pid();
    assert!(comes_true(|| sleeps(pid)), "the sleeper sleeps");
    sleeper
}

/// Lets others run for a moment.
pub(super) fn pause() {
    std::thread::sleep(std::time::Duration::from_micros(100));
}

/// Whether the condition comes true in the time that a survivor has.
pub(super) fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > patience() {
            return condition();
        }
        pause();
    }
}

/// Where an earlier victim has to die, once that is known: an address in the code, and how often it is met.
pub(super) type Deathbed = Option<(u64, u64)>;

/// Brings a victim to the first instruction at which the condition holds, and kills it there. `place` remembers where
/// that was, for the next victim of the same kind.
pub(super) fn kill_when(mut make: impl FnMut() -> Victim, place: &mut Deathbed, mut condition: impl FnMut() -> bool) {
    if let Some((address, hits)) = *place {
        let mut victim = make();
        victim.run_to_begin().expect("an earlier victim begins");
        let arrived = victim.run_to_address(address, hits).expect("an earlier victim runs");
        let there = condition();
        victim.kill();
        if arrived && there {
            return;
        }
        // It took another way, or the machine has no breakpoints. What it did is repaired by the next one's attaching.
        assert!(!arrived, "an earlier victim came to its place too early");
    }
    let mut victim = make();
    victim.run_to_begin().expect("an earlier victim begins");
    let mut met = std::collections::HashMap::new();
    while !condition() {
        let outcome = victim.step(1).expect("an earlier victim steps");
        assert_eq!(outcome, crate::stepper::StepOutcome::Stepped, "the operation of an earlier victim ended too early");
        *met.entry(victim.rip().expect("it is stopped")).or_insert(0) += 1;
    }
    let address = victim.rip().expect("it is stopped");
    *place = Some((address, met.get(&address).copied().unwrap_or(1)));
    victim.kill();
}

/// Four bytes of the region's file, past the library.
pub(super) fn word_at(folder: &Folder, offset: u64) -> u32 {
    let file = std::fs::File::open(folder.file()).expect("the region's file");
    let mut bytes = [0; 4];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, offset).expect("inside the file");
    u32::from_le_bytes(bytes)
}

/// The processors that this process may use.
pub(super) fn cpus() -> Vec<usize> {
    // SAFETY: all zeroes is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // The main thread's: this one may be pinned already.
    // SAFETY: room for the result.
    let done = unsafe { libc::sched_getaffinity(libc::getpid(), size_of::<libc::cpu_set_t>(), &mut set) };
    assert_eq!(done, 0, "sched_getaffinity");
    // SAFETY: an initialised set, and numbers below its size.
    (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect()
}
