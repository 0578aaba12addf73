//! Text and lists of a fixed capacity: what fits, what damaged bytes are read as, and their way between processes.

#![cfg(not(loom))]

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use bytemuck::{Pod, Zeroable, bytes_of, bytes_of_mut};
use ipc_posix::{FixedString, FixedVec, Region};
use ipc_tests::children::{self, Args, Role, TempName};
use ipc_tests::dice::Dice;
use ipc_tests::watchdog::Watchdog;

const LIMIT: Duration = Duration::from_secs(60);
const ROLES: &[Role] = &[("count", count)];

#[test]
fn child_entry() {
    children::dispatch(ROLES);
}

type Word = FixedString<12>;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Order {
    number: u64,
    customer: FixedString<20>,
    items: FixedVec<u32, 5>,
}

fn count(args: &Args) {
    let region = Region::open(&args.get("name")).unwrap();
    let counts = region.map::<Word, FixedVec<u32, 3>>("counts").open().unwrap();
    let mut places = counts.get(&"ümlaut".parse().unwrap()).unwrap().unwrap();
    places.push(7).unwrap();
    counts.insert("ümlaut".try_into().unwrap(), places).unwrap();
    let last = region.mutex::<Order>("last").open().unwrap();
    let mut order = last.lock().unwrap();
    order.customer.push_str(" & sons").unwrap();
    order.items.extend_from_slice(&[4, 5]).unwrap();
    let orders = region.queue::<Order>("orders").open().unwrap();
    orders.send(*order).unwrap();
}

#[test]
fn they_go_between_processes() {
    let _watchdog = Watchdog::new(LIMIT, "they_go_between_processes");
    let name = TempName::new("fixed");
    let region = Region::create(name.as_str()).unwrap();
    let counts = region.map::<Word, FixedVec<u32, 3>>("counts").capacity(4).create().unwrap();
    // A key that was a longer text before is the same key.
    let mut key: Word = "longer words".parse().unwrap();
    key.set("ümlaut").unwrap();
    counts.insert(key, FixedVec::try_from(&[1][..]).unwrap()).unwrap();
    let order = Order { number: 9, customer: "Lovelace".parse().unwrap(), items: FixedVec::new() };
    let last = region.mutex::<Order>("last").initial(order).create().unwrap();
    let orders = region.queue::<Order>("orders").capacity(2).create().unwrap();
    assert!(children::spawn("count", &[("name", name.as_str())]).wait().success());
    assert_eq!(counts.len(), 1);
    assert_eq!(counts.get(&key).unwrap().unwrap(), [1, 7]);
    let order = orders.recv().unwrap();
    assert_eq!((order.customer, &*order.items), ("Lovelace & sons".parse().unwrap(), &[4, 5][..]));
    assert_eq!(*last.lock().unwrap(), order);
}

#[test]
fn a_text_fits_or_not() {
    let mut text = FixedString::<6>::new();
    assert!(text.is_empty() && text.text() == Ok(""));
    text.set("grün").unwrap();
    assert_eq!((text.len(), &*text, text.to_string()), (5, "grün", "grün".to_owned()));
    let error = text.set("schwarz").unwrap_err();
    assert_eq!((error.wanted, error.capacity, &*text), (7, 6, "grün"));
    assert!(text.push_str("!!").is_err() && write!(text, "{}", 10).is_err());
    write!(text, "{}", 1).unwrap();
    assert_eq!(text, "grün1");
    assert!("1234567".parse::<FixedString<6>>().is_err());
    assert_eq!(FixedString::<6>::truncated("€€€"), "€€");
    assert_eq!(FixedString::<5>::truncated("€€€"), "€");
    assert_eq!(format!("{text:?} {text:>7}"), "\"grün1\"   grün1");
    let by_text = HashMap::from([(text, 1)]);
    assert_eq!(by_text.get("grün1"), Some(&1));
    assert!(FixedString::<6>::truncated("a") < FixedString::truncated("b"));
    text.clear();
    assert_eq!(bytes_of(&text), [0; 10]);
}

#[test]
fn a_list_fits_or_not() {
    let mut list = FixedVec::<[u8; 3], 3>::new();
    assert!(list.is_empty() && list.pop().is_none());
    list.extend_from_slice(&[[1; 3], [2; 3]]).unwrap();
    let error = list.extend_from_slice(&[[3; 3], [4; 3]]).unwrap_err();
    assert_eq!((error.wanted, error.capacity, list.len()), (4, 3, 2));
    list[1][0] = 9;
    list.push([3; 3]).unwrap();
    assert!(list.push([4; 3]).is_err());
    assert_eq!(list, [[1; 3], [9, 2, 2], [3; 3]]);
    assert!(list.contains(&[3; 3]) && (&list).into_iter().count() == 3);
    list.truncate(5);
    assert_eq!(list.len(), 3);
    list.truncate(1);
    assert_eq!(bytes_of(&list), bytes_of(&FixedVec::<[u8; 3], 3>::try_from(&[[1; 3]][..]).unwrap()));
    list.clear();
    assert_eq!(bytes_of(&list), [0; 12]);

    // As long as its length can be counted.
    let mut bytes = FixedVec::<u8, 255>::new();
    bytes.set(&[7; 255]).unwrap();
    assert_eq!(bytes.len(), 255);
    let mut bytes = FixedVec::<u8, 1000, 2>::new();
    bytes.set(&[7; 999]).unwrap();
    assert_eq!((bytes.len(), size_of_val(&bytes)), (999, 1002));
    assert!(bytes.set(&[7; 1001]).is_err());
}

/// Any bits are read as something, in bounds.
#[test]
fn damaged_bytes_are_cut() {
    let mut dice = Dice::new(7);
    for _ in 0..20_000 {
        let (mut text, mut list) = (FixedString::<6>::new(), FixedVec::<u16, 3>::new());
        bytes_of_mut(&mut text).fill_with(|| dice.roll() as u8);
        bytes_of_mut(&mut list).fill_with(|| dice.roll() as u8);
        // Lengths and bytes that are nearly right come more often.
        if dice.below(2) == 0 {
            bytes_of_mut(&mut text)[..4].copy_from_slice(&(dice.below(9) as u32).to_ne_bytes());
        }
        assert!(text.len() <= 6 && list.len() <= 3);
        let claimed = u32::from_ne_bytes(bytes_of(&text)[..4].try_into().unwrap());
        assert_eq!(text.text().is_ok(), text.len() == claimed as usize);
        let shown = text.to_string();
        if text.push_str("a").is_ok() {
            assert_eq!(text.text(), Ok(format!("{shown}a").as_str()));
            assert_eq!(bytes_of(&text), bytes_of(&format!("{shown}a").parse::<FixedString<6>>().unwrap()));
        }
        let elements = list.to_vec();
        assert_eq!(list.push(1).is_ok(), elements.len() < 3);
        list.truncate(0);
        assert_eq!(bytes_of(&list), [0; 8]);
    }
}

#[test]
fn serde_has_them_as_text_and_list() {
    let (text, list) = (Word::truncated("Ada"), FixedVec::<u32, 3>::try_from(&[1, 2][..]).unwrap());
    assert_eq!(serde_json::to_string(&(text, list)).unwrap(), r#"["Ada",[1,2]]"#);
    assert_eq!(serde_json::from_str::<(Word, FixedVec<u32, 3>)>(r#"["Ada",[1,2]]"#).unwrap(), (text, list));
    let error = serde_json::from_str::<Word>(r#""thirteen byte""#).unwrap_err().to_string();
    assert!(error.contains("13") && error.contains("a text of at most 12 bytes"), "{error}");
    let error = serde_json::from_str::<FixedVec<u8, 2>>("[1,2,3]").unwrap_err().to_string();
    assert!(error.contains("3") && error.contains("a list of at most 2 elements"), "{error}");
    let region = Region::options().anonymous().unwrap();
    let queue = region.value_queue::<Word>("words").open_or_create().unwrap();
    queue.send(&text).unwrap();
    assert_eq!(queue.recv().unwrap(), text);
}
