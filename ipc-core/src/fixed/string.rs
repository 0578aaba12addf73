//! Text.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::str::FromStr;

use bytemuck::{Pod, Zeroable};

use super::{LengthError, TextError};

/// Text of at most `N` bytes that is plain data: in messages, under locks, as the key of a map.
///
/// It takes `N + 4` bytes and has no alignment. In a struct with a `u64`, `N` is 4, 12, 20, 28, ..., which leaves no gap behind it. It is
/// read as a `str`, by dereference.
///
/// ```
/// # use ipc_posix::{Error, FixedString, Region};
/// # fn main() -> Result<(), Error> {
/// # let region = Region::options().anonymous()?;
/// let names = region.queue::<FixedString<16>>("names").open_or_create()?;
/// names.send("Ada".parse()?)?;
/// let name = names.recv()?;
/// assert_eq!(name, "Ada");
/// assert!(name.starts_with('A') && name.len() == 3);
///
/// let ages = region.map::<FixedString<16>, u32>("ages").capacity(100).open_or_create()?;
/// ages.insert(name, 36)?;
/// assert_eq!(ages.get(&"Ada".parse()?)?, Some(36));
///
/// let motto = region.mutex::<FixedString<64>>("motto").open_or_create()?;
/// motto.lock()?.set("poetical science")?;
/// # Ok(())
/// # }
/// ```
///
/// # Bytes that are no text
///
/// Any bits are a value, for a lock's data may be left in any state. Of bytes that are no UTF-8, and of a length that is too large, the
/// longest part from the beginning counts that is text. [`text`](Self::text) returns an error instead.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FixedString<const N: usize> {
    /// As bytes, so that there is no alignment.
    len: [u8; 4],
    /// The text, then zeroes.
    bytes: [u8; N],
}

// SAFETY: zeroes are the empty text.
unsafe impl<const N: usize> Zeroable for FixedString<N> {}
// SAFETY: bytes beside bytes, without a gap; all bits are read with care.
unsafe impl<const N: usize> Pod for FixedString<N> {}

impl<const N: usize> FixedString<N> {
    /// The most bytes that fit.
    pub const CAPACITY: usize = {
        assert!(N as u64 <= u32::MAX as u64, "a FixedString has at most 4294967295 bytes");
        N
    };

    /// The empty text.
    pub const fn new() -> Self {
        FixedString { len: [0; 4], bytes: [0; N] }
    }

    /// As much of a text as fits, whole characters only.
    ///
    /// ```
    /// use ipc_posix::FixedString;
    /// assert_eq!(FixedString::<4>::truncated("naïve"), "naï");
    /// assert_eq!(FixedString::<3>::truncated("naïve"), "na");
    /// ```
    pub fn truncated(text: &str) -> Self {
        let mut end = text.len().min(Self::CAPACITY);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut cut = Self::new();
        cut.write(0, &text.as_bytes()[..end]);
        cut
    }

    /// The text, by which a text that a faulty peer has damaged is found. To read it without an error, dereference.
    ///
    /// ```
    /// use ipc_posix::FixedString;
    /// use ipc_posix::bytemuck::bytes_of_mut;
    ///
    /// let mut name: FixedString<8> = "Ada".parse()?;
    /// assert_eq!(name.text(), Ok("Ada"));
    /// bytes_of_mut(&mut name)[5] = 0xff;
    /// assert_eq!(name.text().unwrap_err().to_string(), "a text of 3 bytes, of which the first 1 are one");
    /// assert_eq!(name, "A");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// How much of it is text.
    pub fn text(&self) -> Result<&str, TextError> {
        let len = u32::from_ne_bytes(self.len);
        let text = self.as_str();
        if text.len() as u64 == u64::from(len) { Ok(text) } else { Err(TextError::new(len, text.len())) }
    }

    /// The text: the longest part of the bytes, from the first on, that is one.
    pub fn as_str(&self) -> &str {
        let len = (u32::from_ne_bytes(self.len) as usize).min(Self::CAPACITY);
        let bytes = &self.bytes[..len];
        let valid = match core::str::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => error.valid_up_to(),
        };
        // The part that was found to be text.
        core::str::from_utf8(&bytes[..valid]).unwrap_or("")
    }

    /// Replaces the text.
    ///
    /// # Errors
    ///
    /// It is too long. Then nothing has changed.
    pub fn set(&mut self, text: &str) -> Result<(), LengthError> {
        LengthError::check(text.len(), Self::CAPACITY)?;
        self.write(0, text.as_bytes());
        Ok(())
    }

    /// Adds a text at the end. `write!` does it, too.
    ///
    /// ```
    /// use std::fmt::Write;
    /// use ipc_posix::FixedString;
    ///
    /// let mut line = FixedString::<12>::new();
    /// line.push_str("width ")?;
    /// write!(line, "{}", 640)?;
    /// assert_eq!(line, "width 640");
    /// assert_eq!(line.push_str(" pixels").unwrap_err().to_string(), "a length of 16, where 12 fit");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There is no room for it. Then nothing has changed.
    pub fn push_str(&mut self, text: &str) -> Result<(), LengthError> {
        let len = self.as_str().len();
        LengthError::check(len.saturating_add(text.len()), Self::CAPACITY)?;
        self.write(len, text.as_bytes());
        Ok(())
    }

    /// Makes the text empty.
    pub fn clear(&mut self) {
        self.write(0, &[]);
    }

    /// Writes the text behind the first `keep` bytes, which fits, and zeroes behind it.
    fn write(&mut self, keep: usize, bytes: &[u8]) {
        let (text, rest) = self.bytes[keep..].split_at_mut(bytes.len());
        text.copy_from_slice(bytes);
        rest.fill(0);
        self.len = ((keep + bytes.len()) as u32).to_ne_bytes();
    }
}

impl<const N: usize> Default for FixedString<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for FixedString<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> FromStr for FixedString<N> {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        let mut fixed = Self::new();
        fixed.set(text)?;
        Ok(fixed)
    }
}

impl<const N: usize> TryFrom<&str> for FixedString<N> {
    type Error = LengthError;

    fn try_from(text: &str) -> Result<Self, LengthError> {
        text.parse()
    }
}

#[cfg(feature = "alloc")]
impl<const N: usize> From<FixedString<N>> for alloc::string::String {
    fn from(text: FixedString<N>) -> Self {
        text.as_str().into()
    }
}

impl<const N: usize> fmt::Write for FixedString<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text).map_err(|_| fmt::Error)
    }
}

impl<const N: usize> fmt::Display for FixedString<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<const N: usize> fmt::Debug for FixedString<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl<const N: usize, const M: usize> PartialEq<FixedString<M>> for FixedString<N> {
    fn eq(&self, other: &FixedString<M>) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for FixedString<N> {}

impl<const N: usize> PartialEq<str> for FixedString<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for FixedString<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize> PartialEq<FixedString<N>> for str {
    fn eq(&self, other: &FixedString<N>) -> bool {
        self == other.as_str()
    }
}

impl<const N: usize> PartialEq<FixedString<N>> for &str {
    fn eq(&self, other: &FixedString<N>) -> bool {
        *self == other.as_str()
    }
}

impl<const N: usize> PartialOrd for FixedString<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for FixedString<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const N: usize> Hash for FixedString<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<const N: usize> Borrow<str> for FixedString<N> {
    fn borrow(&self) -> &str {
        self
    }
}

impl<const N: usize> AsRef<str> for FixedString<N> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<const N: usize> AsRef<[u8]> for FixedString<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}
