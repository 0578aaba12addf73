//! What all work queues can be told, whatever their jobs are.

use super::geometry::Geometry;
use crate::object::{Field, Shape, ShapeError};

/// How many jobs may be leased beside the capacity, unless the creator says otherwise.
const LEASES: u32 = 64;
/// After how many leases a job is a dead letter, unless the creator says otherwise.
const ATTEMPTS: u32 = 3;

/// How many jobs there are, and how often each is leased.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// How many jobs wait at most; 0: not said.
    pub capacity: u64,
    /// How many jobs may be leased beside them.
    pub leases: Option<u32>,
    /// After how many leases a job is a dead letter; 0: after none.
    pub attempts: Option<u32>,
    /// The first job's position: for tests of the wrap at 2^44.
    #[doc(hidden)]
    pub start: u64,
}

impl Settings {
    /// For this many jobs.
    pub const fn new(capacity: u64) -> Self {
        Settings { capacity, leases: None, attempts: None, start: 0 }
    }

    /// Whether a queue is as an opener wants it.
    pub(super) fn accept(&self, found: &Geometry) -> Result<(), ShapeError> {
        let fields = [(Field::Leases, self.leases, found.leases), (Field::Attempts, self.attempts, found.attempts)];
        match fields.into_iter().find(|(_, wanted, found)| wanted.is_some_and(|wanted| wanted != *found)) {
            None => Ok(()),
            Some((field, wanted, found)) => {
                let wanted = wanted.unwrap_or_default().into();
                Err(ShapeError::Differs { field, wanted, found: found.into() })
            }
        }
    }

    /// The sizes of a new queue. The most bytes of a job and of its answer are for jobs whose length is their own.
    pub(super) fn complete(&self, shape: Shape, most: [u64; 2]) -> Result<(Shape, Geometry), ShapeError> {
        let (leases, attempts) = (self.leases.unwrap_or(LEASES), self.attempts.unwrap_or(ATTEMPTS));
        Geometry::of(&shape, leases, attempts, most).map(|geometry| (shape, geometry))
    }
}

/// The setters of a builder whose options have these settings.
macro_rules! setters {
    ($options:ident $(<$T:ident>)? . $jobs:ident $(. $deeper:ident)?, $lease:ident) => {
        impl<$($T,)? H> Builder<'_, $options $(<$T>)?, H> {
            /// Sets how many jobs wait at most: any number from 1. Jobs that a process works on do not count. An opener that sets it gets
            /// an error if it differs. Default, also for 0: 1024, or fewer large ones, some 64 KiB in all, but 16 at least.
            #[doc(alias = "maxsize")]
            pub fn capacity(mut self, jobs: usize) -> Self {
                self.wanted.$jobs$(.$deeper)?.capacity = jobs as u64;
                self
            }

            /// Sets how many jobs may be leased, or be dead letters, before they take up room for new ones. Default for creators: 64. An opener
            /// that sets it gets an error if it differs.
            pub fn leases(mut self, jobs: u32) -> Self {
                self.wanted.$jobs$(.$deeper)?.leases = Some(jobs);
                self
            }

            #[doc = concat!("Sets after how many leases that end without [`done`](super::", stringify!($lease), "::done) a job")]
            /// becomes a dead letter: 1 to 63, or 0 for never.
            /// Default for creators: 3. An opener that sets it gets an error if it differs.
            ///
            /// Without a limit, a job that kills its worker kills one worker after the other.
            pub fn attempts(mut self, most: u32) -> Self {
                self.wanted.$jobs$(.$deeper)?.attempts = Some(most);
                self
            }
        }
    };
}
pub(super) use setters;
