//! A store in memory that gives the same answers as SQLite, for the simulation. A property test holds the two together.
//!
//! A crash is to go on with a clone of what was committed: a commit is whole or absent, and a clone costs nothing until it is written to.

use super::keys::{deadline_text, subject_text};
use super::prune::{Prune, Pruned, may_go};
use super::{AttemptRow, Commit, DeliveryWrite, NewMessage, OutboxRow, OutboxState, Store, Write};
use crate::reactor::addresses::{AddressList, Builder};
use crate::reactor::bars::BarRow;
use crate::reactor::event::List;
use crate::reactor::holdings::{BalanceRow, LevelRow};
use crate::reactor::office::{AuditRow, OfficeKey, OfficeTables, OfficeWrite, Stopped};
use crate::reactor::quiet::{QuietKey, QuietRow};
use crate::reactor::rows::{
    AddressRow, AlertRow, BackfillRow, BlockRow, ChainRow, DeadlineRow, GapRow, PaymentRow, RequestRow, Row, RowKey,
    RuleRow, ScanRow, Tables, TokenRow, TransferRow, TroubleRow, ViewRow, WatchRow,
};
use crate::types::{
    Address, AlertId, Asset, ChainId, Holding, MessageId, Name, Pair, PaymentId, RequestId, Timestamp, TransferId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

/// A store in memory. It never fails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelStore(Arc<Inner>);

/// Unsigned numbers order as SQLite orders them, bit for bit: `signed` of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Inner {
    chains: BTreeMap<i64, ChainRow>,
    blocks: BTreeMap<(i64, i64), BlockRow>,
    gaps: BTreeMap<(i64, i64), GapRow>,
    transfers: BTreeMap<(i64, i64, TransferId), TransferRow>,
    rules: BTreeMap<Name, RuleRow>,
    views: BTreeMap<(i64, Address, &'static str), ViewRow>,
    tokens: BTreeMap<(i64, Address), TokenRow>,
    deadlines: BTreeMap<String, DeadlineRow>,
    troubles: BTreeMap<String, TroubleRow>,
    payments: BTreeMap<PaymentId, PaymentRow>,
    office: BTreeMap<OfficeKey, OfficeWrite>,
    watches: BTreeMap<u32, WatchRow>,
    addresses: BTreeMap<(u32, Address), AddressRow>,
    requests: BTreeMap<RequestId, RequestRow>,
    balances: BTreeMap<Place, BalanceRow>,
    levels: BTreeMap<(Name, Place), LevelRow>,
    backfills: BTreeMap<(i64, Address), BackfillRow>,
    scans: BTreeMap<(i64, i64, &'static str), ScanRow>,
    bars: BTreeMap<(Pair, i64), BarRow>,
    /// By [`quiet_place`].
    quiet: BTreeMap<(u8, Address, Address, i64), QuietRow>,
    /// In the order in which they were first mentioned.
    alerts: BTreeMap<i64, AlertRow>,
    numbers: BTreeMap<AlertId, i64>,
    next_number: i64,
    outbox: BTreeMap<i64, OutboxRow>,
    attempts: BTreeMap<i64, Vec<AttemptRow>>,
    messages: BTreeMap<(i64, MessageId), i64>,
    disabled: BTreeSet<Name>,
    notes: BTreeMap<String, String>,
    last_at: Option<Timestamp>,
}

/// A balance in SQLite's order.
type Place = (i64, Address, Asset);

const fn place(holding: &Holding) -> Place {
    (signed(holding.chain), holding.address, holding.asset)
}

/// The order in which SQLite reads them: silences, counterparties, what was kept.
fn quiet_place(key: QuietKey) -> (u8, Address, Address, i64) {
    match key {
        QuietKey::Silence(number) => (0, Address::ZERO, Address::ZERO, i64::from(number)),
        QuietKey::Known(owner, other) => (1, owner, other, 0),
        QuietKey::Kept(number) => (2, Address::ZERO, Address::ZERO, number.cast_signed()),
    }
}

const fn signed(chain: ChainId) -> i64 {
    chain.0.cast_signed()
}

const fn list(list: List) -> &'static str {
    list.word()
}

impl ModelStore {
    /// Every row of the outbox, in order.
    pub fn outbox(&self) -> impl Iterator<Item = &OutboxRow> {
        self.0.outbox.values()
    }

    /// The attempts of a message that did not deliver, in order.
    #[must_use]
    pub fn attempts(&self, seq: i64) -> &[AttemptRow] {
        self.0.attempts.get(&seq).map_or(&[], Vec::as_slice)
    }

    /// Every transfer, settled ones too, by (chain, block, id).
    pub fn transfers(&self) -> impl Iterator<Item = &TransferRow> {
        self.0.transfers.values()
    }

    /// Every alert, closed ones too, in the order in which they were first mentioned.
    pub fn alerts(&self) -> impl Iterator<Item = &AlertRow> {
        self.0.alerts.values()
    }

    /// A note, where there is one.
    #[must_use]
    pub fn note(&self, key: &str) -> Option<&str> {
        self.0.notes.get(key).map(String::as_str)
    }

    /// Notes a small text.
    pub fn set_note(&mut self, key: &str, value: &str) {
        Arc::make_mut(&mut self.0).notes.insert(key.to_owned(), value.to_owned());
    }

    /// A whole pass of pruning.
    pub fn prune(&mut self, prune: &Prune) -> Pruned {
        Arc::make_mut(&mut self.0).prune(prune)
    }
}

impl Inner {
    /// In SQLite's order: by the text of what is stopped or born.
    fn office_tables(&self) -> OfficeTables {
        let mut tables = OfficeTables::default();
        for row in self.office.values().cloned() {
            match row {
                OfficeWrite::Office(row) => tables.office = Some(row),
                OfficeWrite::Stop(row) => tables.stops.push(row),
                OfficeWrite::Birth(row) => tables.births.push(row),
                OfficeWrite::Foreign(row) => tables.foreign.push(row),
                OfficeWrite::Arm(row) => tables.arms.push(row),
                OfficeWrite::Audit(row) => {
                    let newer = |head: &AuditRow| row.seq.cast_signed() > head.seq.cast_signed();
                    if tables.audit_head.as_ref().is_none_or(newer) {
                        tables.audit_head = Some(row);
                    }
                }
            }
        }
        let is_rule = |what: &Stopped| matches!(what, Stopped::Rule(_));
        tables.stops.sort_by_key(|row| (is_rule(&row.what), row.what.clone()));
        tables.births.sort_by_key(|row| (is_rule(&row.what), row.what.clone()));
        tables
    }

    fn number(&mut self, id: AlertId) -> i64 {
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        self.next_number += 1;
        self.numbers.insert(id, self.next_number);
        self.next_number
    }

    fn put(&mut self, row: &Row) {
        match row {
            Row::Chain(row) => drop(self.chains.insert(signed(row.chain), row.clone())),
            Row::Block(row) => drop(self.blocks.insert((signed(row.chain), row.at.number.cast_signed()), *row)),
            Row::Gap(row) => drop(self.gaps.insert((signed(row.chain), row.from.cast_signed()), *row)),
            Row::Transfer(row) => {
                let key = (signed(row.key.chain), row.block.cast_signed(), row.id);
                self.transfers.insert(key, (**row).clone());
            }
            Row::Alert(row) => {
                let number = self.number(row.id);
                self.alerts.insert(number, (**row).clone());
            }
            Row::Rule(row) => drop(self.rules.insert(row.rule.clone(), row.clone())),
            Row::View(row) => drop(self.views.insert((signed(row.chain), row.address, list(row.list)), *row)),
            Row::Token(row) => drop(self.tokens.insert((signed(row.chain), row.contract), row.clone())),
            Row::Deadline(row) => drop(self.deadlines.insert(deadline_text(&row.deadline), row.clone())),
            Row::Trouble(row) => drop(self.troubles.insert(subject_text(&row.subject), row.clone())),
            Row::Payment(row) => drop(self.payments.insert(row.id, (**row).clone())),
            Row::Office(row) => drop(self.office.insert(row.key(), (**row).clone())),
            Row::Watch(row) => drop(self.watches.insert(row.number, (**row).clone())),
            Row::Address(row) => drop(self.addresses.insert((row.watch, row.address), (**row).clone())),
            Row::Request(row) => drop(self.requests.insert(row.id, (**row).clone())),
            Row::Balance(row) => drop(self.balances.insert(place(&row.holding), row.clone())),
            Row::Level(row) => {
                self.levels.insert((row.key.rule.clone(), place(&row.key.holding)), row.clone());
            }
            Row::Backfill(row) => drop(self.backfills.insert((signed(row.chain), row.address), (**row).clone())),
            Row::Scan(row) => {
                self.scans.insert((signed(row.chain), row.until.cast_signed(), row.scan.word()), *row);
            }
            Row::Quiet(row) => drop(self.quiet.insert(quiet_place(row.key()), (**row).clone())),
            Row::Bar(row) => drop(self.bars.insert((row.pair.clone(), row.minute.cast_signed()), row.clone())),
        }
    }

    fn delete(&mut self, key: &RowKey) {
        match key {
            RowKey::Chain(chain) => drop(self.chains.remove(&signed(*chain))),
            RowKey::Block(chain, number) => drop(self.blocks.remove(&(signed(*chain), number.cast_signed()))),
            RowKey::Gap(chain, from) => drop(self.gaps.remove(&(signed(*chain), from.cast_signed()))),
            RowKey::Transfer(chain, block, id) => {
                self.transfers.remove(&(signed(*chain), block.cast_signed(), *id));
            }
            RowKey::Alert(id) => {
                if let Some(number) = self.numbers.get(id).copied() {
                    self.alerts.remove(&number);
                    self.forget_number(*id, number);
                }
            }
            RowKey::Rule(rule) => drop(self.rules.remove(rule)),
            RowKey::View(chain, address, which) => drop(self.views.remove(&(signed(*chain), *address, list(*which)))),
            RowKey::Token(chain, contract) => drop(self.tokens.remove(&(signed(*chain), *contract))),
            RowKey::Deadline(deadline) => drop(self.deadlines.remove(&deadline_text(deadline))),
            RowKey::Trouble(subject) => drop(self.troubles.remove(&subject_text(subject))),
            RowKey::Payment(id) => drop(self.payments.remove(id)),
            RowKey::Office(key) => drop(self.office.remove(key)),
            RowKey::Watch(number) => {
                self.watches.remove(number);
                self.addresses.retain(|(watch, _), _| watch != number);
            }
            RowKey::Address(watch, address) => drop(self.addresses.remove(&(*watch, *address))),
            RowKey::Request(id) => drop(self.requests.remove(id)),
            RowKey::Balance(holding) => drop(self.balances.remove(&place(holding))),
            RowKey::Level(key) => drop(self.levels.remove(&(key.rule.clone(), place(&key.holding)))),
            RowKey::Backfill(chain, address) => drop(self.backfills.remove(&(signed(*chain), *address))),
            RowKey::Scan(chain, until, scan) => {
                self.scans.remove(&(signed(*chain), until.cast_signed(), scan.word()));
            }
            RowKey::Quiet(key) => drop(self.quiet.remove(&quiet_place(*key))),
            RowKey::Bar(pair, minute) => drop(self.bars.remove(&(pair.clone(), minute.cast_signed()))),
        }
    }

    /// The addresses of each watch, as the reactor holds them.
    fn packed(&self) -> BTreeMap<u32, Arc<AddressList>> {
        let mut builders: BTreeMap<u32, Builder> = BTreeMap::new();
        for row in self.addresses.values() {
            builders.entry(row.watch).or_default().push(row.listed());
        }
        builders.into_iter().map(|(watch, builder)| (watch, Arc::new(builder.finish()))).collect()
    }

    fn has_messages(&self, number: i64) -> bool {
        let first = (number, MessageId([0; 16]));
        self.messages.range(first..).next().is_some_and(|((alert, _), _)| *alert == number)
    }

    /// Removes a number that neither an alert's row nor a message needs.
    fn forget_number(&mut self, id: AlertId, number: i64) {
        if !self.alerts.contains_key(&number) && !self.has_messages(number) {
            self.numbers.remove(&id);
        }
    }

    fn add(&mut self, message: &NewMessage) -> Option<OutboxRow> {
        let number = self.number(message.alert);
        if self.messages.contains_key(&(number, message.id)) {
            return None;
        }
        // Pruning leaves the newest row, so the next place is one behind it.
        let seq = self.outbox.last_key_value().map_or(1, |(newest, _)| newest + 1);
        let row = OutboxRow::new(seq, message.clone());
        self.messages.insert((number, message.id), seq);
        self.outbox.insert(seq, row.clone());
        Some(row)
    }

    fn deliver(&mut self, write: &DeliveryWrite) {
        match write {
            DeliveryWrite::Outcome { seq, state, attempts, due, reason, receiver_id, closed_at } => {
                if let Some(row) = self.outbox.get_mut(seq) {
                    (row.state, row.attempts, row.due, row.closed_at) = (*state, *attempts, *due, *closed_at);
                    row.reason.clone_from(reason);
                    row.receiver_id.clone_from(receiver_id);
                }
            }
            DeliveryWrite::Attempt { seq, row } => {
                if self.outbox.contains_key(seq) {
                    self.attempts.entry(*seq).or_default().push(row.clone());
                }
            }
            DeliveryWrite::Sink { sink, disabled: true } => drop(self.disabled.insert(sink.clone())),
            DeliveryWrite::Sink { sink, disabled: false } => drop(self.disabled.remove(sink)),
        }
    }

    fn prune(&mut self, prune: &Prune) -> Pruned {
        let mut gone = Pruned::default();
        let newest = self.outbox.last_key_value().map_or(0, |(seq, _)| *seq);
        let young = |row: &OutboxRow| row.seq == newest || row.message.created >= prune.before_outbox;
        let old: Vec<OutboxRow> = self.outbox.values().take_while(|row| !young(row)).cloned().collect();
        for row in old {
            if may_go(row.state, row.message.created, row.closed_at, prune.before_outbox) {
                let number = self.number(row.message.alert);
                self.outbox.remove(&row.seq);
                self.attempts.remove(&row.seq);
                self.messages.remove(&(number, row.message.id));
                self.forget_number(row.message.alert, number);
                gone.outbox += 1;
            }
        }
        let young = |row: &AlertRow| row.raised_at >= prune.before_outbox;
        let old: Vec<(i64, AlertRow)> =
            self.alerts.iter().take_while(|(_, row)| !young(row)).map(|(number, row)| (*number, row.clone())).collect();
        for (number, row) in old {
            if row.closed && row.changed_at < prune.before_outbox && !self.has_messages(number) {
                self.delete(&RowKey::Alert(row.id));
                gone.alerts += 1;
            }
        }
        if let Some(before) = prune.before_transfers {
            let all = self.transfers.len();
            self.transfers.retain(|_, row| !(row.settled && row.first_seen < before));
            gone.transfers = (all - self.transfers.len()) as u64;
        }
        gone
    }
}

impl Store for ModelStore {
    type Fault = Infallible;

    fn load(&mut self) -> Result<(Tables, Option<Timestamp>), Infallible> {
        let inner = &self.0;
        let tables = Tables {
            chains: inner.chains.values().cloned().collect(),
            blocks: inner.blocks.values().copied().collect(),
            gaps: inner.gaps.values().copied().collect(),
            transfers: inner.transfers.values().filter(|row| !row.settled).cloned().collect(),
            alerts: inner.alerts.values().filter(|row| !row.closed).cloned().collect(),
            rules: inner.rules.values().cloned().collect(),
            views: inner.views.values().copied().collect(),
            tokens: inner.tokens.values().cloned().collect(),
            deadlines: inner.deadlines.values().cloned().collect(),
            troubles: inner.troubles.values().cloned().collect(),
            payments: inner.payments.values().cloned().collect(),
            office: inner.office_tables(),
            watches: inner.watches.values().cloned().collect(),
            addresses: inner.packed(),
            requests: inner.requests.values().cloned().collect(),
            balances: inner.balances.values().cloned().collect(),
            levels: inner.levels.values().cloned().collect(),
            backfills: inner.backfills.values().cloned().collect(),
            scans: inner.scans.values().copied().collect(),
            bars: inner.bars.values().cloned().collect(),
            quiet: inner.quiet.values().cloned().collect(),
        };
        Ok((tables, inner.last_at))
    }

    fn commit(&mut self, commit: &Commit) -> Result<Vec<OutboxRow>, Infallible> {
        let inner = Arc::make_mut(&mut self.0);
        for write in &commit.writes {
            match write {
                Write::Put(row) => inner.put(row),
                Write::Delete(key) => inner.delete(key),
            }
        }
        let added = commit.outbox.iter().filter_map(|message| inner.add(message)).collect();
        inner.last_at = inner.last_at.max(Some(commit.at));
        Ok(added)
    }

    fn deliver(&mut self, writes: &[DeliveryWrite]) -> Result<(), Infallible> {
        let inner = Arc::make_mut(&mut self.0);
        writes.iter().for_each(|write| inner.deliver(write));
        Ok(())
    }

    fn open_outbox(&mut self) -> Result<(Vec<OutboxRow>, Vec<Name>), Infallible> {
        let pending = self.0.outbox.values().filter(|row| row.state == OutboxState::Pending);
        Ok((pending.cloned().collect(), self.0.disabled.iter().cloned().collect()))
    }
}
