//! What moved before the monitor was there: by the node, by the explorer alone, and by both.

use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::Receiver;
use super::everything::{self, Sources, Told};
use super::explorer::{self, Explorer};
use alloy::primitives::{Address, Bytes, U256};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Blocks that lie on top of the history: more than an explorer may still report anew.
const ON_TOP: u64 = 700;

/// A row of the list of transfers, as an alert would say it.
fn listed(row: &Value, watched: Address) -> Told {
    let party = |key: &str| row[key].as_str().and_then(|text| text.parse::<Address>().ok()).expect("an address");
    let direction = match (party("from") == watched, party("to") == watched) {
        (true, true) => "self",
        (true, false) => "out",
        (false, _) => "in",
    };
    (
        row["kind"].as_str().expect("a kind").to_owned(),
        direction.to_owned(),
        row["tx_hash"].as_str().and_then(|text| text.parse().ok()).expect("a hash"),
        row["nth"].as_u64().expect("a count"),
        row["asset"]["contract"].as_str().map(|text| text.parse().expect("an address")),
        row["amount_raw"].as_str().expect("an amount").to_owned(),
        row["amount"].as_str().map(str::to_owned),
    )
}

async fn complete(monitor: &Monitor) {
    let done =
        |status: &Value| status["chains"][0]["backfill_addresses"] == 0 && status["chains"][0]["gap_blocks"] == 0;
    monitor.until("/api/v1/status", |status| status["chains"][0]["block"].is_u64() && done(status)).await;
}

/// The transfers that the monitor holds, but for the markers and spoofs; each has to be history, and final.
async fn held(monitor: &Monitor, watched: Address) -> BTreeSet<Told> {
    let rows = monitor.list("/api/v1/transfers").await;
    let mut held = BTreeSet::new();
    for row in rows.iter().filter(|row| row["amount_raw"] != "0" && row["asset"]["verified"] == true) {
        assert_eq!((&row["stage"], &row["history"]), (&"final".into(), &true.into()), "{row}");
        assert_eq!(row["corroborated"], true, "{row}");
        assert!(held.insert(listed(row, watched)), "twice: {row}");
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_read_once_and_exactly_and_silently_by_node_by_explorer_and_by_both() {
    let Some(anvil) = Anvil::start("anvil: history", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (a, w, b) = (accounts[0], accounts[1], accounts[2]);
    let tokens = everything::prepare(&anvil).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &tokens).await;
    let mut expected = everything::everything(&anvil, a, w, b).await;
    anvil.mine(ON_TOP).await;
    for (rpc, etherscan) in [(true, false), (false, true), (true, true)] {
        let sources = Sources { rpc, etherscan };
        let receiver = Receiver::start().await;
        let config = everything::config(&anvil, &explorer, &receiver, w, sources);
        let config = config.replace("[[watch]]", "[[watch]]\nfrom_block = 0");
        let place = Place::new(&config);
        place.set("HOOK", &Receiver::secret());
        place.set("KEY", explorer::KEY);
        let mut monitor = place.start().await;
        // Killed in the middle, three times: what was read stays, and nothing is read twice.
        for _ in 0..3 {
            monitor.until("/api/v1/status", |status| status["chains"][0]["block"].is_u64()).await;
            monitor.kill().await;
            monitor = place.start().await;
        }
        complete(&monitor).await;
        let held = held(&monitor, w).await;
        let (missing, invented) = (expected.difference(&held), held.difference(&expected));
        let (missing, invented): (Vec<_>, Vec<_>) = (missing.collect(), invented.collect());
        assert!(missing.is_empty() && invented.is_empty(), "{sources:?}: missing {missing:#?}, invented {invented:#?}");
        // What is new is told; what was before was not.
        let marker = anvil.send(a, Some(w), U256::from(4_242), &Bytes::new()).await;
        anvil.mine(3).await;
        let heard = receiver.until(|heard| !everything::transfers(heard).is_empty()).await;
        let heard = heard.unwrap_or_else(|heard| panic!("{sources:?}: the marker is not told: {heard:?}"));
        for heard in everything::transfers(&heard) {
            assert_eq!(heard.text("tx_hash"), marker.to_string(), "{sources:?}: {}", heard.body);
            assert_eq!(heard.data()["history"], false);
        }
        assert!(monitor.stop().await.success());
        anvil.mine(ON_TOP).await;
        // To who comes later the marker is history too.
        let amount = Some("0.000000000000004242".to_owned());
        expected.insert(("coin".into(), "in".into(), marker, 0, None, "4242".into(), amount));
        told_where_a_rule_asks(&config, sources, &expected).await;
    }
}

/// The same again with a rule that speaks of history: every movement is told, once, and says that it is history.
async fn told_where_a_rule_asks(config: &str, sources: Sources, expected: &BTreeSet<Told>) {
    let receiver = Receiver::start().await;
    let url = config.lines().find(|line| line.starts_with("url = \"http") && !line.contains("/v2/api")).expect("a url");
    let config = config.replace(url, &format!("url = \"{}\"", receiver.url()));
    let place = Place::new(&config.replace(
        "when = \"transfer\"",
        "when = \"transfer\"\nhistory = true\nasset = [\"native\", \"TEST\", \"USDC\"]",
    ));
    place.set("HOOK", &Receiver::secret());
    place.set("KEY", explorer::KEY);
    let monitor = place.start().await;
    let enough = |heard: &[super::common::receiver::Heard]| everything::transfers(heard).len() >= expected.len();
    let heard = receiver.until(enough).await;
    let heard = heard.unwrap_or_else(|heard| panic!("{sources:?}: {} of {}", heard.len(), expected.len()));
    complete(&monitor).await;
    let mut told = BTreeMap::new();
    for heard in everything::transfers(&heard) {
        assert_eq!(heard.data()["history"], true, "{}", heard.body);
        assert_eq!(heard.kind(), "transfer.confirmed", "{}", heard.body);
        assert!(told.insert(heard.text("transfer_id").to_owned(), everything::told(heard)).is_none(), "{}", heard.body);
    }
    let told: BTreeSet<Told> = told.into_values().collect();
    let (missing, invented): (Vec<_>, Vec<_>) =
        (expected.difference(&told).collect(), told.difference(expected).collect());
    assert!(missing.is_empty() && invented.is_empty(), "{sources:?}: missing {missing:#?}, invented {invented:#?}");
    assert!(monitor.stop().await.success());
}
