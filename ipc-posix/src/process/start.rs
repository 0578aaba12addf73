//! How a process is started for a task, and what the two have in their region.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::descriptors::Luggage;
use super::error::SpawnError;
use super::pid::ChildPid;
use super::{life, socket, task};
use crate::region::Region;

/// This program, whatever its path means by now.
pub(super) const OURS: &str = "/proc/self/exe";
/// The variable that tells a program that it was started for a task. Its value is for people.
pub(super) const VARIABLE: &str = "IPC_POSIX_TASK";

/// The names of the queues in the region.
pub(super) const ORDER: &str = "order";
pub(super) const ARGS: &str = "args";
pub(super) const RESULT: &str = "result";
pub(super) const FAILURE: &str = "failure";
/// How many queues there are.
pub(super) const QUEUES: u32 = 4;

/// What a process is to do: the task, its schema, the process's name, and whether a panic is told with its backtrace.
pub(super) type Order = (String, u64, String, bool);

/// The first bytes of a message with descriptors, and the version of what follows.
const MAGIC: [u8; 8] = *b"ipctask1";

/// What comes with the descriptors: the region's is the first, then that of the parent's life if it is to be watched, then those of
/// the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) watches: bool,
    pub(super) regions: u16,
    pub(super) open: u16,
}

impl Greeting {
    pub(super) const BYTES: usize = 13;

    fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = u8::from(self.watches);
        bytes[9..11].copy_from_slice(&self.regions.to_le_bytes());
        bytes[11..].copy_from_slice(&self.open.to_le_bytes());
        bytes
    }

    /// `None` if this is no greeting.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let [watches, a, b, c, d] = *rest else { return None };
        Some(Greeting { watches: watches == 1, regions: u16::from_le_bytes([a, b]), open: u16::from_le_bytes([c, d]) })
    }

    /// How many descriptors come with it.
    pub(super) fn descriptors(self) -> usize {
        1 + usize::from(self.watches) + usize::from(self.regions) + usize::from(self.open)
    }
}

/// Starts the program with the region, in a process group of its own. All that it gets is sent before it is there, so that no step can
/// fail after it. Whatever fails, the descriptors that were made are closed.
pub(super) fn start(
    program: Option<&Path>,
    variable: &str,
    region: &Region,
    daemon: bool,
    luggage: &Luggage,
    output: Option<[OwnedFd; 2]>,
) -> Result<ChildPid, SpawnError> {
    let memory = region.try_clone_fd().map_err(SpawnError::Region)?;
    let life = if daemon { Some(life::ours().map_err(SpawnError::Region)?) } else { None };
    let [regions, open] = luggage.counts();
    let greeting = Greeting { watches: daemon, regions, open };
    let own = [Some(&memory), life.as_ref()].into_iter().flatten().map(AsFd::as_fd);
    let theirs: Vec<BorrowedFd<'_>> = own.chain(luggage.descriptors()).collect();
    let input = filled(&greeting.bytes(), &theirs).map_err(SpawnError::Descriptors)?;

    let mut command = Command::new(program.unwrap_or(Path::new(OURS)));
    if program.is_none() {
        command.arg0(std::env::args_os().next().unwrap_or_else(|| OsString::from("task")));
        command.args(task::runner_arguments().into_iter().flatten());
    }
    command.env(VARIABLE, variable).stdin(input).process_group(0);
    if let Some([output, errors]) = output {
        command.stdout(output).stderr(errors);
    }
    match command.spawn() {
        Ok(child) => Ok(ChildPid::new(child.id())),
        Err(error) => Err(SpawnError::Start { program: command.get_program().into(), error }),
    }
}

/// A socket in which this message waits, and after it the end of the file.
fn filled(bytes: &[u8], open: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    socket::send(ours.as_fd(), bytes, open)?;
    Ok(theirs.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_greeting_arrives() {
        let greeting = Greeting { watches: true, regions: 3, open: 250 };
        assert_eq!(Greeting::from_bytes(&greeting.bytes()), Some(greeting));
        assert_eq!(greeting.descriptors(), 255);
        assert_eq!(Greeting::from_bytes(&greeting.bytes()[1..]), None);
        assert_eq!(Greeting::from_bytes(&greeting.bytes()[..12]), None);
        assert_eq!(Greeting::from_bytes(b""), None);
    }

    #[test]
    fn descriptors_wait_in_a_socket() {
        let (first, second) = UnixStream::pair().expect("a socket");
        let input = filled(b"hello", &[first.as_fd(), second.as_fd()]).expect("room");
        let mut bytes = [0; 10];
        let (len, open) = socket::receive(input.as_fd(), &mut bytes).expect("it is there");
        assert_eq!((&bytes[..len], open.len()), (&b"hello"[..], 2));
        // The end of the file. It waits: a program that another thread starts just now has a copy of the other end until it runs.
        assert_eq!(UnixStream::from(input).read(&mut bytes).expect("the end of the file"), 0);
        // One more than the kernel takes.
        let many = vec![first.as_fd(); socket::MOST];
        assert!(filled(b"hello", &many).is_ok());
        let many = vec![first.as_fd(); socket::MOST + 1];
        assert_eq!(filled(b"hello", &many).expect_err("too many").raw_os_error(), Some(libc::ETOOMANYREFS));
    }
}
