//! What gas costs on a chain: the base fee of its newest block, what the next one will take, and the usual tips.
//!
//! All of it is soft. What the next block takes is computed from the newest one by EIP-1559's formula, to the wei, on chains whose own
//! blocks have followed it of late: each new block is held against what was computed for it. Where they do not (rollups and others
//! have numbers or ways of their own) the node's `eth_feeHistory` is asked, and where no node vouches the explorer's gas oracle.

use super::Reactor;
use super::cross::Seen;
use super::crossing::{step, unknown};
use super::effect::{CrossingSubject, Effect, Notice};
use super::event::{Fees, SourceKind};
use super::pay_crossings::sides;
use super::payments::desk::Vouched;
use super::rules::InForce;
use super::settings::{Condition, GasCondition};
use crate::types::gas::{Fee, Tips};
use crate::types::{B256, Block, ChainId, Kind, Timestamp, U256};
use std::time::Duration;

/// What a node or an explorer tells of tips, and an explorer of anything, holds for this long, or for the chain's `stale_after`.
const LONGEST_WORD: Duration = Duration::from_mins(5);
/// What a node tells of the next block holds for this long, or for four blocks.
const SHORTEST_WORD: Duration = Duration::from_secs(30);
/// A chain that broke the formula once has to follow it for so many blocks before it is believed to.
const PROBATION: u32 = 8;

/// A fee, of which block it is, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// In wei.
    pub wei: U256,
    /// The newest block when it was known.
    pub block: u64,
    /// That block's time; of what an explorer tells, when it told.
    pub time: Timestamp,
}

/// What is known of a chain's fees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gas {
    base: Option<Known>,
    /// By the formula, where the chain follows it.
    computed: Option<Known>,
    /// What a node or an explorer told, and until when it holds.
    told_next: Option<(Known, Timestamp)>,
    told_tips: Option<(Tips, Known, Timestamp)>,
    formula: Formula,
}

/// Whether a chain's blocks follow the formula.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Formula {
    /// The newest block, and what it says of the one behind it.
    predicted: Option<(B256, U256)>,
    /// Blocks in a row for which it was right.
    right: u32,
    /// It was wrong once.
    broken: bool,
}

impl Formula {
    /// Holds a block against what was computed for it.
    fn look_at(&mut self, block: &Block) {
        let predicted = self.predicted.filter(|(hash, _)| *hash == block.at.parent).map(|(_, fee)| fee);
        if let Some((predicted, fee)) = predicted.zip(block.base_fee) {
            (self.right, self.broken) =
                if predicted == fee { (self.right.saturating_add(1), self.broken) } else { (0, true) };
        }
        self.predicted = block.next_base_fee.map(|next| (block.at.hash, next));
    }

    const fn holds(&self) -> bool {
        self.right >= if self.broken { PROBATION } else { 1 }
    }
}

impl Gas {
    /// What a new block says.
    fn look_at(&mut self, block: &Block) {
        self.formula.look_at(block);
        let known = |wei| Known { wei, block: block.at.number, time: block.time };
        self.base = block.base_fee.map(known);
        self.computed = block.next_base_fee.filter(|_| self.formula.holds()).map(known);
    }

    /// A fee as it is known at `at`.
    #[must_use]
    pub fn fee(&self, fee: Fee, at: Timestamp) -> Option<Known> {
        match fee {
            Fee::Base => self.base,
            Fee::NextBase => self.computed.or(self.told_next.filter(|(_, until)| at <= *until).map(|(told, _)| told)),
            Fee::Priority => self.tips(at).map(|(_, usual)| usual),
        }
    }

    /// The tips as they are known at `at`, and the usual one as a fee.
    fn tips(&self, at: Timestamp) -> Option<(Tips, Known)> {
        self.told_tips.filter(|(_, _, until)| at <= *until).map(|(tips, known, _)| (tips, known))
    }
}

impl Reactor {
    /// A fee of a chain, as it is known now.
    #[must_use]
    pub fn fee(&self, chain: ChainId, fee: Fee) -> Option<Known> {
        self.soft.gas.get(&chain)?.fee(fee, self.at)
    }

    /// The tips on a chain, as they are known now.
    #[must_use]
    pub fn tips(&self, chain: ChainId) -> Option<Tips> {
        self.soft.gas.get(&chain)?.tips(self.at).map(|(tips, _)| tips)
    }

    /// Whether a rule looks at what blocks do not say, and whether an explorer has to tell it.
    pub(super) fn wanted_fees(&self, chain: ChainId) -> (bool, bool) {
        let told = |entry: &InForce| matches!(&entry.rule.condition, Condition::Gas(gas) if gas.of != Fee::Base);
        let often = self.rules.of_gas(chain).iter().any(told);
        (often, often && self.explorer_reads_balances(chain))
    }

    /// New blocks at a chain's tip.
    pub(super) fn gas_of(&mut self, chain: ChainId, new: &[Block], effects: &mut Vec<Effect>) {
        let gas = self.soft.gas.entry(chain).or_default();
        for block in new {
            gas.look_at(block);
        }
        if let Some(base) = gas.base {
            effects.push(Effect::Notice(Notice::BaseFee { chain, fee: base.wei }));
        }
        self.fees_changed(chain, effects);
    }

    /// What a node's history or an explorer's oracle says.
    pub(super) fn fees(&mut self, told: &Fees, effects: &mut Vec<Effect>) {
        let Some((chain, settings)) = told.source.chain.and_then(|id| Some((id, self.settings.chains.get(&id)?)))
        else {
            return;
        };
        let by_explorer = told.source.kind == SourceKind::Explorer;
        // An explorer is heard where no node is.
        if by_explorer == self.endpoint_vouches(chain, Kind::Coin) {
            return;
        }
        let long = self.at.after(settings.stale_after.max(LONGEST_WORD));
        let short = self.at.after(settings.block_time.saturating_mul(4).max(SHORTEST_WORD));
        let gas = self.soft.gas.entry(chain).or_default();
        if by_explorer {
            // What blocks said is over: nobody reads them.
            *gas = Gas { told_next: gas.told_next, told_tips: gas.told_tips, ..Gas::default() };
        }
        let time = gas.base.filter(|base| base.block == told.block).map_or(self.at, |base| base.time);
        let known = |wei| Known { wei, block: told.block, time };
        let until = if by_explorer { long } else { short };
        gas.told_next = told.next_base_fee.map(|wei| (known(wei), until)).or(gas.told_next);
        gas.told_tips = told.tips.map(|tips| (tips, known(tips.usual), long)).or(gas.told_tips);
        self.fees_changed(chain, effects);
    }

    /// A chain is blind: its fees are not known.
    pub(super) fn forget_gas(&mut self, chain: ChainId, effects: &mut Vec<Effect>) {
        if self.soft.gas.remove(&chain).is_some() {
            self.fees_changed(chain, effects);
        }
    }

    /// Looks at the rules on a chain's fees again, with the fees as they are known now.
    fn fees_changed(&mut self, chain: ChainId, effects: &mut Vec<Effect>) {
        for entry in self.rules.of_gas(chain).iter() {
            if let Condition::Gas(gas) = &entry.rule.condition {
                self.look_at_fee(entry, gas, effects);
            }
        }
    }

    pub(super) fn look_at_fee(&mut self, entry: &InForce, condition: &GasCondition, effects: &mut Vec<Effect>) {
        let threshold = &condition.threshold;
        let fee = self.fee(condition.chain, condition.of);
        let known = fee.filter(|_| self.settings.chains.contains_key(&condition.chain));
        let row = self.rules.row_mut(entry);
        let Some(Known { wei, time, .. }) = known else {
            let step = unknown(row.standing());
            self.follow(entry, step, None, effects);
            return self.pay_for_market(entry, None, effects);
        };
        let step = step(row.standing(), threshold, &wei, self.at);
        let (past, back) = sides(threshold, &wei);
        self.follow(entry, step, self.fee_as_seen(condition), effects);
        // Two operators are not asked for it.
        self.pay_for_market(entry, Some((past, back, time, Vouched::ByOne)), effects);
    }

    /// What a rule on a fee sees now: the fee, which side is meant, and the time of its block.
    pub(super) fn fee_as_seen(&self, condition: &GasCondition) -> Option<Seen> {
        let GasCondition { chain: chain_id, of, threshold } = condition;
        let Known { wei: value, block, time } = self.fee(*chain_id, *of)?;
        let (chain, level, recovers_at) =
            (self.settings.chains.get(chain_id)?.name.clone(), threshold.level, threshold.recovers_at);
        let subject = CrossingSubject::Gas { chain, chain_id: *chain_id, of: *of, value, level, recovers_at, block };
        Some((subject, threshold.side, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BlockRef;
    use crate::types::gas::next_base_fee;

    fn block(number: u64, base: u64, used: u64) -> Block {
        let hash = |number: u64| B256::from(U256::from(number + 1));
        let base = U256::from(base);
        Block {
            at: BlockRef { number, hash: hash(number), parent: hash(number.wrapping_sub(1)) },
            time: Timestamp::from_secs(number),
            base_fee: Some(base),
            next_base_fee: Some(next_base_fee(base, used, 30_000_000)),
            movements: Vec::new(),
            traced: false,
        }
    }

    fn next(gas: &Gas) -> Option<u64> {
        gas.fee(Fee::NextBase, Timestamp::from_secs(1_000)).map(|known| known.wei.to())
    }

    #[test]
    fn the_formula_is_believed_where_the_chain_s_own_blocks_follow_it() {
        let mut gas = Gas::default();
        gas.look_at(&block(1, 1_000, 30_000_000));
        assert_eq!(next(&gas), None, "nothing has shown yet that this chain follows it");
        gas.look_at(&block(2, 1_125, 0));
        assert_eq!(next(&gas), Some(985));
        // A chain of its own ways.
        gas.look_at(&block(3, 1_000, 30_000_000));
        assert_eq!(next(&gas), None);
        let mut fee = 1_125;
        for number in 4..4 + u64::from(PROBATION) {
            assert_eq!(next(&gas), None, "block {number}");
            gas.look_at(&block(number, fee, 15_000_000));
            assert!(gas.formula.broken);
            fee = next_base_fee(U256::from(fee), 15_000_000, 30_000_000).to();
        }
        assert_eq!(next(&gas), Some(fee), "it has followed it for long enough");
        // After a gap nothing can be compared, and nothing is held against it.
        gas.look_at(&block(100, 7, 0));
        assert_eq!(next(&gas), Some(7));
    }

    #[test]
    fn what_was_told_holds_for_a_while_where_nothing_can_be_computed() {
        let mut gas = Gas::default();
        gas.look_at(&block(1, 1_000, 0));
        let told = Known { wei: U256::from(900), block: 1, time: Timestamp::from_secs(1) };
        gas.told_next = Some((told, Timestamp::from_secs(1_000)));
        assert_eq!(next(&gas), Some(900));
        gas.told_next = Some((told, Timestamp::from_secs(999)));
        assert_eq!(next(&gas), None, "too long ago");
        gas.told_next = Some((told, Timestamp::from_secs(1_000)));
        gas.look_at(&block(2, 875, 30_000_000));
        assert_eq!(next(&gas), Some(984), "what is computed is of the newest block");
    }
}
