//! The matrix of kinds, verbs and forms, read from the core's sources: what is missing without a reason fails.
//!
//! A call that can wait is one that has a timed form, or a `try_` form, or waits for ever in its body, in any handle of its
//! object (of a queue: of any queue). It has four forms: `try_`, plain, `_timeout`, `_deadline`. Handles of queues have the same
//! questions, and iterators where they receive; each queue has both ends, which together have all of its verbs. Each object has
//! statistics.
//!
//! `cargo test -p ipc-tests --test matrix -- --nocapture` prints the matrix.

#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use ipc_tests::sources::{self, Handle, Handles};

const FORMS: [&str; 4] = ["try_", "plain", "_timeout", "_deadline"];

/// Holes that are meant: the handle (or all handles of an object), the verbs, the forms or all of them, and why.
const REASONS: &[(&str, &str, &str, &str)] = &[
    ("array", "stats", "", "`len` and `get` tell all that the words do"),
    ("atomic", "stats", "", "`load` tells all that the word does"),
    ("atomic", "wait_until", "try_", "`load` never waits"),
    ("atomic", "wait_update", "try_", "`fetch_update` never waits"),
    ("barrier", "stats", "", "`parties`, `waiting` and `is_broken` tell all that the words do"),
    ("barrier", "wait", "try_", "who arrives and goes again breaks the round; `waiting` tells how many are there"),
    ("broadcast::Broadcast", "len is_empty is_full", "", "each subscriber has its own place"),
    ("broadcast::Publisher", "len is_empty is_full", "", "each subscriber has its own place"),
    ("broadcast::Subscriber", "is_full close", "", "it is the publishers who may find no room, and who end it"),
    ("bytes::ByteQueue", "max_len", "half", "it is the capacity"),
    ("condvar", "stats", "", "it has no state"),
    ("condvar", "wait wait_while", "try_", "there is nothing to check but what the mutex guards"),
    ("duplex", "len is_empty is_full", "", "each half of an end has them for its direction"),
    ("duplex", "close is_closed", "", "an end, or a half of it, is closed by its drop"),
    ("duplex", "stats", "", "`holder_pid` says who is there, and the halves say what is"),
    ("duplex", "halves", "", "an end is one process's, and is split into two"),
    ("duplex::DuplexEnd", "iter try_iter IntoIterator", "", "its half that receives has them"),
    ("duplex::ValueEnd", "iter try_iter IntoIterator", "", "its half that receives has them"),
    ("duplex", "accept connect", "try_", "`server` and `client` never wait"),
    ("duplex", "wait_for_peer", "try_", "`peer_pid` never waits"),
    ("duplex::DuplexEnd", "wait_readable", "try_", "its half that receives has `is_empty`"),
    ("duplex", "wait_readable", "try_", "`try_recv` never waits"),
    ("event", "stats", "", "`is_set` and `flags` tell all that the words do"),
    ("loan::Loan", "is_full capacity close is_closed stats", "", "it is a message, with the length of one"),
    ("loan::Loan", "send", "", "a loan has its block, so that sending it never waits"),
    ("level::LevelQueue", "levels level_len", "half", "a half's `queue` tells them"),
    ("loan::LoanQueue", "blocks free_blocks", "half", "they are in `stats`"),
    ("map", "stats", "", "`len` and `capacity` tell all that the words do"),
    ("vector", "stats", "", "`len` and `capacity` tell all that the words do"),
    ("once", "stats", "", "`is_set` tells all that the word does"),
    ("once", "wait", "try_", "`get` never waits"),
    ("once", "wait_uninit", "try_", "`get_uninit` never waits"),
    ("mutex::ReentrantMutexGuard", "get set update", "", "it has the lock, so that it never waits"),
    ("queue::Queue", "force_send", "half", "it takes a message out, which a sender does not"),
    ("spsc::Consumer", "wait_for_producer", "try_", "`has_producer` never waits"),
    ("spsc::Producer", "wait_for_consumer", "try_", "`has_consumer` never waits"),
    ("work", "halves", "", "a job has a holder or waits; `close` and `wait_idle` tell of the end"),
    (
        "work::Ticket",
        "len is_empty is_full capacity close is_closed stats",
        "",
        "it is one call, and its queue has them",
    ),
    (
        "work::ValueTicket",
        "len is_empty is_full capacity close is_closed stats",
        "",
        "it is one call, and its queue has them",
    ),
    ("work", "wait_idle", "try_", "`is_idle` never waits"),
    ("watch", "wait_for_change", "try_", "`get_versioned` never waits"),
    ("watch", "wait_until", "try_", "`get` never waits"),
];

/// The verbs that can wait.
fn waits(handle: &Handle) -> impl Iterator<Item = String> {
    let waits = |name: &&String| {
        let tried = handle.methods.contains(&format!("try_{name}"));
        verb(name).1 > 1 || handle.endless.contains(*name) || tried && *name != "iter"
    };
    handle.methods.iter().filter(waits).map(|name| verb(name).0).collect::<Vec<_>>().into_iter()
}

/// The verb and the form of a method.
fn verb(method: &str) -> (String, usize) {
    for (mark, form) in [("_timeout", 2), ("_deadline", 3)] {
        if let Some((before, after)) = method.split_once(mark)
            && (after.is_empty() || after.starts_with('_'))
        {
            return (format!("{before}{after}"), form);
        }
    }
    method.strip_prefix("try_").map_or_else(|| (method.to_owned(), 1), |rest| (rest.to_owned(), 0))
}

#[test]
fn every_hole_has_a_reason() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-core/src");
    let (mut table, mut holes, mut calls) = (String::new(), Vec::new(), 0);
    let names = sources::objects(&core);
    let objects: Vec<(&str, Handles)> =
        names.iter().map(|object| (object.as_str(), sources::handles(&core, object))).collect();
    // What carries messages is a queue.
    let receives = |handle: &Handle| handle.methods.contains("recv");
    let queues: Vec<&str> =
        objects.iter().filter(|(_, handles)| handles.values().any(receives)).map(|(object, _)| *object).collect();
    assert!(queues.len() >= 5, "the queues are found: {queues:?}");
    for (object, handles) in &objects {
        let alike =
            objects.iter().filter(|(other, _)| other == object || [other, object].iter().all(|it| queues.contains(it)));
        let verbs: BTreeSet<String> = alike.flat_map(|(_, handles)| handles.values().flat_map(waits)).collect();
        for (name, handle) in handles {
            let forms = |wanted: &str| {
                let has = |form| handle.methods.iter().any(|method| verb(method) == (wanted.to_owned(), form));
                [0, 1, 2, 3].map(has)
            };
            let verbs: Vec<&String> = verbs.iter().filter(|verb| forms(verb).contains(&true)).collect();
            if verbs.is_empty() && !(queues.contains(object) && handle.methods.contains("is_closed")) {
                continue;
            }
            let _ = writeln!(table, "{object}::{name}");
            for verb in &verbs {
                let forms = forms(verb);
                calls += 1;
                let marks: Vec<&str> =
                    FORMS.iter().zip(&forms).map(|(form, there)| if *there { form } else { "-" }).collect();
                let _ = writeln!(table, "    {verb:24} {:8} {:8} {:10} {}", marks[0], marks[1], marks[2], marks[3]);
                for (form, _) in FORMS.iter().zip(forms).filter(|(_, there)| !there) {
                    holes.push((format!("{object}::{name}"), (*verb).clone(), *form));
                }
            }
            if queues.contains(object) {
                let receives = verbs.iter().any(|verb| *verb == "recv");
                let mut wanted = vec!["len", "is_empty", "is_full", "capacity", "close", "is_closed", "stats"];
                if receives {
                    wanted.extend(["iter", "try_iter"]);
                }
                let (have, lack): (Vec<&str>, Vec<&str>) =
                    wanted.into_iter().partition(|verb| handle.methods.contains(*verb));
                let _ = writeln!(table, "    {}", have.join(" "));
                holes.extend(lack.into_iter().map(|verb| (format!("{object}::{name}"), verb.to_owned(), "")));
                if receives && !handle.into_iter {
                    holes.push((format!("{object}::{name}"), "IntoIterator".to_owned(), ""));
                }
            }
        }
        // What a handle does, one of its halves does.
        for (name, plain) in handles.iter().filter(|(_, handle)| handle.methods.contains("receiver")) {
            let stem = name.trim_end_matches("Queue");
            let ends = ["Sender", "Receiver"];
            let halves = ends.map(|end| handles.get(&format!("{stem}{end}")).unwrap_or_else(|| &handles[end]));
            let made = ["new", "footprint", "open_or_create", "sender", "receiver"];
            let lacks = |method: &&String| {
                !made.contains(&method.as_str()) && !halves.iter().any(|half| half.methods.contains(*method))
            };
            let lack = plain.methods.iter().filter(lacks);
            holes.extend(lack.map(|method| (format!("{object}::{name}"), method.clone(), "half")));
        }
        if !handles.values().any(|handle| handle.methods.contains("stats")) {
            holes.push(((*object).to_owned(), "stats".to_owned(), ""));
        }
        // Both ends, counted.
        let ends = [["sender", "receiver"], ["producer", "consumer"], ["publisher", "subscribe"]];
        let both = |handle: &Handle| ends.iter().any(|ends| ends.iter().all(|end| handle.methods.contains(*end)));
        if queues.contains(object) && !handles.values().any(both) {
            holes.push(((*object).to_owned(), "halves".to_owned(), ""));
        }
    }
    println!("{table}");
    assert!(calls > 50, "the sources are read: {calls} calls that can wait");
    let mut list = String::new();
    let mut used = BTreeSet::new();
    for (handle, verb, form) in &holes {
        let line = REASONS.iter().position(|(of, verbs, forms, _)| {
            (of == handle || handle.starts_with(&format!("{of}::")))
                && verbs.split(' ').any(|one| one == verb)
                && (forms.is_empty() || forms.split(' ').any(|one| one == *form))
        });
        match line {
            Some(line) => drop(used.insert(line)),
            None => drop(writeln!(list, "{handle} {verb} {form}")),
        }
    }
    assert!(list.is_empty(), "holes without a reason:\n{list}");
    let unused: Vec<_> = (0..REASONS.len()).filter(|line| !used.contains(line)).map(|line| REASONS[line]).collect();
    assert!(unused.is_empty(), "reasons without a hole: {unused:?}");
}
