//! `payments list` and `payments show`.

use super::super::api::{self, Answerer, Question};
use super::super::places::Located;
use super::super::show::{answer, clean, table, text};
use super::super::why_payment::approved;
use super::super::{Failure, list as pages};
use super::List;
use serde_json::Value;

pub(super) async fn list(located: &Located, asked: List) -> Result<(), Failure> {
    let answerer = api::to_read(located).await?;
    let question = Question::new(&["payments"]).with("rule", asked.rule).with("state", asked.state);
    let listed = pages::rows(&answerer, &question, asked.limit).await?;
    if asked.json {
        return answer(&listed.json());
    }
    for line in stops(&read(&answerer, &["payments", "standing"]).await?) {
        eprintln!("{}", clean(&line));
    }
    if listed.next().is_some() {
        eprintln!("there are more: --limit shows them");
    }
    let rows: Vec<_> = listed.values().map_err(Failure::again)?.iter().map(row).collect();
    answer(&table(["PAYMENT", "PLANNED", "RULE", "PAYEE", "AMOUNT", "STATE", "REASON"], &rows))
}

fn row(item: &Value) -> [String; 7] {
    let of = |key| text(item, key);
    let live = if item["rehearsal"] == true { " (rehearsal)" } else { "" };
    let circle = item["live"]["circle_state"].as_str().map_or_else(String::new, |word| format!(" ({word})"));
    let state = format!("{}{live}{circle}", of("state"));
    let why = Some(of("why")).filter(|why| !why.is_empty()).unwrap_or_else(|| of("reason"));
    [of("payment_id"), of("planned_at"), of("rule"), of("payee"), format!("{} USDC", of("amount")), state, why]
}

/// What keeps payments from going, a line each.
pub(super) fn stops(standing: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = standing["frozen"].as_str() {
        let (by, since) = (text(standing, "frozen_by"), text(standing, "frozen_since"));
        lines.push(format!(
            "FROZEN: {why} (by {by} at {since}). Once that is understood: `walletwatch payments unfreeze`"
        ));
    }
    let file = &standing["freeze_file"];
    if let Some(why) = file["why"].as_str() {
        let (by, since) = (text(file, "by"), text(file, "since"));
        lines.push(format!("FROZEN BY A FILE: {why} (by {by} at {since}). Without the file FREEZE beside its config the monitor goes on"));
    }
    if let Some(why) = standing["paused"]["why"].as_str() {
        lines.push(format!("PAUSED: {why}. `walletwatch payments resume --clock` once the clock is right"));
    }
    for stop in standing["stopped"].as_array().into_iter().flatten() {
        let (what, name, missed) = (text(stop, "what"), text(stop, "name"), text(stop, "missed"));
        let flag = if what == "payee" { "--payee " } else { "" };
        lines.push(format!(
            "STOPPED: the {what} \"{name}\": {} ({missed} triggers since). `walletwatch payments resume {flag}\"{name}\"`",
            text(stop, "reason")
        ));
    }
    let (in_force, accepted) = (&standing["in_force"], &standing["accepted"]);
    if in_force.is_string() && in_force != accepted {
        let what = "the money part of the config in force is not the one that an approver accepted";
        lines.push(format!("NOT ACCEPTED: {what}. `walletwatch payments accept` shows the difference"));
    }
    lines
}

pub(super) async fn read(answerer: &Answerer, path: &[&str]) -> Result<Value, Failure> {
    let body = answerer.get(&Question::new(path)).await?;
    serde_json::from_slice(&body).map_err(Failure::again)
}

pub(super) async fn show(located: &Located, id: &str, json: bool) -> Result<(), Failure> {
    let answerer = api::to_read(located).await?;
    let body = answerer.get(&Question::new(&["payments", id])).await?;
    if json {
        return answer(&String::from_utf8_lossy(&body));
    }
    let item: Value = serde_json::from_slice(&body).map_err(Failure::again)?;
    answer(&told(&item))
}

/// Everything of a payment, for people.
fn told(item: &Value) -> String {
    let keys = [
        "payment_id",
        "rehearsal",
        "rule",
        "payee",
        "address",
        "chain",
        "amount",
        "state",
        "reason",
        "why",
        "transfer_id",
        "crossing",
        "planned_at",
        "changed_at",
    ];
    let of_live = [
        "wallet",
        "idempotency_key",
        "body_sha256",
        "reference",
        "blockchain",
        "token",
        "config",
        "triggered_at",
        "anyway",
        "attempts",
        "attempts_without_effect",
        "first_sent",
        "last_sent",
        "circle_id",
        "circle_state",
        "tx_hash",
        "said_absent_at",
        "body",
    ];
    let known = |of: &Value, key: &str| (!of[key].is_null()).then(|| [key.to_owned(), text(of, key)]);
    let mut lines: Vec<_> = keys.iter().filter_map(|key| known(item, key)).collect();
    lines.extend(of_live.iter().filter_map(|key| known(&item["live"], key)));
    for approval in item["live"]["approvals"].as_array().into_iter().flatten() {
        lines.push(["approved".to_owned(), approved(approval)]);
    }
    let audit: Vec<_> = item["audit"].as_array().into_iter().flatten().map(line).collect();
    let audit = if audit.is_empty() { String::new() } else { table(["WHEN", "WHO", "WHAT", "WHY"], &audit) };
    format!("{}\n{audit}", table(["KEY", "VALUE"], &lines))
}

fn line(item: &Value) -> [String; 4] {
    ["at", "who", "what", "why"].map(|key| text(item, key))
}
