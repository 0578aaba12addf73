//! One attachment of this process to one region: the mapping that keeps the lock byte, and its place among the participants.

mod membership;
#[cfg(feature = "serde")]
mod opened;
mod place;

use std::collections::HashMap;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ipc_core::ParticipantId;
use ipc_core::memory::Memory;
use ipc_core::platform::Use;
use ipc_core::region::{Flags, HeaderError, RegionView};
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use crate::error::{RegionError, RegionErrorKind};
use crate::fork::ForkGuard;
use crate::liveness::{self, Held, LockByte};
use crate::pin::{Lock, Pin, Pins};
use crate::probe::{FileId, Probe, Status};
use crate::region::unlink_error;
use crate::turn::{Turn, Waited};
use crate::{clock, membarrier, sys};

pub(crate) use membership::Membership;
#[cfg(feature = "serde")]
pub(crate) use opened::{find as opened, remember};
use place::Newcomer;

/// How long a process that leaves waits for the gate: others hold it for some system calls. And for its turn to remove
/// the name.
const GATE_PATIENCE: Duration = Duration::from_secs(2);
const TURN_PATIENCE: Duration = Duration::from_secs(1);
const GATE_PAUSE: Duration = Duration::from_millis(1);

/// A mapping of a whole region file that children do not inherit.
pub(crate) fn map(file: &File, len: u64) -> std::io::Result<MmapRaw> {
    let len = usize::try_from(len).map_err(|_| std::io::Error::from_raw_os_error(libc::EFBIG))?;
    let map = MmapOptions::new().len(len).map_raw(file)?;
    map.advise(Advice::DontFork)?;
    // A dump of the region would delay the verdict of our death, and the region can be read from its file.
    let _ = map.advise(Advice::DontDump);
    Ok(map)
}

/// The mapping as the core sees it.
pub(crate) fn memory(map: &MmapRaw) -> Memory<'static> {
    // SAFETY: mmap never returns the null page here.
    let base = unsafe { NonNull::new_unchecked(map.as_mut_ptr()) };
    // SAFETY: the mapping is readable and writable (or read-only, and then only loaded from), page-aligned, and
    // reached only through the core. 'static is a loan: a value that keeps this memory also keeps the `Attachment` (or
    // `ReadOnlyRegion`) that owns the mapping, see `Membership`.
    unsafe { Memory::from_raw(base, map.len()) }
}

/// What an attachment is made of before it has taken a place.
pub(crate) struct Candidate {
    /// The description that will hold the lock byte. No other may have been duplicated from it.
    pub(crate) file: File,
    pub(crate) map: MmapRaw,
    pub(crate) view: RegionView<'static>,
    pub(crate) id: FileId,
    pub(crate) name: String,
    pub(crate) path: Option<PathBuf>,
    /// Where the file can be opened without /proc: a new one does not have its path yet.
    pub(crate) found_at: Option<PathBuf>,
}

/// This process's place in a region.
pub(crate) struct Attachment {
    map: ManuallyDrop<MmapRaw>,
    view: RegionView<'static>,
    probe: Probe,
    me: ParticipantId,
    fork: ForkGuard,
    asymmetric: bool,
    spinning_helps: bool,
    pause_nanos: u32,
    /// Which clock this process reads.
    clock: u64,
    /// What keeps the places of the dead participants that our threads repair after.
    pins: Mutex<Pins>,
    /// How many counted handles of each object and use this process has. Joining and leaving happen under this lock. A child
    /// that inherits it locked never asks for it: it is not here, so its handles are not counted.
    users: Mutex<HashMap<(String, Use), usize>>,
    name: String,
    path: Option<PathBuf>,
}

impl Attachment {
    /// Takes a place: repairs after its last owner, locks its byte for the candidate's file description, and signs
    /// the record. The caller excludes forks ([`NoFork`](crate::fork::NoFork)) until the returned file is closed.
    ///
    /// While it takes the byte it shares the gate with others that do. A process that holds the gate alone, to remove the
    /// name, is the error [`Busy`](RegionErrorKind::Busy) at once: the caller lets forks go on and tries again.
    pub(crate) fn establish(candidate: Candidate) -> Result<(Membership, File), RegionError> {
        let Candidate { file, map, view, id, name, path, found_at } = candidate;
        let asymmetric = view.flags().has(Flags::ASYMMETRIC_BARRIER);
        if asymmetric && !membarrier::register() {
            return Err(RegionError::new(name, RegionErrorKind::BarrierMissing));
        }
        let fork = ForkGuard::new().map_err(|error| RegionError::io(&name, "prepare for forks", error))?;
        if sys::file_system(file.as_raw_fd()) == sys::OVERLAYFS {
            // Before anybody is taken for dead here.
            return Err(locks_not_kept(&name, path.as_ref(), sys::OVERLAYFS));
        }
        let begin = map.as_ptr() as usize;
        let mapping = begin..begin + map.len();
        let probe = Probe::of(&file, id, path.clone(), found_at.as_deref(), mapping).map_err(|error| match error {
            Some(error) => RegionError::reopening(&name, error),
            // Replaced between the two calls.
            None => RegionError::new(&name, RegionErrorKind::Contended),
        })?;
        let newcomer = Newcomer::new(&file, view, &name)?;
        let me = newcomer.take_place()?;
        newcomer.leave_gate();
        let attachment = Attachment {
            map: ManuallyDrop::new(map),
            view,
            probe,
            me,
            fork,
            asymmetric,
            spinning_helps: has_several_processors(),
            pause_nanos: pause_nanos(),
            clock: clock::identity(),
            pins: Mutex::default(),
            users: Mutex::default(),
            name,
            path,
        };
        let membership = Membership::new(attachment);
        if let Some(record) = view.records().get(me.index()) {
            record.join(std::process::id(), start_time().unwrap_or(0), clock::timestamp(membership.clock));
        }
        Ok((membership, file))
    }

    /// Makes sure, once the description has no descriptor any more, that the mapping alone keeps our lock.
    ///
    /// # Errors
    ///
    /// [`LocksNotKept`](RegionErrorKind::LocksNotKept): not on this file system.
    pub(crate) fn check_lock(&self) -> Result<(), RegionError> {
        let failed = |error| RegionError::io(&self.name, "ask for a lock of the file (OFD locks)", error);
        if self.probe.ask(LockByte::of(self.me)).map_err(failed)? == Held::Owned {
            return Ok(());
        }
        let kind = self.probe.descriptor().map_or(0, sys::file_system);
        Err(locks_not_kept(&self.name, self.path.as_ref(), kind))
    }

    /// Makes sure that the new name means the file that is mapped. With FUSE, each name may be another file to the kernel:
    /// processes that open the name would share neither memory nor locks with us.
    ///
    /// # Errors
    ///
    /// [`LocksNotKept`](RegionErrorKind::LocksNotKept): it does not.
    pub(crate) fn check_name(&self, path: &Path) -> Result<(), RegionError> {
        let kind = self.probe.descriptor().map_or(0, sys::file_system);
        if kind != sys::FUSE {
            return Ok(());
        }
        let Ok(file) = sys::open(path, libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NONBLOCK, 0) else { return Ok(()) };
        match liveness::held(file.as_raw_fd(), LockByte::of(self.me)) {
            Ok(Held::Owned) => Ok(()),
            _ => Err(locks_not_kept(&self.name, self.path.as_ref(), kind)),
        }
    }

    pub(crate) fn view(&self) -> &RegionView<'static> {
        &self.view
    }

    pub(crate) fn me(&self) -> ParticipantId {
        self.me
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Which clock this process reads.
    #[inline(always)]
    pub(crate) fn clock(&self) -> u64 {
        self.clock
    }

    /// Whether somebody holds this place. Our own counts.
    pub(crate) fn is_alive(&self, who: ParticipantId) -> bool {
        // When in doubt, yes.
        who == self.me || self.probe.ask(LockByte::of(who)).map_or(true, |held| held == Held::Owned)
    }

    /// Whether nobody but us has the region open.
    pub(crate) fn is_last(&self) -> bool {
        (0..self.view.records().len())
            .filter_map(ParticipantId::from_index)
            .all(|who| who == self.me || !self.is_alive(who))
    }

    /// Counts a handle that this process makes; for the first of its object and use, calls `join` before another thread can
    /// count.
    pub(crate) fn add_user(&self, object: &str, purpose: Use, join: &dyn Fn()) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let count = users.entry((object.to_owned(), purpose)).or_insert(0);
        *count += 1;
        if *count == 1 {
            join();
        }
    }

    /// Counts a handle that is dropped; for the last of its object and use, calls `part` before another thread can count.
    /// Returns whether it was the last.
    pub(crate) fn remove_user(&self, object: &str, purpose: Use, part: &dyn Fn()) -> bool {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        match users.get_mut(&(object.to_owned(), purpose)) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            Some(_) => {
                users.remove(&(object.to_owned(), purpose));
                part();
                true
            }
            None => false,
        }
    }

    /// Whether the region was opened by name and the name still is this region's.
    fn has_name(&self) -> bool {
        let path = self.path.as_ref();
        path.is_some_and(|path| Status::of_path(path).is_ok_and(|status| status.id == self.probe.id()))
    }

    /// Removes the region's name if it is still this region's and no other process has it open. `true` if it did.
    pub(crate) fn remove_if_last(&self) -> Result<bool, RegionError> {
        if !self.has_name() {
            return Ok(false);
        }
        let _gate = ClosedGate::close(&self.probe).ok_or_else(|| self.busy("opening or leaving", None))?;
        self.remove_behind_gate()
    }

    /// The part of [`remove_if_last`](Self::remove_if_last) during which no process attaches or leaves.
    fn remove_behind_gate(&self) -> Result<bool, RegionError> {
        if self.is_last() { self.remove_name() } else { Ok(false) }
    }

    /// Removes the region's name if it is still this region's, also while others have it open. `true` if it did.
    pub(crate) fn remove_name(&self) -> Result<bool, RegionError> {
        self.path.as_ref().map_or(Ok(false), |path| remove_name(&self.name, path, self.probe.id()))
    }

    fn busy(&self, action: &'static str, pid: Option<u32>) -> RegionError {
        RegionError::new(&self.name, RegionErrorKind::Busy { action, pid })
    }

    /// Touches all pages. A wish: the kernel may refuse.
    pub(crate) fn prefault(&self) {
        let _ = self.map.advise(Advice::PopulateWrite);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.fork.is_here() {
            // A child after fork: the mapping is not here, and its addresses may be somebody else's by now.
            return;
        }
        // After a guard that was forgotten, the next owner of the place repairs, as after a death.
        if !self.view.holds(self.me)
            && let Some(record) = self.view.records().get(self.me.index())
        {
            record.leave();
        }
        let removes = self.view.flags().has(Flags::REMOVE_WITH_LAST) && self.has_name();
        if removes {
            // The page tables of a large region take long to unmap: before the gate.
            // SAFETY: the pages of a shared mapping of a file stay in the file.
            let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
        }
        let gate = if removes { ClosedGate::close(&self.probe) } else { None };
        if gate.is_some() {
            // An error has no receiver here: `unlink_if_unused` reports it.
            let _ = self.remove_behind_gate();
        }
        // SAFETY: dropped once, here; nobody uses the view after this. The lock byte goes with the mapping.
        unsafe { ManuallyDrop::drop(&mut self.map) };
        // Not before the byte: of two that leave at once, the second must not find the first still there.
        drop(gate);
    }
}

/// Removes a region's name if it still means this file. `true` if it did.
pub(crate) fn remove_name(name: &str, path: &Path, id: FileId) -> Result<bool, RegionError> {
    let is_its = || Status::of_path(path).is_ok_and(|status| status.id == id);
    let _turn = match Turn::wait(path, TURN_PATIENCE, || !is_its()) {
        Waited::Turn(turn) => Some(turn),
        Waited::Unavailable => None,
        Waited::Interrupted => return Ok(false),
        Waited::Stuck { pid } => return Err(RegionError::new(name, RegionErrorKind::Busy { action: "creating", pid })),
    };
    // Under the turn: no process gives the name to a new region between this check and the removal.
    if !is_its() {
        return Ok(false);
    }
    std::fs::remove_file(path)
        .map(|()| true)
        .map_err(|error| unlink_error(name, path, path.parent().unwrap_or(path), error))
}

fn locks_not_kept(name: &str, path: Option<&PathBuf>, file_system: u64) -> RegionError {
    let directory = path.and_then(|path| path.parent()).map(Into::into).unwrap_or_default();
    RegionError::new(name, RegionErrorKind::LocksNotKept { file_system, directory })
}

/// The gate, held alone: nobody attaches, and nobody else leaves.
struct ClosedGate<'p> {
    probe: &'p Probe,
    pin: Option<Pin>,
}

impl<'p> ClosedGate<'p> {
    /// Waits for the gate; `None` if other processes keep it.
    fn close(probe: &'p Probe) -> Option<Self> {
        let begun = std::time::Instant::now();
        loop {
            match Pin::try_new(probe, LockByte::GATE, Lock::Alone) {
                Ok(Some(pin)) => return Some(ClosedGate { probe, pin: Some(pin) }),
                // Held alone, or shared by processes that attach.
                Ok(None) => {}
                Err(_) => return None,
            }
            if begun.elapsed() >= GATE_PATIENCE {
                return None;
            }
            std::thread::sleep(GATE_PAUSE);
        }
    }
}

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        if let Some(pin) = self.pin.take() {
            pin.release(self.probe);
        }
    }
}

/// Whether this process may run on more than one processor, see sched_getaffinity(2).
fn has_several_processors() -> bool {
    // SAFETY: all zeroes is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: room for the result.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) } != 0 {
        return true;
    }
    // SAFETY: an initialised set.
    unsafe { libc::CPU_COUNT(&set) > 1 }
}

/// How many nanoseconds a spin hint takes on this processor. Measured once for each process, in less than 50 us.
///
/// No `OnceLock`: a child that was forked while another thread measured would wait for that thread, which it does not have.
fn pause_nanos() -> u32 {
    /// 0 before the first measurement. Two threads may measure at once. Relaxed: the number is all there is to it.
    static MEASURED: AtomicU32 = AtomicU32::new(0);
    match MEASURED.load(Ordering::Relaxed) {
        0 => {
            let measured = measure_pause();
            MEASURED.store(measured, Ordering::Relaxed);
            measured
        }
        known => known,
    }
}

fn measure_pause() -> u32 {
    const PAUSES: u32 = 64;
    let once = || {
        let begun = std::time::Instant::now();
        for _ in 0..PAUSES {
            std::hint::spin_loop();
        }
        u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX)
    };
    // The shortest: longer ones were interrupted.
    ((0..5).map(|_| once()).min().unwrap_or(0) / PAUSES).clamp(1, 1_000)
}

/// When this process started, in clock ticks since boot: field 22 of /proc/self/stat. For people, not for decisions.
fn start_time() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.get(stat.rfind(')')? + 2..)?.split(' ').nth(19)?.parse().ok()
}

/// The region in a mapping.
pub(crate) fn view(map: &MmapRaw, name: &str) -> Result<RegionView<'static>, RegionError> {
    RegionView::attach(memory(map)).map_err(|error: HeaderError| RegionError::new(name, RegionErrorKind::Header(error)))
}
