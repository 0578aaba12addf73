//! How far calls of one task have got.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::basket::Outcome;
use super::error::CallError;
use super::job::Reply;

/// How often a bar is checked while a thread waits.
const LOOK: Duration = Duration::from_millis(100);
/// No total is so large.
const UNKNOWN: usize = usize::MAX;

/// How far a map has got. Made by [`MapCall::progress`](super::MapCall::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Items that have a result.
    pub done: usize,
    /// Items that have an error instead. A map ends with the first that it sees.
    pub failed: usize,
    /// How many items there are. `None` as long as that is not known.
    pub total: Option<usize>,
}

/// What is counted as answers come.
pub(super) struct Counts {
    // Relaxed, all of them: they are figures, and nothing is read because of them.
    done: AtomicUsize,
    failed: AtomicUsize,
    total: AtomicUsize,
}

impl Default for Counts {
    fn default() -> Self {
        Counts { done: AtomicUsize::new(0), failed: AtomicUsize::new(0), total: AtomicUsize::new(UNKNOWN) }
    }
}

impl Counts {
    /// An answer has come.
    pub(super) fn add(&self, outcome: &Outcome) {
        match outcome {
            Ok(reply) => {
                let results = Reply::read(reply).map_or(0, |reply| reply.count);
                self.done.fetch_add(results as usize, Ordering::Relaxed);
                if Reply::has_failed(reply) {
                    self.fail();
                }
            }
            // Nobody waits for it any more.
            Err(CallError::Cancelled) => {}
            Err(_) => self.fail(),
        }
    }

    /// An item has an error.
    pub(super) fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// There are this many items.
    pub(super) fn set_total(&self, items: usize) {
        self.total.store(items, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Progress {
        let [done, failed, total] = [&self.done, &self.failed, &self.total].map(|count| count.load(Ordering::Relaxed));
        Progress { done, failed, total: (total != UNKNOWN).then_some(total) }
    }
}

/// Who shows it.
pub(super) trait Show: Send + Sync {
    fn show(&self, progress: Progress);
    /// All is done, or the rest is given up.
    fn end(&self, progress: Progress, whole: bool);
}

/// Counts, and somebody who shows them.
#[derive(Default)]
pub(super) struct Meter {
    pub(super) counts: Arc<Counts>,
    shown: Option<Box<dyn Show>>,
}

impl Meter {
    #[cfg(feature = "progress")]
    pub(super) fn new(counts: Arc<Counts>, shown: Box<dyn Show>) -> Self {
        Meter { counts, shown: Some(shown) }
    }

    /// Until when a thread waits that shows them; `None`: it does not.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.shown.as_ref().and_then(|_| Instant::now().checked_add(LOOK))
    }

    pub(super) fn show(&self) {
        if let Some(shown) = &self.shown {
            shown.show(self.counts.get());
        }
    }

    /// All is done.
    pub(super) fn complete(&mut self) {
        if let Some(shown) = self.shown.take() {
            shown.end(self.counts.get(), true);
        }
    }
}

/// The rest is given up.
impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(shown) = self.shown.take() {
            shown.end(self.counts.get(), false);
        }
    }
}
