//! Sockets that fail in every way: the monitor says that it is blind, comes back by itself and has lost nothing.

use crate::proxy::{New, Proxy};
use crate::stage::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{ChainId, Pair, Price};
use walletwatch::world::node::Node;
use walletwatch::world::prices::{PriceFeed, Venue};
use walletwatch::world::receiver::Answer;

/// One more than a socket of a node takes in one frame, in MiB.
const TOO_LARGE: usize = 65 << 20;

/// A fault of a node's socket.
struct NodeCase {
    name: &'static str,
    /// Begins it.
    begin: fn(&Node, &Proxy),
    /// Ends it.
    end: fn(&Node, &Proxy),
    /// Whether the connection ends by it, which then shows in the metrics.
    goes_down: bool,
}

/// From here on nothing gets through, until it ends.
fn shut(proxy: &Proxy) {
    proxy.new_are(New::Closed);
}

fn reopen(_: &Node, proxy: &Proxy) {
    proxy.new_are(New::Forwarded);
}

const NODE_CASES: [NodeCase; 8] = [
    NodeCase {
        name: "half-open",
        begin: |_, proxy| {
            proxy.freeze();
            shut(proxy);
        },
        end: reopen,
        goes_down: true,
    },
    NodeCase {
        name: "silent",
        begin: |node, _| node.set(|faults| faults.mute = true),
        end: |node, _| node.set(|faults| faults.mute = false),
        goes_down: false,
    },
    NodeCase {
        name: "refusing the resubscribe",
        begin: |node, proxy| {
            node.set(|faults| faults.without.extend(["eth_subscribe".into()]));
            shut(proxy);
            proxy.drop_all();
        },
        end: reopen,
        goes_down: true,
    },
    NodeCase {
        name: "an error without an id",
        begin: |node, proxy| {
            shut(proxy);
            node.say(r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"internal error"}}"#.into());
        },
        end: reopen,
        goes_down: true,
    },
    NodeCase {
        name: "junk",
        begin: |node, proxy| {
            shut(proxy);
            node.say("<html>".into());
        },
        end: reopen,
        goes_down: true,
    },
    NodeCase {
        name: "a frame of 65 MiB",
        begin: |node, proxy| {
            shut(proxy);
            node.say("x".repeat(TOO_LARGE));
        },
        end: reopen,
        goes_down: true,
    },
    NodeCase {
        name: "never answering the upgrade",
        begin: |_, proxy| {
            proxy.new_are(New::Ignored);
            proxy.drop_all();
        },
        end: reopen,
        goes_down: true,
    },
    NodeCase {
        name: "refusing with 503",
        begin: |node, proxy| {
            node.set(|faults| faults.refuse = Some(503));
            proxy.drop_all();
        },
        end: |node, _| node.set(|faults| faults.refuse = None),
        goes_down: true,
    },
];

async fn node_case(case: &NodeCase) {
    let time = clock();
    let chain = chain(ChainId(31_337), time());
    let (node, address) = node(Arc::clone(&chain)).await;
    let proxy = Proxy::start(address).await;
    let (receiver, hook) = receiver(Answer::Status(204)).await;
    let system = "[system]\nnotify = [\"ops\"]\n";
    let stage = Stage::start(&[system, &devnet(proxy.address(), "\"ops\""), &sink("ops", hook)].concat()).await;
    stage.follows("devnet").await;
    let mining = CancellationToken::new();
    let miner = {
        let (chain, mining, time) = (Arc::clone(&chain), mining.clone(), time.clone());
        tokio::spawn(async move {
            while mining.run_until_cancelled(sleep(BLOCK_EVERY)).await.is_some() {
                pay(&chain, time());
            }
        })
    };
    let name = case.name;
    until(&format!("{name}: it begins well"), async || took(&receiver, "transfer.seen").len() >= 2).await;
    (case.begin)(&node, &proxy);
    if case.goes_down {
        until(&format!("{name}: source_up is 0"), async || !stage.is_up("node").await).await;
    }
    until(&format!("{name}: blindness is said"), async || took(&receiver, "source.blind").len() == 1).await;
    (case.end)(&node, &proxy);
    until(&format!("{name}: source_up is 1"), async || stage.is_up("node").await).await;
    until(&format!("{name}: blindness is taken back"), async || took(&receiver, "source.recovered").len() == 1).await;
    mining.cancel();
    miner.await.expect("the miner ends");
    // What was told is told once, and all of it.
    let told = || took(&receiver, "transfer.seen");
    until(&format!("{name}: all is told"), async || told().len() >= paid(&chain)).await;
    let ids: BTreeSet<String> = told().iter().map(|body| body["data"]["tx_hash"].to_string()).collect();
    assert_eq!((told().len(), ids.len()), (paid(&chain), paid(&chain)), "{name}: each once");
    let blind = took(&receiver, "source.blind");
    assert_eq!(blind[0]["data"]["chain"], "devnet", "{name}");
    stage.stop().await;
}

/// A fault of a feed's socket.
struct FeedCase {
    name: &'static str,
    venues: &'static [Venue],
    begin: fn(&PriceFeed, &Proxy),
    end: fn(&PriceFeed, &Proxy),
}

fn open_again(_: &PriceFeed, proxy: &Proxy) {
    proxy.new_are(New::Forwarded);
}

const EACH: &[Venue] = &[Venue::Coinbase, Venue::Kraken, Venue::Binance];
/// Binance speaks of nothing but prices, answers a ping while it is silent, and refuses a request without saying for which pair: what
/// becomes of that takes a minute and an hour, which the feed's own tests have on a clock of theirs.
const THAT_TALK: &[Venue] = &[Venue::Coinbase, Venue::Kraken];

const FEED_CASES: [FeedCase; 7] = [
    FeedCase {
        name: "a feed that drops the connection",
        venues: EACH,
        begin: |_, proxy| {
            shut(proxy);
            proxy.drop_all();
        },
        end: open_again,
    },
    FeedCase {
        name: "a half-open feed",
        venues: EACH,
        begin: |_, proxy| {
            proxy.freeze();
            shut(proxy);
        },
        end: open_again,
    },
    FeedCase {
        name: "a silent feed",
        venues: THAT_TALK,
        begin: |feed, _| feed.set(|faults| faults.silent = true),
        end: |feed, _| feed.set(|faults| faults.silent = false),
    },
    FeedCase {
        name: "a feed that refuses the resubscribe",
        venues: THAT_TALK,
        begin: |feed, proxy| {
            feed.set(|faults| faults.refuses = true);
            proxy.drop_all();
        },
        end: |feed, _| feed.set(|faults| faults.refuses = false),
    },
    FeedCase {
        name: "a feed of junk",
        venues: EACH,
        begin: |feed, proxy| {
            shut(proxy);
            (0..20).for_each(|_| feed.say("<html>".into()));
        },
        end: open_again,
    },
    FeedCase {
        name: "a feed with a frame of 65 MiB",
        venues: EACH,
        begin: |feed, proxy| {
            shut(proxy);
            feed.say("x".repeat(TOO_LARGE));
        },
        end: open_again,
    },
    FeedCase {
        name: "a feed that never answers the upgrade",
        venues: EACH,
        begin: |_, proxy| {
            proxy.new_are(New::Ignored);
            proxy.drop_all();
        },
        end: open_again,
    },
];

async fn feed_case(case: &FeedCase, venue: Venue) {
    let (kind, text) = match venue {
        Venue::Coinbase => ("coinbase", "ETH-USD"),
        Venue::Kraken => ("kraken", "ETH-USD"),
        Venue::Binance => ("binance", "ETH-USDT"),
    };
    let pair = Pair::parse(text).expect("it is a pair");
    let price = |text: &str| Price::parse(text).expect("it is a price");
    let feed = Arc::new(PriceFeed::of(venue, clock(), BTreeMap::from([(pair.clone(), price("2600"))])));
    let (listener, address) = listen().await;
    tokio::spawn(Arc::clone(&feed).serve(listener, CancellationToken::new()));
    let proxy = Proxy::start(address).await;
    // Another feed that nothing happens to: what it tells comes behind what the first one would have.
    let marker = Pair::parse("USDC-USD").expect("it is a pair");
    let beside = Arc::new(PriceFeed::new(clock(), BTreeMap::from([(marker.clone(), price("1"))])));
    let (listener, beside_at) = listen().await;
    tokio::spawn(Arc::clone(&beside).serve(listener, CancellationToken::new()));
    let (receiver, hook) = receiver(Answer::Status(204)).await;
    let config = format!(
        r#"
[system]
notify = ["ops"]
[[feed]]
name = "beside"
kind = "coinbase"
pairs = ["USDC-USD"]
url = "ws://{beside_at}"
[[rule]]
name = "marker"
when = "price"
pair = "USDC-USD"
below = "0.9"
recovers_at = "0.95"
notify = ["ops"]
[[feed]]
name = "prices"
kind = "{kind}"
pairs = ["{pair}"]
url = "ws://{}"
[[rule]]
name = "falls"
when = "price"
pair = "{pair}"
below = "2500"
recovers_at = "2550"
notify = ["ops"]
"#,
        proxy.address()
    );
    let stage = Stage::start(&(config + &sink("ops", hook))).await;
    let name = format!("{}, {kind}", case.name);
    // Binance says nothing of a last trade to whoever comes.
    let is_up = async |last: &str| {
        if venue == Venue::Binance {
            feed.trade(&pair, price(last));
        }
        stage.is_up("prices").await
    };
    until(&format!("{name}: it begins well"), async || is_up("2600").await).await;
    (case.begin)(&feed, &proxy);
    until(&format!("{name}: source_up is 0"), async || !stage.is_up("prices").await).await;
    // It falls while nobody hears it. What is told after that is told of the other feed.
    feed.trade(&pair, price("2400"));
    until(&format!("{name}: the other feed is heard"), async || stage.is_up("beside").await).await;
    beside.trade(&marker, price("0.8"));
    let crossed = |rule: &str| {
        let told = took(&receiver, "price.crossed");
        told.iter().filter(|body| body["data"]["rule"] == rule).count()
    };
    until(&format!("{name}: the other feed's crossing is told"), async || crossed("marker") == 1).await;
    assert_eq!(crossed("falls"), 0, "{name}: what is not known does not cross");
    (case.end)(&feed, &proxy);
    until(&format!("{name}: source_up is 1"), async || is_up("2400").await).await;
    until(&format!("{name}: the crossing is told"), async || crossed("falls") == 1).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_socket_does_it_is_said_and_nothing_is_lost_or_told_twice() {
    let nodes = futures::future::join_all(NODE_CASES.iter().map(node_case));
    let feeds = FEED_CASES.iter().flat_map(|case| case.venues.iter().map(|venue| feed_case(case, *venue)));
    futures::future::join(nodes, futures::future::join_all(feeds)).await;
}
