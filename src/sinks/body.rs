//! The canonical JSON body of a message (FACES §3), and the outbox row's message with it inside.
//!
//! A body is made once, in the turn that raised the alert, and never again: every sink sends it or renders its text from it, so a
//! repeat or a replay says what was said. It holds no float: amounts and prices are exact decimal text. It is the same for every
//! sink; only the id differs.

mod data;
mod digest;
mod fill;
mod place;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

pub use digest::{DigestData, HeartbeatData, digest_body};
pub use place::{Place, place};

pub use data::{
    ApprovalData, AssetData, BalanceData, Basics, BlockData, ChangeData, Data, FrozenData, GapData, GasData,
    PaymentData, PriceData, ReadAtData, ResolvedData, SinkData, SourceData, TransferData, UsdData,
};

pub use schema::schema;

use crate::reactor::effect::{Body, Message};
use crate::store::NewMessage;
use crate::types::{Name, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The version of the bodies. Within it, fields and types are only added.
pub const VERSION: u32 = 1;
/// Room for a usual body, so that it is written without growing.
const USUAL_BYTES: usize = 1_536;

/// What every body has around its data.
#[derive(Debug, Serialize)]
struct Envelope<'a, D> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
    timestamp: Cow<'a, str>,
    data: &'a D,
}

/// The same as it is read back: the data is read once the type is known.
#[derive(Debug, Deserialize)]
struct Read<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// A body that cannot be read back: it was not made by [`freeze`], or by a version that this one does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored body of type {kind:?} cannot be read at line {line}, column {column}")]
pub struct BodyFault {
    /// Its type, where that much could be read.
    pub kind: String,
    /// Where reading stopped.
    pub line: usize,
    /// Where reading stopped.
    pub column: usize,
}

/// The message as it goes into the outbox for one of its sinks.
#[must_use]
pub fn freeze(message: &Message, sink: &Name) -> NewMessage {
    address(message, sink, render(message))
}

/// The message as it goes into the outbox for each of its sinks; the body is made once and shared.
#[must_use]
pub fn freeze_all(message: &Message) -> Vec<NewMessage> {
    let body = render(message);
    message.sinks.iter().map(|sink| address(message, sink, body.clone())).collect()
}

fn address(message: &Message, sink: &Name, body: Bytes) -> NewMessage {
    let block_time = match &message.body {
        Body::Transfer(of) | Body::Approval(of) => Some(of.block_time),
        Body::Crossing(_)
        | Body::Source(_)
        | Body::Sink(_)
        | Body::Payment(_)
        | Body::Frozen(_)
        | Body::Resolved(_)
        | Body::Heartbeat(_)
        | Body::Digest(_)
        | Body::Test => None,
    };
    NewMessage {
        id: message.id(sink),
        sink: sink.clone(),
        alert: message.alert,
        revision: message.revision,
        kind: Name::from(message.kind.word()),
        retracts: message.takes_all_back(),
        severity: message.severity,
        created: message.at,
        block_time,
        body,
    }
}

/// The JSON of a message.
///
/// # Panics
/// Never: every map key is text, and memory takes every byte.
#[must_use]
pub fn render(message: &Message) -> Bytes {
    let envelope =
        Envelope { kind: message.kind.word(), version: VERSION, timestamp: time(message.at), data: &Data::of(message) };
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, &envelope).expect("every map key is text and a Vec takes every byte");
    bytes.into()
}

/// Reads a body back: its type, and its data where this version knows the type.
///
/// # Errors
/// [`BodyFault`] when it is not a body.
pub fn read(body: &[u8]) -> Result<(Cow<'_, str>, Data<'_>), BodyFault> {
    let fault = |kind: &str, error: &serde_json::Error| BodyFault {
        kind: kind.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    let Read { kind, data } = serde_json::from_slice(body).map_err(|error| fault("", &error))?;
    match Data::read(&kind, data.get()) {
        Ok(data) => Ok((kind, data)),
        Err(error) => Err(fault(&kind, &error)),
    }
}

/// A time as bodies carry it.
fn time<'a>(at: Timestamp) -> Cow<'a, str> {
    Cow::Owned(at.to_string())
}
