//! Who gets an answer, and where it waits for its owner.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::desk::locked;
use super::error::CallError;
use super::job::Reply;
use super::progress::Counts;

/// The bytes of an answer, or why there is none.
pub(super) type Outcome = Result<Vec<u8>, CallError>;

/// Where a thread sleeps.
#[derive(Default)]
pub(super) struct Seat {
    pub(super) condvar: Condvar,
}

/// Where answers go, each with the number that its owner gave it.
#[derive(Default)]
pub(super) struct Basket {
    pub(super) seat: Arc<Seat>,
    answers: Mutex<VecDeque<(usize, Outcome)>>,
    trouble: AtomicBool,
    counts: Option<Arc<Counts>>,
}

impl Basket {
    /// One whose answers are counted.
    pub(super) fn counted(counts: Arc<Counts>) -> Self {
        Basket { counts: Some(counts), ..Basket::default() }
    }

    pub(super) fn pop(&self) -> Option<(usize, Outcome)> {
        locked(&self.answers).pop_front()
    }

    pub(super) fn len(&self) -> usize {
        locked(&self.answers).len()
    }

    /// Whether one of the answers that have come is an error.
    pub(super) fn has_trouble(&self) -> bool {
        // Relaxed: asked under the lock of the desk, as it is stored.
        self.trouble.load(Ordering::Relaxed)
    }

    pub(super) fn push(&self, index: usize, outcome: Outcome) {
        if !outcome.as_ref().is_ok_and(|reply| !Reply::has_failed(reply)) {
            self.trouble.store(true, Ordering::Relaxed);
        }
        if let Some(counts) = &self.counts {
            counts.add(&outcome);
        }
        locked(&self.answers).push_back((index, outcome));
    }
}

/// Who gets an answer.
pub(super) enum Owner {
    Basket(Arc<Basket>, usize),
    Callback(Box<dyn FnOnce(Outcome) + Send>),
}
