//! Progress as a bar in a terminal, of the crate indicatif.

use std::fmt::Write;
use std::sync::Arc;

use indicatif::{HumanDuration, ProgressBar, ProgressFinish, ProgressState, ProgressStyle};

use super::progress::{Counts, Meter, Progress, Show};
use super::{CallError, Pool, Stream, map};
use crate::process::Task;

/// How many chunks each worker gets of a map with a bar, which moves with each.
const CHUNKS: usize = 64;
const TEMPLATE: &str = "[{bar:30}] {pos}{of}, {failed} failed, {rate}{left}";

/// Returns a bar that says how many items have an outcome, how many of these are errors, how many there are in a second, and how long the
/// rest is going to take (feature `progress`).
///
/// It is drawn to the standard error, if that is a terminal, and stays when all is done. For [`Stream::bar`] and
/// [`Pool::map_with_bar`], which also take other bars of [indicatif](crate::indicatif).
pub fn progress_bar() -> ProgressBar {
    // The template is right: the tests draw it.
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.progress_chars("=> ");
    let style = style.with_key("of", |state: &ProgressState, text: &mut dyn Write| {
        if let Some(len) = state.len() {
            let _ = write!(text, " of {len}");
        }
    });
    let style = style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
        let _ = write!(text, "{:.1}/s", state.per_sec());
    });
    let style = style.with_key("left", |state: &ProgressState, text: &mut dyn Write| {
        // Before the first one nobody knows.
        if state.len().is_some() && state.pos() > 0 && !state.is_finished() {
            let _ = write!(text, ", {:#} left", HumanDuration(state.eta()));
        }
    });
    ProgressBar::no_length().with_style(style).with_finish(ProgressFinish::AndLeave)
}

/// A bar that shows counts.
struct Shown {
    bar: ProgressBar,
}

/// Shows the counts on a bar from now on.
fn meter(counts: &Arc<Counts>, bar: ProgressBar) -> Meter {
    let (done, failed) = (Arc::clone(counts), Arc::clone(counts));
    let style = bar.style();
    let style = style.with_key("done", move |_: &ProgressState, text: &mut dyn Write| {
        let _ = write!(text, "{}", done.get().done);
    });
    let style = style.with_key("failed", move |_: &ProgressState, text: &mut dyn Write| {
        let _ = write!(text, "{}", failed.get().failed);
    });
    bar.set_style(style);
    Meter::new(Arc::clone(counts), Box::new(Shown { bar }))
}

impl Show for Shown {
    fn show(&self, progress: Progress) {
        if let Some(total) = progress.total
            && self.bar.length() != Some(total as u64)
        {
            self.bar.set_length(total as u64);
        }
        self.bar.set_position(progress.done.saturating_add(progress.failed) as u64);
    }

    fn end(&self, progress: Progress, whole: bool) {
        self.show(progress);
        if whole {
            self.bar.finish_using_style();
        } else {
            self.bar.abandon();
        }
    }
}

impl<Form, F: Task<Form>, I: Iterator<Item = F::Args>> Stream<Form, F, I> {
    /// Shows on this bar how many items have an outcome, when a result is asked for (feature `progress`). Its length is set if the iterator
    /// knows how many items there are.
    ///
    /// In the bar's template, `{done}` is how many items have a result, `{failed}` how many have an error, `{pos}` their sum.
    ///
    /// ```standalone_crate
    /// use ipc_posix::{pool, process, task};
    ///
    /// fn square(number: u64) -> u64 {
    ///     number * number
    /// }
    /// task!(square);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let pool = pool::options().workers(2).start()?;
    ///     let mut sum = 0;
    ///     for result in pool.stream(square, 0..1000).bar(pool::progress_bar()) {
    ///         sum += result?;
    ///     }
    ///     assert_eq!(sum, 332_833_500);
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "tqdm")]
    pub fn bar(mut self, bar: ProgressBar) -> Self {
        let counts = Arc::clone(&self.chunks.meter.counts);
        let meter = meter(&counts, bar);
        meter.show();
        self.chunks.meter = meter;
        self
    }
}

impl Pool {
    /// Does what [`map`](Self::map) does, and shows on this bar how many items have an outcome (feature `progress`); see
    /// [`Stream::bar`]. Chunks are smaller, so that the bar moves.
    ///
    /// ```standalone_crate
    /// use ipc_posix::{pool, process, task};
    ///
    /// fn square(number: u64) -> u64 {
    ///     number * number
    /// }
    /// task!(square);
    ///
    /// fn main() -> Result<(), ipc_posix::Error> {
    ///     process::init();
    ///     let pool = pool::options().workers(2).start()?;
    ///     assert_eq!(pool.map_with_bar(pool::progress_bar(), square, 0..4)?, [0, 1, 4, 9]);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map). The bar stays as it is then.
    #[doc(alias = "tqdm")]
    pub fn map_with_bar<Form, F: Task<Form>>(
        &self,
        bar: ProgressBar,
        function: F,
        items: impl IntoIterator<Item = F::Args>,
    ) -> Result<Vec<F::Output>, CallError> {
        let reader = self.reader(&function)?;
        map::map::<Form, F>(reader, items, map::Chunking::Each(CHUNKS), meter(&Arc::default(), bar))
    }
}
