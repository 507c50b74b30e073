//! Standard Webhooks: a signed POST of the canonical body.
//!
//! The id is the same on every attempt and replay, the time is the attempt's own. Only 2xx is a success and redirects are failures.
//! 410 disables the sink. Every other answer is tried again over the whole schedule: a receiver that answers 401 or 404 was usually
//! mis-set an hour ago and is put right within the day, and until then nothing may be lost. (Chats, where a 4xx is about the message,
//! differ: see `slack`.)

use super::answer::{Answer, Destination, Setback, SinkRequest, Verdict};
use crate::store::OutboxRow;
use crate::types::{Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Attempts at once to one receiver: enough to hide its round trip, few enough for a small receiver.
pub const CONCURRENCY: usize = 64;
/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The smallest and the largest key that the standard allows, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that signs. Cannot be printed.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Reads `whsec_` and base64 (the prefix may be missing) of 24 to 64 bytes.
    #[must_use]
    pub fn parse(secret: &Secret) -> Option<Self> {
        let text = secret.expose().trim();
        let bytes = zeroize::Zeroizing::new(STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?);
        KEY_BYTES.contains(&bytes.len()).then(|| Hmac::new_from_slice(&bytes).ok()).flatten().map(Self)
    }

    /// `v1,…` over `id.timestamp.body`.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        let mut signature = String::with_capacity(48);
        signature.push_str("v1,");
        STANDARD.encode_string(mac.finalize().into_bytes(), &mut signature);
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One receiver.
#[derive(Debug, Clone)]
pub struct Webhook {
    to: Destination,
    key: SigningKey,
    wall: Option<fn() -> Timestamp>,
}

impl Webhook {
    /// Of its destination and key.
    #[must_use]
    pub const fn new(to: Destination, key: SigningKey) -> Self {
        Self { to, key, wall: None }
    }

    /// Signed with another time than the worker's own, which never follows a wall clock that is put right: receivers compare it with
    /// theirs, and refuse what is five minutes away.
    #[must_use]
    pub fn signed_at(self, wall: fn() -> Timestamp) -> Self {
        Self { wall: Some(wall), ..self }
    }

    /// Where it sends to.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.to
    }

    /// The request of an attempt that begins at `at`.
    #[must_use]
    pub fn request(&self, row: &OutboxRow, at: Timestamp) -> SinkRequest {
        let id = row.message.id.to_string();
        let seconds = self.wall.map_or(at, |wall| wall()).millis().div_euclid(1_000);
        let signature = self.key.sign(&id, seconds, &row.message.body);
        let headers =
            vec![("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)];
        SinkRequest::new(self.to.clone(), headers, row.message.body.clone())
    }
}

/// What an answer means.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    match answer {
        Ok(response) if (200..300).contains(&response.status) => Verdict::Delivered { receiver_id: None },
        Ok(response) if response.status == 410 => Verdict::Disabled(Setback::of(answer)),
        Ok(_) | Err(_) => Verdict::Again(Setback::of(answer)),
    }
}

#[cfg(test)]
mod tests;
