//! A worker that was started by hand: it joins a pool by its name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use ipc_core::Fault;

use super::error::WorkerError;
use super::rows::{self, Guests, Stage};
use super::worker::{self, Doing, Row, Service};
use crate::objects::Array;
use crate::process::panics;
use crate::region::{Region, RegionOptions};

/// How often a worker checks whether the pool's process lives.
const PAUSE: Duration = Duration::from_millis(200);
/// How long it waits between two checks of a pool that begins, and for how long if nothing says that it is one.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// A worker of another program's [`Pool`](super::Pool). Made by [`worker`](super::worker()).
///
/// ```standalone_crate
/// use ipc_posix::{pool, process, task};
///
/// fn square(number: u64) -> u64 {
///     number * number
/// }
/// task!(square);
///
/// fn main() -> Result<(), ipc_posix::Error> {
///     process::init();
///     # let name = format!("doc-worker-{}", std::process::id());
///     # let name = name.as_str();
///     let pool = pool::options().shared_as(name).workers(0).start()?;
///     // As a rule in another program, perhaps in another container:
///     let by_hand = std::thread::spawn({
///         let worker = pool::worker(name).calls(10);
///         move || worker.run()
///     });
///     assert_eq!(pool.map_with(1, square, 0..10)?[9], 81);
///     assert_eq!(by_hand.join().unwrap()?, 10);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until run"]
pub struct WorkerOptions {
    pool: String,
    directory: Option<PathBuf>,
    calls: u64,
    wait: Option<Duration>,
}

impl WorkerOptions {
    pub(super) fn new(pool: &str) -> Self {
        WorkerOptions { pool: pool.to_owned(), directory: None, calls: 0, wait: None }
    }

    /// Sets the directory of the pool's region: that of [`PoolOptions::dir`](super::PoolOptions::dir), wherever it is mounted here.
    pub fn dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Ends after this number of calls. Default, also for 0: with the pool.
    pub fn calls(mut self, most: u64) -> Self {
        self.calls = most;
        self
    }

    /// Waits for the pool for at most this time. Default: it has to be there.
    pub fn wait(mut self, most: Duration) -> Self {
        self.wait = Some(most);
        self
    }

    /// Takes calls of the pool, on this thread, until the pool is closed or terminated, or its process is gone. Returns how many it took. The
    /// process may be killed at any moment: its task goes to another worker.
    ///
    /// The pool's [`initializer`](super::PoolOptions::initializer) is called first. Panics of tasks are caught. To say where they were, a
    /// panic hook is set once, which calls the one before it.
    ///
    /// # Errors
    ///
    /// [`NoPool`](WorkerError::NoPool); [`Tasks`](WorkerError::Tasks): this program does not have all the tasks of the pool's program;
    /// [`Full`](WorkerError::Full); [`Initializer`](WorkerError::Initializer); the region cannot be opened, or is damaged.
    pub fn run(self) -> Result<u64, WorkerError> {
        self.run_while(|| true)
    }

    /// Takes calls of the pool as [`run`](Self::run) does, as long as `go_on` says so: it is asked before each call, and five times a second
    /// while there is none.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn run_while(self, mut go_on: impl FnMut() -> bool) -> Result<u64, WorkerError> {
        let begun = Instant::now();
        let region = loop {
            match self.open() {
                Err(WorkerError::NoPool { .. }) if self.wait.is_some_and(|most| begun.elapsed() < most) => {
                    if !go_on() {
                        return Ok(0);
                    }
                    std::thread::sleep(SHORT_PAUSE * 10);
                }
                opened => break opened?,
            }
        };
        let guests = self.guests(&region)?;
        let result = self.serve(&region, &guests, go_on);
        if !region.is_usable() {
            // `go_on` or a task has called `fork`.
            return Err(WorkerError::Fault(Fault::Forked));
        }
        if !guests.has_parent() {
            guests.end();
        }
        result
    }

    fn options(&self) -> RegionOptions {
        let options = Region::options();
        self.directory.iter().fold(options, |options, directory| options.dir(directory))
    }

    fn no_pool(&self) -> WorkerError {
        WorkerError::NoPool { pool: self.pool.clone(), directory: self.directory.clone() }
    }

    /// The region of a pool whose process lives.
    fn open(&self) -> Result<Region, WorkerError> {
        let region = match self.options().open(&self.pool) {
            Err(error) if error.is_not_found() => return Err(self.no_pool()),
            opened => opened.map_err(WorkerError::Region)?,
        };
        let begun = Instant::now();
        loop {
            let is_pools = rows::is_pools(&region);
            let other = is_pools.is_none() && begun.elapsed() > PATIENCE;
            if is_pools == Some(false) || other {
                return Err(WorkerError::NotAPool { name: self.pool.clone() });
            }
            if !rows::has_parent(&region) {
                let removed = match is_pools {
                    Some(_) => region.membership().remove_name(),
                    None => region.membership().remove_if_last(),
                };
                // The next pool of that name removes it otherwise.
                drop(removed);
                return Err(self.no_pool());
            }
            match Guests::open(&region) {
                Ok(guests) if guests.stage() == Stage::Open => return Ok(region),
                Ok(guests) if guests.stage() == Stage::Over => return Err(self.no_pool()),
                Err(error) if !error.is_not_found() => return Err(WorkerError::Object(error)),
                _ => std::thread::sleep(SHORT_PAUSE),
            }
        }
    }

    fn guests(&self, region: &Region) -> Result<Guests, WorkerError> {
        Guests::open(region).map_err(WorkerError::Object)
    }

    fn serve(&self, region: &Region, guests: &Guests, mut go_on: impl FnMut() -> bool) -> Result<u64, WorkerError> {
        let pool = || self.pool.clone();
        let damaged = || WorkerError::NotAPool { name: pool() };
        let jobs = region.byte_work_queue("jobs").open().map_err(WorkerError::Object)?;
        let notes = region.queue("notes").open().map_err(WorkerError::Object)?;
        let board: Array<u64> = region.array("board").open().map_err(WorkerError::Object)?;
        let about = guests.about().map_err(WorkerError::Object)?;
        let (max_result, max_failure, backtrace, initializer, tasks) = about.ok_or_else(damaged)?;
        if let Some(differences) = differences(&tasks, &rows::tasks()) {
            return Err(WorkerError::Tasks { pool: pool(), differences });
        }
        let full = || WorkerError::Full { pool: pool(), guests: guests.len() };
        let guest = guests.join().ok_or_else(full)?;
        let place = Place { guests, board: &board, guest };
        let row = place.row().ok_or_else(damaged)?;
        static PLACES: Once = Once::new();
        PLACES.call_once(|| panics::note_places(backtrace));
        if let Some(initializer) = initializer {
            row.begin(Doing::Initializing);
            let done = worker::initialize(initializer, None);
            done.map_err(|reason| WorkerError::Initializer { pool: pool(), reason })?;
        }
        let (mut looked, mut served) = (Instant::now(), 0);
        let goes_on = |calls| {
            served = calls;
            // A task may have called `fork`.
            if !region.is_usable() {
                return false;
            }
            if looked.elapsed() >= PAUSE {
                looked = Instant::now();
                if !guests.has_parent() {
                    return false;
                }
            }
            guests.stage() == Stage::Open && (self.calls == 0 || calls < self.calls) && go_on() && region.is_usable()
        };
        let service = Service { jobs: &jobs, notes: &notes, window: None, row, max_result, max_failure };
        service.run(PAUSE, goes_on, || ()).map_err(WorkerError::Fault)?;
        Ok(served)
    }
}

/// A place among the guests. Dropped, it is free again.
struct Place<'a> {
    guests: &'a Guests,
    board: &'a Array<u64>,
    guest: usize,
}

impl<'a> Place<'a> {
    fn row(&self) -> Option<Row<'a>> {
        self.guests.row(self.board, self.guest).map(|worker| Row { board: self.board, worker })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.board.region().is_usable() {
            return;
        }
        if let Some(row) = self.row() {
            row.begin(Doing::Leaving);
        }
        self.guests.leave(self.guest);
    }
}

/// What these tasks lack of those, for people.
fn differences(theirs: &[(String, u64)], ours: &[(String, u64)]) -> Option<String> {
    let missing = theirs.iter().filter(|task| !ours.contains(task));
    let mut texts: Vec<_> = missing
        .map(|(name, schema)| {
            let here = ours.iter().filter(|(other, _)| other == name).map(|(_, schema)| format!("schema {schema}"));
            let here: Vec<_> = here.collect();
            let here = if here.is_empty() { "no such task".to_owned() } else { here.join(", ") };
            format!("{name} (schema {schema} there, {here} here)")
        })
        .collect();
    texts.sort_unstable();
    (!texts.is_empty()).then(|| texts.join(", "))
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerError::NoPool { pool, directory: None } => write!(f, "there is no pool {pool:?}"),
            WorkerError::NoPool { pool, directory: Some(directory) } => {
                write!(f, "there is no pool {pool:?} in {}", directory.display())
            }
            WorkerError::NotAPool { name } => write!(f, "the region {name:?} is no pool's, or damaged"),
            WorkerError::Tasks { pool, differences } => {
                write!(f, "this program does not know all tasks of the pool {pool:?}: {differences}")
            }
            WorkerError::Full { pool, guests } => {
                write!(f, "the pool {pool:?} has its {guests} guests, as many as its option `guests` allows")
            }
            WorkerError::Initializer { pool, reason } => write!(f, "the pool {pool:?}: {reason}"),
            WorkerError::Region(error) => error.fmt(f),
            WorkerError::Object(error) => error.fmt(f),
            WorkerError::Fault(fault) => fault.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn tasks_are_compared_by_name_and_schema() {
        let list = |tasks: &[(&str, u64)]| tasks.iter().map(|(name, schema)| ((*name).to_owned(), *schema)).collect();
        let [theirs, ours]: [Vec<_>; 2] =
            [list(&[("a", 1), ("b", 2), ("c", 0)]), list(&[("c", 0), ("b", 1), ("d", 7)])];
        let text = "a (schema 1 there, no such task here), b (schema 2 there, schema 1 here)";
        assert_eq!(differences(&theirs, &ours).as_deref(), Some(text));
        assert_eq!(differences(&theirs[2..], &ours), None);
    }
}
