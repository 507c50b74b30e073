//! Etherscan's multichain API and the explorers that imitate it: requests without their key, answers as rows.
//!
//! Two envelopes come back, errors of one kind in the other's place, all over HTTP 200. An error is never an empty
//! list here, and one row that cannot be read never costs the others.

mod open;
mod query;
mod refusal;
mod rows;

pub use open::{Body, open};
pub use query::{List, MOST_ROWS, Query};
pub use refusal::Refusal;
pub use rows::{Aside, ExplorerRow, Page, TokenNote, balance, balances, rows};
