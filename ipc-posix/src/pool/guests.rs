//! What the supervisor does about workers that it has not started.

use std::time::Duration;

use super::error::CallError;
use super::supervisor::Supervisor;
use super::worker::Doing;
use crate::clock;

/// The supervisor's longest sleep while there are guests: nothing says that one has ended.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Checks the guests: who has died, and whose task takes too long. Returns whether some have died.
    pub(super) fn see_guests(&mut self) -> bool {
        let shared = &self.shared;
        let Some(guests) = &shared.guests else { return false };
        let (now, mut some) = (clock::now(), false);
        for guest in 0..guests.len() {
            let Some(holder) = guests.holder(guest) else { continue };
            let (row, pid) = (shared.row(shared.own + guest), guests.pid(guest));
            if !guests.is_alive(holder) {
                some |= guests.bury(guest, holder, || {
                    if let Doing::Running(call) | Doing::Answering(call) = row.doing() {
                        shared.mourn(call, pid, None);
                    }
                    row.begin(Doing::Starting);
                });
                continue;
            }
            let (Some(limit), doing @ Doing::Running(call)) = (self.plan.time_limit, row.doing()) else { continue };
            let begun = ipc_core::Instant::from_nanos(row.since());
            // From then on it answers nothing. It was not started here, so it is not killed: it goes on when its task has ended.
            if now.saturating_since(begun) >= limit && row.turn(doing, Doing::Revoked(call)) {
                let mut desk = shared.desk();
                let task = desk.task(call).unwrap_or_default();
                let error = CallError::TimeLimit { task, limit, pid, killed: false };
                shared.finish(&mut desk, call, Err(error), false);
            }
        }
        some
    }
}
