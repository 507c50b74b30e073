//! A scripted node on loopback, over a socket and over HTTP.
//!
//! The node tells what its chain is, in the real shape, unless a script says otherwise. Nothing here sleeps.

use crate::config::checked::EndpointConfig;
use crate::types::{B256, BlockRef, ChainId, Secret};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The chain of all these tests.
pub(super) const CHAIN: ChainId = ChainId(31_337);

/// A block of a branch; `parent` is the branch of its parent.
pub(super) fn block(number: u64, branch: u8, parent: u8) -> BlockRef {
    BlockRef { number, hash: hash(number, branch), parent: hash(number.wrapping_sub(1), parent) }
}

/// Blocks of one branch.
pub(super) fn line(numbers: std::ops::RangeInclusive<u64>, branch: u8) -> Vec<BlockRef> {
    numbers.map(|number| block(number, branch, branch)).collect()
}

fn hash(number: u64, branch: u8) -> B256 {
    let mut bytes = [branch; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    B256::from(bytes)
}

/// What a script answers instead of the chain.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// This result.
    Result(Value),
    /// This error object.
    Error(Value),
    /// This HTTP status, asking to stay away for so many seconds.
    Status(u16, u64),
    /// This HTTP status and body.
    Body(u16, &'static str),
    /// No answer, ever.
    Hang,
}

/// Looks at a method and its parameters; `None` lets the chain answer.
pub(super) type Script = Box<dyn FnMut(&str, &Value) -> Option<Reply> + Send>;

struct State {
    chain: ChainId,
    blocks: BTreeMap<B256, BlockRef>,
    canonical: BTreeMap<u64, B256>,
    script: Script,
    asked: Vec<String>,
}

/// The node.
#[derive(Clone)]
pub(super) struct Node {
    state: Arc<Mutex<State>>,
    pushes: broadcast::Sender<String>,
    socket: u16,
    http: u16,
    _stop: Arc<DropGuard>,
}

impl Node {
    /// Starts a node whose chain is `line(0..=head, b'a')`.
    pub(super) async fn start(head: u64) -> Self {
        let state = State {
            chain: CHAIN,
            blocks: BTreeMap::new(),
            canonical: BTreeMap::new(),
            script: Box::new(|_, _| None),
            asked: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (pushes, _) = broadcast::channel(64);
        let sockets = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let requests = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stop = CancellationToken::new();
        let node = Self {
            state,
            pushes,
            socket: sockets.local_addr().unwrap().port(),
            http: requests.local_addr().unwrap().port(),
            _stop: Arc::new(stop.clone().drop_guard()),
        };
        node.set_chain(&line(0..=head, b'a'));
        let serving = (Arc::clone(&node.state), node.pushes.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            loop {
                let (stream, _) = sockets.accept().await.unwrap();
                tokio::spawn(talk(stream, Arc::clone(&serving.0), serving.1.subscribe()));
            }
        }));
        let state = Arc::clone(&node.state);
        let app = Router::new().route(
            "/",
            post(move |body: Bytes| async move {
                let reply = answer_http(&state, &body);
                if reply.is_none() {
                    std::future::pending::<()>().await;
                }
                reply.unwrap()
            }),
        );
        tokio::spawn(stop.run_until_cancelled_owned(async move { axum::serve(requests, app).await.unwrap() }));
        node
    }

    /// Its endpoint in a config.
    pub(super) fn endpoint(&self, name: &str, socket: bool) -> EndpointConfig {
        let url =
            if socket { format!("ws://127.0.0.1:{}", self.socket) } else { format!("http://127.0.0.1:{}/", self.http) };
        EndpointConfig { chain: CHAIN, name: name.into(), url: Secret::new(url), socket, operator: name.into() }
    }

    /// It is a node of this chain.
    pub(super) fn be_of(&self, chain: ChainId) {
        self.state.lock().unwrap().chain = chain;
    }

    /// Makes these blocks canonical; what stood above or beside them is no longer, and can still be asked for by hash.
    pub(super) fn set_chain(&self, blocks: &[BlockRef]) {
        let mut state = self.state.lock().unwrap();
        let last = blocks.last().unwrap().number;
        state.canonical.retain(|number, _| *number <= last);
        for block in blocks {
            state.blocks.insert(block.hash, *block);
            state.canonical.insert(block.number, block.hash);
        }
    }

    /// Forgets a block altogether.
    pub(super) fn forget(&self, block: BlockRef) {
        self.state.lock().unwrap().blocks.remove(&block.hash);
    }

    /// Announces a head.
    pub(super) fn announce(&self, block: BlockRef) {
        self.push(&json!({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0xcd", "result": header(block)}}));
    }

    /// Makes these blocks canonical and announces the last.
    pub(super) fn mine(&self, blocks: &[BlockRef]) {
        self.set_chain(blocks);
        self.announce(*blocks.last().unwrap());
    }

    /// Sends this over every socket.
    pub(super) fn push(&self, message: &Value) {
        let _nobody = self.pushes.send(message.to_string());
    }

    /// Closes every socket.
    pub(super) fn cut(&self) {
        let _nobody = self.pushes.send(String::new());
    }

    /// From now on this script is asked first.
    pub(super) fn script(&self, script: impl FnMut(&str, &Value) -> Option<Reply> + Send + 'static) {
        self.state.lock().unwrap().script = Box::new(script);
    }

    /// How often a method was asked for.
    pub(super) fn count(&self, method: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| *asked == method).count()
    }
}

/// One socket.
async fn talk(stream: TcpStream, state: Arc<Mutex<State>>, mut pushes: broadcast::Receiver<String>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    loop {
        let text = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => match answer(&state, &serde_json::from_str(&text).unwrap()) {
                    Ok(answer) => answer.to_string(),
                    Err(_) => continue,
                },
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            push = pushes.recv() => match push {
                Ok(text) if !text.is_empty() => text,
                Ok(_) | Err(_) => return,
            },
        };
        if socket.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

/// Stands for no answer.
const HANGS: u16 = 0;

/// Status, headers and body.
type HttpAnswer = (StatusCode, [(&'static str, String); 1], String);

/// Nothing, where it hangs.
fn answer_http(state: &Mutex<State>, body: &[u8]) -> Option<HttpAnswer> {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let answers: Result<Vec<Value>, (u16, u64, &'static str)> = match &asked {
        Value::Array(list) => list.iter().map(|one| answer(state, one)).collect(),
        one => answer(state, one).map(|answer| vec![answer]),
    };
    let reply = |status: u16, after: u64, text: String| {
        Some((StatusCode::from_u16(status).unwrap(), [("retry-after", after.to_string())], text))
    };
    match answers {
        Ok(answers) if asked.is_array() => reply(200, 0, Value::Array(answers).to_string()),
        Ok(mut answers) => reply(200, 0, answers.remove(0).to_string()),
        Err((HANGS, ..)) => None,
        Err((status, after, body)) => reply(status, after, body.into()),
    }
}

/// The answer to one question; the status, its pause and its body, where the script wants one instead.
fn answer(state: &Mutex<State>, question: &Value) -> Result<Value, (u16, u64, &'static str)> {
    let mut state = state.lock().unwrap();
    let method = question["method"].as_str().unwrap().to_owned();
    state.asked.push(method.clone());
    let reply = (state.script)(&method, &question["params"]);
    let reply = reply.unwrap_or_else(|| told(&state, &method, &question["params"]));
    let id = &question["id"];
    match reply {
        Reply::Result(result) => Ok(json!({"jsonrpc": "2.0", "id": id, "result": result})),
        Reply::Error(error) => Ok(json!({"jsonrpc": "2.0", "id": id, "error": error})),
        Reply::Status(status, after) => Err((status, after, "no")),
        Reply::Body(status, body) => Err((status, 0, body)),
        Reply::Hang => Err((HANGS, 0, "")),
    }
}

/// What the chain says.
fn told(state: &State, method: &str, params: &Value) -> Reply {
    let by_hash = || {
        let hash: B256 = params[0].as_str().unwrap().parse().unwrap();
        state.blocks.get(&hash).copied()
    };
    Reply::Result(match method {
        "eth_chainId" => json!(format!("{:#x}", state.chain.0)),
        "eth_subscribe" => json!("0xcd"),
        "eth_getBlockByHash" => by_hash().map_or(Value::Null, |block| whole(block, &params[1])),
        "eth_getBlockByNumber" => {
            let highest = state.canonical.keys().last().copied().unwrap();
            let number = match params[0].as_str().unwrap() {
                "latest" => highest,
                "safe" => highest.saturating_sub(2),
                "finalized" => highest.saturating_sub(4),
                number => u64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap(),
            };
            let found = state.canonical.get(&number).and_then(|hash| state.blocks.get(hash));
            found.map_or(Value::Null, |block| whole(*block, &params[1]))
        }
        "eth_getBlockReceipts" => by_hash().map_or(Value::Null, |block| json!([receipt(block)])),
        "debug_traceBlockByHash" => by_hash().map_or(Value::Null, |block| json!([trace(block)])),
        "eth_getLogs" => {
            let hash: B256 = params[0]["blockHash"].as_str().unwrap().parse().unwrap();
            state.blocks.get(&hash).map_or(Value::Null, |block| json!([log(*block)]))
        }
        "eth_getTransactionReceipt" => {
            let tx: B256 = params[0].as_str().unwrap().parse().unwrap();
            let found = state.canonical.values().filter_map(|hash| state.blocks.get(hash)).find(|it| tx_of(**it) == tx);
            found.map_or(Value::Null, |block| receipt(*block))
        }
        _ => return Reply::Error(json!({"code": -32601, "message": "the method does not exist"})),
    })
}

/// The one transaction of a block.
pub(super) fn tx_of(block: BlockRef) -> B256 {
    let mut bytes = block.hash.0;
    bytes[31] ^= 0xff;
    B256::from(bytes)
}

fn text(hash: B256) -> String {
    format!("{hash:#x}")
}

fn header(block: BlockRef) -> Value {
    json!({
        "number": format!("{:#x}", block.number), "hash": text(block.hash), "parentHash": text(block.parent),
        "timestamp": format!("{:#x}", 1_700_000_000 + block.number), "baseFeePerGas": "0x7", "logsBloom": "0x01",
    })
}

fn whole(block: BlockRef, with_transactions: &Value) -> Value {
    let mut whole = header(block);
    whole["transactions"] = if *with_transactions == json!(true) {
        json!([{
            "hash": text(tx_of(block)), "from": "0x00000000000000000000000000000000000000aa",
            "to": "0x00000000000000000000000000000000000000bb", "value": "0x64", "gas": "0xffff",
        }])
    } else {
        json!([text(tx_of(block))])
    };
    whole
}

fn log(block: BlockRef) -> Value {
    json!({
        "address": "0x00000000000000000000000000000000000000cc", "data": format!("0x{:064x}", block.number), "logIndex": "0x0",
        "topics": [
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            format!("0x{:064x}", 0xaa), format!("0x{:064x}", 0xbb),
        ],
        "transactionHash": text(tx_of(block)), "blockHash": text(block.hash), "blockNumber": format!("{:#x}", block.number), "removed": false,
    })
}

fn receipt(block: BlockRef) -> Value {
    json!({
        "transactionHash": text(tx_of(block)), "blockHash": text(block.hash), "blockNumber": format!("{:#x}", block.number),
        "status": "0x1", "gasUsed": "0x5208", "contractAddress": null, "logs": [log(block)],
    })
}

fn trace(block: BlockRef) -> Value {
    let call = |to: &str, value: &str| json!({"type": "CALL", "from": "0x00000000000000000000000000000000000000bb", "to": to, "value": value});
    let mut root = call("0x00000000000000000000000000000000000000bb", "0x64");
    root["calls"] = json!([call("0x00000000000000000000000000000000000000dd", "0x5")]);
    json!({"txHash": text(tx_of(block)), "result": root})
}
