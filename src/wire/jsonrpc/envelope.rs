//! What comes over a socket or in an HTTP body: answers, notifications, errors that belong to nothing.

use super::block::{RawBlock, RawReceipt};
use super::refusal::RpcError;
use crate::wire::{Fault, read};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One message of a node.
#[derive(Debug)]
pub enum Message<'a> {
    /// The answer to the request with this id. `null` is a result.
    Answer {
        /// The id of the request.
        id: u64,
        /// What the node answered.
        result: Result<&'a RawValue, RpcError>,
    },
    /// News of a subscription.
    Notice {
        /// The id of the subscription.
        subscription: Cow<'a, str>,
        /// The news.
        result: &'a RawValue,
    },
    /// An error that answers no request: the subscription or the connection is over, whatever stays open.
    Orphan(RpcError),
    /// JSON of another kind: a message type that did not exist when this was written.
    Other,
}

/// Any message, before it is told apart.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "some")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "some")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "some")]
    error: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "some")]
    params: Option<&'a RawValue>,
}

/// The inside of a notification.
#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    subscription: Cow<'a, str>,
    #[serde(borrow)]
    result: &'a RawValue,
}

/// A value that is there, `null` too: `Option` alone would take `null` for absent.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// The id of a request of ours: a number, which some servers echo as text.
fn own_id(raw: &RawValue) -> Option<u64> {
    raw.get().trim_matches('"').parse().ok()
}

/// Reads one message.
///
/// # Errors
/// [`Fault::Shape`] for what is no JSON object, or an answer without result and error.
pub fn parse_message(text: &str) -> Result<Message<'_>, Fault> {
    if !text.trim_start().starts_with('{') {
        // serde would read a list as an object's values in order.
        return Err(Fault::shape("a JSON-RPC message", "it is no object"));
    }
    let Envelope { id, result, error, params } = read("a JSON-RPC message", text)?;
    // "error": null beside a result is how some servers write success.
    let error = error.filter(|error| error.get() != "null").map(RpcError::parse);
    let id = id.filter(|id| id.get() != "null");
    match (id, result, error, params) {
        (Some(id), result, error, _) => {
            let id = own_id(id).ok_or_else(|| Fault::shape("a JSON-RPC message", "an id that was never sent"))?;
            match (error, result) {
                (Some(error), _) => Ok(Message::Answer { id, result: Err(error) }),
                (None, Some(result)) => Ok(Message::Answer { id, result: Ok(result) }),
                (None, None) => Err(Fault::shape("a JSON-RPC message", "neither result nor error")),
            }
        }
        (None, _, Some(error), _) => Ok(Message::Orphan(error)),
        (None, _, None, Some(params)) => Ok(read::<Params<'_>>("a notification", params.get())
            .map_or(Message::Other, |Params { subscription, result }| Message::Notice { subscription, result })),
        (None, _, None, None) => Ok(Message::Other),
    }
}

/// An answer whose result was read on the way.
#[derive(Debug)]
pub struct Answer<T> {
    /// The id of the request.
    pub id: u64,
    /// What the node answered.
    pub result: Result<T, RpcError>,
}

/// An answer, its result read at once.
#[derive(Deserialize)]
struct Typed<'a, T> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    // Not `Option<T>` by default rules alone: the bound lets T borrow.
    #[serde(default = "Option::default", bound(deserialize = "T: Deserialize<'de>"))]
    result: Option<T>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Reads the answer to a request for a whole block in one pass: [`parse_message`] and then `parse_block` would go
/// over a large body twice.
///
/// # Errors
/// As those two.
pub fn block_answer(text: &str) -> Result<Answer<RawBlock>, Fault> {
    answer("a block", text)
}

/// Reads the answer to a request for the receipts of a block in one pass.
///
/// # Errors
/// As [`parse_message`] and `parse_receipts`.
pub fn receipts_answer(text: &str) -> Result<Answer<Vec<RawReceipt<'_>>>, Fault> {
    answer("receipts", text)
}

/// Reads an answer and its result in one pass.
fn answer<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<Answer<T>, Fault> {
    if !text.trim_start().starts_with('{') {
        return Err(Fault::shape(what, "it is no object"));
    }
    let Typed { id, result, error } = read(what, text)?;
    let id = id.and_then(own_id).ok_or_else(|| Fault::shape(what, "an answer to nothing that was asked"))?;
    match (error, result) {
        (Some(error), _) => Ok(Answer { id, result: Err(RpcError::parse(error)) }),
        (None, Some(result)) => Ok(Answer { id, result: Ok(result) }),
        (None, None) => Err(Fault::NotReady { what }),
    }
}

/// Reads a list of messages, as a batch is answered; the answers may stand in any order.
///
/// # Errors
/// [`Fault::Shape`] when it is no list or one of them cannot be read.
pub fn parse_batch(text: &str) -> Result<Vec<Message<'_>>, Fault> {
    read::<Vec<&RawValue>>("a JSON-RPC batch", text)?.into_iter().map(|raw| parse_message(raw.get())).collect()
}

/// Reads one message or a list: a batch that is refused as a whole is answered with one error.
///
/// # Errors
/// As [`parse_message`] and [`parse_batch`].
pub fn parse_messages(text: &str) -> Result<Vec<Message<'_>>, Fault> {
    if text.trim_start().starts_with('[') { parse_batch(text) } else { parse_message(text).map(|one| vec![one]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message in a few words.
    fn said(text: &str) -> String {
        match parse_message(text) {
            Ok(Message::Answer { id, result: Ok(result) }) => format!("answer {id} {}", result.get()),
            Ok(Message::Answer { id, result: Err(error) }) => {
                format!("refused {id} {:?} {}", error.code, error.message)
            }
            Ok(Message::Notice { subscription, result }) => format!("notice {subscription} {}", result.get()),
            Ok(Message::Orphan(error)) => format!("orphan {:?} {}", error.code, error.message),
            Ok(Message::Other) => "other".into(),
            Err(_) => "fault".into(),
        }
    }

    #[test]
    fn messages_are_told_apart() {
        let check = |text: &str, expected: &str| assert_eq!(said(text), expected, "{text}");
        check(r#"{"jsonrpc":"2.0","id":7,"result":"0x1"}"#, r#"answer 7 "0x1""#);
        check(r#"{"id":7,"jsonrpc":"2.0","result":null}"#, "answer 7 null");
        check(r#"{"id":"7","result":true,"error":null}"#, "answer 7 true");
        check(r#"{"id":7,"error":{"code":-32000,"message":"x"}}"#, "refused 7 Some(-32000) x");
        check(r#"{"id":7,"result":null,"error":{"message":"x"}}"#, "refused 7 None x");
        check(r#"{"id":7,"error":"plain text"}"#, "refused 7 None plain text");
        check(r#"{"id":7,"error":{}}"#, "refused 7 None ");
        check(
            r#"{"error":{"code":-32000,"message":"Subscription timed out"}}"#,
            "orphan Some(-32000) Subscription timed out",
        );
        check(r#"{"id":null,"error":{"code":-32700,"message":"x"}}"#, "orphan Some(-32700) x");
        check(
            r#"{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0xcd","result":{"a":1}}}"#,
            r#"notice 0xcd {"a":1}"#,
        );
        check(r#"{"method":"hello","params":[1]}"#, "other");
        check("{}", "other");
        for text in [r#"{"id":7}"#, r#"{"id":[7],"result":1}"#, r#"{"id":-1,"result":1}"#, "7", "", "{", "[]"] {
            check(text, "fault");
        }
    }

    #[test]
    fn an_answer_read_in_one_pass_is_the_same_answer() {
        let answer = |text: &str| receipts_answer(text).map(|answer| (answer.id, answer.result.map(|list| list.len())));
        assert!(matches!(answer(r#"{"jsonrpc":"2.0","id":7,"result":[],"error":null}"#), Ok((7, Ok(0)))));
        assert!(matches!(answer(r#"{"error":{"code":-32000,"message":"x"},"id":7}"#), Ok((7, Err(_)))));
        assert_eq!(answer(r#"{"id":7,"result":null}"#).err(), Some(Fault::NotReady { what: "receipts" }));
        for text in [r#"{"result":[]}"#, r#"{"id":7,"result":[{}]}"#, r#"{"id":null,"error":{}}"#, "[7,[],null]", ""] {
            assert!(matches!(answer(text), Err(Fault::Shape { .. })), "{text}");
        }
        assert!(block_answer(r#"{"id":7,"result":{"number":"0x1"}}"#).is_err());
        assert_eq!(block_answer(r#"{"id":7,"result":null}"#).err(), Some(Fault::NotReady { what: "a block" }));
    }

    #[test]
    fn a_batch_is_a_list_or_one_refusal() {
        let batch = parse_messages(r#" [{"id":2,"result":"b"},{"id":1,"error":{"code":1,"message":"m"}}]"#);
        let ids = batch.expect("it is a batch").into_iter().map(|message| match message {
            Message::Answer { id, result } => (id, result.is_ok()),
            Message::Notice { .. } | Message::Orphan(_) | Message::Other => (0, false),
        });
        assert_eq!(ids.collect::<Vec<_>>(), [(2, true), (1, false)]);
        let one = parse_messages(r#"{"error":{"code":-32600,"message":"batch too large"}}"#);
        assert!(matches!(one.as_deref(), Ok([Message::Orphan(_)])));
        assert!(parse_messages(r#"[{"id":1}]"#).is_err());
    }
}
