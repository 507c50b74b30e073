//! What gas costs on a chain, put together for the picture: fees as the reactor knows them, transfers at those fees, in coin and dollars.

use crate::reactor::Reactor;
use crate::telemetry::gas::{Cost, GasStatus};
use crate::telemetry::worth::PairStatus;
use crate::types::gas::{Fee, PLAIN_GAS, USDC_GAS};
use crate::types::{Asset, ChainId, Name, Price, chain};

/// The picture of one chain.
pub(super) fn gas(id: ChainId, reactor: &Reactor, pairs: &[PairStatus]) -> GasStatus {
    let fee = |fee| reactor.fee(id, fee);
    let (base, next, priority) = (fee(Fee::Base), fee(Fee::NextBase), fee(Fee::Priority));
    GasStatus {
        base: base.map(|known| known.wei),
        next: next.map(|known| known.wei),
        tips: reactor.tips(id),
        tips_as_of: priority.map(|known| known.time),
        costs: costs(id, reactor, pairs),
    }
}

/// What it costs to send the coin, and USDC where Circle issues it, in the next block with the usual tip.
fn costs(id: ChainId, reactor: &Reactor, pairs: &[PairStatus]) -> Vec<Cost> {
    let fees = reactor.fee(id, Fee::NextBase).zip(reactor.fee(id, Fee::Priority));
    let each = fees.and_then(|(next, tip)| next.wei.checked_add(tip.wei));
    let (Some(each), Some(settings)) = (each, reactor.settings().chains.get(&id)) else { return Vec::new() };
    let price = price(id, reactor, pairs);
    let usdc = chain::by_id(id).and_then(|known| known.usdc.as_ref()).map(|token| (Name::from(token.symbol), USDC_GAS));
    let sent = std::iter::once((settings.coin.clone(), PLAIN_GAS)).chain(usdc);
    sent.filter_map(|(asset, gas)| Cost::of(asset, gas, each, settings.coin_decimals, price)).collect()
}

/// What the coin of a chain is worth in US dollars, where a fresh price says so.
fn price(id: ChainId, reactor: &Reactor, pairs: &[PairStatus]) -> Option<Price> {
    let wanted = reactor.settings().values.get(&(id, Asset::Coin))?;
    let known = pairs.iter().find(|known| known.pair == *wanted)?;
    known.quote.as_ref().map(|quote| quote.price)
}
