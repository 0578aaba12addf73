//! Every operation killed at every instruction: who is left has to go on, and the books have to balance.
//!
//! [`OPERATIONS`] is the table, made of the list in `list.rs`: a name, and the [`Scene`]s that the operation is killed in. A
//! scene brings the shared state to a start, makes a [`Victim`] that will run the operation, and says after the kill what the
//! survivors find.
//! [`Operation::sweep`] kills it at every instruction boundary of every scene and adds up what was wrong:
//!
//! * `wedged`: a survivor waited for ten seconds, or got an error that says that it cannot go on;
//! * `lost`, `duplicated`: a message of a send that returned did not arrive, or arrived twice;
//! * `torn`: a message, an order, a figure or a file that no complete operation leaves behind.
//!
//! A new kind of object brings its own module with a scene, and lines in `list.rs`.
//!
//! The survivor is the tracing process itself, with its own attachment. Scenes with somebody asleep have a third
//! process, which is not traced while it sleeps.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::stepper::{self, Sweep, SweepReport, Verdict, Victim};

mod array;
mod atomic;
mod barrier;
mod batches;
mod books;
mod broadcast;
mod byte_map;
mod bytes;
mod condvar;
mod couple;
mod duets;
mod duplex;
mod event;
mod halves;
mod in_line;
mod level;
mod list;
mod loan;
mod map;
mod mutex;
mod mutex_array;
mod object;
mod once;
mod pairs;
mod piles;
mod play;
mod pool;
mod queue;
mod reentrant;
mod region;
mod rwlock;
mod semaphore;
mod sleepers;
mod spsc;
mod stage;
mod value_duplex;
mod value_mutex;
mod value_watch;
mod vector;
mod watch;
mod work;
mod work_bytes;
mod work_calls;
mod work_limit;

pub use pairs::{PAIRS, Pair};

/// How long a survivor waits before it counts as wedged: far more than any repair takes. Once this many have been found
/// that nobody can doubt it, the others are only counted.
fn patience() -> Duration {
    if WEDGED.get() < 3 { Duration::from_secs(10) } else { Duration::from_secs(1) }
}

/// Waits for one that may be killed, in short waits: a waiter searches for the dead before each sleep, and a sleep at a kill would take a tenth
/// of a second at each point of the sweep. `wait` returns `None` if its time is over.
fn in_short_waits<R>(mut wait: impl FnMut(Duration) -> Option<R>) -> Option<R> {
    let end = Instant::now() + patience();
    loop {
        match wait(Duration::from_millis(4)) {
            None if Instant::now() < end => {}
            found => return found,
        }
    }
}

/// This many wedged survivors end a sweep: each costs time, and there is nothing more to learn.
const MOST_WEDGED: u64 = 10;

thread_local! {
    /// How many were found in the sweep of this thread.
    static WEDGED: Cell<u64> = const { Cell::new(0) };
}

/// One start of one operation.
pub trait Scene {
    /// Brings the shared state to the start and makes the victim.
    fn victim(&mut self) -> Victim;

    /// What the survivors find after the kill; `finished` says that the operation had returned.
    fn check(&mut self, finished: bool) -> Verdict;
}

/// The scenes of an operation, each with a name.
pub type Scenes = Vec<(String, Box<dyn Scene>)>;

/// One line of the table.
pub struct Operation {
    /// The name that the closing line carries.
    pub name: &'static str,
    scenes: fn() -> Scenes,
}

macro_rules! table {
    ($($test:ident: $name:literal = $scenes:path;)+) => {
        /// All operations that are swept.
        pub const OPERATIONS: &[Operation] = &[$(Operation { name: $name, scenes: $scenes }),+];
    };
}
crate::operations!(table);

impl Operation {
    /// The operation of this name.
    ///
    /// # Panics
    ///
    /// When the table has none.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        OPERATIONS.iter().find(|operation| operation.name == name).expect("an operation of the table")
    }

    /// Sweeps all scenes and prints the closing line to stdout. Kills at every boundary if `IPC_TESTS_FULL` is set, else at each at
    /// which something has changed that outlives the victim.
    ///
    /// # Panics
    ///
    /// When a victim cannot be brought to a point.
    #[must_use]
    pub fn sweep(&self) -> SweepReport {
        let _cpu = Cpu::take();
        WEDGED.set(0);
        let mut sum = SweepReport { name: self.name.to_owned(), ..SweepReport::default() };
        for (label, scene) in (self.scenes)() {
            let sweep = Sweep::new(self.name);
            let sweep = if full() { sweep.every_instruction() } else { sweep };
            let scene = RefCell::new(scene);
            let report = sweep
                .run(|| scene.borrow_mut().victim(), |_, finished| told(self.name, scene.borrow_mut().check(finished)));
            let report = report.unwrap_or_else(|error| {
                print(&format!("{sum} and no result in '{label}'"));
                panic!("{label}: {error}")
            });
            assert!(report.points > 0, "{}, {label}: no points", self.name);
            if std::env::var_os("IPC_TESTS_SCENES").is_some() {
                print(&format!(
                    "    {label}: points={} blocked={} in {:.1?}",
                    report.points, report.blocked, report.elapsed
                ));
            }
            add(&mut sum, report, &label);
        }
        print(&format!("{sum}"));
        print(&format!("    {}: {:.1?}, {} steps", self.name, sum.elapsed, sum.steps));
        sum
    }
}

/// Whether all points are wanted.
fn full() -> bool {
    std::env::var_os("IPC_TESTS_FULL").is_some()
}

/// Notes a verdict on the way, and gives up when too many survivors were wedged.
fn told(name: &str, verdict: Verdict) -> Verdict {
    let wedged = WEDGED.get() + verdict.wedged;
    WEDGED.set(wedged);
    if wedged >= MOST_WEDGED {
        print(&format!("sweep {name}: given up, wedged={wedged}"));
        panic!("{name}: {wedged} wedged survivors, given up");
    }
    verdict
}

/// Adds the report of one scene to the sum of an operation.
fn add(sum: &mut SweepReport, report: SweepReport, label: &str) {
    sum.points += report.points;
    sum.wedged += report.wedged;
    sum.lost += report.lost;
    sum.duplicated += report.duplicated;
    sum.torn += report.torn;
    sum.sampled += report.sampled;
    sum.same += report.same;
    sum.blocked += report.blocked;
    sum.steps += report.steps;
    sum.elapsed += report.elapsed;
    for mut finding in report.findings {
        finding.place = format!("[{label}] {}", finding.place);
        sum.findings.push(finding);
    }
}

/// Prints a line to stdout, past the capture of the test runner.
fn print(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// Tells why a verdict is not clean, to stderr.
fn complain(what: &str) {
    let _ = std::io::stderr().write_all(format!("  unclean: {what}\n").as_bytes());
}

/// A processor for one sweep: tracer and tracee have to share one, and two sweeps should not.
struct Cpu(usize);

static FREE_CPUS: Mutex<Option<Vec<usize>>> = Mutex::new(None);
static CPU_FREED: Condvar = Condvar::new();

impl Cpu {
    fn take() -> Self {
        let mut free = FREE_CPUS.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(cpu) = free.get_or_insert_with(stage::cpus).pop() {
                stepper::pin_to(cpu).expect("a CPU that the process may use");
                return Self(cpu);
            }
            free = CPU_FREED.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        let mut free = FREE_CPUS.lock().unwrap_or_else(PoisonError::into_inner);
        free.get_or_insert_default().push(self.0);
        CPU_FREED.notify_one();
    }
}
