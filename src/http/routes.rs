//! The gate before every route: access, then the body's size, then the deadline. And what answers where no room of its own does.

use super::access::{Caller, Need, Peer, decide};
use super::approvals::ApprovalItem;
use super::archive::Learned;
use super::balances::{self, Balances};
use super::bodies::{self, AlertItem, OutboxItem, Page, TransferItem};
use super::problem::Problem;
use super::query::{Asked, WATCH, page_of};
use super::status::{self, Status};
use super::transfers::{stored, transfer_place};
use super::{LARGEST_BODY, LARGEST_LIST, Parts, commands, named, page};
use crate::reactor::rows::TransferRow;
use crate::store;
use crate::telemetry::{Snapshot, unready};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The watch list, which alone takes a large body.
pub(super) const WATCHES: &str = "/api/v1/watches";

/// Everything goes through here.
pub(super) async fn gate(
    State(parts): State<Arc<Parts>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let by_hand = wants_a_page(&request);
    let mut response = pass(&parts, peer, request, next).await.unwrap_or_else(Problem::into_response);
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = problem.filter(|_| by_hand) {
        page::explain(&mut response, &problem);
    }
    protect(response.headers_mut());
    response
}

async fn pass(parts: &Parts, Peer(peer): Peer, mut request: Request, next: Next) -> Result<Response, Problem> {
    let need = Need::of(request.method(), request.uri().path());
    let caller = decide(peer, request.uri(), request.headers(), need, &parts.tokens.borrow())?;
    let most = if request.uri().path() == WATCHES { LARGEST_LIST } else { LARGEST_BODY };
    let too_large =
        || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {} KiB", most / 1024));
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let body = axum::body::to_bytes(std::mem::take(request.body_mut()), most);
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time: nothing was done");
    let body = tokio::time::timeout(parts.deadlines.answer, body).await.map_err(late)?.map_err(|_| too_large())?;
    *request.body_mut() = Body::from(body);
    request.extensions_mut().insert(caller);
    tokio::time::timeout(parts.deadlines.answer, next.run(request)).await.map_err(|_| {
        let text = match need {
            Need::Write(_) => "there was no answer in time; it may happen still: look before asking again",
            Need::Nothing | Need::Read => "there was no answer in time",
        };
        Problem::new(StatusCode::GATEWAY_TIMEOUT, text)
    })
}

/// Whether a browser asks for a page: what goes wrong is said on one, and who may not see it is asked for a token there.
fn wants_a_page(request: &Request) -> bool {
    let path = request.uri().path();
    let accepts = request.headers().get(ACCEPT).and_then(|kinds| kinds.to_str().ok());
    !path.starts_with("/api/") && path != "/metrics" && accepts.is_some_and(|kinds| kinds.contains("text/html"))
}

/// Headers of every answer: nothing but the page's own script may run in it, and nobody may frame it, store it or guess its type.
fn protect(headers: &mut HeaderMap) {
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'";
    let all: [(HeaderName, &'static str); 5] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Only the page's own files, whose paths name what is in them, may be kept.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

pub(super) async fn metrics(State(parts): State<Arc<Parts>>) -> Response {
    parts.metrics.show(&parts.standing(), (parts.now)());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], parts.metrics.render()).into_response()
}

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

pub(super) async fn ready(
    State(parts): State<Arc<Parts>>,
    Extension(caller): Extension<Caller>,
) -> (StatusCode, String) {
    let reasons = unready(&parts.standing());
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let mut text = "unready\n".to_owned();
    if caller != Caller::Nameless {
        let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        text.push_str(&reasons.join("\n"));
        text.push('\n');
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

pub(super) async fn show_status(State(parts): State<Arc<Parts>>) -> Json<Status> {
    Json(status::status(&parts.standing(), (parts.now)()))
}

/// Every balance at once: there are no more than the config asks for.
pub(super) async fn show_balances(
    State(parts): State<Arc<Parts>>,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Balances>, Problem> {
    let snapshot = parts.standing();
    let chain = named::chain(&snapshot, &asked)?;
    named::addresses(&parts, &snapshot, &asked).await?;
    let wanted = |balance: &crate::telemetry::balances::BalanceStatus| {
        chain.is_none_or(|chain| balance.holding.chain == chain)
            && asked.of(WATCH).is_none_or(|watch| balance.watch.as_str() == watch)
    };
    Ok(Json(balances::balances(&snapshot, (parts.now)(), wanted)))
}

pub(super) async fn transfers(
    State(parts): State<Arc<Parts>>,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<TransferItem>>, Problem> {
    let snapshot = parts.standing();
    let page = stored(&parts, &snapshot, &asked, false).await?;
    let learned = learned(&parts, &snapshot, &page).await?;
    Ok(page_of(&page, |row| bodies::transfer(row, &snapshot, &learned), transfer_place))
}

pub(super) async fn approvals(
    State(parts): State<Arc<Parts>>,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<ApprovalItem>>, Problem> {
    let snapshot = parts.standing();
    let page = stored(&parts, &snapshot, &asked, true).await?;
    let learned = learned(&parts, &snapshot, &page).await?;
    Ok(page_of(&page, |row| ApprovalItem::of(row, &snapshot, &learned), transfer_place))
}

/// What the tokens of a page say of themselves.
async fn learned(
    parts: &Parts,
    snapshot: &Snapshot,
    page: &store::Page<TransferRow, store::TransferPlace>,
) -> Result<Learned, Problem> {
    Ok(parts.archive.tokens(bodies::strangers(&page.rows, &snapshot.labels)).await?)
}

pub(super) async fn alerts(
    State(parts): State<Arc<Parts>>,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<AlertItem>>, Problem> {
    let snapshot = parts.standing();
    let filter = named::alerts(&parts, &snapshot, &asked).await?;
    let page = parts.archive.alerts(filter, asked.limit).await?;
    Ok(page_of(&page, |row| bodies::alert(row, &snapshot.labels), i64::to_string))
}

pub(super) async fn outbox(
    State(parts): State<Arc<Parts>>,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<OutboxItem>>, Problem> {
    let filter = named::messages(&parts, &parts.standing(), &asked).await?;
    let page = parts.archive.outbox(filter, asked.limit).await?;
    Ok(page_of(&page, |row| bodies::outbox(row, false), i64::to_string))
}

pub(super) async fn message(
    State(parts): State<Arc<Parts>>,
    Path(id): Path<String>,
) -> Result<Json<OutboxItem>, Problem> {
    let row = parts.archive.message(commands::message_id(&id)?).await?;
    let row = row.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such message"))?;
    let attempts = parts.archive.attempts(vec![row.seq]).await?.remove(&row.seq).unwrap_or_default();
    Ok(Json(bodies::outbox_whole(&row, &attempts)))
}
