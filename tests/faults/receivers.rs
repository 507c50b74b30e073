//! Receivers that fail in every way at once: none holds up another, nothing is lost, and what comes again has the same id.

use crate::stage::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use walletwatch::types::ChainId;
use walletwatch::world::receiver::{Answer, Delivery, Receiver};

/// Transfers that are told.
const TRANSFERS: usize = 8;
/// What the receiver with too much to do asks for, in seconds: more than the schedule's own first wait.
const ASKED: u64 = 9;
/// A receiver that works has a message within this, whatever the others do. The machine is shared.
const PROMPT: Duration = Duration::from_secs(3);

fn by_id(receiver: &Receiver) -> BTreeMap<String, Vec<Delivery>> {
    let mut all: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    for delivery in receiver.deliveries().into_iter().filter(|it| body(it)["type"] == "transfer.seen") {
        all.entry(delivery.id.clone()).or_default().push(delivery);
    }
    all
}

fn all_taken(receiver: &Receiver) -> bool {
    by_id(receiver).values().filter(|tries| tries.iter().any(taken)).count() >= TRANSFERS
}

/// How often a delivery to this sink came to this.
fn attempts(metrics: &str, sink: &str, outcome: &str) -> u64 {
    let start = "walletwatch_delivery_attempts_total{";
    let of =
        |line: &&str| line.starts_with(start) && line.contains(&format!("sink=\"{sink}\"")) && line.contains(outcome);
    let line = metrics.lines().find(of).unwrap_or_else(|| panic!("no attempts of {sink} in {metrics}"));
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("it is a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_fail_lose_nothing_and_slow_nobody() {
    let time = clock();
    let chain = chain(ChainId(31_337), time());
    let (_node, node_at) = node(Arc::clone(&chain)).await;
    let (elsewhere, elsewhere_at) = receiver(Answer::Status(204)).await;
    let answers = [
        ("good", Answer::Status(204)),
        ("unwell", Answer::Status(500)),
        ("busy", Answer::SlowDown(ASKED)),
        ("gone", Answer::Status(410)),
        ("moved", Answer::Redirect(format!("http://{elsewhere_at}/hook"))),
        ("hanging", Answer::Hang),
        ("cut", Answer::CloseAfterBody),
    ];
    let mut config = String::from("[system]\nnotify = [\"good\"]\n");
    let mut receivers = BTreeMap::new();
    for (name, answer) in answers {
        let (receiver, at) = receiver(answer).await;
        config += &sink(name, at);
        receivers.insert(name, receiver);
    }
    // A port that nobody listens on, until later.
    let (reserved, down_at) = listen().await;
    drop(reserved);
    config += &sink("down", down_at);
    let names: Vec<String> = receivers.keys().chain(&["down"]).map(|name| format!("\"{name}\"")).collect();
    let stage = Stage::start(&(config + &devnet(node_at, &names.join(", ")))).await;
    stage.follows("devnet").await;

    let good = Arc::clone(&receivers["good"]);
    for nth in 1..=TRANSFERS {
        let mined = tokio::time::Instant::now();
        pay(&chain, time());
        until("the good receiver has it", async || by_id(&good).len() >= nth).await;
        assert!(mined.elapsed() < PROMPT, "the others slow the good one: {:?}", mined.elapsed());
    }
    // A message that fails twice rests for minutes: the receivers are well again as soon as each was tried.
    until("the closed port was tried", async || attempts(&stage.text("/metrics").await, "down", "again") > 0).await;
    for name in ["unwell", "busy", "moved", "hanging", "cut"] {
        until(&format!("{name} was tried"), async || !by_id(&receivers[name]).is_empty()).await;
        assert!(!by_id(&receivers[name]).values().flatten().any(taken), "{name} took nothing yet");
        receivers[name].answer_with(Answer::Status(204));
    }
    receivers["gone"].answer_with(Answer::Status(204));
    let down = Arc::new(Receiver::new(clock(), [7; 32]));
    let listener = TcpListener::bind(down_at).await.expect("the port is still free");
    tokio::spawn(Arc::clone(&down).serve(listener, CancellationToken::new()));
    receivers.insert("down", Arc::clone(&down));

    for name in ["unwell", "busy", "moved", "hanging", "cut", "down"] {
        until(&format!("{name} has everything"), async || all_taken(&receivers[name])).await;
        let tries = by_id(&receivers[name]);
        assert_eq!(tries.len(), TRANSFERS, "{name}: the same id each time");
        let transfers: BTreeSet<String> =
            tries.values().map(|tries| body(&tries[0])["data"]["transfer_id"].to_string()).collect();
        assert_eq!(transfers.len(), TRANSFERS, "{name}: an id is one transfer");
        for tries in tries.values() {
            assert_eq!(tries.iter().filter(|it| taken(it)).count(), 1, "{name}: nothing is sent that was taken");
            assert!(tries.iter().all(|it| it.body == tries[0].body), "{name}: the same body each time");
        }
    }
    // The pause that was asked for is kept, for every message.
    let busy = receivers["busy"].deliveries();
    let pause = Duration::from_secs(ASKED);
    let first = busy[0].at;
    assert!(busy.iter().all(|it| it.at.since(first) < Duration::from_secs(1) || it.at.since(first) >= pause));
    // Who is gone is not called again, and keeps its rows.
    let last = receivers["gone"].deliveries().iter().map(|it| it.at).max().expect("it was tried");
    assert!(last.since(receivers["gone"].deliveries()[0].at) < Duration::from_secs(1));
    let status = stage.status().await;
    let gone = status["sinks"].as_array().and_then(|sinks| sinks.iter().find(|sink| sink["sink"] == "gone"));
    let gone = gone.expect("it is shown");
    assert_eq!((gone["disabled"].as_bool(), gone["pending"].as_u64()), (Some(true), Some(TRANSFERS as u64)));
    assert_eq!(took(&good, "sink.failing").len(), 1, "that a sink is disabled is told on the others");
    assert_eq!(elsewhere.count(), 0, "redirects are not followed");
    stage.stop().await;
}
