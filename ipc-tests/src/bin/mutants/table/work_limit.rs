//! Time limits of leases.

use super::{Mutant, edit};

const JOBS: &str = "ipc-core/src/work/jobs.rs";
const LIMIT: &str = "ipc-core/src/work/limit.rs";
const ENGINE: &str = "ipc-core/src/work/engine.rs";

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "lease limit, being done is a store",
        edits: &[edit(
            JOBS,
            1,
            "        if self.geometry.limit != 0 {\n            return self.finish_in_time(platform, taken);\n        }\n",
            "",
        )],
        protects: "a job that was taken over is not freed by its old holder",
        caught_by: ("loom_work_limit", "done_beside_a_takeover"),
    },
    Mutant {
        name: "lease limit, a job is taken over by a store",
        edits: &[edit(
            LIMIT,
            1,
            "        if self.turn(index, job, home).is_err() {\n            return Ok(false);\n        }\n",
            "        if let Some(word) = self.word(index) {\n            word.store(home.0, Ordering::Release);\n        }\n",
        )],
        protects: "a job that is done meanwhile is not taken over",
        caught_by: ("loom_work_limit", "done_beside_a_takeover"),
    },
    Mutant {
        name: "lease limit, a job is taken over in its old holder's name",
        edits: &[edit(LIMIT, 1, "job.taken_over(platform.me()).queued(", "job.queued(")],
        protects: "the job comes back though the one dies that takes it over",
        caught_by: ("loom_work_limit", "who_takes_over_dies"),
    },
    Mutant {
        name: "lease limit, a lease is prolonged though it is marked",
        edits: &[edit(
            LIMIT,
            1,
            "if seen == LeaseEnd::over(taken.word) || !self.is_held(taken) {",
            "if !self.is_held(taken) {",
        )],
        protects: "a lease that was prolonged is kept",
        caught_by: ("loom_work_limit", "a_renewed_lease_is_kept"),
    },
    Mutant {
        name: "lease limit, a lease is prolonged though another one has the job",
        edits: &[edit(
            LIMIT,
            1,
            "if seen == LeaseEnd::over(taken.word) || !self.is_held(taken) {",
            "if seen == LeaseEnd::over(taken.word) {",
        )],
        protects: "the old holder learns that its lease is over",
        caught_by: ("loom_work_limit", "a_receiver_takes_over"),
    },
    Mutant {
        name: "lease limit, a job is taken over without a mark",
        edits: &[edit(LIMIT, 1, "seen.has_passed(platform.now()) && set(over)", "seen.has_passed(platform.now())")],
        protects: "a lease that was prolonged is kept",
        caught_by: ("loom_work_limit", "a_renewed_lease_is_kept"),
    },
    Mutant {
        name: "lease limit, a marked lease is not taken over",
        edits: &[edit(
            LIMIT,
            1,
            "        if seen == over {\n            return true;\n        }\n",
            "        if seen == over {\n            return false;\n        }\n",
        )],
        protects: "a job is taken over though the one died that has marked it",
        caught_by: ("loom_work_limit", "a_marked_lease_is_taken_over"),
    },
    Mutant {
        name: "lease limit, no look behind the copy",
        edits: &[edit(
            JOBS,
            1,
            "if self.word(taken.index).is_none_or(|word| word.load(Ordering::Relaxed) != taken.word.0) {",
            "if false {",
        )],
        protects: "a late holder does not take another job's bits for its own",
        caught_by: ("loom_work_limit", "a_late_copy_is_whole"),
    },
    Mutant {
        name: "lease limit, no fence behind the copy",
        edits: &[edit(JOBS, 1, "            fence(Ordering::Acquire);\n", "")],
        protects: "the same",
        caught_by: ("loom_work_limit", "a_late_copy_is_whole"),
    },
    Mutant {
        name: "lease limit, no fence before the job",
        edits: &[edit(JOBS, 1, "                    fence(Ordering::Release);\n", "")],
        protects: "the same",
        caught_by: ("loom_work_limit", "a_late_copy_is_whole"),
    },
    Mutant {
        name: "lease limit, a receiver does not search for late holders",
        edits: &[edit(
            ENGINE,
            2,
            "let late = self.view.take_over(platform);",
            "let late = super::limit::Late::default();",
        )],
        protects: "a receiver that sleeps takes a job over",
        caught_by: ("loom_work_limit", "a_receiver_takes_over"),
    },
    Mutant {
        name: "lease limit, a late lease gives back the next one",
        edits: &[edit(
            JOBS,
            1,
            "State::Leased(_) if job != begun => return Ok(()),",
            "State::Leased(_) if false => return Ok(()),",
        )],
        protects: "a lease that is over does nothing when it is dropped",
        caught_by: ("loom_work_limit", "a_lease_that_is_over_gives_nothing_back"),
    },
];
