//! The counting semaphore: permits are words with owners, not a counter.
//!
//! A counter and a ledger of who holds how many would be two words, and a process killed between them would lose or
//! double a permit. Here each permit is one word that says where the permit is, and every step is one compare-exchange
//! of one word; so there is no in-between, and what a dead process held can be read off the words.
//!
//! # The states of a permit
//!
//! ```text
//! bit 31..30   29..10               9..0
//!     state    link: index + 1      owner (a participant)
//! ```
//!
//! | state | who gets there | who leaves it |
//! |---|---|---|
//! | `ABSENT` (0) | the beginning; `forget`; a release that did not fit; a sweeper, from a dead `POSTING` | a release: `AVAILABLE` if it is of one, else `POSTING` |
//! | `AVAILABLE` | the beginning; a permit that is dropped; a release; a sweeper, from a dead `HELD` | an acquirer: `HELD` |
//! | `HELD`, owner | an acquirer | its owner: `AVAILABLE` (drop) or `ABSENT` (`forget`); once that is dead, a sweeper: `AVAILABLE` |
//! | `POSTING`, owner | a release of several that checks whether there is room for all | its owner: `AVAILABLE`, or back to `ABSENT`; once that is dead, a sweeper: `ABSENT` |
//!
//! So permits come back from the dead exactly, and each signal of a poster that dies was posted or not: no word can be
//! counted twice. (A release of several that dies while it publishes has posted some of them.)
//!
//! Any other word is garbage: it is passed over, and a process that finds no permit because of it gets
//! [`Corrupted`](crate::Fault::Corrupted).
//!
//! The *link* chains the permits that were acquired (or claimed) together: each word names the one taken before it, and
//! the guard remembers the newest and the number. So a guard of many permits needs no memory of its own. Links are read
//! with the owner beside them and followed only from one word of the owner's to the next, as often as the guard says.
//!
//! # Several at once
//!
//! `acquire_many` counts first and takes only if enough seem to be there. If others were faster it gives back what it has
//! and checks again: it never sleeps with some of its permits in its hands, so two that wait for each other's cannot be.
//! While it takes, its permits count as taken for everybody else.
//!
//! Acquirers of one and of many sleep on the same [event count](crate::wait). A wake-up of one sleeper must not go to one
//! that cannot use it while another could, so those who wait for many set the word `many`, after they have announced
//! themselves and before they look. A notifier that reads it set clears it and wakes everybody: a waiter that set it and still
//! lacks permits sets it again before it sleeps again. The notifier clears *before* it bumps the epoch, so a sleeper whose
//! mark was cleared holds an old ticket, and does not sleep on it.
//!
//! # Fairness
//!
//! A permit that is free goes to the caller that comes first, running threads before sleepers (barging): a hand-off to a sleeper costs a
//! wake-up, in which the permit lies idle. So that nobody starves, an acquirer that has waited for 5 ms takes a *seat* in a
//! line, with a ticket. While a seat is taken, the word `closing` says `PRESSED`, and permits are for the *first*, the seat
//! with the lowest ticket, alone: it sleeps at a gate of its own, and a permit that comes wakes it. It collects what it wants
//! as anybody does, leaves, and wakes the next one; the last one sets `OPEN` again and wakes those who wait without a seat.
//! (A line is so served one after the other, a wake-up for each.)
//!
//! This costs the fast path hardly anything: it checks `closing` anyway, after it has taken its permit, and puts it back unless it finds
//! `OPEN`. An acquirer with a seat is overtaken by those ahead in the line, by calls that had loaded `closing` before, one for each
//! thread, and by calls that never wait in line: `try_` forms, and those whose time is over.
//!
//! The line is advice. Permits change hands by compare-exchanges of their own words, so two acquirers that both take themselves
//! for the first, or a `PRESSED` that is missing for a moment, cost fairness and nothing else:
//!
//! | left behind | by whom | what becomes of it |
//! |---|---|---|
//! | `PRESSED` without a seat that counts | one that died between two steps | any acquirer that finds it sets `OPEN` and wakes the others |
//! | a seat without `PRESSED` | one that set `OPEN` as another one sat down | it checks again after that, and the owner sets it at each attempt |
//! | a seat of a dead participant | one that died in line | the one behind it asks the platform about it, as do those without a seat; a sweep |
//! | a seat of one that is stopped | a debugger, `SIGSTOP`, the scheduler | while there are permits: without a sign of life for 120 ms it is woken, 25 ms later `passed`: it does not count until it goes on |
//! | a wake-up that is owed | one that died after it left | the sweep, or the next look |
//!
//! A permit that comes wakes the second, too. While the first does not take it, the second checks every few milliseconds whether the
//! first lives and gets on. Each other one checks the one ahead of it when it is its turn to [look](crate::wait): once in half a second one
//! of all looks. If there are permits then, it wakes the one ahead, which does the same. With more waiters than seats, those without one wait for one, in no order.
//!
//! An acquirer in line that wants many keeps out those who want fewer until there are enough for it, as in every fair semaphore. A
//! process that holds permits and waits for more behind it waits for itself.
//!
//! # Closing
//!
//! `OPEN` or `PRESSED` → `CLOSING` (now it is closed) → `CLOSED` (and the sleepers were woken). A call that meets `CLOSING` wakes
//! the sleepers, in line or not, for the one who closed may be dead. An acquirer checks the word after it has taken its permit, and gives
//! that back: when `close` has returned, nothing that becomes available later can be acquired.
//!
//! # Deaths
//!
//! An acquirer that finds no permit asks the platform about the owners of those that are held, each once, and takes over
//! what the dead ones had. While acquirers sleep behind living owners, one of them does so again every few milliseconds, and every half
//! second where more than 65,536 permits were ever used: each time it reads the words of all.
//!
//! # Orderings
//!
//! | access | ordering | why |
//! |---|---|---|
//! | `AVAILABLE` → `HELD` | Acquire | what the one did who made it available: its last holder, or the poster |
//! | `HELD` → `AVAILABLE`, `ABSENT` or `POSTING` → `AVAILABLE` | Release | the other half |
//! | a sweeper's `HELD` → `AVAILABLE` | Release | passes on what the dead holder did, which the seizure (Acquire) has shown |
//! | `→ ABSENT`, `ABSENT → POSTING`, and loads that only look | Relaxed | nothing is passed on; the exchange that follows decides |
//! | `closing`: load Acquire, exchange Release | | who is told `Closed` sees what the closer did; and the load stays behind the exchange that took the permit |
//! | `closing`: `OPEN` ↔ `PRESSED` | Relaxed | passes nothing on |
//! | a seat taken, given back, `passed`, counted again: compare-exchange, then a fence | SeqCst | store-then-load: the seat before the check of permits, `closing` and other seats; a permit, a closing, a free seat before the check of the seats |
//! | `many`: exchanges AcqRel, and a barrier on either side | | store-then-load: the sleeper's mark before its check of the permits, the notifier's permit before its check of the mark |
//! | `reach` | Relaxed | it is raised before the word changes, in the same thread; where it matters that somebody else sees both, the barriers of the event count or the release's own partner order them |
//!
//! # Where to look
//!
//! Words from index `reach` on were never used: nobody looks there for permits, so a maximum that is never needed costs
//! only memory. Each handle remembers in private memory where it took its last permit, and begins there: uncontended
//! acquiring and releasing is two compare-exchanges on a word that is mostly its own.

mod acquire;
mod handle;
mod permit;
mod release;
mod turns;
mod wait;
mod word;
mod words;

pub use handle::{Options, Semaphore};
pub use permit::{OwnedPermit, Permit};
pub use word::MOST_PERMITS;
pub use words::Stats;
pub(crate) use words::Words;
