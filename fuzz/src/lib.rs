//! What the fuzz targets share: a cursor over the input, memory of their own, a scripted world to wait in, seeds.

pub mod element;
pub mod ground;
pub mod guarded;
pub mod input;
pub mod memory;
pub mod model;
pub mod play;
pub mod seeds;
pub mod stopwatch;
pub mod talks;
pub mod world;
pub mod written;
