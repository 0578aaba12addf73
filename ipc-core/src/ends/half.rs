//! A counted handle, and what all of them have.

use super::{Presence, Role};
use crate::error::Fault;
use crate::here::Here;
use crate::participant::{Dead, Findings};
use crate::platform::Platform;
use crate::sync::Ordering;
use crate::sync::private::AtomicU32;
use crate::wait::Gate;

/// Refusals of a `try_` operation between two that ask whether the other end's holders live: that takes system calls.
const TRIES_PER_LOOK: u32 = 1024;

/// A handle of an object whose ends are counted.
pub(crate) trait Counted {
    type Platform: Platform;

    fn platform(&self) -> &Self::Platform;

    /// Who holds a half of this kind.
    fn presence(&self, role: Role) -> &Presence;

    /// Where the threads of this end sleep.
    fn gate(&self, role: Role) -> &Gate;

    /// Wakes all threads of this end.
    fn tell(&self, role: Role) {
        self.gate(role).notify_all(self.platform());
    }

    /// Repairs the object after a dead participant, and removes its halves.
    fn repair(&self, dead: &Dead);

    /// Whether somebody has held a half of this kind, and nobody alive does any more. Dead holders are removed on the way: a system
    /// call or two for each, and one for the first that lives.
    ///
    /// # Errors
    ///
    /// [`Fault::DeathsUnknown`].
    fn find_deserted(&self, role: Role) -> Result<bool, Fault> {
        // Before the members: see `Presence`.
        if !self.presence(role).was_seen() {
            return Ok(false);
        }
        let mut found = Findings::default();
        for who in self.presence(role).members() {
            found.ask(self.platform(), who, |dead| self.repair(dead));
            if found.alive {
                return Ok(false);
            }
        }
        if found.unknown { Err(Fault::DeathsUnknown) } else { Ok(true) }
    }

    /// Whether it is deserted, for certain.
    fn is_deserted(&self, role: Role) -> bool {
        self.find_deserted(role) == Ok(true)
    }

    /// Whether it is deserted, as far as a call that never waits can tell: always from the set of holders, and once in a thousand
    /// calls by asking whether they live.
    fn is_deserted_now(&self, role: Role, calls: &AtomicU32) -> bool {
        // Relaxed: a private counter.
        let calls = calls.fetch_add(1, Ordering::Relaxed);
        if calls % TRIES_PER_LOOK == TRIES_PER_LOOK - 1 {
            self.is_deserted(role)
        } else {
            self.presence(role).is_left()
        }
    }
}

/// Counts the ends of a handle whose view has `presence`, `gate` and `sweep`, and perhaps a `tell` of its own.
macro_rules! counted {
    ($handle:ident<$($T:ident),*> $(, $tell:ident)?) => {
        impl<$($T,)* P: $crate::Platform> $crate::ends::Counted for $handle<'_, $($T,)* P> {
            type Platform = P;

            #[inline(always)]
            fn platform(&self) -> &P {
                &self.platform
            }

            #[inline(always)]
            fn presence(&self, role: $crate::ends::Role) -> &$crate::ends::Presence {
                self.view.presence(role)
            }

            fn gate(&self, role: $crate::ends::Role) -> &$crate::wait::Gate {
                self.view.gate(role)
            }

            $(
                fn tell(&self, role: $crate::ends::Role) {
                    self.view.$tell(role, &self.platform);
                }
            )?

            fn repair(&self, dead: &$crate::participant::Dead) {
                self.view.sweep(dead, &self.platform);
            }
        }
    };
}
pub(crate) use counted;

/// A counted handle.
pub(crate) struct Half<Q: Counted> {
    object: Q,
    role: Role,
    tries: AtomicU32,
}

impl<Q: Counted> Half<Q> {
    pub(crate) fn new(object: Q, role: Role) -> Self {
        let platform = object.platform();
        platform.enter(role.purpose(), &|| object.presence(role).join(platform.me()));
        Half { object, role, tries: AtomicU32::new(0) }
    }

    /// The object, as a handle that is not counted.
    #[inline(always)]
    pub(crate) fn object(&self) -> &Q {
        &self.object
    }

    /// Whether the other end's last holder has left. One load while a participant with a small number holds it. `false` after a fork.
    #[inline(always)]
    pub(crate) fn is_left(&self) -> bool {
        self.object.platform().is_here() && self.object.presence(self.role.other()).is_left()
    }

    /// Whether the other end is deserted, as far as a `try_` operation can tell. `false` after a fork.
    pub(crate) fn is_deserted_now(&self) -> bool {
        self.object.platform().is_here() && self.object.is_deserted_now(self.role.other(), &self.tries)
    }

    /// Whether the other end is deserted.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.object.platform().assert_here();
        self.object.is_deserted(self.role.other())
    }
}

impl<Q: Counted + Clone> Clone for Half<Q> {
    fn clone(&self) -> Self {
        if self.object.platform().is_here() {
            Half::new(self.object.clone(), self.role)
        } else {
            Half { object: self.object.clone(), role: self.role, tries: AtomicU32::new(0) }
        }
    }
}

impl<Q: Counted> Drop for Half<Q> {
    fn drop(&mut self) {
        let (platform, role) = (self.object.platform(), self.role);
        if platform.is_here() && platform.leave(role.purpose(), &|| self.object.presence(role).leave(platform.me())) {
            // So that they notice.
            self.object.tell(role.other());
        }
    }
}

/// What both halves of a queue have: the types have one field, `half`.
macro_rules! halves {
    ($queue:ident $(<$($T:ident);+>)?, $sender:ident, $receiver:ident $(, $tell:ident)?) => {
        $crate::ends::counted!($queue<$($($T),+)?> $(, $tell)?);

        impl<'m, $($($T,)+)? P: $crate::Platform> $queue<'m, $($($T,)+)? P> {
            /// The queue, and no half that notices that the other end is gone.
            #[inline(always)]
            #[allow(dead_code, reason = "for verbs that ask so")]
            pub(crate) fn watched(&self) -> (&Self, Option<&$crate::ends::Half<Self>>) {
                (self, None)
            }

            /// Makes a sender half. While a living process has one, receivers do not report `Disconnected`. Its own sends report it
            /// once receiver halves existed and the last living one is gone.
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked).
            pub fn sender(&self) -> Result<$sender<'m, $($($T,)+)? P>, $crate::Fault>
            where
                P: Clone,
            {
                self.here()?;
                Ok($sender { half: $crate::ends::Half::new(self.clone(), $crate::ends::Role::Sender) })
            }

            /// Makes a receiver half: the counterpart of [`sender`](Self::sender).
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked).
            pub fn receiver(&self) -> Result<$receiver<'m, $($($T,)+)? P>, $crate::Fault>
            where
                P: Clone,
            {
                self.here()?;
                Ok($receiver { half: $crate::ends::Half::new(self.clone(), $crate::ends::Role::Receiver) })
            }
        }

        $crate::ends::halves!(@half $queue $(<$($T);+>)?, $sender, "receiver halves existed and no living process has one any more");
        $crate::ends::halves!(@half $queue $(<$($T);+>)?, $receiver, "sender halves existed and no living process has one any more. Messages may still be there");
    };
    (@half $queue:ident $(<$($T:ident);+>)?, $half:ident, $other:literal) => {
        $crate::object::named!([$($($T,)+)? P: $crate::Platform] $half<'_, $($($T,)+)? P>, $queue, self => self.queue());

        impl<'m, $($($T,)+)? P: $crate::Platform> $half<'m, $($($T,)+)? P> {
            #[allow(dead_code, reason = "for those that iterate")]
            pub(crate) fn platform(&self) -> &P {
                self.half.object().platform()
            }

            /// The queue, and the half on whose behalf an operation runs.
            #[inline(always)]
            #[allow(dead_code, reason = "for verbs that ask so")]
            pub(crate) fn watched(&self) -> (&$queue<'m, $($($T,)+)? P>, Option<&$crate::ends::Half<$queue<'m, $($($T,)+)? P>>>) {
                (self.half.object(), Some(&self.half))
            }

            /// Returns the queue, as a handle that does everything and is not counted.
            pub fn queue(&self) -> &$queue<'m, $($($T,)+)? P> {
                self.half.object()
            }

            /// Returns how many messages are in the queue. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn len(&self) -> usize {
                self.queue().len()
            }

            /// Returns whether there is no message. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.queue().is_empty()
            }

            #[doc = concat!("Returns whether there is no room: see [`", stringify!($queue), "::is_full`]. A snapshot.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.queue().is_full()
            }

            $crate::object::waits!(self => self.queue());

            #[doc = concat!("Returns the capacity: see [`", stringify!($queue), "::capacity`].")]
            pub fn capacity(&self) -> usize {
                self.queue().capacity()
            }

            #[doc = concat!("Returns the queue's figures: see [`", stringify!($queue), "::stats`]. A snapshot.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn stats(&self) -> super::Stats {
                self.queue().stats()
            }

            #[doc = concat!("Closes the queue for everybody, for good: see [`", stringify!($queue), "::close`].")]
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked).
            pub fn close(&self) -> Result<bool, $crate::Fault> {
                self.queue().close()
            }

            /// Returns whether the queue is closed. Messages may still be there.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.queue().is_closed()
            }

            #[doc = concat!("Returns whether ", $other, ". A system call or more.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_disconnected(&self) -> bool {
                self.half.is_disconnected()
            }
        }

        impl<$($($T,)+)? P: $crate::Platform + Clone> Clone for $half<'_, $($($T,)+)? P> {
            fn clone(&self) -> Self {
                $half { half: self.half.clone() }
            }
        }

        impl<$($($T,)+)? P: $crate::Platform + core::fmt::Debug> core::fmt::Debug for $half<'_, $($($T,)+)? P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($half)).field("queue", self.queue()).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use halves;
