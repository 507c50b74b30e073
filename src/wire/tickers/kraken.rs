//! Frames of Kraken's second public socket (v2): ticker. Its prices are JSON numbers, read from their text. Nothing is counted in a
//! sequence, and older frames have no time.

use super::number::plain;
use super::{Frame, Tick};
use crate::types::{Pair, Price, Timestamp, Untrusted};
use crate::wire::{Fault, read};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What it says of a pair that is subscribed already.
const STANDS_ALREADY: &str = "already subscribed";

/// The frame that subscribes to these pairs, or ends that. Each is answered by itself; a subscription begins with the last trade.
/// With every change of the best offers a ticker comes, not with trades alone: quiet pairs speak too.
#[must_use]
pub fn subscribe(pairs: &[Pair], off: bool) -> String {
    let symbols: Vec<String> =
        pairs.iter().map(|pair| format!("\"{}\"", pair.as_str().replacen('-', "/", 1))).collect();
    let symbols = symbols.join(",");
    if off {
        return format!(
            r#"{{"method":"unsubscribe","params":{{"channel":"ticker","symbol":[{symbols}],"event_trigger":"bbo"}}}}"#
        );
    }
    format!(
        r#"{{"method":"subscribe","params":{{"channel":"ticker","symbol":[{symbols}],"event_trigger":"bbo","snapshot":true}}}}"#
    )
}

/// All that is read of any frame.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    success: Option<bool>,
    result: Option<Subscribed<'a>>,
    #[serde(borrow, alias = "Error")]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
}

/// What an acknowledgement is of.
#[derive(Deserialize)]
struct Subscribed<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    last: &'a RawValue,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct System<'a> {
    #[serde(borrow)]
    system: Cow<'a, str>,
}

/// Reads one frame.
///
/// # Errors
/// [`Fault::Shape`] for what is no JSON object, has neither a channel, a method nor an error, or is a ticker without what makes it one: a
/// price that is zero, negative or no number is no price.
pub fn parse(text: &str) -> Result<Frame, Fault> {
    if !text.trim_start().starts_with('{') {
        return Err(Fault::shape("a price frame", "it is no object"));
    }
    let raw: Raw<'_> = read("a price frame", text)?;
    match (raw.channel.as_deref(), raw.method.as_deref()) {
        (Some("ticker"), _) => {
            let data = raw.data.ok_or_else(|| Fault::shape("a price frame", "it has no data"))?;
            let tickers: Vec<Ticker<'_>> = read("a price frame", data.get())?;
            let mut ticks = tickers.iter().map(tick).collect::<Result<Vec<_>, _>>()?;
            match ticks.pop() {
                Some(only) if ticks.is_empty() => Ok(Frame::Tick(only)),
                Some(last) => {
                    ticks.push(last);
                    Ok(Frame::Ticks(ticks))
                }
                None => Ok(Frame::Other),
            }
        }
        (Some("heartbeat"), _) | (None, Some("pong")) => Ok(Frame::Heartbeat { pair: None }),
        (Some("status"), _) => {
            let data = raw.data.ok_or_else(|| Fault::shape("a price frame", "it has no data"))?;
            let said: Vec<System<'_>> = read("a price frame", data.get())?;
            let system = said.first().map_or("unknown", |said| &said.system);
            Ok(Frame::Venue { words: Untrusted::new(system), well: system == "online" })
        }
        (None, Some("subscribe")) => Ok(subscribed(&raw)),
        (None, None) if raw.error.is_some() => Ok(refused(&raw)),
        (None, None) => Err(Fault::shape("a price frame", "it has neither a channel nor a method")),
        (Some(_) | None, _) => Ok(Frame::Other),
    }
}

fn tick(ticker: &Ticker<'_>) -> Result<Tick, Fault> {
    let lacks = |key: &str| Fault::shape("a price frame", &format!("its {key} is missing or wrong"));
    let time = ticker.timestamp.as_deref().map(|time| Timestamp::parse(time).ok_or_else(|| lacks("timestamp")));
    Ok(Tick {
        pair: pair_of(&ticker.symbol).ok_or_else(|| lacks("symbol"))?,
        price: plain(ticker.last.get()).and_then(|text| Price::parse(&text)).ok_or_else(|| lacks("last"))?,
        sequence: None,
        time: time.transpose()?,
    })
}

/// The answer to a subscription.
fn subscribed(raw: &Raw<'_>) -> Frame {
    if raw.success == Some(true) {
        let result = raw.result.as_ref().filter(|result| result.channel.as_deref() == Some("ticker"));
        let pairs = result.and_then(|result| result.symbol.as_deref()).and_then(pair_of);
        return Frame::Ack { pairs: pairs.into_iter().collect() };
    }
    let stands = raw.error.as_deref().is_some_and(|error| error.to_ascii_lowercase().contains(STANDS_ALREADY));
    let pair = raw.symbol.as_deref().and_then(pair_of);
    match pair.filter(|_| stands) {
        Some(pair) => Frame::Ack { pairs: vec![pair] },
        None => refused(raw),
    }
}

fn refused(raw: &Raw<'_>) -> Frame {
    Frame::Error {
        pairs: raw.symbol.as_deref().and_then(pair_of).into_iter().collect(),
        message: Untrusted::new(raw.error.as_deref().unwrap_or_default()),
        reason: Untrusted::default(),
    }
}

/// `ETH/USD` as a pair.
fn pair_of(symbol: &str) -> Option<Pair> {
    Pair::parse(&symbol.replacen('/', "-", 1)).filter(|_| symbol.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: &str = r#"{"channel":"ticker","type":"update","data":[{"symbol":"ETH/USD","bid":2345.00,"bid_qty":1.5,"ask":2345.20,"ask_qty":2,"last":2345.10,"volume":1.0,"timestamp":"2026-09-04T00:21:02.905270Z"}]}"#;

    fn pair(text: &str) -> Pair {
        Pair::parse(text).expect("it is a pair")
    }

    #[test]
    fn a_bare_number_keeps_every_digit_of_its_price() {
        for (number, price) in [
            ("2345.10", "2345.10"),
            ("99999.99999999999", "99999.99999999999"),
            ("12345678.1234567891", "12345678.1234567891"),
            ("1.5e-7", "0.00000015"),
        ] {
            let text = TICK.replacen("2345.10", number, 1);
            let Ok(Frame::Tick(tick)) = parse(&text) else { panic!("it is a tick: {text}") };
            assert_eq!((tick.pair, tick.price.to_string().as_str()), (pair("ETH-USD"), price));
            assert_eq!(tick.time.map(|time| time.to_string()).as_deref(), Some("2026-09-04T00:21:02.905Z"));
        }
        let old = TICK.replace(r#","timestamp":"2026-09-04T00:21:02.905270Z""#, "");
        assert!(matches!(parse(&old), Ok(Frame::Tick(Tick { time: None, .. }))), "{old}");
    }

    #[test]
    fn a_tick_without_what_makes_it_one_is_a_fault() {
        for (from, to) in [
            ("2345.10", "0"),
            ("2345.10", "-1"),
            ("2345.10", "null"),
            ("2345.10", "\"2345.10\""),
            ("\"last\":2345.10,", ""),
            ("ETH/USD", "ETH-USD"),
            ("ETH/USD", "eth/usd"),
            ("2026-09", "yesterday"),
            ("{\"channel\"", "[\"channel\""),
            ("\"channel\":\"ticker\",", ""),
        ] {
            let text = TICK.replacen(from, to, 1);
            assert_ne!(text, TICK);
            assert!(parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_answer_is_for_one_pair() {
        let ack = r#"{"method":"subscribe","result":{"channel":"ticker","snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"x","req_id":1}"#;
        assert_eq!(parse(ack), Ok(Frame::Ack { pairs: vec![pair("BTC-USD")] }));
        let no = r#"{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD"}"#;
        let message = Untrusted::new("Currency pair not supported XBT/USD");
        let reason = Untrusted::default();
        assert_eq!(parse(no), Ok(Frame::Error { pairs: vec![pair("XBT-USD")], message, reason }));
        let stands = r#"{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"BTC/USD"}"#;
        assert_eq!(parse(stands), Ok(Frame::Ack { pairs: vec![pair("BTC-USD")] }));
        let gone = r#"{"error":"Subscription Not Found","method":"unsubscribe","success":false,"symbol":"BTC/USD"}"#;
        assert_eq!(parse(gone), Ok(Frame::Other), "what was not there need not be taken away");
        for text in [r#"{"Error":"Exceeded msg rate"}"#, r#"{"error":"Exceeded msg rate","success":false}"#] {
            assert!(matches!(parse(text), Ok(Frame::Error { pairs, .. }) if pairs.is_empty()), "{text}");
        }
    }

    #[test]
    fn other_frames_are_told_apart() {
        assert_eq!(parse(r#"{"channel":"heartbeat"}"#), Ok(Frame::Heartbeat { pair: None }));
        assert_eq!(parse(r#"{"method":"pong","req_id":42}"#), Ok(Frame::Heartbeat { pair: None }));
        assert_eq!(parse(r#"{"channel":"trade","type":"update","data":[{"price":1}]}"#), Ok(Frame::Other));
        for (system, well) in [("online", true), ("maintenance", false), ("cancel_only", false)] {
            let text = format!(
                r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"{system}"}}]}}"#
            );
            assert_eq!(parse(&text), Ok(Frame::Venue { words: Untrusted::new(system), well }));
        }
        let two = TICK.replace("}]}", r#"},{"symbol":"BTC/USD","last":81205.0}]}"#);
        let Ok(Frame::Ticks(ticks)) = parse(&two) else { panic!("two ticks: {two}") };
        assert_eq!(ticks.iter().map(|tick| tick.pair.as_str()).collect::<Vec<_>>(), ["ETH-USD", "BTC-USD"]);
        for text in
            ["", "{}", "[]", "7", "null", r#"[1668,{"a":["1"]},"ticker","XBT/USD"]"#, r#"{"event":"heartbeat"}"#]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_subscription_names_pairs_as_the_venue_does() {
        assert_eq!(
            subscribe(&[pair("ETH-USD"), pair("BTC-EUR")], false),
            r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["ETH/USD","BTC/EUR"],"event_trigger":"bbo","snapshot":true}}"#
        );
        assert!(subscribe(&[pair("ETH-USD")], true).contains(r#""method":"unsubscribe""#));
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
