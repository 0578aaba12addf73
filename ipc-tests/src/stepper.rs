//! Kill a process after every machine instruction of one operation.
//!
//! A [`Victim`] is a forked child under ptrace. Its closure is ordinary Rust: it sets up what it needs,
//! calls [`Gate::begin`], runs the operation, calls [`Gate::end`]. The parent moves it to any instruction
//! in between and kills it there. [`sweep`] does that for every instruction in turn that changes what outlives the
//! victim, and asks a check what the survivors see; [`sweep_pairs`] does it while a second victim is stopped inside its own operation.
//!
//! ```no_run
//! use ipc_tests::stepper::{self, Verdict, Victim};
//! # fn reset() {}
//! # fn attach() -> Vec<u64> { Vec::new() }
//! # fn survivors_agree() -> bool { true }
//!
//! stepper::pin_to_one().unwrap();
//! let report = stepper::sweep(
//!     "queue.send",
//!     || {
//!         reset();
//!         Victim::fork(|gate| {
//!             let mut queue = attach();
//!             gate.begin();
//!             queue.push(7);
//!             gate.end();
//!         })
//!     },
//!     |_point, _finished| if survivors_agree() { Verdict::CLEAN } else { Verdict::TORN },
//! )
//! .unwrap();
//! report.assert_clean();
//! ```
//!
//! # Positions
//!
//! Single steps cost about 20 µs, native code nothing. A position is therefore a pair: the number of a
//! syscall stop after `begin`, and instructions stepped from there. Each syscall has two stops, before
//! the kernel does it and after; the kernel drops a syscall whose process is killed at the first.
//!
//! ```text
//! begin --0,1--0,2--0,3--| syscall |--2,1--2,2--| syscall |--4,1-- ... --end
//!  0,0                  1,0       2,0          3,0       4,0
//! ```
//!
//! Within the code between two syscalls a hardware breakpoint brings a victim to the instruction the one
//! before it was killed at, if the machine has one to give.
//!
//! The victims of a sweep have to do the same each time. If one takes another path it meets its syscall
//! earlier or later; the sweep notices the syscall and goes on behind it, so it still ends.
//!
//! # Marks
//!
//! `begin` and `end` are one `int3` each with a number in `rax`: no syscall and no signal of their own,
//! so that they are no points. The few instructions between the operation's last effect and the mark of
//! `end` are points with `finished == false`, which therefore means "perhaps not finished".
//!
//! # Rules
//!
//! * A ptrace request has to come from the thread that forked, so a [`Victim`] is not `Send`.
//! * The victim dies with that thread.
//! * A victim is one thread; threads and processes it makes itself are not traced.
//! * Values the closure captures by move are dropped in the parent, when `fork` returns, and again in the
//!   child. Make handles inside the closure.
//! * Other threads of the parent do not exist in the child, but locks they held stay locked. glibc takes
//!   care of its own `malloc`.

mod marks;
mod outcome;
mod pairs;
mod path;
mod position;
mod remains;
mod report;
mod sweep;
mod ticks;
mod tracee;
mod victim;

pub use crate::pin::{pin_to, pin_to_one};
pub use marks::Gate;
pub use outcome::{StepOutcome, VictimError};
pub use pairs::{PairPoint, PairSweep, sweep_pairs};
pub use report::{Finding, SweepReport, Verdict};
pub use sweep::{Sweep, SweepError, sweep};
pub use victim::Victim;
