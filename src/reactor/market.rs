//! What a pair costs: the median of its fresh feeds, or the one that is fresh; and whether they differ too much.
//!
//! A price whose own time is too long ago is not known. Plain values: it knows no rules and says nothing.

pub use super::quote::{NoPrice, Quote};
use super::settings::PriceSettings;
use crate::types::{Name, Pair, Percent, Price, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Feeds that differ for less than this, or agree for less, have not changed their mind: in a fast market one is always ahead.
const LASTS: Duration = Duration::from_mins(1);

/// What one feed says of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its newest price, with the price's own time, while that is known to hold.
    price: Option<(Price, Timestamp)>,
    /// The time of the price that it gave last.
    last: Option<Timestamp>,
    /// Where it has none: since when,
    since: Timestamp,
    /// and why, where the feed knows.
    why: Option<NoPrice>,
    /// Whether the connection that it came by is gone: it holds while it is fresh, and nobody watches for the next one.
    unwatched: bool,
}

/// What feeds say of one pair.
#[derive(Debug, Clone, Default)]
pub struct Market {
    /// The feeds that are asked for it.
    by_feed: BTreeMap<Name, Said>,
    /// Since when they have said something else of each other than what was said last.
    turned: Option<Timestamp>,
    /// Whether it was said that they differ.
    apart: bool,
}

/// What a pair costs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The price.
    pub price: Price,
    /// How many feeds it comes from.
    pub sources: u32,
    /// The lowest of them.
    pub low: Price,
    /// The highest of them.
    pub high: Price,
    /// The time of the oldest that the price was made of.
    pub as_of: Timestamp,
    /// How many of the feeds would tell of another: where none would, nobody knows what it does meanwhile.
    pub watched: u32,
}

impl Said {
    fn last(&self) -> Option<Timestamp> {
        self.price.map(|(_, time)| time).or(self.last)
    }
}

impl Known {
    /// Whether two feeds or more watch it, and none is further from another than they may be.
    #[must_use]
    pub fn is_agreed(&self, settings: &PriceSettings) -> bool {
        self.watched > 1 && spread(self.low, self.high, self.price) <= settings.disagree
    }
}

/// How the feeds of a pair turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// As before.
    None,
    /// They have differed for long enough to say so.
    Apart,
    /// They have agreed again for long enough.
    Agreed,
}

impl Market {
    /// Makes room for a feed, which is asked from `at` on; `said` is what it said before.
    pub fn ask(&mut self, feed: Name, said: Option<Said>, at: Timestamp) {
        self.by_feed
            .insert(feed, said.unwrap_or(Said { price: None, last: None, since: at, why: None, unwatched: false }));
    }

    /// What a feed said, which is taken out of here.
    pub fn take_out(&mut self, feed: &Name) -> Option<Said> {
        self.by_feed.remove(feed)
    }

    /// The price of a feed is not known to hold any more. Gives whether it had one.
    pub fn forget(&mut self, feed: &Name, why: Option<NoPrice>, at: Timestamp, stale_after: Duration) -> bool {
        let Some(said) = self.by_feed.get_mut(feed) else { return false };
        let had = said.price.take();
        if let Some((_, time)) = had {
            (said.last, said.since, said.why) = (Some(time), at.min(time.after(stale_after)), None);
        }
        said.why = why.or(said.why);
        had.is_some()
    }

    /// The connection of a feed is gone, and its price holds while it is fresh. Gives whether it had one.
    pub fn unwatch(&mut self, feed: &Name) -> bool {
        let said = self.by_feed.get_mut(feed).filter(|said| said.price.is_some() && !said.unwatched);
        said.is_some_and(|said| !std::mem::replace(&mut said.unwatched, true))
    }

    /// It was said that its feeds differ, before this market began.
    pub const fn said_apart(&mut self) {
        self.apart = true;
    }

    /// Takes a price. Gives whether it counts: it is of a feed that is asked, and no older than what that feed said before.
    pub fn take(&mut self, feed: &Name, price: Price, time: Timestamp) -> bool {
        let Some(known) = self.by_feed.get_mut(feed) else { return false };
        if known.price.is_some_and(|(_, newest)| time < newest) {
            return false;
        }
        (known.price, known.why, known.unwatched) = (Some((price, time)), None, false);
        true
    }

    /// The newest price of each feed that has one, stale or not.
    pub fn prices(&self) -> impl Iterator<Item = (&Name, Price, Timestamp)> {
        self.by_feed.iter().filter_map(|(feed, said)| said.price.map(|(price, time)| (feed, price, time)))
    }

    fn fresh(&self, at: Timestamp, stale_after: Duration) -> impl Iterator<Item = (&Name, &Said, (Price, Timestamp))> {
        let priced = self.by_feed.iter().filter_map(|(feed, said)| said.price.map(|price| (feed, said, price)));
        priced.filter(move |(_, _, (_, time))| at.since(*time) <= stale_after)
    }

    /// What it costs at `at`, if that is known.
    #[must_use]
    pub fn known(&self, at: Timestamp, stale_after: Duration) -> Option<Known> {
        let mut fresh = self.fresh(at, stale_after);
        let (_, said, (price, as_of)) = fresh.next()?;
        let mut watched = u32::from(!said.unwatched);
        let Some((_, said, second)) = fresh.next() else {
            return Some(Known { price, sources: 1, low: price, high: price, as_of, watched });
        };
        watched += u32::from(!said.unwatched);
        let others = fresh.map(|(_, said, price)| {
            watched += u32::from(!said.unwatched);
            price
        });
        let mut all: Vec<_> = [(price, as_of), second].into_iter().chain(others).collect();
        all.sort_unstable();
        let (low, high) = (all.first()?.0, all.last()?.0);
        let (left, right) = (all.get((all.len() - 1) / 2)?, all.get(all.len() / 2)?);
        let price = if left == right { left.0 } else { left.0.half_way(right.0) };
        let sources = u32::try_from(all.len()).unwrap_or(u32::MAX);
        Some(Known { price, sources, low, high, as_of: left.1.min(right.1), watched })
    }

    /// The feeds that are asked for it.
    pub fn feeds(&self) -> impl Iterator<Item = &Name> {
        self.by_feed.keys()
    }

    /// Until when it is known at least, where it is known at `at`.
    ///
    /// # Errors
    /// Since when it is not, where it is not.
    pub fn holds_until(&self, at: Timestamp, stale_after: Duration) -> Result<Timestamp, Timestamp> {
        let until = |said: &Said| said.price.map_or(said.since, |(_, time)| time.after(stale_after));
        let last = self.by_feed.values().map(until).max().unwrap_or(at);
        if self.fresh(at, stale_after).next().is_some() { Ok(last) } else { Err(last) }
    }

    /// The time of the last price that a feed gave of it.
    #[must_use]
    pub fn last_of(&self, feed: &Name) -> Option<Timestamp> {
        self.by_feed.get(feed).and_then(Said::last)
    }

    /// What its feeds give in the place of a price, in words, where none has a fresh one.
    #[must_use]
    pub fn silence(&self) -> String {
        let each = |(feed, said): (&Name, &Said)| {
            let why = said.why.map_or_else(String::new, |why| format!("{}; ", why.words()));
            let last = said.last().map_or_else(|| "no price so far".to_owned(), |last| format!("last price {last}"));
            format!("{feed}: {why}{last}")
        };
        self.by_feed.iter().map(each).collect::<Vec<_>>().join(", ")
    }

    /// The same with all that is said of it.
    #[must_use]
    pub fn quote(&self, pair: &Pair, at: Timestamp, stale_after: Duration) -> Option<Quote> {
        let Known { price, sources, low, high, as_of, watched: _ } = self.known(at, stale_after)?;
        let names: Vec<&str> = self.fresh(at, stale_after).map(|(feed, ..)| feed.as_str()).collect();
        let names = names.join(", ");
        let source = if sources == 1 { names } else { format!("median of {names}") };
        let spread = spread(low, high, price);
        Some(Quote { pair: pair.clone(), price, source: source.into(), sources, spread, as_of })
    }

    /// Whether its feeds have turned against each other, or agree again. Asked after each price; says each turn once.
    pub fn turn(&mut self, known: &Known, at: Timestamp, settings: &PriceSettings) -> Turn {
        // One feed alone neither agrees nor differs.
        if known.sources < 2 {
            self.turned = None;
            return Turn::None;
        }
        let apart = spread(known.low, known.high, known.price) > settings.disagree;
        if apart == self.apart {
            self.turned = None;
            return Turn::None;
        }
        let since = *self.turned.get_or_insert(at);
        if at.since(since) < LASTS {
            return Turn::None;
        }
        (self.apart, self.turned) = (apart, None);
        if apart { Turn::Apart } else { Turn::Agreed }
    }
}

/// From the lowest to the highest, as a part of the price, which lies between them.
fn spread(low: Price, high: Price, price: Price) -> Percent {
    let below = low.apart_from(price).millionths();
    let above = high.apart_from(price).millionths();
    Percent::from_millionths(below.saturating_add(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: Duration = Duration::from_mins(5);

    fn price(text: &str) -> Price {
        Price::parse(text).expect("it is a price")
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + second)
    }

    fn market(prices: &[(&str, &str, u64)]) -> Market {
        let mut market = Market::default();
        for (feed, text, second) in prices {
            market.ask((*feed).into(), None, at(0));
            assert!(market.take(&(*feed).into(), price(text), at(*second)));
        }
        market
    }

    #[test]
    fn the_price_is_the_median_of_what_is_fresh() {
        // (prices with their seconds, at second) → price, feeds, spread, as of
        let check = |prices: &[(&str, &str, u64)], now: u64, expected: Option<(&str, u32, &str, u64)>| {
            let pair = Pair::parse("ETH-USD").expect("it is a pair");
            let quote = market(prices).quote(&pair, at(now), Duration::from_mins(5));
            let found = quote.map(|quote| (quote.price.to_string(), quote.sources, quote.spread.shown(), quote.as_of));
            let expected = expected
                .map(|(price, sources, spread, second)| (price.to_owned(), sources, spread.to_owned(), at(second)));
            assert_eq!(found, expected, "{prices:?} at {now}");
        };
        check(&[], 0, None);
        check(&[("a", "100", 0)], 300, Some(("100", 1, "0", 0)));
        check(&[("a", "100", 0)], 301, None);
        check(&[("a", "100", 0), ("b", "101", 5)], 10, Some(("100.5", 2, "0.99", 0)));
        check(&[("a", "100", 0), ("b", "101", 5)], 302, Some(("101", 1, "0", 5)));
        check(&[("a", "90", 0), ("b", "101", 5), ("c", "100", 7)], 10, Some(("100", 3, "11", 7)));
        check(&[("a", "90", 0), ("b", "101", 5), ("c", "100", 7), ("d", "1", 9)], 10, Some(("95", 4, "105.26", 0)));
        check(&[("a", "100.10", 0), ("b", "100.10", 5)], 10, Some(("100.1", 2, "0", 0)));
        // A venue's clock that is ahead of ours does not age less than one that is right.
        check(&[("a", "100", 500)], 10, Some(("100", 1, "0", 500)));
    }

    #[test]
    fn an_older_price_and_a_stranger_are_not_taken() {
        let mut market = market(&[("a", "100", 10)]);
        assert!(!market.take(&"a".into(), price("90"), at(9)));
        assert!(!market.take(&"b".into(), price("90"), at(20)));
        assert!(market.take(&"a".into(), price("101"), at(10)));
        assert!(market.forget(&"a".into(), None, at(12), STALE) && !market.forget(&"a".into(), None, at(13), STALE));
        assert_eq!(market.known(at(10), STALE), None);
        assert_eq!(market.last_of(&"a".into()), Some(at(10)));
    }

    #[test]
    fn a_price_whose_connection_is_gone_holds_while_it_is_fresh_and_is_watched_by_who_else_has_one() {
        let (a, b) = (Name::from("a"), Name::from("b"));
        let mut market = market(&[("a", "100", 10), ("b", "102", 20)]);
        let check = |market: &Market, second: u64, expected: Option<(&str, u32, u32)>| {
            let known = market.known(at(second), STALE).map(|it| (it.price.to_string(), it.sources, it.watched));
            let expected = expected.map(|(price, sources, watched)| (price.to_owned(), sources, watched));
            assert_eq!(known, expected, "at {second}: {market:?}");
        };
        assert!(market.unwatch(&a) && !market.unwatch(&a), "it is told once");
        check(&market, 30, Some(("101", 2, 1)));
        assert!(market.unwatch(&b));
        check(&market, 30, Some(("101", 2, 0)));
        check(&market, 311, Some(("102", 1, 0)));
        check(&market, 321, None);
        assert!(market.take(&a, price("100"), at(10)));
        check(&market, 30, Some(("101", 2, 1)));
    }

    #[test]
    fn a_pair_is_unknown_since_its_last_price_ceased_to_hold() {
        let (a, b) = (Name::from("a"), Name::from("b"));
        let mut market = market(&[("a", "100", 10), ("b", "100", 20)]);
        let check = |market: &Market, second: u64, expected| {
            assert_eq!(market.holds_until(at(second), STALE), expected, "at {second}: {market:?}");
        };
        check(&market, 30, Ok(at(320)));
        check(&market, 400, Err(at(320)));
        market.forget(&b, Some(NoPrice::Rejected), at(40), STALE);
        check(&market, 40, Ok(at(310)));
        market.forget(&a, None, at(50), STALE);
        check(&market, 60, Err(at(50)));
        // What was unknown already is not unknown since now, whatever is said of why.
        market.forget(&a, Some(NoPrice::NoHeartbeat), at(70), STALE);
        market.forget(&b, None, at(80), STALE);
        check(&market, 90, Err(at(50)));
        let (one, other) = (at(10), at(20));
        assert_eq!(
            market.silence(),
            format!(
                "a: the pair gives no sign of life; last price {one}, b: the venue rejects this pair; last price {other}"
            )
        );
        // What went stale before it was forgotten was unknown since then.
        assert!(market.take(&a, price("100"), at(100)) && market.forget(&a, None, at(500), STALE));
        check(&market, 600, Err(at(400)));
        assert!(!market.silence().contains("sign of life"), "a price came since: {}", market.silence());
    }

    #[test]
    fn feeds_that_differ_for_a_minute_are_said_once_and_so_is_that_they_agree() {
        let settings = PriceSettings::default();
        let mut market = market(&[("a", "100", 0), ("b", "100", 0)]);
        let mut check = |second, one: &str, other: &str, expected| {
            market.take(&"a".into(), price(one), at(second));
            market.take(&"b".into(), price(other), at(second));
            let known = market.known(at(second), settings.stale_after).expect("it is fresh");
            assert_eq!(market.turn(&known, at(second), &settings), expected, "{one} and {other} at {second}");
        };
        check(1, "100", "101.9", Turn::None);
        check(2, "100", "103", Turn::None);
        check(30, "100", "101", Turn::None);
        check(31, "100", "103", Turn::None);
        check(90, "100", "103", Turn::None);
        check(91, "100", "103", Turn::Apart);
        check(92, "100", "103", Turn::None);
        check(500, "100", "110", Turn::None);
        check(501, "100", "100", Turn::None);
        check(520, "100", "103", Turn::None);
        check(530, "100", "100", Turn::None);
        check(590, "100", "100", Turn::Agreed);
        check(700, "100", "100", Turn::None);
    }
}
