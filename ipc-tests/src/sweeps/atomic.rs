//! Atomic cells and event groups: who changes or waits is killed at every instruction; the change was made or not, whole, and
//! waiters go on.

use std::time::Duration;

use ipc_posix::{Atomic, EventGroup, Region};

use super::stage::{self, Folder, Note, Page};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

const CELL: &str = "cell";
/// What the cell or the group holds before the victim's operation: both halves of the word.
const BEFORE: u64 = 0x0000_0001_0000_0001;
/// And after it.
const AFTER: u64 = BEFORE + BEFORE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Add,
    Swap,
    Update,
    /// Waits for the value before, and changes it in the same step.
    WaitUpdate,
    /// Waits for a value that nobody brings, with a time limit.
    WaitTimeout,
    /// On a group: sets the second flag, and clears the first.
    Set,
    Clear,
    /// On a group: takes the first flag.
    Take,
}

enum Object {
    Cell(Atomic<u64>),
    Group(EventGroup),
}

impl Object {
    fn open(region: &Region, deed: Deed) -> Self {
        if deed.is_of_a_group() {
            Object::Group(region.event_group(CELL).open().expect("the group opens"))
        } else {
            Object::Cell(region.atomic(CELL).open().expect("the cell opens"))
        }
    }

    fn create(region: &Region, deed: Deed) -> Self {
        if deed.is_of_a_group() {
            Object::Group(region.event_group(CELL).initial(1).create().expect("the group is created"))
        } else {
            Object::Cell(region.atomic(CELL).initial(BEFORE).create().expect("the cell is created"))
        }
    }

    fn value(&self) -> u64 {
        match self {
            Object::Cell(cell) => cell.load().expect("our own handle"),
            Object::Group(group) => group.flags().expect("our own handle").into(),
        }
    }

    /// Waits until the value is this.
    fn wait_for(&self, value: u64) -> bool {
        match self {
            Object::Cell(cell) => cell.wait_until_timeout(patience(), |now| now == value).is_ok(),
            Object::Group(group) => group.wait_all_timeout(value as u32, patience()).is_ok(),
        }
    }

    /// Brings it about that the value is this, as any other process could.
    fn bring(&self, value: u64) {
        match self {
            Object::Cell(cell) => cell.store(value).expect("our own handle"),
            Object::Group(group) => {
                group.set(value as u32).expect("our own handle");
            }
        }
    }
}

impl Deed {
    fn is_of_a_group(self) -> bool {
        matches!(self, Deed::Set | Deed::Clear | Deed::Take)
    }

    /// What there is when it is done.
    fn after(self) -> u64 {
        match self {
            Deed::Set => 0b11,
            Deed::Clear | Deed::Take => 0,
            Deed::WaitTimeout => BEFORE,
            _ => AFTER,
        }
    }

    fn before(self) -> u64 {
        if self.is_of_a_group() { 1 } else { BEFORE }
    }

    fn run(self, object: &Object) {
        let soon = Duration::from_millis(2);
        match object {
            Object::Cell(cell) => {
                let _ = std::hint::black_box(match self {
                    Deed::Add => cell.fetch_add(BEFORE),
                    Deed::Swap => cell.swap(AFTER),
                    Deed::Update => cell.update(|value| value * 2),
                    Deed::WaitUpdate => cell.wait_update(|value| (value == BEFORE).then_some(AFTER)),
                    _ => Ok(cell.wait_until_timeout(soon, |value| value == 7).unwrap_or_default()),
                });
            }
            Object::Group(group) => {
                let _ = std::hint::black_box(match self {
                    Deed::Set => group.set(2),
                    Deed::Clear => group.clear(1),
                    _ => group.take_any(0b101),
                });
            }
        }
    }
}

struct AtomicScene {
    deed: Deed,
    /// Whether somebody waits for what the victim brings about.
    sleeper: bool,
    folder: Folder,
    page: Page,
    stage: Option<(Region, Object, Option<Victim>)>,
}

fn scenes(deeds: &[Deed], sleeper: bool) -> Scenes {
    let scene = |deed| AtomicScene { deed, sleeper, folder: Folder::new(), page: Page::new(), stage: None };
    deeds.iter().map(|deed| (format!("{deed:?}"), Box::new(scene(*deed)) as Box<dyn Scene>)).collect()
}

pub(super) fn change() -> Scenes {
    scenes(&[Deed::Add, Deed::Swap, Deed::Update, Deed::Set, Deed::Clear], false)
}

pub(super) fn change_wakes() -> Scenes {
    scenes(&[Deed::Add, Deed::Swap, Deed::Update, Deed::Set], true)
}

pub(super) fn wait() -> Scenes {
    scenes(&[Deed::WaitUpdate, Deed::WaitTimeout, Deed::Take], false)
}

impl AtomicScene {
    fn look(&self, object: &Object, sleeper: Option<Victim>, finished: bool) -> Result<(), (Verdict, String)> {
        let (value, before, after) = (object.value(), self.deed.before(), self.deed.after());
        if value != before && value != after {
            return Err((Verdict::TORN, format!("{value:#x}")));
        }
        if finished && value != after {
            return Err((Verdict::LOST, format!("a change that returned was not made: {value:#x}")));
        }
        if let Some(mut sleeper) = sleeper {
            // The dead one's change alone has to do, if it was made.
            if value != after {
                object.bring(after);
            }
            if !stage::comes_true(|| self.page.get(Note::Result) == 1) {
                return Err((Verdict::WEDGED, format!("the sleeper sleeps on at {:#x}", object.value())));
            }
            sleeper.finish().map_err(|error| (Verdict::WEDGED, format!("the sleeper: {error}")))?;
        }
        // Everybody goes on, a newcomer included.
        let newcomer = Object::open(&self.folder.open(), self.deed);
        newcomer.bring(3);
        if !object.wait_for(3) {
            return Err((Verdict::WEDGED, format!("the survivor does not see 3 but {:#x}", object.value())));
        }
        Ok(())
    }
}

impl Scene for AtomicScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let region = self.folder.create();
        let object = Object::create(&region, self.deed);
        let this = &*self;
        let victim = Victim::fork(|gate| {
            let object = Object::open(&this.folder.open(), this.deed);
            if this.sleeper {
                this.page.set(Note::Armed, 1);
                while this.page.get(Note::Stop) == 0 {
                    stage::pause();
                }
            }
            gate.begin();
            this.deed.run(&object);
            gate.end();
        });
        let sleeper = self.sleeper.then(|| {
            assert!(stage::comes_true(|| self.page.get(Note::Armed) == 1), "the victim sets up");
            let sleeper = stage::asleep(|gate| {
                let object = Object::open(&self.folder.open(), self.deed);
                gate.begin();
                let went = object.wait_for(self.deed.after());
                self.page.set(Note::Result, if went { 1 } else { 2 });
                gate.end();
            });
            self.page.set(Note::Stop, 1);
            sleeper
        });
        self.stage = Some((region, object, sleeper));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, object, sleeper)) = self.stage.take() else { return Verdict::CLEAN };
        self.look(&object, sleeper, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
