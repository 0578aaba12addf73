//! Workers that move data in every way at once, and are killed and stopped at random.
//!
//! ```sh
//! IPC_TESTS_SOAK=60 cargo test --release -p ipc-tests --test soak_streams -- --nocapture    # seconds; 5 if it is not set
//! ```
//!
//! Tokens go round: two relays pass them on through a one-to-one queue each way, other workers take them out of a queue of bytes, a
//! queue of loans, a stack, a priority queue and a queue with levels, and put them back. Each worker publishes, and follows what all publish. What a worker has in its hands when it is
//! killed may be missing in the end; nothing else, and nothing is there twice. All blocks are free again. Of the jobs that workers lease and
//! give back none is missing. Callers get the answers to their own calls, and leave nothing behind.

#![cfg(not(loom))]

mod piles;
mod talks;

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use ipc_posix::{
    Broadcast, BroadcastSubscriber, ByteQueue, ByteWorkQueue, Duplex, LevelQueue, LoanQueue, PriorityQueue,
    PublishTimeoutError, RecvBroadcastTimeoutError, RecvBytesTimeoutError, RecvTimeoutError, Region, SpscConsumer,
    SpscProducer, Stack, ValueDuplex, WorkQueue,
};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::storm::{self, PATIENCE};
use ipc_tests::watchdog::Watchdog;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROLES: &[Role] = &[("work", work), ("relay", relay)];

/// The first two are relays.
const WORKERS: usize = 6;
/// Jobs that go round.
const JOBS: u64 = 12;
/// Tokens that a worker may have in its hands.
const HANDFUL: usize = 3;
const BLOCKS: usize = 16;
const BLOCK_LEN: usize = 64;
/// Words of a token that goes through the one-to-one queues.
type Token = [u64; 3];
/// Who published it, its number there, and words that follow from these.
type News = [u64; 4];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

#[test]
fn data_in_motion_under_random_kills() {
    let seconds = storm::seconds();
    let _watchdog = Watchdog::new(Duration::from_secs(seconds + 120), "data_in_motion_under_random_kills");
    if let Err(error) = soak(seconds) {
        panic!("{error}");
    }
}

fn soak(seconds: u64) -> Result<()> {
    let name = TempName::new("streams");
    let region = Region::options().size(1 << 20).participants(32).objects(32).create(name.as_str())?;
    for stream in ["there", "back"] {
        region.spsc::<Token>(stream).capacity(64).create()?;
    }
    let relayed = region.counter("relayed").create()?;
    let steps = region.counter("steps").create()?;
    let objects = Objects::open(&region)?;
    let (mut bytes, mut blocks, mut stacked, mut queued, mut levelled, mut jobs, mut byte_jobs) = (0, 0, 0, 0, 0, 0, 0);
    let spawn = |number: usize, dice: &mut Dice| {
        let role = if number < 2 { "relay" } else { "work" };
        let args = [("name", name.as_str()), ("seed", &dice.roll().to_string()), ("number", &number.to_string())];
        children::spawn(role, &args)
    };
    let storm = storm::storm(seconds, WORKERS, spawn, || {
        // New tokens for those that went with the dead.
        if objects.bytes.is_empty() && objects.bytes.try_send(&message(bytes, 40)).is_ok() {
            bytes += 1;
        }
        if objects.loans.len() < 4 && objects.loans.try_send_copy(&[blocks; 5]).is_ok() {
            blocks += 1;
        }
        if objects.stack.len() < 4 && objects.stack.try_send([stacked; 3]).is_ok() {
            stacked += 1;
        }
        if objects.keyed.len() < 6 && objects.keyed.try_send(queued % 5, [queued; 3]).is_ok() {
            queued += 1;
        }
        if objects.levels.len() < 6 && objects.levels.try_send(levelled as usize % 3, [levelled; 3]).is_ok() {
            levelled += 1;
        }
        if jobs < JOBS && objects.work.try_send([jobs; 3]).is_ok() {
            jobs += 1;
        }
        if byte_jobs < JOBS && objects.byte_work.try_send(&message(byte_jobs, byte_jobs * 70)).is_ok() {
            byte_jobs += 1;
        }
        Ok(steps.load()?)
    })?;

    // Everybody is dead.
    let kills = storm.kills;
    let mut found = Vec::new();
    while let Ok(message) = objects.bytes.try_recv_vec() {
        found.push(number_of(&message)?);
    }
    let bytes_lost = storm::missing(found, bytes, kills)?;
    let mut found = Vec::new();
    while let Ok(block) = objects.loans.try_recv() {
        found.push(one_number(&block.to_vec())?);
    }
    let blocks_lost = storm::missing(found, blocks, kills)?;
    let mut found = Vec::new();
    while let Ok(token) = objects.stack.try_recv() {
        found.push(one_number(&token)?);
    }
    let stacked_lost = storm::missing(found, stacked, HANDFUL as u64 * kills)?;
    let (mut found, mut lowest) = (Vec::new(), 0);
    while let Ok((key, token)) = objects.keyed.try_recv() {
        found.push(one_number(&token)?);
        if key < lowest || key != token[0] % 5 {
            return Err(format!("key {key} of {token:?} comes after {lowest}").into());
        }
        lowest = key;
    }
    let queued_lost = storm::missing(found, queued, HANDFUL as u64 * kills)?;
    let (mut found, mut highest) = (Vec::new(), 0);
    while let Ok(token) = objects.levels.try_recv() {
        found.push(one_number(&token)?);
        if token[0] % 3 < highest {
            return Err(format!("{token:?} comes after level {highest}").into());
        }
        highest = token[0] % 3;
    }
    let levelled_lost = storm::missing(found, levelled, HANDFUL as u64 * kills)?;
    // The dead had jobs in hand: each is noticed before this one sleeps.
    let mut found = Vec::new();
    while let Ok(job) = objects.work.recv_timeout(Duration::from_millis(100)) {
        found.push(one_number(&*job)?);
        job.done()?;
    }
    storm::missing(found, jobs, 0)?;
    objects.work.wait_idle_timeout(PATIENCE)?;
    let mut found = Vec::new();
    while let Ok(job) = objects.byte_work.recv_timeout(Duration::from_millis(100)) {
        found.push(number_of(&job)?);
        job.done()?;
    }
    storm::missing(found, byte_jobs, 0)?;
    objects.byte_work.wait_idle_timeout(PATIENCE)?;
    // What the dead have called nobody waits for, and no block of theirs is left.
    region.recover()?;
    while let Ok(job) = objects.calls.try_recv() {
        number_of(&job)?;
        job.done()?;
    }
    let stats = objects.calls.stats();
    if (stats.len, stats.leased, stats.answered, stats.dead) != (0, 0, 0, 0) || !objects.calls.is_idle() {
        return Err(format!("calls are left: {stats:?}").into());
    }
    let all = (0..BLOCKS).map(|_| objects.loans.try_loan_uninit(1)).collect::<std::result::Result<Vec<_>, _>>();
    drop(all.map_err(|error| format!("a block is missing: {error}"))?);
    let mut found = Vec::new();
    for stream in ["there", "back"] {
        let mut consumer = region.spsc::<Token>(stream).open()?.consumer()?;
        while let Ok(token) = consumer.try_recv() {
            found.push(one_number(&token)?);
        }
    }
    let relayed_lost = storm::missing(found, relayed.load()?, HANDFUL as u64 * kills)?;
    println!(
        "soak of streams: seconds={seconds} {storm:?} lost={:?} failures=0",
        [bytes_lost, blocks_lost, stacked_lost, queued_lost, levelled_lost, relayed_lost]
    );
    Ok(())
}

/// What the workers share, but for the ends of the one-to-one queues.
struct Objects {
    bytes: ByteQueue,
    loans: LoanQueue<u64>,
    stack: Stack<Token>,
    keyed: PriorityQueue<u64, Token>,
    levels: LevelQueue<Token>,
    work: WorkQueue<Token>,
    byte_work: ByteWorkQueue,
    calls: ByteWorkQueue,
    talk: Duplex<Token, Token>,
    values: ValueDuplex<talks::Value, talks::Value>,
    /// Publishers wait.
    news: Broadcast<News>,
    /// They do not.
    ticker: Broadcast<News>,
}

impl Objects {
    fn open(region: &Region) -> Result<Self> {
        Ok(Objects {
            bytes: region.byte_queue("bytes").capacity(4096).open_or_create()?,
            loans: region.loan_queue("loans").blocks(BLOCKS).block_len(BLOCK_LEN).open_or_create()?,
            stack: region.stack("stack").capacity(16).open_or_create()?,
            keyed: region.priority_queue("keyed").capacity(16).open_or_create()?,
            levels: region.level_queue("levels").levels(3).capacity(16).open_or_create()?,
            work: region.work_queue("work").capacity(JOBS as usize).leases(8).attempts(0).open_or_create()?,
            byte_work: {
                let wanted = region.byte_work_queue("byte work").capacity(JOBS as usize).max_len(1000);
                wanted.leases(8).attempts(0).open_or_create()?
            },
            calls: {
                let wanted = region.byte_work_queue("calls").capacity(4).max_len(200).max_reply(400);
                wanted.leases(8).attempts(0).open_or_create()?
            },
            talk: region.duplex("talk").capacity(4).open_or_create()?,
            values: region.value_duplex("values").capacity(200).open_or_create()?,
            news: region.broadcast("news").capacity(16).wait_for_subscribers(8).open_or_create()?,
            ticker: region.broadcast("ticker").capacity(16).overwrite().open_or_create()?,
        })
    }
}

/// A token of bytes: its number, and `len` bytes that follow from it.
fn message(number: u64, len: u64) -> Vec<u8> {
    let mut message = number.to_ne_bytes().to_vec();
    message.extend((0..len).map(|at| (number ^ at) as u8));
    message
}

fn number_of(message_: &[u8]) -> Result<u64> {
    let number = message_.first_chunk().map(|begin| u64::from_ne_bytes(*begin)).unwrap_or(u64::MAX);
    if message_ == message(number, message_.len().saturating_sub(8) as u64) {
        Ok(number)
    } else {
        Err(format!("a torn message: {message_:?}").into())
    }
}

/// The number of which all these words are.
fn one_number(words: &[u64]) -> Result<u64> {
    match words {
        [first, rest @ ..] if rest.iter().all(|word| word == first) => Ok(*first),
        torn => Err(format!("a torn message: {torn:?}").into()),
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
    let steps = region.counter("steps").open()?;
    let me = dice.roll();
    let (mut news, mut ticker) = (Follower::new(&objects.news, false)?, Follower::new(&objects.ticker, true)?);
    loop {
        let soon = Duration::from_micros(dice.below(300));
        match dice.below(8) {
            0 => pass_bytes(&objects.bytes, &mut dice, soon)?,
            7 if dice.below(2) == 0 => match dice.below(2) {
                0 => talks::talk(&objects.talk, me, &mut dice, soon)?,
                _ => talks::talk_of_values(&objects.values, me, &mut dice, soon)?,
            },
            7 => ask_or_answer(&objects.calls, &mut dice, soon)?,
            6 if dice.below(2) == 0 => give_back(&objects.work, &mut dice, soon)?,
            6 => give_bytes_back(&objects.byte_work, &mut dice, soon)?,
            4 => piles::pass_tokens(&objects.stack, &mut dice, soon)?,
            5 if dice.below(2) == 0 => piles::pass_tokens_of_a_level(&objects.levels, &mut dice, soon)?,
            5 => piles::pass_keyed_tokens(&objects.keyed, &mut dice, soon)?,
            1 => pass_a_block(&objects.loans, &mut dice, soon)?,
            2 => news.take_part(&objects.news, me, &mut dice, soon)?,
            _ => ticker.take_part(&objects.ticker, me, &mut dice, soon)?,
        }
        steps.fetch_add(1)?;
    }
}

/// Takes a token, and puts it back with another length.
fn pass_bytes(bytes: &ByteQueue, dice: &mut Dice, soon: Duration) -> Result<()> {
    let mut room = [0; 1024];
    match bytes.recv_timeout(&mut room, soon) {
        Ok(len) => {
            let number = number_of(&room[..len])?;
            dice.dawdle();
            Ok(bytes.send_timeout(&message(number, dice.below(900)), PATIENCE)?)
        }
        Err(RecvBytesTimeoutError::Timeout) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Leases a job, and gives it back.
fn give_back(work: &WorkQueue<Token>, dice: &mut Dice, soon: Duration) -> Result<()> {
    match work.recv_timeout(soon) {
        Ok(job) => {
            one_number(&*job)?;
            dice.dawdle();
            Ok(())
        }
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Leases a job of bytes, reads it twice, and gives it back.
fn give_bytes_back(work: &ByteWorkQueue, dice: &mut Dice, soon: Duration) -> Result<()> {
    match work.recv_timeout(soon) {
        Ok(job) => {
            let number = number_of(&job)?;
            dice.dawdle();
            if number_of(&job)? == number { Ok(()) } else { Err("a leased job was written".into()) }
        }
        Err(RecvTimeoutError::Timeout) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Calls, and waits for the answer for a while; or answers, with the same number and twice the bytes, or gives back.
fn ask_or_answer(calls: &ByteWorkQueue, dice: &mut Dice, soon: Duration) -> Result<()> {
    if dice.below(2) == 0 {
        let Ok(job) = calls.recv_timeout(soon) else { return Ok(()) };
        let answer = message(number_of(&job)?, 2 * (job.len() as u64 - 8));
        dice.dawdle();
        return if dice.below(4) == 0 { Ok(()) } else { Ok(job.reply(&answer).map(drop)?) };
    }
    let (number, len) = (dice.roll(), dice.below(190));
    let Ok(ticket) = calls.call_timeout(&message(number, len), soon) else { return Ok(()) };
    dice.dawdle();
    match ticket.wait_timeout(soon) {
        Ok(answer) if answer == message(number, 2 * len) => Ok(()),
        Ok(answer) => Err(format!("the answer to {number}: {answer:?}").into()),
        Err(error) if error.is_timeout() => Ok(ticket.cancel().map(drop)?),
        Err(error) => Err(error.into()),
    }
}

/// Takes a token, and puts it back: the block itself, or another one.
fn pass_a_block(loans: &LoanQueue<u64>, dice: &mut Dice, soon: Duration) -> Result<()> {
    let block = match loans.recv_timeout(soon) {
        Ok(block) => block,
        Err(RecvTimeoutError::Timeout) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let words = block.to_vec();
    let number = one_number(&words)?;
    dice.dawdle();
    if dice.below(2) == 0 {
        return block.into_loan().send().map_err(|error| error.without_value().into());
    }
    drop(block);
    let len = 1 + dice.below(BLOCK_LEN as u64) as usize;
    let mut loan = loans.loan_uninit_timeout(len, PATIENCE)?;
    (0..len).for_each(|at| loan.set(at, number));
    loan.send().map_err(|error| error.without_value().into())
}

/// One who publishes, and follows what everybody publishes.
struct Follower {
    subscriber: BroadcastSubscriber<News>,
    published: u64,
    /// Whether publishers do not wait for it.
    may_miss: bool,
    /// The number that comes next from each publisher, and whether it may be a later one because something was missed.
    next: HashMap<u64, (u64, bool)>,
}

impl Follower {
    fn new(broadcast: &Broadcast<News>, may_miss: bool) -> Result<Self> {
        Ok(Follower { subscriber: broadcast.subscribe()?, published: 0, may_miss, next: HashMap::new() })
    }

    fn take_part(&mut self, broadcast: &Broadcast<News>, me: u64, dice: &mut Dice, soon: Duration) -> Result<()> {
        // First what is there: who waits for subscribers may wait for itself.
        while self.follow(Duration::ZERO)? {}
        let number = self.published;
        match broadcast.publish_timeout([me, number, !me, me ^ number], soon) {
            Ok(_) => self.published += 1,
            Err(PublishTimeoutError::Timeout(_)) => {}
            Err(error) => return Err(error.to_string().into()),
        }
        dice.dawdle();
        self.follow(soon).map(drop)
    }

    /// Whether there was something.
    fn follow(&mut self, soon: Duration) -> Result<bool> {
        match self.subscriber.recv_timeout(soon) {
            Ok(news @ [who, number, ..]) if news == [who, number, !who, who ^ number] => {
                match self.next.insert(who, (number + 1, false)) {
                    Some((next, later)) if number < next || number > next && !later => {
                        Err(format!("{number} instead of {next} from {who:x}").into())
                    }
                    _ => Ok(true),
                }
            }
            Ok(torn) => Err(format!("torn news: {torn:?}").into()),
            Err(RecvBroadcastTimeoutError::Lagged(_)) if self.may_miss => {
                self.next.values_mut().for_each(|(_, later)| *later = true);
                Ok(true)
            }
            Err(RecvBroadcastTimeoutError::Timeout) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn relay(args: &Args) {
    let streams = if args.number("number") == 0 { ["there", "back"] } else { ["back", "there"] };
    if let Err(error) = relay_for_ever(&args.get("name"), streams, Dice::new(args.number("seed"))) {
        panic!("{error}");
    }
}

/// Takes over from the last relay, who is dead, and passes on what comes.
fn relay_for_ever(name: &str, [from, to]: [&str; 2], mut dice: Dice) -> Result<()> {
    let region = Region::open(name)?;
    let mut from: SpscConsumer<Token> = region.spsc(from).open()?.consumer()?;
    let mut to: SpscProducer<Token> = region.spsc(to).open()?.producer()?;
    let (relayed, steps) = (region.counter("relayed").open()?, region.counter("steps").open()?);
    for _ in 0..HANDFUL {
        // Instead of one that the last relay had in its hands, perhaps. Never enough that there is no room.
        if from.slots() + (to.capacity() - to.slots()) < 16 {
            to.send_timeout([relayed.fetch_add(1)?; 3], PATIENCE)?;
        }
    }
    loop {
        let mut hand = [[0; 3]; HANDFUL];
        let most = 1 + dice.below(HANDFUL as u64) as usize;
        let count = match from.recv_slice_timeout(&mut hand[..most], Duration::from_micros(dice.below(300))) {
            Ok(count) => count,
            // The other relay is dead: there will be another one.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => 0,
            Err(error) => return Err(error.into()),
        };
        for token in &hand[..count] {
            one_number(token)?;
            dice.dawdle();
        }
        to.send_slice_timeout(&hand[..count], PATIENCE)?;
        steps.fetch_add(1)?;
    }
}
