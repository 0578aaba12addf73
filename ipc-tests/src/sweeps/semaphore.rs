//! Semaphores: whatever a victim is killed in, its permits are back, each signal was posted or not, and nobody sleeps in
//! front of a permit.

use ipc_posix::{AcquireError, Region, ReleaseError, Semaphore, SemaphorePermit, TryAcquireError};

use super::stage::{self, Deathbed, Folder, Helper, Note, Page};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

mod start;

use start::Start;

const SEMAPHORE: &str = "semaphore";

/// What a sleeper notes about its end.
const OK: u64 = 1;
const CLOSED: u64 = 2;
const OTHER: u64 = 3;

/// What the victim is killed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    TryAcquire,
    Acquire,
    AcquireMany(u32),
    /// Drops a guard of this many.
    Release(u32),
    /// Forgets a guard of this many.
    Forget(u32),
    Post(u32),
    Close,
    Recover,
}

impl Deed {
    /// How many permits the victim has when its operation begins.
    fn holds(self) -> u32 {
        match self {
            Deed::Release(permits) | Deed::Forget(permits) => permits,
            _ => 0,
        }
    }
}

/// Who else is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nobody,
    /// Has what the victim wants, and gives it back once the victim sleeps.
    Holder,
    /// Sleeps for a permit.
    Sleeper,
}

struct SemaphoreScene {
    deed: Deed,
    start: Start,
    beside: Beside,
    folder: Folder,
    page: Page,
    deathbed: Deathbed,
    stage: Option<(Region, Semaphore, Option<Helper>)>,
}

fn scenes(beside: Beside, table: &[(&str, Deed, Start)]) -> Scenes {
    let scene = |deed, start| SemaphoreScene {
        deed,
        start,
        beside,
        folder: Folder::new(),
        page: Page::new(),
        deathbed: None,
        stage: None,
    };
    let table = table.iter();
    table.map(|(label, deed, start)| ((*label).to_owned(), Box::new(scene(*deed, *start)) as Box<dyn Scene>)).collect()
}

pub(super) fn try_acquire() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("one of one", Deed::TryAcquire, Start::of(1, 1)),
            ("three of eight", Deed::TryAcquire, Start::of(3, 8)),
            ("none", Deed::TryAcquire, Start::of(0, 2)),
            ("dead holder", Deed::TryAcquire, Start::of(1, 1).dead(1)),
            ("dead holder of some", Deed::TryAcquire, Start::of(3, 4).dead(2)),
            ("dead holder of all", Deed::TryAcquire, Start::of(3, 4).dead(3)),
            ("none, dead poster", Deed::TryAcquire, Start::of(0, 2).dead_poster()),
            ("closed", Deed::TryAcquire, Start::of(2, 2).closed()),
        ],
    )
}

pub(super) fn acquire() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("one of one", Deed::Acquire, Start::of(1, 1)),
            ("three of eight", Deed::Acquire, Start::of(3, 8)),
            ("mark of a sleeper", Deed::Acquire, Start::of(1, 1).mark(false)),
            ("dead holder", Deed::Acquire, Start::of(1, 1).dead(1)),
            ("dead holder of all", Deed::Acquire, Start::of(3, 4).dead(3)),
            ("dead holder and dead poster", Deed::Acquire, Start::of(2, 4).dead(2).dead_poster()),
            ("closed", Deed::Acquire, Start::of(2, 2).closed()),
        ],
    )
}

pub(super) fn acquire_blocked() -> Scenes {
    scenes(
        Beside::Holder,
        &[("one of one", Deed::Acquire, Start::of(1, 1)), ("two of two", Deed::AcquireMany(2), Start::of(2, 2))],
    )
}

pub(super) fn acquire_many() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("all of two", Deed::AcquireMany(2), Start::of(2, 2)),
            ("three of five", Deed::AcquireMany(3), Start::of(5, 8)),
            ("dead holder of one", Deed::AcquireMany(2), Start::of(2, 2).dead(1)),
            ("mark of one who wanted many", Deed::AcquireMany(2), Start::of(3, 4).mark(true)),
            ("dead poster", Deed::AcquireMany(2), Start::of(2, 4).dead_poster()),
        ],
    )
}

pub(super) fn release() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("one of one", Deed::Release(1), Start::of(1, 1)),
            ("one of three", Deed::Release(1), Start::of(3, 8)),
            ("two of three", Deed::Release(2), Start::of(3, 3)),
            ("mark of a sleeper", Deed::Release(1), Start::of(1, 1).mark(false)),
            ("mark of one who wanted many", Deed::Release(2), Start::of(2, 3).mark(true)),
            ("closed", Deed::Release(1), Start::of(2, 2).closed()),
        ],
    )
}

pub(super) fn forget() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("one of one", Deed::Forget(1), Start::of(1, 1)),
            ("one of three", Deed::Forget(1), Start::of(3, 8)),
            ("three of three", Deed::Forget(3), Start::of(3, 4)),
        ],
    )
}

pub(super) fn post() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("one", Deed::Post(1), Start::of(0, 4)),
            ("one more", Deed::Post(1), Start::of(2, 4)),
            ("two", Deed::Post(2), Start::of(1, 4)),
            ("three that fill it", Deed::Post(3), Start::of(1, 4)),
            ("one that does not fit", Deed::Post(1), Start::of(2, 2)),
            ("three that do not fit", Deed::Post(3), Start::of(2, 4)),
            ("mark of a sleeper", Deed::Post(1), Start::of(0, 2).mark(false)),
            ("mark of one who wanted many", Deed::Post(2), Start::of(0, 2).mark(true)),
            ("room that a dead poster has", Deed::Post(2), Start::of(0, 2).dead_poster()),
        ],
    )
}

pub(super) fn close() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("open", Deed::Close, Start::of(1, 2)),
            ("mark of a sleeper", Deed::Close, Start::of(1, 2).mark(false)),
            ("closed before", Deed::Close, Start::of(1, 2).closed()),
        ],
    )
}

pub(super) fn recover() -> Scenes {
    scenes(
        Beside::Nobody,
        &[
            ("dead holder", Deed::Recover, Start::of(3, 4).dead(3)),
            ("dead poster", Deed::Recover, Start::of(1, 4).dead_poster()),
            ("both", Deed::Recover, Start::of(2, 4).dead(1).dead_poster()),
        ],
    )
}

pub(super) fn wakes() -> Scenes {
    scenes(
        Beside::Sleeper,
        &[
            ("a permit is dropped", Deed::Release(1), Start::of(1, 1)),
            ("two permits are dropped", Deed::Release(2), Start::of(2, 2)),
            ("one signal", Deed::Post(1), Start::of(0, 2)),
            ("two signals", Deed::Post(2), Start::of(0, 2)),
            ("closed", Deed::Close, Start::of(0, 1)),
        ],
    )
}

fn semaphore_of(region: &Region) -> Semaphore {
    region.semaphore(SEMAPHORE).open().expect("the semaphore opens")
}

impl SemaphoreScene {
    /// The fewest and the most permits that there may be now.
    fn range(&self, finished: bool) -> (u32, u32) {
        let Start { permits, max, .. } = self.start;
        match (self.deed, finished) {
            (Deed::Post(more), _) if permits + more > max => (permits, permits),
            (Deed::Post(more), true) => (permits + more, permits + more),
            (Deed::Post(more), false) => (permits, permits + more),
            (Deed::Forget(less), true) => (permits - less, permits - less),
            (Deed::Forget(less), false) => (permits - less, permits),
            _ => (permits, permits),
        }
    }

    /// The survivors' findings.
    fn look(&self, finished: bool) -> Result<(), (Verdict, String)> {
        let (region, semaphore, _) = self.stage.as_ref().expect("a stage");
        let torn = |what: String| Err((Verdict::TORN, what));
        let wedged = |what: String| Err((Verdict::WEDGED, what));
        let closed = semaphore.is_closed();
        if self.deed != Deed::Close && closed != self.start.closed || self.deed == Deed::Close && finished && !closed {
            return torn(format!("closed: {closed}, finished: {finished}"));
        }
        let (least, most) = self.range(finished);
        if closed {
            let tried = semaphore.try_acquire().map(drop);
            if tried != Err(TryAcquireError::Closed) {
                return torn(format!("try_acquire of a closed semaphore: {tried:?}"));
            }
            region.recover().unwrap();
            return self.compare(semaphore.available(), least, most);
        }
        if least > 0 {
            match semaphore.acquire_timeout(patience()) {
                Ok(permit) => drop(permit),
                Err(error) => return wedged(format!("acquire_timeout: {error:?}")),
            }
            if let Err(error) = semaphore.acquire_many_timeout(least, patience()) {
                return wedged(format!("acquire_many_timeout({least}): {error:?}"));
            }
        }
        // The victim's place, for somebody else, who takes turns with us.
        let other_region = self.folder.open();
        let other = semaphore_of(&other_region);
        // What the dead held comes back when somebody needs it: there may be more than this.
        let told = semaphore.available();
        let mut all: Vec<SemaphorePermit<'_>> = Vec::new();
        for turn in 0..=self.start.max {
            match [semaphore, &other][turn as usize % 2].try_acquire() {
                Ok(permit) => all.push(permit),
                Err(TryAcquireError::NoPermits) => break,
                Err(error) => return wedged(format!("try_acquire: {error:?}")),
            }
        }
        let count = all.len() as u32;
        self.compare(count, least, most)?;
        if told > count || other.available() != 0 {
            return torn(format!("{count} permits of {told} available, then {}", other.available()));
        }
        let room = self.start.max - count;
        let refused = other.release(room + 1);
        if refused != Err(ReleaseError::Full { wanted: room + 1, room }) {
            return torn(format!("{count} permits of {}, release({}): {refused:?}", self.start.max, room + 1));
        }
        if let Err(error) = semaphore.release(room) {
            return torn(format!("release({room}): {error:?}"));
        }
        drop(all);
        match other.acquire_many_timeout(self.start.max, patience()) {
            Ok(permits) => permits.forget().unwrap(),
            Err(error) => return wedged(format!("all of {}: {error:?}", self.start.max)),
        }
        if let Err(error) = semaphore.release(self.start.max) {
            return torn(format!("release of all after a forget of all: {error:?}"));
        }
        if other.available() != self.start.max {
            return torn(format!("{} available of {}", other.available(), self.start.max));
        }
        Ok(())
    }

    fn compare(&self, count: u32, least: u32, most: u32) -> Result<(), (Verdict, String)> {
        let mut verdict = Verdict::CLEAN;
        verdict.lost = u64::from(least.saturating_sub(count));
        verdict.duplicated = u64::from(count.saturating_sub(most));
        if verdict.is_clean() { Ok(()) } else { Err((verdict, format!("{count} permits, not {least} to {most}"))) }
    }

    /// After a sleeper: it has had its permit (and given it back), or was told of the closing.
    fn wake(&self, finished: bool) -> Result<(), (Verdict, String)> {
        let (_, semaphore, _) = self.stage.as_ref().expect("a stage");
        let ended = || self.page.get(Note::Result);
        // Whether there is anything to wake up for can be told only from what a finished operation does; so the survivor
        // gives the sleeper some slices of time, and then a signal.
        let sure =
            finished || matches!(self.deed, Deed::Release(_)) || semaphore.is_closed() || semaphore.available() > 0;
        if sure && !stage::comes_true(|| ended() != 0) {
            return Err((Verdict::WEDGED, format!("the sleeper sleeps on, {} available", semaphore.available())));
        }
        let mut signalled = false;
        if ended() == 0 {
            semaphore.release(1).map_err(|error| (Verdict::TORN, format!("release(1): {error:?}")))?;
            signalled = true;
            if !stage::comes_true(|| ended() != 0) {
                return Err((Verdict::WEDGED, "the sleeper sleeps on after a signal".to_owned()));
            }
        }
        let wanted = if semaphore.is_closed() { CLOSED } else { OK };
        if ended() != wanted {
            return Err((Verdict::TORN, format!("the sleeper ended with {}, not with {wanted}", ended())));
        }
        if signalled {
            // Back to what the victim has left.
            match semaphore.acquire_timeout(patience()) {
                Ok(permit) => permit.forget().unwrap(),
                Err(error) => return Err((Verdict::WEDGED, format!("acquire_timeout: {error:?}"))),
            }
        }
        Ok(())
    }
}

fn act(deed: Deed, region: &Region, semaphore: &Semaphore, begin: impl FnOnce(), end: impl FnOnce()) {
    match deed {
        Deed::TryAcquire => {
            begin();
            let result = semaphore.try_acquire();
            end();
            std::mem::forget(result);
        }
        Deed::Acquire => {
            begin();
            let result = semaphore.acquire();
            end();
            std::mem::forget(result);
        }
        Deed::AcquireMany(permits) => {
            begin();
            let result = semaphore.acquire_many(permits);
            end();
            std::mem::forget(result);
        }
        Deed::Release(permits) => {
            let permit = semaphore.try_acquire_many(permits);
            begin();
            drop(permit);
            end();
        }
        Deed::Forget(permits) => {
            let permit = semaphore.try_acquire_many(permits).expect("they are there");
            begin();
            permit.forget().unwrap();
            end();
        }
        Deed::Post(permits) => {
            begin();
            let result = semaphore.release(permits);
            end();
            let _ = std::hint::black_box(result);
        }
        Deed::Close => {
            begin();
            let first = semaphore.close().unwrap();
            end();
            std::hint::black_box(first);
        }
        Deed::Recover => {
            begin();
            let found = region.recover().unwrap();
            end();
            assert_ne!(found, 0);
        }
    }
}

impl Scene for SemaphoreScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let (region, semaphore) = self.start.make(&self.folder, &self.page, &mut self.deathbed);
        let (folder, page, deed, beside) = (&self.folder, &self.page, self.deed, self.beside);
        // The holder has to have its permits before the victim asks, the victim its own before the sleeper does.
        let holder = (beside == Beside::Holder).then(|| {
            let permits = self.start.permits;
            let holder = Helper::fork(|| {
                let semaphore = semaphore_of(&folder.open());
                let permit = semaphore.try_acquire_many(permits).expect("they are there");
                page.set(Note::Moved, 1);
                while page.get(Note::Stop) == 0 && !stage::sleeps(page.get(Note::Armed) as libc::pid_t) {
                    stage::pause();
                }
                drop(permit);
            });
            assert!(stage::comes_true(|| page.get(Note::Moved) == 1), "the holder sets up");
            holder
        });
        let victim = Victim::fork(|gate| {
            let region = folder.open();
            let semaphore = semaphore_of(&region);
            let begin = || {
                // SAFETY: no memory is passed.
                page.set(Note::Armed, unsafe { libc::getpid() } as u64);
                while beside == Beside::Sleeper && page.get(Note::Stop) == 0 {
                    stage::pause();
                }
                gate.begin();
            };
            act(deed, &region, &semaphore, begin, || gate.end());
        });
        let helper = (beside == Beside::Sleeper).then(|| {
            assert!(stage::comes_true(|| page.get(Note::Armed) != 0), "the victim sets up");
            let sleeper = Helper::fork(|| {
                let semaphore = semaphore_of(&folder.open());
                page.set(Note::Moved, 1);
                let result = match semaphore.acquire() {
                    Ok(permit) => {
                        drop(permit);
                        OK
                    }
                    Err(AcquireError::Closed) => CLOSED,
                    Err(_) => OTHER,
                };
                page.set(Note::Result, result);
            });
            let asleep = || page.get(Note::Moved) == 1 && stage::sleeps(sleeper.pid());
            assert!(stage::comes_true(asleep), "the sleeper sleeps");
            page.set(Note::Stop, 1);
            sleeper
        });
        debug_assert!(self.start.permits >= deed.holds());
        self.stage = Some((region, semaphore, holder.or(helper)));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_, _, helper)) = &mut self.stage else { return Verdict::CLEAN };
        let helper = helper.take();
        let found = match (self.beside, helper) {
            (Beside::Nobody, _) | (_, None) => Ok(()),
            (Beside::Holder, Some(holder)) => {
                self.page.set(Note::Stop, 1);
                if holder.join() { Ok(()) } else { Err((Verdict::TORN, "the holder failed".to_owned())) }
            }
            (Beside::Sleeper, Some(sleeper)) => {
                let found = self.wake(finished);
                match found {
                    Ok(()) if !sleeper.join() => Err((Verdict::TORN, "the sleeper failed".to_owned())),
                    found => found,
                }
            }
        };
        let found = found.and_then(|()| self.look(finished));
        self.stage = None;
        found.err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
