//! The small tables: chains, blocks, gaps, rules, views, tokens, deadlines, troubles, payments. Each is put, deleted and read whole.

use super::codec::{Cell, Cells, all, run};
use super::money::{LIVE_COLUMNS, live, put_live};
use crate::reactor::rows::{
    BlockRow, ChainRow, DeadlineRow, GapRow, PaymentRow, Phase, RuleRow, Stop, TokenRow, TroubleRow, ViewRow,
};
use crate::types::{Address, BlockRef, ChainId, Name, Timestamp};
use rusqlite::{Connection, Result};
use std::time::Duration;

pub(super) fn put_chain(connection: &Connection, row: &ChainRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO chains \
        (chain, genesis, started, live_from, tip_endpoint, confirmed, last_final, explorer_head, stopped, unreadable, \
        accepted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let ChainRow { chain, genesis, started, live_from, tip_endpoint, confirmed, last_final, .. } = row;
    let ChainRow { explorer_head, stopped, accepted, .. } = row;
    let (other_chain, unreadable) = match stopped {
        None => (None, None),
        Some(Stop::OtherChain(reason)) => (Some(reason.clone()), None),
        Some(Stop::Unreadable(block)) => (None, Some(*block)),
    };
    run!(
        connection,
        sql,
        *chain,
        *genesis,
        *started,
        *live_from,
        *tip_endpoint,
        *confirmed,
        *last_final,
        *explorer_head,
        other_chain,
        unreadable,
        *accepted
    )
    .map(drop)
}

pub(super) fn chains(connection: &Connection) -> Result<Vec<ChainRow>> {
    let sql = "SELECT chain, genesis, started, live_from, tip_endpoint, confirmed, last_final, explorer_head, stopped, \
        unreadable, accepted FROM chains ORDER BY chain";
    all(connection, sql, |cells| {
        Ok(ChainRow {
            chain: cells.take()?,
            genesis: cells.take()?,
            started: cells.take()?,
            live_from: cells.take()?,
            tip_endpoint: cells.take()?,
            confirmed: cells.take()?,
            last_final: cells.take()?,
            explorer_head: cells.take()?,
            stopped: stop(cells.take()?, cells.take()?),
            accepted: cells.take()?,
        })
    })
}

/// A block that cannot be read, or that it is another chain.
fn stop(other_chain: Option<Name>, unreadable: Option<u64>) -> Option<Stop> {
    unreadable.map(Stop::Unreadable).or_else(|| other_chain.map(Stop::OtherChain))
}

pub(super) fn put_block(connection: &Connection, row: &BlockRow) -> Result<()> {
    let sql =
        "INSERT OR REPLACE INTO blocks (chain, number, hash, parent, time, traced) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let BlockRow { chain, at: BlockRef { number, hash, parent }, time, traced } = row;
    run!(connection, sql, *chain, *number, *hash, *parent, *time, *traced).map(drop)
}

pub(super) fn blocks(connection: &Connection) -> Result<Vec<BlockRow>> {
    let sql = "SELECT chain, number, hash, parent, time, traced FROM blocks ORDER BY chain, number";
    all(connection, sql, |cells| {
        Ok(BlockRow {
            chain: cells.take()?,
            at: BlockRef { number: cells.take()?, hash: cells.take()?, parent: cells.take()? },
            time: cells.take()?,
            traced: cells.take()?,
        })
    })
}

pub(super) fn put_gap(connection: &Connection, row: &GapRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO gaps (chain, from_block, to_block, above, below) VALUES (?1, ?2, ?3, ?4, ?5)";
    let GapRow { chain, from, to, above, below } = row;
    run!(connection, sql, *chain, *from, *to, *above, *below).map(drop)
}

pub(super) fn gaps(connection: &Connection) -> Result<Vec<GapRow>> {
    let sql = "SELECT chain, from_block, to_block, above, below FROM gaps ORDER BY chain, from_block";
    all(connection, sql, |cells| {
        Ok(GapRow {
            chain: cells.take()?,
            from: cells.take()?,
            to: cells.take()?,
            above: cells.take()?,
            below: cells.take()?,
        })
    })
}

pub(super) fn put_rule(connection: &Connection, row: &RuleRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO rules (rule, condition, born, in_force_since, phase, phase_since, crossings, \
        spoke_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let RuleRow { rule, condition, born, in_force_since, phase, crossings, spoke_at } = row;
    let (word, since) = phase_cells(*phase);
    run!(connection, sql, *rule, *condition, *born, *in_force_since, word, since, *crossings, *spoke_at).map(drop)
}

/// A phase as its word and its since-when.
pub(super) fn phase_cells(phase: Phase) -> (Name, Option<Timestamp>) {
    let (word, since) = match phase {
        Phase::Calm => ("calm", None),
        Phase::Pending(since) => ("pending", Some(since)),
        Phase::Crossed(since) => ("crossed", Some(since)),
        Phase::Muffled(since) => ("muffled", Some(since)),
    };
    (word.into(), since)
}

/// Reads what `phase_cells` wrote.
pub(super) fn phase(word: String, since: Option<Timestamp>) -> Result<Phase> {
    match (word.as_str(), since) {
        ("calm", None) => Ok(Phase::Calm),
        ("pending", Some(since)) => Ok(Phase::Pending(since)),
        ("crossed", Some(since)) => Ok(Phase::Crossed(since)),
        ("muffled", Some(since)) => Ok(Phase::Muffled(since)),
        _ => Err(super::codec::impossible("a rule's phase and its since-when do not fit together")),
    }
}

pub(super) fn rules(connection: &Connection) -> Result<Vec<RuleRow>> {
    let sql = "SELECT rule, condition, born, in_force_since, phase, phase_since, crossings, spoke_at FROM rules ORDER BY rule";
    all(connection, sql, |cells| {
        Ok(RuleRow {
            rule: cells.take()?,
            condition: cells.take()?,
            born: cells.take()?,
            in_force_since: cells.take()?,
            phase: phase(cells.take()?, cells.take()?)?,
            crossings: cells.take()?,
            spoke_at: cells.take()?,
        })
    })
}

pub(super) fn put_view(connection: &Connection, row: &ViewRow) -> Result<()> {
    let sql = "INSERT INTO views (chain, address, list, from_block, read_to, read_at, moved_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET from_block = excluded.from_block, \
        read_to = excluded.read_to, read_at = excluded.read_at, moved_at = excluded.moved_at";
    let ViewRow { chain, address, list, from, read_to, read_at, moved_at } = row;
    run!(connection, sql, *chain, *address, *list, *from, *read_to, *read_at, *moved_at).map(drop)
}

pub(super) fn views(connection: &Connection) -> Result<Vec<ViewRow>> {
    let sql = "SELECT chain, address, list, from_block, read_to, read_at, moved_at FROM views \
        ORDER BY chain, address, list";
    all(connection, sql, |cells| {
        Ok(ViewRow {
            chain: cells.take()?,
            address: cells.take()?,
            list: cells.take()?,
            from: cells.take()?,
            read_to: cells.take()?,
            read_at: cells.take()?,
            moved_at: cells.take()?,
        })
    })
}

pub(super) fn put_token(connection: &Connection, row: &TokenRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO tokens (chain, contract, decimals, symbol) VALUES (?1, ?2, ?3, ?4)";
    let TokenRow { chain, contract, decimals, symbol } = row;
    run!(connection, sql, *chain, *contract, *decimals, *symbol).map(drop)
}

pub(super) fn tokens(connection: &Connection) -> Result<Vec<TokenRow>> {
    let sql = "SELECT chain, contract, decimals, symbol FROM tokens ORDER BY chain, contract";
    all(connection, sql, |cells| {
        Ok(TokenRow { chain: cells.take()?, contract: cells.take()?, decimals: cells.take()?, symbol: cells.take()? })
    })
}

/// What one token says of itself.
pub(super) fn token(connection: &Connection, chain: ChainId, contract: Address) -> Result<Option<TokenRow>> {
    let sql = "SELECT decimals, symbol FROM tokens WHERE chain = ?1 AND contract = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((chain.to_cell(), contract.to_cell()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut cells = Cells::of(row);
    Ok(Some(TokenRow { chain, contract, decimals: cells.take()?, symbol: cells.take()? }))
}

pub(super) fn put_deadline(connection: &Connection, row: &DeadlineRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO deadlines (deadline, due, length_seconds, length_nanos) VALUES (?1, ?2, ?3, ?4)";
    let DeadlineRow { deadline, due, length } = row;
    run!(connection, sql, *deadline, *due, length.as_secs(), length.subsec_nanos()).map(drop)
}

/// Nanoseconds of a whole second: more than this would overflow `Duration::new`.
const SECOND: u32 = 1_000_000_000;

pub(super) fn deadlines(connection: &Connection) -> Result<Vec<DeadlineRow>> {
    let sql = "SELECT deadline, due, length_seconds, length_nanos FROM deadlines ORDER BY deadline";
    all(connection, sql, |cells| {
        let (deadline, due) = (cells.take()?, cells.take()?);
        let (seconds, nanos): (u64, u32) = (cells.take()?, cells.take()?);
        if nanos >= SECOND {
            return Err(super::codec::impossible("a deadline's length has more nanoseconds than a second"));
        }
        Ok(DeadlineRow { deadline, due, length: Duration::new(seconds, nanos) })
    })
}

pub(super) fn put_trouble(connection: &Connection, row: &TroubleRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO troubles (subject, since, last_block, count, dead, open, reason) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let TroubleRow { subject, since, last_block, count, dead, open, reason } = row;
    run!(connection, sql, *subject, *since, *last_block, *count, *dead, *open, *reason).map(drop)
}

pub(super) fn troubles(connection: &Connection) -> Result<Vec<TroubleRow>> {
    let sql = "SELECT subject, since, last_block, count, dead, open, reason FROM troubles ORDER BY subject";
    all(connection, sql, |cells| {
        Ok(TroubleRow {
            subject: cells.take()?,
            since: cells.take()?,
            last_block: cells.take()?,
            count: cells.take()?,
            dead: cells.take()?,
            open: cells.take()?,
            reason: cells.take()?,
        })
    })
}

pub(super) fn put_payment(connection: &Connection, row: &PaymentRow) -> Result<()> {
    put_live(connection, row.id, row.live.as_deref())?;
    let sql = "INSERT OR REPLACE INTO payments (id, rule, payee, chain, address, amount, state, reason, transfer, \
        crossing, planned_at, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let PaymentRow {
        id,
        rule,
        payee,
        chain,
        address,
        amount,
        state,
        reason,
        transfer,
        crossing,
        planned_at,
        changed_at,
        live: _,
    } = row;
    run!(
        connection,
        sql,
        *id,
        *rule,
        *payee,
        *chain,
        *address,
        *amount,
        *state,
        *reason,
        *transfer,
        *crossing,
        *planned_at,
        *changed_at
    )
    .map(drop)
}

/// What [`payment`] reads.
const PAYMENT_COLUMNS: &str =
    "id, rule, payee, chain, address, amount, state, reason, transfer, crossing, planned_at, changed_at";

/// Every payment with its live part, if it has one: what [`payment`] reads, without a `WHERE`.
pub(super) fn select_payments() -> String {
    format!("SELECT {PAYMENT_COLUMNS}, {LIVE_COLUMNS} FROM payments LEFT JOIN live_payments USING (id)")
}

pub(super) fn payment(cells: &mut Cells<'_>) -> Result<PaymentRow> {
    Ok(PaymentRow {
        id: cells.take()?,
        rule: cells.take()?,
        payee: cells.take()?,
        chain: cells.take()?,
        address: cells.take()?,
        amount: cells.take()?,
        state: cells.take()?,
        reason: cells.take()?,
        transfer: cells.take()?,
        crossing: cells.take()?,
        planned_at: cells.take()?,
        changed_at: cells.take()?,
        live: live(cells)?,
    })
}

pub(super) fn payments(connection: &Connection) -> Result<Vec<PaymentRow>> {
    all(connection, &format!("{} ORDER BY id", select_payments()), payment)
}
