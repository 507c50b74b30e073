//! A block, its receipts and its traces become one list of what moved. All of it belongs together or nothing comes
//! out: a receipt too few or of another block is a fault, never a movement too few.

use super::block::{BlockLog, Header, RawBlock, RawLog, RawReceipt, RawTx};
use super::trace::TxTrace;
use crate::types::{Asset, B256, Block, Kind, Movement, U256};
use crate::wire::Fault;
use crate::wire::erc20::{Log, Reading, read_log};
use std::collections::{BTreeMap, BTreeSet};

/// Gas of a transaction that runs no code.
const PLAIN_GAS: u64 = 21_000;

/// Lists what moved in a block, from all of its receipts and, where the endpoint traces, its traces: for each
/// transaction that succeeded its own value, then what moved inside, then its token logs.
///
/// # Errors
/// A [`Fault`] when receipts or traces are not exactly those of the block, or the block's bloom speaks of logs that
/// did not come.
pub fn assemble(
    block: &RawBlock,
    receipts: &[RawReceipt<'_>],
    traces: Option<&[TxTrace]>,
    reading: &Reading<'_>,
) -> Result<Block, Fault> {
    let logs: usize = receipts.iter().map(|receipt| receipt.logs.len()).sum();
    check_bloom(block, logs, reading)?;
    if receipts.is_empty() && !block.txs.is_empty() {
        return Err(Fault::NotReady { what: "receipts" });
    }
    for receipt in receipts {
        check_block(block, receipt)?;
    }
    let receipts = in_order(block, receipts, |receipt| Some(receipt.tx), "receipt")?;
    let traces = traces.map(|traces| in_order(block, traces, |trace| trace.tx, "trace")).transpose()?;
    let mut movements = Vec::with_capacity(block.txs.len().saturating_add(logs));
    for (nth, (tx, receipt)) in block.txs.iter().zip(&receipts).enumerate() {
        let trace = traces.as_ref().and_then(|traces| traces.get(nth)).copied();
        if !succeeded(tx, receipt, trace)? {
            continue;
        }
        push_coin(tx, receipt, &mut movements)?;
        if let Some(trace) = trace {
            push_internal(tx, trace, &mut movements)?;
        }
        let mut highest = None;
        for (nth, log) in receipt.logs.iter().enumerate() {
            if is_repeated(tx.hash, log, &mut highest, receipt.logs.iter().take(nth))? {
                continue;
            }
            if log.removed {
                return Err(Fault::RemovedLog { tx: tx.hash });
            }
            let (topics, data) = (log.topics.as_slice(), log.data);
            let log = Log { tx: tx.hash, contract: log.contract, topics, data, index: log.index };
            read_log(&log, reading, &mut movements);
        }
    }
    Ok(finish(block, movements, traces.is_some()))
}

/// What the logs of one receipt moved, of a chain without ways of its own.
#[must_use]
pub fn moved_by(receipt: &RawReceipt<'_>) -> Vec<Movement> {
    let mut moved = Vec::new();
    for log in receipt.logs.iter().filter(|log| !log.removed) {
        let (topics, data) = (log.topics.as_slice(), log.data);
        let log = Log { tx: receipt.tx, contract: log.contract, topics, data, index: log.index };
        read_log(&log, &Reading::default(), &mut moved);
    }
    moved
}

/// Lists what moved in a block for an endpoint that has no receipts of whole blocks: token movements from the logs of
/// the block, coin from the receipts of the transactions that the caller chose (those that name a watched address),
/// and what moved inside from the traces, where it traces. The coin of the other transactions is left out.
///
/// # Errors
/// A [`Fault`] when a log, receipt or trace is not of this block, or the bloom speaks of logs that did not come.
pub fn assemble_from_logs(
    block: &RawBlock,
    logs: &[BlockLog<'_>],
    chosen: &[RawReceipt<'_>],
    traces: Option<&[TxTrace]>,
    reading: &Reading<'_>,
) -> Result<Block, Fault> {
    check_bloom(block, logs.len(), reading)?;
    let expected = block.header.at.hash;
    let in_block: BTreeSet<B256> = block.txs.iter().map(|tx| tx.hash).collect();
    let mut by_tx: BTreeMap<B256, Vec<&BlockLog<'_>>> = BTreeMap::new();
    let mut highest: BTreeMap<B256, Option<u64>> = BTreeMap::new();
    for log in logs {
        if log.block != expected {
            return Err(Fault::OtherBlock { what: "logs", expected, got: log.block });
        }
        if !in_block.contains(&log.tx) {
            return Err(Fault::Stranger { what: "a log", tx: log.tx });
        }
        let of_tx = by_tx.entry(log.tx).or_default();
        let highest = highest.entry(log.tx).or_default();
        if !is_repeated(log.tx, &log.log, highest, of_tx.iter().map(|before| &before.log))? {
            of_tx.push(log);
        }
    }
    let mut receipts: BTreeMap<B256, &RawReceipt<'_>> = BTreeMap::new();
    for receipt in chosen {
        check_block(block, receipt)?;
        if !in_block.contains(&receipt.tx) {
            return Err(Fault::Stranger { what: "a receipt", tx: receipt.tx });
        }
        let of_block = by_tx.get(&receipt.tx).map_or(0, Vec::len);
        if receipts.insert(receipt.tx, receipt).is_some() || receipt.logs.len() != of_block {
            return Err(Fault::Missing { what: "receipt", tx: receipt.tx });
        }
    }
    let traces = traces.map(|traces| in_order(block, traces, |trace| trace.tx, "trace")).transpose()?;
    let mut movements = Vec::with_capacity(logs.len());
    for (nth, tx) in block.txs.iter().enumerate() {
        let trace = traces.as_ref().and_then(|traces| traces.get(nth)).copied();
        let logs = by_tx.get(&tx.hash);
        let went_well = match (receipts.get(&tx.hash), trace) {
            (Some(receipt), trace) => {
                let went_well = succeeded(tx, receipt, trace)?;
                if went_well {
                    push_coin(tx, receipt, &mut movements)?;
                }
                went_well
            }
            // What failed left no logs.
            (None, Some(trace)) if trace.failed && logs.is_some() => {
                return Err(Fault::TraceDisagrees { tx: tx.hash });
            }
            (None, Some(trace)) => !trace.failed,
            (None, None) => false,
        };
        if let Some(trace) = trace.filter(|_| went_well) {
            push_internal(tx, trace, &mut movements)?;
        }
        for BlockLog { log, .. } in logs.into_iter().flatten() {
            let (topics, data) = (log.topics.as_slice(), log.data);
            let log = Log { tx: tx.hash, contract: log.contract, topics, data, index: log.index };
            read_log(&log, reading, &mut movements);
        }
    }
    Ok(finish(block, movements, traces.is_some()))
}

/// Logs that the header's bloom promises have to be there.
fn check_bloom(block: &RawBlock, logs: usize, reading: &Reading<'_>) -> Result<(), Fault> {
    let promised = block.header.has_logs == Some(true) && !reading.loose_bloom;
    if promised && logs == 0 { Err(Fault::LogsMissing) } else { Ok(()) }
}

/// Whether a node says a log of this transaction again. Two logs of a block never have one position: the same at the same place is the
/// same one, and nothing moved twice. `highest` is the highest place before it: they come in order, nearly always.
fn is_repeated<'a>(
    tx: B256,
    log: &RawLog<'_>,
    highest: &mut Option<u64>,
    mut before: impl Iterator<Item = &'a RawLog<'a>>,
) -> Result<bool, Fault> {
    let Some(index) = log.index else { return Ok(false) };
    if highest.is_none_or(|highest| highest < index) {
        *highest = Some(index);
        return Ok(false);
    }
    match before.find(|earlier| earlier.index == Some(index)) {
        None => Ok(false),
        Some(earlier) if earlier == log => Ok(true),
        Some(_) => Err(Fault::LogsDisagree { tx, index }),
    }
}

/// A receipt has to be of this block.
fn check_block(block: &RawBlock, receipt: &RawReceipt<'_>) -> Result<(), Fault> {
    let expected = block.header.at.hash;
    if receipt.block == expected {
        Ok(())
    } else {
        Err(Fault::OtherBlock { what: "receipts", expected, got: receipt.block })
    }
}

/// Puts parts into the order of the block's transactions: exactly one for each. They usually are in that order; parts
/// that do not name their transaction have to be.
fn in_order<'a, T>(
    block: &RawBlock,
    parts: &'a [T],
    tx_of: impl Fn(&T) -> Option<B256>,
    what: &'static str,
) -> Result<Vec<&'a T>, Fault> {
    let pairs = || block.txs.iter().zip(parts);
    if parts.len() == block.txs.len() && pairs().all(|(tx, part)| tx_of(part).is_none_or(|hash| hash == tx.hash)) {
        return Ok(parts.iter().collect());
    }
    let mut named: BTreeMap<B256, &T> = BTreeMap::new();
    for part in parts {
        let tx = tx_of(part).ok_or_else(|| Fault::shape(what, "there are more or fewer than transactions"))?;
        if named.insert(tx, part).is_some() {
            return Err(Fault::Missing { what, tx });
        }
    }
    let ordered = block.txs.iter().map(|tx| named.remove(&tx.hash).ok_or(Fault::Missing { what, tx: tx.hash }));
    let ordered = ordered.collect::<Result<Vec<_>, _>>()?;
    match named.into_keys().next() {
        Some(tx) => Err(Fault::Stranger { what, tx }),
        None => Ok(ordered),
    }
}

/// Whether a transaction succeeded. Receipts before Byzantium do not say: then its trace does, or its gas, for a
/// failure used up all of it in those days.
fn succeeded(tx: &RawTx, receipt: &RawReceipt<'_>, trace: Option<&TxTrace>) -> Result<bool, Fault> {
    match (receipt.succeeded, trace) {
        (Some(true), Some(trace)) if trace.failed => Err(Fault::TraceDisagrees { tx: tx.hash }),
        (Some(succeeded), _) => Ok(succeeded),
        (None, Some(trace)) if trace.moves.is_ok() => Ok(!trace.failed),
        (None, _) => Ok(match (tx.gas, receipt.gas_used) {
            (Some(limit), Some(used)) => used < limit || used <= PLAIN_GAS || !receipt.logs.is_empty(),
            _ => !receipt.logs.is_empty(),
        }),
    }
}

/// The value that a transaction itself moved.
fn push_coin(tx: &RawTx, receipt: &RawReceipt<'_>, movements: &mut Vec<Movement>) -> Result<(), Fault> {
    if tx.value == U256::ZERO {
        return Ok(());
    }
    let to = tx.to.or(receipt.created).ok_or(Fault::CreatedNothing { tx: tx.hash, from: tx.from })?;
    movements.push(Movement {
        tx: tx.hash,
        kind: Kind::Coin,
        asset: Asset::Coin,
        from: tx.from,
        to,
        token_id: None,
        amount: tx.value,
        log_index: None,
    });
    Ok(())
}

/// What moved inside a transaction.
fn push_internal(tx: &RawTx, trace: &TxTrace, movements: &mut Vec<Movement>) -> Result<(), Fault> {
    let moves = trace.moves.as_ref().map_err(|reason| Fault::Untraced { tx: tx.hash, reason: reason.clone() })?;
    movements.extend(moves.iter().map(|moved| Movement {
        tx: tx.hash,
        kind: Kind::Internal,
        asset: Asset::Coin,
        from: moved.from,
        to: moved.to,
        token_id: None,
        amount: moved.amount,
        log_index: None,
    }));
    Ok(())
}

/// The finished block.
fn finish(block: &RawBlock, movements: Vec<Movement>, traced: bool) -> Block {
    let Header { at, time, base_fee, next_base_fee, .. } = block.header;
    Block { at, time, base_fee, next_base_fee, movements, traced }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
