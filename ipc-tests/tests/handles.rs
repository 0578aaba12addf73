//! What all handles have in common: they survive a caught panic, as std's and crossbeam's do, and tell whether they mean one object.

#![cfg(all(not(loom), unix))]

use std::panic::{RefUnwindSafe, UnwindSafe};

use ipc_posix as ipc;
use ipc_posix::Region;

const fn unwind_safe<H: UnwindSafe + RefUnwindSafe>() {}

/// Compiles.
const _: () = {
    unwind_safe::<ipc::Region>();
    unwind_safe::<ipc::ReadOnlyRegion>();
    unwind_safe::<ipc::Queue<u64>>();
    unwind_safe::<ipc::Sender<u64>>();
    unwind_safe::<ipc::Receiver<u64>>();
    unwind_safe::<ipc::ByteQueue>();
    unwind_safe::<ipc::ByteSender>();
    unwind_safe::<ipc::ByteReceiver>();
    unwind_safe::<ipc::ValueQueue<String>>();
    unwind_safe::<ipc::ValueSender<String>>();
    unwind_safe::<ipc::ValueReceiver<String>>();
    unwind_safe::<ipc::LoanQueue<u64>>();
    unwind_safe::<ipc::LoanSender<u64>>();
    unwind_safe::<ipc::LoanReceiver<u64>>();
    unwind_safe::<ipc::Spsc<u64>>();
    unwind_safe::<ipc::SpscProducer<u64>>();
    unwind_safe::<ipc::SpscConsumer<u64>>();
    unwind_safe::<ipc::Broadcast<u64>>();
    unwind_safe::<ipc::BroadcastPublisher<u64>>();
    unwind_safe::<ipc::BroadcastSubscriber<u64>>();
    unwind_safe::<ipc::Mutex<u64>>();
    unwind_safe::<ipc::MutexGuard<'_, u64>>();
    unwind_safe::<ipc::ReentrantMutex<u64>>();
    unwind_safe::<ipc::RwLock<u64>>();
    unwind_safe::<ipc::RwLockReadGuard<'_, u64>>();
    unwind_safe::<ipc::RwLockWriteGuard<'_, u64>>();
    unwind_safe::<ipc::Condvar>();
    unwind_safe::<ipc::Semaphore>();
    unwind_safe::<ipc::SemaphorePermit<'_>>();
    unwind_safe::<ipc::OwnedSemaphorePermit>();
    unwind_safe::<ipc::Event>();
    unwind_safe::<ipc::EventGroup>();
    unwind_safe::<ipc::Barrier>();
    unwind_safe::<ipc::OnceCell<u64>>();
    unwind_safe::<ipc::Watch<u64>>();
    unwind_safe::<ipc::WatchReader<u64>>();
    unwind_safe::<ipc::WatchWriter<u64>>();
    unwind_safe::<ipc::Atomic<u64>>();
};

#[test]
fn handles_of_one_object_are_of_one_object() {
    let region = Region::options().anonymous().expect("a region");
    let one = region.event("one").create().expect("new");
    let again = region.event("one").open().expect("it is there");
    let two = region.event("two").create().expect("new");
    assert!(one.same_object(&again) && again.same_object(&one.clone()));
    assert!(!one.same_object(&two), "another name");
    let elsewhere = Region::options().anonymous().expect("another region").event("one").create().expect("new");
    assert!(!one.same_object(&elsewhere), "another region");
}

#[test]
fn another_attachment_has_the_same_objects() {
    let file = ipc_tests::children::TempName::new("same");
    let region = Region::options().create(file.as_str()).expect("a region");
    let one = region.queue::<u64>("queue").capacity(1).create().expect("new");
    let other = Region::open(file.as_str()).expect("it is there").queue::<u64>("queue").open().expect("it is there");
    assert!(one.same_object(&other));
    // A new region of that name has other ones.
    Region::unlink(file.as_str()).expect("it is there");
    let region = Region::options().create(file.as_str()).expect("a region");
    assert!(!one.same_object(&region.queue::<u64>("queue").capacity(1).create().expect("new")));
}
