//! Regions: created, opened, left and removed by a victim.

use ipc_posix::{Queue, Region, RegionError, RegionOptions};

use super::books::{Message, message};
use super::stage::{Folder, QUEUE, REGION, queue_of};
use super::{Scene, Scenes, complain};
use crate::stepper::{Verdict, Victim};

type Failure = (Verdict, String);

fn torn(what: impl Into<String>) -> Failure {
    (Verdict::TORN, what.into())
}

fn wedged(what: impl std::fmt::Display) -> Failure {
    (Verdict::WEDGED, what.to_string())
}

fn verdict_of(result: Result<(), Failure>) -> Verdict {
    result.err().map_or(Verdict::CLEAN, |(verdict, what)| {
        complain(&what);
        verdict
    })
}

/// Moves a message through the queue, which may already hold some.
fn use_queue(queue: &Queue<Message>) -> Result<(), Failure> {
    queue.try_send(message(9)).map_err(|error| wedged(format!("try_send: {error:?}")))?;
    loop {
        match queue.try_recv() {
            Ok(got) if got == message(9) => return Ok(()),
            Ok(got) if got == message(1) => {}
            Ok(got) => return Err(torn(format!("got {got:?}"))),
            Err(error) => return Err(wedged(format!("try_recv: {error:?}"))),
        }
    }
}

fn make_queue(region: &Region) -> Result<Queue<Message>, Failure> {
    region.queue(QUEUE).capacity(2).open_or_create().map_err(wedged)
}

/// A queue with a message in it.
fn furnish(region: &Region) {
    let queue = region.queue::<Message>(QUEUE).capacity(2).create().expect("the queue is created");
    queue.try_send(message(1)).expect("there is room");
}

/// Which regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    drafts: bool,
    removes: bool,
}

const PLAIN: Kind = Kind { drafts: false, removes: false };
const DRAFTS: Kind = Kind { drafts: true, removes: false };
const REMOVES: Kind = Kind { drafts: false, removes: true };

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Creates,
    /// With one place for it.
    Opens,
    /// While the survivor stays.
    Leaves,
    /// As the last one; it has made the region.
    LeavesLast,
    Unlinks,
    /// A region that nobody has open.
    UnlinksUnused,
}

struct RegionScene {
    kind: Kind,
    deed: Deed,
    folder: Folder,
    region: Option<Region>,
}

fn scene(label: &str, deed: Deed, kind: Kind) -> (String, Box<dyn Scene>) {
    (label.to_owned(), Box::new(RegionScene { kind, deed, folder: Folder::new(), region: None }))
}

pub(super) fn create() -> Scenes {
    vec![
        scene("nameless file", Deed::Creates, PLAIN),
        scene("draft file", Deed::Creates, DRAFTS),
        scene("removed with the last", Deed::Creates, REMOVES),
    ]
}

pub(super) fn attach() -> Scenes {
    vec![scene("plain", Deed::Opens, PLAIN), scene("removed with the last", Deed::Opens, REMOVES)]
}

pub(super) fn detach() -> Scenes {
    vec![
        scene("plain", Deed::Leaves, PLAIN),
        scene("the last one", Deed::LeavesLast, PLAIN),
        scene("removed with the last", Deed::Leaves, REMOVES),
        scene("the last one, who removes", Deed::LeavesLast, REMOVES),
    ]
}

pub(super) fn unlink() -> Scenes {
    vec![scene("in use", Deed::Unlinks, PLAIN), scene("if unused", Deed::UnlinksUnused, PLAIN)]
}

impl RegionScene {
    fn options(&self) -> RegionOptions {
        let options = self.folder.options().without_tmpfile(self.kind.drafts).remove_with_last(self.kind.removes);
        if matches!(self.deed, Deed::Opens | Deed::Leaves) { options.participants(2) } else { options }
    }

    fn open(&self) -> Result<Option<Region>, Failure> {
        match self.options().open(REGION) {
            Ok(region) => Ok(Some(region)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(torn(format!("neither whole nor absent: {error}"))),
        }
    }

    /// What remains has to be a whole region, or nothing, and `there` if that is certain. Then nothing in the way of
    /// the next.
    fn whole_or_absent(&self, there: Option<bool>, objects: usize) -> Result<(), Failure> {
        let found = self.open()?;
        if there.is_some_and(|there| there != found.is_some()) {
            return Err(torn(format!("there: {}, and should be the other way", found.is_some())));
        }
        if let Some(region) = found {
            if region.list().len() != objects || region.participants().len() > 2 {
                return Err(torn(format!("{:?}, {:?}", region.list(), region.participants())));
            }
            use_queue(&make_queue(&region)?)?;
            drop(region);
            if self.kind.removes {
                if self.open()?.is_some() {
                    return Err(torn("the last one left, and the name is still there"));
                }
            } else {
                self.options().unlink(REGION).map_err(wedged)?;
            }
        }
        let region = self.options().create(REGION).map_err(wedged)?;
        if self.folder.names() != [REGION] {
            return Err(torn(format!("litter: {:?}", self.folder.names())));
        }
        if !region.list().is_empty() || region.participant_number() != 1 {
            return Err(torn("the new region is not new"));
        }
        use_queue(&make_queue(&region)?)
    }

    /// The survivor's region goes on, and the victim's place is free.
    fn goes_on(&self, region: &Region) -> Result<(), Failure> {
        use_queue(&queue_of(region))?;
        if region.is_orphaned() {
            return Err(torn("the name is gone"));
        }
        for _ in 0..2 {
            let other = self.options().open(REGION).map_err(wedged)?;
            if other.participant_number() != 2 {
                return Err(torn(format!("place {} instead of the dead one's", other.participant_number())));
            }
            use_queue(&queue_of(&other))?;
            drop(other);
            let joined = region.participants();
            if joined.len() != 1 || !joined[0].is_me {
                return Err(torn(format!("who is there: {joined:?}")));
            }
        }
        Ok(())
    }

    fn look(&self, finished: bool, region: Option<Region>) -> Result<(), Failure> {
        match self.deed {
            Deed::Creates => self.whole_or_absent(finished.then_some(true), 0),
            Deed::Opens | Deed::Leaves => {
                let region = region.ok_or_else(|| torn("no stage"))?;
                self.goes_on(&region)?;
                drop(region);
                let names = self.folder.names();
                if names.is_empty() == self.kind.removes {
                    Ok(())
                } else {
                    Err(torn(format!("left behind: {names:?}")))
                }
            }
            Deed::LeavesLast if self.kind.removes => self.whole_or_absent(finished.then_some(false), 1),
            Deed::LeavesLast => self.whole_or_absent(Some(true), 1),
            Deed::UnlinksUnused => self.whole_or_absent(finished.then_some(false), 1),
            Deed::Unlinks => {
                let region = region.ok_or_else(|| torn("no stage"))?;
                use_queue(&queue_of(&region))?;
                let there = self.open()?.is_some();
                if region.is_orphaned() == there {
                    return Err(torn("orphaned, and the name is there, or the other way round"));
                }
                self.whole_or_absent(finished.then_some(false), 1)
            }
        }
    }
}

impl Scene for RegionScene {
    fn victim(&mut self) -> Victim {
        self.region = None;
        self.folder.clear();
        let (options, deed) = (self.options(), self.deed);
        if !matches!(deed, Deed::Creates | Deed::LeavesLast) {
            let region = options.create(REGION).expect("the region is created");
            furnish(&region);
            self.region = (deed != Deed::UnlinksUnused).then_some(region);
        }
        Victim::fork(|gate| match deed {
            Deed::Creates => at(gate, || options.create(REGION)),
            Deed::Opens => at(gate, || options.open(REGION)),
            Deed::Leaves | Deed::LeavesLast => {
                let region = if deed == Deed::Leaves {
                    options.open(REGION).expect("the region opens")
                } else {
                    let region = options.create(REGION).expect("the region is created");
                    furnish(&region);
                    region
                };
                gate.begin();
                drop(region);
                gate.end();
            }
            Deed::Unlinks => at(gate, || options.unlink(REGION)),
            Deed::UnlinksUnused => at(gate, || options.unlink_if_unused(REGION)),
        })
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let region = self.region.take();
        verdict_of(self.look(finished, region))
    }
}

fn at<R>(gate: &crate::stepper::Gate, act: impl FnOnce() -> Result<R, RegionError>) {
    gate.begin();
    let result = act();
    gate.end();
    result.expect("it is possible");
}
