//! The explorers that imitate Etherscan, over the same index: Blockscout and Routescan in their own words (facts/etherscan.md §10). A
//! request of theirs is asked of the [`Explorer`] within, and its answer is said again in their way. One chain a server.

use super::super::http::{self, Connection, Request};
use super::{Explorer, Reply};
use crate::types::ChainId;
use crate::wire::etherscan::Dialect;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The most rows of a page of Routescan's; more are cut off in silence.
const ROUTESCAN_ROWS: u64 = 5_000;

/// An explorer that speaks another dialect.
#[derive(Debug)]
pub struct Imitator {
    within: Arc<Explorer>,
    dialect: Dialect,
    chain: ChainId,
    /// Whether it wants a key.
    keyed: bool,
    pending: AtomicBool,
    unknown: AtomicBool,
    rpc_calls: AtomicU64,
    calls: AtomicU64,
}

/// An answer: its HTTP status, further headers, and its body.
type Said = (u16, Vec<(&'static str, String)>, String);

impl Imitator {
    /// Of this chain of the explorer within; `keyed` as to whether it wants that one's key.
    #[must_use]
    pub const fn new(within: Arc<Explorer>, dialect: Dialect, chain: ChainId, keyed: bool) -> Self {
        let (pending, unknown) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { within, dialect, chain, keyed, pending, unknown, rpc_calls: AtomicU64::new(0), calls: AtomicU64::new(0) }
    }

    /// Blockscout: whether its lists of internal movements are said to lack what is not processed yet.
    pub fn set_pending(&self, pending: bool) {
        self.pending.store(pending, Ordering::Relaxed);
    }

    /// Routescan: whether it does not have the chain.
    pub fn set_unknown(&self, unknown: bool) {
        self.unknown.store(unknown, Ordering::Relaxed);
    }

    /// How many calls came by its JSON-RPC, and how many in all.
    #[must_use]
    pub fn calls(&self) -> (u64, u64) {
        (self.rpc_calls.load(Ordering::Relaxed), self.calls.load(Ordering::Relaxed))
    }

    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let imitator = Arc::clone(&self);
            async move {
                // A peer that is gone, or that speaks no HTTP, is left alone.
                let _gone = imitator.talk(connection).await;
            }
        })
        .await;
    }

    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        while let Some(request) = connection.request().await? {
            let Some((status, mut headers, body)) = self.answer(&request) else {
                return std::future::pending().await;
            };
            headers.push(("content-type", "application/json".into()));
            connection.answer(status, &headers, &body).await?;
        }
        Ok(())
    }

    /// What is said; `None` where nothing ever is.
    fn answer(&self, request: &Request) -> Option<Said> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.keyed && !request.query.contains_key("apikey") {
            return Some((401, Vec::new(), json!({"error": "Unauthorized"}).to_string()));
        }
        if request.query.contains_key("chainid") {
            // Whoever names the chain takes it for Etherscan: better a test that fails than one that passes by luck.
            return Some((
                400,
                Vec::new(),
                json!({"message": "Unknown parameter", "result": null, "status": "0"}).to_string(),
            ));
        }
        if self.unknown.load(Ordering::Relaxed) {
            let body = json!({"status": "0", "message": "chain not supported", "result": null});
            return Some((200, Vec::new(), body.to_string()));
        }
        match self.dialect {
            Dialect::Blockscout if request.path.ends_with("/eth-rpc") => self.rpc(request),
            Dialect::Blockscout if request.query.get("module").is_some_and(|module| module == "proxy") => {
                Some((400, Vec::new(), json!({"message": "Unknown action", "result": null, "status": "0"}).to_string()))
            }
            Dialect::Etherscan | Dialect::Blockscout | Dialect::Routescan => self.list(request),
        }
    }

    /// The same request in Etherscan's words, and what Etherscan says.
    fn ask(&self, mut request: Request) -> Option<Value> {
        request.query.insert("chainid".into(), self.chain.to_string());
        let key = self.within.settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner).key.clone();
        request.query.entry("apikey".into()).or_insert(key);
        match self.within.reply(&request, Instant::now()) {
            Reply::Json(body) => serde_json::from_str(&body).ok(),
            Reply::InFront(..) | Reply::Never => None,
        }
    }

    fn list(&self, request: &Request) -> Option<Said> {
        let mut asked = copy(request);
        if self.dialect == Dialect::Routescan
            && let Some(offset) = asked.query.get_mut("offset")
            && offset.parse::<u64>().is_ok_and(|rows| rows > ROUTESCAN_ROWS)
        {
            *offset = ROUTESCAN_ROWS.to_string();
        }
        let body = self.ask(asked)?;
        let text = body["result"].as_str().unwrap_or_default();
        if text.contains("calls per sec") {
            return Some(self.too_fast("60"));
        }
        if text.contains("Max daily") {
            return Some(self.too_fast("0"));
        }
        let action = request.query.get("action").map(String::as_str).unwrap_or_default();
        let body = match self.dialect {
            Dialect::Etherscan => body,
            Dialect::Blockscout => self.as_blockscout(action, body),
            Dialect::Routescan => as_routescan(body),
        };
        Some((200, Vec::new(), body.to_string()))
    }

    fn too_fast(&self, left: &str) -> Said {
        let headers = match self.dialect {
            Dialect::Etherscan => Vec::new(),
            Dialect::Blockscout => vec![("x-credits-remaining", left.to_owned())],
            Dialect::Routescan => {
                vec![("x-ratelimit-rpd-remaining", left.to_owned()), ("x-ratelimit-rpd-reset", "3600".to_owned())]
            }
        };
        (429, headers, json!({"message": "429 Too Many Requests", "result": null, "status": "0"}).to_string())
    }

    fn as_blockscout(&self, action: &str, mut body: Value) -> Value {
        let empty = match action {
            "txlistinternal" => "No internal transactions found",
            "tokentx" | "tokennfttx" | "token1155tx" => "No token transfers found",
            _ => "No transactions found",
        };
        let is_internal = action == "txlistinternal";
        if let Some(rows) = body["result"].as_array_mut() {
            for (nth, row) in rows.iter_mut().enumerate() {
                if let Some(row) = row.as_object_mut() {
                    if is_internal {
                        let hash = row.remove("hash").unwrap_or_default();
                        row.remove("traceId");
                        row.insert("transactionHash".into(), hash);
                        row.insert("index".into(), json!((nth + 1).to_string()));
                        row.insert("callType".into(), if row["type"] == "call" { json!("call") } else { json!("") });
                    }
                    // It counts from 0.
                    let less =
                        row.get("confirmations").and_then(Value::as_str).and_then(|text| text.parse::<u64>().ok());
                    if let Some(confirmations) = less {
                        row.insert("confirmations".into(), json!(confirmations.saturating_sub(1).to_string()));
                    }
                    if row.contains_key("account") {
                        row.insert("stale".into(), json!(false));
                    }
                }
            }
            if is_internal && self.pending.load(Ordering::Relaxed) {
                // What a frame of the kind `delegatecall` carries is its caller's value, said again.
                let again = rows.first().cloned().map(|mut row| {
                    row["callType"] = json!("delegatecall");
                    row
                });
                rows.extend(again);
                body["status"] = json!("2");
                body["message"] =
                    json!("Some internal transactions within this block range have not yet been processed");
                return body;
            }
        }
        if body["message"] == "No transactions found" {
            body["message"] = json!(empty);
        }
        body
    }

    fn rpc(&self, request: &Request) -> Option<Said> {
        self.rpc_calls.fetch_add(1, Ordering::Relaxed);
        let call: Value = serde_json::from_slice(&request.body).ok()?;
        let mut asked = copy(request);
        asked.query.insert("module".into(), "proxy".into());
        asked.query.insert("action".into(), call["method"].as_str()?.into());
        if let Some(hash) = call["params"][0].as_str() {
            asked.query.insert("txhash".into(), hash.into());
        }
        let body = self.ask(asked)?;
        let text = body["result"].as_str().unwrap_or_default();
        if text.contains("calls per sec") || text.contains("Max daily") {
            return Some(self.too_fast(if text.contains("Max daily") { "0" } else { "60" }));
        }
        Some((200, Vec::new(), json!({"jsonrpc": "2.0", "id": call["id"], "result": body["result"]}).to_string()))
    }
}

/// Routescan's empty lists are fine.
fn as_routescan(body: Value) -> Value {
    if body["message"] == "No transactions found" {
        json!({"status": "1", "message": "OK", "result": []})
    } else {
        body
    }
}

fn copy(request: &Request) -> Request {
    Request { body: Vec::new(), ..request.clone() }
}
