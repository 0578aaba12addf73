//! Arrays between separately started programs.

#![cfg(not(loom))]

use std::time::Duration;

use ipc_posix::{Array, AtomicBitwise, AtomicNumber, Fault, ObjectErrorKind, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);

const ROLES: &[Role] = &[("add", add), ("fill", fill)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

fn region(args: &Args) -> Region {
    Region::open(&args.get("name")).unwrap()
}

fn add(args: &Args) {
    let region = region(args);
    let bytes: Array<u8> = region.array("bytes").open().unwrap();
    let floats: Array<f64> = region.array("floats").open().unwrap();
    children::say("ready");
    assert_eq!(children::hear(), "go");
    for round in 0..args.number("times") as usize {
        bytes.at(round % bytes.len()).fetch_add(1).unwrap();
        floats.at(round % floats.len()).fetch_add(0.5).unwrap();
    }
}

/// Four processes add to neighbouring elements: nothing is lost, and none spills into the next one.
#[test]
fn the_sums_are_right() {
    let _watchdog = Watchdog::new(LIMIT, "the_sums_are_right");
    let name = TempName::new("sums");
    let region = Region::create(name.as_str()).unwrap();
    let bytes: Array<u8> = region.array("bytes").len(10).initial(250).create().unwrap();
    let floats: Array<f64> = region.array("floats").len(4).initial(-1.0).create().unwrap();
    let mut workers = [(); 4].map(|()| children::spawn("add", &[("name", name.as_str()), ("times", "10000")]));
    workers.iter_mut().for_each(|worker| worker.expect("ready"));
    workers.iter_mut().for_each(|worker| worker.say("go"));
    assert!(workers.iter_mut().all(|worker| worker.wait().success()));
    // 4000 for each byte, modulo 256, and 5000 for each float.
    assert_eq!(bytes.to_vec(), [((250 + 4000) % 256) as u8; 10]);
    assert_eq!(floats.to_vec(), [4999.0; 4]);
}

fn fill(args: &Args) {
    let array: Array<u32> = region(args).array("array").open().unwrap();
    children::say("ready");
    for value in 1.. {
        array.fill(value).unwrap();
    }
}

/// A process is killed in the middle of its writes: the first elements are newer by one than the others, nobody waits, and the
/// array goes on.
#[test]
fn a_killed_writer_holds_nobody_up() {
    let _watchdog = Watchdog::new(LIMIT, "a_killed_writer_holds_nobody_up");
    let name = TempName::new("killed");
    let array: Array<u32> = Region::create(name.as_str()).unwrap().array("array").len(50_000).create().unwrap();
    for _ in 0..10 {
        let mut writer = children::spawn("fill", &[("name", name.as_str())]);
        writer.expect("ready");
        while array.get(array.len() - 1) == Some(0) {
            std::thread::yield_now();
        }
        writer.sigkill();
        let all = array.to_vec();
        let (newest, oldest) = (all[0], all[all.len() - 1]);
        assert!(oldest > 0 && newest - oldest <= 1, "{newest} and {oldest}");
        let first = all.iter().take_while(|value| **value == newest).count();
        assert!(all[first..].iter().all(|value| *value == oldest));
        array.fill(0).unwrap();
        assert_eq!(array.iter().max(), Some(0));
    }
}

/// What numbers have, on all the types.
fn numbers<T: AtomicNumber + std::fmt::Debug>(region: &Region, name: &str, [zero, one, two, three]: [T; 4]) {
    let array = region.array::<T>(name).len(3).initial(one).create().unwrap();
    let middle = array.at(1);
    assert_eq!((middle.fetch_add(two), middle.load()), (Ok(one), Ok(three)));
    assert_eq!((middle.fetch_sub(three), middle.swap(two)), (Ok(three), Ok(zero)));
    assert_eq!((middle.fetch_max(three), middle.fetch_min(one), middle.load()), (Ok(two), Ok(three), Ok(one)));
    assert_eq!(middle.compare_exchange(one, three), Ok(Ok(one)));
    assert_eq!(middle.compare_exchange(one, two), Ok(Err(three)));
    assert_eq!(middle.fetch_update(|value| (value == three).then_some(two)), Ok(Ok(three)));
    assert_eq!(middle.fetch_update(|value| (value == three).then_some(two)), Ok(Err(two)));
    assert_eq!((middle.update(|_| three), middle.store(zero)), (Ok(two), Ok(())));
    assert_eq!(array.to_vec(), [one, zero, one]);
    let cell = region.atomic::<T>(&format!("cell {name}")).initial(one).create().unwrap();
    assert_eq!((cell.fetch_add(two), cell.fetch_sub(one), cell.load()), (Ok(one), Ok(three), Ok(two)));
    assert_eq!((cell.fetch_max(three), cell.fetch_min(zero), cell.load()), (Ok(two), Ok(three), Ok(zero)));
    assert_eq!(cell.wait_update(|value| (value == zero).then_some(one)), Ok(zero));
    assert_eq!(cell.wait_until(|value| value == one), Ok(one));
}

/// What integers have besides: bits, and an end of their range.
fn integers<T: AtomicNumber + AtomicBitwise + std::fmt::Debug>(
    region: &Region,
    name: &str,
    numbers_: [T; 4],
    [most, least]: [T; 2],
) {
    numbers(region, name, numbers_);
    let [_, one, two, three] = numbers_;
    let array = region.array::<T>(&format!("bits {name}")).len(3).create().unwrap();
    let last = array.at(2);
    assert_eq!(
        (last.fetch_or(three), last.fetch_and(one), last.fetch_xor(three)),
        (Ok(array.get(0).unwrap()), Ok(three), Ok(one))
    );
    assert_eq!((last.load(), last.store(most)), (Ok(two), Ok(())));
    assert_eq!((last.fetch_add(one), last.fetch_sub(one), last.load()), (Ok(most), Ok(least), Ok(most)));
}

#[test]
fn operations_on_every_type() {
    let region = Region::options().anonymous().unwrap();
    macro_rules! each {
        ($how:ident: $($type:ident $(($ends:expr))?),+) => {
            $($how::<$type>(&region, stringify!($type), [0, 1, 2, 3].map(|number: u8| number as $type) $(, $ends)?);)+
        };
    }
    each! { integers: u8([u8::MAX, 0]), i8([i8::MAX, i8::MIN]), u16([u16::MAX, 0]), i16([i16::MAX, i16::MIN]), u32([u32::MAX, 0]),
    i32([i32::MAX, i32::MIN]), u64([u64::MAX, 0]), i64([i64::MAX, i64::MIN]) }
    each! { numbers: f32, f64 }
    let flags = region.array::<bool>("flags").len(9).initial(true).create().unwrap();
    let flag = flags.at(8);
    assert_eq!((flag.fetch_not(), flag.fetch_or(true), flag.fetch_and(false)), (Ok(true), Ok(false), Ok(true)));
    assert_eq!((flag.fetch_xor(true), flag.swap(false)), (Ok(false), Ok(true)));
    assert_eq!(flags.iter().filter(|flag| *flag).count(), 8);
    let cell = region.atomic::<f64>("zeros").create().unwrap();
    assert_eq!(cell.compare_exchange(-0.0, 1.0), Ok(Err(0.0)), "other bits");
    cell.store(f64::NAN).unwrap();
    assert!(cell.compare_exchange(f64::NAN, 1.0).unwrap().is_ok(), "the same bits");
}

#[test]
fn copies_iterators_and_ends() {
    let region = Region::options().anonymous().unwrap();
    let array = region.array::<i16>("array").len(6).create().unwrap();
    assert_eq!((array.len(), array.is_empty(), array.get(5), array.get(6)), (6, false, Some(0), None));
    array.copy_from_slice(1, &[-1, -2, -3]).unwrap();
    array.set(5, 7).unwrap();
    let mut out = [9; 4];
    array.copy_to_slice(2, &mut out).unwrap();
    assert_eq!(out, [-2, -3, 0, 7]);
    array.copy_to_slice(6, &mut []).unwrap();
    assert_eq!(array.iter().rev().collect::<Vec<_>>(), [7, 0, -3, -2, -1, 0]);
    assert_eq!((array.iter().len(), array.iter().nth(2), (&array).into_iter().last()), (6, Some(-2), Some(7)));
    array.fill(4).unwrap();
    assert_eq!(array.clone().to_vec(), [4; 6]);
    let panics = |call: &dyn Fn()| {
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
        payload.downcast_ref::<String>().cloned().unwrap()
    };
    assert_eq!(panics(&|| _ = array.set(6, 1)), "element 6 of 6");
    assert_eq!(panics(&|| _ = array.at(usize::MAX)), format!("element {} of 6", usize::MAX));
    assert_eq!(panics(&|| _ = array.copy_from_slice(4, &[1; 3])), "elements 4..7 of 6");
    assert_eq!(panics(&|| _ = array.copy_to_slice(7, &mut [])), "element 7 of 6");
    assert_eq!(array.to_vec(), [4; 6], "nothing of a copy that does not fit");
}

/// Bytes are copied in other instructions where they are many: every length and every start, and nothing beside them.
#[test]
fn bytes_are_copied_whole() {
    let region = Region::options().anonymous().unwrap();
    let array = region.array::<u8>("bytes").len(5000).create().unwrap();
    let bytes: Vec<u8> = (0..5000_usize).map(|index| (index % 251) as u8).collect();
    for len in (0..300).chain([2047, 2048, 2049, 4990]) {
        for start in [0, 1, 7] {
            array.fill(0xee).unwrap();
            array.copy_from_slice(start, &bytes[..len]).unwrap();
            let mut out = vec![0; len + 2];
            array.copy_to_slice(start, &mut out[1..=len]).unwrap();
            assert_eq!((out[0], &out[1..=len], out[len + 1]), (0, &bytes[..len], 0));
            let all = array.to_vec();
            assert_eq!(all[start..start + len], bytes[..len]);
            assert!(all[..start].iter().chain(&all[start + len..]).all(|byte| *byte == 0xee));
        }
    }
    let flags = region.array::<bool>("flags").len(200).create().unwrap();
    flags.copy_from_slice(0, &[true; 200]).unwrap();
    let mut out = [false; 200];
    flags.copy_to_slice(0, &mut out).unwrap();
    assert_eq!(out, [true; 200]);
}

/// Length, type and schema are checked: each difference is told in words.
#[test]
fn lengths_and_types_are_checked() {
    let region = Region::options().anonymous().unwrap();
    let error = region.array::<u8>("a").open_or_create().unwrap_err();
    assert_eq!(*error.kind(), ObjectErrorKind::NoCapacity);
    assert_eq!(error.to_string(), "array \"a\": not there yet, and its length was not said");
    let array = region.array::<f32>("a").len(10).schema(7).create().unwrap();
    assert!(region.array("a").schema(7).open().unwrap().same_object(&array));
    let error = region.array::<f32>("a").len(11).schema(7).open().unwrap_err();
    assert_eq!(error.to_string(), "array \"a\": elements 11 here, 10 in the region");
    let error = region.array::<i32>("a").len(10).schema(7).open().unwrap_err();
    assert_eq!(error.to_string(), "array \"a\": type i32 here, f32 in the region");
    let error = region.array::<f64>("a").schema(7).open_or_create().unwrap_err();
    assert_eq!(error.to_string(), "array \"a\": type f64 here, f32 in the region");
    let error = region.array::<f32>("a").open().unwrap_err();
    assert_eq!(error.to_string(), "array \"a\": schema 0 here, 7 in the region");
    let error = region.atomic::<f32>("a").open().unwrap_err();
    assert_eq!(error.to_string(), "atomic cell \"a\": atomic cell here, array in the region");
    let error = region.array::<u64>("b").len(1 << 41).create().unwrap_err();
    assert_eq!(error.to_string(), "array \"b\": elements: 2199023255552 is not possible, only 1 to 1099511627776");
    let list: Vec<String> = region.list().iter().map(ToString::to_string).collect();
    assert_eq!(list, ["array \"a\" of 10 elements, 256 bytes in all"]);
}

/// A region that has just the room has it.
#[test]
fn footprints_are_exact() {
    let region =
        Region::options().fit(&[Array::<u16>::footprint(1000), Array::<bool>::footprint(1)]).anonymous().unwrap();
    let array = region.array::<u16>("a").len(1000).create().unwrap();
    array.fill(7).unwrap();
    region.array::<bool>("b").len(1).create().unwrap();
    assert_eq!(array.to_vec(), [7; 1000]);
}

/// After fork, the child's handles answer with an error.
#[test]
fn forked_handles_say_so() {
    let region = Region::options().anonymous().unwrap();
    let array = region.array::<u8>("a").len(3).create().unwrap();
    let element = array.at(1);
    assert!(children::holds_after_fork(|| element.fetch_add(1) == Err(Fault::Forked)
        && array.set(1, 1) == Err(Fault::Forked)
        && array.fill(1) == Err(Fault::Forked)
        && array.len() == 3));
    assert_eq!(array.to_vec(), [0; 3]);
}
