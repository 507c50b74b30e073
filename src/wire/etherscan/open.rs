//! The two envelopes: `{status, message, result}`, and JSON-RPC for the proxy module. Errors of the first kind come
//! in answer to requests of the second.

use super::refusal::{Refusal, classify, is_empty};
use crate::types::Untrusted;
use crate::wire::jsonrpc::RpcError;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What an answer holds.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Data.
    Result {
        /// The data.
        result: &'a RawValue,
        /// The explorer says that it has not read all of these blocks yet: the rows are true, but not all of them.
        partial: bool,
    },
    /// Nothing there, said in so many words. It proves nothing: an index that lags answers the same.
    Empty,
    /// The result of a node, by JSON-RPC; `null` for what it does not know.
    Node(&'a RawValue),
}

/// Both envelopes at once.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "some")]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// A value that is there, `null` too.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// The statuses of a server that asks for patience or is in trouble.
fn is_trouble(http: u16) -> bool {
    http == 408 || http == 429 || http >= 500
}

/// Opens the body of an answer that came with this HTTP status.
///
/// # Errors
/// [`Refusal`] for everything that is neither data nor the plain word that there is none.
pub fn open(http: u16, body: &str) -> Result<Body<'_>, Refusal> {
    let trimmed = body.trim_start();
    if !trimmed.starts_with('{') {
        return Err(match (http, trimmed.is_empty()) {
            (429, _) => Refusal::PerSecond,
            // What a gateway of keys says without a word of the explorer's (Blockscout's).
            (401, _) => Refusal::BadKey,
            (_, true) if is_trouble(http) => Refusal::Busy,
            (_, true) => Refusal::Cut,
            (_, false) if trimmed.starts_with('[') => Refusal::Shape { reason: Untrusted::new("a bare list") },
            (_, false) => Refusal::WebPage { http },
        });
    }
    let envelope: Envelope<'_> = serde_json::from_str(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => Refusal::Cut,
        _ => Refusal::Shape { reason: Untrusted::new(&error.to_string()) },
    })?;
    if let Some(error) = envelope.error {
        let error = RpcError::parse(error);
        return Err(match http {
            401 => Refusal::BadKey,
            429 => Refusal::PerSecond,
            _ if is_trouble(http) => Refusal::Busy,
            _ => Refusal::Node(error),
        });
    }
    match (envelope.status.as_deref(), envelope.result) {
        // Some chains are listed without a status: the list of chains.
        (None, Some(result)) if envelope.jsonrpc.is_some() => Ok(Body::Node(result)),
        (None | Some("1"), Some(result)) if result.get() != "null" => Ok(Body::Result { result, partial: false }),
        (Some("2"), Some(result)) if result.get() != "null" => Ok(Body::Result { result, partial: true }),
        (_, result) => refused(http, envelope.message.as_deref().unwrap_or_default(), result),
    }
}

/// Tells "nothing there" from an error, by the text in `result` or else in `message`.
fn refused<'a>(http: u16, message: &str, result: Option<&'a RawValue>) -> Result<Body<'a>, Refusal> {
    /// A text, with its escapes read.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let said = result.and_then(|result| serde_json::from_str::<Text<'_>>(result.get()).ok()).map(|text| text.0);
    let in_result = said.as_deref().unwrap_or_default().trim();
    if is_empty(in_result) || (in_result.is_empty() && is_empty(message)) {
        return Ok(Body::Empty);
    }
    // NOTOK and OK say nothing by themselves.
    let bare = ["notok", "ok", ""].contains(&message.trim().to_lowercase().as_str());
    let text = if in_result.is_empty() && !bare { message } else { in_result };
    match classify(text) {
        Refusal::Unknown { .. } | Refusal::Blank if http == 429 => Err(Refusal::PerSecond),
        Refusal::Unknown { .. } | Refusal::Blank if http == 401 => Err(Refusal::BadKey),
        Refusal::Unknown { .. } | Refusal::Blank if is_trouble(http) => Err(Refusal::Busy),
        refusal => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came out, in a word.
    fn word(http: u16, body: &str) -> String {
        match open(http, body) {
            Ok(Body::Result { result, partial }) => {
                format!("{}{}", if partial { "partial " } else { "" }, result.get())
            }
            Ok(Body::Empty) => "empty".into(),
            Ok(Body::Node(result)) => format!("node {}", result.get()),
            Err(refusal) => refusal.word().into(),
        }
    }

    #[test]
    fn bodies_are_data_or_nothing_or_an_error_and_never_confused() {
        let check = |body: &str, expected: &str| assert_eq!(word(200, body), expected, "{body}");
        check(r#"{"status":"1","message":"OK","result":"0"}"#, r#""0""#);
        check(r#"{"message":"OK","result":[1],"status":"1"}"#, "[1]");
        check(
            r#"{"status":"1","message":"OK-Missing/Invalid API Key, rate limit of 1/5sec applied","result":[]}"#,
            "[]",
        );
        check(r#"{"message":"Some internal transactions …","result":[1],"status":"2"}"#, "partial [1]");
        check(r#"{"status":"0","message":"No transactions found","result":[]}"#, "empty");
        check(r#"{"status":"0","message":"No transactions found","result":""}"#, "empty");
        check(r#"{"status":"0","message":"No data found","result":null}"#, "empty");
        check(r#"{"status":"0","message":"No token transfers found","result":[]}"#, "empty");
        check(r#"{"status":"0","message":"NOTOK","result":"Contract source code not verified"}"#, "empty");
        check(r#"{"status":"0","message":"NOTOK","result":""}"#, "unknown_error");
        check(r#"{"status":"0","message":"NOTOK","result":[]}"#, "unknown_error");
        check(r#"{"status":"0","message":"NOTOK","result":null}"#, "unknown_error");
        check(r#"{"status":"1","message":"OK","result":null}"#, "unknown_error");
        check(r#"{"status":"1","message":"OK"}"#, "unknown_error");
        check(r#"{"status":"0","message":"NOTOK","result":"Invalid API Key"}"#, "bad_key");
        check(r#"{"status":"0","message":"Query Timeout occured. Please select …","result":null}"#, "too_large");
        check(r#"{"jsonrpc":"2.0","id":83,"result":"0x16f45b9"}"#, r#"node "0x16f45b9""#);
        check(r#"{"jsonrpc":"2.0","id":1,"result":null}"#, "node null");
        check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted"}}"#, "node");
        check("<!DOCTYPE html><title>Just a moment...</title>", "web_page");
        check("Page not found", "web_page");
        check("", "cut");
        check(r#"{"status":"1","message":"OK","result":[{"blockNum"#, "cut");
        check(r#"{"status":1}"#, "shape");
        check("{]", "shape");
        check("[]", "shape");
    }

    #[test]
    fn the_http_status_speaks_where_the_body_does_not() {
        let check = |http: u16, body: &str, expected: &str| assert_eq!(word(http, body), expected, "{http} {body}");
        check(429, "", "rate_limit_second");
        check(429, "<html>", "rate_limit_second");
        check(429, r#"{"status":"0","message":"NOTOK","result":""}"#, "rate_limit_second");
        check(502, "", "server_busy");
        check(503, "<html>", "web_page");
        check(500, r#"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"RPC Request failed."}}"#, "server_busy");
        check(500, r#"{"status":"0","message":"NOTOK","result":"Invalid API Key"}"#, "bad_key");
        check(503, r#"{"status":"0","message":"oops","result":null}"#, "server_busy");
        check(401, "Unauthorized", "bad_key");
        check(401, r#"{"error":"invalid token"}"#, "bad_key");
    }
}
