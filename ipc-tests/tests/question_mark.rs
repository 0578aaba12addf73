//! `?` takes the error of every operation into `ipc_posix::Error`.
#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use ipc_posix::{
    AcquireTimeoutError, BarrierError, ChangedTimeoutError, Error, Fault, LockTimeoutError, RecvError,
    RecvTimeoutError, Region, SendError, SendTimeoutError, ValueQueue, ValueWorkQueue,
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

    let jobs = region.priority_queue::<i64, u64>("jobs").capacity(8).create()?;
    jobs.send(3, 1)?;
    jobs.try_send(2, 2)?;
    jobs.send_timeout(1, 3, SOON)?;
    jobs.send_slice(&[(4, 4), (5, 5)])?;
    jobs.send_iter([(6, 6)])?;
    jobs.recv()?;
    jobs.try_recv()?;

    let tasks = region.level_queue::<u64>("tasks").levels(2).capacity(8).create()?;
    tasks.send(1, 1)?;
    tasks.try_send(0, 2)?;
    tasks.send_timeout(1, 3, SOON)?;
    tasks.send_slice(0, &[4, 5])?;
    tasks.send_iter(1, [6])?;
    tasks.recv()?;
    tasks.try_recv()?;

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

    let work = region.work_queue::<u64>("work").capacity(4).create()?;
    work.send(1)?;
    work.try_send(2)?;
    work.recv()?.done()?;
    work.try_recv()?.done()?;
    work.wait_idle()?;
    work.wait_idle_timeout(SOON)?;

    let work = region.byte_work_queue("work of bytes").capacity(4).max_len(50).max_reply(50).create()?;
    work.send(b"one")?;
    work.try_send_parts(&[b"two"])?;
    work.recv()?.done()?;
    work.try_recv()?.done()?;
    let ticket = work.call(b"three")?;
    work.recv()?.reply(b"four")?;
    ticket.try_wait()?;
    ticket.wait_timeout(SOON)?;
    ticket.wait()?;
    ticket.cancel()?;
    let work = ValueWorkQueue::<String>::new(work);
    let ticket = work.try_call::<u8>(&"three".to_owned())?;
    work.recv()?.reply(&4_u8)?;
    ticket.try_wait()?;
    ticket.wait_timeout(SOON)?;
    ticket.wait()?;
    ticket.cancel()?;
    work.send(&"three".to_owned())?;
    work.try_send(&"four".to_owned())?;
    work.recv()?.done()?;
    work.try_recv()?.done()?;
    work.wait_idle()?;

    let spsc = region.spsc::<u64>("spsc").capacity(4).create()?;
    let (mut producer, mut consumer) = (spsc.producer()?, spsc.consumer()?);
    producer.send(1)?;
    producer.try_send(2)?;
    consumer.recv()?;
    consumer.try_recv()?;

    let duplex = region.duplex::<u64, u64>("duplex").capacity(4).create()?;
    let (mut client, mut server) = (duplex.client()?, duplex.server()?);
    client.send(1)?;
    client.try_send(2)?;
    server.recv()?;
    server.try_recv()?;
    client.wait_for_peer()?;
    drop((client, server));
    assert!(duplex.accept_timeout(SOON).is_err());

    let values = region.value_duplex::<String, u64>("values").create()?;
    let (mut client, mut server) = (values.client()?, values.server()?);
    client.send(&"one".to_owned())?;
    client.try_send(&"two".to_owned())?;
    client.send_timeout(&"three".to_owned(), SOON)?;
    server.wait_readable()?;
    server.recv()?;
    server.try_recv()?;
    server.recv_timeout(SOON)?;

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
    let array = region.array::<f64>("array").len(3).create()?;
    array.set(1, 5.0)?;
    array.at(1).fetch_add(0.5)?;
    array.copy_to_slice(0, &mut [0.0; 3])?;
    let map = region.map::<u8, u64>("map").capacity(3).create()?;
    map.insert(1, 2)?;
    map.update(&1, |value| *value += 1)?;
    map.entry(2).or_default()?;
    map.lock()?.clear()?;
    map.try_lock()?.insert(3, 4)?;
    map.lock_timeout(SOON)?.remove(&3)?;
    let vector = region.vector::<u64>("vector").capacity(3).create()?;
    vector.push(1)?;
    vector.extend_from_slice(&[2])?;
    vector.insert(0, vector.pop()?.unwrap_or(0))?;
    vector.lock()?.sort();
    vector.try_lock()?.push(3)?;
    vector.lock_timeout(SOON)?.clear();
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
fn processes() {
    use ipc_posix::process::{SignalError, SpawnError, TaskError};
    let refused = || std::io::Error::from_raw_os_error(libc::EPERM);
    let started = |error: SpawnError| -> Result<(), Error> { Err(error)? };
    let error = started(SpawnError::Start { program: "/bin/false".into(), error: refused() }).unwrap_err();
    assert_eq!(error.to_string(), "/bin/false cannot be started: Operation not permitted (os error 1)");
    let ended = |error: TaskError| -> Result<(), Error> { Err(error)? };
    let error = ended(TaskError::Exited { pid: 5, code: 7 }).unwrap_err();
    assert_eq!(error.to_string(), "process 5 ended without a result: exit code 7");
    assert_eq!(error.fault(), None);
    assert_eq!(ended(Fault::Forked.into()).unwrap_err().fault(), Some(Fault::Forked));
    let sent = |error: SignalError| -> Result<(), Error> { Err(error)? };
    let error = sent(SignalError::Refused { pid: 5, signal: 9, error: refused() }).unwrap_err();
    assert_eq!(error.to_string(), "signal 9 to process 5: Operation not permitted (os error 1)");
    assert_eq!(sent(SignalError::Forked).unwrap_err().fault(), Some(Fault::Forked));
}

#[test]
fn pools() {
    use ipc_posix::pool::{CallError, PoolError, WorkerError};
    let started = |error: PoolError| -> Result<(), Error> { Err(error)? };
    let error = started(PoolError::Option { option: "workers", reason: "is 1 to 400" }).unwrap_err();
    assert_eq!(error.to_string(), "a pool's `workers` is 1 to 400");
    let called = |error: CallError| -> Result<(), Error> { Err(error)? };
    let died = CallError::WorkerDied { task: "square", attempts: 1, pid: Some(5), ended: None };
    let text = called(died).unwrap_err().to_string();
    assert_eq!(text, "square: a worker died with it in 1 of 1 attempts, the last one was process 5");
    assert_eq!(called(Fault::Forked.into()).unwrap_err().fault(), Some(Fault::Forked));
    let joined = |error: WorkerError| -> Result<(), Error> { Err(error)? };
    let error = joined(WorkerError::NoPool { pool: "thumbnails".to_owned(), directory: None }).unwrap_err();
    assert_eq!(error.to_string(), "there is no pool \"thumbnails\"");
    assert_eq!(joined(WorkerError::Fault(Fault::Corrupted)).unwrap_err().fault(), Some(Fault::Corrupted));
}

/// Public error types that are in no error of an operation by themselves, and why.
const PARTS: [(&str, &str); 5] = [
    ("DirectoryError", "`ObjectError` holds it"),
    ("HeaderError", "`RegionError` holds it"),
    ("ObjectShapeError", "`DirectoryError` says what an object's shape differs in"),
    ("TryError", "not an error, but the name of one in a trait"),
    ("ValueFormatError", "the errors of a queue of values hold it"),
];

/// Returns each of these errors through `?`, as a fault; and their names.
macro_rules! faults {
    ($($name:ident $(<$value:ty>)?),* $(,)?) => {{
        $({
            fn returned() -> Result<(), Error> {
                Err::<(), ipc_posix::$name $(<$value>)?>(Fault::Forked.into())?;
                Ok(())
            }
            assert_eq!(returned().unwrap_err().fault(), Some(Fault::Forked), stringify!($name));
        })*
        vec![$(stringify!($name)),*]
    }};
}

/// Goes through `?` if the type has a conversion. That the operation fails is not asked for.
macro_rules! converted {
    ($($name:ident $(<$value:ty>)?),* $(,)?) => {{
        $({
            fn returned(error: Option<ipc_posix::$name $(<$value>)?>) -> Result<(), Error> {
                Ok(error.map_or(Ok(()), Err)?)
            }
            assert!(returned(None).is_ok());
        })*
        vec![$(stringify!($name)),*]
    }};
}

/// The names of errors that are public at the root of `ipc_posix`, and those of the core's errors, as the sources have them.
fn public_errors() -> [BTreeSet<String>; 2] {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    [("ipc-posix/src/lib.rs", "pub use "), ("ipc-core/src/error/mod.rs", "pub use ")].map(|(file, begin)| {
        let text = std::fs::read_to_string(sources.join(file)).unwrap();
        let lists = text.split(begin).skip(1).filter_map(|rest| rest.split(';').next());
        let items = lists.flat_map(|list| list.split(['{', '}', ',']));
        let names =
            items.filter_map(|item| item.split_whitespace().last()).map(|item| item.rsplit(':').next().unwrap());
        names.filter(|name| name.ends_with("Error") && *name != "Error").map(str::to_owned).collect()
    })
}

#[test]
fn every_public_error_goes_through_the_question_mark() {
    let mut shown = faults! {
        AcquireError, AcquireTimeoutError, AnswerError, AnswerTimeoutError, AnswerValueError, AnswerValueTimeoutError,
        BarrierError, BarrierTimeoutError, ChangedError, ChangedTimeoutError, ReplyError, ReplyValueError, TryAnswerError,
        TryAnswerValueError, ForceSendError<()>, GetBytesError, InsertBytesError, InsertError, JoinError, LeaseError, LoanError, LoanTimeoutError, LockError<()>, LockTimeoutError<()>, PublishError<()>,
        PublishTimeoutError<()>, PushError<()>, RecvBroadcastError, RecvBroadcastTimeoutError, RecvBytesError, RecvBytesTimeoutError,
        RecvError, RecvTimeoutError, RecvValueError, RecvValueTimeoutError, ReleaseError, SendBytesError,
        SendBytesTimeoutError, SendError<()>, SendTimeoutError<()>, SendValueError, SendValueTimeoutError, SetError<()>,
        SetTimeoutError<()>, SubscribeError, TryAcquireError, TryChangedError, TryLoanError, TryLockError<()>,
        TryPublishError<()>, TryRecvBroadcastError, TryRecvBytesError, TryRecvError, TryRecvValueError, TrySendBytesError,
        TrySendError<()>, TrySendValueError, TrySetError<()>, TryWriteError, WaitTimeoutError, WriteError,
        WriteTimeoutError, WriteValueError, TryWriteValueError, WriteValueTimeoutError, GetValueError, WaitValueTimeoutError,
        ChangedValueError, TryChangedValueError, ChangedValueTimeoutError,
    };
    shown.extend(converted! {
        FixedLengthError, FixedTextError, ObjectError, RegionError, SendIterError<String>, SendIterTimeoutError<String>, SendSliceError,
        SendSliceTimeoutError, SpscClaimError, DuplexClaimError, TrySendIterError<String>,
        OperationError<SendError<String>>,
    });
    let known: BTreeSet<String> =
        shown.into_iter().chain(PARTS.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let [public, core] = public_errors();
    assert!(public.len() > 50, "the errors are found: {public:?}");
    assert_eq!(public.difference(&known).collect::<Vec<_>>(), [""; 0], "errors without a conversion or a reason");
    let absent = core.difference(&public).filter(|name| *name != "FormatError").collect::<Vec<_>>();
    assert_eq!(absent, [""; 0], "errors of the core that ipc_posix does not have at its root");
}

/// Each form returns its own error: `try_` forms one that begins with `Try`, timed forms one with `Timeout`, the others neither.
#[test]
fn each_form_has_an_error_of_its_own() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-core/src");
    let (mut seen, mut wrong) = (0, Vec::new());
    for text in texts(&sources) {
        for (begin, timed) in [("pub fn ", false), ("timed! {", true)] {
            for rest in text.split(begin).skip(1) {
                let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let (_, result) = rest.split_once("->").unwrap_or_default();
                let result = result.split(['{', ';']).next().unwrap_or_default();
                for error in result.split(|c: char| !c.is_alphanumeric()).filter(|word| word.ends_with("Error")) {
                    seen += 1;
                    let right = if timed {
                        error.contains("Timeout")
                    } else {
                        name.starts_with("try_") == error.starts_with("Try") && !error.contains("Timeout")
                    };
                    if !right && !OTHERS.contains(&(name.as_str(), error)) {
                        wrong.push(format!("{name}: {error}"));
                    }
                }
            }
        }
    }
    assert!(seen > 150, "the methods are found: {seen}");
    assert_eq!(wrong, [""; 0]);
}

/// Methods that do not wait and have one form, and a name that a macro puts in.
const OTHERS: [(&str, &str); 3] = [("end", "TryError"), ("peek", "TryRecvError"), ("", "WaitTimeoutError")];

/// The sources below a folder, without comments.
fn texts(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    entries.flat_map(|path| if path.is_dir() { texts(&path) } else { vec![text(&path)] }).collect()
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
