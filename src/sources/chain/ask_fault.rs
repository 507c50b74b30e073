//! Why a node did not answer a question. It holds no url and no text of ours.

use crate::net::HttpFault;
use crate::wire::jsonrpc::{Refusal, RpcError};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AskFault {
    /// There is no connection, or it ended before the answer came.
    #[error("the connection is gone")]
    Gone,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The node said "too many requests", now or a moment ago.
    #[error("too many requests")]
    RateLimited,
    /// The node's error.
    #[error("the node refused: {}", .0.message)]
    Refused(RpcError),
    /// An HTTP status without an answer in it.
    #[error("http status {0}")]
    Status(u16),
    /// The HTTP request itself failed.
    #[error("{}", .0.label())]
    Http(HttpFault),
    /// What came is no answer to what was asked.
    #[error("the answer cannot be read")]
    Unreadable,
    /// The answer is larger than what is read.
    #[error("the answer is too large")]
    TooLarge,
}

impl AskFault {
    /// A short fixed word for people and metrics.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Gone => "connection lost",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate limited",
            Self::Refused(error) => match error.refusal {
                Refusal::RateLimited { .. } => "rate limited",
                Refusal::RangeTooLarge { .. } => "range too large",
                Refusal::BeyondHead | Refusal::NotFound => "not found",
                Refusal::MethodMissing => "method missing",
                Refusal::Busy => "busy",
                Refusal::SubscriptionEnded => "subscription ended",
                Refusal::Reverted => "reverted",
                Refusal::BadRequest => "bad request",
                Refusal::Other => "error",
            },
            Self::Status(401 | 403) => "access denied",
            Self::Status(_) => "http error",
            Self::Http(fault) => fault.label(),
            Self::Unreadable => "unreadable answer",
            Self::TooLarge => "answer too large",
        }
    }

    /// Whether the node does not offer what was asked for.
    pub(super) fn is_missing_method(&self) -> bool {
        matches!(self, Self::Refused(error) if matches!(error.refusal, Refusal::MethodMissing))
    }
}
