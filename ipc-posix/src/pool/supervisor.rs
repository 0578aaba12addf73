//! The thread that has a pool's worker processes: it starts them, sees their ends, keeps the time limit, and ends them.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::desk::{Desk, Phase, Shared};
use super::error::CallError;
use super::guests;
use super::output::Output;
use super::parcel::Counter;
use super::worker::{self, Doing, Initializer, Row};
use crate::clock;
use crate::process::descriptors::Luggage;
use crate::process::{self, Descriptor, Process, SpawnError};

/// The longest sleep. Then all is checked, whatever was heard.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest sleep where the system gives no descriptors of processes, or an end has to be seen soon.
const SHORT_PAUSE: Duration = Duration::from_millis(10);
/// How often the time limit is checked in its course.
const LOOKS: u32 = 8;

/// How workers are started, and when they are ended.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) initializer: Option<Initializer>,
    /// What goes with its arguments.
    pub(super) luggage: Arc<Luggage>,
    pub(super) init_limit: Duration,
    pub(super) time_limit: Option<Duration>,
    pub(super) max_result: usize,
    pub(super) max_failure: usize,
    pub(super) most_calls: u64,
    pub(super) most_memory: u64,
    pub(super) most_failures: u32,
    pub(super) backtrace: bool,
    pub(super) program: Option<PathBuf>,
    /// Where workers print, if lines are to be whole.
    pub(super) output: Option<Output>,
}

/// A worker's process.
struct Worker {
    process: Process<()>,
    /// Where it asks for open descriptors, until it closes that.
    counter: Option<Counter>,
    begun: Instant,
    /// Whether it was seen behind its initializer.
    ready: bool,
    /// Why it was killed by this thread.
    verdict: Option<String>,
}

pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) plan: Plan,
    workers: Vec<Option<Worker>>,
    /// Starts that failed, one behind the other.
    failures: u32,
    bell: UnixStream,
}

impl Supervisor {
    /// Starts all workers. If one cannot be started, those before it are killed.
    pub(super) fn start(shared: Arc<Shared>, plan: Plan, bell: UnixStream) -> Result<Self, SpawnError> {
        let (workers, count) = ((0..shared.own).map(|_| None).collect(), shared.desk().wanted);
        let mut supervisor = Supervisor { shared, plan, workers, failures: 0, bell };
        for index in 0..count {
            if let Err(error) = supervisor.spawn(index) {
                supervisor.kill_all();
                return Err(error);
            }
        }
        Ok(supervisor)
    }

    fn spawn(&mut self, index: usize) -> Result<(), SpawnError> {
        let (shared, plan) = (&self.shared, &self.plan);
        shared.row(index).begin(Doing::Starting);
        let name = format!("{} worker {index}", plan.name);
        let room = plan.initializer.as_ref().map_or(0, |(name, _, args, _)| name.len() + args.len());
        let mut options = process::options().name(name).daemon().max_args(room + 4096).max_result(64);
        if plan.backtrace {
            options = options.backtrace();
        }
        if let Some(program) = &plan.program {
            options = options.program(program);
        }
        let [max_result, max_failure] = [plan.max_result, plan.max_failure].map(|bytes| bytes as u64);
        let limits = (index as u64, max_result, max_failure, plan.most_calls, plan.most_memory);
        let (counter, window) = Counter::new(&plan.luggage).map_err(SpawnError::Descriptors)?;
        let objects = (shared.jobs.clone(), shared.notes.clone(), shared.board.clone());
        let args = (objects, limits, plan.initializer.clone(), Descriptor::from(window));
        let output = plan.output.as_ref().map(Output::pipes).transpose().map_err(SpawnError::Descriptors)?;
        let process = options.spawn_printing_to(output, worker::work, args)?;
        let mut desk = shared.desk();
        desk.workers[index].pid = Some(process.pid());
        desk.workers[index].starts += 1;
        drop(desk);
        self.workers[index] =
            Some(Worker { process, counter: Some(counter), begun: Instant::now(), ready: false, verdict: None });
        Ok(())
    }

    /// Until the pool is over, or closed and all is done.
    pub(super) fn run(mut self) {
        while self.round() {
            self.sleep();
        }
        self.kill_all();
        if let Some(guests) = &self.shared.guests {
            guests.end();
            // Those that wait for a call need not wait for their pause.
            let _ = self.shared.jobs.close();
        }
        let mut desk = self.shared.desk();
        self.shared.end(&mut desk, CallError::Closed, false);
    }

    /// What is done between two sleeps. Returns whether there is another one.
    pub(super) fn round(&mut self) -> bool {
        let mut desk = self.shared.desk();
        let unwanted = std::mem::take(&mut desk.unwanted);
        let phase = desk.phase.clone();
        drop(desk);
        if matches!(phase, Phase::Over(_)) {
            return false;
        }
        for index in unwanted {
            self.kill(index, "a call was cancelled");
        }
        self.hand_out();
        self.keep_time();
        // Both: the order of looks is no matter.
        if self.reap() | self.see_guests() {
            // An error: the system does not say who is dead, now. A thread that waits in the queue asks again.
            let _ = self.shared.region.recover();
        }
        self.shared.look();
        // What it found may have been the last call.
        let desk = self.shared.desk();
        let (closed, open) = (matches!(desk.phase, Phase::Closed), desk.open());
        drop(desk);
        if closed && open == 0 && self.workers.iter().all(Option::is_none) {
            return false;
        }
        if !closed || open > 0 {
            self.replace();
        }
        true
    }

    /// Answers workers that ask for open descriptors.
    fn hand_out(&mut self) {
        for worker in self.workers.iter_mut().flatten() {
            // Closed: it has ended, or does not want to ask any more.
            worker.counter.take_if(|counter| counter.answer(|call| self.shared.desk().luggage(call)).is_err());
        }
    }

    /// Starts a process for each worker that has none.
    fn replace(&mut self) {
        let wanted = self.shared.desk().wanted;
        for index in 0..wanted {
            if self.workers[index].is_none()
                && let Err(error) = self.spawn(index)
            {
                self.fail(Arc::new(error));
                break;
            }
        }
    }

    /// Notes that a start has failed. Too many in a row are the end of the pool.
    fn fail(&mut self, last: Arc<dyn std::error::Error + Send + Sync>) {
        self.failures += 1;
        if self.failures >= self.plan.most_failures {
            let mut desk = self.shared.desk();
            self.shared.end(&mut desk, CallError::Stopped { failures: self.failures, last }, false);
        }
    }

    /// Kills workers that take too long, for a task or for their initializer.
    fn keep_time(&mut self) {
        let now = clock::now();
        for index in 0..self.workers.len() {
            let Some(worker) = &mut self.workers[index] else { continue };
            let row = self.shared.row(index);
            let doing = row.doing();
            match (doing, self.plan.time_limit) {
                (Doing::Starting | Doing::Initializing, _) => {
                    if worker.begun.elapsed() >= self.plan.init_limit {
                        let limit = self.plan.init_limit;
                        self.kill(index, &format!("its start and its initializer took longer than {limit:?}"));
                    }
                    continue;
                }
                (Doing::Running(call), Some(limit)) => {
                    let begun = ipc_core::Instant::from_nanos(row.since());
                    let pid = worker.process.pid();
                    // From then on it answers nothing, and begins with nothing.
                    if now.saturating_since(begun) >= limit && row.turn(doing, Doing::Revoked(call)) {
                        let mut desk = self.shared.desk();
                        let task = desk.task(call).unwrap_or_default();
                        let error = CallError::TimeLimit { task, limit, pid, killed: true };
                        self.shared.finish(&mut desk, call, Err(error), false);
                        drop(desk);
                        self.kill(index, "a task took too long");
                    }
                }
                _ => {}
            }
            if let Some(worker) = &mut self.workers[index]
                && !worker.ready
            {
                worker.ready = true;
                self.failures = 0;
            }
        }
    }

    fn kill(&mut self, index: usize, why: &str) {
        if let Some(Some(worker)) = self.workers.get_mut(index) {
            worker.verdict.get_or_insert_with(|| why.to_owned());
            // It is refused only for a process that acts for another user by now.
            let _ = worker.process.kill();
        }
    }

    /// Sees which workers have ended. Returns whether there are some.
    fn reap(&mut self) -> bool {
        let mut some = false;
        for index in 0..self.workers.len() {
            let ended = self.workers[index].as_mut().is_some_and(|worker| !worker.process.is_alive());
            if let Some(worker) = self.workers[index].take_if(|_| ended) {
                some = true;
                self.bury(index, worker);
            }
        }
        some
    }

    fn bury(&mut self, index: usize, mut worker: Worker) {
        let (pid, ended) = (worker.process.pid(), worker.process.exit_status());
        let doing = self.shared.row(index).doing();
        self.shared.desk().workers[index].pid = None;
        match doing {
            Doing::Starting | Doing::Initializing => {
                let result = worker.process.join();
                let last: Arc<dyn std::error::Error + Send + Sync> = match (worker.verdict, result) {
                    (Some(why), _) => Arc::new(io::Error::other(why)),
                    (None, Err(error)) => Arc::new(error),
                    (None, Ok(())) => Arc::new(io::Error::other("it has ended")),
                };
                self.fail(last);
            }
            Doing::Running(call) | Doing::Answering(call) => {
                self.failures = 0;
                self.shared.mourn(call, pid, ended);
            }
            Doing::Waiting | Doing::Revoked(_) | Doing::Leaving => self.failures = 0,
        }
    }

    /// Until something happens, or it is time to look.
    fn sleep(&mut self) {
        let mut wanted = vec![poll_of(&self.bell)];
        let mut pause = PAUSE;
        if let Some(limit) = self.plan.time_limit {
            pause = pause.min((limit / LOOKS).max(Duration::from_millis(1)));
        }
        if self.shared.guests.as_ref().is_some_and(|guests| guests.count() > 0) {
            pause = pause.min(guests::PAUSE);
        }
        for worker in self.workers.iter().flatten() {
            match worker.process.descriptor() {
                Some(process) => wanted.push(poll_of(&process)),
                None => pause = pause.min(SHORT_PAUSE),
            }
            wanted.extend(worker.counter.as_ref().map(poll_of));
            if !worker.ready {
                pause = pause.min(self.plan.init_limit.saturating_sub(worker.begun.elapsed()).max(SHORT_PAUSE));
            }
        }
        // Starts that the system has refused: later and later.
        let missing = self.workers[..self.shared.desk().wanted].iter().any(Option::is_none);
        if missing {
            pause = pause.min(SHORT_PAUSE * (1 << self.failures.min(6)));
        }
        let milliseconds = i32::try_from(pause.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        // SAFETY: the length is that of the entries, which live until the call is over.
        unsafe { libc::poll(wanted.as_mut_ptr(), wanted.len() as libc::nfds_t, milliseconds) };
        let mut bytes = [0; 64];
        while self.bell.read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
    }

    /// Ends all workers and waits for their ends.
    fn kill_all(&mut self) {
        for index in 0..self.workers.len() {
            self.kill(index, "the pool was terminated");
        }
        for worker in self.workers.iter_mut().filter_map(Option::take) {
            let _ = worker.process.join();
        }
        let mut desk = self.shared.desk();
        desk.workers.iter_mut().for_each(|worker| worker.pid = None);
    }
}

pub(super) fn poll_of(descriptor: &impl AsFd) -> libc::pollfd {
    libc::pollfd { fd: descriptor.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 }
}

/// What a worker does, for people.
pub(super) fn activity(row: &Row<'_>, desk: &Desk, has_process: bool) -> super::Activity {
    use super::Activity;
    let task = |call| desk.task(call).unwrap_or_default();
    match row.doing() {
        _ if !has_process => Activity::Gone,
        Doing::Starting | Doing::Initializing => Activity::Starting,
        Doing::Waiting => Activity::Idle,
        Doing::Running(call) | Doing::Answering(call) => Activity::Running { task: task(call) },
        Doing::Revoked(_) | Doing::Leaving => Activity::Gone,
    }
}
