//! What is said of pairs that no feed has a price of, and of feeds that do not answer: second by second.

use super::*;
use crate::reactor::effect::Body;
use crate::reactor::event::{Event, NoPrice, Tick};
use crate::reactor::rows::Tables;
use crate::reactor::settings::Watch;
use crate::reactor::supervise::tests::{CHAIN, at, pair, price, reactor, settings, source, told};
use crate::types::{Address, Asset};
use std::sync::Arc;

/// What is expected by a second: kind, severity, since, and words that the reason has, or with `!` has not.
type Expected<'a> = &'a [(&'a str, Severity, u64, &'a [&'a str])];

/// What happens up to a second, and what is said of it.
type Script<'a> = Vec<(u64, Option<Event>, Expected<'a>)>;

fn tick(feed: &str, text: &str, second: u64) -> Event {
    Event::Tick(Tick { feed: feed.into(), pair: pair(text), price: price("120"), time: at(second) })
}

fn quiet(feed: &str, text: &str, why: NoPrice) -> Event {
    Event::Quiet { feed: feed.into(), pair: pair(text), why }
}

fn feed(state: SourceState) -> Event {
    source(SourceKind::Feed, "coinbase", state)
}

/// Behind a feed that is fresh and has a price of its second pair.
fn began(mut script: Script<'_>) -> Script<'_> {
    let fresh = Some(feed(SourceState::Fresh));
    script.splice(0..0, [(1, fresh, &[][..]), (1, Some(tick("coinbase", "ETH-USD", 1)), &[][..])]);
    script
}

/// Plays events, with everything that comes due meanwhile.
fn play(mut reactor: Reactor, script: Script<'_>) -> Reactor {
    for (second, event, expected) in script {
        let mut said = Vec::new();
        while let Some((due, deadline)) = reactor.next_deadline().filter(|(due, _)| *due <= at(second)) {
            let second = due.since(at(0)).as_secs();
            said.extend(told(&mut reactor, second, Event::Deadline(deadline)));
        }
        said.extend(event.map(|event| told(&mut reactor, second, event)).unwrap_or_default());
        let said: Vec<_> = said
            .into_iter()
            .filter_map(|message| match message.body {
                Body::Source(body) if body.kind == SourceKind::Feed => {
                    Some((message.kind.word(), message.severity, body.since, body.reason.to_string()))
                }
                _ => None,
            })
            .collect();
        let found: Vec<_> = said.iter().map(|(kind, severity, since, _)| (*kind, *severity, *since)).collect();
        let wanted: Vec<_> = expected.iter().map(|(kind, severity, since, _)| (*kind, *severity, at(*since))).collect();
        assert_eq!(found, wanted, "at {second}: {said:?}");
        for ((.., reason), (.., words)) in said.iter().zip(expected) {
            for word in *words {
                let (wanted, word) = word.strip_prefix('!').map_or((true, *word), |word| (false, word));
                assert_eq!(reason.contains(word), wanted, "at {second}: {word:?} in {reason:?}");
            }
        }
    }
    reactor
}

#[test]
fn a_pair_that_nothing_feeds_is_said_with_what_depends_on_it_each_time() {
    let (blind, back) = ("source.blind", "source.recovered");
    let warning = Severity::Warning;

    // Rejected from the start beside a live neighbour, which no price of its own has to keep alive for this.
    let why: &[&str] = &[
        "no feed has a price of BTC-USD (coinbase: the venue rejects this pair; no price so far); cannot be judged: \"BTC-USD\"",
        "!ETH",
    ];
    let reactor = play(
        reactor(),
        began(vec![
            (2, Some(quiet("coinbase", "BTC-USD", NoPrice::Rejected)), &[]),
            (119, Some(tick("coinbase", "ETH-USD", 119)), &[]),
            (120, None, &[(blind, warning, 0, why)]),
            (300, Some(tick("coinbase", "ETH-USD", 300)), &[]),
            (400, Some(quiet("coinbase", "BTC-USD", NoPrice::Rejected)), &[]),
        ]),
    );
    let state = |text: &str, second| {
        let rule = reactor.settings().rules.iter().find(|rule| rule.name.as_str() == text).expect("it is a rule");
        reactor.unjudged(rule, at(second)).map(|unknown| (unknown.since, unknown.why.to_string()))
    };
    let words = "no fresh price of BTC-USD (coinbase: the venue rejects this pair; no price so far)".to_owned();
    assert_eq!(state("BTC-USD", 401), Some((Some(at(0)), words)));
    assert_eq!(state("ETH-USD", 401), None);
    assert!(
        state("ETH-USD", 601).is_some_and(|(since, _)| since == Some(at(600))),
        "stale is unknown, though nobody said so"
    );
    // A restart says nothing anew and knows since when; the price that comes at last is the end of it.
    let mut again = Reactor::restore(reactor.tables(), at(500));
    again.handle(at(500), Event::Configured(Box::new(settings())));
    assert_eq!(again.unpriced(&pair("BTC-USD"), at(510)).and_then(|unknown| unknown.since), Some(at(0)));
    let again = play(
        again,
        vec![
            (501, Some(feed(SourceState::Fresh)), &[]),
            (502, Some(tick("coinbase", "ETH-USD", 502)), &[]),
            (650, Some(tick("coinbase", "ETH-USD", 650)), &[]),
            (700, Some(tick("coinbase", "BTC-USD", 700)), &[(back, warning, 0, &["back after 700 s"])]),
            // Soon again: each time is its own.
            (710, Some(quiet("coinbase", "BTC-USD", NoPrice::NoHeartbeat)), &[]),
            (829, Some(tick("coinbase", "ETH-USD", 829)), &[]),
            (830, None, &[(blind, warning, 710, &["the pair gives no sign of life; last price"])]),
            (840, Some(tick("coinbase", "BTC-USD", 840)), &[(back, warning, 710, &["back after 130 s"])]),
            (850, Some(quiet("coinbase", "BTC-USD", NoPrice::NoHeartbeat)), &[]),
            (1_000, Some(tick("coinbase", "ETH-USD", 1_000)), &[(blind, warning, 850, &[])]),
            (1_010, Some(tick("coinbase", "BTC-USD", 1_010)), &[(back, warning, 850, &["back after 160 s"])]),
            (1_200, Some(tick("coinbase", "BTC-USD", 1_200)), &[]),
            (1_310, None, &[]),
        ],
    );
    drop(again);
}

#[test]
fn what_is_short_is_said_to_nobody_and_a_feed_that_is_gone_is_one_message() {
    let (blind, back) = ("source.blind", "source.recovered");
    let warning = Severity::Warning;
    // Unknown all the while.
    play(
        reactor(),
        began(vec![
            (2, Some(tick("coinbase", "BTC-USD", 2)), &[]),
            (10, Some(quiet("coinbase", "BTC-USD", NoPrice::Unconfirmed)), &[]),
            (129, Some(tick("coinbase", "BTC-USD", 129)), &[]),
            (250, Some(tick("coinbase", "ETH-USD", 250)), &[]),
            // A price goes stale without a word of anybody's: 129 + 300 + 120.
            (548, Some(tick("coinbase", "ETH-USD", 548)), &[]),
            (549, None, &[(blind, warning, 429, &["(coinbase: last price"])]),
        ]),
    );

    // The feed itself is gone: one message, with its last word, and since when it had no more; the pairs are in it.
    let both: &[&str] = &[
        "it does not answer: timeout; last price 2023-11-14T22:13:22.000Z; cannot be judged: \"BTC-USD\", \"ETH-USD\"",
    ];
    play(
        reactor(),
        began(vec![
            (2, Some(tick("coinbase", "BTC-USD", 2)), &[]),
            (92, Some(feed(SourceState::Stale)), &[]),
            (152, Some(feed(SourceState::BackingOff("timeout".into()))), &[]),
            (211, None, &[]),
            (212, None, &[(blind, warning, 92, both)]),
            (400, None, &[]),
            (401, Some(feed(SourceState::Fresh)), &[(back, warning, 92, &["back after 309 s"])]),
            (401, Some(tick("coinbase", "ETH-USD", 401)), &[]),
            // One of its pairs does not come back with it.
            (
                600,
                Some(tick("coinbase", "ETH-USD", 600)),
                &[(blind, warning, 92, &["BTC-USD (coinbase: last price", "!ETH"])],
            ),
        ]),
    );
}

#[test]
fn what_is_blind_is_as_grave_as_the_gravest_rule_on_it_and_another_feed_keeps_its_pairs_known() {
    let feed = |name: &str, state| source(SourceKind::Feed, name, state);
    let refused = || SourceState::Refused("HTTP 451".into());
    let mut settings = settings();
    settings.rules[0].severity = Severity::Critical;
    settings.feeds.insert("kraken".into(), vec![pair("BTC-USD")]);
    let watch = Watch {
        name: "hot".into(),
        addresses: Arc::new([Address::repeat_byte(7)].into_iter().collect()),
        chains: vec![CHAIN],
        tags: vec![],
        from_block: None,
    };
    settings.watches = vec![watch].into();
    settings.values.insert((CHAIN, Asset::Coin), pair("ETH-USD"));
    let mut reactor = Reactor::restore(Tables::default(), at(0));
    reactor.handle(at(0), Event::Configured(Box::new(settings)));
    let (blind, warning) = ("source.blind", Severity::Warning);
    let eth: &[&str] =
        &["HTTP 451; last price", "cannot be judged: \"ETH-USD\"; of unknown worth: what \"hot\" hold", "!BTC"];
    let btc: &[&str] = &["HTTP 451", "cannot be judged: \"BTC-USD\"", "!ETH", "!worth"];
    play(
        reactor,
        vec![
            (1, Some(feed("coinbase", SourceState::Fresh)), &[]),
            (1, Some(feed("kraken", SourceState::Fresh)), &[]),
            (2, Some(tick("coinbase", "BTC-USD", 2)), &[]),
            (2, Some(tick("coinbase", "ETH-USD", 2)), &[]),
            (3, Some(tick("kraken", "BTC-USD", 3)), &[]),
            (10, Some(feed("coinbase", refused())), &[(blind, warning, 10, eth)]),
            (20, Some(feed("kraken", refused())), &[(blind, Severity::Critical, 20, btc)]),
        ],
    );
}
