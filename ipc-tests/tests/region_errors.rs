//! Each thing that is not a region, or not the one that was meant, gets its own error with the numbers in it.

#![cfg(not(loom))]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ipc_posix::{NotAFile, Region, RegionErrorKind};
use ipc_tests::children::TempName;

fn error(name: &str) -> String {
    Region::open(name).unwrap_err().to_string()
}

#[test]
fn files_that_are_no_regions() {
    let name = TempName::new("foreign");
    let (text, path) = (name.as_str(), name.path());
    assert_eq!(error(text), format!("region {text:?}: not found in /dev/shm"));
    fs::write(&path, "").unwrap();
    assert_eq!(error(text), format!("region {text:?}: the file is empty"));
    fs::write(&path, "hello").unwrap();
    assert_eq!(error(text), format!("region {text:?}: 5 bytes, a region's header takes 4096"));
    fs::write(&path, vec![b'x'; 8192]).unwrap();
    assert_eq!(error(text), format!("region {text:?}: not a region: it starts with 0x7878787878787878"));
    assert!(Region::create(text).unwrap_err().is_already_exists());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(error(text), format!("region {text:?}: the name is that of a directory"));
    fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    let kind = Region::open(text).unwrap_err();
    assert!(matches!(kind.kind(), RegionErrorKind::NotAFile(NotAFile::Symlink)), "{kind}");
}

#[test]
fn damaged_regions() {
    let name = TempName::new("damaged");
    let (text, path) = (name.as_str(), name.path());
    drop(Region::create(text).unwrap());
    let whole = fs::read(&path).unwrap();
    let with = |offset: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[offset] = byte;
        fs::write(&path, bytes).unwrap();
        error(text)
    };
    assert_eq!(
        with(8, 9),
        format!("region {text:?}: ABI version {} here, 9 in the region", ipc_core::region::ABI_VERSION)
    );
    assert!(with(16, whole[16] ^ 1).contains("in the region"), "another layout");
    assert!(with(38, 0xff).contains("impossible sizes"), "too many objects");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(error(text), format!("region {text:?}: 1048576 bytes according to the header, 524288 in the file"));
}

#[test]
fn names() {
    for (name, part) in [("", "empty"), ("a/b", "'/'"), ("a\0b", "NUL"), ("..", "a directory")] {
        assert!(error(name).contains(part), "{}", error(name));
    }
    let long = "n".repeat(201);
    let error = Region::create(&long).unwrap_err();
    assert!(matches!(error.kind(), RegionErrorKind::NameTooLong { len: 201, max: 200 }), "{error}");
}

#[test]
fn modes() {
    let name = TempName::new("mode");
    drop(Region::options().mode(0o640).create(name.as_str()).unwrap());
    assert_eq!(fs::metadata(name.path()).unwrap().permissions().mode() & 0o777, 0o640);
    fs::set_permissions(name.path(), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(error(name.as_str()).contains("mode 0666 lets everybody write"));
    assert!(Region::options().mode(0o666).open(name.as_str()).is_ok());
}

#[test]
fn objects_that_differ() {
    let region = Region::options().anonymous().unwrap();
    region.queue::<[u8; 24]>("jobs").capacity(4).schema(7).create().unwrap();
    let error = |result: Result<ipc_posix::Queue<[u8; 24]>, ipc_posix::ObjectError>| result.unwrap_err().to_string();
    assert_eq!(
        region.queue::<[u8; 16]>("jobs").any_type().open().unwrap_err().to_string(),
        "queue \"jobs\": element size 16 here, 24 in the region"
    );
    assert_eq!(
        region.queue::<[u64; 3]>("jobs").any_type().open().unwrap_err().to_string(),
        "queue \"jobs\": element alignment 8 here, 1 in the region"
    );
    assert_eq!(error(region.queue("jobs").open()), "queue \"jobs\": schema 0 here, 7 in the region");
    assert_eq!(
        error(region.queue("jobs").schema(7).capacity(5).open_or_create()),
        "queue \"jobs\": capacity 5 here, 4 in the region"
    );
    assert_eq!(error(region.queue("jobs").schema(7).create()), "queue \"jobs\": exists already in the region");
    assert_eq!(error(region.queue("none").open()), "queue \"none\": not found in the region");
    assert!(error(region.queue("large").capacity(1 << 20).create()).contains("free in the region"));
    region.event_group("flags").initial(1).schema(2).create().unwrap();
    assert_eq!(
        region.event_group("flags").open().unwrap_err().to_string(),
        "event group \"flags\": schema 0 here, 2 in the region"
    );
    assert_eq!(region.event_group("flags").schema(2).open().unwrap().flags(), Ok(1));
}

/// As many objects as a directory can have, each found by its name. (Each took a walk over all the others once: minutes.)
#[test]
fn a_directory_that_is_full() {
    let most = 1_u32 << 16;
    let name = |number: u32| format!("event {number}");
    let region = Region::options().size(64 << 20).objects(most).anonymous().unwrap();
    for number in 0..most {
        region.event(&name(number)).create().unwrap();
    }
    let error = region.event("one more").create().unwrap_err().to_string();
    assert!(error.contains("65536"), "{error}");
    let find = |number| region.event(&name(number)).open().unwrap();
    find(977).set().unwrap();
    assert!((0..most).all(|number| find(number).is_set() == (number == 977)));
    assert_eq!(region.event("none").open().unwrap_err().to_string(), "event \"none\": not found in the region");
}

/// A full filesystem is an error at creation, and nothing stays behind.
#[test]
fn a_full_filesystem() {
    let name = TempName::new("full");
    let free = Region::options().size(1 << 60).create(name.as_str()).unwrap_err();
    assert!(matches!(free.kind(), RegionErrorKind::NoSpace { wanted, .. } if *wanted == 1 << 60), "{free}");
    assert!(free.to_string().starts_with(&format!("region {:?}: 1048576 TiB wanted, ", name.as_str())), "{free}");
    assert!(name.files().is_empty());
}

/// Those who have a removed region go on among themselves; the name means another one.
#[test]
fn removed_and_made_again() {
    let name = TempName::new("again");
    let old = Region::create(name.as_str()).unwrap();
    let old_queue = old.queue::<u64>("q").capacity(2).create().unwrap();
    let old_too = Region::open(name.as_str()).unwrap();
    Region::unlink(name.as_str()).unwrap();
    assert!(old.is_orphaned() && old_too.is_orphaned());
    let new = Region::create(name.as_str()).unwrap();
    assert!(old.is_orphaned() && !new.is_orphaned() && new.identity() != old.identity());
    assert!(new.queue::<u64>("q").open().unwrap_err().is_not_found());
    old_queue.send(1).unwrap();
    assert_eq!(old_too.queue::<u64>("q").open().unwrap().recv(), Ok(1));
}

#[test]
fn anonymous_and_read_only() {
    let region = Region::options().anonymous().unwrap();
    let queue = region.queue::<u64>("q").capacity(2).create().unwrap();
    let fd = region.try_clone_fd().unwrap();
    let other = Region::options().require_seals(true).from_fd(&fd).unwrap();
    other.queue::<u64>("q").open().unwrap().send(5).unwrap();
    assert_eq!(queue.recv(), Ok(5));
    assert!(fs::File::from(fd).set_len(0).is_err(), "sealed");

    let name = TempName::new("look");
    let region = Region::create(name.as_str()).unwrap();
    region.queue::<u64>("q").capacity(2).create().unwrap().send(1).unwrap();
    let look = Region::open_read_only(name.as_str()).unwrap();
    assert_eq!(look.list().len(), 1);
    assert_eq!(look.queue_stats("q").unwrap().len, 1);
    assert!(look.participants().iter().all(|who| who.alive));
}

#[test]
fn the_last_one_removes() {
    let name = TempName::new("last");
    let first = Region::options().remove_with_last(true).create(name.as_str()).unwrap();
    let second = Region::open(name.as_str()).unwrap();
    drop(first);
    assert!(name.path().exists());
    drop(second);
    assert!(!name.path().exists());
    drop(Region::create(name.as_str()).unwrap());
    assert!(name.path().exists(), "dropping does not remove, unless asked to");
    assert!(Region::unlink_if_unused(name.as_str()).unwrap());
}

/// 256 bytes at a multiple of 256.
#[derive(Clone, Copy)]
#[repr(C, align(256))]
struct Page([u8; 256]);

// SAFETY: bytes without padding, of which all are valid.
unsafe impl bytemuck::Zeroable for Page {}
// SAFETY: as above.
unsafe impl bytemuck::Pod for Page {}

/// Objects that cannot be: the error names what is impossible, with the numbers.
#[test]
fn impossible_objects() {
    assert_eq!(Page([0; 256]).0.len(), 256);
    let region = Region::options().anonymous().unwrap();
    for impossible in [0, 65_537] {
        let error = region.broadcast::<u8>("b").capacity(4).wait_for_subscribers(impossible).create().unwrap_err();
        let text = format!("broadcast \"b\": subscribers: {impossible} is not possible, only 1 to 65536");
        assert_eq!(error.to_string(), text);
    }
    let error = region.spsc::<Page>("s").capacity(4).create().unwrap_err();
    let aligned = "element alignment: 256 is not possible, only 1 to 128";
    assert_eq!(error.to_string(), format!("one-to-one queue \"s\": {aligned}"));
    let error = region.loan_queue::<Page>("l").blocks(2).block_len(1).create().unwrap_err();
    assert_eq!(error.to_string(), format!("loan queue \"l\": {aligned}"));
    let error = region.loan_queue::<u8>("l").blocks(0).block_len(1).create().unwrap_err();
    assert!(!error.to_string().contains("aligned"), "{error}");
    let error = region.broadcast::<u8>("b").capacity(usize::MAX).create().unwrap_err();
    assert_eq!(error.to_string(), format!("broadcast \"b\": a capacity of {} is not possible", usize::MAX));
}
