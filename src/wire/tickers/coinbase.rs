//! Frames of Coinbase Exchange's public socket: ticker and heartbeat. Prices are read from their text, never as
//! floats. `sequence` only grows; it is not without gaps.

use super::{Frame, Tick};
use crate::types::{Pair, Price, Timestamp, Untrusted};
use crate::wire::{Fault, read};
use serde::Deserialize;
use std::borrow::Cow;

/// The frame that subscribes to prices and heartbeats of these pairs. It has to be sent within 5 s of connecting.
#[must_use]
pub fn subscribe(pairs: &[Pair]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|pair| format!("\"{pair}\"")).collect();
    let pairs = pairs.join(",");
    format!(r#"{{"type":"subscribe","product_ids":[{pairs}],"channels":["ticker","heartbeat"]}}"#)
}

/// All that is read of any frame.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    product_id: Option<Cow<'a, str>>,
    sequence: Option<u64>,
    #[serde(borrow)]
    price: Option<&'a str>,
    #[serde(borrow)]
    time: Option<&'a str>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    channels: Option<Vec<Channel>>,
}

/// One channel of an acknowledgement.
#[derive(Deserialize)]
struct Channel {
    name: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

/// Reads one frame.
///
/// # Errors
/// [`Fault::Shape`] for what is no JSON object with a type, or a ticker or heartbeat without what makes it one:
/// a price that is zero, negative or no plain number is no price.
pub fn parse(text: &str) -> Result<Frame, Fault> {
    if !text.trim_start().starts_with('{') {
        return Err(Fault::shape("a price frame", "it is no object"));
    }
    let raw: Raw<'_> = read("a price frame", text)?;
    let lacks = |key: &str| Fault::shape("a price frame", &format!("its {key} is missing or wrong"));
    let pair = || raw.product_id.as_deref().and_then(Pair::parse).ok_or_else(|| lacks("product_id"));
    let price = |text: Option<&str>| text.and_then(Price::parse);
    let time = raw.time.map(|time| Timestamp::parse(time).ok_or_else(|| lacks("time"))).transpose()?;
    match &*raw.kind {
        "ticker" => Ok(Frame::Tick(Tick {
            pair: pair()?,
            price: price(raw.price).ok_or_else(|| lacks("price"))?,
            sequence: Some(raw.sequence.ok_or_else(|| lacks("sequence"))?),
            time,
        })),
        "heartbeat" => Ok(Frame::Heartbeat { pair: Some(pair()?) }),
        "subscriptions" => {
            // Each acknowledgement repeats all that is subscribed; only the channel that prices come on counts.
            let channels = raw.channels.unwrap_or_default();
            let ticker = channels.iter().filter(|channel| channel.name == "ticker").flat_map(|it| &it.product_ids);
            Ok(Frame::Ack { pairs: ticker.filter_map(|product| Pair::parse(product)).collect() })
        }
        "error" => {
            let text = |text: &Option<Cow<'_, str>>| Untrusted::new(text.as_deref().unwrap_or_default());
            // The venue names the pair in its words, nowhere else.
            let words = [raw.message.as_deref(), raw.reason.as_deref()];
            let pairs = words.into_iter().flatten().flat_map(named).collect();
            Ok(Frame::Error { pairs, message: text(&raw.message), reason: text(&raw.reason) })
        }
        _ => Ok(Frame::Other),
    }
}

/// The pairs that a text names, each as a word of its own: `BTC-USD` is not named by `WBTC-USDC`.
fn named(text: &str) -> impl Iterator<Item = Pair> + '_ {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(Pair::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: &str = r#"{"type":"ticker","sequence":42,"product_id":"ETH-USD","price":"2345.10","best_bid":"2345.00","best_ask":"2345.20","side":"sell","time":"2026-09-04T00:21:02.905270Z","trade_id":7,"last_size":"0.1","open_24h":"1"}"#;

    fn pair(text: &str) -> Pair {
        Pair::parse(text).expect("it is a pair")
    }

    #[test]
    fn a_tick_keeps_every_digit_of_its_price() {
        let Ok(Frame::Tick(tick)) = parse(TICK) else { panic!("it is a tick") };
        assert_eq!((tick.pair, tick.sequence), (pair("ETH-USD"), Some(42)));
        assert_eq!(tick.price.to_string(), "2345.10");
        assert_eq!(tick.time.map(|time| time.to_string()).as_deref(), Some("2026-09-04T00:21:02.905Z"));
    }

    #[test]
    fn a_tick_without_what_makes_it_one_is_a_fault() {
        for (from, to) in [
            ("\"2345.10\"", "2345.10"),
            ("\"2345.10\"", "\"0\""),
            ("\"2345.10\"", "\"-1\""),
            ("\"2345.10\"", "null"),
            ("ETH-USD", "eth-usd"),
            ("\"sequence\":42,", ""),
            ("2026-09", "yesterday"),
            ("{", "["),
        ] {
            let text = TICK.replacen(from, to, 1);
            assert_ne!(text, TICK);
            assert!(parse(&text).is_err(), "{text}");
        }
        let without_bid = TICK.replace("\"best_bid\":\"2345.00\",", "").replace("2345.20", "");
        assert!(matches!(parse(&without_bid), Ok(Frame::Tick(_))), "what is not read may be anything");
    }

    #[test]
    fn other_frames_are_told_apart() {
        let ack = r#"{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["ETH-USD","?"],"account_ids":null},{"name":"heartbeat","product_ids":[]}]}"#;
        assert_eq!(parse(ack), Ok(Frame::Ack { pairs: vec![pair("ETH-USD")] }));
        let beat = r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"ETH-USD","time":"2026-11-07T08:19:28.464459Z"}"#;
        assert!(matches!(parse(beat), Ok(Frame::Heartbeat { .. })));
        let error = r#"{"type":"error","message":"Failed to subscribe","reason":"matches is not a valid product"}"#;
        let (message, reason) =
            (Untrusted::new("Failed to subscribe"), Untrusted::new("matches is not a valid product"));
        assert_eq!(parse(error), Ok(Frame::Error { pairs: vec![], message, reason }));
        let named =
            r#"{"type":"error","message":"Failed to subscribe","reason":"WBTC-USDC is delisted, LOOM-USD too"}"#;
        let Ok(Frame::Error { pairs, .. }) = parse(named) else { panic!("it is an error") };
        assert_eq!(pairs, [pair("WBTC-USDC"), pair("LOOM-USD")]);
        assert_eq!(parse(r#"{"type":"match","price":"1"}"#), Ok(Frame::Other));
        assert_eq!(parse(r#"{"type":"of tomorrow","x":{}}"#), Ok(Frame::Other));
        for text in ["", "{}", "[]", "7", "null"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_subscription_names_pairs_and_channels() {
        assert_eq!(
            subscribe(&[pair("ETH-USD"), pair("USDC-USD")]),
            r#"{"type":"subscribe","product_ids":["ETH-USD","USDC-USD"],"channels":["ticker","heartbeat"]}"#
        );
    }

    proptest! {
        #[test]
        fn mangled_frames_are_read_or_refused(at in 0..TICK.len(), with in any::<char>(), cut in any::<bool>()) {
            let mut text = TICK.to_owned();
            if cut { text.truncate(at) } else { text.insert(at, with) }
            let _ = parse(&text);
        }
    }
}
