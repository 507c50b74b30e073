//! Every venue through everything that a venue does to a feed, on tokio's paused clock: one table of faults, played in each venue's own words.

use super::tests::{Desk, Tap, Venue, heartbeat, tick as coinbase_tick, with_feed};
use super::*;
use crate::config::checked::FeedKind;
use crate::net::Verdict;
use std::time::Duration;

/// The two pairs of a venue, as the config writes them.
fn pairs(kind: FeedKind) -> [&'static str; 2] {
    match kind {
        FeedKind::Coinbase | FeedKind::Kraken => ["BTC-USD", "ETH-USD"],
        FeedKind::Binance => ["BTC-USDT", "ETH-USDT"],
    }
}

/// A price of a pair at a second, as the venue writes it; the number counts up where the venue counts.
fn tick(kind: FeedKind, of: &str, nth: u64, price: &str, second: u64) -> String {
    match kind {
        FeedKind::Coinbase => coinbase_tick(of, nth, price, second),
        FeedKind::Kraken => {
            let symbol = of.replace('-', "/");
            format!(
                r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"{symbol}","bid":1.0,"bid_qty":1.0,"ask":2.0,"ask_qty":1,"last":{price},
                "volume":4696.17832496,"timestamp":"2026-09-04T00:00:{second:02}.905270Z"}}]}}"#
            )
        }
        FeedKind::Binance => {
            let (symbol, millis) = (of.replace('-', ""), 1_788_480_000_905 + second * 1_000);
            let stream = symbol.to_lowercase();
            format!(
                r#"{{"stream":"{stream}@miniTicker","data":{{"e":"24hrMiniTicker","E":{millis},"s":"{symbol}","c":"{price}","o":"1","h":"2","l":"1","v":"1","q":"1"}}}}"#
            )
        }
    }
}

/// The venue's answer to a subscription to these pairs; Binance answers the request of this number.
fn acks(kind: FeedKind, of: &[&str], request: u64) -> Vec<String> {
    match kind {
        FeedKind::Coinbase => {
            let pairs: Vec<_> = of.iter().map(|pair| format!("\"{pair}\"")).collect();
            vec![format!(
                r#"{{"type":"subscriptions","channels":[{{"name":"ticker","product_ids":[{}]}}]}}"#,
                pairs.join(",")
            )]
        }
        FeedKind::Kraken => {
            let one = |pair: &&str| {
                let symbol = pair.replace('-', "/");
                format!(
                    r#"{{"method":"subscribe","result":{{"channel":"ticker","snapshot":true,"symbol":"{symbol}"}},"success":true}}"#
                )
            };
            of.iter().map(one).collect()
        }
        FeedKind::Binance => vec![format!(r#"{{"result":null,"id":{request}}}"#)],
    }
}

/// The venue's refusal of one pair.
fn rejection(kind: FeedKind, of: &str, request: u64) -> String {
    match kind {
        FeedKind::Coinbase => {
            format!(r#"{{"type":"error","message":"Failed to subscribe","reason":"{of} is not a valid product"}}"#)
        }
        FeedKind::Kraken => {
            let symbol = of.replace('-', "/");
            format!(
                r#"{{"error":"Currency pair not supported {symbol}","method":"subscribe","success":false,"symbol":"{symbol}"}}"#
            )
        }
        FeedKind::Binance => format!(r#"{{"error":{{"code":2,"msg":"Invalid request"}},"id":{request}}}"#),
    }
}

/// A sign of life without a price.
fn beat(kind: FeedKind, of: &str) -> String {
    match kind {
        FeedKind::Coinbase => heartbeat(of),
        FeedKind::Kraken => r#"{"channel":"heartbeat"}"#.into(),
        FeedKind::Binance => {
            let symbol = of.replace('-', "");
            format!(r#"{{"stream":"x","data":{{"u":1,"s":"{symbol}","b":"1","B":"1","a":"1","A":"1"}}}}"#)
        }
    }
}

/// An error that names nothing of ours.
fn error(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Coinbase => {
            r#"{"type":"error","message":"Failed to subscribe","reason":"matches is not a valid product"}"#
        }
        FeedKind::Kraken => r#"{"Error":"Exceeded msg rate"}"#,
        FeedKind::Binance => r#"{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}"#,
    }
}

/// A desk whose pairs are both acknowledged and priced at second 1.
fn begun(kind: FeedKind) -> Desk {
    let [btc, eth] = pairs(kind);
    let mut desk = Desk::at(kind, &[btc, eth]);
    desk.connect(0);
    for ack in acks(kind, &[btc, eth], 1) {
        desk.frame(0, &ack);
    }
    desk.frame(1, &tick(kind, btc, 10, "81205.10", 1));
    desk.frame(1, &tick(kind, eth, 10, "2345.00", 1));
    assert_eq!(desk.out(), ["fresh".to_owned(), format!("{btc} 81205.10"), format!("{eth} 2345.00")], "{kind:?}");
    desk
}

#[test]
fn reordered_and_repeated_prices_bring_back_no_older_one() {
    for kind in FeedKind::ALL {
        let [btc, eth] = pairs(kind);
        let mut desk = begun(kind);
        let mut check = |nth, price: &str, second, expected: Option<&str>| {
            desk.frame(2, &tick(kind, btc, nth, price, second));
            let expected: Vec<_> = expected.map(|price| format!("{btc} {price}")).into_iter().collect();
            assert_eq!(desk.out(), expected, "{kind:?}: {price} of second {second}");
        };
        check(12, "81300.00", 5, Some("81300.00"));
        check(11, "70000.00", 4, None);
        check(9, "70000.00", 0, None);
        check(13, "81300.50", 6, Some("81300.50"));
        // A venue that counts tells a repeat; elsewhere the same price of the same moment changes nothing.
        if kind == FeedKind::Coinbase {
            check(13, "70000.00", 7, None);
        }
        desk.frame(2, &tick(kind, eth, 11, "2345.10", 6));
        assert_eq!(desk.out(), [format!("{eth} 2345.10")], "{kind:?}: its neighbour counts for itself");
    }
}

#[test]
fn a_price_from_a_clock_gone_wrong_does_not_make_all_others_old() {
    for kind in FeedKind::ALL {
        let [btc, _] = pairs(kind);
        let mut desk = begun(kind);
        // The desk's wall clock stands at midnight of 2026-11-22.
        let day = |date: &str, millis: u64, nth, price| match kind {
            FeedKind::Coinbase | FeedKind::Kraken => tick(kind, btc, nth, price, 1).replace("2026-09-04", date),
            FeedKind::Binance => tick(kind, btc, nth, price, millis / 1_000 - 1_788_480_000),
        };
        desk.frame(2, &day("2099-09-04", 4_092_163_201_000, 99, "5"));
        assert_eq!(desk.out(), [] as [String; 0], "{kind:?}: years ahead, and its number counts as little");
        desk.frame(3, &day("2026-11-22", 1_795_305_601_000, 12, "6"));
        assert_eq!(desk.out(), [format!("{btc} 6")], "{kind:?}: seconds ahead is now");
        for second in 4..80 {
            desk.second(second, &day("2099-09-04", 4_092_163_201_000, 100 + second, "5"));
        }
        assert!(desk.out().contains(&format!("{btc} ahead")), "{kind:?}: what is not taken confirms nothing");
    }
}

#[test]
fn a_frame_that_is_not_taken_makes_those_behind_it_no_repeats() {
    for kind in FeedKind::ALL {
        let [btc, _] = pairs(kind);
        let mut desk = begun(kind);
        desk.frame(2, &tick(kind, btc, 11, "81300.00", 5));
        desk.frame(2, &tick(kind, btc, 900, "70000.00", 2));
        desk.frame(3, &tick(kind, btc, 12, "81300.50", 6));
        assert_eq!(desk.out(), [format!("{btc} 81300.50")], "{kind:?}: the newest, and not what was older");
    }
}

#[test]
fn a_silent_pair_beside_a_live_one_is_unknown_within_75_s_and_asked_for_again() {
    for kind in FeedKind::ALL {
        let [btc, eth] = pairs(kind);
        let mut desk = begun(kind);
        let (mut quiet, mut asked) = (Vec::new(), Vec::new());
        for second in 2..=140 {
            let verdicts = desk.second(second, &tick(kind, btc, 20 + second, "81205.10", 30));
            quiet.extend(desk.out().into_iter().filter(|word| word.ends_with("quiet")).map(|word| (second, word)));
            let sends = |verdict: &&Verdict| matches!(verdict, Verdict::Send(text) if text.to_uppercase().contains("\"SUBSCRIBE\""));
            asked.extend(verdicts.iter().filter(sends).map(|_| second));
        }
        let (dead, again) = match kind {
            // Its heartbeats stop too.
            FeedKind::Coinbase => (12, vec![12, 73, 134]),
            FeedKind::Kraken | FeedKind::Binance => (77, vec![62, 123]),
        };
        assert_eq!(quiet, [(dead, format!("{eth} quiet"))], "{kind:?}");
        assert_eq!(asked, again, "{kind:?}");
        desk.frame(141, &tick(kind, eth, 10, "2345.00", 1));
        assert_eq!(desk.out(), [format!("{eth} 2345.00")], "{kind:?}: the same price, confirmed, holds again");
    }
}

#[test]
fn a_quiet_pair_that_the_venue_confirms_stays_known() {
    for kind in [FeedKind::Coinbase, FeedKind::Kraken] {
        let [btc, eth] = pairs(kind);
        let mut desk = begun(kind);
        for second in 2..=600 {
            for verdict in desk.second(second, &beat(kind, btc)) {
                let Verdict::Send(text) = verdict else { continue };
                // The answer to a subscription begins with the last price there was.
                for of in [btc, eth] {
                    let named = text.contains(&of.replace('-', "/")) || text.contains(of);
                    if named && text.contains("\"subscribe\"") {
                        desk.frame(second, &tick(kind, of, 10, "81205.10", 1));
                    }
                }
            }
            desk.frame(second, &beat(kind, eth));
            assert!(desk.out().iter().all(|word| !word.ends_with("quiet")), "{kind:?} at {second}");
        }
    }
}

#[test]
fn a_rejected_pair_is_dead_and_its_neighbour_lives() {
    for kind in FeedKind::ALL {
        let [btc, eth] = pairs(kind);
        let mut desk = Desk::at(kind, &[btc, eth]);
        desk.connect(0);
        let mut request = 2;
        if kind == FeedKind::Binance {
            // Refused together, nobody knows why; asked for one by one at once, before the connection is given up.
            let sent = desk.frame(0, &rejection(kind, eth, 1));
            assert_eq!(sent.len(), 2, "{sent:?}");
            let of_btc = acks(kind, &[btc], 2).remove(0);
            desk.frame(0, &of_btc);
            request = 3;
        } else {
            for ack in acks(kind, &[btc], 1) {
                desk.frame(0, &ack);
            }
        }
        let rejected = rejection(kind, eth, request);
        desk.frame(6, &rejected);
        assert_eq!(desk.out(), [format!("{eth} quiet")], "{kind:?}");
        desk.frame(7, &tick(kind, btc, 10, "81205.10", 1));
        assert_eq!(desk.out(), ["fresh".to_owned(), format!("{btc} 81205.10")], "{kind:?}");
        for second in 8..200 {
            desk.second(second, &tick(kind, btc, 10 + second, "81205.10", 1));
        }
        let asked = format!("{:?}", desk.connect(200));
        let name = |of: &str| match kind {
            FeedKind::Coinbase => of.to_owned(),
            FeedKind::Kraken => of.replace('-', "/"),
            FeedKind::Binance => of.replace('-', "").to_lowercase(),
        };
        assert!(asked.contains(&name(btc)) && !asked.contains(&name(eth)), "{kind:?}: {asked}");
        assert!(format!("{:?}", desk.connect(3_700)).contains(&name(eth)), "{kind:?}: it may have been listed since");
    }
}

#[test]
fn one_bad_pair_among_a_hundred_is_found_by_halves_where_a_venue_refuses_all_together() {
    let (kind, names) = (FeedKind::Binance, (0..100).map(|n| format!("C{n}-USDT")).collect::<Vec<_>>());
    let mut desk = Desk::at(kind, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut asked, mut next) = (desk.connect(0), 0);
    while let Some(verdict) = asked.get(next).cloned() {
        next += 1;
        let Verdict::Send(text) = verdict else { continue };
        let request = text.rsplit(':').next().and_then(|id| id.trim_end_matches('}').parse().ok()).expect("a number");
        let bad = text.contains("\"c37usdt@");
        let answer = if bad { rejection(kind, "", request) } else { acks(kind, &[], request).remove(0) };
        asked.extend(desk.frame(0, &answer));
    }
    let sent = asked.iter().filter(|verdict| matches!(verdict, Verdict::Send(_))).count();
    assert!(sent <= 15, "{sent} requests: two for each of seven steps, and the first");
    assert_eq!(desk.out(), ["C37-USDT quiet"]);
}

#[test]
fn errors_that_name_nothing_end_nothing_and_junk_does() {
    for kind in FeedKind::ALL {
        let [btc, _] = pairs(kind);
        let mut desk = begun(kind);
        assert_eq!(desk.frame(2, error(kind)), [], "{kind:?}");
        for junk in ["<html>", "", "[1,2]", "{}", "{\"channel\":\"ticker\"}", "null", "{\"type\":", "7", "\u{0}"] {
            assert_eq!(desk.frame(2, junk), [], "{kind:?}: {junk}");
        }
        assert_eq!(desk.frame(3, &tick(kind, btc, 11, "1.5", 2)), [Verdict::Useful], "{kind:?}");
        let last = (0..10).map(|_| desk.frame(4, "<html>")).last();
        assert!(matches!(last.as_deref(), Some([Verdict::Broken { .. }])), "{kind:?}: {last:?}");
    }
}

/// Accepts a connection, reads what is asked for, and acknowledges it.
async fn open(kind: FeedKind, peers: &mut mpsc::UnboundedReceiver<tokio::io::DuplexStream>) -> Venue {
    let mut venue = Venue::accept(peers).await;
    let frames = if kind == FeedKind::Coinbase { 2 } else { 1 };
    for _ in 0..frames {
        venue.asked().await;
    }
    for ack in acks(kind, &pairs(kind), 1) {
        venue.say(ack).await;
    }
    venue
}

#[tokio::test(start_paused = true)]
async fn a_drop_and_a_half_open_connection_are_said_and_healed() {
    for kind in FeedKind::ALL {
        with_feed(kind, &pairs(kind), async |mut peers, mut tap: Tap| {
            let [btc, _] = pairs(kind);
            let mut venue = open(kind, &mut peers).await;
            venue.say(tick(kind, btc, 1, "81205.10", 1)).await;
            tap.until("fresh").await;
            drop(venue);
            tap.until("backing off: the other side closed the connection").await;
            let mut venue = open(kind, &mut peers).await;
            venue.say(tick(kind, btc, 2, "81205.20", 2)).await;
            tap.until(&format!("{btc} 81205.20")).await;
            // Half-open: it stands, and nothing comes, not even the answer to a ping.
            let since = Instant::now();
            tap.until(match kind {
                FeedKind::Coinbase | FeedKind::Kraken => "backing off: connected, but nothing came for too long",
                FeedKind::Binance => "backing off: connected, but a ping was not answered in time",
            })
            .await;
            let within = match kind {
                FeedKind::Coinbase => 10..=11,
                FeedKind::Kraken => 8..=9,
                FeedKind::Binance => 25..=26,
            };
            assert!(within.contains(&since.elapsed().as_secs()), "{kind:?}: {:?}", since.elapsed());
            drop(venue);
            let mut venue = open(kind, &mut peers).await;
            venue.say(tick(kind, btc, 3, "81205.30", 3)).await;
            tap.until("fresh").await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn ten_connections_that_close_at_once_keep_the_venues_distance() {
    for kind in FeedKind::ALL {
        with_feed(kind, &pairs(kind), async |mut peers, mut tap: Tap| {
            let spacing = Dialect::new(kind, std::iter::empty()).timing(0).connect_spacing;
            let mut last: Option<Instant> = None;
            for _ in 0..10 {
                let mut venue = open(kind, &mut peers).await;
                let now = Instant::now();
                if let Some(last) = last.replace(now) {
                    assert!(now - last >= spacing, "{kind:?}: {:?} after the one before", now - last);
                }
                venue.say(tick(kind, pairs(kind)[0], 1, "1.5", 1)).await;
                drop(venue);
                tap.until("backing off: the other side closed the connection").await;
            }
            let mut venue = open(kind, &mut peers).await;
            venue.say(tick(kind, pairs(kind)[0], 2, "1.6", 2)).await;
            tap.until("fresh").await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn frames_of_ours_keep_the_venues_distance() {
    let names: Vec<String> = (0..350).map(|n| format!("C{n}-USDT")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    with_feed(FeedKind::Binance, &names, async |mut peers, _tap: Tap| {
        let mut venue = Venue::accept(&mut peers).await;
        let since = Instant::now();
        for _ in 0..4 {
            venue.asked().await;
        }
        assert!(since.elapsed() >= Duration::from_millis(1_200), "five a second are too many: {:?}", since.elapsed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn before_the_24_hour_cut_a_successor_has_prices_and_no_second_is_blind() {
    with_feed(FeedKind::Binance, &["BTC-USDT"], async |mut peers, mut tap: Tap| {
        let (kind, started) = (FeedKind::Binance, Instant::now());
        let mut old = Venue::accept(&mut peers).await;
        old.asked().await;
        old.say(acks(kind, &["BTC-USDT"], 1).remove(0)).await;
        // A price each 5 s, which stands for the answers to pings too, until somebody else connects.
        let mut heir = loop {
            tokio::select! {
                heir = Venue::accept(&mut peers) => break heir,
                () = async {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    old.say(tick(kind, "BTC-USDT", 1, "81205.10", 1)).await;
                } => {}
            }
        };
        let age = started.elapsed();
        assert!(age >= Duration::from_hours(23) && age < Duration::from_mins(23 * 60 + 31), "{age:?}");
        let words = tap.take();
        assert!(
            words.iter().all(|word| word == "fresh" || word == "BTC-USDT 81205.10" || word == "connecting"),
            "{words:?}"
        );
        heir.asked().await;
        heir.say(acks(kind, &["BTC-USDT"], 1).remove(0)).await;
        // The old one still speaks for the feed.
        old.say(tick(kind, "BTC-USDT", 1, "81205.20", 2)).await;
        assert_eq!(tap.next().await, ["BTC-USDT 81205.20"]);
        heir.say(tick(kind, "BTC-USDT", 1, "81205.30", 3)).await;
        assert_eq!(tap.next().await, ["BTC-USDT 81205.30"]);
        // A late one of the old connection brings nothing back.
        old.say(tick(kind, "BTC-USDT", 1, "70000.00", 2)).await;
        let since = Instant::now();
        assert!(old.is_gone().await, "the old one was let go");
        assert!(since.elapsed() <= Duration::from_secs(6), "{:?}", since.elapsed());
        heir.say(tick(kind, "BTC-USDT", 1, "81205.40", 9)).await;
        let words = tap.next().await;
        assert_eq!(words, ["BTC-USDT 81205.40"], "nobody was ever told that it was not fresh");
        // The venue says that it goes: the same again, at once.
        let since = Instant::now();
        heir.say(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#.into()).await;
        let _next = Venue::accept(&mut peers).await;
        assert!(since.elapsed() < Duration::from_secs(5));
    })
    .await;
}

#[test]
fn a_refusal_says_what_to_do_about_it() {
    for kind in FeedKind::ALL {
        let place = dialect::refused_words(kind, 451);
        assert!(place.starts_with("HTTP 451; ") && place.contains("kind = "), "{place}");
        let turned_away = dialect::refused_words(kind, 403);
        assert!(turned_away.starts_with("HTTP 403; ") && turned_away.contains("[[feed]]"), "{turned_away}");
        assert!(dialect::refused_words(kind, 404).starts_with("HTTP 404; "));
    }
}
