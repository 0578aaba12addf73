//! A cursor over the fuzzer's bytes, read from the front: an inserted or removed byte moves whole operations.

/// What is left of the input.
pub struct Input<'i> {
    bytes: &'i [u8],
}

impl<'i> Input<'i> {
    pub fn new(bytes: &'i [u8]) -> Self {
        Input { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next byte; 0 when there is none.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    pub fn bit(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// A number below `limit`, from one byte.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Up to `most` bytes.
    pub fn take(&mut self, most: usize) -> &'i [u8] {
        let (taken, rest) = self.bytes.split_at(most.min(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    pub fn rest(&mut self) -> &'i [u8] {
        std::mem::take(&mut self.bytes)
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A new value for a shared word: what a faulty peer might write over `old`.
    pub fn corrupt(&mut self, old: u64) -> u64 {
        const POSITION: u64 = 1 << 12;
        match self.below(10) {
            0 => old ^ 1 << self.below(64),
            1 => old.wrapping_add(POSITION * (1 + self.below(20) as u64)),
            2 => old.wrapping_sub(POSITION * (1 + self.below(20) as u64)),
            // The state of a stamp, the owner, the rest of the low bits.
            3 => old & !0b11 | self.below(4) as u64,
            4 => old & !0xffc | (u64::from(self.u16()) & 0x3ff) << 2,
            5 => old & !0xfff | u64::from(self.u16()) & 0xfff,
            6 => u64::from(self.byte()),
            7 => self.pick(&[0, 1, u64::MAX, 1 << 63, i64::MAX as u64, 1 << 32, u32::MAX.into(), 1 << 51 << 12]),
            // Half of it.
            8 => old & !0xffff_ffff | u64::from(self.u16()),
            _ => self.u64(),
        }
    }
}
