//! Jobs as they are written: one argument, or a chunk of them.

use std::sync::Arc;

use ipc_core::bytes::append;

use super::call::Reader;
use super::error::CallError;
use super::job::Head;
use crate::process::descriptors::{self, Luggage};
use crate::process::task::Task;

/// A job that is ready to be sent, but for its number.
pub(super) struct Job {
    pub(super) bytes: Vec<u8>,
    /// Where its arguments end.
    ends: Vec<usize>,
    /// What goes beside its bytes.
    pub(super) luggage: Option<Arc<Luggage>>,
}

impl Job {
    /// How many arguments it has.
    pub(super) fn count(&self) -> u32 {
        self.ends.len() as u32
    }

    /// The job without the first of its arguments.
    pub(super) fn rest(mut self, done: usize) -> Option<Job> {
        let begin = *self.ends.get(done.checked_sub(1)?)?;
        let (_, _, args) = Head::read(&self.bytes)?;
        let head = self.bytes.len() - args.len();
        self.bytes.drain(head..begin);
        self.ends.drain(..done);
        self.ends.iter_mut().for_each(|end| *end -= begin - head);
        Some(self)
    }
}

/// Writes jobs.
pub(super) struct Writer {
    reader: Reader,
    head: Vec<u8>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    luggage: Luggage,
}

impl Writer {
    pub(super) fn new(reader: Reader) -> Self {
        let mut head = Vec::new();
        let (schema, name) = (reader.entry.schema, reader.entry.name);
        Head { call: 0, schema, count: 0, parcel: false }.write(name, &mut head);
        Writer { reader, bytes: head.clone(), head, ends: Vec::new(), luggage: Luggage::default() }
    }

    /// Adds an argument in the common case: there is room, and nothing goes beside the bytes. Otherwise nothing is done, and
    /// [`add`](Self::add) is the way. (Its result is as large as its errors, which would cost each argument more than all else here.)
    #[inline]
    pub(super) fn push<Form, F: Task<Form>>(&mut self, args: &F::Args) -> bool {
        let before = self.bytes.len();
        let (written, wants_more) = descriptors::written_alone(|| append(&mut self.bytes, args));
        let most = self.head.len() + self.reader.shared.max_args;
        let done = written.is_ok() && !wants_more && self.bytes.len() <= most && self.luggage.is_empty();
        if done {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(before);
        }
        done
    }

    /// Adds an argument. Returns the job before it if there is no room for this one.
    pub(super) fn add<Form, F: Task<Form>>(&mut self, args: &F::Args) -> Result<Option<Job>, CallError> {
        let (task, max) = (self.reader.entry.name, self.reader.shared.max_args);
        let (before, counts) = (self.bytes.len(), self.luggage.counts());
        let written = descriptors::written(&mut self.luggage, || append(&mut self.bytes, args));
        let trouble = self.luggage.trouble.take();
        let len = self.bytes.len() - before;
        let fits = trouble.is_none() && self.bytes.len() - self.head.len() <= max;
        if fits && written.is_ok() {
            self.ends.push(self.bytes.len());
            return Ok(None);
        }
        self.bytes.truncate(before);
        self.luggage.cut_to(counts);
        // Alone there may be room.
        if !fits && let Some(full) = self.take() {
            self.add::<Form, F>(args)?;
            return Ok(Some(full));
        }
        Err(match (trouble, written) {
            (Some(error), _) => CallError::Args { task, reason: error.to_string() },
            (None, Err(error)) => CallError::Args { task, reason: error.to_string() },
            (None, Ok(_)) => CallError::ArgsTooLong { task, len, max },
        })
    }

    /// How many arguments were added since the last job.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// What was added, if it is something.
    pub(super) fn take(&mut self) -> Option<Job> {
        if self.ends.is_empty() {
            return None;
        }
        let bytes = std::mem::replace(&mut self.bytes, self.head.clone());
        let luggage = std::mem::take(&mut self.luggage);
        let luggage = (!luggage.is_empty()).then(|| Arc::new(luggage));
        Some(Job { bytes, ends: std::mem::take(&mut self.ends), luggage })
    }
}

/// The job of one call.
pub(super) fn job_of<Form, F: Task<Form>>(reader: &Reader, args: &F::Args) -> Result<Job, CallError> {
    let mut writer = Writer::new(reader.clone());
    if !writer.push::<Form, F>(args) {
        writer.add::<Form, F>(args)?;
    }
    let Writer { bytes, ends, luggage, .. } = writer;
    let luggage = (!luggage.is_empty()).then(|| Arc::new(luggage));
    Ok(Job { bytes, ends, luggage })
}
