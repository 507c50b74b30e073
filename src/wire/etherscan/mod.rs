//! Etherscan's multichain API and the explorers that imitate it: requests without their key, answers as rows.
//!
//! Two envelopes come back, errors of one kind in the other's place, all over HTTP 200. An error is never an empty
//! list here, and one row that cannot be read never costs the others.

mod balances;
mod dialect;
mod gas;
mod logs;
mod open;
mod query;
mod refusal;
mod rows;
mod terms;
mod text;

pub use balances::{Balances, balance, balances};
pub use dialect::{Dialect, Pages, Sent};
pub use gas::{GasOracle, gas_oracle};
pub use logs::{LogPage, LogRow, logs};
pub use open::{Body, open};
pub use query::{BALANCE_BLOCKS, List, MOST_BALANCES, MOST_ROWS, Query};
pub use refusal::Refusal;
pub use rows::{Aside, ExplorerRow, Page, TokenNote, rows};
pub use terms::{ApiLimit, ChainState, ListedChain, api_limit, chains};
