//! The routes, behind one gate: access, then the body's size, then the deadline.

use super::access::{Caller, Need, decide};
use super::archive::{Behind, OutboxFilter};
use super::bodies::{self, AlertItem, OutboxItem, Page, TransferItem};
use super::problem::Problem;
use super::serve::Peer;
use super::status::{self, Status};
use super::{LARGEST_BODY, Parts, commands, page};
use crate::store::OutboxState;
use crate::telemetry::{Snapshot, unready};
use crate::types::{AlertId, MessageId, Name, Timestamp, TransferId};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::sync::Arc;

/// Rows of a page, where the asker does not say.
const USUAL_PAGE: usize = 100;
/// Rows of a page at most: with their bodies left out some 300 kB.
const LARGEST_PAGE: usize = 500;

/// Every route.
pub(super) fn router(parts: Parts) -> Router {
    let parts = Arc::new(parts);
    Router::new()
        .route("/", get(page::show))
        .route("/page.css", get(page::style))
        .route("/metrics", get(metrics))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/api/v1/status", get(show_status))
        .route("/api/v1/transfers", get(transfers))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/outbox", get(outbox))
        .route("/api/v1/outbox/{id}", get(message))
        .route("/api/v1/outbox/{id}/replay", post(commands::replay))
        .route("/api/v1/outbox/{id}/drop", post(commands::give_up))
        .route("/api/v1/sinks/{name}/test", post(commands::test_sink))
        .route("/api/v1/sinks/{name}/enable", post(commands::enable_sink))
        .route("/api/v1/chains/{name}/accept", post(commands::accept_chain))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
        })
        .layer(from_fn_with_state(Arc::clone(&parts), gate))
        .with_state(parts)
}

/// Everything goes through here.
async fn gate(
    State(parts): State<Arc<Parts>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let writes = request.method() != Method::GET && request.method() != Method::HEAD;
    let answer = tokio::time::timeout(parts.deadlines.answer, pass(&parts, peer, request, next)).await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(_) if writes => {
            let text = "there was no answer in time; it may happen still: look before asking again";
            Problem::new(StatusCode::GATEWAY_TIMEOUT, text).into_response()
        }
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "there was no answer in time").into_response(),
    };
    protect(response.headers_mut());
    response
}

async fn pass(parts: &Parts, Peer(peer): Peer, mut request: Request, next: Next) -> Result<Response, Problem> {
    let need = Need::of(request.method(), request.uri().path());
    let caller = decide(peer, request.uri(), request.headers(), need, &parts.tokens)?;
    let too_large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB");
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY as u64) {
        return Err(too_large());
    }
    let body = std::mem::take(request.body_mut());
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|_| too_large())?;
    *request.body_mut() = Body::from(body);
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Headers of every answer: nothing may run in it, frame it, store it or guess its type.
fn protect(headers: &mut HeaderMap) {
    const POLICY: &str =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let all: [(HeaderName, &'static str); 6] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// How things stand now.
pub(super) fn snapshot(parts: &Parts) -> Arc<Snapshot> {
    Arc::clone(&parts.snapshot.borrow())
}

async fn metrics(State(parts): State<Arc<Parts>>) -> Response {
    parts.metrics.show(&snapshot(&parts), (parts.now)());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], parts.metrics.render()).into_response()
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(State(parts): State<Arc<Parts>>, Extension(caller): Extension<Caller>) -> (StatusCode, String) {
    let reasons = unready(&snapshot(&parts));
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let mut text = "unready\n".to_owned();
    if caller != Caller::Nameless {
        for reason in reasons {
            text.push_str(&format!("{reason}\n"));
        }
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn show_status(State(parts): State<Arc<Parts>>) -> Json<Status> {
    Json(status::status(&snapshot(&parts), (parts.now)()))
}

/// The query of every list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<String>,
    limit: Option<usize>,
    chain: Option<String>,
    rule: Option<String>,
    sink: Option<String>,
    state: Option<String>,
}

type AskedQuery = Result<Query<Asked>, QueryRejection>;

/// The query, if it has only keys that this list knows.
fn asked(query: AskedQuery, known: &str, only: impl Fn(&Asked) -> bool) -> Result<(Asked, usize), Problem> {
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, format!("this list takes {known}"));
    let Query(asked) = query.map_err(|_| wrong())?;
    if !only(&asked) {
        return Err(wrong());
    }
    let limit = asked.limit.unwrap_or(USUAL_PAGE);
    if limit == 0 || limit > LARGEST_PAGE {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("limit is a number from 1 to {LARGEST_PAGE}")));
    }
    Ok((asked, limit))
}

fn bad_before() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "before is the value of next of an earlier page")
}

/// A place between rows, as `MILLISECONDS-ID`.
fn behind<I>(text: Option<&str>, id: impl Fn(&str) -> Option<I>) -> Result<Option<Behind<I>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let place = text.rsplit_once('-').and_then(|(at, text)| Some((at.parse().ok()?, id(text)?)));
    place.map(|(at, id)| Some(Behind { at: Timestamp::from_millis(at), id })).ok_or_else(bad_before)
}

/// A page of rows; it has a next one when it is full.
fn paged<R, T>(rows: &[R], limit: usize, item: impl Fn(&R) -> T, place: impl Fn(&R) -> String) -> Json<Page<T>> {
    let next = if rows.len() == limit { rows.last().map(place) } else { None };
    Json(Page { items: rows.iter().map(item).collect(), next })
}

async fn transfers(State(parts): State<Arc<Parts>>, query: AskedQuery) -> Result<Json<Page<TransferItem>>, Problem> {
    let only = |asked: &Asked| asked.rule.is_none() && asked.sink.is_none() && asked.state.is_none();
    let (asked, limit) = asked(query, "before, limit and chain", only)?;
    let snapshot = snapshot(&parts);
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such chain in the config");
    let chain = match &asked.chain {
        Some(name) => Some(snapshot.labels.chain_named(name).ok_or_else(unknown)?),
        None => None,
    };
    let rows = parts.archive.transfers(chain, behind(asked.before.as_deref(), TransferId::parse)?, limit).await?;
    let place = |row: &crate::reactor::rows::TransferRow| format!("{}-{}", row.first_seen.millis(), row.id);
    Ok(paged(&rows, limit, |row| bodies::transfer(row, &snapshot), place))
}

async fn alerts(State(parts): State<Arc<Parts>>, query: AskedQuery) -> Result<Json<Page<AlertItem>>, Problem> {
    let only = |asked: &Asked| asked.chain.is_none() && asked.sink.is_none() && asked.state.is_none();
    let (asked, limit) = asked(query, "before, limit and rule", only)?;
    let snapshot = snapshot(&parts);
    let rule = asked.rule.map(Name::from);
    let rows = parts.archive.alerts(rule, behind(asked.before.as_deref(), AlertId::parse)?, limit).await?;
    let place = |row: &crate::reactor::rows::AlertRow| format!("{}-{}", row.raised_at.millis(), row.id);
    Ok(paged(&rows, limit, |row| bodies::alert(row, &snapshot.labels), place))
}

async fn outbox(State(parts): State<Arc<Parts>>, query: AskedQuery) -> Result<Json<Page<OutboxItem>>, Problem> {
    let only = |asked: &Asked| asked.chain.is_none() && asked.rule.is_none();
    let (asked, limit) = asked(query, "before, limit, sink and state", only)?;
    let words = || OutboxState::ALL.map(OutboxState::word).join(", ");
    let state = match &asked.state {
        Some(word) => Some(
            OutboxState::from_word(word)
                .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, format!("state is one of {}", words())))?,
        ),
        None => None,
    };
    let below = asked.before.as_deref().map(|text| text.parse().map_err(|_| bad_before())).transpose()?;
    let filter = OutboxFilter { sink: asked.sink.map(Name::from), state };
    let rows = parts.archive.outbox(filter, below, limit).await?;
    Ok(paged(&rows, limit, |row| bodies::outbox(row, false), |row| row.seq.to_string()))
}

async fn message(State(parts): State<Arc<Parts>>, Path(id): Path<String>) -> Result<Json<OutboxItem>, Problem> {
    let row = parts.archive.message(message_id(&id)?).await?;
    let row = row.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such message"))?;
    Ok(Json(bodies::outbox(&row, true)))
}

/// The id of a message in a path.
pub(super) fn message_id(text: &str) -> Result<MessageId, Problem> {
    MessageId::parse(text)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of a message is 32 hexadecimal digits"))
}

/// The page as an answer.
pub(super) fn html(text: String) -> Html<String> {
    Html(text)
}
