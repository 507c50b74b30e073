//! Coin that moved inside transactions, out of traces.
//!
//! It moves in frames below the root of kind call, create, create2 or self-destruct, with a value above zero, whose
//! ancestors all succeeded, itself included. Nothing else moves coin, whatever value a tracer writes beside it.
//! Frames nest as deep as contracts like (1,024 calls), so nothing here recurses.

use super::present;
use crate::types::{Address, B256, U256, Untrusted};
use crate::wire::hex::{self, Account, Hash, Q256};
use crate::wire::{Fault, read};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Coin that moved inside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalMove {
    /// Who gave.
    pub from: Address,
    /// Who got; of a creation, the created address.
    pub to: Address,
    /// In wei, above zero.
    pub amount: U256,
}

/// What the trace of one transaction says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxTrace {
    /// Of which transaction, where the tracer says so.
    pub tx: Option<B256>,
    /// Whether the transaction itself failed.
    pub failed: bool,
    /// What moved below the root, in the order of execution; what the node said where it could not trace.
    pub moves: Result<Vec<InternalMove>, Untrusted>,
}

/// Reads the answer to `debug_traceBlockByHash` with the `callTracer`: one entry for each transaction, in order.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] for frames whose parties or values cannot be read.
pub fn parse_call_traces(result: &RawValue) -> Result<Vec<TxTrace>, Fault> {
    /// One transaction.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry<'a> {
        tx_hash: Option<Hash>,
        #[serde(borrow)]
        result: Option<&'a RawValue>,
        #[serde(borrow)]
        error: Option<Cow<'a, str>>,
    }
    present("traces", result)?;
    let entries: Vec<Entry<'_>> = read("traces", result.get())?;
    let entry = |Entry { tx_hash, result, error }| {
        let tx = tx_hash.map(|hash: Hash| hash.0);
        let Some(result) = result.filter(|_| error.is_none()) else {
            let reason = error.as_deref().unwrap_or("no trace and no reason");
            return Ok(TxTrace { tx, failed: false, moves: Err(Untrusted::new(reason)) });
        };
        let frames = read_frames(result.get())?;
        let failed = frames.first().is_some_and(|root| root.failed);
        Ok(TxTrace { tx, failed, moves: Ok(moves(&frames)?) })
    };
    entries.into_iter().map(entry).collect()
}

/// One frame of a call tracer.
#[derive(Default)]
struct Frame {
    parent: Option<usize>,
    moves_coin: bool,
    from: Option<Address>,
    to: Option<Address>,
    value: U256,
    failed: bool,
}

/// What moved in frames that stand in the order of execution, each behind its parent.
fn moves(frames: &[Frame]) -> Result<Vec<InternalMove>, Fault> {
    let mut held: Vec<bool> = Vec::with_capacity(frames.len());
    let mut moves = Vec::new();
    for frame in frames {
        let parent_held = frame.parent.is_none_or(|parent| held.get(parent).copied().unwrap_or(false));
        let holds = parent_held && !frame.failed;
        held.push(holds);
        if holds && frame.parent.is_some() && frame.moves_coin && frame.value > U256::ZERO {
            let (Some(from), Some(to)) = (frame.from, frame.to) else {
                return Err(Fault::shape("a trace", "a frame with value lacks one of its parties"));
            };
            moves.push(InternalMove { from, to, amount: frame.value });
        }
    }
    Ok(moves)
}

/// Whether frames of this kind move their value. `DELEGATECALL` shows its parent's value and moves nothing.
fn moves_coin(kind: &str) -> bool {
    ["CALL", "CREATE", "CREATE2", "SELFDESTRUCT", "SUICIDE"].iter().any(|moving| kind.eq_ignore_ascii_case(moving))
}

/// Reads a tree of frames into a list, parents first. `text` has to be JSON.
fn read_frames(text: &str) -> Result<Vec<Frame>, Fault> {
    let broken = || Fault::shape("a trace", "it is not the tree of frames that a call tracer writes");
    let mut scan = Scan { text, at: 0 };
    let mut frames: Vec<Frame> = Vec::new();
    // The frames that are open, outermost first; each but the innermost is inside its list of calls.
    let mut open: Vec<usize> = Vec::new();
    let mut in_calls = true;
    loop {
        let token = scan.token().ok_or_else(broken)?;
        match (token, in_calls) {
            (Token::Open('{'), true) => {
                frames.push(Frame { parent: open.last().copied(), ..Frame::default() });
                open.push(frames.len().saturating_sub(1));
                in_calls = false;
            }
            (Token::Close(']'), true) if !open.is_empty() => in_calls = false,
            (Token::Text(key), false) => {
                let frame = open.last().and_then(|last| frames.get_mut(*last)).ok_or_else(broken)?;
                in_calls = read_field(&mut scan, key, frame)?;
            }
            (Token::Close('}'), false) => {
                open.pop();
                if open.is_empty() {
                    return Ok(frames);
                }
                in_calls = true;
            }
            (Token::Open(_) | Token::Close(_) | Token::Text(_) | Token::Plain(_), _) => return Err(broken()),
        }
    }
}

/// Reads the value behind `key`; true when it is the list of calls, which is then open.
fn read_field(scan: &mut Scan<'_>, key: &str, frame: &mut Frame) -> Result<bool, Fault> {
    let value = scan.token().ok_or_else(|| Fault::shape("a trace", "it ends inside a frame"))?;
    let wrong = |fault: hex::HexFault| Fault::shape("a trace", &format!("{key} of a frame: {fault}"));
    match (key, value) {
        ("calls", Token::Open('[')) => return Ok(true),
        ("type", Token::Text(kind)) => frame.moves_coin = moves_coin(kind),
        ("from", Token::Text(text)) => frame.from = Some(Address::new(hex::fixed(text).map_err(wrong)?)),
        ("to", Token::Text(text)) => frame.to = Some(Address::new(hex::fixed(text).map_err(wrong)?)),
        ("value", Token::Text(text)) => frame.value = hex::quantity_u256(text).map_err(wrong)?,
        ("type" | "from" | "to" | "value" | "calls", Token::Plain("null")) => {}
        ("type" | "from" | "to" | "value" | "calls", _) => {
            return Err(Fault::shape("a trace", &format!("{key} of a frame is of another type")));
        }
        ("error", value) => {
            frame.failed = !matches!(value, Token::Plain("null") | Token::Text(""));
            scan.skip(&value)?;
        }
        (_, value) => scan.skip(&value)?,
    }
    Ok(false)
}

/// Reads tokens of JSON that is known to be valid; commas, colons and blanks are passed over.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// One token.
enum Token<'a> {
    /// `{` or `[`.
    Open(char),
    /// `}` or `]`.
    Close(char),
    /// A text, without its quotes, its escapes as written.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Plain(&'a str),
}

impl<'a> Scan<'a> {
    /// The next token; `None` at the end.
    fn token(&mut self) -> Option<Token<'a>> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')).count();
        let start = self.at.saturating_add(blanks);
        let first = *self.text.as_bytes().get(start)?;
        let behind = start.saturating_add(1);
        match first {
            b'{' | b'[' | b'}' | b']' => {
                self.at = behind;
                let sign = char::from(first);
                Some(if matches!(first, b'{' | b'[') { Token::Open(sign) } else { Token::Close(sign) })
            }
            b'"' => {
                let mut escaped = false;
                let length = self.text.as_bytes().get(behind..)?.iter().position(|b| {
                    let ends = *b == b'"' && !escaped;
                    escaped = *b == b'\\' && !escaped;
                    ends
                })?;
                let end = behind.saturating_add(length);
                self.at = end.saturating_add(1);
                self.text.get(behind..end).map(Token::Text)
            }
            _ => {
                let rest = self.text.get(start..)?;
                let length = rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
                self.at = start.saturating_add(length);
                rest.get(..length).map(Token::Plain)
            }
        }
    }

    /// Passes over the rest of the value that begins with `token`.
    fn skip(&mut self, token: &Token<'_>) -> Result<(), Fault> {
        let mut depth = usize::from(matches!(token, Token::Open(_)));
        while depth > 0 {
            match self.token() {
                Some(Token::Open(_)) => depth = depth.saturating_add(1),
                Some(Token::Close(_)) => depth = depth.saturating_sub(1),
                Some(Token::Text(_) | Token::Plain(_)) => {}
                None => return Err(Fault::shape("a trace", "it ends inside a value")),
            }
        }
        Ok(())
    }
}

/// One entry of `trace_block`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parity<'a> {
    action: Action,
    result: Option<Created>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    trace_address: Vec<u64>,
    transaction_hash: Option<Hash>,
    block_hash: Option<Hash>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// What an entry did.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    call_type: Option<String>,
    from: Option<Account>,
    to: Option<Account>,
    value: Option<Q256>,
    address: Option<Account>,
    refund_address: Option<Account>,
    balance: Option<Q256>,
}

/// What an entry created.
#[derive(Deserialize)]
struct Created {
    address: Option<Account>,
}

impl Parity<'_> {
    /// The entry as a frame.
    fn frame(&self, parent: Option<usize>) -> Frame {
        let Action { call_type, from, to, value, address, refund_address, balance } = &self.action;
        let plain = |account: &Option<Account>| account.map(|account| account.0);
        let (kind, from, to, value) = match &*self.kind {
            "call" => (call_type.as_deref().unwrap_or("call"), plain(from), plain(to), *value),
            "create" => {
                ("create", plain(from), self.result.as_ref().and_then(|created| plain(&created.address)), *value)
            }
            "suicide" => ("suicide", plain(address), plain(refund_address), *balance),
            _ => ("", None, None, None),
        };
        let value = value.map_or(U256::ZERO, |value| value.0);
        Frame { parent, moves_coin: moves_coin(kind), from, to, value, failed: self.error.is_some() }
    }
}

/// Reads the answer to `trace_block`, which lists the frames of all transactions flat, parents before children.
/// Entries without a transaction are rewards and move nothing that is watched here.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::OtherBlock`] for frames of another block than `block` (a height may mean
/// another one by now); [`Fault::Shape`] for frames out of order or that cannot be read.
pub fn parse_trace_block(result: &RawValue, block: B256) -> Result<Vec<TxTrace>, Fault> {
    present("traces", result)?;
    let entries: Vec<Parity<'_>> = read("traces", result.get())?;
    let mut traces = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut path: Vec<usize> = Vec::new();
    let mut current = None;
    for entry in &entries {
        if let Some(Hash(got)) = entry.block_hash.filter(|hash| hash.0 != block) {
            return Err(Fault::OtherBlock { what: "traces", expected: block, got });
        }
        let Some(Hash(tx)) = entry.transaction_hash else { continue };
        let depth = entry.trace_address.len();
        if depth == 0 {
            finish(&mut traces, current.replace(tx), &mut frames)?;
            path.clear();
        }
        if current != Some(tx) || depth > path.len() || (depth == 0) != frames.is_empty() {
            return Err(Fault::shape("traces", "frames stand out of order"));
        }
        path.truncate(depth);
        frames.push(entry.frame(path.last().copied()));
        path.push(frames.len().saturating_sub(1));
    }
    finish(&mut traces, current, &mut frames)?;
    Ok(traces)
}

/// Ends the transaction whose frames were collected.
fn finish(traces: &mut Vec<TxTrace>, tx: Option<B256>, frames: &mut Vec<Frame>) -> Result<(), Fault> {
    if let Some(tx) = tx {
        let failed = frames.first().is_some_and(|root| root.failed);
        traces.push(TxTrace { tx: Some(tx), failed, moves: Ok(moves(frames)?) });
        frames.clear();
    }
    Ok(())
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
