//! What left the config: its alerts are resolved, its troubles are over, and nothing of its sources is waited for or believed any more.

use super::Reactor;
use super::alerts::Saying;
use super::authority::endpoints_of;
use super::effect::{Body, Effect, MessageKind, Notice};
use super::event::{Event, Fees, SourceId, SourceKind, SourceReport};
use super::rows::{AlertRow, AlertState, AlertSubject, Deadline, Subject};
use crate::types::ChainId;

/// Why an alert is over whose subject is not in the config any more.
const NOT_WATCHED: &str = "it is not in the config any more";
/// Why an alert is over that was about feeds of which at most one is there.
const NOT_COMPARED: &str = "no two feeds have the pair any more";

/// Why an alert of a rule is over that is not in the config any more.
pub(super) const RULE_REMOVED: &str = "the rule was removed from the config";
/// Why an alert is over whose rule says something else now.
pub(super) const RULE_CHANGED: &str = "the rule has another condition now";

impl Reactor {
    /// Forgets what is known of sources, chains and sinks that the settings have not. What is in tables stays there: should they come back, they
    /// go on.
    pub(super) fn let_go(&mut self, effects: &mut Vec<Effect>) {
        let sources: Vec<SourceId> = self.soft.sources.keys().filter(|source| !self.knows(source)).cloned().collect();
        for source in sources {
            self.soft.sources.remove(&source);
            self.ends_silence(&Subject::Source(source), effects);
        }
        for (id, chain) in &mut self.chains {
            let named = self.settings.chains.get(id).map(|chain| chain.endpoints.as_slice()).unwrap_or_default();
            chain.keep_endpoints(named);
        }
        let chains: Vec<ChainId> =
            self.chains.keys().filter(|id| !self.settings.chains.contains_key(id)).copied().collect();
        for chain in chains {
            let subject = Subject::Chain(chain);
            self.timers.clear(&Deadline::Silent(subject.clone()), effects);
            self.timers.clear(&Deadline::Revert(chain), effects);
            self.soft.progress.remove(&subject);
            self.soft.gas.remove(&chain);
            self.soft.compared.remove(&chain);
            self.soft.missed.remove(&chain);
            self.unpublished.insert(chain);
        }
        let over: Vec<Subject> = self
            .troubles
            .iter()
            .filter(|row| row.open && !self.is_watched(&row.subject))
            .map(|row| row.subject.clone())
            .collect();
        for subject in over {
            self.troubles.close(&subject, effects);
            self.timers.clear(&Deadline::Steady(subject.clone()), effects);
            let Some(row) = self.troubles.get(&subject) else { continue };
            let alert = super::alerts::trouble_alert(row);
            if let Some(alert) = self.alerts.get(alert).cloned() {
                let compared = matches!(subject, Subject::Prices(_));
                self.say_resolved(alert, if compared { NOT_COMPARED } else { NOT_WATCHED }, effects);
            }
        }
    }

    /// Says of an alert that it is over, for a reason that is none of its subject's: to whoever was told and is still there. What was said of
    /// a transfer holds; it may still be taken back.
    pub(super) fn say_resolved(&mut self, alert: AlertRow, reason: &str, effects: &mut Vec<Effect>) {
        let state = AlertState::Resolved;
        if matches!(alert.subject, AlertSubject::Transfer { .. }) {
            self.alerts.put(AlertRow { state, changed_at: self.at, ..alert }, effects);
            return;
        }
        let saying =
            Saying { kind: MessageKind::AlertResolved, body: Body::Resolved(reason.into()), state, close: true };
        self.alerts.say(alert, saying, &[], &self.settings, self.at, effects);
    }

    /// Whether an event can come: of a chain that is in the config, by a source that is there. What an ended source had sent comes to nothing.
    pub(super) fn is_ours(&self, event: &Event) -> Result<(), Notice> {
        let endpoint = match event {
            Event::Contact(contact) => (contact.chain, &contact.endpoint),
            Event::Head(head) => (head.chain, &head.endpoint),
            Event::Run(run) => (run.chain, &run.endpoint),
            Event::Tags(tags) => (tags.chain, &tags.endpoint),
            Event::Logs(logs) => (logs.chain, &logs.endpoint),
            Event::Opinion(opinion) => (opinion.chain, &opinion.endpoint),
            Event::Source(SourceReport { source, .. }) | Event::Fees(Fees { source, .. }) => match source.chain {
                Some(chain) if source.kind == SourceKind::Rpc => (chain, &source.name),
                Some(_) | None => return Ok(()),
            },
            Event::Configured(_)
            | Event::Explored(_)
            | Event::History(_)
            | Event::ExplorerHead(_)
            | Event::Unlistable(_)
            | Event::Receipt(_)
            | Event::Token(_)
            | Event::Balances(_)
            | Event::Tick(_)
            | Event::Quiet { .. }
            | Event::Delivery(_)
            | Event::Command(_)
            | Event::Answered(_)
            | Event::Hinted(_)
            | Event::FreezeFile(_)
            | Event::Clock(_)
            | Event::Unreadable { .. }
            | Event::Deadline(_) => return Ok(()),
        };
        let (chain, name) = endpoint;
        let known = self.settings.chains.get(&chain).is_some_and(|chain| chain.endpoints.contains(name));
        if known {
            Ok(())
        } else {
            Err(Notice::Ignored { chain, reason: "it came from an endpoint that left the config" })
        }
    }

    /// Whether the settings have a source.
    fn knows(&self, source: &SourceId) -> bool {
        let SourceId { kind, chain, name } = source;
        let explores =
            |id: &ChainId| self.settings.chains.get(id).is_some_and(|chain| chain.explorer.as_ref() == Some(name));
        match (kind, chain) {
            (SourceKind::Rpc, Some(id)) => {
                self.settings.chains.get(id).is_some_and(|chain| chain.endpoints.contains(name))
            }
            (SourceKind::Explorer, Some(id)) => explores(id),
            (SourceKind::Explorer, None) => self.settings.chains.keys().any(explores),
            (SourceKind::Feed, _) => self.settings.feeds.contains_key(name),
            (SourceKind::Rpc, None) => false,
        }
    }

    /// Whether anybody still asks for what is in trouble.
    fn is_watched(&self, subject: &Subject) -> bool {
        let chain = |id: &ChainId| self.settings.chains.get(id);
        match subject {
            Subject::Chain(id) => chain(id).is_some(),
            Subject::Source(source) => match source.chain {
                Some(id) if *subject == endpoints_of(id) => chain(&id).is_some_and(|chain| !chain.endpoints.is_empty()),
                Some(_) | None => self.knows(source),
            },
            Subject::Disagreement(id) => chain(id).is_some_and(|chain| chain.explorer.is_some()),
            Subject::List(id, address, _) => {
                chain(id).is_some_and(|chain| chain.explorer.is_some()) && self.watched.find(*id, address).is_some()
            }
            Subject::Sink(name) => self.settings.sinks.contains_key(name),
            // One feed alone never says whether it agrees.
            Subject::Unpriced(pair) => self.soft.prices.contains_key(pair),
            Subject::Prices(pair) => self.settings.feeds.values().filter(|pairs| pairs.contains(pair)).count() > 1,
            // A freeze outlives every config.
            Subject::Payments(_) => true,
        }
    }
}
