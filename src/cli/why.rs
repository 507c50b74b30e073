//! `walletwatch why ALERT`, `why PAYMENT` and `why --transfer TX`: what is behind an alert, a payment, and a silence.

use super::api::{self, Question};
use super::show::{answer, clean, text};
use super::{Failure, Places, why_payment};
use anyhow::anyhow;
use serde_json::Value;
use std::fmt::Write as _;

/// The settings of `why`.
#[derive(Debug, clap::Args)]
pub(super) struct Why {
    /// The id of an alert or a payment
    #[arg(required_unless_present = "transfer", conflicts_with = "transfer")]
    alert: Option<String>,
    /// The hash of a transaction: which rules looked at what it moved, and what stopped them
    #[arg(long, value_name = "TX")]
    transfer: Option<String>,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

impl Why {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let question = match (&self.alert, &self.transfer) {
            (Some(alert), _) => Question::new(&["alerts", alert]),
            (None, Some(hash)) => Question::new(&["transactions", hash]),
            (None, None) => return Err(Failure::usage(anyhow!("name an alert, or a transaction with --transfer"))),
        };
        let answerer = api::to_read(&places.load_to_ask()?).await?;
        let found = match (answerer.get(&question).await, &self.alert) {
            // What is no alert may be a payment: their ids look alike.
            (Err(failure), Some(id)) => {
                answerer.get(&Question::new(&["payments", id, "why"])).await.map_err(|_| failure)?
            }
            (found, _) => found?,
        };
        if self.json {
            return answer(&String::from_utf8_lossy(&found));
        }
        let found: Value = serde_json::from_slice(&found).map_err(Failure::again)?;
        let mut told = String::new();
        if found["alert"].is_object() {
            alert(&found, &mut told);
        }
        why_payment::tell(if found["alert"].is_object() { &found["payment"] } else { &found }, &mut told);
        for transfer in found["transfers"].as_array().into_iter().flatten() {
            story(transfer, &mut told);
        }
        answer(told.trim_end())
    }
}

/// Writing to a String cannot fail.
fn line(told: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(told, "{text}");
}

fn alert(found: &Value, told: &mut String) {
    let alert = &found["alert"];
    let (id, rule, state) = (text(alert, "alert_id"), text(alert, "rule"), text(alert, "state"));
    line(told, format_args!("alert {id} of {rule}: {state}, {}", text(alert, "severity")));
    let messages = found["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(why) = alert["untold"].as_str() {
        line(told, format_args!("  its newest message was told to nobody: {}", clean(why)));
    } else if messages.is_empty() {
        line(told, format_args!("  its messages are not kept any more"));
    }
    for message in messages {
        let (kind, sink, state) = (text(message, "type"), text(message, "sink"), text(message, "state"));
        let attempts = &message["attempts"];
        let reason = text(message, "reason");
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", clean(&reason)) };
        let is_digest = message["alert_id"] != alert["alert_id"];
        let what = if is_digest {
            format!("told in digest {} at {}", text(message, "message_id"), text(message, "created"))
        } else {
            kind
        };
        line(told, format_args!("  {what} to {sink}: {state} after {attempts} attempts{reason}"));
        for attempt in message["verdicts"].as_array().into_iter().flatten() {
            let reason = Some(text(attempt, "reason")).filter(|reason| !reason.is_empty());
            let reason = reason.map_or_else(String::new, |reason| format!(": {}", clean(&reason)));
            line(told, format_args!("    {} {}{reason}", text(attempt, "at"), text(attempt, "verdict")));
        }
        if !is_digest {
            line(told, format_args!("    {}", message["body"]));
        }
    }
    if found["transfer"].is_object() {
        return story(&found["transfer"], told);
    }
    line(told, format_args!("  about {}", alert["subject"]));
    looked(&found["rules"], "where its rule stands only a running monitor can say", told);
}

fn story(story: &Value, told: &mut String) {
    let transfer = &story["transfer"];
    let of = |key: &str| text(transfer, key);
    line(told, format_args!("transfer {} on {}: {}", of("transfer_id"), of("chain"), of("stage")));
    line(told, format_args!("  {transfer}"));
    if story["rules"].as_array().is_some_and(Vec::is_empty) {
        line(told, format_args!("  no rule looks at it"));
    }
    looked(&story["rules"], "which rules look at it only a running monitor can say", told);
    for alert in story["alerts"].as_array().into_iter().flatten() {
        let untold = alert["untold"].as_str().map(|why| format!(", told to nobody: {}", clean(why)));
        let (id, rule, state) = (text(alert, "alert_id"), text(alert, "rule"), text(alert, "state"));
        let sinks: Vec<&str> = alert["told"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let to = if sinks.is_empty() { String::new() } else { format!(", told to {}", clean(&sinks.join(", "))) };
        line(told, format_args!("  alert {id} of {rule}: {state}{to}{}", untold.unwrap_or_default()));
    }
}

fn looked(rules: &Value, unknown: &str, told: &mut String) {
    match rules.as_array() {
        None => line(told, format_args!("  {unknown}")),
        Some(rules) => rules.iter().for_each(|rule| said(rule, told)),
    }
}

fn said(rule: &Value, told: &mut String) {
    let verdict = if rule["speaks"] == true { "speaks" } else { "is silent" };
    let on = Some(text(rule, "watch")).filter(|watch| !watch.is_empty());
    let on = on.map_or_else(String::new, |watch| format!(" on {watch}"));
    line(told, format_args!("  rule {}{on}: {verdict}", text(rule, "rule")));
    for check in rule["checks"].as_array().into_iter().flatten() {
        let mark = if check["passed"] == true { "yes" } else { "NO " };
        let (is, wanted) = (clean(&text(check, "is")), clean(&text(check, "wanted")));
        line(told, format_args!("    {mark} {}: {is} (wanted: {wanted})", text(check, "check")));
    }
    for besides in rule["besides"].as_array().into_iter().flatten() {
        line(told, format_args!("    but {}", clean(besides.as_str().unwrap_or_default())));
    }
}
