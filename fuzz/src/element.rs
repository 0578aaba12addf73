//! Messages of several sizes, with a value for each number.

use std::fmt::Debug;

use bytemuck::{CheckedBitPattern, NoUninit};

/// A message type that the harness can make values of.
pub trait Element: NoUninit + CheckedBitPattern + PartialEq + Debug {
    fn number(n: u64) -> Self;
}

impl Element for () {
    fn number(_: u64) {}
}

impl Element for u8 {
    fn number(n: u64) -> u8 {
        n as u8
    }
}

impl Element for u64 {
    fn number(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Element for bool {
    fn number(n: u64) -> bool {
        n & 1 != 0
    }
}

impl Element for char {
    fn number(n: u64) -> char {
        char::from_u32((n % 0xd800) as u32).unwrap_or('\0')
    }
}

impl<const N: usize> Element for [u8; N] {
    fn number(n: u64) -> [u8; N] {
        std::array::from_fn(|i| (n as u8).wrapping_mul(31).wrapping_add(i as u8))
    }
}

impl<const N: usize> Element for [u64; N] {
    fn number(n: u64) -> [u64; N] {
        std::array::from_fn(|i| n << 8 | i as u64)
    }
}

/// An enum whose bits are checked at receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, NoUninit, CheckedBitPattern)]
#[repr(u16)]
pub enum Colour {
    Red = 1,
    Green = 0x1234,
    Blue = 0xffff,
}

impl Element for Colour {
    fn number(n: u64) -> Colour {
        match n % 3 {
            0 => Colour::Red,
            1 => Colour::Green,
            _ => Colour::Blue,
        }
    }
}
