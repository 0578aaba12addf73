//! The calls of a pool, in its parent's private memory: what is asked, and who gets the answer.
//!
//! Answers lie in the blocks of the queue of jobs. A worker that has answered sends the call's number as a note, to the thread that leads.
//!
//! A call leaves the table once, under the lock: with its answer, or as the supervisor finds it failed, or cancelled. What comes later
//! finds no call of its number. A call whose worker died between its answer and its note is found by the supervisor, which checks all
//! calls after a death, and twice a second.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use ipc_core::Fault;
use ipc_core::error::{TryAnswerError, TrySendBytesError};

use super::basket::{Outcome, Owner, Seat};
use super::error::CallError;
use super::job::Head;
use super::rows::Guests;
use super::stats::Seen;
use super::worker::{Doing, NO_WINDOW, Row, WORDS};
use super::writer::Job;
use crate::fork::ForkGuard;
use crate::objects::{Array, ByteWorkQueue, Queue, WorkTicket};
use crate::process::descriptors::Luggage;
use crate::region::Region;

/// How long a thread that finds no room for a job waits before it tries again, whatever it hears.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the thread for callbacks does.
pub(super) type Work = Box<dyn FnOnce() + Send>;

/// A call that is under way.
struct Record {
    ticket: WorkTicket<'static>,
    owner: Owner,
    task: &'static str,
    /// What goes beside its bytes.
    luggage: Option<Arc<Luggage>>,
    /// Whether a thread waits for it, or is going to.
    attended: bool,
    /// How many workers were seen dead that had it, and the last one.
    deaths: u32,
    death: Option<(u32, Option<ExitStatus>)>,
}

/// What has become of the pool.
#[derive(Clone)]
pub(super) enum Phase {
    Open,
    Closed,
    /// Its workers are killed, and all calls have this error.
    Over(CallError),
}

/// What is under the lock.
pub(super) struct Desk {
    calls: HashMap<u64, Record>,
    next: u64,
    pub(super) leading: bool,
    /// Those who sleep because somebody leads.
    pub(super) followers: Vec<Arc<Seat>>,
    pub(super) collector_sleeps: bool,
    /// Calls that nobody waits for.
    pub(super) unattended: usize,
    /// How many calls have left the table.
    pub(super) finished: u64,
    /// And how many of them for another reason than an answer.
    pub(super) failed: u64,
    pub(super) phase: Phase,
    /// Workers whose calls were cancelled.
    pub(super) unwanted: Vec<usize>,
    pub(super) workers: Vec<Seen>,
    /// How many of the pool's own workers there are to be.
    pub(super) wanted: usize,
    pub(super) callbacks: Option<mpsc::Sender<Work>>,
}

/// What all threads of a pool's parent share.
pub(super) struct Shared {
    pub(super) home: ForkGuard,
    // Its tickets are of the queue below, which is dropped later.
    desk: Mutex<Desk>,
    pub(super) collector: Seat,
    space: Arc<Seat>,
    pub(super) jobs: ByteWorkQueue,
    pub(super) notes: Queue<u64>,
    pub(super) board: Array<u64>,
    pub(super) region: Region,
    /// A byte wakes the supervisor.
    pub(super) bell: UnixStream,
    pub(super) max_args: usize,
    pub(super) program: Option<PathBuf>,
    /// How many workers the pool may have of its own.
    pub(super) own: usize,
    pub(super) guests: Option<Guests>,
}

/// What a pool's parent needs of its region.
pub(super) struct Parts {
    pub(super) jobs: ByteWorkQueue,
    pub(super) notes: Queue<u64>,
    pub(super) board: Array<u64>,
    pub(super) region: Region,
    pub(super) bell: UnixStream,
    pub(super) max_args: usize,
    pub(super) program: Option<PathBuf>,
    pub(super) own: usize,
    pub(super) guests: Option<Guests>,
}

/// A lock whose holder has panicked: what it guards is changed in single steps.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(home: ForkGuard, parts: Parts) -> Self {
        let Parts { jobs, notes, board, region, bell, max_args, program, own, guests } = parts;
        let desk = Desk {
            calls: HashMap::new(),
            next: 1,
            leading: false,
            followers: Vec::new(),
            collector_sleeps: false,
            unattended: 0,
            finished: 0,
            failed: 0,
            phase: Phase::Open,
            unwanted: Vec::new(),
            workers: vec![Seen::default(); board.len() / WORDS],
            wanted: 0,
            callbacks: None,
        };
        let (collector, space) = Default::default();
        let desk = Mutex::new(desk);
        Shared { home, desk, collector, space, jobs, notes, board, region, bell, max_args, program, own, guests }
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        locked(&self.desk)
    }

    pub(super) fn here(&self) -> Result<(), CallError> {
        if self.home.is_here() { Ok(()) } else { Err(Fault::Forked.into()) }
    }

    pub(super) fn row(&self, worker: usize) -> Row<'_> {
        Row { board: &self.board, worker }
    }

    /// Lets the supervisor check at once.
    pub(super) fn ring(&self) {
        // If there is no room for a byte, it is woken already.
        let _ = (&self.bell).write(&[1]);
    }

    /// Sends a job. Waits while there is no room. `owner` gets the answer.
    pub(super) fn send(
        &self,
        task: &'static str,
        job: &mut Job,
        owner: Owner,
        attended: bool,
    ) -> Result<u64, CallError> {
        // The iterator that the arguments come from may have called `fork`, while another thread had the desk.
        self.here()?;
        if job.luggage.is_some() && self.guests.is_some() {
            // Any worker may take it.
            return Err(CallError::Args { task, reason: NO_WINDOW.to_owned() });
        }
        // SAFETY: the tickets lie in `desk`, which is dropped before `jobs`, and `Shared` is never moved: it is made in an `Arc`. What
        // leaves the desk is dropped under its lock.
        let jobs: &'static ByteWorkQueue = unsafe { &*std::ptr::from_ref(&self.jobs) };
        let mut desk = self.desk();
        loop {
            match &desk.phase {
                Phase::Open => {}
                Phase::Closed => return Err(CallError::Closed),
                Phase::Over(error) => return Err(error.clone()),
            }
            let call = desk.next;
            desk.next += 1;
            let (count, parcel) = (job.count(), job.luggage.is_some());
            Head::number(&mut job.bytes, call, count, parcel);
            // Under the lock: its answer may be there before this returns.
            match jobs.try_call(&job.bytes) {
                Ok(ticket) => {
                    let luggage = job.luggage.clone();
                    let record = Record { ticket, owner, task, luggage, attended, deaths: 0, death: None };
                    desk.calls.insert(call, record);
                    if !attended {
                        desk.unattended += 1;
                        self.wake_collector(&mut desk);
                    }
                    return Ok(call);
                }
                Err(TrySendBytesError::Full) => {
                    let finished = desk.finished;
                    let until = Instant::now() + PATIENCE;
                    desk = self.wait(desk, &self.space, Some(until), |desk| desk.finished != finished);
                }
                Err(TrySendBytesError::Closed) => return Err(CallError::Closed),
                Err(TrySendBytesError::TooLong { len, max }) => {
                    return Err(CallError::ArgsTooLong { task, len, max });
                }
                Err(TrySendBytesError::Fault(fault)) => return Err(fault.into()),
                Err(error) => return Err(CallError::Args { task, reason: error.to_string() }),
            }
        }
    }

    /// A call is answered. It may have left the table before.
    pub(super) fn note(&self, desk: &mut Desk, call: u64) {
        let Some(record) = desk.calls.get(&call) else { return };
        let outcome = match record.ticket.try_wait() {
            Ok(reply) => Ok(reply.to_vec()),
            // Of another worker, which was killed behind it; or the supervisor finds it.
            Err(_) => return,
        };
        self.finish(desk, call, outcome, true);
    }

    /// Checks all calls: after deaths, and now and then.
    pub(super) fn look(&self) {
        let mut desk = self.desk();
        // The queue may know of a death before the supervisor, which is to say how that worker ended.
        let unseen = |call: u64| {
            let mut workers =
                desk.workers.iter().enumerate().filter(|(worker, seen)| seen.pid.is_some() || *worker >= self.own);
            workers.any(|(worker, _)| {
                matches!(self.row(worker).doing(), Doing::Running(its) | Doing::Answering(its) if its == call)
            })
        };
        let found = desk.calls.iter().filter_map(|(call, record)| {
            let outcome = match record.ticket.try_wait() {
                Ok(reply) => Ok(reply.to_vec()),
                Err(TryAnswerError::Pending) => return None,
                Err(TryAnswerError::Failed { .. }) if unseen(*call) => return None,
                Err(TryAnswerError::Failed { attempts }) => {
                    // Of a worker that had not yet said what it has, nothing is known. Then the last death is an earlier one.
                    let last = record.death.filter(|_| record.deaths == attempts);
                    let (pid, ended) = last.map_or((None, None), |(pid, ended)| (Some(pid), ended));
                    Err(CallError::WorkerDied { task: record.task, attempts, pid, ended })
                }
                Err(TryAnswerError::Fault(fault)) => Err(fault.into()),
                // Workers are done with nothing that they do not answer.
                Err(_) => Err(CallError::Fault(Fault::Corrupted)),
            };
            Some((*call, outcome))
        });
        let found: Vec<_> = found.collect();
        for (call, outcome) in found {
            self.finish(&mut desk, call, outcome, false);
        }
    }

    /// Gives a call its outcome, if it has none. `leads`: the caller is the leader, which need not be woken.
    pub(super) fn finish(&self, desk: &mut Desk, call: u64, outcome: Outcome, leads: bool) -> bool {
        let Some(record) = desk.calls.remove(&call) else { return false };
        // Frees the block, or withdraws the job.
        drop(record.ticket);
        drop(record.luggage);
        desk.finished += 1;
        desk.failed += u64::from(outcome.is_err());
        if !record.attended {
            desk.unattended -= 1;
        }
        let wake = |seat: &Arc<Seat>| {
            if desk.followers.iter().any(|other| Arc::ptr_eq(other, seat)) {
                seat.condvar.notify_all();
            }
        };
        wake(&self.space);
        match record.owner {
            Owner::Basket(basket, index) => {
                basket.push(index, outcome);
                wake(&basket.seat);
            }
            Owner::Callback(callback) => {
                if let Some(callbacks) = &desk.callbacks {
                    let _ = callbacks.send(Box::new(move || callback(outcome)));
                }
            }
        }
        if desk.leading && !leads {
            // A note of no call. If there is no room for it, the leader does not sleep.
            let _ = self.notes.try_send(0);
        }
        true
    }

    /// Ends the pool: all calls have this error. It stays as it is if it has ended before.
    pub(super) fn end(&self, desk: &mut Desk, error: CallError, leads: bool) {
        if matches!(desk.phase, Phase::Over(_)) {
            return;
        }
        desk.phase = Phase::Over(error.clone());
        let calls: Vec<_> = desk.calls.keys().copied().collect();
        for call in calls {
            self.finish(desk, call, Err(error.clone()), leads);
        }
        if desk.leading && !leads {
            let _ = self.notes.try_send(0);
        }
        desk.followers.iter().for_each(|seat| seat.condvar.notify_all());
        self.collector.condvar.notify_all();
        self.ring();
    }

    /// Gives a call up. Returns whether it was under way. If `kills`, a worker that has begun with it is killed.
    pub(super) fn cancel(&self, call: u64, kills: bool) -> bool {
        let mut desk = self.desk();
        if !self.finish(&mut desk, call, Err(CallError::Cancelled), false) {
            return false;
        }
        if !kills {
            return true;
        }
        // Behind the end of the ticket: see the worker.
        fence(Ordering::SeqCst);
        let runs = |worker: &usize| self.row(*worker).turn(Doing::Running(call), Doing::Revoked(call));
        if let Some(worker) = (0..desk.workers.len()).find(runs) {
            desk.unwanted.push(worker);
            self.ring();
        }
        true
    }

    /// The worker that had this call has died.
    pub(super) fn mourn(&self, call: u64, pid: u32, ended: Option<ExitStatus>) {
        if let Some(record) = self.desk().calls.get_mut(&call) {
            record.deaths += 1;
            record.death = Some((pid, ended));
        }
    }
}

impl Desk {
    /// How many calls are under way.
    pub(super) fn open(&self) -> usize {
        self.calls.len()
    }

    /// What goes beside the bytes of a call that is under way.
    pub(super) fn luggage(&self, call: u64) -> Option<Arc<Luggage>> {
        self.calls.get(&call)?.luggage.clone()
    }

    /// The task of a call that is under way.
    pub(super) fn task(&self, call: u64) -> Option<&'static str> {
        self.calls.get(&call).map(|record| record.task)
    }
}
