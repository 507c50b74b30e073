//! JSON-RPC of EVM nodes: requests as text, answers as values.
//!
//! Lean and borrowed: only what is relied on is read, and that strictly; what exotic chains add or leave out does not
//! matter. Nothing here decides what a block means for anyone; [`assemble()`] only lists what moved in it.

mod assemble;
mod block;
mod call;
mod envelope;
mod fees;
mod refusal;
mod trace;

pub use assemble::{assemble, assemble_from_logs, moved_by};
pub use block::{
    BlockLog, Header, RawBlock, RawLog, RawReceipt, RawTx, Topics, parse_block, parse_header, parse_logs,
    parse_receipt, parse_receipts,
};
pub use call::{At, Call, StateAt};
pub use envelope::{Answer, Message, block_answer, parse_batch, parse_message, parse_messages, receipts_answer};
pub use fees::{FeeHistory, fee_history};
pub use refusal::{Refusal, RpcError, Suggestion};
pub use trace::{InternalMove, TxTrace, parse_call_traces, parse_trace_block};

use super::{Fault, hex, read};
use crate::types::U256;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads a result that is one number of 64 bits (`eth_blockNumber`, `eth_chainId`).
///
/// # Errors
/// [`Fault::Shape`] for anything else; [`Fault::NotReady`] for `null`.
pub fn parse_number(result: &RawValue) -> Result<u64, Fault> {
    present("number", result)?;
    read::<hex::Q64>("a number", result.get()).map(|number| number.0)
}

/// Reads a result that is one number of 256 bits (`eth_getBalance`, `eth_gasPrice`).
///
/// # Errors
/// [`Fault::Shape`] for anything else; [`Fault::NotReady`] for `null`.
pub fn parse_amount(result: &RawValue) -> Result<U256, Fault> {
    present("amount", result)?;
    read::<hex::Q256>("an amount", result.get()).map(|number| number.0)
}

/// Reads a result that is text: the id of a subscription, the bytes of an `eth_call`.
///
/// # Errors
/// [`Fault::Shape`] for anything else; [`Fault::NotReady`] for `null`.
pub fn parse_text(result: &RawValue) -> Result<Cow<'_, str>, Fault> {
    /// Borrows where it can.
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    present("text", result)?;
    read::<Text<'_>>("a text", result.get()).map(|text| text.0)
}

/// Refuses `null`.
fn present(what: &'static str, result: &RawValue) -> Result<(), Fault> {
    if result.get() == "null" { Err(Fault::NotReady { what }) } else { Ok(()) }
}
