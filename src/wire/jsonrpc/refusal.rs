//! What a node's error means. Codes do not tell (one code stands for a rate limit here and for a range that is too
//! large there); texts do.

use crate::types::Untrusted;
use crate::wire::hex;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// An error object as a node sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// The code, where there is one.
    pub code: Option<i64>,
    /// The text, made harmless; to be shown.
    pub message: Untrusted,
    /// What it means for the one who asked.
    pub refusal: Refusal,
}

/// What a refusal asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too many requests: slower, and not before `retry_after` where it says so.
    RateLimited {
        /// How long to wait, where the node says it.
        retry_after: Option<Duration>,
        /// A quota of a day or a month: more than a pause.
        long: bool,
    },
    /// Too many blocks or too many results: ask for fewer.
    RangeTooLarge {
        /// What the node would take.
        suggested: Option<Suggestion>,
    },
    /// The range ends above the node's head: ask up to its head.
    BeyondHead,
    /// The node does not have this block, transaction or state (yet, or any more): ask another.
    NotFound,
    /// The node does not offer this method.
    MethodMissing,
    /// The node is in trouble: ask again or another.
    Busy,
    /// The subscription is over: subscribe again and read what was missed.
    SubscriptionEnded,
    /// The contract refused; asking again does not help.
    Reverted,
    /// The request is wrong; asking again does not help.
    BadRequest,
    /// None of these.
    Other,
}

/// Which range of blocks a node would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggestion {
    /// From this block to that, both included.
    Range {
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
    },
    /// At most so many blocks.
    Blocks(u64),
}

/// The parts of an error object that are read.
#[derive(Deserialize)]
struct Raw<'a> {
    code: Option<i64>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// What some providers put into `data`.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    from: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to: Option<Cow<'a, str>>,
    #[serde(borrow)]
    rate: Option<Rate<'a>>,
}

/// Infura's advice.
#[derive(Deserialize)]
struct Rate<'a> {
    #[serde(borrow)]
    backoff_seconds: Option<&'a RawValue>,
}

impl RpcError {
    /// Reads an `error` value: an object, or the bare text that some gateways send. Never fails: it is an error anyway.
    #[must_use]
    pub fn parse(raw: &RawValue) -> Self {
        let text = raw.get();
        let read = serde_json::from_str(text).unwrap_or_else(|_| Raw {
            code: None,
            message: Some(serde_json::from_str(text).map_or(Cow::Borrowed(text), Cow::Owned)),
            data: None,
        });
        let message = read.message.unwrap_or_default();
        let data = read.data.and_then(|data| serde_json::from_str(data.get()).ok());
        Self {
            code: read.code,
            message: Untrusted::new(&message),
            refusal: classify(read.code, &message, data.as_ref()),
        }
    }
}

/// What makes a text speak of a range or result that is too large. Tested before "not supported" and "limit".
const TOO_LARGE: [&str; 12] = [
    "block range",
    "blocks range",
    "range is too",
    "range too",
    "ranges over",
    "exceeds limit of",
    "blocks distance",
    "exceeds max results",
    "query returned more than",
    "response size exceeded",
    "response size should not",
    "eth_getlogs is limited",
];
/// What makes a text speak of too many requests.
const RATE: [&str; 12] = [
    "rate limit",
    "rate-limit",
    "ratelimit",
    "request limit",
    "request count",
    "too many request",
    "limit exceeded",
    "credits",
    "compute units",
    "throttle",
    "throughput",
    "quota",
];
/// What makes a text speak of a method that is not offered. `-32601` alone says it too.
const MISSING: [&str; 8] = [
    "method not found",
    "does not exist/is not available",
    "unsupported method",
    "method is not supported",
    "method not supported",
    "method not allowed",
    "is not whitelisted",
    "method is not available",
];
/// What makes a text speak of something that this node does not have.
const NOT_FOUND: [&str; 7] = [
    "not found",
    "unknown block",
    "missing trie node",
    "historical state",
    "state is not available",
    "state already discarded",
    "block is not available",
];
/// What makes a text speak of trouble on the other side.
const BUSY: [&str; 11] = [
    "timeout",
    "timed out",
    "busy",
    "overloaded",
    "try again",
    "too many subscriptions",
    "unavailable",
    "internal error",
    "internal server",
    "upstream",
    "syncing",
];
/// What makes a text speak of a request that is wrong.
const WRONG: [&str; 5] = ["invalid", "cannot specify", "missing value", "parse error", "unexpected"];
/// Behind these words stands the number of blocks that the node would take.
const STATED: [&str; 9] = [
    "exceeds limit of ",
    "limited to a ",
    "limited to ",
    "max block range = ",
    "maximum block range: ",
    "max block range ",
    "blocks distance: ",
    "ranges over ",
    "max is ",
];

/// Sorts an error by its text.
fn classify(code: Option<i64>, message: &str, data: Option<&Data<'_>>) -> Refusal {
    let text = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.contains("subscription timed out") || text.contains("subscription closed") {
        return Refusal::SubscriptionEnded;
    }
    if text.contains("execution reverted") {
        return Refusal::Reverted;
    }
    if text.contains("beyond current head") || text.contains("beyond head") {
        return Refusal::BeyondHead;
    }
    if has(&TOO_LARGE) && !text.contains("invalid block range") {
        return Refusal::RangeTooLarge { suggested: suggested(&text, data) };
    }
    if has(&RATE) {
        let backoff = data.and_then(|data| data.rate.as_ref()).and_then(|rate| rate.backoff_seconds);
        let long = has(&["daily", "monthly", "per day", "quota"]);
        return Refusal::RateLimited { retry_after: backoff.and_then(|raw| whole_seconds(raw.get())), long };
    }
    if has(&MISSING) || code == Some(-32_601) {
        return Refusal::MethodMissing;
    }
    for (words, refusal) in [(&NOT_FOUND[..], Refusal::NotFound), (&BUSY, Refusal::Busy), (&WRONG, Refusal::BadRequest)]
    {
        if has(words) {
            return refusal;
        }
    }
    Refusal::Other
}

/// Seconds written as a JSON number or text, a fraction rounded up; at most a day, whatever a server says.
fn whole_seconds(text: &str) -> Option<Duration> {
    const DAY: u64 = 86_400;
    let (whole, fraction) = text.trim_matches('"').split_once('.').map_or((text.trim_matches('"'), ""), |parts| parts);
    let seconds = whole.parse::<u64>().ok()?.min(DAY);
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(seconds.saturating_add(more)))
}

/// What a "too large" text (lower case) offers instead: a range, or a number of blocks.
fn suggested(text: &str, data: Option<&Data<'_>>) -> Option<Suggestion> {
    let range = |from: Option<u64>, to: Option<u64>| match (from, to) {
        (Some(from), Some(to)) if from <= to => Some(Suggestion::Range { from, to }),
        _ => None,
    };
    let hex = |part: &str| hex::quantity_u64(part.trim()).ok();
    let in_brackets = || {
        let (_, rest) = text.split_once("[0x")?;
        let (from, to) = rest.split_once(']')?.0.split_once(',')?;
        range(hex(&format!("0x{from}")), hex(to))
    };
    let decimal = || {
        let (_, rest) = text.split_once("with the range ")?;
        let (from, to) = rest.split_once('-')?;
        range(number(from), number(to))
    };
    let in_data = || {
        let data = data?;
        range(data.from.as_deref().and_then(hex), data.to.as_deref().and_then(hex))
    };
    let stated = || {
        let behind = |words: &&str| text.rsplit_once(*words).and_then(|(_, rest)| number(rest));
        STATED.iter().find_map(behind).filter(|blocks| *blocks > 0).map(Suggestion::Blocks)
    };
    in_brackets().or_else(decimal).or_else(in_data).or_else(stated)
}

/// The number that a text begins with: `10,000`, `1024`, `1k`.
fn number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let number: u64 = digits.replace(',', "").parse().ok()?;
    if rest.starts_with('k') { number.checked_mul(1_000) } else { Some(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(error: &str) -> Refusal {
        RpcError::parse(&RawValue::from_string(error.into()).expect("it is JSON")).refusal
    }

    #[test]
    fn the_text_says_what_a_refusal_means_and_the_code_does_not() {
        let check = |message: &str, expected: &Refusal| {
            for code in [-32_005, -32_602, 35] {
                let error = format!(r#"{{"code":{code},"message":"{message}"}}"#);
                assert_eq!(&refusal(&error), expected, "{message}");
            }
        };
        let large = |suggested| Refusal::RangeTooLarge { suggested };
        let range = |from, to| large(Some(Suggestion::Range { from, to }));
        let blocks = |blocks| large(Some(Suggestion::Blocks(blocks)));
        check(
            "query returned more than 10000 results. Try with this block range [0xBDE5F8, 0x102DBCC].",
            &range(0x00BD_E5F8, 0x0102_DBCC),
        );
        check("query exceeds max results 20000, retry with the range 23-45", &range(23, 45));
        check("this block range should work: [0x5, 0x4]", &large(None));
        check("range 1000000 exceeds limit of 10000", &blocks(10_000));
        check("eth_getLogs is limited to a 10,000 range", &blocks(10_000));
        check("eth_getLogs range is too large, max is 1k blocks", &blocks(1_000));
        check("block range is larger than max block range, block range = 5120, max block range = 5000", &blocks(5_000));
        check("ranges over 10000 blocks are not supported on freetier", &blocks(10_000));
        check("block range is too wide", &large(None));
        check("block range extends beyond current head block", &Refusal::BeyondHead);
        check("invalid block range params", &Refusal::BadRequest);
        check("header not found", &Refusal::NotFound);
        check("the method trace_block does not exist/is not available", &Refusal::MethodMissing);
        check("Too Many Requests", &Refusal::RateLimited { retry_after: None, long: false });
        check(
            "daily request count exceeded, request rate limited",
            &Refusal::RateLimited { retry_after: None, long: true },
        );
        check("Subscription timed out", &Refusal::SubscriptionEnded);
        check("execution reverted: paused", &Refusal::Reverted);
        check("request timed out", &Refusal::Busy);
        check("", &Refusal::Other);
        assert_eq!(refusal(r#"{"code":-32601,"message":"no"}"#), Refusal::MethodMissing);
        assert_eq!(refusal(r#""server is busy""#), Refusal::Busy);
        for odd in ["7", "[]", "{}", r#"{"code":"x","message":7}"#, "true"] {
            let _ = refusal(odd);
        }
    }

    #[test]
    fn advice_in_data_is_taken_within_reason() {
        let wait = |seconds: &str| {
            refusal(&format!(
                r#"{{"code":-32005,"message":"project ID request rate exceeded: rate limit","data":{{"rate":{{"backoff_seconds":{seconds}}}}}}}"#
            ))
        };
        let limited = |seconds| Refusal::RateLimited { retry_after: Some(Duration::from_secs(seconds)), long: false };
        assert_eq!(wait("30"), limited(30));
        assert_eq!(wait("1.5"), limited(2));
        assert_eq!(wait("99999999999"), limited(86_400));
        assert_eq!(wait("-1"), Refusal::RateLimited { retry_after: None, long: false });
        let data = refusal(r#"{"message":"query returned more than 10000 results","data":{"from":"0x1","to":"0x2"}}"#);
        assert_eq!(data, Refusal::RangeTooLarge { suggested: Some(Suggestion::Range { from: 1, to: 2 }) });
    }
}
