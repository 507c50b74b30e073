//! The page: what stands where, rendered here, whole without a script. One file a section.
//!
//! Whatever is not a constant of these files goes through [`pieces::text`] or `maud`, which escape it: there is no other way into it. It
//! changes nothing: what its buttons ask for goes through the API like everything else, with a token.

mod alerts;
mod assets;
mod chains;
mod deliveries;
mod digits;
mod frame;
mod market;
mod overview;
mod payment;
mod payments;
mod pieces;
mod sources;
mod transfers;
mod watches;
mod why;

use super::Parts;
use super::archive::ArchiveFault;
use super::problem::Problem;
use super::query::{Asked, Takes};
use crate::telemetry::Snapshot;
use crate::types::Timestamp;
use axum::Router;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, Response};
use axum::routing::get;
use std::sync::Arc;

/// Rows of a list on a page of its own.
const ROWS: usize = 50;

/// Every address of the page.
pub(super) fn routes() -> Router<Arc<Parts>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/transfers", get(transfers::list))
        .route("/transfers/{id}", get(transfers::one))
        .route("/alerts", get(alerts::list))
        .route("/alerts/{id}", get(alerts::one))
        .route("/watches", get(watches::list))
        .route("/watches/{name}", get(watches::one))
        .route("/payments", get(payments::list))
        .route("/payments/{id}", get(payment::one))
        .route("/outbox", get(deliveries::list))
        .route("/outbox/{id}", get(deliveries::one))
        .route("/sources", get(sources::show))
        .route("/assets/{name}", get(assets::serve))
}

/// What every section is drawn from: how things stand, and what time it is.
struct View {
    standing: Arc<Snapshot>,
    now: Timestamp,
}

impl View {
    fn of(parts: &Parts) -> Self {
        Self { standing: parts.standing(), now: (parts.now)() }
    }
}

/// The query of a list.
fn asked(uri: &Uri, takes: Takes) -> Result<Asked, Problem> {
    Asked::read(uri.query(), &Takes { rows: ROWS, ..takes })
}

/// A page, or why there is none: the gate makes a page of that too, for who asked for one.
type Shown = Result<Html<String>, Problem>;

/// Makes a page of a problem that is answered to a browser: where to type a token; or, where a token does not help, what to do next.
pub(super) fn explain(response: &mut Response, problem: &Problem) {
    let locked = problem.status == StatusCode::UNAUTHORIZED;
    let page = if locked { frame::locked(problem) } else { frame::lost(problem) };
    *response.body_mut() = page.into();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
}

/// What the store cannot say now leaves the rest of the page as it is.
fn or_default<T: Default>(answer: Result<T, ArchiveFault>) -> T {
    answer.unwrap_or_else(|fault| {
        tracing::warn!("a section of the page is empty: {fault}");
        T::default()
    })
}
