//! The semaphore.

use super::{Mutant, edit, silence};

const SEMAPHORE_ACQUIRE: &str = "ipc-core/src/semaphore/acquire.rs";
const SEMAPHORE_RELEASE: &str = "ipc-core/src/semaphore/release.rs";
const SEMAPHORE_VIEW: &str = "ipc-core/src/semaphore/words.rs";
const SEMAPHORE_TURNS: &str = "ipc-core/src/semaphore/turns.rs";
const SEMAPHORE_WAIT: &str = "ipc-core/src/semaphore/wait.rs";

pub const MUTANTS: &[Mutant] = &[
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
        name: "semaphore: a permit given back wakes nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "put_back", 1)],
        protects: "a sleeper gets the permit",
        caught_by: ("loom_semaphore", "one_permit_excludes"),
    },
    Mutant {
        name: "semaphore: permits given back wake nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "put_back_many", 1)],
        protects: "the same",
        caught_by: ("loom_semaphore", "two_want_both"),
    },
    Mutant {
        name: "semaphore: a signal wakes nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "post", 1)],
        protects: "the same",
        caught_by: ("loom_semaphore", "a_signal_wakes_a_sleeper"),
    },
    Mutant {
        name: "semaphore: several signals wake nobody",
        edits: &[silence(SEMAPHORE_RELEASE, "post", 2)],
        protects: "the same",
        caught_by: ("loom_semaphore", "a_release_of_two_wakes_two"),
    },
    Mutant {
        name: "semaphore: the wake-up is lost",
        edits: &[silence(SEMAPHORE_VIEW, "notify", 1)],
        protects: "the same",
        caught_by: ("loom_semaphore", "a_signal_wakes_a_sleeper"),
    },
    Mutant {
        name: "semaphore: a waiter for several permits is not woken",
        edits: &[silence(SEMAPHORE_VIEW, "notify_many", 1)],
        protects: "the same, of those who want several",
        caught_by: ("loom_semaphore", "one_waits_for_many_beside_one_for_one"),
    },
    Mutant {
        name: "semaphore: closing wakes nobody",
        edits: &[silence(SEMAPHORE_VIEW, "complete_closing", 1)],
        protects: "closing ends the waits of all sleepers",
        caught_by: ("loom_semaphore", "a_closer_dies"),
    },
    Mutant {
        name: "semaphore: a sweep wakes nobody",
        edits: &[silence(SEMAPHORE_VIEW, "sweep", 1)],
        protects: "a permit that comes back from the dead wakes a sleeper",
        caught_by: ("loom_semaphore", "a_sweep_wakes_who_waits"),
    },
    Mutant {
        name: "semaphore, line: a permit wakes nobody in line",
        edits: &[silence(SEMAPHORE_TURNS, "call", 1)],
        protects: "who sleeps first in line gets the permit that comes",
        caught_by: ("loom_turns", "one_in_line_is_overtaken_by_nobody"),
    },
    Mutant {
        name: "semaphore, line: a permit does not wake the second",
        edits: &[edit(SEMAPHORE_VIEW, 1, "self.words.turns.call(second, platform);", "let _ = second;")],
        protects: "permits do not lie idle that the first in line does not take",
        caught_by: ("loom_turns", "a_permit_wakes_the_second_in_line"),
    },
    Mutant {
        name: "semaphore, line: who leaves it wakes nobody behind",
        edits: &[edit(SEMAPHORE_VIEW, 1, "self.words.turns.call(first, platform);\n            return;", "return;")],
        protects: "the next one in line gets its turn",
        caught_by: ("loom_turns", "the_line_is_served_in_order"),
    },
    Mutant {
        name: "semaphore, line: its end wakes nobody",
        edits: &[silence(SEMAPHORE_VIEW, "pass_turn", 1)],
        protects: "a call that the line kept out goes on when the line is gone",
        caught_by: ("loom_turns", "the_end_of_the_line_wakes_those_it_kept_out"),
    },
    Mutant {
        name: "semaphore, line: closing wakes nobody",
        edits: &[silence(SEMAPHORE_TURNS, "call_all", 1)],
        protects: "closing ends the waits of those who sleep in line",
        caught_by: ("loom_turns", "a_closing_ends_the_line"),
    },
    Mutant {
        name: "semaphore, line: a sweep wakes nobody",
        edits: &[silence(SEMAPHORE_TURNS, "sweep", 1)],
        protects: "who sleeps behind a dead one in line gets its turn",
        caught_by: ("loom_turns", "a_sweep_wakes_the_line"),
    },
    Mutant {
        name: "semaphore, line: it keeps nobody out",
        edits: &[edit(SEMAPHORE_WAIT, 1, "        self.view.press();\n", "")],
        protects: "who is in line is overtaken by nobody",
        caught_by: ("loom_turns", "one_in_line_is_overtaken_by_nobody"),
    },
    Mutant {
        name: "semaphore, line: the fast path overtakes it",
        edits: &[edit(
            SEMAPHORE_ACQUIRE,
            1,
            "self.view.words.closing.load(Ordering::Acquire) != OPEN",
            "self.view.words.closing.load(Ordering::Acquire) % 3 != OPEN",
        )],
        protects: "the same",
        caught_by: ("loom_turns", "one_in_line_is_overtaken_by_nobody"),
    },
    Mutant {
        name: "semaphore, line: everybody in it is the first",
        edits: &[edit(SEMAPHORE_TURNS, 1, ".filter(|first| !first.is_same_stay(mine))", ".filter(|_| false)")],
        protects: "the line is served in order",
        caught_by: ("loom_turns", "one_that_comes_later_is_served_later"),
    },
    Mutant {
        name: "semaphore, line: the dead keep their seats",
        edits: &[edit(SEMAPHORE_TURNS, 1, "if owner(word) == Some(dead) {", "if owner(word) == Some(dead) && false {")],
        protects: "one that dies in line keeps nobody out",
        caught_by: ("loom_turns", "one_in_line_dies"),
    },
];
