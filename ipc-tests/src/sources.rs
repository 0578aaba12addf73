//! The public methods of the library's types, as its sources have them: for tests that compare a list with them.
//!
//! The sources are read as tokens: `pub fn` in `impl` blocks, with the macros that write them expanded as far as names go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
#[derive(Debug, Default)]
pub struct Handle {
    /// Its public methods, and those of what it lends.
    pub methods: BTreeSet<String>,
    /// Methods that wait for ever in their body.
    pub endless: BTreeSet<String>,
    /// Whether it is an `IntoIterator`.
    pub into_iter: bool,
    target: Option<String>,
}

/// Types by their names.
pub type Handles = BTreeMap<String, Handle>;

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
///
/// # Panics
///
/// If the sources are not there, or not as it expects.
#[must_use]
pub fn handles(core: &Path, object: &str) -> Handles {
    let mut shared = vec![core.join("timed.rs")];
    shared.extend(files(&core.join("ends")));
    types(&core.join(object), &shared)
}

/// All types of a folder of sources with their methods. The macros that write some of these are in the folder or in those other files.
///
/// # Panics
///
/// If the sources are not there, or not as it expects.
#[must_use]
pub fn types(folder: &Path, macros: &[PathBuf]) -> Handles {
    let shared: Vec<Tokens> = macros.iter().chain(&files(folder)).map(|path| source(path)).collect();
    let mut found = Handles::new();
    for path in files(folder).into_iter().filter(|path| !path.ends_with("words.rs")) {
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

/// The folders of the objects: those that have words and a handle.
///
/// # Panics
///
/// If the sources are not there.
#[must_use]
pub fn objects(core: &Path) -> BTreeSet<String> {
    let folders = std::fs::read_dir(core).expect("the core").map(|entry| entry.expect("a folder").path());
    let folders = folders.filter(|path| path.join("words.rs").exists() && path.join("handle.rs").exists());
    folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}
