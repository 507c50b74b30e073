//! `/api/v1/payments…`: payments, what holds for all of them, and what people decide about them.
//!
//! Nothing is decided here: each order goes to the desk and is answered after its commit. A decision names what it is about, so that it
//! can be sent again: what was done already is answered with 409, and is done once. What is not of the shape that the document gives
//! is answered with 400, what is and cannot be with 422.

use super::access::Caller;
use super::bodies::Page;
use super::commands::asker;
use super::payment_body::{self, AuditItem, CountItem, PaymentItem, Standing, digits, read_digits};
use super::problem::Problem;
use super::query::{Asked, PAYMENT_STATE, page_of};
use super::{Parts, named};
use crate::reactor::money::{CircleId, PaymentState};
use crate::reactor::payments::desk::{Order, Refusal as NotDone};
use crate::store::{PaymentFilter, PaymentPlace};
use crate::telemetry::Snapshot;
use crate::types::text::is_name;
use crate::types::{Name, PaymentId, Timestamp};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The longest reason of a freeze.
const LONGEST_REASON: usize = 200;

type Shared = State<Arc<Parts>>;
type Asker = Extension<Caller>;
type Done = Result<(StatusCode, Json<DoneItem>), Problem>;

/// What came of a decision.
#[derive(Serialize, ToSchema)]
pub(super) struct DoneItem {
    /// False: it was noted, and something is missing yet.
    done: bool,
    detail: String,
}

/// `GET /api/v1/payments`.
pub(super) async fn list(
    State(parts): Shared,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<PaymentItem>>, Problem> {
    let snapshot = parts.standing();
    let page = parts.archive.payments(filter(&parts, &snapshot, &asked).await?, asked.limit).await?;
    Ok(page_of(&page, |row| payment_body::payment(row, None, &snapshot), written))
}

/// Which payments are asked for, by the API and by the page.
pub(super) async fn filter(parts: &Parts, snapshot: &Snapshot, asked: &Asked) -> Result<PaymentFilter, Problem> {
    // The place is written as MILLISECONDS-ID.
    let after = asked.place(|text| {
        let (at, id) = text.rsplit_once('-')?;
        Some(PaymentPlace { planned_at: Timestamp::from_millis(at.parse().ok()?), id: PaymentId::parse(id)? })
    })?;
    let state = asked.word(PAYMENT_STATE, &PaymentState::ALL, PaymentState::word);
    Ok(PaymentFilter { after, state, rule: named::rule(parts, snapshot, asked).await? })
}

/// A place, as it is written in a query.
pub(super) fn written(place: &PaymentPlace) -> String {
    format!("{}-{}", place.planned_at.millis(), place.id)
}

/// `GET /api/v1/payments/ID`.
pub(super) async fn one(State(parts): Shared, Path(id): Path<String>) -> Result<Json<PaymentItem>, Problem> {
    let found = parts.archive.payment(payment_id(&id)?).await?;
    let (row, audit) = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such payment"))?;
    Ok(Json(payment_body::payment(&row, Some(&audit), &parts.standing())))
}

/// `GET /api/v1/payments/standing`.
pub(super) async fn standing(State(parts): Shared) -> Result<Json<Standing>, Problem> {
    let (tables, counts, freeze) = parts.archive.office().await?;
    let in_force = parts.control.money().await.map(|money| money.fingerprint);
    let counts = counts
        .into_iter()
        .map(|(state, live, count)| CountItem { state: state.word(), rehearsal: !live, count })
        .collect();
    let file = parts.standing().payments.file.clone();
    Ok(Json(payment_body::standing(&tables, in_force, counts, freeze.as_ref(), file.as_ref())))
}

/// `GET /api/v1/payments/audit`.
pub(super) async fn audit(
    State(parts): Shared,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<AuditItem>>, Problem> {
    let before: Option<u64> = asked.place(|text| text.parse().ok())?;
    let rows = parts.archive.audit(before, asked.limit).await?;
    let next = rows.last().filter(|row| rows.len() == asked.limit && row.seq > 1).map(|row| row.seq.to_string());
    Ok(Json(Page { items: rows.iter().map(payment_body::line).collect(), next }))
}

/// What the config in force says of live money, against what was accepted.
#[derive(Serialize, ToSchema)]
pub(super) struct ConfigItem {
    in_force: Option<String>,
    accepted: Option<String>,
    lines: Vec<String>,
    difference: Vec<String>,
}

/// `GET /api/v1/payments/config`.
pub(super) async fn config(State(parts): Shared) -> Result<Json<ConfigItem>, Problem> {
    let (tables, ..) = parts.archive.office().await?;
    let accepted = tables.office.and_then(|office| office.accepted).map(|hash| digits(&hash));
    let money = parts.control.money().await;
    let in_force = money.as_ref().map(|money| digits(&money.fingerprint));
    let (lines, difference) = money.map(|money| (money.lines, money.difference)).unwrap_or_default();
    Ok(Json(ConfigItem { in_force, accepted, lines, difference }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveBody {
    /// What the payment shows; a rehearsal has none.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    body_sha256: Option<String>,
    #[serde(default)]
    anyway: bool,
}

/// `POST /api/v1/payments/ID/approve`: this payment, with these bytes.
pub(super) async fn approve(parts: Shared, asker: Asker, Path(id): Path<String>, body: Bytes) -> Done {
    let said: ApproveBody = read(&body)?;
    let payment = payment_id(&id)?;
    let wrong =
        || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "body_sha256 is the 64 digits that the payment shows");
    let body = match said.body_sha256 {
        Some(text) => read_digits(&text).ok_or_else(wrong)?,
        // A rehearsal has no request that could be another one; a live payment never has this hash.
        None => [0; 32],
    };
    act(parts, asker, "approval of a payment", Order::Approve { payment, body, anyway: said.anyway }).await
}

/// `POST /api/v1/payments/ID/reject`.
pub(super) async fn reject(parts: Shared, asker: Asker, Path(id): Path<String>) -> Done {
    act(parts, asker, "rejection of a payment", Order::Reject { payment: payment_id(&id)? }).await
}

/// `POST /api/v1/payments/ID/cancel`.
pub(super) async fn cancel(parts: Shared, asker: Asker, Path(id): Path<String>) -> Done {
    act(parts, asker, "cancellation of a payment", Order::Cancel { payment: payment_id(&id)? }).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveBody {
    /// Circle's id of the transaction: it is there.
    #[serde(default)]
    circle_id: Option<String>,
    /// It is not there, and never will be.
    #[serde(default)]
    absent: bool,
}

/// `POST /api/v1/payments/ID/resolve`.
pub(super) async fn resolve(parts: Shared, asker: Asker, Path(id): Path<String>, body: Bytes) -> Done {
    let said: ResolveBody = read(&body)?;
    let payment = payment_id(&id)?;
    let order = match (said.circle_id, said.absent) {
        (Some(text), false) => {
            let wrong = || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "circle_id is Circle's id of a transaction");
            Order::IsThere { payment, circle: CircleId::parse(&text).ok_or_else(wrong)? }
        }
        (None, true) => Order::IsAbsent { payment },
        (Some(_), true) | (None, false) => {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "either circle_id, or absent = true"));
        }
    };
    act(parts, asker, "resolution of a payment", order).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FreezeBody {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: Option<String>,
}

/// `POST /api/v1/payments/freeze`.
pub(super) async fn freeze(parts: Shared, asker: Asker, body: Bytes) -> Done {
    let said: FreezeBody = read(&body)?;
    let why = said.reason.unwrap_or_else(|| "a person froze payments".to_owned());
    let plain = !why.chars().any(char::is_control);
    if why.is_empty() || why.chars().count() > LONGEST_REASON || !plain {
        let what = format!("reason is 1 to {LONGEST_REASON} characters in one line");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what));
    }
    act(parts, asker, "freeze of payments", Order::Freeze { why: why.into() }).await
}

/// `POST /api/v1/payments/unfreeze`.
pub(super) async fn unfreeze(parts: Shared, asker: Asker) -> Done {
    act(parts, asker, "end of the freeze of payments", Order::Unfreeze).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum ResumeBody {
    Rule(String),
    Payee(String),
    Clock(bool),
}

/// `POST /api/v1/payments/resume`.
pub(super) async fn resume(parts: Shared, asker: Asker, body: Bytes) -> Done {
    let order = match read(&body)? {
        ResumeBody::Rule(rule) => Order::Resume { rule: name(rule)? },
        ResumeBody::Payee(payee) => Order::ResumePayee { payee: name(payee)? },
        ResumeBody::Clock(true) => Order::ResumeClock,
        ResumeBody::Clock(false) => return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "clock = true")),
    };
    act(parts, asker, "resumption of payments", order).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum AcceptBody {
    Config(String),
    Payee(String),
    EntityKey(String),
}

/// `POST /api/v1/payments/accept`.
pub(super) async fn accept(parts: Shared, asker: Asker, body: Bytes) -> Done {
    let wrong = || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a hash is 64 hexadecimal digits");
    let order = match read(&body)? {
        AcceptBody::Config(text) => Order::Accept { fingerprint: read_digits(&text).ok_or_else(wrong)? },
        AcceptBody::Payee(payee) => Order::WaivePayee { payee: name(payee)? },
        AcceptBody::EntityKey(text) => Order::AcceptEntityKey { key: read_digits(&text).ok_or_else(wrong)? },
    };
    act(parts, asker, "acceptance for payments", order).await
}

/// `POST /api/v1/payments/probe`.
pub(super) async fn probe(State(parts): Shared, Extension(caller): Asker) -> Done {
    let by = asker(caller)?;
    tracing::info!("a probe of Circle, by the token \"{by}\"");
    match parts.control.probe(by).await? {
        Ok(()) => {
            let detail = "the probe has begun; what came of it stands in the audit and in the log".to_owned();
            Ok((StatusCode::ACCEPTED, Json(DoneItem { done: false, detail })))
        }
        Err(why) => Err(why.into()),
    }
}

async fn act(State(parts): Shared, Extension(caller): Asker, what: &str, order: Order) -> Done {
    let by = asker(caller)?;
    let asks = matches!(order, Order::IsThere { .. } | Order::Cancel { .. });
    let detail = if asks { "Circle is asked: what it answers stands in the audit of the payment" } else { "done" };
    match parts.control.order(by.clone(), order).await? {
        Ok(()) => {
            tracing::info!("{what}, by the token \"{by}\"");
            Ok((StatusCode::OK, Json(DoneItem { done: true, detail: detail.to_owned() })))
        }
        Err(why @ NotDone::SecondName) => {
            tracing::info!("{what}, by the token \"{by}\": {why}");
            Ok((StatusCode::ACCEPTED, Json(DoneItem { done: false, detail: why.to_string() })))
        }
        Err(why) => {
            tracing::info!("{what}, by the token \"{by}\", was not done: {why}");
            Err(why.into())
        }
    }
}

/// A body of JSON; none at all is an empty one.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body is not the JSON that this path takes"))
}

fn name(text: String) -> Result<Name, Problem> {
    if is_name(&text) {
        Ok(text.into())
    } else {
        Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this is no name"))
    }
}

/// The id of a payment in a path.
pub(super) fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::parse(text)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of a payment is 32 hexadecimal digits"))
}
