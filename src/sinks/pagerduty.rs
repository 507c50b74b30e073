//! PagerDuty: Events API v2.
//!
//! One incident for each alert: its id is the `dedup_key`, so that a repeat or an update is no second incident, and what ends the alert resolves
//! it. All of it is text in JSON: nothing that a stranger wrote is markup there. The routing key is in the body, and in nothing that is
//! logged. Limits and answers: facts/field.md §8.

use super::answer::{Answer, Blame, Destination, Setback, SinkRequest, Verdict};
use super::delivery::Pace;
use super::markup::cut;
use super::text;
use crate::config::checked::PagerDutyConfig;
use crate::store::OutboxRow;
use crate::types::{Secret, Severity};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// One at a time: events of one incident stay in order, also at PagerDuty.
pub const CONCURRENCY: usize = 1;
/// Half a second between two events: PagerDuty takes bursts, and answers 429 to more than it likes.
pub const PACE: Pace = Pace::apart(Duration::from_millis(500));
/// A summary has at most 1,024 characters.
const MOST_SUMMARY: usize = 1_024;
/// After 429 or a server error PagerDuty asks for "a few minutes".
const PAUSE: Duration = Duration::from_mins(2);

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "PagerDuty's own words")]
struct Event<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
}

#[derive(Serialize)]
struct Payload<'a> {
    summary: String,
    source: &'a str,
    severity: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    class: &'a str,
    custom_details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    /// For people.
    text: String,
    /// The message as a webhook has it: amounts are text there.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Link<'a> {
    href: &'a str,
    text: &'static str,
}

/// As much of a body as says where something happened.
#[derive(Default, Deserialize)]
struct Place<'a> {
    #[serde(default, borrow)]
    data: Data<'a>,
}

#[derive(Default, Deserialize)]
struct Data<'a> {
    #[serde(default, borrow)]
    chain: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    watch: Option<Cow<'a, str>>,
}

/// One service of PagerDuty.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    to: Destination,
    routing_key: Arc<Secret>,
}

impl PagerDuty {
    /// Of its config.
    #[must_use]
    pub fn new(config: &PagerDutyConfig) -> Self {
        let base = config.url.expose().trim_end_matches('/');
        let url = Secret::new(format!("{base}/v2/enqueue"));
        let routing_key = Arc::new(config.routing_key.clone());
        Self { to: Destination::new(&url, config.allow_private), routing_key }
    }

    /// Whether incidents are made elsewhere than those of `before`.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.to, &self.routing_key) != (&before.to, &before.routing_key)
    }

    /// The request of an attempt.
    ///
    /// # Panics
    /// Never: every map key is text, and memory takes every byte.
    #[must_use]
    pub fn request(&self, row: &OutboxRow) -> SinkRequest {
        let message = &row.message;
        // A repeat is the same event: PagerDuty tells them apart by the key, and nobody sees it twice.
        let text = text::render(&message.body, false).unwrap_or_else(|_| text::unreadable(&message.kind));
        let resolves = resolves(message.kind.as_str(), message.retracts, message.revision);
        let place: Place<'_> = serde_json::from_slice(&message.body).unwrap_or_default();
        let (chain, watch) = (place.data.chain.as_deref(), place.data.watch.as_deref());
        let payload = Payload {
            summary: cut(&text.title, MOST_SUMMARY),
            source: watch.or(chain).unwrap_or("walletwatch"),
            severity: severity(message.severity),
            timestamp: message.created.to_string(),
            component: chain,
            class: message.kind.as_str(),
            custom_details: Details {
                text: text.lines.join("\n"),
                message: serde_json::from_slice(&message.body).ok(),
            },
        };
        let links = text.url.as_deref().map(|href| Link { href, text: "look it up" });
        let event = Event {
            routing_key: self.routing_key.expose(),
            event_action: if resolves { "resolve" } else { "trigger" },
            dedup_key: message.alert.to_string(),
            payload: (!resolves).then_some(payload),
            links: links.into_iter().filter(|_| !resolves).collect(),
            client: (!resolves).then_some("walletwatch"),
        };
        let body = serde_json::to_vec(&event).expect("every map key is text and a Vec takes every byte");
        SinkRequest::new(self.to.clone(), Vec::new(), body.into())
    }
}

/// Whether a message ends the incident of its alert. A resolve without an incident is dropped by PagerDuty, so that one too many does nothing.
fn resolves(kind: &str, retracts: bool, revision: u32) -> bool {
    /// What becomes of a payment that waited for a person: nobody has to do anything about it any more.
    const DONE: [&str; 5] =
        ["payment.approved", "payment.sent", "payment.complete", "payment.refused", "payment.rehearsed"];
    retracts || kind.ends_with(".recovered") || kind == "alert.resolved" || (revision > 1 && DONE.contains(&kind))
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// What an answer means. 202 takes the event. 400 is about the event and does not pass: dead; unless it is the routing key, which a person puts
/// right within the day: that is tried again over the whole schedule, and so is any refusal of access. 429 and server errors pause the sink.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    let Ok(response) = answer else { return Verdict::Again(Setback::of(answer)) };
    let advised = |advice: &str| Setback {
        reason: format!("HTTP {}: {advice}", response.status).into(),
        blame: Blame::Sink,
        ..Setback::of(answer)
    };
    match response.status {
        200..=299 => Verdict::Delivered { receiver_id: None },
        400 if is_about_the_key(&response.body) => {
            Verdict::Again(advised("PagerDuty does not know the routing key: look at `routing_key`"))
        }
        401 | 403 | 404 => Verdict::Again(advised("PagerDuty does not let us in: look at `url` and `routing_key`")),
        429 | 500..=599 => {
            let wait = Some(response.retry_after.unwrap_or(PAUSE));
            Verdict::Again(Setback { wait, blame: Blame::Pause, ..Setback::of(answer) })
        }
        408 | 425 => Verdict::Again(Setback::of(answer)),
        _ => Verdict::Dead(Setback::of(answer)),
    }
}

/// PagerDuty's own words are matched, never repeated.
fn is_about_the_key(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("routing key") || text.contains("routing_key")
}

#[cfg(test)]
mod tests;
