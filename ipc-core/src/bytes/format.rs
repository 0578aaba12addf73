//! The bytes of a value.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "cbor")]
use super::cbor;
use super::limits::{DEPTH, Excess, Limited, Limits, WITHOUT_BYTES};
#[cfg(feature = "cbor")]
use super::words::CBOR;
use super::words::POSTCARD;

/// Bytes that most values fit into: memory for them is asked for once.
pub(super) const SHORT: usize = 128;

/// A value cannot be written as bytes, or bytes are not a value of the type. What it prints says why.
#[derive(Clone, PartialEq, Eq)]
pub struct FormatError(Reason);

#[derive(Clone, PartialEq, Eq)]
enum Reason {
    Format(postcard::Error),
    /// As the format says it.
    #[cfg(feature = "cbor")]
    Text(alloc::string::String),
    /// The queue is of a format that this program does not have.
    Unknown(u32),
    /// Bytes are left.
    Rest(usize),
    Excess(Excess),
    /// It takes this number of bytes, and only a part fits.
    TooLong {
        len: usize,
        most: usize,
    },
    /// A process died or panicked while it changed the bytes in place.
    HalfChanged,
    /// What was written is read as another value.
    Changed,
    /// Its sender was gone after some bytes of it, and perhaps in the middle of its length.
    Cut {
        got: usize,
        of: Option<usize>,
    },
}

impl FormatError {
    /// Only these bytes of a message have come.
    pub(crate) fn cut_off(got: usize, of: Option<usize>) -> Self {
        FormatError(Reason::Cut { got, of })
    }

    /// A process died or panicked while it changed the bytes in place.
    pub(crate) fn half_changed() -> Self {
        FormatError(Reason::HalfChanged)
    }

    /// There is no room for as many bytes.
    pub(crate) fn too_long(len: usize, most: usize) -> Self {
        FormatError(Reason::TooLong { len, most })
    }

    /// Returns whether the value takes more bytes than there is room for. See
    /// [`ValueMutex`](crate::mutex::ValueMutex::max_len).
    pub fn is_too_long(&self) -> bool {
        matches!(self.0, Reason::TooLong { .. })
    }

    /// Returns whether only a part of the message has come, and its sender is gone. See
    /// [`ValueDuplex`](crate::duplex::ValueDuplex#lengths).
    pub fn is_cut_off(&self) -> bool {
        matches!(self.0, Reason::Cut { .. })
    }
}

crate::error::debug_as_display!(FormatError);

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Format(error) => error.fmt(f),
            #[cfg(feature = "cbor")]
            Reason::Text(text) => f.write_str(text),
            Reason::Unknown(number) => match super::format_name((*number).into()) {
                Some(name) => write!(f, "the values are written in {name}, which this program was built without"),
                None => write!(f, "the values are written in an unknown format {number}"),
            },
            Reason::Rest(len) => write!(f, "{len} bytes are left behind the value"),
            Reason::Excess(Excess::Depth) => write!(f, "values are nested more than {DEPTH} deep"),
            Reason::Excess(Excess::Elements) => write!(f, "more than {WITHOUT_BYTES} elements take no bytes"),
            Reason::Cut { got, of: Some(len) } => write!(f, "cut off after {got} of {len} bytes: its sender is gone"),
            Reason::Cut { of: None, .. } => f.write_str("cut off in its length: its sender is gone"),
            Reason::TooLong { len, most } => write!(f, "it takes {len} bytes, where {most} fit (`max_len`)"),
            Reason::HalfChanged => {
                f.write_str("a process died or panicked while it changed its bytes in place: set the value")
            }
            Reason::Changed => f.write_str("it would arrive as another value (serde attributes that skip something?)"),
        }
    }
}

impl Error for FormatError {}

/// The bytes of a value. In debug builds, they are read back first: [`arrives`].
pub(crate) fn write<T: Serialize + DeserializeOwned>(format: u32, value: &T) -> Result<Vec<u8>, FormatError> {
    let bytes = bytes_of(format, value)?;
    if cfg!(debug_assertions) {
        arrives::<T>(format, &bytes)?;
    }
    Ok(bytes)
}

/// The value of which these are the bytes.
pub(crate) fn read<T: DeserializeOwned>(format: u32, message: &[u8]) -> Result<T, FormatError> {
    match format {
        POSTCARD => read_postcard(message),
        #[cfg(feature = "cbor")]
        CBOR => Ok(cbor::read(message)?),
        unknown => Err(FormatError(Reason::Unknown(unknown))),
    }
}

fn read_postcard<T: DeserializeOwned>(message: &[u8]) -> Result<T, FormatError> {
    match read_first(message)? {
        (value, []) => Ok(value),
        (_, rest) => Err(FormatError(Reason::Rest(rest.len()))),
    }
}

/// The value that these bytes begin with, written by [`append`], and the bytes behind it.
#[doc(hidden)]
pub fn read_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), FormatError> {
    let limits = Limits::of(bytes.len());
    let mut inner = postcard::Deserializer::from_bytes(bytes);
    let value = T::deserialize(Limited { inner: &mut inner, limits: &limits })
        .map_err(|error| FormatError(limits.hit().map_or(Reason::Format(error), Reason::Excess)))?;
    let rest = inner.finalize().map_err(|error| FormatError(Reason::Format(error)))?;
    Ok((value, rest))
}

/// Writes a value behind these bytes. If it cannot be written, they are as before. In debug builds, it is read back first, as in [`write`].
#[doc(hidden)]
pub fn append<T: Serialize + DeserializeOwned>(bytes: &mut Vec<u8>, value: &T) -> Result<(), FormatError> {
    let before = bytes.len();
    let written = postcard::serialize_with_flavor(value, Behind(bytes));
    let written = written.map_err(|error| FormatError(Reason::Format(error)));
    let checked = match written {
        Ok(()) if cfg!(debug_assertions) => arrives::<T>(POSTCARD, &bytes[before..]),
        other => other,
    };
    checked.inspect_err(|_| bytes.truncate(before))
}

/// Where [`append`] and [`write`] write.
struct Behind<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Behind<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn bytes_of<T: Serialize>(format: u32, value: &T) -> Result<Vec<u8>, FormatError> {
    match format {
        POSTCARD => {
            let mut bytes = Vec::with_capacity(SHORT);
            let written = postcard::serialize_with_flavor(value, Behind(&mut bytes));
            written.map(|()| bytes).map_err(|error| FormatError(Reason::Format(error)))
        }
        #[cfg(feature = "cbor")]
        CBOR => Ok(cbor::write(value)?),
        unknown => Err(FormatError(Reason::Unknown(unknown))),
    }
}

#[cfg(feature = "cbor")]
impl From<cbor::Failed> for FormatError {
    fn from(failed: cbor::Failed) -> Self {
        FormatError(match failed {
            cbor::Failed::Text(text) => Reason::Text(text),
            cbor::Failed::Excess(excess) => Reason::Excess(excess),
            cbor::Failed::Rest(len) => Reason::Rest(len),
        })
    }
}

/// Whether these bytes, written just now, are read as the value that was written: as far as can be told without comparing values. What is
/// read is written again. The bytes must be the same ones, in whatever order (hash maps have none).
fn arrives<T: Serialize + DeserializeOwned>(format: u32, bytes: &[u8]) -> Result<(), FormatError> {
    let (mut before, mut after) = (bytes.to_vec(), bytes_of(format, &read::<T>(format, bytes)?)?);
    before.sort_unstable();
    after.sort_unstable();
    if before == after { Ok(()) } else { Err(FormatError(Reason::Changed)) }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::boxed::Box;
    use std::collections::{BTreeSet, HashMap};
    use std::format;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    use serde::{Deserialize, Serialize};

    use super::*;

    fn arrives_whole<T: Serialize + DeserializeOwned>(value: &T) -> bool {
        bytes_of(POSTCARD, value).and_then(|bytes| arrives::<T>(POSTCARD, &bytes)).is_ok()
    }

    #[derive(Serialize, Deserialize)]
    struct Order {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u8>,
        number: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tip: Option<u8>,
        table: u8,
    }

    #[test]
    fn skipped_fields_are_told_to_the_sender() {
        for code in 0..81 {
            let some = |digit: u8| (digit > 0).then(|| digit - 1);
            let order =
                Order { limit: some(code % 3), number: code / 3 % 3, tip: some(code / 9 % 3), table: code / 27 };
            let whole = order.limit.is_some() && order.tip.is_some();
            assert_eq!(arrives_whole(&order), whole, "{code}");
        }
    }

    #[derive(Serialize, Deserialize)]
    enum Step {
        First,
        #[serde(skip)]
        #[allow(dead_code, reason = "it is the point")]
        Private,
        Second,
        Third,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }

    #[test]
    fn enums_that_do_not_arrive_are_told_to_the_sender() {
        assert!(arrives_whole(&Step::First));
        assert!(!arrives_whole(&Step::Second) && !arrives_whole(&Step::Third));
        assert!(!arrives_whole(&Either::Number(1)) && !arrives_whole(&Either::Text("a".into())));
    }

    #[test]
    fn what_has_no_order_arrives() {
        let map: HashMap<u32, Vec<String>> = (0..20).map(|i| (i, vec![format!("{i}"); i as usize % 3])).collect();
        assert!(arrives_whole(&map));
        assert!(arrives_whole(&(f32::NAN, Some("text"), (), vec![(); 1000]).1.map(String::from)));
    }

    #[derive(Serialize, Deserialize)]
    enum Tree {
        Leaf,
        Not(Box<Tree>),
    }

    #[derive(Serialize, Deserialize)]
    struct Link(Vec<Link>);

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Maybe(Option<Box<Maybe>>);

    #[test]
    fn depth_of_what_does_not_show_is_limited() {
        assert!(read_postcard::<Maybe>(&[1, 1, 1, 0]).is_ok());
        let error = read_postcard::<Maybe>(&vec![1; 500_000]).err().expect("too deep");
        assert_eq!(format!("{error}"), "values are nested more than 128 deep");
    }

    #[test]
    fn depth_is_limited() {
        let depth = DEPTH as usize;
        let tree = |tags: usize| [vec![1; tags], vec![0]].concat();
        // The leaf's name is one level more.
        assert!(read_postcard::<Tree>(&tree(depth - 1)).is_ok());
        for tags in [depth, depth + 1, 500_000] {
            let error = read_postcard::<Tree>(&tree(tags)).err().expect("too deep");
            assert_eq!(format!("{error}"), "values are nested more than 128 deep");
            assert!(read_postcard::<Link>(&tree(tags)).is_err());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it counts to 65,536 several times, which takes hours")]
    fn elements_without_bytes_are_limited() {
        assert!(arrives_whole(&vec![(); WITHOUT_BYTES]));
        assert!(arrives_whole(&vec![0_u8; 10 * WITHOUT_BYTES]));
        let endless = [vec![0xff; 9], vec![1]].concat();
        let error = read_postcard::<BTreeSet<()>>(&endless).expect_err("2^64 - 1 elements");
        assert_eq!(format!("{error}"), "more than 65536 elements take no bytes");
        assert!(read_postcard::<HashMap<(), ()>>(&endless).is_err());
    }
}
