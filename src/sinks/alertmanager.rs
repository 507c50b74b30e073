//! Prometheus Alertmanager, API v2.
//!
//! Labels identify an alert there, so they hold what never changes in its life; amounts and hashes are annotations. The labels that the first
//! message went out with are remembered, and what follows has the same ones. An alert that lasts is sent again while it lasts
//! ([`super::worker`] does it, [`Alertmanager::resent`] says with what), since an Alertmanager keeps alerts in memory alone; one that only
//! happened ends by itself after [`HAPPENED`]. Everything goes to every member of a cluster, as its documentation asks. Annotations end up in
//! templates of the operator's, in chats that an Alertmanager does not escape for: what a stranger wrote is inert in each of them.

use super::answer::{Answer, Blame, Destination, Each, Setback, SinkRequest, Verdict};
use super::life::{Life, lasts};
use super::markup::neutral;
use super::{body, text::Text};
use crate::config::checked::AlertmanagerConfig;
use crate::store::{NewMessage, OutboxRow};
use crate::types::{Name, Secret, Timestamp};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One at a time: what is said of an alert stays in order.
pub const CONCURRENCY: usize = 1;
/// How often what lasts is sent again: Prometheus's own minute.
pub const AGAIN_EVERY: Duration = Duration::from_mins(1);
/// How long an alert that only happened fires: long enough for every `group_wait`, short enough not to look like a state.
pub const HAPPENED: Duration = Duration::from_mins(15);
/// How long an alert that lasts fires when nobody sends it again: what ends it is in the outbox and comes, so that this only cleans up behind
/// a sink that left the config; a monitor that is upgraded or moved within the time says nothing false.
pub const LASTS: Duration = Duration::from_hours(4);
/// The most alerts in one request when they are sent again.
pub const AT_ONCE: usize = 64;

/// As the API has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fired {
    labels: BTreeMap<Cow<'static, str>, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

/// The members of one cluster.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    members: Vec<Destination>,
    token: Option<Arc<Secret>>,
}

impl Alertmanager {
    /// Of its config.
    #[must_use]
    pub fn new(config: &AlertmanagerConfig) -> Self {
        let member = |url: &Secret| {
            let url = Secret::new(format!("{}/api/v2/alerts", url.expose().trim_end_matches('/')));
            Destination::new(&url, config.allow_private)
        };
        let members = config.urls.iter().map(member).collect();
        Self { members, token: config.token.clone().map(Arc::new) }
    }

    /// Whether alerts go to another place than those of `before`.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.members, &self.token) != (&before.members, &before.token)
    }

    /// What an attempt sends. `first` is what was remembered of the alert's first message: its labels.
    #[must_use]
    pub fn each(&self, row: &OutboxRow, text: &Text, at: Timestamp, first: Option<&Name>) -> Each {
        let message = &row.message;
        let labels = labels(message, first);
        let remember = serde_json::to_string(&labels).map_or_else(|_| Name::from("{}"), Name::from);
        Each { requests: self.requests(&fired(message, text, labels, at)), remember }
    }

    /// The same to every member.
    ///
    /// # Panics
    /// Never: every map key is text, and memory takes every byte.
    #[must_use]
    pub fn requests(&self, alerts: &[Fired]) -> Vec<SinkRequest> {
        let body = serde_json::to_vec(alerts).expect("every map key is text and a Vec takes every byte");
        let body = bytes::Bytes::from(body);
        let request = |to: &Destination| SinkRequest {
            bearer: self.token.clone(),
            ..SinkRequest::new(to.clone(), Vec::new(), body.clone())
        };
        self.members.iter().map(request).collect()
    }

    /// The alert of a message that is delivered and lasts, as it is sent again; `None` where there is nothing to send again.
    #[must_use]
    pub fn resent(row: &OutboxRow, text: &Text, at: Timestamp) -> Option<Fired> {
        let message = &row.message;
        if !lasts(message.kind.as_str()) || Life::of(message).ends() {
            return None;
        }
        fired(message, text, labels(message, row.receiver_id.as_ref()), at).into_iter().next()
    }
}

/// What identifies an alert: what its `first` message went out with, and nothing that changes in its life.
fn labels(message: &NewMessage, first: Option<&Name>) -> BTreeMap<Cow<'static, str>, String> {
    if let Some(labels) = first.and_then(|first| serde_json::from_str(first.as_str()).ok()) {
        return labels;
    }
    let place = body::place(&message.body);
    let name = place.rule.as_deref().unwrap_or_else(|| message.kind.as_str()).to_owned();
    let mut labels: BTreeMap<Cow<'static, str>, String> = BTreeMap::new();
    let mut label = |name: &'static str, value: String| labels.insert(name.into(), value);
    label("alertname", name);
    label("alert_id", message.alert.to_string());
    label("severity", message.severity.word().to_owned());
    label("source", "walletwatch".to_owned());
    for (name, value) in [("chain", place.chain), ("watch", place.watch), ("sink", place.sink)] {
        if let Some(value) = value {
            label(name, value.into_owned());
        }
    }
    if place.simulated {
        label("simulated", "true".to_owned());
    }
    labels
}

/// The alert as it stands after this message, and what is taken back as an alert of its own: nobody hears an end of what has long ended.
fn fired(message: &NewMessage, text: &Text, labels: BTreeMap<Cow<'static, str>, String>, at: Timestamp) -> Vec<Fired> {
    let life = Life::of(message);
    let lasting = if lasts(message.kind.as_str()) { LASTS } else { HAPPENED };
    let annotations = BTreeMap::from([
        ("summary", neutral(&text.title)),
        ("description", neutral(&text.lines.join("\n"))),
        ("type", message.kind.to_string()),
        ("message_id", message.id.to_string()),
    ]);
    let starts_at = message.created.min(at);
    let ends_at = if life.ends() { at } else { at.after(lasting) };
    let alert = Fired {
        labels,
        annotations,
        starts_at: starts_at.to_string(),
        ends_at: ends_at.to_string(),
        generator_url: text.url.clone(),
    };
    let taken_back = match life {
        Life::Goes | Life::Resolved => None,
        Life::TakenBack | Life::TakenBackInPart => {
            let mut taken_back = alert.clone();
            taken_back.labels.insert("retracted".into(), "true".to_owned());
            taken_back.ends_at = at.after(HAPPENED).to_string();
            Some(taken_back)
        }
    };
    std::iter::once(alert).chain(taken_back).collect()
}

/// What a member's answer means. What it calls invalid is about this alert and does not pass; a door that is closed is a person's to open.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    let Ok(response) = answer else { return Verdict::Again(Setback::of(answer)) };
    match response.status {
        200..=299 => Verdict::Delivered { receiver_id: None },
        400 | 413 | 422 => Verdict::Dead(Setback::of(answer)),
        401 | 403 | 404 => Verdict::Again(Setback {
            reason: format!(
                "HTTP {}: this is no Alertmanager that takes alerts: look at `url` and `token`",
                response.status
            )
            .into(),
            blame: Blame::Sink,
            ..Setback::of(answer)
        }),
        _ => Verdict::Again(Setback { blame: Blame::Sink, ..Setback::of(answer) }),
    }
}
