//! What a semaphore is like when the operation begins, and how survivors make it.

use ipc_posix::{AcquireTimeoutError, Region, Semaphore};

use super::{SEMAPHORE, semaphore_of};
use crate::stepper::Victim;
use crate::sweeps::stage::{self, Deathbed, Folder, Helper, Note, Page};

/// From the start of a semaphore to its permits, and the state of one that is being posted.
const PERMITS_OFFSET: u64 = 640;
const POSTING: u32 = 3;

/// What the semaphore is like when the operation begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// All there are, those of the dead and of the victim included.
    pub(super) permits: u32,
    pub(super) max: u32,
    /// The number of permits that a dead process held.
    dead: u32,
    /// Somebody died while it was posting two.
    dead_poster: bool,
    /// Somebody who slept for one permit (or for many, if true) has left its mark.
    mark: Option<bool>,
    pub(super) closed: bool,
}

impl Start {
    pub(super) const fn of(permits: u32, max: u32) -> Self {
        Start { permits, max, dead: 0, dead_poster: false, mark: None, closed: false }
    }

    pub(super) const fn dead(self, dead: u32) -> Self {
        Start { dead, ..self }
    }

    pub(super) const fn dead_poster(self) -> Self {
        Start { dead_poster: true, ..self }
    }

    pub(super) const fn mark(self, many: bool) -> Self {
        Start { mark: Some(many), ..self }
    }

    pub(super) const fn closed(self) -> Self {
        Start { closed: true, ..self }
    }

    /// A semaphore like this in a new region.
    pub(super) fn make(self, folder: &Folder, page: &Page, deathbed: &mut Deathbed) -> (Region, Semaphore) {
        let Start { permits, max, dead, dead_poster, mark, closed } = self;
        let region = folder.create();
        let semaphore = region.semaphore(SEMAPHORE).permits(permits).max(max).create().expect("it is created");
        if let Some(many) = mark {
            leave_mark(&semaphore, permits, many);
        }
        // The victim's place stays free: a process that attaches there repairs after the last one that had it.
        let filler = folder.open();
        let holder = (dead > 0).then(|| {
            let holder = Helper::fork(|| {
                let semaphore = semaphore_of(&folder.open());
                std::mem::forget(semaphore.try_acquire_many(dead).expect("they are there"));
                page.set(Note::Moved, 1);
                while page.get(Note::Stop) == 0 {
                    stage::pause();
                }
                // SAFETY: no memory is passed.
                unsafe { libc::_exit(0) };
            });
            assert!(stage::comes_true(|| page.get(Note::Moved) == 1), "an earlier holder has its permits");
            holder
        });
        if dead_poster {
            let offset = region.list()[0].offset + PERMITS_OFFSET + u64::from(permits) * 4;
            let poster = || {
                Victim::fork(|gate| {
                    let semaphore = semaphore_of(&folder.open());
                    gate.begin();
                    let posted = semaphore.release(2);
                    gate.end();
                    posted.expect("there is room");
                })
            };
            stage::kill_when(poster, deathbed, || stage::word_at(folder, offset) >> 30 == POSTING);
        }
        if let Some(holder) = holder {
            page.set(Note::Stop, 1);
            assert!(holder.join(), "an earlier holder dies as planned");
            page.clear();
        }
        drop(filler);
        if closed {
            semaphore.close().unwrap();
        }
        (region, semaphore)
    }
}

/// Leaves the mark of a sleeper: one that the attaching of the next process, which wakes everybody, does not clear. Only
/// one in sixteen wakes clears it, the first one among them.
fn leave_mark(semaphore: &Semaphore, permits: u32, many: bool) {
    let wait = |wanted| {
        let waited = semaphore.acquire_many_timeout(wanted, std::time::Duration::ZERO);
        assert_eq!(waited.expect_err("there are not as many"), AcquireTimeoutError::Timeout);
    };
    for first in [true, false] {
        let all = (permits > 0).then(|| semaphore.try_acquire_many(permits).expect("they are there"));
        wait(1);
        if first && all.is_none() {
            semaphore.release(1).expect("there is room");
            semaphore.try_acquire().expect("it is there").forget().unwrap();
        }
    }
    if many {
        wait((permits + 1).max(2));
    }
}
