//! One message with descriptors over a socket, see unix(7).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::sys;

/// The most descriptors of a message: the kernel's `SCM_MAX_FD`.
pub(crate) const MOST: usize = 253;

/// Room for a control message with this many descriptors, aligned as cmsg(3) wants it.
fn control(count: usize) -> Vec<u64> {
    // SAFETY: arithmetic.
    let bytes = unsafe { libc::CMSG_SPACE((count * size_of::<RawFd>()) as u32) } as usize;
    vec![0; bytes.div_ceil(size_of::<u64>())]
}

/// A message of these bytes, with this room for control messages. Both have to outlive it.
fn message(part: &mut libc::iovec, space: &mut [u64]) -> libc::msghdr {
    // SAFETY: all zeroes is a valid value.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    (message.msg_iov, message.msg_iovlen) = (part, 1);
    (message.msg_control, message.msg_controllen) = (space.as_mut_ptr().cast(), size_of_val(space) as _);
    message
}

/// Sends these bytes and copies of the descriptors. Does not wait.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8], open: &[BorrowedFd<'_>]) -> io::Result<()> {
    if open.len() > MOST {
        return Err(io::Error::from_raw_os_error(libc::ETOOMANYREFS));
    }
    let mut space = control(open.len());
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let message = message(&mut part, &mut space);
    // SAFETY: the control buffer has room for one header with these descriptors.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of_val(open) as u32) as _;
        let to = libc::CMSG_DATA(header).cast::<RawFd>();
        for (index, one) in open.iter().enumerate() {
            to.add(index).write_unaligned(one.as_raw_fd());
        }
    }
    loop {
        // SAFETY: the message's parts live until the call is over, and are only read.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
        match usize::try_from(sent) {
            Ok(sent) if sent == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(_) => interrupted()?,
        }
    }
}

/// Receives a message that is there: how many bytes it has, and its descriptors, which are closed on exec. Does not wait.
pub(crate) fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = control(MOST);
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut message = message(&mut part, &mut space);
    let received = loop {
        // SAFETY: the message's parts live until the call is over, and nobody else uses them meanwhile.
        let received =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) };
        match usize::try_from(received) {
            Ok(received) => break received,
            Err(_) => interrupted()?,
        }
    };
    let mut open = Vec::new();
    // SAFETY: the kernel has written the headers; each descriptor is this process's from now on, and nobody else's.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if ((*header).cmsg_level, (*header).cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let from = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..bytes / size_of::<RawFd>() {
                    open.push(OwnedFd::from_raw_fd(from.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    Ok((received, open))
}

/// The last call's error, if it was another one than a signal.
fn interrupted() -> io::Result<()> {
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}

/// A descriptor of a process, which can be waited for; `None` where the system has none to give.
pub(super) fn process(pid: libc::pid_t) -> Option<OwnedFd> {
    // SAFETY: plain numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    sys::own(i32::try_from(fd).ok().filter(|fd| *fd >= 0)?).ok().map(OwnedFd::from)
}
