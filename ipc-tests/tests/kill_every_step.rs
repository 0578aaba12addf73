//! Every operation killed at every instruction boundary, from the table in [`ipc_tests::sweeps`].
//!
//! ```text
//! cargo test --release -p ipc-tests -- --nocapture sweep
//! ```
//!
//! `IPC_TESTS_FULL=1` takes all pairs of points, `IPC_TESTS_SCENES=1` tells about each start of each operation.

#![cfg(all(not(loom), target_os = "linux", target_arch = "x86_64"))]

use std::time::Duration;

use ipc_tests::sweeps::{OPERATIONS, Operation, PAIRS, Pair};
use ipc_tests::watchdog::Watchdog;

macro_rules! sweeps {
    ($table:ident, $names:ident, $limit:expr, $($test:ident: $name:literal,)*) => {
        const $names: &[&str] = &[$($name),*];
        $(
            #[test]
            #[cfg_attr(debug_assertions, ignore = "takes minutes in unoptimised code")]
            fn $test() {
                let _watchdog = Watchdog::new($limit, $name);
                $table::named($name).sweep().assert_clean();
            }
        )*
    };
}

sweeps! {
    Operation, SWEPT, Duration::from_secs(1200),
    sweep_queue_try_send: "queue.try_send",
    sweep_queue_send: "queue.send",
    sweep_queue_try_recv: "queue.try_recv",
    sweep_queue_recv: "queue.recv",
    sweep_queue_send_blocked: "queue.send.blocked",
    sweep_queue_recv_blocked: "queue.recv.blocked",
    sweep_queue_send_timeout: "queue.send.timeout",
    sweep_queue_recv_timeout: "queue.recv.timeout",
    sweep_queue_force_send: "queue.force_send",
    sweep_queue_peek: "queue.peek",
    sweep_queue_close: "queue.close",
    sweep_queue_send_wakes: "queue.send.wakes",
    sweep_queue_recv_wakes: "queue.recv.wakes",
    sweep_queue_close_wakes: "queue.close.wakes",
    sweep_queue_send_slice: "queue.send_slice",
    sweep_queue_recv_slice: "queue.recv_slice",
    sweep_half_create: "half.create",
    sweep_half_drop: "half.drop",
    sweep_half_drop_wakes: "half.drop.wakes",
    sweep_mutex_lock: "mutex.lock",
    sweep_mutex_try_lock: "mutex.try_lock",
    sweep_mutex_lock_timeout: "mutex.lock.timeout",
    sweep_mutex_transaction: "mutex.transaction",
    sweep_mutex_unlock_wakes: "mutex.unlock.wakes",
    sweep_mutex_recover: "mutex.recover",
    sweep_event_set: "event.set",
    sweep_event_set_wakes: "event.set.wakes",
    sweep_event_clear: "event.clear",
    sweep_event_wait: "event.wait",
    sweep_event_wait_timeout: "event.wait.timeout",
    sweep_condvar_wait: "condvar.wait",
    sweep_condvar_notify: "condvar.notify",
    sweep_reentrant_lock: "reentrant.lock",
    sweep_reentrant_try_lock: "reentrant.try_lock",
    sweep_atomic_change: "atomic.change",
    sweep_atomic_change_wakes: "atomic.change.wakes",
    sweep_atomic_wait: "atomic.wait",
    sweep_once_set: "once.set",
    sweep_once_set_wakes: "once.set.wakes",
    sweep_once_wait: "once.wait",
    sweep_watch_set: "watch.set",
    sweep_watch_set_wakes: "watch.set.wakes",
    sweep_watch_get: "watch.get",
    sweep_rwlock_read: "rwlock.read",
    sweep_rwlock_write: "rwlock.write",
    sweep_rwlock_timeout: "rwlock.timeout",
    sweep_rwlock_unlock_wakes: "rwlock.unlock.wakes",
    sweep_barrier_wait: "barrier.wait",
    sweep_barrier_member: "barrier.member",
    sweep_barrier_reset: "barrier.reset",
    sweep_semaphore_try_acquire: "semaphore.try_acquire",
    sweep_semaphore_acquire: "semaphore.acquire",
    sweep_semaphore_acquire_blocked: "semaphore.acquire.blocked",
    sweep_semaphore_acquire_many: "semaphore.acquire_many",
    sweep_semaphore_release: "semaphore.release",
    sweep_semaphore_forget: "semaphore.forget",
    sweep_semaphore_post: "semaphore.post",
    sweep_semaphore_close: "semaphore.close",
    sweep_semaphore_recover: "semaphore.recover",
    sweep_semaphore_wakes: "semaphore.wakes",
    sweep_spsc_send: "spsc.send",
    sweep_spsc_recv: "spsc.recv",
    sweep_spsc_ends: "spsc.ends",
    sweep_spsc_wakes: "spsc.wakes",
    sweep_bytes_send: "bytes.send",
    sweep_bytes_recv: "bytes.recv",
    sweep_loan_send: "loan.send",
    sweep_loan_recv: "loan.recv",
    sweep_broadcast_publish: "broadcast.publish",
    sweep_broadcast_subscribe: "broadcast.subscribe",
    sweep_recovery_try_recv: "recovery.try_recv",
    sweep_recovery_recover: "recovery.recover",
    sweep_recovery_attach: "recovery.attach",
    sweep_object_create: "object.create",
    sweep_object_open: "object.open",
    sweep_region_create: "region.create",
    sweep_region_attach: "region.attach",
    sweep_region_detach: "region.detach",
    sweep_region_unlink: "region.unlink",
}

sweeps! {
    Pair, SWEPT_PAIRS, Duration::from_secs(6 * 3600),
    sweep_pair_send_send: "pair.send+send",
    sweep_pair_send_recv: "pair.send+recv",
    sweep_pair_recv_send: "pair.recv+send",
    sweep_pair_recv_recv: "pair.recv+recv",
    sweep_pair_create_create: "pair.create+create",
    sweep_pair_mutex_lock_lock: "pair.mutex.lock+lock",
    sweep_pair_mutex_transaction_transaction: "pair.mutex.transaction+transaction",
    sweep_pair_semaphore_acquire_acquire: "pair.semaphore.acquire+acquire",
    sweep_pair_atomic_add_add: "pair.atomic.add+add",
    sweep_pair_once_init_init: "pair.once.init+init",
    sweep_pair_watch_update_update: "pair.watch.update+update",
    sweep_pair_watch_get_update: "pair.watch.get+update",
    sweep_pair_rwlock_write_write: "pair.rwlock.write+write",
    sweep_pair_rwlock_read_write: "pair.rwlock.read+write",
    sweep_pair_rwlock_write_read: "pair.rwlock.write+read",
    sweep_pair_barrier_wait_wait: "pair.barrier.wait+wait",
    sweep_pair_event_set_wait: "pair.event.set+wait",
    sweep_pair_condvar_wait_notify: "pair.condvar.wait+notify",
    sweep_pair_spsc_send_recv: "pair.spsc.send+recv",
    sweep_pair_spsc_recv_send: "pair.spsc.recv+send",
    sweep_pair_spsc_claim_claim: "pair.spsc.claim+claim",
    sweep_pair_bytes_send_send: "pair.bytes.send+send",
    sweep_pair_bytes_send_recv: "pair.bytes.send+recv",
    sweep_pair_bytes_recv_recv: "pair.bytes.recv+recv",
    sweep_pair_loan_send_send: "pair.loan.send+send",
    sweep_pair_loan_send_recv: "pair.loan.send+recv",
    sweep_pair_loan_recv_send: "pair.loan.recv+send",
    sweep_pair_loan_recv_recv: "pair.loan.recv+recv",
    sweep_pair_broadcast_publish_publish: "pair.broadcast.publish+publish",
    sweep_pair_broadcast_receive_publish: "pair.broadcast.receive+publish",
    sweep_pair_broadcast_publish_receive: "pair.broadcast.publish+receive",
}

#[test]
fn every_line_of_the_tables_is_swept() {
    assert_eq!(OPERATIONS.iter().map(|operation| operation.name).collect::<Vec<_>>(), SWEPT);
    assert_eq!(PAIRS.iter().map(|pair| pair.name).collect::<Vec<_>>(), SWEPT_PAIRS);
}
