//! The table of transfers, ordered by (chain, block, id): hashes as the key would cost four times as much.

use super::codec::{Cells, all, run};
use crate::reactor::rows::{Missing, TransferRow};
use crate::types::{Asset, ChainId, TransferId, TransferKey};
use rusqlite::{Connection, Result};

pub(super) fn put(connection: &Connection, row: &TransferRow) -> Result<()> {
    let sql = "INSERT INTO transfers (chain, block, id, tx, kind, contract, sender, receiver, token_id, amount, nth, \
        block_hash, block_time, log_index, stage, suspect, voucher, late, missing_answers, missing_at, missing_receipts, \
        first_seen, settled, history, quote) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
        ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25) \
        ON CONFLICT DO UPDATE SET tx = ?4, kind = ?5, contract = ?6, sender = ?7, receiver = ?8, token_id = ?9, \
        amount = ?10, nth = ?11, block_hash = ?12, block_time = ?13, log_index = ?14, stage = ?15, suspect = ?16, \
        voucher = ?17, late = ?18, missing_answers = ?19, missing_at = ?20, missing_receipts = ?21, first_seen = ?22, \
        settled = ?23, history = ?24, quote = ?25";
    let TransferRow { id, key, block, block_hash, block_time, log_index, stage, suspect, voucher, late, .. } = row;
    let TransferKey { chain, tx, kind, asset, from, to, token_id, amount, nth } = key;
    let contract = match asset {
        Asset::Coin => None,
        Asset::Token(contract) => Some(*contract),
    };
    let missing = row.missing;
    run!(
        connection,
        sql,
        *chain,
        *block,
        *id,
        *tx,
        *kind,
        contract,
        *from,
        *to,
        *token_id,
        *amount,
        *nth,
        *block_hash,
        *block_time,
        *log_index,
        *stage,
        *suspect,
        *voucher,
        *late,
        missing.map(|missing| missing.answers),
        missing.map(|missing| missing.at),
        missing.map(|missing| missing.receipts),
        row.first_seen,
        row.settled,
        row.history,
        row.quote,
    )
    .map(drop)
}

pub(super) fn delete(connection: &Connection, chain: ChainId, block: u64, id: TransferId) -> Result<()> {
    run!(connection, "DELETE FROM transfers WHERE chain = ?1 AND block = ?2 AND id = ?3", chain, block, id).map(drop)
}

/// What [`transfer`] reads. The first four are what lists are filtered by.
pub(super) const COLUMNS: &str = "chain, stage, sender, receiver, block, id, tx, kind, contract, token_id, amount, nth, \
    block_hash, block_time, log_index, suspect, voucher, late, missing_answers, missing_at, missing_receipts, \
    first_seen, settled, history, quote";

pub(super) fn transfer(cells: &mut Cells<'_>) -> Result<TransferRow> {
    let chain = cells.take()?;
    let stage = cells.take()?;
    let (from, to) = (cells.take()?, cells.take()?);
    let (block, id) = (cells.take()?, cells.take()?);
    let (tx, kind) = (cells.take()?, cells.take()?);
    let asset = cells.take::<Option<_>>()?.map_or(Asset::Coin, Asset::Token);
    let key = TransferKey {
        chain,
        tx,
        kind,
        asset,
        from,
        to,
        token_id: cells.take()?,
        amount: cells.take()?,
        nth: cells.take()?,
    };
    Ok(TransferRow {
        id,
        key,
        block,
        block_hash: cells.take()?,
        block_time: cells.take()?,
        log_index: cells.take()?,
        stage,
        suspect: cells.take()?,
        voucher: cells.take()?,
        late: cells.take()?,
        missing: missing(cells)?,
        first_seen: cells.take()?,
        settled: cells.take()?,
        history: cells.take()?,
        quote: cells.take()?,
    })
}

fn missing(cells: &mut Cells<'_>) -> Result<Option<Missing>> {
    let (answers, at, receipts) = (cells.take()?, cells.take()?, cells.take()?);
    match (answers, at, receipts) {
        (None, None, None) => Ok(None),
        (Some(answers), Some(at), Some(receipts)) => Ok(Some(Missing { answers, at, receipts })),
        _ => Err(super::codec::impossible("half of what speaks for a transfer's absence")),
    }
}

/// Those not settled, by (chain, block, id).
pub(super) fn open(connection: &Connection) -> Result<Vec<TransferRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM transfers INDEXED BY transfers_open WHERE settled = 0 ORDER BY chain, block, id"
    );
    all(connection, &sql, transfer)
}
