//! Two operations at once: one process is stopped in the middle of its own, another is killed in the middle of its.
//!
//! The stopped one is alive, so what it holds up stays held up, and survivors may see an empty or a full queue. None of
//! them may be led astray by it, and once it goes on, the books have to balance.

use std::cell::RefCell;

use ipc_posix::{Queue, Region, TryRecvError};

use super::books::{Books, Message, OTHER_VICTIM, VICTIM, message, serial_of};
use super::duets::Duet;
use super::queue::Start;
use super::stage::{Folder, Note, Page, queue_of};
use super::{
    Cpu, broadcast, byte_map, bytes, couple, duplex, full, level, loan, map, object, patience, piles, pool, print,
    spsc, value_mutex, value_watch, vector, work, work_calls,
};
use crate::stepper::{PairPoint, PairSweep, SweepReport, Verdict, Victim};

/// What one of the two does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Send,
    Recv,
}

/// What the two do.
#[derive(Debug, Clone, Copy)]
enum Deeds {
    /// At a queue: the one that is stopped, the one that is killed.
    Queue(Deed, Deed),
    /// Both create the same object.
    Create,
    /// At a small object.
    Duet(Duet),
    /// At a one-to-one queue.
    OneToOne(spsc::Couple),
    /// At a duplex.
    Duplex(duplex::Couple),
    /// At a byte queue.
    Bytes(bytes::Couple),
    /// At a stack.
    Stack(piles::Couple),
    /// At a priority queue.
    Priority(piles::Couple),
    /// At a queue with levels.
    Levels(level::Couple),
    /// At a loan queue.
    Loan(loan::Couple),
    /// At a work queue.
    Work(work::Couple),
    Calls(work_calls::Couple),
    /// At a pool.
    Pool(pool::GiveUp),
    /// At a map.
    Map(map::Couple),
    /// At a byte map.
    ByteMap(byte_map::GetReplace),
    /// At a vector.
    Vector(vector::Couple),
    /// At a mutex around a value.
    ValueMutex(value_mutex::UpdateUpdate),
    /// At a watch of a value.
    ValueWatch(value_watch::Couple),
    /// At a broadcast.
    Broadcast(broadcast::Couple),
}

/// One line of the table.
pub struct Pair {
    /// The name that the closing line carries.
    pub name: &'static str,
    deeds: Deeds,
    /// Distance of the paused one's points in instructions, when not all are taken.
    stride: u64,
}

macro_rules! table {
    ($($test:ident: $name:literal = $deeds:expr, $stride:expr;)+) => {
        /// All pairs that are swept.
        pub const PAIRS: &[Pair] = &[$(Pair { name: $name, deeds: $deeds, stride: $stride }),+];
    };
}
crate::pairs!(table);

impl Pair {
    /// The pair of this name.
    ///
    /// # Panics
    ///
    /// When the table has none.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        PAIRS.iter().find(|pair| pair.name == name).expect("a pair of the table")
    }

    /// Sweeps and prints the closing line to stdout. Takes every pair of points if `IPC_TESTS_FULL` is set.
    ///
    /// # Panics
    ///
    /// When a victim cannot be brought to a point.
    #[must_use]
    pub fn sweep(&self) -> SweepReport {
        let _cpu = Cpu::take();
        super::WEDGED.set(0);
        let sweep = PairSweep::new(self.name);
        let sweep = if full() { sweep.stride(1).every_instruction() } else { sweep.stride(self.stride) };
        let report = match self.deeds {
            Deeds::Create => self.creations(sweep),
            Deeds::Queue(paused, killed) => self.messages(sweep, paused, killed),
            Deeds::Duet(duet) => couple::sweep(duet, self.name, sweep),
            Deeds::OneToOne(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Duplex(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Bytes(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Stack(couple) => couple::sweep(piles::Both(couple, piles::AStack), self.name, sweep),
            Deeds::Priority(couple) => couple::sweep(piles::Both(couple, piles::APriorityQueue), self.name, sweep),
            Deeds::Levels(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Loan(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Work(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Calls(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Pool(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Map(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::ByteMap(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Vector(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::ValueMutex(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::ValueWatch(couple) => couple::sweep(couple, self.name, sweep),
            Deeds::Broadcast(couple) => couple::sweep(couple, self.name, sweep),
        };
        print(&format!("{report}"));
        print(&format!("    {}: {:.1?}, {} steps", self.name, report.elapsed, report.steps));
        report
    }

    fn creations(&self, sweep: PairSweep) -> SweepReport {
        let folder = Folder::new();
        let stage = RefCell::new(None);
        let victim = || {
            Victim::fork(|gate| {
                let region = folder.open();
                gate.begin();
                let made = region.queue::<Message>("object").capacity(4).open_or_create();
                gate.end();
                made.expect("the object is created");
            })
        };
        // The killed one waits for the lock in slices of 5 ms, for as long as the paused one has it.
        let sweep = sweep.blocked_ok(true).blocked_after(std::time::Duration::from_millis(3)).stuck_after(patience());
        let report = sweep.run(
            || {
                stage.take();
                let region = folder.create();
                let free = region.free();
                stage.replace(Some((region, free)));
                victim()
            },
            victim,
            |_| {
                let stage = stage.borrow();
                let (region, _) = stage.as_ref().expect("a stage");
                match region.queue::<Message>("object").open() {
                    Ok(queue) if queue.is_empty() && queue.try_send(message(1)).is_ok() => match queue.try_recv() {
                        Ok(got) if got == message(1) => Verdict::CLEAN,
                        _ => Verdict::TORN,
                    },
                    Err(error) if matches!(error.kind(), ipc_posix::ObjectErrorKind::NotFound) => Verdict::CLEAN,
                    _ => Verdict::TORN,
                }
            },
            |_| {
                let (region, free) = stage.take().expect("a stage");
                object::look(&region, free, true, &folder).err().map_or(Verdict::CLEAN, |(verdict, what)| {
                    super::complain(&what);
                    verdict
                })
            },
        );
        report.unwrap_or_else(|error| panic!("{error}"))
    }

    fn messages(&self, sweep: PairSweep, paused: Deed, killed: Deed) -> SweepReport {
        let play = Play { folder: Folder::new(), page: Page::new(), paused, killed, stage: RefCell::new(None) };
        let report = sweep.run(
            || play.stopped(),
            || play.victim(killed, OTHER_VICTIM, false),
            |_| play.meanwhile(),
            |point| super::told(self.name, play.afterwards(point)),
        );
        report.unwrap_or_else(|error| panic!("{error}"))
    }
}

const START: Start = Start::of(8, 2);

struct Play {
    folder: Folder,
    page: Page,
    paused: Deed,
    killed: Deed,
    stage: RefCell<Option<(Region, Queue<Message>, Books)>>,
}

impl Play {
    fn stopped(&self) -> Victim {
        self.stage.take();
        self.page.clear();
        let (region, queue) = START.make(&self.folder, &mut None);
        self.stage.replace(Some((region, queue, Books::new())));
        self.victim(self.paused, VICTIM, true)
    }

    fn victim(&self, deed: Deed, serial: u64, tells: bool) -> Victim {
        Victim::fork(|gate| {
            let queue = queue_of(&self.folder.open());
            let value = message(serial);
            if deed == Deed::Send {
                gate.begin();
                let sent = queue.try_send(value);
                gate.end();
                if tells && sent.is_ok() {
                    self.page.set(Note::Moved, serial);
                }
            } else {
                gate.begin();
                let got = queue.try_recv();
                gate.end();
                if let (true, Ok(got)) = (tells, got) {
                    self.page.set(Note::Moved, serial_of(&got).unwrap_or(u64::MAX));
                }
            }
        })
    }

    /// Survivors while the paused one is alive and stopped.
    fn meanwhile(&self) -> Verdict {
        let mut stage = self.stage.borrow_mut();
        let (_, queue, books) = stage.as_mut().expect("a stage");
        for _ in 0..2 {
            books.fill(queue, false);
            // The paused one may hold up what was sent behind it.
            books.drain_until(queue, false, TryRecvError::Busy);
        }
        std::mem::take(&mut books.verdict)
    }

    /// The paused one has gone on and is done.
    fn afterwards(&self, point: PairPoint) -> Verdict {
        let (_region, queue, mut books) = self.stage.take().expect("a stage");
        books.work(&queue, false);
        let other_region = self.folder.open();
        let other = queue_of(&other_region);
        if let Err(error) = other.send_timeout(message(3_000_000), patience()) {
            books.bad(Verdict::WEDGED, &format!("send_timeout: {error:?}"));
        } else {
            books.sent.push(3_000_000);
        }
        books.drain(&queue, false);

        let moved = self.page.get(Note::Moved);
        if self.paused == Deed::Recv && moved != 0 {
            // It has got a message: account for it where it belongs in the order.
            let serial = (moved != u64::MAX).then_some(moved);
            let place = books.got.iter().position(|got| got.is_some_and(|got| got > moved)).unwrap_or(books.got.len());
            books.got.insert(if (VICTIM..=OTHER_VICTIM).contains(&moved) { 0 } else { place }, serial);
        }
        let (mut lost, mut twice, mut torn) = (0, 0, 0);
        let count = |serial: u64| books.got.iter().filter(|got| **got == Some(serial)).count() as u64;
        // Everything that survivors sent arrives once, but for one that the killed receiver may have taken.
        for serial in START.messages().into_iter().chain(books.sent.iter().copied()) {
            let times = count(serial);
            lost += u64::from(times == 0);
            twice += times.saturating_sub(1);
        }
        let (paused_sent, killed_sent) = (count(VICTIM), count(OTHER_VICTIM));
        twice += paused_sent.saturating_sub(1) + killed_sent.saturating_sub(1);
        let mut missing_paused = 0;
        if self.paused == Deed::Send {
            // What it says it sent has arrived, and nothing else.
            missing_paused = u64::from(moved == VICTIM && paused_sent == 0);
            torn += u64::from(moved == 0 && paused_sent > 0);
        }
        if self.killed == Deed::Recv {
            let taken = lost + missing_paused;
            // One that it may have taken with it, finished or not.
            lost = taken.saturating_sub(1);
        } else {
            lost += missing_paused;
            // There was room: it was killed before anybody else sent.
            lost += u64::from(point.killed_finished && killed_sent == 0);
        }
        let known = |serial: u64| {
            START.messages().contains(&serial)
                || books.sent.contains(&serial)
                || [VICTIM, OTHER_VICTIM].contains(&serial)
        };
        torn += books.got.iter().filter(|got| !got.is_some_and(known)).count() as u64;
        let ours = books.got.iter().flatten().filter(|serial| ![VICTIM, OTHER_VICTIM].contains(*serial));
        torn += u64::from(!ours.is_sorted());
        let verdict = Verdict { wedged: 0, lost, duplicated: twice, torn };
        if !verdict.is_clean() {
            books.bad(verdict, &format!("{point:?}: got {:?}, sent {:?}, moved {moved}", books.got, books.sent));
        }
        let stats = queue.stats();
        if stats.sent != stats.received {
            books.bad(Verdict::TORN, &format!("a drained queue says {stats:?}"));
        }
        books.verdict
    }
}
