//! Transactions: one, a page of them, and the short answer to a request for one.

use super::amount::AmountText;
use super::answer::Unread;
use super::state::CircleState;
use super::text::Field;
use crate::types::{Address, B256, Name, Timestamp, U256, Untrusted};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// What Circle answers to a transfer, a cancellation or a repeat of either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Circle's id.
    pub id: Name,
    /// Its state.
    pub state: CircleState,
}

/// Which way it goes, as the wallet sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// From the wallet.
    Outbound,
    /// To the wallet.
    Inbound,
    /// A word that we do not know, or none.
    Other,
}

/// A transaction as Circle shows it. What is left out, `null`, empty or unreadable is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Circle's id.
    pub id: Name,
    /// Its state.
    pub state: CircleState,
    /// Circle's word for the chain.
    pub blockchain: Option<Name>,
    /// Which way.
    pub direction: Direction,
    /// TRANSFER, CONTRACT_EXECUTION and others, in Circle's word.
    pub operation: Option<Untrusted>,
    /// Circle's id of the wallet.
    pub wallet: Option<Name>,
    /// From.
    pub source: Option<Address>,
    /// To.
    pub destination: Option<Address>,
    /// Circle's id of the token: its contract is another question.
    pub token: Option<Name>,
    /// One for a plain transfer. An amount that cannot be read makes this `None`, never shorter.
    pub amounts: Option<Vec<AmountText>>,
    /// On the chain.
    pub tx: Option<B256>,
    /// What was paid for it, in the chain's coin.
    pub network_fee: Option<AmountText>,
    /// Our own reference.
    pub reference: Option<Name>,
    /// Why it failed, in Circle's word.
    pub reason: Option<Untrusted>,
    /// More of that, in words.
    pub details: Option<Untrusted>,
    /// When Circle made it.
    pub created: Option<Timestamp>,
    /// When Circle last changed it.
    pub updated: Option<Timestamp>,
}

/// Decimals of the coin of every chain that is like Ethereum.
const COIN_DECIMALS: u8 = 18;
/// The longest reference that is kept; longer ones are not ours.
const LONGEST_REFERENCE: usize = 200;

impl Transaction {
    /// The one amount of a plain transfer, in smallest units of a token with so many decimals.
    #[must_use]
    pub fn amount(&self, decimals: u8) -> Option<U256> {
        match self.amounts.as_deref()? {
            [amount] => amount.raw(decimals).ok(),
            _ => None,
        }
    }

    /// What was paid for it, in wei.
    #[must_use]
    pub fn fee(&self) -> Option<U256> {
        self.network_fee.as_ref()?.raw(COIN_DECIMALS).ok()
    }

    /// As Circle writes it, without a wrapper.
    #[must_use]
    pub fn write(&self) -> serde_json::Value {
        let address = |address: &Address| format!("{address:#x}");
        let amounts = self.amounts.as_ref().map(|all| all.iter().map(AmountText::as_str).collect::<Vec<_>>());
        let direction = match self.direction {
            Direction::Outbound => Some("OUTBOUND"),
            Direction::Inbound => Some("INBOUND"),
            Direction::Other => None,
        };
        let words = |words: &Option<Untrusted>| words.as_ref().map(ToString::to_string);
        json!({
            "id": self.id.as_str(),
            "blockchain": self.blockchain.as_ref().map(Name::as_str),
            "tokenId": self.token.as_ref().map(Name::as_str),
            "walletId": self.wallet.as_ref().map(Name::as_str),
            "sourceAddress": self.source.as_ref().map(address),
            "destinationAddress": self.destination.as_ref().map(address),
            "transactionType": direction,
            "custodyType": "DEVELOPER",
            "state": self.state.word(),
            "amounts": amounts,
            "nfts": null,
            "txHash": self.tx.map(|tx| format!("{tx:#x}")),
            "networkFee": self.network_fee.as_ref().map(AmountText::as_str),
            "operation": words(&self.operation),
            "refId": self.reference.as_ref().map_or("", Name::as_str),
            "abiParameters": null,
            "errorReason": words(&self.reason).unwrap_or_default(),
            "errorDetails": words(&self.details),
            "createDate": self.created.map(|at| at.to_string()),
            "updateDate": self.updated.map(|at| at.to_string()),
        })
    }

    fn read(data: &str) -> Result<Self, Unread> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Body {
            id: Field,
            state: Field,
            blockchain: Field,
            transaction_type: Field,
            operation: Field,
            wallet_id: Field,
            source_address: Field,
            destination_address: Field,
            token_id: Field,
            amounts: Option<Vec<Field>>,
            tx_hash: Field,
            network_fee: Field,
            ref_id: Field,
            error_reason: Field,
            error_details: Field,
            create_date: Field,
            update_date: Field,
        }
        let body: Body = serde_json::from_str(data)?;
        let amount = |field: &Field| field.text().and_then(|text| AmountText::read(text).ok());
        Ok(Self {
            id: body.id.id().ok_or_else(|| Unread::new("a transaction without an id"))?,
            state: body.state.text().map(CircleState::read).ok_or_else(|| Unread::new("no state"))?,
            blockchain: body.blockchain.id(),
            direction: match body.transaction_type.text() {
                Some("OUTBOUND") => Direction::Outbound,
                Some("INBOUND") => Direction::Inbound,
                Some(_) | None => Direction::Other,
            },
            operation: body.operation.words(),
            wallet: body.wallet_id.id(),
            source: body.source_address.address(),
            destination: body.destination_address.address(),
            token: body.token_id.id(),
            amounts: body.amounts.and_then(|all| all.iter().map(amount).collect()),
            tx: body.tx_hash.hash(),
            network_fee: amount(&body.network_fee),
            reference: body.ref_id.text().filter(|text| text.len() <= LONGEST_REFERENCE).map(Name::from),
            reason: body.error_reason.words(),
            details: body.error_details.words(),
            created: body.create_date.time(),
            updated: body.update_date.time(),
        })
    }
}

/// Reads the answer to a transfer or a cancellation.
///
/// # Errors
/// [`Unread`] without an id that can stand in a path, or without a state: then nothing is known of it.
pub fn accepted(data: &str) -> Result<Accepted, Unread> {
    #[derive(Deserialize)]
    struct Body {
        id: Field,
        state: Field,
    }
    let body: Body = serde_json::from_str(data)?;
    let id = body.id.id().ok_or_else(|| Unread::new("no id"))?;
    let state = body.state.text().map(CircleState::read).ok_or_else(|| Unread::new("no state"))?;
    Ok(Accepted { id, state })
}

/// Reads one transaction, in its wrapper.
///
/// # Errors
/// [`Unread`] without id or state.
pub fn transaction(data: &str) -> Result<Transaction, Unread> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        transaction: &'a RawValue,
    }
    let body: Body<'_> = serde_json::from_str(data)?;
    Transaction::read(body.transaction.get())
}

/// A page of transactions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Those that could be read.
    pub rows: Vec<Transaction>,
    /// How many there were.
    pub length: usize,
    /// The id of the last one, to go on behind it.
    pub last: Option<Name>,
}

impl Page {
    /// Whether every row could be read: only then does what is missing from it prove anything.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rows.len() == self.length
    }
}

/// Reads a page of transactions. One that cannot be read costs no other.
///
/// # Errors
/// [`Unread`] where there is no list.
pub fn transactions(data: &str) -> Result<Page, Unread> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        transactions: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct OnlyId {
        id: Field,
    }
    let body: Body<'_> = serde_json::from_str(data)?;
    let last = body.transactions.last().and_then(|raw| serde_json::from_str::<OnlyId>(raw.get()).ok());
    Ok(Page {
        rows: body.transactions.iter().filter_map(|raw| Transaction::read(raw.get()).ok()).collect(),
        length: body.transactions.len(),
        last: last.and_then(|row| row.id.id()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_has_an_id_and_a_state_or_is_none() {
        let read = accepted(r#"{"id":"1af639ce-c8b2-54a6-af49-7aebc95aaac1","state":"INITIATED"}"#).expect("it is one");
        assert_eq!((read.id.as_str(), read.state), ("1af639ce-c8b2-54a6-af49-7aebc95aaac1", CircleState::Initiated));
        for data in [
            "{}",
            r#"{"id":"x"}"#,
            r#"{"state":"INITIATED"}"#,
            r#"{"id":"","state":"INITIATED"}"#,
            r#"{"id":"../x","state":"INITIATED"}"#,
            r#"{"id":null,"state":"INITIATED"}"#,
            r#"{"id":7,"state":"INITIATED"}"#,
            "[]",
            "null",
        ] {
            assert!(accepted(data).is_err(), "{data}");
        }
    }

    #[test]
    fn what_is_empty_null_or_odd_is_nothing_and_the_rest_is_read() {
        let read = |more: &str| transaction(&format!(r#"{{"transaction":{{"id":"a","state":"SENT"{more}}}}}"#));
        let bare = read("").expect("id and state are enough");
        assert_eq!((bare.reference.as_ref(), bare.amount(6), bare.tx, bare.fee()), (None, None, None, None));
        assert_eq!(read(r#","refId":"","amounts":null,"txHash":"","nfts":null,"errorReason":"","extra":{}"#), Ok(bare));
        let whole =
            read(r#","refId":"ww1.a.b","amounts":["1.5"],"networkFee":"0.000035910000189""#).expect("it is one");
        assert_eq!(
            (whole.amount(6), whole.fee()),
            (Some(U256::from(1_500_000)), Some(U256::from(35_910_000_189_000_u64)))
        );
        for amounts in [r#"["1","2"]"#, r#"["1.0000001"]"#, r#"["1e3"]"#, "[1]", "[]", "[null]"] {
            let read = read(&format!(r#","amounts":{amounts}"#)).expect("the rest is fine");
            assert_eq!(read.amount(6), None, "{amounts}");
        }
        for odd in [r#"{"transaction":null}"#, r#"{"transaction":{"id":"a"}}"#, r#"{"transaction":[]}"#, "{}"] {
            assert!(transaction(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_no_other_and_is_counted() {
        let page =
            transactions(r#"{"transactions":[{"id":"a","state":"SENT"},{"id":"b"},7,{"id":"c","state":"NEW"}]}"#);
        let page = page.expect("it is a list");
        let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!((ids, page.length, page.is_whole()), (vec!["a", "c"], 4, false));
        assert_eq!(page.last.as_ref().map(Name::as_str), Some("c"));
        assert_eq!(transactions(r#"{"transactions":[]}"#).map(|page| (page.is_whole(), page.last)), Ok((true, None)));
        assert!(transactions(r#"{"transactions":null}"#).is_err() && transactions("{}").is_err());
    }
}
