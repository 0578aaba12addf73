//! Ages of values and of participants: told where the clock is that of their writer, and only there.

#![cfg(not(loom))]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use ipc_posix::{Region, Watch};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("looks", looks)];

/// Where the layout's list says that they lie.
const FIRST_RECORD: u64 = 4096;
const RECORD_TIME: u64 = 24;
const SLOTS: u64 = 152;

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn create(name: &TempName) -> (Region, Watch<u64>) {
    let region = Region::create(name.as_str()).unwrap();
    let watch = region.watch("w").initial(7).create().unwrap();
    (region, watch)
}

/// Whether the ages of the value and of participant 1 are told, in a participant and in a process that may only read.
fn told(name: &str) -> [bool; 2] {
    let region = Region::open(name).unwrap();
    let value = region.watch::<u64>("w").open().unwrap().get_versioned().unwrap();
    let reader = Region::open_read_only(name).unwrap();
    let read = reader.watch::<u64>("w").open().unwrap().get_versioned().unwrap();
    let [first, read_first] = [&region.participants()[0], &reader.participants()[0]].map(|first| first.age);
    assert_eq!((value.value, read.value), (7, 7));
    assert_eq!(value.age.is_some(), read.age.is_some());
    assert_eq!(first.is_some(), read_first.is_some());
    for age in [value.age, first].into_iter().flatten() {
        assert!(age < LIMIT, "{age:?}");
    }
    [value.age.is_some(), first.is_some()]
}

fn looks(args: &Args) {
    assert_eq!(told(&args.get("name")), [true, true]);
    // A child of fork opens the region again, on the clock of its parent.
    assert!(children::holds_after_fork(|| told(&args.get("name")) == [true, true]));
}

#[test]
fn ages_are_known_between_processes() {
    let _watchdog = Watchdog::new(LIMIT, "ages_are_known_between_processes");
    let name = TempName::new("ages");
    let (_region, _watch) = create(&name);
    assert_eq!(told(name.as_str()), [true, true]);
    assert!(children::spawn("looks", &[("name", name.as_str())]).wait().success());
}

/// A time, and the clock that it was read from, as a process of another boot would have left them: in the future of this one's.
fn write_foreign(region: &Region, offset: u64) {
    let file = File::options().read(true).write(true).open(region.path().unwrap()).unwrap();
    let mut words = [0; 16];
    file.read_exact_at(&mut words, offset).unwrap();
    let (time, clock) = words.split_at_mut(8);
    time.copy_from_slice(&(u64::MAX / 2).to_ne_bytes());
    clock[0] ^= 1;
    file.write_all_at(&words, offset).unwrap();
}

/// What lies on disk when the machine starts anew.
#[test]
fn what_was_written_on_another_clock_has_no_age() {
    let _watchdog = Watchdog::new(LIMIT, "what_was_written_on_another_clock_has_no_age");
    let name = TempName::new("ages");
    let (region, watch) = create(&name);
    write_foreign(&region, region.list()[0].offset + SLOTS);
    assert_eq!(told(name.as_str()), [false, true]);
    write_foreign(&region, FIRST_RECORD + RECORD_TIME);
    assert_eq!(told(name.as_str()), [false, false]);
    // A new value is of this clock.
    watch.set(7).unwrap();
    assert_eq!(told(name.as_str()), [true, false]);
}
