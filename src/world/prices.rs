//! Price feeds, each in the way of its venue: how it is subscribed to, what it acknowledges, what a price looks like, how it shows that it
//! lives. Prices are set from outside; a feed falls silent, rejects, repeats itself or hangs up on demand.

mod binance;
mod coinbase;
mod kraken;

use super::Clock;
use super::http::{self, Connection};
use crate::types::{Pair, Price, Timestamp};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
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

/// Whose protocol a feed speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    /// Coinbase Exchange: subscribe within 5 s, an acknowledgement that repeats all there is, a heartbeat each second and pair.
    Coinbase,
    /// Kraken's second version: an answer for each pair, prices as bare numbers, a heartbeat for the connection.
    Kraken,
    /// Binance spot: an answer to each request, base and quote run together, nothing that shows that it lives.
    Binance,
}

/// What a peer is subscribed to.
type Channels = BTreeMap<String, BTreeSet<Pair>>;

/// What a venue says to what it heard.
struct Heard {
    /// Its answers.
    answers: Vec<String>,
    /// The pairs that begin, each with its last trade.
    begun: Vec<Pair>,
}

/// The last trade of a pair.
#[derive(Debug, Clone, Copy)]
struct Trade {
    price: Price,
    sequence: u64,
    id: u64,
}

/// What is wrong with the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each fault is there or not, whatever the others are")]
pub struct FeedFaults {
    /// The socket stays open and nothing comes.
    pub silent: bool,
    /// Heartbeats go on, trades do not: alive, and yet no prices.
    pub no_trades: bool,
    /// Subscriptions are refused, for no pair's fault.
    pub refuses: bool,
    /// These pairs say nothing any more, beside others that do.
    pub mute: BTreeSet<Pair>,
    /// Each price comes twice, and behind it an earlier one that is wrong.
    pub echoes: bool,
}

/// A feed.
pub struct PriceFeed {
    venue: Venue,
    clock: Clock,
    trades: Mutex<BTreeMap<Pair, Trade>>,
    faults: Mutex<FeedFaults>,
    traded: broadcast::Sender<Pair>,
    /// Frames that every socket gets, whatever it asked for.
    said: broadcast::Sender<String>,
    dropped: watch::Sender<u64>,
}

impl PriceFeed {
    /// A feed in Coinbase's way that knows these pairs; the first price of each is its last trade.
    #[must_use]
    pub fn new(clock: Clock, prices: BTreeMap<Pair, Price>) -> Self {
        Self::of(Venue::Coinbase, clock, prices)
    }

    /// The same in the way of any venue.
    #[must_use]
    pub fn of(venue: Venue, clock: Clock, prices: BTreeMap<Pair, Price>) -> Self {
        let trade = |(pair, price)| (pair, Trade { price, sequence: 1_000, id: 1 });
        Self {
            venue,
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
        let mut channels = Channels::new();
        if self.venue == Venue::Kraken && socket.send(Message::text(kraken::status())).await.is_err() {
            return;
        }
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
                () = sleep_until(patience), if channels.is_empty() && self.venue == Venue::Coinbase => return,
            };
            if self.faults().silent {
                continue;
            }
            for frame in frames {
                if socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Reads what a peer asks for; the answer is an acknowledgement and the last trade of each new pair.
    fn hear(&self, text: &str, channels: &mut Channels) -> Vec<String> {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let refuses = self.faults().refuses;
        let known = |pair: &Pair| self.price(pair).is_some();
        let heard = match self.venue {
            Venue::Coinbase => coinbase::hear(&message, refuses, known, channels),
            Venue::Kraken => kraken::hear(&message, refuses, known, channels),
            Venue::Binance => binance::hear(&message, refuses, &self.pairs(), channels),
        };
        let mut frames = heard.answers;
        frames.extend(heard.begun.iter().flat_map(|pair| self.ticks(channels, Some(pair))));
        frames
    }

    /// The last trade of one pair or of all, where it is subscribed to.
    fn ticks(&self, channels: &Channels, of: Option<&Pair>) -> Vec<String> {
        let faults = self.faults();
        if faults.no_trades {
            return Vec::new();
        }
        let trades = self.trades.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |pair: &&Pair| of.is_none_or(|of| of == *pair) && !faults.mute.contains(*pair);
        let pairs = channels.get("ticker").into_iter().flatten().filter(wanted);
        let now = (self.clock)();
        let frame = |pair: &Pair, trade: &Trade, time| match self.venue {
            Venue::Coinbase => coinbase::tick(pair, trade, time),
            Venue::Kraken => kraken::tick(pair, trade, time),
            Venue::Binance => binance::tick(pair, trade, time),
        };
        let mut frames = Vec::new();
        for pair in pairs {
            let Some(trade) = trades.get(pair) else { continue };
            frames.push(frame(pair, trade, now));
            if faults.echoes {
                // The same again, and an earlier one at a price that nobody pays.
                let wrong = Price::parse("0.00000001").unwrap_or(trade.price);
                let late = Trade { price: wrong, sequence: trade.sequence.saturating_sub(1), id: trade.id };
                frames.push(frame(pair, trade, now));
                frames.push(frame(pair, &late, Timestamp::from_millis(now.millis().saturating_sub(5_000))));
            }
        }
        frames
    }

    fn beats(&self, channels: &Channels) -> Vec<String> {
        match self.venue {
            Venue::Coinbase => {
                let (trades, mute) = (self.trades.lock().unwrap_or_else(PoisonError::into_inner), self.faults().mute);
                let pairs = channels.get("heartbeat").into_iter().flatten().filter(|pair| !mute.contains(*pair));
                let now = (self.clock)();
                pairs.filter_map(|pair| Some(coinbase::beat(pair, trades.get(pair)?, now))).collect()
            }
            Venue::Kraken => vec![kraken::beat()],
            // It pings, once in twenty seconds, and says nothing.
            Venue::Binance => Vec::new(),
        }
    }

    fn pairs(&self) -> Vec<Pair> {
        self.trades.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn faults(&self) -> FeedFaults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
