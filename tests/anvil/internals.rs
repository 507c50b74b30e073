//! Internal movements by an explorer alone: their list shows no head, and they have to become confirmed and final all the same.

use super::common::anvil::Anvil;
use super::common::receiver::Heard;
use super::everything::{FORWARDER, Sources, party_with, transfers};
use super::evm;
use super::explorer::Explorer;
use alloy::primitives::U256;
use std::sync::Arc;

const EXPLORER: Sources = Sources { rpc: false, etherscan: true };

/// Every stage, four blocks to the last.
fn every_stage(config: String) -> String {
    let config = config.replace("confirmations = 2", "confirmations = 2\nfinal_after = 4");
    config.replace("when = \"transfer\"", "when = \"transfer\"\nstages = [\"seen\", \"confirmed\", \"final\"]")
}

/// The other lists of the address hold nothing at all, or one payment.
async fn check(other_lists: bool) {
    let Some(anvil) = Anvil::start("anvil: internal movements", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (payer, watched) = (accounts[0], accounts[1]);
    anvil.put_code(FORWARDER, &evm::forwarder()).await;
    anvil.mine(1).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let party = party_with(&anvil, &explorer, watched, EXPLORER, every_stage).await;
    if other_lists {
        anvil.pay(payer, watched, 1).await;
    }
    let tx = anvil.send(payer, Some(FORWARDER), U256::from(9), &evm::forward(watched, false)).await;
    anvil.mine(1).await;
    let kinds = |heard: &[Heard]| -> Vec<String> {
        let of_tx = transfers(heard).into_iter().filter(|heard| heard.text("tx_hash") == tx.to_string());
        of_tx.map(|heard| heard.kind().to_owned()).collect()
    };
    let mut all = vec!["transfer.seen"];
    party.receiver.until(|heard| kinds(heard) == all).await.unwrap_or_else(|heard| panic!("{:?}", kinds(&heard)));
    // Depth grows by blocks alone.
    for (blocks, stage) in [(1, "transfer.confirmed"), (2, "transfer.final")] {
        anvil.mine(blocks).await;
        all.push(stage);
        let heard = party.receiver.until(|heard| kinds(heard).len() >= all.len()).await;
        let heard = heard.unwrap_or_else(|heard| panic!("{stage} never came: {:?}", kinds(&heard)));
        assert_eq!(kinds(&heard), all);
    }
    assert!(party.monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_internal_movement_by_an_explorer_alone_is_confirmed_and_final_by_the_other_lists_head() {
    check(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_internal_movement_is_confirmed_and_final_where_nothing_else_shows_a_head() {
    check(false).await;
}
