//! The verbs that say where a value is, or where its copy goes.

use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use ipc_posix::{Region, WaitStrategy};

use super::{Calls, answers, panics, refuses, theirs};
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

/// Of a cell of a value.
pub fn written_cells(calls: &mut Calls) {
    let file = ipc_tests::children::TempName::new("forked-values");
    let region = Region::create(file.as_str()).expect("a region");
    let watch = region.value_watch("watch").initial(&0_u64).create().expect("new");
    let (writer, reader) = (watch.writer().expect("here"), watch.subscribe().expect("here"));
    watch.set(&1).expect("here");
    refuses!(calls, "watch::ValueWatch", watch: get() get_versioned() version() set(&1) try_set(&1) set_timeout(&1, SHORT)
        set_deadline(&1, soon()) update(|_| ()) try_update(|_| ()) update_timeout(SHORT, |_| ())
        update_deadline(soon(), |_| ()) wait_for_change(0) wait_for_change_timeout(0, SHORT)
        wait_for_change_deadline(0, soon()) wait_until(|_| true) wait_until_timeout(SHORT, |_| true)
        wait_until_deadline(soon(), |_| true) subscribe() writer());
    refuses!(calls, "watch::ValueWatchWriter", writer: get() get_versioned() version() set(&1) try_set(&1)
        set_timeout(&1, SHORT) set_deadline(&1, soon()) update(|_| ()) try_update(|_| ()) update_timeout(SHORT, |_| ())
        update_deadline(soon(), |_| ()) wait_for_change(0) wait_for_change_timeout(0, SHORT)
        wait_for_change_deadline(0, soon()) wait_until(|_| true) wait_until_timeout(SHORT, |_| true)
        wait_until_deadline(soon(), |_| true) subscribe() writer());
    panics!(calls, "watch::ValueWatch", watch: stats());
    panics!(calls, "watch::ValueWatchWriter", writer: stats());
    answers!(calls, "watch::ValueWatch", watch: clone() max_len() name() region() same_object(&theirs(&watch)) wait_strategy()
        set_wait_strategy(WaitStrategy::Block));
    answers!(calls, "watch::ValueWatchWriter", writer: clone() max_len() name() region() same_object(&theirs(&watch))
        wait_strategy() set_wait_strategy(WaitStrategy::Block));
    refuses!(calls, "watch::ValueWatchReader", reader: changed() try_changed() changed_timeout(SHORT) changed_deadline(soon())
        get() has_changed());
    panics!(calls, "watch::ValueWatchReader", reader: is_disconnected() next());
    answers!(calls, "watch::ValueWatchReader", reader: end() from(0) seen() watch() clone() wait_strategy()
        set_wait_strategy(WaitStrategy::Block));

    let looking = Region::open_read_only(file.as_str()).expect("it is there");
    let watch = looking.value_watch::<u64>("watch").open().expect("it is there");
    refuses!(calls, "watch::ReadOnlyValueWatch", watch: get() get_versioned() version());
    answers!(calls, "watch::ReadOnlyValueWatch", watch: max_len());
    calls.refuses("ReadOnlyRegion::value_watch", || looking.value_watch::<u64>("watch").open().map(drop));
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
