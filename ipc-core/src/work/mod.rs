//! Jobs that are leased until they are done: a queue whose messages come back from workers that die.
//!
//! A job stays in one block of memory from its send until it is done. Rings carry the blocks' numbers only. The block's word says where the
//! job is and whose it is, so each change of hands is one compare-exchange of that word. ([`loan`](crate::loan) is the same without the
//! leases.)
//!
//! ```text
//! block[i]              position | attempts | ring | owner | state; the job
//! main: tail, head      jobs that were sent         place[p mod N]: position p | block
//! back: tail, head      jobs that came back         the same
//! dead: tail, head      dead letters                the same
//! ```
//!
//! | block | meaning | who may change it |
//! |---|---|---|
//! | `Free` | nobody's | a sender: `Writing` by itself |
//! | `Writing(o)` | o writes a job into it | o: `Queued(o, main)`, `Free`; a sweeper of dead o: `Free` |
//! | `Queued(o, ring, p)` and place p names it | in the ring, put there by o | the receiver of position p: `Leased` |
//! | `Queued(o, main, p)` otherwise | o is about to send it | o: the same with another p, `Free`; a sweeper of dead o: `Free` |
//! | `Queued(o, back or dead, p)` otherwise | o is bringing it home | o or a sweeper of dead o: the same with another p |
//! | `Leased(o, ring, p)` | o works on it; it was in that ring at p | o: `Free` (done), `Queued(o, back or dead)`; a sweeper of dead o: the latter |
//!
//! *Send.* Take a free block (`Writing`), write the job. Read main's `tail` = t; store `Queued(me, main, t)`; compare-exchange place t from
//! its older position to (t, block): that is the send's linearization point. Then help `tail` on.
//!
//! *Receive.* Read back's `head` = h, then main's. If place h is filled, compare-exchange the block that it names from `Queued(_,
//! ring, h)` to `Leased(me, ring, h)`: that is the receive's linearization point. Then help `head` on,
//! also where another receiver has the job.
//!
//! *Ends.* `tail` and `head` say where to begin to look, and no more: from there each walks over the places that were filled, or over the jobs
//! that were received, and stores where it came to. A store, not a compare-exchange, which would cost each message two of them: a process that
//! is late moves them back, and the next one walks again. Even by laps: a place that holds a later job says which, and all
//! that came a lap before it were received (W1).
//!
//! *Empty* is a state that the queue had in the call: if back was empty at the first look and main at the second, each receive that took a
//! job of main meanwhile began with a check of back, too. At the latest of all those checks back was empty, and all these receives go on;
//! they count from then on. So a job that came back behind that look came later.
//!
//! *Done.* Store `Free`.
//!
//! *Home.* A lease that ends otherwise, by its holder or by a sweeper after its death: compare-exchange `Leased(o, main or back)` to
//! `Queued(o, back, t)` with one attempt more, or to `Queued(o, dead, t)` if that was the last one; then compare-exchange place t. If
//! another block has that place, compare-exchange the word to the next t, and so on. The owner's number stays in the word until the job is
//! in the ring, so that several processes may repair after the same dead one: each makes the same step from the same word, and one
//! succeeds.
//!
//! *Close.* Compare-exchange main's place t from its older position to (t, end mark). No send comes behind it.
//!
//! Invariants:
//!
//! - **W1** A ring has more places than there are blocks, and each position that was not received holds a block. So place t's older job was
//!   received before t is filled, and a ring is never full; main is refused to senders when as many positions wait as its capacity says.
//! - **W2** A block is `Queued(_, ring, p)` before place p names it. So if place p names a block that is not `Queued(_, ring, p)`, the job
//!   at p was received.
//! - **W3** Positions do not come back (modulo 2^44), so a compare-exchange with an old word cannot succeed later. A lease is its word.
//! - **W4** Main is for new jobs only. So a word `Queued(d, main, p)` that place p does not name is a send that never was, and one of
//!   another ring is a job on its way home.
//! - **W5** A job that is on its way home moves on from position p only once place p names another block. So place p can be filled with the
//!   block exactly as long as its word says p.
//!
//! - **W6** A block's job is written only while the block is `Writing`, by its owner: never while it is queued or leased. So a holder may read it
//!   in place. Only where leases have a time limit a job is taken from a living holder, and then holders have copies.
//!
//! # Jobs of bytes
//!
//! [`ByteWorkQueue`] is the same with jobs whose length is their own. A block's cells are its word, the length, and what calls need, on a
//! line of their own; the bytes lie apart, behind all cells, in equal parts. The holder of a lease reads them where they lie (W6).
//!
//! # Time limits
//!
//! A queue of plain data may have a limit for leases. Beside each block lies the end of its lease: a time, and a hash of the lease's word and of
//! the clock that says whose end it is.
//!
//! *Begin*, by the holder in a receive, and to prolong. Load the end; if it is marked for this lease, or the block's word is not this lease, it
//! is over; otherwise compare-exchange the end to now and the limit.
//!
//! *Take over*, by a look of receivers and of those who wait for the end. Load the end of a leased block, and its word again. If the end is not
//! of this lease, or of another clock, compare-exchange it to now and the limit. If it has passed, compare-exchange it to a mark. Then
//! compare-exchange the word from `Leased(o, ring, p)` to `Queued(me, back or dead, t)`, with one attempt more, and go on as on any way
//! home. The process that finds the mark goes on from there, so it does not matter if the one who made it is killed.
//!
//! *Done* is a compare-exchange from the lease's word then, and fails if the job was taken over (W3). So does the first step home of a lease
//! that is dropped.
//!
//! The end of a later lease is never touched by one of an earlier one: it is loaded before the word is checked, and changed only from what
//! was loaded. So a holder that has prolonged its lease has it until the new end: a mark would have been there before, and the word changes
//! behind a mark only.
//!
//! A holder may be late before it has copied its job. So it checks the word again behind the copy. A block's job is written behind a fence,
//! behind the word that says so: who has copied a part of it finds the other word.
//!
//! Jobs of bytes have no limit: they are read, and answered, in place.
//!
//! # Calls
//!
//! A job of bytes may be *called*: its sender gets a [`Ticket`] and waits for the answer. The block is the caller's until the caller goes: job,
//! lease and answer are one block with one word, so no second slot must be kept in step with it.
//!
//! ```text
//! block[i]    word | length | caller | length of the answer; apart: the job, the answer, where the caller sleeps
//! ```
//!
//! The caller's number is written beside the job, and stands as long as the job does: who reads it, and then changes the word by a
//! compare-exchange from a value that was read before, has read that of this job (W3).
//!
//! | block | meaning | who may change it |
//! |---|---|---|
//! | `Answered(ring, p)` | done, or given up; the caller reads the answer | the caller, or a sweeper of the dead one: `Free` |
//! | `Withdrawn(ring, p)` | the caller went before anybody had the job | anybody, at that ring's `head`: `Free` |
//! | `Orphan(o, ring, p)` | o works on it, and the caller has gone | o, or a sweeper of dead o: `Free` |
//!
//! *Answer.* The holder writes the answer into the block, and compare-exchanges `Leased(me)` to `Answered`. If that fails, the caller has gone,
//! and the block is free.
//!
//! *Going*, of a caller, or of its sweeper. A job that waits becomes `Withdrawn`, one that a process has `Orphan`, one that is answered `Free`:
//! each by one compare-exchange. So a job is either withdrawn or begun with, and the caller knows which. A job that is on its way home
//! has no place yet at which it could be freed. The caller helps it there first: the step is the owner's own (W5). An owner that finds
//! its job brought home leaves it alone, also where another of its threads has it by then.
//!
//! *Withdrawn* jobs keep their block until `head` comes to their position, for W1. Receivers, and senders that find no room, free them
//! there before they help `head` on.
//!
//! A called job whose attempts are used up is no dead letter: it is `Answered` with as many attempts as the creator allows, which no answer
//! of a holder has.
//!
//! - **W7** An answer is written only while the block is `Leased` or `Orphan`, by its owner. From `Answered` on it is only read, until
//!   the caller goes.
//!
//! | killed | leaves | repaired by |
//! |---|---|---|
//! | the caller, anywhere | a called job that nobody waits for | its sweep, which goes for it; a sender that finds no room searches for dead callers |
//! | the holder, in its answer | `Leased` | its sweep: the job comes again, and the next answer is written over this one |
//! | the holder, behind `Answered` | a caller that was not woken | the caller looks by itself, and a sweep wakes it |
//! | the holder of an `Orphan` | `Orphan` | its sweep frees the block |
//! | who goes, behind `Withdrawn` | a block at a position that `head` has to pass | the next receiver, or a sender that finds no room |
//!
//! The end of all work counts an orphan, for its holder works on it, and neither answered nor withdrawn jobs.
//!
//! # One living holder, and none lost
//!
//! A job is held iff its word is `Leased(o)`. It gets there by one compare-exchange from `Queued` at the head; it gets out by o's own step,
//! or by one of those who have seized o, which makes no step any more; or the time limit of the queue takes it from o.
//!
//! From the send to its end a job's word is `Queued` or `Leased`. Each state but `Queued` and in a ring has an owner that goes on with it,
//! or is found dead: by a receiver or a waiter for the end, before it sleeps and every 12 ms; by a receiver that always finds jobs, every
//! 12 ms; by a sender that finds no room; by a process that attaches.
//!
//! # The end of all work
//!
//! Idle means that no job is `Queued` in main or back, on its way to back, or `Leased` from them. There is no counter, which a kill would
//! spoil. A caller reads main's next position t, checks all blocks, and then place t again. Only the fill of a place of main makes a
//! block busy. So if place t is still empty, each block that was found not to be busy stayed so, and the queue was idle at the last check.
//! (A holder that sends a job and is done with its own has sent first. A caller that finds its block free finds place t filled.)
//!
//! Two that finish the last two jobs at once each check, behind a fence, whether somebody waits for the end. The later fence's owner sees both
//! done.
//!
//! A receiver of a closed queue gets the end only when the queue is idle, and sleeps where those sleep who wait for that.
//!
//! A receiver of dead letters gets the end when the queue is closed and idle, and then no block is a letter's. From the end of all work on no
//! block becomes one, so a check of each is enough.
//!
//! # Deaths
//!
//! | killed | leaves | a sweep |
//! |---|---|---|
//! | in a send, before the place is filled | `Writing`, or `Queued(main)` and no place | frees the block: nothing was sent |
//! | in a send, behind it | a `tail` that lags, sleepers that were not woken | leaves the job; `tail` is helped on, sleepers look by themselves |
//! | in a receive, before the word | nothing | – |
//! | behind it, or with a lease | `Leased` | brings the job home, one attempt more |
//! | in `done`, behind the word | sleepers that were not woken | wakes |
//! | on the way home | `Queued(back or dead)` and no place | brings it home; the attempt was counted in the step before |
//! | in a sweep | any of these, with the first dead one's number | the next one goes on |
//!
//! # Orderings
//!
//! | label | store | load | makes visible |
//! |---|---|---|---|
//! | written | block: publication as `Queued`, Release | block compare-exchange of a receive, Acquire | the job |
//! | sent | place compare-exchange, Release | place in a receive, Acquire | that the block is queued (W2) |
//! | free | block store, Release | block compare-exchange of a send, Acquire | that the job was read; in a search for the end, what its holder has sent |
//! | swept | block compare-exchange, Release | the same | what the dead one did to the block |
//! | ended | end compare-exchange, Release | end in a begin or a look, Acquire | the block's word of that lease, or a later one |
//! | rewritten | fence behind the block compare-exchange of a send, Release | fence behind the copy of a job, Acquire | that the block is not leased any more |
//! | answered | block compare-exchange to `Answered`, Release | block in a wait for the answer, Acquire | the answer |
//!
//! # Progress
//!
//! Lock-free: every step is one compare-exchange, and what a stopped process has left half-done others complete or do not need. But the job
//! of a stopped holder waits for it.

mod byte_handle;
mod byte_lease;
mod byte_verbs;
mod bytes;
mod calls;
mod content;
mod deaths;
mod engine;
mod geometry;
mod handle;
mod hints;
mod idle;
mod jobs;
mod lease;
mod limit;
mod pulse;
mod queries;
mod receive;
mod ring;
mod send;
mod settings;
mod ticket;
#[cfg(feature = "serde")]
mod value_options;
#[cfg(feature = "serde")]
mod value_ticket;
#[cfg(feature = "serde")]
mod values;
mod word;
mod words;

pub use byte_handle::{ByteOptions, ByteWorkQueue};
pub use byte_lease::ByteLease;
pub use handle::{Options, WorkQueue};
pub use idle::Stats;
pub use lease::Lease;
pub use settings::Settings;
pub use ticket::Ticket;
#[cfg(feature = "serde")]
pub use value_options::ValueOptions;
#[cfg(feature = "serde")]
pub use value_ticket::ValueTicket;
#[cfg(feature = "serde")]
pub use values::{ValueLease, ValueWorkQueue};
pub(crate) use words::Words;
