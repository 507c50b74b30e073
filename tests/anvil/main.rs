//! The real binary against a real node: what people would see, to the last digit.
//!
//! Every chain is anvil's with its usual mnemonic, mined block by block by the test; nothing here is random. A failure prints
//! what the monitor said. To see one by hand: `cargo test --test anvil NAME -- --nocapture`.

#![allow(unreachable_pub, reason = "nothing in a test is reached from outside; `pub` says what its rooms share")]

mod approvals;
mod backtest;
mod balances;
mod balances_explored;
#[path = "../common/mod.rs"]
mod common;
mod everything;
mod evm;
mod explorer;
mod gas;
mod handover;
mod history;
mod internals;
mod lists;
mod nodes;
mod opinions;
mod proxy;
mod reorgs;
mod watches;
