//! Balance rules where an explorer alone reads: of about a block, and crossed, recovered and held all the same.

use super::balances::{TOKEN_LOW, token};
use super::common::anvil::Anvil;
use super::common::receiver::Heard;
use super::everything::{Party, Sources, TEST, party_with};
use super::explorer::Explorer;
use alloy::primitives::{Address, U256};
use serde_json::{Value, json};
use std::sync::Arc;

const ALONE: Sources = Sources { rpc: false, etherscan: true };

/// Waits until the API says that the watch holds so much.
async fn holds(party: &Party, amount: &str) {
    let is_there = |answer: &Value| {
        let mut rows = answer["items"].as_array().into_iter().flatten();
        rows.any(|row| row["asset"]["symbol"] == "TEST" && row["amount"] == amount)
    };
    party.monitor.until("/api/v1/balances?watch=hot", is_there).await;
}

/// What was said by a rule, once it is as much as this.
async fn said(party: &Party, rule: &str, kinds: &[&str]) -> Vec<Heard> {
    let of_rule =
        |heard: &[Heard]| -> Vec<Heard> { heard.iter().filter(|heard| heard.text("rule") == rule).cloned().collect() };
    let heard = party.receiver.until(|heard| of_rule(heard).len() >= kinds.len()).await;
    let heard = of_rule(&heard.unwrap_or_else(|heard| heard));
    assert_eq!(heard.iter().map(Heard::kind).collect::<Vec<_>>(), kinds, "{rule}");
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_that_an_explorer_reads_cross_recover_and_hold() {
    let Some(anvil) = Anvil::start("anvil: balances by an explorer", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (payer, watched) = (accounts[0], accounts[1]);
    anvil.put_code(TEST, &token()).await;
    for (of, amount) in [(payer, 1_000_000_000_000_u64), (watched, 2_000_000_000)] {
        let (slot, amount) = (of.into_word(), format!("{:#066x}", U256::from(amount)));
        anvil.call("anvil_setStorageAt", json!([TEST.to_string(), slot.to_string(), amount])).await;
    }
    anvil.mine(3).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[(TEST, "TEST", 6)]).await;
    let party = party_with(&anvil, &explorer, watched, ALONE, |config| config + TOKEN_LOW).await;
    holds(&party, "2000").await;
    let pay = async |from: Address, to: Address, raw: u64| {
        let data = [from.into_word(), to.into_word(), U256::from(raw).into()].concat();
        anvil.send(payer, Some(TEST), U256::ZERO, &data.into()).await;
        anvil.mine(1).await;
    };
    pay(watched, payer, 1_500_000_001).await;
    let heard = said(&party, "token low", &["balance.crossed"]).await;
    let data = heard[0].data();
    assert_eq!((&data["amount"], &data["block"]["hash"]), (&json!("499.999999"), &Value::Null), "{data}");
    said(&party, "token low for long", &["balance.crossed"]).await;
    // One unit short of the way back, and there.
    pay(payer, watched, 900_000_000).await;
    holds(&party, "1399.999999").await;
    pay(payer, watched, 1).await;
    said(&party, "token low", &["balance.crossed", "balance.recovered"]).await;
    said(&party, "token low for long", &["balance.crossed", "balance.recovered"]).await;
    assert!(party.monitor.stop().await.success());
}
