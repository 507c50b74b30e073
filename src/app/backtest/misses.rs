//! The nearest misses: for each rule and asset the value that came closest to its threshold and did not pass it.

use crate::reactor::crossing::is_past;
use crate::reactor::event::Balances;
use crate::reactor::looked::Looked;
use crate::reactor::rows::TransferRow;
use crate::reactor::settings::{Condition, Rule, Settings, Threshold, Watch};
use crate::types::amount::format_amount;
use crate::types::gas::Fee;
use crate::types::{Address, Asset, Block, ChainId, Name, U256};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The check whose failing alone makes a miss.
const AT_LEAST: &str = "at_least";
/// Wei in a gwei, in digits.
const GWEI: u8 = 9;

/// What of a rule was nearly passed: its name, and of what.
type Key = (Name, Name);

/// A value that came close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The rule.
    pub rule: Name,
    /// Of what: an asset's symbol or contract with its chain, or a fee.
    pub what: Name,
    /// The value, in its own unit.
    pub value: String,
    /// The threshold, in the same.
    pub threshold: String,
    /// How much was missing.
    pub short_by: String,
    /// The block.
    pub block: u64,
    /// The transaction, where it is one's.
    pub tx: Option<String>,
}

/// The nearest of each rule so far.
#[derive(Debug, Default)]
pub(super) struct Misses(BTreeMap<Key, (U256, Miss)>);

impl Misses {
    fn note(&mut self, missing: U256, miss: Miss) {
        let key = (miss.rule.clone(), miss.what.clone());
        if self.0.get(&key).is_none_or(|(nearest, _)| missing < *nearest) {
            self.0.insert(key, (missing, miss));
        }
    }

    /// Looks at a transfer of which every rule said what it thinks.
    pub(super) fn of_transfer(&mut self, settings: &Settings, row: &TransferRow, looked: &[Looked]) {
        for one in looked {
            let failed: Vec<&str> = one.checks.iter().filter(|check| !check.passed).map(|check| check.check).collect();
            let rule = settings.rules.iter().find(|rule| rule.name == one.rule).map(|rule| &rule.condition);
            let Some(Condition::Transfer(condition)) = rule.filter(|_| failed == [AT_LEAST] && one.besides.is_empty())
            else {
                continue;
            };
            let (chain, asset) = (row.key.chain, row.key.asset);
            let Some(level) = condition.at_least.as_ref().and_then(|all| all.get(&(chain, asset))).copied() else {
                continue;
            };
            let (what, decimals) = named(settings, chain, asset);
            let miss = measured(&one.rule, what, (row.key.amount, level), decimals, row.block);
            self.note(level.abs_diff(row.key.amount), Miss { tx: Some(row.key.tx.to_string()), ..miss });
        }
    }

    /// Looks at balances that were read.
    pub(super) fn of_balances(&mut self, settings: &Settings, read: &Balances) {
        for (address, asset, amount) in &read.read {
            let Ok(amount) = amount else { continue };
            for (rule, watch, threshold) in rules_on(settings, (read.chain, *address, *asset)) {
                if !is_past(threshold, amount) {
                    let (what, decimals) = named(settings, read.chain, *asset);
                    let what = Name::from(format!("{what} of {}", watch.name));
                    let miss = measured(&rule.name, what, (*amount, threshold.level), decimals, read.at.number);
                    self.note(threshold.level.abs_diff(*amount), miss);
                }
            }
        }
    }

    /// Looks at what gas cost in a block.
    pub(super) fn of_block(&mut self, settings: &Settings, chain: ChainId, block: &Block) {
        for rule in &settings.rules {
            let Condition::Gas(condition) = &rule.condition else { continue };
            let fee = match condition.of {
                Fee::Base => block.base_fee,
                Fee::NextBase => block.next_base_fee,
                Fee::Priority => None,
            };
            let (Some(fee), true) = (fee, condition.chain == chain) else { continue };
            if !is_past(&condition.threshold, &fee) {
                let level = condition.threshold.level;
                let miss = measured(&rule.name, "gwei".into(), (fee, level), GWEI, block.at.number);
                self.note(level.abs_diff(fee), miss);
            }
        }
    }

    /// All of them, by rule.
    pub(super) fn all(&self) -> Vec<Miss> {
        self.0.values().map(|(_, miss)| miss.clone()).collect()
    }

    /// As a note of the scratch store: what was read is not read again after a restart.
    pub(super) fn to_note(&self) -> String {
        let one = |(missing, miss): &(U256, Miss)| {
            json!({
                "missing": missing.to_string(), "rule": miss.rule.as_str(), "what": miss.what.as_str(), "value": miss.value,
                "threshold": miss.threshold, "short_by": miss.short_by, "block": miss.block, "tx": miss.tx,
            })
        };
        Value::from(self.0.values().map(one).collect::<Vec<_>>()).to_string()
    }

    /// Reads what `to_note` wrote; what it did not write is left out.
    pub(super) fn from_note(note: &str) -> Self {
        let one = |item: &Value| {
            let text = |key: &str| item[key].as_str().map(str::to_owned);
            let miss = Miss {
                rule: text("rule")?.into(),
                what: text("what")?.into(),
                value: text("value")?,
                threshold: text("threshold")?,
                short_by: text("short_by")?,
                block: item["block"].as_u64()?,
                tx: text("tx"),
            };
            Some((text("missing")?.parse().ok()?, miss))
        };
        let mut misses = Self::default();
        let noted: Vec<Value> = serde_json::from_str(note).unwrap_or_default();
        noted.iter().filter_map(one).for_each(|(missing, miss)| misses.note(missing, miss));
        misses
    }
}

/// The rules that look at a balance, each with the watch that it is of and with its level.
pub(super) fn rules_on(
    settings: &Settings,
    (chain, address, asset): (ChainId, Address, Asset),
) -> impl Iterator<Item = (&Rule, &Watch, &Threshold<U256>)> {
    let holds = move |watch: &&Watch| watch.chains.contains(&chain) && watch.addresses.get(&address).is_some();
    let watch = settings.watches.iter().find(holds);
    settings.rules.iter().filter_map(move |rule| {
        let Condition::Balance(condition) = &rule.condition else { return None };
        let watch = watch.filter(|watch| condition.watches.contains(&watch.name))?;
        Some((rule, watch, condition.thresholds.get(&(chain, asset))?))
    })
}

fn measured(rule: &Name, what: Name, (value, level): (U256, U256), decimals: u8, block: u64) -> Miss {
    Miss {
        rule: rule.clone(),
        what,
        value: format_amount(value, decimals),
        threshold: format_amount(level, decimals),
        short_by: format_amount(level.abs_diff(value), decimals),
        block,
        tx: None,
    }
}

/// An asset in a word, and its decimals. Only assets with known decimals have thresholds.
fn named(settings: &Settings, chain: ChainId, asset: Asset) -> (Name, u8) {
    let known = settings.chains.get(&chain);
    let place = known.map_or_else(|| chain.to_string(), |chain| chain.name.to_string());
    let (symbol, decimals) = match asset {
        Asset::Coin => known.map_or_else(|| ("coin".into(), 18), |chain| (chain.coin.to_string(), chain.coin_decimals)),
        Asset::Token(contract) => settings
            .tokens
            .get(&(chain, contract))
            .map_or_else(|| (contract.to_checksum(None), 0), |token| (token.symbol.to_string(), token.decimals)),
    };
    (format!("{symbol} on {place}").into(), decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_stays_over_a_restart() {
        let miss =
            |value: u64, block| measured(&"low".into(), "USDC".into(), (U256::from(value), U256::from(500)), 2, block);
        let mut misses = Misses::default();
        for (value, block) in [(700, 1), (501, 2), (600, 3)] {
            misses.note(U256::from(value - 500), miss(value, block));
        }
        let mut again = Misses::from_note(&misses.to_note());
        assert_eq!(again.all(), misses.all());
        assert_eq!(again.all(), [miss(501, 2)]);
        assert_eq!(again.all()[0].short_by, "0.01");
        again.note(U256::from(2), miss(502, 4));
        assert_eq!(again.all(), [miss(501, 2)], "what is no nearer does not count");
        assert_eq!(Misses::from_note("nonsense").all(), []);
    }
}
