//! The heartbeat: a message to one sink every so often, so that who hears nothing knows that the monitor is gone.
//!
//! The first goes out when the config that asks for it comes into force. Its deadline is a row: a restart neither skips a beat nor adds one.

use super::Reactor;
use super::effect::{Body, Effect, HeartbeatBody, Message, MessageKind};
use super::event::SourceId;
use super::rows::{Deadline, Subject};
use super::settings::Heartbeat;
use crate::types::{AlertId, Name, Severity};

impl Reactor {
    /// Another config: its heartbeat begins, ends, or goes on as it was.
    pub(super) fn configure_heartbeat(&mut self, effects: &mut Vec<Effect>) {
        match &self.settings.system.heartbeat {
            None => self.timers.clear(&Deadline::Heartbeat, effects),
            Some(heartbeat) if self.timers.length(&Deadline::Heartbeat) == Some(heartbeat.every) => {}
            Some(_) => self.beat(effects),
        }
    }

    /// Says that the monitor is alive, and when it will say so next.
    pub(super) fn beat(&mut self, effects: &mut Vec<Effect>) {
        let Some(Heartbeat { to, every }) = self.settings.system.heartbeat.clone() else { return };
        self.timers.set(self.at, Deadline::Heartbeat, every, effects);
        let trouble = self.troubles.iter().filter(|row| row.open).map(|row| self.called(&row.subject)).collect();
        let audit_head = self.desk().audit_head().map(|head| head.hash);
        let body = HeartbeatBody { next: self.at.after(every), trouble, audit_head };
        let at = self.at.millis().to_be_bytes();
        effects.push(Effect::Tell(Box::new(Message {
            alert: AlertId::hash("alert/heartbeat", &[to.as_str().as_bytes(), &at]),
            sinks: vec![to],
            revision: 1,
            kind: MessageKind::Heartbeat,
            severity: Severity::Info,
            rule: None,
            at: self.at,
            body: Body::Heartbeat(body),
            simulated: self.settings.simulated,
        })));
    }

    /// What is in trouble, in the words of the config.
    fn called(&self, subject: &Subject) -> Name {
        let chain = |id: &crate::types::ChainId| {
            self.settings.chains.get(id).map_or_else(|| id.to_string(), |chain| chain.name.to_string())
        };
        match subject {
            Subject::Chain(id) => chain(id).into(),
            Subject::Source(SourceId { chain: Some(id), name, .. }) => format!("{}/{name}", chain(id)).into(),
            Subject::Source(SourceId { chain: None, name, .. }) => name.clone(),
            Subject::Disagreement(id) => format!("{}: sources disagree", chain(id)).into(),
            Subject::List(id, address, list) => format!("{}: {} of {address:#x}", chain(id), list.word()).into(),
            Subject::Sink(name) => format!("sink {name}").into(),
            Subject::Prices(pair) => format!("{pair}: feeds disagree").into(),
            Subject::Unpriced(pair) => format!("{pair}: no price").into(),
            Subject::Payments(what) => format!("payments do not go: {what}").into(),
        }
    }
}
