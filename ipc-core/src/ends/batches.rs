//! The verbs that move several messages at once: macros.

/// The verbs that receive several at once, of the queue and of its half. They differ in whether the senders' leaving ends them.
macro_rules! slices {
    ($receives:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $queue:ident => $of:expr, $try:ident => $tried:expr, $watch:expr) => {
        impl<$($T: $($bound +)+,)+ P: Platform> $receives<'_, $($T,)+ P> {
            /// Receives as many messages as there are and as `out` holds, in their order, and returns how many: at least one, unless
            /// `out` is empty. One step for all of them, and one wake-up. Never waits. What lies in `out` behind them may have changed.
            ///
            /// # Errors
            ///
            /// As for [`try_recv`](Self::try_recv). A message whose bits are no value ends the batch before it; as the first one
            /// it is dropped, with [`Fault::InvalidValue`](crate::Fault::InvalidValue).
            pub fn try_recv_slice(&self, out: &mut [$message]) -> Result<usize, TryRecvError> {
                let $queue = self;
                fill_slice(out, |$try| $tried)
            }

            /// Receives as many messages as there are and as `out` holds, and returns how many. Blocks while there is none.
            ///
            /// # Errors
            ///
            /// As for [`recv`](Self::recv) and, for bits that are no value, [`try_recv_slice`](Self::try_recv_slice).
            pub fn recv_slice(&self, out: &mut [$message]) -> Result<usize, RecvError> {
                self.recv_slice_within(out, &Limit::Forever).map_err(RecvTimeoutError::endless)
            }

            timed! {
                recv_slice_timeout, recv_slice_deadline, recv_slice, "Receives messages",
                [&self, out: &mut [$message]] limit [] -> Result<usize, RecvTimeoutError> { self.recv_slice_within(out, limit) }
            }

            fn recv_slice_within(&self, out: &mut [$message], limit: &Limit<P::Deadline>) -> Result<usize, RecvTimeoutError> {
                let $queue = self;
                fill_slice(out, |out| $of.recv_into(out, limit, $watch))
            }

            /// Receives into memory that need not be initialised, as [`try_recv_slice`](Self::try_recv_slice), and returns the messages.
            ///
            /// # Errors
            ///
            /// Those of [`try_recv_slice`](Self::try_recv_slice).
            pub fn try_recv_uninit<'b>(&self, out: &'b mut [MaybeUninit<$message>]) -> Result<&'b mut [$message], TryRecvError> {
                let $queue = self;
                let $try = &mut *out;
                let count = $tried?;
                // SAFETY: this number of messages was received, and they are values.
                Ok(unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), count) })
            }

            /// Receives into memory that need not be initialised, as [`recv_slice`](Self::recv_slice), and returns the messages.
            ///
            /// # Errors
            ///
            /// Those of [`recv_slice`](Self::recv_slice).
            pub fn recv_uninit<'b>(&self, out: &'b mut [MaybeUninit<$message>]) -> Result<&'b mut [$message], RecvError> {
                self.recv_uninit_within(out, &Limit::Forever).map_err(RecvTimeoutError::endless)
            }

            timed! {
                recv_uninit_timeout, recv_uninit_deadline, recv_uninit, "Receives messages",
                <'b> [&self, out: &'b mut [MaybeUninit<$message>]] limit [] -> Result<&'b mut [$message], RecvTimeoutError> {
                    self.recv_uninit_within(out, limit)
                }
            }

            fn recv_uninit_within<'b>(
                &self,
                out: &'b mut [MaybeUninit<$message>],
                limit: &Limit<P::Deadline>,
            ) -> Result<&'b mut [$message], RecvTimeoutError> {
                let $queue = self;
                let count = $of.recv_into(out, limit, $watch)?;
                // SAFETY: this number of messages was received, and they are values.
                Ok(unsafe { core::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), count) })
            }
        }
    };
}
pub(crate) use slices;

#[cfg(feature = "alloc")]
/// The verbs that need an allocator, of the queue and of its halves. They differ in whether the other end's leaving ends them.
macro_rules! batches {
    (
        send $sender:ident<$($T:ident: $($bound:path),+);+>, $message:ty, [$($to:ident: $To:ty)?],
        ($made:literal, $example_to:literal, $values:literal, $fifth:literal), $queue:ident => $room:expr, $here:expr,
        ($value:ident, $waits:ident) => $sent:expr
    ) => {
        impl<$($T: $($bound +)+,)+ P: Platform> $sender<'_, $($T,)+ P> {
            /// Sends as many of the iterator's values as there is room for, and returns how many. Never waits.
            ///
            /// A value is asked for only when there is room for it, so with no other sender none is lost: pass `by_ref()` and go
            /// on later. Each one is sent before the next one is asked for. An error holds the value that was taken and not sent.
            ///
            /// ```
            /// # use ipc_posix::Region;
            /// # let region = Region::options().anonymous()?;
            #[doc = concat!("let squares = region.", $made, ".create()?;")]
            #[doc = concat!("let mut numbers = (1..).map(", $values, ");")]
            #[doc = concat!("assert_eq!(squares.try_send_iter(", $example_to, "numbers.by_ref()), Ok(4));")]
            #[doc = concat!("assert_eq!(numbers.next(), Some(", $fifth, "));")]
            #[doc = concat!("let error = squares.try_send_iter(", $example_to, "numbers).unwrap_err();")]
            /// assert!(error.cause.is_full() && error.unsent.is_empty());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            ///
            /// Those of [`try_send`](Self::try_send). `Full` if there is no room at all, or if other senders took it meanwhile.
            pub fn try_send_iter(
                &self,
                $($to: $To,)?
                values: impl IntoIterator<Item = $message>,
            ) -> Result<usize, $crate::queue::TrySendIterError<$message>> {
                let $queue = self;
                match $room {
                    Ok(room) => {
                        let send = |value: &$message| self.try_send_slice($($to,)? core::slice::from_ref(value));
                        let here = || $here.map_err(|fault| TrySendError::Fault((), fault));
                        $crate::queue::send_each(values.into_iter().take(room), send, here)
                    }
                    Err(cause) => Err($crate::queue::SendIterError { sent: 0, unsent: alloc::vec::Vec::new(), cause }),
                }
            }

            /// Sends all that the iterator yields, and returns how many. Blocks while there is no room.
            ///
            /// Each value is sent before the next one is asked for: a slow iterator keeps nothing back, and of one that panics all
            /// that it has yielded was sent. [`send_slice`](Self::send_slice) sends values that are there already in fewer steps.
            ///
            /// # Errors
            ///
            /// Those of [`send`](Self::send). The error holds the value that was taken from the iterator and not sent.
            pub fn send_iter(
                &self,
                $($to: $To,)?
                values: impl IntoIterator<Item = $message>,
            ) -> Result<usize, $crate::queue::SendIterError<$message>> {
                self.send_iter_within($($to,)? values, &Limit::Forever).map_err($crate::queue::SendIterTimeoutError::endless)
            }

            timed! {
                send_iter_timeout, send_iter_deadline, send_iter, "Sends all that the iterator yields"
                "`timeout` is for all of them together, and counts from the first wait. The error holds the value that was taken from the iterator and not sent.",
                [&self, $($to: $To,)? values: impl IntoIterator<Item = $message>] limit []
                    -> Result<usize, $crate::queue::SendIterTimeoutError<$message>> {
                    self.send_iter_within($($to,)? values, limit)
                }
            }

            fn send_iter_within(
                &self,
                $($to: $To,)?
                values: impl IntoIterator<Item = $message>,
                limit: &Limit<P::Deadline>,
            ) -> Result<usize, $crate::queue::SendIterTimeoutError<$message>> {
                let ($queue, waits) = (self, &mut limit.over_all_waits());
                let send = |value: &$message| {
                    let ($value, $waits) = (core::slice::from_ref(value), &mut *waits);
                    $sent
                };
                let here = || $here.map_err(|fault| SendSliceError { sent: 0, cause: SendTimeoutError::Fault((), fault) });
                $crate::queue::send_each(values.into_iter(), send, here).map_err(|error| {
                    let $crate::queue::SendIterError { sent, unsent, cause: SendSliceError { cause, .. } } = error;
                    $crate::queue::SendIterError { sent, unsent, cause }
                })
            }
        }
    };
    (receive $receiver:ident<$($T:ident: $($bound:path),+);+>, $message:ty, $queue:ident => $of:expr, $try:ident => $tried:expr, $watch:expr) => {
        impl<$($T: $($bound +)+,)+ P: Platform> $receiver<'_, $($T,)+ P> {
            /// Appends the messages that are there to `buffer`, at most `most`, and returns how many: at least one, unless `most` is
            /// 0. Never waits.
            ///
            /// # Errors
            ///
            /// Those of [`try_recv`](Self::try_recv).
            pub fn try_recv_many(&self, buffer: &mut alloc::vec::Vec<$message>, most: usize) -> Result<usize, TryRecvError> {
                let $queue = self;
                $of.here()?;
                $crate::queue::append(buffer, most.min($crate::queue::expected($of.len())), |$try| $tried)
            }

            /// Appends the messages that are there to `buffer`, at most `most`, and returns how many: at least one, unless `most` is
            /// 0. Blocks while there is none.
            ///
            /// # Errors
            ///
            /// Those of [`recv`](Self::recv).
            pub fn recv_many(&self, buffer: &mut alloc::vec::Vec<$message>, most: usize) -> Result<usize, RecvError> {
                self.recv_many_within(buffer, most, &Limit::Forever).map_err(RecvTimeoutError::endless)
            }

            timed! {
                recv_many_timeout, recv_many_deadline, recv_many, "Appends messages to `buffer`",
                [&self, buffer: &mut alloc::vec::Vec<$message>, most: usize] limit [] -> Result<usize, RecvTimeoutError> {
                    self.recv_many_within(buffer, most, limit)
                }
            }

            fn recv_many_within(
                &self,
                buffer: &mut alloc::vec::Vec<$message>,
                most: usize,
                limit: &Limit<P::Deadline>,
            ) -> Result<usize, RecvTimeoutError> {
                let $queue = self;
                $of.here()?;
                $crate::queue::append(buffer, most.min($crate::queue::expected($of.len())), |room| $of.recv_into(room, limit, $watch))
            }
        }
    };
}

#[cfg(feature = "alloc")]
pub(crate) use batches;
