//! The node is cut off for more than a minute: the explorer reads the chain in its place and says so; then it is handed back. Nothing is
//! lost and nothing is told twice, not even where the chain forked meanwhile.

use super::common::anvil::Anvil;
use super::common::receiver::Heard;
use super::everything::{FORWARDER, Sources, party_with, transfers};
use super::evm;
use super::explorer::Explorer;
use super::proxy::Proxy;
use alloy::primitives::{B256, U256};
use std::collections::BTreeMap;
use std::sync::Arc;

const BOTH: Sources = Sources { rpc: true, etherscan: true };

fn of_kind<'h>(heard: &'h [Heard], kind: &str) -> Vec<&'h Heard> {
    heard.iter().filter(|heard| heard.kind() == kind && heard.text("source") == "endpoints").collect()
}

/// The stages that were told of each transaction, in order.
fn told(heard: &[Heard]) -> BTreeMap<String, Vec<&str>> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for heard in transfers(heard) {
        all.entry(heard.text("tx_hash").to_owned()).or_default().push(heard.kind());
    }
    all
}

fn is_told(heard: &[Heard], tx: B256, kind: &str) -> bool {
    transfers(heard).iter().any(|heard| heard.kind() == kind && heard.text("tx_hash") == tx.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_is_stood_in_for_by_the_explorer_and_handed_back() {
    let Some(anvil) = Anvil::start("anvil: a node cut off", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (payer, watched) = (accounts[0], accounts[1]);
    anvil.put_code(FORWARDER, &evm::forwarder()).await;
    anvil.mine(5).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let node = Proxy::start(Arc::clone(&anvil)).await;
    let party = party_with(&anvil, &explorer, watched, BOTH, |config| {
        let config = config.replace(&anvil.ws(), &node.url());
        config.replace("when = \"transfer\"", "when = \"transfer\"\nstages = [\"seen\", \"confirmed\"]")
    })
    .await;
    let by = |name: &'static str| {
        move |status: &serde_json::Value| {
            let word = status["chains"][0]["authority"]["coin"].as_str().unwrap_or_default();
            word.split(' ').next() == Some(name)
        }
    };
    party.monitor.until("/api/v1/status", by("rpc")).await;
    let before = anvil.pay(payer, watched, 1).await;
    anvil.mine(2).await;
    let confirmed = |tx: B256| move |heard: &[Heard]| is_told(heard, tx, "transfer.confirmed");
    party.receiver.until(confirmed(before)).await.expect("the node told it");

    // More blocks than the window is walked back over, and what moves in them is told by the explorer.
    node.away(true);
    let mut during = Vec::new();
    for nth in 0..4 {
        during.push(anvil.pay(payer, watched, 100 + nth).await);
        anvil.mine(90).await;
    }
    during.push(anvil.send(payer, Some(FORWARDER), U256::from(9), &evm::forward(watched, false)).await);
    anvil.mine(3).await;
    for tx in &during {
        let heard = party.receiver.until(confirmed(*tx)).await;
        heard.unwrap_or_else(|heard| panic!("the explorer did not tell {tx}: {:#?}", told(&heard)));
    }
    let silent = party.receiver.until(|heard| !of_kind(heard, "source.blind").is_empty()).await;
    let silent = silent.expect("that the explorer reads the chain is said");
    let said = of_kind(&silent, "source.blind");
    assert!(said[0].text("reason").contains("etherscan reads the chain in their place"), "{}", said[0].body);
    let taken =
        |status: &serde_json::Value| by("explorer")(status) && status["chains"][0]["taken_over_since"].is_string();
    party.monitor.until("/api/v1/status", taken).await;
    party.monitor.until("/api/v1/status", |status| status["ready"] == true).await;

    // The last blocks are replaced while the node is still away: what it comes back with is another fork than the explorer told of.
    let gone = anvil.pay(payer, watched, 500).await;
    anvil.mine(2).await;
    party.receiver.until(confirmed(gone)).await.expect("the explorer told it");
    anvil.reorg(2).await;
    anvil.mine(2).await;
    node.away(false);
    let back = party.receiver.until(|heard| !of_kind(heard, "source.recovered").is_empty()).await;
    let back = back.expect("that the node is back is said");
    assert!(of_kind(&back, "source.recovered")[0].text("reason").contains("read again"));
    let handed = |status: &serde_json::Value| {
        by("rpc")(status) && status["chains"][0]["taken_over_since"].is_null() && status["chains"][0]["gap_blocks"] == 0
    };
    party.monitor.until("/api/v1/status", handed).await;
    let after = anvil.pay(payer, watched, 2).await;
    anvil.mine(2).await;
    party.receiver.until(confirmed(after)).await.expect("the node tells again");
    let heard = party.receiver.until(|heard| is_told(heard, gone, "transfer.retracted")).await;
    let heard = heard.unwrap_or_else(|heard| panic!("it was not taken back: {:#?}", told(&heard)));
    let told = told(&heard);
    let mut kept: Vec<B256> = during;
    kept.extend([before, after]);
    assert_eq!(told.len(), kept.len() + 1, "{told:#?}");
    for tx in kept {
        assert_eq!(told[&tx.to_string()], ["transfer.seen", "transfer.confirmed"], "{tx}");
    }
    assert_eq!(told[&gone.to_string()], ["transfer.seen", "transfer.confirmed", "transfer.retracted"]);
    let wrong: Vec<_> = heard.iter().filter(|heard| heard.kind() == "source.disagrees").collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!((of_kind(&heard, "source.blind").len(), of_kind(&heard, "source.recovered").len()), (1, 1));
    assert!(party.monitor.stop().await.success());
}
