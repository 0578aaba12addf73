//! Separately started programs in the line of a lock: served in order, and nobody is kept out by those that are stopped or killed.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{LockError, Mutex, Region, RwLock};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("want", want)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// The locks that processes take for themselves.
const LOCKS: [&str; 2] = ["mutex", "rwlock"];

fn mutex(region: &Region) -> Mutex<u64> {
    region.mutex("mutex").open_or_create().unwrap()
}

fn rwlock(region: &Region) -> RwLock<u64> {
    region.rwlock("rwlock").open_or_create().unwrap()
}

/// Takes the lock, says whether the last holder had died, and keeps the lock until told.
fn want(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    children::say("ready");
    match args.get("lock").as_str() {
        "mutex" => have(mutex(&region).lock()),
        _ => have(rwlock(&region).write()),
    }
}

fn have<G>(locked: Result<G, LockError<G>>) {
    match locked {
        Ok(guard) => until_told("has", guard),
        Err(LockError::OwnerDied(guard)) => until_told("has, after a death", guard),
        Err(error) => panic!("{error}"),
    }
}

fn until_told<G>(what: &str, guard: G) {
    children::say(what);
    assert_eq!(children::hear(), "leave");
    drop(guard);
}

/// A lock of this kind, its holder, and others in its line, longest first.
struct Line {
    name: TempName,
    lock: &'static str,
    holder: Child,
    others: Vec<Child>,
}

/// The bit set with which a thread of this process sleeps on a shared word, see futex(2) and proc(5).
fn lane(child: &Child) -> Option<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.pid())).expect("/proc, which tells who sleeps");
    tasks.filter_map(|task| lane_of(&std::fs::read_to_string(task.ok()?.path().join("syscall")).ok()?)).next()
}

/// The bit set in the registers of a futex wait.
fn lane_of(call: &str) -> Option<u64> {
    let number = |word: &str| match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    match call.split_whitespace().map(number).collect::<Option<Vec<u64>>>()?[..] {
        [call, _, operation, _, _, _, lane, ..]
            if call == libc::SYS_futex as u64 && operation == libc::FUTEX_WAIT_BITSET as u64 =>
        {
            Some(lane)
        }
        _ => None,
    }
}

/// The lanes of the first and the second in line.
const FRONT: [u64; 2] = [1 << 1, 1 << 2];

fn wait_for(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Line {
    fn new(lock: &'static str, count: usize) -> Self {
        let name = TempName::new("line");
        // It lives on under its name.
        let region = Region::create(name.as_str()).unwrap();
        let _ = (mutex(&region), rwlock(&region));
        let mut holder = want_one(&name, lock);
        holder.expect("has");
        let mut line = Line { name, lock, holder, others: Vec::new() };
        (0..count).for_each(|_| line.add());
        line
    }

    /// One more, behind all others.
    fn add(&mut self) {
        let another = want_one(&self.name, self.lock);
        let before = self.others.len();
        self.others.push(another);
        self.settle(0, before + 1);
    }

    /// Waits until these are the line, and sleep.
    fn settle(&self, from: usize, to: usize) {
        for (place, other) in self.others[from..to].iter().enumerate() {
            wait_for(|| match (lane(other), FRONT.get(place)) {
                (Some(lane), Some(front)) => lane == *front,
                (Some(lane), None) => lane > FRONT[1],
                (None, _) => false,
            });
        }
    }

    /// All from here on get the lock, one after another, and leave.
    fn serve(mut self, from: usize) {
        let count = self.others.len();
        for place in from..count {
            self.others[place].expect("has");
            self.settle(place + 1, count);
            leave(&mut self.others[place]);
        }
    }
}

fn want_one(name: &TempName, lock: &str) -> Child {
    let mut child = children::spawn("want", &[("name", name.as_str()), ("lock", lock)]);
    child.expect("ready");
    child
}

fn leave(child: &mut Child) {
    child.say("leave");
    assert!(child.wait().success());
}

/// Six stand in line: they get the lock in the order in which they came.
#[test]
fn the_line_is_served_in_order() {
    let _watchdog = Watchdog::new(LIMIT, "the_line_is_served_in_order");
    for lock in LOCKS {
        let mut line = Line::new(lock, 6);
        leave(&mut line.holder);
        line.serve(0);
    }
}

/// The first in line is stopped: the one behind it gets the lock. When the first goes on, it does, too.
#[test]
fn a_stopped_first_keeps_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_first_keeps_nobody_out");
    for lock in LOCKS {
        let mut line = Line::new(lock, 3);
        line.others[0].sigstop();
        leave(&mut line.holder);
        for place in [1, 2] {
            line.others[place].expect("has");
            leave(&mut line.others[place]);
        }
        line.others[0].sigcont();
        line.others[0].expect("has");
        leave(&mut line.others[0]);
    }
}

/// The first in line is killed, then the holder: the second takes over, and the third follows.
#[test]
fn a_killed_first_hides_no_death() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_first_hides_no_death");
    for lock in LOCKS {
        let mut line = Line::new(lock, 3);
        line.others[0].sigkill();
        line.holder.sigkill();
        line.others[1].expect("has, after a death");
        leave(&mut line.others[1]);
        line.others[2].expect("has, after a death");
        leave(&mut line.others[2]);
    }
}

/// The holder, the first and the second are killed at the same time: one at the back gets the lock.
#[test]
fn the_back_notices_what_nobody_else_can() {
    let _watchdog = Watchdog::new(LIMIT, "the_back_notices_what_nobody_else_can");
    for lock in LOCKS {
        let mut line = Line::new(lock, 3);
        let Line { holder, others, .. } = &mut line;
        others[0].sigstop();
        others[1].sigstop();
        holder.sigkill_unreaped();
        others[..2].iter_mut().for_each(Child::sigkill_unreaped);
        others[2].expect("has, after a death");
        leave(&mut others[2]);
    }
}

/// One of four in line is killed: the others get the lock.
#[test]
fn killed_ones_in_line_keep_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "killed_ones_in_line_keep_nobody_out");
    for lock in LOCKS {
        for killed in 0..4 {
            let mut line = Line::new(lock, 4);
            line.others.remove(killed).sigkill();
            // Each leaves as soon as it has the lock.
            line.others.iter_mut().for_each(|other| other.say("leave"));
            leave(&mut line.holder);
            for other in &mut line.others {
                other.expect("has");
                assert!(other.wait().success());
            }
        }
    }
}
