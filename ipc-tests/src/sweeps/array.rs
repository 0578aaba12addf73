//! Arrays: who writes is killed at every instruction; each element is as before or as wanted, and nobody repairs anything.

use ipc_posix::{Array, Region};

use super::stage::Folder;
use super::{Scene, Scenes, complain};
use crate::stepper::{Verdict, Victim};

const NAME: &str = "array";
/// How many elements there are.
const LEN: usize = 5;
/// Each element before the victim's operation: all bytes of it.
const BEFORE: f64 = 1.000_000_119_209_289_6;
/// And after it.
const AFTER: f64 = BEFORE + BEFORE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Set,
    Swap,
    /// A sum of floats: a compare-exchange loop.
    Add,
    Fill,
    Copy,
}

impl Deed {
    /// The elements that it writes.
    fn part(self) -> std::ops::Range<usize> {
        match self {
            Deed::Set | Deed::Swap | Deed::Add => 2..3,
            Deed::Fill => 0..LEN,
            Deed::Copy => 1..LEN - 1,
        }
    }

    fn run(self, array: &Array<f64>) {
        let start = self.part().start;
        let _ = std::hint::black_box(match self {
            Deed::Set => array.set(start, AFTER),
            Deed::Swap => array.at(start).swap(AFTER).map(drop),
            Deed::Add => array.at(start).fetch_add(BEFORE).map(drop),
            Deed::Fill => array.fill(AFTER),
            Deed::Copy => array.copy_from_slice(start, &[AFTER; LEN - 2]),
        });
    }
}

struct ArrayScene {
    deed: Deed,
    folder: Folder,
    stage: Option<(Region, Array<f64>)>,
}

pub(super) fn write() -> Scenes {
    let deeds = [Deed::Set, Deed::Swap, Deed::Add, Deed::Fill, Deed::Copy];
    let scene = |deed| ArrayScene { deed, folder: Folder::new(), stage: None };
    deeds.into_iter().map(|deed| (format!("{deed:?}"), Box::new(scene(deed)) as Box<dyn Scene>)).collect()
}

impl ArrayScene {
    fn look(&self, array: &Array<f64>, finished: bool) -> Result<(), (Verdict, String)> {
        let (part, values) = (self.deed.part(), array.to_vec());
        let written = values.iter().filter(|value| **value == AFTER).count();
        // The first ones of its part are new, and all others are as they were.
        let wanted = |index: usize| if (part.start..part.start + written).contains(&index) { AFTER } else { BEFORE };
        if values.iter().enumerate().any(|(index, value)| *value != wanted(index)) {
            return Err((Verdict::TORN, format!("{values:?}")));
        }
        if finished && written != part.len() {
            return Err((Verdict::LOST, format!("a write that returned was not made: {values:?}")));
        }
        // Everybody goes on, a newcomer included.
        let newcomer: Array<f64> = self.folder.open().array(NAME).open().expect("the array opens");
        newcomer.fill(3.0).expect("our own handle");
        newcomer.at(0).fetch_add(1.0).expect("our own handle");
        let sum: f64 = array.iter().sum();
        if sum == 16.0 { Ok(()) } else { Err((Verdict::WEDGED, format!("the survivor does not see 16 but {sum}"))) }
    }
}

impl Scene for ArrayScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let region = self.folder.create();
        let array = region.array(NAME).len(LEN).initial(BEFORE).create().expect("the array is created");
        let this = &*self;
        let victim = Victim::fork(|gate| {
            let array = this.folder.open().array(NAME).open().expect("the array opens");
            gate.begin();
            this.deed.run(&array);
            gate.end();
        });
        self.stage = Some((region, array));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, array)) = self.stage.take() else { return Verdict::CLEAN };
        self.look(&array, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
