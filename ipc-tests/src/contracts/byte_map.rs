//! The byte map's contracts.

use ipc_core::Platform;
use ipc_core::error::{GetBytesError, InsertBytesError};
use ipc_core::map::{ByteMap, ByteOptions};

use super::deadlines::Clocked;
use super::strategies::each;
use super::{Role, SHORT, rounds};

/// Three entries, keys of 5 bytes and values of 10.
pub const fn small() -> ByteOptions {
    let mut wanted = ByteOptions::new(3, [1, 2]);
    (wanted.max_key, wanted.max_value) = (Some(5), Some(10));
    wanted
}

fn get<P: Platform>(map: &ByteMap<'_, P>, key: &str) -> Option<String> {
    let mut value = [0; 10];
    let len = map.get(key, &mut value).expect("enough room")?;
    Some(String::from_utf8(value[..len].to_vec()).expect("text"))
}

/// Entries of bytes.
pub fn entries<P: Platform>(map: &ByteMap<'_, P>, role: &Role<'_>) {
    role.one(|| {
        assert_eq!((map.capacity(), map.max_key(), map.max_value(), map.len()), (3, 5, 10, 0));
        assert_eq!(
            (map.insert("a", "one"), map.insert("", ""), map.insert("a", "1")),
            (Ok(false), Ok(false), Ok(true))
        );
        let too_long = (map.insert("123456", ""), map.insert("b", "12345678901"));
        let [key, value] = [(6, 5), (11, 10)];
        assert_eq!(too_long.0, Err(InsertBytesError::KeyTooLong { len: key.0, max: key.1 }));
        assert_eq!(too_long.1, Err(InsertBytesError::ValueTooLong { len: value.0, max: value.1 }));
    });
    role.two(|| {
        assert_eq!(
            (map.len(), get(map, "a"), get(map, ""), get(map, "b")),
            (2, Some("1".into()), Some("".into()), None)
        );
        assert_eq!(
            (map.contains_key("a"), map.contains_key("123456"), map.remove("123456")),
            (Ok(true), Ok(false), Ok(false))
        );
        assert_eq!((map.insert("12345", "1234567890"), map.insert("x", "")), (Ok(false), Err(InsertBytesError::Full)));
        assert_eq!(map.get("12345", &mut [0; 9]), Err(GetBytesError::TooLong { len: 10, room: 9 }));
        assert_eq!((map.remove("a"), map.remove("a"), map.insert("x", "y")), (Ok(true), Ok(false), Ok(false)));
    });
    let times = rounds(100);
    role.one(|| assert_eq!((map.clear(), map.len(), map.insert("n", [])), (Ok(()), 0, Ok(false))));
    let add = || {
        for _ in 0..times {
            let mut guard = map.lock().expect("it waits");
            let mut sum = [0; 8];
            let len = guard.get("n", &mut sum).expect("enough room").expect("it is there");
            assert!(len == 0 || len == 8);
            assert_eq!(guard.insert("n", (u64::from_le_bytes(sum) + 1).to_le_bytes()), Ok(true));
        }
    };
    role.at_once(add, add);
    // A lock keeps other writers out, and not readers.
    let guard = role.one(|| map.lock().expect("nobody writes"));
    role.two(|| {
        assert!(map.try_lock().is_err_and(|error| error.would_block()));
        assert!(map.lock_timeout(SHORT).is_err_and(|error| error.is_timeout()));
        let mut sum = [0; 8];
        assert_eq!((map.get("n", &mut sum), u64::from_le_bytes(sum)), (Ok(Some(8)), 2 * times));
    });
    role.one(|| drop(guard));
    role.two(|| assert_eq!((map.try_lock().map(drop), map.remove("n")), (Ok(()), Ok(true))));
}

/// Writers wait for each other.
pub fn strategies<P: Platform>(map: &ByteMap<'_, P>, role: &Role<'_>) {
    let write = |_| assert!(map.insert("key", "value").is_ok());
    each(map, role, write, write);
}

/// Time limits of its lock.
pub fn deadlines<P: Clocked>(map: &ByteMap<'_, P>, role: &Role<'_>) {
    let guard = role.one(|| map.lock_deadline(P::past()).expect("nobody writes"));
    role.two(|| assert!(map.lock_deadline(P::past()).is_err_and(|error| error.is_timeout())));
    drop(guard);
    role.at_once(
        || assert_eq!(map.lock_deadline(P::far()).expect("in time").insert("a", "b"), Ok(false)),
        || assert!(map.lock_deadline(P::far()).is_ok()),
    );
    role.two(|| assert_eq!(map.lock_deadline(P::past()).expect("nobody writes").contains_key("a"), Ok(true)));
}

/// A map whose lock a writer had that dies: what it had done is there, and the next one goes on.
pub fn writer_died<P: Platform>(map: &ByteMap<'_, P>, role: &Role<'_>) {
    role.one(|| assert_eq!(map.insert("a", "1"), Ok(false)));
    let _held = role.two(|| {
        let mut guard = map.lock().expect("nobody writes");
        assert_eq!((guard.insert("b", "2"), guard.remove("a")), (Ok(false), Ok(true)));
        guard
    });
    role.two_is_killed();
    assert_eq!((map.len(), get(map, "a"), get(map, "b")), (1, None, Some("2".into())));
    assert_eq!((map.insert("c", "3"), map.len()), (Ok(false), 2));
}
