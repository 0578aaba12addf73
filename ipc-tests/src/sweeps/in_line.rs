//! The line of a mutex: one of the two in front is killed at every instruction from its asking for the lock to its giving it back. The other one
//! gets the lock, and so does one that comes afterwards.

use ipc_posix::{LockTimeoutError, Mutex, Region, WaitStrategy};

use super::mutex::{self, Data, NEW, OLD};
use super::play::{Finding, demand};
use super::stage::{self, Folder, Helper, Note, Page};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

/// From the start of a mutex to the word of its lock, and where that says how many stand in front.
const WORD_OFFSET: u64 = 128;
const FRONT_SHIFT: u32 = 30;

/// How the other one got the lock.
const CLEAN: u64 = 1;
const MARKED: u64 = 2;

struct LineScene {
    /// Whether the other one comes before the victim.
    is_second: bool,
    folder: Folder,
    page: Page,
    stage: Option<(Region, Mutex<Data>, [Helper; 2])>,
}

pub(super) fn lock() -> Scenes {
    let scene = |is_second| LineScene { is_second, folder: Folder::new(), page: Page::new(), stage: None };
    [("the first", false), ("the second", true)]
        .into_iter()
        .map(|(label, is_second)| (label.to_owned(), Box::new(scene(is_second)) as Box<dyn Scene>))
        .collect()
}

impl LineScene {
    /// Whether the mutex at this offset counts `count` sleepers in front.
    fn is_in_front(&self, mutex: u64, count: u32) -> bool {
        stage::word_at(&self.folder, mutex + WORD_OFFSET) >> FRONT_SHIFT == count + 1
    }

    fn is_stopped(&self) -> bool {
        self.page.get(Note::Stop) != 0
    }

    /// Gets the lock once it may ask for it, and says how.
    fn other(&self, mut may_ask: impl FnMut() -> bool) {
        let mutex = mutex::mutex_of(&self.folder.open());
        while !may_ask() {
            stage::pause();
        }
        let (mut guard, result) = match mutex.lock() {
            Ok(guard) => (guard, CLEAN),
            Err(error) => (error.into_guard().expect("the lock"), MARKED),
        };
        self.page.set(Note::Moved, if *guard == NEW { NEW[0] } else { OLD[0] });
        if result == CLEAN && ![OLD, NEW].contains(&guard) {
            self.page.set(Note::Moved, 0);
        } else if result == MARKED {
            *guard = OLD;
            guard.mark_consistent().unwrap();
        }
        drop(guard);
        self.page.set(Note::Result, result);
    }

    fn look(&self, mutex: &Mutex<Data>, helpers: [Helper; 2], finished: bool) -> Result<(), Finding> {
        let is_served = stage::comes_true(|| self.page.get(Note::Result) != 0);
        demand(is_served, Verdict::WEDGED, || "the other one sleeps on".to_owned())?;
        let ended_well = helpers.map(Helper::join) == [true; 2];
        demand(ended_well, Verdict::TORN, || "the holder or the other one failed".to_owned())?;
        let (result, value) = (self.page.get(Note::Result), self.page.get(Note::Moved));
        // A mark is that of a victim that died with the lock.
        let right = result == MARKED && !finished || result == CLEAN && value != 0;
        demand(right, Verdict::TORN, || format!("the other one found {value}, {result}"))?;
        match mutex.lock_timeout(patience()) {
            Ok(guard) if *guard == NEW || (*guard == OLD && !finished) => Ok(()),
            Ok(guard) => Err((Verdict::TORN, format!("{:?} without a mark", *guard))),
            Err(LockTimeoutError::OwnerDied(guard)) if !finished => {
                guard.mark_consistent().unwrap();
                Ok(())
            }
            Err(error) => Err((Verdict::WEDGED, format!("the survivor: {error}"))),
        }
    }
}

impl Scene for LineScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let (region, mutex) = mutex::create(&self.folder);
        let at = region.list()[0].offset;
        let page = &self.page;
        let holder = Helper::fork(|| {
            let mutex = mutex::mutex_of(&self.folder.open());
            let guard = mutex.lock().expect("a free lock");
            page.set(Note::Held, 1);
            let sleeps = |note| stage::sleeps(page.get(note) as libc::pid_t);
            while !(self.is_stopped() || self.is_in_front(at, 2) && sleeps(Note::Armed) && sleeps(Note::Other)) {
                stage::pause();
            }
            drop(guard);
        });
        assert!(stage::comes_true(|| page.get(Note::Held) == 1), "the holder sets up");
        let other = Helper::fork(|| self.other(|| self.is_second || self.is_stopped() || self.is_in_front(at, 1)));
        page.set(Note::Other, other.pid() as u64);
        let stands = || self.is_in_front(at, 1) && stage::sleeps(other.pid());
        assert!(!self.is_second || stage::comes_true(stands), "the other one is the first");
        let victim = Victim::fork(|gate| {
            let mutex = mutex::mutex_of(&self.folder.open());
            // It polls in other sweeps.
            mutex.set_wait_strategy(WaitStrategy::Block);
            // SAFETY: no memory is passed.
            page.set(Note::Armed, unsafe { libc::getpid() } as u64);
            gate.begin();
            let mut guard = mutex.lock().expect("nobody has died");
            mutex::change_in_place(&mut guard);
            drop(guard);
            gate.end();
        });
        self.stage = Some((region, mutex, [holder, other]));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, mutex, helpers)) = self.stage.take() else { return Verdict::CLEAN };
        self.page.set(Note::Stop, 1);
        self.look(&mutex, helpers, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
