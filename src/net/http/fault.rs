//! What can go wrong with a request, as a closed list that holds no url, no header and no text of the other side.
//!
//! Never wraps `reqwest::Error`: that prints urls, and urls carry keys. Its causes are read for their kind only.

use crate::net::address_guard::Forbidden;
use std::error::Error;

/// Whether bytes of the request may have reached the other side: what makes an attempt ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Certainly nothing was sent: the same request may go again, under any id.
    NotSent,
    /// It may have been received and acted upon.
    Ambiguous,
}

/// Where the deadline struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// While resolving, connecting or in the TLS handshake.
    Connect,
    /// While sending, or waiting for the response's head.
    Head,
    /// While reading the response's body.
    Body,
}

impl Phase {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Connect => "while connecting",
            Self::Head => "though the request was sent",
            Self::Body => "while the response was read",
        }
    }
}

/// Why a request has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// The url is none, or has no host, or is neither http nor https.
    #[error("the url cannot be used: it needs https:// (or http://) and a host")]
    Url,
    /// A header's value holds what a header may not hold.
    #[error("a header value holds characters that no header may hold (a line break?)")]
    Header,
    /// The client itself could not be set up.
    #[error("the HTTP client could not be set up: TLS was refused")]
    Client,
    /// Plain http where only https may be used.
    #[error("plain http is refused here: use https, or allow a private destination")]
    PlainHttp,
    /// An address that may not be reached.
    #[error("the destination is not public ({}): allow a private destination if it is meant", why.label())]
    Refused {
        /// What kind of address it is.
        why: Forbidden,
    },
    /// The name does not resolve.
    #[error("the host's name does not resolve")]
    Name,
    /// No connection could be made.
    #[error("no connection could be made: refused, unreachable or reset")]
    Connect,
    /// The TLS handshake failed: an unknown authority, a wrong name, an expired certificate.
    #[error("the TLS handshake failed: unknown authority, wrong name or expired certificate")]
    Tls,
    /// The deadline passed.
    #[error("no answer in time, {}", phase.words())]
    Timeout {
        /// Where.
        phase: Phase,
    },
    /// The connection broke, or what came back is no HTTP.
    #[error("the connection broke before there was a response, or the response is no HTTP")]
    Broken,
    /// The response's head came, its body broke off or cannot be decompressed.
    #[error("the response's body broke off or cannot be decompressed")]
    Body,
    /// The response's body is larger than the cap.
    #[error("HTTP {status}, but the response is larger than {cap} bytes")]
    TooLarge {
        /// The response's status, which came before it.
        status: u16,
        /// The cap, in decompressed bytes.
        cap: usize,
    },
}

impl HttpFault {
    /// Whether the other side may have seen the request.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        match self {
            Self::Url
            | Self::Header
            | Self::Client
            | Self::PlainHttp
            | Self::Refused { .. }
            | Self::Name
            | Self::Connect
            | Self::Tls
            | Self::Timeout { phase: Phase::Connect } => Sent::NotSent,
            Self::Timeout { phase: Phase::Head | Phase::Body } | Self::Broken | Self::Body | Self::TooLarge { .. } => {
                Sent::Ambiguous
            }
        }
    }

    /// A short word for metrics and rows.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Header => "header",
            Self::Client => "client",
            Self::PlainHttp => "plain_http",
            Self::Refused { .. } => "refused_address",
            Self::Name => "name",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout { phase: Phase::Connect } => "timeout_connect",
            Self::Timeout { phase: Phase::Head } => "timeout_head",
            Self::Timeout { phase: Phase::Body } => "timeout_body",
            Self::Broken => "broken",
            Self::Body => "body",
            Self::TooLarge { .. } => "too_large",
        }
    }

    /// Reads the kind of an error that came instead of a response.
    pub(super) fn of_attempt(error: &reqwest::Error) -> Self {
        if let Some(refused) = cause::<RefusedAddress>(error) {
            return Self::Refused { why: refused.0 };
        }
        if error.is_builder() {
            return Self::Url;
        }
        if !error.is_connect() {
            return if error.is_timeout() { Self::Timeout { phase: Phase::Head } } else { Self::Broken };
        }
        if error.is_timeout() {
            Self::Timeout { phase: Phase::Connect }
        } else if error.is_dns() || cause::<NoSuchName>(error).is_some() {
            Self::Name
        } else if cause::<rustls::Error>(error).is_some() {
            Self::Tls
        } else {
            Self::Connect
        }
    }

    /// Reads the kind of an error that came while the body was read.
    pub(super) fn of_body(error: &reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout { phase: Phase::Body } } else { Self::Body }
    }
}

/// What our resolver fails with when a name leads inside.
#[derive(Debug, thiserror::Error)]
#[error("the destination is not public")]
pub(super) struct RefusedAddress(pub(super) Forbidden);

/// What our resolver fails with when there is no address.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(super) struct NoSuchName;

/// The first cause of a kind, also where it hides inside an `io::Error`.
pub(super) fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inside.and_then(|inside| cause::<E>(inside)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
