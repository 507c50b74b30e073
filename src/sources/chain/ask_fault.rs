//! Why a node did not answer a question. It holds no url and no text of ours.

use crate::net::HttpFault;
use crate::net::socket::{Reason, status_words};
use crate::types::Name;
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
    #[error("the node refused: {}", error.message)]
    Refused {
        /// What it said.
        error: RpcError,
        /// The HTTP status that it came with, where it was not one of success: who guards a node often says why there alone.
        status: Option<u16>,
    },
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
    /// The error that a node answered with.
    pub(super) const fn of_node(error: RpcError) -> Self {
        Self::Refused { error, status: None }
    }

    /// For people: what happened, with the status or the code where there is one. No word of the node's own: it may repeat the url.
    pub(super) fn reason(&self) -> Name {
        match self {
            Self::Gone => "connection lost".into(),
            Self::Timeout => "no answer in time".into(),
            Self::RateLimited => "rate limited".into(),
            Self::Refused { error, status } => {
                let meant = meaning(&error.refusal);
                match (meant, status, error.code) {
                    (Some(words), _, _) => words.into(),
                    (None, Some(status), _) => status_words(*status).into(),
                    (None, None, Some(code)) => format!("it answers with error {code}").into(),
                    (None, None, None) => "it answers with an error".into(),
                }
            }
            Self::Status(status) => status_words(*status).into(),
            Self::Http(HttpFault::Name) => Reason::Name.words().into(),
            Self::Http(fault) => fault.to_string().into(),
            Self::Unreadable => "its answer cannot be read: is this the url of a node?".into(),
            Self::TooLarge => "its answer is too large".into(),
        }
    }

    /// Whether who guards the node denies access: it passes when somebody changes something.
    pub(super) const fn is_denied(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 401 | 403),
            Self::Refused { error, status } => matches!(status, Some(401 | 403)) && meaning(&error.refusal).is_none(),
            Self::Gone | Self::Timeout | Self::RateLimited | Self::Http(_) | Self::Unreadable | Self::TooLarge => false,
        }
    }

    /// Whether the node does not offer what was asked for.
    pub(super) fn is_missing_method(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if matches!(error.refusal, Refusal::MethodMissing))
    }
}

/// What a refusal says by itself, where it says anything.
const fn meaning(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::RateLimited { .. } => "rate limited",
        Refusal::RangeTooLarge { .. } => "range too large",
        Refusal::BeyondHead | Refusal::NotFound => "not found",
        Refusal::MethodMissing => "method missing",
        Refusal::Busy => "busy",
        Refusal::SubscriptionEnded => "subscription ended",
        Refusal::Reverted => "reverted",
        // "Invalid" may be the request, and may be the key.
        Refusal::BadRequest | Refusal::Other => return None,
    })
}
