//! The barrier.

use super::{Mutant, edit, silence};

const BARRIER: &str = "ipc-core/src/barrier/words.rs";

pub const MUTANTS: &[Mutant] = &[
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
        name: "barrier, loading a seat: SeqCst to Acquire",
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
        name: "barrier, loading the state: Acquire to Relaxed",
        edits: &[edit(
            BARRIER,
            1,
            "State(self.words.state.load(Ordering::Acquire))",
            "State(self.words.state.load(Ordering::Relaxed))",
        )],
        protects: "the same, on their side",
        caught_by: ("loom_barrier", "two_meet"),
    },
    Mutant {
        name: "barrier: the dead are not asked about",
        edits: &[edit(
            BARRIER,
            1,
            "match any_dead(platform, self.seats, &mut next) {",
            "match any_dead(platform, &self.seats[..0], &mut next) {",
        )],
        protects: "a member that died is not waited for",
        caught_by: ("loom_barrier", "a_party_dies"),
    },
    Mutant {
        name: "barrier: who waits ends no phase",
        edits: &[edit(
            BARRIER,
            1,
            "                if self.complete(phase, platform) {\n                    return Attempt::Done(Ok(true));\n                }\n",
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
            "            if state.is_broken() || self.advance(state, state.broken(), platform) {\n                break;\n            }\n",
            "            break;\n",
        )],
        protects: "a member's death is known after its number has gone to another",
        caught_by: ("loom_barrier", "sweeping_a_member"),
    },
    Mutant {
        name: "barrier: a sweeper breaks whatever phase there is",
        edits: &[edit(
            BARRIER,
            1,
            "if state.is_broken() || self.advance(state, state.broken(), platform) {",
            "if self.abort(platform) || self.is_broken() {",
        )],
        protects: "a sweeper that was stopped does not break the phase that others have begun meanwhile",
        caught_by: ("loom_barrier", "a_late_sweeper_breaks_no_later_phase"),
    },
    Mutant {
        name: "barrier: a phase that ends wakes nobody",
        edits: &[silence(BARRIER, "advance", 1)],
        protects: "who waits goes on",
        caught_by: ("loom_barrier", "two_meet"),
    },
    Mutant {
        name: "barrier: a sweep wakes nobody",
        edits: &[silence(BARRIER, "sweep", 1)],
        protects: "a party that waits is told of an abort by a process that died before it woke anybody",
        caught_by: ("loom_barrier", "a_sweep_completes_an_abort"),
    },
];
