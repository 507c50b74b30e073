//! What was read of an explorer's lists, in the scratch store: calls are paid for, so who was killed goes on with each list where it was.
//!
//! A part is kept under the block at which it begins, and says where the next begins.

use crate::reactor::event::{List, Reported};
use crate::store::{SqliteStore, StoreFault};
use crate::types::{Address, Asset, B256, ChainId, Kind, Movement, Name, Timestamp, U256};
use serde_json::{Value, json};

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The first block behind it.
    pub(super) next: u64,
    /// Its rows.
    pub(super) rows: Vec<Reported>,
}

/// Of which chain, whose, and which list.
pub(super) type Of = (ChainId, Address, List);

fn key((chain, address, list): Of, from: u64) -> String {
    format!("backtest/list/{chain}/{address:#x}/{}/{from}", list.word())
}

/// Keeps a part that begins at this block.
pub(super) fn keep(store: &mut SqliteStore, of: Of, from: u64, part: &Part) -> Result<(), StoreFault> {
    store.set_note(&key(of, from), &part.to_note())
}

/// The part that begins at this block, where it was read.
pub(super) fn kept(store: &SqliteStore, of: Of, from: u64) -> Result<Option<Part>, StoreFault> {
    let note = store.note(&key(of, from))?;
    Ok(note.and_then(|note| Part::from_note(&note)).filter(|part| part.next > from))
}

impl Part {
    fn to_note(&self) -> String {
        json!({"next": self.next, "rows": self.rows.iter().map(written).collect::<Vec<_>>()}).to_string()
    }

    /// Reads what `to_note` wrote, whole or not at all.
    fn from_note(note: &str) -> Option<Self> {
        let noted: Value = serde_json::from_str(note).ok()?;
        let rows = noted["rows"].as_array()?.iter().map(read).collect::<Option<_>>()?;
        Some(Self { next: noted["next"].as_u64()?, rows })
    }
}

fn written(row: &Reported) -> Value {
    let Movement { tx, kind, asset, from, to, token_id, amount, log_index } = row.movement;
    let contract = match asset {
        Asset::Coin => None,
        Asset::Token(contract) => Some(contract.to_string()),
    };
    let token = row.token.as_ref().map(|(decimals, symbol)| json!([decimals, symbol.as_ref().map(Name::as_str)]));
    json!([
        row.block,
        row.block_hash.map(|hash| hash.to_string()),
        row.time.millis(),
        tx.to_string(),
        kind.word(),
        contract,
        from.to_string(),
        to.to_string(),
        token_id.map(|id| id.to_string()),
        amount.to_string(),
        log_index,
        token,
    ])
}

fn read(row: &Value) -> Option<Reported> {
    let [block, hash, time, tx, kind, contract, from, to, token_id, amount, log_index, token] =
        row.as_array()?.as_slice()
    else {
        return None;
    };
    let movement = Movement {
        tx: parsed(tx)?,
        kind: Kind::from_word(kind.as_str()?)?,
        asset: perhaps(contract, parsed)?.map_or(Asset::Coin, Asset::Token),
        from: parsed(from)?,
        to: parsed(to)?,
        token_id: perhaps(token_id, parsed::<U256>)?,
        amount: parsed(amount)?,
        log_index: perhaps(log_index, Value::as_u64)?,
    };
    let token = perhaps(token, |token| {
        let decimals = perhaps(token.get(0)?, |decimals| u8::try_from(decimals.as_u64()?).ok())?;
        Some((decimals, perhaps(token.get(1)?, |symbol| symbol.as_str().map(Name::from))?))
    })?;
    let (block_hash, time) = (perhaps(hash, parsed::<B256>)?, Timestamp::from_millis(time.as_i64()?));
    Some(Reported { block: block.as_u64()?, block_hash, time, movement, token })
}

fn parsed<T: std::str::FromStr>(text: &Value) -> Option<T> {
    text.as_str()?.parse().ok()
}

/// Null is nothing; what is there has to be readable.
#[expect(clippy::option_option, reason = "what is not there and what cannot be read are two things")]
fn perhaps<T>(value: &Value, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_of_a_list_comes_back_as_it_was() {
        let full = Movement {
            tx: B256::repeat_byte(1),
            kind: Kind::Erc1155,
            asset: Asset::Token(Address::repeat_byte(9)),
            from: Address::repeat_byte(2),
            to: Address::repeat_byte(3),
            token_id: Some(U256::MAX),
            amount: U256::from(5),
            log_index: Some(7),
        };
        let bare = Movement { kind: Kind::Internal, asset: Asset::Coin, token_id: None, log_index: None, ..full };
        let row = |movement, block_hash, token| Reported {
            block: 12,
            block_hash,
            time: Timestamp::from_secs(1_795_000_000),
            movement,
            token,
        };
        let rows = vec![
            row(full, Some(B256::repeat_byte(4)), Some((Some(6), Some(Name::from("a\"\u{202e}<b>"))))),
            row(full, None, Some((None, None))),
            row(bare, None, None),
        ];
        let part = Part { next: 13, rows };
        assert_eq!(Part::from_note(&part.to_note()), Some(part.clone()));
        assert_eq!(Part::from_note(&part.to_note().replace("erc1155", "erc9")), None, "never a part of it");
    }
}
