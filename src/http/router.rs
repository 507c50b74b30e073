//! Which path leads where: the page, what machines ask for, and the API from its table.

use super::problem::Problem;
use super::{Parts, page, routes, table};
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use std::sync::Arc;

/// Every route, behind the gate.
pub(super) fn router(parts: Parts) -> Router {
    let parts = Arc::new(parts);
    ungated(Arc::clone(&parts)).layer(from_fn_with_state(parts, routes::gate))
}

/// Every route, for who needs no gate: this very process.
pub(super) fn ungated(parts: Arc<Parts>) -> Router {
    Router::new()
        .merge(page::routes())
        .route("/metrics", get(routes::metrics))
        .route("/healthz", get(routes::alive))
        .route("/readyz", get(routes::ready))
        .merge(table::api())
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
        })
        .with_state(parts)
}
