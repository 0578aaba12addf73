//! What a call that does not wait grants to a living participant that is in its way.

use core::time::Duration;

use crate::platform::Platform;

/// How long such a call lets others run: the other one may have been preempted, and may wait for this processor.
const TIME: Duration = Duration::from_millis(1);
/// How often, where the clock stands still meanwhile.
const MOST_YIELDS: u32 = crate::sync::bound(1 << 12, 0);

/// Lets others run until `look` has a result, for a millisecond at most.
#[cold]
pub(crate) fn let_finish<P: Platform + ?Sized, R>(platform: &P, mut look: impl FnMut() -> Option<R>) -> Option<R> {
    let begun = platform.now();
    for _ in 0..MOST_YIELDS {
        platform.yield_now();
        if let Some(result) = look() {
            return Some(result);
        }
        if platform.now().saturating_since(begun) >= TIME {
            break;
        }
    }
    None
}
