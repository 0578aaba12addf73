//! The header at the start of every object.

use core::mem::MaybeUninit;

use super::{Fact, Kind, Shape, ShapeError, TypeName, layout};
use crate::memory::{Memory, OBJECT_ALIGN};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// "OBJ1": the object is complete.
const READY: u32 = u32::from_le_bytes(*b"OBJ1");

/// The header in shared memory.
#[repr(C)]
#[derive(Debug)]
pub struct ObjectHeader {
    state: AtomicU32,
    kind: AtomicU32,
    element_size: AtomicU32,
    element_align: AtomicU32,
    schema: AtomicU64,
    capacity: AtomicU64,
    length: AtomicU64,
    /// Who has chosen the name of the elements' type.
    type_origin: AtomicU64,
    /// That name, filled up with zeros.
    type_name: [AtomicU64; 4],
    _room: MaybeUninit<[u64; 6]>,
}

/// Bytes of the header; the object's own words follow.
pub const HEADER_BYTES: usize = size_of::<ObjectHeader>().next_multiple_of(OBJECT_ALIGN);
crate::sync::assert_layout!(size_of::<ObjectHeader>() == 128);

impl ObjectHeader {
    /// Where what lies.
    pub(crate) const LAYOUT: Fact = layout!(ObjectHeader {
        state,
        kind,
        element_size,
        element_align,
        schema,
        capacity,
        length,
        type_origin,
        type_name,
        _room
    });

    /// The header at the start of `memory`; `None` if it does not fit.
    pub fn at(memory: Memory<'_>) -> Option<&ObjectHeader> {
        // SAFETY: the header is made of atomics; the same bytes are viewed in no other way.
        unsafe { memory.atomics::<ObjectHeader>(0, 1) }.map(|headers| &headers[0])
    }

    /// A new header, of an object that is not complete until [`publish`](Self::publish).
    pub(crate) fn new(shape: &Shape, length: u64) -> Self {
        let (origin, name) = shape.type_name.words();
        ObjectHeader {
            state: AtomicU32::new(0),
            kind: AtomicU32::new(shape.kind as u32),
            element_size: AtomicU32::new(shape.element_size),
            element_align: AtomicU32::new(shape.element_align),
            schema: AtomicU64::new(shape.schema),
            capacity: AtomicU64::new(shape.capacity),
            length: AtomicU64::new(length),
            type_origin: AtomicU64::new(origin),
            type_name: name.map(AtomicU64::new),
            _room: MaybeUninit::zeroed(),
        }
    }

    /// The shape and the length of the object in `memory`, for a caller who wants one of this kind.
    pub(super) fn find(memory: Memory<'_>, wanted: Kind) -> Result<(Shape, u64), ShapeError> {
        Self::at(memory).ok_or(ShapeError::Missing)?.read().map_err(|error| match error {
            ShapeError::Kind { found, .. } => ShapeError::Kind { wanted, found },
            error => error,
        })
    }

    /// Declares the object complete: one Release store, the partner of the Acquire in [`read`](Self::read).
    pub(crate) fn publish(&self) {
        self.state.store(READY, Ordering::Release);
    }

    /// The shape and the length in bytes. Each word is read once.
    ///
    /// # Errors
    ///
    /// [`ShapeError`]: this is no header of an object.
    pub fn read(&self) -> Result<(Shape, u64), ShapeError> {
        if self.state.load(Ordering::Acquire) != READY {
            return Err(ShapeError::Missing);
        }
        let kind = self.kind.load(Ordering::Relaxed);
        let shape = Shape {
            kind: Kind::from_number(kind).ok_or(ShapeError::Kind { wanted: Kind::Queue, found: kind })?,
            element_size: self.element_size.load(Ordering::Relaxed),
            element_align: self.element_align.load(Ordering::Relaxed),
            schema: self.schema.load(Ordering::Relaxed),
            capacity: self.capacity.load(Ordering::Relaxed),
            type_name: TypeName::from_words(
                self.type_origin.load(Ordering::Relaxed),
                self.type_name.each_ref().map(|word| word.load(Ordering::Relaxed)),
            ),
        };
        Ok((shape, self.length.load(Ordering::Relaxed)))
    }
}
