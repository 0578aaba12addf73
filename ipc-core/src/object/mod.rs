//! What every object has: a header that says what it is, a layout, a repair; and the one way to make a handle of it.
//!
//! - An [`Object`] is what lies in a region under one kind: words, sizes, repair. No element type is known there.
//! - A [`Blueprint`] is what a caller wants: options with a type. It lays out a new object, or compares an existing one, and
//!   makes the handle.
//! - A [`Host`] is where objects have names; a [`Builder`] is options, a host and a name.
//! - `kinds.rs` lists all kinds. Numbers, names, fingerprint and repair of every kind come from that list.

mod builder;
mod element;
mod handle;
mod header;
mod initial;
mod kinds;
mod layout;
mod named;
mod shape;
#[cfg(feature = "serde")]
mod travel;
mod type_name;

pub(crate) use builder::has_schema;
pub use builder::{Builder, HasSchema, Host};
pub use element::{BlockElement, CellValue, Guarded, Key, LockData, MapKey, MapValue, Message, VectorElement};
pub(crate) use handle::{handle, has_wait_strategy, of_view, waits};
pub use header::{HEADER_BYTES, ObjectHeader};
pub use initial::{Initial, Unsaid, Zeroes};
pub(crate) use kinds::LAYOUTS;
pub use kinds::{Kind, holds, sweep};
pub use layout::Fact;
pub(crate) use layout::layout;
pub use named::Named;
pub(crate) use named::named;
pub use shape::{Field, Shape, ShapeError};
#[cfg(feature = "serde")]
pub use travel::{Address, RegionAddress};
pub use type_name::{Schema, TypeName};

use crate::memory::Memory;
use crate::participant::{Dead, ParticipantId};
use crate::platform::Platform;
use crate::time::Timestamp;
use crate::wait::HasWaitStrategy;

/// The bytes that an object takes in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Footprint(#[doc(hidden)] pub u64);

impl Footprint {
    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// What lies in a region under one kind: its layout, and how it is repaired.
///
/// All of it is known from the shared header, without the element type; [`Blueprint`] is for callers who know the type.
///
/// # Safety
///
/// [`View`](Self::View) reaches only atomics and raw pointers that lie inside the memory, and every object of the kinds that
/// name this type in the list of kinds is laid out that way. Then all views of the same bytes agree.
pub unsafe trait Object {
    /// Every struct that lies in shared memory, and where its fields lie: for the region's fingerprint, and for the list of all
    /// layouts that a test keeps.
    const LAYOUT: &'static [Fact];

    /// What the capacity of the shape means.
    const CAPACITY: Field = Field::Capacity;

    /// All sizes, validated, as private memory keeps them.
    type Geometry: Copy;

    /// References to the object's words.
    type View<'m>: Copy;

    /// The sizes of the object in `memory`, from its header and, where the header does not tell all, from its own words.
    ///
    /// # Errors
    ///
    /// If there can be no object of this shape.
    ///
    /// # Safety
    ///
    /// A kind that names this type lies in `memory`.
    unsafe fn geometry(memory: Memory<'_>, shape: &Shape, length: u64) -> Result<Self::Geometry, ShapeError>;

    /// Bytes of an object of these sizes, its header included.
    fn bytes(geometry: &Self::Geometry) -> u64;

    /// The words in place.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooSmall`], if the memory is shorter than the sizes say.
    ///
    /// # Safety
    ///
    /// A kind that names this type lies in `memory`, of these sizes.
    unsafe fn view<'m>(memory: Memory<'m>, geometry: &Self::Geometry) -> Result<Self::View<'m>, ShapeError>;

    /// Repairs what a dead participant has left, and wakes every waiter to which it may have owed a wake-up. Idempotent, and harmless
    /// beside other sweeps after the same participant, also if it was stopped and goes on when they are long over.
    fn sweep<P: Platform + ?Sized>(view: Self::View<'_>, dead: &Dead, platform: &P);

    /// Whether the participant holds something that only a guard gives back. A guard that was forgotten is no call that runs and
    /// no handle that is counted, so this tells a participant that leaves whether it leaves anything to repair. Only loads.
    ///
    /// The default is for objects whose guards keep their handle: what such a guard holds, a participant that leaves has given back.
    fn holds(view: Self::View<'_>, who: ParticipantId) -> bool {
        let _ = (view, who);
        false
    }
}

/// What a caller wants an object to be like: to find one, or to lay out a new one.
///
/// # Safety
///
/// - The list of kinds gives [`KIND`](Self::KIND) the words of [`Object`](Self::Object).
/// - [`lay`](Self::lay) lays out what [`complete`](Self::complete) describes.
/// - [`shape`](Self::shape) and [`accepts`](Self::accepts) refuse objects whose elements [`handle`](Self::handle) would misread.
pub unsafe trait Blueprint {
    /// The kind that the header names.
    const KIND: Kind;

    /// What lies in the region.
    type Object: Object;

    /// What the caller gets.
    type Handle<'m, P: Platform>: HasWaitStrategy;

    /// What an existing object is compared with. A capacity of 0 means any.
    fn shape(&self) -> Shape;

    /// Compares an existing object of the right shape in all that the shape does not tell.
    ///
    /// # Errors
    ///
    /// What differs.
    fn accepts(&self, geometry: &Geometry<Self>) -> Result<(), ShapeError> {
        let _ = geometry;
        Ok(())
    }

    /// The shape and the sizes of a new object.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Unsaid`] or [`ShapeError::NoInitialValue`] if the caller has not said all, or why there can be no such object.
    fn complete(&self) -> Result<(Shape, Geometry<Self>), ShapeError>;

    /// Writes the words of a new object behind its header. `now` is the time of its creation.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooSmall`].
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet.
    unsafe fn lay(&self, memory: Memory<'_>, geometry: &Geometry<Self>, now: Timestamp) -> Result<(), ShapeError>;

    /// Makes a handle of the object in this memory.
    ///
    /// # Errors
    ///
    /// [`ShapeError::TooSmall`].
    ///
    /// # Safety
    ///
    /// An object of this [kind](Self::KIND), of the shape that is wanted and of these sizes, lies in `memory`.
    unsafe fn handle<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        geometry: &Geometry<Self>,
        platform: P,
    ) -> Result<Self::Handle<'m, P>, ShapeError>;

    /// Bytes of a new object.
    ///
    /// # Errors
    ///
    /// Those of [`complete`](Self::complete).
    fn bytes(&self) -> Result<u64, ShapeError> {
        self.complete().map(|(_, geometry)| Self::Object::bytes(&geometry))
    }

    /// Lays a new object into `memory`, declares it complete, and makes a handle of it.
    ///
    /// # Errors
    ///
    /// Those of [`complete`](Self::complete), and [`ShapeError::TooSmall`].
    ///
    /// # Safety
    ///
    /// Nobody else uses this memory yet, and no handle of what lay in it before is used again.
    unsafe fn create<'m, P: Platform>(
        &self,
        memory: Memory<'m>,
        platform: P,
    ) -> Result<Self::Handle<'m, P>, ShapeError> {
        let (shape, geometry) = self.complete()?;
        let length = Self::Object::bytes(&geometry);
        let too_small = ShapeError::TooSmall { wanted: length, found: memory.len() as u64 };
        if (memory.len() as u64) < length {
            return Err(too_small);
        }
        // SAFETY: the header is made of atomics and lies first in every object; the caller has the memory to itself.
        let header = unsafe { memory.place(0, 1, |_| ObjectHeader::new(&shape, length)) }.ok_or(too_small)?;
        // SAFETY: the caller has the memory to itself.
        unsafe { self.lay(memory, &geometry, Timestamp::now(&platform))? };
        header[0].publish();
        // SAFETY: it was laid out just now, to this blueprint.
        unsafe { self.handle(memory, &geometry, platform) }
    }

    /// Makes a handle of the object that another participant has laid into `memory`, if it is what is wanted.
    ///
    /// # Errors
    ///
    /// What differs.
    fn attach<'m, P: Platform>(&self, memory: Memory<'m>, platform: P) -> Result<Self::Handle<'m, P>, ShapeError> {
        let (shape, geometry) = sizes::<Self::Object>(memory, Self::KIND)?;
        shape.check(&self.shape())?;
        self.accepts(&geometry)?;
        // SAFETY: compared just now.
        unsafe { self.handle(memory, &geometry, platform) }
    }
}

/// The sizes of what a blueprint is for.
pub type Geometry<B> = <<B as Blueprint>::Object as Object>::Geometry;

/// The shape and the sizes of the object in `memory`, if it is complete, of this kind, and as long as its sizes say.
pub(crate) fn sizes<O: Object>(memory: Memory<'_>, wanted: Kind) -> Result<(Shape, O::Geometry), ShapeError> {
    let (shape, found) = ObjectHeader::find(memory, wanted)?;
    if shape.kind != wanted {
        return Err(ShapeError::Kind { wanted, found: shape.kind as u32 });
    }
    // SAFETY: the header says so. (Every caller of this function names the words of `wanted`.)
    let geometry = unsafe { O::geometry(memory, &shape, found)? };
    let wanted = O::bytes(&geometry);
    if found != wanted {
        return Err(ShapeError::Differs { field: Field::Length, wanted, found });
    }
    if (memory.len() as u64) < wanted {
        return Err(ShapeError::TooSmall { wanted, found: memory.len() as u64 });
    }
    Ok((shape, geometry))
}
