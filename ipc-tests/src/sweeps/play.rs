//! A scene of one act: a process that does something to objects and is killed, perhaps somebody asleep who waits for what it
//! does, and a survivor that looks. What the modules of small objects fill in.

use super::stage::{self, Folder, Note, Page};
use super::{Scene, Scenes, complain};
use crate::stepper::{Verdict, Victim};

/// What went wrong: the verdict, and why.
pub(super) type Finding = (Verdict, String);

/// One act.
pub(super) trait Play: Copy + std::fmt::Debug + 'static {
    /// Handles of what it is played with.
    type Objects: 'static;

    /// Makes everything anew, with the survivor's handles.
    fn create(self, folder: &Folder) -> Self::Objects;

    /// Another process's handles.
    fn open(self, folder: &Folder) -> Self::Objects;

    /// What the victim does; the operation starts when it calls `begin`.
    fn act(self, objects: &Self::Objects, begin: &mut dyn FnMut());

    /// What somebody does who falls asleep over it before the operation starts: its result, not 0. `None`: nobody sleeps.
    fn sleeper(self) -> Option<fn(Self::Objects) -> u64> {
        None
    }

    /// After the kill: makes the sleeper go on by itself where the dead one had not done its deed.
    fn rouse(self, _objects: &Self::Objects) -> Result<(), Finding> {
        Ok(())
    }

    /// What the survivors find; `result` is the sleeper's, 0 if nobody slept.
    fn look(self, objects: Self::Objects, folder: &Folder, finished: bool, result: u64) -> Result<(), Finding>;
}

/// Nothing is wrong if the condition holds.
pub(super) fn demand(holds: bool, verdict: Verdict, what: impl FnOnce() -> String) -> Result<(), Finding> {
    if holds { Ok(()) } else { Err((verdict, what())) }
}

/// An answer that a survivor must get.
pub(super) fn granted<R, E: std::fmt::Display>(who: &str, answer: Result<R, E>) -> Result<R, Finding> {
    answer.map_err(|error| (Verdict::WEDGED, format!("{who}: {error}")))
}

/// What `drain` gets: as many messages as the object's length and emptiness said before, and none as they say afterwards.
pub(super) fn counted<M: std::fmt::Debug>(
    length: impl Fn() -> (usize, bool),
    drain: impl FnOnce() -> Vec<M>,
) -> Result<Vec<M>, Finding> {
    let before = length();
    let got = drain();
    let after = length();
    demand(before == (got.len(), got.is_empty()) && after == (0, true), Verdict::TORN, || {
        format!("{got:?}, but length and emptiness before and after: {before:?}, {after:?}")
    })?;
    Ok(got)
}

struct PlayScene<P: Play> {
    play: P,
    folder: Folder,
    page: Page,
    stage: Option<(P::Objects, Option<Victim>)>,
}

/// A scene of each of these.
pub(super) fn scenes<P: Play>(plays: &[P]) -> Scenes {
    let scene = |play| PlayScene { play, folder: Folder::new(), page: Page::new(), stage: None };
    plays.iter().map(|play| (format!("{play:?}"), Box::new(scene(*play)) as Box<dyn Scene>)).collect()
}

impl<P: Play> PlayScene<P> {
    fn look(&self, objects: P::Objects, sleeper: Option<Victim>, finished: bool) -> Result<(), Finding> {
        if let Some(mut sleeper) = sleeper {
            self.play.rouse(&objects)?;
            let woke = stage::comes_true(|| self.page.get(Note::Result) != 0);
            demand(woke, Verdict::WEDGED, || "the sleeper sleeps on".to_owned())?;
            granted("the sleeper", sleeper.finish())?;
        }
        self.play.look(objects, &self.folder, finished, self.page.get(Note::Result))
    }
}

impl<P: Play> Scene for PlayScene<P> {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let objects = self.play.create(&self.folder);
        let (play, folder, page) = (self.play, &self.folder, &self.page);
        let waits = play.sleeper();
        let victim = Victim::fork(|gate| {
            let objects = play.open(folder);
            play.act(&objects, &mut || {
                if waits.is_some() {
                    page.set(Note::Armed, 1);
                    while page.get(Note::Stop) == 0 {
                        stage::pause();
                    }
                }
                gate.begin();
            });
            gate.end();
        });
        let sleeper = waits.map(|wait| {
            assert!(stage::comes_true(|| page.get(Note::Armed) == 1), "the victim sets up");
            let sleeper = stage::asleep(|gate| {
                let objects = play.open(folder);
                gate.begin();
                page.set(Note::Result, wait(objects));
                gate.end();
            });
            page.set(Note::Stop, 1);
            sleeper
        });
        self.stage = Some((objects, sleeper));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((objects, sleeper)) = self.stage.take() else { return Verdict::CLEAN };
        self.look(objects, sleeper, finished).err().map_or(Verdict::CLEAN, |(verdict, what)| {
            complain(&what);
            verdict
        })
    }
}
