//! Open descriptors that go with a call, over a socket between the parent and each worker.
//!
//! A job says whether there are some. A worker that has taken such a job asks for them by the number of its call, and the pool's supervisor
//! answers. The parent keeps copies until the call has its outcome, so that the next worker gets them if this one dies.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use crate::process::descriptors::Luggage;
use crate::process::{pid, socket};
use crate::region::Region;

/// The number of no call: what goes with the initializer's arguments, which waits in the socket from the beginning.
pub(super) const INITIALIZER: u64 = 0;
/// How long one sleep of a worker is that waits for an answer. It ends by the answer.
const PAUSE: Duration = Duration::from_secs(1);

/// The first bytes of an answer: the call, an error of the system or 0, and how many regions and other descriptors come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Label {
    call: u64,
    error: i32,
    counts: [u16; 2],
}

impl Label {
    const BYTES: usize = 16;

    fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.call.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.error.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.counts[0].to_le_bytes());
        bytes[14..].copy_from_slice(&self.counts[1].to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (call, rest) = bytes.split_first_chunk()?;
        let (error, rest) = rest.split_first_chunk()?;
        let (regions, rest) = rest.split_first_chunk()?;
        let open: &[u8; 2] = rest.try_into().ok()?;
        let counts = [regions, open].map(|count| u16::from_le_bytes(*count));
        Some(Label { call: u64::from_le_bytes(*call), error: i32::from_le_bytes(*error), counts })
    }
}

/// The parent's end of the socket to one worker.
#[derive(Debug)]
pub(super) struct Counter(UnixStream);

impl Counter {
    /// The two ends, and what goes with the initializer's arguments.
    pub(super) fn new(initializer: &Luggage) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let counter = Counter(ours);
        if !initializer.is_empty() {
            counter.hand_out(INITIALIZER, initializer)?;
        }
        Ok((counter, theirs.into()))
    }

    /// Answers the worker, if it has asked. Never waits.
    ///
    /// # Errors
    ///
    /// The worker has closed its end, or does not take its answer.
    pub(super) fn answer(&self, find: impl FnOnce(u64) -> Option<Arc<Luggage>>) -> io::Result<()> {
        let mut bytes = [0; 8];
        match (&self.0).read(&mut bytes) {
            Ok(8) => {}
            Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let call = u64::from_le_bytes(bytes);
        let label = |error| Label { call, error, counts: [0; 2] }.bytes();
        // A call that is gone has nothing to run.
        let found =
            find(call).map_or(Err(io::Error::from_raw_os_error(libc::ECANCELED)), |found| self.hand_out(call, &found));
        match found {
            Ok(()) => Ok(()),
            // Too many of them are under way between processes, say.
            Err(error) => (&self.0).write_all(&label(error.raw_os_error().unwrap_or(libc::EIO))),
        }
    }

    fn hand_out(&self, call: u64, luggage: &Luggage) -> io::Result<()> {
        let label = Label { call, error: 0, counts: luggage.counts() };
        let open: Vec<_> = luggage.descriptors().collect();
        socket::send(self.0.as_fd(), &label.bytes(), &open)
    }
}

impl AsFd for Counter {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What has come to a worker for a call.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    /// Regions without a name, open so that handles among the arguments find them.
    _regions: Vec<Region>,
    pub(super) open: Vec<Option<OwnedFd>>,
}

/// A worker's end of the socket to its parent.
#[derive(Debug)]
pub(super) struct Window(UnixStream);

impl Window {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Window(socket.into())
    }

    /// Asks for what goes with a call. Waits for the answer.
    pub(super) fn ask(&self, call: u64) -> Result<Parcel, String> {
        (&self.0)
            .write_all(&call.to_le_bytes())
            .map_err(|error| format!("its open files cannot be asked for: {error}"))?;
        self.take(call)
    }

    /// Takes what comes for this call.
    pub(super) fn take(&self, call: u64) -> Result<Parcel, String> {
        while !pid::poll(&self.0, PAUSE) {}
        let mut bytes = [0; Label::BYTES];
        let received = socket::receive(self.0.as_fd(), &mut bytes);
        let (len, open) = received.map_err(|error| format!("its open files cannot be received: {error}"))?;
        let label = bytes.get(..len).and_then(Label::from_bytes).filter(|label| label.call == call);
        let label = label.ok_or("its open files have not come")?;
        if label.error != 0 {
            return Err(format!("its open files cannot be passed on: {}", io::Error::from_raw_os_error(label.error)));
        }
        let [regions, others] = label.counts.map(usize::from);
        if open.len() != regions + others {
            let (came, count) = (open.len(), regions + others);
            return Err(format!("{came} of {count} open files have arrived (see `ulimit -n`)"));
        }
        let mut open = open.into_iter();
        let regions = open.by_ref().take(regions).map(Region::from_fd).collect::<Result<_, _>>();
        let regions = regions.map_err(|error| error.to_string())?;
        Ok(Parcel { _regions: regions, open: open.map(Some).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Descriptor, descriptors};

    fn luggage() -> Luggage {
        let mut luggage = Luggage::default();
        let (one, _) = UnixStream::pair().expect("a socket");
        let mut bytes = Vec::new();
        let written =
            descriptors::written(&mut luggage, || ipc_core::bytes::append(&mut bytes, &Descriptor::from(one)));
        written.expect("it is written");
        luggage
    }

    #[test]
    fn what_goes_with_a_call_comes() {
        let (counter, theirs) = Counter::new(&luggage()).expect("a socket");
        let window = Window::new(theirs);
        assert_eq!(window.take(INITIALIZER).expect("it is there").open.len(), 1);
        counter.answer(|_| panic!("nobody has asked")).expect("nothing to do");
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| window.ask(7));
            while !pid::poll(&counter.0, PAUSE) {}
            counter.answer(|call| (call == 7).then(|| Arc::new(luggage()))).expect("there is room");
            assert_eq!(asking.join().expect("no panic").expect("it came").open.len(), 1);
            let asking = scope.spawn(|| window.ask(8));
            while !pid::poll(&counter.0, PAUSE) {}
            counter.answer(|_| None).expect("there is room");
            assert!(asking.join().expect("no panic").is_err_and(|why| why.contains("cannot be passed on")));
        });
        drop(counter);
        assert!(window.ask(9).is_err());
    }

    #[test]
    fn a_closed_window_is_an_error() {
        let (counter, theirs) = Counter::new(&Luggage::default()).expect("a socket");
        drop(theirs);
        assert!(counter.answer(|_| None).is_err());
    }
}
