//! The verbs that say where a value is, or where its copy goes.

use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use ipc_posix::{Region, WaitStrategy};

use super::{Calls, answers, refuses, theirs};
use crate::forked;

const SHORT: Duration = Duration::from_millis(1);

fn soon() -> Instant {
    Instant::now() + SHORT
}

/// A place that outlives the call.
fn place() -> &'static mut MaybeUninit<u64> {
    Box::leak(Box::new_uninit())
}

/// Of a mutex around a value.
pub fn values_under_locks(calls: &mut Calls) {
    let region = Region::options().anonymous().expect("a region");
    let mutex = region.value_mutex::<u64>("mutex").create().expect("new");
    refuses!(calls, "mutex::ValueMutex", mutex: get() try_get() get_timeout(SHORT) get_deadline(soon()) set(&1) try_set(&1)
        set_timeout(&1, SHORT) set_deadline(&1, soon()) update(|_| ()) try_update(|_| ()) update_timeout(SHORT, |_| ())
        update_deadline(soon(), |_| ()));
    answers!(calls, "mutex::ValueMutex", mutex: clone() max_len() bytes() name() region() same_object(&mutex) wait_strategy()
        set_wait_strategy(WaitStrategy::Block));
}

/// Of cells, broadcasts and reentrant mutexes.
pub fn values_in_places(calls: &mut Calls) {
    let file = ipc_tests::children::TempName::new("forked");
    let region = Region::options().size(1 << 20).create(file.as_str()).expect("a region");

    let broadcast = region.broadcast::<u64>("news").capacity(4).create().expect("new");
    let (publisher, subscriber) = (broadcast.publisher().expect("here"), broadcast.subscribe().expect("here"));
    broadcast.publish(1).expect("open");
    refuses!(calls, "broadcast::Broadcast", broadcast: publish_from(&1) try_publish_from(&1) publish_from_timeout(&1, SHORT)
        publish_from_deadline(&1, soon()));
    refuses!(calls, "broadcast::Publisher", publisher: publish_from(&1) try_publish_from(&1) publish_from_timeout(&1, SHORT)
        publish_from_deadline(&1, soon()));
    refuses!(calls, "broadcast::Subscriber", subscriber: recv_uninit(place()) try_recv_uninit(place())
        recv_uninit_timeout(place(), SHORT) recv_uninit_deadline(place(), soon()));

    let mutex = region.reentrant_mutex::<u64>("mutex").create().expect("new");
    let guard = mutex.lock().expect("free");
    refuses!(calls, "mutex::ReentrantMutexGuard", guard: get_uninit(place()) set_from(&1));

    let once = region.once_cell::<u64>("once").create().expect("new");
    once.set(1).expect("empty");
    refuses!(calls, "once::OnceCell", once: get_uninit(place()) set_from(&1) try_set_from(&1) set_from_timeout(&1, SHORT)
        set_from_deadline(&1, soon()) wait_uninit(place()) wait_uninit_timeout(place(), SHORT) wait_uninit_deadline(place(), soon()));

    let watch = region.watch::<u64>("watch").initial(0).create().expect("new");
    let (writer, reader) = (watch.writer().expect("here"), watch.subscribe().expect("here"));
    watch.set(1).expect("here");
    refuses!(calls, "watch::Watch", watch: get_uninit(place()) set_from(&1) try_set_from(&1) set_from_timeout(&1, SHORT)
        set_from_deadline(&1, soon()));
    refuses!(calls, "watch::WatchWriter", writer: get_uninit(place()) set_from(&1) try_set_from(&1) set_from_timeout(&1, SHORT)
        set_from_deadline(&1, soon()));
    refuses!(calls, "watch::WatchReader", reader: get_uninit(place()) changed_uninit(place()) try_changed_uninit(place())
        changed_uninit_timeout(place(), SHORT) changed_uninit_deadline(place(), soon()));
    let looking = Region::open_read_only(file.as_str()).expect("it is there");
    let watch = looking.watch::<u64>("watch").open().expect("it is there");
    refuses!(calls, "watch::ReadOnlyWatch", watch: get_uninit(place()));
}
