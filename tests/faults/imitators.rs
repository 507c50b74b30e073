//! Explorers that imitate Etherscan, for chains that its key does not cover: each an account of its own.

use crate::stage::*;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use walletwatch::types::ChainId;
use walletwatch::wire::etherscan::Dialect;
use walletwatch::world::explorer::imitator::Imitator;
use walletwatch::world::explorer::{Explorer, ExplorerSettings, Plan};
use walletwatch::world::receiver::Answer;

/// Long enough for every list to be read a few times.
const CALLS: usize = 12;

fn settings(calls_per_second: usize) -> ExplorerSettings {
    ExplorerSettings { calls_per_second, ..ExplorerSettings::of(Plan::Standard) }
}

/// Three chains: Etherscan has the first, and an explorer of its own each of the others.
fn config(at: SocketAddr, blockscout_at: SocketAddr, routescan_at: SocketAddr) -> String {
    format!(
        r#"
[system]
notify = ["ops"]
[etherscan]
url = "http://{at}/v2/api"
api_key = "env:KEY"
[[explorer]]
chain = "base"
kind = "blockscout"
url = "http://{blockscout_at}/api"
api_key = "env:KEY"
[[explorer]]
chain = "optimism"
kind = "routescan"
url = "http://{routescan_at}/v2/network/mainnet/evm/10/etherscan/api"
[[watch]]
name = "hot"
address = "{WATCHED}"
chains = ["ethereum", "base", "optimism"]
[[rule]]
name = "in"
when = "transfer"
watch = ["hot"]
direction = "in"
stage = "seen"
notify = ["ops"]
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_that_the_key_does_not_cover_are_read_by_explorers_of_their_own() {
    let time = clock();
    let chains: Vec<_> = [1, 8_453, 10].map(|id| chain(ChainId(id), time())).into();
    // Whoever asks Etherscan for another chain than the first fails the test.
    let etherscan = Arc::new(Explorer::new(Arc::clone(&chains[0]), settings(3)));
    let (listener, at) = listen().await;
    tokio::spawn(Arc::clone(&etherscan).serve(listener, CancellationToken::new()));
    let (listener, blockscout_at) = listen().await;
    let within = Arc::new(Explorer::new(Arc::clone(&chains[1]), settings(5)));
    let blockscout = Arc::new(Imitator::new(Arc::clone(&within), Dialect::Blockscout, ChainId(8_453), true));
    tokio::spawn(Arc::clone(&blockscout).serve(listener, CancellationToken::new()));
    let (listener, routescan_at) = listen().await;
    let behind = Arc::new(Explorer::new(Arc::clone(&chains[2]), settings(2)));
    let routescan = Arc::new(Imitator::new(Arc::clone(&behind), Dialect::Routescan, ChainId(10), false));
    tokio::spawn(Arc::clone(&routescan).serve(listener, CancellationToken::new()));
    let (receiver, hook) = receiver(Answer::Status(204)).await;
    let config = config(at, blockscout_at, routescan_at);
    let stage = Stage::start(&(config + &sink("ops", hook))).await;
    for source in ["etherscan", "blockscout-base", "routescan-optimism"] {
        until(source, async || stage.is_up(source).await).await;
    }
    // The lists are read once before anything happens, so that what comes is new.
    until("each is asked", async || {
        etherscan.calls() >= CALLS && blockscout.calls().1 >= CALLS as u64 && routescan.calls().1 >= CALLS as u64
    })
    .await;
    // Blockscout's internal lists stay behind all the time: what they have is told, and nothing is taken back.
    blockscout.set_pending(true);
    chains.iter().for_each(|chain| pay(chain, time()));
    until("all three are told", async || took(&receiver, "transfer.seen").len() >= 3).await;
    let told = took(&receiver, "transfer.seen");
    let names: BTreeSet<_> =
        told.iter().map(|body| body["data"]["chain"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!((told.len(), names), (3, ["base", "ethereum", "optimism"].map(str::to_owned).into()));
    assert!(took(&receiver, "source.blind").is_empty() && took(&receiver, "transfer.retracted").is_empty());
    let status = stage.status().await;
    let budgets = status["explorers"].as_array().expect("a list");
    let left =
        |source: &str| budgets.iter().find(|item| item["source"] == source).map(|item| item["calls_per_day"].clone());
    assert_eq!(left("etherscan"), Some(100_000.into()));
    assert_eq!(left("blockscout-base"), Some(5_000.into()));
    assert_eq!(left("routescan-optimism"), Some(10_000.into()));
    let metrics = stage.text("/metrics").await;
    for part in [
        "walletwatch_etherscan_budget_remaining_requests{source=\"blockscout-base\"} 49",
        "walletwatch_etherscan_budget_remaining_requests{source=\"routescan-optimism\"} 99",
        "walletwatch_source_up{source=\"blockscout-base\",kind=\"explorer\",chain=\"base\"} 1",
    ] {
        assert!(metrics.contains(part), "{part}\n{metrics}");
    }
    let (rpc, all) = blockscout.calls();
    assert!(rpc >= 1 && rpc < all, "its head is asked for by its JSON-RPC: {rpc} of {all}");
    assert_eq!(routescan.calls().0, 0);
    for (name, most, explorer) in [("etherscan", 3, &etherscan), ("blockscout", 5, &within), ("routescan", 2, &behind)]
    {
        // A busy machine delivers late what started in time; to the millisecond it is measured in tests/explorer.rs.
        assert!(explorer.most_in_a_second() <= most + 1, "{name}: {}", explorer.most_in_a_second());
    }
    // A chain that Routescan drops is said by name, and concerns nobody else.
    routescan.set_unknown(true);
    until("the dropped chain is said", async || !took(&receiver, "source.blind").is_empty()).await;
    let blind = took(&receiver, "source.blind");
    assert_eq!(blind[0]["data"]["source"], "routescan-optimism", "{blind:?}");
    assert!(
        blind[0]["data"]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("this [[explorer]] does not cover the chain"))
    );
    assert!(stage.is_up("etherscan").await && stage.is_up("blockscout-base").await);
    stage.stop().await;
}
