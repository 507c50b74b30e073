//! `when = "approval"`: which contracts, from how much on, and which spenders are trusted.

use super::{Materials, on, stages, watches};
use crate::config::check::assets::{Assets, OnChain};
use crate::config::check::input::Input;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::reactor::settings::{ApprovalCondition, LeastAllowance};
use crate::types::{Address, Asset, ChainId, Name};
use std::collections::BTreeSet;

/// The word for "nothing bounds it".
const UNLIMITED: &str = "unlimited";

/// Reads the condition of an approval rule.
pub(super) fn approval(input: &Input<'_>, scope: &Scope<'_>, from: &Materials<'_>) -> Option<ApprovalCondition> {
    let (watches, added) = watches(input, scope, from.watches);
    let chains = on(input, scope, from, &watches, &added);
    let assets =
        Assets { chains: from.chains, tokens: from.tokens, on: &chains, on_named: scope.table.get("chains").is_some() };
    let named = assets.named(input, scope);
    if named.as_ref().is_some_and(|named| named.iter().any(|(_, asset)| *asset == Asset::Coin)) {
        input.notes.fault(
            scope.place(),
            "`asset` names a coin: nobody can be given leave to move that",
            "name tokens by symbol or contract, or leave it out for every contract",
        );
        return None;
    }
    let at_least = match scope.text("at_least") {
        None => None,
        Some(said) if said.value.trim() == UNLIMITED => Some(LeastAllowance::Unlimited),
        Some(said) => Some(least(input, said, &assets, named.as_ref())?),
    };
    let (trusted, trusted_watches) = trusted(input, scope, from, &chains);
    Some(ApprovalCondition {
        watches,
        added,
        chains,
        assets: named,
        at_least,
        trusted,
        trusted_watches,
        revokes: scope.flag("revokes").unwrap_or(false),
        stages: stages(scope),
        skip_suspect: scope.flag("skip_suspect").unwrap_or(false),
    })
}

/// An amount in each named token.
fn least(
    input: &Input<'_>,
    said: Said<'_, &str>,
    assets: &Assets<'_>,
    named: Option<&BTreeSet<OnChain>>,
) -> Option<LeastAllowance> {
    if named.is_none() {
        input.notes.fault(
            said.place,
            "`at_least` means nothing without an asset",
            "name it: asset = \"USDC\"; or at_least = \"unlimited\", which every contract has",
        );
        return None;
    }
    Some(LeastAllowance::Amount(assets.in_each(input, "at_least", said, named)))
}

/// `unless_spender`: addresses, names of watches, names of payees. A name that both have means both.
fn trusted(
    input: &Input<'_>,
    scope: &Scope<'_>,
    from: &Materials<'_>,
    chains: &BTreeSet<ChainId>,
) -> (BTreeSet<(ChainId, Address)>, BTreeSet<Name>) {
    let (mut trusted, mut watches) = (BTreeSet::new(), BTreeSet::new());
    for said in scope.texts("unless_spender").into_iter().flatten() {
        if said.value.starts_with("0x") {
            let address = input.address("unless_spender", said);
            trusted.extend(address.into_iter().flat_map(|address| chains.iter().map(move |chain| (*chain, address))));
            continue;
        }
        let (watch, payee) = (from.watches.names.has(said.value), from.payees.names().has(said.value));
        if watch {
            watches.insert(said.value.into());
        }
        trusted.extend(from.payees.all.get(&Name::from(said.value)).map(|payee| (payee.chain, payee.address)));
        if !watch && !payee {
            let words = from.watches.names.words().chain(from.payees.names().words());
            let hint = near::hint(said.value, words);
            input.notes.fault(said.place, "no watch and no payee has this name, and it is no address", hint);
        }
    }
    (trusted, watches)
}
