//! Which assets a rule names, and what its numbers mean in each: raw units, per chain and contract.

use crate::config::amounts::{self, coin_unit, split};
use crate::config::check::chains::Chains;
use crate::config::check::input::Input;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::reactor::settings::KnownToken;
use crate::types::amount::{AmountFault, parse_amount};
use crate::types::{Address, Asset, ChainId, Name, U256, parse_address};
use std::collections::{BTreeMap, BTreeSet};

/// An asset on a chain.
pub(super) type OnChain = (ChainId, Asset);

/// What is known of the assets on the chains of one rule.
pub(super) struct Assets<'a> {
    /// The chains.
    pub chains: &'a Chains,
    /// Tokens known by contract.
    pub tokens: &'a BTreeMap<(ChainId, Address), KnownToken>,
    /// The rule's chains.
    pub on: &'a BTreeSet<ChainId>,
    /// Whether the rule names them itself.
    pub on_named: bool,
}

impl Assets<'_> {
    /// Every known asset on the rule's chains, with its symbol and decimals.
    fn known(&self) -> BTreeMap<OnChain, (Name, u8)> {
        let coins = self.on.iter().filter_map(|id| {
            let settings = &self.chains.all.get(id)?.settings;
            Some(((*id, Asset::Coin), (settings.coin.clone(), settings.coin_decimals)))
        });
        let tokens =
            self.tokens.iter().filter(|((chain, _), _)| self.on.contains(chain)).map(|((chain, contract), token)| {
                ((*chain, Asset::Token(*contract)), (token.symbol.clone(), token.decimals))
            });
        coins.chain(tokens).collect()
    }

    /// The assets that `asset` names; `None` is all.
    pub(super) fn named(&self, input: &Input<'_>, scope: &Scope<'_>) -> Option<BTreeSet<OnChain>> {
        let said = scope.texts("asset")?;
        if said.is_empty() {
            input.notes.fault(scope.place(), "`asset` is empty", "name assets, or leave it out for all");
        }
        Some(said.into_iter().flat_map(|said| self.one(input, said)).collect())
    }

    fn one(&self, input: &Input<'_>, said: Said<'_, &str>) -> Vec<OnChain> {
        let known = self.known();
        if said.value == "native" {
            return self.on.iter().map(|chain| (*chain, Asset::Coin)).collect();
        }
        if said.value.starts_with("0x") {
            return self.contract(input, said, &known);
        }
        let found: Vec<OnChain> =
            known.iter().filter(|(_, (symbol, _))| symbol.as_str() == said.value).map(|(asset, _)| *asset).collect();
        if found.is_empty() {
            if self.on.is_empty() {
                return found;
            }
            let words = known.values().map(|(symbol, _)| symbol.as_str()).chain(["native"]);
            let what = "no asset of this symbol is known on the chains of this rule";
            let hint = format!("{}; or name its contract (0x…), or write a [[token]]", near::hint(said.value, words));
            input.notes.fault(said.place, what, hint);
            return found;
        }
        let missing: Vec<String> = self
            .on
            .iter()
            .filter(|chain| !found.iter().any(|(on, _)| on == *chain))
            .map(|chain| self.chains.name(*chain))
            .collect();
        if !missing.is_empty() {
            let what = format!("{} is not known on {}", said.value, missing.join(", "));
            if self.on_named {
                input.notes.fault(
                    said.place,
                    format!("{what}: nothing can feed this rule there"),
                    "take the chain out of `chains`, or write a [[token]] for it",
                );
            } else {
                input.notes.warn(said.place, format!("{what}: this rule says nothing there"));
            }
        }
        found
    }

    fn contract(&self, input: &Input<'_>, said: Said<'_, &str>, known: &BTreeMap<OnChain, (Name, u8)>) -> Vec<OnChain> {
        let address = match parse_address(said.value) {
            Ok(address) => address,
            Err(fault) => {
                input.notes.fault(
                    said.place,
                    format!("`asset`: {fault}"),
                    "copy the contract again from where it came from",
                );
                return Vec::new();
            }
        };
        let asset = Asset::Token(address);
        let here: Vec<OnChain> = known.keys().filter(|(_, found)| *found == asset).copied().collect();
        if here.is_empty() { self.on.iter().map(|chain| (*chain, asset)).collect() } else { here }
    }

    /// What the number under a key means in each asset.
    pub(super) fn in_each(
        &self,
        input: &Input<'_>,
        key: &str,
        said: Said<'_, &str>,
        assets: Option<&BTreeSet<OnChain>>,
    ) -> BTreeMap<OnChain, U256> {
        let known = self.known();
        let written = split(said.value);
        if written.unit == Some("USD") {
            input.notes.fault(
                said.place,
                "thresholds in US dollars are not there yet",
                "write it in the asset's own unit",
            );
            return BTreeMap::new();
        }
        // Also where the rule's assets are faulty, and nothing is left to measure it in.
        if let Err(fault @ AmountFault::Shape) = parse_amount(written.number, 0) {
            amounts::note(input.notes, said.place, "at_least", fault);
            return BTreeMap::new();
        }
        let asked: Vec<OnChain> =
            assets.map_or_else(|| known.keys().copied().collect(), |assets| assets.iter().copied().collect());
        let mut least = BTreeMap::new();
        let mut met: BTreeMap<&Name, Vec<String>> = BTreeMap::new();
        let mut odd: BTreeSet<&Name> = BTreeSet::new();
        for asset in asked {
            let Some((symbol, decimals)) = known.get(&asset) else {
                let what = format!(
                    "the decimals of a contract on {} are not known, so `{key}` means nothing",
                    self.chains.name(asset.0)
                );
                input.notes.fault(said.place, what, "write a [[token]] with its contract and decimals");
                continue;
            };
            let coin = asset.1 == Asset::Coin;
            let point = match written.unit {
                None => Some(*decimals),
                Some(unit) if coin => coin_unit(unit, symbol.as_str(), *decimals),
                Some(unit) => (unit == symbol.as_str()).then_some(*decimals),
            };
            let Some(point) = point else {
                odd.insert(symbol);
                continue;
            };
            match parse_amount(written.number, point) {
                Ok(raw) => {
                    least.insert(asset, raw);
                    met.entry(symbol).or_default().push(self.chains.name(asset.0));
                }
                Err(fault) => {
                    amounts::note(input.notes, said.place, key, fault);
                    return BTreeMap::new();
                }
            }
        }
        judge(input, key, said, assets.is_some(), &odd, &met);
        least
    }
}

/// Says what a number means where it may not be what was meant.
fn judge(
    input: &Input<'_>,
    key: &str,
    said: Said<'_, &str>,
    named: bool,
    odd: &BTreeSet<&Name>,
    met: &BTreeMap<&Name, Vec<String>>,
) {
    let written = split(said.value);
    let unit = written.unit.unwrap_or_default();
    if named && !odd.is_empty() || met.is_empty() && !odd.is_empty() {
        let odd: Vec<&str> = odd.iter().map(|symbol| symbol.as_str()).collect();
        let shown = crate::types::text::Untrusted::new(unit);
        let what = format!("`{key}` is in {}, but the rule is about {}", shown.as_str(), odd.join(", "));
        input.notes.fault(said.place, what, "write the asset's own unit, or a rule for each asset");
    } else if !odd.is_empty() {
        input.notes.warn(said.place, format!("`{key}` is in {unit}: the rule says nothing of other assets"));
    } else if written.unit.is_none() && met.len() > 1 {
        let list: Vec<String> =
            met.iter().map(|(symbol, on)| format!("{} {symbol} on {}", written.number, on.join(", "))).collect();
        let rest = if named { "" } else { "; the rule says nothing of assets that are not listed" };
        input.notes.warn(said.place, format!("`{key}` has no unit and means {}{rest}", list.join("; ")));
    } else if written.unit.is_none() && !named {
        input.notes.warn(
            said.place,
            format!("the rule says nothing of assets whose decimals are not known: `{key}` means nothing there"),
        );
    }
}
