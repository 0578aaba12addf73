//! A filesystem that is full, in a mount namespace of the test's own.

#![cfg(not(loom))]

use std::ffi::CString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ipc_posix::{Region, RegionErrorKind};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const ROLES: &[Role] = &[("fill", fill)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

/// A tmpfs of one megabyte at `path`, which nobody outside sees.
fn mount_small(path: &Path) {
    // SAFETY: no memory is passed. Root needs no user namespace; others do.
    let unshared =
        unsafe { libc::unshare(libc::CLONE_NEWNS) == 0 || libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) == 0 };
    assert!(unshared, "this test needs a mount namespace: {}", std::io::Error::last_os_error());
    let path = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: all strings are C strings; the first call keeps the second one's mount from spreading.
    unsafe {
        libc::mount(
            c"none".as_ptr(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            std::ptr::null(),
        );
        let options = c"size=1m".as_ptr().cast();
        let mounted = libc::mount(c"tmpfs".as_ptr(), path.as_ptr(), c"tmpfs".as_ptr(), 0, options);
        assert_eq!(mounted, 0, "mount: {}", std::io::Error::last_os_error());
    }
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn fill(args: &Args) {
    let path = args.get("path");
    let path = Path::new(&path);
    mount_small(path);
    for tmpfile in [true, false] {
        let options = Region::options().dir(path).without_tmpfile(!tmpfile);
        let error = options.clone().size(4 << 20).create("large").unwrap_err();
        let RegionErrorKind::NoSpace { wanted, free, .. } = error.kind() else { panic!("{error}") };
        assert_eq!(*wanted, 4 << 20);
        assert!(*free <= 1 << 20, "{free}");
        assert!(error.to_string().starts_with("region \"large\": 4 MiB wanted, "), "{error}");
        assert_eq!(names(path), [""; 0], "nothing is left behind");

        // What there is room for is reserved: filling the rest takes nothing from it.
        let region = options.clone().size(512 << 10).create("small").unwrap();
        let queue = region.queue::<[u64; 8]>("q").capacity(4096).create().unwrap();
        let mut rest = vec![0_u8; 2 << 20];
        while fs::write(path.join("rest"), &rest).is_err() {
            rest.truncate(rest.len() - (16 << 10));
        }
        let error = options.clone().size(256 << 10).create("second").unwrap_err();
        assert!(matches!(error.kind(), RegionErrorKind::NoSpace { .. }), "{error}");
        for number in 0..4096 {
            queue.try_send([number; 8]).unwrap();
        }
        let other = options.open("small").unwrap().queue::<[u64; 8]>("q").open().unwrap();
        assert!((0..4096).all(|number| other.try_recv() == Ok([number; 8])));

        let mut left = names(path);
        left.sort();
        assert_eq!(left, ["rest", "small"]);
        fs::remove_file(path.join("rest")).unwrap();
        options.unlink("small").unwrap();
    }
    children::say("done");
}

#[test]
fn a_full_filesystem_is_an_error_at_creation() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "a_full_filesystem_is_an_error_at_creation");
    let name = TempName::new("mount");
    fs::create_dir(name.path()).unwrap();
    let mut child = children::spawn("fill", &[("path", name.path().to_str().unwrap())]);
    child.expect("done");
    assert!(child.wait().success());
    fs::remove_dir(name.path()).unwrap();
}
