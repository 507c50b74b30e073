//! A face like Etherscan's over anvil's own blocks, receipts and traces: what an explorer would say of the same chain.
//!
//! Rows are Etherscan's: decimal text, no log index, failed rows that keep their value, confirmations as of the index's head, and
//! internal rows with neither confirmations nor a block hash. An empty list has no head, as the real one has none.

use super::common::anvil::{Anvil, number};
use super::evm::TRANSFER;
use alloy::primitives::{Address, U256};
use axum::Router;
use axum::extract::{Query, State};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Its key.
pub const KEY: &str = "a-key-of-the-tests";

/// The explorer. It ends with its value.
#[derive(Debug)]
pub struct Explorer {
    at: SocketAddr,
    index: Arc<Index>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Index {
    anvil: Arc<Anvil>,
    /// Rows of the blocks that were read, by hash: a block is read once.
    blocks: tokio::sync::Mutex<BTreeMap<String, Vec<Entry>>>,
    names: BTreeMap<Address, (String, u8)>,
    /// The highest page that was asked for.
    pages: AtomicU64,
    /// How often anything was asked, and a list.
    calls: AtomicU64,
    lists: AtomicU64,
}

/// One row of a list.
#[derive(Debug, Clone)]
struct Entry {
    list: &'static str,
    from: Address,
    to: Address,
    block: u64,
    row: Map<String, Value>,
}

impl Explorer {
    /// On a free port. `tokens` are the symbols and decimals that it says.
    pub async fn start(anvil: Arc<Anvil>, tokens: &[(Address, &str, u8)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let at = listener.local_addr().expect("it is bound");
        let names = tokens.iter().map(|(token, symbol, decimals)| (*token, ((*symbol).into(), *decimals))).collect();
        let (pages, calls, lists) = Default::default();
        let index = Index { anvil, blocks: tokio::sync::Mutex::default(), names, pages, calls, lists };
        let index = Arc::new(index);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&index));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { at, index, serving }
    }

    /// What a config has as `url`.
    pub fn url(&self) -> String {
        format!("http://{}/v2/api", self.at)
    }

    /// How often anything was asked.
    pub fn calls(&self) -> u64 {
        self.index.calls.load(Ordering::SeqCst)
    }

    /// How often a list was asked for.
    pub fn lists(&self) -> u64 {
        self.index.lists.load(Ordering::SeqCst)
    }

    /// The highest page of a list that anybody asked for.
    pub fn pages(&self) -> u64 {
        self.index.pages.load(Ordering::SeqCst)
    }
}

impl Drop for Explorer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(index): State<Arc<Index>>, Query(asked): Query<BTreeMap<String, String>>) -> String {
    let get = |key: &str| asked.get(key).map(String::as_str).unwrap_or_default();
    if get("apikey") != KEY {
        return json!({"status": "0", "message": "NOTOK", "result": "Invalid API Key"}).to_string();
    }
    index.calls.fetch_add(1, Ordering::SeqCst);
    if get("module") == "proxy" {
        let params = match (asked.contains_key("txhash"), asked.contains_key("boolean")) {
            (true, _) => json!([get("txhash")]),
            (false, true) => json!([get("tag"), get("boolean") == "true"]),
            (false, false) => json!([]),
        };
        let request = json!({"jsonrpc": "2.0", "id": 83, "method": get("action"), "params": params});
        return index.anvil.forward(&request).await.to_string();
    }
    if let "balance" | "balancemulti" | "tokenbalance" = get("action") {
        return balances(&index.anvil, get("action"), get("address"), get("contractaddress")).await.to_string();
    }
    if get("action") == "gasoracle" {
        return oracle(&index.anvil).await.to_string();
    }
    index.lists.fetch_add(1, Ordering::SeqCst);
    if get("action") == "getLogs" {
        return logs(&index.anvil, &asked).await.to_string();
    }
    let head = index.anvil.height().await;
    let number = |key: &str| get(key).parse::<u64>().expect("it is a number");
    let address: Address = get("address").parse().expect("it is an address");
    let (page, offset) = (number("page"), number("offset"));
    index.pages.fetch_max(page, Ordering::SeqCst);
    assert!(page * offset <= 10_000 && offset <= 1_000, "the real one refuses {asked:?}");
    let (start, end) = (number("startblock"), number("endblock").min(head));
    let mut rows: Vec<Value> = Vec::new();
    for block in start..=end {
        for entry in index.rows_of(block).await {
            if entry.list == get("action") && (entry.from == address || entry.to == address) {
                let mut row = entry.row.clone();
                // Rows of internal movements do not tell the head.
                if entry.list != "txlistinternal" {
                    row.insert("confirmations".into(), json!((head - entry.block + 1).to_string()));
                }
                rows.push(row.into());
            }
        }
    }
    let (skip, take) = (usize::try_from((page - 1) * offset), usize::try_from(offset));
    let rows: Vec<Value> = rows.into_iter().skip(skip.expect("small")).take(take.expect("small")).collect();
    let (status, message) = if rows.is_empty() { ("0", "No transactions found") } else { ("1", "OK") };
    json!({"status": status, "message": message, "result": rows}).to_string()
}

impl Index {
    async fn rows_of(&self, block: u64) -> Vec<Entry> {
        let header = self.anvil.call("eth_getBlockByNumber", json!([format!("{block:#x}"), false])).await;
        if header["transactions"].as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let hash = header["hash"].as_str().expect("a hash").to_owned();
        let mut blocks = self.blocks.lock().await;
        if let Some(rows) = blocks.get(&hash) {
            return rows.clone();
        }
        let rows = self.read(block).await;
        blocks.insert(hash, rows.clone());
        rows
    }

    async fn read(&self, number_of: u64) -> Vec<Entry> {
        let height = format!("{number_of:#x}");
        let block = self.anvil.call("eth_getBlockByNumber", json!([height, true])).await;
        let transactions = block["transactions"].as_array().expect("a list").clone();
        let traces = self.anvil.call("debug_traceBlockByNumber", json!([height, {"tracer": "callTracer"}])).await;
        let mut all = Vec::new();
        for (place, tx) in transactions.iter().enumerate() {
            let receipt = self.anvil.call("eth_getTransactionReceipt", json!([tx["hash"]])).await;
            let base = |list: &'static str, from: &Value, to: &Value, value: U256, more: Value| {
                let (from, to) = (account(from), account(to));
                let mut row = Map::new();
                row.insert("blockNumber".into(), json!(number_of.to_string()));
                row.insert("timeStamp".into(), json!(number(&block["timestamp"]).to_string()));
                row.insert("hash".into(), tx["hash"].clone());
                row.insert("from".into(), json!(format!("{from:#x}")));
                row.insert("to".into(), json!(format!("{to:#x}")));
                row.insert("value".into(), json!(value.to_string()));
                row.insert("contractAddress".into(), json!(""));
                let Value::Object(more) = more else { panic!("it is an object") };
                row.extend(more);
                Entry { list, from, to, block: number_of, row }
            };
            let failed = receipt["status"] != "0x1";
            let flag = |failed: bool| if failed { "1" } else { "0" };
            let hash = json!(block["hash"]);
            let made = &receipt["contractAddress"];
            let mut more = json!({"blockHash": hash, "isError": flag(failed), "txreceipt_status": flag(!failed)});
            let to = if made.is_string() { made } else { &tx["to"] };
            if made.is_string() {
                more["to"] = json!("");
                more["contractAddress"] = made.clone();
            }
            all.push(base("txlist", &tx["from"], to, quantity(&tx["value"]), more));
            let mut frames = Vec::new();
            let trace = traces[place].get("result").unwrap_or(&traces[place]);
            inner(trace, trace.get("error").is_some(), &mut frames);
            for (frame, failed) in frames {
                let kind = frame["type"].as_str().unwrap_or_default().to_lowercase();
                let more = json!({"type": kind, "isError": flag(failed), "traceId": "0", "errCode": ""});
                all.push(base("txlistinternal", &frame["from"], &frame["to"], quantity(&frame["value"]), more));
            }
            for log in receipt["logs"].as_array().expect("a list") {
                let topics = log["topics"].as_array().expect("a list");
                if topics.len() == 3 && topics[0] == json!(TRANSFER.to_string()) {
                    let token = account(&log["address"]);
                    let (symbol, decimals) = self.names.get(&token).cloned().unwrap_or_default();
                    let more = json!({
                        "blockHash": hash, "contractAddress": format!("{token:#x}"), "tokenSymbol": symbol,
                        "tokenName": symbol, "tokenDecimal": decimals.to_string()
                    });
                    all.push(base("tokentx", &word(&topics[1]), &word(&topics[2]), quantity(&log["data"]), more));
                }
            }
        }
        all
    }
}

/// What gas costs, in gwei with a fraction, the base fee in every price.
async fn oracle(anvil: &Anvil) -> Value {
    let history = anvil.call("eth_feeHistory", json!(["0x1", "latest", [10, 50, 90]])).await;
    let next = quantity(&history["baseFeePerGas"][1]);
    let gwei = |wei: U256| {
        let (whole, rest) = wei.div_rem(U256::from(1_000_000_000));
        format!("{whole}.{:09}", rest.to::<u64>())
    };
    let price = |place: usize| json!(gwei(next + quantity(&history["reward"][0][place])));
    let result = json!({
        "LastBlock": number(&history["oldestBlock"]).to_string(), "SafeGasPrice": price(0), "ProposeGasPrice": price(1),
        "FastGasPrice": price(2), "suggestBaseFee": gwei(next), "gasUsedRatio": "0.5"
    });
    json!({"status": "1", "message": "OK", "result": result})
}

/// Logs as Etherscan lists them: everything hexadecimal, zero as `0x`, no head, and other words for nothing.
async fn logs(anvil: &Anvil, asked: &BTreeMap<String, String>) -> Value {
    let head = anvil.height().await;
    let bound = |key: &str| asked[key].parse::<u64>().expect("it is a number").min(head);
    let topics: Vec<Value> =
        (0..4).map(|place| asked.get(&format!("topic{place}")).map_or(Value::Null, |topic| json!(topic))).collect();
    let written = topics.iter().rposition(|topic| !topic.is_null()).map_or(0, |last| last + 1);
    assert_eq!(asked.get("topic0_1_opr").map(String::as_str), Some("and"), "the real one wants to know: {asked:?}");
    let filter = json!({
        "fromBlock": format!("{:#x}", bound("fromBlock")), "toBlock": format!("{:#x}", bound("toBlock")), "topics": topics[..written]
    });
    let mut rows = Vec::new();
    for log in anvil.call("eth_getLogs", json!([filter])).await.as_array().expect("a list") {
        let block = anvil.call("eth_getBlockByNumber", json!([log["blockNumber"], false])).await;
        let short = |number: &Value| json!(number.as_str().map(|text| if text == "0x0" { "0x" } else { text }));
        rows.push(json!({
            "address": log["address"], "topics": log["topics"], "data": log["data"], "blockNumber": log["blockNumber"],
            "blockHash": log["blockHash"], "timeStamp": block["timestamp"], "gasPrice": "0x", "gasUsed": "0x5208",
            "logIndex": short(&log["logIndex"]), "transactionHash": log["transactionHash"],
            "transactionIndex": short(&log["transactionIndex"]),
        }));
    }
    let (status, message) = if rows.is_empty() { ("0", "No records found") } else { ("1", "OK") };
    json!({"status": status, "message": message, "result": rows})
}

/// What the node holds in its newest block: balances are no part of an index.
async fn balances(anvil: &Anvil, action: &str, addresses: &str, contract: &str) -> Value {
    let mut held = Vec::new();
    for address in addresses.split(',') {
        let data = format!("0x70a08231{:0>64}", address.trim_start_matches("0x"));
        let (method, params) = match action {
            "tokenbalance" => ("eth_call", json!([{"to": contract, "data": data}, "latest"])),
            _ => ("eth_getBalance", json!([address, "latest"])),
        };
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = anvil.forward(&request).await;
        // What is no contract holds nothing to say: an empty text, as from the real one.
        let digits = answer["result"].as_str().unwrap_or_default().trim_start_matches("0x");
        let amount = U256::from_str_radix(digits, 16).map_or(String::new(), |amount| amount.to_string());
        held.push((address, if digits.is_empty() { String::new() } else { amount }));
    }
    let result = match (action, held.as_slice()) {
        ("balancemulti", all) => all.iter().map(|(of, held)| json!({"account": of, "balance": held})).collect(),
        (_, [(_, held)]) => json!(held),
        (_, _) => json!(""),
    };
    json!({"status": "1", "message": "OK", "result": result})
}

/// The frames below one that moved something, each with whether it or one above it failed.
fn inner<'a>(frame: &'a Value, failed: bool, into: &mut Vec<(&'a Value, bool)>) {
    for child in frame["calls"].as_array().into_iter().flatten() {
        let failed = failed || child.get("error").is_some();
        if child.get("value").is_some_and(|value| quantity(value) > U256::ZERO) {
            into.push((child, failed));
        }
        inner(child, failed, into);
    }
}

fn account(text: &Value) -> Address {
    text.as_str().unwrap_or("0x0000000000000000000000000000000000000000").parse().expect("an address")
}

/// The address in a topic.
fn word(topic: &Value) -> Value {
    json!(format!("0x{}", &topic.as_str().expect("a topic")[26..]))
}

fn quantity(text: &Value) -> U256 {
    let text = text.as_str().unwrap_or("0x0");
    U256::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}
