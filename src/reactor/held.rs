//! A transfer as it is held in memory while it can still change: a busy deposit list has a hundred thousand of them open.
//!
//! It says what [`TransferRow`] says. What few transfers have stands apart, and the id is the key under which it is held.

use super::effect::Suspect;
use super::quote::Quote;
use super::rows::{Missing, TransferRow, Voucher};
use crate::types::{Address, Asset, B256, ChainId, Kind, Stage, Timestamp, TransferId, TransferKey, U256};

/// A row that is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    amount: U256,
    tx: B256,
    from: Address,
    to: Address,
    pub(super) asset: Asset,
    kind: Kind,
    nth: u32,
    pub(super) chain: ChainId,
    /// Of NFTs only.
    token_id: Option<Box<U256>>,
    block_hash: Option<B256>,
    stage: Stage,
    suspect: Suspect,
    voucher: Voucher,
    late: bool,
    history: bool,
    block: u64,
    block_time: Timestamp,
    log_index: Option<u64>,
    /// Of what an explorer ceased to list only.
    missing: Option<Box<Missing>>,
    first_seen: Timestamp,
    /// Of what has a price only.
    quote: Option<Box<Quote>>,
}

impl Held {
    /// Of a row that is not settled.
    pub(super) fn new(row: &TransferRow) -> Self {
        let TransferRow { id: _, key, block, block_hash, block_time, log_index, stage, suspect, .. } = *row;
        let TransferRow { voucher, late, history, missing, first_seen, settled: _, .. } = *row;
        let TransferKey { chain, tx, kind, asset, from, to, token_id, amount, nth } = key;
        Self {
            amount,
            tx,
            from,
            to,
            asset,
            kind,
            nth,
            chain,
            token_id: token_id.map(Box::new),
            block_hash,
            stage,
            suspect,
            voucher,
            late,
            history,
            block,
            block_time,
            log_index,
            missing: missing.map(Box::new),
            first_seen,
            quote: row.quote.clone().map(Box::new),
        }
    }

    /// The row, under its id.
    pub(super) fn row(&self, id: TransferId) -> TransferRow {
        let Self { amount, tx, from, to, asset, kind, nth, chain, .. } = *self;
        let token_id = self.token_id.as_deref().copied();
        TransferRow {
            id,
            key: TransferKey { chain, tx, kind, asset, from, to, token_id, amount, nth },
            block: self.block,
            block_hash: self.block_hash,
            block_time: self.block_time,
            log_index: self.log_index,
            stage: self.stage,
            suspect: self.suspect,
            voucher: self.voucher,
            late: self.late,
            history: self.history,
            missing: self.missing.as_deref().copied(),
            first_seen: self.first_seen,
            quote: self.quote.as_deref().cloned(),
            settled: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Pair, Percent, Price};

    fn check(token_id: Option<U256>, missing: Option<Missing>, quote: Option<Quote>) {
        let key = TransferKey {
            chain: ChainId(1),
            tx: B256::repeat_byte(1),
            kind: Kind::Token,
            asset: Asset::Token(Address::repeat_byte(2)),
            from: Address::repeat_byte(3),
            to: Address::repeat_byte(4),
            token_id,
            amount: U256::from(5),
            nth: 6,
        };
        let row = TransferRow {
            id: key.id(),
            key,
            block: 7,
            block_hash: Some(B256::repeat_byte(8)),
            block_time: Timestamp::from_secs(9),
            log_index: Some(10),
            stage: Stage::Confirmed,
            suspect: Suspect { zero_value: false, look_alike: false, dust: true, known_symbol: false },
            voucher: Voucher::Other,
            late: true,
            history: true,
            missing,
            first_seen: Timestamp::from_secs(11),
            quote,
            settled: false,
        };
        assert_eq!(Held::new(&row).row(row.id), row);
    }

    #[test]
    fn what_is_held_is_the_row_that_was_given() {
        check(None, None, None);
        let quote = Quote {
            pair: Pair::parse("ETH-USD").expect("it is a pair"),
            price: Price::parse("2345.10").expect("it is a price"),
            source: "coinbase".into(),
            sources: 1,
            spread: Percent::default(),
            as_of: Timestamp::from_secs(13),
        };
        let missing = Missing { answers: 1, at: Timestamp::from_secs(12), receipts: 2 };
        check(Some(U256::MAX), Some(missing), Some(quote));
    }

    #[test]
    fn a_held_row_stays_small() {
        // 400 bytes an open transfer, less what its places in two indexes take; a price is beside it where there is one.
        assert!(size_of::<Held>() <= 256, "{}", size_of::<Held>());
    }
}
