//! Messages that show when they are torn, and the books of what became of them.

use ipc_posix::{Queue, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};

use super::{complain, patience};
use crate::stepper::Verdict;

/// A message of several words: a serial number, and words that follow from it.
pub(super) type Message = [u64; 5];

/// Serial numbers of the one message that a victim sends.
pub(super) const VICTIM: u64 = 1_000_000;
pub(super) const OTHER_VICTIM: u64 = 1_000_001;
/// Of the message that a victim has sent before its operation, through the same handle.
pub(super) const WARM: u64 = 500_000;
/// Of a message that a claimant died with.
pub(super) const CLAIMANT: u64 = 700_000;
/// Of the message that a helper or a sleeper sends.
pub(super) const HELPER: u64 = 800_000;
/// The first that the survivor sends after the kill.
const LATER: u64 = 2_000_000;

/// The message with this number.
pub(super) fn message(serial: u64) -> Message {
    std::array::from_fn(|i| if i == 0 { serial } else { (serial ^ i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) })
}

/// The number of a message; nothing if it is torn.
pub(super) fn serial_of(message_: &Message) -> Option<u64> {
    (*message_ == message(message_[0])).then_some(message_[0])
}

/// What a survivor sent and got.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) got: Vec<Option<u64>>,
    pub(super) sent: Vec<u64>,
    pub(super) verdict: Verdict,
    next: u64,
}

impl Books {
    pub(super) fn new() -> Self {
        Self { got: Vec::new(), sent: Vec::new(), verdict: Verdict::CLEAN, next: LATER }
    }

    pub(super) fn bad(&mut self, verdict: Verdict, what: &str) {
        complain(what);
        self.verdict += verdict;
    }

    pub(super) fn take(&mut self, message: &Message) {
        self.got.push(serial_of(message));
    }

    fn sent_one(&mut self) {
        self.sent.push(self.next);
        self.next += 1;
    }

    /// Sends until the queue says that it is full, or closed; at most as many as fit.
    pub(super) fn fill(&mut self, queue: &Queue<Message>, closed: bool) {
        for _ in 0..=queue.capacity() {
            match (queue.try_send(message(self.next)), closed) {
                (Ok(()), false) => self.sent_one(),
                (Err(TrySendError::Full(_)), false) => return self.count(queue, queue.capacity()),
                (Err(TrySendError::Closed(_)), true) => return,
                (other, _) => return self.bad(Verdict::TORN, &format!("try_send: {other:?}, closed: {closed}")),
            }
        }
        self.bad(Verdict::TORN, "more messages than the capacity");
    }

    /// Receives until the queue says that it is empty, or closed and drained: with what is left, no more than the queue says that
    /// there are, which counts what the dead were writing.
    pub(super) fn drain(&mut self, queue: &Queue<Message>, closed: bool) {
        let (told, taken) = (queue.len(), self.got.len());
        self.drain_until(queue, closed, TryRecvError::Empty);
        let (got, left) = (self.got.len() - taken, queue.len());
        if got + left > told || told > queue.capacity() {
            self.bad(Verdict::TORN, &format!("{got} messages and {left} left in a queue that said {told}"));
        }
    }

    /// The queue says that it has this many messages.
    fn count(&mut self, queue: &Queue<Message>, there: usize) {
        let (len, empty, full) = (queue.len(), queue.is_empty(), queue.is_full());
        if len != there || empty != (len == 0) || full != (len == queue.capacity()) {
            self.bad(Verdict::TORN, &format!("{len} messages, not {there}; empty: {empty}, full: {full}"));
        }
    }

    /// Receives until the queue says that it is empty, or what else it may say while a living process is stopped.
    pub(super) fn drain_until(&mut self, queue: &Queue<Message>, closed: bool, or: TryRecvError) {
        for _ in 0..=queue.capacity() {
            match (queue.try_recv(), closed) {
                (Ok(message), _) => self.take(&message),
                (Err(error), false) if error == or => return,
                (Err(TryRecvError::Empty), false) | (Err(TryRecvError::Closed), true) => return,
                (other, _) => return self.bad(Verdict::WEDGED, &format!("try_recv: {other:?}, closed: {closed}")),
            }
        }
        self.bad(Verdict::TORN, "a queue that does not get empty");
    }

    /// One message there and one back, with time to wait.
    fn round(&mut self, queue: &Queue<Message>) {
        match queue.send_timeout(message(self.next), patience()) {
            Ok(()) => self.sent_one(),
            Err(SendTimeoutError::Timeout(_)) => return self.bad(Verdict::WEDGED, "send_timeout: timeout"),
            Err(other) => return self.bad(Verdict::TORN, &format!("send_timeout: {other:?}")),
        }
        match queue.recv_timeout(patience()) {
            Ok(message) => self.take(&message),
            Err(RecvTimeoutError::Timeout) => self.bad(Verdict::WEDGED, "recv_timeout: timeout"),
            Err(other) => self.bad(Verdict::TORN, &format!("recv_timeout: {other:?}")),
        }
    }

    /// Lets a survivor use the queue for two laps and more.
    pub(super) fn work(&mut self, queue: &Queue<Message>, closed: bool) {
        self.fill(queue, closed);
        self.drain(queue, closed);
        if closed {
            return;
        }
        for _ in 0..2 * queue.capacity() + 2 {
            if !self.verdict.is_clean() {
                return;
            }
            self.round(queue);
        }
        self.fill(queue, false);
        self.drain(queue, false);
        self.count(queue, 0);
    }

    /// Compares what arrived with the ways it may have come; says which one it was.
    pub(super) fn compare(&mut self, allowed: &[Vec<u64>]) -> Option<usize> {
        let whole: Vec<u64> = self.got.iter().flatten().copied().collect();
        if whole.len() == self.got.len()
            && let Some(way) = allowed.iter().position(|way| *way == whole)
        {
            return Some(way);
        }
        let mut verdict = Verdict { torn: (self.got.len() - whole.len()) as u64, ..Verdict::CLEAN };
        let times = |serial: u64| whole.iter().filter(|other| **other == serial).count() as u64;
        let mut different = whole.clone();
        different.sort_unstable();
        different.dedup();
        for serial in different {
            verdict.duplicated += times(serial) - 1;
            verdict.torn += u64::from(!allowed.iter().any(|way| way.contains(&serial)));
        }
        let always = allowed[0].iter().filter(|serial| allowed.iter().all(|way| way.contains(serial)));
        verdict.lost += always.filter(|serial| times(**serial) == 0).count() as u64;
        if verdict.is_clean() {
            // Nothing is missing or twice: it came in the wrong order, or in a combination that cannot be.
            verdict = Verdict::TORN;
        }
        self.bad(verdict, &format!("got {:?}, allowed {allowed:?}", self.got));
        None
    }
}
