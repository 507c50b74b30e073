//! Coinbase Exchange's frames.

use super::{Channels, Heard, Trade};
use crate::types::{Pair, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Takes a subscription, or the end of one. Pairs that it does not know are refused, each by itself.
pub(super) fn hear(message: &Value, refuses: bool, known: impl Fn(&Pair) -> bool, channels: &mut Channels) -> Heard {
    let texts = |key: &str| -> Vec<String> {
        let list = message.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let error = |reason: String| json!({"type":"error","message":"Failed to subscribe","reason":reason}).to_string();
    let refused = |reason: &str| Heard { answers: vec![error(reason.to_owned())], begun: Vec::new() };
    let off = match message.get("type").and_then(Value::as_str) {
        Some("subscribe") => false,
        Some("unsubscribe") => true,
        Some(_) | None => return refused("Type has to be either subscribe or unsubscribe"),
    };
    if refuses {
        return refused("too many requests");
    }
    let (mut answers, mut begun) = (Vec::new(), Vec::new());
    for product in texts("product_ids") {
        match Pair::parse(&product).filter(&known) {
            Some(pair) => begun.push(pair),
            None => answers.push(error(format!("{product} is not a valid product"))),
        }
    }
    for channel in texts("channels") {
        let pairs = channels.entry(channel).or_default();
        for pair in &begun {
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
    answers.push(json!({"type":"subscriptions","channels":all}).to_string());
    if off {
        begun.clear();
    }
    Heard { answers, begun }
}

pub(super) fn tick(pair: &Pair, trade: &Trade, time: Timestamp) -> String {
    let price = trade.price.to_string();
    let frame = json!({
        "type":"ticker","sequence":trade.sequence,"product_id":pair.as_str(),"price":price,
        "open_24h":price,"volume_24h":"10973.39","low_24h":price,"high_24h":price,"volume_30d":"210811.57",
        "best_bid":price,"best_bid_size":"0.5","best_ask":price,"best_ask_size":"0.5","side":"sell",
        "time":time.to_string(),"trade_id":trade.id,"last_size":"0.013388",
    });
    frame.to_string()
}

pub(super) fn beat(pair: &Pair, trade: &Trade, time: Timestamp) -> String {
    let time = time.to_string();
    let frame =
        json!({"type":"heartbeat","sequence":trade.sequence,"last_trade_id":0,"product_id":pair.as_str(),"time":time});
    frame.to_string()
}
