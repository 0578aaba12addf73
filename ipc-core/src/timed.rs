//! The forms of a verb that give up: after a timeout, and at a deadline.

/// Writes two methods that do what `$verb` does, and give up.
///
/// The first brackets have the receiver and the arguments before the time limit, the second ones the arguments behind it. The
/// body is that of both methods; `$limit` is a reference to the [`Limit`](crate::time::Limit).
macro_rules! timed {
    (
        $timeout:ident, $deadline:ident, $verb:ident, $does:literal $($note:literal)?,
        $(<$lifetime:lifetime>)? $({ $type:ident: $bound:ident })? [$($before:tt)+] $limit:ident [$($after:tt)*] -> $result:ty $body:block
    ) => {
        #[doc = concat!($does, " as [`", stringify!($verb), "`](Self::", stringify!($verb), ") does, but blocks for at most `timeout`.")]
        ///
        /// What needs no wait is done whatever the timeout, and the clock is not read.
        $(#[doc = $note])?
        ///
        /// # Errors
        ///
        #[doc = concat!("`Timeout` when the time is over, and those of [`", stringify!($verb), "`](Self::", stringify!($verb), ").")]
        #[inline]
        pub fn $timeout$(<$lifetime>)?$(<$type: $bound>)?($($before)+, timeout: core::time::Duration, $($after)*) -> $result {
            let $limit = &$crate::time::Limit::For(timeout);
            $body
        }

        #[doc = concat!($does, " as [`", stringify!($verb), "`](Self::", stringify!($verb), ") does, but blocks until `deadline` at the latest.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of [`", stringify!($timeout), "`](Self::", stringify!($timeout), ").")]
        #[inline]
        pub fn $deadline$(<$lifetime>)?$(<$type: $bound>)?($($before)+, deadline: P::Deadline, $($after)*) -> $result {
            let $limit = &$crate::time::Limit::Until(deadline);
            $body
        }
    };
}
pub(crate) use timed;
