//! What went wrong, as RFC 9457 tells it.

use super::access::Denial;
use super::archive::ArchiveFault;
use super::control::Refusal;
use crate::reactor::payments::desk::Refusal as NotDone;
use crate::reactor::watch_list::WatchRefusal;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong. `detail` says what to do where something can be done; it repeats nothing that the asker sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A sentence.
    pub detail: String,
    /// What is wrong in the body, place by place; empty is not said.
    pub errors: Vec<Item>,
}

/// One thing that is wrong in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(super) struct Item {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What.
    pub detail: String,
}

/// RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    /// What is wrong in the body, place by place.
    #[serde(skip_serializing_if = "<[Item]>::is_empty")]
    #[schema(value_type = Option<Vec<Item>>)]
    errors: &'a [Item],
}

impl Problem {
    /// Of this status.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new() }
    }

    /// With what is wrong in the body.
    pub(super) fn with(self, errors: Vec<Item>) -> Self {
        Self { errors, ..self }
    }

    /// An answer that cannot be: a fault of ours.
    pub(super) fn unexpected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "an answer came that fits no question: look before asking again")
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

impl From<WatchRefusal> for Problem {
    fn from(refusal: WatchRefusal) -> Self {
        let status = match refusal {
            WatchRefusal::OfConfig(_)
            | WatchRefusal::Taken { .. }
            | WatchRefusal::OtherChains(_)
            | WatchRefusal::OtherTags(_)
            | WatchRefusal::TooMany
            | WatchRefusal::TooManyLists { .. }
            | WatchRefusal::TooManyBalances => StatusCode::CONFLICT,
            WatchRefusal::OtherRequest => StatusCode::UNPROCESSABLE_ENTITY,
            WatchRefusal::Unknown(_) => StatusCode::NOT_FOUND,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<NotDone> for Problem {
    fn from(why: NotDone) -> Self {
        let status = match why {
            NotDone::Unknown | NotDone::NotStopped => StatusCode::NOT_FOUND,
            NotDone::Elsewhere
            | NotDone::NotAbsent
            | NotDone::OfAnother
            | NotDone::OtherBody
            | NotDone::Forbidden(_)
            | NotDone::NoRoom
            | NotDone::Stopped
            | NotDone::Frozen
            | NotDone::NotFrozen
            | NotDone::Paused
            | NotDone::NotPaused
            | NotDone::OverNow
            | NotDone::OtherConfig
            | NotDone::SecondName => StatusCode::CONFLICT,
            NotDone::NotKnown => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, why.to_string())
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
            errors: &self.errors,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For the gate, which says it to a browser in another way.
        response.extensions_mut().insert(self);
        response
    }
}
