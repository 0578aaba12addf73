//! Reentrant mutexes: a holder is killed at every instruction between its first lock and its last unlock; the next one gets
//! the lock, at the first guard, and finds a value that somebody has set.

use ipc_posix::{LockTimeoutError, ReentrantMutex, Region};

use super::stage::Folder;
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

type Value = [u64; 4];
const MUTEX: &str = "mutex";
const BEFORE: Value = [1; 4];
const BETWEEN: Value = [2; 4];
const AFTER: Value = [3; 4];

struct ReentrantScene {
    tries: bool,
    folder: Folder,
    stage: Option<(Region, ReentrantMutex<Value>)>,
}

fn scenes(tries: bool) -> Scenes {
    let scene = ReentrantScene { tries, folder: Folder::new(), stage: None };
    vec![("twice".to_owned(), Box::new(scene) as Box<dyn Scene>)]
}

pub(super) fn lock() -> Scenes {
    scenes(false)
}

pub(super) fn try_lock() -> Scenes {
    scenes(true)
}

fn look(mutex: &ReentrantMutex<Value>, finished: bool) -> Result<(), (Verdict, String)> {
    let (guard, died) = match mutex.lock_timeout(patience()) {
        Ok(guard) => (guard, false),
        Err(LockTimeoutError::OwnerDied(guard)) => (guard, true),
        Err(error) => return Err((Verdict::WEDGED, error.to_string())),
    };
    let value = guard.get().expect("our own handle");
    let allowed: &[Value] = match (finished, died) {
        (true, _) => &[AFTER],
        (false, true) => &[BEFORE, BETWEEN, AFTER],
        // Before its first lock, or after its last unlock.
        (false, false) => &[BEFORE, AFTER],
    };
    if !allowed.contains(&value) || (finished && died) {
        return Err((Verdict::TORN, format!("{value:?}, died: {died}, finished: {finished}")));
    }
    guard.mark_consistent().unwrap();
    drop(guard);
    if mutex.is_locked() {
        return Err((Verdict::WEDGED, "the survivor's only guard does not unlock".to_owned()));
    }
    Ok(())
}

impl Scene for ReentrantScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let region = self.folder.create();
        let mutex = region.reentrant_mutex(MUTEX).initial(BEFORE).create().expect("the mutex is created");
        self.stage = Some((region, mutex));
        Victim::fork(|gate| {
            let mutex = self.folder.open().reentrant_mutex::<Value>(MUTEX).open().expect("the mutex opens");
            gate.begin();
            if self.tries {
                let first = mutex.try_lock().expect("a free lock");
                let second = mutex.try_lock().expect("our own lock");
                first.set(BETWEEN).expect("our own handle");
                second.set(AFTER).expect("our own handle");
            } else {
                let first = mutex.lock().expect("a free lock");
                let second = mutex.lock().expect("our own lock");
                second.set(BETWEEN).expect("our own handle");
                drop(second);
                first.set(AFTER).expect("our own handle");
            }
            gate.end();
        })
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, mutex)) = self.stage.take() else { return Verdict::CLEAN };
        look(&mutex, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
