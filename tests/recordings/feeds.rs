//! Every recorded frame of the price venues, through the real socket code over loopback: exact prices to the last digit, the feed's states,
//! and nothing else.

use super::recordings;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_util::sync::CancellationToken;
use walletwatch::config::checked::{FeedConfig, FeedKind};
use walletwatch::net::{Tls, install_crypto_provider};
use walletwatch::reactor::event::{Event, SourceState};
use walletwatch::sources::prices;
use walletwatch::sources::queue::event_queue;
use walletwatch::telemetry::Tally;
use walletwatch::types::{Pair, Secret, Timestamp};
use walletwatch::wire::tickers;

/// The frames of a file that were received from a venue, byte for byte.
fn frames(file: &str, venue: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(recordings("streams")?.join(file)).expect("it can be read");
    let Ok(Value::Array(entries)) = serde_json::from_str(&text) else { return Some(vec![text]) };
    let ours = |entry: &&Value| entry["dir"] == "recv" && (entry["venue"] == venue || entry["venue"].is_null());
    Some(entries.iter().filter(ours).map(|entry| entry["raw"].as_str().expect("a text frame").to_owned()).collect())
}

/// The text behind a key of a frame, as it stands there: what a price has to be, digit for digit.
fn written(frame: &str, key: &str) -> String {
    let (_, rest) = frame.split_once(&format!("\"{key}\":")).expect("the frame has the key");
    rest.trim_start().trim_start_matches('"').chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

/// Which pair a frame prices, if any, and at what.
fn priced(kind: FeedKind, frame: &str, pairs: &BTreeMap<String, Pair>) -> Option<(Pair, String)> {
    let value: Value = serde_json::from_str(frame).ok()?;
    let (symbol, key) = match kind {
        FeedKind::Coinbase => (value["product_id"].as_str().filter(|_| value["type"] == "ticker")?.to_owned(), "price"),
        FeedKind::Kraken => {
            (value["data"][0]["symbol"].as_str().filter(|_| value["channel"] == "ticker")?.replace('/', "-"), "last")
        }
        FeedKind::Binance => {
            let data = &value["data"];
            let key = match data["e"].as_str()? {
                "24hrMiniTicker" => "c",
                "aggTrade" | "trade" => "p",
                _ => return None,
            };
            (data["s"].as_str()?.to_owned(), key)
        }
    };
    Some((pairs.get(&symbol)?.clone(), written(frame, key)))
}

/// What a feed says besides prices, in words; nothing of a price, nor of a beginning: its slot holds the newest state alone.
fn state(event: Event) -> Option<String> {
    match event {
        Event::Tick(_) => None,
        Event::Source(report) if report.state == SourceState::Connecting => None,
        Event::Quiet { pair, why, .. } => Some(format!("{pair} {}", why.label())),
        Event::Source(report) => Some(report.state.word().to_owned()),
        other => panic!("a feed says no {other:?}"),
    }
}

/// Plays frames to a feed of these pairs, one by one, and holds the prices that it hands on against what stands in each frame. Gives how
/// many those were, and what it said of itself and its pairs.
async fn replay(kind: FeedKind, pairs: &[&str], frames: &[String]) -> (usize, Vec<String>) {
    install_crypto_provider();
    let pairs: Vec<Pair> = pairs.iter().map(|text| Pair::parse(text).expect("a pair")).collect();
    let symbol = |pair: &Pair| match kind {
        FeedKind::Coinbase | FeedKind::Kraken => pair.to_string(),
        FeedKind::Binance => tickers::binance::symbol(pair),
    };
    let symbols: BTreeMap<String, Pair> = pairs.iter().map(|pair| (symbol(pair), pair.clone())).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let place = listener.local_addr().expect("it is bound");
    let url = Secret::new(format!("ws://{place}"));
    let config = FeedConfig { name: kind.word().into(), kind, url, pairs };
    let (queue, mut intake) = event_queue(Arc::new(Notify::new()));
    let clock = Arc::new(|| Timestamp::parse("2026-11-22T00:00:00Z").expect("a time"));
    let venue = async {
        let (stream, _) = listener.accept().await.expect("it connects");
        let mut peer = accept_async(stream).await.expect("it upgrades");
        let (mut count, mut states) = (0, Vec::new());
        for frame in frames {
            peer.send(Message::text(frame.clone())).await.expect("it is open");
            // Frames are taken in order: when this is answered, the one before it was.
            peer.send(Message::Ping(Bytes::from_static(b"taken?"))).await.expect("it is open");
            loop {
                match peer.next().await.expect("it is open").expect("a frame") {
                    Message::Pong(_) => break,
                    other => assert!(other.is_text() || other.is_ping(), "{other:?}"),
                }
            }
            let mut handed = Vec::new();
            for event in intake.try_recv_many(64) {
                if let Event::Tick(tick) = &event {
                    handed.push((tick.pair.clone(), tick.price.to_string()));
                }
                states.extend(state(event));
            }
            let expected: Vec<_> = priced(kind, frame, &symbols).into_iter().collect();
            assert_eq!(handed, expected, "{frame}");
            count += handed.len();
        }
        (count, states)
    };
    tokio::select! {
        ended = prices::run(&config, Tls::baked(), &queue, Tally::default(), clock, CancellationToken::new()) => panic!("{ended:?}"),
        found = venue => found,
    }
}

/// A venue, its folder and file, its pairs, how many prices there are, and what the feed says of itself.
type Case<'a> = (FeedKind, &'a str, &'a str, &'a [&'a str], usize, &'a [&'a str]);

#[tokio::test]
async fn every_recorded_frame_of_a_venue_gives_its_exact_price_over_the_real_socket() {
    let coinbase = [
        "SKL-USD", "SKL-BTC", "BAND-GBP", "NMR-EUR", "BAND-BTC", "YFI-BTC", "DASH-BTC", "NU-GBP", "CRV-EUR", "SKL-GBP",
    ];
    let binance = ["NKN-USDT", "BLZ-ETH", "LRC-BTC", "RUNE-EUR", "BTC-USDT", "BNB-BTC", "ETH-USDT"];
    let (begun, only): (&[&str], &[&str]) = (&["fresh"], &[]);
    // How many prices, and what the feed says of itself: that it is fresh with the first of them.
    let cases: [Case<'_>; 18] = [
        (FeedKind::Coinbase, "coinbase_exchange", "coinbase_exchange_recording.json", &coinbase, 77, begun),
        (FeedKind::Coinbase, "coinbase_exchange", "price_feeds_captured_2026_09_04.json", &["BTC-USD"], 1, begun),
        (FeedKind::Kraken, "kraken_v2", "price_feeds_captured_2026_09_04.json", &["BTC-USD", "ETH-USD"], 1, begun),
        (FeedKind::Kraken, "kraken_v2", "kraken_v2_ticker_snapshot.json", &["BTC-USD"], 1, begun),
        (FeedKind::Kraken, "kraken_v2", "kraken_v2_subscribe_response.json", &["BTC-USD"], 0, only),
        (FeedKind::Binance, "binance", "binance_combined_recording.json", &binance, 2, begun),
        (FeedKind::Binance, "binance", "price_feeds_captured_2026_09_04.json", &binance, 1, begun),
        (FeedKind::Binance, "binance", "binance_miniticker_session.json", &binance, 1, begun),
        (FeedKind::Binance, "binance", "binance_spot_book_ticker.json", &binance, 0, only),
        (FeedKind::Kraken, "kraken_v2", "kraken_v2_pong.json", &["BTC-USD"], 0, only),
        // What a venue refuses: the pair that it names, and no neighbour of it. That another channel is refused concerns nobody.
        (
            FeedKind::Coinbase,
            "coinbase_exchange",
            "rejections.json",
            &["BTC-USD", "LOOM-USDC"],
            0,
            &["LOOM-USDC rejected"],
        ),
        (FeedKind::Kraken, "kraken_v2", "rejections.json", &["XBT-USD", "BTC-USD"], 0, &["XBT-USD rejected"]),
        (FeedKind::Binance, "binance", "rejections.json", &["BTC-USDT"], 0, only),
        // Another protocol than the one of this socket makes no price, nor a fresh feed.
        (FeedKind::Coinbase, "coinbase_advanced", "rejections.json", &["BTC-USD"], 0, only),
        (FeedKind::Coinbase, "", "coinbase_advanced_ticker.json", &["ETH-USDT"], 0, only),
        (FeedKind::Coinbase, "", "coinbase_advanced_heartbeat_session.json", &["ETH-USDT"], 0, only),
        (FeedKind::Coinbase, "", "coinbase_advanced_ticker_batch_session.json", &["ETH-USDT"], 0, only),
        (FeedKind::Kraken, "kraken_v1", "kraken_v1_ticker_recording.json", &["BTC-USD", "XBT-USD"], 0, only),
    ];
    for (kind, venue, file, pairs, prices, states) in cases {
        let Some(mut frames) = frames(file, venue) else { return };
        if venue == "kraken_v1" {
            // The tenth frame in a row that cannot be read ends the connection.
            frames.truncate(9);
        }
        let expected = (prices, states.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(replay(kind, pairs, &frames).await, expected, "{file} of {venue}");
    }
}

#[test]
fn recorded_rejections_are_read_and_another_protocol_is_junk() {
    let said = |kind: FeedKind, file: &str, venue: &str| -> Option<Vec<String>> {
        let read = |text: &String| match kind {
            FeedKind::Coinbase => tickers::coinbase::parse(text),
            FeedKind::Kraken => tickers::kraken::parse(text),
            FeedKind::Binance => tickers::binance::parse(text, |_| None),
        };
        let word = |frame: Result<tickers::Frame, _>| match frame {
            Ok(tickers::Frame::Error { pairs, .. }) => format!("error of {}", pairs.len()),
            Ok(tickers::Frame::Leaving) => "leaving".to_owned(),
            Ok(tickers::Frame::Heartbeat { .. }) => "alive".to_owned(),
            Ok(other) => format!("{other:?}"),
            Err(_) => "junk".to_owned(),
        };
        Some(frames(file, venue)?.iter().map(read).map(word).collect())
    };
    let check = |kind, file, venue, expected: &[&str]| {
        if let Some(said) = said(kind, file, venue) {
            assert_eq!(said, expected, "{file} of {venue}");
        }
    };
    check(FeedKind::Kraken, "rejections.json", "kraken_v2", &["error of 1"]);
    check(FeedKind::Coinbase, "rejections.json", "coinbase_exchange", &["error of 0", "error of 0", "error of 1"]);
    check(FeedKind::Coinbase, "rejections.json", "coinbase_advanced", &["error of 0"]);
    check(FeedKind::Binance, "rejections.json", "binance", &["error of 0", "error of 0", "leaving"]);
    check(FeedKind::Kraken, "kraken_v2_pong.json", "kraken_v2", &["alive"]);
    for file in
        ["coinbase_advanced_ticker.json", "coinbase_advanced_heartbeats.json", "coinbase_advanced_subscriptions.json"]
    {
        check(FeedKind::Coinbase, file, "", &["junk"]);
    }
    let first_version = said(FeedKind::Kraken, "kraken_v1_ticker_recording.json", "kraken_v1").unwrap_or_default();
    assert!(first_version.iter().all(|word| word == "junk"), "{first_version:?}");
}
