//! As values of serde: a text as a `String`, a list as a `Vec`.

use core::fmt;
use core::marker::PhantomData;

use bytemuck::Pod;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{FixedString, FixedVec};

impl<const N: usize> Serialize for FixedString<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// Fails for a text that is too long.
impl<'de, const N: usize> Deserialize<'de> for FixedString<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<const N: usize>;
        impl<const N: usize> Visitor<'_> for Text<N> {
            type Value = FixedString<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {N} bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<FixedString<N>, E> {
                text.parse().map_err(|_| E::invalid_length(text.len(), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<T: Pod + Serialize, const N: usize, const L: usize> Serialize for FixedVec<T, N, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

/// Fails for a list that is too long.
impl<'de, T: Pod + Deserialize<'de>, const N: usize, const L: usize> Deserialize<'de> for FixedVec<T, N, L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const N: usize, const L: usize>(PhantomData<T>);
        impl<'de, T: Pod + Deserialize<'de>, const N: usize, const L: usize> Visitor<'de> for List<T, N, L> {
            type Value = FixedVec<T, N, L>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {N} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<FixedVec<T, N, L>, A::Error> {
                let mut list = FixedVec::new();
                while let Some(element) = elements.next_element()? {
                    list.push(element).map_err(|error| A::Error::invalid_length(error.wanted, &self))?;
                }
                Ok(list)
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}
