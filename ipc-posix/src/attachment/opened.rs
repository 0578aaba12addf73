//! The regions that this process has open: a handle that arrives uses an attachment that is there.

use std::sync::{Mutex, Weak};

use super::{Attachment, Membership};
use crate::fork::{ForkGuard, NoFork};

struct Opened {
    identity: u128,
    /// Of which process the attachment is: children inherit the list.
    fork: ForkGuard,
    attachment: Weak<Attachment>,
}

/// Used while forks are excluded, which excludes other threads, too. So a child finds it unlocked; unless a signal handler forked in the
/// middle, and then that child's handles do not find each other.
static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());

/// Lists an attachment, whose lock byte is certain.
pub(crate) fn remember(membership: &Membership) {
    let Ok(_no_fork) = NoFork::new() else { return };
    let Ok(mut opened) = OPENED.try_lock() else { return };
    opened.retain(|one| one.fork.is_here() && one.attachment.strong_count() > 0);
    let identity = membership.view().identity();
    opened.push(Opened { identity, fork: membership.fork, attachment: membership.downgrade() });
}

/// The oldest attachment of this process to the region of this identity.
pub(crate) fn find(identity: u128) -> Option<Membership> {
    let _no_fork = NoFork::new().ok()?;
    let opened = OPENED.try_lock().ok()?;
    let candidates = opened.iter().filter(|one| one.identity == identity && one.fork.is_here());
    candidates.filter_map(|one| one.attachment.upgrade()).next().map(Membership::of)
}
