//! Calls of one task with many arguments.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::basket::{Basket, Outcome, Owner};
use super::call::Reader;
use super::desk::{Desk, Phase, locked};
use super::error::CallError;
use super::progress::{Counts, Meter, Progress};
use super::writer::{Job, Writer, job_of};
use crate::process::task::Task;

/// The most calls of a map that are under way, unless something else is said.
const WINDOW: usize = 256;

/// A chunk that is under way.
struct Chunk {
    call: u64,
    /// The job, if it has several arguments: those whose results find no room are sent again.
    job: Option<Job>,
    count: u32,
}

/// Chunks that are under way, by the number of their first argument.
pub(super) struct Chunks {
    reader: Reader,
    basket: Arc<Basket>,
    sent: HashMap<usize, Chunk>,
    pub(super) meter: Meter,
}

impl Chunks {
    fn new(reader: Reader, meter: Meter) -> Self {
        let basket = Arc::new(Basket::counted(Arc::clone(&meter.counts)));
        Chunks { reader, basket, sent: HashMap::new(), meter }
    }

    fn send(&mut self, first: usize, mut job: Job) -> Result<(), CallError> {
        let count = job.count();
        let owner = Owner::Basket(Arc::clone(&self.basket), first);
        let call = self.reader.shared.send(self.reader.entry.name, &mut job, owner, true)?;
        self.sent.insert(first, Chunk { call, job: (count > 1).then_some(job), count });
        Ok(())
    }

    /// Sends those arguments of a chunk again that no worker has begun with.
    fn send_rest(&mut self, first: usize, chunk: Chunk, done: u32) -> Result<(), CallError> {
        let task = self.reader.entry.name;
        let done = done as usize;
        let rest = chunk.job.and_then(|job| job.rest(done));
        let rest = rest.ok_or_else(|| CallError::Result { task, reason: "it is damaged".to_owned() })?;
        self.send(first + done, rest)
    }

    /// The outcome of one of them, if one is there. None in a child that the items' iterator has made by `fork`.
    fn pop(&self) -> Option<(usize, Outcome)> {
        if self.reader.shared.home.is_here() { self.basket.pop() } else { None }
    }

    /// Waits until this number of answers is there, or one that is an error.
    fn wait(&self, answers: usize) -> Result<(), CallError> {
        let shared = &self.reader.shared;
        let enough = |_: &Desk| self.basket.len() >= answers || answers > 1 && self.basket.has_trouble();
        loop {
            shared.here()?;
            let look = self.meter.next_look();
            let desk = shared.wait(shared.desk(), &self.basket.seat, look, enough);
            let over = look.is_none() || enough(&desk) || matches!(desk.phase, Phase::Over(_));
            // The desk is not held while somebody draws.
            drop(desk);
            self.meter.show();
            if over {
                return Ok(());
            }
        }
    }
}

/// Nobody waits for what is under way.
impl Drop for Chunks {
    fn drop(&mut self) {
        if self.reader.shared.home.is_here() {
            for chunk in self.sent.values() {
                self.reader.shared.cancel(chunk.call, false);
            }
        }
    }
}

/// How items are put into chunks.
pub(super) enum Chunking {
    /// This many chunks for each worker, if it is known how many items there are.
    Each(usize),
    /// This many items in each.
    Items(usize),
}

/// How many items there are, if the iterator knows.
fn len_of(items: &impl Iterator) -> Option<usize> {
    let (least, most) = items.size_hint();
    most.filter(|most| *most == least)
}

/// The results for all items, in their order.
pub(super) fn map<Form, F: Task<Form>>(
    reader: Reader,
    items: impl IntoIterator<Item = F::Args>,
    chunking: Chunking,
    meter: Meter,
) -> Result<Vec<F::Output>, CallError> {
    let mut items = items.into_iter().fuse();
    let len = len_of(&items);
    // Behind what is the caller's, and may call `fork`.
    reader.shared.here()?;
    let chunk = match chunking {
        Chunking::Items(items) => items,
        Chunking::Each(chunks) => len.map_or(1, |len| len / (chunks * reader.shared.workers().max(1))),
    };
    let chunk = chunk.clamp(1, u32::MAX as usize);
    let window = WINDOW.min(reader.shared.jobs.capacity());
    if let Some(len) = len {
        meter.counts.set_total(len);
        meter.show();
    }
    let (mut writer, mut chunks) = (Writer::new(reader.clone()), Chunks::new(reader.clone(), meter));
    let mut results: Vec<Option<F::Output>> = Vec::new();
    let (mut first, mut left) = (0, true);
    loop {
        while left && chunks.sent.len() < window {
            let job = match items.next() {
                Some(args) if writer.push::<Form, F>(&args) => {
                    if writer.count() < chunk {
                        continue;
                    }
                    writer.take()
                }
                Some(args) => match writer.add::<Form, F>(&args).inspect_err(|_| chunks.meter.counts.fail())? {
                    None if writer.count() < chunk => continue,
                    None => writer.take(),
                    full => full,
                },
                None => {
                    left = false;
                    chunks.meter.counts.set_total(first + writer.count());
                    writer.take()
                }
            };
            let Some(job) = job else { continue };
            let count = job.count() as usize;
            chunks.send(first, job)?;
            first += count;
        }
        if chunks.sent.is_empty() {
            // The iterator may have called `fork` at its end.
            reader.shared.here()?;
            break;
        }
        chunks.wait(if left { chunks.sent.len() / 2 + 1 } else { chunks.sent.len() })?;
        while let Some((begun, outcome)) = chunks.pop() {
            let Some(chunk) = chunks.sent.remove(&begun) else { continue };
            let mut next = begun;
            if results.len() < first {
                results.resize_with(first, || None);
            }
            let done = reader.each(outcome, |result| {
                if let Some(place) = results.get_mut(next) {
                    *place = Some(result);
                }
                next += 1;
            })?;
            if done < chunk.count {
                chunks.send_rest(begun, chunk, done)?;
            }
        }
    }
    let task = reader.entry.name;
    let results: Option<Vec<_>> = results.into_iter().collect();
    let results = results.ok_or_else(|| CallError::Result { task, reason: "one is missing".to_owned() })?;
    chunks.meter.complete();
    Ok(results)
}

/// A map whose results are fetched later. Made by [`Pool::map_async`](super::Pool::map_async).
///
/// When it is dropped, the tasks run all the same, and their results are lost.
#[must_use = "the results are lost when this is dropped"]
pub struct MapCall<R> {
    result: Arc<Later<R>>,
    counts: Arc<Counts>,
}

struct Later<R> {
    results: Mutex<Option<Result<Vec<R>, CallError>>>,
    there: Condvar,
}

impl<R: Send + 'static> MapCall<R> {
    /// Lets a thread of its own make the calls.
    pub(super) fn new(
        counts: Arc<Counts>,
        work: impl FnOnce() -> Result<Vec<R>, CallError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let result = Arc::new(Later { results: Mutex::new(None), there: Condvar::new() });
        let there = Arc::clone(&result);
        let _blocked = crate::sys::SignalsBlocked::new();
        std::thread::Builder::new().name("ipc-pool-map".to_owned()).spawn(move || {
            // The iterator is the user's.
            let results = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let error = || CallError::Args { task: "a map", reason: "its iterator has panicked".to_owned() };
            *locked(&there.results) = Some(results.unwrap_or_else(|_| Err(error())));
            there.there.notify_all();
        })?;
        Ok(MapCall { result, counts })
    }

    /// Returns how many items are done. Never waits.
    ///
    /// ```standalone_crate
    /// use std::time::Duration;
    ///
    /// use ipc_posix::{pool, process, task};
    ///
    /// fn square(number: u64) -> u64 {
    ///     number * number
    /// }
    /// task!(square);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let pool = pool::options().workers(2).start()?;
    ///     let squares = pool.map_async(square, 0..1000)?;
    ///     while !squares.wait_timeout(Duration::from_millis(100)) {
    ///         println!("{} of 1000", squares.progress().done);
    ///     }
    ///     assert_eq!(squares.progress().done, 1000);
    ///     assert_eq!(squares.get()?[3], 9);
    ///     Ok(())
    /// }
    /// ```
    pub fn progress(&self) -> Progress {
        self.counts.get()
    }

    /// Returns whether the results are there, or an error. Never waits.
    pub fn is_ready(&self) -> bool {
        locked(&self.result.results).is_some()
    }

    /// Returns the results, in the order of their arguments. Blocks until they are there.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::map`](super::Pool::map).
    pub fn get(self) -> Result<Vec<R>, CallError> {
        let mut results = locked(&self.result.results);
        loop {
            match results.take() {
                Some(results) => return results,
                None => results = self.result.there.wait(results).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Waits until the results are there, or an error, for at most `timeout`. Returns whether they are.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut results = locked(&self.result.results);
        while results.is_none() {
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            let waited = self.result.there.wait_timeout(results, left);
            results = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl<R> fmt::Debug for MapCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapCall").field("progress", &self.counts.get()).finish_non_exhaustive()
    }
}

/// Calls of one task with the items of an iterator, which may be endless: their results in its order. Made by
/// [`Pool::stream`](super::Pool::stream).
///
/// The iterator is asked for an item only when a result is, as long as less than the [`window`](Self::window) is under way. A failure
/// is a result, too: the stream goes on behind it, unless the pool is closed or has ended.
#[must_use = "nothing is sent before a result is asked for"]
pub struct Stream<Form, F: Task<Form>, I> {
    items: std::iter::Fuse<I>,
    pub(super) chunks: Chunks,
    window: usize,
    sent: usize,
    returned: usize,
    /// Results that are there, by the number of their item.
    there: BTreeMap<usize, Result<F::Output, CallError>>,
    over: bool,
    form: PhantomData<fn(Form, F)>,
}

impl<Form, F: Task<Form>, I: Iterator<Item = F::Args>> Stream<Form, F, I> {
    pub(super) fn new(reader: Reader, items: I) -> Self {
        let window = 16 * reader.shared.workers().max(1);
        let window = window.min(reader.shared.jobs.capacity());
        let meter = Meter::default();
        if let Some(len) = len_of(&items) {
            meter.counts.set_total(len);
        }
        let (chunks, there) = (Chunks::new(reader, meter), BTreeMap::new());
        Stream { items: items.fuse(), chunks, window, sent: 0, returned: 0, there, over: false, form: PhantomData }
    }

    /// Sets how many items are under way at most, or wait for their turn to be returned. Default: 16 for each worker.
    #[doc(alias = "buffersize")]
    pub fn window(mut self, items: usize) -> Self {
        self.window = items.max(1);
        self
    }

    /// Returns results as they come, each with the number of its item.
    #[doc(alias = "imap_unordered")]
    pub fn as_completed(self) -> AsCompleted<Form, F, I> {
        AsCompleted(self)
    }

    fn fill(&mut self) {
        while !self.over && self.sent - self.returned < self.window {
            let Some(args) = self.items.next() else { break };
            let index = self.sent;
            self.sent += 1;
            let sent = job_of::<Form, F>(&self.chunks.reader, &args).and_then(|job| self.chunks.send(index, job));
            if let Err(error) = sent {
                self.chunks.meter.counts.fail();
                self.over = !matches!(error, CallError::Args { .. } | CallError::ArgsTooLong { .. });
                self.there.insert(index, Err(error));
            }
        }
    }

    /// How many results there are at least and at most: none comes for an item that was not sent when the pool ends.
    fn left(&self) -> (usize, Option<usize>) {
        let sent = self.sent - self.returned;
        let unsent = if self.over { Some(0) } else { self.items.size_hint().1 };
        (self.there.len(), unsent.and_then(|unsent| unsent.checked_add(sent)))
    }

    /// In a child after `fork`: the error, once. Nothing comes behind it.
    fn end(&mut self, error: CallError) -> Option<(usize, Result<F::Output, CallError>)> {
        let (next, has_ended) = (self.returned, self.over && self.returned == self.sent);
        self.over = true;
        self.returned = self.sent;
        self.there.clear();
        self.chunks.sent.clear();
        (!has_ended).then_some((next, Err(error)))
    }

    /// The next result, in order or the first that is there.
    fn step(&mut self, in_order: bool) -> Option<(usize, Result<F::Output, CallError>)> {
        loop {
            self.fill();
            if let Err(error) = self.chunks.reader.shared.here() {
                return self.end(error);
            }
            while let Some((index, outcome)) = self.chunks.pop() {
                self.chunks.sent.remove(&index);
                self.there.insert(index, self.chunks.reader.one(outcome));
            }
            let next = self.there.first_entry().filter(|first| !in_order || *first.key() == self.returned);
            if let Some(first) = next {
                self.returned += 1;
                self.chunks.meter.show();
                return Some(first.remove_entry());
            }
            if self.chunks.sent.is_empty() {
                self.chunks.meter.complete();
                return None;
            }
            if let Err(error) = self.chunks.wait(1) {
                return self.end(error);
            }
        }
    }
}

impl<Form, F: Task<Form>, I: Iterator<Item = F::Args>> Iterator for Stream<Form, F, I> {
    type Item = Result<F::Output, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step(true).map(|(_, result)| result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left()
    }
}

impl<Form, F: Task<Form>, I> fmt::Debug for Stream<Form, F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("sent", &self.sent).field("returned", &self.returned).finish_non_exhaustive()
    }
}

/// The results of a [`Stream`] as they come, each with the number of its item. Made by [`Stream::as_completed`].
#[must_use = "nothing is sent before a result is asked for"]
pub struct AsCompleted<Form, F: Task<Form>, I>(Stream<Form, F, I>);

impl<Form, F: Task<Form>, I: Iterator<Item = F::Args>> Iterator for AsCompleted<Form, F, I> {
    type Item = (usize, Result<F::Output, CallError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(false)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.left()
    }
}

impl<Form, F: Task<Form>, I> fmt::Debug for AsCompleted<Form, F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsCompleted").field(&self.0).finish()
    }
}
