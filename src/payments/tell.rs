//! What Circle told, in the words of the protocol. No judgement: what a refusal proves is decided there.

use super::client::Trouble;
use crate::net::http::HttpFault;
use crate::reactor::money::CircleId;
use crate::reactor::payments::ask::{Outcome, Transaction, Why};
use crate::types::{Address, Name, Untrusted};
use crate::wire::circle::{self, USDC_DECIMALS};

/// A trouble, where something may have left.
pub(super) fn trouble(trouble: Trouble) -> Outcome {
    match trouble {
        Trouble::Said { status, error } => {
            let words = match error.field {
                None => error.words.to_string(),
                Some(field) => format!("{} ({field})", error.words),
            };
            Outcome::Refused { status, code: Some(error.code), words: words.into() }
        }
        Trouble::Unreadable { status } => Outcome::Ambiguous(Why::Unreadable(status)),
        Trouble::Lost(HttpFault::Timeout { .. }) => Outcome::Ambiguous(Why::Timeout),
        Trouble::Lost(_) | Trouble::NoConnection(_) | Trouble::Withheld => Outcome::Ambiguous(Why::Broken),
    }
}

/// A transaction, with the contract of its token where that is known. `None` where its id is none.
pub(super) fn transaction(row: &circle::Transaction, token: Option<Address>) -> Option<Transaction> {
    Some(Transaction {
        id: CircleId::parse(row.id.as_str())?,
        state: row.state.clone(),
        reference: row.reference.clone(),
        wallet: row.wallet.clone(),
        chain: row.blockchain.clone(),
        token,
        destination: row.destination,
        amount: row.amount(USDC_DECIMALS),
        tx: row.tx,
        created: row.created,
        reason: row.reason.as_ref().or(row.details.as_ref()).map(Untrusted::as_str).map(Name::from),
        fee: row.fee(),
    })
}
