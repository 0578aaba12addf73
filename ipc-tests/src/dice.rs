//! Dice for tests that do whatever comes.

/// Numbers that look random, the same for the same seed (xorshift64, Marsaglia 2003).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Spread out, and never 0, on which they would stay.
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Spends a moment, now and then a longer one.
    pub fn dawdle(&mut self) {
        let spins = if self.below(64) == 0 { self.below(20_000) } else { self.below(64) };
        for _ in 0..spins {
            std::hint::spin_loop();
        }
    }
}
