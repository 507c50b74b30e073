//! What a person reads of a socket, or a request, that came to nothing: what it was, and what to do where there is something to do.
//!
//! Never a url and never a word of the other side: a status and fixed text alone.

use super::Reason;

/// What a person can do about an upgrade, or a request, that was answered with this HTTP status.
#[must_use]
pub fn status_words(status: u16) -> String {
    let advice = match status {
        301..=399 => "the url leads elsewhere: write where it leads to",
        401..=403 => "the key in the url is wrong, or its plan does not hold this",
        404 | 405 | 410 => "there is nothing of the kind at this url: are its path, and http or ws, right?",
        429 => "too many requests, or the plan is used up: it is asked again later, and slower",
        451 => "the provider does not serve this place",
        500..=599 => "the other side is in trouble: it is asked again",
        _ => "the url may not be the right one",
    };
    format!("HTTP {status}; {advice}")
}

impl Reason {
    /// For people, with what to do where there is something to do.
    #[must_use]
    pub fn words(self) -> String {
        let words = match self {
            Self::Idle => "connected, but nothing came for too long",
            Self::Stale => "connected, but nothing useful came for too long",
            Self::PingTimeout => "connected, but a ping was not answered in time",
            Self::WriteTimeout => "it did not take what was sent in time",
            Self::Close => "the other side closed the connection",
            Self::Protocol => "what it sent cannot be read: is the url right?",
            Self::Rejected => "it rejected what was asked for",
            Self::Name => "the host's name does not resolve: is it spelled right, and does this machine resolve names?",
            Self::Connect => "no connection: refused, unreachable or no answer; are host and port right?",
            Self::Tls => "the TLS handshake failed: unknown authority, wrong name or expired certificate",
            Self::UpgradeTimeout => "connected, but it did not speak in time: are the port, and ws or wss, right?",
            Self::Upgrade => "what answers there speaks no WebSocket: is the url right?",
            Self::SubscribeTimeout => "connected, but the subscription was not answered in time",
            Self::TooLarge => "it sent a message larger than what is read",
            Self::RefusedHttp(status) => return status_words(status),
            Self::Aged => "a planned reconnect",
        };
        words.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words_of_its_own_and_a_status_is_said() {
        let all: std::collections::BTreeSet<String> = Reason::ALL.into_iter().map(Reason::words).collect();
        assert_eq!(all.len(), Reason::ALL.len());
        for status in [302, 400, 401, 403, 404, 418, 429, 451, 500, 503] {
            assert!(status_words(status).starts_with(&format!("HTTP {status}; ")), "{status}");
        }
    }
}
