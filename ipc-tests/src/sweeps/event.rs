//! Events: a setter, a clearer or a waiter is killed at every instruction; waiters go on, and flags are not lost.

use ipc_posix::{Event, Region};

use super::play::{Finding, demand};
use super::stage::{self, Folder, Note, Page};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

const EVENT: &str = "event";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Set,
    Clear,
    /// Waits on an event that is set.
    Wait,
    /// Waits on an event that nobody sets, with a time limit.
    WaitTimeout,
}

struct EventScene {
    deed: Deed,
    auto: bool,
    /// Whether somebody sleeps while the victim sets.
    sleeper: bool,
    folder: Folder,
    page: Page,
    stage: Option<(Region, Event, Option<Victim>)>,
}

fn scenes(deed: Deed, kinds: &[(&str, bool, bool)]) -> Scenes {
    let scene =
        |auto, sleeper| EventScene { deed, auto, sleeper, folder: Folder::new(), page: Page::new(), stage: None };
    let kinds = kinds.iter();
    kinds
        .map(|(label, auto, sleeper)| ((*label).to_owned(), Box::new(scene(*auto, *sleeper)) as Box<dyn Scene>))
        .collect()
}

pub(super) fn set() -> Scenes {
    scenes(Deed::Set, &[("manual", false, false), ("auto", true, false)])
}

pub(super) fn set_wakes() -> Scenes {
    scenes(Deed::Set, &[("manual", false, true), ("auto", true, true)])
}

pub(super) fn clear() -> Scenes {
    scenes(Deed::Clear, &[("manual", false, false), ("auto", true, false)])
}

pub(super) fn wait() -> Scenes {
    scenes(Deed::Wait, &[("manual", false, false), ("auto", true, false)])
}

pub(super) fn wait_timeout() -> Scenes {
    scenes(Deed::WaitTimeout, &[("manual", false, false), ("auto", true, false)])
}

impl EventScene {
    fn event(&self, region: &Region) -> Event {
        let options = region.event(EVENT);
        let options = if self.auto { options.auto_reset() } else { options };
        options.open().expect("the event opens")
    }

    fn create(&self) -> (Region, Event) {
        let region = self.folder.create();
        let options = region.event(EVENT).initial(matches!(self.deed, Deed::Clear | Deed::Wait));
        let options = if self.auto { options.auto_reset() } else { options };
        let event = options.create().expect("the event is created");
        (region, event)
    }

    fn fall_asleep(&self) -> Victim {
        stage::asleep(|gate| {
            let event = self.event(&self.folder.open());
            gate.begin();
            event.wait().expect("our own handle");
            self.page.set(Note::Result, 1);
            gate.end();
        })
    }

    fn look(&self, event: &Event, sleeper: Option<Victim>, finished: bool) -> Result<(), Finding> {
        let is_set = event.is_set();
        if let Some(mut sleeper) = sleeper {
            let gone = || self.page.get(Note::Result) != 0;
            // Not set: then by nobody yet. An event that resets itself may be clear because the sleeper has gone.
            if !is_set && !gone() {
                if finished && !self.auto {
                    return Err((Verdict::LOST, "a set that returned has not set".to_owned()));
                }
                event.set().expect("our own handle");
            }
            if !stage::comes_true(gone) {
                return Err((Verdict::WEDGED, format!("the sleeper sleeps on, set: {}", event.is_set())));
            }
            sleeper.finish().map_err(|error| (Verdict::WEDGED, format!("the sleeper: {error}")))?;
        } else {
            let wanted: &[bool] = match (self.deed, finished) {
                (Deed::Set, true) => &[true],
                (Deed::Clear, true) => &[false],
                (Deed::Wait | Deed::WaitTimeout, true) => &[!self.auto],
                (Deed::Wait, false) if !self.auto => &[true],
                _ => &[true, false],
            };
            if !wanted.contains(&is_set) {
                return Err((Verdict::LOST, format!("set: {is_set}")));
            }
        }
        // Everybody goes on, a newcomer included.
        let newcomer = self.event(&self.folder.open());
        self.keep_books(event, &newcomer)?;
        newcomer.set().expect("our own handle");
        event.wait_timeout(patience()).map_err(|error| (Verdict::WEDGED, format!("the survivor: {error}")))?;
        self.told("after a wait", event, &newcomer, !self.auto)
    }

    /// The flag is what every call says that it is. In the end it is clear.
    fn keep_books(&self, event: &Event, newcomer: &Event) -> Result<(), Finding> {
        let set = event.is_set();
        self.told("at first", event, newcomer, set)?;
        let taken = event.try_wait().expect("our own handle");
        demand(taken == set, Verdict::TORN, || format!("set: {set}, but a wait that does not wait says {taken}"))?;
        let left = set && !self.auto;
        self.told("after a wait that does not wait", event, newcomer, left)?;
        let cleared = newcomer.clear().expect("our own handle");
        demand(cleared == left, Verdict::TORN, || format!("set: {left}, but the clearing says {cleared}"))?;
        self.told("after a clearing", event, newcomer, false)?;
        let firsts = [newcomer.set(), event.set()].map(|set| set.expect("our own handle"));
        demand(firsts == [true, false], Verdict::TORN, || format!("two settings say {firsts:?}"))?;
        self.told("after a setting", event, newcomer, true)?;
        demand(event.clear() == Ok(true), Verdict::TORN, || "a set event says that it was clear".to_owned())?;
        self.told("at last", event, newcomer, false)
    }

    /// Both handles say that the flag is set, or clear.
    fn told(&self, when: &str, event: &Event, newcomer: &Event, set: bool) -> Result<(), Finding> {
        let seen = [event.is_set(), newcomer.is_set()];
        demand(seen == [set; 2], Verdict::TORN, || format!("{when}, set: {seen:?}, not {set}"))
    }
}

impl Scene for EventScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let (region, event) = self.create();
        let deed = self.deed;
        let this = &*self;
        let victim = Victim::fork(|gate| {
            let event = this.event(&this.folder.open());
            if this.sleeper {
                this.page.set(Note::Armed, 1);
                while this.page.get(Note::Stop) == 0 {
                    stage::pause();
                }
            }
            gate.begin();
            match deed {
                Deed::Set => {
                    let _ = std::hint::black_box(event.set());
                }
                Deed::Clear => {
                    let _ = std::hint::black_box(event.clear());
                }
                Deed::Wait => {
                    let _ = std::hint::black_box(event.wait());
                }
                Deed::WaitTimeout => {
                    let _ = std::hint::black_box(event.wait_timeout(std::time::Duration::from_millis(2)));
                }
            }
            gate.end();
        });
        let sleeper = self.sleeper.then(|| {
            assert!(stage::comes_true(|| self.page.get(Note::Armed) == 1), "the victim sets up");
            let sleeper = self.fall_asleep();
            self.page.set(Note::Stop, 1);
            sleeper
        });
        self.stage = Some((region, event, sleeper));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, event, sleeper)) = self.stage.take() else { return Verdict::CLEAN };
        // Nobody sets it while the victim waits for it: it has timed out.
        let finished = finished && self.deed != Deed::WaitTimeout;
        self.look(&event, sleeper, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
