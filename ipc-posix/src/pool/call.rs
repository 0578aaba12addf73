//! A call whose result is fetched later.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::bytes::read_first;
use serde::de::DeserializeOwned;

use super::basket::{Basket, Outcome};
use super::desk::Shared;
use super::error::CallError;
use super::job::Reply;
use crate::process::task::Entry;
use crate::process::{Failure, failure};

/// What an answer is to be read as.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) entry: &'static Entry,
}

impl Reader {
    /// The result of a call alone.
    pub(super) fn one<R: DeserializeOwned>(&self, outcome: Outcome) -> Result<R, CallError> {
        let mut result = None;
        self.each(outcome, |value| result = Some(value))?;
        result.ok_or_else(|| self.damaged("there is none"))
    }

    /// The results of a chunk; returns how many there were.
    pub(super) fn each<R: DeserializeOwned>(&self, outcome: Outcome, mut to: impl FnMut(R)) -> Result<u32, CallError> {
        let bytes = outcome?;
        let reply = Reply::read(&bytes).ok_or_else(|| self.damaged("it is damaged"))?;
        if let Some(failed) = reply.failure {
            return Err(self.failed(failed));
        }
        let mut rest = reply.results;
        for _ in 0..reply.count {
            let (value, behind) = read_first(rest).map_err(|error| self.damaged(&error.to_string()))?;
            rest = behind;
            to(value);
        }
        if Reply::has_failed(&bytes) {
            let (failed, _) = read_first(rest).map_err(|error| self.damaged(&error.to_string()))?;
            return Err(self.failed(failed));
        }
        Ok(reply.count)
    }

    fn damaged(&self, reason: &str) -> CallError {
        CallError::Result { task: self.entry.name, reason: reason.to_owned() }
    }

    fn failed(&self, failed: Failure) -> CallError {
        let (task, schema) = (self.entry.name, self.entry.schema);
        let program = self.shared.program.clone().unwrap_or_default();
        let unknown = |known| crate::process::TaskError::Unknown { task, schema, program, known };
        CallError::told(failure::told(failed, unknown), task)
    }
}

/// A call that was submitted to a pool: Python's `AsyncResult`. Made by [`Pool::submit`](super::Pool::submit).
///
/// When it is dropped, the task runs all the same, and its result is lost.
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
///     let mut nine = pool.submit(square, 3)?;
///     let sixteen = pool.submit(square, 4)?;
///     assert_eq!(sixteen.get()?, 16);
///     assert_eq!(nine.get_timeout(Duration::from_secs(60))?, 9);
///     Ok(())
/// }
/// ```
#[must_use = "the result is lost when this is dropped"]
pub struct Call<R> {
    reader: Reader,
    basket: Arc<Basket>,
    call: u64,
    fetched: Fetched,
    result: PhantomData<fn() -> R>,
}

enum Fetched {
    No,
    Yes(Outcome),
    Taken,
}

impl<R> Call<R> {
    pub(super) fn new(reader: Reader, basket: Arc<Basket>, call: u64) -> Self {
        Call { reader, basket, call, fetched: Fetched::No, result: PhantomData }
    }

    /// Returns whether the result is there, or an error. Never waits.
    #[doc(alias = "done")]
    pub fn is_ready(&mut self) -> bool {
        if let Fetched::No = self.fetched
            && let Some((_, outcome)) = self.basket.pop()
        {
            self.fetched = Fetched::Yes(outcome);
        }
        !matches!(self.fetched, Fetched::No)
    }

    /// Returns whether the call has a result, and no error. Never waits.
    ///
    /// # Errors
    ///
    /// [`NotReady`](CallError::NotReady), [`Taken`](CallError::Taken).
    #[doc(alias = "successful")]
    pub fn is_successful(&mut self) -> Result<bool, CallError> {
        self.is_ready();
        match &self.fetched {
            Fetched::No => Err(CallError::NotReady),
            Fetched::Taken => Err(CallError::Taken),
            Fetched::Yes(outcome) => Ok(outcome.as_ref().is_ok_and(|reply| !Reply::has_failed(reply))),
        }
    }

    /// Gives the call up: [`get`](Self::get) returns [`Cancelled`](CallError::Cancelled) from now on. Returns `false` if its result
    /// was there before.
    ///
    /// If a worker has begun with the task, it is killed, and replaced. Otherwise none will begin with it.
    ///
    /// ```standalone_crate
    /// use ipc_posix::pool::{self, CallError};
    /// use ipc_posix::{process, task};
    ///
    /// fn serve(_: ()) {
    ///     loop {
    ///         std::thread::park();
    ///     }
    /// }
    /// task!(serve);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let pool = pool::options().workers(1).start()?;
    ///     let mut call = pool.submit(serve, ())?;
    ///     assert!(call.cancel());
    ///     assert!(matches!(call.get(), Err(CallError::Cancelled)));
    ///     let _other = pool.submit(serve, ())?;
    ///     pool.close(); // no more calls
    ///     pool.terminate(); // and no wait for those that it has
    ///     Ok(())
    /// }
    /// ```
    pub fn cancel(&mut self) -> bool {
        self.reader.shared.home.is_here() && self.reader.shared.cancel(self.call, true)
    }

    /// Waits until the call is ready. Returns whether it is.
    fn wait_until(&mut self, deadline: Option<Instant>) -> Result<bool, CallError> {
        if !self.is_ready() {
            let Reader { shared, .. } = &self.reader;
            shared.here()?;
            drop(shared.wait(shared.desk(), &self.basket.seat, deadline, |_| self.basket.len() > 0));
        }
        Ok(self.is_ready())
    }

    /// Waits until the result is there, or an error, for at most `timeout`. Returns whether it is.
    ///
    /// # Errors
    ///
    /// [`Fault::Forked`](ipc_core::Fault::Forked).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<bool, CallError> {
        self.wait_until(Instant::now().checked_add(timeout))
    }
}

impl<R: DeserializeOwned> Call<R> {
    /// Returns the result. Blocks until it is there.
    ///
    /// # Errors
    ///
    /// Why there is none.
    #[doc(alias = "result")]
    pub fn get(mut self) -> Result<R, CallError> {
        self.get_until(None)
    }

    /// Returns the result. Blocks until it is there, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`NotReady`](CallError::NotReady) when the time is over, which changes nothing; why there is no result;
    /// [`Taken`](CallError::Taken) if this was called before and has returned either.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<R, CallError> {
        self.get_until(Instant::now().checked_add(timeout))
    }

    /// Returns the result. Blocks until it is there, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// Those of [`get_timeout`](Self::get_timeout).
    pub fn get_deadline(&mut self, deadline: Instant) -> Result<R, CallError> {
        self.get_until(Some(deadline))
    }

    /// Returns the result, if it is there. Never waits.
    ///
    /// # Errors
    ///
    /// Those of [`get_timeout`](Self::get_timeout).
    pub fn try_get(&mut self) -> Result<R, CallError> {
        self.is_ready();
        match std::mem::replace(&mut self.fetched, Fetched::Taken) {
            Fetched::Yes(outcome) => self.reader.one(outcome),
            Fetched::Taken => Err(CallError::Taken),
            Fetched::No => {
                self.fetched = Fetched::No;
                Err(CallError::NotReady)
            }
        }
    }

    fn get_until(&mut self, deadline: Option<Instant>) -> Result<R, CallError> {
        self.wait_until(deadline)?;
        self.try_get()
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("task", &self.reader.entry.name).finish_non_exhaustive()
    }
}
