//! Condition variables: a waiter or a notifier is killed at every instruction; waiters go on, and the lock is got.

use std::time::Duration;

use ipc_posix::{Condvar, Mutex, MutexGuard, Region};

use super::stage::{self, Folder, Note, Page};
use super::{Scene, Scenes, complain, patience};
use crate::stepper::{Verdict, Victim};

const MUTEX: &str = "mutex";
const CONDVAR: &str = "condvar";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Waits with a time limit, and nobody notifies.
    Wait,
    NotifyOne,
    NotifyAll,
}

struct CondvarScene {
    deed: Deed,
    folder: Folder,
    page: Page,
    stage: Option<(Objects, Option<Victim>)>,
}

struct Objects {
    _region: Region,
    mutex: Mutex<u64>,
    condvar: Condvar,
}

impl Objects {
    fn open(folder: &Folder) -> Self {
        let region = folder.open();
        let mutex = region.mutex(MUTEX).open().expect("the mutex opens");
        let condvar = region.condvar(CONDVAR).open().expect("the condition variable opens");
        Objects { _region: region, mutex, condvar }
    }

    fn create(folder: &Folder) -> Self {
        let region = folder.create();
        let mutex = region.mutex(MUTEX).create().expect("the mutex is created");
        let condvar = region.condvar(CONDVAR).create().expect("the condition variable is created");
        Objects { _region: region, mutex, condvar }
    }

    /// The lock, no matter which process died with it.
    fn lock(&self) -> Result<MutexGuard<'_, u64>, (Verdict, String)> {
        self.mutex.lock_timeout(patience()).or_else(|error| {
            let text = error.to_string();
            error.into_guard().inspect(|guard| guard.mark_consistent().unwrap()).ok_or((Verdict::WEDGED, text))
        })
    }

    /// Waits for a 1, and takes it.
    fn take(&self) -> Result<(), (Verdict, String)> {
        let waited = self.condvar.wait_timeout_while(self.lock()?, patience(), |stock| *stock == 0);
        let (mut guard, result) = match waited {
            Ok(pair) => pair,
            Err(error) => error.into_guard().ok_or((Verdict::WEDGED, "the lock".to_owned()))?,
        };
        if result.timed_out() {
            return Err((Verdict::WEDGED, "not woken".to_owned()));
        }
        guard.mark_consistent().unwrap();
        *guard = 0;
        Ok(())
    }
}

fn scenes(deeds: &[Deed]) -> Scenes {
    let scene = |deed| CondvarScene { deed, folder: Folder::new(), page: Page::new(), stage: None };
    deeds.iter().map(|deed| (format!("{deed:?}"), Box::new(scene(*deed)) as Box<dyn Scene>)).collect()
}

pub(super) fn wait() -> Scenes {
    scenes(&[Deed::Wait])
}

pub(super) fn notify() -> Scenes {
    scenes(&[Deed::NotifyOne, Deed::NotifyAll])
}

impl CondvarScene {
    fn look(&self, objects: &Objects, sleeper: Option<Victim>) -> Result<(), (Verdict, String)> {
        if let Some(mut sleeper) = sleeper {
            // There is a piece since before the victim's notification: the sleeper finds it, notified or not.
            if !stage::comes_true(|| self.page.get(Note::Result) != 0) {
                return Err((Verdict::WEDGED, "the sleeper sleeps on".to_owned()));
            }
            if self.page.get(Note::Result) != 1 {
                return Err((Verdict::WEDGED, "the sleeper took nothing".to_owned()));
            }
            sleeper.finish().map_err(|error| (Verdict::WEDGED, format!("the sleeper: {error}")))?;
        }
        // Everybody goes on, a newcomer included.
        let newcomer = Objects::open(&self.folder);
        if *objects.lock()? != 0 {
            return Err((Verdict::TORN, "a piece that nobody put there, or nobody took".to_owned()));
        }
        *newcomer.lock()? = 1;
        newcomer.condvar.notify_one().expect("our own handle");
        objects.take()
    }
}

impl Scene for CondvarScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let objects = Objects::create(&self.folder);
        let this = &*self;
        let victim = Victim::fork(|gate| {
            let objects = Objects::open(&this.folder);
            if this.deed == Deed::Wait {
                gate.begin();
                let guard = objects.mutex.lock().expect("a free lock");
                let _ = std::hint::black_box(objects.condvar.wait_timeout(guard, Duration::from_millis(1)));
                gate.end();
                return;
            }
            this.page.set(Note::Armed, 1);
            while this.page.get(Note::Stop) == 0 {
                stage::pause();
            }
            *objects.mutex.lock().expect("a free lock") = 1;
            gate.begin();
            let notified = match this.deed {
                Deed::NotifyOne => objects.condvar.notify_one(),
                _ => objects.condvar.notify_all(),
            };
            notified.expect("our own handle");
            gate.end();
        });
        let sleeper = (self.deed != Deed::Wait).then(|| {
            assert!(stage::comes_true(|| self.page.get(Note::Armed) == 1), "the victim sets up");
            let sleeper = stage::asleep(|gate| {
                let objects = Objects::open(&self.folder);
                gate.begin();
                let took = objects.take().is_ok();
                self.page.set(Note::Result, if took { 1 } else { 2 });
                gate.end();
            });
            self.page.set(Note::Stop, 1);
            sleeper
        });
        self.stage = Some((objects, sleeper));
        victim
    }

    fn check(&mut self, _finished: bool) -> Verdict {
        let Some((objects, sleeper)) = self.stage.take() else { return Verdict::CLEAN };
        self.look(&objects, sleeper).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
