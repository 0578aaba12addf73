//! The matrix of kinds, verbs and forms, read from the core's sources: what is missing without a reason fails.
//!
//! A call that can wait is one that has a timed form, or a `try_` form, or waits for ever in its body, in any handle of its
//! object (of a queue: of any queue). It has four forms: `try_`, plain, `_timeout`, `_deadline`. Handles of queues have the same
//! questions, and iterators where they receive; each queue has both ends.
//!
//! The sources are read as tokens: `pub fn` in `impl` blocks, with the macros that write them expanded as far as names go.
//! `cargo test -p ipc-tests --test matrix -- --nocapture` prints the matrix.

#![cfg(not(loom))]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const FORMS: [&str; 4] = ["try_", "plain", "_timeout", "_deadline"];

/// Holes that are meant: the handle (or all handles of an object), the verbs, the forms or all of them, and why.
const REASONS: &[(&str, &str, &str, &str)] = &[
    ("atomic", "wait_until", "try_", "`load` never waits"),
    ("atomic", "wait_update", "try_", "`fetch_update` never waits"),
    ("barrier", "wait", "try_", "who arrives and goes again breaks the round; `waiting` tells how many are there"),
    ("broadcast::Broadcast", "len is_empty is_full", "", "each subscriber has its own place"),
    ("broadcast::Publisher", "len is_empty is_full", "", "each subscriber has its own place"),
    ("broadcast::Subscriber", "is_full close", "", "it is the publishers who may find no room, and who end it"),
    ("condvar", "wait wait_while", "try_", "there is nothing to look at but what the mutex guards"),
    ("loan::Loan", "send", "", "a loan has its block, so that sending it never waits"),
    ("loan::Loan", "is_full capacity close is_closed", "", "it is a message, with the length of one"),
    ("once", "wait", "try_", "`get` never waits"),
    ("spsc::Consumer", "wait_for_producer", "try_", "`has_producer` never waits"),
    ("spsc::Producer", "wait_for_consumer", "try_", "`has_consumer` never waits"),
    ("watch", "wait_for_change", "try_", "`get_versioned` never waits"),
    ("watch", "wait_until", "try_", "`get` never waits"),
];

type Tokens = Vec<String>;

/// A macro's arm: the tokens that it begins with, its parameters in the order of the commas, and what it writes.
struct Arm {
    marker: Tokens,
    parameters: Vec<Option<String>>,
    body: Tokens,
}

type Macros = BTreeMap<String, Vec<Arm>>;
type Names = BTreeMap<String, String>;

/// What the sources say about one type.
#[derive(Default)]
struct Handle {
    methods: BTreeSet<String>,
    /// Methods that wait for ever in their body.
    endless: BTreeSet<String>,
    into_iter: bool,
    target: Option<String>,
}

type Handles = BTreeMap<String, Handle>;

impl Handle {
    /// The verbs that can wait.
    fn waits(&self) -> impl Iterator<Item = String> {
        let waits = |name: &&String| {
            let tried = self.methods.contains(&format!("try_{name}"));
            verb(name).1 > 1 || self.endless.contains(*name) || tried && *name != "iter"
        };
        self.methods.iter().filter(waits).map(|name| verb(name).0).collect::<Vec<_>>().into_iter()
    }
}

/// Words, lifetimes and single characters; comments are left out, and strings are empty.
fn tokens(text: &str) -> Tokens {
    let text: Vec<char> = text.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or(' ');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut found, mut i) = (Tokens::new(), 0);
    while i < text.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < text.len() && at(i) != '\n' {
                    i += 1
                }
            }
            '"' => {
                i += 1;
                while i < text.len() && at(i) != '"' {
                    i += 1 + usize::from(at(i) == '\\');
                }
                i += 1;
                found.push("\"\"".into());
            }
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                i += 2 + usize::from(at(i + 1) == '\\');
                while at(i) != '\'' {
                    i += 1
                }
                i += 1;
            }
            c if word(c) || c == '\'' || c == '$' && word(at(i + 1)) => {
                let start = i;
                i += 1;
                while word(at(i)) {
                    i += 1
                }
                found.push(text[start..i].iter().collect());
            }
            c => {
                i += 1;
                if !c.is_whitespace() {
                    found.push(c.into())
                }
            }
        }
    }
    found
}

/// Where the group that begins at `open` ends: behind its closing bracket.
fn group_end(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    panic!("brackets do not match");
}

/// The parts between the commas that stand in no brackets.
fn parts(tokens: &[String]) -> Vec<&[String]> {
    let (mut parts, mut start, mut i) = (Vec::new(), 0, 0);
    while i < tokens.len() {
        match tokens[i].as_str() {
            "(" | "[" | "{" => i = group_end(tokens, i),
            "," => {
                parts.push(&tokens[start..i]);
                i += 1;
                start = i;
            }
            _ => i += 1,
        }
    }
    parts.push(&tokens[start..]);
    parts
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$') && token != "$"
}

fn collect_macros(tokens: &[String], macros: &mut Macros) {
    for start in (0..tokens.len()).filter(|&i| tokens[i] == "macro_rules") {
        let (name, open) = (&tokens[start + 2], start + 3);
        let inside = &tokens[open + 1..group_end(tokens, open) - 1];
        let (mut arms, mut i) = (Vec::new(), 0);
        while i < inside.len() {
            let end = group_end(inside, i);
            let pattern = &inside[i + 1..end - 1];
            let marker: Tokens = pattern.iter().take_while(|token| !token.starts_with('$')).cloned().collect();
            let parameter = |part: &[String]| {
                part.windows(2).find(|pair| pair[0].starts_with('$') && pair[1] == ":").map(|pair| pair[0].clone())
            };
            let parameters = parts(&pattern[marker.len()..]).into_iter().map(parameter).collect();
            let body = end + 2;
            let after = group_end(inside, body);
            arms.push(Arm { marker, parameters, body: inside[body + 1..after - 1].to_vec() });
            i = after + usize::from(inside.get(after).is_some_and(|token| token == ";"));
        }
        macros.insert(name.clone(), arms);
    }
}

/// Reads items, or with `within` the inside of an `impl` block of that type.
fn read(tokens: &[String], names: &Names, macros: &Macros, within: Option<&str>, out: &mut Handles) {
    let named = |token: &str| names.get(token).map_or(token, String::as_str).to_owned();
    let mut i = 0;
    while i < tokens.len() {
        let next = tokens.get(i + 1).map(String::as_str);
        match tokens[i].as_str() {
            "macro_rules" => i = group_end(tokens, i + 3),
            "impl" if within.is_none() => {
                let open = i + tokens[i..].iter().position(|token| token == "{").expect("a block");
                let end = group_end(tokens, open);
                block(&tokens[i + 1..open], &tokens[open + 1..end - 1], names, macros, out);
                i = end;
            }
            "pub" if matches!(next, Some("fn" | "const" | "unsafe")) && within.is_some() => {
                let at = i + tokens[i..].iter().position(|token| token == "fn").unwrap_or(1);
                let name = named(&tokens[at + 1]);
                let open = at + tokens[at..].iter().position(|token| token == "{").expect("a body");
                let end = group_end(tokens, open);
                let handle = out.entry(within.unwrap_or_default().to_owned()).or_default();
                if tokens[open..end].windows(4).any(|w| w[0] == "Limit" && w[3] == "Forever") {
                    handle.endless.insert(name.clone());
                }
                handle.methods.insert(name);
                i = end;
            }
            name if next == Some("!") && macros.contains_key(name) => {
                let end = group_end(tokens, i + 2);
                let arguments: Tokens = tokens[i + 3..end - 1].iter().map(|token| named(token)).collect();
                let fits = |arm: &&Arm| arguments.starts_with(&arm.marker);
                let arm = macros[name].iter().filter(fits).max_by_key(|arm| arm.marker.len()).expect("an arm");
                let given = parts(&arguments[arm.marker.len()..]);
                let bound = arm.parameters.iter().zip(given).filter_map(|(parameter, given)| {
                    Some((parameter.clone()?, given.iter().find(|token| is_word(token))?.clone()))
                });
                read(&arm.body, &bound.collect(), macros, within, out);
                i = end;
            }
            "{" => i = group_end(tokens, i),
            _ => i += 1,
        }
    }
}

/// Reads one `impl` block.
fn block(header: &[String], body: &[String], names: &Names, macros: &Macros, out: &mut Handles) {
    let named = |token: &str| names.get(token).map_or(token, String::as_str).to_owned();
    let mut start = 0;
    if header.first().is_some_and(|token| token == "<") {
        let mut depth = 0;
        for (index, token) in header.iter().enumerate() {
            // An arrow is no bracket.
            let arrow = index > 0 && header[index - 1] == "-";
            depth += i32::from(token == "<") - i32::from(token == ">" && !arrow);
            if depth == 0 {
                start = index + 1;
                break;
            }
        }
    }
    let header = &header[start..];
    let Some(of) = header.iter().position(|token| token == "for") else {
        let kind = header.iter().find(|token| is_word(token)).expect("a type");
        return read(body, names, macros, Some(&named(kind)), out);
    };
    let kind = header[of + 1..].iter().find(|token| is_word(token) && *token != "mut").expect("a type");
    let handle = out.entry(named(kind)).or_default();
    match header.iter().find(|token| is_word(token)).map(String::as_str) {
        Some("IntoIterator") => handle.into_iter = true,
        Some("Deref") => {
            let target = body.windows(3).find(|w| w[0] == "Target" && w[1] == "=");
            handle.target = target.map(|w| named(&w[2]));
        }
        _ => {}
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    files
}

fn source(path: &Path) -> Tokens {
    tokens(&std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// All types of one object with their methods.
fn handles(core: &Path, object: &str) -> Handles {
    let mut shared = vec![source(&core.join("timed.rs"))];
    for path in files(&core.join("ends")).iter().chain(&files(&core.join(object))) {
        shared.push(source(path));
    }
    let mut found = Handles::new();
    for path in files(&core.join(object)).into_iter().filter(|path| !path.ends_with("words.rs")) {
        let mut macros = Macros::new();
        let tokens = source(&path);
        shared.iter().for_each(|tokens| collect_macros(tokens, &mut macros));
        // A macro of the same file comes first.
        collect_macros(&tokens, &mut macros);
        read(&tokens, &Names::new(), &macros, None, &mut found);
    }
    // What a handle lends is had through it.
    let lent: Vec<(String, BTreeSet<String>)> = found
        .iter()
        .filter_map(|(name, handle)| Some((name.clone(), found.get(handle.target.as_ref()?)?.methods.clone())))
        .collect();
    for (name, methods) in lent {
        found.entry(name).or_default().methods.extend(methods);
    }
    found
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
    // An object's folder has its words and its handle.
    let folders = std::fs::read_dir(&core).expect("the core").map(|entry| entry.expect("a folder").path());
    let folders = folders.filter(|path| path.join("words.rs").exists() && path.join("handle.rs").exists());
    let names: BTreeSet<String> =
        folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    let objects: Vec<(&str, Handles)> = names.iter().map(|object| (object.as_str(), handles(&core, object))).collect();
    // What carries messages is a queue.
    let receives = |handle: &Handle| handle.methods.contains("recv");
    let queues: Vec<&str> =
        objects.iter().filter(|(_, handles)| handles.values().any(receives)).map(|(object, _)| *object).collect();
    assert!(queues.len() >= 5, "the queues are found: {queues:?}");
    for (object, handles) in &objects {
        let alike =
            objects.iter().filter(|(other, _)| other == object || [other, object].iter().all(|it| queues.contains(it)));
        let waits: BTreeSet<String> = alike.flat_map(|(_, handles)| handles.values().flat_map(Handle::waits)).collect();
        for (name, handle) in handles {
            let forms = |wanted: &str| {
                let has = |form| handle.methods.iter().any(|method| verb(method) == (wanted.to_owned(), form));
                [0, 1, 2, 3].map(has)
            };
            let verbs: Vec<&String> = waits.iter().filter(|verb| forms(verb).contains(&true)).collect();
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
                let mut wanted = vec!["len", "is_empty", "is_full", "capacity", "close", "is_closed"];
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
