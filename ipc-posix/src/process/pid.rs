//! A child process: waiting for it, and signals to it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::socket;

/// The longest sleep of a wait: then the child itself is asked, whatever has become of its descriptor.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest sleep where the system gives no descriptor of the child.
const SHORT_PAUSE: Duration = Duration::from_millis(10);
/// Sends the signal to the process group that the process leads, see pidfd_send_signal(2). Since Linux 6.9.
const TO_GROUP: libc::c_uint = 1 << 2;

/// A child of this process, the leader of its group.
pub(super) struct ChildPid {
    pid: libc::pid_t,
    /// A descriptor of the process: its number may be another's once somebody else has waited for it.
    fd: Option<OwnedFd>,
    ended: Option<Ended>,
}

/// How a process has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    As(ExitStatus),
    /// The system has not kept it: this process ignores SIGCHLD, or somebody else has waited for the child.
    Unknown,
}

impl ChildPid {
    /// A child that was just started.
    pub(super) fn new(pid: u32) -> Self {
        // Numbers of processes are small: proc_pid_sys_kernel(5), `pid_max`.
        let pid = pid as libc::pid_t;
        ChildPid { pid, fd: socket::process(pid), ended: None }
    }

    pub(super) fn get(&self) -> u32 {
        self.pid as u32
    }

    /// The descriptor of the process, if there is one.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Waits for the end, for ever or not at all. Returns how it was, once it has come.
    pub(super) fn wait(&mut self, for_ever: bool) -> Option<Ended> {
        while self.ended.is_none() {
            // SAFETY: all zeroes is a valid value.
            let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
            let (kind, id) = match &self.fd {
                Some(fd) => (libc::P_PIDFD, fd.as_raw_fd() as libc::id_t),
                None => (libc::P_PID, self.pid as libc::id_t),
            };
            let options = libc::WEXITED | if for_ever { 0 } else { libc::WNOHANG };
            // SAFETY: room for the answer.
            if unsafe { libc::waitid(kind, id, &mut info, options) } == 0 {
                // SAFETY: waitid has filled it in, or left the zeroes.
                let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
                if pid == 0 {
                    return None;
                }
                self.ended = Some(Ended::As(status_of(info.si_code, status)));
                continue;
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ECHILD) => self.ended = Some(Ended::Unknown),
                // An old kernel, or a program that closes all descriptors: then the number is another file's by now.
                _ => match self.fd.take() {
                    Some(fd) => _ = fd.into_raw_fd(),
                    None => self.ended = Some(Ended::Unknown),
                },
            }
        }
        self.ended
    }

    /// Waits for the end until the deadline; none: for ever. Returns whether it has come.
    pub(super) fn wait_until(&mut self, deadline: Option<Instant>) -> bool {
        let mut pause = Duration::from_micros(100);
        while self.wait(false).is_none() {
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            match &self.fd {
                Some(fd) => _ = poll(fd, left.min(PAUSE)),
                None => {
                    std::thread::sleep(left.min(pause));
                    pause = (pause * 2).min(SHORT_PAUSE);
                }
            }
        }
        true
    }

    /// Sends a signal to the process and its group; nothing happens if it has ended.
    pub(super) fn signal(&mut self, signal: libc::c_int) -> io::Result<()> {
        if self.wait(false).is_some() {
            return Ok(());
        }
        let whole = match &self.fd {
            Some(fd) => match signal_by(fd, signal, TO_GROUP) {
                // An older kernel. It was not waited for just now, so the number is its own.
                Err(error) if [Some(libc::EINVAL), Some(libc::ENOSYS)].contains(&error.raw_os_error()) => {
                    signal_to(-self.pid, signal)
                }
                result => result,
            },
            None => signal_to(-self.pid, signal),
        };
        // It may have left its group.
        let alone = |error: io::Error| match (error.raw_os_error(), &self.fd) {
            (Some(libc::ESRCH), Some(fd)) => signal_by(fd, signal, 0),
            (Some(libc::ESRCH), None) => signal_to(self.pid, signal),
            _ => Err(error),
        };
        match whole.or_else(alone) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }
}

fn signal_by(fd: &OwnedFd, signal: libc::c_int, flags: libc::c_uint) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: an open descriptor, plain numbers, and no details of the signal.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, none, flags) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn signal_to(pid: libc::pid_t, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: plain numbers.
    if unsafe { libc::kill(pid, signal) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What waitid(2) says, as wait(2) would say it.
fn status_of(code: libc::c_int, status: libc::c_int) -> ExitStatus {
    ExitStatus::from_raw(match code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status & 0x7f | 0x80,
        _ => status & 0x7f,
    })
}

/// Waits until the process has ended, for at most this time. Returns whether it has; a signal may end the wait before.
pub(crate) fn poll(process: &impl AsRawFd, most: Duration) -> bool {
    let mut wanted = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(most.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: one entry, which lives until the call is over.
    unsafe { libc::poll(&mut wanted, 1, milliseconds) > 0 }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn started(command: &mut Command) -> ChildPid {
        ChildPid::new(command.spawn().expect("it starts").id())
    }

    #[test]
    fn an_end_is_told_as_std_tells_it() {
        let told = |command: &str| match started(Command::new("sh").args(["-c", command])).wait(true) {
            Some(Ended::As(status)) => (status.code(), status.signal()),
            other => panic!("{other:?}"),
        };
        assert_eq!(told("exit 7"), (Some(7), None));
        assert_eq!(told("kill -9 $$"), (None, Some(9)));
        assert_eq!(told("kill -15 $$"), (None, Some(15)));
    }

    #[test]
    fn a_child_that_somebody_else_has_waited_for_has_ended() {
        let mut child = Command::new("true").spawn().expect("it starts");
        let mut same = ChildPid::new(child.id());
        child.wait().expect("ours");
        assert!(matches!(same.wait(true), Some(Ended::Unknown)));
        assert!(same.signal(libc::SIGKILL).is_ok());
    }

    #[test]
    fn without_a_descriptor_the_number_is_asked() {
        let mut child = ChildPid { fd: None, ..started(Command::new("sleep").arg("1000")) };
        assert!(!child.wait_until(Some(Instant::now() + Duration::from_millis(1))));
        // Not the leader of a group.
        child.signal(libc::SIGKILL).expect("ours");
        assert!(child.wait_until(None));
        assert!(matches!(child.wait(false), Some(Ended::As(status)) if status.signal() == Some(9)));
    }
}
