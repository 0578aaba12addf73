//! Objects in a living region: created or opened by a victim, while another may have died with the region's lock.

use ipc_posix::{ObjectErrorKind, Queue, Region};

use super::books::{Message, message};
use super::stage::{self, Deathbed, Folder, word_at};
use super::{Scene, Scenes, complain};
use crate::stepper::{Verdict, Victim};

const CAPACITY: usize = 4;
const OBJECT: &str = "object";
/// Where the region's lock lies in its file.
const LOCK_OFFSET: u64 = 56;

/// What came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Nothing,
    AnotherObject,
    /// A creator that died with the lock, before it wrote anything.
    DeadLocker,
    /// A creator that died with the lock, and has laid out everything but made nothing visible.
    DeadCreator,
    /// The object is there.
    Done,
}

struct ObjectScene {
    start: Start,
    opens: bool,
    folder: Folder,
    deathbed: Deathbed,
    stage: Option<(Region, u64)>,
}

fn scenes(opens: bool, starts: &[Start]) -> Scenes {
    let scene = |start| ObjectScene { start, opens, folder: Folder::new(), deathbed: None, stage: None };
    starts.iter().map(|start| (format!("{start:?}"), Box::new(scene(*start)) as Box<dyn Scene>)).collect()
}

pub(super) fn create() -> Scenes {
    scenes(false, &[Start::Nothing, Start::AnotherObject, Start::DeadLocker, Start::DeadCreator, Start::Done])
}

pub(super) fn open() -> Scenes {
    scenes(true, &[Start::Done])
}

fn make(region: &Region) -> Result<Queue<Message>, ipc_posix::ObjectError> {
    region.queue(OBJECT).capacity(CAPACITY).open_or_create()
}

fn footprint() -> u64 {
    Queue::<Message>::footprint(CAPACITY).bytes()
}

impl Scene for ObjectScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        let region = self.folder.create();
        if self.start == Start::AnotherObject {
            region.queue::<u8>("first").capacity(3).create().expect("the first object");
        }
        let free = region.free();
        let folder = &self.folder;
        if matches!(self.start, Start::DeadLocker | Start::DeadCreator) {
            let objects = region.size() - free;
            // A place before the dead one's, which the victim gets: it has to meet the lock and not the sweep.
            let filler = folder.open();
            let creator = || {
                Victim::fork(|gate| {
                    let region = folder.open();
                    gate.begin();
                    let made = make(&region);
                    gate.end();
                    made.expect("the object is created");
                })
            };
            let laid_out = self.start == Start::DeadCreator;
            stage::kill_when(creator, &mut self.deathbed, || {
                // The first word of an object says that it is complete.
                word_at(folder, LOCK_OFFSET) != 0 && (!laid_out || word_at(folder, objects) != 0)
            });
            drop(filler);
        }
        if self.start == Start::Done {
            make(&region).expect("the object is created");
        }
        self.stage = Some((region, free));
        let opens = self.opens;
        Victim::fork(|gate| {
            let region = folder.open();
            gate.begin();
            let made = if opens { region.queue::<Message>(OBJECT).open() } else { make(&region) };
            gate.end();
            made.expect("it is possible");
        })
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((region, free)) = self.stage.take() else { return Verdict::CLEAN };
        look(&region, free, finished || self.start == Start::Done, &self.folder).err().map_or(
            Verdict::CLEAN,
            |(verdict, what)| {
                complain(&what);
                verdict
            },
        )
    }
}

/// The object is whole or absent, and is made whole by the next creator at the same cost.
pub(super) fn look(region: &Region, free: u64, there: bool, folder: &Folder) -> Result<(), (Verdict, String)> {
    let wedged = |what: String| (Verdict::WEDGED, what);
    let torn = |what: String| (Verdict::TORN, what);
    let mut handles = Vec::new();
    match region.queue::<Message>(OBJECT).open() {
        Ok(queue) => handles.push(queue),
        Err(error) if matches!(error.kind(), ObjectErrorKind::NotFound) && !there => {}
        Err(error) => return Err(torn(format!("neither whole nor absent: {error}"))),
    }
    let left = free - if handles.is_empty() { 0 } else { footprint() };
    if region.free() != left {
        return Err(torn(format!("{} bytes are free, not {left}", region.free())));
    }
    handles.push(make(region).map_err(|error| wedged(error.to_string()))?);
    if region.free() != free - footprint() {
        return Err(torn(format!("{} bytes are free after all, not {}", region.free(), free - footprint())));
    }
    let other = folder.open();
    handles.push(make(&other).map_err(|error| wedged(error.to_string()))?);
    for (serial, (from, to)) in (1..).zip(handles.iter().zip(handles.iter().cycle().skip(1))) {
        from.try_send(message(serial)).map_err(|error| wedged(format!("try_send: {error:?}")))?;
        match to.try_recv() {
            Ok(got) if got == message(serial) => {}
            wrong => return Err(torn(format!("got {wrong:?}"))),
        }
    }
    region.queue::<u8>("next").capacity(3).create().map_err(|error| wedged(error.to_string()))?;
    // What is listed is found by its name, and listed once.
    let mut listed: Vec<String> = region.list().iter().map(|object| object.name.to_string()).collect();
    for name in &listed {
        region.queue_stats(name).map_err(|error| torn(format!("listed, but: {error}")))?;
    }
    let objects = listed.len();
    listed.dedup();
    if listed.len() != objects || !listed.iter().any(|name| name == OBJECT) || !listed.iter().any(|name| name == "next")
    {
        return Err(torn(format!("listed: {listed:?}")));
    }
    Ok(())
}
