//! Wake-ups that the dead owed: somebody sleeps on a queue while the victim is killed in the operation that should
//! wake it. Nobody else touches the queue before the sleeper has had its time, which is a slice of its sleep: a tenth
//! of a second.
//!
//! The drop of a half is long before it changes anything. Most points there get a signal in place of the end of the
//! slice, which is the same to the sleeper; every sixteenth does not.

use ipc_posix::{Queue, RecvError, Region, SendError};

use super::books::{Books, HELPER, Message, VICTIM, message};
use super::queue::Start;
use super::stage::{self, Folder, Note, Page, queue_of};
use super::{Scene, Scenes};
use crate::stepper::{Verdict, Victim};

/// What the sleeper notes about its end.
const OK: u64 = 1;
const CLOSED: u64 = 2;
const DISCONNECTED: u64 = 3;
const OTHER: u64 = 4;

/// What the victim does, and so where the other sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Sends,
    Receives,
    Closes,
    DropsSender,
}

struct SleeperScene {
    deed: Deed,
    start: Start,
    folder: Folder,
    page: Page,
    points: u64,
    stage: Option<(Region, Queue<Message>, Victim)>,
}

/// From the start of a queue to the first word of its set of senders, and the victim's bit there.
const SENDERS_OFFSET: u64 = 512;
const VICTIMS_BIT: u32 = 1 << 2;
/// Of this many points where nothing has changed yet, one waits for the end of the slice.
const WAITING: u64 = 16;

extern "C" fn interrupted(_: libc::c_int) {}

fn scenes(deed: Deed, starts: &[(&str, Start)]) -> Scenes {
    let scene = |start| SleeperScene { deed, start, folder: Folder::new(), page: Page::new(), points: 0, stage: None };
    starts.iter().map(|(label, start)| ((*label).to_owned(), Box::new(scene(*start)) as Box<dyn Scene>)).collect()
}

pub(super) fn send() -> Scenes {
    scenes(Deed::Sends, &[("a receiver sleeps", Start::of(2, 0))])
}

pub(super) fn recv() -> Scenes {
    scenes(Deed::Receives, &[("a sender sleeps", Start::of(2, 2)), ("a sender sleeps, of 1", Start::of(1, 1))])
}

pub(super) fn close() -> Scenes {
    scenes(Deed::Closes, &[("a receiver sleeps", Start::of(2, 0)), ("a sender sleeps", Start::of(1, 1))])
}

pub(super) fn drop_half() -> Scenes {
    scenes(Deed::DropsSender, &[("a receiver sleeps", Start::of(2, 0))])
}

impl SleeperScene {
    fn sleeper_sends(&self) -> bool {
        self.start.filled == self.start.capacity
    }

    fn fall_asleep(&self) -> Victim {
        let (folder, page, sends, half) =
            (&self.folder, &self.page, self.sleeper_sends(), self.deed == Deed::DropsSender);
        stage::sleeper(|gate| {
            // SAFETY: all zeroes is a valid action; the handler does nothing.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = interrupted as extern "C" fn(libc::c_int) as usize;
                libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
            }
            let queue = queue_of(&folder.open());
            let receiver = half.then(|| queue.receiver().expect("a receiver"));
            gate.begin();
            let result = if sends {
                match queue.send(message(HELPER)) {
                    Ok(()) => OK,
                    Err(SendError::Closed(_)) => CLOSED,
                    Err(_) => OTHER,
                }
            } else {
                let got = match &receiver {
                    Some(receiver) => receiver.recv(),
                    None => queue.recv(),
                };
                match got {
                    Ok(got) => {
                        page.set(Note::Moved, if got == message(got[0]) { got[0] } else { u64::MAX });
                        OK
                    }
                    Err(RecvError::Closed) => CLOSED,
                    Err(RecvError::Disconnected) => DISCONNECTED,
                    Err(_) => OTHER,
                }
            };
            page.set(Note::Result, result);
            gate.end();
        })
    }

    fn victim_is_present(&self, region: &Region) -> bool {
        stage::word_at(&self.folder, region.list()[0].offset + SENDERS_OFFSET) & VICTIMS_BIT != 0
    }

    fn ended(&self) -> bool {
        self.page.get(Note::Result) != 0
    }
}

impl Scene for SleeperScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let (region, queue) = self.start.make(&self.folder, &mut None);
        let (folder, page, deed) = (&self.folder, &self.page, self.deed);
        // With halves, the victim has to be there before the receiver searches for senders.
        let victim = Victim::fork(|gate| {
            let queue = queue_of(&folder.open());
            let value = message(VICTIM);
            let sender = (deed == Deed::DropsSender).then(|| queue.sender().expect("a sender"));
            page.set(Note::Armed, 1);
            while page.get(Note::Stop) == 0 {
                stage::pause();
            }
            gate.begin();
            match deed {
                Deed::Sends => {
                    let _ = std::hint::black_box(queue.try_send(value));
                }
                Deed::Receives => {
                    let _ = std::hint::black_box(queue.try_recv());
                }
                Deed::Closes => {
                    let _ = std::hint::black_box(queue.close().unwrap());
                }
                Deed::DropsSender => drop(sender),
            }
            gate.end();
        });
        assert!(stage::comes_true(|| page.get(Note::Armed) == 1), "the victim sets up");
        assert_eq!(self.victim_is_present(&region), deed == Deed::DropsSender, "the layout is another");
        let sleeper = self.fall_asleep();
        let pid = sleeper.pid();
        assert!(stage::comes_true(|| stage::sleeps(pid)), "the sleeper sleeps");
        page.set(Note::Stop, 1);
        self.stage = Some((region, queue, sleeper));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((region, queue, mut sleeper)) = self.stage.take() else { return Verdict::CLEAN };
        let mut books = Books::new();
        let stats = || queue.stats();
        let is_woken = match self.deed {
            // A ticket without a message: then the sleeper repairs and goes on sleeping.
            Deed::Sends => {
                let came = stats().sent == 1 && {
                    if !stage::comes_true(|| self.ended() || stats().given_up == 1) {
                        books.bad(Verdict::WEDGED, "the sleeper neither got the message nor gave the ticket up");
                    }
                    stats().given_up == 0
                };
                if !came {
                    if finished {
                        books.bad(Verdict::LOST, "a send that returned has sent nothing");
                    }
                    queue.try_send(message(1)).expect("there is room");
                }
                came
            }
            Deed::Receives => {
                let taken = stats().received == 1;
                if finished && !taken && !self.ended() {
                    books.bad(Verdict::TORN, "a recv that returned has taken nothing");
                }
                if !taken {
                    books.take(&queue.try_recv().expect("a message is there"));
                }
                taken
            }
            Deed::Closes => {
                let closed = stats().closed || queue.is_closed();
                if finished && !closed {
                    books.bad(Verdict::TORN, "a close that returned has not closed");
                }
                if !closed && self.sleeper_sends() {
                    books.take(&queue.try_recv().expect("a message is there"));
                } else if !closed {
                    queue.try_send(message(1)).expect("the queue is open");
                }
                closed
            }
            Deed::DropsSender => {
                self.points += 1;
                if self.victim_is_present(&region) && !self.points.is_multiple_of(WAITING) {
                    // SAFETY: no memory is passed; our own child, not reaped.
                    unsafe { libc::kill(sleeper.pid(), libc::SIGUSR1) };
                }
                true
            }
        };
        if !stage::comes_true(|| self.ended()) {
            books.bad(Verdict::WEDGED, &format!("the sleeper sleeps on, {:?}", stats()));
            return books.verdict;
        }
        if let Err(error) = sleeper.finish() {
            books.bad(Verdict::WEDGED, &format!("the sleeper: {error}"));
        }
        let wanted = match self.deed {
            Deed::Sends if is_woken => (OK, VICTIM),
            Deed::Sends => (OK, 1),
            Deed::Receives => (OK, 0),
            Deed::Closes if is_woken => (CLOSED, 0),
            Deed::Closes => (OK, u64::from(!self.sleeper_sends())),
            Deed::DropsSender => (DISCONNECTED, 0),
        };
        let found = (self.page.get(Note::Result), self.page.get(Note::Moved));
        if found != wanted {
            books.bad(Verdict::TORN, &format!("the sleeper ended with {found:?}, not with {wanted:?}"));
        }
        // Whatever the victim took was the oldest.
        let before = self.start.messages();
        let taken = usize::from(self.deed == Deed::Receives && is_woken);
        let helper = (self.sleeper_sends() && found.0 == OK).then_some(HELPER);
        let closed = queue.is_closed();
        books.work(&queue, closed);
        let all = before[taken..].iter().copied().chain(helper).chain(books.sent.iter().copied()).collect();
        books.compare(&[all]);
        books.verdict
    }
}
