//! What does not fit, and what is no text.

use core::fmt;

/// Says that a text or a list is longer than its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LengthError {
    /// The length that was wanted: bytes of a text, elements of a list.
    pub wanted: usize,
    /// The most that fit.
    pub capacity: usize,
}

impl LengthError {
    pub(super) const fn new(wanted: usize, capacity: usize) -> Self {
        LengthError { wanted, capacity }
    }

    pub(super) const fn check(wanted: usize, capacity: usize) -> Result<(), Self> {
        if wanted <= capacity { Ok(()) } else { Err(Self::new(wanted, capacity)) }
    }
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a length of {}, where {} fit", self.wanted, self.capacity)
    }
}

impl core::error::Error for LengthError {}

/// Says that the bytes of a text are none: a faulty peer has written them, or a holder of the lock around them died in the middle of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextError {
    /// The length that the text claims, in bytes.
    pub len: u32,
    /// How many bytes from the first on are text.
    pub valid: usize,
}

impl TextError {
    pub(super) const fn new(len: u32, valid: usize) -> Self {
        TextError { len, valid }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of {} bytes, of which the first {} are one", self.len, self.valid)
    }
}

impl core::error::Error for TextError {}
