//! The alerts that can still change, and how each message of theirs is numbered and addressed.

use super::effect::{Body, Effect, Message, MessageKind, Notice};
use super::holdings::LevelKey;
use super::matter::matter;
use super::quiet::{self, Cause, Quiet, QuietRow};
use super::rows::{AlertRow, AlertState, AlertSubject, Row, TroubleRow};
use super::settings::Settings;
use super::troubles::words;
use crate::types::{Address, AlertId, Asset, Holding, Name, PaymentId, Severity, Timestamp, TransferId};
use std::collections::{BTreeMap, BTreeSet};

/// Why nobody was told of an outage; as true when it was named.
const HELD: &str =
    "it comes and goes: what begins after three in a row is told after five minutes if it lasts, or a digest names it";

/// Every alert that is not closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alerts {
    rows: BTreeMap<AlertId, AlertRow>,
    by_transfer: BTreeSet<(TransferId, AlertId)>,
    /// What is not said, and why.
    pub quiet: Quiet,
}

/// What is to be said.
#[derive(Debug)]
pub struct Saying {
    /// What it says.
    pub kind: MessageKind,
    /// The facts.
    pub body: Body,
    /// Where the alert stands afterwards.
    pub state: AlertState,
    /// Nothing will follow.
    pub close: bool,
}

impl Alerts {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<AlertRow>, quiet: Vec<QuietRow>) -> Self {
        let mut alerts = Self { quiet: Quiet::restore(quiet), ..Self::default() };
        for row in rows {
            alerts.insert(row);
        }
        alerts
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: AlertId) -> Option<&AlertRow> {
        self.rows.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &AlertRow> {
        self.rows.values()
    }

    /// Those about a transfer.
    #[must_use]
    pub fn of_transfer(&self, transfer: TransferId) -> Vec<AlertId> {
        let range = (transfer, AlertId([0; 16]))..=(transfer, AlertId([u8::MAX; 16]));
        self.by_transfer.range(range).map(|(_, id)| *id).collect()
    }

    /// Writes one. A closed one is forgotten here.
    pub fn put(&mut self, row: AlertRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Alert(Box::new(row.clone()))));
        if row.closed {
            self.rows.remove(&row.id);
            if let AlertSubject::Transfer { transfer, .. } = row.subject {
                self.by_transfer.remove(&(transfer, row.id));
            }
        } else {
            self.insert(row);
        }
    }

    /// Says something of an alert: counts its revision, addresses it, writes it.
    ///
    /// `sinks` are filtered by what each takes; a message that takes something back goes to whoever was told, unfiltered, and so does that an
    /// alert is over for a reason of the config's, where that sink is still there.
    pub fn say(
        &mut self,
        row: AlertRow,
        saying: Saying,
        sinks: &[Name],
        settings: &Settings,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let retracts = saying.kind.retracts();
        let takes = |sink: &&Name| settings.takes(sink, saying.kind.word(), row.severity);
        let mut sinks: Vec<Name> = if retracts {
            row.told.clone()
        } else if saying.kind == MessageKind::AlertResolved {
            row.told.iter().filter(|sink| settings.sinks.contains_key(*sink)).cloned().collect()
        } else {
            sinks.iter().filter(takes).cloned().collect()
        };
        let (matter, became) = matter(&row, saying.kind, &saying.body, at);
        let named = self.quiet.amend(row.id, &became, &sinks, effects);
        let is_over = saying.ends() && row.revision > 0;
        let untold = if is_over && row.told.is_empty() {
            // What nobody heard of is over: nobody has to hear that.
            sinks.clear();
            Some(row.untold.clone().unwrap_or_else(|| "nobody was told that it began".into()))
        } else if sinks.is_empty() {
            Some("no sink that it is for takes it, by `min_severity` or `types`".into())
        } else if !is_over && let Some(silence) = self.quiet.silenced(&row, saying.kind, &saying.body, at) {
            let (cause, from, untold) = (Cause::Silence(silence.number), std::mem::take(&mut sinks), silence.keeps());
            if !named {
                self.quiet.keep(cause, from, quiet::line(&matter, &became, row.id), false, effects);
            }
            Some(untold)
        } else {
            None
        };
        self.say_to(AlertRow { untold, ..row }, saying, sinks, settings, at, effects);
    }

    /// A digest names an alert to these sinks: they are told what becomes of it.
    pub fn was_named(&mut self, id: AlertId, sinks: &[Name], effects: &mut Vec<Effect>) {
        let Some(mut row) = self.rows.get(&id).filter(|_| !sinks.is_empty()).cloned() else { return };
        row.untold = None;
        row.told.extend(sinks.iter().filter(|sink| !row.told.contains(sink)).cloned().collect::<Vec<_>>());
        self.put(row, effects);
    }

    /// Writes an alert that nobody is told of now: it stands in the next digest of suspects of these sinks.
    pub fn fold(
        &mut self,
        row: AlertRow,
        saying: Saying,
        sinks: &[Name],
        settings: &Settings,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if row.revision == 0 {
            let takes = |sink: &&Name| settings.takes(sink, MessageKind::Digest.word(), Severity::Info);
            let sinks: Vec<Name> = sinks.iter().filter(takes).cloned().collect();
            let (matter, became) = matter(&row, saying.kind, &saying.body, at);
            // Another rule may have folded it before: it is one transfer.
            let known = match &row.subject {
                AlertSubject::Transfer { transfer, .. } => !self.of_transfer(*transfer).is_empty(),
                AlertSubject::Crossing(_)
                | AlertSubject::Balance { .. }
                | AlertSubject::Trouble(_)
                | AlertSubject::Payment(_) => false,
            };
            if !(known && self.quiet.is_kept(&sinks, &matter)) {
                let line = quiet::line(&matter, &became, row.id);
                self.quiet.keep(Cause::Suspect, sinks, line, known, effects);
            }
        }
        let untold = Some("it looks made to deceive: the daily digest names it".into());
        self.say_to(AlertRow { untold, ..row }, saying, Vec::new(), settings, at, effects);
    }

    /// Writes an alert that nobody is told of now, because what it is about comes and goes: it is told later if it lasts, or stands in a digest of
    /// these sinks.
    pub fn hold_back(
        &mut self,
        row: AlertRow,
        saying: Saying,
        sinks: &[Name],
        settings: &Settings,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let (matter, became) = matter(&row, saying.kind, &saying.body, at);
        let takes = |sink: &&Name| settings.takes(sink, saying.kind.word(), row.severity);
        let sinks: Vec<Name> = sinks.iter().filter(takes).cloned().collect();
        if !self.quiet.amend(row.id, &became, &sinks, effects) {
            let is_over = |alert: AlertId| !self.rows.contains_key(&alert);
            self.quiet.keep_outage(sinks, quiet::line(&matter, &became, row.id), is_over, effects);
        }
        let row = AlertRow { untold: Some(HELD.into()), ..row };
        self.say_to(row, saying, Vec::new(), settings, at, effects);
    }

    fn say_to(
        &mut self,
        mut row: AlertRow,
        saying: Saying,
        sinks: Vec<Name>,
        settings: &Settings,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        row.revision += 1;
        row.state = saying.state;
        row.changed_at = at;
        row.closed = saying.close;
        for sink in &sinks {
            if !row.told.contains(sink) {
                row.told.push(sink.clone());
            }
        }
        effects.push(Effect::Notice(Notice::Alert {
            rule: row.rule.clone(),
            severity: row.severity,
            state: saying.state,
            untold: row.untold.clone(),
        }));
        if !sinks.is_empty() {
            let built_in = matches!(row.subject, AlertSubject::Trouble(_));
            effects.push(Effect::Tell(Box::new(Message {
                sinks,
                alert: row.id,
                revision: row.revision,
                kind: saying.kind,
                severity: row.severity,
                rule: (!built_in).then(|| row.rule.clone()),
                at,
                body: saying.body,
                simulated: settings.simulated,
            })));
        }
        self.put(row, effects);
    }

    fn insert(&mut self, row: AlertRow) {
        if let AlertSubject::Transfer { transfer, .. } = row.subject {
            self.by_transfer.insert((transfer, row.id));
        }
        self.rows.insert(row.id, row);
    }
}

impl Saying {
    /// Whether it says that something is over.
    fn ends(&self) -> bool {
        match self.state {
            AlertState::Raised | AlertState::Updated => false,
            AlertState::Resolved | AlertState::Retracted => true,
        }
    }
}

/// A new alert, before anything was said.
#[must_use]
pub fn new_alert(id: AlertId, rule: Name, severity: Severity, subject: AlertSubject, at: Timestamp) -> AlertRow {
    AlertRow {
        id,
        rule,
        severity,
        subject,
        revision: 0,
        state: AlertState::Raised,
        said: Vec::new(),
        told: Vec::new(),
        untold: None,
        raised_at: at,
        changed_at: at,
        closed: false,
    }
}

/// Whether nobody was told of an alert because what it is about comes and goes.
#[must_use]
pub fn is_held(alert: &AlertRow) -> bool {
    alert.untold.as_ref().is_some_and(|why| why.as_str() == HELD)
}

/// The alert of a rule about a transfer of a watch.
#[must_use]
pub fn transfer_alert(rule: &Name, watch: &Name, transfer: TransferId) -> AlertId {
    AlertId::hash("alert/transfer", &[rule.as_str().as_bytes(), watch.as_str().as_bytes(), &transfer.0])
}

/// The alert of a rule about its how-manieth crossing since it was born: another store counts from one as well.
#[must_use]
pub fn crossing_alert(rule: &Name, born: Timestamp, crossing: u64) -> AlertId {
    let born = born.millis().to_be_bytes();
    AlertId::hash("alert/crossing", &[rule.as_str().as_bytes(), &born, &crossing.to_be_bytes()])
}

/// The alert about a payment.
#[must_use]
pub fn payment_alert(payment: PaymentId) -> AlertId {
    AlertId::hash("alert/payment", &[&payment.0])
}

/// The built-in alert about the how-manieth trouble of a subject, since then: another store counts from one as well.
#[must_use]
pub fn trouble_alert(row: &TroubleRow) -> AlertId {
    let since = row.since.millis().to_be_bytes();
    AlertId::hash("alert/trouble", &[words(&row.subject).as_bytes(), &since, &row.count.to_be_bytes()])
}

/// The alert of a rule about its how-manieth crossing by one balance of a watch, since the rule was born.
#[must_use]
pub fn balance_alert(key: &LevelKey, watch: &Name, born: Timestamp, crossing: u64) -> AlertId {
    let Holding { chain, address, asset } = key.holding;
    let contract = match asset {
        Asset::Coin => Address::ZERO,
        Asset::Token(contract) => contract,
    };
    let (rule, watch) = (key.rule.as_str().as_bytes(), watch.as_str().as_bytes());
    let (chain, born, crossing) = (chain.0.to_be_bytes(), born.millis().to_be_bytes(), crossing.to_be_bytes());
    let parts = [rule, watch, &chain, address.as_slice(), contract.as_slice(), &born, &crossing];
    AlertId::hash("alert/balance", &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::rows::Subject;
    use crate::types::ChainId;

    /// An alert is itself over restarts and reorgs; another store counts from one as well and makes others.
    #[test]
    fn every_part_of_an_identity_makes_another_alert() {
        let at = Timestamp::from_secs;
        let (low, high): (Name, Name) = ("low".into(), "high".into());
        let one = TransferId([1; 16]);
        let transfers = [(&low, "a", one), (&high, "a", one), (&low, "b", one), (&low, "a", TransferId([2; 16]))];
        let transfers = transfers.map(|(rule, watch, transfer)| transfer_alert(rule, &watch.into(), transfer));
        let crossings = [(&low, 5, 1), (&high, 5, 1), (&low, 6, 1), (&low, 5, 2)];
        let crossings = crossings.map(|(rule, born, crossing)| crossing_alert(rule, at(born), crossing));
        let holding =
            |chain, address, asset| Holding { chain: ChainId(chain), address: Address::repeat_byte(address), asset };
        let token = Asset::Token(Address::repeat_byte(9));
        let balances = [
            (&low, holding(1, 1, Asset::Coin), "a", 5, 1),
            (&high, holding(1, 1, Asset::Coin), "a", 5, 1),
            (&low, holding(2, 1, Asset::Coin), "a", 5, 1),
            (&low, holding(1, 2, Asset::Coin), "a", 5, 1),
            (&low, holding(1, 1, token), "a", 5, 1),
            (&low, holding(1, 1, Asset::Coin), "b", 5, 1),
            (&low, holding(1, 1, Asset::Coin), "a", 6, 1),
            (&low, holding(1, 1, Asset::Coin), "a", 5, 2),
        ];
        let balances = balances.map(|(rule, holding, watch, born, crossing)| {
            balance_alert(&LevelKey { rule: rule.clone(), holding }, &watch.into(), at(born), crossing)
        });
        let trouble = |subject, since, count| {
            trouble_alert(&TroubleRow {
                subject,
                since: at(since),
                last_block: None,
                count,
                dead: 0,
                open: true,
                reason: None,
            })
        };
        let (ops, chat) = (|| Subject::Sink("ops".into()), Subject::Sink("chat".into()));
        let troubles = [trouble(ops(), 5, 1), trouble(chat, 5, 1), trouble(ops(), 6, 1), trouble(ops(), 5, 2)];
        let all: Vec<AlertId> = [&transfers[..], &crossings, &balances, &troubles].concat();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "each is another one");
        assert_eq!(crossing_alert(&low, at(5), 1), crossings[0], "and the same facts make the same");
    }
}
