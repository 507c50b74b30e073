//! The explorer's limits, measured where they are enforced: at the server.

use crate::config;
use crate::stage::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use walletwatch::types::ChainId;
use walletwatch::world::explorer::{Explorer, ExplorerSettings};
use walletwatch::world::receiver::Answer;

/// So many calls read every list twice: of two addresses on two chains eight each.
const CALLS: usize = 40;
/// What a free key allows.
const CALLS_A_SECOND: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_chains_share_three_calls_a_second_and_one_outside_the_plan_is_said() {
    let time = clock();
    let chains: Vec<_> = [1, 100, 137].map(|id| chain(ChainId(id), time())).into();
    let refused = ChainId(137);
    let settings = ExplorerSettings {
        calls_per_second: CALLS_A_SECOND,
        not_in_plan: BTreeSet::from([refused]),
        ..ExplorerSettings::default()
    };
    let explorer = Explorer::new(Arc::clone(&chains[0]), settings);
    let explorer = Arc::new(explorer.and(Arc::clone(&chains[1])).and(Arc::clone(&chains[2])));
    let (listener, address) = listen().await;
    tokio::spawn(Arc::clone(&explorer).serve(listener, CancellationToken::new()));
    let (receiver, hook) = receiver(Answer::Status(204)).await;
    let etherscan = config::etherscan(&format!("http://{address}/v2/api"), CALLS_A_SECOND, 100_000);
    let config = format!(
        r#"
[system]
notify = ["ops"]
{etherscan}
[[watch]]
name = "hot"
address = "{WATCHED}"
chains = ["ethereum", "gnosis", "polygon"]
[[watch]]
name = "other"
address = "{PAYER}"
chains = ["ethereum", "gnosis", "polygon"]
[[rule]]
name = "in"
when = "transfer"
watch = ["hot"]
direction = "in"
stage = "seen"
notify = ["ops"]
"#
    );
    let stage = Stage::start(&(config + &sink("ops", hook))).await;
    until("the refused chain is said", async || !took(&receiver, "source.blind").is_empty()).await;
    let blind = took(&receiver, "source.blind");
    assert_eq!((blind.len(), blind[0]["data"]["chain"].as_str()), (1, Some("polygon")), "{blind:?}");
    assert!(!stage.gauge_of("chain=\"polygon\"").await);
    until("the others are read", async || {
        stage.gauge_of("chain=\"ethereum\"").await && stage.gauge_of("chain=\"gnosis\"").await
    })
    .await;
    chains.iter().for_each(|chain| pay(chain, time()));
    until("both transfers are told", async || took(&receiver, "transfer.seen").len() >= 2).await;
    let told: BTreeSet<_> =
        took(&receiver, "transfer.seen").iter().map(|body| body["data"]["chain"].to_string()).collect();
    assert_eq!(told, BTreeSet::from(["\"ethereum\"".to_owned(), "\"gnosis\"".to_owned()]));
    until("the lists are read again", async || explorer.calls() >= CALLS).await;
    assert!(explorer.most_in_a_second() <= CALLS_A_SECOND, "{} in a second", explorer.most_in_a_second());
    stage.stop().await;
}
