//! What people decide: each is one request to the running monitor, with the token of whoever decides.

use super::super::Failure;
use super::super::api::{self, Answerer, Question};
use super::super::places::Located;
use super::super::show::{answer, clean, text};
use super::look::{read, stops};
use super::{Accept, Approve, Resolve, Resume, Who};
use crate::config::checked::Role;
use crate::config::circle::FREEZE_FILE;
use crate::reactor::decisions::{CANCEL_ANSWERED, NOT_IT};
use crate::reactor::money::PaymentState;
use anyhow::anyhow;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Between two looks at a probe.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A probe takes up to ten minutes.
const MOST_LOOKS: usize = 140;

/// Between two looks at what Circle says of one transaction, which takes it …
const VERDICT_EVERY: Duration = Duration::from_millis(500);
/// … no longer than this by far.
const MOST_VERDICT_LOOKS: usize = 90;

/// Whoever may decide about money, by way of the monitor.
async fn approver(located: &Located, who: &Who) -> Result<Answerer, Failure> {
    api::by_whom(located, Role::Approve, who.name.as_deref()).await
}

/// Sends a decision, and says what came of it.
async fn decide(answerer: &Answerer, path: &[&str], body: &Value, said: &str) -> Result<(), Failure> {
    let done = answerer.send(&Question::new(path), body.to_string().into()).await?;
    let done: Value = serde_json::from_slice(&done).map_err(Failure::again)?;
    if done["done"] == true { answer(said) } else { answer(&clean(&text(&done, "detail"))) }
}

/// A decision about one payment that needs nothing more.
pub(super) async fn about(located: &Located, who: &Who, id: &str, act: &str, said: &str) -> Result<(), Failure> {
    let answerer = approver(located, who).await?;
    let done = decide(&answerer, &["payments", id, act], &json!({}), &format!("{} {said}", clean(id))).await;
    with_state(&answerer, id, done).await
}

/// What was not done says where the payment stands: whoever is late learns what happened meanwhile.
async fn with_state(answerer: &Answerer, id: &str, done: Result<(), Failure>) -> Result<(), Failure> {
    let Err(failure) = done else { return Ok(()) };
    let Ok(item) = read(answerer, &["payments", id]).await else { return Err(failure) };
    let part = |key: &str| Some(text(&item, key)).filter(|part| !part.is_empty());
    let why = part("why").or_else(|| part("reason")).map_or_else(String::new, |why| format!(": {why}"));
    let words = format!("it is {} since {}{why}", text(&item, "state"), text(&item, "changed_at"));
    Err(failure.and(&clean(&format!("{words}. `walletwatch why {id}` says more"))))
}

pub(super) async fn approve(located: &Located, asked: Approve) -> Result<(), Failure> {
    let answerer = approver(located, &asked.who).await?;
    let item = read(&answerer, &["payments", &asked.id]).await?;
    let shown = item["live"]["body_sha256"].as_str().map(str::to_owned);
    let mut body = json!({ "anyway": asked.anyway });
    if let Some(hash) = asked.body.or(shown) {
        body["body_sha256"] = json!(hash);
    }
    let amount = format!("{} USDC to {} ({})", text(&item, "amount"), text(&item, "payee"), text(&item, "address"));
    let said =
        clean(&format!("approved: {amount} on {}, by the rule \"{}\"", text(&item, "chain"), text(&item, "rule")));
    let done = decide(&answerer, &["payments", &asked.id, "approve"], &body, &said).await;
    with_state(&answerer, &asked.id, done).await
}

pub(super) async fn accept(located: &Located, asked: Accept) -> Result<(), Failure> {
    let (what, who) = (asked.what, asked.who);
    let path = ["payments", "accept"];
    if let Some(payee) = what.payee {
        let answerer = approver(located, &who).await?;
        let said = format!("{} may be paid at once", clean(&payee));
        return decide(&answerer, &path, &json!({ "payee": payee }), &said).await;
    }
    if let Some(key) = what.entity_key {
        let answerer = approver(located, &who).await?;
        return decide(&answerer, &path, &json!({ "entity_key": key }), "Circle's entity public key is accepted").await;
    }
    let Some(said) = what.fingerprint else {
        let answerer = api::to_read(located).await?;
        return answer(&difference(&read(&answerer, &["payments", "config"]).await?));
    };
    let answerer = approver(located, &who).await?;
    let config = read(&answerer, &["payments", "config"]).await?;
    let in_force = text(&config, "in_force");
    // The first digits do: the monitor is asked with all of those that are in force.
    if said.len() < LEAST_DIGITS || !in_force.starts_with(&said.to_ascii_lowercase()) {
        let hint = "`walletwatch payments accept` shows it";
        return Err(Failure::usage(anyhow!("this is not the fingerprint in force. hint: {hint}")));
    }
    decide(&answerer, &path, &json!({ "config": in_force }), "the money part of the config in force is accepted").await
}

/// Of a fingerprint that is typed.
const LEAST_DIGITS: usize = 8;

/// What the config in force says otherwise than what was accepted.
fn difference(config: &Value) -> String {
    let lines = |key: &str| -> Vec<String> {
        config[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(clean).collect()
    };
    let Some(in_force) = config["in_force"].as_str() else {
        return "nothing is live here: there is nothing to accept".to_owned();
    };
    if config["accepted"].as_str() == Some(in_force) {
        return format!("{in_force} is in force and accepted:\n{}", lines("lines").join("\n"));
    }
    let head = if config["accepted"].is_null() { "nothing was accepted before" } else { "otherwise than accepted" };
    let short: String = in_force.chars().take(2 * LEAST_DIGITS).collect();
    let mut difference = lines("difference");
    if difference.is_empty() {
        // Its lines are of the payments; the fingerprint is of all that they depend on.
        difference.push(
            "nothing in the words of the payments: something that they depend on, as a chain's settings or the rules that pay; \
             `walletwatch check` says what is in force"
                .to_owned(),
        );
    }
    format!(
        "{in_force} is in force and NOT accepted; {head}:\n{}\n\nto accept it: walletwatch payments accept {short}",
        difference.join("\n")
    )
}

pub(super) async fn freeze(located: &Located, reason: Option<String>, who: &Who) -> Result<(), Failure> {
    // Where no monitor runs, the store is frozen: the next one starts so.
    let answerer = api::to_freeze(located, who.name.as_deref()).await?;
    let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let said = "frozen: no payment leaves until `walletwatch payments unfreeze`";
    decide(&answerer, &["payments", "freeze"], &body, said).await
}

/// What stops payments where nothing else does, not even this command: a file.
pub(super) fn or_by_file(config: &Path, failure: Failure) -> Failure {
    let file = config.with_file_name(FREEZE_FILE);
    failure.or(&format!("touch {}: while it is there, nothing leaves the monitor of this config", file.display()))
}

pub(super) async fn unfreeze(located: &Located, who: &Who) -> Result<(), Failure> {
    let answerer = approver(located, who).await?;
    decide(&answerer, &["payments", "unfreeze"], &json!({}), "unfrozen").await?;
    what_stops(&answerer).await
}

/// What stops payments all the same: one stop was ended, and there may be others.
async fn what_stops(answerer: &Answerer) -> Result<(), Failure> {
    let stops = stops(&read(answerer, &["payments", "standing"]).await?);
    stops.iter().for_each(|line| eprintln!("{}", clean(line)));
    if stops.is_empty() { answer("payments go on") } else { Ok(()) }
}

pub(super) async fn resolve(located: &Located, asked: Resolve) -> Result<(), Failure> {
    let answerer = approver(located, &asked.who).await?;
    let path = ["payments", &asked.id, "resolve"];
    let Some(circle) = asked.circle else {
        let said = "it is absent: rejected, and looked for on for 30 days";
        let done = decide(&answerer, &path, &json!({ "absent": true }), said).await;
        return with_state(&answerer, &asked.id, done).await;
    };
    let before = newest(&answerer).await?;
    let done = answerer.send(&Question::new(&path), json!({ "circle_id": circle }).to_string().into()).await;
    with_state(&answerer, &asked.id, done.map(drop)).await?;
    eprintln!("Circle is asked to show {} …", clean(&circle));
    verdict(&answerer, &asked.id, before).await
}

/// What became of a transaction that a person showed: Circle is asked, and its answer stands in the audit.
async fn verdict(answerer: &Answerer, id: &str, before: u64) -> Result<(), Failure> {
    let line = line_of(answerer, id, before, &[NOT_IT, PaymentState::Accepted.word()]).await?;
    if line["what"].as_str() == Some(NOT_IT) {
        let then = "the payment still needs a person";
        return Err(Failure::person(anyhow!("{}: {then}", clean(&text(&line, "why")))));
    }
    let state = text(&read(answerer, &["payments", id]).await?, "state");
    answer(&clean(&format!("Circle shows it, and it is this payment: it goes on as that and is {state}")))
}

/// Waits for the first line of a payment behind `before` that says one of these.
async fn line_of(answerer: &Answerer, id: &str, before: u64, what: &[&str]) -> Result<Value, Failure> {
    for _ in 0..MOST_VERDICT_LOOKS {
        tokio::time::sleep(VERDICT_EVERY).await;
        let lines = lines_since(answerer, before).await?;
        let is = |line: &&Value| line["what"].as_str().is_some_and(|said| what.contains(&said));
        let of_it = |line: &&Value| line["payment_id"].as_str() == Some(id);
        // The newest stands first.
        if let Some(line) = lines.iter().rev().filter(of_it).find(is) {
            return Ok(line.clone());
        }
    }
    let hint = format!("`walletwatch payments show {}` says what becomes of it", clean(id));
    Err(Failure::again(anyhow!("Circle has not answered yet: {hint}")))
}

pub(super) async fn cancel(located: &Located, who: &Who, id: &str) -> Result<(), Failure> {
    let answerer = approver(located, who).await?;
    let before = newest(&answerer).await?;
    let done = answerer.send(&Question::new(&["payments", id, "cancel"]), "{}".into()).await;
    with_state(&answerer, id, done.map(drop)).await?;
    let line = line_of(&answerer, id, before, &[CANCEL_ANSWERED]).await?;
    answer(&clean(&format!("{}. Only what it shows of {id} later ends the payment", text(&line, "why"))))
}

pub(super) async fn resume(located: &Located, asked: Resume) -> Result<(), Failure> {
    let answerer = approver(located, &asked.who).await?;
    let what = asked.what;
    let (body, said) = match (what.rule, what.payee) {
        (Some(rule), _) => {
            let said = format!("the rule \"{}\" pays again, for what happens from now on", clean(&rule));
            (json!({ "rule": rule }), said)
        }
        (None, Some(payee)) => {
            let said = format!("the payee \"{}\" may be paid again", clean(&payee));
            (json!({ "payee": payee }), said)
        }
        (None, None) => (json!({ "clock": true }), "the clock is trusted".to_owned()),
    };
    decide(&answerer, &["payments", "resume"], &body, &said).await?;
    what_stops(&answerer).await
}

pub(super) async fn probe(located: &Located, who: &Who) -> Result<(), Failure> {
    let answerer = approver(located, who).await?;
    let before = newest(&answerer).await?;
    answerer.send(&Question::new(&["payments", "probe"]), "{}".into()).await?;
    eprintln!("a millionth of a USDC goes from the wallet to itself, twice under one key; up to ten minutes …");
    for _ in 0..MOST_LOOKS {
        tokio::time::sleep(LOOK_EVERY).await;
        for line in lines_since(&answerer, before).await? {
            match line["what"].as_str() {
                Some("probed") => {
                    return answer(
                        "shown: references come back and keys hold. A lost answer may be followed by the same request",
                    );
                }
                Some("a probe showed") => {
                    return Err(Failure::person(anyhow!(
                        "{}: there is one attempt and no resend",
                        clean(&text(&line, "why"))
                    )));
                }
                Some(_) | None => {}
            }
        }
    }
    Err(Failure::again(anyhow!("nothing came of the probe in time: the monitor's log and the audit say more")))
}

async fn newest(answerer: &Answerer) -> Result<u64, Failure> {
    Ok(read(answerer, &["payments", "standing"]).await?["audit_head"]["seq"].as_u64().unwrap_or(0))
}

async fn lines_since(answerer: &Answerer, before: u64) -> Result<Vec<Value>, Failure> {
    let page = read(answerer, &["payments", "audit"]).await?;
    let newer = |line: &&Value| line["seq"].as_u64().is_some_and(|seq| seq > before);
    Ok(page["items"].as_array().into_iter().flatten().filter(newer).cloned().collect())
}
