//! The checker of balances: every number that was said was true at the block that it names, and what stands at the end holds.

use crate::chain::{Chain, Mined};
use crate::late::Late;
use crate::receivers::Heard;
use crate::spec::{BACK, BALANCE_RULES, LEVEL, LOW, Spec};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::types::{Address, Asset, U256};

/// A rule's level with one balance.
type Level = (String, u64, Address, Asset);

/// Whether everything that was heard of balances is true, and nothing is missing.
pub fn check(spec: &Spec, chains: &[Chain], late: &Late, heard: &[Heard]) -> Result<(), String> {
    let mut last: BTreeMap<(Level, u64), (u64, String)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for one in heard.iter().filter(|one| seen.insert(one.id)) {
        let body: Value = serde_json::from_slice(&one.body).map_err(|error| format!("not JSON: {error}"))?;
        let Some(("balance", word)) = body["type"].as_str().and_then(|word| word.split_once('.')) else { continue };
        let data = &body["data"];
        let level = level(data).ok_or_else(|| format!("of whom? {body}"))?;
        let chain = chains.iter().find(|chain| chain.id.0 == level.1).ok_or_else(|| format!("where? {body}"))?;
        let amount: U256 = text(data, "amount_raw").parse().map_err(|_| format!("how much? {body}"))?;
        if !was_true(chain, data, &level, amount) {
            return Err(format!("nobody ever held that at that block: {body}"));
        }
        let (below, back) = (amount < U256::from(LEVEL), amount >= U256::from(BACK));
        let fits = match word {
            // One that had recovered in a block that is gone stands again while it is not back.
            "crossed" => below || (!data["reason"].is_null() && !back),
            "recovered" => back,
            "retracted" => !below,
            _ => false,
        };
        if !fits {
            return Err(format!("the number does not say so: {body}"));
        }
        let (crossing, revision) = (number(data, "crossing"), number(data, "revision"));
        let before = last.entry((level, crossing)).or_insert((0, String::new()));
        if revision > before.0 {
            *before = (revision, word.to_owned());
        }
    }
    for (rule, _) in BALANCE_RULES {
        for chain in chains {
            check_end(spec, chain, late, rule, &last)?;
        }
    }
    Ok(())
}

/// What stands at the end is what the chain says.
fn check_end(
    spec: &Spec,
    chain: &Chain,
    late: &Late,
    rule: &str,
    last: &BTreeMap<(Level, u64), (u64, String)>,
) -> Result<(), String> {
    let tip = &chain.blocks[chain.tip];
    let watched = spec.cast.watches.iter().filter(|(name, _)| LOW.contains(name)).flat_map(|(_, all)| all);
    let came = spec.cast.late.iter().flat_map(|(_, all)| all).filter(|address| late.stayed(chain.id, **address));
    for address in watched.chain(came) {
        for asset in [Asset::Coin, Asset::Token(spec.cast.usdc)] {
            let level: Level = (rule.to_owned(), chain.id.0, *address, asset);
            let of_level = last.range((level.clone(), 0)..=(level.clone(), u64::MAX));
            let standing = of_level.filter(|(_, (_, word))| word == "crossed").count();
            let held = tip.balance(*address, asset);
            let fits = match standing {
                0 => held >= U256::from(LEVEL),
                1 => held < U256::from(BACK),
                _ => false,
            };
            if !fits {
                return Err(format!("{standing} crossings stand of {level:?}, which is {held} in the end: {last:?}"));
            }
        }
    }
    Ok(())
}

/// Whether an address held so much at the block that is named: at that very block, or, of an explorer, at one of that height.
fn was_true(chain: &Chain, data: &Value, level: &Level, amount: U256) -> bool {
    let (height, hash) = (number(&data["block"], "number"), data["block"]["hash"].as_str());
    let is_meant =
        |block: &&Mined| block.at.number == height && hash.is_none_or(|hash| format!("{:#x}", block.at.hash) == hash);
    chain.blocks.iter().filter(is_meant).any(|block| block.balance(level.2, level.3) == amount)
}

fn level(data: &Value) -> Option<Level> {
    let asset = match data["asset"]["contract"].as_str() {
        Some(contract) => Asset::Token(contract.parse().ok()?),
        None => Asset::Coin,
    };
    Some((text(data, "rule").to_owned(), data["chain_id"].as_u64()?, text(data, "address").parse().ok()?, asset))
}

fn text<'a>(data: &'a Value, key: &str) -> &'a str {
    data[key].as_str().unwrap_or_default()
}

fn number(data: &Value, key: &str) -> u64 {
    data[key].as_u64().unwrap_or(0)
}
