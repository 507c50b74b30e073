//! Binance's frames: mini-tickers of a combined stream. A stream that does not exist is acknowledged like any other, and never speaks.

use super::{Channels, Heard, Trade};
use crate::types::{Pair, Timestamp};
use serde_json::{Value, json};

fn symbol(pair: &Pair) -> String {
    pair.as_str().replacen('-', "", 1)
}

/// Takes a request; a subscription has no snapshot.
pub(super) fn hear(message: &Value, refuses: bool, known: &[Pair], channels: &mut Channels) -> Heard {
    let id = message.get("id").cloned().unwrap_or_default();
    let off = match message.get("method").and_then(Value::as_str) {
        Some("SUBSCRIBE") => false,
        Some("UNSUBSCRIBE") => true,
        Some(_) | None => {
            let error = json!({"code":2,"msg":"Invalid request: unknown variant"}).to_string();
            return Heard { answers: vec![error], begun: Vec::new() };
        }
    };
    if refuses {
        let error = json!({"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":id}).to_string();
        return Heard { answers: vec![error], begun: Vec::new() };
    }
    let streams = message.get("params").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let ticker = channels.entry("ticker".into()).or_default();
    for stream in streams.iter().filter_map(Value::as_str) {
        let of_stream = |pair: &&Pair| format!("{}@miniTicker", symbol(pair).to_ascii_lowercase()) == stream;
        if let Some(pair) = known.iter().find(of_stream) {
            if off {
                ticker.remove(pair)
            } else {
                ticker.insert(pair.clone())
            };
        }
    }
    Heard { answers: vec![json!({"result":null,"id":id}).to_string()], begun: Vec::new() }
}

pub(super) fn tick(pair: &Pair, trade: &Trade, time: Timestamp) -> String {
    let (symbol, price) = (symbol(pair), trade.price.to_string());
    let data = json!({"e":"24hrMiniTicker","E":time.millis(),"s":symbol,"c":price,"o":price,"h":price,"l":price,"v":"10000","q":"18"});
    json!({"stream":format!("{}@miniTicker", symbol.to_ascii_lowercase()),"data":data}).to_string()
}
