//! The two lists of sweeps, each as a macro: the tables are made of them, and a test for each line.
//!
//! A line is the test, the name that the closing line carries, and what is swept. `.ci/run` reads the names here, and wants a
//! clean closing line of each.

/// Hands the list of operations to the macro `$with`: the test, the name, the scenes.
#[macro_export]
macro_rules! operations {
    ($with:ident) => {
        $with! {
            sweep_queue_try_send: "queue.try_send" = queue::try_send;
            sweep_queue_send: "queue.send" = queue::send;
            sweep_queue_try_recv: "queue.try_recv" = queue::try_recv;
            sweep_queue_recv: "queue.recv" = queue::recv;
            sweep_queue_send_blocked: "queue.send.blocked" = queue::send_blocked;
            sweep_queue_recv_blocked: "queue.recv.blocked" = queue::recv_blocked;
            sweep_queue_send_timeout: "queue.send.timeout" = queue::send_timeout;
            sweep_queue_recv_timeout: "queue.recv.timeout" = queue::recv_timeout;
            sweep_queue_force_send: "queue.force_send" = queue::force_send;
            sweep_queue_peek: "queue.peek" = queue::peek;
            sweep_queue_close: "queue.close" = queue::close;
            sweep_queue_send_wakes: "queue.send.wakes" = sleepers::send;
            sweep_queue_recv_wakes: "queue.recv.wakes" = sleepers::recv;
            sweep_queue_close_wakes: "queue.close.wakes" = sleepers::close;
            sweep_queue_send_slice: "queue.send_slice" = batches::send;
            sweep_queue_recv_slice: "queue.recv_slice" = batches::recv;
            sweep_half_create: "half.create" = halves::create;
            sweep_half_drop: "half.drop" = halves::drop_half;
            sweep_half_drop_wakes: "half.drop.wakes" = sleepers::drop_half;
            sweep_mutex_lock: "mutex.lock" = mutex::lock;
            sweep_mutex_try_lock: "mutex.try_lock" = mutex::try_lock;
            sweep_mutex_lock_timeout: "mutex.lock.timeout" = mutex::timeout;
            sweep_mutex_transaction: "mutex.transaction" = mutex::transaction;
            sweep_mutex_array_change: "mutex.array.change" = mutex_array::change;
            sweep_value_mutex_write: "value_mutex.write" = value_mutex::write;
            sweep_value_mutex_write_wakes: "value_mutex.write.wakes" = value_mutex::write_wakes;
            sweep_value_mutex_read: "value_mutex.read" = value_mutex::read;
            sweep_mutex_unlock_wakes: "mutex.unlock.wakes" = mutex::unlock_wakes;
            sweep_mutex_lock_in_line: "mutex.lock.in_line" = in_line::lock;
            sweep_mutex_recover: "mutex.recover" = mutex::recover;
            sweep_event_set: "event.set" = event::set;
            sweep_event_set_wakes: "event.set.wakes" = event::set_wakes;
            sweep_event_clear: "event.clear" = event::clear;
            sweep_event_wait: "event.wait" = event::wait;
            sweep_event_wait_timeout: "event.wait.timeout" = event::wait_timeout;
            sweep_condvar_wait: "condvar.wait" = condvar::wait;
            sweep_condvar_notify: "condvar.notify" = condvar::notify;
            sweep_reentrant_lock: "reentrant.lock" = reentrant::lock;
            sweep_reentrant_try_lock: "reentrant.try_lock" = reentrant::try_lock;
            sweep_atomic_change: "atomic.change" = atomic::change;
            sweep_atomic_change_wakes: "atomic.change.wakes" = atomic::change_wakes;
            sweep_atomic_wait: "atomic.wait" = atomic::wait;
            sweep_array_write: "array.write" = array::write;
            sweep_array_write_bytes: "array.write.bytes" = array::write_bytes;
            sweep_once_set: "once.set" = once::set;
            sweep_once_set_wakes: "once.set.wakes" = once::set_wakes;
            sweep_once_wait: "once.wait" = once::wait;
            sweep_watch_set: "watch.set" = watch::set;
            sweep_watch_set_wakes: "watch.set.wakes" = watch::set_wakes;
            sweep_watch_get: "watch.get" = watch::get;
            sweep_watch_leave: "watch.leave" = watch::leave;
            sweep_value_watch_set: "value_watch.set" = value_watch::set;
            sweep_value_watch_set_wakes: "value_watch.set.wakes" = value_watch::set_wakes;
            sweep_value_watch_get: "value_watch.get" = value_watch::get;
            sweep_rwlock_read: "rwlock.read" = rwlock::read;
            sweep_rwlock_write: "rwlock.write" = rwlock::write;
            sweep_rwlock_timeout: "rwlock.timeout" = rwlock::timeout;
            sweep_rwlock_unlock_wakes: "rwlock.unlock.wakes" = rwlock::unlock_wakes;
            sweep_barrier_wait: "barrier.wait" = barrier::wait;
            sweep_barrier_member: "barrier.member" = barrier::member;
            sweep_barrier_reset: "barrier.reset" = barrier::reset;
            sweep_semaphore_try_acquire: "semaphore.try_acquire" = semaphore::try_acquire;
            sweep_semaphore_acquire: "semaphore.acquire" = semaphore::acquire;
            sweep_semaphore_acquire_blocked: "semaphore.acquire.blocked" = semaphore::acquire_blocked;
            sweep_semaphore_acquire_many: "semaphore.acquire_many" = semaphore::acquire_many;
            sweep_semaphore_release: "semaphore.release" = semaphore::release;
            sweep_semaphore_forget: "semaphore.forget" = semaphore::forget;
            sweep_semaphore_post: "semaphore.post" = semaphore::post;
            sweep_semaphore_close: "semaphore.close" = semaphore::close;
            sweep_semaphore_recover: "semaphore.recover" = semaphore::recover;
            sweep_semaphore_wakes: "semaphore.wakes" = semaphore::wakes;
            sweep_spsc_send: "spsc.send" = spsc::send;
            sweep_spsc_recv: "spsc.recv" = spsc::recv;
            sweep_spsc_ends: "spsc.ends" = spsc::ends;
            sweep_spsc_wakes: "spsc.wakes" = spsc::wakes;
            sweep_duplex_send: "duplex.send" = duplex::send;
            sweep_duplex_recv: "duplex.recv" = duplex::recv;
            sweep_duplex_ends: "duplex.ends" = duplex::ends;
            sweep_duplex_wakes: "duplex.wakes" = duplex::wakes;
            sweep_value_duplex_send: "value_duplex.send" = value_duplex::send;
            sweep_value_duplex_recv: "value_duplex.recv" = value_duplex::recv;
            sweep_bytes_send: "bytes.send" = bytes::send;
            sweep_bytes_recv: "bytes.recv" = bytes::recv;
            sweep_stack_send: "stack.send" = piles::stack_send;
            sweep_stack_recv: "stack.recv" = piles::stack_recv;
            sweep_priority_send: "priority.send" = piles::priority_send;
            sweep_priority_recv: "priority.recv" = piles::priority_recv;
            sweep_level_send: "level.send" = level::send;
            sweep_level_recv: "level.recv" = level::recv;
            sweep_level_close: "level.close" = level::close;
            sweep_map_write: "map.write" = map::write;
            sweep_map_remove: "map.remove" = map::remove;
            sweep_map_read: "map.read" = map::read;
            sweep_byte_map_write: "byte_map.write" = byte_map::write;
            sweep_byte_map_read: "byte_map.read" = byte_map::read;
            sweep_vector_end: "vector.end" = vector::end;
            sweep_vector_middle: "vector.middle" = vector::middle;
            sweep_vector_whole: "vector.whole" = vector::whole;
            sweep_vector_read: "vector.read" = vector::read;
            sweep_loan_send: "loan.send" = loan::send;
            sweep_loan_recv: "loan.recv" = loan::recv;
            sweep_work_send: "work.send" = work::send;
            sweep_work_done: "work.done" = work::done;
            sweep_work_give_back: "work.give_back" = work::give_back;
            sweep_work_letters: "work.letters" = work::letters;
            sweep_work_repair: "work.repair" = work::repair;
            sweep_work_close: "work.close" = work::close;
            sweep_work_take_over: "work.take_over" = work_limit::take_over;
            sweep_work_bytes_send: "work.bytes.send" = work_bytes::send;
            sweep_work_bytes_done: "work.bytes.done" = work_bytes::done;
            sweep_work_calls_call: "work.calls.call" = work_calls::call;
            sweep_work_calls_reply: "work.calls.reply" = work_calls::reply;
            sweep_work_calls_wait: "work.calls.wait" = work_calls::wait;
            sweep_work_calls_cancel: "work.calls.cancel" = work_calls::cancel;
            sweep_pool_serve: "pool.serve" = pool::serve;
            sweep_pool_join: "pool.join" = pool::join;
            sweep_pool_orphan: "pool.orphan" = pool::orphan;
            sweep_pool_start: "pool.start" = pool::start;
            sweep_broadcast_publish: "broadcast.publish" = broadcast::publish;
            sweep_broadcast_subscribe: "broadcast.subscribe" = broadcast::subscribe;
            sweep_broadcast_leave: "broadcast.leave" = broadcast::leave;
            sweep_recovery_try_recv: "recovery.try_recv" = queue::repairing_try_recv;
            sweep_recovery_recover: "recovery.recover" = queue::recover;
            sweep_recovery_attach: "recovery.attach" = queue::repairing_attach;
            sweep_object_create: "object.create" = object::create;
            sweep_object_open: "object.open" = object::open;
            sweep_region_create: "region.create" = region::create;
            sweep_region_attach: "region.attach" = region::attach;
            sweep_region_detach: "region.detach" = region::detach;
            sweep_region_unlink: "region.unlink" = region::unlink;
        }
    };
}

/// Hands the list of pairs to the macro `$with`: the test, the name, the deeds of the one that is stopped and of the one that is
/// killed, and the distance of the paused one's points in instructions when not all are taken.
#[macro_export]
macro_rules! pairs {
    ($with:ident) => {
        $with! {
            sweep_pair_send_send: "pair.send+send" = Deeds::Queue(Deed::Send, Deed::Send), 2;
            sweep_pair_send_recv: "pair.send+recv" = Deeds::Queue(Deed::Send, Deed::Recv), 2;
            sweep_pair_recv_send: "pair.recv+send" = Deeds::Queue(Deed::Recv, Deed::Send), 2;
            sweep_pair_recv_recv: "pair.recv+recv" = Deeds::Queue(Deed::Recv, Deed::Recv), 2;
            sweep_pair_create_create: "pair.create+create" = Deeds::Create, 17;
            sweep_pair_mutex_lock_lock: "pair.mutex.lock+lock" = Deeds::Duet(Duet::Lock), 5;
            sweep_pair_mutex_transaction_transaction: "pair.mutex.transaction+transaction" = Deeds::Duet(Duet::Transaction), 5;
            sweep_pair_semaphore_acquire_acquire: "pair.semaphore.acquire+acquire" = Deeds::Duet(Duet::Permits), 3;
            sweep_pair_atomic_add_add: "pair.atomic.add+add" = Deeds::Duet(Duet::Add), 1;
            sweep_pair_array_add_add: "pair.array.add+add" = Deeds::Duet(Duet::AddFloats), 1;
            sweep_pair_once_init_init: "pair.once.init+init" = Deeds::Duet(Duet::Init), 3;
            sweep_pair_watch_update_update: "pair.watch.update+update" = Deeds::Duet(Duet::Update), 9;
            sweep_pair_watch_get_update: "pair.watch.get+update" = Deeds::Duet(Duet::ReadWatch), 5;
            sweep_pair_rwlock_write_write: "pair.rwlock.write+write" = Deeds::Duet(Duet::Write), 5;
            sweep_pair_rwlock_read_write: "pair.rwlock.read+write" = Deeds::Duet(Duet::ReadLock), 5;
            sweep_pair_rwlock_write_read: "pair.rwlock.write+read" = Deeds::Duet(Duet::WriteLock), 5;
            sweep_pair_barrier_wait_wait: "pair.barrier.wait+wait" = Deeds::Duet(Duet::Meet), 37;
            sweep_pair_event_set_wait: "pair.event.set+wait" = Deeds::Duet(Duet::Signal), 5;
            sweep_pair_condvar_wait_notify: "pair.condvar.wait+notify" = Deeds::Duet(Duet::Notify), 17;
            sweep_pair_spsc_send_recv: "pair.spsc.send+recv" = Deeds::OneToOne(spsc::Couple::SendRecv), 3;
            sweep_pair_spsc_recv_send: "pair.spsc.recv+send" = Deeds::OneToOne(spsc::Couple::RecvSend), 3;
            sweep_pair_spsc_claim_claim: "pair.spsc.claim+claim" = Deeds::OneToOne(spsc::Couple::ClaimClaim), 7;
            sweep_pair_duplex_claim_claim: "pair.duplex.claim+claim" = Deeds::Duplex(duplex::Couple::ClaimClaim), 7;
            sweep_pair_duplex_meet: "pair.duplex.meet" = Deeds::Duplex(duplex::Couple::Meet), 7;
            sweep_pair_bytes_send_send: "pair.bytes.send+send" = Deeds::Bytes(bytes::Couple::SendSend), 13;
            sweep_pair_bytes_send_recv: "pair.bytes.send+recv" = Deeds::Bytes(bytes::Couple::SendRecv), 13;
            sweep_pair_bytes_recv_recv: "pair.bytes.recv+recv" = Deeds::Bytes(bytes::Couple::RecvRecv), 13;
            sweep_pair_stack_send_send: "pair.stack.send+send" = Deeds::Stack(piles::Couple::SendSend), 13;
            sweep_pair_stack_send_recv: "pair.stack.send+recv" = Deeds::Stack(piles::Couple::SendRecv), 13;
            sweep_pair_stack_recv_recv: "pair.stack.recv+recv" = Deeds::Stack(piles::Couple::RecvRecv), 13;
            sweep_pair_priority_send_send: "pair.priority.send+send" = Deeds::Priority(piles::Couple::SendSend), 31;
            sweep_pair_priority_send_recv: "pair.priority.send+recv" = Deeds::Priority(piles::Couple::SendRecv), 31;
            sweep_pair_priority_recv_recv: "pair.priority.recv+recv" = Deeds::Priority(piles::Couple::RecvRecv), 31;
            sweep_pair_level_send_send: "pair.level.send+send" = Deeds::Levels(level::Couple(level::Part::Send(2), level::Part::Send(2))), 3;
            sweep_pair_level_send_above: "pair.level.send+above" = Deeds::Levels(level::Couple(level::Part::Send(2), level::Part::Send(1))), 3;
            sweep_pair_level_send_recv: "pair.level.send+recv" = Deeds::Levels(level::Couple(level::Part::Send(2), level::Part::Recv)), 3;
            sweep_pair_level_recv_send: "pair.level.recv+send" = Deeds::Levels(level::Couple(level::Part::Recv, level::Part::Send(1))), 3;
            sweep_pair_level_recv_recv: "pair.level.recv+recv" = Deeds::Levels(level::Couple(level::Part::Recv, level::Part::Recv)), 3;
            sweep_pair_loan_send_send: "pair.loan.send+send" = Deeds::Loan(loan::Couple::SendSend), 1;
            sweep_pair_loan_send_recv: "pair.loan.send+recv" = Deeds::Loan(loan::Couple::SendRecv), 1;
            sweep_pair_loan_recv_send: "pair.loan.recv+send" = Deeds::Loan(loan::Couple::RecvSend), 1;
            sweep_pair_loan_recv_recv: "pair.loan.recv+recv" = Deeds::Loan(loan::Couple::RecvRecv), 1;
            sweep_pair_work_send_done: "pair.work.send+done" = Deeds::Work(work::Couple(work::Part::Send, work::Part::Do)), 3;
            sweep_pair_work_done_send: "pair.work.done+send" = Deeds::Work(work::Couple(work::Part::Do, work::Part::Send)), 3;
            sweep_pair_work_done_done: "pair.work.done+done" = Deeds::Work(work::Couple(work::Part::Do, work::Part::Do)), 3;
            sweep_pair_work_give_back_give_back: "pair.work.give_back+give_back" = Deeds::Work(work::Couple(work::Part::GiveBack, work::Part::GiveBack)), 3;
            sweep_pair_work_give_back_done: "pair.work.give_back+done" = Deeds::Work(work::Couple(work::Part::GiveBack, work::Part::Do)), 3;
            sweep_pair_calls_wait_reply: "pair.calls.wait+reply" = Deeds::Calls(work_calls::Couple::WaitReply), 3;
            sweep_pair_calls_cancel_reply: "pair.calls.cancel+reply" = Deeds::Calls(work_calls::Couple::CancelReply), 3;
            sweep_pair_calls_reply_repair: "pair.calls.reply+repair" = Deeds::Calls(work_calls::Couple::ReplyRepair), 3;
            sweep_pair_pool_serve_give_up: "pair.pool.serve+give_up" = Deeds::Pool(pool::GiveUp), 31;
            sweep_pair_map_add_add: "pair.map.add+add" = Deeds::Map(map::Couple::AddAdd), 7;
            sweep_pair_map_get_remove: "pair.map.get+remove" = Deeds::Map(map::Couple::GetRemove), 7;
            sweep_pair_map_remove_insert: "pair.map.remove+insert" = Deeds::Map(map::Couple::RemoveInsert), 7;
            sweep_pair_byte_map_get_replace: "pair.byte_map.get+replace" = Deeds::ByteMap(byte_map::GetReplace), 7;
            sweep_pair_vector_insert_sort: "pair.vector.insert+sort" = Deeds::Vector(vector::Couple::InsertSort), 7;
            sweep_pair_vector_push_remove: "pair.vector.push+remove" = Deeds::Vector(vector::Couple::PushRemove), 7;
            sweep_pair_value_mutex_update_update: "pair.value_mutex.update+update" = Deeds::ValueMutex(value_mutex::UpdateUpdate), 67;
            sweep_pair_value_watch_update_update: "pair.value_watch.update+update" = Deeds::ValueWatch(value_watch::Couple::UpdateUpdate), 67;
            sweep_pair_value_watch_get_update: "pair.value_watch.get+update" = Deeds::ValueWatch(value_watch::Couple::GetUpdate), 31;
            sweep_pair_broadcast_publish_publish: "pair.broadcast.publish+publish" = Deeds::Broadcast(broadcast::Couple::PublishPublish), 7;
            sweep_pair_broadcast_receive_publish: "pair.broadcast.receive+publish" = Deeds::Broadcast(broadcast::Couple::ReceivePublish), 7;
            sweep_pair_broadcast_publish_receive: "pair.broadcast.publish+receive" = Deeds::Broadcast(broadcast::Couple::PublishReceive), 7;
        }
    };
}
