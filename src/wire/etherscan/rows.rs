//! Rows of the lists, each read by itself: one that cannot be read is set aside with its reason, the page survives.
//!
//! Numbers are decimal text, missing values are empty text, and the order of keys means nothing.

use super::query::List;
use super::refusal::Refusal;
use super::text::{Text, list as values};
use crate::types::{Address, Asset, B256, Kind, Movement, Timestamp, U256, Untrusted};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplorerRow {
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block, where the list says it.
    pub block_hash: Option<B256>,
    /// Time of its block.
    pub time: Timestamp,
    /// Its transaction.
    pub tx: B256,
    /// Whether it failed. A failed row keeps its value and moves nothing.
    pub failed: bool,
    /// What moved; `None` for what failed, carries nothing, or is of a kind that moves nothing.
    pub movement: Option<Movement>,
    /// What the explorer says about the token.
    pub token: Option<TokenNote>,
}

/// What an explorer says about a token; nobody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenNote {
    /// Its symbol; `None` when empty.
    pub symbol: Option<Untrusted>,
    /// Its name; `None` when empty.
    pub name: Option<Untrusted>,
    /// Its decimals; `None` when empty or above 255. Never a default.
    pub decimals: Option<u8>,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Its place in the page, from 0.
    pub index: usize,
    /// Its block, where at least that could be read: the page must not be counted as complete beyond it.
    pub block_number: Option<u64>,
    /// Why.
    pub reason: Untrusted,
}

/// What a page of a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The rows that could be read, in the page's order.
    pub rows: Vec<ExplorerRow>,
    /// Those that could not.
    pub aside: Vec<Aside>,
    /// Balances of the genesis block, which are no transactions.
    pub genesis: usize,
    /// All rows of the page: it is full when this is what was asked for.
    pub length: usize,
    /// The head of the explorer's index when it answered; `None` where no row shows it.
    pub index_head: Option<u64>,
}

/// Reads the rows of a list. `tx` names the transaction where the list was asked by its hash: such rows do not.
///
/// # Errors
/// [`Refusal::Shape`] when the result is no list at all.
pub fn rows(list: List, result: &RawValue, tx: Option<B256>) -> Result<Page, Refusal> {
    let raw = values(result)?;
    let mut page = Page { length: raw.len(), ..Page::default() };
    for (index, raw) in raw.into_iter().enumerate() {
        let text = match serde_json::from_str::<RowText>(raw.get()) {
            Ok(text) if raw.get().starts_with('{') => text,
            Ok(_) => RowText::default(),
            Err(error) => {
                page.aside.push(Aside { index, block_number: None, reason: Untrusted::new(&error.to_string()) });
                continue;
            }
        };
        page.index_head = page.index_head.max(text.index_head());
        if text.hash.as_str().starts_with("GENESIS") || text.from.as_str() == "GENESIS" {
            page.genesis = page.genesis.saturating_add(1);
            continue;
        }
        match text.read(list, tx) {
            Ok(row) => page.rows.push(row),
            Err(reason) => {
                let block_number = text.block_number.number("blockNumber").ok();
                page.aside.push(Aside { index, block_number, reason: Untrusted::new(&reason) });
            }
        }
    }
    Ok(page)
}

/// All that is read of a row of any list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RowText {
    block_number: Text,
    block_hash: Text,
    time_stamp: Text,
    hash: Text,
    /// The imitators' key for it; some rows have both.
    transaction_hash: Text,
    from: Text,
    to: Text,
    value: Text,
    contract_address: Text,
    is_error: Text,
    #[serde(rename = "txreceipt_status")]
    receipt_status: Text,
    confirmations: Text,
    #[serde(rename = "type")]
    kind: Text,
    /// Blockscout's: `delegatecall` and the like, where `type` says `call`.
    call_type: Text,
    /// Blockscout's: the place of an internal frame in its transaction.
    index: Text,
    #[serde(rename = "tokenID")]
    token_id: Text,
    #[serde(rename = "tokenIDs")]
    token_ids: Option<IgnoredAny>,
    token_value: Text,
    token_name: Text,
    token_symbol: Text,
    token_decimal: Text,
    log_index: Text,
}

impl RowText {
    /// blockNumber + confirmations − 1: the same on every row of an answer. Blockscout counts from 0, so that there it is one less than
    /// the head; but no row is above the head.
    fn index_head(&self) -> Option<u64> {
        let block = self.block_number.number("blockNumber").ok()?;
        let confirmations = self.confirmations.number("confirmations").ok()?;
        block.checked_add(confirmations.saturating_sub(1))
    }

    /// The row; why not, where it cannot be read.
    fn read(&self, list: List, asked: Option<B256>) -> Result<ExplorerRow, String> {
        let tx = match (self.hash.as_str(), self.transaction_hash.as_str(), asked) {
            ("", "", Some(tx)) => tx,
            ("", named, _) if !named.is_empty() => self.transaction_hash.hash("transactionHash")?,
            _ => self.hash.hash("hash")?,
        };
        let block_hash = match self.block_hash.as_str() {
            "" => None,
            _ => Some(self.block_hash.hash("blockHash")?),
        };
        let failed = self.failed()?;
        let movement = self.movement(list, tx)?.filter(|_| !failed);
        Ok(ExplorerRow {
            block_number: self.block_number.number("blockNumber")?,
            block_hash,
            time: Timestamp::from_secs(self.time_stamp.number("timeStamp")?),
            tx,
            failed,
            movement,
            token: self.token(list),
        })
    }

    /// Whether the row failed: `isError`, or the receipt where the row has one. Token rows have neither: no logs.
    fn failed(&self) -> Result<bool, String> {
        match (self.is_error.as_str(), self.receipt_status.as_str()) {
            ("" | "0", "" | "1") => Ok(false),
            ("1", _) | (_, "0") => Ok(true),
            _ => Err("isError or txreceipt_status is neither 0 nor 1".into()),
        }
    }

    /// What the row would move if it did not fail.
    fn movement(&self, list: List, tx: B256) -> Result<Option<Movement>, String> {
        if list == List::Token && self.is_an_nfts() {
            return Ok(None);
        }
        let contract = || self.contract_address.account("contractAddress");
        let log_index = match self.log_index.as_str() {
            "" => None,
            _ => Some(self.log_index.either("logIndex")?),
        };
        let token_id = || self.token_id.amount("tokenID").map(Some);
        let (kind, asset, token_id, amount, log_index) = match list {
            List::Coin => (Kind::Coin, Asset::Coin, None, self.value.amount("value")?, None),
            List::Internal => (Kind::Internal, Asset::Coin, None, self.value.amount("value")?, None),
            List::Token => (Kind::Token, Asset::Token(contract()?), None, self.value.amount("value")?, log_index),
            List::Erc721 => (Kind::Erc721, Asset::Token(contract()?), token_id()?, U256::from(1), log_index),
            List::Erc1155 => (
                Kind::Erc1155,
                Asset::Token(contract()?),
                token_id()?,
                self.token_value.amount("tokenValue")?,
                log_index,
            ),
        };
        let from = self.from.account("from")?;
        let coin = asset == Asset::Coin;
        // A creation's value goes to what it created; a failed one may name nothing.
        let to = if coin && self.to.as_str().is_empty() {
            if amount == U256::ZERO { Address::ZERO } else { contract()? }
        } else {
            self.to.account("to")?
        };
        let moves = !coin || (amount > U256::ZERO && (list == List::Coin || self.moves_coin()));
        Ok(moves.then_some(Movement { tx, kind, asset, from, to, token_id, amount, log_index }))
    }

    /// Whether an internal row of this kind moves coin. `delegatecall` and the like repeat the value of the call
    /// around them; Arbitrum's `invalid` moves nothing; what has the index 0 is the transaction itself, which has a row of its own.
    fn moves_coin(&self) -> bool {
        let moving = ["call", "create", "create2", "selfdestruct", "suicide"];
        let is_root = self.index.as_str() == "0";
        let is_plain = self.call_type.as_str().is_empty() || self.call_type.as_str().eq_ignore_ascii_case("call");
        !is_root && is_plain && moving.iter().any(|kind| self.kind.as_str().eq_ignore_ascii_case(kind))
    }

    /// Whether a row of an ERC-20 list is about an NFT: older Blockscouts list all tokens in one. Theirs are other lists.
    fn is_an_nfts(&self) -> bool {
        self.value.as_str().is_empty() && (!self.token_id.as_str().is_empty() || self.token_ids.is_some())
    }

    /// What the explorer says about the token.
    fn token(&self, list: List) -> Option<TokenNote> {
        let (symbol, name) = (self.token_symbol.untrusted(), self.token_name.untrusted());
        let decimals = self.token_decimal.digits("tokenDecimal").ok().and_then(|digits| digits.parse().ok());
        match list {
            List::Coin | List::Internal => None,
            List::Token | List::Erc721 | List::Erc1155 => Some(TokenNote { symbol, name, decimals }),
        }
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
