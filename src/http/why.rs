//! Why an alert, with its messages and what became of each; why a transfer made one, or none.

use super::Parts;
use super::bodies::{self, AlertItem, OutboxItem, TransferItem};
use super::control::Refusal;
use super::problem::Problem;
use super::why_payment::{self, PaymentStory};
use crate::reactor::rows::{AlertRow, AlertSubject, TransferRow};
use crate::reactor::why::{Check, Looked};
use crate::store::OutboxRow;
use crate::types::{AlertId, B256};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

type Shared = State<Arc<Parts>>;

/// An alert, with everything behind it.
#[derive(Serialize, ToSchema)]
pub(super) struct AlertStory {
    alert: AlertItem,
    /// In order, each with its body, its attempts and the last verdict; among them the digests that name it.
    messages: Vec<OutboxItem>,
    /// Of an alert about a transfer: what it is about, and what the rules on it say now.
    transfer: Option<TransferStory>,
    /// Of an alert about a payment: the payment, with everything behind it.
    payment: Option<PaymentStory>,
    /// Of every other: its rule, or what a source or a sink is in trouble with, and where that stands now. Null where no monitor runs that
    /// could be asked.
    rules: Option<Vec<RuleItem>>,
}

/// A transfer, and who looked at it.
#[derive(Serialize, ToSchema)]
pub(super) struct TransferStory {
    pub transfer: TransferItem,
    /// Null where no monitor runs that could be asked.
    pub rules: Option<Vec<RuleItem>>,
    pub alerts: Vec<AlertItem>,
}

/// A rule that looked at a transfer.
#[derive(Serialize, ToSchema)]
#[schema(as = LookedItem)]
pub(super) struct RuleItem {
    pub rule: String,
    pub watch: Option<String>,
    /// Whether it speaks of it, or did: somebody was told.
    pub speaks: bool,
    pub checks: Vec<CheckItem>,
    /// What keeps it from saying it now, besides its checks.
    pub besides: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CheckItem {
    pub check: &'static str,
    pub passed: bool,
    /// What there is.
    pub is: String,
    /// What the rule asks for.
    pub wanted: String,
}

/// Every transfer of a transaction.
#[derive(Serialize, ToSchema)]
pub(super) struct TransactionStory {
    transfers: Vec<TransferStory>,
}

/// `GET /api/v1/alerts/{id}`.
pub(super) async fn alert(State(parts): Shared, Path(id): Path<String>) -> Result<Json<AlertStory>, Problem> {
    let no = || Problem::new(StatusCode::NOT_FOUND, "there is no such alert");
    let id = AlertId::parse(&id)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of an alert is 32 hexadecimal digits"))?;
    let (row, messages) = parts.archive.alert(id).await?.ok_or_else(no)?;
    let transfer = match &row.subject {
        AlertSubject::Transfer { transfer, .. } => parts.archive.transfer(*transfer).await?,
        AlertSubject::Crossing(_)
        | AlertSubject::Balance { .. }
        | AlertSubject::Trouble(_)
        | AlertSubject::Payment(_) => None,
    };
    let transfer = match transfer {
        Some(row) => Some(story(&parts, row).await?),
        None => None,
    };
    let payment = match &row.subject {
        AlertSubject::Payment(id) => why_payment::story(&parts, *id).await?,
        AlertSubject::Transfer { .. }
        | AlertSubject::Crossing(_)
        | AlertSubject::Balance { .. }
        | AlertSubject::Trouble(_) => None,
    };
    let alert = bodies::alert(&row, &parts.standing().labels);
    let attempts = parts.archive.attempts(messages.iter().map(|row| row.seq).collect()).await?;
    let made = |row: &OutboxRow| attempts.get(&row.seq).map_or(&[][..], Vec::as_slice);
    let messages = messages.iter().map(|row| bodies::outbox_whole(row, made(row))).collect();
    let rules = match transfer {
        Some(_) => Some(Vec::new()),
        None => now_of(&parts, row).await,
    };
    Ok(Json(AlertStory { alert, messages, transfer, payment, rules }))
}

/// `GET /api/v1/transactions/{hash}`.
pub(super) async fn transaction(
    State(parts): Shared,
    Path(hash): Path<String>,
) -> Result<Json<TransactionStory>, Problem> {
    let hash: B256 = hash.parse().map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "the hash of a transaction is 0x and 64 hexadecimal digits")
    })?;
    let rows = parts.archive.transfers_of(hash).await?;
    if rows.is_empty() {
        let detail =
            "no transfer of this transaction was seen: it concerns no watched address, or its block was not read yet";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    let mut transfers = Vec::with_capacity(rows.len());
    for row in rows {
        transfers.push(story(&parts, row).await?);
    }
    Ok(Json(TransactionStory { transfers }))
}

pub(super) async fn story(parts: &Parts, row: TransferRow) -> Result<TransferStory, Problem> {
    let snapshot = parts.standing();
    let learned = parts.archive.tokens(bodies::strangers([&row], &snapshot.labels)).await?;
    let transfer = bodies::transfer(&row, &snapshot, &learned);
    let told = parts.archive.alerts_of(row.id).await?;
    let alerts = told.iter().map(|row| bodies::alert(row, &snapshot.labels)).collect();
    let mut rules = rules(parts.control.why(row).await);
    // What keeps a rule from saying it now did not keep it from what somebody has.
    for rule in rules.iter_mut().flatten() {
        let of_rule = |alert: &&AlertRow| {
            let AlertSubject::Transfer { watch, .. } = &alert.subject else { return false };
            alert.rule.as_str() == rule.rule && rule.watch.as_deref() == Some(watch.as_str())
        };
        rule.speaks |= told.iter().filter(of_rule).any(|alert| !alert.told.is_empty());
    }
    Ok(TransferStory { transfer, rules, alerts })
}

/// Where the rule of an alert that is not about a transfer stands now; null where no monitor runs that could be asked.
pub(super) async fn now_of(parts: &Parts, row: AlertRow) -> Option<Vec<RuleItem>> {
    rules(parts.control.why_alert(row).await)
}

/// Without a monitor nobody has the rules in force.
fn rules(looked: Result<Vec<Looked>, Refusal>) -> Option<Vec<RuleItem>> {
    looked.ok().map(|looked| looked.into_iter().map(rule).collect())
}

fn rule(looked: Looked) -> RuleItem {
    let Looked { rule, watch, checks, besides } = looked;
    RuleItem {
        rule: rule.to_string(),
        watch: watch.map(|watch| watch.to_string()),
        speaks: besides.is_empty() && checks.iter().all(|check| check.passed),
        checks: checks.into_iter().map(check).collect(),
        besides: besides.iter().map(ToString::to_string).collect(),
    }
}

fn check(check: Check) -> CheckItem {
    let Check { check, passed, is, wanted } = check;
    CheckItem { check, passed, is: is.to_string(), wanted: wanted.to_string() }
}
