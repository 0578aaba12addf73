//! The bytes of a job and of its answer.
//!
//! ```text
//! job:     call, 8 | schema, 8 | how many arguments, 4 | whether descriptors go with it, 1 | length of the name, 2 | name | arguments
//! answer:  how many results, 4 | whether something failed, 1 | results | what failed
//! ```
//!
//! Numbers are in little-endian order.

use ipc_core::bytes::{append, read_first};

use crate::process::Failure;
use crate::process::failure;

/// The bytes before the name.
pub(super) const HEAD: usize = 23;
/// The bytes before the results.
pub(super) const REPLY_HEAD: usize = 5;
/// Room for what failed, its lengths included: a text and a place, and with a backtrace as much as of a process alone.
pub(super) const FAILURE: usize = 4 << 10;
pub(super) const FAILURE_WITH_BACKTRACE: usize = failure::BYTES;

/// What a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) call: u64,
    pub(super) schema: u64,
    pub(super) count: u32,
    /// Whether open descriptors go with it.
    pub(super) parcel: bool,
}

impl Head {
    /// The beginning of a job. Names are as long as paths of functions are.
    pub(super) fn write(self, name: &str, job: &mut Vec<u8>) {
        job.extend_from_slice(&self.call.to_le_bytes());
        job.extend_from_slice(&self.schema.to_le_bytes());
        job.extend_from_slice(&self.count.to_le_bytes());
        job.push(u8::from(self.parcel));
        job.extend_from_slice(&(name.len() as u16).to_le_bytes());
        job.extend_from_slice(name.as_bytes());
    }

    /// Gives a job its number, how many arguments it has, and whether descriptors go with it.
    pub(super) fn number(job: &mut [u8], call: u64, count: u32, parcel: bool) {
        job[..8].copy_from_slice(&call.to_le_bytes());
        job[16..20].copy_from_slice(&count.to_le_bytes());
        job[20] = u8::from(parcel);
    }

    /// What a job is, the name of its task, and the arguments; `None` if it is no job.
    pub(super) fn read(job: &[u8]) -> Option<(Head, &str, &[u8])> {
        let (call, rest) = job.split_first_chunk()?;
        let (schema, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (parcel, rest) = rest.split_first()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (name, args) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        let head = Head {
            call: u64::from_le_bytes(*call),
            schema: u64::from_le_bytes(*schema),
            count: u32::from_le_bytes(*count),
            parcel: *parcel == 1,
        };
        Some((head, std::str::from_utf8(name).ok()?, args))
    }
}

/// An answer.
pub(super) struct Reply<'a> {
    /// How many results there are.
    pub(super) count: u32,
    /// The results, and what failed behind them.
    pub(super) results: &'a [u8],
    /// What failed behind them, if no result can be read: of calls alone.
    pub(super) failure: Option<Failure>,
}

impl<'a> Reply<'a> {
    /// The results follow.
    pub(super) fn begin(reply: &mut Vec<u8>) {
        reply.clear();
        reply.extend_from_slice(&[0; REPLY_HEAD]);
    }

    /// There are `count` results, and no failure.
    pub(super) fn succeeded(reply: &mut [u8], count: u32) {
        reply[..4].copy_from_slice(&count.to_le_bytes());
    }

    /// There are `count` results, and what failed comes behind them, cut to this room.
    pub(super) fn failed(reply: &mut Vec<u8>, count: u32, failure: &Failure, room: usize) {
        if reply.is_empty() {
            Reply::begin(reply);
        }
        Reply::succeeded(reply, count);
        reply[4] = 1;
        // Texts and their lengths can always be written.
        let _ = append(reply, &failure::cut_to(failure, room));
    }

    /// The parts of an answer; `None` if it is none.
    pub(super) fn read(reply: &'a [u8]) -> Option<Reply<'a>> {
        let (count, rest) = reply.split_first_chunk()?;
        let (failed, results) = rest.split_first()?;
        let count = u32::from_le_bytes(*count);
        let failure = match (failed, count) {
            (1, 0) => Some(read_first(results).ok()?.0),
            _ => None,
        };
        Some(Reply { count, results, failure })
    }

    /// Whether something failed behind the results.
    pub(super) fn has_failed(reply: &[u8]) -> bool {
        reply.get(4) == Some(&1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_arrives() {
        let head = Head { call: 7, schema: 3, count: 1, parcel: false };
        let mut job = Vec::new();
        head.write("a::task", &mut job);
        assert_eq!(job.len(), HEAD + 7);
        job.extend_from_slice(b"args");
        Head::number(&mut job, 9, 2, true);
        let head = Head { call: 9, schema: 3, count: 2, parcel: true };
        assert_eq!(Head::read(&job), Some((head, "a::task", &b"args"[..])));
        assert_eq!(Head::read(&job[..HEAD + 6]), None);
        assert_eq!(Head::read(&[]), None);
    }

    #[test]
    fn an_answer_arrives() {
        let mut reply = Vec::new();
        Reply::begin(&mut reply);
        append(&mut reply, &5_u8).expect("a number");
        Reply::succeeded(&mut reply, 1);
        let read = Reply::read(&reply).expect("an answer");
        assert!(read.count == 1 && read.results == [5] && read.failure.is_none() && !Reply::has_failed(&reply));
        let mut reply = Vec::new();
        Reply::failed(&mut reply, 0, &failure::args("none"), FAILURE);
        assert!(Reply::has_failed(&reply));
        assert_eq!(Reply::read(&reply).and_then(|read| read.failure), Some(failure::args("none")));
        assert!(Reply::read(&reply[..4]).is_none() && Reply::read(b"").is_none());
    }
}
