//! Transfers, with whatever any of them may have.

use super::prices::quote;
use super::{address, amount, chain, count, hash, number, opt, stage, time};
use crate::reactor::effect::Suspect;
use crate::reactor::rows::{Missing, TransferRow, Voucher};
use crate::types::{Asset, Kind, TransferKey};
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn transfer() -> impl Strategy<Value = TransferRow> {
    let suspect = any::<[bool; 4]>().prop_map(|[zero_value, look_alike, dust, known_symbol]| Suspect {
        zero_value,
        look_alike,
        dust,
        known_symbol,
    });
    let asset = opt(address()).prop_map(|contract| contract.map_or(Asset::Coin, Asset::Token));
    let key =
        (chain(), hash(), select(Kind::ALL.to_vec()), asset, (address(), address()), opt(amount()), amount(), count());
    let place = (number(), opt(hash()), time(), opt(number()), time(), opt(quote()));
    let missing = opt((count(), time(), count()));
    let voucher = select(vec![Voucher::Authority, Voucher::Other]);
    (key, place, stage(), suspect, voucher, missing, any::<[bool; 3]>()).prop_map(
        |(key, place, stage, suspect, voucher, missing, [late, history, settled])| {
            let (chain, tx, kind, asset, (from, to), token_id, amount, nth) = key;
            let key = TransferKey { chain, tx, kind, asset, from, to, token_id, amount, nth };
            let (block, block_hash, block_time, log_index, first_seen, quote) = place;
            let missing = missing.map(|(answers, at, receipts)| Missing { answers, at, receipts });
            let id = key.id();
            TransferRow {
                id,
                key,
                block,
                block_hash,
                block_time,
                log_index,
                stage,
                suspect,
                voucher,
                late,
                history,
                missing,
                first_seen,
                quote,
                settled,
            }
        },
    )
}
