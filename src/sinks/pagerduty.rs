//! PagerDuty: Events API v2.
//!
//! One incident for each alert: its id is the `dedup_key`, so that a repeat or an update is no second incident, and what ends the alert resolves
//! it. All of it is text in JSON: nothing that a stranger wrote is markup there, and nothing of it becomes a link. The routing key is in the
//! body, and in nothing that is logged. Limits and answers: facts/field.md §8.

use super::answer::{Answer, Blame, Destination, Setback, SinkRequest, Verdict};
use super::body;
use super::delivery::{Meter, Pace};
use super::life::Life;
use super::markup::{cut, unlinked};
use super::text::Text;
use crate::config::checked::PagerDutyConfig;
use crate::store::OutboxRow;
use crate::types::{Secret, Severity};
use serde::Serialize;
use serde_json::Value;
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
    custom_details: Details,
}

#[derive(Serialize)]
struct Details {
    /// For people.
    text: String,
    /// The message as a webhook has it: amounts are text there.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
}

#[derive(Serialize)]
struct Link<'a> {
    href: &'a str,
    text: &'static str,
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

    /// The pace of the integration.
    #[must_use]
    pub fn paces(&self) -> Vec<(Meter, Pace)> {
        vec![(Meter::of(&[self.to.url().expose(), self.routing_key.expose()]), PACE)]
    }

    /// The request of an attempt.
    ///
    /// # Panics
    /// Never: every map key is text, and memory takes every byte.
    #[must_use]
    pub fn request(&self, row: &OutboxRow, text: &Text) -> SinkRequest {
        let message = &row.message;
        // A resolve without an incident is dropped by PagerDuty, so that one too many does nothing.
        let resolves = Life::of(message).ends();
        let place = body::place(&message.body);
        let (chain, watch) = (place.chain.as_deref(), place.watch.as_deref());
        let payload = Payload {
            summary: cut(&unlinked(&text.title), MOST_SUMMARY),
            source: watch.or(chain).unwrap_or("walletwatch"),
            severity: severity(message.severity),
            timestamp: message.created.to_string(),
            component: chain,
            class: message.kind.as_str(),
            custom_details: Details { text: unlinked(&text.lines.join("\n")), message: data_of(&message.body) },
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

/// The body, in which what strangers wrote leads nowhere: PagerDuty makes links of what looks like one, here too.
fn data_of(body: &[u8]) -> Option<Value> {
    /// The keys that hold words which are not ours.
    const WORDS: [&str; 5] = ["symbol", "label", "ref", "reason", "entries"];
    fn calm(value: &mut Value, words: bool) {
        match value {
            Value::String(text) if words => *text = unlinked(text),
            Value::Array(items) => items.iter_mut().for_each(|item| calm(item, words)),
            Value::Object(keys) => {
                keys.iter_mut().for_each(|(key, value)| calm(value, words || WORDS.contains(&key.as_str())));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut value = serde_json::from_slice(body).ok()?;
    calm(&mut value, false);
    Some(value)
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
