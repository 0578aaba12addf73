//! What a worker does: its initializer, then one task after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use ipc_core::Fault;
use ipc_core::bytes::{append, read_first};
use ipc_core::error::RecvTimeoutError;
use serde::de::DeserializeOwned;

use super::job::{FAILURE, Head, Reply};
use super::parcel::{self, Parcel, Window};
use crate::clock;
use crate::objects::{Array, ByteWorkQueue, Queue};
use crate::process::task::{self, Task};
use crate::process::{Descriptor, Failure, descriptors, failure, life, panics};

/// The words of the board that each worker has: what it does, since when, how many calls it has answered.
pub(super) const WORDS: usize = 3;
const DOING: usize = 0;
const SINCE: usize = 1;
const ANSWERED: usize = 2;

/// Why a worker that was started by hand has no open descriptors.
pub(super) const NO_WINDOW: &str = "open files cannot go to workers that were started by hand";
/// How a child ends that came back from a task of a worker.
const FORKED: i32 = 1;
/// How long a worker waits for a call before it asks again whether it is to go on.
const PAUSE: Duration = Duration::from_millis(500);

/// What a worker does, as its word says it: the number of a call, and one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// The process was started.
    Starting,
    /// It runs the initializer.
    Initializing,
    Waiting,
    /// It runs the task of this call.
    Running(u64),
    /// The task of this call has ended.
    Answering(u64),
    /// The task of this call is not wanted any more, and the worker is going to be killed. It begins with nothing.
    Revoked(u64),
    /// It ends: to be replaced, or because there are to be fewer.
    Leaving,
}

impl Doing {
    fn word(self) -> u64 {
        match self {
            Doing::Starting => 0,
            Doing::Initializing => 1,
            Doing::Waiting => 2,
            Doing::Running(call) => 3 | call << 3,
            Doing::Answering(call) => 4 | call << 3,
            Doing::Revoked(call) => 5 | call << 3,
            Doing::Leaving => 6,
        }
    }

    fn of(word: u64) -> Self {
        let call = word >> 3;
        match word & 7 {
            1 => Doing::Initializing,
            2 => Doing::Waiting,
            3 => Doing::Running(call),
            4 => Doing::Answering(call),
            5 => Doing::Revoked(call),
            6 => Doing::Leaving,
            _ => Doing::Starting,
        }
    }
}

/// The words of one worker. In a child after `fork` they are left alone.
pub(super) struct Row<'a> {
    pub(super) board: &'a Array<u64>,
    pub(super) worker: usize,
}

impl Row<'_> {
    fn get(&self, word: usize) -> u64 {
        self.board.at(self.worker * WORDS + word).load().unwrap_or(0)
    }

    fn set(&self, word: usize, value: u64) {
        let _ = self.board.at(self.worker * WORDS + word).store(value);
    }

    pub(super) fn doing(&self) -> Doing {
        Doing::of(self.get(DOING))
    }

    /// Since when it does that, on this machine's monotonic clock.
    pub(super) fn since(&self) -> u64 {
        self.get(SINCE)
    }

    pub(super) fn answered(&self) -> u64 {
        self.get(ANSWERED)
    }

    /// By the worker, or by its parent while there is no process.
    pub(super) fn begin(&self, doing: Doing) {
        // First: who reads the word and then the time takes a task for younger than it is, never for older.
        self.set(SINCE, clock::now().as_nanos());
        self.set(DOING, doing.word());
    }

    /// Goes on from one thing to the next, unless the word was changed.
    pub(super) fn turn(&self, from: Doing, to: Doing) -> bool {
        let word = self.board.at(self.worker * WORDS + DOING);
        matches!(word.compare_exchange(from.word(), to.word()), Ok(Ok(_)))
    }

    fn count(&self) {
        self.set(ANSWERED, self.answered().wrapping_add(1));
    }
}

/// The words of the board for this many workers: theirs, and how many there are to be.
pub(super) fn board_words(workers: usize) -> usize {
    WORDS * workers + 1
}

/// Says how many of the pool's own workers there are to be: those with lower numbers.
pub(super) fn want(board: &Array<u64>, workers: usize) {
    let _ = board.at(board.len() - 1).store(workers as u64);
}

fn is_wanted(board: &Array<u64>, worker: u64) -> bool {
    board.at(board.len() - 1).load().is_ok_and(|wanted| worker < wanted)
}

/// Which worker, the most bytes of a result and of what failed, after how many calls and above how many bytes of memory it is replaced; 0:
/// never.
pub(super) type Limits = (u64, u64, u64, u64, u64);
/// The initializer: its name, its schema, its arguments, and whether open descriptors go with them.
pub(super) type Initializer = (String, u64, Vec<u8>, bool);
/// Jobs, notes of answers, and what each worker does.
pub(super) type Objects = (ByteWorkQueue, Queue<u64>, Array<u64>);

/// The task of a worker's process.
pub(super) fn work(
    (jobs, notes, board): Objects,
    (worker, max_result, max_failure, most_calls, most_memory): Limits,
    initializer: Option<Initializer>,
    window: Descriptor,
) {
    life::remove_with_parent(&jobs.region());
    let window = Window::new(window.into_inner());
    let row = Row { board: &board, worker: worker as usize };
    if let Some(initializer) = initializer {
        row.begin(Doing::Initializing);
        // A panic of the initializer is the end of the worker.
        let done = initialize(initializer, Some(&window));
        end_if_forked(&jobs);
        if let Err(reason) = done {
            panic!("{reason}");
        }
    }
    let service = Service { jobs: &jobs, notes: &notes, window: Some(&window), row, max_result, max_failure };
    let goes_on = |calls| {
        is_wanted(&board, worker)
            && (most_calls == 0 || calls < most_calls)
            && (most_memory == 0 || calls == 0 || memory() <= most_memory)
    };
    // SIGKILL is under way to a worker whose call was revoked.
    let served = service.run(PAUSE, goes_on, || stop());
    end_if_forked(&jobs);
    if let Err(fault) = served {
        // Not a peaceful end: the pool counts it as a start that has failed.
        service.row.begin(Doing::Initializing);
        panic!("the pool's queue: {fault}");
    }
}
crate::task!(work, name = "ipc_posix::pool::work");

/// What a worker serves calls with.
pub(super) struct Service<'a> {
    pub(super) jobs: &'a ByteWorkQueue,
    pub(super) notes: &'a Queue<u64>,
    /// Where open descriptors come from, if some can.
    pub(super) window: Option<&'a Window>,
    pub(super) row: Row<'a>,
    pub(super) max_result: u64,
    pub(super) max_failure: u64,
}

impl Service<'_> {
    /// Serves calls until the pool is closed, or `goes_on` says no. That is told how many calls were served, and is asked before each one, and
    /// after each pause without one. `revoked` is called where a task is not wanted any more that has run.
    ///
    /// In a child that a task has made by `fork`, it returns [`Fault::Forked`] when the task does.
    pub(super) fn run(
        &self,
        pause: Duration,
        mut goes_on: impl FnMut(u64) -> bool,
        revoked: impl Fn(),
    ) -> Result<(), Fault> {
        let Service { jobs, notes, window, row, max_result, max_failure } = self;
        let region = jobs.region();
        let here = || region.is_usable();
        let mut reply = Vec::new();
        let mut calls = 0;
        row.begin(Doing::Waiting);
        while goes_on(calls) {
            let lease = match jobs.recv_timeout(pause) {
                Ok(lease) => lease,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Fault(fault)) => return Err(fault),
                Err(_) => return Ok(()),
            };
            let Some((head, name, args)) = Head::read(&lease) else {
                let _ = lease.done();
                continue;
            };
            row.begin(Doing::Running(head.call));
            // Behind it: a thread that gives the call up does so first, and then searches for its worker. One of the two sees the other.
            fence(Ordering::SeqCst);
            if lease.is_wanted() {
                reply.clear();
                let (max_result, max_failure) = (*max_result as usize, *max_failure as usize);
                let parcel = match window {
                    _ if !head.parcel => Ok(Parcel::default()),
                    Some(window) => window.ask(head.call),
                    None => Err(NO_WINDOW.to_owned()),
                };
                match (task::named(name, head.schema), parcel) {
                    (Some(entry), Ok(parcel)) => {
                        let count = head.count;
                        let (here, reply) = (&here, &mut reply);
                        (entry.serve)(Serving { args, parcel, count, max_result, max_failure, here, reply });
                        if !here() {
                            return Err(Fault::Forked);
                        }
                    }
                    (Some(_), Err(why)) => Reply::failed(&mut reply, 0, &failure::args(&why), max_failure),
                    (None, _) => Reply::failed(&mut reply, 0, &failure::unknown(&task::known()), max_failure),
                }
            }
            calls += 1;
            if row.turn(Doing::Running(head.call), Doing::Answering(head.call)) {
                row.count();
                // A reply is never longer than the block: its parts were measured.
                if matches!(lease.reply(&reply), Ok(true)) {
                    // Without it, the pool finds the answer a little later. It may have no room for it behind its death, or be stopped.
                    let _ = notes.send_timeout(head.call, pause);
                }
            } else {
                revoked();
                // Nobody waits for it.
                let _ = lease.done();
            }
            row.begin(Doing::Waiting);
        }
        row.begin(Doing::Leaving);
        Ok(())
    }
}

/// Runs the initializer, or says why that has failed.
pub(super) fn initialize((name, schema, args, parcel): Initializer, window: Option<&Window>) -> Result<(), String> {
    let Some(entry) = task::named(&name, schema) else {
        return Err(format!("the initializer {name} of schema {schema} is not known here, but: {}", task::known()));
    };
    let mut reply = Vec::new();
    let (max_result, max_failure) = (usize::MAX, FAILURE);
    let parcel = match window {
        _ if !parcel => Ok(Parcel::default()),
        Some(window) => window.take(parcel::INITIALIZER),
        None => Err(NO_WINDOW.to_owned()),
    };
    let parcel = parcel.map_err(|why| format!("the initializer {name}: {why}"))?;
    // They are not in the region.
    let here = &|| true;
    (entry.serve)(Serving { args: &args, parcel, count: 1, max_result, max_failure, here, reply: &mut reply });
    let Some(Reply { failure: Some((_, text, place, _)), .. }) = Reply::read(&reply) else { return Ok(()) };
    let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
    Err(format!("the initializer {name} failed{at}: {text}"))
}

/// Ends a child that the user's code has made by `fork`, and in which it has returned: the task of this process is the parent's.
fn end_if_forked(jobs: &ByteWorkQueue) {
    if !jobs.region().is_usable() {
        // SAFETY: no memory is passed. What is to be done at an exit is the parent's, too.
        unsafe { libc::_exit(FORKED) };
    }
}

/// Waits for SIGKILL, which is under way.
fn stop() -> ! {
    loop {
        std::thread::park();
    }
}

/// The bytes of memory that this process has for itself, see proc_pid_statm(5); 0 if nobody knows.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().unwrap_or(0_u64));
    let (resident, shared) = (numbers.nth(1).unwrap_or(0), numbers.next().unwrap_or(0));
    // SAFETY: a plain number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    resident.saturating_sub(shared).saturating_mul(u64::try_from(page).unwrap_or(0))
}

/// What a worker has for a task: the arguments of some calls, and room for their results.
#[doc(hidden)]
pub struct Serving<'a> {
    args: &'a [u8],
    parcel: Parcel,
    count: u32,
    max_result: usize,
    max_failure: usize,
    /// Whether the arguments are here: not in a child that a task has made by `fork`.
    here: &'a dyn Fn() -> bool,
    reply: &'a mut Vec<u8>,
}

/// The next arguments, if open descriptors go with them, or why they cannot be read; and the bytes behind them.
#[cold]
fn arguments<'b, T: DeserializeOwned>(args: &'b [u8], parcel: &mut Parcel) -> Result<(T, &'b [u8]), Failure> {
    let (read, reason) = descriptors::read(&mut parcel.open, || read_first(args));
    read.map_err(|error| failure::args(&reason.unwrap_or_else(|| error.to_string())))
}

/// Calls a function with each of the arguments that have come. It goes on as long as the results are not longer than one alone may be.
#[doc(hidden)]
pub fn serve<Form, F: Task<Form>>(function: F, serving: Serving<'_>) {
    let Serving { mut args, mut parcel, count, max_result, max_failure, here, reply } = serving;
    let mut done = 0;
    Reply::begin(reply);
    let begun = reply.len();
    while done < count && (done == 0 || reply.len() - begun < max_result) {
        let before = reply.len();
        // Also what users have written to read arguments and write results may panic.
        let ended = catch_unwind(AssertUnwindSafe(|| -> Result<(), Failure> {
            let alone = if parcel.open.is_empty() { read_first::<F::Args>(args).ok() } else { None };
            let (value, rest) = match alone {
                Some(read) => read,
                None => arguments(args, &mut parcel)?,
            };
            args = rest;
            let result = function.call(value);
            append(reply, &result).map_err(|error| failure::result(&error.to_string()))
        }));
        if !here() {
            return;
        }
        let len = reply.len() - before;
        let failed = match ended {
            Ok(Ok(())) if len > max_result => {
                failure::result(&format!("it takes {len} bytes, and the pool's `max_result` is {max_result}"))
            }
            Ok(Ok(())) => {
                done += 1;
                continue;
            }
            Ok(Err(failed)) => failed,
            Err(payload) => panics::told(&*payload),
        };
        reply.truncate(before);
        return Reply::failed(reply, done, &failed, max_failure);
    }
    Reply::succeeded(reply, done);
}
