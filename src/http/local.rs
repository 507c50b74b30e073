//! The routes without a listener: for a command of this very process that works on the store itself.
//!
//! What it answers is what the API of a running monitor answers, byte for byte, because it is the same code. There is no gate: who runs
//! this process may read and write its files anyway.

use super::Parts;
use super::access::Caller;
use super::router::ungated;
use crate::config::checked::Role;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;

/// Who asks, in the log and in commands.
const NAME: &str = "command line";

/// The routes.
#[derive(Debug, Clone)]
pub struct Local(Router);

impl Local {
    /// Over these parts. Their tokens and deadlines do not matter.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(ungated(Arc::new(parts)))
    }

    /// Asks for a path with its query. Gives the status and the body.
    pub async fn ask(&self, method: Method, path: &str) -> (u16, Bytes) {
        self.send(method, path, Bytes::new()).await
    }

    /// The same with a body.
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> (u16, Bytes) {
        let Ok(uri) = path.parse() else { return (StatusCode::BAD_REQUEST.as_u16(), Bytes::new()) };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.extensions_mut().insert(Caller::Token { name: NAME.into(), role: Role::Approve });
        let Ok(response) = TowerToHyperService::new(self.0.clone()).call(request).await;
        let status = response.status();
        // What this process renders into its own memory has no cap and does not fail.
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        body.map_or((StatusCode::INTERNAL_SERVER_ERROR.as_u16(), Bytes::new()), |body| (status.as_u16(), body))
    }
}
