//! Mutexes around slices: who changes one in a transaction, or in place, is killed at every instruction. What a transaction has not
//! committed never was, and a process that changes in place leaves a mark.

use ipc_posix::{LockError, LockTimeoutError, Mutex, Region};

use super::stage::Folder;
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

const NAME: &str = "array";
const LEN: usize = 5;
/// Each element before the victim's operation, after its first step, and after its second one.
const STATES: [u64; 3] = [0x1111, 0x2222, 0x3333];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    InPlace,
    Commit,
    StoreAndCommit,
    Drop,
}

impl Deed {
    fn run(self, mutex: &Mutex<[u64]>) {
        if self == Deed::InPlace {
            return fill(&mut mutex.lock().expect("a free lock"), STATES[1]);
        }
        let mut change = mutex.lock_transaction().expect("a free lock");
        fill(&mut change, STATES[1]);
        match self {
            Deed::StoreAndCommit => {
                change.store().expect("our own handle");
                fill(&mut change, STATES[2]);
                change.commit().expect("our own handle");
            }
            Deed::Commit => change.commit().expect("our own handle"),
            Deed::Drop | Deed::InPlace => {}
        }
    }

    /// What may be there without a mark.
    fn states(self, finished: bool) -> &'static [u64] {
        match (self, finished) {
            (Deed::InPlace | Deed::Commit, true) => &STATES[1..2],
            (Deed::InPlace | Deed::Commit, false) => &STATES[..2],
            (Deed::StoreAndCommit, true) => &STATES[2..],
            (Deed::StoreAndCommit, false) => &STATES,
            (Deed::Drop, _) => &STATES[..1],
        }
    }
}

/// Element by element, as a compiler would not have to.
fn fill(elements: &mut [u64], value: u64) {
    for element in elements {
        // SAFETY: a valid, exclusive reference.
        unsafe { std::ptr::from_mut(element).write_volatile(value) };
    }
}

struct ArrayScene {
    deed: Deed,
    folder: Folder,
    stage: Option<(Region, Mutex<[u64]>)>,
}

pub(super) fn change() -> Scenes {
    let scene = |deed| ArrayScene { deed, folder: Folder::new(), stage: None };
    [Deed::InPlace, Deed::Commit, Deed::StoreAndCommit, Deed::Drop]
        .into_iter()
        .map(|deed| (format!("{deed:?}"), Box::new(scene(deed)) as Box<dyn Scene>))
        .collect()
}

impl ArrayScene {
    fn look(&self, mutex: &Mutex<[u64]>, finished: bool) -> Result<(), (Verdict, String)> {
        match mutex.lock_timeout(patience()) {
            Ok(guard)
                if guard.iter().any(|value| *value != guard[0]) || !self.deed.states(finished).contains(&guard[0]) =>
            {
                return Err((Verdict::TORN, format!("{:?} without a mark", &*guard)));
            }
            Ok(_) => {}
            Err(LockTimeoutError::OwnerDied(mut guard)) if self.deed == Deed::InPlace && !finished => {
                guard.fill(STATES[0]);
                guard.mark_consistent().expect("our own handle");
            }
            Err(error) => return Err((Verdict::WEDGED, format!("the survivor: {error}"))),
        }
        // Everybody goes on, a newcomer included.
        let newcomer: Mutex<[u64]> = self.folder.open().mutex_array(NAME).open().expect("the mutex opens");
        for mutex in [mutex, &newcomer] {
            let mut change = mutex.lock_transaction().map_err(|error| (Verdict::WEDGED, without(error)))?;
            change[LEN - 1] += 1;
            change.commit().expect("our own handle");
        }
        let guard = mutex.lock().map_err(|error| (Verdict::WEDGED, without(error)))?;
        if guard[LEN - 1] == guard[0] + 2 { Ok(()) } else { Err((Verdict::LOST, format!("{:?}", &*guard))) }
    }
}

fn without<G>(error: LockError<G>) -> String {
    error.without_guard().to_string()
}

impl Scene for ArrayScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let region = self.folder.create();
        let mutex = region.mutex_array(NAME).len(LEN).initial(STATES[0]).create().expect("the mutex is created");
        let (folder, deed) = (&self.folder, self.deed);
        let victim = Victim::fork(|gate| {
            let mutex = folder.open().mutex_array(NAME).open().expect("the mutex opens");
            gate.begin();
            deed.run(&mutex);
            gate.end();
        });
        self.stage = Some((region, mutex));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, mutex)) = self.stage.take() else { return Verdict::CLEAN };
        self.look(&mutex, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
