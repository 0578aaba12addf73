//! The verbs of objects that [move](super::Moves) values, and of their halves: macros.

/// The verbs that send, of a handle or a sender half: both have a method `watched`.
///
/// The first brackets have the argument that says where a value goes, if there is one.
macro_rules! send_verbs {
    (
        $sends:ident<$($T:ident: $($bound:path),+);+>, $message:ty, [$($to:ident: $To:ty)?],
        ($($part:ident: $Part:ty),+) => $whole:expr, ($made:literal, $example_to:literal, $values:literal, $fifth:literal),
        $note:literal $(, $disconnected:literal)?
    ) => {
        impl<$($T: $($bound +)+,)+ P: Platform> $sends<'_, $($T,)+ P> {
            #[doc = concat!("Sends a message if there is room. Does not wait, except for a moment while another thread is in the middle of its copy.")]
            ///
            /// # Errors
            ///
            /// [`Full`](TrySendError::Full);
            #[doc = concat!("[`Closed`](TrySendError::Closed)", $("; [`Disconnected`](TrySendError::Disconnected)", $disconnected,)? $note, " The value comes back.")]
            #[doc(alias = "put_nowait")]
            #[doc(alias = "push")]
            #[inline]
            pub fn try_send(&self, $($to: $To,)? $($part: $Part),+) -> Result<(), TrySendError<$message>> {
                let (value, (queue, half)): ($message, _) = ($whole, self.watched());
                match queue.send_now(($($to)?), core::slice::from_ref(&value), half) {
                    Ok(_) => Ok(()),
                    Err(refused) => Err(TrySendError::of(refused, value)),
                }
            }

            /// Sends a message. Blocks while there is no room: polls for some microseconds, lets others run, then sleeps.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Closed`](SendError::Closed)", $("; [`Disconnected`](SendError::Disconnected)", $disconnected,)? $note, " The value comes back.")]
            #[doc(alias = "put")]
            #[inline]
            pub fn send(&self, $($to: $To,)? $($part: $Part),+) -> Result<(), SendError<$message>> {
                self.send_limited($($to,)? $whole, &Limit::Forever).map_err(SendTimeoutError::endless)
            }

            $crate::timed::timed! {
                send_timeout, send_deadline, send, "Sends a message",
                [&self, $($to: $To,)? $($part: $Part),+] limit [] -> Result<(), SendTimeoutError<$message>> {
                    self.send_limited($($to,)? $whole, limit)
                }
            }

            #[inline]
            fn send_limited(&self, $($to: $To,)? value: $message, limit: &Limit<P::Deadline>) -> Result<(), SendTimeoutError<$message>> {
                let (queue, half) = self.watched();
                let (values, mut waits) = (core::slice::from_ref(&value), limit.over_all_waits());
                match queue.send_within(($($to)?), values, &mut waits, half.is_some()) {
                    Ok(_) => Ok(()),
                    Err(refused) => Err(SendTimeoutError::of(refused, value)),
                }
            }

            #[doc = concat!("Sends as many of these as there is room for, from the first on, and returns how many: at least one, unless there \
                is none to send. One step for all of them, and one wake-up. Does not wait, as [`try_send`](Self::try_send).")]
            ///
            /// # Errors
            ///
            /// Those of [`try_send`](Self::try_send).
            pub fn try_send_slice(&self, $($to: $To,)? values: &[$message]) -> Result<usize, TrySendError<()>> {
                let (queue, half) = self.watched();
                queue.send_now(($($to)?), values, half).map_err(|refused| TrySendError::of(refused, ()))
            }

            /// Sends all of these, as many at a time as there is room for. Blocks while there is none. Messages of other senders may come
            /// between two batches.
            ///
            /// # Errors
            ///
            /// Those of [`send`](Self::send); the error says how many were sent.
            pub fn send_slice(&self, $($to: $To,)? values: &[$message]) -> Result<(), SendSliceError> {
                self.send_slice_limited($($to,)? values, &Limit::Forever).map_err(SendSliceTimeoutError::endless)
            }

            $crate::timed::timed! {
                send_slice_timeout, send_slice_deadline, send_slice, "Sends all of these"
                "`timeout` is for all of them together, and counts from the first wait. The error says how many were sent.",
                [&self, $($to: $To,)? values: &[$message]] limit [] -> Result<(), SendSliceTimeoutError> {
                    self.send_slice_limited($($to,)? values, limit)
                }
            }

            fn send_slice_limited(&self, $($to: $To,)? values: &[$message], limit: &Limit<P::Deadline>) -> Result<(), SendSliceTimeoutError> {
                let (queue, half) = self.watched();
                queue.send_all_within(($($to)?), values, &mut limit.over_all_waits(), half.is_some())
            }
        }

        #[cfg(feature = "alloc")]
        $crate::ends::batches!(
            send $sends<$($T: $($bound),+);+>, $message, [$($to: $To)?], ($made, $example_to, $values, $fifth), sends => {
                let (queue, half) = sends.watched();
                queue.room_now(($($to)?), half).map_err(|refused| TrySendError::of(refused, ()))
            },
            sends.watched().0.here(),
            (values, waits) => {
                let (queue, half) = sends.watched();
                queue.send_all_within(($($to)?), values, waits, half.is_some())
            }
        );
    };
}
pub(crate) use send_verbs;

/// The verbs that receive, of a handle or a receiver half: both have a method `watched`.
macro_rules! recv_verbs {
    ($receives:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $which:literal, $note:literal $(, $disconnected:literal)?) => {
        impl<$($T: $($bound +)+,)+ P: Platform> $receives<'_, $($T,)+ P> {
            #[doc = concat!("Receives the ", $which, " message if there is one. Does not wait, except for a moment while another thread is in the middle of its copy.")]
            ///
            /// # Errors
            ///
            /// [`Empty`](TryRecvError::Empty), never while a message is there whose send had returned; [`Busy`](TryRecvError::Busy);
            #[doc = concat!("[`Closed`](TryRecvError::Closed) once it is closed and drained", $("; [`Disconnected`](TryRecvError::Disconnected)", $disconnected,)? $note)]
            #[doc(alias = "get_nowait")]
            #[doc(alias = "pop")]
            #[inline]
            pub fn try_recv(&self) -> Result<$message, TryRecvError> {
                let (queue, half) = self.watched();
                let mut value = MaybeUninit::uninit();
                queue.recv_now(core::slice::from_mut(&mut value), half)?;
                // SAFETY: received.
                Ok(unsafe { value.assume_init() })
            }

            #[doc = concat!("Receives the ", $which, " message. Blocks while there is none: polls for some microseconds, lets others run, then sleeps.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Closed`](RecvError::Closed) once it is closed and drained", $("; [`Disconnected`](RecvError::Disconnected)", $disconnected,)? $note)]
            #[doc(alias = "get")]
            #[inline]
            pub fn recv(&self) -> Result<$message, RecvError> {
                Ok(self.recv_limited(&Limit::Forever)?)
            }

            $crate::timed::timed! {
                recv_timeout, recv_deadline, recv, "Receives a message",
                [&self] limit [] -> Result<$message, RecvTimeoutError> { Ok(self.recv_limited(limit)?) }
            }

            #[inline]
            fn recv_limited(&self, limit: &Limit<P::Deadline>) -> Result<$message, Refused> {
                let (queue, half) = self.watched();
                let mut value = MaybeUninit::uninit();
                queue.recv_within(core::slice::from_mut(&mut value), limit, half.is_some())?;
                // SAFETY: received.
                Ok(unsafe { value.assume_init() })
            }
        }

        $crate::ends::iterators!($receives<$($T: $($bound),+);+>, $message, RecvError, TryRecvError, recv, try_recv);
        $crate::ends::slices!($receives<$($T: $($bound),+);+>, $message, receives => receives.watched().0, room => {
            let (queue, half) = receives.watched();
            queue.recv_now(room, half).map_err(TryRecvError::from)
        }, receives.watched().1.is_some());
        #[cfg(feature = "alloc")]
        $crate::ends::batches!(receive $receives<$($T: $($bound),+);+>, $message, receives => receives.watched().0, room => {
            let (queue, half) = receives.watched();
            queue.recv_now(room, half).map_err(TryRecvError::from)
        }, receives.watched().1.is_some());
    };
}
pub(crate) use recv_verbs;
