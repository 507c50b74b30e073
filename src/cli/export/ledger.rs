//! Transfers as lines of a ledger: one for each watched address that gave or got, with what it holds by them.

use super::cells::Cell;
use super::owners::{Owned, Owners};
use crate::reactor::rows::{TokenRow, TransferRow, Voucher};
use crate::reactor::settings::Direction;
use crate::telemetry::Labels;
use crate::types::amount::format_amount;
use crate::types::{Address, Asset, ChainId, Name, Stage, U256, Usd};
use std::collections::BTreeMap;

/// The columns, as their names stand in both formats.
pub(super) const COLUMNS: [&str; 30] = [
    "transfer_id",
    "chain",
    "chain_id",
    "block",
    "block_time",
    "tx_hash",
    "log_index",
    "kind",
    "stage",
    "watch",
    "ref",
    "label",
    "address",
    "direction",
    "counterparty",
    "symbol",
    "contract",
    "verified",
    "token_id",
    "amount",
    "amount_raw",
    "running_balance",
    "running_balance_raw",
    "usd",
    "usd_price",
    "usd_as_of",
    "suspect",
    "corroborated",
    "late",
    "history",
];

/// What came in and what went out so far, without what gas cost. `None` once it did not fit: a contract may make up any number.
type Moved = Option<(U256, U256)>;

/// What is held by it: the sign and the size.
fn held((came, went): (U256, U256)) -> (&'static str, U256) {
    match came.checked_sub(went) {
        Some(held) => ("", held),
        None => ("-", went.saturating_sub(came)),
    }
}

/// Whose balance of what: the chain, the address, the asset, and of NFTs which.
type Account = (ChainId, Address, Asset, Option<U256>);

/// As in a webhook.
const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Both => "self",
    }
}

/// Turns transfers into lines, in their order.
pub(super) struct Ledger {
    labels: Labels,
    tokens: BTreeMap<(ChainId, Address), (Option<Name>, Option<u8>)>,
    owners: Owners,
    held: BTreeMap<Account, Moved>,
    left_out: u64,
}

/// What is known of an asset.
struct Known {
    symbol: Option<Name>,
    decimals: Option<u8>,
    verified: bool,
}

impl Ledger {
    pub(super) fn new(labels: Labels, tokens: Vec<TokenRow>, owners: Owners) -> Self {
        let tokens = tokens.into_iter().map(|row| ((row.chain, row.contract), (row.symbol, row.decimals))).collect();
        Self { labels, tokens, owners, held: BTreeMap::new(), left_out: 0 }
    }

    /// How many transfers concern nobody who is watched now.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The lines of one transfer: one for each watched end, giver first; one where both are the same address.
    pub(super) fn lines(&mut self, row: &TransferRow) -> Vec<[Cell; COLUMNS.len()]> {
        let (from, to) = (row.key.from, row.key.to);
        let ends: &[(Address, Direction, Address)] = if from == to {
            &[(from, Direction::Both, to)]
        } else {
            &[(from, Direction::Out, to), (to, Direction::In, from)]
        };
        let lines = ends.iter().filter_map(|(address, direction, other)| self.line(row, *address, *direction, *other));
        let lines: Vec<_> = lines.collect();
        self.left_out += u64::from(lines.is_empty());
        lines
    }

    fn line(
        &mut self,
        row: &TransferRow,
        address: Address,
        direction: Direction,
        other: Address,
    ) -> Option<[Cell; COLUMNS.len()]> {
        let key = &row.key;
        self.owners.of(key.chain, address)?;
        let held = self.count(row, address, direction).map(held);
        let Owned { watch, reference, label } = self.owners.of(key.chain, address)?;
        let Known { symbol, decimals, verified } = self.known(key.chain, key.asset);
        // An NFT is counted, and not divided.
        let decimals = if key.token_id.is_some() { Some(0) } else { decimals };
        let contract = match key.asset {
            Asset::Coin => None,
            Asset::Token(contract) => Some(contract.to_checksum(None)),
        };
        let in_units =
            |(sign, size): (&str, U256)| decimals.map(|decimals| format!("{sign}{}", format_amount(size, decimals)));
        let quote = row.quote.as_ref();
        let worth = quote.zip(decimals).and_then(|(quote, decimals)| Usd::of(key.amount, decimals, quote.price));
        Some([
            Cell::Exact(row.id.to_string()),
            Cell::Said(self.labels.chain(key.chain).to_string()),
            Cell::Count(key.chain.0),
            Cell::Count(row.block),
            Cell::Exact(row.block_time.to_string()),
            Cell::Exact(key.tx.to_string()),
            Cell::count(row.log_index),
            Cell::Exact(key.kind.word().to_owned()),
            Cell::Exact(row.stage.word().to_owned()),
            Cell::Said(watch.to_owned()),
            Cell::said(reference),
            Cell::said(label),
            Cell::Exact(address.to_checksum(None)),
            Cell::Exact(word(direction).to_owned()),
            Cell::Exact(other.to_checksum(None)),
            Cell::said(symbol.as_ref().map(Name::as_str)),
            Cell::exact(contract),
            Cell::Flag(verified),
            Cell::exact(key.token_id),
            Cell::exact(in_units(("", key.amount))),
            Cell::Exact(key.amount.to_string()),
            Cell::exact(held.and_then(in_units)),
            Cell::exact(held.map(|(sign, size)| format!("{sign}{size}"))),
            Cell::exact(worth),
            Cell::exact(quote.map(|quote| quote.price)),
            Cell::exact(quote.map(|quote| quote.as_of)),
            Cell::exact(row.suspect.any().then(|| row.suspect.words().join(" "))),
            Cell::Flag(row.voucher == Voucher::Authority),
            Cell::Flag(row.late),
            Cell::Flag(row.history),
        ])
    }

    /// What came to the address and went from it, with this.
    fn count(&mut self, row: &TransferRow, address: Address, direction: Direction) -> Moved {
        let key = &row.key;
        let moved =
            self.held.entry((key.chain, address, key.asset, key.token_id)).or_insert(Some((U256::ZERO, U256::ZERO)));
        // What was taken back, and what nobody vouches for who would know, moved nothing.
        if row.stage != Stage::Retracted && row.voucher == Voucher::Authority {
            *moved = moved.and_then(|(came, went)| match direction {
                Direction::In => Some((came.checked_add(key.amount)?, went)),
                Direction::Out => Some((came, went.checked_add(key.amount)?)),
                Direction::Both => Some((came, went)),
            });
        }
        *moved
    }

    fn known(&self, chain: ChainId, asset: Asset) -> Known {
        if let Some((symbol, decimals)) = self.labels.asset(chain, asset) {
            return Known { symbol: Some(symbol.clone()), decimals: Some(decimals), verified: true };
        }
        let said = match asset {
            Asset::Coin => None,
            Asset::Token(contract) => self.tokens.get(&(chain, contract)),
        };
        let (symbol, decimals) = said.cloned().unwrap_or_default();
        Known { symbol, decimals, verified: false }
    }
}
