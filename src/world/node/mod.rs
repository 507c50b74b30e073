//! A node of a simulated chain: JSON-RPC over HTTP and WebSocket on one port, with faults that can be set while it
//! runs. It answers from the chain and never changes it.

mod faults;
mod methods;

pub use faults::NodeFaults;

use super::http::{self, Connection, Request};
use super::live::LiveChain;
use super::render;
use crate::types::B256;
use faults::Refused;
use futures::{SinkExt, StreamExt};
use methods::View;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// What a node says of itself when a subscription is over, without an id: `PublicNode`'s way (facts/streams.md §2).
const SUBSCRIPTION_OVER: &str = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Subscription timed out"}}"#;
/// Frames said to all connections that one of them may fall behind.
const SAID_BEHIND: usize = 64;

/// A node.
#[derive(Debug)]
pub struct Node {
    chain: Arc<LiveChain>,
    faults: Mutex<NodeFaults>,
    /// Ticks when faults change.
    changed: watch::Sender<u64>,
    /// Ticks when all connections are to be dropped.
    dropped: watch::Sender<u64>,
    /// Frames that every socket gets, whatever it asked for.
    said: broadcast::Sender<String>,
    asked: Mutex<BTreeMap<String, u64>>,
}

/// Reads the heads' subscriptions of one socket.
struct Socket {
    /// Ids of subscriptions to heads.
    heads: BTreeSet<String>,
    /// The last block that was announced, or that was the head when the subscription began.
    announced: Option<B256>,
    /// Makes ids.
    next: u64,
}

impl Node {
    /// A good node of this chain.
    #[must_use]
    pub fn new(chain: Arc<LiveChain>) -> Self {
        Self {
            chain,
            faults: Mutex::default(),
            changed: watch::Sender::new(0),
            dropped: watch::Sender::new(0),
            said: broadcast::Sender::new(SAID_BEHIND),
            asked: Mutex::default(),
        }
    }

    /// The chain that it shows.
    #[must_use]
    pub const fn chain(&self) -> &Arc<LiveChain> {
        &self.chain
    }

    /// Changes what is wrong with it.
    pub fn set(&self, change: impl FnOnce(&mut NodeFaults)) {
        change(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What is wrong with it now.
    #[must_use]
    pub fn faults(&self) -> NodeFaults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes all connections without a word.
    pub fn drop_connections(&self) {
        self.dropped.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Tells every socket, without an id, that its subscription is over.
    pub fn say_subscription_over(&self) {
        self.say(SUBSCRIPTION_OVER.into());
    }

    /// Sends any text to every socket.
    pub fn say(&self, frame: String) {
        // Without a socket nobody hears it.
        let _nobody = self.said.send(frame);
    }

    /// How often a method was asked for.
    #[must_use]
    pub fn times_asked(&self, method: &str) -> u64 {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(method).copied().unwrap_or(0)
    }

    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let node = self.clone();
            async move {
                let mut dropped = node.dropped.subscribe();
                tokio::select! {
                    _ = dropped.changed() => {}
                    // A peer that is gone, or that speaks no HTTP, is left alone.
                    _gone = node.talk(connection) => {}
                }
            }
        })
        .await;
    }

    /// Waits while the node is paused.
    async fn awake(&self) {
        let mut changed = self.changed.subscribe();
        while self.faults().paused {
            // The sender lives as long as this node.
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        loop {
            self.awake().await;
            let Some(request) = connection.request().await? else { return Ok(()) };
            self.awake().await;
            if let Some(status) = self.faults().refuse {
                connection.answer(status, &[], "refused").await?;
                continue;
            }
            if let Some(key) = request.upgrade_key() {
                let socket = connection.upgrade(key).await?;
                self.talk_socket(socket).await;
                return Ok(());
            }
            match self.answer_http(&request) {
                Some(body) => connection.answer_json(&body).await?,
                None => connection.answer(405, &[], "this is JSON-RPC: POST it").await?,
            }
        }
    }

    fn answer_http(&self, request: &Request) -> Option<String> {
        let body = std::str::from_utf8(&request.body).ok().filter(|_| request.method == "POST")?;
        Some(self.answer(body, None))
    }

    async fn talk_socket(&self, mut socket: WebSocketStream<TcpStream>) {
        let mut state = Socket { heads: BTreeSet::new(), announced: None, next: 1 };
        let (mut chain, mut faults, mut said) = (self.chain.changes(), self.changed.subscribe(), self.said.subscribe());
        loop {
            self.awake().await;
            let frames = tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        self.awake().await;
                        vec![self.answer(&text, Some(&mut state))]
                    }
                    // Pings are answered by the socket itself.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => vec![],
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                _ = chain.changed() => self.announcements(&mut state),
                // A lag that ends shows blocks that were there before.
                _ = faults.changed() => self.announcements(&mut state),
                frame = said.recv() => frame.into_iter().collect(),
            };
            for frame in frames {
                if socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// What has to be said of new heads.
    fn announcements(&self, socket: &mut Socket) -> Vec<String> {
        let mut faults = self.faults();
        if faults.paused || faults.mute || socket.heads.is_empty() {
            return Vec::new();
        }
        let newest_only = faults.newest_head_only;
        let mut new = self.chain.read(|chain| {
            let height = View { chain, faults: &mut faults }.height();
            let announced = socket.announced.unwrap_or(chain.head().at.hash);
            chain.since(announced, height)
        });
        if newest_only {
            new = new.pop().into_iter().collect();
        }
        let mut frames = Vec::new();
        for block in new {
            socket.announced = Some(block.at.hash);
            let header = render::header(&block);
            let frame =
                |id| json!({"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":id,"result":header}});
            frames.extend(socket.heads.iter().map(|id| frame(id).to_string()));
        }
        frames
    }

    /// Answers a request or a list of them.
    fn answer(&self, text: &str, mut socket: Option<&mut Socket>) -> String {
        match serde_json::from_str(text) {
            Ok(Value::Array(all)) => {
                let all: Vec<Value> = all.iter().map(|one| self.answer_one(one, socket.as_deref_mut())).collect();
                Value::from(all).to_string()
            }
            Ok(one) => self.answer_one(&one, socket).to_string(),
            Err(_) => json!({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}).to_string(),
        }
    }

    fn answer_one(&self, request: &Value, socket: Option<&mut Socket>) -> Value {
        let id = request.get("id").unwrap_or(&Value::Null);
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = request.get("params").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry(method.to_owned()).or_default();
        *times = times.saturating_add(1);
        drop(asked);
        let outcome = match (method, socket) {
            ("eth_subscribe", Some(socket)) => self.subscribe(params, socket),
            ("eth_unsubscribe", Some(socket)) => unsubscribe(params, socket),
            ("eth_subscribe" | "eth_unsubscribe", None) => Err(Refused::new(-32_601, "notifications not supported")),
            _ => {
                let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
                self.chain.read(|chain| View { chain, faults: &mut faults }.answer(method, params))
            }
        };
        match outcome {
            Ok(result) => json!({"jsonrpc":"2.0","id":id,"result":result}),
            Err(refused) => json!({"jsonrpc":"2.0","id":id,"error":refused.value()}),
        }
    }

    fn subscribe(&self, params: &[Value], socket: &mut Socket) -> Result<Value, Refused> {
        if params.first().and_then(Value::as_str) != Some("newHeads") {
            return Err(Refused::new(-32_602, "unsupported subscription: only newHeads"));
        }
        let mut faults = self.faults();
        if faults.without.contains("eth_subscribe") {
            return Err(Refused::missing("eth_subscribe"));
        }
        let head = self.chain.read(|chain| {
            let height = View { chain, faults: &mut faults }.height();
            chain.at(height).map(|block| block.at.hash)
        });
        socket.announced = socket.announced.or(head);
        let id = format!("{:#034x}", socket.next);
        socket.next = socket.next.saturating_add(1);
        socket.heads.insert(id.clone());
        Ok(Value::from(id))
    }
}

fn unsubscribe(params: &[Value], socket: &mut Socket) -> Result<Value, Refused> {
    let id = params.first().and_then(Value::as_str).ok_or_else(Refused::params)?;
    if socket.heads.remove(id) { Ok(Value::Bool(true)) } else { Err(Refused::new(-32_000, "subscription not found")) }
}

#[cfg(test)]
mod tests;
