//! Chance out of a seed: the same seed gives the same numbers everywhere. Never used for anything secret.

/// Numbers by `SplitMix64` (Steele, Lea, Flood 2014): one word of state, every seed good.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included; `low` when they stand the wrong way round. The tiny
    /// unevenness of a remainder does not matter to a story.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low);
        let bits = self.bits();
        low.saturating_add(span.checked_add(1).map_or(bits, |span| bits % span))
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.between(1, n) == 1
    }

    /// One of these; `None` of nothing.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = u64::try_from(from.len()).ok()?.checked_sub(1)?;
        from.get(usize::try_from(self.between(0, last)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_numbers_and_bounds_hold() {
        // The reference implementation's first outputs for the seed 1234567.
        let mut chance = Chance::new(1_234_567);
        assert_eq!([chance.bits(), chance.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&chance.between(3, 5)));
        }
        assert_eq!(chance.between(7, 7), 7);
        assert_eq!(chance.between(9, 2), 9);
        assert_eq!(chance.pick::<u8>(&[]), None);
        assert!((0..200).any(|_| chance.one_in(3)) && (0..200).any(|_| !chance.one_in(3)));
    }
}
