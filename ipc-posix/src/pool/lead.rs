//! How answers come to their owners: one thread at a time *leads*. It receives the notes of the workers, and gives the answers to their
//! owners. A thread that waits for an answer leads if nobody does, so that an answer comes to it without a detour. Others sleep until
//! the leader has theirs, or hands the lead on. The collector, a thread of the pool, leads while calls are under way that nobody waits for.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use ipc_core::Fault;
use ipc_core::error::{RecvError, RecvTimeoutError};

use super::basket::Seat;
use super::desk::{Desk, Phase, Shared};
use super::error::CallError;

/// How many answers a leader takes under one lock.
const BATCH: usize = 64;

impl Shared {
    /// Waits until `ready` says so, the deadline comes, or the pool is over. Leads if nobody does.
    pub(super) fn wait<'a>(
        &'a self,
        mut desk: MutexGuard<'a, Desk>,
        seat: &Arc<Seat>,
        deadline: Option<Instant>,
        mut ready: impl FnMut(&Desk) -> bool,
    ) -> MutexGuard<'a, Desk> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let late = left.is_some_and(|left| left.is_zero());
            if late || ready(&desk) || matches!(desk.phase, Phase::Over(_)) {
                // Perhaps the lead was handed on to this thread.
                self.hand_on(&mut desk);
                return desk;
            }
            if !desk.leading {
                desk = self.lead(desk, deadline, &mut ready);
                continue;
            }
            desk.followers.push(Arc::clone(seat));
            desk = match left {
                None => seat.condvar.wait(desk).unwrap_or_else(PoisonError::into_inner),
                Some(left) => seat.condvar.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            let mine = desk.followers.iter().position(|other| Arc::ptr_eq(other, seat));
            if let Some(mine) = mine {
                desk.followers.swap_remove(mine);
            }
        }
    }

    /// Gives answers to their owners until `ready` says so, the deadline comes, or the pool is over.
    fn lead<'a>(
        &'a self,
        mut desk: MutexGuard<'a, Desk>,
        deadline: Option<Instant>,
        ready: &mut dyn FnMut(&Desk) -> bool,
    ) -> MutexGuard<'a, Desk> {
        desk.leading = true;
        loop {
            drop(desk);
            let note = match deadline {
                None => self.notes.recv().map_err(|error| match error {
                    RecvError::Fault(fault) => RecvTimeoutError::Fault(fault),
                    _ => RecvTimeoutError::Closed,
                }),
                Some(deadline) => self.notes.recv_deadline(deadline),
            };
            let mut late = false;
            match note {
                Ok(note) => {
                    desk = self.desk();
                    self.note(&mut desk, note);
                    for _ in 0..BATCH {
                        let Ok(note) = self.notes.try_recv() else { break };
                        self.note(&mut desk, note);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    desk = self.desk();
                    late = true;
                }
                // The queue of notes is damaged, or cannot say who is dead: nobody gets an answer any more.
                Err(error) => {
                    desk = self.desk();
                    let fault = if let RecvTimeoutError::Fault(fault) = error { fault } else { Fault::Corrupted };
                    self.end(&mut desk, CallError::Fault(fault), true);
                }
            }
            if late || matches!(desk.phase, Phase::Over(_)) || ready(&desk) {
                desk.leading = false;
                self.hand_on(&mut desk);
                return desk;
            }
        }
    }

    /// Lets another thread lead, if nobody does.
    fn hand_on(&self, desk: &mut Desk) {
        match desk.followers.last() {
            _ if desk.leading => {}
            Some(next) => next.condvar.notify_all(),
            None if desk.unattended > 0 => self.wake_collector(desk),
            None => {}
        }
    }

    pub(super) fn wake_collector(&self, desk: &mut Desk) {
        if desk.collector_sleeps && !desk.leading {
            desk.collector_sleeps = false;
            self.collector.condvar.notify_all();
        }
    }

    /// The collector's thread: leads while nobody else does, and calls are under way that nobody waits for.
    pub(super) fn collect(&self) {
        let mut desk = self.desk();
        while !matches!(desk.phase, Phase::Over(_)) {
            if desk.unattended > 0 && !desk.leading && desk.followers.is_empty() {
                desk = self.lead(desk, None, &mut |desk| desk.unattended == 0);
            } else {
                desk.collector_sleeps = true;
                desk = self.collector.condvar.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
