//! One queue: a victim sends, receives, looks, closes or repairs.

use std::time::Duration;

use ipc_posix::{Queue, Region};

use super::books::{Books, HELPER, Message, VICTIM, WARM, message};
use super::stage::{self, Deathbed, Folder, Helper, Note, Page, queue_of};
use super::{Scene, Scenes, complain};
use crate::stepper::{Gate, Verdict, Victim};

mod start;

use start::Claimant;
pub(super) use start::Start;

/// What the operation does to the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Sends,
    Receives,
    Forces,
    Closes,
    /// No message moves, but the dead may be repaired after.
    Nothing,
}

/// Who makes it possible that a blocked operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Help {
    Nobody,
    /// Makes room, once the victim sleeps.
    Receives,
    /// Sends a message, once the victim sleeps.
    Sends,
}

/// What the victim's code gets.
pub(super) struct Cast<'s> {
    folder: &'s Folder,
    page: &'s Page,
    warm: bool,
    gate: &'s Gate,
}

impl Cast<'_> {
    fn enter(&self) -> (Region, Queue<Message>) {
        let region = self.folder.open();
        let queue = queue_of(&region);
        if self.warm {
            queue.try_send(message(WARM)).expect("there is room");
        }
        self.page.set(Note::Armed, 1);
        (region, queue)
    }
}

struct QueueScene {
    start: Start,
    effect: Effect,
    help: Help,
    act: fn(Cast<'_>),
    folder: Folder,
    page: Page,
    deathbed: Deathbed,
    stage: Option<(Region, Queue<Message>, Option<Helper>)>,
}

fn scenes(effect: Effect, help: Help, act: fn(Cast<'_>), starts: &[(&str, Start)]) -> Scenes {
    let scene = |start| QueueScene {
        start,
        effect,
        help,
        act,
        folder: Folder::new(),
        page: Page::new(),
        deathbed: None,
        stage: None,
    };
    starts.iter().map(|(label, start)| ((*label).to_owned(), Box::new(scene(*start)) as Box<dyn Scene>)).collect()
}

impl QueueScene {
    /// The ways in which messages may arrive: was the oldest taken, and is the victim's there?
    fn ways(&self, finished: bool, before: &[u64], later: &[u64], helped: bool) -> Vec<Vec<u64>> {
        // A sender passes over what the dead left.
        let sends = matches!(self.effect, Effect::Sends | Effect::Forces);
        let passed = usize::from(sends && self.start.claimant != Claimant::None);
        let room = !self.start.closed && (self.start.tickets() - passed < self.start.capacity || helped);
        let there = !before.is_empty();
        let ways: &[(bool, bool)] = match (self.effect, finished) {
            (Effect::Sends, true) => &[(false, room)],
            (Effect::Sends, false) if room => &[(false, false), (false, true)],
            (Effect::Receives, true) => &[(there, false)],
            (Effect::Receives, false) if there => &[(false, false), (true, false)],
            (Effect::Forces, true) if room => &[(false, true)],
            (Effect::Forces, true) => &[(true, true)],
            (Effect::Forces, false) if room => &[(false, false), (false, true)],
            (Effect::Forces, false) => &[(false, false), (true, false), (true, true)],
            _ => &[(false, false)],
        };
        let way = |(taken, given): &(bool, bool)| {
            let left = before.iter().skip(usize::from(*taken));
            left.copied().chain(given.then_some(VICTIM)).chain(later.iter().copied()).collect()
        };
        ways.iter().map(way).collect()
    }
}

impl Scene for QueueScene {
    fn victim(&mut self) -> Victim {
        self.stage = None;
        self.page.clear();
        let (region, queue) = self.start.make(&self.folder, &mut self.deathbed);
        let (folder, page, act, warm) = (&self.folder, &self.page, self.act, self.start.warm);
        let victim = Victim::fork(|gate| act(Cast { folder, page, warm, gate }));
        let (pid, help) = (victim.pid(), self.help);
        let helper = (help != Help::Nobody).then(|| {
            Helper::fork(|| {
                let queue = queue_of(&folder.open());
                while page.get(Note::Armed) == 0 || !stage::sleeps(pid) {
                    if page.get(Note::Stop) != 0 {
                        return;
                    }
                    stage::pause();
                }
                match help {
                    Help::Receives => page.set(Note::Moved, queue.recv().expect("a message is there")[0]),
                    _ => {
                        queue.send(message(HELPER)).expect("room is there");
                        page.set(Note::Moved, HELPER);
                    }
                }
            })
        });
        self.stage = Some((region, queue, helper));
        victim
    }

    fn check(&mut self, finished: bool) -> Verdict {
        let Some((_region, queue, helper)) = self.stage.take() else { return Verdict::CLEAN };
        let mut books = Books::new();
        let mut before = self.start.messages();
        let mut helped = false;
        if let Some(helper) = helper {
            self.page.set(Note::Stop, 1);
            if !helper.join() {
                books.bad(Verdict::TORN, "the helper failed");
            }
            let moved = self.page.get(Note::Moved);
            helped = moved != 0;
            match self.help {
                Help::Receives if helped => books.got.push(Some(moved)),
                Help::Sends if helped => before.push(moved),
                _ => {}
            }
        }
        let closed = queue.is_closed();
        let expected = match self.effect {
            Effect::Closes => finished.then_some(true),
            _ => Some(self.start.closed),
        };
        if expected.is_some_and(|expected| expected != closed) {
            books.bad(Verdict::TORN, &format!("closed: {closed}, finished: {finished}"));
        }
        // The claimant's place gets a new and living owner, who is not to be taken for the old one.
        let _owner = (self.start.claimant == Claimant::SamePlace).then(|| self.folder.open());
        books.work(&queue, closed);
        if !books.verdict.is_clean() {
            // Whatever the books would say now follows from this.
            return books.verdict;
        }
        // The victim's place, for somebody else, whose view is the same.
        let region = self.folder.open();
        let other = queue_of(&region);
        if other.is_closed() != closed {
            books.bad(Verdict::TORN, "closed for one and open for another");
        }
        let warm_sent = !self.start.warm || books.got.contains(&Some(WARM));
        if !warm_sent {
            complain("the message before the operation is missing");
        }
        if !closed {
            books.fill(&queue, false);
            books.drain(&other, false);
        }
        let ways = self.ways(finished, &before, &books.sent.clone(), helped);
        let way = books.compare(&ways);
        queue.close().unwrap();
        books.drain(&other, true);

        let stats = queue.stats();
        let tickets = (stats.sent.wrapping_sub(self.start.first)) & ((1 << 52) - 1);
        if stats.sent != stats.received || stats.len != 0 {
            books.bad(Verdict::TORN, &format!("a drained queue says {stats:?}"));
        }
        if let Some(way) = way {
            let all = before.len() + books.sent.len() + usize::from(books.got.contains(&Some(VICTIM)));
            let taken = all - books.got.len();
            let given_up = stats.given_up as usize;
            let balance = books.got.len() + taken + given_up;
            // A repairer that died between a repair and its note of it is not in the statistics.
            let repairs = self.start.claimant != Claimant::None;
            if balance > tickets as usize || (!repairs && balance != tickets as usize) {
                let what = format!("way {way}: {tickets} tickets, {balance} accounted for, {stats:?}");
                books.bad(Verdict::TORN, &what);
            }
        }
        books.verdict
    }
}

const NONE: Claimant = Claimant::None;
const DEAD: Claimant = Claimant::Elsewhere;

const SEND_STARTS: &[(&str, Start)] = &[
    ("empty of 1", Start::of(1, 0)),
    ("empty of 2", Start::of(2, 0)),
    ("empty of 8", Start::of(8, 0)),
    ("one of 8", Start::of(8, 1)),
    ("one of 3", Start::of(3, 1)),
    ("almost full of 8", Start::of(8, 7)),
    ("used handle", Start::of(8, 1).warm()),
    ("used handle, almost full", Start::of(8, 6).warm()),
    ("wrap", Start::of(2, 1).wrapping()),
    ("wrap of 8, used handle", Start::of(8, 1).wrapping().warm()),
    ("mark of a sleeper", Start::of(8, 0).with_waiters()),
    ("dead claimant, not marked", Start::of(8, 0).claimed(DEAD)),
    ("dead claimant, marked", Start::of(8, 2).claimed(DEAD)),
    ("dead claimant of 2", Start::of(2, 0).claimed(DEAD)),
    ("full by a dead claimant", Start::of(1, 0).claimed(DEAD)),
    ("full behind a dead claimant", Start::of(4, 3).claimed(DEAD).with_waiters()),
    ("full behind a dead claimant, wrap", Start::of(2, 1).claimed(DEAD).wrapping()),
];

const REFUSED_STARTS: &[(&str, Start)] = &[
    ("full of 1", Start::of(1, 1)),
    ("full of 8", Start::of(8, 8)),
    ("closed", Start::of(8, 2).closed()),
    ("closed with a dead claimant", Start::of(8, 1).claimed(DEAD).closed()),
];

fn both(first: &[(&'static str, Start)], second: &[(&'static str, Start)]) -> Vec<(&'static str, Start)> {
    [first, second].concat()
}

pub(super) fn try_send() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        let value = message(VICTIM);
        cast.gate.begin();
        let result = queue.try_send(value);
        cast.gate.end();
        std::hint::black_box(result).ok();
    }
    scenes(Effect::Sends, Help::Nobody, act, &both(SEND_STARTS, REFUSED_STARTS))
}

pub(super) fn send() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        let value = message(VICTIM);
        cast.gate.begin();
        let result = queue.send(value);
        cast.gate.end();
        result.expect("there is room");
    }
    scenes(Effect::Sends, Help::Nobody, act, SEND_STARTS)
}

pub(super) fn send_blocked() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        let value = message(VICTIM);
        cast.gate.begin();
        let result = queue.send(value);
        cast.gate.end();
        result.expect("room was made");
    }
    let starts = &[("full of 1", Start::of(1, 1)), ("full of 2", Start::of(2, 2))];
    scenes(Effect::Sends, Help::Receives, act, starts)
}

pub(super) fn recv_blocked() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        cast.gate.begin();
        let result = queue.recv();
        cast.gate.end();
        assert_eq!(result.expect("a message came"), message(HELPER));
    }
    let starts = &[("empty of 1", Start::of(1, 0)), ("empty of 8, wrap", Start::of(8, 0).wrapping())];
    scenes(Effect::Receives, Help::Sends, act, starts)
}

pub(super) fn send_timeout() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        let value = message(VICTIM);
        cast.gate.begin();
        let result = queue.send_timeout(value, Duration::from_millis(1));
        cast.gate.end();
        result.expect_err("nobody makes room");
    }
    let starts = &[("full of 1", Start::of(1, 1)), ("full of 8", Start::of(8, 8).with_waiters())];
    scenes(Effect::Sends, Help::Nobody, act, starts)
}

pub(super) fn recv_timeout() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        cast.gate.begin();
        let result = queue.recv_timeout(Duration::from_millis(1));
        cast.gate.end();
        result.expect_err("nobody sends");
    }
    let starts = &[("empty of 1", Start::of(1, 0)), ("empty of 8", Start::of(8, 0).with_waiters())];
    scenes(Effect::Receives, Help::Nobody, act, starts)
}

const RECEIVE_STARTS: &[(&str, Start)] = &[
    ("one of 1", Start::of(1, 1)),
    ("one of 2", Start::of(2, 1)),
    ("one of 8", Start::of(8, 1)),
    ("full of 2", Start::of(2, 2)),
    ("full of 3", Start::of(3, 3)),
    ("full of 8", Start::of(8, 8)),
    ("wrap", Start::of(2, 2).wrapping()),
    ("wrap of 8", Start::of(8, 5).wrapping()),
    ("mark of a sleeper", Start::of(2, 2).with_waiters()),
    ("closed", Start::of(8, 2).closed()),
];

const EMPTY_STARTS: &[(&str, Start)] = &[
    ("empty", Start::of(8, 0)),
    ("empty of 1, wrap", Start::of(1, 0).wrapping()),
    ("closed and drained", Start::of(8, 0).closed()),
];

/// A dead claimant at the head: not marked, marked, with messages behind it, in a closed queue.
const fn repairs(claimant: Claimant) -> [(&'static str, Start); 6] {
    [
        ("dead claimant, not marked", Start::of(8, 0).claimed(claimant)),
        ("dead claimant before one", Start::of(8, 1).claimed(claimant)),
        ("dead claimant before seven", Start::of(8, 7).claimed(claimant)),
        ("dead claimant alone, of 1", Start::of(1, 0).claimed(claimant)),
        ("dead claimant, wrap", Start::of(2, 1).claimed(claimant).wrapping()),
        ("dead claimant, closed", Start::of(8, 2).claimed(claimant).closed()),
    ]
}

fn act_try_recv(cast: Cast<'_>) {
    let (_region, queue) = cast.enter();
    cast.gate.begin();
    let result = queue.try_recv();
    cast.gate.end();
    std::hint::black_box(result).ok();
}

pub(super) fn try_recv() -> Scenes {
    scenes(Effect::Receives, Help::Nobody, act_try_recv, &both(RECEIVE_STARTS, EMPTY_STARTS))
}

pub(super) fn recv() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        cast.gate.begin();
        let result = queue.recv();
        cast.gate.end();
        result.expect("a message is there");
    }
    let mut starts = RECEIVE_STARTS.to_vec();
    starts.extend(repairs(DEAD).into_iter().filter(|(_, start)| start.filled > 0));
    scenes(Effect::Receives, Help::Nobody, act, &starts)
}

pub(super) fn repairing_try_recv() -> Scenes {
    scenes(Effect::Receives, Help::Nobody, act_try_recv, &repairs(DEAD))
}

pub(super) fn recover() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (region, _queue) = cast.enter();
        cast.gate.begin();
        let found = region.recover().unwrap();
        cast.gate.end();
        assert_eq!(found, 1);
    }
    scenes(Effect::Nothing, Help::Nobody, act, &repairs(DEAD))
}

pub(super) fn repairing_attach() -> Scenes {
    fn act(cast: Cast<'_>) {
        cast.gate.begin();
        let region = cast.folder.options().open(super::stage::REGION);
        cast.gate.end();
        assert_eq!(region.expect("the region opens").participant_number(), 2, "the claimant's place");
    }
    let starts = repairs(Claimant::SamePlace);
    scenes(Effect::Nothing, Help::Nobody, act, &starts[2..3])
}

pub(super) fn force_send() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        let value = message(VICTIM);
        cast.gate.begin();
        let result = queue.force_send(value);
        cast.gate.end();
        result.expect("the queue is open");
    }
    let starts = &[
        ("empty", Start::of(8, 0)),
        ("full of 1", Start::of(1, 1)),
        ("full of 8", Start::of(8, 8)),
        ("full, wrap", Start::of(2, 2).wrapping()),
        ("full, mark of a sleeper", Start::of(2, 2).with_waiters()),
        ("full behind a dead claimant", Start::of(2, 1).claimed(DEAD)),
    ];
    scenes(Effect::Forces, Help::Nobody, act, starts)
}

pub(super) fn peek() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        cast.gate.begin();
        let result = queue.peek();
        cast.gate.end();
        std::hint::black_box(result);
    }
    let starts = &[
        ("empty", Start::of(8, 0)),
        ("one", Start::of(8, 1)),
        ("full", Start::of(2, 2)),
        ("dead claimant", Start::of(8, 2).claimed(DEAD)),
    ];
    scenes(Effect::Nothing, Help::Nobody, act, starts)
}

pub(super) fn close() -> Scenes {
    fn act(cast: Cast<'_>) {
        let (_region, queue) = cast.enter();
        cast.gate.begin();
        let first = queue.close().unwrap();
        cast.gate.end();
        std::hint::black_box(first);
    }
    let starts = &[
        ("empty", Start::of(8, 0).claimed(NONE)),
        ("one", Start::of(8, 1)),
        ("full", Start::of(2, 2)),
        ("wrap", Start::of(2, 1).wrapping()),
        ("marks of sleepers", Start::of(8, 0).with_waiters()),
        ("mark of a sleeping sender", Start::of(2, 2).with_waiters()),
        ("dead claimant", Start::of(8, 1).claimed(DEAD)),
        ("dead claimant, not marked", Start::of(8, 0).claimed(DEAD)),
        ("closed before", Start::of(8, 1).closed()),
    ];
    scenes(Effect::Closes, Help::Nobody, act, starts)
}
