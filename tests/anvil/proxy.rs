//! A node that is not what it should be: anvil behind a face that lags, goes away, or keeps old blocks to itself.

use super::common::PATIENCE;
use super::common::anvil::{Anvil, number};
use alloy::primitives::B256;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The face, over HTTP. It ends with its value.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    inside: Arc<Inside>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Inside {
    anvil: Arc<Anvil>,
    /// It knows so many blocks less than anvil.
    lag: AtomicU64,
    /// It answers nobody.
    away: AtomicBool,
    /// Questions for these blocks wait.
    kept: watch::Sender<Range<u64>>,
    /// How often it was asked for its head.
    heads: watch::Sender<u64>,
    /// Questions that had to wait.
    waited: AtomicU64,
    /// Methods that it does not have.
    lacks: Mutex<Vec<String>>,
    /// The transaction of which its receipts tell other amounts.
    belied: Mutex<Option<B256>>,
    /// Methods that wait.
    hung: watch::Sender<Vec<String>>,
}

impl Proxy {
    /// In front of this node, on a free port.
    pub async fn start(anvil: Arc<Anvil>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let inside = Arc::new(Inside {
            anvil,
            lag: AtomicU64::new(0),
            away: AtomicBool::new(false),
            kept: watch::Sender::new(0..0),
            heads: watch::Sender::new(0),
            waited: AtomicU64::new(0),
            lacks: Mutex::default(),
            belied: Mutex::default(),
            hung: watch::Sender::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inside));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, inside, serving }
    }

    /// What a config has as `rpc`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// It knows so many blocks less than anvil from here on.
    pub fn lag(&self, blocks: u64) {
        self.inside.lag.store(blocks, Ordering::SeqCst);
    }

    /// It does not have these methods.
    pub fn lacks(&self, methods: &[&str]) {
        *self.inside.lacks.lock().expect("no holder panics") = methods.iter().map(|it| (*it).to_owned()).collect();
    }

    /// Its receipts of this transaction tell other amounts from here on, or those of none.
    pub fn belie(&self, tx: Option<B256>) {
        *self.inside.belied.lock().expect("no holder panics") = tx;
    }

    /// Questions of these methods wait from here on; none, where there are none.
    pub fn hang(&self, methods: &[&str]) {
        self.inside.hung.send_replace(methods.iter().map(|it| (*it).to_owned()).collect());
    }

    /// It answers nobody, or everybody again.
    pub fn away(&self, away: bool) {
        self.inside.away.store(away, Ordering::SeqCst);
    }

    /// Questions for these blocks by number wait from here on; none, where the range is empty.
    pub fn keep(&self, blocks: Range<u64>) {
        self.inside.kept.send_replace(blocks);
    }

    /// Waits until it was asked for its head twice more: the answer to the first is known by then.
    pub async fn asked_twice(&self) {
        let mut heads = self.inside.heads.subscribe();
        let from = *heads.borrow();
        let asked = heads.wait_for(|heads| *heads >= from + 2);
        tokio::time::timeout(PATIENCE, asked).await.expect("it is asked").expect("the sender is ours");
    }

    /// Questions that had to wait so far.
    pub fn waited(&self) -> u64 {
        self.inside.waited.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(inside): State<Arc<Inside>>, body: Bytes) -> Result<String, StatusCode> {
    if inside.away.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let asked: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let Value::Array(all) = asked else { return Ok(inside.one(asked).await.to_string()) };
    let mut answers = Vec::new();
    for one in all {
        answers.push(inside.one(one).await);
    }
    Ok(Value::Array(answers).to_string())
}

impl Inside {
    async fn one(&self, mut asked: Value) -> Value {
        let head = self.anvil.height().await.saturating_sub(self.lag.load(Ordering::SeqCst));
        let nothing = json!({"jsonrpc": "2.0", "id": asked["id"], "result": null});
        let method = asked["method"].as_str().unwrap_or_default().to_owned();
        if self.lacks.lock().expect("no holder panics").contains(&method) {
            let error = json!({"code": -32601, "message": "the method does not exist"});
            return json!({"jsonrpc": "2.0", "id": asked["id"], "error": error});
        }
        let mut hung = self.hung.subscribe();
        hung.wait_for(|hung| !hung.contains(&method)).await.expect("the sender is ours");
        match (method.as_str(), asked["params"][0].as_str()) {
            ("eth_blockNumber", _) => {
                return json!({"jsonrpc": "2.0", "id": asked["id"], "result": format!("{head:#x}")});
            }
            ("eth_getBlockByNumber", Some("latest")) => {
                self.heads.send_modify(|heads| *heads += 1);
                asked["params"][0] = json!(format!("{head:#x}"));
            }
            ("eth_getBlockByNumber", Some(text)) if text.starts_with("0x") => {
                let asked = number(&json!(text));
                if asked > head {
                    return nothing;
                }
                let mut kept = self.kept.subscribe();
                if kept.borrow().contains(&asked) {
                    self.waited.fetch_add(1, Ordering::SeqCst);
                    kept.wait_for(|kept| !kept.contains(&asked)).await.expect("the sender is ours");
                }
            }
            _ => {}
        }
        let mut answer = self.anvil.forward(&asked).await;
        let belied = self.belied.lock().expect("no holder panics").map(|tx| json!(tx.to_string()));
        for receipt in answer["result"].as_array_mut().into_iter().flatten() {
            if belied.is_some() && belied.as_ref() == receipt.get("transactionHash") {
                receipt["logs"][0]["data"] = json!(format!("0x{:064x}", 1));
            }
        }
        let above = |block: &Value| block.as_str().is_some_and(|_| number(block) > head);
        if method == "eth_getBlockByHash" && above(&answer["result"]["number"]) { nothing } else { answer }
    }
}
