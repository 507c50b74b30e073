//! One turn of the pump as a plain function: events in, one commit out.
//!
//! The simulation runs exactly this over a model store. Nothing here reads a clock or does I/O.

use crate::reactor::Reactor;
use crate::reactor::effect::{Effect, Notice, Reply};
use crate::reactor::event::Event;
use crate::reactor::rows::{Row, RowKey};
use crate::sinks::body::freeze_all;
use crate::store::{Commit, NewMessage, OutboxRow, Store, Write};
use crate::types::{Address, Timestamp};
use std::collections::BTreeMap;

/// A commit in the making. Of several writes of a row only the last is kept.
#[derive(Debug, Default)]
pub struct Draft {
    at: Timestamp,
    writes: BTreeMap<RowKey, Option<Row>>,
    outbox: Vec<NewMessage>,
    notices: Vec<Notice>,
    answers: Vec<Reply>,
    blocks: u64,
    weighty: bool,
}

impl Draft {
    /// Adds the effects of one event.
    pub fn add(&mut self, at: Timestamp, effects: Vec<Effect>) {
        self.at = self.at.max(at);
        for effect in effects {
            match effect {
                Effect::Put(row) => {
                    let key = row.key();
                    self.weigh(&key);
                    self.blocks += u64::from(matches!(row, Row::Block(_)));
                    self.writes.insert(key, Some(row));
                }
                Effect::Delete(key) => {
                    self.weigh(&key);
                    if let RowKey::Watch(number) = key {
                        // Its addresses go with it, also those that were only going to be written.
                        let of_watch = RowKey::Address(number, Address::ZERO)..=RowKey::Address(number, LAST);
                        let written: Vec<RowKey> = self.writes.range(of_watch).map(|(key, _)| key.clone()).collect();
                        written.iter().for_each(|key| drop(self.writes.remove(key)));
                    }
                    self.writes.insert(key, None);
                }
                Effect::Tell(message) => {
                    self.weighty = true;
                    self.outbox.extend(freeze_all(&message));
                }
                Effect::Notice(notice) => self.notices.push(notice),
                Effect::Answer(answer) => {
                    self.weighty = true;
                    self.answers.push(*answer);
                }
            }
        }
    }

    /// Takes what an order was answered: it is said after the commit.
    pub fn take_answer(&mut self) -> Option<Reply> {
        self.answers.pop()
    }

    /// Whether something in it must be on disk before anything else happens. Cursors alone may wait: what they covered is read again.
    #[must_use]
    pub const fn is_weighty(&self) -> bool {
        self.weighty
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.outbox.is_empty()
    }

    /// Whether something is to be logged and counted when it is finished.
    #[must_use]
    pub const fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Blocks whose cursor waits in it.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Rows that wait in it.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.writes.len() + self.outbox.len()
    }

    /// The commit, and what is to be logged and counted after it.
    #[must_use]
    pub fn finish(self) -> (Commit, Vec<Notice>) {
        let write = |(key, row): (RowKey, Option<Row>)| row.map_or(Write::Delete(key), Write::Put);
        let writes = self.writes.into_iter().map(write).collect();
        (Commit { at: self.at, writes, outbox: self.outbox }, self.notices)
    }

    fn weigh(&mut self, key: &RowKey) {
        self.weighty |= match key {
            RowKey::Chain(_)
            | RowKey::Block(..)
            | RowKey::View(..)
            | RowKey::Gap(..)
            | RowKey::Backfill(..)
            | RowKey::Scan(..)
            | RowKey::Bar(..)
            | RowKey::Balance(_) => false,
            RowKey::Transfer(..)
            | RowKey::Alert(_)
            | RowKey::Rule(_)
            | RowKey::Token(..)
            | RowKey::Deadline(_)
            | RowKey::Trouble(_)
            | RowKey::Watch(_)
            | RowKey::Address(..)
            | RowKey::Request(_)
            | RowKey::Payment(_)
            | RowKey::Office(_)
            | RowKey::Level(_) => true,
        };
    }
}

/// What a turn gives to whoever waits for its commit.
#[derive(Debug, Default)]
pub struct Turned {
    /// New outbox rows, in order.
    pub rows: Vec<OutboxRow>,
    /// What is to be logged and counted.
    pub notices: Vec<Notice>,
    /// What orders were answered, in order.
    pub answers: Vec<Reply>,
}

/// The highest address.
const LAST: Address = Address::repeat_byte(u8::MAX);

/// Handles a batch of events in order, and commits all of their effects at once.
///
/// # Errors
/// When the commit is not durable: the reactor is ahead of the disk, and the process ends.
pub fn turn<S: Store>(
    reactor: &mut Reactor,
    store: &mut S,
    batch: impl IntoIterator<Item = (Timestamp, Event)>,
) -> Result<Turned, S::Fault> {
    let mut draft = Draft::default();
    for (at, event) in batch {
        draft.add(at, reactor.handle(at, event));
    }
    let nothing = draft.is_empty();
    let answers = std::mem::take(&mut draft.answers);
    let (commit, notices) = draft.finish();
    let rows = if nothing { Vec::new() } else { store.commit(&commit)? };
    Ok(Turned { rows, notices, answers })
}
