//! A receiver of webhooks: checks each signature as Standard Webhooks asks, keeps what came, and answers as told.

use super::Clock;
use super::http::{self, Connection, Request};
use crate::types::{Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How far a signature's time may be from ours, as the standard advises.
const TOLERANCE: Duration = Duration::from_mins(5);
/// Deliveries that are kept: a demo that runs for days must not grow without end.
const MOST_KEPT: usize = 30_000;

/// How a delivery is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// 429, not before so many seconds.
    SlowDown(u64),
    /// 302 to this place.
    Redirect(String),
    /// 204, so much later.
    Late(Duration),
    /// Never; the connection stays open.
    Hang,
    /// The connection is closed once the body was read: delivered or not, the sender cannot know.
    CloseAfterBody,
}

/// What is wrong with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadSignature {
    /// A header is missing or unreadable.
    Header,
    /// Its time is too far from ours.
    Time,
    /// None of the signatures fits.
    Mismatch,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When it had come whole.
    pub at: Timestamp,
    /// The `webhook-id`; empty without one.
    pub id: String,
    /// Headers, their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// What the signature says.
    pub signature: Result<(), BadSignature>,
    /// How it was answered.
    pub answer: Answer,
}

#[derive(Debug)]
struct Kept {
    deliveries: VecDeque<Delivery>,
    script: VecDeque<Answer>,
    otherwise: Answer,
}

/// A receiver.
pub struct Receiver {
    clock: Clock,
    key: Hmac<Sha256>,
    secret: Secret,
    kept: Mutex<Kept>,
    came: watch::Sender<u64>,
}

impl Receiver {
    /// With a signing key of 32 bytes. It answers 204 until told otherwise.
    ///
    /// # Panics
    /// Never: the key has a length that HMAC takes.
    #[must_use]
    pub fn new(clock: Clock, key: [u8; 32]) -> Self {
        let secret = Secret::new(format!("whsec_{}", STANDARD.encode(key)));
        let kept = Kept { deliveries: VecDeque::new(), script: VecDeque::new(), otherwise: Answer::Status(204) };
        let key = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        Self { clock, key, secret, kept: Mutex::new(kept), came: watch::Sender::new(0) }
    }

    /// The key as a sender's config wants it: `whsec_…`.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The next deliveries are answered so, one each, before what [`Self::answer_with`] says.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).script.extend(answers);
    }

    /// From here on deliveries are answered so.
    pub fn answer_with(&self, answer: Answer) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).otherwise = answer;
    }

    /// What came, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).deliveries.iter().cloned().collect()
    }

    /// What came behind the first so many since the start, oldest first; what is not kept any more is left out.
    #[must_use]
    pub fn deliveries_since(&self, count: u64) -> Vec<Delivery> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let new = usize::try_from(self.count().saturating_sub(count)).unwrap_or(usize::MAX);
        kept.deliveries.iter().skip(kept.deliveries.len().saturating_sub(new)).cloned().collect()
    }

    /// How many came since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.came.borrow()
    }

    /// Waits until so many have come since the start.
    pub async fn wait_for(&self, count: u64) {
        // The sender lives as long as this receiver.
        let mut came = self.came.subscribe();
        let _gone = came.wait_for(|came| *came >= count).await.is_err();
    }

    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let receiver = self.clone();
            async move {
                // A peer that is gone, or that speaks no HTTP, is left alone.
                let _gone = receiver.talk(connection).await;
            }
        })
        .await;
    }

    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        while let Some(request) = connection.request().await? {
            if request.method != "POST" {
                connection.answer(405, &[("allow", "POST".into())], "").await?;
                continue;
            }
            match self.take(request) {
                Answer::Status(status) => connection.answer(status, &[], "").await?,
                Answer::SlowDown(seconds) => {
                    connection.answer(429, &[("retry-after", seconds.to_string())], "").await?;
                }
                Answer::Late(by) => {
                    tokio::time::sleep(by).await;
                    connection.answer(204, &[], "").await?;
                }
                Answer::Redirect(place) => connection.answer(302, &[("location", place)], "").await?,
                Answer::Hang => return std::future::pending().await,
                Answer::CloseAfterBody => return Ok(()),
            }
        }
        Ok(())
    }

    /// Keeps a delivery and says how to answer it.
    fn take(&self, request: Request) -> Answer {
        let at = (self.clock)();
        let signature = self.check(&request, at);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.script.pop_front().unwrap_or_else(|| kept.otherwise.clone());
        // As real receivers: what is not signed is not taken.
        let answer = if signature.is_ok() { answer } else { Answer::Status(401) };
        let id = request.header("webhook-id").unwrap_or_default().to_owned();
        let Request { headers, body, .. } = request;
        kept.deliveries.push_back(Delivery { at, id, headers, body, signature, answer: answer.clone() });
        if kept.deliveries.len() > MOST_KEPT {
            kept.deliveries.pop_front();
        }
        // Counted under the lock, so that a count and what is kept always fit.
        self.came.send_modify(|came| *came = came.saturating_add(1));
        drop(kept);
        answer
    }

    /// `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; one of several has to fit.
    fn check(&self, request: &Request, now: Timestamp) -> Result<(), BadSignature> {
        let header = |name: &str| request.header(name).filter(|value| !value.is_empty()).ok_or(BadSignature::Header);
        let (id, time, signatures) =
            (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
        let seconds: u64 = time.parse().map_err(|_| BadSignature::Header)?;
        let signed = Timestamp::from_secs(seconds);
        if signed.since(now).max(now.since(signed)) > TOLERANCE {
            return Err(BadSignature::Time);
        }
        let fits = |signature: &str| {
            let bytes = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            bytes.is_some_and(|bytes| {
                let mut mac = self.key.clone();
                mac.update(format!("{id}.{time}.").as_bytes());
                mac.update(&request.body);
                mac.verify_slice(&bytes).is_ok()
            })
        };
        if signatures.split(' ').any(fits) { Ok(()) } else { Err(BadSignature::Mismatch) }
    }
}

#[cfg(test)]
mod tests;
