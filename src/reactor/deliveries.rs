//! Sinks that fail and work again, as deliveries show; and the test message.
//!
//! A sink is back with the first message that gets through, and that is said then: a delivery needs no time to be believed.

use super::Reactor;
use super::effect::{Body, Effect, Message, MessageKind, SinkBody};
use super::event::DeliveryReport;
use super::rows::{Subject, TroubleRow};
use crate::types::{AlertId, Name, Severity, Timestamp};

impl Reactor {
    pub(super) fn delivery(&mut self, report: DeliveryReport, effects: &mut Vec<Effect>) {
        match report {
            DeliveryReport::Recovered { sink } => self.recovered(&Subject::Sink(sink), effects),
            DeliveryReport::Dead { sink, message: _, reason } => {
                let subject = Subject::Sink(sink);
                let opened = self.troubles.open(subject.clone(), self.at, None, effects);
                self.troubles.count_dead(&subject, effects);
                if let Some(row) = opened {
                    self.say_failing(&row, row.dead + 1, reason, effects);
                }
            }
            DeliveryReport::Failing { sink, since, reason } => self.sink_fails(sink, since, reason, effects),
            DeliveryReport::Disabled { sink } => {
                let reason = "its receiver asked never to be called again (410)".into();
                self.sink_fails(sink, self.at, reason, effects);
            }
        }
    }

    /// Nothing gets through: that is more than the dead letters that were told of, if any were.
    fn sink_fails(&mut self, sink: Name, since: Timestamp, reason: Name, effects: &mut Vec<Effect>) {
        let subject = Subject::Sink(sink);
        let opened = self.troubles.open(subject.clone(), since, None, effects);
        let news = |row: &&TroubleRow| row.dead > 0 && row.reason.as_ref() != Some(&reason);
        let worse = || self.troubles.get(&subject).filter(news).cloned();
        if let Some(row) = opened.or_else(worse) {
            self.say_failing(&row, row.dead, reason, effects);
        }
    }

    fn say_failing(&mut self, row: &TroubleRow, dead: u64, reason: Name, effects: &mut Vec<Effect>) {
        let body = sink_body(row, dead, reason);
        self.say_trouble(row, MessageKind::SinkFailing, Severity::Critical, body, effects);
    }

    pub(super) fn test_sink(&mut self, sink: Name, effects: &mut Vec<Effect>) {
        if !self.settings.sinks.contains_key(&sink) {
            return;
        }
        let at = self.at.millis().to_be_bytes();
        let alert = AlertId::hash("alert/test", &[sink.as_str().as_bytes(), &at]);
        effects.push(Effect::Tell(Box::new(Message {
            sinks: vec![sink],
            alert,
            revision: 1,
            kind: MessageKind::Test,
            severity: Severity::Info,
            rule: None,
            at: self.at,
            body: Body::Test,
            simulated: self.settings.simulated,
        })));
    }
}

pub(super) fn sink_body(row: &TroubleRow, dead: u64, reason: Name) -> Body {
    let sink = match &row.subject {
        Subject::Sink(name) => name.clone(),
        Subject::Chain(_)
        | Subject::Source(_)
        | Subject::Disagreement(_)
        | Subject::List(..)
        | Subject::Prices(_)
        | Subject::Unpriced(_)
        | Subject::Payments(_) => "unknown".into(),
    };
    Body::Sink(SinkBody { sink, since: row.since, dead, reason })
}
