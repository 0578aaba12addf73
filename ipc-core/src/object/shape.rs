//! What two programs must agree on to share an object, and the error that says where they do not.

use core::fmt;

use super::{Kind, Schema, TypeName};
use crate::memory::OBJECT_ALIGN;
use crate::{atomic, bytes, event};

/// Everything that two programs must agree on to share an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What the object is.
    pub kind: Kind,
    /// Size of an element in bytes.
    pub element_size: u32,
    /// Alignment of an element in bytes.
    pub element_align: u32,
    /// The users' own number for the meaning of an element; 0 if they gave none.
    pub schema: u64,
    /// How many elements fit.
    pub capacity: u64,
    /// The name of the elements' type. [`TypeName::NONE`] if there is none, or it is not compared.
    pub type_name: TypeName,
}

impl Shape {
    /// The shape of an object of this kind with `capacity` elements of type `T`.
    pub fn of<T>(kind: Kind, capacity: u64, schema: Schema) -> Self {
        Self::untyped::<T>(kind, capacity, schema).with_type::<T>(&schema)
    }

    /// The shape of an object whose elements are as large as a `T`, but are of no type of the user's.
    pub(crate) fn untyped<T>(kind: Kind, capacity: u64, schema: Schema) -> Self {
        Shape {
            kind,
            element_size: size_of::<T>() as u32,
            element_align: align_of::<T>() as u32,
            schema: schema.number,
            capacity,
            type_name: schema.chosen.unwrap_or(TypeName::NONE),
        }
    }

    /// With the name of `T`, if the user has chosen no other.
    pub(crate) fn with_type<T>(self, schema: &Schema) -> Self {
        Shape { type_name: schema.name_of::<T>(), ..self }
    }

    /// The shape of a new queue, with a capacity if its creator has not said one: 1024 elements, or fewer large ones, some 64 KiB of
    /// them in all, but 16 at least.
    pub(crate) fn with_default_capacity(self) -> Self {
        const MOST: u64 = 1024;
        const LEAST: u64 = 16;
        const BYTES: u64 = 64 << 10;
        if self.capacity != 0 {
            return self;
        }
        let fitting = match self.element_size {
            0 => MOST,
            size => BYTES / u64::from(size),
        };
        Shape { capacity: fitting.clamp(LEAST, MOST), ..self }
    }

    /// Compares the elements' alignment with that of objects.
    pub(crate) fn check_align(&self) -> Result<(), ShapeError> {
        let (wanted, most) = (u64::from(self.element_align), OBJECT_ALIGN as u64);
        if wanted > most { Err(ShapeError::Impossible { field: Field::ElementAlign, wanted, most }) } else { Ok(()) }
    }

    /// Compares with the shape that is `wanted`; a wanted capacity of 0 means any. The first difference is the error.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn check(&self, wanted: &Shape) -> Result<(), ShapeError> {
        let found = self;
        if found.kind != wanted.kind {
            return Err(ShapeError::Kind { wanted: wanted.kind, found: found.kind as u32 });
        }
        if !wanted.type_name.accepts(&found.type_name) {
            return Err(ShapeError::Type { wanted: wanted.type_name, found: found.type_name });
        }
        let fields = [
            (Field::ElementSize, wanted.element_size.into(), found.element_size.into()),
            (Field::ElementAlign, wanted.element_align.into(), found.element_align.into()),
            (Field::Schema, wanted.schema, found.schema),
            (
                Field::of_capacity(found.kind),
                if wanted.capacity == 0 { found.capacity } else { wanted.capacity },
                found.capacity,
            ),
        ];
        match fields.into_iter().find(|(_, wanted, found)| wanted != found) {
            None => Ok(()),
            Some((field, wanted, found)) => Err(ShapeError::Differs { field, wanted, found }),
        }
    }
}

/// A field of a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// Size of an element in bytes.
    ElementSize,
    /// Alignment of an element in bytes.
    ElementAlign,
    /// The users' number.
    Schema,
    /// How many elements fit.
    Capacity,
    /// How an event resets.
    Reset,
    /// The parties of a barrier.
    Parties,
    /// The type of an atomic cell, or of an array's elements.
    Type,
    /// Elements of an array.
    Elements,
    /// Blocks of a loan queue.
    Blocks,
    /// Elements of a block of a loan queue.
    BlockLength,
    /// Size of a key of a priority queue or a map in bytes.
    KeySize,
    /// Alignment of a key of a priority queue or a map in bytes.
    KeyAlign,
    /// Subscribers that the publishers of a broadcast wait for; 0 if they do not.
    Subscribers,
    /// Jobs of a work queue that may be leased beside its capacity.
    Leases,
    /// After how many leases a job of a work queue is a dead letter.
    Attempts,
    /// How many milliseconds a holder may keep a job of a work queue; 0: any number.
    LeaseLimit,
    /// The most bytes of a job of a work queue.
    MaxLength,
    /// Size of an element of a duplex's server in bytes.
    BackSize,
    /// Alignment of an element of a duplex's server in bytes.
    BackAlign,
    /// The most bytes of the answer to a job of a work queue.
    MaxReply,
    /// The most bytes of a key of a byte map.
    MaxKey,
    /// The most bytes of a value of a byte map.
    MaxValue,
    /// How values are written as bytes.
    Format,
    /// Levels of a queue.
    Levels,
    /// Every how many receives begin at another level of a queue than the highest; 0 if none.
    Fair,
    /// Bytes of the whole object.
    Length,
}

impl Field {
    /// The name of a value, if this field has names rather than numbers.
    fn name(self, value: u64) -> Option<&'static str> {
        match self {
            Field::Reset => event::name(value),
            Field::Type => atomic::form(value).map(|(name, _)| name),
            Field::Format => bytes::format_name(value),
            _ => None,
        }
    }
}

/// A field's value: its name, or the number.
struct Named(Field, u64);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name(self.1) {
            Some(name) => f.write_str(name),
            None => self.1.fmt(f),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::ElementSize => "element size",
            Field::ElementAlign => "element alignment",
            Field::Schema => "schema",
            Field::Capacity => "capacity",
            Field::Reset => "reset",
            Field::Parties => "parties",
            Field::Type => "type",
            Field::Elements => "elements",
            Field::Blocks => "blocks",
            Field::BlockLength => "block length",
            Field::KeySize => "key size",
            Field::KeyAlign => "key alignment",
            Field::Subscribers => "subscribers",
            Field::Leases => "leases",
            Field::Attempts => "attempts",
            Field::LeaseLimit => "lease limit in milliseconds",
            Field::MaxLength => "maximum length",
            Field::BackSize => "size of the server's elements",
            Field::BackAlign => "alignment of the server's elements",
            Field::MaxReply => "maximum length of an answer",
            Field::MaxKey => "maximum length of a key",
            Field::MaxValue => "maximum length of a value",
            Field::Format => "format",
            Field::Levels => "levels",
            Field::Fair => "fair every",
            Field::Length => "length",
        })
    }
}

/// Why an object in memory cannot be used as what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// There is no complete object in this memory.
    Missing,
    /// It is another kind of object.
    Kind {
        /// The kind that the caller wants.
        wanted: Kind,
        /// The number of the kind that is there.
        found: u32,
    },
    /// It holds another type.
    Type {
        /// The type that the caller wants.
        wanted: TypeName,
        /// The type that is there.
        found: TypeName,
    },
    /// A field differs.
    Differs {
        /// Which one.
        field: Field,
        /// The caller's value.
        wanted: u64,
        /// The object's value.
        found: u64,
    },
    /// The wanted object is impossible: a capacity of 0, or more than an address space holds.
    Capacity {
        /// The capacity that was asked for.
        wanted: u64,
    },
    /// The wanted object is impossible: another field than the capacity is too small or too large.
    Impossible {
        /// Which one.
        field: Field,
        /// The caller's value.
        wanted: u64,
        /// The most that is possible. The least is 1.
        most: u64,
    },
    /// The object is not there yet, and a creator has to say its capacity.
    Unsaid,
    /// The object is not there yet, and a creator has to say its initial value.
    NoInitialValue,
    /// The object is not there yet, and its initial value cannot be written as bytes.
    InitialValue,
    /// The object is not there yet, and its initial value takes more bytes than there is room for.
    InitialValueTooLong {
        /// Bytes that it takes.
        len: u64,
        /// Bytes that fit.
        most: u64,
    },
    /// The memory is too small for the object.
    TooSmall {
        /// Bytes that the object takes.
        wanted: u64,
        /// Bytes that there are.
        found: u64,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ShapeError::Missing => f.write_str("no complete object in this memory"),
            ShapeError::Kind { wanted, found } => match Kind::from_number(found) {
                Some(found) => write!(f, "{wanted} here, {found} in the region"),
                None => write!(f, "{wanted} here, an object of unknown kind {found} in the region"),
            },
            ShapeError::Type { wanted, found } => write!(f, "type {wanted} here, {found} in the region"),
            ShapeError::Differs { field, wanted, found } => {
                write!(f, "{field} {} here, {} in the region", Named(field, wanted), Named(field, found))
            }
            ShapeError::Unsaid => f.write_str("its capacity was not said"),
            ShapeError::NoInitialValue => f.write_str("its initial value was not said"),
            ShapeError::InitialValue => f.write_str("its initial value cannot be written"),
            ShapeError::InitialValueTooLong { len, most } => {
                write!(f, "its initial value takes {len} bytes, where {most} fit (`max_len`)")
            }
            ShapeError::Capacity { wanted: 0 } => f.write_str("a capacity of 0 is not possible"),
            ShapeError::Capacity { wanted } => write!(f, "a capacity of {wanted} is not possible"),
            ShapeError::Impossible { field, wanted, most } => {
                write!(f, "{field}: {wanted} is not possible, only 1 to {most}")
            }
            ShapeError::TooSmall { wanted, found } => write!(f, "{wanted} bytes wanted, {found} there"),
        }
    }
}

impl core::error::Error for ShapeError {}
