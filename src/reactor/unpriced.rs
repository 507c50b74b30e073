//! Pairs of which no feed has a price: what cannot be judged meanwhile, and who is told of it.
//!
//! A rule whose price is not known fires nothing and resolves nothing, which looks like calm and is none. So a pair without a price is said
//! when it has had none for a while; where its feeds do not answer at all, what is said of them says it, and of each pair nothing more.

use super::Reactor;
use super::effect::{Effect, MessageKind};
use super::event::{SourceId, SourceKind, SourceState};
use super::rows::{Deadline, Subject};
use super::settings::{Condition, Rule};
use super::why::named;
use crate::types::{ChainId, Name, Pair, Severity, Timestamp};
use std::time::Duration;

/// A pair that has had no price for this long is said to have none: as long as a feed may be silent.
pub(super) const PRICE_SILENCE: Duration = Duration::from_mins(2);

/// What is not known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why, in words without urls or secrets.
    pub why: Name,
}

impl Reactor {
    /// Waits for a price of each pair that feeds are asked for.
    pub(super) fn expect_prices(&mut self, effects: &mut Vec<Effect>) {
        let pairs: Vec<Pair> = self.soft.prices.keys().cloned().collect();
        for pair in pairs {
            if !self.timers.contains(&Deadline::Silent(Subject::Unpriced(pair.clone()))) {
                self.await_price(pair, PRICE_SILENCE, effects);
            }
        }
    }

    /// Looks at a pair again when it may have had no price for long enough.
    pub(super) fn await_price(&mut self, pair: Pair, length: Duration, effects: &mut Vec<Effect>) {
        self.timers.set(self.at, Deadline::Silent(Subject::Unpriced(pair)), length, effects);
    }

    /// A pair may have had no price for long enough to say so. That one goes stale is no event: it is looked at again when it could be.
    pub(super) fn still_unpriced(&mut self, pair: Pair, effects: &mut Vec<Effect>) {
        let Some(followed) = self.soft.prices.get(&pair) else { return };
        let next = match followed.market.holds_until(self.at, self.settings.prices.stale_after) {
            Ok(until) => until.since(self.at).saturating_add(PRICE_SILENCE),
            Err(since) if self.at.since(since) < PRICE_SILENCE => PRICE_SILENCE.saturating_sub(self.at.since(since)),
            Err(since) => {
                if followed.market.feeds().any(|feed| self.is_feed_fresh(feed)) {
                    self.say_unpriced(&pair, since, effects);
                }
                PRICE_SILENCE
            }
        };
        self.await_price(pair, next, effects);
    }

    fn say_unpriced(&mut self, pair: &Pair, since: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(row) = self.troubles.open(Subject::Unpriced(pair.clone()), since, None, effects) {
            let (severity, without) = self.without(&[pair]);
            let silence = self.soft.prices.get(pair).map_or_else(String::new, |followed| followed.market.silence());
            let reason = format!("no feed has a price of {pair} ({silence}){without}");
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceBlind, severity, body, effects);
        }
    }

    /// How grave it is that a source does not answer, and where it is a feed, what else there is to say: its last word, and what cannot be
    /// judged because no other feed has the price either.
    pub(super) fn without_feed(&self, subject: &Subject) -> (Severity, String) {
        let feed = match subject {
            Subject::Source(SourceId { kind: SourceKind::Feed, name, .. }) => name,
            Subject::Source(_)
            | Subject::Chain(_)
            | Subject::Disagreement(_)
            | Subject::List(..)
            | Subject::Sink(_)
            | Subject::Prices(_)
            | Subject::Unpriced(_)
            | Subject::Payments(_) => return (Severity::Warning, String::new()),
        };
        let of_feed: Vec<_> = self
            .soft
            .prices
            .iter()
            .filter(|(_, followed)| followed.market.feeds().any(|asked| asked == feed))
            .collect();
        let last = of_feed.iter().filter_map(|(_, followed)| followed.market.last_of(feed)).max();
        let last = last.map_or_else(|| "; no price so far".to_owned(), |last| format!("; last price {last}"));
        let unknown: Vec<&Pair> =
            of_feed.into_iter().map(|(pair, _)| pair).filter(|pair| self.known_price(pair).is_none()).collect();
        let (severity, without) = self.without(&unknown);
        (severity, format!("{last}{without}"))
    }

    /// What depends on these pairs and on no other source: how grave that is, and which, in words.
    fn without(&self, pairs: &[&Pair]) -> (Severity, String) {
        let needs = |rule: &&Rule| match &rule.condition {
            Condition::Price(price) => pairs.contains(&&price.pair),
            Condition::Change(change) => pairs.contains(&&change.pair),
            // One that speaks of what has no known worth loses nothing.
            Condition::Transfer(transfer) => {
                let silent = transfer.at_least_usd.is_some_and(|least| !least.unknown_speaks);
                let spoken = |(chain, asset): &(_, _)| {
                    transfer.chains.contains(chain)
                        && transfer.assets.as_ref().is_none_or(|assets| assets.contains(&(*chain, *asset)))
                };
                silent && self.settings.values.iter().any(|(of, pair)| pairs.contains(&pair) && spoken(of))
            }
            Condition::Approval(_) | Condition::Gas(_) | Condition::Balance(_) => false,
        };
        let rules = || self.settings.rules.iter().filter(needs);
        let severity = rules().map(|rule| rule.severity).max().unwrap_or(Severity::Warning).max(Severity::Warning);
        let worth = |chain| self.settings.values.iter().any(|((of, _), pair)| of == chain && pairs.contains(&pair));
        let watches = self.watched.watches().iter().filter(|watch| watch.chains.iter().any(worth));
        let quoted = |name: &Name| format!("\"{name}\"");
        let (rules, watches) =
            (named(rules().map(|rule| quoted(&rule.name))), named(watches.map(|it| quoted(&it.name))));
        let rules = Some(rules).filter(|rules| !rules.is_empty()).map(|rules| format!("; cannot be judged: {rules}"));
        let watches = Some(watches).filter(|watches| !watches.is_empty());
        let watches = watches.map(|watches| format!("; of unknown worth: what {watches} hold"));
        (severity, rules.into_iter().chain(watches).collect())
    }

    fn is_feed_fresh(&self, feed: &Name) -> bool {
        let source = SourceId { kind: SourceKind::Feed, chain: None, name: feed.clone() };
        self.soft.sources.get(&source) == Some(&SourceState::Fresh)
    }

    /// Why a pair that feeds are asked for has no price at `at`.
    #[must_use]
    pub fn unpriced(&self, pair: &Pair, at: Timestamp) -> Option<Unknown> {
        let market = &self.soft.prices.get(pair)?.market;
        let since = market.holds_until(at, self.settings.prices.stale_after).err()?;
        // A restart forgets since when.
        let said = self.troubles.get(&Subject::Unpriced(pair.clone())).filter(|row| row.open).map(|row| row.since);
        let since = said.map_or(since, |said| said.min(since));
        Some(Unknown { since: Some(since), why: format!("no fresh price of {pair} ({})", market.silence()).into() })
    }

    /// Why a rule cannot be judged at `at`, or not everywhere: what it looks at is not known.
    #[must_use]
    pub fn unjudged(&self, rule: &Rule, at: Timestamp) -> Option<Unknown> {
        match &rule.condition {
            Condition::Transfer(transfer) => self.blind_on(transfer.chains.iter()),
            Condition::Approval(approval) => self.blind_on(approval.chains.iter()),
            Condition::Balance(balance) => self.blind_on(balance.thresholds.keys().map(|(chain, _)| chain)),
            Condition::Price(price) => self.unpriced(&price.pair, at),
            Condition::Change(change) => self.unpriced(&change.pair, at).or_else(|| {
                let unseen = !self.bars.is_whole(&change.pair, change.within);
                let minutes = change.within.as_secs() / 60;
                unseen.then(|| Unknown {
                    since: None,
                    why: format!("no whole window of {minutes} minutes of {} was seen so far", change.pair).into(),
                })
            }),
            Condition::Gas(gas) => self.blind_on(std::iter::once(&gas.chain)).or_else(|| {
                let what = format!("no fresh {} of {}", gas.of.word().replace('_', " "), self.chain_name(gas.chain));
                self.fee(gas.chain, gas.of).is_none().then(|| Unknown { since: None, why: what.into() })
            }),
        }
    }

    /// What a rule on these chains cannot see: those of which nothing comes.
    fn blind_on<'a>(&self, chains: impl Iterator<Item = &'a ChainId>) -> Option<Unknown> {
        let trouble = |chain: &ChainId| self.troubles.get(&Subject::Chain(*chain)).filter(|row| row.open);
        let mut blind: Vec<_> = chains.filter_map(|chain| Some((chain, trouble(chain)?.since))).collect();
        blind.dedup();
        let since = blind.iter().map(|(_, since)| *since).min()?;
        let chains = named(blind.iter().map(|(chain, _)| self.chain_name(**chain)));
        Some(Unknown { since: Some(since), why: format!("blind on {chains}").into() })
    }
}

#[cfg(test)]
#[path = "unpriced_tests.rs"]
mod tests;
