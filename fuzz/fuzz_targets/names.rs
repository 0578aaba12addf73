//! Any text as the name of a region or an object: it works, or it gives the documented error, and no file outside the
//! directory is touched.
#![no_main]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ipc_fuzz::ground::ground;
use ipc_fuzz::input::Input;
use ipc_fuzz::seeds;
use ipc_fuzz::stopwatch::timed;
use ipc_posix::{
    DirectoryError, NotAFile, ObjectErrorKind, Queue, Region, RegionError, RegionErrorKind, RegionOptions,
};
use libfuzzer_sys::fuzz_target;

const MOST_REGION_BYTES: usize = 200;
const MOST_OBJECT_BYTES: usize = 64;
const SECRET: &[u8] = b"untouched";

fuzz_target!(
    init: seeds::plant(seeds()),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        let mode = input.byte();
        let length = usize::from(input.byte());
        let name = String::from_utf8_lossy(input.take(length)).into_owned();
        let other = String::from_utf8_lossy(input.rest()).into_owned();
        match mode % 5 {
            0 => regions(&name, &other, false),
            1 => regions(&name, &other, true),
            2 => neighbours(&name, &other),
            3 => planted(&name, mode >> 4),
            _ => objects(&name, &other),
        }
    }
);

fn seeds() -> Vec<Vec<u8>> {
    let long = "x".repeat(201);
    let names = [
        "a",
        ".",
        "..",
        "../canary",
        "/dev/shm/outside",
        "a\0b",
        "",
        "\n",
        "ä€😀",
        "{}",
        "\"\\",
        &long,
        &long[..200],
        &long[..65],
    ];
    let mut seeds = Vec::new();
    for mode in [0u8, 1, 2, 3, 0x13, 0x23, 0x33, 4] {
        for name in names {
            let mut seed = vec![mode, name.len() as u8];
            seed.extend(name.as_bytes());
            seed.extend(b"0123456789abcdef");
            seeds.push(seed);
        }
    }
    seeds
}

/// Where the regions are; beside it is what nobody may touch.
fn inner() -> &'static Path {
    static INNER: OnceLock<PathBuf> = OnceLock::new();
    INNER.get_or_init(|| {
        let inner = ground().join("inner");
        fs::create_dir(&inner).expect("a directory");
        fs::write(ground().join("canary"), SECRET).expect("a file");
        inner
    })
}

fn files(directory: &Path) -> BTreeSet<std::ffi::OsString> {
    fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").file_name()).collect()
}

/// Nothing outside was touched, and inside there is what should be.
fn check(inside: &[&str]) {
    let inside = inside.iter().map(Into::into).collect();
    assert_eq!(files(inner()), inside, "in the directory");
    assert_eq!(files(ground()), BTreeSet::from(["canary".into(), "inner".into()]), "beside the directory");
    assert_eq!(fs::read(ground().join("canary")).expect("still there"), SECRET);
}

fn options(drafts: bool) -> RegionOptions {
    Region::options().dir(inner()).size(8192).participants(1).objects(1).without_tmpfile(drafts)
}

fn is_region_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MOST_REGION_BYTES && name != "." && name != ".." && !name.contains(['/', '\0'])
}

/// A name that could be a temporary file's may be refused; then the whole question does not arise.
fn is_like_draft(name: &str) -> bool {
    name.starts_with('.') && name.contains(".draft-")
}

/// An error about a name is one short line.
fn one_line(text: &str) {
    assert!(!text.contains('\n') && text.len() < 2000, "{text:?}");
}

fn is_refused<T>(name: &str, result: Result<T, RegionError>) {
    let Err(error) = result else { panic!("{name:?} was accepted") };
    one_line(&error.to_string());
    assert_eq!(error.name(), name);
    match error.kind() {
        RegionErrorKind::NameInvalid { .. } => {}
        RegionErrorKind::NameTooLong { len, max } => {
            assert_eq!((*len, *max), (name.len(), MOST_REGION_BYTES));
            assert!(name.len() > MOST_REGION_BYTES);
        }
        other => panic!("{name:?}: {other:?}"),
    }
}

fn is_missing<T>(name: &str, result: Result<T, RegionError>) {
    let Err(error) = result else { panic!("{name:?} was found") };
    one_line(&error.to_string());
    assert!(error.is_not_found(), "{name:?}: {error:?}");
}

/// A region of this name comes and goes.
fn regions(name: &str, other: &str, drafts: bool) {
    let leaves = other.as_bytes().first().is_some_and(|byte| byte & 2 != 0);
    let options = options(drafts).remove_with_last(leaves);
    check(&[]);
    if is_like_draft(name) || is_like_draft(other) {
        return;
    }
    if !is_region_name(name) {
        is_refused(name, options.create(name));
        is_refused(name, options.open(name));
        is_refused(name, options.open_or_create(name));
        is_refused(name, options.open_read_only(name));
        is_refused(name, options.unlink(name));
        is_refused(name, options.unlink_if_unused(name));
        check(&[]);
        return;
    }
    is_missing(name, options.open(name));
    is_missing(name, options.open_read_only(name));
    is_missing(name, options.unlink(name));
    is_missing(name, options.unlink_if_unused(name));
    let region = timed("create", || options.create(name)).expect("a possible name");
    check(&[name]);
    assert_eq!(region.name(), name);
    let error = options.create(name).expect_err("there already");
    one_line(&error.to_string());
    assert!(error.is_already_exists());
    // One participant only: another one finds no place.
    let error = options.open(name).expect_err("no place");
    assert!(matches!(error.kind(), RegionErrorKind::TooManyParticipants { max: 1 }), "{error:?}");
    assert_eq!(options.open_read_only(name).expect("there").identity(), region.identity());
    if is_region_name(other) && other != name {
        is_missing(other, options.open(other));
    }
    timed("drop", || drop(region));
    if leaves {
        // The last one has removed it.
    } else if other.len().is_multiple_of(2) {
        options.unlink(name).expect("there");
    } else {
        assert!(timed("unlink", || options.unlink_if_unused(name)).expect("there"));
    }
    check(&[]);
}

/// Two regions in one directory, made the way of filesystems without nameless files, do not disturb each other:
/// neither any two names, nor one that looks like the other's temporary file.
fn neighbours(name: &str, tail: &str) {
    let options = options(true);
    check(&[]);
    for second in [tail.to_owned(), format!(".{name}.draft-{tail}")] {
        if !is_region_name(name) || !is_region_name(&second) || name == second || is_like_draft(name) {
            continue;
        }
        let there = match options.create(&second) {
            Ok(region) => region,
            Err(error) if is_like_draft(&second) && matches!(error.kind(), RegionErrorKind::NameInvalid { .. }) => {
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let region = options.create(name).expect("a possible name");
        check(&[name, &second]);
        assert!(!there.is_orphaned());
        assert_ne!(region.identity(), there.identity());
        drop((region, there));
        options.unlink(&second).expect("there");
        options.unlink(name).expect("there");
    }
    check(&[]);
}

/// Something else has the name already.
fn planted(name: &str, what: u8) {
    if !is_region_name(name) || is_like_draft(name) {
        return;
    }
    let options = options(false);
    let path = inner().join(name);
    let expected = match what % 4 {
        0 => {
            symlink("../canary", &path).expect("a link");
            Some(NotAFile::Symlink)
        }
        1 => {
            fs::create_dir(&path).expect("a directory");
            Some(NotAFile::Directory)
        }
        2 => {
            let c_path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL");
            // SAFETY: a NUL-terminated path.
            assert_eq!(unsafe { libc::mkfifo(c_path.as_ptr(), 0o600) }, 0);
            Some(NotAFile::Special)
        }
        _ => {
            fs::write(&path, SECRET).expect("a file");
            None
        }
    };
    let results = [
        timed("open", || options.open(name)).map(drop),
        timed("open_or_create", || options.open_or_create(name)).map(drop),
        timed("open_read_only", || options.open_read_only(name)).map(drop),
        timed("unlink_if_unused", || options.unlink_if_unused(name)).map(drop),
    ];
    for result in results {
        let error = result.expect_err("no region");
        one_line(&error.to_string());
        match (error.kind(), expected) {
            (RegionErrorKind::NotAFile(found), Some(expected)) => assert_eq!(*found, expected),
            (RegionErrorKind::Header(_), None) => {}
            (other, _) => panic!("{name:?}: {other:?}"),
        }
    }
    let error = options.create(name).expect_err("there already");
    assert!(error.is_already_exists(), "{error:?}");
    check(&[name]);
    // Removes the name itself, whatever it is, except a directory.
    match (options.unlink(name), expected) {
        (Err(error), Some(NotAFile::Directory)) => {
            assert!(matches!(error.kind(), RegionErrorKind::NotAFile(NotAFile::Directory)), "{error:?}");
            fs::remove_dir(&path).expect("a directory");
        }
        (result, _) => result.expect("there"),
    }
    check(&[]);
}

/// The text as an object's name.
fn objects(name: &str, other: &str) {
    let region = options(false).anonymous().expect("a region in memory");
    let queue = || region.queue::<u8>(name).capacity(1);
    let is_name = !name.is_empty() && name.len() <= MOST_OBJECT_BYTES && !name.chars().any(char::is_control);
    if is_name {
        let error = queue().open().expect_err("not there yet");
        one_line(&error.to_string());
        assert!(error.is_not_found());
        let made: Queue<u8> = queue().create().expect("a possible name");
        made.try_send(1).expect("empty");
        assert_eq!(made.name(), name);
        assert_eq!(queue().create().expect_err("there").kind(), &ObjectErrorKind::AlreadyExists);
        assert_eq!(queue().open().expect("there").try_recv(), Ok(1));
        let list = region.list();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].name.as_str(), name);
        assert_eq!(region.queue_stats(name).expect("there").sent, 1);
        if other != name {
            let error = region.queue::<u8>(other).capacity(1).open_or_create().expect_err("the directory is full");
            one_line(&error.to_string());
            match error.kind() {
                ObjectErrorKind::Directory(DirectoryError::Full { entries: 1 }) => {}
                kind => is_bad_name(other, kind),
            }
        }
    } else {
        let errors = [queue().open(), queue().create(), queue().open_or_create()].map(|result| {
            let error = result.expect_err("not a name");
            one_line(&error.to_string());
            error.kind().clone()
        });
        for kind in errors {
            is_bad_name(name, &kind);
        }
        is_bad_name(name, region.queue_stats(name).expect_err("not a name").kind());
        assert!(region.list().is_empty());
    }
    check(&[]);
}

fn is_bad_name(name: &str, kind: &ObjectErrorKind) {
    match kind {
        ObjectErrorKind::Directory(DirectoryError::NameInvalid) => {
            assert!(name.is_empty() || name.chars().any(char::is_control));
        }
        ObjectErrorKind::Directory(DirectoryError::NameTooLong { len, max }) => {
            assert_eq!((*len, *max), (name.len(), MOST_OBJECT_BYTES));
            assert!(*len > *max);
        }
        other => panic!("{name:?}: {other:?}"),
    }
}
