//! Text and lists of a fixed capacity that are plain data: fields of messages, data of locks, keys and values of maps.
//!
//! [`FixedString`] and [`FixedVec`] hold their length and their content in themselves. Both are [`Pod`](bytemuck::Pod), so that they can
//! be wherever a number can, and zeroes are the empty one. Every pattern of bits therefore has to be a value, also those that a faulty
//! peer writes. What is read is cut to what makes sense: a length to the capacity, and text to its longest part that is UTF-8.
//!
//! Behind the content there are only zeroes, so that equal texts and equal lists have equal bytes. That makes them keys of a
//! [`Map`](crate::Map).
//!
//! (Fixed-capacity types of other crates keep uninitialised bytes behind their content, or promise valid text, and so are not `Pod`.)

mod error;
#[cfg(feature = "serde")]
mod serial;
mod string;
mod vec;

pub use error::{LengthError, TextError};
pub use string::FixedString;
pub use vec::FixedVec;
