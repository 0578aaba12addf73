//! Separately started programs in the line of a lock: served in order, and nobody is kept out by those that are stopped or killed.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{LockError, LockTimeoutError, Mutex, Region, RwLock, WaitStrategy};
use ipc_tests::children::{self, Args, Child, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("want", want), ("want_twice", want_twice), ("poll_on", poll_on)];

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
    let polls = args.get("how") == "polls";
    let strategy = if polls { WaitStrategy::BusySpin } else { WaitStrategy::default() };
    match args.get("lock").as_str() {
        "mutex" => {
            let mutex = mutex(&region);
            mutex.set_wait_strategy(strategy);
            match args.get("how").as_str() {
                "gives up" => give_up(mutex.lock_timeout(SOON)),
                _ => have(mutex.lock()),
            }
        }
        _ => {
            let rwlock = rwlock(&region);
            rwlock.set_wait_strategy(strategy);
            match args.get("how").as_str() {
                "gives up" => give_up(rwlock.write_timeout(SOON)),
                _ => have(rwlock.write()),
            }
        }
    }
}

/// Two threads that want the lock at the same time.
fn want_twice(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| drop(mutex(&region).lock()))));
        children::say("ready");
    });
}

/// Takes the mutex again and again, until its value says that it is enough.
fn poll_on(args: &Args) {
    let mutex = mutex(&Region::open(&args.get("name")).unwrap());
    mutex.set_wait_strategy(WaitStrategy::BusySpin);
    children::say("ready");
    while *mutex.lock().unwrap() != ENOUGH {
        let guard = mutex.lock().unwrap();
        std::thread::sleep(Duration::from_millis(3));
        drop(guard);
    }
}

const ENOUGH: u64 = 1;

/// The time of one that gives up: long enough to stand in line.
const SOON: Duration = Duration::from_millis(200);

fn give_up<G>(locked: Result<G, LockTimeoutError<G>>) {
    assert!(matches!(locked, Err(LockTimeoutError::Timeout)));
    children::say("gave up");
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

/// The bit sets with which threads of this process sleep on shared words, see futex(2) and proc(5).
fn lanes(child: &Child) -> Vec<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.pid())).expect("/proc, which tells who sleeps");
    tasks.filter_map(|task| lane_of(&std::fs::read_to_string(task.ok()?.path().join("syscall")).ok()?)).collect()
}

/// The bit set with which a thread of this process sleeps.
fn lane(child: &Child) -> Option<u64> {
    lanes(child).first().copied()
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
            // The kernel takes 32 bits of the register.
            Some(lane & u64::from(u32::MAX))
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
        let mut holder = want_one(&name, lock, "sleeps");
        holder.expect("has");
        let mut line = Line { name, lock, holder, others: Vec::new() };
        (0..count).for_each(|_| line.add());
        line
    }

    /// One more, behind all others.
    fn add(&mut self) {
        self.add_who("sleeps");
        self.settle(0, self.others.len());
    }

    /// One more of this kind, wherever it comes to stand.
    fn add_who(&mut self, how: &str) {
        self.others.push(want_one(&self.name, self.lock, how));
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

    /// The holder leaves, and so does each of the others as soon as it has the lock.
    fn all_get_the_lock(&mut self) {
        self.others.iter_mut().for_each(|other| other.say("leave"));
        leave(&mut self.holder);
        for other in &mut self.others {
            other.expect("has");
            assert!(other.wait().success());
        }
    }
}

fn want_one(name: &TempName, lock: &str, how: &str) -> Child {
    let mut child = children::spawn("want", &[("name", name.as_str()), ("lock", lock), ("how", how)]);
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
            line.all_get_the_lock();
        }
    }
}

/// Two of five in line poll: all get the lock.
#[test]
fn those_that_poll_are_served() {
    let _watchdog = Watchdog::new(LIMIT, "those_that_poll_are_served");
    for lock in LOCKS {
        let mut line = Line::new(lock, 1);
        for how in ["polls", "sleeps", "polls", "sleeps"] {
            line.add_who(how);
        }
        line.all_get_the_lock();
    }
}

/// Four processes poll for the lock and take it all the time: one that sleeps for it gets it.
#[test]
fn those_that_poll_keep_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "those_that_poll_keep_nobody_out");
    let name = TempName::new("line");
    let region = Region::create(name.as_str()).unwrap();
    let mutex = mutex(&region);
    let mut pollers: Vec<_> = (0..4).map(|_| children::spawn("poll_on", &[("name", name.as_str())])).collect();
    pollers.iter_mut().for_each(|poller| poller.expect("ready"));
    for _ in 0..5 {
        let mut other = want_one(&name, "mutex", "sleeps");
        other.expect("has");
        leave(&mut other);
    }
    *mutex.lock().unwrap() = ENOUGH;
    assert!(pollers.iter_mut().all(|poller| poller.wait().success()));
}

/// The first, the second and the last of four give up: the third moves up, while the lock is held.
#[test]
fn others_move_up_when_a_time_is_over() {
    let _watchdog = Watchdog::new(LIMIT, "others_move_up_when_a_time_is_over");
    for lock in LOCKS {
        let mut line = Line::new(lock, 0);
        for how in ["gives up", "gives up", "sleeps", "gives up"] {
            line.add_who(how);
        }
        for place in [0, 1, 3] {
            line.others[place].expect("gave up");
        }
        wait_for(|| lane(&line.others[2]) == Some(FRONT[0]));
        leave(&mut line.holder);
        line.others[2].expect("has");
        leave(&mut line.others[2]);
    }
}

/// The first and the second are stopped when the lock becomes free: one at the back gets it.
#[test]
fn a_stopped_front_keeps_nobody_out() {
    let _watchdog = Watchdog::new(LIMIT, "a_stopped_front_keeps_nobody_out");
    let mut line = Line::new("mutex", 3);
    line.others[..2].iter_mut().for_each(Child::sigstop);
    leave(&mut line.holder);
    line.others[2].expect("has");
    leave(&mut line.others[2]);
    for other in &mut line.others[..2] {
        other.sigcont();
        other.expect("has");
        leave(other);
    }
}

/// The first and the second are threads of one process, which is killed, alone and with the holder: one behind them gets the lock.
#[test]
fn a_process_that_is_the_front_is_killed() {
    let _watchdog = Watchdog::new(LIMIT, "a_process_that_is_the_front_is_killed");
    for with_holder in [false, true] {
        let mut line = Line::new("mutex", 0);
        let mut front = children::spawn("want_twice", &[("name", line.name.as_str())]);
        front.expect("ready");
        wait_for(|| FRONT.iter().all(|lane| lanes(&front).contains(lane)));
        line.add_who("sleeps");
        let other = &mut line.others[0];
        wait_for(|| lane(other).is_some_and(|lane| lane > FRONT[1]));
        if with_holder {
            line.holder.sigkill_unreaped();
            front.sigkill_unreaped();
            other.expect("has, after a death");
        } else {
            front.sigkill();
            leave(&mut line.holder);
            other.expect("has");
        }
        leave(other);
    }
}
