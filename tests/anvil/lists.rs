//! What only an explorer's lists can do: fill a page with one transaction, and forget a row.

use super::common::anvil::Anvil;
use super::common::receiver::Heard;
use super::everything::{Sources, TEST, party, transfers};
use super::evm;
use super::explorer::Explorer;
use alloy::primitives::{B256, U256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// More than a page holds, all in one transaction and all alike: only their count tells them apart.
const ALIKE: usize = 1_100;

const EXPLORER: Sources = Sources { rpc: false, etherscan: true };
const NODE: Sources = Sources { rpc: true, etherscan: false };

fn is_told(heard: &[Heard], tx: B256, kind: &str) -> bool {
    heard.iter().any(|heard| heard.kind() == kind && heard.text("tx_hash") == tx.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_fills_more_than_a_page_is_told_whole_by_node_and_by_explorer() {
    let Some(anvil) = Anvil::start("anvil: pages", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (payer, watched) = (accounts[0], accounts[1]);
    anvil.put_code(TEST, &evm::token("TEST", 6)).await;
    anvil.mine(1).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[(TEST, "TEST", 6)]).await;
    let parties = [party(&anvil, &explorer, watched, NODE).await, party(&anvil, &explorer, watched, EXPLORER).await];
    let alike = vec![(payer, watched, U256::from(5)); ALIKE];
    anvil.send(payer, Some(TEST), U256::ZERO, &evm::logs(&alike)).await;
    anvil.mine(3).await;
    let mut keys = Vec::new();
    for party in &parties {
        let heard = party.receiver.until(|heard| transfers(heard).len() >= ALIKE).await;
        let heard = heard.unwrap_or_else(|heard| panic!("{} of {ALIKE} were told", transfers(&heard).len()));
        assert_eq!(transfers(&heard).len(), ALIKE);
        let nths: BTreeSet<_> = transfers(&heard).iter().map(|heard| heard.data()["nth"].as_u64()).collect();
        assert_eq!(nths, (0..ALIKE as u64).map(Some).collect());
        keys.push(transfers(&heard).iter().map(|heard| heard.text("transfer_id").to_owned()).collect::<BTreeSet<_>>());
    }
    assert_eq!(keys[0], keys[1], "node and explorer mean the same transfers");
    assert!(explorer.pages() > 1, "a page was enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_explorer_alone_forgets_is_taken_back_and_the_rest_is_left_alone() {
    let Some(anvil) = Anvil::start("anvil: forgotten rows", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    anvil.mine(1).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let party = party(&anvil, &explorer, accounts[1], EXPLORER).await;
    let stays = anvil.pay(accounts[0], accounts[1], 1).await;
    anvil.mine(1).await;
    let goes = anvil.pay(accounts[0], accounts[1], 2).await;
    anvil.mine(3).await;
    let both = |heard: &[Heard]| [stays, goes].iter().all(|tx| is_told(heard, *tx, "transfer.confirmed"));
    party.receiver.until(both).await.expect("both were told, in whatever order");
    anvil.reorg(3).await;
    anvil.mine(3).await;
    let heard = party.receiver.until(|heard| is_told(heard, goes, "transfer.retracted")).await;
    let heard = heard.unwrap_or_else(|_| panic!("it was not taken back"));
    let kinds = |tx: B256| -> Vec<&str> {
        let of_tx = transfers(&heard).into_iter().filter(|heard| heard.text("tx_hash") == tx.to_string());
        of_tx.map(Heard::kind).collect()
    };
    assert_eq!(kinds(goes), ["transfer.confirmed", "transfer.retracted"]);
    assert_eq!(kinds(stays), ["transfer.confirmed"]);
    assert!(party.monitor.stop().await.success());
}
