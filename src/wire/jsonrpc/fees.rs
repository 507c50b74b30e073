//! `eth_feeHistory`: base fees and tips.

use super::present;
use crate::types::U256;
use crate::types::gas::Tips;
use crate::wire::{Fault, hex, read};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Fees of a run of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeHistory {
    /// Height of the first block.
    pub oldest: u64,
    /// Base fee of each block in wei, and of the block that comes next as the last one.
    pub base_fees: Vec<U256>,
    /// Of each block the tips in wei at the percentiles that were asked for; empty where none were.
    pub tips: Vec<Vec<U256>>,
    /// Whether each block had transactions: the tips of one that had none are zeros that nobody offered.
    pub used: Vec<bool>,
}

impl FeeHistory {
    /// The base fee of the block that comes next.
    #[must_use]
    pub fn next_base_fee(&self) -> Option<U256> {
        self.base_fees.last().copied()
    }

    /// The newest block of the history.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        // One base fee more than blocks.
        let above = u64::try_from(self.base_fees.len()).ok()?.checked_sub(2)?;
        self.oldest.checked_add(above)
    }

    /// The median over the blocks that had transactions of each percentile, [`Tips::PERCENTILES`] having been asked for; of an even
    /// number the lower one of the two in the middle. `None` where no block had any.
    #[must_use]
    pub fn usual_tips(&self) -> Option<Tips> {
        let of_used = || self.tips.iter().zip(&self.used).filter(|(_, used)| **used).map(|(tips, _)| tips);
        let median = |place: usize| {
            let mut all: Vec<U256> = of_used().filter_map(|tips| tips.get(place).copied()).collect();
            all.sort_unstable();
            all.get(all.len().checked_sub(1)? / 2).copied()
        };
        Some(Tips { low: median(0)?, usual: median(1)?, high: median(2)? })
    }
}

/// Reads the answer to `eth_feeHistory`.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] for anything else than the fields that are read.
pub fn fee_history(result: &RawValue) -> Result<FeeHistory, Fault> {
    /// The answer as written. Of a ratio only whether it is zero is read: fractions are not needed.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Raw<'a> {
        oldest_block: hex::Q64,
        base_fee_per_gas: Vec<hex::Q256>,
        #[serde(borrow)]
        gas_used_ratio: Option<Vec<&'a RawValue>>,
        reward: Option<Vec<Vec<hex::Q256>>>,
    }
    present("fee history", result)?;
    let Raw { oldest_block, base_fee_per_gas, gas_used_ratio, reward } = read("a fee history", result.get())?;
    let is_zero = |ratio: &RawValue| ratio.get().bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let plain = |fees: Vec<hex::Q256>| fees.into_iter().map(|fee| fee.0).collect();
    Ok(FeeHistory {
        oldest: oldest_block.0,
        base_fees: plain(base_fee_per_gas),
        tips: reward.unwrap_or_default().into_iter().map(plain).collect(),
        used: gas_used_ratio.unwrap_or_default().into_iter().map(|ratio| !is_zero(ratio)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_base_fee_is_that_of_the_block_to_come() {
        let raw = |text: &str| RawValue::from_string(text.into()).expect("it is JSON");
        let history = fee_history(&raw(
            r#"{"oldestBlock":"0x1b","reward":[["0x1","0x2"]],"baseFeePerGas":["0x3b9aca00","0x342a385a"],"gasUsedRatio":[0.0007]}"#,
        ));
        assert_eq!(
            history,
            Ok(FeeHistory {
                oldest: 27,
                base_fees: vec![U256::from(1_000_000_000), U256::from(875_182_170)],
                tips: vec![vec![U256::from(1), U256::from(2)]],
                used: vec![true],
            })
        );
        assert_eq!(history.map(|history| history.newest()), Ok(Some(27)));
        let bare = fee_history(&raw(r#"{"oldestBlock":"0x0","baseFeePerGas":["0x7"],"reward":null}"#));
        assert_eq!(bare.map(|bare| (bare.next_base_fee(), bare.tips.len())), Ok((Some(U256::from(7)), 0)));
        assert_eq!(fee_history(&raw("null")), Err(Fault::NotReady { what: "fee history" }));
        assert!(fee_history(&raw(r#"{"oldestBlock":"0x0"}"#)).is_err());
    }

    #[test]
    fn tips_are_the_median_over_the_blocks_that_had_transactions() {
        let usual = |reward: &str, ratios: &str| {
            let text =
                format!(r#"{{"oldestBlock":"0x1","baseFeePerGas":["0x1"],"gasUsedRatio":{ratios},"reward":{reward}}}"#);
            let history = fee_history(&RawValue::from_string(text).expect("it is JSON")).expect("it is a history");
            history.usual_tips().map(|tips| [tips.low, tips.usual, tips.high].map(|tip| tip.to::<u64>()))
        };
        let three = r#"[["0x1","0x2","0x3"],["0x0","0x0","0x0"],["0x5","0x6","0x9"]]"#;
        assert_eq!(usual(three, "[0.5,0,0.7]"), Some([1, 2, 3]), "an empty block offers nothing");
        assert_eq!(usual(three, "[0.5,1e-7,0.7]"), Some([1, 2, 3]), "one that is nearly empty offers what it says");
        assert_eq!(
            usual(r#"[["0x1","0x2","0x3"],["0x5","0x6","0x9"],["0x2","0x9","0x9"]]"#, "[1,1,1]"),
            Some([2, 6, 9])
        );
        assert_eq!(usual(three, "[0.0,0,0]"), None);
        assert_eq!(usual("null", "[1]"), None);
        assert_eq!(usual(r#"[["0x1"]]"#, "[1]"), None, "other percentiles than were asked for");
    }
}
