//! The node as the wire room reads it, over real loopback sockets.

use super::*;
use crate::types::{ChainId, Kind, Movement};
use crate::wire::erc20::{DECIMALS, Reading, SYMBOL, decode_decimals, decode_text};
use crate::wire::jsonrpc as wire;
use crate::wire::jsonrpc::{At, Call};
use crate::world::chain::{Plan, Reorg};
use crate::world::testing::*;
use serde_json::value::RawValue;
use std::net::SocketAddr;

struct Served {
    node: Arc<Node>,
    address: SocketAddr,
    cancel: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn serve() -> Served {
    let node = Arc::new(Node::new(Arc::new(LiveChain::new(chain(ChainId(31_337))))));
    let (listener, address) = listen().await;
    let cancel = CancellationToken::new();
    tokio::spawn(node.clone().serve(listener, cancel.clone()));
    Served { node, address, cancel }
}

impl Served {
    /// The raw result of a call over HTTP, or what the wire makes of the error.
    async fn ask(&self, call: &Call) -> Result<Box<RawValue>, wire::Refusal> {
        let (status, _, body) = http(self.address, "POST / HTTP/1.1", &call.text(7)).await.expect("it answers");
        assert_eq!(status, 200);
        match wire::parse_message(&body).expect("it is a message") {
            wire::Message::Answer { id: 7, result } => result.map(ToOwned::to_owned).map_err(|error| error.refusal),
            other => panic!("{other:?}"),
        }
    }

    fn mine(&self) -> B256 {
        self.node.chain.change(|chain| chain.mine(noon(), &Plan::default()).at.hash)
    }
}

fn text(raw: &RawValue) -> String {
    wire::parse_text(raw).expect("it is text").into_owned()
}

#[tokio::test]
async fn a_block_with_one_of_everything_is_assembled_to_what_moved() {
    let served = serve().await;
    let latest = served.ask(&Call::BlockByNumber { at: At::Latest, whole: false }).await.expect("there is one");
    let hash = wire::parse_header(&latest).expect("it is a header").at.hash;
    let block = served.ask(&Call::BlockByHash { hash, whole: true }).await.expect("it knows it");
    let receipts = served.ask(&Call::Receipts(hash)).await.expect("it has them");
    let traces = served.ask(&Call::CallTraces(hash)).await.expect("it traces");
    let block = wire::parse_block(&block).expect("it is whole");
    let receipts = wire::parse_receipts(&receipts).expect("they are receipts");
    let traces = wire::parse_call_traces(&traces).expect("they are traces");
    let found = wire::assemble(&block, &receipts, Some(&traces), &Reading::default()).expect("all belongs together");
    let moved: Vec<(Kind, u64, Option<u64>)> = found
        .movements
        .iter()
        .map(|Movement { kind, amount, log_index, .. }| (*kind, amount.to::<u64>(), *log_index))
        .collect();
    assert_eq!(
        moved,
        [
            (Kind::Coin, 10, None),
            (Kind::Token, 10, Some(0)),
            (Kind::Token, 10, Some(1)),
            (Kind::Token, 10, Some(2)),
            (Kind::Token, 0, Some(3)),
            (Kind::Coin, 10, None),
            (Kind::Internal, 10, None),
            (Kind::Coin, 10, None),
            (Kind::Coin, 10, None),
        ]
    );
    let logs = served.ask(&Call::BlockLogs(hash)).await.expect("it has them");
    assert_eq!(wire::parse_logs(&logs).expect("they are logs").len(), 4);
    let topics = vec![vec![crate::wire::erc20::TRANSFER]];
    let ranged = served.ask(&Call::Logs { from: 0, to: 1, topics }).await.expect("it has them");
    assert_eq!(ranged.get(), logs.get());
    let none = served.ask(&Call::Logs { from: 0, to: 1, topics: vec![vec![hash]] }).await.expect("it has none");
    assert_eq!(none.get(), "[]");
    let failed = served.ask(&Call::Receipt(block.txs[1].hash)).await.expect("it has it");
    assert_eq!(wire::parse_receipt(&failed).expect("it is one").and_then(|receipt| receipt.succeeded), Some(false));
    let unknown = served.ask(&Call::Receipt(hash)).await.expect("it says null");
    assert_eq!(wire::parse_receipt(&unknown), Ok(None));
}

#[tokio::test]
async fn numbers_balances_tokens_and_fees_are_read() {
    let served = serve().await;
    let first = served.ask(&Call::BlockByNumber { at: At::Number(0), whole: false }).await.expect("it has it");
    let block = wire::parse_header(&first).expect("it is a header").at.hash;
    let id = served.ask(&Call::ChainId).await.expect("it has one");
    assert_eq!(wire::parse_number(&id), Ok(31_337));
    let height = served.ask(&Call::BlockNumber).await.expect("it has one");
    assert_eq!(wire::parse_number(&height), Ok(1));
    let balance =
        served.ask(&Call::Balance { of: account(1), at: wire::StateAt::Hash(block) }).await.expect("it has it");
    assert_eq!(wire::parse_amount(&balance), Ok(crate::types::U256::from(10).pow(crate::types::U256::from(20))));
    let decimals = served.ask(&Call::Read { to: TOKEN, data: DECIMALS }).await.expect("it has some");
    assert_eq!(decode_decimals(&text(&decimals)), Some(6));
    let symbol = served.ask(&Call::Read { to: TOKEN, data: SYMBOL }).await.expect("it has one");
    assert_eq!(decode_text(&text(&symbol)).expect("it is text").as_str(), "SIM");
    let nobody = served.ask(&Call::Read { to: account(1), data: DECIMALS }).await.expect("it is no contract");
    assert_eq!(decode_decimals(&text(&nobody)), None);
    let fees = served.ask(&Call::FeeHistory { blocks: 2, percentiles: vec![50] }).await.expect("it has them");
    let fees = wire::fee_history(&fees).expect("they are fees");
    assert_eq!((fees.oldest, fees.base_fees.len(), fees.tips.len()), (0, 3, 2));
    let flat = served.ask(&Call::TraceBlock(1)).await.expect_err("geth has no such method");
    assert_eq!(flat, wire::Refusal::MethodMissing);
}

#[tokio::test]
async fn heads_are_announced_over_a_fork_and_batches_are_answered() {
    let served = serve().await;
    let mut peer = connect(served.address).await;
    say(&mut peer, Call::batch([(1, &Call::SubscribeHeads), (2, &Call::BlockNumber)])).await;
    let answer = hear(&mut peer).await.expect("it answers");
    let answers = wire::parse_batch(&answer).expect("it is a batch");
    let [wire::Message::Answer { id: 1, result: Ok(id) }, wire::Message::Answer { id: 2, result: Ok(_) }] =
        &answers[..]
    else {
        panic!("{answers:?}")
    };
    let id = text(id);
    let mut expected = vec![served.mine(), served.mine()];
    let reorg = Reorg { depth: 2, blocks: 3, ..Reorg::default() };
    expected.extend(
        served
            .node
            .chain
            .change(|chain| chain.reorg(noon(), &reorg))
            .expect("it may")
            .iter()
            .map(|block| block.at.hash),
    );
    let newest = *expected.last().expect("there are five");
    let mut heard = Vec::new();
    while heard.last() != Some(&newest) {
        let frame = hear(&mut peer).await.expect("it announces");
        let Ok(wire::Message::Notice { subscription, result }) = wire::parse_message(&frame) else { panic!("{frame}") };
        assert_eq!(subscription, id);
        heard.push(wire::parse_header(result).expect("it is a header").at.hash);
    }
    // Blocks that were replaced before they could be announced need not be; what stands is announced, in order.
    heard.retain(|hash| expected[2..].contains(hash));
    assert_eq!(heard, expected[2..]);
    say(&mut peer, Call::Unsubscribe(id).text(3)).await;
    assert!(hear(&mut peer).await.is_some_and(|answer| answer.contains("true")));
}

#[tokio::test]
async fn faults_are_those_that_clients_know() {
    let served = serve().await;
    let hash = served.mine();
    let block = Call::BlockByHash { hash, whole: true };
    served.node.set(|faults| faults.null_blocks = 1);
    assert_eq!(served.ask(&block).await.expect("it is null").get(), "null");
    assert_ne!(served.ask(&block).await.expect("it is there").get(), "null");
    let parent = Call::Receipts(served.node.chain.read(|chain| chain.at(1).expect("it stands").at.hash));
    served.node.set(|faults| faults.empty_receipts = 1);
    assert_eq!(served.ask(&parent).await.expect("it is empty").get(), "[]");
    assert_ne!(served.ask(&parent).await.expect("it is there").get(), "[]");
    served.node.set(|faults| faults.rate_limited = 1);
    assert!(matches!(served.ask(&Call::ChainId).await, Err(wire::Refusal::RateLimited { .. })));
    served.node.set(|faults| {
        faults.chain_id = Some(5);
        faults.lag = 1;
        faults.without.insert("debug_traceBlockByHash".into());
        faults.no_tags = true;
    });
    assert_eq!(served.ask(&Call::ChainId).await.expect("it lies").get(), "\"0x5\"");
    assert_eq!(served.ask(&Call::BlockNumber).await.expect("it lags").get(), "\"0x1\"");
    assert_eq!(served.ask(&block).await.expect("it does not know it yet").get(), "null");
    assert_eq!(served.ask(&Call::CallTraces(hash)).await.expect_err("it is gone"), wire::Refusal::MethodMissing);
    let safe = Call::BlockByNumber { at: At::Safe, whole: false };
    assert_eq!(served.ask(&safe).await.expect_err("it has no tags"), wire::Refusal::NotFound);
    let logs = Call::Logs { from: 0, to: 2, topics: vec![] };
    assert_eq!(served.ask(&logs).await.expect_err("it is above its head"), wire::Refusal::BeyondHead);
    served.node.set(|faults| *faults = NodeFaults { most_blocks: Some(2), ..NodeFaults::default() });
    assert!(matches!(served.ask(&logs).await, Err(wire::Refusal::RangeTooLarge { .. })));
    served.node.set(|faults| faults.refuse = Some(503));
    assert_eq!(http(served.address, "POST / HTTP/1.1", "{}").await.map(|answer| answer.0), Some(503));
    assert!(served.node.times_asked("eth_chainId") >= 2);
}

#[tokio::test]
async fn a_socket_is_cut_ended_or_half_open() {
    let served = serve().await;
    let mut peer = connect(served.address).await;
    say(&mut peer, Call::SubscribeHeads.text(1)).await;
    hear(&mut peer).await.expect("it answers");
    served.node.say_subscription_over();
    let frame = hear(&mut peer).await.expect("it says so");
    let Ok(wire::Message::Orphan(error)) = wire::parse_message(&frame) else { panic!("{frame}") };
    assert_eq!(error.refusal, wire::Refusal::SubscriptionEnded);
    served.node.set(|faults| faults.paused = true);
    let last = (served.mine(), served.mine()).1;
    say(&mut peer, Call::BlockNumber.text(2)).await;
    // Nothing comes while it is paused; both heads and the answer come when it wakes.
    let silent = tokio::time::timeout(std::time::Duration::from_millis(50), hear(&mut peer)).await;
    assert!(silent.is_err(), "{silent:?}");
    served.node.set(|faults| faults.paused = false);
    let frames =
        [hear(&mut peer).await, hear(&mut peer).await, hear(&mut peer).await].map(|frame| frame.expect("it came"));
    assert_eq!(frames.iter().filter(|frame| frame.contains("eth_subscription")).count(), 2);
    assert!(frames.iter().any(|frame| frame.contains(&format!("{last:#x}"))));
    served.node.drop_connections();
    assert_eq!(hear(&mut peer).await, None);
    connect(served.address).await;
}
