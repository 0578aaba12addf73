//! Monotonic time as the platform counts it.

use core::time::Duration;

use crate::platform::Platform;

/// A point on the platform's monotonic clock, in nanoseconds since an arbitrary origin.
///
/// Deadlines are absolute: a call that is interrupted or woken for nothing goes on waiting for the same
/// instant. Adding past the end of time saturates, which means "for ever".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The end of time: a deadline that never comes.
    pub const FAR_FUTURE: Instant = Instant(u64::MAX);

    /// The instant `nanos` nanoseconds after the clock's origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// Nanoseconds since the clock's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant plus `duration`; [`FAR_FUTURE`](Self::FAR_FUTURE) if that overflows.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(nanos))
    }

    /// How long from `earlier` to this instant; zero if it has passed.
    pub fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A moment that is kept in shared memory, for others to tell how long ago it was: when, and on which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// When.
    pub at: Instant,
    /// On which clock, see [`Platform::clock`].
    pub clock: u64,
}

impl Timestamp {
    /// The present moment.
    pub fn now<P: Platform + ?Sized>(platform: &P) -> Self {
        Timestamp { at: platform.now(), clock: platform.clock() }
    }

    /// Returns how long ago it was at `now`; zero if it had not come yet. `None` if the clocks differ.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use ipc_core::time::{Instant, Timestamp};
    /// let at = |nanos, clock| Timestamp { at: Instant::from_nanos(nanos), clock };
    /// assert_eq!(at(100, 1).age(at(300, 1)), Some(Duration::from_nanos(200)));
    /// assert_eq!(at(100, 2).age(at(300, 1)), None);
    /// ```
    pub fn age(self, now: Timestamp) -> Option<Duration> {
        (self.clock == now.clock).then(|| now.at.saturating_since(self.at))
    }
}

/// How long a blocking call may take. `D` is the caller's own clock: see [`Platform::Deadline`].
///
/// No clock is read before the call has to wait: a call that finds what it wants at once pays nothing for its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit<D> {
    /// As long as it takes.
    Forever,
    /// This long from the moment at which the call has to wait.
    For(Duration),
    /// Until then.
    Until(D),
}

impl<D: Copy> Limit<D> {
    /// The instant at which to give up; `None`: never. Reads the clock.
    pub(crate) fn deadline<P: Platform<Deadline = D> + ?Sized>(&self, platform: &P) -> Option<Instant> {
        match *self {
            Limit::Forever => None,
            Limit::For(timeout) => Some(platform.now().saturating_add(timeout)),
            Limit::Until(deadline) => Some(platform.instant(deadline)),
        }
    }

    /// This limit for a call that may wait several times.
    pub(crate) fn over_all_waits(&self) -> Waits<'_, D> {
        Waits { limit: self, deadline: None }
    }
}

/// The limit of a call that may wait several times: it counts once, from the first wait on.
pub(crate) struct Waits<'l, D> {
    limit: &'l Limit<D>,
    deadline: Option<Option<Instant>>,
}

impl<D: Copy> Waits<'_, D> {
    /// The instant at which to give up; `None`: never. Reads the clock at the first wait.
    pub(crate) fn deadline<P: Platform<Deadline = D> + ?Sized>(&mut self, platform: &P) -> Option<Instant> {
        *self.deadline.get_or_insert_with(|| self.limit.deadline(platform))
    }
}
