//! What both kinds of ends can ask: of elements, and of values.

/// The questions of an end. The type has the fields `whole`, `tx` and `rx`.
macro_rules! questions {
    ($end:ident, $elements:literal) => {
        $crate::object::named!([S, R, P: Platform] $end<'_, S, R, P>, Duplex, self => self.platform());

        impl<'m, S, R, P: Platform> $end<'m, S, R, P> {
            pub(super) fn platform(&self) -> &P {
                self.rx.platform()
            }

            /// The name of the duplex in its region.
            pub fn name(&self) -> &str
            where
                P: Located,
            {
                self.platform().name()
            }

            /// The region that the duplex lives in.
            pub fn region(&self) -> P::Region
            where
                P: Located,
            {
                self.platform().region()
            }

            /// Which end this is.
            pub fn side(&self) -> Side {
                self.whole.side
            }

            #[doc = concat!("How many ", $elements, " fit into each direction.")]
            pub fn capacity(&self) -> usize {
                self.tx.capacity()
            }

            /// Returns how blocking calls of this end wait.
            pub fn wait_strategy(&self) -> WaitStrategy {
                self.rx.wait_strategy()
            }

            /// Sets how blocking calls of this end wait that begin from now on.
            pub fn set_wait_strategy(&self, strategy: WaitStrategy) {
                self.rx.set_wait_strategy(strategy);
                self.tx.set_wait_strategy(strategy);
            }

            /// Whether there was a holder of the other end and none is left alive. What it has sent may still be there. A system call if there is one.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_disconnected(&self) -> bool {
                self.rx.is_disconnected()
            }

            /// The process that holds the other end, as it knows its own id. It may be dead, until a process notices.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn peer_pid(&self) -> Option<u32> {
                self.platform().assert_here();
                self.whole.words.ends().holder(self.side().other()).map(|holder| self.platform().process_id(holder))
            }

            /// Whether the process that held the other end was killed, as far as anybody has noticed. `false` if it left.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn peer_died(&self) -> bool {
                self.platform().assert_here();
                self.whole.words.ends().died(self.side().other())
            }

            /// Blocks until somebody has come to the other end. It may have left since: what it has sent is there.
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`].
            pub fn wait_for_peer(&self) -> Result<(), Fault> {
                self.wait_for_peer_within(&Limit::Forever).map_err(WaitTimeoutError::endless)
            }

            $crate::timed::timed! {
                wait_for_peer_timeout, wait_for_peer_deadline, wait_for_peer, "Waits for somebody to come",
                [&self] limit [] -> Result<(), WaitTimeoutError> { self.wait_for_peer_within(limit) }
            }

            fn wait_for_peer_within(&self, limit: &Limit<P::Deadline>) -> Result<(), WaitTimeoutError> {
                self.platform().here()?;
                let mut waits = limit.over_all_waits();
                wait_for(self.side().other(), self.whole.words, self.platform(), self.wait_strategy(), &mut waits)
            }
        }

        // Shared memory is not touched: after a fork it is not there.
        impl<S, R, P: Platform + fmt::Debug> fmt::Debug for $end<'_, S, R, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut it = f.debug_struct(stringify!($end));
                it.field("name", self.platform()).field("side", &self.side()).field("capacity", &self.capacity());
                it.finish_non_exhaustive()
            }
        }
    };
}
pub(super) use questions;
