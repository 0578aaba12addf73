//! The condition variable.

use super::{Mutant, edit, silence};

const HANDLE: &str = "ipc-core/src/condvar/handle.rs";
const NOTIFY: &str = "ipc-core/src/condvar/notify.rs";
const WAITER: &str = "ipc-core/src/condvar/waiter.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "condition variable: announced after the unlock",
        edits: &[edit(
            HANDLE,
            1,
            "let mut waiter = self.view.enter(&self.platform);\n        drop(guard);",
            "drop(guard);\n        let mut waiter = self.view.enter(&self.platform);",
        )],
        protects: "a change between the check and the sleep is noticed",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: one wakes nobody",
        edits: &[silence(NOTIFY, "choose", 1)],
        protects: "a waiter is woken",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: all wakes nobody",
        edits: &[silence(NOTIFY, "call_all", 1)],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
    Mutant {
        name: "condition variable: the crowd is not woken",
        edits: &[silence(NOTIFY, "call_crowd", 1)],
        protects: "a waiter without a place is woken",
        caught_by: ("loom_condvar", "one_of_the_crowd"),
    },
    Mutant {
        name: "condition variable: one passes over the crowd",
        edits: &[edit(NOTIFY, 1, "self.call_crowd(platform);\n        // Relaxed: not less", "// Relaxed: not less")],
        protects: "a waiter without a place is notified",
        caught_by: ("loom_condvar", "one_of_the_crowd"),
    },
    Mutant {
        name: "condition variable: all passes over the crowd",
        edits: &[edit(NOTIFY, 1, "self.call_crowd(platform);\n        for index", "for index")],
        protects: "a waiter without a place wakes up",
        caught_by: ("loom_condvar", "all_of_the_crowd"),
    },
    Mutant {
        name: "condition variable: a repair wakes nobody",
        edits: &[silence(NOTIFY, "bury", 1)],
        protects: "a waiter to which a dead notifier owed a wake-up goes",
        caught_by: ("loom_condvar", "a_notifier_dies"),
    },
    Mutant {
        name: "condition variable: a repair wakes only the crowd",
        edits: &[silence(NOTIFY, "rouse", 1)],
        protects: "a waiter inherits a dead one's notification",
        caught_by: ("loom_condvar", "a_dead_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: a repair does not wake the crowd",
        edits: &[silence(NOTIFY, "rouse", 2)],
        protects: "a waiter without a place, to which a dead notifier owed a wake-up, goes",
        caught_by: ("loom_condvar", "a_notifier_of_the_crowd_dies"),
    },
    Mutant {
        name: "condition variable: a dead waiter's notification is dropped",
        edits: &[edit(
            NOTIFY,
            1,
            "if state.kind() == Kind::Notified { state.left_behind() } else { State::FREE }",
            "State::FREE",
        )],
        protects: "no notification is lost with a waiter",
        caught_by: ("loom_condvar", "a_dead_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable: the second notification is not offered again",
        edits: &[silence(WAITER, "inherit", 1)],
        protects: "a waiter that has two notifications gives one back",
        caught_by: ("loom_condvar", "one_notification_each"),
    },
    Mutant {
        name: "condition variable: the second notification is kept",
        edits: &[edit(WAITER, 1, "} else if self.view.change(index, heir, left) {", "} else if false {")],
        protects: "a waiter that has two notifications gives one back",
        caught_by: ("loom_condvar", "one_notification_each"),
    },
    Mutant {
        name: "condition variable: a repair ends waits",
        edits: &[edit(WAITER, 1, "if check != Check::Never && (slept", "if (slept")],
        protects: "no wait returns without a notification",
        caught_by: ("loom_condvar", "a_repair_ends_no_wait"),
    },
    Mutant {
        name: "condition variable: a repair goes unheard",
        edits: &[edit(
            WAITER,
            1,
            "if check != Check::Never && (slept || self.heard_of_a_death())",
            "if check != Check::Never && slept",
        )],
        protects: "a condition is checked again after a death that came before the sleep",
        caught_by: ("loom_condvar", "a_notifier_dies"),
    },
    Mutant {
        name: "condition variable, the handle: one wakes nobody",
        edits: &[silence(HANDLE, "notify_one", 1)],
        protects: "a waiter is woken",
        caught_by: ("loom_condvar", "a_waiter_is_notified"),
    },
    Mutant {
        name: "condition variable, the handle: all wakes nobody",
        edits: &[silence(HANDLE, "notify_all", 1)],
        protects: "everybody is woken",
        caught_by: ("loom_condvar", "all_are_notified"),
    },
    Mutant {
        name: "condition variable: a waiter that looks wakes nobody",
        edits: &[silence(WAITER, "sleep", 1)],
        protects: "one look serves all waiters",
        caught_by: ("loom_condvar", "a_waiter_that_looks_wakes_the_others"),
    },
];
