//! Arrays: who writes is killed at every instruction; each element is as before or as wanted, and nobody repairs anything.

use std::fmt::Debug;
use std::marker::PhantomData;

use ipc_posix::{Array, AtomicNumber, Region};

use super::stage::Folder;
use super::{Scene, Scenes, complain};
use crate::stepper::{Verdict, Victim};

const NAME: &str = "array";

/// What the elements are.
trait Sample: AtomicNumber + From<u8> + Debug {
    /// How many elements there are: where they are bytes, enough for the processor's copies.
    const LEN: usize;
    /// Each element before the victim's operation.
    const BEFORE: Self;
    /// And after it: the sum of two of them.
    const AFTER: Self;
}

impl Sample for f64 {
    const LEN: usize = 5;
    const BEFORE: f64 = 1.000_000_119_209_289_6;
    const AFTER: f64 = 2.0 * Self::BEFORE;
}

impl Sample for u8 {
    const LEN: usize = 141;
    const BEFORE: u8 = 0b0101_0101;
    const AFTER: u8 = 2 * Self::BEFORE;
}

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
    fn part<T: Sample>(self) -> std::ops::Range<usize> {
        match self {
            Deed::Set | Deed::Swap | Deed::Add => 2..3,
            Deed::Fill => 0..T::LEN,
            Deed::Copy => 1..T::LEN - 1,
        }
    }

    fn run<T: Sample>(self, array: &Array<T>) {
        let (start, values) = (self.part::<T>().start, [T::AFTER; 200]);
        let _ = std::hint::black_box(match self {
            Deed::Set => array.set(start, T::AFTER),
            Deed::Swap => array.at(start).swap(T::AFTER).map(drop),
            Deed::Add => array.at(start).fetch_add(T::BEFORE).map(drop),
            Deed::Fill => array.fill(T::AFTER),
            Deed::Copy => array.copy_from_slice(start, &values[..T::LEN - 2]),
        });
    }
}

struct ArrayScene<T: Sample> {
    deed: Deed,
    folder: Folder,
    stage: Option<(Region, Array<T>)>,
    element: PhantomData<T>,
}

const DEEDS: [Deed; 5] = [Deed::Set, Deed::Swap, Deed::Add, Deed::Fill, Deed::Copy];

fn scenes<T: Sample>() -> Scenes {
    let scene = |deed| ArrayScene::<T> { deed, folder: Folder::new(), stage: None, element: PhantomData };
    DEEDS.into_iter().map(|deed| (format!("{deed:?}"), Box::new(scene(deed)) as Box<dyn Scene>)).collect()
}

pub(super) fn write() -> Scenes {
    scenes::<f64>()
}

pub(super) fn write_bytes() -> Scenes {
    scenes::<u8>()
}

impl<T: Sample> ArrayScene<T> {
    fn look(&self, array: &Array<T>, finished: bool) -> Result<(), (Verdict, String)> {
        let (part, values) = (self.deed.part::<T>(), array.to_vec());
        let written = values.iter().filter(|value| **value == T::AFTER).count();
        // The first ones of its part are new, and all others are as they were.
        let new = part.start..part.start + written;
        let wanted = |index: usize| if new.contains(&index) { T::AFTER } else { T::BEFORE };
        if values.iter().enumerate().any(|(index, value)| *value != wanted(index)) {
            return Err((Verdict::TORN, format!("{values:?}")));
        }
        if finished && written != part.len() {
            return Err((Verdict::LOST, format!("a write that returned was not made: {values:?}")));
        }
        // Everybody goes on, a newcomer included.
        let newcomer: Array<T> = self.folder.open().array(NAME).open().expect("the array opens");
        newcomer.fill(3.into()).expect("our own handle");
        newcomer.at(0).fetch_add(1.into()).expect("our own handle");
        if array.get(0) == Some(4.into()) && array.iter().skip(1).all(|value| value == 3.into()) {
            Ok(())
        } else {
            Err((Verdict::WEDGED, format!("the survivor sees {:?}", array.to_vec())))
        }
    }
}

impl<T: Sample> Scene for ArrayScene<T> {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let region = self.folder.create();
        let array = region.array(NAME).len(T::LEN).initial(T::BEFORE).create().expect("the array is created");
        let this = &*self;
        let victim = Victim::fork(|gate| {
            let array = this.folder.open().array::<T>(NAME).open().expect("the array opens");
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
