//! What all work queues tell, whatever their jobs are.

/// The methods of a handle with an `engine` and a `platform`.
macro_rules! queries {
    ($name:ident $(<$T:ident>)?) => {
        impl<$($T,)? P> $name<'_, $($T,)? P> {
            /// Returns how many jobs wait at most.
            #[doc(alias = "maxsize")]
            pub fn capacity(&self) -> usize {
                self.engine.view.geometry.capacity as usize
            }

            /// Returns how many jobs may be leased, or be dead letters, before they take up room for new ones.
            pub fn leases(&self) -> u32 {
                self.engine.view.geometry.leases
            }

            /// Returns after how many leases a job becomes a dead letter; 0: after none.
            pub fn attempts(&self) -> u32 {
                self.engine.view.geometry.attempts
            }
        }

        impl<'m, $($T,)? P: $crate::Platform> $name<'m, $($T,)? P> {
            /// Returns how many jobs wait for a receiver. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[doc(alias = "qsize")]
            #[must_use]
            pub fn len(&self) -> usize {
                self.platform.assert_here();
                self.engine.view.len() as usize
            }

            /// Returns whether no job waits. Processes may have some. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns whether there is no room for a job: as many wait as the capacity, or leases and dead letters have all that is left. A
            /// snapshot that loads a word of each block.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.platform.assert_here();
                self.engine.view.is_full()
            }

            /// Returns whether every job that was sent is done, or a dead letter. It was so, or not, at one instant of the call. Loads a word of
            /// each block.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_idle(&self) -> bool {
                self.platform.assert_here();
                self.engine.view.is_idle()
            }

            /// Returns the queue's figures. A snapshot that loads a word of each block.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn stats(&self) -> $crate::work::Stats {
                self.platform.assert_here();
                self.engine.view.stats()
            }

            /// Closes the queue for everybody, for good. Returns `true` if this call did. Never waits; one step, in order with all sends.
            ///
            /// Sends fail from now on and give their value back. Receivers go on until all that was sent is done: a job that a process has may
            /// come back. Then they get [`Closed`](crate::error::RecvError::Closed), and iterators end.
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked), [`Fault::Corrupted`](crate::Fault::Corrupted).
            #[doc(alias = "shutdown")]
            pub fn close(&self) -> Result<bool, $crate::Fault> {
                self.here()?;
                self.engine.view.close(&self.platform)
            }

            /// Returns whether the queue is closed. Jobs may still be there.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.platform.assert_here();
                self.engine.view.is_closed()
            }

            /// Blocks until every job that was sent is done, or a dead letter: jobs that wait, that a process has, and that come back. This is so
            /// at one instant of the call; others may send meanwhile.
            ///
            /// Takes no part in the work: if no process receives, it does not return. A thread that has a job waits for itself.
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked), [`Fault::Corrupted`](crate::Fault::Corrupted), [`Fault::DeathsUnknown`](crate::Fault::DeathsUnknown).
            #[doc(alias = "join")]
            pub fn wait_idle(&self) -> Result<(), $crate::Fault> {
                self.wait_idle_within(&$crate::time::Limit::Forever).map_err($crate::error::WaitTimeoutError::endless)
            }

            $crate::timed::timed! {
                wait_idle_timeout, wait_idle_deadline, wait_idle, "Waits until all is done",
                [&self] limit [] -> Result<(), $crate::error::WaitTimeoutError> { self.wait_idle_within(limit) }
            }

            pub(super) fn wait_idle_within(
                &self,
                limit: &$crate::time::Limit<P::Deadline>,
            ) -> Result<(), $crate::error::WaitTimeoutError> {
                self.here()?;
                self.engine.wait_idle(&self.platform, limit)
            }
        }
    };
}
pub(super) use queries;
