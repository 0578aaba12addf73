//! The auto traits of every public type: which threads may have it or share it, and whether it survives a caught panic.
//!
//! A type loses one of these by a new field, which no other test notices and which breaks the programs of others.

#![cfg(all(not(loom), unix))]

use std::collections::BTreeSet;
use std::path::Path;

use ipc_posix::*;

/// Whether a type has a trait: an inherent constant comes before that of a trait.
macro_rules! has {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "of a type that has it")]
        trait Lacks {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Lacks for T {}
        #[allow(dead_code, reason = "only its constant is used")]
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "of a type that lacks it")]
        impl<T: ?Sized + $trait> Asked<T> {
            const HAS: bool = true;
        }
        <Asked<$type>>::HAS
    }};
}

/// The traits of a type by their letters.
macro_rules! letters {
    ($type:ty) => {
        [
            (has!($type: Send), 'S'),
            (has!($type: Sync), 's'),
            (has!($type: std::panic::UnwindSafe), 'U'),
            (has!($type: std::panic::RefUnwindSafe), 'r'),
            (has!($type: Unpin), 'P'),
        ]
        .iter()
        .filter(|(has, _)| *has)
        .map(|(_, letter)| *letter)
        .collect::<String>()
    };
}

/// Compares types with what is said of them, and collects their names.
macro_rules! types {
    ($names:ident, $wrong:ident: $($said:literal: $($type:ty),+ $(,)?;)+) => {$($(
        let (name, found) = (stringify!($type), letters!($type));
        if found != $said {
            $wrong.push(format!("{name}: {found}, not {}", $said));
        }
        $names.insert(name.split('<').next().unwrap_or(name).trim().to_owned());
    )+)+};
}

/// Traits, which have no auto traits.
const TRAITS: &[&str] = &[
    "AtomicBitwise",
    "AtomicNumber",
    "AtomicValue",
    "CellValue",
    "HasWaitStrategy",
    "LoanElement",
    "InitialValue",
    "LockData",
    "LockedValue",
    "MapKey",
    "MapValue",
    "Named",
    "OfObject",
    "PriorityKey",
    "QueueMessage",
    "QueuedValue",
    "VectorElement",
    "WatchedValue",
];

/// The names of types at the root of `ipc-posix`.
fn public() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-posix/src");
    let read = |file: &str| std::fs::read_to_string(source.join(file)).expect("the sources");
    let mut names = BTreeSet::new();
    for used in read("lib.rs").split("\npub use ").skip(1) {
        let used = used.split(';').next().expect("an end");
        let list = used.rsplit_once('{').map_or(used, |(_, list)| list);
        for name in list.trim_end_matches(['}', '\n']).split(',') {
            let name = name.rsplit([' ', ':', '\n']).next().expect("a name");
            names.insert(name.to_owned());
        }
    }
    names.extend(
        read("objects.rs")
            .split("\npub type ")
            .skip(1)
            .map(|alias| alias.split(['<', ' ']).next().expect("a name").to_owned()),
    );
    let is_type = |name: &str| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    names.retain(|name| is_type(name) && !TRAITS.contains(&name.as_str()));
    names
}

#[test]
fn every_public_type_has_its_auto_traits() {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    types! { names, wrong:
        // Handles, halves and builders: any thread may have and share them.
        "SsUrP":
            Region, ReadOnlyRegion, RegionOptions, ReadOnlyWatchOptions<'static, u64>, Participant, Posix,
            Array<u8>, ArrayElement<'static, f64>, ArrayOptions<'static, u64>, Atomic<u64>, Counter, Condvar, Event, EventGroup, Mutex<u64>, ReentrantMutex<u64>, RwLock<u64>, OnceCell<u64>, Barrier,
            Map<u64, u64>, MapOptions<'static, u64, u64>, ByteMap, ByteMapOptions<'static>, Vector<u64>, VectorOptions<'static, u64>,
            Queue<u64>, Sender<u64>, Receiver<u64>, Stack<u64>, StackSender<u64>, StackReceiver<u64>, StackOptions<'static, u64>,
            PriorityQueue<i64, u64>, PrioritySender<i64, u64>, PriorityReceiver<i64, u64>, PriorityQueueOptions<'static, i64, u64>,
            LevelQueue<u64>, LevelSender<u64>, LevelReceiver<u64>, LevelQueueOptions<'static, u64>,
            WorkQueue<u64>, WorkQueueOptions<'static, u64>, ByteWorkQueue, ByteWorkQueueOptions<'static>, ValueWorkQueue<String>,
            ValueWorkQueueOptions<'static, String>, ByteQueue, ByteSender, ByteReceiver,
            ValueQueue<String>, ValueSender<String>, ValueReceiver<String>, LoanQueue<u64>, LoanSender<u64>, LoanReceiver<u64>,
            Spsc<u64>, SpscProducer<u64>, SpscConsumer<u64>,
            Duplex<u8, u64>, DuplexEnd<u8, u64>, DuplexSender<u64>, DuplexReceiver<u64>, DuplexOptions<'static, u8, u64>,
            Pipe, PipeStream, PipeOptions<'static>,
            ValueDuplex<String, String>, ValueDuplexEnd<String, String>, ValueDuplexSender<String>, ValueDuplexReceiver<String>,
            ValueDuplexOptions<'static, String, String>, ValueMutex<String>, ValueMutexOptions<'static, String>,
            ValueWatch<String>, ValueWatchOptions<'static, String>, ValueWatchReader<String>, ValueWatchWriter<String>,
            ReadOnlyValueWatch<'static, String>, ReadOnlyValueWatchOptions<'static, String>,
            Broadcast<u64>, BroadcastPublisher<u64>, BroadcastSubscriber<u64>,
            Semaphore, Watch<u64>, WatchReader<u64>, WatchWriter<u64>, ReadOnlyWatch<'static, u64>, RawMutex,
            AtomicOptions<'static, u64>, CondvarOptions<'static>, EventOptions<'static>, EventGroupOptions<'static>,
            MutexOptions<'static, u64>, MutexArrayOptions<'static, u64>, RwLockArrayOptions<'static, u64>, ReentrantMutexOptions<'static, u64>, RwLockOptions<'static, u64>,
            OnceCellOptions<'static, u64>, QueueOptions<'static, u64>, ByteQueueOptions<'static>,
            ValueQueueOptions<'static, String>, LoanQueueOptions<'static, u64>, SpscOptions<'static, u64>,
            BroadcastOptions<'static, u64>, SemaphoreOptions<'static>, BarrierOptions<'static>, WatchOptions<'static, u64>;
        // Iterators.
        "SsUrP":
            ArrayIter<'static, u64>, MapIter<'static, u64, u64>, ByteMapIter<'static>, MapEntry<'static, u64, u64>, QueueIter<'static, u64>, QueueTryIter<'static, u64>, ends::IntoIter<Queue<u64>>, SpscIntoIter<u64>,
            BroadcastIntoIter<u64>;
        // They borrow an end, or elements, for themselves.
        "SsrP":
            SpscIter<'static, u64>, SpscTryIter<'static, u64>, BroadcastIter<'static, u64>, BroadcastTryIter<'static, u64>,
            SpscWriteChunk<'static, u64>, SpscReadChunk<'static, u64>, SharedSliceMut<'static, u64>;
        // What is held: locks by a thread, the others by a process.
        "sUrP":
            MapGuard<'static, u64, u64>, ByteMapGuard<'static>, VectorGuard<'static, u64>, MutexGuard<'static, u64>, MutexTransaction<'static, u64>, MutexArrayTransaction<'static, u64>, RwLockWriteGuard<'static, u64>;
        "UrP": ReentrantMutexGuard<'static, u64>;
        "SsUrP":
            RwLockReadGuard<'static, u64>,
            SemaphorePermit<'static>, OwnedSemaphorePermit, LoanedBlock<'static, u64>, LoanedMessage<'static, u64>, WorkLease<'static, u64>,
            ByteWorkLease<'static>, ValueWorkLease<'static, String>, WorkTicket<'static>, ValueWorkTicket<'static, String>,
            SharedSlice<'static, u64>;
        // Figures and answers.
        "SsUrP":
            QueueStats, StackStats, PriorityQueueStats, LevelQueueStats, WorkQueueStats, ByteQueueStats, LoanQueueStats, SpscStats, BroadcastStats, SemaphoreStats, WatchStats, MutexStats,
            RwLockStats, WatchSnapshot<u64>, BarrierWaitResult, WaitTimeoutResult, Footprint, MemoryBarrier, BroadcastPolicy,
            WaitStrategy, Zeroes<u64>, Unsaid<u64>, FixedString<8>, FixedVec<u64, 8>, FixedLengthError, FixedTextError,
            ObjectInfo, ObjectField, ObjectKind, ObjectShape, TypeName, Fault, NotAFile, ObjectErrorKind, SpscClaimErrorKind, DuplexClaimErrorKind,
            DuplexSide;
        // Errors: `?` takes them into a `Box<dyn Error + Send + Sync>`.
        "SsUrP":
            ObjectError, ObjectShapeError, DirectoryError, HeaderError, SpscClaimError, DuplexClaimError, RecvError, TryRecvError,
            RecvTimeoutError, SendError<u64>, TrySendError<u64>, SendTimeoutError<u64>, ForceSendError<u64>, SendSliceError,
            SendSliceTimeoutError, SendIterError<u64>, SendIterTimeoutError<u64>, TrySendIterError<u64>,
            RecvBytesError, TryRecvBytesError, RecvBytesTimeoutError, SendBytesError, TrySendBytesError, SendBytesTimeoutError,
            RecvValueError, TryRecvValueError, RecvValueTimeoutError, SendValueError, TrySendValueError, SendValueTimeoutError,
            ValueFormatError, LoanError, TryLoanError, LoanTimeoutError, PublishError<u64>, TryPublishError<u64>,
            PublishTimeoutError<u64>, SubscribeError, RecvBroadcastError, TryRecvBroadcastError, RecvBroadcastTimeoutError,
            AcquireError, AcquireTimeoutError, TryAcquireError, ReleaseError, BarrierError, BarrierTimeoutError, GetBytesError, InsertBytesError, InsertError, PushError<u64>,
            JoinError, SetError<u64>, SetTimeoutError<u64>, TrySetError<u64>, WriteError, TryWriteError, WriteTimeoutError,
            WaitTimeoutError, ChangedError, TryChangedError, ChangedTimeoutError, AnswerError, TryAnswerError, AnswerTimeoutError,
            LeaseError, ReplyError, AnswerValueError, TryAnswerValueError, AnswerValueTimeoutError, ReplyValueError, WriteValueError, TryWriteValueError, WriteValueTimeoutError,
            GetValueError, WaitValueTimeoutError, ChangedValueError, TryChangedValueError, ChangedValueTimeoutError,
            OperationError<RecvError>;
        // What holds a `std::io::Error` is as that is; a thread is no handle.
        "SsP": Error, RegionError, RegionErrorKind, RecoveryThread, process::SpawnError, process::SignalError,
            pool::PoolError, pool::CallError, pool::WorkerError, pool::PoolOptions, pool::Call<std::rc::Rc<u64>>,
            pool::Stream<fn(u64) -> u64, fn(u64) -> u64, std::ops::Range<u64>>,
            pool::AsCompleted<fn(u64) -> u64, fn(u64) -> u64, std::ops::Range<u64>>;
        // Processes of tasks.
        "SsUrP":
            process::Process<std::rc::Rc<u64>>, process::ProcessOptions, process::Descriptor, process::TaskError, process::TaskPanic,
            pool::Pool, pool::Progress, pool::PoolStats, pool::WorkerStats, pool::Activity, pool::MapCall<u64>, pool::WorkerOptions;
        // With a guard in them they are as it is.
        "sUrP": LockError<MutexGuard<'static, u64>>, TryLockError<MutexGuard<'static, u64>>, LockTimeoutError<MutexGuard<'static, u64>>;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let public = public();
    assert!(public.len() > 80, "the sources are read: {public:?}");
    let missing: Vec<_> = public.difference(&names).collect();
    assert!(missing.is_empty(), "types that are not listed here: {missing:?}");
}
