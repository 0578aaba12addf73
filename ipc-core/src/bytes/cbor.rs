//! The bytes of a value as CBOR, which says what it is: names of fields and variants, and what kind of value comes next.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;

use ciborium::{de, ser};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::limits::{Excess, Limited, Limits};

/// Why there is no value, or there are no bytes.
pub(super) enum Failed {
    Text(String),
    Excess(Excess),
    /// Bytes are left.
    Rest(usize),
}

/// A value that was read within the limits; or what was too much.
///
/// The limits stand between this type and its content, for the reader is made where it cannot be wrapped.
struct Within<T>(Result<T, Excess>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Within<T> {
    fn deserialize<D: Deserializer<'de>>(inner: D) -> Result<Self, D::Error> {
        // Elements are no more than bytes: each takes one at least.
        let limits = Limits::of(usize::MAX);
        match T::deserialize(Limited { inner, limits: &limits }) {
            Ok(value) => Ok(Within(Ok(value))),
            Err(error) => limits.hit().map(|excess| Within(Err(excess))).ok_or(error),
        }
    }
}

/// The bytes of a value.
pub(super) fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    match ser::into_writer(value, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(ser::Error::Value(why)) => Err(Failed::Text(why)),
        Err(ser::Error::Io(error)) => Err(Failed::Text(format!("{error:?}"))),
    }
}

/// The value of which these are the bytes.
pub(super) fn read<T: DeserializeOwned>(message: &[u8]) -> Result<T, Failed> {
    let mut rest = message;
    let Within(value) = de::from_reader(&mut rest).map_err(failed)?;
    let value = value.map_err(Failed::Excess)?;
    if rest.is_empty() { Ok(value) } else { Err(Failed::Rest(rest.len())) }
}

fn failed<E: Debug>(error: de::Error<E>) -> Failed {
    Failed::Text(match error {
        de::Error::Io(_) => "the message ends in the middle of a value".into(),
        de::Error::Syntax(at) => format!("byte {at} begins no value of CBOR"),
        de::Error::Semantic(Some(at), why) => format!("{why}, at byte {at}"),
        de::Error::Semantic(None, why) => why,
        de::Error::RecursionLimitExceeded => return Failed::Excess(Excess::Depth),
    })
}
