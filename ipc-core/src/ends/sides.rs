//! The words of an object with senders and receivers, and what these do around the change itself: where they sleep, whether it is
//! closed, and who is there.
//!
//! Senders exclude each other, and receivers do, under robust locks: see `inbox.rs`. The change is the object's: messages are put in, or taken
//! out, by one committing store.
//!
//! *The end.* `closed` is a word of its own, so that closing never waits for a lock. A sender loads it again under its lock. A receiver that
//! finds the object empty and closed takes the senders' lock, too: the next sender that holds it finds the object closed. If it is still
//! empty then, nothing will come. So nothing comes behind the end, and a sender that had loaded `closed` before gets its message in,
//! to be received.
//!
//! | step | ordering | pairs with |
//! |---|---|---|
//! | `closed`: the closer's swap | AcqRel | a load before the lock, Acquire: what the closer did before |
//! | `closed`: a sender's load under the lock | Relaxed | a receiver that reported the end had that lock before |

use super::inbox::Inbox;
use super::{Presence, Role};
use crate::error::{Fault, Refused};
use crate::mutex::{RawMutex, Turn};
use crate::object::{Fact, layout};
use crate::participant::Dead;
use crate::platform::Platform;
use crate::sync::{AtomicU32, Ordering};
use crate::time::Waits;
use crate::wait::{Gate, SpinBudget};

/// The words of both sides.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Sides {
    gates: Gates,
    senders: Presence,
    receivers: Presence,
}

/// What hardly any operation changes.
#[repr(C, align(128))]
#[derive(Debug)]
struct Gates {
    /// Receivers sleep here.
    items: Gate,
    /// Senders sleep here.
    space: Gate,
    /// Not 0 once it is closed.
    closed: AtomicU32,
}

/// What an operation of an object's side needs besides the object.
pub(crate) struct Around<'a, 'p, 'w, 'l, P: Platform> {
    pub(crate) platform: &'p P,
    /// What waits for the lock have taught.
    pub(crate) budget: &'a SpinBudget,
    /// How it waits for others that are in the middle of theirs: as the call may wait, or (`None`) for a moment.
    pub(crate) patience: Option<&'w mut Waits<'l, P::Deadline>>,
}

impl<'p, P: Platform> Around<'_, 'p, '_, '_, P> {
    /// Takes the lock.
    #[inline(always)]
    fn turn(&mut self, lock: &'p RawMutex) -> Result<Turn<'p, P>, Refused> {
        match self.patience.as_deref_mut() {
            Some(waits) => lock.turn_within(self.platform, self.budget, waits),
            None => lock.patient_turn(self.platform),
        }
    }
}

/// What a receive has taken. Written in place: a result of this size would be moved, which takes as long as a locked instruction.
pub(crate) struct Taken {
    /// How many messages are values.
    pub(crate) good: usize,
    /// How many messages were taken out.
    pub(crate) count: u64,
}

/// How many sleepers to wake for this many messages, or places.
fn sleepers(count: u64) -> u32 {
    count.min(u64::from(u32::MAX >> 1)) as u32
}

impl Sides {
    /// Where what lies.
    pub(crate) const LAYOUT: [Fact; 2] =
        [layout!(Sides { gates, senders, receivers }), layout!(Gates { items, space, closed })];

    pub(crate) fn new() -> Self {
        let gates = Gates { items: Gate::new(), space: Gate::new(), closed: AtomicU32::new(0) };
        Sides { gates, senders: Presence::new(), receivers: Presence::new() }
    }

    /// Who holds a half of this kind.
    #[inline(always)]
    pub(crate) fn presence(&self, role: Role) -> &Presence {
        match role {
            Role::Sender => &self.senders,
            Role::Receiver => &self.receivers,
        }
    }

    /// Where senders sleep, and where receivers do.
    pub(crate) fn gate(&self, role: Role) -> &Gate {
        match role {
            Role::Sender => &self.gates.space,
            Role::Receiver => &self.gates.items,
        }
    }

    /// Frees the locks of a dead participant, removes its halves, and wakes everybody. A second sweeper is harmless, as each part is.
    pub(crate) fn sweep<P: Platform + ?Sized>(&self, inbox: &Inbox, dead: &Dead, platform: &P) {
        inbox.sweep(dead, platform);
        self.senders.sweep(dead);
        self.receivers.sweep(dead);
        // The dead one may also have owed a wake-up.
        self.gates.items.rouse(platform);
        self.gates.space.rouse(platform);
    }

    /// Whether it is closed.
    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire, with the swap in `close`.
        self.gates.closed.load(Ordering::Acquire) != 0
    }

    /// Closes it: `true` if it was open. Never waits.
    pub(crate) fn close<P: Platform + ?Sized>(&self, platform: &P) -> bool {
        let first = self.gates.closed.swap(1, Ordering::AcqRel) == 0;
        self.gates.items.notify_all(platform);
        self.gates.space.notify_all(platform);
        first
    }

    /// Lets `put` put messages in under the lock, if the object is open and not full, and wakes a receiver for each. `put` says how many
    /// it was.
    #[inline(always)]
    pub(crate) fn send<'p, P: Platform>(
        &self,
        inbox: &'p Inbox,
        mut around: Around<'_, 'p, '_, '_, P>,
        capacity: u64,
        put: impl FnOnce() -> Result<u64, Refused>,
    ) -> Result<usize, Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        // Without the lock: see `inbox.rs`.
        if inbox.is_full(capacity) {
            return Err(Refused::NotNow);
        }
        let platform = around.platform;
        let count = {
            let _turn = around.turn(inbox.senders())?;
            // Relaxed: what was closed before the last holder took the lock shows with the lock.
            if self.gates.closed.load(Ordering::Relaxed) != 0 {
                return Err(Refused::Closed);
            }
            put()?
        };
        self.gates.items.notify(platform, move || sleepers(count));
        Ok(count as usize)
    }

    /// Whether a receiver shall take its lock, as far as is known without it.
    #[inline(always)]
    fn hint(&self, inbox: &Inbox) -> Result<(), Refused> {
        if inbox.is_empty() && !self.is_closed() {
            return Err(Refused::NotNow);
        }
        Ok(())
    }

    /// A receiver's check of the message that comes next: under the lock, `look` copies it, and says whether it is a value;
    /// [`NotNow`](Refused::NotNow): it is empty.
    #[inline]
    pub(crate) fn peek<'p, P: Platform>(
        &self,
        inbox: &'p Inbox,
        mut around: Around<'_, 'p, '_, '_, P>,
        look: impl FnMut() -> Result<bool, Refused>,
    ) -> Result<(), Refused> {
        self.hint(inbox)?;
        let _turn = around.turn(inbox.receivers())?;
        self.or_end(inbox, &mut around, look)?.then_some(()).ok_or(Fault::InvalidValue.into())
    }

    /// What `look` finds under the receivers' lock; the [end](Refused::Closed) if it is [empty](Refused::NotNow) and nothing will come: no
    /// sender is in the middle of a send that began before it was closed.
    #[inline(always)]
    fn or_end<'p, P: Platform, R>(
        &self,
        inbox: &'p Inbox,
        around: &mut Around<'_, 'p, '_, '_, P>,
        mut look: impl FnMut() -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let found = look();
        if !matches!(found, Err(Refused::NotNow)) || !self.is_closed() {
            return found;
        }
        let _turn = around.turn(inbox.senders())?;
        look().map_err(|refused| if refused == Refused::NotNow { Refused::Closed } else { refused })
    }

    /// Lets `take` take messages out under the lock, and wakes a sender for each place.
    #[inline(always)]
    pub(crate) fn receive<'p, P: Platform>(
        &self,
        inbox: &'p Inbox,
        mut around: Around<'_, 'p, '_, '_, P>,
        mut take: impl FnMut(&mut Taken) -> Result<(), Refused>,
    ) -> Result<usize, Refused> {
        self.hint(inbox)?;
        let platform = around.platform;
        let mut taken = Taken { good: 0, count: 0 };
        {
            let _turn = around.turn(inbox.receivers())?;
            self.or_end(inbox, &mut around, || take(&mut taken))?;
        }
        let Taken { good, count } = taken;
        self.gates.space.notify(platform, move || sleepers(count));
        if good == 0 { Err(Fault::InvalidValue.into()) } else { Ok(good) }
    }
}

/// A snapshot of the figures of a stack or a priority queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages that are there.
    pub len: u64,
    /// How many fit.
    pub capacity: u64,
    /// Whether it is closed.
    pub closed: bool,
}

/// What the handle of such an object has besides its verbs, by its view: figures, the end, and the two operations that the verbs are made of.
macro_rules! sided {
    ($handle:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $noun:literal) => {
        impl<$($T,)+ P> $handle<'_, $($T,)+ P> {
            /// Returns how many messages fit.
            #[doc(alias = "maxsize")]
            pub fn capacity(&self) -> usize {
                self.view.capacity() as usize
            }
        }

        impl<'m, $($T,)+ P: $crate::Platform> $handle<'m, $($T,)+ P> {
            fn over(view: View<'m>, platform: P) -> Self {
                let [send_budgets, recv_budgets] = [(); 2].map(|()| $crate::ends::Budgets::new(&platform));
                $handle { view, platform, send_budgets, recv_budgets, element: core::marker::PhantomData }
            }

            fn another(&self, platform: P) -> Self {
                Self::over(self.view, platform)
            }

            /// Returns how many messages are there. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[doc(alias = "qsize")]
            #[must_use]
            pub fn len(&self) -> usize {
                $crate::here::Here::assert_here(&self.platform);
                self.view.len() as usize
            }

            /// Returns whether there is no message. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[doc(alias = "empty")]
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns whether there is no room. A snapshot.
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[doc(alias = "full")]
            #[must_use]
            pub fn is_full(&self) -> bool {
                $crate::here::Here::assert_here(&self.platform);
                self.view.is_full()
            }

            #[doc = concat!("Returns the ", $noun, "'s figures. A snapshot.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn stats(&self) -> super::Stats {
                $crate::here::Here::assert_here(&self.platform);
                let (len, capacity, closed) = (self.view.len(), self.view.capacity(), self.view.sides().is_closed());
                super::Stats { len, capacity, closed }
            }

            #[doc = concat!("Closes the ", $noun, " for everybody, for good. Returns `true` if this call did. Never waits.")]
            ///
            /// Sends fail from now on and give their value back, except that of a sender that is in the middle of its copy. Receivers
            /// drain what is there and then get [`Closed`](RecvError::Closed); iterators end.
            ///
            /// # Errors
            ///
            /// [`Fault::Forked`](crate::Fault::Forked).
            #[doc(alias = "shutdown")]
            pub fn close(&self) -> Result<bool, $crate::Fault> {
                self.here()?;
                Ok(self.view.sides().close(&self.platform))
            }

            #[doc = concat!("Returns whether the ", $noun, " is closed. Messages may still be there.")]
            ///
            /// # Panics
            ///
            /// In a child after `fork`.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                $crate::here::Here::assert_here(&self.platform);
                self.view.sides().is_closed()
            }
        }

        impl<$($T: $($bound +)+,)+ P: $crate::Platform> $crate::ends::Moves for $handle<'_, $($T,)+ P> {
            type To = ();
            type Message = $message;

            #[inline]
            fn put(
                &self,
                (): (),
                values: &[$message],
                patience: $crate::ends::Patience<'_, '_, Self>,
            ) -> Result<usize, $crate::error::Refused> {
                let around = $crate::ends::Around { platform: &self.platform, budget: &self.send_budgets.lock, patience };
                self.view.put(around, values)
            }

            #[inline]
            fn take(
                &self,
                out: &mut [core::mem::MaybeUninit<$message>],
                patience: $crate::ends::Patience<'_, '_, Self>,
            ) -> Result<usize, $crate::error::Refused> {
                let around = $crate::ends::Around { platform: &self.platform, budget: &self.recv_budgets.lock, patience };
                self.view.take(around, out)
            }

            fn places(&self, (): ()) -> (u64, u64) {
                (self.view.capacity(), self.view.capacity() - self.view.len())
            }

            fn messages(&self) -> (u64, u64) {
                (self.view.capacity(), self.view.len())
            }

            fn budget(&self, role: $crate::ends::Role) -> &$crate::wait::SpinBudget {
                match role {
                    $crate::ends::Role::Sender => &self.send_budgets.ring,
                    $crate::ends::Role::Receiver => &self.recv_budgets.ring,
                }
            }
        }
    };
}
pub(crate) use sided;

/// The verb that copies what comes next: of a handle with `sided!`, and (with `half`) of its receiver half.
macro_rules! peek_verb {
    ($handle:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $which:literal, $example:literal) => {
        $crate::ends::peek_verb!(@ $handle<$($T: $($bound),+);+>, $message, $which, $example, queue => {
            queue.here()?;
            let around =
                $crate::ends::Around { platform: &queue.platform, budget: &queue.recv_budgets.lock, patience: None };
            let mut message = MaybeUninit::uninit();
            queue.view.peek(around, &mut message)?;
            // SAFETY: copied, and its bits are a value.
            Ok(unsafe { message.assume_init() })
        });
    };
    (half $half:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $which:literal, $example:literal) => {
        $crate::ends::peek_verb!(@ $half<$($T: $($bound),+);+>, $message, $which, $example, half => half.watched().0.peek());
    };
    (@ $name:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $which:literal, $example:literal, $queue:ident => $peeked:expr) => {
        impl<$($T: $($bound +)+,)+ P: Platform> $name<'_, $($T,)+ P> {
            #[doc = concat!("Returns a copy of the ", $which, " message, which stays. A hint: another receiver may take it meanwhile.")]
            ///
            /// ```
            /// # let region = ipc_posix::Region::options().anonymous()?;
            #[doc = $example]
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            ///
            /// Those of [`try_recv`](Self::try_recv), but not `Disconnected`.
            pub fn peek(&self) -> Result<$message, TryRecvError> {
                let $queue = self;
                $peeked
            }
        }
    };
}
pub(crate) use peek_verb;
