//! Every verb of every object has an example on its page, in one of its forms. The sources say which verbs there are, and the
//! constructor in an example says which object it is about.

#![cfg(not(loom))]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ipc_tests::sources;

/// The objects' types with verbs: folder, type, and the constructors of [`Region`](ipc_posix::Region) that begin an example of it.
const TYPES: &[(&str, &str, &[&str])] = &[
    ("array", "Array", &["array"]),
    ("array", "Element", &["array"]),
    ("atomic", "Atomic", &["atomic", "counter"]),
    ("barrier", "Barrier", &["barrier"]),
    ("broadcast", "Broadcast", &["broadcast"]),
    ("broadcast", "Publisher", &["broadcast"]),
    ("broadcast", "Subscriber", &["broadcast"]),
    ("bytes", "ByteQueue", &["byte_queue"]),
    ("bytes", "Receiver", &["byte_queue"]),
    ("bytes", "Sender", &["byte_queue"]),
    ("bytes", "ValueQueue", &["value_queue"]),
    ("bytes", "ValueReceiver", &["value_queue"]),
    ("bytes", "ValueSender", &["value_queue"]),
    ("condvar", "Condvar", &["condvar"]),
    ("condvar", "WaitTimeoutResult", &["condvar"]),
    ("duplex", "Duplex", &["duplex", "pipe"]),
    ("duplex", "DuplexEnd", &["duplex", "pipe"]),
    ("duplex", "ValueDuplex", &["value_duplex"]),
    ("duplex", "ValueEnd", &["value_duplex"]),
    ("duplex", "ValueReceiver", &["value_duplex"]),
    ("duplex", "ValueSender", &["value_duplex"]),
    ("event", "Event", &["event"]),
    ("event", "EventGroup", &["event_group"]),
    ("level", "LevelQueue", &["level_queue"]),
    ("level", "Receiver", &["level_queue"]),
    ("level", "Sender", &["level_queue"]),
    ("loan", "Loan", &["loan_queue"]),
    ("loan", "LoanQueue", &["loan_queue"]),
    ("loan", "Received", &["loan_queue"]),
    ("loan", "Receiver", &["loan_queue"]),
    ("loan", "Sender", &["loan_queue"]),
    ("map", "ByteMap", &["byte_map"]),
    ("map", "ByteMapGuard", &["byte_map"]),
    ("map", "Entry", &["map"]),
    ("map", "Map", &["map"]),
    ("map", "MapGuard", &["map"]),
    ("mutex", "Bare", &["mutex"]),
    ("mutex", "Mutex", &["mutex", "mutex_array"]),
    ("mutex", "MutexGuard", &["mutex", "mutex_array"]),
    ("mutex", "ReentrantMutex", &["reentrant_mutex"]),
    ("mutex", "ReentrantMutexGuard", &["reentrant_mutex"]),
    ("mutex", "SliceTransaction", &["mutex_array"]),
    ("mutex", "Transaction", &["mutex"]),
    ("mutex", "ValueMutex", &["value_mutex"]),
    ("once", "OnceCell", &["once_cell"]),
    ("priority", "PriorityQueue", &["priority_queue"]),
    ("priority", "Receiver", &["priority_queue"]),
    ("priority", "Sender", &["priority_queue"]),
    ("queue", "Queue", &["queue", "open_or_create"]),
    ("queue", "Receiver", &["queue"]),
    ("queue", "Sender", &["queue"]),
    ("rwlock", "RwLock", &["rwlock", "rwlock_array"]),
    ("rwlock", "RwLockWriteGuard", &["rwlock", "rwlock_array"]),
    ("semaphore", "OwnedPermit", &["semaphore"]),
    ("semaphore", "Permit", &["semaphore"]),
    ("semaphore", "Semaphore", &["semaphore"]),
    ("spsc", "Consumer", &["spsc"]),
    ("spsc", "Producer", &["spsc"]),
    ("spsc", "ReadChunk", &["spsc"]),
    ("spsc", "Spsc", &["spsc"]),
    ("spsc", "WriteChunk", &["spsc"]),
    ("stack", "Receiver", &["stack"]),
    ("stack", "Sender", &["stack"]),
    ("stack", "Stack", &["stack"]),
    ("vector", "Vector", &["vector"]),
    ("vector", "VectorGuard", &["vector"]),
    ("watch", "ReadOnlyValueWatch", &["value_watch"]),
    ("watch", "ReadOnlyWatch", &["watch"]),
    ("watch", "ValueWatch", &["value_watch"]),
    ("watch", "ValueWatchReader", &["value_watch"]),
    ("watch", "ValueWatchWriter", &["value_watch"]),
    ("watch", "Watch", &["watch"]),
    ("watch", "WatchReader", &["watch"]),
    ("watch", "WatchWriter", &["watch"]),
    ("work", "ByteLease", &["byte_work_queue"]),
    ("work", "ByteWorkQueue", &["byte_work_queue"]),
    ("work", "Lease", &["work_queue"]),
    ("work", "Ticket", &["byte_work_queue"]),
    ("work", "ValueLease", &["value_work_queue"]),
    ("work", "ValueTicket", &["value_work_queue"]),
    ("work", "ValueWorkQueue", &["value_work_queue"]),
    ("work", "WorkQueue", &["work_queue"]),
];

/// Methods that answer a question or lead to another object, and set what is of the handle alone: their first line says it all.
const QUESTIONS: &[&str] = &[
    "attach",
    "attempt",
    "attempts",
    "available",
    "block_len",
    "blocks",
    "bytes",
    "capacity",
    "consumer_pid",
    "count",
    "flags",
    "footprint",
    "free",
    "free_blocks",
    "has_changed",
    "has_consumer",
    "has_producer",
    "holder_pid",
    "identity",
    "lease_limit",
    "leases",
    "len",
    "level_len",
    "levels",
    "max",
    "max_key",
    "max_len",
    "max_reply",
    "mutex",
    "name",
    "new",
    "next_number",
    "other",
    "participant_number",
    "parties",
    "path",
    "peer_died",
    "peer_pid",
    "pid",
    "producer_pid",
    "published",
    "queue",
    "queue_stats",
    "region",
    "same_object",
    "seen",
    "semaphore",
    "set_wait_strategy",
    "side",
    "size",
    "slice_footprint",
    "slots",
    "stats",
    "subscribers",
    "version",
    "wait_strategy",
    "waiting",
    "watch",
];

/// What the four forms of a verb have in common.
fn family(method: &str) -> String {
    let method = method.strip_prefix("try_").unwrap_or(method);
    method.replace("_timeout", "").replace("_deadline", "")
}

/// The examples of a file that run, each as one text.
fn examples(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut found, mut inside) = (Vec::<String>::new(), None);
    for line in text.lines().map(str::trim_start) {
        let comment = line.strip_prefix("///").or(line.strip_prefix("//!")).map(str::trim_start);
        match (comment.and_then(|comment| comment.strip_prefix("```")), inside) {
            (Some(kind), None) => {
                let runs = !["text", "compile_fail", "ignore"].iter().any(|other| kind.starts_with(other));
                inside = Some(runs);
                if runs {
                    found.push(String::new());
                }
            }
            (Some(_), Some(_)) => inside = None,
            (None, Some(true)) => found.last_mut().expect("an example").push_str(line),
            // The argument of a macro that writes a verb with its example.
            (None, None) if comment.is_none() && line.contains("\"let ") && line.contains("= region.") => {
                found.push(line.to_owned())
            }
            (None, _) => {}
        }
    }
    found
}

fn folder_examples(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.flat_map(|file| examples(&file.expect("a file").path())).collect()
}

/// Whether the text calls a method of this name, or (of a function) names it.
fn calls(text: &str, method: &str) -> bool {
    if method == "iter" && text.contains(" in &") {
        return true;
    }
    text.match_indices(method).any(|(at, _)| {
        let before = text[..at].ends_with('.') || text[..at].ends_with("::");
        before && text[at + method.len()..].starts_with(['(', ':'])
    })
}

/// The verbs of a type without those that answer a question, each with its forms.
fn families(handle: &sources::Handle) -> BTreeMap<String, Vec<&str>> {
    let mut families = BTreeMap::<String, Vec<&str>>::new();
    for method in handle.methods.iter().map(String::as_str) {
        if !method.starts_with("is_") && !QUESTIONS.contains(&method) {
            families.entry(family(method)).or_default().push(method);
        }
    }
    families
}

/// The verbs of which no form is called in these texts.
fn without_example(handle: &sources::Handle, texts: &[&String]) -> Vec<String> {
    let called = |forms: &[&str]| forms.iter().any(|method| texts.iter().any(|text| calls(text, method)));
    families(handle).into_iter().filter(|(_, forms)| !called(forms)).map(|(verb, _)| verb).collect()
}

fn assert_none(missing: &BTreeSet<String>) {
    let lines: Vec<&str> = missing.iter().map(String::as_str).collect();
    assert!(lines.is_empty(), "verbs without an example on their page:\n{}", lines.join("\n"));
}

#[test]
fn each_verb_of_an_object_has_an_example() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-core/src");
    let shared = folder_examples(&core.join("ends"));
    let (mut missing, mut verbs) = (BTreeSet::new(), 0);
    for object in sources::objects(&core) {
        let of_folder = folder_examples(&core.join(&object));
        for (name, handle) in &sources::handles(&core, &object) {
            let row = TYPES.iter().find(|(folder, listed, _)| *folder == object && *listed == name);
            let Some((.., constructors)) = row else {
                let other = ["Builder", "Options", "Error"].iter().any(|other| name.contains(other));
                if !other && !families(handle).is_empty() {
                    missing.insert(format!("{object}: {name} is not in the table"));
                }
                continue;
            };
            let about = |example: &&String| constructors.iter().any(|made| calls(example, made));
            // What is written by the macros that several objects share has no constructor's name in the source.
            let generic = shared.iter().filter(|_| handle.methods.contains("send_iter"));
            let texts: Vec<&String> = of_folder.iter().filter(about).chain(generic).collect();
            verbs += families(handle).len();
            for verb in without_example(handle, &texts) {
                missing.insert(format!("{object}: {verb} (of {name})"));
            }
        }
    }
    assert!(verbs > 400, "only {verbs} verbs were found");
    assert_none(&missing);
}

#[test]
fn each_verb_of_regions_and_processes_has_an_example() {
    let posix = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-posix/src");
    let mut missing = BTreeSet::new();
    for (folder, names) in [
        ("region", &["Region", "ReadOnlyRegion"][..]),
        ("process", &["Process"]),
        ("pool", &["Call", "MapCall", "Pool"]),
    ] {
        let folder = posix.join(folder);
        let texts = folder_examples(&folder);
        let types = sources::types(&folder, &[]);
        for name in names {
            // The objects themselves have examples on pages of their own.
            let verbs = without_example(&types[*name], &texts.iter().collect::<Vec<_>>());
            let verbs = verbs.into_iter().filter(|verb| !TYPES.iter().any(|(.., made)| made.contains(&verb.as_str())));
            missing.extend(verbs.map(|verb| format!("{verb} (of {name})")));
        }
    }
    assert_none(&missing);
}
