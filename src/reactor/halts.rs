//! What keeps payments from going until a person looks: said once when it begins, and once when it is over.

use super::Reactor;
use super::alerts::{Saying, new_alert, trouble_alert};
use super::effect::{Body, Effect, FrozenBody, MessageKind};
use super::office::Stopped;
use super::paying::FreezeFile;
use super::rows::{AlertState, AlertSubject, Subject, TroubleRow};
use crate::types::{Name, Severity};

/// What is halted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Halt<'a> {
    /// Every payment.
    Everything,
    /// Every payment, for as long as no clock is trusted.
    Clock,
    /// Every payment of this process, for as long as a file lies beside its config.
    File,
    /// A rule or a payee.
    One(&'a Stopped),
}

impl Halt<'_> {
    /// In words that stay the same for ever: they are part of the alert's identity.
    fn subject(self) -> Subject {
        Subject::Payments(match self {
            Self::Everything => "everything".into(),
            Self::Clock => "clock".into(),
            Self::File => "file".into(),
            Self::One(Stopped::Rule(name)) => format!("rule {name}").into(),
            Self::One(Stopped::Payee(name)) => format!("payee {name}").into(),
        })
    }
}

impl Reactor {
    /// The file that stops this process is there, or is not. The worker obeys it by itself; here nothing is begun that it would not send.
    pub(super) fn freeze_file(&mut self, file: Option<FreezeFile>, effects: &mut Vec<Effect>) {
        let there = file.is_some();
        self.at_desk(effects, |desk, _, _, _| desk.file_is_there(there));
        match &file {
            Some(FreezeFile { why, by, since }) => {
                let why = format!("{why} (the file FREEZE beside the config, by {by} at {since})");
                self.say_frozen(Halt::File, why.into(), effects);
            }
            None => self.say_unfrozen(Halt::File, &"whoever took the file FREEZE away".into(), effects),
        }
        self.soft.freeze_file = file;
    }

    /// The file that stops all payments of this process, where it is there.
    #[must_use]
    pub const fn frozen_by_file(&self) -> Option<&FreezeFile> {
        self.soft.freeze_file.as_ref()
    }

    /// It goes no further, or for another reason besides.
    pub(super) fn say_frozen(&mut self, halt: Halt<'_>, why: Name, effects: &mut Vec<Effect>) {
        let subject = halt.subject();
        let news = |row: &&TroubleRow| row.open && row.reason.as_ref().is_some_and(|reason| *reason != why);
        let worse = self.troubles.get(&subject).filter(news).cloned();
        if let Some(row) = self.troubles.open(subject, self.at, None, effects).or(worse) {
            self.troubles.explain(&row.subject, &why, effects);
            self.say_halt(&row, MessageKind::PaymentsFrozen, why, effects);
        }
    }

    /// It goes on.
    pub(super) fn say_unfrozen(&mut self, halt: Halt<'_>, by: &Name, effects: &mut Vec<Effect>) {
        if let Some(row) = self.troubles.close(&halt.subject(), effects) {
            self.say_halt(&row, MessageKind::PaymentsUnfrozen, format!("by {by}").into(), effects);
        }
    }

    pub(super) fn say_halt(&mut self, row: &TroubleRow, kind: MessageKind, reason: Name, effects: &mut Vec<Effect>) {
        let Subject::Payments(what) = &row.subject else { return };
        let over = kind == MessageKind::PaymentsUnfrozen;
        let id = trouble_alert(row);
        let alert = self.alerts.get(id).cloned();
        if over && alert.is_none() {
            return;
        }
        let subject = AlertSubject::Trouble(row.subject.clone());
        let name = Name::from(MessageKind::PaymentsFrozen.word());
        let alert = alert.unwrap_or_else(|| new_alert(id, name, Severity::Critical, subject, self.at));
        let audit_head = self.desk().audit_head().map(|head| head.hash);
        let body = Body::Frozen(FrozenBody { what: what.clone(), since: row.since, reason, audit_head });
        let of_circle = self.settings.live.as_ref().map(|live| live.notify.clone()).filter(|sinks| !sinks.is_empty());
        let sinks = of_circle.unwrap_or_else(|| self.settings.system.notify.clone());
        let state = if over { AlertState::Resolved } else { AlertState::Raised };
        let saying = Saying { kind, body, state, close: over };
        self.alerts.say(alert, saying, &sinks, &self.settings, self.at, effects);
    }
}
