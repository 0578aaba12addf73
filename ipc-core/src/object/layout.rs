//! Facts of the binary layout: for the region's fingerprint, and for the list of all of them that a test keeps.

/// Where the fields of a struct lie, or another number on which programs must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// Bytes of the struct; or the number.
    pub size: usize,
    /// Its alignment; 0 for a number.
    pub align: usize,
    /// The offset of each field.
    pub fields: &'static [(&'static str, usize)],
}

impl Fact {
    /// A number on which programs must agree.
    pub(crate) const fn number(name: &'static str, number: usize) -> Self {
        Fact { name, size: number, align: 0, fields: &[] }
    }

    /// Folds these facts into a hash.
    pub(crate) const fn fingerprint(&self, mut hash: u64) -> u64 {
        hash = mix(mix(hash, self.size), self.align);
        let mut field = 0;
        while field < self.fields.len() {
            hash = mix(hash, self.fields[field].1);
            field += 1;
        }
        hash
    }
}

/// FNV-1a, 64 bits, over the facts as 64-bit numbers.
const fn mix(hash: u64, fact: usize) -> u64 {
    (hash ^ fact as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The [`Fact`] about a struct. A field that is not named here does not compile.
macro_rules! layout {
    ($name:ident) => {
        layout!(@ $name,)
    };
    ($name:ident { $($field:ident),* $(,)? }) => {{
        #[allow(dead_code, reason = "no field is missing if this compiles")]
        fn all_fields(words: $name) {
            let $name { $($field: _),* } = words;
        }
        layout!(@ $name, $($field)*)
    }};
    ($name:ident <$arg:ty> { $($field:ident),* $(,)? }) => {{
        #[allow(dead_code, reason = "no field is missing if this compiles")]
        fn all_fields(words: $name<$arg>) {
            let $name { $($field: _),* } = words;
        }
        layout!(@ $name<$arg>, $($field)*)
    }};
    (@ $type:ty, $($field:ident)*) => {
        $crate::object::Fact {
            name: stringify!($type),
            size: size_of::<$type>(),
            align: align_of::<$type>(),
            fields: &[$((stringify!($field), core::mem::offset_of!($type, $field))),*],
        }
    };
}
pub(crate) use layout;
