//! The event count, and looks.

use super::{Mutant, edit, silence};

const EVENTCOUNT: &str = "ipc-core/src/wait/eventcount.rs";
const BLOCK: &str = "ipc-core/src/wait/block.rs";

pub const MUTANTS: &[Mutant] = &[
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
        name: "event count: all are woken: none is",
        edits: &[silence(EVENTCOUNT, "notify_all", 1)],
        protects: "everybody is woken",
        caught_by: ("loom_queue", "closing_ends_a_receiver"),
    },
    Mutant {
        name: "event count: the wake-up is lost",
        edits: &[silence(EVENTCOUNT, "notify_sleepers", 1)],
        protects: "a sleeper is woken",
        caught_by: ("loom_queue", "blocking_hand_over"),
    },
    Mutant {
        name: "event count: clearing wakes nobody",
        edits: &[silence(EVENTCOUNT, "clear", 1)],
        protects: "who queued before the clear announces itself again",
        caught_by: ("loom_queue", "two_consumers_are_woken"),
    },
    Mutant {
        name: "a repair wakes only those who are announced",
        edits: &[edit(EVENTCOUNT, 1, "self.notify_sleepers(platform, || EVERYBODY);", "self.notify_all(platform);")],
        protects: "a sleeper goes whose announcement a dead notifier had cleared",
        caught_by: ("loom_watch", "a_counted_writer_dies"),
    },
    Mutant {
        name: "a sleeper that looks wakes nobody",
        edits: &[silence(BLOCK, "wait_with", 1)],
        protects: "one look serves all sleepers",
        caught_by: ("loom_wait", "a_sleeper_that_looks_wakes_the_others"),
    },
];
