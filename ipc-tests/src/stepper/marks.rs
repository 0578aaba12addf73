//! The marks a victim gives to its tracer.

use std::arch::asm;

/// Value of `rax` at the `int3` of [`Gate::begin`].
pub(super) const BEGIN: u64 = 0x6970_6362_6567_696e;
/// Value of `rax` at the `int3` of [`Gate::end`].
pub(super) const END: u64 = 0x6970_6300_0065_6e64;
/// Value of `rax` at the `int3` of a panic; `rdi` and `rsi` are address and length of its message.
pub(super) const PANIC: u64 = 0x6970_6370_616e_6963;

/// Marks where the operation of a victim begins and ends.
#[derive(Debug)]
pub struct Gate(());

impl Gate {
    pub(super) const fn new() -> Self {
        Self(())
    }

    /// The operation begins with the next instruction. The victim is stopped here first.
    #[inline(always)]
    pub fn begin(&self) {
        mark(BEGIN, 0, 0);
    }

    /// The operation is done. The victim is stopped here, if it is still traced.
    #[inline(always)]
    pub fn end(&self) {
        mark(END, 0, 0);
    }
}

/// Tells the tracer about a panic.
pub(super) fn panicked(message: &str) {
    mark(PANIC, message.as_ptr() as u64, message.len() as u64);
}

#[inline(always)]
fn mark(kind: u64, rdi: u64, rsi: u64) {
    // SAFETY: a victim has a handler for SIGTRAP that does nothing, and its tracer takes the signal
    // away; either way execution goes on behind the instruction with all registers kept. Not `nomem`:
    // accesses of the operation must not move across a mark.
    unsafe {
        asm!("int3", in("rax") kind, in("rdi") rdi, in("rsi") rsi);
    }
}
