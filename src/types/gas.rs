//! Fees of gas, in wei for a unit of it. Exact integers, as EIP-1559 has them.

use super::U256;

/// Gas of a transaction that moves coin and runs no code.
pub const PLAIN_GAS: u64 = 21_000;
/// Gas of a transfer of USDC to an address that holds none yet. One that holds some costs about 17,000 less.
pub const USDC_GAS: u64 = 65_000;
/// How far the target lies below the limit (EIP-1559, `ELASTICITY_MULTIPLIER`).
const ELASTICITY: u64 = 2;
/// By how much the base fee moves at most in a block: one eighth (EIP-1559, `BASE_FEE_MAX_CHANGE_DENOMINATOR`).
const DENOMINATOR: u64 = 8;

/// Which fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fee {
    /// What the newest block took at least.
    Base,
    /// What the next block will take at least.
    NextBase,
    /// The usual tip.
    Priority,
}

impl Fee {
    /// Every fee.
    pub const ALL: [Self; 3] = [Self::Base, Self::NextBase, Self::Priority];

    /// The word in config and bodies.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Base => "base_fee",
            Self::NextBase => "next_base_fee",
            Self::Priority => "priority",
        }
    }

    /// What people read.
    #[must_use]
    pub fn named(word: &str) -> &'static str {
        match word {
            "next_base_fee" => "next base fee",
            "priority" => "priority fee",
            _ => "base fee",
        }
    }
}

/// Tips of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tips {
    /// For those who can wait: a tenth paid less.
    pub low: U256,
    /// The usual: half paid less.
    pub usual: U256,
    /// For those who cannot: nine tenths paid less.
    pub high: U256,
}

impl Tips {
    /// The percentiles of `low`, `usual` and `high`.
    pub const PERCENTILES: [u8; 3] = [10, 50, 90];
}

/// The base fee behind a block, by EIP-1559 with Ethereum's numbers. What does not fit is the largest number.
#[must_use]
pub fn next_base_fee(base_fee: U256, gas_used: u64, gas_limit: u64) -> U256 {
    let target = (gas_limit / ELASTICITY).max(1);
    let step =
        |distance: u64| base_fee.saturating_mul(U256::from(distance)) / U256::from(target) / U256::from(DENOMINATOR);
    if gas_used > target {
        base_fee.saturating_add(step(gas_used - target).max(U256::from(1)))
    } else {
        base_fee.saturating_sub(step(target - gas_used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_base_fee_moves_as_the_specification_says() {
        let check = |base: u64, used: u64, limit: u64, expected: u64| {
            assert_eq!(next_base_fee(U256::from(base), used, limit), U256::from(expected), "{base} {used} {limit}");
        };
        // From the test vectors of EIP-1559's reference (geth, `TestCalcBaseFee`).
        check(1_000_000_000, 10_000_000, 20_000_000, 1_000_000_000);
        check(1_000_000_000, 9_000_000, 20_000_000, 987_500_000);
        check(1_000_000_000, 11_000_000, 20_000_000, 1_012_500_000);
        // From Ethereum itself: blocks 12,965,000 (London) and 12,965,001.
        check(1_000_000_000, 30_025_257, 30_029_122, 1_124_967_822);
        // The smallest step up is a wei, and nothing falls below zero.
        check(1, 15_000_001, 30_000_000, 2);
        check(0, 30_000_000, 30_000_000, 1);
        check(0, 0, 30_000_000, 0);
        check(7, 0, 30_000_000, 7);
        check(8, 0, 30_000_000, 7);
        check(5, 3, 0, 6);
        assert_eq!(next_base_fee(U256::MAX, u64::MAX, 2), U256::MAX);
    }

    proptest! {
        #[test]
        fn no_block_moves_it_by_more_than_an_eighth_and_a_wei(base: u128, used in 0_u64..60_000_000, limit in 2_u64..60_000_000) {
            let used = used.min(limit);
            let (base, next) = (U256::from(base), next_base_fee(U256::from(base), used, limit));
            // An odd limit has a target that is rounded down: the largest step is a little more than an eighth.
            let eighth = base / U256::from(8) + base / U256::from(limit) + U256::from(1);
            prop_assert!(next <= base + eighth && next + eighth >= base);
            prop_assert_eq!(next > base, used > (limit / 2).max(1));
        }
    }
}
