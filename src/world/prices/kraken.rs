//! Kraken's frames, second version. Prices are JSON numbers: they are written digit by digit.

use super::{Channels, Heard, Trade};
use crate::types::{Pair, Timestamp};
use serde_json::{Value, json};

/// Takes a subscription, or the end of one: an answer for each pair.
pub(super) fn hear(message: &Value, refuses: bool, known: impl Fn(&Pair) -> bool, channels: &mut Channels) -> Heard {
    let mut heard = Heard { answers: Vec::new(), begun: Vec::new() };
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    let off = match method {
        "subscribe" => false,
        "unsubscribe" => true,
        "ping" => {
            heard.answers.push(json!({"method":"pong"}).to_string());
            return heard;
        }
        _ => {
            heard.answers.push(json!({"error":"Unsupported method","success":false}).to_string());
            return heard;
        }
    };
    if refuses {
        heard.answers.push(json!({"error":"Exceeded msg rate","method":method,"success":false}).to_string());
        return heard;
    }
    let symbols = message.pointer("/params/symbol").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let ticker = channels.entry("ticker".into()).or_default();
    for symbol in symbols.iter().filter_map(Value::as_str) {
        let pair = Pair::parse(&symbol.replacen('/', "-", 1)).filter(&known);
        let refusal =
            |error: String| json!({"error":error,"method":method,"success":false,"symbol":symbol}).to_string();
        let granted =
            json!({"method":method,"result":{"channel":"ticker","snapshot":true,"symbol":symbol},"success":true});
        heard.answers.push(match pair {
            None => refusal(format!("Currency pair not supported {symbol}")),
            Some(pair) if off && ticker.remove(&pair) => granted.to_string(),
            Some(_) if off => refusal("Subscription Not Found".into()),
            Some(pair) if ticker.insert(pair.clone()) => {
                heard.begun.push(pair);
                granted.to_string()
            }
            Some(_) => refusal("Already subscribed".into()),
        });
    }
    heard
}

pub(super) fn tick(pair: &Pair, trade: &Trade, time: Timestamp) -> String {
    let (symbol, price) = (pair.as_str().replacen('-', "/", 1), trade.price);
    format!(
        r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"{symbol}","bid":{price},"bid_qty":0.58905885,"ask":{price},"ask_qty":0.69697106,"last":{price},"volume":4696.17832496,"vwap":{price},"low":{price},"high":{price},"change":0.0,"change_pct":0.0,"trades":{},"timestamp":"{time}"}}]}}"#,
        trade.id
    )
}

pub(super) fn beat() -> String {
    r#"{"channel":"heartbeat"}"#.to_owned()
}

/// What it says first.
pub(super) fn status() -> String {
    r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online"}]}"#.to_owned()
}
