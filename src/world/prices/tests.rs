//! The feed as the wire room reads it, over real loopback sockets.

use super::*;
use crate::wire::tickers::Frame;
use crate::wire::tickers::coinbase::{parse, subscribe};
use crate::world::testing::*;
use std::net::SocketAddr;

fn pair(text: &str) -> Pair {
    Pair::parse(text).expect("it is a pair")
}

fn price(text: &str) -> Price {
    Price::parse(text).expect("it is a price")
}

async fn serve() -> (Arc<PriceFeed>, SocketAddr, CancellationToken) {
    let prices = BTreeMap::from([(pair("ETH-USD"), price("2600.10")), (pair("USDC-USD"), price("1.00"))]);
    let feed = Arc::new(PriceFeed::new(clock(), prices));
    let (listener, address) = listen().await;
    let cancel = CancellationToken::new();
    tokio::spawn(feed.clone().serve(listener, cancel.clone()));
    (feed, address, cancel)
}

/// The next frame that is not a heartbeat.
async fn next(peer: &mut Peer) -> Frame {
    loop {
        let frame = parse(&hear(peer).await.expect("it is open")).expect("it is a frame");
        if !matches!(frame, Frame::Heartbeat { .. }) {
            return frame;
        }
    }
}

#[tokio::test]
async fn a_subscription_is_acknowledged_and_followed_by_prices_and_heartbeats() {
    let (feed, address, cancel) = serve().await;
    let mut peer = connect(address).await;
    say(&mut peer, subscribe(&[pair("ETH-USD"), pair("NOPE-USD")])).await;
    assert!(matches!(next(&mut peer).await, Frame::Error { reason, .. } if reason.as_str().contains("NOPE-USD")));
    let Frame::Ack { pairs } = next(&mut peer).await else { panic!("no acknowledgement") };
    assert_eq!(pairs, [pair("ETH-USD")]);
    let Frame::Tick(first) = next(&mut peer).await else { panic!("no price") };
    assert_eq!((first.price, first.time), (price("2600.10"), Some(noon())));
    feed.trade(&pair("USDC-USD"), price("0.99"));
    feed.trade(&pair("ETH-USD"), price("2499.99"));
    let Frame::Tick(second) = next(&mut peer).await else { panic!("no price") };
    assert_eq!((second.pair.as_str(), second.price), ("ETH-USD", price("2499.99")));
    assert!(second.sequence > first.sequence);
    loop {
        let frame = parse(&hear(&mut peer).await.expect("it is open")).expect("it is a frame");
        if matches!(&frame, Frame::Heartbeat { pair: Some(of) } if *of == pair("ETH-USD")) {
            break;
        }
    }
    feed.drop_connections();
    while hear(&mut peer).await.is_some() {}
    cancel.cancel();
}

#[tokio::test]
async fn a_silent_feed_says_nothing_and_one_without_trades_only_that_it_lives() {
    let (feed, address, cancel) = serve().await;
    feed.set(|faults| faults.no_trades = true);
    let mut peer = connect(address).await;
    say(&mut peer, subscribe(&[pair("ETH-USD")])).await;
    assert!(matches!(next(&mut peer).await, Frame::Ack { .. }));
    let beat = parse(&hear(&mut peer).await.expect("it is open"));
    assert!(matches!(beat, Ok(Frame::Heartbeat { .. })), "{beat:?}");
    feed.set(|faults| *faults = FeedFaults { silent: true, ..FeedFaults::default() });
    feed.trade(&pair("ETH-USD"), price("1.5"));
    feed.set(|faults| faults.silent = false);
    feed.trade(&pair("ETH-USD"), price("2.5"));
    let Frame::Tick(tick) = next(&mut peer).await else { panic!("no price") };
    assert_eq!(tick.price, price("2.5"), "a tick carries the last price there is");
    cancel.cancel();
}

#[tokio::test]
async fn every_venue_speaks_in_its_own_way_and_its_faults_are_its_own() {
    use crate::wire::tickers::{binance, kraken};
    for venue in [Venue::Kraken, Venue::Binance] {
        let (eth, nope) = if venue == Venue::Kraken { ("ETH-USD", "NOPE-USD") } else { ("ETH-USDT", "NOPE-USDT") };
        let prices = BTreeMap::from([(pair(eth), price("2600.10"))]);
        let feed = Arc::new(PriceFeed::of(venue, clock(), prices));
        let (listener, address) = listen().await;
        let cancel = CancellationToken::new();
        tokio::spawn(feed.clone().serve(listener, cancel.clone()));
        let mut peer = connect(address).await;
        let ours = |symbol: &str| (symbol == "ETHUSDT").then(|| pair("ETH-USDT"));
        let read = |text: &str| match venue {
            Venue::Kraken => kraken::parse(text),
            Venue::Binance => binance::parse(text, ours),
            Venue::Coinbase => panic!("it has a test of its own"),
        };
        let asked = [pair(eth), pair(nope)];
        say(
            &mut peer,
            if venue == Venue::Kraken {
                kraken::subscribe(&asked, false)
            } else {
                binance::subscribe(&asked, false, 7)
            },
        )
        .await;
        let mut said = Vec::new();
        let mut trades = 0;
        while said.len() < 6 {
            let frame = read(&hear(&mut peer).await.expect("it is open")).expect("it is a frame");
            if matches!(frame, Frame::Heartbeat { .. }) {
                continue;
            }
            said.push(match frame {
                Frame::Venue { well: true, .. } => "well".to_owned(),
                Frame::Ack { pairs } => format!("ack {pairs:?}").replace("Pair(", "").replace([')', '"'], ""),
                Frame::Answered { request, refused: None } => format!("answered {request}"),
                Frame::Error { pairs, .. } => format!("refused {}", pairs.len()),
                Frame::Tick(tick) => format!("{} {}", tick.pair, tick.price),
                other => panic!("{other:?}"),
            });
            // Once it is begun: a trade, which comes twice and is followed by one of before.
            let begun = said.len() == if venue == Venue::Kraken { 4 } else { 1 };
            if begun && trades == 0 {
                trades = 1;
                feed.set(|faults| faults.echoes = true);
                feed.trade(&pair(eth), price("2499.99"));
                if venue == Venue::Binance {
                    feed.trade(&pair(eth), price("2499.98"));
                }
            }
        }
        let (kraken_says, binance_says) = (
            ["well", "ack [ETH-USD]", "refused 1", "ETH-USD 2600.10", "ETH-USD 2499.99", "ETH-USD 2499.99"],
            [
                "answered 7",
                "ETH-USDT 2499.99",
                "ETH-USDT 2499.99",
                "ETH-USDT 0.00000001",
                "ETH-USDT 2499.98",
                "ETH-USDT 2499.98",
            ],
        );
        if venue == Venue::Kraken {
            assert_eq!(said, kraken_says);
        } else {
            // Both trades may have been made before the first was said.
            assert_eq!(
                (said[0].as_str(), said[3].as_str(), said[5].as_str()),
                (binance_says[0], binance_says[3], binance_says[5])
            );
        }
        cancel.cancel();
    }
}
