//! What went wrong, as RFC 9457 tells it.

use super::access::Denial;
use super::archive::ArchiveFault;
use super::control::Refusal;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong. `detail` says what to do where something can be done; it repeats nothing that the asker sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A sentence.
    pub detail: String,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// Of this status.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let status = match denial {
            Denial::NoToken | Denial::WrongToken => StatusCode::UNAUTHORIZED,
            Denial::Role(_) | Denial::Origin => StatusCode::FORBIDDEN,
        };
        Self::new(status, denial.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Unknown(_) => StatusCode::NOT_FOUND,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::Config(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::NotNow(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<ArchiveFault> for Problem {
    fn from(fault: ArchiveFault) -> Self {
        // The whole story names files of this machine: it is for the log.
        tracing::warn!("a question to the store was not answered: {fault}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read now: the log says why")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
