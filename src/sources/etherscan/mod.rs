//! The Etherscan poller: one account, many chains, three lists an address.
//!
//! [`run`] is the only way in: wants come through a watch channel, events go out through the source's queue. The pure parts
//! decide ([`pager`] which rows of a list may be believed, [`planner`] which call goes next, [`account`] when a call may start,
//! [`judge`] what a failure means); [`fetch`] is the one place that sees the key and the url.
//!
//! Never claims more than was read: an empty answer proves nothing, and no block past the index head is reported as read.

pub mod account;
pub mod fetch;
pub mod judge;
mod limits;
pub mod pager;
pub mod planner;
mod poller;

pub use account::BudgetNote;
pub use fetch::{ETHERSCAN, Explorer, Fetch};
pub use planner::ViewAge;
pub use poller::{Setup, Word, run};
