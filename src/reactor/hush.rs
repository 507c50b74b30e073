//! Silences as people order them, and the digests of what was not said.

use super::Reactor;
use super::effect::{Body, DigestBody, Effect, Message, MessageKind, Reply};
pub use super::hushed::{SilenceAnswer, SilenceOrder};
use super::quiet::{Cause, DIGEST_EVERY, Kept, QuietRow, Silence, alert_of};
use super::rows::Deadline;
use crate::types::{AlertId, Name, Severity};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most lines of one digest: what the smallest chat shows whole.
const MOST_LINES: usize = 10;
/// The longest silence: who wants more changes the config.
pub const LONGEST_SILENCE: Duration = Duration::from_hours(30 * 24);

impl Reactor {
    /// Does what people order.
    pub(super) fn order_silence(&mut self, order: SilenceOrder, effects: &mut Vec<Effect>) {
        let set = match order {
            SilenceOrder::End(number) => match self.alerts.quiet.end(number, self.at, effects) {
                None => Err(SilenceAnswer::Unknown(number)),
                Some(silence) => {
                    self.timers.clear(&Deadline::Silence(number), effects);
                    self.tell_kept(Cause::Silence(number), &ended(&silence), effects);
                    Ok(None)
                }
            },
            SilenceOrder::Add { silence, lasts } => {
                let lasts = lasts.min(LONGEST_SILENCE);
                let silence = Silence { from: self.at, until: self.at.after(lasts), ..silence };
                let unheard = self.expires_unheard(&silence, lasts);
                let set = if unheard.is_none() { self.alerts.quiet.silence(silence, effects) } else { None };
                match set {
                    None => Err(unheard.map_or(SilenceAnswer::TooMany, SilenceAnswer::OverPayments)),
                    Some(number) => {
                        self.timers.set(self.at, Deadline::Silence(number), lasts, effects);
                        Ok(Some(number))
                    }
                }
            }
        };
        let answer = set.map(|number| SilenceAnswer::Silences(self.alerts.quiet.silences().cloned().collect(), number));
        let answer = answer.unwrap_or_else(|refused| refused);
        effects.push(Effect::Answer(Box::new(Reply::Silences(answer))));
    }

    /// A silence is over by itself.
    pub(super) fn silence_over(&mut self, number: u32, effects: &mut Vec<Effect>) {
        if let Some(silence) = self.alerts.quiet.end(number, self.at, effects) {
            self.tell_kept(Cause::Silence(number), &ended(&silence), effects);
        }
    }

    /// A day of suspects is over.
    pub(super) fn digest_due(&mut self, effects: &mut Vec<Effect>) {
        self.tell_kept(
            Cause::Suspect,
            "transfers of a day that look made to deceive: never copy an address from them",
            effects,
        );
    }

    /// Sets the day's end with its first suspect.
    pub(super) fn await_digest(&mut self, effects: &mut Vec<Effect>) {
        if !self.timers.contains(&Deadline::Digest) {
            self.timers.set(self.at, Deadline::Digest, DIGEST_EVERY, effects);
        }
    }

    /// Tells what was kept, to whom it was kept from: what lasts and is so still is said as it is now, the rest is named.
    pub(super) fn tell_kept(&mut self, cause: Cause, reason: &str, effects: &mut Vec<Effect>) {
        let mut by_sink: BTreeMap<Name, Vec<Kept>> = BTreeMap::new();
        let mut more = 0;
        for mut kept in self.alerts.quiet.take(cause, effects) {
            more += std::mem::take(&mut kept.more);
            kept.sinks.retain(|sink| self.settings.sinks.contains_key(sink));
            if let Some(alert) = alert_of(&kept.line) {
                if cause != Cause::Suspect && self.say_if_still_so(alert, effects) {
                    continue;
                }
                self.alerts.was_named(alert, &kept.sinks, effects);
            }
            kept.more = std::mem::take(&mut more);
            for sink in &kept.sinks {
                by_sink.entry(sink.clone()).or_default().push(kept.clone());
            }
        }
        for (sink, kept) in by_sink {
            for (nth, part) in (0_u64..).zip(kept.chunks(MOST_LINES)) {
                let (at, nth) = (self.at.millis().to_be_bytes(), nth.to_be_bytes());
                let alert = AlertId::hash("alert/digest", &[sink.as_str().as_bytes(), reason.as_bytes(), &at, &nth]);
                effects.push(Effect::Tell(Box::new(self.digest(alert, sink.clone(), reason, part))));
            }
        }
    }

    fn digest(&self, alert: AlertId, sink: Name, reason: &str, kept: &[Kept]) -> Message {
        let entries = kept.iter().map(|kept| kept.line.clone()).collect();
        let more = kept.iter().map(|kept| kept.more).sum();
        Message {
            sinks: vec![sink],
            alert,
            revision: 1,
            kind: MessageKind::Digest,
            severity: Severity::Info,
            rule: None,
            at: self.at,
            body: Body::Digest(DigestBody { reason: reason.into(), entries, more }),
            simulated: self.settings.simulated,
        }
    }

    /// The rows of what is not said.
    pub(super) fn quiet_rows(&self) -> Vec<QuietRow> {
        self.alerts.quiet.rows().collect()
    }
}

/// That a silence keeps something from being said, or kept it.
#[must_use]
pub fn in_words(silence: &Silence) -> String {
    let Silence { number, author, comment, from, until, over, .. } = silence;
    let then = if *over {
        "at its end it was told as it was then, or the digest named it"
    } else {
        "at its end it is told if it is so still, else the digest names it"
    };
    let keeps = if *over { "kept" } else { "keeps" };
    format!("silence {number} by {author} ({comment}) {keeps} it, from {from} until {until}: {then}")
}

fn ended(silence: &Silence) -> String {
    format!("silence {} by {} is over ({}); not said meanwhile", silence.number, silence.author, silence.comment)
}
