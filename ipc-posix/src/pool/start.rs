//! How a pool begins.

use std::num::NonZero;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::desk::{Parts, Shared};
use super::error::{CallError, PoolError};
use super::job::{FAILURE, FAILURE_WITH_BACKTRACE, HEAD, REPLY_HEAD};
use super::output::Output;
use super::rows::{self, Guests, Stage};
use super::supervisor::{Plan, Supervisor};
use super::{Pool, PoolOptions, worker};
use crate::fork::ForkGuard;
use crate::objects::{Array, ByteWorkQueue, Queue};
use crate::process::task;
use crate::region::{MemoryBarrier, Region};
use crate::sys::SignalsBlocked;

/// How many calls wait for each worker, unless something else is said.
const CALLS: usize = 8;
/// How many workers of other programs may join, unless something else is said.
const GUESTS: usize = 16;

/// A pool without workers and threads.
pub(super) struct Prepared {
    pub(super) shared: Arc<Shared>,
    pub(super) plan: Plan,
    /// The other end of the supervisor's bell.
    pub(super) heard: UnixStream,
    /// The thread that passes on what workers print.
    pub(super) passing: Option<JoinHandle<()>>,
}

impl PoolOptions {
    /// Starts the pool: its workers, and two threads in this process. Does not wait until the workers have begun.
    ///
    /// # Errors
    ///
    /// Why there is no pool. Then nothing is left of it.
    pub fn start(&self) -> Result<Pool, PoolError> {
        let Prepared { shared, plan, heard, passing } = self.prepare()?;
        let supervisor = Supervisor::start(Arc::clone(&shared), plan, heard).map_err(PoolError::Spawn)?;
        // Signals are for the program's own threads.
        let _blocked = SignalsBlocked::new();
        // If this one fails, the workers end with the pool's drop, which needs the other thread; so that comes second.
        let collecting = Arc::clone(&shared);
        let collector = thread::Builder::new().name("ipc-pool-collect".to_owned());
        let collector = collector.spawn(move || collecting.collect()).map_err(PoolError::Thread);
        let supervising = thread::Builder::new().name("ipc-pool".to_owned());
        let (hand, handed) = std::sync::mpsc::sync_channel::<Supervisor>(1);
        let supervising =
            supervising.spawn(move || handed.recv().map_or((), Supervisor::run)).map_err(PoolError::Thread);
        match (collector, supervising) {
            (Ok(collector), Ok(supervising)) => {
                let _ = hand.send(supervisor);
                let threads = Mutex::new(Some([supervising, collector]));
                Ok(Pool { shared, threads, callbacks: Mutex::new(None), output: Mutex::new(passing) })
            }
            (collector, supervising) => {
                shared.end(&mut shared.desk(), CallError::Terminated, false);
                supervisor.run();
                Err(collector.and(supervising).err().unwrap_or(PoolError::Thread(std::io::ErrorKind::Other.into())))
            }
        }
    }

    /// All of it but its workers and its threads.
    pub(super) fn prepare(&self) -> Result<Prepared, PoolError> {
        let workers = self.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
        let own = workers.max(self.most_workers);
        let guests = match (&self.shared_as, self.guests) {
            (Some(_), guests @ (None | Some(1..=400))) => Ok(guests.unwrap_or(GUESTS)),
            (None, None) => Ok(0),
            (None, _) => Err(("guests", "needs `shared_as`")),
            _ => Err(("guests", "is 1 to 400")),
        };
        let most = match own {
            _ if workers == 0 && self.shared_as.is_none() || workers > 400 => Err(("workers", "is 1 to 400")),
            ..=400 => Ok(()),
            _ => Err(("most_workers", "is at most 400")),
        };
        let room = match self.capacity {
            Some(capacity) if capacity == 0 || capacity > 1 << 19 => Err(("capacity", "is 1 to 2^19")),
            _ => Ok(()),
        };
        let attempts = if (1..64).contains(&self.attempts) { Ok(()) } else { Err(("attempts", "is 1 to 63")) };
        let lens = if self.max_args > 1 << 30 || self.max_result > 1 << 30 {
            Err(("max_args` and `max_result", "are at most 1 GiB"))
        } else {
            Ok(())
        };
        let refused = |(option, reason)| PoolError::Option { option, reason };
        most.and(room).and(attempts).and(lens).map_err(refused)?;
        let guests = guests.map_err(refused)?;
        let initializer = self.initializer.clone().transpose().map_err(PoolError::Initializer)?.unzip();
        if self.shared_as.is_some() && initializer.1.as_ref().is_some_and(|luggage| !luggage.is_empty()) {
            return Err(refused(("initializer", "has open files, which cannot go to workers of other programs")));
        }
        let home = ForkGuard::new().map_err(PoolError::Thread)?;

        let max_len = HEAD + task::longest_name() + self.max_args;
        // A chunk goes on until its results are as long as one may be, so there may be as much again.
        let max_failure = if self.backtrace { FAILURE_WITH_BACKTRACE } else { FAILURE };
        let max_reply = REPLY_HEAD + self.max_result + self.max_result.max(max_failure);
        let rows = own + guests;
        let capacity = self.capacity.unwrap_or(CALLS * rows);
        let leases = rows as u32 + 4;
        // A note for each block, and for those who nudge a leader.
        let notes = capacity + leases as usize + 64;
        let words = worker::board_words(rows);
        let mut sizes = vec![
            ByteWorkQueue::footprint(capacity, max_len, max_reply, leases),
            Queue::<u64>::footprint(notes),
            Array::<u64>::footprint(words),
        ];
        let tasks = if self.shared_as.is_some() { rows::tasks() } else { Vec::new() };
        let about = (self.max_result as u64, max_failure as u64, self.backtrace, initializer.0.clone(), tasks);
        let about = rows::written(&about);
        if self.shared_as.is_some() {
            sizes.extend(Guests::footprints(guests, &about));
        }
        // A worker that was killed keeps its place until its death is noticed.
        let options = Region::options().participants(2 * rows as u32 + 8).objects(3 + rows::OBJECTS).fit(&sizes);
        // The kernel registers a process with several threads for `membarrier` in some ten milliseconds, which is longer than all the rest
        // of a worker's start.
        let options = options.memory_barrier(MemoryBarrier::Fence);
        let (region, guests) = match &self.shared_as {
            None => (options.anonymous().map_err(PoolError::Region)?, None),
            Some(name) => {
                let options = self.directory.iter().fold(options, |options, directory| options.dir(directory));
                let region = rows::region(&options.remove_with_last(true), name)?;
                let guests = Guests::create(&region, guests, &about)?;
                (region, Some(guests))
            }
        };
        let jobs = region.byte_work_queue("jobs").capacity(capacity).max_len(max_len).max_reply(max_reply);
        let jobs = jobs.leases(leases).attempts(self.attempts).create().map_err(PoolError::Object)?;
        let notes = region.queue("notes").capacity(notes).create().map_err(PoolError::Object)?;
        let board = region.array("board").len(words).create().map_err(PoolError::Object)?;

        let (bell, heard) = UnixStream::pair().map_err(PoolError::Thread)?;
        bell.set_nonblocking(true).and(heard.set_nonblocking(true)).map_err(PoolError::Thread)?;
        let printing = if self.whole_lines { Some(Output::start().map_err(PoolError::Thread)?) } else { None };
        let (output, passing) = printing.unzip();
        let (max_args, program) = (self.max_args, self.program.clone());
        let parts = Parts { jobs, notes, board, region, bell, max_args, program, own, guests };
        worker::want(&parts.board, workers);
        let shared = Arc::new(Shared::new(home, parts));
        shared.desk().wanted = workers;
        if let Some(guests) = &shared.guests {
            guests.set_stage(Stage::Open);
        }
        let plan = Plan {
            name: self.name.clone(),
            initializer: initializer.0,
            luggage: initializer.1.unwrap_or_default(),
            init_limit: self.init_limit,
            time_limit: self.time_limit,
            max_result: self.max_result,
            max_failure,
            most_calls: self.calls_per_worker,
            most_memory: self.memory_per_worker,
            most_failures: self.failed_starts.max(1),
            backtrace: self.backtrace,
            program: self.program.clone(),
            output,
        };
        Ok(Prepared { shared, plan, heard, passing })
    }
}
