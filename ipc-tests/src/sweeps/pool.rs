//! Pools: a worker is killed while it joins, serves a call, and leaves; a pool's process while it starts the pool. Each call has one outcome,
//! and the right one. In a pair, a worker
//! is stopped at each of its instructions, and its call is given up.
//!
//! Workers are guests, so that they are processes of the sweep. The pool's process is the survivor: its supervisor has no thread, and does its
//! rounds when it is told to.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ipc_posix::pool::{self, Activity, Call, CallError, PoolOptions, SteppedPool, WorkerError, WorkerStats};
use ipc_posix::{ByteWorkQueue, Queue, Region};

use super::play::{self, Finding, Play, demand, granted};
use super::stage::{self, Folder, Helper, Note, Page};
use super::{Scenes, couple, patience};
use crate::stepper::{PairPoint, Verdict};

const NAME: &str = "pool";
/// The number that the call of interest squares.
const NINE: u64 = 9;
const CAPACITY: usize = 4;

thread_local! {
    /// Notes of the processes of a sweep: they are copies of its thread. `Moved`: how often the task of the call of interest has begun. `Other`: the
    /// process that it has begun in last, or that is to be killed. `Held`: the helper is ready. `Stop`: the task does not return.
    static NOTES: Page = Page::new();
}

fn note(of: Note) -> u64 {
    NOTES.with(|notes| notes.get(of))
}

fn set(of: Note, value: u64) {
    NOTES.with(|notes| notes.set(of, value));
}

fn square(number: u64) -> u64 {
    if number == NINE {
        set(Note::Moved, note(Note::Moved) + 1);
    }
    if note(Note::Stop) != 0 {
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(0) }
    }
    number * number
}
ipc_posix::task!(square);

fn prepare(number: u64) {
    assert_eq!(number, 1);
}
ipc_posix::task!(prepare);

/// What the victim does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Serves a call that others may try again.
    Serve,
    /// Serves a call that nobody tries again.
    ServeLast,
    /// Serves a call whose last attempt it is. The worker before it was killed.
    ServeSecond,
    Join,
    /// Joins a pool that has an initializer.
    JoinInitializer,
    /// Ends behind the death of the pool's process, and removes its name.
    Orphan,
    /// Starts a pool, and ends it.
    Start,
    /// Starts a pool whose name is a dead one's.
    StartAgain,
}

pub(super) fn serve() -> Scenes {
    play::scenes(&[Deed::Serve, Deed::ServeLast, Deed::ServeSecond])
}

pub(super) fn join() -> Scenes {
    play::scenes(&[Deed::Join, Deed::JoinInitializer])
}

pub(super) fn orphan() -> Scenes {
    play::scenes(&[Deed::Orphan])
}

pub(super) fn start() -> Scenes {
    play::scenes(&[Deed::Start, Deed::StartAgain])
}

/// A pool, as the survivor or a worker has it.
pub(super) struct Objects {
    folder: PathBuf,
    /// The survivor's, with the call that the victim serves.
    pool: Option<(SteppedPool, Option<Call<u64>>)>,
    /// The pool's process, if that is not the survivor.
    helper: Option<Helper>,
    /// Another one that has the region open: the last one does not leave with the victim.
    other: Option<Region>,
}

fn path_of(folder: &Folder) -> PathBuf {
    folder.file().parent().expect("it is in a folder").to_owned()
}

fn options(folder: &Path) -> PoolOptions {
    pool::options().shared_as(NAME).dir(folder).workers(0).guests(1).capacity(CAPACITY).max_args(8).max_result(8)
}

/// Joins the pool as a guest, and serves this many calls at most, as long as `go_on` says so.
fn work(folder: &Path, calls: u64, go_on: impl FnMut() -> bool) -> Result<u64, WorkerError> {
    pool::worker(NAME).dir(folder).calls(calls).run_while(go_on)
}

/// Does so, for as long as a survivor has.
fn work_soon(folder: &Path, calls: u64) -> Result<(), Finding> {
    let start = Instant::now();
    let served = granted("a survivor serves", work(folder, calls, || start.elapsed() < patience()))?;
    demand(served == calls, Verdict::LOST, || format!("a survivor has served {served} calls of {calls}"))
}

/// A process that makes the pool, and waits for its death.
fn parent(folder: &Path) -> Helper {
    let helper = Helper::fork(|| {
        let _pool = options(folder).start_stepped().expect("the pool starts");
        set(Note::Held, 1);
        loop {
            stage::pause();
        }
    });
    assert!(stage::comes_true(|| note(Note::Held) == 1), "the other pool starts");
    helper
}

/// A process that takes a call, and dies in its task.
fn die_in_task(folder: &Path) -> u64 {
    set(Note::Stop, 1);
    let helper = Helper::fork(|| drop(work(folder, 1, || true)));
    let pid = helper.pid() as u64;
    assert!(helper.join(), "the helper dies as planned");
    set(Note::Stop, 0);
    pid
}

/// The guest that has the only place.
fn guest(pool: &SteppedPool) -> Option<WorkerStats> {
    pool.stats().workers.pop()
}

/// What was killed is known: the place is free, and no call is with the dead.
fn settle(pool: &mut SteppedPool) -> Result<(), Finding> {
    demand(pool.round(), Verdict::WEDGED, || "the supervisor ends".to_owned())?;
    demand(guest(pool).is_none(), Verdict::LOST, || format!("a dead guest has its place: {:?}", pool.stats()))
}

fn outcome(call: &mut Call<u64>) -> Result<Result<u64, CallError>, Finding> {
    match call.get_timeout(patience()) {
        Err(CallError::NotReady) => Err((Verdict::LOST, "a call has no outcome".to_owned())),
        outcome => Ok(outcome),
    }
}

fn nine(outcome: &Result<u64, CallError>) -> bool {
    matches!(outcome, Ok(number) if *number == NINE * NINE)
}

/// Calls go round, and all memory is there. There have been `calls` calls.
fn go_round(pool: &mut SteppedPool, folder: &Path, calls: usize) -> Result<(), Finding> {
    let region = granted("a survivor opens the region", Region::options().dir(folder).open(NAME))?;
    let jobs: ByteWorkQueue = granted("a survivor opens the jobs", region.byte_work_queue("jobs").open())?;
    let notes: Queue<u64> = granted("a survivor opens the notes", region.queue("notes").open())?;
    demand(notes.len() <= calls, Verdict::DUPLICATED, || format!("{} notes", notes.len()))?;
    for _ in 0..2 {
        let calls =
            [3, 4].map(|number| pool.submit(square, number).map_err(|error| (Verdict::LOST, error.to_string())));
        work_soon(folder, 2)?;
        demand(pool.round() && guest(pool).is_none(), Verdict::WEDGED, || format!("{:?}", pool.stats()))?;
        for (call, number) in calls.into_iter().zip([3, 4]) {
            let outcome = outcome(&mut call?)?;
            demand(matches!(outcome, Ok(result) if result == number * number), Verdict::LOST, || {
                format!("{outcome:?}")
            })?;
        }
    }
    let stats = jobs.stats();
    let idle = (stats.leased, stats.answered, jobs.len(), pool.stats().calls) == (0, 0, 0, 0);
    demand(idle, Verdict::TORN, || format!("{stats:?}, {:?}", pool.stats()))?;
    let room = std::iter::from_fn(|| jobs.try_send(b"").ok()).count();
    while let Ok(lease) = jobs.try_recv() {
        granted("a survivor takes back", lease.done())?;
    }
    demand(room == CAPACITY, Verdict::LOST, || format!("room for {room} calls"))
}

impl Deed {
    fn options(self, folder: &Path) -> PoolOptions {
        let options = options(folder);
        match self {
            Deed::ServeLast => options.attempts(1),
            Deed::ServeSecond => options.attempts(2),
            Deed::JoinInitializer => options.initializer(prepare, 1),
            _ => options,
        }
    }

    /// What has become of the call that the victim had perhaps.
    fn judge(
        self,
        pool: &mut SteppedPool,
        mut call: Call<u64>,
        folder: &Path,
        finished: bool,
        first: u64,
    ) -> Result<(), Finding> {
        // What the victim has said of itself; it has died since.
        let said = guest(pool).filter(|guest| matches!(guest.activity, Activity::Running { .. }));
        settle(pool)?;
        let ready = call.is_ready();
        demand(ready || !finished, Verdict::LOST, || "a served call has no outcome".to_owned())?;
        let begun_before = note(Note::Moved);
        if !ready {
            let last = self == Deed::ServeLast || self == Deed::ServeSecond;
            demand(!last || said.is_none(), Verdict::LOST, || "a call that was given up has no outcome".to_owned())?;
            work_soon(folder, 1)?;
            settle(pool)?;
        }
        let begun = note(Note::Moved) - begun_before;
        demand(begun == u64::from(!ready), Verdict::DUPLICATED, || format!("begun {begun} times, ready: {ready}"))?;
        let outcome = outcome(&mut call)?;
        let right = match (self, &outcome) {
            (_, Ok(_)) => nine(&outcome),
            (Deed::Serve, Err(_)) => false,
            (_, Err(CallError::WorkerDied { attempts, pid, ended: None, .. })) => {
                let of_this = said.and_then(|guest| guest.pid);
                let tries = if self == Deed::ServeLast { 1 } else { 2 };
                !finished && *attempts == tries && *pid == of_this && of_this.map(u64::from) != Some(first)
            }
            (_, Err(_)) => false,
        };
        demand(right, Verdict::LOST, || format!("{outcome:?}, {finished}, the one before was {first}"))
    }
}

impl Play for Deed {
    type Objects = Objects;

    fn create(self, folder: &Folder) -> Objects {
        folder.clear();
        NOTES.with(Page::clear);
        let folder = path_of(folder);
        if self == Deed::Orphan {
            let helper = parent(&folder);
            set(Note::Other, helper.pid() as u64);
            let other = Region::options().dir(&folder).open(NAME).expect("the region opens");
            return Objects { folder, pool: None, helper: Some(helper), other: Some(other) };
        }
        if self == Deed::StartAgain {
            // Killed.
            drop(parent(&folder));
        }
        if matches!(self, Deed::Start | Deed::StartAgain) {
            return Objects { folder, pool: None, helper: None, other: None };
        }
        let mut pool = self.options(&folder).start_stepped().expect("the pool starts");
        let joins = matches!(self, Deed::Join | Deed::JoinInitializer);
        let call = (!joins).then(|| pool.submit(square, NINE).expect("there is room"));
        if self == Deed::ServeSecond {
            set(Note::Other, die_in_task(&folder));
            assert!(pool.round() && guest(&pool).is_none(), "the earlier worker is seen dead");
        }
        Objects { folder, pool: Some((pool, call)), helper: None, other: None }
    }

    fn open(self, folder: &Folder) -> Objects {
        Objects { folder: path_of(folder), pool: None, helper: None, other: None }
    }

    fn act(self, Objects { folder, .. }: &Objects, begin: &mut dyn FnMut()) {
        match self {
            Deed::Serve | Deed::ServeLast | Deed::ServeSecond => {
                let mut begin = Some(begin);
                let served = work(folder, 1, || {
                    begin.take().into_iter().for_each(|begin| begin());
                    true
                });
                _ = std::hint::black_box(served);
            }
            Deed::Join | Deed::JoinInitializer => {
                begin();
                _ = std::hint::black_box(work(folder, 1, || false));
            }
            Deed::Orphan => {
                let served = work(folder, 1, || {
                    let parent = note(Note::Other) as libc::pid_t;
                    // SAFETY: no memory is passed.
                    unsafe { libc::kill(parent, libc::SIGKILL) };
                    assert!(stage::comes_true(|| stage::is_dead(parent)), "the pool's process dies");
                    begin();
                    false
                });
                _ = std::hint::black_box(served);
            }
            Deed::Start | Deed::StartAgain => {
                begin();
                drop(std::hint::black_box(options(folder).start_stepped()));
            }
        }
    }

    fn look(self, objects: Objects, folder: &Folder, finished: bool, _: u64) -> Result<(), Finding> {
        let Objects { folder: path, pool, helper, other } = objects;
        let mut pool = match pool {
            Some((mut pool, Some(call))) => {
                self.judge(&mut pool, call, &path, finished, note(Note::Other))?;
                pool
            }
            Some((mut pool, None)) => {
                settle(&mut pool)?;
                pool
            }
            None => {
                drop(helper);
                demand(!finished || folder.names().is_empty(), Verdict::TORN, || {
                    format!("a name without a pool: {:?}", folder.names())
                })?;
                let pool = granted("a survivor starts a pool", self.options(&path).start_stepped())?;
                drop(other);
                pool
            }
        };
        go_round(&mut pool, &path, 1)?;
        drop(pool);
        demand(folder.names().is_empty(), Verdict::TORN, || format!("left: {:?}", folder.names()))
    }
}

/// The first one serves a call, which is given up while it is stopped. The second one is killed while it sends a note, as a worker does that
/// has answered; but of a call that nobody has answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GiveUp;

/// What was seen when the call was given up.
#[derive(Debug, Clone, Copy)]
struct GivenUp {
    /// How often its task had begun.
    begun: u64,
    /// Whether a worker is known to run it.
    revoked: bool,
    /// Whether it had no outcome.
    open: bool,
}

/// A pool that two processes use.
pub(super) struct Both {
    folder: PathBuf,
    notes: Option<(Region, Queue<u64>)>,
    /// The survivor's, with calls.
    pool: RefCell<Option<(SteppedPool, Vec<Call<u64>>)>>,
    given_up: Cell<Option<GivenUp>>,
}

impl couple::Couple for GiveUp {
    type Objects = Both;

    fn make(self, folder: &Folder, new: bool) -> Both {
        let path = path_of(folder);
        if !new {
            let region = Region::options().dir(&path).open(NAME).expect("the region opens");
            let notes = region.queue("notes").open().expect("the queue opens");
            return Both {
                folder: path,
                notes: Some((region, notes)),
                pool: RefCell::default(),
                given_up: Cell::default(),
            };
        }
        folder.clear();
        NOTES.with(Page::clear);
        let pool = options(&path).start_stepped().expect("the pool starts");
        let calls = [NINE, 3, 4].map(|number| pool.submit(square, number).expect("there is room"));
        Both { folder: path, notes: None, pool: RefCell::new(Some((pool, calls.into()))), given_up: Cell::default() }
    }

    /// How many calls the first one has served.
    fn act(self, first: bool, Both { folder, notes, .. }: &Both, begin: &mut dyn FnMut()) -> u64 {
        if first {
            let mut begin = Some(begin);
            let served = work(folder, 1, || {
                begin.take().into_iter().for_each(|begin| begin());
                true
            });
            return served.unwrap_or(0);
        }
        let (_, notes) = notes.as_ref().expect("it is opened");
        begin();
        // The second call of the pool.
        _ = std::hint::black_box(notes.try_send(2));
        0
    }

    fn meanwhile(self, Both { pool, given_up, .. }: &Both) -> Result<(), Finding> {
        let mut pool = pool.borrow_mut();
        let (pool, calls) = pool.as_mut().expect("the survivor's");
        demand(pool.round(), Verdict::WEDGED, || "the supervisor ends".to_owned())?;
        let (begun, open) = (note(Note::Moved), calls[0].cancel());
        let revoked = guest(pool).is_some_and(|guest| guest.activity == Activity::Gone);
        given_up.set(Some(GivenUp { begun, revoked, open }));
        // Takes the note.
        let early = calls[1].get_timeout(Duration::from_micros(100));
        demand(matches!(early, Err(CallError::NotReady)), Verdict::TORN, || format!("an early outcome: {early:?}"))
    }

    fn afterwards(self, both: &Both, _: &Folder, point: PairPoint, result: u64) -> Result<(), Finding> {
        let Both { folder, pool, given_up, .. } = both;
        let (mut pool, calls) = pool.take().expect("the survivor's");
        settle(&mut pool)?;
        demand(result == 1, Verdict::LOST, || format!("the first one has served {result} calls, {point:?}"))?;
        let mut calls = calls.into_iter();
        if let (Some(mut call), Some(given_up)) = (calls.next(), given_up.get()) {
            let outcome = outcome(&mut call)?;
            let right = if given_up.open { matches!(outcome, Err(CallError::Cancelled)) } else { nine(&outcome) };
            let begun = note(Note::Moved) - given_up.begun;
            let right = right && (begun == 0 || (begun == 1 && given_up.open && given_up.revoked));
            demand(right, Verdict::TORN, || format!("{outcome:?}, {given_up:?}, begun {begun} times since"))?;
        }
        for (mut call, number) in calls.zip([3, 4]) {
            if !call.is_ready() {
                work_soon(folder, 1)?;
                settle(&mut pool)?;
            }
            let outcome = outcome(&mut call)?;
            demand(matches!(outcome, Ok(result) if result == number * number), Verdict::LOST, || {
                format!("{number}: {outcome:?}")
            })?;
        }
        go_round(&mut pool, folder, 4)
    }
}
