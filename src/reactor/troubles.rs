//! Which chains, sources and sinks are in trouble, so that each trouble is said once and taken back once.

use super::effect::Effect;
use super::event::SourceId;
use super::rows::{Row, Subject, TroubleRow};
use crate::types::{Name, Timestamp};
use std::collections::BTreeMap;

/// Everything that is or was in trouble.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Troubles {
    rows: BTreeMap<Subject, TroubleRow>,
}

impl Troubles {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<TroubleRow>) -> Self {
        Self { rows: rows.into_iter().map(|row| (row.subject.clone(), row)).collect() }
    }

    /// Its last trouble, which may be over.
    #[must_use]
    pub fn get(&self, subject: &Subject) -> Option<&TroubleRow> {
        self.rows.get(subject)
    }

    /// Whether it is in trouble.
    #[must_use]
    pub fn is_open(&self, subject: &Subject) -> bool {
        self.rows.get(subject).is_some_and(|row| row.open)
    }

    /// Opens trouble. Gives the row, unless it is open already.
    pub fn open(
        &mut self,
        subject: Subject,
        since: Timestamp,
        last_block: Option<u64>,
        effects: &mut Vec<Effect>,
    ) -> Option<TroubleRow> {
        let count = match self.rows.get(&subject) {
            Some(row) if row.open => return None,
            Some(row) => row.count + 1,
            None => 1,
        };
        let row = TroubleRow { subject, since, last_block, count, dead: 0, open: true, reason: None };
        self.put(row.clone(), effects);
        Some(row)
    }

    /// Closes trouble. Gives the row as it was, if it was open.
    pub fn close(&mut self, subject: &Subject, effects: &mut Vec<Effect>) -> Option<TroubleRow> {
        let row = self.rows.get(subject).filter(|row| row.open)?.clone();
        self.put(TroubleRow { open: false, ..row.clone() }, effects);
        Some(row)
    }

    /// Notes why, as it is said: a silence may keep it from being said until later.
    pub fn explain(&mut self, subject: &Subject, reason: &Name, effects: &mut Vec<Effect>) {
        if let Some(row) = self.rows.get(subject).filter(|row| row.reason.as_ref() != Some(reason)).cloned() {
            self.put(TroubleRow { reason: Some(reason.clone()), ..row }, effects);
        }
    }

    /// Counts a dead letter of something in trouble.
    pub fn count_dead(&mut self, subject: &Subject, effects: &mut Vec<Effect>) {
        if let Some(row) = self.rows.get(subject).cloned() {
            self.put(TroubleRow { dead: row.dead + 1, ..row }, effects);
        }
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &TroubleRow> {
        self.rows.values()
    }

    fn put(&mut self, row: TroubleRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Trouble(row.clone())));
        self.rows.insert(row.subject.clone(), row);
    }
}

/// The subject in words that stay the same for ever: they are part of an alert's identity and of a row's key.
#[must_use]
pub fn words(subject: &Subject) -> String {
    match subject {
        Subject::Chain(chain) => format!("chain/{chain}"),
        Subject::Source(SourceId { kind, chain, name }) => {
            let chain = chain.map_or_else(String::new, |chain| chain.to_string());
            format!("source/{}/{chain}/{name}", kind.word())
        }
        Subject::Disagreement(chain) => format!("disagreement/{chain}"),
        Subject::List(chain, address, list) => format!("list/{chain}/{address:#x}/{}", list.word()),
        Subject::Sink(name) => format!("sink/{name}"),
        Subject::Prices(pair) => format!("prices/{pair}"),
        Subject::Unpriced(pair) => format!("unpriced/{pair}"),
        Subject::Payments(what) => format!("payments/{what}"),
    }
}
