//! Prices that feeds report, against the rules that look at them; and feeds that differ about a pair.
//!
//! A price that is not known (nobody reports it, or what was reported is stale) fires nothing and resolves nothing: a wait begins anew.

use super::Reactor;
use super::bars::Range;
use super::cross::Seen;
use super::crossing::{Step, step, step_unwatched, unknown};
use super::effect::{ChangeBody, CrossingSubject, Effect, MessageKind, Notice};
use super::event::{SourceState, Tick};
use super::market::{Known, Market, NoPrice, Quote, Turn};
use super::pay_crossings::sides;
use super::payments::desk::Vouched;
use super::rows::Subject;
use super::rules::InForce;
use super::settings::{ChangeCondition, Condition, Move, PriceCondition, Settings, Side, Threshold};
use super::unpriced::PRICE_SILENCE;
use crate::types::money::Percent;
use crate::types::{Name, Pair, Price, Severity};
use std::sync::Arc;

/// A pair that feeds are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Followed {
    /// What the feeds say.
    pub(super) market: Market,
    /// The rules that look at it.
    rules: Arc<[InForce]>,
}

impl Reactor {
    /// Makes room for the prices that feeds are asked for; what is known already stays.
    pub(super) fn ask_feeds(&mut self, settings: &Settings) {
        let mut known = std::mem::take(&mut self.soft.prices);
        for (feed, pairs) in &settings.feeds {
            for pair in pairs {
                let said = known.get_mut(pair).and_then(|followed| followed.market.take_out(feed));
                let followed = self.soft.prices.entry(pair.clone()).or_default();
                followed.market.ask(feed.clone(), said, self.at);
                followed.rules = self.rules.of_pair(pair);
            }
        }
        // What was said of a pair's feeds holds until they agree.
        for row in self.troubles.iter().filter(|row| row.open) {
            if let Subject::Prices(pair) = &row.subject
                && let Some(followed) = self.soft.prices.get_mut(pair)
            {
                followed.market.said_apart();
            }
        }
    }

    pub(super) fn tick(&mut self, tick: Tick, effects: &mut Vec<Effect>) {
        let Tick { feed, pair, price, time } = tick;
        let (at, settings) = (self.at, self.settings.prices);
        let Some(followed) = self.soft.prices.get_mut(&pair) else { return };
        let unseen = followed.market.known(at, settings.stale_after).is_none();
        if !followed.market.take(&feed, price, time) {
            return;
        }
        let known = followed.market.known(at, settings.stale_after);
        let turn = known.as_ref().map_or(Turn::None, |known| followed.market.turn(known, at, &settings));
        let rules = Arc::clone(&followed.rules);
        if let Some(known) = &known {
            self.bars.take(&pair, known.price, at, effects);
        }
        if unseen {
            if known.is_some() {
                self.recovered(&Subject::Unpriced(pair.clone()), effects);
            }
            // It was stale until now, and nobody saw that happen: what waited has to wait anew.
            self.look_at_prices(&rules, None, effects);
        }
        self.look_at_prices(&rules, known.as_ref(), effects);
        match turn {
            Turn::None => {}
            Turn::Apart => self.feeds_differ(&pair, effects),
            Turn::Agreed => self.feeds_agree(&pair, effects),
        }
        effects.push(Effect::Notice(Notice::Price { pair, feed, price }));
    }

    /// A feed is not fresh any more. While it only connects again its prices hold for as long as prices do, or until it is said to be
    /// blind; but where no other feed watches a pair, nobody sees what the price does until the next one comes.
    pub(super) fn feed_left(&mut self, feed: &Name, state: &SourceState, effects: &mut Vec<Effect>) {
        match state {
            SourceState::Connecting | SourceState::BackingOff(_) => {}
            SourceState::Fresh | SourceState::Stale | SourceState::OverBudget(_) | SourceState::Refused(_) => {
                return self.forget_prices(feed, effects);
            }
        }
        let unwatch = |it: &mut Followed| it.market.unwatch(feed);
        let of_feed = self.soft.prices.iter_mut().filter_map(|(pair, it)| unwatch(it).then(|| pair.clone()));
        let left: Vec<Pair> = of_feed.collect();
        for pair in left {
            if self.watched_price(&pair).is_none() {
                self.look_at_prices(&self.rules.of_pair(&pair), None, effects);
            }
        }
    }

    /// The prices of a feed are not known any more.
    pub(super) fn forget_prices(&mut self, feed: &Name, effects: &mut Vec<Effect>) {
        let (at, stale_after) = (self.at, self.settings.prices.stale_after);
        let forget = |it: &mut Followed| it.market.forget(feed, None, at, stale_after);
        let of_feed = self.soft.prices.iter_mut().filter_map(|(pair, it)| forget(it).then(|| pair.clone()));
        let gone: Vec<Pair> = of_feed.collect();
        for pair in gone {
            self.look_at_pair(&pair, effects);
        }
    }

    /// A feed is silent about one pair, and may speak of others: its price of that pair is not known.
    pub(super) fn forget_price(&mut self, feed: &Name, pair: &Pair, why: NoPrice, effects: &mut Vec<Effect>) {
        let (at, stale_after) = (self.at, self.settings.prices.stale_after);
        let followed = self.soft.prices.get_mut(pair);
        if followed.is_some_and(|followed| followed.market.forget(feed, Some(why), at, stale_after)) {
            self.look_at_pair(pair, effects);
        }
    }

    /// What a pair costs now: the median of its fresh feeds, or the one fresh feed.
    pub(super) fn known_price(&self, pair: &Pair) -> Option<Known> {
        self.soft.prices.get(pair)?.market.known(self.at, self.settings.prices.stale_after)
    }

    /// The same while somebody would tell of another: money asks no less.
    pub(super) fn watched_price(&self, pair: &Pair) -> Option<Known> {
        self.known_price(pair).filter(|known| known.watched > 0)
    }

    /// The price with all that is said of it.
    pub(super) fn quote(&self, pair: &Pair) -> Option<Quote> {
        self.soft.prices.get(pair)?.market.quote(pair, self.at, self.settings.prices.stale_after)
    }

    fn look_at_pair(&mut self, pair: &Pair, effects: &mut Vec<Effect>) {
        let known = self.known_price(pair);
        if known.is_none() {
            self.await_price(pair.clone(), PRICE_SILENCE, effects);
        }
        self.look_at_prices(&self.rules.of_pair(pair), known.as_ref(), effects);
    }

    /// Looks at the rules on a pair again, with its price as it is known now.
    fn look_at_prices(&mut self, rules: &[InForce], known: Option<&Known>, effects: &mut Vec<Effect>) {
        for entry in rules {
            match &entry.rule.condition {
                Condition::Price(price) => self.look_at_price(entry, price, known, effects),
                Condition::Change(change) => self.look_at_change(entry, change, known, effects),
                Condition::Transfer(_) | Condition::Approval(_) | Condition::Gas(_) | Condition::Balance(_) => {}
            }
        }
    }

    pub(super) fn look_at_price(
        &mut self,
        entry: &InForce,
        condition: &PriceCondition,
        known: Option<&Known>,
        effects: &mut Vec<Effect>,
    ) {
        let threshold = &condition.threshold;
        let pays = self.is_paying(entry);
        let row = self.rules.row_mut(entry);
        let Some(known) = known else {
            let step = unknown(row.standing());
            self.follow(entry, step, None, effects);
            return self.pay_for_market(entry, None, effects);
        };
        let take = if known.watched > 0 { step } else { step_unwatched };
        let step = take(row.standing(), threshold, &known.price, self.at);
        let sides = pays.then(|| sides(threshold, &known.price));
        if step != Step::Nothing {
            self.follow(entry, step, self.price_as_seen(condition), effects);
        }
        self.pay_for_price(entry, sides, known, effects);
    }

    pub(super) fn look_at_change(
        &mut self,
        entry: &InForce,
        condition: &ChangeCondition,
        known: Option<&Known>,
        effects: &mut Vec<Effect>,
    ) {
        let ChangeCondition { pair, within, movement, threshold } = condition;
        let seen = known.and_then(|known| Some((known, self.bars.range(pair, *within, self.at)?)));
        let pays = self.is_paying(entry);
        let row = self.rules.row_mut(entry);
        let Some((known, range)) = seen else {
            let step = unknown(row.standing());
            self.follow(entry, step, None, effects);
            return self.pay_for_market(entry, None, effects);
        };
        let (moved, ..) = moved(known.price, range, *movement);
        let take = if known.watched > 0 { step } else { step_unwatched };
        let step = take(row.standing(), threshold, &moved, self.at);
        let sides = pays.then(|| sides(threshold, &moved));
        if step != Step::Nothing {
            self.follow(entry, step, self.change_as_seen(condition), effects);
        }
        self.pay_for_price(entry, sides, known, effects);
    }

    /// What a rule on a price sees now: the price, which side is meant, and the price's own time.
    pub(super) fn price_as_seen(&self, condition: &PriceCondition) -> Option<Seen> {
        let Threshold { level, recovers_at, side, .. } = condition.threshold;
        let quote = self.quote(&condition.pair)?;
        let as_of = quote.as_of;
        Some((CrossingSubject::Price { quote, level, recovers_at }, side, as_of))
    }

    /// What a rule on how far a price moves sees now.
    pub(super) fn change_as_seen(&self, condition: &ChangeCondition) -> Option<Seen> {
        let ChangeCondition { pair, within, movement, threshold } = condition;
        let (quote, range) = (self.quote(pair)?, self.bars.range(pair, *within, self.at)?);
        let (moved, from, side) = moved(quote.price, range, *movement);
        let (as_of, within, level, recovers_at) = (quote.as_of, *within, threshold.level, threshold.recovers_at);
        let body = ChangeBody { quote, moved, from, within, level, recovers_at };
        Some((CrossingSubject::Change(Box::new(body)), side, as_of))
    }

    /// A price that feeds agree on has two that vouch for it; one that they do not agree on has nobody.
    /// Nothing to do where no payment is made by the rule, which then has no `sides`: comparing is most of the work of a tick.
    fn pay_for_price(
        &mut self,
        entry: &InForce,
        sides: Option<(bool, bool)>,
        known: &Known,
        effects: &mut Vec<Effect>,
    ) {
        let Some(sides) = sides else { return };
        let relaxed = self.settings.live.as_ref().is_some_and(|live| live.relaxed);
        let agreed = known.is_agreed(&self.settings.prices);
        let known =
            (known.watched > 0 && (agreed || relaxed)).then_some((sides.0, sides.1, known.as_of, Vouched::ByTwo));
        self.pay_for_market(entry, known, effects);
    }

    /// The feeds of a pair say too different things.
    fn feeds_differ(&mut self, pair: &Pair, effects: &mut Vec<Effect>) {
        if let Some(row) = self.troubles.open(Subject::Prices(pair.clone()), self.at, None, effects) {
            let reason = self.differences(pair);
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceDisagrees, Severity::Warning, body, effects);
        }
    }

    fn feeds_agree(&mut self, pair: &Pair, effects: &mut Vec<Effect>) {
        if let Some(row) = self.troubles.close(&Subject::Prices(pair.clone()), effects) {
            let reason = format!("the feeds of {pair} agree again: {}", self.differences(pair));
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceRecovered, Severity::Info, body, effects);
        }
    }

    /// What each feed says of a pair, in words.
    fn differences(&self, pair: &Pair) -> String {
        let each = |(feed, price, _): (&Name, _, _)| format!("{feed} says {price}");
        let prices = self.soft.prices.get(pair).into_iter().flat_map(|followed| followed.market.prices());
        let said: Vec<String> = prices.map(each).collect();
        let spread = self.quote(pair).map_or_else(String::new, |quote| format!(", {} % apart", quote.spread.shown()));
        format!("{}{spread}", said.join(", "))
    }
}

/// How far a price moved within a range, from where, and which way.
pub(super) fn moved(price: Price, range: Range, movement: Move) -> (Percent, Price, Side) {
    let (fell, rose) = (price.apart_from(range.high), price.apart_from(range.low));
    let falls = match movement {
        Move::Fall => true,
        Move::Rise => false,
        Move::Either => fell >= rose,
    };
    if falls { (fell, range.high, Side::Below) } else { (rose, range.low, Side::Above) }
}
