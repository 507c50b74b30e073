//! Price ticks a second on one core: the frame's text against 1,000 rules on 100 pairs, beside a bare serde parse of the same frames.
//!
//! One tick in a thousand crosses a level, so that alerts are made too.

mod scene;

use scene::{Pair, rate};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::Effect;
use walletwatch::reactor::event::{Event, Tick};
use walletwatch::reactor::settings::{Condition, PriceCondition, Rule, Settings, Side, SinkSettings, Threshold};
use walletwatch::types::{self, Name, Price, Severity, Timestamp};
use walletwatch::wire::tickers::{Frame, coinbase};

/// Rounds of each kind.
const ROUNDS: usize = 11;
/// Pairs that a feed ticks for.
const PAIRS: usize = 100;
/// Rules of each pair.
const RULES: u32 = 10;
/// Frames, and ticks in a round.
const TICKS: u32 = 100_000;

/// What a tick needs, borrowed and unchecked.
#[derive(Deserialize)]
struct Bare<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    product_id: &'a str,
    sequence: u64,
    price: &'a str,
    time: &'a str,
}

fn bare(frame: &str) -> usize {
    let tick: Bare<'_> = serde_json::from_str(frame).expect("it is a tick");
    let sequence = usize::try_from(tick.sequence & 1).unwrap_or(0);
    tick.kind.len() + tick.product_id.len() + sequence + tick.price.len() + tick.time.len()
}

fn pair(n: usize) -> types::Pair {
    types::Pair::parse(&format!("C{n}-USD")).expect("it is a pair")
}

/// Rules that speak below 2000, 1999, … 1991.
fn settings() -> Settings {
    let (ops, feed) = (Name::from("ops"), Name::from("coinbase"));
    let price = |cents: u32| Price::parse(&format!("{}.{:02}", cents / 100, cents % 100)).expect("it is a price");
    let rule = |n: usize, nth: u32| Rule {
        name: format!("C{n} falls below level {nth}").into(),
        severity: Severity::Info,
        notify: vec![ops.clone()],
        condition: Condition::Price(PriceCondition {
            pair: pair(n),
            threshold: Threshold {
                side: Side::Below,
                level: price(200_000 - 100 * nth),
                recovers_at: price(200_500),
                hold: Duration::ZERO,
                at_most_every: None,
            },
        }),
    };
    Settings {
        rules: (0..PAIRS).flat_map(|n| (0..RULES).map(move |nth| rule(n, nth))).collect(),
        sinks: BTreeMap::from([(
            ops.clone(),
            SinkSettings { name: ops.clone(), min_severity: Severity::Info, types: Vec::new() },
        )]),
        feeds: BTreeMap::from([(feed, (0..PAIRS).map(pair).collect())]),
        ..Settings::default()
    }
}

/// Frames as Coinbase sends them; each pair moves a little above its highest level, and dips once in a thousand frames.
fn frames() -> Vec<String> {
    let frame = |n: u32| {
        let dip = n % 1_000 == 500;
        let cents = if dip { 199_950 } else { 201_000 + n % 97 };
        format!(
            r#"{{"type":"ticker","sequence":{},"product_id":"C{}-USD","price":"{}.{:02}","open_24h":"2011.46","volume_24h":"98032.25938342","low_24h":"1985.12","high_24h":"2046.5","volume_30d":"4083116.06342012","best_bid":"2010.11","best_bid_size":"0.52340000","best_ask":"2010.12","best_ask_size":"1.00012000","side":"buy","time":"2026-11-22T00:21:02.905270Z","trade_id":{},"last_size":"0.04321"}}"#,
            1_000_000 + n,
            n % 100,
            cents / 100,
            cents % 100,
            500_000 + n,
        )
    };
    (0..TICKS).map(frame).collect()
}

fn main() {
    let frames = frames();
    let mut reactor = Reactor::default();
    let at = Timestamp::from_secs(1_795_000_000);
    reactor.handle(at, Event::Configured(Box::new(settings())));
    let feed = Name::from("coinbase");
    let mut said = 0_usize;
    let mut read_and_handle = |text: &str| {
        let Ok(Frame::Tick(tick)) = coinbase::parse(text) else { panic!("it is a tick") };
        let time = tick.time.unwrap_or(at);
        let event = Event::Tick(Tick { feed: feed.clone(), pair: tick.pair, price: tick.price, time });
        let effects = reactor.handle(at, event);
        said += effects.iter().filter(|effect| matches!(effect, Effect::Tell(_))).count();
        black_box(effects);
    };
    let (mut parse, mut whole) = (Pair::default(), Pair::default());
    for _ in 0..ROUNDS {
        let mut each = frames.iter();
        let limit = rate(TICKS, || each.next().map(|frame| bare(frame)));
        let mut each = frames.iter();
        parse.ours.push(rate(TICKS, || each.next().map(|frame| coinbase::parse(frame))));
        let mut each = frames.iter();
        whole.ours.push(rate(TICKS, || each.next().into_iter().for_each(|frame| read_and_handle(frame))));
        parse.bare.push(limit);
        whole.bare.push(limit);
    }
    assert!(said >= ROUNDS * 100, "dips are said: {said}");
    parse.print("tick: parse alone", "ticks/s", 0.4);
    whole.print("tick: parse + 1,000 rules on 100 pairs", "ticks/s", 0.4);
}
