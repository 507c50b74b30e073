//! A thousand price rules on a hundred pairs: levels, hysteresis, `for`, windows, `at_most_every`, feeds that come and go, stale prices.
//!
//! One table of what happens to a pair and of what its ten rules say; every pair plays it at a price level of its own, all at once.

use std::collections::BTreeMap;
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Body, Effect};
use walletwatch::reactor::event::{Event, NoPrice, SourceId, SourceKind, SourceReport, SourceState, Tick};
use walletwatch::reactor::settings::{
    ChangeCondition, Condition, Move, PriceCondition, Rule, Settings, Side, SinkSettings, SystemSettings, Threshold,
};
use walletwatch::types::{Name, Pair, Percent, Price, Severity, Timestamp};

const PAIRS: u32 = 100;
/// A whole minute.
const START: u64 = 1_800_000_000;

/// What happens.
#[derive(Clone, Copy)]
enum Deed {
    /// A feed says a price, of so many seconds ago.
    Price(&'static str, u32, u64),
    /// A feed has no price of the pair any more.
    Quiet(&'static str),
    /// Every 30 s until then both feeds say this price.
    Hold(u32),
    /// The connection of a feed is gone, and it connects again.
    Leaves(&'static str),
    /// It is there again, without a price so far.
    Returns(&'static str),
    /// The process dies and comes back.
    Restart,
    /// Nothing but time.
    Wait,
}

use Deed::{Hold, Leaves, Price as Says, Quiet, Restart, Returns, Wait};

/// Second, what happens up to then, and what the rules say because of it.
const TABLE: &[(u64, Deed, &[&str])] = &[
    (0, Says("coinbase", 100, 0), &[]),
    (10, Says("kraken", 100, 0), &[]),
    (330, Hold(100), &[]),
    // Half-way between 90 and 100 is the level itself, and a fall of five percent no more than that.
    (340, Says("coinbase", 90, 0), &[]),
    (345, Says("kraken", 94, 0), &["below crossed 1", "rarely crossed 1", "falls crossed 1", "moves crossed 1"]),
    (350, Quiet("coinbase"), &[]),
    // Unknown: nothing is said, and who waits waits anew.
    (360, Quiet("kraken"), &[]),
    (404, Wait, &[]),
    // A wait of 30 s from 345 on would be over. Up from 92 it is 7.6 %.
    (
        405,
        Says("coinbase", 99, 0),
        &["below recovered 1", "rarely recovered 1", "falls recovered 1", "rises crossed 1"],
    ),
    (410, Says("kraken", 99, 0), &[]),
    (655, Hold(99), &[]),
    // The minute of 92 has left the window.
    (725, Hold(99), &["rises recovered 1", "moves recovered 1"]),
    (730, Says("coinbase", 93, 0), &[]),
    (731, Says("kraken", 93, 0), &["below crossed 2", "falls crossed 2"]),
    (770, Hold(93), &["held crossed 1"]),
    (780, Says("coinbase", 99, 0), &[]),
    (781, Says("kraken", 99, 0), &["below recovered 2", "held recovered 1", "falls recovered 2", "rises crossed 2"]),
    // Older than what the feed said before; then newer, and older than a price may be.
    // Nothing came since 781: stale five minutes later, and said two minutes after that.
    (1_200, Says("coinbase", 80, 430), &[]),
    (1_210, Says("coinbase", 80, 400), &["source.blind"]),
    (1_211, Says("kraken", 70, 400), &[]),
    (1_300, Wait, &[]),
    // Nobody saw the beginning of the window: nothing is resolved either.
    (1_310, Says("coinbase", 99, 0), &["source.recovered"]),
    (1_311, Says("kraken", 99, 0), &[]),
    (1_490, Hold(99), &[]),
    (1_520, Hold(99), &["rises recovered 2"]),
    (1_525, Restart, &[]),
    (1_530, Says("coinbase", 99, 0), &[]),
    (1_535, Says("kraken", 99, 0), &[]),
    (3_500, Hold(99), &[]),
    (3_510, Says("coinbase", 88, 0), &["below crossed 3", "rarely crossed 3", "falls crossed 3", "moves crossed 3"]),
    (3_511, Says("kraken", 88, 0), &["far crossed 1"]),
    (3_545, Hold(88), &["held crossed 2"]),
    (
        3_560,
        Says("coinbase", 118, 0),
        &[
            "below recovered 3",
            "rarely recovered 3",
            "held recovered 2",
            "falls recovered 3",
            "far recovered 1",
            "rises crossed 3",
        ],
    ),
    (3_561, Says("kraken", 118, 0), &["above crossed 1"]),
    (3_595, Hold(118), &["above held crossed 1"]),
    (
        4_000,
        Hold(100),
        &[
            "above recovered 1",
            "above held recovered 1",
            "falls crossed 4",
            "far crossed 2",
            "falls recovered 4",
            "rises recovered 3",
            "moves recovered 3",
        ],
    ),
    (4_010, Says("coinbase", 90, 0), &[]),
    (4_020, Says("kraken", 98, 0), &["below crossed 4", "falls crossed 5"]),
    // It connects again: 98 alone would be a recovery that was none. The other one watches meanwhile.
    (4_021, Leaves("coinbase"), &[]),
    (4_051, Wait, &["held crossed 3"]),
    (4_055, Says("kraken", 90, 0), &[]),
    // It crossed within ten minutes of the last time, and is past its level still.
    (4_109, Wait, &[]),
    (4_110, Wait, &["rarely crossed 4"]),
    (4_120, Returns("coinbase"), &[]),
    (
        4_130,
        Says("coinbase", 106, 0),
        &["below recovered 4", "rarely recovered 4", "held recovered 3", "falls recovered 5", "rises crossed 4"],
    ),
    (4_140, Says("kraken", 104, 0), &[]),
    (4_200, Says("coinbase", 90, 0), &["falls crossed 6"]),
    (4_201, Says("kraken", 90, 0), &["below crossed 5", "rises recovered 4"]),
    // For some seconds nobody watches: what it did then nobody knows, and who waits waits anew.
    (4_210, Leaves("coinbase"), &[]),
    (4_211, Leaves("kraken"), &[]),
    (4_213, Returns("coinbase"), &[]),
    (4_214, Returns("kraken"), &[]),
    (4_215, Says("coinbase", 90, 0), &[]),
    (4_244, Wait, &[]),
    (4_245, Wait, &["held crossed 4"]),
];

fn pair(n: u32) -> Pair {
    Pair::parse(&format!("C{n}-USD")).expect("a pair")
}

/// A price of the table at the level of a pair.
fn price(n: u32, value: u32) -> Price {
    Price::parse(&format!("{}.{:03}", value * (n + 1) / 8, value * (n + 1) % 8 * 125)).expect("a price")
}

fn rules(n: u32) -> Vec<Rule> {
    let rule = |name: &str, condition| Rule {
        name: format!("{n} {name}").into(),
        severity: Severity::Info,
        notify: vec!["ops".into()],
        condition,
    };
    let level = |side, level: u32, back: u32, hold, every: Option<u64>| {
        let threshold = Threshold {
            side,
            level: price(n, level),
            recovers_at: price(n, back),
            hold: Duration::from_secs(hold),
            at_most_every: every.map(Duration::from_secs),
        };
        Condition::Price(PriceCondition { pair: pair(n), threshold })
    };
    let change = |movement, percent, minutes, every: Option<u64>| {
        let threshold = Threshold {
            side: Side::Above,
            level: Percent::whole(percent),
            recovers_at: Percent::whole(2),
            hold: Duration::ZERO,
            at_most_every: every.map(Duration::from_secs),
        };
        Condition::Change(ChangeCondition { pair: pair(n), within: Duration::from_mins(minutes), movement, threshold })
    };
    vec![
        rule("below", level(Side::Below, 95, 98, 0, None)),
        rule("held", level(Side::Below, 95, 98, 30, None)),
        rule("rarely", level(Side::Below, 95, 98, 0, Some(600))),
        rule("never", level(Side::Below, 50, 60, 0, None)),
        rule("above", level(Side::Above, 105, 102, 0, None)),
        rule("above held", level(Side::Above, 105, 102, 30, None)),
        rule("falls", change(Move::Fall, 5, 5, None)),
        rule("rises", change(Move::Rise, 5, 5, None)),
        rule("moves", change(Move::Either, 5, 5, Some(1_800))),
        rule("far", change(Move::Fall, 10, 60, None)),
    ]
}

fn settings() -> Settings {
    let ops = Name::from("ops");
    let sink = SinkSettings { name: ops.clone(), min_severity: Severity::Info, types: Vec::new() };
    let pairs: Vec<Pair> = (0..PAIRS).map(pair).collect();
    Settings {
        rules: (0..PAIRS).flat_map(rules).collect(),
        sinks: BTreeMap::from([(ops, sink)]),
        system: SystemSettings { notify: vec!["ops".into()], ..SystemSettings::default() },
        feeds: BTreeMap::from([("coinbase".into(), pairs.clone()), ("kraken".into(), pairs)]),
        ..Settings::default()
    }
}

struct Stage {
    reactor: Reactor,
    /// What each pair's rules said since it was last asked.
    said: BTreeMap<u32, Vec<String>>,
}

impl Stage {
    fn new() -> Self {
        let mut stage = Self { reactor: Reactor::default(), said: BTreeMap::new() };
        assert_eq!(settings().rules.len(), 1_000);
        stage.handle(at(0), Event::Configured(Box::new(settings())));
        stage
    }

    fn handle(&mut self, at: Timestamp, event: Event) {
        for effect in self.reactor.handle(at, event) {
            let Effect::Tell(message) = effect else { continue };
            if let Body::Source(body) = &message.body {
                let pair =
                    body.unpriced.as_ref().and_then(|pair| pair.as_str().strip_prefix('C')?.strip_suffix("-USD"));
                let said = self.said.entry(pair.expect("a pair is blind").parse().expect("a number")).or_default();
                said.push(message.kind.word().to_owned());
            }
            let Body::Crossing(body) = &message.body else { continue };
            let rule = message.rule.as_ref().expect("a rule speaks").as_str();
            let (pair, rule) = rule.split_once(' ').expect("the pair's number and the rule");
            let word = message.kind.word().trim_start_matches("price.");
            let said = self.said.entry(pair.parse().expect("a number")).or_default();
            said.push(format!("{rule} {word} {}", body.crossing));
        }
    }

    fn until(&mut self, second: u64) {
        while let Some((due, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= at(second)) {
            self.handle(due, Event::Deadline(deadline));
        }
    }

    fn says(&mut self, second: u64, feed: &str, value: u32, ago: u64) {
        for n in 0..PAIRS {
            let time = at(second - ago);
            let tick = Tick { feed: feed.into(), pair: pair(n), price: price(n, value), time };
            self.handle(at(second), Event::Tick(tick));
        }
    }

    fn source(&mut self, second: u64, feed: &str, state: SourceState) {
        let source = SourceId { kind: SourceKind::Feed, chain: None, name: feed.into() };
        self.handle(at(second), Event::Source(SourceReport { source, state }));
    }

    fn play(&mut self, last: u64, second: u64, deed: Deed) {
        if let Hold(value) = deed {
            for beat in (last + 1..=second).filter(|beat| beat % 30 == 0) {
                self.until(beat);
                self.says(beat, "coinbase", value, 0);
                self.says(beat, "kraken", value, 0);
            }
        }
        self.until(second);
        match deed {
            Says(feed, value, ago) => self.says(second, feed, value, ago),
            Quiet(feed) => {
                for n in 0..PAIRS {
                    self.handle(
                        at(second),
                        Event::Quiet { feed: feed.into(), pair: pair(n), why: NoPrice::NoHeartbeat },
                    );
                }
            }
            Leaves(feed) => self.source(second, feed, SourceState::BackingOff("the other side closed it".into())),
            Returns(feed) => self.source(second, feed, SourceState::Fresh),
            Restart => {
                self.reactor = Reactor::restore(self.reactor.tables(), at(second));
                self.handle(at(second), Event::Configured(Box::new(settings())));
            }
            Hold(_) | Wait => {}
        }
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

#[test]
fn a_thousand_rules_on_a_hundred_pairs_say_what_the_table_says() {
    let mut stage = Stage::new();
    for feed in ["coinbase", "kraken"] {
        stage.source(0, feed, SourceState::Fresh);
    }
    let mut last = 0;
    for (second, deed, expected) in TABLE {
        stage.play(last, *second, *deed);
        last = *second;
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        let mut said = std::mem::take(&mut stage.said);
        for n in 0..PAIRS {
            let mut said = said.remove(&n).unwrap_or_default();
            said.sort_unstable();
            assert_eq!(said, expected, "pair {n} at second {second}");
        }
    }
}
