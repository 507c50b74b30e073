//! Why a payment: what triggered it, what its rule pays, the limits as they stood and stand, every attempt, and what it waits for.

use super::Parts;
use super::bodies::{self, TransferItem};
use super::payment_body::{self, PaymentItem};
use super::payments::payment_id;
use super::problem::Problem;
use crate::reactor::office::AuditRow;
use crate::reactor::waits::{NO_ROOM_LINE, Room};
use crate::types::PaymentId;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A payment, with everything behind it.
#[derive(Serialize, ToSchema)]
pub(super) struct PaymentStory {
    /// With its lines of the audit.
    payment: PaymentItem,
    /// The transfer that triggered it; null of a crossing, or where it is kept no more.
    transfer: Option<TransferItem>,
    /// What its rule pays by the config in force, a line each; null where no monitor runs that could be asked.
    pub rule: Option<Vec<String>>,
    /// The limits as they stood when it was planned: what others used, what it adds, what is allowed.
    limits_at_planning: Option<String>,
    /// The limits that held it, each time, with the numbers of that moment.
    held_by_limits: Vec<HeldByLimits>,
    /// The same now; null where no monitor runs, or where it ended long ago.
    pub limits: Option<Vec<LimitItem>>,
    attempts: Vec<AttemptItem>,
    /// What it waits for and what to do, a sentence each; null where no monitor runs that could be asked.
    pub waits_for: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
struct HeldByLimits {
    at: String,
    /// What others used, what it adds, what is allowed: of those without room.
    limits: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct LimitItem {
    pub limit: &'static str,
    pub used: String,
    pub adds: String,
    pub allowed: String,
    pub fits: bool,
    /// How much of it would be used, in millionths: for a bar.
    #[serde(skip)]
    pub millionths: u32,
}

/// One request to pay.
#[derive(Serialize, ToSchema)]
struct AttemptItem {
    number: String,
    at: String,
    /// What came of it, with Circle's `X-Request-Id`; null while nothing did.
    verdict: Option<String>,
    answered_at: Option<String>,
}

/// `GET /api/v1/payments/{id}/why`.
pub(super) async fn why(
    State(parts): State<Arc<Parts>>,
    Path(id): Path<String>,
) -> Result<Json<PaymentStory>, Problem> {
    let found = story(&parts, payment_id(&id)?).await?;
    found.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such payment"))
}

/// Everything behind a payment.
pub(super) async fn story(parts: &Parts, id: PaymentId) -> Result<Option<PaymentStory>, Problem> {
    let Some((row, audit)) = parts.archive.payment(id).await? else { return Ok(None) };
    let snapshot = parts.standing();
    let transfer = match row.transfer {
        Some(transfer) => parts.archive.transfer(transfer).await?,
        None => None,
    };
    let learned = parts.archive.tokens(bodies::strangers(transfer.as_ref(), &snapshot.labels)).await?;
    // Without a monitor nobody has the config in force, or the state that decides.
    let why = parts.control.why_payment(id, row.rule.clone()).await.ok();
    let (rule, waits) = why.map_or((None, None), |why| (Some(why.rule), why.waits));
    let planned = audit.iter().find(|line| line.what.as_str() == "planned" && !line.why.as_str().is_empty());
    Ok(Some(PaymentStory {
        payment: payment_body::payment(&row, Some(&audit), &snapshot),
        transfer: transfer.map(|row| bodies::transfer(&row, &snapshot, &learned)),
        rule,
        limits_at_planning: planned.map(|line| line.why.to_string()),
        held_by_limits: held_by_limits(&audit),
        limits: waits.as_ref().map(|waits| waits.limits.iter().map(limit).collect()),
        attempts: attempts(&audit),
        waits_for: waits.map(|waits| waits.lines.iter().map(ToString::to_string).collect()),
    }))
}

fn held_by_limits(audit: &[AuditRow]) -> Vec<HeldByLimits> {
    let held = audit.iter().filter(|line| line.what.as_str() == NO_ROOM_LINE);
    held.map(|line| HeldByLimits { at: line.at.to_string(), limits: line.why.to_string() }).collect()
}

fn limit(room: &Room) -> LimitItem {
    LimitItem {
        limit: room.limit,
        used: room.shown(room.used),
        adds: room.shown(room.adds),
        allowed: room.shown(room.allowed),
        fits: room.fits(),
        millionths: room.millionths(),
    }
}

/// Each commit that let a request leave, with the answer behind it.
fn attempts(audit: &[AuditRow]) -> Vec<AttemptItem> {
    let mut attempts: Vec<AttemptItem> = Vec::new();
    for line in audit {
        match line.what.as_str() {
            "attempt" => attempts.push(AttemptItem {
                number: line.why.to_string(),
                at: line.at.to_string(),
                verdict: None,
                answered_at: None,
            }),
            "answered" => {
                if let Some(last) = attempts.last_mut() {
                    last.verdict = Some(line.why.to_string());
                    last.answered_at = Some(line.at.to_string());
                }
            }
            _ => {}
        }
    }
    attempts
}
