//! The binary layout as it was agreed on: every struct that lies in a region, and where its fields lie.
//!
//! A change has to come with another `ABI_VERSION`. Then `UPDATE_LAYOUT=1 cargo test -p ipc-tests --test layout` writes the new list.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use ipc_core::region::{ABI_VERSION, layouts};

const FILE: &str = "layout.txt";

/// The list, as it is now.
fn now() -> String {
    let mut text = format!("ABI version {ABI_VERSION}\n");
    for (kind, facts) in layouts() {
        match kind {
            None => text.push_str("\nregion\n"),
            Some(kind) => write!(text, "\n{} {kind}\n", kind as u32).expect("a string"),
        }
        for fact in facts {
            match fact.align {
                0 => writeln!(text, "    {}: {}", fact.name, fact.size),
                align => writeln!(text, "    {}: {} bytes, aligned to {align}", fact.name, fact.size),
            }
            .expect("a string");
            for (field, offset) in fact.fields {
                writeln!(text, "        {offset:>4} {field}").expect("a string");
            }
        }
    }
    text
}

/// Programs that were built before and after a change of layout must not share a region.
#[test]
fn a_change_of_layout_is_another_abi_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let agreed = fs::read_to_string(&path).unwrap_or_default();
    let now = now();
    let version = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    if env::var_os("UPDATE_LAYOUT").is_some() && version(&agreed) != version(&now) {
        fs::write(&path, &now).expect("the list");
        return;
    }
    let differs: Vec<_> = now.lines().filter(|line| !agreed.lines().any(|other| other == *line)).collect();
    assert!(
        agreed == now,
        "the layout of shared memory has changed: bump ABI_VERSION, then write {FILE} anew (UPDATE_LAYOUT=1)\n{}",
        differs.join("\n")
    );
}

/// No kind is missing.
#[test]
fn every_kind_is_in_the_list() {
    let kinds: Vec<u32> = layouts().filter_map(|(kind, _)| kind).map(|kind| kind as u32).collect();
    assert_eq!(kinds, (1..=kinds.len() as u32).collect::<Vec<_>>());
    for (kind, facts) in layouts() {
        assert!(!facts.is_empty(), "{kind:?} says nothing about its layout");
    }
}
