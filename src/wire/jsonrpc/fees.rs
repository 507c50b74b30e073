//! `eth_feeHistory`: base fees and tips.

use super::present;
use crate::types::U256;
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
}

impl FeeHistory {
    /// The base fee of the block that comes next.
    #[must_use]
    pub fn next_base_fee(&self) -> Option<U256> {
        self.base_fees.last().copied()
    }
}

/// Reads the answer to `eth_feeHistory`.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] for anything else than the fields that are read.
pub fn fee_history(result: &RawValue) -> Result<FeeHistory, Fault> {
    /// The answer as written; ratios are not read.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Raw {
        oldest_block: hex::Q64,
        base_fee_per_gas: Vec<hex::Q256>,
        reward: Option<Vec<Vec<hex::Q256>>>,
    }
    present("fee history", result)?;
    let Raw { oldest_block, base_fee_per_gas, reward } = read("a fee history", result.get())?;
    let plain = |fees: Vec<hex::Q256>| fees.into_iter().map(|fee| fee.0).collect();
    Ok(FeeHistory {
        oldest: oldest_block.0,
        base_fees: plain(base_fee_per_gas),
        tips: reward.unwrap_or_default().into_iter().map(plain).collect(),
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
            })
        );
        let bare = fee_history(&raw(r#"{"oldestBlock":"0x0","baseFeePerGas":["0x7"],"reward":null}"#));
        assert_eq!(bare.map(|bare| (bare.next_base_fee(), bare.tips.len())), Ok((Some(U256::from(7)), 0)));
        assert_eq!(fee_history(&raw("null")), Err(Fault::NotReady { what: "fee history" }));
        assert!(fee_history(&raw(r#"{"oldestBlock":"0x0"}"#)).is_err());
    }
}
