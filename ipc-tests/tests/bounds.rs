//! What the compiler says about element types that an object cannot have: our own sentence, with what to use instead.

#![cfg(not(loom))]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// A constructor's call, what is wrong with it, and what to use instead.
const WRONG: &[(&str, &str, &str)] = &[
    ("queue::<String>", "`String` cannot be a message of this queue", "use `region.value_queue`"),
    ("queue::<Mine>", "`Mine` cannot be a message of this queue", "structs that derive these traits"),
    ("queue::<Gap>", "`Gap` cannot be a message of this queue", "a gap between its fields has to be a field"),
    ("mutex::<Gap>", "`Gap` cannot be the data of this lock", "a gap between its fields has to be a field"),
    ("map::<u8, Gap>", "`Gap` cannot be a value of this map", "a gap between its fields has to be a field"),
    ("queue::<&'static str>", "`&'static str` cannot be a message of this queue", "`region.byte_queue`"),
    ("queue::<Option<u32>>", "`Option<u32>` cannot be a message of this queue", "arrays of numbers"),
    ("work_queue::<String>", "`String` cannot be a message of this queue", "use `region.value_queue`"),
    ("value_work_queue::<Mine>", "`Mine` cannot be a value of this queue", "derive `Serialize` and `Deserialize`"),
    ("spsc::<Vec<u8>>", "`Vec<u8>` cannot be a message of this queue", "`region.byte_queue`"),
    ("duplex::<u8, String>", "`String` cannot be a message of this queue", "use `region.value_queue`"),
    ("duplex::<Vec<u8>, u8>", "`Vec<u8>` cannot be a message of this queue", "`region.value_duplex`"),
    ("value_duplex::<u8, Mine>", "`Mine` cannot be a value of this queue", "derive `Serialize` and `Deserialize`"),
    ("broadcast::<(u8, u64)>", "`(u8, u64)` cannot be a message of this queue", "structs that derive these traits"),
    ("priority_queue::<f64, u8>", "`f64` cannot be a key of this queue", "`total_cmp`"),
    ("priority_queue::<String, u8>", "`String` cannot be a key of this queue", "keys are integers"),
    ("priority_queue::<u8, String>", "`String` cannot be a message of this queue", "use `region.value_queue`"),
    ("level_queue::<String>", "`String` cannot be a message of this queue", "use `region.value_queue`"),
    ("value_watch::<Mine>", "`Mine` cannot be the value of this cell", "derive `Serialize` and `Deserialize`"),
    ("watch::<Vec<u8>>", "`Vec<u8>` cannot be the value of this cell", "`region.value_watch`"),
    ("watch::<String>", "`String` cannot be the value of this cell", "`ipc_posix::FixedString<N>`"),
    ("once_cell::<Box<u32>>", "`Box<u32>` cannot be the value of this cell", "`region.value_queue`"),
    ("mutex::<Vec<u32>>", "`Vec<u32>` cannot be the data of this lock", "`ipc_posix::FixedString<N>`"),
    ("mutex::<bool>", "`bool` cannot be the data of this lock", "for `bool`, `char` or an enum, use an integer"),
    ("reentrant_mutex::<Mine>", "`Mine` cannot be the data of this lock", "structs that derive `Pod`"),
    ("rwlock::<String>", "`String` cannot be the data of this lock", "`region.value_mutex`"),
    ("mutex::<String>", "`String` cannot be the data of this lock", "use `region.value_mutex` (feature `serde`)"),
    (
        "value_mutex::<Mine>",
        "`Mine` cannot be the value of this lock",
        "derive `Serialize`, `Deserialize` and `Default`",
    ),
    ("value_mutex::<std::net::Ipv4Addr>", "`Ipv4Addr` cannot be the value of this lock", "take an `Option`"),
    ("value_mutex::<&'static [u16]>", "`&'static [u16]` cannot be the value of this lock", "such as `String`"),
    ("loan_queue::<String>", "`String` cannot lie in the blocks of a loan queue", "`region.loan_queue::<u8>`"),
    ("loan_queue::<bool>", "`bool` cannot lie in the blocks of a loan queue", "structs that derive `Pod`"),
    ("value_queue::<Mine>", "`Mine` cannot be a value of this queue", "derive `Serialize` and `Deserialize`"),
    ("atomic::<usize>", "`usize` cannot be the value of an atomic", "for `usize` use `u64`"),
    ("map::<String, u64>", "`String` cannot be a key of this map", "use `region.byte_map`"),
    ("map::<u8, Vec<u8>>", "`Vec<u8>` cannot be a value of this map", "`ipc_posix::FixedVec<T, N>`"),
    ("vector::<String>", "`String` cannot be an element of this vector", "`ipc_posix::FixedString<N>`"),
    ("vector::<bool>", "`bool` cannot be an element of this vector", "for `bool`, `char` or an enum, use an integer"),
    ("array::<char>", "`char` cannot be the value of an atomic, or an element of an array", "for `char` use `u32`"),
    ("array::<[f64; 2]>", "`[f64; 2]` cannot be the value of an atomic, or an element of an array", "`region.mutex`"),
    ("atomic::<String>", "`String` cannot be the value of an atomic", "use `region.watch`"),
];

/// What the message for a struct has besides: the lines that make it plain data, which compile as they stand.
const DERIVED: &str = "#[derive(Clone, Copy, ipc_posix::bytemuck::Pod, ipc_posix::bytemuck::Zeroable)] \
                       #[bytemuck(crate = \"ipc_posix::bytemuck\")] #[repr(C)]";

/// A program with one wrong call in a line, and one where all is right.
#[test]
fn the_compiler_says_what_to_use_instead() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bounds");
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    // The versions of the workspace, so that nothing has to be fetched.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
    let posix = root.join("ipc-posix");
    let manifest = format!(
        "[package]\nname = \"bounds\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\nipc-posix = {{ path = {posix:?}, \
         features = [\"derive\", \"serde\"] }}\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("the manifest");
    let check = |calls: &mut dyn Iterator<Item = &str>| {
        let mut program = format!(
            "struct Mine(u32); #[derive(Clone, Copy)] struct Gap {{ a: u8, b: u64 }} {DERIVED} struct Plain {{ a: u8, b: [u8; 7], c: u64 }} \
             fn main() {{ let region = ipc_posix::Region::options().anonymous().unwrap();"
        );
        calls.for_each(|call| write!(program, "\n_ = region.{call}(\"\");").expect("a string grows"));
        program += "\n_ = (Mine(0).0, Gap { a: 1, b: 2 }.a, Plain { a: 1, b: [0; 7], c: 2 }.c); }\n";
        std::fs::write(folder.join("src/main.rs"), program).expect("the program");
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--quiet", "--color", "never", "--target-dir"])
            .arg(folder.join("target"))
            .current_dir(&folder)
            .output()
            .expect("cargo runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let right = [
        "queue::<char>",
        "queue::<Plain>",
        "queue::<ipc_posix::FixedString<20>>",
        "mutex::<ipc_posix::FixedVec<Plain, 20>>",
        "priority_queue::<ipc_posix::FixedString<20>, u8>",
        "loan_queue::<ipc_posix::FixedString<20>>",
        "mutex::<Plain>",
        "priority_queue::<[i8; 3], char>",
        "level_queue::<bool>",
        "mutex::<[f64; 3]>",
        "loan_queue::<u16>",
        "value_mutex::<std::collections::BTreeMap<String, Option<Vec<u8>>>>",
        "value_queue::<Vec<String>>",
        "value_watch::<std::net::Ipv4Addr>",
        "value_duplex::<String, Option<u8>>",
        "atomic::<bool>",
        "array::<f32>",
        "map::<[u8; 5], f64>",
        "vector::<[f64; 3]>",
    ];
    let (compiles, said) = check(&mut right.into_iter());
    assert!(compiles, "{said}");

    let (compiles, said) = check(&mut WRONG.iter().map(|(call, ..)| *call));
    assert!(!compiles);
    let errors: Vec<&str> = said.split("\nerror").collect();
    for (index, (call, wrong, instead)) in WRONG.iter().enumerate() {
        let line = format!("src/main.rs:{}:", index + 2);
        let of_call: String = errors.iter().filter(|error| error.contains(&line)).copied().collect();
        let derived = if call.contains("Gap") { DERIVED } else { "" };
        for sentence in [wrong, instead, derived] {
            assert!(
                of_call.contains(sentence),
                "{call}: {sentence:?} is not in the compiler's words:\n{of_call}\n{said}"
            );
        }
        assert!(!of_call.contains("E0599"), "{call}: the method itself must be found:\n{of_call}");
    }
}
