//! `/api/v1/balances`: what every watched address holds, each with its block and its age.
//!
//! A balance that cannot be read any more keeps its last value; one that never was has none, and is never shown as zero.

use crate::reactor::holdings::BalanceRow;
use crate::telemetry::Snapshot;
use crate::telemetry::balances::BalanceStatus;
use crate::types::amount::format_amount;
use crate::types::{Asset, Timestamp, Usd};
use serde::Serialize;
use utoipa::ToSchema;

/// Every balance that is read.
#[derive(Serialize, ToSchema)]
pub(super) struct Balances {
    pub items: Vec<BalanceItem>,
    /// How many are not read because there are more than `[http] max_balances`.
    pub left_out: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct BalanceItem {
    pub watch: String,
    pub chain: String,
    pub chain_id: u64,
    pub address: String,
    pub asset: AssetItem,
    pub amount: Option<String>,
    pub amount_raw: Option<String>,
    /// Null where nothing values it, or no price is fresh.
    pub usd: Option<String>,
    pub block: Option<BlockItem>,
    pub read_at: Option<String>,
    pub age_seconds: Option<u64>,
    /// Who read it, or failed to.
    pub source: Option<String>,
    pub failing_since: Option<String>,
    pub reason: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BalanceAsset)]
pub(super) struct AssetItem {
    pub symbol: Option<String>,
    pub contract: Option<String>,
    pub decimals: Option<u8>,
}

/// Without a hash the source did not say at which block it read: about this one.
#[derive(Serialize, ToSchema)]
#[schema(as = BalanceBlock)]
pub(super) struct BlockItem {
    pub number: u64,
    pub hash: Option<String>,
}

/// A line of `/api/v1/status` about all of them.
#[derive(Serialize, ToSchema)]
pub(super) struct BalancesLine {
    pub read: usize,
    pub unread: usize,
    pub failing: usize,
    pub left_out: u64,
    pub oldest_read: Option<String>,
}

/// Every balance, of one chain and of one watch where these are given.
pub(super) fn balances(snapshot: &Snapshot, now: Timestamp, wanted: impl Fn(&BalanceStatus) -> bool) -> Balances {
    let all = &snapshot.balances;
    let items = all.items.iter().filter(|balance| wanted(balance)).map(|balance| item(snapshot, now, balance));
    Balances { items: items.collect(), left_out: all.left_out }
}

/// How all of them stand.
pub(super) fn line(snapshot: &Snapshot) -> BalancesLine {
    let all = &snapshot.balances;
    let rows = || all.items.iter().filter_map(|balance| balance.row.as_ref());
    let read: Vec<Timestamp> = rows().filter_map(|row| row.last).map(|last| last.read_at).collect();
    BalancesLine {
        read: read.len(),
        unread: all.items.len() - read.len(),
        failing: rows().filter(|row| row.failing.is_some()).count(),
        left_out: all.left_out,
        oldest_read: read.iter().min().map(Timestamp::to_string),
    }
}

fn item(snapshot: &Snapshot, now: Timestamp, balance: &BalanceStatus) -> BalanceItem {
    let holding = balance.holding;
    let known = snapshot.labels.asset(holding.chain, holding.asset);
    let row = balance.row.as_ref();
    let last = row.and_then(|row| row.last);
    let failing = row.and_then(|row: &BalanceRow| row.failing);
    let contract = match holding.asset {
        Asset::Coin => None,
        Asset::Token(contract) => Some(contract.to_checksum(None)),
    };
    BalanceItem {
        watch: balance.watch.to_string(),
        chain: snapshot.labels.chain(holding.chain).to_string(),
        chain_id: holding.chain.0,
        address: holding.address.to_checksum(None),
        asset: AssetItem {
            symbol: known.map(|(symbol, _)| symbol.to_string()),
            contract,
            decimals: known.map(|(_, decimals)| decimals),
        },
        amount: last.zip(known).map(|(last, (_, decimals))| format_amount(last.raw, decimals)),
        usd: last.zip(known).and_then(|(last, (_, decimals))| {
            let pair = snapshot.labels.values.get(&(holding.chain, holding.asset))?;
            let quote = snapshot.pairs.iter().find(|status| status.pair == *pair)?.quote.as_ref()?;
            Usd::of(last.raw, decimals, quote.price).map(|usd| usd.to_string())
        }),
        amount_raw: last.map(|last| last.raw.to_string()),
        block: last.map(|last| BlockItem { number: last.at.number, hash: last.at.hash.map(|hash| hash.to_string()) }),
        read_at: last.map(|last| last.read_at.to_string()),
        age_seconds: last.map(|last| now.since(last.read_at).as_secs()),
        source: row.map(|row| row.source.to_string()),
        failing_since: failing.map(|(since, _)| since.to_string()),
        reason: failing.map(|(_, reason)| reason.word()),
    }
}
