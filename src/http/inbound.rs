//! The listener of hooks, on `[inbound] listen`: HEAD and POST of hooks that are configured, and nothing else.
//!
//! It only routes: what is a hook and whose is judged elsewhere, over the raw bytes that came. It knows no token and shows nothing.

use super::serve::serve_router;
use super::{Deadlines, LARGEST_BODY};
use crate::sources::hooks::{CircleHooks, RawHook, Verdict};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::head;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves hooks until `stop`.
pub async fn serve_hooks(
    listener: TcpListener,
    circle: Arc<CircleHooks>,
    deadlines: Deadlines,
    stop: CancellationToken,
) {
    serve_router(listener, router(circle, deadlines.answer), deadlines, stop).await;
}

fn router(circle: Arc<CircleHooks>, within: Duration) -> Router {
    Router::new()
        // Circle asks with HEAD whether a url is there before it subscribes.
        .route("/hooks/circle", head(async || StatusCode::OK).post(receive))
        .fallback(async || StatusCode::NOT_FOUND)
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state((circle, within))
}

async fn receive(State((circle, within)): State<(Arc<CircleHooks>, Duration)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A body that is too large or too slow was not received: Circle sends it again, or was not who sent it.
    let body = match tokio::time::timeout(within, axum::body::to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let raw = RawHook {
        key_id: only(&parts.headers, &HeaderName::from_static("x-circle-key-id")),
        signature: only(&parts.headers, &HeaderName::from_static("x-circle-signature")),
        body,
    };
    let verdict = tokio::time::timeout(within, circle.take(raw)).await.unwrap_or(Verdict::Later);
    StatusCode::from_u16(verdict.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE).into_response()
}

/// The value of a header that stands once: with two of them, nobody knows which was meant.
fn only(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok().map(str::to_owned) }
}

#[cfg(test)]
#[path = "tests_inbound.rs"]
mod tests;
