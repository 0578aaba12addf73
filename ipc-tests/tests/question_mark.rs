//! `?` takes the error of every operation into `ipc_posix::Error`.
#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{
    AcquireTimeoutError, BarrierError, ChangedTimeoutError, Error, Fault, LockTimeoutError, RecvError,
    RecvTimeoutError, Region, SendError, SendTimeoutError, ValueQueue,
};

const SOON: Duration = Duration::from_millis(1);

fn region() -> Result<Region, Error> {
    Ok(Region::options().size(1 << 20).anonymous()?)
}

#[test]
fn queues() -> Result<(), Error> {
    let region = region()?;
    let queue = region.queue::<u64>("queue").capacity(8).create()?;
    queue.send(1)?;
    queue.try_send(2)?;
    queue.send_timeout(3, SOON)?;
    queue.send_slice(&[4, 5])?;
    queue.send_iter([6])?;
    queue.force_send(7)?;
    let (sender, receiver) = (queue.sender()?, queue.receiver()?);
    sender.send(8)?;
    receiver.recv()?;
    queue.try_recv()?;
    queue.recv_timeout(SOON)?;

    let bytes = region.byte_queue("bytes").capacity(256).create()?;
    bytes.send(b"one")?;
    bytes.send_timeout(b"two", SOON)?;
    bytes.try_recv(&mut [0; 8])?;
    bytes.recv(&mut [0; 8])?;
    let values = ValueQueue::<String>::new(bytes);
    values.send(&"three".to_owned())?;
    values.recv()?;

    let blocks = region.loan_queue::<u32>("blocks").blocks(4).create()?;
    blocks.loan(1)?.send()?;
    blocks.try_loan(1)?.send()?;
    drop(blocks.recv()?);
    drop(blocks.try_recv()?);

    let spsc = region.spsc::<u64>("spsc").capacity(4).create()?;
    let (mut producer, mut consumer) = (spsc.producer()?, spsc.consumer()?);
    producer.send(1)?;
    producer.try_send(2)?;
    consumer.recv()?;
    consumer.try_recv()?;

    let broadcast = region.broadcast::<u64>("broadcast").capacity(4).create()?;
    let mut subscriber = broadcast.subscribe()?;
    broadcast.publish(1)?;
    subscriber.recv()?;
    Ok(())
}

#[test]
fn locks_and_cells() -> Result<(), Error> {
    let region = region()?;
    let mutex = region.mutex::<u64>("mutex").create()?;
    *mutex.lock()? += 1;
    *mutex.try_lock()? += 1;
    *mutex.lock_timeout(SOON)? += 1;
    drop(mutex.lock_transaction()?);
    let rwlock = region.rwlock::<u64>("rwlock").create()?;
    *rwlock.write()? += 1;
    drop(rwlock.try_read()?);
    drop(rwlock.read_timeout(SOON)?);
    let reentrant = region.reentrant_mutex::<u64>("reentrant").create()?;
    drop(reentrant.lock()?);

    let once = region.once_cell::<u64>("once").create()?;
    once.set(1)?;
    once.get()?;
    let watch = region.watch("watch").initial(0u64).create()?;
    let mut reader = watch.subscribe()?;
    watch.set(1)?;
    watch.try_set(2)?;
    watch.set_timeout(3, SOON)?;
    reader.changed()?;
    watch.set(4)?;
    reader.changed_timeout(SOON)?;
    let atomic = region.atomic::<u64>("atomic").create()?;
    atomic.store(5)?;
    atomic.load()?;
    Ok(())
}

#[test]
fn waits() -> Result<(), Error> {
    let region = region()?;
    let semaphore = region.semaphore("semaphore").permits(4).bounded().create()?;
    let permit = semaphore.acquire()?;
    drop(semaphore.try_acquire()?);
    drop(semaphore.acquire_timeout(SOON)?);
    permit.forget().unwrap();
    semaphore.release(1)?;

    let event = region.event("event").create()?;
    event.set()?;
    event.wait()?;
    event.wait_timeout(SOON)?;
    let barrier = region.barrier("barrier").parties(1).create()?;
    barrier.join()?;
    barrier.wait()?;
    barrier.wait_timeout(SOON)?;
    Ok(())
}

#[test]
fn values_and_guards_are_dropped_by_the_conversion() {
    let region = region().unwrap();
    let name = String::from("a value that is not 'static is no obstacle");
    assert!(matches!(Error::from(SendError::Closed(name.as_str())), Error::Send(SendError::Closed(()))));

    let mutex = region.mutex::<u64>("mutex").create().unwrap();
    let guard = mutex.lock().unwrap();
    assert!(matches!(
        Error::from(LockTimeoutError::Poisoned(guard)),
        Error::LockTimeout(LockTimeoutError::Poisoned(()))
    ));
    assert!(mutex.try_lock().is_ok(), "the guard was dropped with the error");
}

#[test]
fn the_crate_error_tells_faults_and_timeouts() {
    assert_eq!(Error::from(RecvError::Fault(Fault::Forked)).fault(), Some(Fault::Forked));
    assert_eq!(Error::from(SendError::Fault("value", Fault::Corrupted)).fault(), Some(Fault::Corrupted));
    assert_eq!(Error::from(Fault::InvalidValue).fault(), Some(Fault::InvalidValue));
    assert_eq!(Error::from(BarrierError::Broken).fault(), None);
    for error in [
        Error::from(RecvTimeoutError::Timeout),
        Error::from(SendTimeoutError::Timeout(7)),
        Error::from(AcquireTimeoutError::Timeout),
        Error::from(ChangedTimeoutError::Timeout),
        Error::from(LockTimeoutError::<()>::Timeout),
    ] {
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.fault(), None);
    }
    assert_eq!(Error::from(RecvTimeoutError::Timeout).to_string(), RecvTimeoutError::Timeout.to_string());
}

#[test]
fn the_error_of_a_blocking_form_becomes_that_of_the_other_forms() {
    use ipc_posix::{TryAcquireError, TryRecvError, TrySendError};
    assert_eq!(TryRecvError::from(RecvError::Disconnected), TryRecvError::Disconnected);
    assert_eq!(RecvTimeoutError::from(RecvError::Closed), RecvTimeoutError::Closed);
    assert_eq!(TrySendError::from(SendError::Closed(7)), TrySendError::Closed(7));
    assert_eq!(SendTimeoutError::from(SendError::Fault(7, Fault::Forked)), SendTimeoutError::Fault(7, Fault::Forked));
    assert_eq!(TryAcquireError::from(ipc_posix::AcquireError::TooMany), TryAcquireError::TooMany);
    assert_eq!(LockTimeoutError::from(ipc_posix::LockError::Poisoned(7)), LockTimeoutError::Poisoned(7));
    assert_eq!(SendError::from(Fault::Forked), SendError::Fault((), Fault::Forked));
}
