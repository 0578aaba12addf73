//! The words of this documentation: terms of the field, and those that are this library's own.
//!
//! # Who takes part
//!
//! | term | meaning |
//! |---|---|
//! | participant | An attachment of a process to a region: a number from 1 to 1022, which shared words name as their owner. |
//! | platform | What the algorithms need from outside: sleep, wake, a clock, who is dead, two barriers. See [`platform`](crate::platform). |
//! | peer | Another program that can write to the memory. It may be correct, faulty or hostile. |
//! | owner, holder | The participant that a word names: of a lock, a permit, a slot, a block. |
//! | owner death | The end of an owner that has not given back what it owned. |
//! | dead, alive | What the platform says. A process that is stopped is alive. |
//! | seize | To prove that a participant is dead, and to pin its number until the proof is dropped. See [`Seized`](crate::participant::Seized). |
//! | sweep | To repair what a dead participant has left in one object. Several may do so at once. |
//! | poisoned | Of a lock: a thread has panicked while it held it. |
//!
//! # Memory
//!
//! | term | meaning |
//! |---|---|
//! | region | A piece of memory with named objects: header, participants' records, directory, objects. |
//! | object | What lies in a region under one name. Its kind says which words it has. |
//! | words | The atomics of an object in shared memory. |
//! | view | References to an object's words, with sizes that are kept in private memory. |
//! | handle | A view with a platform: what users have. |
//! | geometry | The sizes of a region or an object, validated once and then private. |
//! | schema | A version number of the element type, which the user chooses. |
//! | fingerprint | A number made from the layout of all objects, compared at each open. |
//! | element, message | A value in an array or a vector; a value that is sent. |
//!
//! # Rings and queues
//!
//! | term | meaning |
//! |---|---|
//! | position | The number of a message, counted from the beginning of its ring and never given again. |
//! | slot | The place of a position in a ring: position modulo the number of slots. |
//! | lap | One way round a ring: as many positions as there are slots. |
//! | stamp | The word of a slot that says which position it holds, whose it is, and in what state. |
//! | ticket | A position that one sender has claimed; of an [event count](crate::wait), the epoch that a sleeper has read; of a call, the claim to its answer. |
//! | publish | To make a message visible by one store, with Release. |
//! | hint | A copy of a word in private memory. It may be old, and then costs a load of the word. |
//! | half | A counted handle that only sends or only receives. |
//! | lease | A job that one process has, and that comes back if it dies. |
//! | block | Memory for one message or job, which changes owners and is not copied. |
//! | the books | The word, or the words, that say what a writer is in the middle of, for the next one to finish or take back. |
//!
//! # Waiting
//!
//! | term | meaning |
//! |---|---|
//! | event count | The word on which sleepers of one condition sleep. See [`wait`](crate::wait). |
//! | gate | An event count with its rota. |
//! | announce | To set the bit that makes notifiers wake: after it, and before the sleep, the condition is checked once more. |
//! | light and heavy barrier | A pair that orders a store before a load on both sides. The heavy one, of the sleeper, may be a system call, so that the light one costs nothing. |
//! | wake-up; spurious wake-up | The end of a sleep by a notifier; by no notifier. A lost one is what the look makes up for. |
//! | look | The check that a sleeper makes by itself, because a notifier may have died before its wake-up. |
//! | rota | The plan by which the sleepers of one object share these looks. |
//! | slice | The time of one sleep, after which a sleeper checks whether the participant in its way is dead. |
//! | line, front, back | The order of those that wait for a lock: the next two are in front and check for deaths, the others are at the back. |
//! | seat | A place in a line, or of a party at a barrier. |
//! | turnstile | The lock that writers of an `rwlock` take, and readers behind a writer. |
//! | hand-off, barging | A lock goes to the first in line; to a running thread that comes first. |
//! | back-off | Polling with pauses that grow, so that a side leaves the other one's cache lines alone. |
//! | budget | What a handle has learnt about how long polls and yields pay. See [`wait::policy`](crate::wait::policy). |
//! | patience | For how long a call waits for another process that is in the middle of an operation. |
//!
//! # Proofs
//!
//! | term | meaning |
//! |---|---|
//! | linearization point | The one step at which an operation takes effect for all. |
//! | happens-before | The order of C++ and Rust: what is before it in that order is visible. |
//! | Release, Acquire, Relaxed, SeqCst | The orderings of atomic accesses, as in the standard library. |
//! | ABA | A word that is as before although it has changed meanwhile. Positions and versions, which do not come back, prevent it. |
//! | false sharing | Words of different writers in one cache line, which slow each other down. Objects lie 128 bytes apart, since lines are fetched in pairs. |
//! | fast path, slow path | The steps where no process is in the way; the others, in functions of their own. |
//! | wait-free, lock-free | Each call ends in a bounded number of its own steps; some call does, whatever the others do. |
//! | transaction | Changes of a copy, which count from one step on or not at all. |
//! | garbage | A word that no correct peer writes. |
