//! The tables of balances, and of where rules stand with them. Each is put, deleted and read whole.

use super::codec::{Cells, all, impossible, run};
use super::small::{phase, phase_cells};
use crate::reactor::holdings::{Amount, BalanceRow, LevelKey, LevelRow, ReadAt, Turned};
use crate::types::{B256, Holding, Timestamp, U256};
use rusqlite::{Connection, Result};

pub(super) fn put_balance(connection: &Connection, row: &BalanceRow) -> Result<()> {
    let sql = "INSERT INTO balances (chain, address, asset, amount, block, block_hash, read_at, source, due, \
        failing_since, failing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO UPDATE SET \
        amount = excluded.amount, block = excluded.block, block_hash = excluded.block_hash, \
        read_at = excluded.read_at, source = excluded.source, due = excluded.due, \
        failing_since = excluded.failing_since, failing = excluded.failing";
    let BalanceRow { holding: Holding { chain, address, asset }, last, source, due, failing } = row;
    let (raw, at, read_at) = (last.map(|last| last.raw), last.map(|last| last.at), last.map(|last| last.read_at));
    let (block, hash) = (at.map(|at| at.number), at.and_then(|at| at.hash));
    let (since, reason) = (failing.map(|(since, _)| since), failing.map(|(_, reason)| reason));
    run!(connection, sql, *chain, *address, *asset, raw, block, hash, read_at, *source, *due, since, reason).map(drop)
}

pub(super) fn delete_balance(connection: &Connection, holding: &Holding) -> Result<usize> {
    let sql = "DELETE FROM balances WHERE chain = ?1 AND address = ?2 AND asset = ?3";
    run!(connection, sql, holding.chain, holding.address, holding.asset)
}

fn holding(cells: &mut Cells<'_>) -> Result<Holding> {
    Ok(Holding { chain: cells.take()?, address: cells.take()?, asset: cells.take()? })
}

pub(super) fn balances(connection: &Connection) -> Result<Vec<BalanceRow>> {
    let sql = "SELECT chain, address, asset, amount, block, block_hash, read_at, source, due, failing_since, failing \
        FROM balances ORDER BY chain, address, asset";
    all(connection, sql, |cells| {
        let holding = holding(cells)?;
        let (raw, number, hash): (Option<U256>, Option<u64>, Option<B256>) =
            (cells.take()?, cells.take()?, cells.take()?);
        let read_at: Option<Timestamp> = cells.take()?;
        let last = match (raw, number, read_at) {
            (Some(raw), Some(number), Some(read_at)) => Some(Amount { raw, at: ReadAt { number, hash }, read_at }),
            (None, None, None) => None,
            _ => return Err(impossible("a balance is not whole")),
        };
        let (source, due) = (cells.take()?, cells.take()?);
        let failing = match (cells.take()?, cells.take()?) {
            (Some(since), Some(reason)) => Some((since, reason)),
            (None, None) => None,
            _ => return Err(impossible("a balance that fails has a time and a reason")),
        };
        Ok(BalanceRow { holding, last, source, due, failing })
    })
}

pub(super) fn put_level(connection: &Connection, row: &LevelRow) -> Result<()> {
    let sql = "INSERT INTO levels (rule, chain, address, asset, phase, phase_since, crossings, spoke_at, \
        turned_block, turned_hash, was, was_since, gone) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO UPDATE SET \
        phase = excluded.phase, phase_since = excluded.phase_since, crossings = excluded.crossings, \
        spoke_at = excluded.spoke_at, turned_block = excluded.turned_block, turned_hash = excluded.turned_hash, \
        was = excluded.was, was_since = excluded.was_since, gone = excluded.gone";
    let LevelRow { key: LevelKey { rule, holding }, phase, crossings, spoke_at, turned } = row;
    let Holding { chain, address, asset } = holding;
    let (word, since) = phase_cells(*phase);
    let (was, was_since) = turned.map(|turned| phase_cells(turned.was)).unzip();
    let (block, hash) = (turned.map(|turned| turned.block), turned.map(|turned| turned.hash));
    let (was_since, gone) = (was_since.flatten(), turned.map(|turned| turned.gone));
    run!(
        connection, sql, *rule, *chain, *address, *asset, word, since, *crossings, *spoke_at, block, hash, was,
        was_since, gone
    )
    .map(drop)
}

pub(super) fn delete_level(connection: &Connection, key: &LevelKey) -> Result<usize> {
    let LevelKey { rule, holding: Holding { chain, address, asset } } = key;
    let sql = "DELETE FROM levels WHERE rule = ?1 AND chain = ?2 AND address = ?3 AND asset = ?4";
    run!(connection, sql, *rule, *chain, *address, *asset)
}

pub(super) fn levels(connection: &Connection) -> Result<Vec<LevelRow>> {
    let sql = "SELECT rule, chain, address, asset, phase, phase_since, crossings, spoke_at, turned_block, turned_hash, \
        was, was_since, gone FROM levels ORDER BY rule, chain, address, asset";
    all(connection, sql, |cells| {
        let key = LevelKey { rule: cells.take()?, holding: holding(cells)? };
        let phase = phase(cells.take()?, cells.take()?)?;
        let (crossings, spoke_at) = (cells.take()?, cells.take()?);
        let (block, hash): (Option<u64>, Option<B256>) = (cells.take()?, cells.take()?);
        let (was, was_since): (Option<String>, Option<Timestamp>) = (cells.take()?, cells.take()?);
        let turned = match (block, hash, was, cells.take()?) {
            (Some(block), Some(hash), Some(was), Some(gone)) => {
                Some(Turned { block, hash, was: super::small::phase(was, was_since)?, gone })
            }
            (None, None, None, None) => None,
            _ => return Err(impossible("how a level turned is not whole")),
        };
        Ok(LevelRow { key, phase, crossings, spoke_at, turned })
    })
}
