//! Balances as they are shown: one by one for the API, and summed by watch for the gauges, which never name an address.

use crate::reactor::Reactor;
use crate::reactor::holdings::BalanceRow;
use crate::types::{Asset, ChainId, Holding, Name, Timestamp, U256};
use std::collections::{BTreeMap, BTreeSet};

/// Every balance that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BalancesStatus {
    /// By chain, address and asset.
    pub items: Vec<BalanceStatus>,
    /// What the gauges show: no more than `[http] max_balances`.
    pub series: Vec<BalanceSeries>,
    /// All of what has a price, shown or not.
    pub valued: Vec<BalanceSeries>,
    /// Balances that are not read, and series that are not shown, because there are more than that.
    pub left_out: u64,
}

/// One balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceStatus {
    /// Whose address it is.
    pub watch: Name,
    /// Whose, of what, where.
    pub holding: Holding,
    /// What is known of it.
    pub row: Option<BalanceRow>,
}

/// What a watch holds of an asset on a chain, over all of its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceSeries {
    /// Whose.
    pub watch: Name,
    /// Where.
    pub chain: ChainId,
    /// Of what.
    pub asset: Asset,
    /// Raw; `None` until every address was read once.
    pub raw: Option<U256>,
    /// When the oldest part of it was read.
    pub read_at: Option<Timestamp>,
}

impl BalancesStatus {
    /// As they stand now.
    #[must_use]
    pub fn of(reactor: &Reactor) -> Self {
        let kept = reactor.balances_kept();
        let item = |(holding, row): (&Holding, Option<&BalanceRow>)| {
            let watch = reactor.watch_of(holding.chain, &holding.address)?.name.clone();
            Some(BalanceStatus { watch, holding: *holding, row: row.cloned() })
        };
        let items: Vec<BalanceStatus> = kept.kept().filter_map(item).collect();
        // The labels of gauges are the config's: of watches that were added at run time the items alone speak.
        let of_config: BTreeSet<&Name> = reactor.settings().watches.iter().map(|watch| &watch.name).collect();
        let mut series = sum(items.iter().filter(|item| of_config.contains(&item.watch)));
        let values = &reactor.settings().values;
        let valued =
            series.iter().filter(|series| values.contains_key(&(series.chain, series.asset))).cloned().collect();
        let most = reactor.settings().balances.most;
        let too_many = series.len().saturating_sub(most);
        series.truncate(most);
        Self { items, series, valued, left_out: kept.left_out() + too_many as u64 }
    }
}

fn sum<'a>(items: impl Iterator<Item = &'a BalanceStatus>) -> Vec<BalanceSeries> {
    let mut sums: BTreeMap<(&'a Name, ChainId, Asset), BalanceSeries> = BTreeMap::new();
    for BalanceStatus { watch, holding: Holding { chain, asset, .. }, row } in items {
        let last = row.as_ref().and_then(|row| row.last);
        let (raw, read_at) = (last.map(|last| last.raw), last.map(|last| last.read_at));
        let one = BalanceSeries { watch: watch.clone(), chain: *chain, asset: *asset, raw, read_at };
        sums.entry((watch, *chain, *asset))
            .and_modify(|sum| {
                // More than 256 bits together is no amount that anyone has: it is not shown.
                sum.raw = sum.raw.zip(raw).and_then(|(sum, raw)| sum.checked_add(raw));
                sum.read_at = sum.read_at.zip(read_at).map(|(sum, read_at)| sum.min(read_at));
            })
            .or_insert(one);
    }
    sums.into_values().collect()
}
