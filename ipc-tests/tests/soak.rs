//! Workers that use every kind of object at once, and are killed and stopped at random.
//!
//! ```sh
//! IPC_TESTS_SOAK=60 cargo test --release -p ipc-tests --test soak -- --nocapture    # seconds; 5 if it is not set
//! ```
//!
//! Each worker is a process that does one thing after the other, chosen by dice. One that finds something that no sequence of
//! kills explains ends with an error, and so does one that waits for longer than anything here may take. At the end the books
//! are balanced: a token may be missing for each worker that was killed, none is there twice, no permit is gone, no lock held.

#![cfg(not(loom))]

use std::error::Error;
use std::time::Duration;

use ipc_posix::{
    Array, Atomic, Barrier, BarrierTimeoutError, ByteMap, Condvar, Event, EventGroup, InsertBytesError, InsertError,
    LockTimeoutError, Map, Mutex, OnceCell, PushError, Queue, ReentrantMutex, Region, RwLock, RwLockWriteGuard,
    Semaphore, TryRecvError, Vector, WaitTimeoutError, Watch, WriteError,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::storm::{self, PATIENCE};
use ipc_tests::watchdog::Watchdog;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROLES: &[Role] = &[("work", work)];

const WORKERS: usize = 6;
/// Places in the line.
const PLACES: usize = 20;
/// Accounts that fit.
const ACCOUNTS: usize = 6;
const PERMITS: u32 = 3;

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

#[test]
fn everything_under_random_kills() {
    let seconds = storm::seconds();
    let _watchdog = Watchdog::new(Duration::from_secs(seconds + 120), "everything_under_random_kills");
    if let Err(error) = soak(seconds) {
        panic!("{error}");
    }
}

/// Everything that the workers share.
struct Objects {
    tokens: Queue<[u64; 4]>,
    lock: Mutex<[u64; 8]>,
    ledger: Mutex<[u64; 2]>,
    nested: ReentrantMutex<[u64; 2]>,
    permits: Semaphore,
    bell: Event,
    light: Event,
    flags: EventGroup,
    changed: Condvar,
    count: Atomic<u64>,
    tallies: Array<f64>,
    accounts: Map<u64, [u64; 3]>,
    texts: ByteMap,
    line: Vector<[u64; 3]>,
    latest: Watch<[u64; 6]>,
    once: OnceCell<[u64; 3]>,
    table: RwLock<[u64; 8]>,
    round: Barrier,
}

impl Objects {
    fn open(region: &Region) -> Result<Self> {
        Ok(Objects {
            tokens: region.queue("tokens").capacity(16).open_or_create()?,
            lock: region.mutex("lock").open_or_create()?,
            ledger: region.mutex("ledger").initial([1000, 1000]).open_or_create()?,
            nested: region.reentrant_mutex("nested").open_or_create()?,
            permits: region.semaphore("permits").permits(PERMITS).bounded().open_or_create()?,
            bell: region.event("bell").auto_reset().open_or_create()?,
            light: region.event("light").open_or_create()?,
            flags: region.event_group("flags").open_or_create()?,
            changed: region.condvar("changed").open_or_create()?,
            count: region.atomic("count").open_or_create()?,
            tallies: region.array("tallies").len(5).open_or_create()?,
            accounts: region.map("accounts").capacity(ACCOUNTS).open_or_create()?,
            texts: region.byte_map("texts").capacity(ACCOUNTS).max_key(8).max_value(40).open_or_create()?,
            line: region.vector("line").capacity(PLACES).open_or_create()?,
            latest: region.watch("latest").initial([0; 6]).open_or_create()?,
            once: region.once_cell("once").open_or_create()?,
            table: region.rwlock("table").open_or_create()?,
            round: region.barrier("round").parties(2).open_or_create()?,
        })
    }

    /// One thing, whichever the dice say.
    fn step(&self, dice: &mut Dice) -> Result<()> {
        let soon = Duration::from_micros(dice.below(300));
        match dice.below(22) {
            0..4 => return self.pass_a_token(dice, soon),
            4 => return self.write_down(dice),
            5 => return self.transfer(dice),
            6 => return self.nest(),
            7 => return self.visit(dice),
            8 => {
                self.bell.set()?;
                in_time(self.bell.wait_timeout(soon))?;
            }
            9 => {
                self.light.set()?;
                self.light.clear()?;
                in_time(self.light.wait_timeout(soon))?;
            }
            10 => {
                self.flags.set(1 << dice.below(4))?;
                in_time(self.flags.take_all_timeout(0b11, soon).map(drop))?;
                in_time(self.flags.wait_any_timeout(0b1100, soon).map(drop))?;
                self.flags.clear(0b1000)?;
            }
            11 => return self.publish(dice),
            12 | 13 => return self.look_up(dice),
            14 => match self.round.wait_timeout(soon) {
                Ok(_) | Err(BarrierTimeoutError::Timeout) => {}
                Err(BarrierTimeoutError::Broken) => self.round.reset()?,
                Err(error) => return Err(error.into()),
            },
            15 => {
                let made = self.once.get_or_try_init(|| Ok::<_, WriteError>([dice.roll(); 3]))?;
                if made != [made[0]; 3] || self.once.get()? != Some(made) {
                    return Err(format!("a cell that changes: {made:?}").into());
                }
            }
            16 => {
                let tally = self.tallies.at(dice.below(5) as usize);
                let seen = tally.fetch_add(0.5)?;
                if tally.load()? < seen + 0.5 || self.tallies.iter().any(|tally| tally * 2.0 != (tally * 2.0).trunc()) {
                    return Err(format!("a sum is lost: {:?}", self.tallies.to_vec()).into());
                }
            }
            17 => return self.account(dice),
            18 => return self.write_text(dice),
            19 | 20 => return self.stand_in_line(dice),
            _ => {
                let seen = self.count.fetch_add(1)?;
                in_time(self.count.wait_until_timeout(soon, |count| count > seen + 1).map(drop))?;
                if self.count.load()? <= seen {
                    return Err("the count went back".into());
                }
            }
        }
        Ok(())
    }

    /// Changes an account, puts one in, takes one out, or checks all: each is whole, and of its key.
    fn account(&self, dice: &mut Dice) -> Result<()> {
        let key = dice.below(ACCOUNTS as u64 + 3);
        let check = |key: u64, value: [u64; 3]| {
            let right = value[0] == key && value[2] == !value[1];
            if right { Ok(()) } else { Err(format!("account {key} is {value:?}")) }
        };
        match dice.below(8) {
            0 => _ = self.accounts.remove(&key)?.map(|gone| check(key, gone)).transpose()?,
            1 => {
                for (key, value) in &self.accounts {
                    check(key, value)?;
                }
            }
            2 => {
                let all = self.accounts.lock()?;
                if all.len() != all.iter().count() {
                    return Err(format!("{} accounts, and counted: {}", all.len(), all.iter().count()).into());
                }
            }
            3 => _ = self.accounts.get(&key)?.map(|value| check(key, value)).transpose()?,
            _ => {
                let add = |value: &mut [u64; 3]| *value = [value[0], value[1] + 1, !(value[1] + 1)];
                match self.accounts.entry(key).and_modify(add).or_insert([key, 0, !0]) {
                    Ok(value) => check(key, value)?,
                    Err(InsertError::Full) if self.accounts.len() <= ACCOUNTS => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Changes a text, puts one in, takes one out, or checks all: each is its key's number, as often as its length says.
    fn write_text(&self, dice: &mut Dice) -> Result<()> {
        let number = dice.below(ACCOUNTS as u64 + 3) as u8;
        let check = |key: &[u8], text: &[u8]| {
            let right = key.first().is_some_and(|number| text.iter().all(|byte| byte == number));
            if right { Ok(()) } else { Err(format!("the text of {key:?} is {text:?}")) }
        };
        let key = vec![number; 1 + usize::from(number % 8)];
        match dice.below(6) {
            0 => _ = self.texts.remove_vec(&key)?.map(|gone| check(&key, &gone)).transpose()?,
            1 => {
                for (key, text) in &self.texts {
                    check(&key, &text)?;
                }
            }
            2 => _ = self.texts.get_vec(&key)?.map(|text| check(&key, &text)).transpose()?,
            _ => match self.texts.insert(&key, vec![number; dice.below(41) as usize]) {
                Ok(_) => {}
                Err(InsertBytesError::Full) if self.texts.len() <= ACCOUNTS => {}
                Err(error) => return Err(error.into()),
            },
        }
        Ok(())
    }

    /// Changes the line, which has the numbers from 0 on, each once: one by one, in the middle, and all of it under the lock.
    fn stand_in_line(&self, dice: &mut Dice) -> Result<()> {
        let element = |number: u64| [number, !number, number];
        let (a, b) = (dice.below(PLACES as u64) as usize, dice.below(PLACES as u64) as usize);
        match dice.below(6) {
            0 => _ = self.line.swap(a, b)?,
            1 => self.line.sort_unstable_by_key(|element| element[0] % 3)?,
            2 => {
                let most = self.line.lock()?.len() as u64 / 2;
                self.line.retain(|element| element[0] <= most)?;
            }
            3 => {
                let all = self.line.to_vec()?;
                let mut numbers: Vec<u64> = all.iter().map(|now| now[0]).collect();
                numbers.sort_unstable();
                if !numbers.into_iter().eq(0..all.len() as u64) || all.iter().any(|now| *now != element(now[0])) {
                    return Err(format!("the line is {all:?}").into());
                }
            }
            _ => {
                let mut line = self.line.lock()?;
                let next = element(line.len() as u64);
                match line.insert(a.min(line.len()), next) {
                    Ok(()) | Err(PushError::Full(..)) => {}
                    Err(error) => return Err(error.without_value().into()),
                }
            }
        }
        Ok(())
    }

    /// Publishes a value, and checks the latest one: whole, and never older than the last look.
    fn publish(&self, dice: &mut Dice) -> Result<()> {
        let before = self.latest.get_versioned()?;
        if before.value != [before.version; 6] {
            return Err(format!("version {} is {:?}", before.version, before.value).into());
        }
        if dice.below(2) == 0 {
            self.latest.update(|value| [value[0] + 1; 6])?;
        } else {
            let soon = Duration::from_micros(200);
            in_time(self.latest.wait_for_change_timeout(before.version, soon).map(drop))?;
        }
        if self.latest.version()? < before.version {
            return Err("an older version".into());
        }
        Ok(())
    }

    /// Takes a token, checks whether it is whole, and puts it back. If we are killed in between, it is gone.
    fn pass_a_token(&self, dice: &mut Dice, soon: Duration) -> Result<()> {
        match self.tokens.recv_timeout(soon) {
            Ok(token) if token == [token[0]; 4] => {
                dice.dawdle();
                Ok(self.tokens.send_timeout(token, PATIENCE)?)
            }
            Ok(token) => Err(format!("a torn token: {token:?}").into()),
            Err(error) if error.is_timeout() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes data in place. A holder that was killed has left them half-changed; otherwise they are whole.
    fn write_down(&self, dice: &mut Dice) -> Result<()> {
        let (mut guard, died) = match self.lock.lock_timeout(PATIENCE) {
            Ok(guard) => (guard, false),
            Err(error) => {
                let text = error.to_string();
                (error.into_guard().ok_or(text)?, true)
            }
        };
        let value = guard[0];
        if !died && *guard != [value; 8] {
            return Err(format!("half-changed data, and nobody died: {:?}", *guard).into());
        }
        for word in guard.iter_mut() {
            *word = value + 1;
            dice.dawdle();
        }
        guard.mark_consistent().unwrap();
        if dice.below(4) == 0 {
            self.changed.notify_all()?;
        }
        if dice.below(4) == 0 {
            let waited = self.changed.wait_timeout_while(guard, Duration::from_micros(200), |now| now[0] == value + 1);
            let guard = match waited {
                Ok((guard, _)) => guard,
                Err(error) => {
                    let text = error.to_string();
                    let (mut guard, _) = error.into_guard().ok_or(text)?;
                    *guard = [guard[0]; 8];
                    guard.mark_consistent().unwrap();
                    guard
                }
            };
            if guard[0] < value + 1 {
                return Err("the data went back".into());
            }
        }
        Ok(())
    }

    /// Reads what somebody has changed in place, or changes it.
    fn look_up(&self, dice: &mut Dice) -> Result<()> {
        if dice.below(3) != 0 {
            return match self.table.read_timeout(PATIENCE) {
                Ok(table) if *table == [table[0]; 8] => {
                    dice.dawdle();
                    if *table == [table[0]; 8] { Ok(()) } else { Err("changed under a read lock".into()) }
                }
                Ok(table) => Err(format!("half-changed, and nobody died: {:?}", *table).into()),
                Err(LockTimeoutError::OwnerDied(_)) => Ok(()),
                Err(error) => Err(error.to_string().into()),
            };
        }
        let mut table = self.table.write_timeout(PATIENCE).or_else(|error| {
            let text = error.to_string();
            error.into_guard().ok_or(text)
        })?;
        let next = table[0] + 1;
        for word in table.iter_mut() {
            *word = next;
            dice.dawdle();
        }
        table.mark_consistent().unwrap();
        if dice.below(2) == 0 {
            let table = RwLockWriteGuard::downgrade(table)?;
            if *table != [next; 8] {
                return Err("changed between a write lock and the read lock that it became".into());
            }
        }
        Ok(())
    }

    /// Changes two numbers that belong together in a transaction: nobody ever has to repair them.
    fn transfer(&self, dice: &mut Dice) -> Result<()> {
        let mut change = self.ledger.lock_transaction_timeout(PATIENCE).map_err(|error| error.to_string())?;
        if change[0] + change[1] != 2000 {
            return Err(format!("the ledger is wrong: {:?}", *change).into());
        }
        let amount = dice.below(change[0] + 1);
        change[0] -= amount;
        dice.dawdle();
        change[1] += amount;
        change.swap(0, 1);
        change.commit().unwrap();
        Ok(())
    }

    /// Sets a value under a lock that is taken twice.
    fn nest(&self) -> Result<()> {
        let outer = self.nested.lock_timeout(PATIENCE).or_else(|error| {
            let text = error.to_string();
            error.into_guard().ok_or(text)
        })?;
        outer.mark_consistent().unwrap();
        let inner = self.nested.try_lock().map_err(|error| error.to_string())?;
        let [one, other] = inner.get()?;
        if one != other {
            return Err(format!("half a value: {one} {other}").into());
        }
        inner.set([one + 1; 2])?;
        Ok(())
    }

    /// Holds some permits for a while.
    fn visit(&self, dice: &mut Dice) -> Result<()> {
        let permits = self.permits.acquire_many_timeout(1 + dice.below(2) as u32, PATIENCE)?;
        dice.dawdle();
        drop(permits);
        Ok(())
    }
}

/// A time-out is no error here.
fn in_time(result: std::result::Result<(), WaitTimeoutError>) -> Result<()> {
    match result {
        Ok(()) | Err(WaitTimeoutError::Timeout) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn work(args: &Args) {
    if let Err(error) = work_for_ever(&args.get("name"), Dice::new(args.number("seed"))) {
        panic!("{error}");
    }
}

fn work_for_ever(name: &str, mut dice: Dice) -> Result<()> {
    let region = Region::open(name)?;
    let objects = Objects::open(&region)?;
    let steps = region.counter("steps").open_or_create()?;
    loop {
        objects.step(&mut dice)?;
        steps.fetch_add(1)?;
        // Sometimes everything anew: attaching and leaving are operations, too.
        if dice.below(1000) == 0 {
            drop(Objects::open(&Region::open(name)?)?);
        }
    }
}

fn soak(seconds: u64) -> Result<()> {
    let name = TempName::new("soak");
    let region = Region::options().size(1 << 18).participants(32).objects(32).create(name.as_str())?;
    let objects = Objects::open(&region)?;
    let steps = region.counter("steps").open_or_create()?;
    let mut tokens = 0;
    let spawn =
        |_, dice: &mut Dice| children::spawn("work", &[("name", name.as_str()), ("seed", &dice.roll().to_string())]);
    let storm = storm::storm(seconds, WORKERS, spawn, || {
        // New tokens for those that went with the dead; never enough that all the workers wait for room.
        if objects.tokens.len() < 4 && objects.tokens.try_send([tokens; 4]).is_ok() {
            tokens += 1;
        }
        Ok(steps.load()?)
    })?;
    let lost = balance(&region, &objects, tokens, storm.kills)?;
    println!("soak: seconds={seconds} {storm:?} tokens_lost={lost} failures=0");
    Ok(())
}

/// Everybody is dead. How many tokens are missing?
fn balance(region: &Region, objects: &Objects, tokens: u64, kills: u64) -> Result<u64> {
    let mut found = Vec::new();
    loop {
        match objects.tokens.try_recv() {
            Ok(token) if token == [token[0]; 4] => found.push(token[0]),
            Ok(token) => return Err(format!("a torn token: {token:?}").into()),
            Err(TryRecvError::Empty) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let lost = storm::missing(found, tokens, kills)?;
    objects.permits.acquire_many_timeout(PERMITS, PATIENCE)?.forget().unwrap();
    let mut dice = Dice::new(0);
    objects.permits.release(PERMITS)?;
    objects.write_down(&mut dice)?;
    objects.transfer(&mut dice)?;
    objects.nest()?;
    drop(objects.table.write_timeout(PATIENCE));
    region.recover().unwrap();
    objects.round.reset()?;
    let left = region.participants().into_iter().filter(|participant| !participant.is_me).count();
    if left != 0
        || objects.permits.available() != PERMITS
        || objects.lock.is_locked()
        || objects.nested.is_locked()
        || objects.table.try_write().is_err_and(|error| error.would_block())
        || objects.round.waiting() != 0
    {
        return Err(format!("something is left: {left} participants, {} permits", objects.permits.available()).into());
    }
    Ok(lost)
}
