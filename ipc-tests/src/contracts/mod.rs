//! What the objects mean, written once: each contract is a function over the handle, generic over the platform, and two actors
//! play it together.
//!
//! A contract reads from top to bottom. Its steps belong to one actor or the other ([`Role::one`], [`Role::two`]), while the
//! other waits for the end of the step, or to both at once ([`Role::at_once`]). Where the actors are is the stage's affair:
//! [`stages`] has threads over ordinary memory, threads that have a region open twice, and processes. The lists below say on
//! which stages a contract is played; `tests/contracts.rs` plays them.

use std::cell::Cell;
use std::time::Duration;

pub mod broadcast;
pub mod byte_map;
pub mod bytes;
pub mod cells;
pub mod condvar;
pub mod deadlines;
pub mod deaths;
pub mod duplex;
pub mod level;
pub mod loan;
pub mod locks;
pub mod priority;
pub mod queue;
pub mod semaphore;
pub mod signals;
pub mod spsc;
pub mod stack;
pub mod stages;
pub mod strategies;
pub mod values;
pub mod vector;
pub mod work;

/// A test of each contract of a list, played by the function `stage` of the module that it is written in.
#[macro_export]
macro_rules! contracts_on_stage {
    ($($name:ident: $wanted:expr => $contract:path;)+) => {$(
        #[test]
        fn $name() {
            stage(stringify!($name), &$wanted, $contract);
        }
    )+};
}

/// One of the two actors of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that laid the object out.
    One,
    /// The one that found it.
    Two,
}

/// How an actor talks with the other.
pub trait Line {
    /// Says that a step is done.
    fn say(&self, step: &str);

    /// Waits for what the other says next.
    fn hear(&self) -> String;

    /// Kills the other, on a stage where one can.
    fn kill(&self);
}

/// Who an actor is, and its line to the other one.
pub struct Role<'l> {
    side: Side,
    line: &'l dyn Line,
    steps: Cell<u32>,
}

impl<'l> Role<'l> {
    /// The role of this actor.
    #[must_use]
    pub fn new(side: Side, line: &'l dyn Line) -> Self {
        Role { side, line, steps: Cell::new(0) }
    }

    /// A step of the first actor. The other one goes on when it is done, and has `None`.
    pub fn one<R>(&self, act: impl FnOnce() -> R) -> Option<R> {
        self.step(Side::One, act)
    }

    /// A step of the second actor. The other one goes on when it is done, and has `None`.
    pub fn two<R>(&self, act: impl FnOnce() -> R) -> Option<R> {
        self.step(Side::Two, act)
    }

    /// A step of both at once: each does its part, and goes on when both are done.
    pub fn at_once(&self, one: impl FnOnce(), two: impl FnOnce()) {
        match self.side {
            Side::One => one(),
            Side::Two => two(),
        }
        let step = self.next();
        self.line.say(&step);
        assert_eq!(self.line.hear(), step);
    }

    /// Tells the other actor a number, and returns what that one tells.
    pub fn share(&self, mine: usize) -> usize {
        self.line.say(&mine.to_string());
        self.line.hear().parse().expect("the other actor shares, too")
    }

    /// The second actor is killed where it stands. Only the first one returns.
    pub fn two_is_killed(&self) {
        match self.side {
            Side::One => self.line.kill(),
            Side::Two => {
                let said = self.line.hear();
                unreachable!("killed, but told '{said}'")
            }
        }
    }

    fn step<R>(&self, side: Side, act: impl FnOnce() -> R) -> Option<R> {
        let step = self.next();
        if self.side == side {
            let result = act();
            self.line.say(&step);
            Some(result)
        } else {
            drop(act);
            assert_eq!(self.line.hear(), step);
            None
        }
    }

    fn next(&self) -> String {
        self.steps.set(self.steps.get() + 1);
        format!("step {}", self.steps.get())
    }
}

/// A time that a contract waits in vain. In Miri a poll takes a millisecond, and `SpinPlatform` takes it for a microsecond.
pub const SHORT: Duration = Duration::from_micros(if cfg!(miri) { 20 } else { 1000 });

/// How often a contract repeats a step: as often as it says, but a tenth of that in Miri, where a round takes milliseconds.
#[must_use]
pub const fn rounds(count: u64) -> u64 {
    if cfg!(miri) { count / 10 } else { count }
}

/// Hands the contracts that hold on every stage to the macro `$with`: the name, the objects, the function.
#[macro_export]
macro_rules! contracts_everywhere {
    ($with:ident) => {
        $with! {
            queue_is_first_in_first_out: One(queue::Options::new(2)) => contracts::queue::first_in_first_out;
            queue_send_iter: One(queue::Options::new(10)) => contracts::queue::send_iter;
            queue_force_send: One(queue::Options::new(2)) => contracts::queue::force_send;
            queue_close_then_drain: One(queue::Options::new(4)) => contracts::queue::close_then_drain;
            queue_close_wakes: One(queue::Options::new(1)) => contracts::queue::close_wakes;
            queue_waits_for_room: One(queue::Options::new(2)) => contracts::queue::waits_for_room;
            queue_batches: One(queue::Options::new(3)) => contracts::queue::batches;
            queue_halves: One(queue::Options::new(2)) => contracts::queue::halves;
            queue_time_limits: One(queue::Options::new(1)) => contracts::queue::time_limits;
            stack_is_last_in_first_out: One(stack::Options::new(2)) => contracts::stack::last_in_first_out;
            stack_close_then_drain: One(stack::Options::new(4)) => contracts::stack::close_then_drain;
            stack_close_wakes: One(stack::Options::new(1)) => contracts::stack::close_wakes;
            stack_waits_for_room: One(stack::Options::new(2)) => contracts::stack::waits_for_room;
            stack_batches: One(stack::Options::new(3)) => contracts::stack::batches;
            stack_halves: One(stack::Options::new(2)) => contracts::stack::halves;
            stack_time_limits: One(stack::Options::new(1)) => contracts::stack::time_limits;
            priority_is_lowest_first: One(priority::Options::new(5)) => contracts::priority::lowest_first;
            priority_keeps_its_order: One(priority::Options::new(64)) => contracts::priority::order;
            priority_close_then_drain: One(priority::Options::new(4)) => contracts::priority::close_then_drain;
            priority_waits_for_room: One(priority::Options::new(2)) => contracts::priority::waits_for_room;
            priority_batches: One(priority::Options::new(3)) => contracts::priority::batches;
            priority_halves: One(priority::Options::new(2)) => contracts::priority::halves;
            priority_time_limits: One(priority::Options::new(1)) => contracts::priority::time_limits;
            level_is_highest_first: One(level::Options::new(3, 2)) => contracts::level::highest_first;
            level_is_strict: One(level::Options::new(3, 2)) => contracts::level::strict;
            level_all_have_turns: One(contracts::level::fair()) => contracts::level::all_have_turns;
            level_close_then_drain: One(level::Options::new(3, 4)) => contracts::level::close_then_drain;
            level_close_wakes: One(level::Options::new(3, 1)) => contracts::level::close_wakes;
            level_waits_for_room: One(level::Options::new(3, 2)) => contracts::level::waits_for_room;
            level_batches: One(level::Options::new(3, 2)) => contracts::level::batches;
            level_halves: One(level::Options::new(3, 2)) => contracts::level::halves;
            level_time_limits: One(level::Options::new(3, 1)) => contracts::level::time_limits;
            bytes_keep_their_borders: One(bytes::Options::new(256)) => contracts::bytes::borders;
            bytes_close_then_drain: One(bytes::Options::new(256)) => contracts::bytes::close_then_drain;
            bytes_halves: One(bytes::Options::new(256)) => contracts::bytes::halves;
            values_round_trip: One(bytes::Options::new(256)) => contracts::values::round_trip;
            values_ends: One(bytes::Options::new(256)) => contracts::values::ends;
            deadlines_of_values: One(bytes::Options::new(64)) => contracts::values::deadlines;
            loans_come_back: One(loan::Options::new(2, 4)) => contracts::loan::given_back;
            loan_close_then_drain: One(loan::Options::new(2, 4)) => contracts::loan::close_then_drain;
            loan_forwarded: One(loan::Options::new(1, 4)) => contracts::loan::forwarded;
            work_comes_back: One(contracts::work::two_attempts()) => contracts::work::comes_back;
            work_letters: One(contracts::work::two_attempts()) => contracts::work::letters;
            work_time_limit: One(contracts::work::with_limit()) => contracts::work::time_limit;
            work_in_order: One(contracts::work::two_attempts()) => contracts::work::in_order;
            work_wait_idle: One(contracts::work::two_attempts()) => contracts::work::wait_idle;
            work_bytes: One(contracts::work::of_bytes()) => contracts::work::bytes;
            work_values: One(contracts::work::of_bytes()) => contracts::work::values;
            work_calls: One(contracts::work::of_calls()) => contracts::work::calls;
            work_value_calls: One(contracts::work::of_calls()) => contracts::work::value_calls;
            work_close_then_drain: One(work::Options::new(4)) => contracts::work::close_then_drain;
            loan_halves: One(loan::Options::new(2, 4)) => contracts::loan::halves;
            broadcast_lag: One(contracts::broadcast::overwriting()) => contracts::broadcast::lag;
            broadcast_waits: One(contracts::broadcast::waiting()) => contracts::broadcast::waits;
            broadcast_close_then_drain: One(contracts::broadcast::waiting()) => contracts::broadcast::close_then_drain;
            broadcast_abandoned: One(contracts::broadcast::overwriting()) => contracts::broadcast::abandoned;
            spsc_claims: One(spsc::Options::new(4)) => contracts::spsc::claims;
            spsc_close_then_drain: One(spsc::Options::new(4)) => contracts::spsc::close_then_drain;
            spsc_chunks: One(spsc::Options::new(4)) => contracts::spsc::chunks;
            spsc_send_iter: One(spsc::Options::new(4)) => contracts::spsc::send_iter;
            spsc_abandoned: One(spsc::Options::new(4)) => contracts::spsc::abandoned;
            duplex_talks: One(duplex::Options::new(2)) => contracts::duplex::talks;
            duplex_sessions: One(duplex::Options::new(2)) => contracts::duplex::sessions;
            duplex_meets: One(duplex::Options::new(2)) => contracts::duplex::meets;
            duplex_stream: One(duplex::Options::new(5)) => contracts::duplex::stream;
            duplex_values: One(duplex::Options::new(9)) => contracts::duplex::values;
            mutex_excludes: One(mutex::Options::default()) => contracts::locks::mutex_excludes;
            mutex_counts: One(mutex::Options::default()) => contracts::locks::mutex_counts;
            mutex_transaction: One(mutex::Options::default()) => contracts::locks::transaction;
            mutex_slice_transaction: One(mutex::SliceOptions { len: 3, ..Default::default() }) => contracts::locks::slice_transaction;
            rwlock_slice: One(rwlock::SliceOptions { len: 3, ..rwlock::SliceOptions::new(64) }) => contracts::locks::rwlock_slice;
            reentrant_excludes: One(mutex::ReentrantOptions::default()) => contracts::locks::reentrant_excludes;
            rwlock_readers_share: One(rwlock::Options::new(64)) => contracts::locks::rwlock_shares;
            rwlock_downgrade: One(rwlock::Options::new(64)) => contracts::locks::downgrade;
            condvar_notify: Two(mutex::Options::default(), condvar::Options) => contracts::condvar::notify;
            condvar_turns: Two(mutex::Options::default(), condvar::Options) => contracts::condvar::turns;
            semaphore_permits: One(contracts::semaphore::two_permits()) => contracts::semaphore::permits;
            semaphore_many: One(contracts::semaphore::two_permits()) => contracts::semaphore::many;
            semaphore_closes: One(contracts::semaphore::two_permits()) => contracts::semaphore::closes;
            event_lets_all_go: One(event::Options::default()) => contracts::signals::manual_reset;
            event_lets_one_go: One(contracts::signals::auto()) => contracts::signals::auto_reset;
            event_group: One(event::GroupOptions::default()) => contracts::signals::group;
            barrier_meets: One(contracts::signals::pair()) => contracts::signals::barrier_meets;
            barrier_breaks: One(contracts::signals::pair()) => contracts::signals::barrier_breaks;
            atomic_waits: One(atomic::Options::default()) => contracts::cells::atomic_waits;
            array_elements: One(array::Options { initial: 9, ..array::Options::new(5) }) => contracts::cells::array;
            map_entries: One(map::Options::new(3, [1, 2])) => contracts::cells::map;
            byte_map_entries: One(contracts::byte_map::small()) => contracts::byte_map::entries;
            vector_elements: One(vector::Options::new(4)) => contracts::vector::elements;
            vector_locks: One(vector::Options::new(4)) => contracts::vector::locks;
            once_is_once: One(once::Options::new()) => contracts::cells::once;
            watch_versions: One(watch::Options::new(0)) => contracts::cells::watch_versions;
            watch_reader: One(watch::Options::new(0)) => contracts::cells::watch_reader;
            watch_abandoned: One(watch::Options::new(0)) => contracts::cells::watch_abandoned;
            strategies_of_queue: One(queue::Options::new(1)) => contracts::strategies::queue;
            strategies_of_stack: One(stack::Options::new(1)) => contracts::strategies::stack;
            strategies_of_priority: One(priority::Options::new(1)) => contracts::strategies::priority;
            strategies_of_levels: One(level::Options::new(3, 1)) => contracts::strategies::levels;
            strategies_are_inherited: One(queue::Options::new(1)) => contracts::strategies::inherited;
            strategies_of_bytes: One(bytes::Options::new(16)) => contracts::strategies::bytes;
            strategies_of_loan: One(loan::Options::new(1, 1)) => contracts::strategies::loans;
            strategies_of_work: One(work::Options::new(1)) => contracts::strategies::work;
            strategies_of_spsc: One(spsc::Options::new(1)) => contracts::strategies::spsc;
            strategies_of_duplex: One(duplex::Options::new(1)) => contracts::strategies::duplex;
            strategies_of_broadcast: One(contracts::broadcast::waiting()) => contracts::strategies::broadcast;
            strategies_of_mutex: One(mutex::Options::default()) => contracts::strategies::mutex;
            strategies_of_reentrant: One(mutex::ReentrantOptions::default()) => contracts::strategies::reentrant;
            strategies_of_rwlock: One(rwlock::Options::new(64)) => contracts::strategies::rwlock;
            strategies_of_condvar: Two(mutex::Options::default(), condvar::Options) => contracts::strategies::condvar;
            strategies_of_semaphore: One(contracts::semaphore::two_permits()) => contracts::strategies::semaphore;
            strategies_of_event: One(contracts::signals::auto()) => contracts::strategies::event;
            strategies_of_group: One(event::GroupOptions::default()) => contracts::strategies::group;
            strategies_of_barrier: One(contracts::signals::pair()) => contracts::strategies::barrier;
            strategies_of_atomic: One(atomic::Options::default()) => contracts::strategies::atomic;
            strategies_of_once: One(once::Options::new()) => contracts::strategies::once;
            strategies_of_map: One(map::Options::new(3, [1, 2])) => contracts::strategies::map;
            strategies_of_byte_map: One(contracts::byte_map::small()) => contracts::byte_map::strategies;
            strategies_of_vector: One(vector::Options::new(4)) => contracts::strategies::vector;
            strategies_of_watch: One(watch::Options::new(0)) => contracts::strategies::watch;
            deadlines_of_queue: One(queue::Options::new(2)) => contracts::deadlines::queue;
            deadlines_of_stack: One(stack::Options::new(2)) => contracts::deadlines::stack;
            deadlines_of_priority: One(priority::Options::new(2)) => contracts::deadlines::priority;
            deadlines_of_levels: One(level::Options::new(2, 2)) => contracts::level::deadlines;
            deadlines_of_bytes: One(bytes::Options::new(64)) => contracts::deadlines::bytes;
            deadlines_of_loan: One(loan::Options::new(1, 4)) => contracts::deadlines::loan;
            deadlines_of_work: One(contracts::work::two_attempts()) => contracts::deadlines::work;
            deadlines_of_calls: One(contracts::work::of_calls()) => contracts::work::call_deadlines;
            deadlines_of_spsc: One(spsc::Options::new(4)) => contracts::deadlines::spsc;
            deadlines_of_duplex: One(duplex::Options::new(2)) => contracts::deadlines::duplex;
            deadlines_of_value_duplex: One(duplex::Options::new(9)) => contracts::duplex::value_deadlines;
            deadlines_of_broadcast: One(contracts::broadcast::waiting()) => contracts::deadlines::broadcast;
            deadlines_of_mutex: One(mutex::Options::default()) => contracts::deadlines::mutex;
            deadlines_of_reentrant: One(mutex::ReentrantOptions::default()) => contracts::deadlines::reentrant;
            deadlines_of_rwlock: One(rwlock::Options::new(64)) => contracts::deadlines::rwlock;
            deadlines_of_semaphore: One(contracts::semaphore::two_permits()) => contracts::deadlines::semaphore;
            deadlines_of_event: One(contracts::signals::auto()) => contracts::deadlines::event;
            deadlines_of_group: One(event::GroupOptions::default()) => contracts::deadlines::group;
            deadlines_of_barrier: One(contracts::signals::pair()) => contracts::deadlines::barrier;
            deadlines_of_atomic: One(atomic::Options::default()) => contracts::deadlines::atomic;
            deadlines_of_once: One(once::Options::new()) => contracts::deadlines::once;
            deadlines_of_map: One(map::Options::new(3, [1, 2])) => contracts::deadlines::map;
            deadlines_of_byte_map: One(contracts::byte_map::small()) => contracts::byte_map::deadlines;
            deadlines_of_vector: One(vector::Options::new(4)) => contracts::deadlines::vector;
            deadlines_of_watch: One(watch::Options::new(0)) => contracts::deadlines::watch;
            deadlines_of_condvar: Two(mutex::Options::default(), condvar::Options) => contracts::deadlines::condvar;
        }
    };
}

/// Hands the contracts about panics and threads to the macro `$with`: `SpinPlatform` knows neither, so they hold over regions.
#[macro_export]
macro_rules! contracts_over_regions {
    ($with:ident) => {
        $with! {
            mutex_poisoned: One(mutex::Options::default()) => contracts::locks::mutex_poisoned;
            mutex_knows_its_thread: One(mutex::Options::default()) => contracts::locks::mutex_deadlock;
            reentrant_nests: One(mutex::ReentrantOptions::default()) => contracts::locks::reentrant_nests;
            rwlock_poisoned: One(rwlock::Options::new(64)) => contracts::locks::rwlock_poisoned;
        }
    };
}

/// Hands the contracts about deaths to the macro `$with`: a thread cannot be killed alone, so they hold between processes. So do those
/// about processes that share a core.
#[macro_export]
macro_rules! contracts_between_processes {
    ($with:ident) => {
        $with! {
            mutex_owner_died: One(mutex::Options::default()) => contracts::deaths::mutex;
            transaction_owner_died: One(mutex::Options::default()) => contracts::deaths::transaction;
            reentrant_owner_died: One(mutex::ReentrantOptions::default()) => contracts::deaths::reentrant;
            rwlock_writer_died: One(rwlock::Options::new(64)) => contracts::deaths::writer;
            rwlock_reader_died: One(rwlock::Options::new(64)) => contracts::deaths::reader;
            semaphore_holder_died: One(contracts::semaphore::two_permits()) => contracts::deaths::permits;
            spinning_owner_died: One(mutex::Options::default()) => contracts::strategies::owner_died;
            spinning_writer_died: One(rwlock::Options::new(64)) => contracts::strategies::writer_died;
            spinning_permits_of_the_dead: One(contracts::semaphore::two_permits()) => contracts::strategies::permits_of_the_dead;
            spinning_sender_died: One(queue::Options::new(2)) => contracts::strategies::sender_died;
            spinning_receiver_died: One(queue::Options::new(1)) => contracts::strategies::receiver_died;
            spinning_queue_on_one_core: One(queue::Options::new(1)) => contracts::strategies::queue_on_one_core;
            spinning_mutex_on_one_core: One(mutex::Options::default()) => contracts::strategies::mutex_on_one_core;
            spinning_event_on_one_core: One(contracts::signals::auto()) => contracts::strategies::event_on_one_core;
            sender_died: One(queue::Options::new(2)) => contracts::deaths::sender;
            receiver_died: One(queue::Options::new(1)) => contracts::deaths::receiver;
            level_sender_died: One(level::Options::new(3, 2)) => contracts::deaths::level_sender;
            level_receiver_died: One(level::Options::new(3, 1)) => contracts::deaths::level_receiver;
            client_died: One(duplex::Options::new(4)) => contracts::deaths::client;
            producer_died: One(spsc::Options::new(4)) => contracts::deaths::producer;
            borrower_died: One(loan::Options::new(1, 4)) => contracts::deaths::borrower;
            worker_died: One(work::Options::new(4)) => contracts::deaths::worker;
            worker_died_with_its_last_attempt: One(contracts::work::two_attempts()) => contracts::deaths::last_worker;
            server_died: One(contracts::work::of_calls()) => contracts::deaths::server;
            caller_died: One(contracts::work::of_calls()) => contracts::deaths::caller;
            map_writer_died: One(map::Options::new(3, [1, 2])) => contracts::deaths::map_writer;
            byte_map_writer_died: One(contracts::byte_map::small()) => contracts::byte_map::writer_died;
            vector_holder_died: One(vector::Options::new(4)) => contracts::deaths::vector_holder;
            party_died: One(contracts::signals::pair()) => contracts::deaths::party;
        }
    };
}
