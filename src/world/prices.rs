//! A price feed in Coinbase Exchange's way: subscribe within 5 s, an acknowledgement that repeats all there is, a
//! ticker at each trade, a heartbeat each second. Prices are set from outside; it falls silent or hangs up on demand.

use super::Clock;
use super::http::{self, Connection};
use crate::types::{Pair, Price};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// Who has not subscribed by then is hung up on.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(5);
/// Between two heartbeats.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Trades that a slow peer may fall behind before it misses some.
const TRADES_BEHIND: usize = 1_024;

/// Frames said to all peers that one of them may fall behind.
const SAID_BEHIND: usize = 64;

/// The last trade of a pair.
#[derive(Debug, Clone, Copy)]
struct Trade {
    price: Price,
    sequence: u64,
    id: u64,
}

/// What is wrong with the feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedFaults {
    /// The socket stays open and nothing comes.
    pub silent: bool,
    /// Heartbeats go on, trades do not: alive, and yet no prices.
    pub no_trades: bool,
    /// Subscriptions are refused, for no pair's fault.
    pub refuses: bool,
}

/// A feed.
pub struct PriceFeed {
    clock: Clock,
    trades: Mutex<BTreeMap<Pair, Trade>>,
    faults: Mutex<FeedFaults>,
    traded: broadcast::Sender<Pair>,
    /// Frames that every socket gets, whatever it asked for.
    said: broadcast::Sender<String>,
    dropped: watch::Sender<u64>,
}

impl PriceFeed {
    /// A feed that knows these pairs; the first price of each is its last trade.
    #[must_use]
    pub fn new(clock: Clock, prices: BTreeMap<Pair, Price>) -> Self {
        let trade = |(pair, price)| (pair, Trade { price, sequence: 1_000, id: 1 });
        Self {
            clock,
            trades: Mutex::new(prices.into_iter().map(trade).collect()),
            faults: Mutex::default(),
            traded: broadcast::Sender::new(TRADES_BEHIND),
            said: broadcast::Sender::new(SAID_BEHIND),
            dropped: watch::Sender::new(0),
        }
    }

    /// A trade at this price; nothing for a pair that the feed does not know.
    pub fn trade(&self, pair: &Pair, price: Price) {
        let mut trades = self.trades.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(trade) = trades.get_mut(pair) else { return };
        // Sequences jump on the real feed: other messages of the product count too.
        *trade = Trade { price, sequence: trade.sequence.saturating_add(33), id: trade.id.saturating_add(1) };
        drop(trades);
        // Without a peer nobody hears it.
        let _nobody = self.traded.send(pair.clone());
    }

    /// The price of the last trade.
    #[must_use]
    pub fn price(&self, pair: &Pair) -> Option<Price> {
        self.trades.lock().unwrap_or_else(PoisonError::into_inner).get(pair).map(|trade| trade.price)
    }

    /// Changes what is wrong with it.
    pub fn set(&self, change: impl FnOnce(&mut FeedFaults)) {
        change(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends any text to every socket.
    pub fn say(&self, frame: String) {
        // Without a socket nobody hears it.
        let _nobody = self.said.send(frame);
    }

    /// Closes all connections without a word.
    pub fn drop_connections(&self) {
        self.dropped.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let feed = self.clone();
            async move {
                let mut dropped = feed.dropped.subscribe();
                tokio::select! {
                    _ = dropped.changed() => {}
                    // A peer that is gone, or that speaks no HTTP, is left alone.
                    _gone = feed.talk(connection) => {}
                }
            }
        })
        .await;
    }

    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        let Some(request) = connection.request().await? else { return Ok(()) };
        match request.upgrade_key() {
            Some(key) => self.talk_socket(connection.upgrade(key).await?).await,
            None => connection.answer(426, &[("upgrade", "websocket".into())], "").await?,
        }
        Ok(())
    }

    async fn talk_socket(&self, mut socket: WebSocketStream<TcpStream>) {
        let mut channels: BTreeMap<String, BTreeSet<Pair>> = BTreeMap::new();
        let (mut traded, mut said) = (self.traded.subscribe(), self.said.subscribe());
        let patience = Instant::now() + SUBSCRIBE_WITHIN;
        let mut beat = interval(BEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let frames = tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text, &mut channels),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => vec![],
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                pair = traded.recv() => pair.map_or(vec![], |pair| self.ticks(&channels, Some(&pair))),
                Ok(frame) = said.recv() => {
                    if socket.send(Message::text(frame)).await.is_err() {
                        return;
                    }
                    continue;
                }
                _ = beat.tick() => self.beats(&channels),
                () = sleep_until(patience), if channels.is_empty() => return,
            };
            if self.faults.lock().unwrap_or_else(PoisonError::into_inner).silent {
                continue;
            }
            for frame in frames {
                if socket.send(Message::text(frame.to_string())).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Reads what a peer asks for; the answer is an acknowledgement and the last trade of each new pair.
    fn hear(&self, text: &str, channels: &mut BTreeMap<String, BTreeSet<Pair>>) -> Vec<Value> {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let texts = |key: &str| -> Vec<String> {
            let list = message.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let off = match message.get("type").and_then(Value::as_str) {
            Some("subscribe") => false,
            Some("unsubscribe") => true,
            Some(_) | None => {
                return vec![
                    json!({"type":"error","message":"Failed to subscribe","reason":"Type has to be either subscribe or unsubscribe"}),
                ];
            }
        };
        if self.faults.lock().unwrap_or_else(PoisonError::into_inner).refuses {
            return vec![json!({"type":"error","message":"Failed to subscribe","reason":"too many requests"})];
        }
        let (mut frames, mut known) = (Vec::new(), Vec::new());
        for product in texts("product_ids") {
            match Pair::parse(&product).filter(|pair| self.price(pair).is_some()) {
                Some(pair) => known.push(pair),
                None => frames.push(
                    json!({"type":"error","message":"Failed to subscribe","reason":format!("{product} is not a valid product")}),
                ),
            }
        }
        for channel in texts("channels") {
            let pairs = channels.entry(channel).or_default();
            for pair in &known {
                if off {
                    pairs.remove(pair)
                } else {
                    pairs.insert(pair.clone())
                };
            }
        }
        channels.retain(|_, pairs| !pairs.is_empty());
        let channel = |(name, pairs): (&String, &BTreeSet<Pair>)| {
            let pairs: Vec<&str> = pairs.iter().map(Pair::as_str).collect();
            json!({"name":name,"product_ids":pairs,"account_ids":null})
        };
        let all: Vec<Value> = channels.iter().map(channel).collect();
        frames.push(json!({"type":"subscriptions","channels":all}));
        if !off {
            frames.extend(known.iter().flat_map(|pair| self.ticks(channels, Some(pair))));
        }
        frames
    }

    /// The last trade of one pair or of all, where it is subscribed to.
    fn ticks(&self, channels: &BTreeMap<String, BTreeSet<Pair>>, of: Option<&Pair>) -> Vec<Value> {
        if self.faults.lock().unwrap_or_else(PoisonError::into_inner).no_trades {
            return Vec::new();
        }
        let trades = self.trades.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = channels.get("ticker").into_iter().flatten().filter(|pair| of.is_none_or(|of| of == *pair));
        let time = (self.clock)().to_string();
        let tick = |pair: &Pair| {
            let trade = trades.get(pair)?;
            let price = trade.price.to_string();
            Some(json!({
                "type":"ticker","sequence":trade.sequence,"product_id":pair.as_str(),"price":price,
                "open_24h":price,"volume_24h":"10973.39","low_24h":price,"high_24h":price,"volume_30d":"210811.57",
                "best_bid":price,"best_bid_size":"0.5","best_ask":price,"best_ask_size":"0.5","side":"sell",
                "time":time,"trade_id":trade.id,"last_size":"0.013388",
            }))
        };
        pairs.filter_map(tick).collect()
    }

    fn beats(&self, channels: &BTreeMap<String, BTreeSet<Pair>>) -> Vec<Value> {
        let trades = self.trades.lock().unwrap_or_else(PoisonError::into_inner);
        let time = (self.clock)().to_string();
        let beat = |pair: &Pair| {
            let trade = trades.get(pair)?;
            Some(
                json!({"type":"heartbeat","sequence":trade.sequence,"last_trade_id":0,"product_id":pair.as_str(),"time":time}),
            )
        };
        channels.get("heartbeat").into_iter().flatten().filter_map(beat).collect()
    }
}

#[cfg(test)]
mod tests;
