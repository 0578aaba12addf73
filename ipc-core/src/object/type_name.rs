//! Names of types: what an object holds, as its creator's compiler calls it.
//!
//! Two programs are built apart, so a type has no number that both know. Its name is what both write in their source. The name lies in the
//! object's header, and is compared when the object is opened. What is compared is the last segment of each path: `shop::Order<u64>` and
//! `till::Order<u64>` are both `Order<u64>`, since the programs often keep the type in modules of their own.

use core::fmt::{self, Write};

/// The most bytes of a name that are kept.
pub(super) const MAX_BYTES: usize = 32;

/// Who has chosen a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Nobody: there is no name.
    Nobody,
    /// The compiler.
    Compiler,
    /// The user, by `type_name`.
    User,
    /// The compiler, for a handle that has come from another program: it gives way to a name that a user has chosen, which came not with it.
    Traveller,
}

/// The name of the type of an object's elements, or none.
///
/// A name of more than 32 bytes is cut, and ends with a hash of the whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TypeName {
    bytes: [u8; MAX_BYTES],
    origin: Origin,
}

/// Cuts a text to what fits, and hashes the whole.
struct Cutter {
    bytes: [u8; MAX_BYTES],
    len: usize,
    hash: u32,
}

impl Cutter {
    const DIGITS: usize = 8;

    fn finish(mut self) -> [u8; MAX_BYTES] {
        if self.len > MAX_BYTES {
            let mut kept = MAX_BYTES - Self::DIGITS - 1;
            // Not in the middle of a character.
            while self.bytes[kept] & 0xC0 == 0x80 {
                kept -= 1;
            }
            self.bytes[kept..].fill(0);
            self.len = kept;
            let hash = self.hash;
            let _ = write!(self, "#{hash:08x}");
        }
        self.bytes
    }
}

impl Write for Cutter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
            }
            self.len += 1;
            // FNV-1a, see <http://www.isthe.com/chongo/tech/comp/fnv/>.
            self.hash = (self.hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        Ok(())
    }
}

impl TypeName {
    /// No name: it is not compared.
    pub const NONE: TypeName = TypeName { bytes: [0; MAX_BYTES], origin: Origin::Nobody };

    /// The name of `T`: the last segment of its path, and of the paths of its parameters.
    pub fn of<T: ?Sized>() -> Self {
        Self::new(core::any::type_name::<T>(), Origin::Compiler)
    }

    /// A name that the user has chosen. An empty one is no name.
    pub fn chosen(name: &str) -> Self {
        if name.is_empty() { Self::NONE } else { Self::new(name, Origin::User) }
    }

    /// Gives way to a name that a user has chosen.
    #[cfg(feature = "serde")]
    pub(super) fn of_a_traveller(self) -> Self {
        if self.origin == Origin::Compiler { TypeName { origin: Origin::Traveller, ..self } } else { self }
    }

    fn new(path: &str, origin: Origin) -> Self {
        let mut name = Cutter { bytes: [0; MAX_BYTES], len: 0, hash: 0x811c_9dc5 };
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut rest = path;
        while let Some(first) = rest.chars().next() {
            let end = if is_word(first) { rest.find(|letter| !is_word(letter)) } else { Some(first.len_utf8()) };
            let (part, behind) = rest.split_at(end.unwrap_or(rest.len()));
            rest = match behind.strip_prefix("::") {
                // A segment that another one follows.
                Some(behind) if is_word(first) => behind,
                _ => {
                    let _ = name.write_str(part);
                    behind
                }
            };
        }
        TypeName { bytes: name.finish(), origin }
    }

    /// The text; empty if there is no name, or none that can be read.
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(MAX_BYTES);
        core::str::from_utf8(&self.bytes[..len]).unwrap_or("")
    }

    /// Whether there is no name.
    pub fn is_none(&self) -> bool {
        self.origin == Origin::Nobody
    }

    /// Whether who wants this name can open an object with the name that was `found`.
    pub(super) fn accepts(&self, found: &TypeName) -> bool {
        self.is_none()
            || found.is_none()
            || self.bytes == found.bytes
            || (self.origin == Origin::Traveller && found.origin == Origin::User)
    }

    /// As words of an object's header: who has chosen it, then the text.
    pub(super) fn words(&self) -> (u64, [u64; MAX_BYTES / 8]) {
        let origin = match self.origin {
            Origin::Nobody => 0,
            Origin::Compiler | Origin::Traveller => 1,
            Origin::User => 2,
        };
        let mut words = [0; MAX_BYTES / 8];
        for (word, bytes) in words.iter_mut().zip(self.bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        (origin, words)
    }

    /// From the words of an object's header. Another number than those above counts as the compiler's.
    pub(super) fn from_words(origin: u64, words: [u64; MAX_BYTES / 8]) -> Self {
        let origin = match origin {
            0 => return Self::NONE,
            2 => Origin::User,
            _ => Origin::Compiler,
        };
        let mut bytes = [0; MAX_BYTES];
        for (word, bytes) in words.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *bytes = word.to_le_bytes();
        }
        TypeName { bytes, origin }
    }
}

impl fmt::Display for TypeName {
    /// What cannot be printed, as escapes. Another process may have written it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_str();
        if text.is_empty() {
            return f.write_str("without a name");
        }
        text.chars().try_for_each(|letter| {
            if letter.is_control() { letter.escape_default().fmt(f) } else { f.write_char(letter) }
        })
    }
}

impl fmt::Debug for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What is compared of an object's content beside its size: the user's number, and the name of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The user's own number for the meaning of the content; 0 if they gave none.
    pub number: u64,
    /// The name that the user has chosen, [`TypeName::NONE`] if they want none to be compared; without this, it is that of the type.
    pub chosen: Option<TypeName>,
    /// Whether the handle comes from another program, which may have chosen a name.
    travels: bool,
}

impl Schema {
    /// Nothing.
    pub const NONE: Schema = Schema { number: 0, chosen: None, travels: false };

    /// This number, and the name of the type.
    pub const fn new(number: u64) -> Self {
        Schema { number, ..Schema::NONE }
    }

    /// This number, for a handle that comes from another program.
    #[cfg(feature = "serde")]
    pub(super) const fn of_a_traveller(number: u64) -> Self {
        Schema { number, chosen: None, travels: true }
    }

    /// The name that is compared for elements of type `T`.
    pub(crate) fn name_of<T: ?Sized>(&self) -> TypeName {
        let name = self.chosen.unwrap_or_else(TypeName::of::<T>);
        #[cfg(feature = "serde")]
        if self.travels {
            return name.of_a_traveller();
        }
        name
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<u64> for Schema {
    fn from(number: u64) -> Self {
        Schema::new(number)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    mod inner {
        pub struct Order<T>(pub T);
    }

    #[test]
    fn a_name_has_the_last_segment_of_each_path() {
        let name = |name: TypeName| name.to_string();
        assert_eq!(name(TypeName::of::<u64>()), "u64");
        assert_eq!(name(TypeName::of::<[u8; 32]>()), "[u8; 32]");
        assert_eq!(name(TypeName::of::<inner::Order<String>>()), "Order<String>");
        assert_eq!(name(TypeName::of::<(Option<inner::Order<u8>>, Vec<&str>)>()), "(Option<Order<u8>>, Vec<&str>)");
        assert_eq!(name(TypeName::chosen("shop::Order")), "Order");
        assert!(TypeName::chosen("").is_none());
        let _ = inner::Order(0).0;
    }

    #[test]
    fn a_long_name_ends_with_its_hash() {
        let long = |last: char| TypeName::chosen(&("é".repeat(40) + &last.to_string()));
        assert_eq!(long('a'), long('a'));
        assert_ne!(long('a'), long('b'));
        let text = long('a').to_string();
        assert!(text.len() <= MAX_BYTES && text.starts_with("éé") && text.contains("é#"), "{text}");
        let fits = "x".repeat(MAX_BYTES);
        assert_eq!(TypeName::chosen(&fits).as_str(), fits);
    }

    #[test]
    fn words_hold_a_name() {
        for name in [TypeName::NONE, TypeName::of::<u64>(), TypeName::chosen("Order")] {
            let (origin, words) = name.words();
            assert_eq!(TypeName::from_words(origin, words), name);
        }
        let hostile = TypeName::from_words(7, [u64::MAX; 4]);
        assert_eq!((hostile.as_str(), hostile.to_string().as_str()), ("", "without a name"));
    }

    #[test]
    fn names_are_compared_unless_one_has_none() {
        let (number, float, chosen) = (TypeName::of::<u64>(), TypeName::of::<f64>(), TypeName::chosen("f64"));
        assert!(number.accepts(&number) && !number.accepts(&float) && float.accepts(&chosen));
        assert!(TypeName::NONE.accepts(&float) && float.accepts(&TypeName::NONE));
        #[cfg(feature = "serde")]
        {
            let traveller = number.of_a_traveller();
            assert!(traveller.accepts(&chosen) && !traveller.accepts(&float));
        }
    }
}
