//! What real nodes said, through the real socket code over loopback: the right heads, blocks and fees, and nothing else.
//!
//! A recording is a frame or an answer, no whole conversation: what a node is asked besides (who it is, its newest block) is made up here.

use super::recordings;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use walletwatch::config::checked::EndpointConfig;
use walletwatch::net::{HttpClient, Tls, install_crypto_provider};
use walletwatch::reactor::event::{Event, Fees, Run, SourceState};
use walletwatch::reactor::wants::Wants;
use walletwatch::sources::chain::{ChainReader, unchanging};
use walletwatch::sources::queue::{EventIntake, event_queue};
use walletwatch::telemetry::{Metrics, Tally};
use walletwatch::types::{ChainId, Kind, Secret, Timestamp, U256};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// The subscription in the recorded head.
const SUBSCRIPTION: &str = "\"0x1a14b6bdcf4542fabf71c4abee244e47\"";

fn recorded(file: &str) -> Option<String> {
    Some(fs::read_to_string(recordings("streams")?.join(file)).expect("it can be read"))
}

/// The result of a recorded answer of geth's, byte for byte.
fn result(path: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        result: Box<RawValue>,
    }
    let cases: Vec<Value> = serde_json::from_str(&recorded("evm_execution_apis_cases.json")?).expect("it is a list");
    let case = cases.iter().find(|case| case["path"].as_str().is_some_and(|is| is.contains(path)));
    let frames = case.expect("it is recorded")["frames"].as_array().expect("frames");
    let raw = frames.iter().find(|frame| frame["dir"] == "recv").and_then(|frame| frame["raw"].as_str());
    let answer: Answer = serde_json::from_str(raw.expect("an answer")).expect("it has a result");
    Some(answer.result.get().to_owned())
}

/// What a node answers: the text of a result, or nothing where it has no such method.
type Says = Box<dyn Fn(&str, &Value) -> Option<String> + Send>;

/// A reader of one node, and the way to push frames to it.
struct Stage {
    intake: EventIntake,
    push: mpsc::UnboundedSender<String>,
    seen: Vec<Event>,
    _wants: watch::Sender<Arc<Wants>>,
    _stop: tokio_util::sync::DropGuard,
}

impl Stage {
    async fn start(chain: u64, says: Says) -> Self {
        install_crypto_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = Secret::new(format!("ws://{}", listener.local_addr().expect("it is bound")));
        let (push, frames) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(talk(listener, says, frames)));
        let (queue, intake) = event_queue(Arc::new(Notify::new()));
        let (wants, published) = watch::channel(Arc::default());
        let (chain, tls) = (ChainId(chain), Tls::baked());
        let endpoint = EndpointConfig { chain, name: "node".into(), url, socket: true, operator: "node".into() };
        let reader = ChainReader {
            tally: Tally::new(Metrics::new(), Arc::default()),
            chain,
            block_time: Duration::from_secs(1),
            endpoints: unchanging(vec![endpoint]),
            wants: published,
            queue,
            http: HttpClient::new(&tls).expect("a client"),
            tls,
            clock: Arc::new(Timestamp::default),
        };
        tokio::spawn(reader.run(stop.clone()));
        Self { intake, push, seen: Vec::new(), _wants: wants, _stop: stop.drop_guard() }
    }

    /// The first event that `pick` wants; others are passed over.
    async fn until<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let ready = timeout_at(end, self.intake.ready()).await;
            assert!(ready.is_ok() && Instant::now() < end, "nothing of that came in {:#?}", self.seen);
            for event in self.intake.try_recv_many(1) {
                let found = pick(&event);
                self.seen.push(event);
                if let Some(found) = found {
                    return found;
                }
            }
        }
    }

    async fn run(&mut self) -> Run {
        self.until(|event| if let Event::Run(run) = event { Some(run.clone()) } else { None }).await
    }
}

/// One socket: answers, and pushes what it is given.
async fn talk(listener: TcpListener, says: Says, mut frames: mpsc::UnboundedReceiver<String>) {
    let (stream, _) = listener.accept().await.expect("it connects");
    let mut peer = accept_async(stream).await.expect("it upgrades");
    loop {
        let text = tokio::select! {
            frame = peer.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let asked: Value = serde_json::from_str(&text).expect("it asks in JSON");
                    let method = asked["method"].as_str().expect("a method");
                    let body = says(method, &asked["params"]).map_or_else(
                        || r#""error":{"code":-32601,"message":"the method does not exist"}"#.to_owned(),
                        |result| format!(r#""result":{result}"#),
                    );
                    format!(r#"{{"jsonrpc":"2.0","id":{},{body}}}"#, asked["id"])
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            Some(frame) = frames.recv() => frame,
        };
        if peer.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

/// A block without the rest, as a node gives it; whether it has logs.
fn block(number: u64, hash: &str, parent: &str, transactions: &Value, logs: bool) -> String {
    let bloom = if logs { "0x01" } else { "0x00" };
    json!({
        "number": format!("{number:#x}"), "hash": hash, "parentHash": parent, "timestamp": "0x604726a1", "logsBloom": bloom,
        "transactions": transactions,
    })
    .to_string()
}

#[tokio::test]
async fn a_recorded_head_becomes_a_head_and_its_block_and_a_notice_that_nobody_asked_for_nothing() {
    let (Some(head), Some(notice)) = (recorded("evm_newheads_rinkeby.json"), recorded("chainlink_new_round_log.json"))
    else {
        return;
    };
    let value: Value = serde_json::from_str(&head).expect("it is JSON");
    let announced = value["params"]["result"].clone();
    let (hash, parent) = (announced["hash"].clone(), announced["parentHash"].as_str().expect("a hash").to_owned());
    let before = block(0x43_4821, &parent, &format!("{:#066x}", 7), &json!([]), false);
    let body = announced.to_string();
    let says = move |method: &str, params: &Value| match method {
        "eth_chainId" => Some(r#""0x4""#.to_owned()),
        "eth_subscribe" => Some(SUBSCRIPTION.to_owned()),
        "eth_getBlockByNumber" if params[0] == "0x0" => Some("null".to_owned()),
        "eth_getBlockByHash" if params[0] == hash => Some(body.clone()),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => Some(before.clone()),
        "eth_getBlockReceipts" => Some("[]".to_owned()),
        _ => None,
    };
    let mut stage = Stage::start(4, Box::new(says)).await;
    assert_eq!(stage.run().await.blocks[0].at.number, 4_409_377, "where it begins");
    stage.seen.clear();
    for frame in [notice, head] {
        stage.push.send(frame).expect("the node listens");
    }
    let run = stage.run().await;
    let [read] = &run.blocks[..] else { panic!("{run:?}") };
    let at = read.at;
    assert_eq!((at.number, read.time, read.base_fee), (4_409_378, Timestamp::from_secs(0x6047_26b0), None));
    assert_eq!(format!("{:#x} {:#x}", at.hash, at.parent), format!("{} {parent}", announced["hash"].as_str().unwrap()));
    assert_eq!(read.movements, [], "it is empty");
    let heads: Vec<_> = stage
        .seen
        .iter()
        .filter_map(|event| if let Event::Head(head) = event { Some(head.at) } else { None })
        .collect();
    assert!(!heads.is_empty() && heads.iter().all(|head| *head == at), "{heads:?}");
    let troubled = |event: &Event| matches!(event, Event::Source(report) if report.state != SourceState::Fresh);
    assert!(!stage.seen.iter().any(troubled), "{:#?}", stage.seen);
}

/// What a node tells of its newest block: number, hash, transactions (hash, from, to, value), receipts, logs and traces.
struct Told {
    number: u64,
    hash: String,
    transactions: Value,
    receipts: Option<String>,
    logs: Option<String>,
    traces: Option<String>,
}

/// What moved in it, by the real reader.
async fn moved(told: Told) -> Vec<String> {
    let Told { number, hash, transactions, receipts, logs, traces } = told;
    let has_logs = [&receipts, &logs].into_iter().flatten().any(|text| text.contains("\"topics\""));
    let whole = block(number, &hash, &format!("{:#066x}", 7), &transactions, has_logs);
    let says = move |method: &str, params: &Value| match method {
        "eth_chainId" => Some(r#""0x1""#.to_owned()),
        "eth_subscribe" => Some(SUBSCRIPTION.to_owned()),
        "eth_getBlockByNumber" if params[0] == "0x0" => Some("null".to_owned()),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => Some(whole.clone()),
        "eth_getBlockReceipts" => receipts.clone(),
        "eth_getLogs" => logs.clone(),
        "debug_traceBlockByHash" => traces.clone(),
        _ => None,
    };
    let mut stage = Stage::start(1, Box::new(says)).await;
    let run = stage.run().await;
    let movement = |it: &walletwatch::types::Movement| {
        let kind = if it.kind == Kind::Internal { "internal" } else { "moved" };
        format!("{kind} {} {:#x} to {:#x}", it.amount, it.from, it.to)
    };
    run.blocks[0].movements.iter().map(movement).collect()
}

#[tokio::test]
async fn recorded_receipts_logs_and_traces_say_what_moved_over_the_real_socket() {
    let (Some(receipts), Some(log)) = (result("get-block-receipts-n.io"), recorded("evm_log_rpc.json")) else { return };
    let (call, with_log) = (recorded("evm_calltracer_default.json"), recorded("evm_calltracer_with_log.json"));
    let (Some(call), Some(with_log)) = (call, with_log) else { return };
    let (tx, hash) = (format!("{:#066x}", 9), format!("{:#066x}", 8));
    let traces = |trace: &str| Some(format!(r#"[{{"txHash":"{tx}","result":{trace}}}]"#));
    let receipt = |logs: &Value| {
        json!([{"transactionHash": tx, "blockHash": hash, "blockNumber": "0xa", "status": "0x1", "contractAddress": null, "logs": logs}])
            .to_string()
    };
    let transaction = |trace: &str| {
        let trace: Value = serde_json::from_str(trace).expect("it is JSON");
        json!([{"hash": tx, "from": trace["from"], "to": trace["to"], "value": trace["value"]}])
    };
    // Four creations from before receipts said whether they went well: they left some of their gas.
    let listed: Vec<Value> = serde_json::from_str(&receipts).expect("it is a list");
    let creations: Vec<Value> = (1_u64..)
        .zip(&listed)
        .map(|(value, it)| json!({"hash": it["transactionHash"], "from": it["from"], "to": null, "gas": "0x7a120", "value": format!("{value:#x}")}))
        .collect();
    let created = (1..).zip(&listed).map(|(value, it): (u64, _)| {
        let text = |key: &str| it[key].as_str().expect("an address").to_owned();
        format!("moved {value} {} to {}", text("from"), text("contractAddress"))
    });
    let block_one = listed[0]["blockHash"].as_str().expect("a hash").to_owned();
    let of_geth = Told {
        number: 1,
        hash: block_one,
        transactions: creations.into(),
        receipts: Some(receipts.clone()),
        logs: None,
        traces: None,
    };
    assert_eq!(moved(of_geth).await, created.collect::<Vec<_>>());

    let plain = |trace: &str, logs: &Value| Told {
        number: 10,
        hash: hash.clone(),
        transactions: transaction(trace),
        receipts: Some(receipt(logs)),
        logs: None,
        traces: traces(trace),
    };
    let inner = "internal 500000000000000000 0x3b873a919aa0512d5a0f09e6dcceaa4a6727fafe to 0x0024f658a46fbb89d8ac105e98d7ac7cbbaf27c5";
    assert_eq!(moved(plain(&call, &json!([]))).await, [inner]);
    let mut logs = serde_json::from_str::<Value>(&with_log).expect("it is JSON")["logs"].clone();
    logs[0]["logIndex"] = json!("0x0");
    logs[0]["transactionHash"] = json!(tx);
    logs[0]["blockNumber"] = json!("0xa");
    logs[0]["blockHash"] = json!(hash);
    let token =
        "moved 10000000 0xd1220a0cf47c7b9be7a2e6ba89f429762e7b9adb to 0xdbf03b407c01e7cd3cbea99509d93f8dddc8c6fb";
    assert_eq!(moved(plain(&with_log, &logs)).await, [token]);

    // A node without receipts of blocks, whose one log is no transfer.
    let value: Value = serde_json::from_str(&log).expect("it is JSON");
    let of_logs = Told {
        number: 3_106_049,
        hash: value["blockHash"].as_str().expect("a hash").to_owned(),
        transactions: json!([{"hash": value["transactionHash"], "from": value["address"], "to": value["address"], "value": "0x0"}]),
        receipts: None,
        logs: Some(format!("[{log}]")),
        traces: None,
    };
    assert_eq!(moved(of_logs).await, Vec::<String>::new());
}

#[tokio::test]
async fn recorded_fees_are_told_and_a_subscription_that_is_said_to_have_timed_out_is_asked_for_again() {
    let (Some(fees), Some(errors)) = (result("fee-history.io"), recorded("provider_errors.json")) else { return };
    let errors: Vec<Value> = serde_json::from_str(&errors).expect("it is a list");
    let ended = errors.iter().find(|error| error["classify"].as_str().is_some_and(|is| is.starts_with("resubscribe")));
    let ended = json!({"jsonrpc": "2.0", "error": ended.expect("it is recorded")["error"]}).to_string();
    let (asked, mut times) = watch::channel(0_u32);
    let newest = block(27, &format!("{:#066x}", 8), &format!("{:#066x}", 7), &json!([]), false);
    let says = move |method: &str, params: &Value| match method {
        "eth_chainId" => Some(r#""0x1""#.to_owned()),
        "eth_subscribe" => {
            asked.send_modify(|times| *times += 1);
            Some(SUBSCRIPTION.to_owned())
        }
        "eth_getBlockByNumber" if params[0] == "0x0" => Some("null".to_owned()),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => Some(newest.clone()),
        "eth_getBlockReceipts" => Some("[]".to_owned()),
        "eth_feeHistory" => Some(fees.clone()),
        _ => None,
    };
    let mut stage = Stage::start(1, Box::new(says)).await;
    let told = stage.until(|event| if let Event::Fees(fees) = event { Some(fees.clone()) } else { None }).await;
    let Fees { block, next_base_fee, .. } = told;
    assert_eq!((block, next_base_fee), (27, Some(U256::from(875_182_170))));
    assert_eq!(*times.borrow_and_update(), 1);
    stage.push.send(ended).expect("the node listens");
    timeout(PATIENCE, times.wait_for(|times| *times == 2)).await.expect("it subscribes again").expect("the node talks");
}
