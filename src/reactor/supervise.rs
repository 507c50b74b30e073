//! Sources and chains that fall silent, and come back: the built-in alerts, and how each is addressed. Sinks are in `deliveries`.

use super::Reactor;
use super::alerts::{Saying, new_alert, trouble_alert};
use super::authority::endpoints_of;
use super::deliveries::sink_body;
use super::effect::{Body, Effect, MessageKind, Notice, SinkBody, SourceBody};
use super::event::{SourceId, SourceKind, SourceReport, SourceState};
use super::rows::{AlertRow, AlertState, AlertSubject, Deadline, Subject, TroubleRow};
use super::settings::ChainSettings;
use crate::types::{ChainId, Name, Severity, Timestamp};
use std::fmt::Write as _;
use std::time::Duration;

/// A feed or an explorer that has not been fresh for this long is blind.
const SOURCE_SILENCE: Duration = Duration::from_mins(2);
/// A newest block that is older than this, and than twice the chain's `stale_after`, does not show how the chain stands.
const OLD_BLOCK: Duration = Duration::from_hours(1);
/// That an explorer differs from a chain is said no more often than this; every difference is counted.
const DISAGREEMENT_SILENCE: Duration = Duration::from_hours(24);

impl Reactor {
    pub(super) fn source(&mut self, report: SourceReport, effects: &mut Vec<Effect>) {
        let SourceReport { source, state } = report;
        if source.kind == SourceKind::Explorer && source.chain.is_none() {
            self.whole_account(&source.name, &state, effects);
        }
        if self.soft.sources.insert(source.clone(), state.clone()).as_ref() == Some(&state) {
            return;
        }
        effects.push(Effect::Notice(Notice::Source { source: source.clone(), state: state.clone() }));
        let fresh = state == SourceState::Fresh;
        if fresh && source.kind == SourceKind::Explorer && source.chain.is_some() {
            self.account_works(&source.name, effects);
        }
        let subject = Subject::Source(source.clone());
        match (source.kind, source.chain) {
            (SourceKind::Rpc, Some(chain)) => {
                self.chain_mut(chain).set_fresh(&source.name, fresh);
                self.unpublished.insert(chain);
                return;
            }
            (SourceKind::Rpc, None) => return,
            (SourceKind::Feed, _) if !fresh => self.feed_left(&source.name, &state, effects),
            (SourceKind::Feed | SourceKind::Explorer, _) => {}
        }
        if fresh {
            self.ends_silence(&subject, effects);
            self.recovered(&subject, effects);
            self.explorer_changed(&source, effects);
            return;
        }
        // It was fresh until now, or nobody has heard of it so far.
        self.soft.progress.entry(subject.clone()).or_insert(self.at);
        if let SourceState::Refused(reason) = state {
            self.source_blind(source, &reason, effects);
        } else if !self.timers.contains(&Deadline::Silent(subject.clone())) {
            self.timers.set(self.at, Deadline::Silent(subject), SOURCE_SILENCE, effects);
        }
    }

    /// Nothing of a source is waited for any more: it answers, or others speak for it.
    pub(super) fn ends_silence(&mut self, subject: &Subject, effects: &mut Vec<Effect>) {
        self.timers.clear(&Deadline::Silent(subject.clone()), effects);
        self.soft.progress.remove(subject);
    }

    /// Something useful came of a chain.
    pub(super) fn progress(&mut self, subject: Subject, effects: &mut Vec<Effect>) {
        let Subject::Chain(chain) = subject else { return };
        let Some(settings) = self.settings.chains.get(&chain) else { return };
        self.timers.set(self.at, Deadline::Silent(subject.clone()), settings.stale_after, effects);
        self.soft.progress.insert(subject.clone(), self.at);
        self.recovered(&subject, effects);
        self.recovered(&endpoints_of(chain), effects);
    }

    pub(super) fn silent(&mut self, subject: Subject, effects: &mut Vec<Effect>) {
        match subject {
            Subject::Chain(chain) => {
                let Some(settings) = self.settings.chains.get(&chain) else { return };
                let newest = self.chains.get(&chain).and_then(|chain| chain.window().next_back());
                let silence = match newest.filter(|newest| self.is_old(chain, newest.time)) {
                    Some(newest) => {
                        format!(
                            "the newest block that was read is {} h old",
                            self.at.since(newest.time).as_secs() / 3_600
                        )
                    }
                    None => format!("no new block for {} s", settings.stale_after.as_secs()),
                };
                let why = self.why_unread(settings).into_iter().map(|(endpoint, why)| format!("{endpoint}: {why}"));
                let reason = std::iter::once(silence).chain(why).collect::<Vec<_>>().join("; ");
                self.forget_gas(chain, effects);
                if !self.take_over(chain, &reason, effects) {
                    self.forget_balances(chain, effects);
                    self.chain_in_trouble(chain, &reason, effects);
                }
            }
            Subject::Source(source) => {
                let reason = match self.soft.sources.get(&source) {
                    Some(SourceState::OverBudget(until)) => format!("its calls are used up until {until}"),
                    Some(SourceState::BackingOff(reason)) => format!("it does not answer: {reason}"),
                    Some(
                        SourceState::Connecting | SourceState::Fresh | SourceState::Stale | SourceState::Refused(_),
                    )
                    | None => "it does not answer".into(),
                };
                self.source_blind(source, &reason.into(), effects);
            }
            Subject::Unpriced(pair) => self.still_unpriced(pair, effects),
            Subject::Disagreement(_)
            | Subject::List(..)
            | Subject::Sink(_)
            | Subject::Prices(_)
            | Subject::Payments(_) => {}
        }
    }

    /// Whether a newest block of this time is so old that whoever gave it does not follow the chain.
    pub(super) fn is_old(&self, chain: ChainId, time: Timestamp) -> bool {
        let stale_after = self.settings.chains.get(&chain).map_or(Duration::ZERO, |chain| chain.stale_after);
        self.at.since(time) > OLD_BLOCK.max(stale_after.saturating_mul(2))
    }

    /// What each endpoint of a chain last said of itself, where none of them works; nothing where any does, or has said nothing.
    fn why_unread<'a>(&'a self, settings: &'a ChainSettings) -> Vec<(&'a Name, &'a Name)> {
        let why = |endpoint: &'a Name| {
            let source = SourceId { kind: SourceKind::Rpc, chain: Some(settings.id), name: endpoint.clone() };
            match self.soft.sources.get(&source)? {
                SourceState::Refused(reason) | SourceState::BackingOff(reason) => Some((endpoint, reason)),
                SourceState::Connecting | SourceState::Fresh | SourceState::Stale | SourceState::OverBudget(_) => None,
            }
        };
        settings.endpoints.iter().map(why).collect::<Option<_>>().unwrap_or_default()
    }

    pub(super) fn chain_in_trouble(&mut self, chain: ChainId, reason: &str, effects: &mut Vec<Effect>) {
        let subject = Subject::Chain(chain);
        let since = self.soft.progress.get(&subject).copied().unwrap_or(self.at);
        let last_block = self.height(chain);
        self.unpublished.insert(chain);
        // What goes on only with a person is told also where it was blind before, for another reason.
        let stop = self.chains.get(&chain).and_then(|chain| chain.row().stopped.as_ref());
        let is_why = stop.is_some_and(|stop| stop.reason().as_str() == reason);
        let worse = self.troubles.get(&subject).filter(|row| row.open && is_why).cloned();
        if let Some(row) = self.troubles.open(subject, since, last_block, effects).or(worse) {
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceBlind, Severity::Critical, body, effects);
        }
    }

    /// Whether a chain goes on only when a person says so.
    pub(super) fn is_stopped(&self, chain: ChainId) -> bool {
        self.chains.get(&chain).is_some_and(|chain| chain.row().stopped.is_some())
    }

    pub(super) fn say_disagreement(&mut self, chain: ChainId, source: Name, effects: &mut Vec<Effect>) {
        let subject = Subject::Disagreement(chain);
        let old = self
            .troubles
            .iter()
            .any(|row| row.subject == subject && row.open && self.at.since(row.since) >= DISAGREEMENT_SILENCE);
        if old && let Some(row) = self.troubles.close(&subject, effects) {
            let id = trouble_alert(&row);
            if let Some(alert) = self.alerts.get(id).cloned() {
                let state = AlertState::Resolved;
                self.alerts.put(AlertRow { state, changed_at: self.at, closed: true, ..alert }, effects);
            }
        }
        let last_block = self.height(chain);
        if let Some(row) = self.troubles.open(subject, self.at, last_block, effects) {
            let reason = format!("{source} lists a transfer that the chain's own blocks do not have");
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceDisagrees, Severity::Warning, body, effects);
        }
    }

    fn source_blind(&mut self, source: SourceId, reason: &Name, effects: &mut Vec<Effect>) {
        if source.kind == SourceKind::Feed {
            self.forget_prices(&source.name, effects);
        }
        let subject = Subject::Source(source);
        self.timers.clear(&Deadline::Silent(subject.clone()), effects);
        let was_open = self.troubles.is_open(&subject);
        let since = self.soft.progress.get(&subject).copied().unwrap_or(self.at);
        if let Some(row) = self.troubles.open(subject.clone(), since, None, effects) {
            let (severity, without) = self.without_feed(&row.subject);
            let body = self.source_body(&row, None, format!("{reason}{without}").into());
            self.say_trouble(&row, MessageKind::SourceBlind, severity, body, effects);
        }
        if !was_open && let Subject::Source(source) = &subject {
            for source in self.all_of(source) {
                self.explorer_changed(&source, effects);
            }
        }
    }

    pub(super) fn recovered(&mut self, subject: &Subject, effects: &mut Vec<Effect>) {
        if matches!(subject, Subject::Chain(chain) if self.is_stopped(*chain)) {
            return;
        }
        let Some(row) = self.troubles.close(subject, effects) else { return };
        self.unpublished.extend(chain_of(subject));
        if let Subject::Chain(chain) = subject {
            let gap = self.missed_by(&row);
            effects.push(Effect::Notice(Notice::Back(*chain, row.since, gap)));
        }
        self.say_recovered(&row, effects);
    }

    /// That what was in trouble is back, with what was missed.
    pub(super) fn say_recovered(&mut self, row: &TroubleRow, effects: &mut Vec<Effect>) {
        let subject = &row.subject;
        let gap = self.missed_by(row);
        let blind_for = self.at.since(row.since).as_secs();
        match subject {
            Subject::Chain(_) | Subject::Source(_) | Subject::List(..) | Subject::Unpriced(_) => {
                let reason = self.back_words(subject, blind_for, effects);
                let body = self.source_body(row, gap, reason.into());
                self.say_trouble(row, MessageKind::SourceRecovered, Severity::Info, body, effects);
            }
            Subject::Sink(_) => {
                let body = sink_body(row, row.dead, format!("back after {blind_for} s").into());
                self.say_trouble(row, MessageKind::SinkRecovered, Severity::Info, body, effects);
            }
            Subject::Disagreement(_) | Subject::Prices(_) | Subject::Payments(_) => {}
        }
    }

    /// That a chain or a source is back, and what of it is not as it was.
    fn back_words(&mut self, subject: &Subject, blind_for: u64, effects: &mut Vec<Effect>) -> String {
        let mut words = format!("back after {blind_for} s");
        if let Subject::Chain(chain) = subject
            && let Some(chain) = self.chains.get_mut(chain)
            && chain.tell_accepted(effects)
            && let Some(started) = chain.row().started
        {
            let _ = write!(
                words,
                "; it was accepted as another chain and is read from block {started}: what lies below is not, \
                 and what was said to be final is not looked at again"
            );
        }
        // What an explorer read in their place is handed back.
        if matches!(subject, Subject::Source(source) if source.kind == SourceKind::Rpc) {
            words += ": the chain's own blocks are read again";
        }
        words
    }

    pub(super) fn source_body(&self, row: &TroubleRow, gap: Option<(u64, u64)>, reason: Name) -> Body {
        let (kind, chain, source) = match &row.subject {
            Subject::Chain(chain) => {
                let only = self.settings.chains.get(chain).is_some_and(|chain| chain.endpoints.is_empty());
                (if only { SourceKind::Explorer } else { SourceKind::Rpc }, Some(*chain), None)
            }
            Subject::Disagreement(chain) => (SourceKind::Explorer, Some(*chain), None),
            Subject::Source(source) => (source.kind, source.chain, Some(source.name.clone())),
            Subject::List(chain, ..) => {
                let explorer = self.settings.chains.get(chain).and_then(|chain| chain.explorer.clone());
                (SourceKind::Explorer, Some(*chain), explorer)
            }
            Subject::Sink(name) => (SourceKind::Feed, None, Some(name.clone())),
            Subject::Prices(pair) | Subject::Unpriced(pair) => (SourceKind::Feed, None, Some(pair.as_str().into())),
            Subject::Payments(what) => (SourceKind::Feed, None, Some(what.clone())),
        };
        let pair = row.subject.pair();
        let unpriced = if let Subject::Unpriced(pair) = &row.subject { Some(pair.clone()) } else { None };
        let chain = chain.and_then(|chain| self.settings.chains.get(&chain)).map(|chain| chain.name.clone());
        let source = source.or_else(|| chain.clone()).unwrap_or_else(|| "unknown".into());
        let (since, last_block) = (row.since, row.last_block);
        Body::Source(SourceBody { kind, chain, source, since, last_block, gap, pair, unpriced, reason })
    }

    pub(super) fn say_trouble(
        &mut self,
        row: &TroubleRow,
        kind: MessageKind,
        severity: Severity,
        body: Body,
        effects: &mut Vec<Effect>,
    ) {
        if let Body::Source(SourceBody { reason, .. }) | Body::Sink(SinkBody { reason, .. }) = &body
            && self.troubles.is_open(&row.subject)
        {
            self.troubles.explain(&row.subject, reason, effects);
        }
        self.tell_trouble(row, kind, severity, body, effects);
    }

    /// The same, where the trouble's own reason is known already.
    pub(super) fn tell_trouble(
        &mut self,
        row: &TroubleRow,
        kind: MessageKind,
        severity: Severity,
        body: Body,
        effects: &mut Vec<Effect>,
    ) {
        let name = Name::from(kind.word());
        let opener = match kind {
            MessageKind::SourceRecovered => Some("source.blind"),
            MessageKind::SinkRecovered => Some("sink.failing"),
            MessageKind::SourceBlind
            | MessageKind::SourceDisagrees
            | MessageKind::SinkFailing
            | MessageKind::Transfer(_)
            | MessageKind::Approval(_)
            | MessageKind::PriceCrossed
            | MessageKind::PriceRecovered
            | MessageKind::GasCrossed
            | MessageKind::GasRecovered
            | MessageKind::BalanceCrossed
            | MessageKind::BalanceRecovered
            | MessageKind::BalanceRetracted
            | MessageKind::PaymentRehearsed
            | MessageKind::PaymentHeld
            | MessageKind::PaymentApproved
            | MessageKind::PaymentRefused
            | MessageKind::PaymentSent
            | MessageKind::PaymentComplete
            | MessageKind::PaymentFailed
            | MessageKind::PaymentNeedsPerson
            | MessageKind::PaymentTriggerRetracted
            | MessageKind::PaymentsFrozen
            | MessageKind::PaymentsUnfrozen
            | MessageKind::AlertResolved
            | MessageKind::Heartbeat
            | MessageKind::Digest
            | MessageKind::Test => None,
        };
        let (over, opened_by) = (opener.is_some(), opener.unwrap_or(kind.word()));
        let id = trouble_alert(row);
        let alert = self.alerts.get(id).cloned();
        // An alert that nobody was told of (it was disabled then) has no end either.
        if (over && alert.is_none()) || self.settings.system.disabled.contains(&name) {
            return;
        }
        let subject = AlertSubject::Trouble(row.subject.clone());
        let alert = alert.unwrap_or_else(|| new_alert(id, opened_by.into(), severity, subject, self.at));
        // A sink that fails is told of on the others.
        let failing = match &row.subject {
            Subject::Sink(sink) => Some(sink),
            Subject::Chain(_)
            | Subject::Source(_)
            | Subject::Disagreement(_)
            | Subject::List(..)
            | Subject::Prices(_)
            | Subject::Unpriced(_)
            | Subject::Payments(_) => None,
        };
        let sinks: Vec<Name> =
            self.settings.system.notify.iter().filter(|sink| Some(*sink) != failing).cloned().collect();
        let state = if over { AlertState::Resolved } else { AlertState::Raised };
        let saying = Saying { kind, body, state, close: over };
        if !over && self.waits_its_turn(&alert, &row.subject, effects) {
            return self.alerts.hold_back(alert, saying, &sinks, &self.settings, self.at, effects);
        }
        self.alerts.say(alert, saying, &sinks, &self.settings, self.at, effects);
    }

    /// Starts watching for silence: nothing has come of these chains yet.
    pub(super) fn expect_words(&mut self, effects: &mut Vec<Effect>) {
        let chains: Vec<(ChainId, Duration)> =
            self.settings.chains.values().map(|chain| (chain.id, chain.stale_after)).collect();
        for (chain, stale_after) in chains {
            let subject = Subject::Chain(chain);
            let since: Timestamp = *self.soft.progress.entry(subject.clone()).or_insert(self.at);
            let deadline = Deadline::Silent(subject);
            if !self.timers.contains(&deadline) {
                self.timers.set(since.max(self.at), deadline, stale_after, effects);
            }
        }
    }
}

/// The chain whose reading is in trouble with this.
pub(super) fn chain_of(subject: &Subject) -> Option<ChainId> {
    match subject {
        Subject::Chain(chain) => Some(*chain),
        Subject::Source(source) => source.chain.filter(|chain| *subject == endpoints_of(*chain)),
        Subject::Disagreement(_)
        | Subject::List(..)
        | Subject::Sink(_)
        | Subject::Prices(_)
        | Subject::Unpriced(_)
        | Subject::Payments(_) => None,
    }
}

#[cfg(test)]
#[path = "supervise_tests.rs"]
pub(super) mod tests;
