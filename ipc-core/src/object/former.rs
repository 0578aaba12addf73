//! The kinds that have not moved to [`Object`] yet. (In a model, they are names only.)

use super::{Field, Object, Shape, ShapeError};
#[cfg(not(loom))]
use crate::broadcast;
use crate::memory::Memory;
use crate::participant::Dead;
use crate::platform::Platform;

macro_rules! former {
    ($($kind:ident, [$($fact:expr),*], $field:ident, |$memory:ident, $shape:ident, $dead:ident, $platform:ident| $sweep:expr;)*) => {$(
        pub enum $kind {}

        // SAFETY: as their modules say.
        unsafe impl Object for $kind {
            #[cfg(not(loom))]
            const LAYOUT: &'static [usize] = &[$($fact),*];
            #[cfg(loom)]
            const LAYOUT: &'static [usize] = &[];
            const CAPACITY: Field = Field::$field;
            type Geometry = (Shape, u64);
            type View<'m> = (Memory<'m>, Shape);

            unsafe fn geometry(_: Memory<'_>, shape: &Shape, length: u64) -> Result<Self::Geometry, ShapeError> {
                Ok((*shape, length))
            }

            fn bytes(geometry: &Self::Geometry) -> u64 {
                geometry.1
            }

            unsafe fn view<'m>(memory: Memory<'m>, geometry: &Self::Geometry) -> Result<Self::View<'m>, ShapeError> {
                Ok((memory, geometry.0))
            }

            fn sweep<P: Platform + ?Sized>(($memory, $shape): Self::View<'_>, $dead: &Dead, $platform: &P) {
                let _ = (&$shape, $dead);
                #[cfg(not(loom))]
                let _: Result<(), ShapeError> = $sweep;
                let _ = ($memory, $platform);
            }
        }
    )*};
}

former! {
    Broadcast, [], Capacity, |memory, shape, dead, platform| broadcast::sweep(memory, dead, platform);
}
