//! The frame of a pair: what two processes do at one object, one of which is stopped and one killed in the middle.

use std::cell::RefCell;
use std::time::Duration;

use super::play::Finding;
use super::stage::{Folder, Note, Page};
use super::{complain, patience, told};
use crate::stepper::{PairPoint, PairSweep, SweepReport, Verdict, Victim};

/// What the two do, and what the survivors find.
pub(super) trait Couple: Copy {
    /// The object with its region.
    type Objects;

    /// Creates it, or opens it.
    fn make(self, folder: &Folder, new: bool) -> Self::Objects;

    /// What the first or the second one does, from `begin` on; its result.
    fn act(self, first: bool, objects: &Self::Objects, begin: &mut dyn FnMut()) -> u64;

    /// Survivors while the first one is stopped: nothing that waits for it.
    fn meanwhile(self, objects: &Self::Objects) -> Result<(), Finding>;

    /// The first one has gone on and is done, with this result.
    fn afterwards(self, objects: &Self::Objects, folder: &Folder, point: PairPoint, result: u64)
    -> Result<(), Finding>;
}

/// Stops the first one at each point of its operation, and kills the second one at each point of its own.
pub(super) fn sweep<C: Couple>(couple: C, name: &str, sweep: PairSweep) -> SweepReport {
    let (folder, page) = (Folder::new(), Page::new());
    // This thread takes a number at its first lock. Its copies, the victims, have that then: one path less in each.
    drop(folder.create().mutex::<u64>("numbered").create().expect("a mutex").lock());
    let stage: RefCell<Option<C::Objects>> = RefCell::new(None);
    let victim = |first: bool| {
        Victim::fork(|gate| {
            let objects = couple.make(&folder, false);
            let result = couple.act(first, &objects, &mut || gate.begin());
            gate.end();
            if first {
                page.set(Note::Result, result);
            }
        })
    };
    let verdict = |finding: Result<(), Finding>| {
        finding.err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    };
    // A waiter for what the other one holds sleeps in slices of 2 ms and more.
    let sweep = sweep.blocked_ok(true).blocked_after(Duration::from_millis(1)).stuck_after(patience());
    let report = sweep.run(
        || {
            stage.take();
            page.clear();
            stage.replace(Some(couple.make(&folder, true)));
            victim(true)
        },
        || victim(false),
        |_| verdict(couple.meanwhile(stage.borrow().as_ref().expect("a stage"))),
        |point| {
            let objects = stage.take().expect("a stage");
            told(name, verdict(couple.afterwards(&objects, &folder, point, page.get(Note::Result))))
        },
    );
    report.unwrap_or_else(|error| panic!("{error}"))
}
