//! What is weakened, and which model has to notice.

/// A replacement in one file.
pub struct Edit {
    pub file: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    /// How often `from` is there; all of them are replaced.
    pub times: usize,
}

/// One weakening.
pub struct Mutant {
    pub name: &'static str,
    pub edits: &'static [Edit],
    /// What is lost with it.
    pub protects: &'static str,
    /// The test file and the model.
    pub caught_by: (&'static str, &'static str),
}

const fn edit(file: &'static str, times: usize, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to, times }
}

const SYNC: &str = "ipc-core/src/sync.rs";
const RING: &str = "ipc-core/src/ring/ring.rs";
const RECOVERY: &str = "ipc-core/src/ring/recovery.rs";
const MUTEX: &str = "ipc-core/src/mutex/raw.rs";
const VALUE: &str = "ipc-core/src/mutex/value.rs";
const EVENT: &str = "ipc-core/src/event/raw.rs";
const EVENTCOUNT: &str = "ipc-core/src/wait/eventcount.rs";
const ATOMIC: &str = "ipc-core/src/atomic/words.rs";
const ATOMIC_WORDS: &str = "ipc-core/src/atomic/value.rs";
const CONDVAR: &str = "ipc-core/src/condvar/words.rs";
const ONCE: &str = "ipc-core/src/once/words.rs";
const WATCH: &str = "ipc-core/src/watch/words.rs";
const BARRIER: &str = "ipc-core/src/barrier/raw.rs";
const RWLOCK: &str = "ipc-core/src/rwlock/raw.rs";
const SEMAPHORE_ACQUIRE: &str = "ipc-core/src/semaphore/acquire.rs";
const SEMAPHORE_RELEASE: &str = "ipc-core/src/semaphore/release.rs";
const SEMAPHORE_VIEW: &str = "ipc-core/src/semaphore/view.rs";
const VIEW: &str = "ipc-core/src/queue/view.rs";
const RECEIVE: &str = "ipc-core/src/queue/receive.rs";
const SPSC_WORDS: &str = "ipc-core/src/spsc/words.rs";
const SPSC_HELD: &str = "ipc-core/src/spsc/held.rs";
const SPSC_PRODUCER: &str = "ipc-core/src/spsc/producer.rs";
const SPSC_CONSUMER: &str = "ipc-core/src/spsc/consumer.rs";
const BYTES: &str = "ipc-core/src/bytes/words.rs";
const LOAN: &str = "ipc-core/src/loan/words.rs";
const BROADCAST: &str = "ipc-core/src/broadcast/raw.rs";
const REGION_LOCK: &str = "ipc-core/src/region/lock.rs";
const SPSC_ROLE: &str = "ipc-core/src/spsc/role.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "publish: Release to Relaxed",
        edits: &[edit(SYNC, 1, "word.swap(value, Ordering::Release);", "word.swap(value, Ordering::Relaxed);")],
        protects: "a slot that is full shows its whole message",
        caught_by: ("loom_ring", "one_producer_one_consumer_one_slot"),
    },
    Mutant {
        name: "pop, stamp: Acquire to Relaxed",
        edits: &[
            edit(
                RING,
                1,
                "        let stamp = Stamp(word.load(Ordering::Acquire));\n        if !stamp",
                "        let stamp = Stamp(word.load(Ordering::Relaxed));\n        if !stamp",
            ),
            edit(
                RING,
                1,
                "            let stamp = Stamp(word.load(Ordering::Acquire));\n            let ahead",
                "            let stamp = Stamp(word.load(Ordering::Relaxed));\n            let ahead",
            ),
        ],
        protects: "the same, from the consumer's side",
        caught_by: ("loom_ring", "one_producer_one_consumer_one_slot"),
    },
    Mutant {
        name: "publish before the copy",
        edits: &[edit(
            RING,
            1,
            "        payload::store(value, cells);\n        // \"publish\"\n        sync::publish(stamp, Stamp::new(at, Some(me), SlotState::Full).0);",
            "        sync::publish(stamp, Stamp::new(at, Some(me), SlotState::Full).0);\n        payload::store(value, cells);",
        )],
        protects: "the same",
        caught_by: ("loom_ring", "one_producer_one_consumer_one_slot"),
    },
    Mutant {
        name: "copy after the compare-exchange",
        edits: &[edit(
            RING,
            1,
            "        match self.head.compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed) {\n            Ok(_) => Ok(value),",
            "        let _: MaybeUninit<T> = value;\n        match self.head.compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed) {\n            Ok(_) => Ok(payload::load(cells)),",
        )],
        protects: "the producer of the next lap does not write what is still being read",
        caught_by: ("loom_ring", "one_producer_two_consumers_wrap_around"),
    },
    Mutant {
        name: "ticket: AcqRel to Acquire",
        edits: &[
            edit(
                RING,
                1,
                "compare_exchange(tail.0, claimed, Ordering::AcqRel, Ordering::Relaxed)",
                "compare_exchange(tail.0, claimed, Ordering::Acquire, Ordering::Relaxed)",
            ),
            edit(
                RING,
                1,
                "compare_exchange_weak(tail.0, claimed, Ordering::AcqRel, Ordering::Acquire)",
                "compare_exchange_weak(tail.0, claimed, Ordering::Acquire, Ordering::Acquire)",
            ),
        ],
        protects: "with a new tail comes the mark of every slot before its newest (I1)",
        caught_by: ("loom_ring", "the_blocker_is_named"),
    },
    Mutant {
        name: "no mark of the slot before",
        edits: &[edit(
            RING,
            1,
            "(lag < 0 && !self.mark_batch(before, tail.owner()))",
            "(lag < 0 && { let _ = Self::mark_batch; false })",
        )],
        protects: "an unfinished ticket names its owner (I1)",
        caught_by: ("loom_death", "a_producer_dies_beside_another"),
    },
    Mutant {
        name: "room: head Acquire to Relaxed",
        edits: &[edit(
            RING,
            1,
            "        // Acquire, \"free\": the consumers have read the cells before `head`.\n        let head = Position::of(self.head.load(Ordering::Acquire));",
            "        let head = Position::of(self.head.load(Ordering::Relaxed));",
        )],
        protects: "a slot is overwritten only after it was read",
        caught_by: ("loom_ring", "two_producers_one_consumer"),
    },
    Mutant {
        name: "room: off by one",
        edits: &[edit(
            RING,
            1,
            "        if (0..capacity).contains(&ahead) {",
            "        if (0..=capacity).contains(&ahead) {",
        )],
        protects: "a ring holds no more than its capacity",
        caught_by: ("loom_ring", "full_is_full"),
    },
    Mutant {
        name: "hint of the tail: Release to Relaxed",
        edits: &[edit(
            RING,
            3,
            "hints.tail.store(claimed, Ordering::Release);",
            "hints.tail.store(claimed, Ordering::Relaxed);",
        )],
        protects: "threads that share a handle: the slot before is published",
        caught_by: ("loom_ring", "a_push_after_another_threads_is_visible"),
    },
    Mutant {
        name: "peek without its compare-exchange",
        edits: &[edit(
            RING,
            1,
            "self.head.compare_exchange(head, head, Ordering::AcqRel, Ordering::Relaxed).ok().map(|_| value)",
            "Some(value)",
        )],
        protects: "a peek is whole",
        caught_by: ("loom_ring", "peek_is_whole"),
    },
    Mutant {
        name: "close: a flag that nobody's ticket looks at",
        edits: &[edit(RING, 1, "            if tail.is_closed() {", "            if false {")],
        protects: "no ticket is taken after the closing",
        caught_by: ("loom_ring", "closing_is_one_step"),
    },
    Mutant {
        name: "notify without its barrier",
        edits: &[edit(EVENTCOUNT, 1, "        platform.light_barrier();\n", "")],
        protects: "no wake-up is lost: the notifier's half of the store-then-load pair",
        caught_by: ("loom_queue", "blocking_hand_over"),
    },
    Mutant {
        name: "sleeper without its barrier",
        edits: &[edit(EVENTCOUNT, 1, "        platform.heavy_barrier();\n", "")],
        protects: "the sleeper's half",
        caught_by: ("loom_queue", "blocking_hand_over"),
    },
    Mutant {
        name: "notify: epoch not bumped",
        edits: &[edit(
            EVENTCOUNT,
            1,
            "self.0.fetch_add(ONE_EPOCH, Ordering::Release)",
            "self.0.fetch_add(0, Ordering::Release)",
        )],
        protects: "who announced itself and does not sleep yet is not overlooked",
        caught_by: ("loom_wait", "a_notification_that_finds_nobody_counts"),
    },
    Mutant {
        name: "announcement cleared, sleepers not woken",
        edits: &[edit(
            EVENTCOUNT,
            1,
            "Ordering::Release, Ordering::Relaxed).is_ok() {\n            platform.wake(&self.0, EVERYBODY);",
            "Ordering::Release, Ordering::Relaxed).is_ok() {",
        )],
        protects: "who queued before the clear announces itself again",
        caught_by: ("loom_queue", "two_consumers_are_woken"),
    },
    Mutant {
        name: "announcement cleared, epoch not bumped",
        edits: &[edit(EVENTCOUNT, 1, "(seen & !ANNOUNCED).wrapping_add(ONE_EPOCH)", "seen & !ANNOUNCED")],
        protects: "a ticket from before the clear does not become valid again",
        caught_by: ("loom_wait", "a_cleared_announcement_does_not_come_back"),
    },
    Mutant {
        name: "FENCED: Acquire to Relaxed",
        edits: &[edit(
            EVENTCOUNT,
            1,
            "        let seen = self.0.load(Ordering::Acquire);",
            "        let seen = self.0.load(Ordering::Relaxed);",
        )],
        protects: "a second sleeper may build on the first one's barrier",
        caught_by: ("loom_queue", "two_consumers_are_woken"),
    },
    Mutant {
        name: "pop wakes no sender",
        edits: &[
            edit(RECEIVE, 1, "        self.parts.control.gates.space.notify(&self.platform, || 1);\n", ""),
            edit(RECEIVE, 1, "        if freed != 0 {\n", "        if freed > 1 {\n"),
        ],
        protects: "a sender that sleeps for room is woken",
        caught_by: ("loom_queue", "blocking_hand_over"),
    },
    Mutant {
        name: "close wakes no receiver",
        edits: &[edit(
            VIEW,
            1,
            "        self.parts.ring.close();\n        self.parts.control.gates.items.notify_all(&self.platform);\n        self.parts.control.gates.space.notify_all(&self.platform);\n        first",
            "        self.parts.ring.close();\n        self.parts.control.gates.space.notify_all(&self.platform);\n        first",
        )],
        protects: "closing ends whoever sleeps",
        caught_by: ("loom_queue", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "half-done closing left alone",
        edits: &[edit(VIEW, 1, "        if begun && !self.parts.ring.is_closed() {", "        if false && begun {")],
        protects: "a closer that dies has closed the queue or not, and everybody agrees",
        caught_by: ("loom_queue", "a_closer_dies"),
    },
    Mutant {
        name: "repair without the newest ticket",
        edits: &[edit(
            RECOVERY,
            1,
            "        if tail.owner() == Some(who) {",
            "        if false && tail.owner() == Some(who) {",
        )],
        protects: "a producer that died right after it took a ticket holds up nobody, not even the end",
        caught_by: ("loom_death", "a_producer_dies_before_the_end"),
    },
    Mutant {
        name: "repair without the walk",
        edits: &[edit(RECOVERY, 1, "        for _ in 0..tickets {", "        for _ in 0..tickets.min(0) {")],
        protects: "the same, once another producer has marked the slot",
        caught_by: ("loom_death", "a_producer_dies_beside_another"),
    },
    Mutant {
        name: "mutex, unlock: Release to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "self.word.fetch_sub(mine, Ordering::Release)",
            "self.word.fetch_sub(mine, Ordering::Relaxed)",
        )],
        protects: "the next holder sees what the last one did",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        name: "mutex, lock: Acquire to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "compare_exchange(0, mine, Ordering::Acquire",
            "compare_exchange(0, mine, Ordering::Relaxed",
        )],
        protects: "the same, from the next holder's side",
        caught_by: ("loom_mutex", "one_at_a_time"),
    },
    Mutant {
        name: "mutex, lock after a sleep: Acquire to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "self.word.compare_exchange(word, taken, Ordering::Acquire, Ordering::Relaxed).map",
            "self.word.compare_exchange(word, taken, Ordering::Relaxed, Ordering::Relaxed).map",
        )],
        protects: "the same, in the other way to the lock",
        caught_by: ("loom_mutex", "nobody_is_forgotten"),
    },
    Mutant {
        name: "mutex: the bit of the sleepers is lost",
        edits: &[edit(
            MUTEX,
            1,
            "let taken = (word & (WAITERS | DIED | POISONED)) | mine;",
            "let taken = (word & (DIED | POISONED)) | mine;",
        )],
        protects: "one that was woken takes the lock, and the others still have to be woken",
        caught_by: ("loom_mutex", "nobody_is_forgotten"),
    },
    Mutant {
        name: "mutex: the mark of a death is lost",
        edits: &[edit(
            MUTEX,
            1,
            "let taken = (word & (WAITERS | DIED | POISONED)) | mine;",
            "let taken = (word & (WAITERS | POISONED)) | mine;",
        )],
        protects: "a death is told of until somebody declares the data consistent",
        caught_by: ("loom_mutex", "sweeping_beside_a_takeover"),
    },
    Mutant {
        name: "mutex: a death is not marked",
        edits: &[edit(
            MUTEX,
            1,
            "let died = if word & TRANSACTION == 0 { DIED } else { 0 };",
            "let died = word & TRANSACTION & DIED;",
        )],
        protects: "who changed in place and died is told of",
        caught_by: ("loom_mutex", "sweeping_beside_a_takeover"),
    },
    Mutant {
        name: "mutex: the death of a transaction is marked",
        edits: &[edit(
            MUTEX,
            1,
            "let died = if word & TRANSACTION == 0 { DIED } else { 0 };",
            "let died = DIED | (word & TRANSACTION & DIED);",
        )],
        protects: "nobody has to repair after a transaction",
        caught_by: ("loom_mutex", "a_transaction_dies"),
    },
    Mutant {
        name: "mutex, repair wakes nobody",
        edits: &[edit(
            MUTEX,
            1,
            "        if word & WAITERS != 0 {\n            platform.wake(&self.word, EVERYBODY);",
            "        if word & WAITERS & 1 != 0 {\n            platform.wake(&self.word, EVERYBODY);",
        )],
        protects: "who sleeps for a lock that a repair frees is woken",
        caught_by: ("loom_mutex", "sweeping_beside_a_takeover"),
    },
    Mutant {
        name: "mutex, commit before the copy",
        edits: &[edit(
            VALUE,
            1,
            "        payload::store(value, copies[other]);\n        // Release: who reads the new index finds the copy whole.\n        self.0.store(other as u32, Ordering::Release);",
            "        self.0.store(other as u32, Ordering::Release);\n        payload::store(value, copies[other]);",
        )],
        protects: "a transaction counts whole or not at all",
        caught_by: ("loom_mutex", "a_transaction_dies"),
    },
    Mutant {
        name: "event, set: AcqRel to Relaxed",
        edits: &[edit(
            EVENT,
            1,
            "self.0.compare_exchange(word, set, Ordering::AcqRel, Ordering::Relaxed)",
            "self.0.compare_exchange(word, set, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "who has waited sees what the setter did",
        caught_by: ("loom_event", "a_waiter_goes_and_sees"),
    },
    Mutant {
        name: "event, taking the flag: Acquire to Relaxed",
        edits: &[edit(
            EVENT,
            1,
            "self.0.compare_exchange(word, word & !SET, Ordering::Acquire, Ordering::Relaxed)",
            "self.0.compare_exchange(word, word & !SET, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "the same, for an event that resets itself",
        caught_by: ("loom_event", "who_polls_sees"),
    },
    Mutant {
        name: "event, set keeps the generation",
        edits: &[edit(EVENT, 1, ".wrapping_add(ONE_GENERATION)", ".wrapping_add(ONE_GENERATION & 0)")],
        protects: "a pulse releases everybody who was waiting",
        caught_by: ("loom_event", "a_pulse_releases_who_waits"),
    },
    Mutant {
        name: "event, auto reset: the bit of the sleepers is lost",
        edits: &[edit(EVENT, 1, "Reset::Auto => word & WAITERS,", "Reset::Auto => word & WAITERS & 1,")],
        protects: "a second set wakes the second sleeper",
        caught_by: ("loom_event", "one_goes_for_each_set"),
    },
    Mutant {
        name: "atomic cell: a change wakes nobody",
        edits: &[edit(ATOMIC, 1, "self.sleepers.notify_all(platform);", "let _ = platform;")],
        protects: "whoever waits for a condition goes",
        caught_by: ("loom_atomic", "the_end_of_a_countdown_is_seen"),
    },
    Mutant {
        name: "atomic cell: a repair wakes nobody",
        edits: &[edit(ATOMIC, 1, "view.sleepers.notify_all(platform);", "let _ = (view, platform);")],
        protects: "a waiter to which a dead process owed a wake-up goes",
        caught_by: ("loom_atomic", "a_worker_dies"),
    },
    Mutant {
        name: "atomic cell: SeqCst to Relaxed",
        edits: &[edit(ATOMIC_WORDS, 9, "Ordering::SeqCst", "Ordering::Relaxed")],
        protects: "who sees a change sees what its author did before",
        caught_by: ("loom_atomic", "the_end_of_a_countdown_is_seen"),
    },
    Mutant {
        name: "atomic cell: taken in two steps",
        edits: &[edit(
            ATOMIC,
            1,
            "match self.value.compare_exchange(bits, new) {",
            "match Ok::<_, W::Bits>(self.value.swap(new)) {",
        )],
        protects: "what is there once is taken once",
        caught_by: ("loom_atomic", "each_is_taken_once"),
    },
    Mutant {
        name: "semaphore, acquire: Acquire to Relaxed",
        edits: &[edit(
            SEMAPHORE_ACQUIRE,
            1,
            "permit.compare_exchange(AVAILABLE, self.held, Ordering::Acquire, Ordering::Relaxed)",
            "permit.compare_exchange(AVAILABLE, self.held, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "who gets a permit sees what was done under it",
        caught_by: ("loom_semaphore", "one_permit_excludes"),
    },
    Mutant {
        name: "semaphore, release: Release to Relaxed",
        edits: &[edit(
            SEMAPHORE_RELEASE,
            1,
            "permit.compare_exchange(self.held, AVAILABLE, Ordering::Release, Ordering::Relaxed)",
            "permit.compare_exchange(self.held, AVAILABLE, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "the same, from the side of the one who gives it back",
        caught_by: ("loom_semaphore", "one_permit_excludes"),
    },
    Mutant {
        name: "semaphore, repair: Release to Relaxed",
        edits: &[edit(
            SEMAPHORE_VIEW,
            1,
            "let _ = permit.compare_exchange(seen, to, Ordering::Release, Ordering::Relaxed);",
            "let _ = permit.compare_exchange(seen, to, Ordering::Relaxed, Ordering::Relaxed);",
        )],
        protects: "what the dead holder did under its permit is seen by the next one",
        caught_by: ("loom_semaphore", "what_the_dead_did_is_seen"),
    },
    Mutant {
        name: "condition variable: announced after the unlock",
        edits: &[edit(
            CONDVAR,
            1,
            "let ticket = self.0.prepare(platform);\n        unlock();",
            "unlock();\n        let ticket = self.0.prepare(platform);",
        )],
        protects: "a change between the look and the sleep is noticed",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: all is one",
        edits: &[edit(CONDVAR, 1, "self.0.notify_all(platform);", "self.0.notify(platform, || 1);")],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
    Mutant {
        name: "condition variable: one wakes nobody",
        edits: &[edit(CONDVAR, 1, "self.0.notify(platform, || 1);", "let _ = platform;")],
        protects: "a waiter is woken",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: all wakes nobody",
        edits: &[edit(CONDVAR, 1, "self.0.notify_all(platform);", "let _ = platform;")],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
    Mutant {
        name: "condition variable: a repair wakes nobody",
        edits: &[edit(CONDVAR, 1, "view.0.notify_all(platform);", "let _ = (view, platform);")],
        protects: "a waiter to which a dead notifier owed a wake-up goes",
        caught_by: ("loom_condvar", "a_notifier_dies"),
    },
    Mutant {
        name: "once cell: Release to Relaxed",
        edits: &[edit(
            ONCE,
            1,
            "self.words.ready.store(READY, Ordering::Release);",
            "self.words.ready.store(READY, Ordering::Relaxed);",
        )],
        protects: "a reader that sees that it is set sees the value",
        caught_by: ("loom_once", "a_reader_sees_all_or_nothing"),
    },
    Mutant {
        name: "once cell: set again",
        edits: &[edit(ONCE, 1, "Ok(if self.is_set() { None } else { Some(turn) })", "Ok(Some(turn))")],
        protects: "one value for everybody",
        caught_by: ("loom_once", "one_initialises"),
    },
    Mutant {
        name: "once cell: wakes nobody",
        edits: &[edit(ONCE, 1, "self.words.sleepers.notify_all(platform);", "let _ = platform;")],
        protects: "a waiter for the value gets it",
        caught_by: ("loom_once", "a_waiter_is_woken"),
    },
    Mutant {
        name: "once cell: a repair wakes nobody",
        edits: &[edit(ONCE, 1, "view.words.sleepers.notify_all(platform);", "let _ = platform;")],
        protects: "a waiter to which a dead writer owed a wake-up goes",
        caught_by: ("loom_once", "a_repair_wakes_the_waiter"),
    },
    Mutant {
        name: "watch: no second look",
        edits: &[edit(WATCH, 1, "if passed < SLOTS as u64 - 1 {", "if passed < u64::MAX {")],
        protects: "what a reader gets is whole",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch: the second look is one too patient",
        edits: &[edit(WATCH, 1, "if passed < SLOTS as u64 - 1 {", "if passed < SLOTS as u64 {")],
        protects: "the same: the next writer may have begun",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch, reader: no fence",
        edits: &[edit(WATCH, 1, "            fence(Ordering::Acquire);\n", "")],
        protects: "the copy comes before the second look",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch, writer: no fence",
        edits: &[edit(WATCH, 1, "        fence(Ordering::Release);\n", "")],
        protects: "who has copied a word of the next version knows of the last one",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch, publishing: Release to Relaxed",
        edits: &[edit(
            WATCH,
            1,
            "self.words.version.store(next, Ordering::Release);",
            "self.words.version.store(next, Ordering::Relaxed);",
        )],
        protects: "who sees a version sees its value",
        caught_by: ("loom_watch", "a_reader_gets_a_whole_value"),
    },
    Mutant {
        name: "watch: wakes nobody",
        edits: &[edit(WATCH, 1, "self.words.sleepers.notify_all(platform);", "")],
        protects: "a change is noticed",
        caught_by: ("loom_watch", "a_change_is_noticed"),
    },
    Mutant {
        name: "watch: a repair wakes nobody",
        edits: &[edit(WATCH, 1, "view.words.sleepers.notify_all(platform);", "")],
        protects: "a waiter to which a dead writer owed a wake-up goes",
        caught_by: ("loom_watch", "a_repair_wakes_the_waiter"),
    },
    Mutant {
        name: "rwlock, reader: its count and its look not in order",
        edits: &[edit(RWLOCK, 1, "        sequentially_consistent();\n", "")],
        protects: "of a reader and a writer, one sees the other",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, writer: no fence",
        edits: &[edit(RWLOCK, 2, "        fence(Ordering::SeqCst);\n", "")],
        protects: "the same, from the writer's side",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, reader leaves: Release to Relaxed",
        edits: &[edit(
            RWLOCK,
            1,
            "count.fetch_sub(1, Ordering::Release) == 1",
            "count.fetch_sub(1, Ordering::Relaxed) == 1",
        )],
        protects: "what a reader reads is not written yet",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, writer's look: Acquire to Relaxed",
        edits: &[edit(
            RWLOCK,
            1,
            "readers.count.load(Ordering::Acquire) == 0",
            "readers.count.load(Ordering::Relaxed) == 0",
        )],
        protects: "the same, from the writer's side",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock, reader's look: SeqCst to Relaxed",
        edits: &[edit(
            MUTEX,
            1,
            "let word = self.word.load(Ordering::SeqCst);",
            "let word = self.word.load(Ordering::Relaxed);",
        )],
        protects: "a reader sees what the last writer wrote",
        caught_by: ("loom_rwlock", "a_reader_beside_a_writer"),
    },
    Mutant {
        name: "rwlock: the last reader wakes nobody",
        edits: &[edit(RWLOCK, 1, "            self.drained.notify(platform, || 1);\n", "")],
        protects: "a writer that sleeps for the readers goes on",
        caught_by: ("loom_rwlock", "a_writer_waits_for_two_readers"),
    },
    Mutant {
        name: "rwlock: a reader at the turnstile keeps others out",
        edits: &[edit(MUTEX, 1, "owner(word).is_none() || word & SHARED != 0", "owner(word).is_none()")],
        protects: "`try_read` among readers never fails",
        caught_by: ("loom_rwlock", "readers_do_not_exclude_each_other"),
    },
    Mutant {
        name: "rwlock: dead readers count",
        edits: &[edit(
            RWLOCK,
            1,
            "                count.store(0, Ordering::Relaxed);\n            }\n        }\n    }",
            "            }\n        }\n    }",
        )],
        protects: "a dead reader does not keep writers out",
        caught_by: ("loom_rwlock", "a_reader_dies"),
    },
    Mutant {
        name: "barrier, taking a seat: SeqCst to Relaxed",
        edits: &[edit(
            BARRIER,
            1,
            "self.0.compare_exchange(from, to, Ordering::SeqCst,",
            "self.0.compare_exchange(from, to, Ordering::Relaxed,",
        )],
        protects: "who leaves sees what all did before they came",
        caught_by: ("loom_barrier", "two_meet"),
    },
    Mutant {
        name: "barrier, looking at a seat: SeqCst to Acquire",
        edits: &[edit(BARRIER, 1, "self.0.load(Ordering::SeqCst)", "self.0.load(Ordering::Acquire)")],
        protects: "of two that come last, one ends the phase",
        caught_by: ("loom_barrier", "two_meet_twice"),
    },
    Mutant {
        name: "barrier, ending a phase: AcqRel to Relaxed",
        edits: &[edit(
            BARRIER,
            1,
            "compare_exchange(from.0, to.0, Ordering::AcqRel,",
            "compare_exchange(from.0, to.0, Ordering::Relaxed,",
        )],
        protects: "the same, for those that the leader frees",
        caught_by: ("loom_barrier", "two_meet"),
    },
    Mutant {
        name: "barrier, looking at the state: Acquire to Relaxed",
        edits: &[edit(
            BARRIER,
            1,
            "State(self.state.load(Ordering::Acquire))",
            "State(self.state.load(Ordering::Relaxed))",
        )],
        protects: "the same, on their side",
        caught_by: ("loom_barrier", "two_meet"),
    },
    Mutant {
        name: "barrier: the end of a phase wakes nobody",
        edits: &[edit(
            BARRIER,
            1,
            "        if advanced {\n            self.sleepers.notify_all(platform);\n        }\n",
            "",
        )],
        protects: "who waits goes on",
        caught_by: ("loom_barrier", "two_meet"),
    },
    Mutant {
        name: "barrier: the dead are not asked about",
        edits: &[edit(
            BARRIER,
            1,
            "if any_dead(platform, seats, &mut next) {",
            "if seats.is_empty() && any_dead(platform, seats, &mut next) {",
        )],
        protects: "a member that died is not waited for",
        caught_by: ("loom_barrier", "a_party_dies"),
    },
    Mutant {
        name: "barrier: who waits ends no phase",
        edits: &[edit(
            BARRIER,
            1,
            "                if self.complete(phase, seats, platform) {\n                    return Attempt::Done(Ok(true));\n                }\n",
            "",
        )],
        protects: "the last one may be stopped before it ends the phase",
        caught_by: ("loom_barrier", "the_last_party_is_stopped"),
    },
    Mutant {
        name: "barrier: sweeping a member breaks nothing",
        edits: &[edit(
            BARRIER,
            1,
            "            self.abort(platform);\n        }\n        for seat in seats",
            "        }\n        for seat in seats",
        )],
        protects: "a member's death is known after its number has gone to another",
        caught_by: ("loom_barrier", "sweeping_a_member"),
    },
    Mutant {
        name: "one-to-one, tail: Release to Relaxed",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "tail.0.store(self.tail, Ordering::Release);",
            "tail.0.store(self.tail, Ordering::Relaxed);",
        )],
        protects: "what is there is there as a whole",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, looking at tail: Acquire to Relaxed",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "let tail = self.held.view.words.tail.0.load(Ordering::Acquire);",
            "let tail = self.held.view.words.tail.0.load(Ordering::Relaxed);",
        )],
        protects: "the same, from the consumer's side",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, head: Release to Relaxed",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "head.0.store(self.head, Ordering::Release);",
            "head.0.store(self.head, Ordering::Relaxed);",
        )],
        protects: "a place is written again after it was read",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, looking at head: Acquire to Relaxed",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "let head = words.head.0.load(Ordering::Acquire);\n        if",
            "let head = words.head.0.load(Ordering::Relaxed);\n        if",
        )],
        protects: "the same, from the producer's side",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: published before the copy",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "        self.held.view.slots.write(self.tail, value);\n        self.publish(1);",
            "        self.publish(1);\n        self.held.view.slots.write(self.tail.wrapping_sub(1), value);",
        )],
        protects: "what is there is there as a whole",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: freed before the copy",
        edits: &[edit(
            SPSC_CONSUMER,
            1,
            "        slots.prefetch(self.head, self.there(), Intent::Read);\n        self.free(1);\n",
            "        self.free(1);\n        let value = slots.read(self.head.wrapping_sub(1));\n",
        )],
        protects: "a place is written again after it was read",
        caught_by: ("loom_spsc", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one: a batch in two steps",
        edits: &[edit(
            SPSC_PRODUCER,
            1,
            "        self.publish(count as u64);\n        count",
            "        self.publish(1);\n        self.publish(count as u64 - 1);\n        count",
        )],
        protects: "a batch is there as a whole or not at all",
        caught_by: ("loom_spsc", "batches_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "one-to-one, claiming an end: Acquire to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "mine, Ordering::Acquire, Ordering::Relaxed",
            "mine, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the next holder goes on where the last one stopped",
        caught_by: ("loom_spsc", "producers_change"),
    },
    Mutant {
        name: "one-to-one, leaving an end: Release to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "SEEN, Ordering::Release, Ordering::Relaxed",
            "SEEN, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the same",
        caught_by: ("loom_spsc", "producers_change"),
    },
    Mutant {
        name: "one-to-one, taking an end from the dead: AcqRel to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "SEEN, Ordering::AcqRel, Ordering::Relaxed",
            "SEEN, Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the same, after a death",
        caught_by: ("loom_spsc", "a_dead_producer_is_found_by_somebody_else"),
    },
    Mutant {
        name: "one-to-one: an end is taken from the living",
        edits: &[
            edit(SPSC_ROLE, 1, "None => return Err(Taken::Held(holder)),", "None => {}"),
            edit(SPSC_ROLE, 1, "                continue;\n", ""),
        ],
        protects: "an end has one holder",
        caught_by: ("loom_spsc", "an_end_has_one_holder"),
    },
    Mutant {
        name: "one-to-one, looking whether it is closed: Acquire to Relaxed",
        edits: &[edit(
            SPSC_WORDS,
            1,
            "self.gates.closed.load(Ordering::Acquire) != 0",
            "self.gates.closed.load(Ordering::Relaxed) != 0",
        )],
        protects: "what was sent before the end is received before it",
        caught_by: ("loom_spsc", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "one-to-one: no second look at the end",
        edits: &[edit(SPSC_CONSUMER, 1, "if self.look()? { Ok(()) } else { Err(why) }", "Err(why)")],
        protects: "the same",
        caught_by: ("loom_spsc", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "one-to-one, looking whether an end is left: Acquire to Relaxed",
        edits: &[edit(
            SPSC_ROLE,
            1,
            "        let seen = self.0.load(Ordering::Acquire);\n        seen & SEEN",
            "        let seen = self.0.load(Ordering::Relaxed);\n        seen & SEEN",
        )],
        protects: "what was sent before the producer left is received",
        caught_by: ("loom_spsc", "nothing_is_behind_a_producer_that_left"),
    },
    Mutant {
        name: "one-to-one: leaving wakes nobody",
        edits: &[edit(
            SPSC_HELD,
            1,
            "            self.view.words.gate(self.end.other()).notify_all(&self.platform);\n        }\n",
            "        }\n",
        )],
        protects: "who waits learns of the end",
        caught_by: ("loom_spsc", "sleepers_are_woken"),
    },
    Mutant {
        name: "one-to-one: a message wakes nobody",
        edits: &[edit(SPSC_PRODUCER, 1, "        words.gates.items.notify(&self.held.platform, || 1);\n", "")],
        protects: "a consumer that sleeps is woken",
        caught_by: ("loom_spsc", "sleepers_are_woken"),
    },
    Mutant {
        name: "one-to-one: room wakes nobody",
        edits: &[edit(SPSC_CONSUMER, 1, "        words.gates.space.notify(&self.held.platform, || 1);\n", "")],
        protects: "a producer that sleeps is woken",
        caught_by: ("loom_spsc", "sleepers_are_woken"),
    },
    Mutant {
        name: "one-to-one: closing and repairing wake no consumer",
        edits: &[edit(SPSC_WORDS, 1, "        self.gates.items.notify_all(platform);\n", "")],
        protects: "who waits learns of the end",
        caught_by: ("loom_spsc", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "one-to-one: closing and repairing wake no producer",
        edits: &[edit(SPSC_WORDS, 1, "        self.gates.space.notify_all(platform);\n", "")],
        protects: "the same, of the producer",
        caught_by: ("loom_spsc", "closing_ends_a_sender"),
    },
    Mutant {
        name: "one-to-one: closing wakes nobody",
        edits: &[edit(SPSC_WORDS, 1, "        self.wake_both(platform);\n        first", "        first")],
        protects: "the same",
        caught_by: ("loom_spsc", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "one-to-one: repairing wakes nobody",
        edits: &[edit(SPSC_WORDS, 1, "        words.wake_both(platform);\n", "")],
        protects: "the same, after a death",
        caught_by: ("loom_spsc", "a_sweep_wakes_the_consumer"),
    },
    Mutant {
        name: "one-to-one: claiming wakes nobody",
        edits: &[edit(SPSC_HELD, 1, "        words.gate(end.other()).notify_all(&held.platform);\n", "")],
        protects: "who waits for the other end to come is woken",
        caught_by: ("loom_spsc", "a_claim_wakes_the_other_end"),
    },
    Mutant {
        name: "batch: only its last ticket is marked",
        edits: &[edit(RING, 1, "        let mut at = self.first_unstamped(last);\n", "        let mut at = last;\n")],
        protects: "the owner of each ticket of a batch can be found out",
        caught_by: ("loom_death", "a_marker_of_a_batch_dies"),
    },
    Mutant {
        name: "batch: only its last ticket is given up",
        edits: &[edit(
            RECOVERY,
            1,
            "            let mut at = self.first_unstamped(newest);",
            "            let mut at = newest;",
        )],
        protects: "all that a dead producer left is passed over",
        caught_by: ("loom_death", "a_repairer_of_a_batch_dies"),
    },
    Mutant {
        name: "batch, marks in descending order",
        edits: &[
            edit(
                RING,
                1,
                "        let mut at = self.first_unstamped(last);\n",
                "        let mut at = last;\n        let end = self.first_unstamped(last);\n",
            ),
            edit(
                RING,
                1,
                "                if at == last {\n                    return true;\n                }\n                at = at.next();",
                "                if at == end {\n                    return true;\n                }\n                at = at.previous();",
            ),
        ],
        protects: "who finds the last one marked may go on",
        caught_by: ("loom_death", "a_marker_of_a_batch_dies"),
    },
    Mutant {
        name: "batch, taking several: Acquire to Relaxed",
        edits: &[edit(
            RING,
            1,
            "if !Stamp(word.load(Ordering::Acquire)).is_full_at(next) {",
            "if !Stamp(word.load(Ordering::Relaxed)).is_full_at(next) {",
        )],
        protects: "a slot that is full shows its whole message",
        caught_by: ("loom_ring", "batches_wrap_around"),
    },
    Mutant {
        name: "batch: published before the room is known",
        edits: &[edit(
            RING,
            1,
            "            let count = hints.room(at).clamp(1, wanted as i64);",
            "            let count = wanted as i64;",
        )],
        protects: "no message is written over another",
        caught_by: ("loom_ring", "batches_wrap_around"),
    },
    Mutant {
        name: "bytes, tail: Release to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "index.store(at.wrapping_add(needed), Ordering::Release);",
            "index.store(at.wrapping_add(needed), Ordering::Relaxed);",
        )],
        protects: "what is there is there as a whole",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes, looking at tail: Acquire to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "let now = tail.index.load(Ordering::Acquire);",
            "let now = tail.index.load(Ordering::Relaxed);",
        )],
        protects: "the same, from the receivers' side",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes, head: Release to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "index.store(at.wrapping_add(words_for(len)), Ordering::Release);",
            "index.store(at.wrapping_add(words_for(len)), Ordering::Relaxed);",
        )],
        protects: "a place is written again after it was read",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes, looking at head: Acquire to Relaxed",
        edits: &[edit(
            BYTES,
            1,
            "let now = head.index.load(Ordering::Acquire);",
            "let now = head.index.load(Ordering::Relaxed);",
        )],
        protects: "the same, from the senders' side",
        caught_by: ("loom_bytes", "messages_arrive_whole_and_in_order"),
    },
    Mutant {
        name: "bytes: the end without the senders' lock",
        edits: &[edit(
            BYTES,
            1,
            "        match Turn::take(&self.words.tail.lock, platform, patience) {",
            "        match Ok::<(), Refusal>(drop((platform, patience))) {",
        )],
        protects: "nothing is behind the end",
        caught_by: ("loom_bytes", "nothing_is_behind_the_end"),
    },
    Mutant {
        name: "bytes: a message wakes nobody",
        edits: &[edit(BYTES, 1, "        gates.items.notify(platform, || 1);\n", "")],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_bytes", "blocking_hand_over"),
    },
    Mutant {
        name: "bytes: room wakes nobody",
        edits: &[edit(BYTES, 1, "        gates.space.notify_all(platform);\n        Ok(len)", "        Ok(len)")],
        protects: "a sender that sleeps is woken",
        caught_by: ("loom_bytes", "blocking_hand_over"),
    },
    Mutant {
        name: "bytes: room wakes one sender",
        edits: &[edit(
            BYTES,
            1,
            "        gates.space.notify_all(platform);\n        Ok(len)",
            "        gates.space.notify(platform, || 1);\n        Ok(len)",
        )],
        protects: "a long message makes room for several short ones",
        caught_by: ("loom_bytes", "room_for_two_senders"),
    },
    Mutant {
        name: "bytes: closing wakes no receiver",
        edits: &[edit(BYTES, 1, "        self.gates.items.notify_all(platform);\n", "")],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_bytes", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "bytes: closing wakes no sender",
        edits: &[edit(BYTES, 1, "        self.gates.space.notify_all(platform);\n", "")],
        protects: "closing ends a sender that sleeps",
        caught_by: ("loom_bytes", "closing_ends_a_sender"),
    },
    Mutant {
        name: "bytes: a sweep wakes no receiver",
        edits: &[edit(BYTES, 1, "        view.words.wake_all(platform);\n", "")],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_bytes", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "bytes: a sweep wakes no sender",
        edits: &[edit(
            BYTES,
            1,
            "        view.words.wake_all(platform);\n",
            "        view.words.gates.items.notify_all(platform);\n",
        )],
        protects: "a sender whose receiver died before it woke anybody is woken",
        caught_by: ("loom_bytes", "a_sweep_wakes_a_sender"),
    },
    Mutant {
        name: "loan, sending: AcqRel to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "slot.compare_exchange(word, sent, Ordering::AcqRel, Ordering::Relaxed)",
            "slot.compare_exchange(word, sent, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "who receives a block sees the message",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan, looking at a slot: Acquire to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "let word = self.slot(head).load(Ordering::Acquire);",
            "let word = self.slot(head).load(Ordering::Relaxed);",
        )],
        protects: "the same, from the receiver's side",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan, giving back: Release to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "        sync::publish(&self.blocks[index].state, FREE);",
            "        self.blocks[index].state.store(FREE, Ordering::Relaxed);",
        )],
        protects: "a block is written again after it was read",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan, borrowing: Acquire to Relaxed",
        edits: &[edit(
            LOAN,
            1,
            "owned(me), Ordering::Acquire, Ordering::Relaxed",
            "owned(me), Ordering::Relaxed, Ordering::Relaxed",
        )],
        protects: "the same, from the borrower's side",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan: queued after it is sent",
        edits: &[
            edit(LOAN, 1, "                    sync::publish(&self.blocks[index].state, queued(me, tail));\n", ""),
            edit(
                LOAN,
                1,
                "                        self.help(&self.words.tail.0, tail);\n                        self.words.gates",
                "                        sync::publish(&self.blocks[index].state, queued(me, tail));\n                        self.help(&self.words.tail.0, tail);\n                        self.words.gates",
            ),
        ],
        protects: "who finds a block that is not queued knows that it was received (L3)",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "loan: what the dead had sent is freed",
        edits: &[edit(
            LOAN,
            1,
            "        word & STATE == QUEUED\n            && self.slot",
            "        word & STATE == FREE\n            && self.slot",
        )],
        protects: "what a dead process had sent stays",
        caught_by: ("loom_loan", "sweeping_beside_the_living"),
    },
    Mutant {
        name: "loan: what the dead was about to send is kept",
        edits: &[edit(
            LOAN,
            1,
            "            && self.slot(word >> BLOCK_BITS).load(Ordering::Acquire) == (word & !BLOCK) | index as u64",
            "            && index < self.blocks.len()",
        )],
        protects: "the blocks of the dead come back",
        caught_by: ("loom_loan", "a_sender_dies"),
    },
    Mutant {
        name: "loan: a message wakes nobody",
        edits: &[edit(LOAN, 1, "                        self.words.gates.items.notify(platform, || 1);\n", "")],
        protects: "a receiver that sleeps is woken",
        caught_by: ("loom_loan", "blocking_hand_over"),
    },
    Mutant {
        name: "loan: giving back wakes nobody",
        edits: &[edit(LOAN, 1, "        self.words.gates.blocks.notify(platform, || 1);\n", "")],
        protects: "a sender that sleeps for a block is woken",
        caught_by: ("loom_loan", "blocking_hand_over"),
    },
    Mutant {
        name: "loan: closing wakes no receiver",
        edits: &[edit(LOAN, 1, "        self.gates.items.notify_all(platform);\n", "")],
        protects: "closing ends a receiver that sleeps",
        caught_by: ("loom_loan", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "loan: closing wakes no borrower",
        edits: &[edit(LOAN, 1, "        self.gates.blocks.notify_all(platform);\n", "")],
        protects: "closing ends a sender that sleeps for a block",
        caught_by: ("loom_loan", "closing_ends_a_borrower"),
    },
    Mutant {
        name: "loan: a sweep wakes no receiver",
        edits: &[edit(
            LOAN,
            1,
            "        self.words.wake_all(platform);\n    }\n}\n\n#[cold]",
            "        self.words.gates.blocks.notify_all(platform);\n    }\n}\n\n#[cold]",
        )],
        protects: "a receiver whose sender died before it woke anybody is woken",
        caught_by: ("loom_loan", "a_sweep_wakes_a_receiver"),
    },
    Mutant {
        name: "loan: a sweep wakes no borrower",
        edits: &[edit(
            LOAN,
            1,
            "        self.words.wake_all(platform);\n    }\n}\n\n#[cold]",
            "        self.words.gates.items.notify_all(platform);\n    }\n}\n\n#[cold]",
        )],
        protects: "a sender that sleeps for the block of a dead process is woken",
        caught_by: ("loom_loan", "a_sweep_wakes_a_borrower"),
    },
    Mutant {
        name: "loan: a block in two hands",
        edits: &[edit(
            LOAN,
            1,
            "                    self.help(&self.words.head.0, head);\n                    return Ok(Some(index));",
            "                    sync::publish(block, FREE);\n                    return Ok(Some(index));",
        )],
        protects: "a block is lent again after its reader has given it back",
        caught_by: ("loom_loan", "a_block_goes_from_hand_to_hand"),
    },
    Mutant {
        name: "broadcast, tail: Release to Relaxed",
        edits: &[edit(
            BROADCAST,
            1,
            "tail.store(position.wrapping_add(1), Ordering::Release);",
            "tail.store(position.wrapping_add(1), Ordering::Relaxed);",
        )],
        protects: "who sees that a message is there sees the message",
        caught_by: ("loom_broadcast", "nobody_misses_anything"),
    },
    Mutant {
        name: "broadcast, looking at tail: Acquire to Relaxed",
        edits: &[edit(
            BROADCAST,
            1,
            "self.front.tail.load(Ordering::Acquire)",
            "self.front.tail.load(Ordering::Relaxed)",
        )],
        protects: "the same, from the subscriber's side",
        caught_by: ("loom_broadcast", "nobody_misses_anything"),
    },
    Mutant {
        name: "broadcast: no second look",
        edits: &[edit(
            BROADCAST,
            1,
            "                    if slot[0].load(Ordering::Relaxed) == stamp(*next) {\n                        *next",
            "                    if slot[0].load(Ordering::Relaxed) != 0 {\n                        *next",
        )],
        protects: "what a subscriber gets is whole",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast, publisher: no fence",
        edits: &[edit(BROADCAST, 1, "        fence(Ordering::Release);\n", "")],
        protects: "the same: who has copied a word of a later message finds the stamp changed",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast, subscriber: no fence",
        edits: &[edit(BROADCAST, 1, "                    fence(Ordering::Acquire);\n", "")],
        protects: "the same, from the subscriber's side",
        caught_by: ("loom_broadcast", "who_is_slow_is_told"),
    },
    Mutant {
        name: "broadcast: who joins does not put the limit back",
        edits: &[edit(BROADCAST, 1, "                self.raw.front.limit.store(tail, Ordering::Relaxed);\n", "")],
        protects: "publishers wait for one who begins with older messages",
        caught_by: ("loom_broadcast", "who_joins_late_misses_nothing"),
    },
    Mutant {
        name: "broadcast: the dead are waited for",
        edits: &[edit(
            BROADCAST,
            1,
            "                self.sweep(seized.dead(), platform);\n                found = true;",
            "                let _ = seized.dead();\n                found = true;",
        )],
        protects: "a dead subscriber holds up nobody",
        caught_by: ("loom_broadcast", "a_subscriber_dies"),
    },
    Mutant {
        name: "region lock, unlocking: Release to Relaxed",
        edits: &[edit(
            REGION_LOCK,
            1,
            "self.lock.0.swap(0, Ordering::Release)",
            "self.lock.0.swap(0, Ordering::Relaxed)",
        )],
        protects: "the next holder sees what the last one did",
        caught_by: ("loom_region", "one_at_a_time"),
    },
    Mutant {
        name: "region lock, locking: Acquire to Relaxed",
        edits: &[edit(
            REGION_LOCK,
            1,
            "self.0.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed)",
            "self.0.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        protects: "the same, from the next holder's side",
        caught_by: ("loom_region", "one_at_a_time"),
    },
    Mutant {
        name: "region lock: a locker that was woken forgets the others",
        edits: &[edit(
            REGION_LOCK,
            1,
            "                match self.0.compare_exchange(word, mine | WAITERS, Ordering::Acquire, Ordering::Relaxed) {",
            "                match self.0.compare_exchange(word, mine, Ordering::Acquire, Ordering::Relaxed) {",
        )],
        protects: "nobody sleeps on beside a free lock",
        caught_by: ("loom_region", "nobody_is_forgotten"),
    },
    Mutant {
        name: "region lock, sweeping: AcqRel to Relaxed",
        edits: &[edit(
            REGION_LOCK,
            1,
            "match self.0.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed) {",
            "match self.0.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed) {",
        )],
        protects: "the next holder sees what the dead one did",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
    },
    Mutant {
        name: "region lock: a sweep gives up beside a waiter",
        edits: &[edit(
            REGION_LOCK,
            1,
            "                Ok(_) => break,\n                Err(now) => word = now,",
            "                Ok(_) => break,\n                Err(_) => return,",
        )],
        protects: "a dead holder's number does not stay in the lock",
        caught_by: ("loom_region", "a_sweep_wakes_who_waits"),
    },
];
