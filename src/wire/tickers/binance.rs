//! Frames of Binance's public market socket: mini-ticker and trades, bare or in the wrapper of a combined stream. Its symbols run base and
//! quote together, so that only who asked for a pair knows it again. Quotes of the book have no price of a trade and no time: they say that
//! a pair lives, nothing else.

use super::{Frame, Tick};
use crate::types::{Pair, Price, Timestamp, Untrusted};
use crate::wire::{Fault, read};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Milliseconds since the epoch are below this, microseconds above: the venue writes either, as the url asks for.
const MICROSECONDS_FROM: u64 = 100_000_000_000_000;

/// The symbol of a pair, as frames name it.
#[must_use]
pub fn symbol(pair: &Pair) -> String {
    pair.as_str().replacen('-', "", 1)
}

/// The frame that subscribes to these pairs, or ends that; it is answered once, by this number.
#[must_use]
pub fn subscribe(pairs: &[Pair], off: bool, request: u64) -> String {
    let streams: Vec<String> =
        pairs.iter().map(|pair| format!("\"{}@miniTicker\"", symbol(pair).to_ascii_lowercase())).collect();
    let method = if off { "UNSUBSCRIBE" } else { "SUBSCRIBE" };
    format!(r#"{{"method":"{method}","params":[{}],"id":{request}}}"#, streams.join(","))
}

/// All that is read around an event.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    id: Option<u64>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Refused<'a>>,
}

#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
}

/// All that is read of an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "e", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "s", borrow)]
    symbol: Option<Cow<'a, str>>,
    /// Of a mini-ticker.
    #[serde(rename = "c", borrow)]
    close: Option<Cow<'a, str>>,
    /// Of a trade.
    #[serde(rename = "p", borrow)]
    price: Option<Cow<'a, str>>,
    #[serde(rename = "E")]
    said_at: Option<u64>,
    #[serde(rename = "T")]
    traded_at: Option<u64>,
    /// Of a quote.
    #[serde(rename = "u")]
    update: Option<u64>,
}

/// Reads one frame; `pair_of` knows the symbols of the pairs that were asked for.
///
/// # Errors
/// [`Fault::Shape`] for what is no JSON object, or is an event without what makes it one: a price that is zero, negative or no plain number
/// is no price.
pub fn parse(text: &str, pair_of: impl Fn(&str) -> Option<Pair>) -> Result<Frame, Fault> {
    if !text.trim_start().starts_with('{') {
        return Err(Fault::shape("a price frame", "it is no object"));
    }
    let raw: Raw<'_> = read("a price frame", text)?;
    if let Some(data) = raw.data {
        return event(data.get(), pair_of);
    }
    let words = raw.error.and_then(|error| error.msg).or(raw.msg).map(|msg| Untrusted::new(&msg));
    match (raw.id, words) {
        (Some(request), refused) => Ok(Frame::Answered { request, refused }),
        (None, Some(message)) => Ok(Frame::Error { pairs: Vec::new(), message, reason: Untrusted::default() }),
        (None, None) => event(text, pair_of),
    }
}

fn event(text: &str, pair_of: impl Fn(&str) -> Option<Pair>) -> Result<Frame, Fault> {
    let lacks = |key: &str| Fault::shape("a price frame", &format!("its {key} is missing or wrong"));
    if !text.trim_start().starts_with('{') {
        return Ok(Frame::Other);
    }
    let event: Event<'_> = read("a price frame", text)?;
    let (price, time) = match event.kind.as_deref() {
        Some("24hrMiniTicker" | "24hrTicker") => (event.close.as_deref(), event.said_at),
        Some("aggTrade" | "trade") => (event.price.as_deref(), event.traded_at),
        Some("serverShutdown") => return Ok(Frame::Leaving),
        Some(_) => return Ok(Frame::Other),
        None if event.update.is_some() => {
            let pair = event.symbol.as_deref().and_then(pair_of);
            return Ok(pair.map_or(Frame::Other, |pair| Frame::Heartbeat { pair: Some(pair) }));
        }
        None => return Err(lacks("kind")),
    };
    let symbol = event.symbol.as_deref().ok_or_else(|| lacks("symbol"))?;
    let price = price.and_then(Price::parse).ok_or_else(|| lacks("price"))?;
    let time = time.and_then(moment).ok_or_else(|| lacks("time"))?;
    let tick = |pair| Frame::Tick(Tick { pair, price, sequence: None, time: Some(time) });
    Ok(pair_of(symbol).map_or(Frame::Other, tick))
}

/// Milliseconds or microseconds since the epoch.
fn moment(number: u64) -> Option<Timestamp> {
    let millis = if number < MICROSECONDS_FROM { number } else { number / 1_000 };
    i64::try_from(millis).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: &str = r#"{"stream":"ethusdt@miniTicker","data":{"e":"24hrMiniTicker","E":1788481292965,"s":"ETHUSDT","c":"2345.10000000","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18"}}"#;

    fn pair(text: &str) -> Pair {
        Pair::parse(text).expect("it is a pair")
    }

    fn ours(symbol: &str) -> Option<Pair> {
        (symbol == "ETHUSDT").then(|| pair("ETH-USDT"))
    }

    #[test]
    fn a_tick_keeps_every_digit_of_its_price_wrapped_or_bare() {
        let bare = TICK.replacen(r#"{"stream":"ethusdt@miniTicker","data":"#, "", 1).replacen("}}", "}", 1);
        let micros = TICK.replacen("1788481292965", "1788481292965123", 1);
        let trade = r#"{"stream":"x","data":{"e":"aggTrade","E":1,"s":"ETHUSDT","a":1,"p":"2345.10000000","q":"1","T":1788481292965}}"#;
        for text in [TICK, &bare, &micros, trade] {
            let Ok(Frame::Tick(tick)) = parse(text, ours) else { panic!("it is a tick: {text}") };
            assert_eq!((tick.pair, tick.price.to_string().as_str()), (pair("ETH-USDT"), "2345.10000000"));
            assert_eq!(tick.time, Some(Timestamp::from_millis(1_788_481_292_965)));
        }
        assert_eq!(parse(&TICK.replace("ETHUSDT", "BTCUSDT"), ours), Ok(Frame::Other), "nobody asked for it");
    }

    #[test]
    fn a_tick_without_what_makes_it_one_is_a_fault() {
        for (from, to) in [
            ("\"2345.10000000\"", "2345.1"),
            ("\"2345.10000000\"", "\"0.00000000\""),
            ("\"2345.10000000\"", "\"-1\""),
            ("\"c\":\"2345.10000000\",", ""),
            ("\"E\":1788481292965,", ""),
            ("\"s\":\"ETHUSDT\",", ""),
            ("\"e\":\"24hrMiniTicker\",", ""),
            ("{\"stream\"", "[\"stream\""),
        ] {
            let text = TICK.replacen(from, to, 1);
            assert_ne!(text, TICK);
            assert!(parse(&text, ours).is_err(), "{text}");
        }
    }

    #[test]
    fn other_frames_are_told_apart() {
        let answered =
            |request, refused: Option<&str>| Frame::Answered { request, refused: refused.map(Untrusted::new) };
        assert_eq!(parse(r#"{"result":null,"id":1}"#, ours), Ok(answered(1, None)));
        let refused = r#"{"error":{"code":2,"msg":"Invalid request"},"id":7}"#;
        assert_eq!(parse(refused, ours), Ok(answered(7, Some("Invalid request"))));
        let error =
            Frame::Error { pairs: vec![], message: Untrusted::new("Invalid JSON"), reason: Untrusted::default() };
        assert_eq!(parse(r#"{"code":3,"msg":"Invalid JSON"}"#, ours), Ok(error));
        let leaving = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#;
        assert_eq!(parse(leaving, ours), Ok(Frame::Leaving));
        let quote = r#"{"stream":"ethusdt@bookTicker","data":{"u":99663039038,"s":"ETHUSDT","b":"1.0","B":"2","a":"1.1","A":"2"}}"#;
        assert_eq!(parse(quote, ours), Ok(Frame::Heartbeat { pair: Some(pair("ETH-USDT")) }));
        assert_eq!(parse(&quote.replace("ETHUSDT", "BTCUSDT"), ours), Ok(Frame::Other));
        assert_eq!(parse(r#"{"stream":"x","data":{"e":"kline","s":"ETHUSDT","k":{}}}"#, ours), Ok(Frame::Other));
        assert_eq!(parse(r#"{"stream":"!miniTicker@arr","data":[]}"#, ours), Ok(Frame::Other));
        for text in ["", "{}", "[]", "7", "null"] {
            assert!(parse(text, ours).is_err(), "{text}");
        }
    }

    #[test]
    fn the_subscription_names_streams_in_small_letters() {
        assert_eq!(
            subscribe(&[pair("ETH-USDT"), pair("1INCH-BTC")], false, 3),
            r#"{"method":"SUBSCRIBE","params":["ethusdt@miniTicker","1inchbtc@miniTicker"],"id":3}"#
        );
        assert!(subscribe(&[pair("ETH-USDT")], true, 4).starts_with(r#"{"method":"UNSUBSCRIBE""#));
    }

    proptest! {
        #[test]
        fn mangled_frames_are_read_or_refused(at in 0..TICK.len(), with in any::<char>(), cut in any::<bool>()) {
            let mut text = TICK.to_owned();
            if cut { text.truncate(at) } else { text.insert(at, with) }
            let _ = parse(&text, ours);
        }
    }
}
