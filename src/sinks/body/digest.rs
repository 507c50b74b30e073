//! The bodies of what is about walletwatch itself: `digest`, which names several messages or what was kept quiet, and `heartbeat`.

use super::data::Basics;
use super::{Envelope, VERSION, time};
use crate::types::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Of `digest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DigestData<'a> {
    /// What every body says.
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    /// Why there is a digest, in words.
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    /// A line for each.
    pub entries: Vec<Cow<'a, str>>,
    /// How many more there were than are named.
    #[serde(default)]
    pub more: u64,
}

/// Of `heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatData<'a> {
    /// What every body says.
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    /// When the next one is due.
    #[serde(borrow)]
    pub next: Cow<'a, str>,
    /// What is blind or fails now, by name; empty where all is well.
    pub trouble: Vec<Cow<'a, str>>,
    /// The hash of the last line of the audit of payments: who can write the store cannot rewrite what was told of it.
    #[serde(default, borrow)]
    pub audit_head: Option<Cow<'a, str>>,
}

/// The JSON of a digest.
///
/// # Panics
/// Never: every map key is text, and memory takes every byte.
#[must_use]
pub fn digest_body(at: Timestamp, data: &DigestData<'_>) -> Bytes {
    let envelope = Envelope { kind: "digest", version: VERSION, timestamp: time(at), data };
    serde_json::to_vec(&envelope).expect("every map key is text and a Vec takes every byte").into()
}
