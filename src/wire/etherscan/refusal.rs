//! What an explorer's error means. The text tells, by what it contains; it stands in `result` or in `message`.

use crate::types::{Timestamp, Untrusted};
use crate::wire::jsonrpc::RpcError;

/// Why an explorer gave no data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many calls in a second: wait one, go slower.
    #[error("too many calls a second for this key")]
    PerSecond,
    /// The day's calls are used up: stop this key.
    #[error("the calls of the day are used up")]
    PerDay {
        /// When they start anew, where it is said; else at midnight UTC.
        reset: Option<Timestamp>,
    },
    /// The calls that all free accounts share on this chain are used up, whatever this account has left: stop this chain.
    #[error("the calls that free keys share on this chain are used up")]
    ChainDay {
        /// When they start anew, where it is said; else at midnight UTC.
        reset: Option<Timestamp>,
    },
    /// The key's plan does not hold this chain.
    #[error("the plan of this key does not hold this chain")]
    ChainNotInPlan,
    /// The key's plan does not hold this endpoint.
    #[error("the plan of this key does not hold this endpoint")]
    EndpointNotInPlan,
    /// The explorer does not know this chain.
    #[error("the explorer does not have this chain")]
    ChainUnknown,
    /// Free keys are turned away for a while.
    #[error("free keys are turned away for now")]
    Shed,
    /// The key is not valid. On a key that worked before it may mean "too fast": take the first ones as passing.
    #[error("the key is missing or not valid")]
    BadKey,
    /// Too many bad keys came from this address: silent for 30 s.
    #[error("too many calls with a bad key: wait 30 seconds")]
    KeyThrottled,
    /// The request is wrong; asking again does not help.
    #[error("the request is wrong: {text}")]
    BadRequest {
        /// What the explorer said.
        text: Untrusted,
    },
    /// The address of the API is that of its former version.
    #[error("this is the address of the former API: {text}")]
    BadEndpoint {
        /// What the explorer said.
        text: Untrusted,
    },
    /// Too many rows or blocks: ask for fewer.
    #[error("the range is too large")]
    TooLarge,
    /// A page further back than the explorer gives out: fewer blocks help, and nothing helps within one block.
    #[error("the page is further back than the explorer gives out")]
    Window,
    /// The explorer is in trouble: ask again.
    #[error("the explorer is busy")]
    Busy,
    /// The explorer does not have it yet: ask again.
    #[error("not indexed yet: {text}")]
    NotYet {
        /// What the explorer said.
        text: Untrusted,
    },
    /// A page for people instead of data: a gateway or Cloudflare stands before the API.
    #[error("a web page instead of data (HTTP {http}): a gateway stands before the API")]
    WebPage {
        /// The HTTP status.
        http: u16,
    },
    /// The body ends before its end.
    #[error("the body was cut")]
    Cut,
    /// JSON, but not of any shape that explorers answer in.
    #[error("the answer has an unknown shape: {reason}")]
    Shape {
        /// What was wrong.
        reason: Untrusted,
    },
    /// The node behind the proxy module refused.
    #[error("the node behind the explorer refused: {}", .0.message)]
    Node(RpcError),
    /// An error without a word. It is not an empty list.
    #[error("an error without a word")]
    Blank,
    /// An error that is not in the catalogue.
    #[error("unknown error: {text}")]
    Unknown {
        /// What the explorer said.
        text: Untrusted,
    },
}

impl Refusal {
    /// A word for metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::PerSecond => "rate_limit_second",
            Self::PerDay { .. } => "rate_limit_day",
            Self::ChainDay { .. } => "rate_limit_chain_day",
            Self::ChainNotInPlan => "chain_not_in_plan",
            Self::EndpointNotInPlan => "endpoint_not_in_plan",
            Self::ChainUnknown => "chain_unknown",
            Self::Shed => "temporarily_unavailable",
            Self::BadKey => "bad_key",
            Self::KeyThrottled => "bad_key_throttled",
            Self::BadRequest { .. } => "bad_request",
            Self::BadEndpoint { .. } => "bad_endpoint",
            Self::TooLarge | Self::Window => "too_large",
            Self::Busy => "server_busy",
            Self::NotYet { .. } => "retry_later",
            Self::WebPage { .. } => "web_page",
            Self::Cut => "cut",
            Self::Shape { .. } => "shape",
            Self::Node(_) => "node",
            Self::Blank | Self::Unknown { .. } => "unknown_error",
        }
    }
}

/// Texts under status "0" that mean "nothing there", in any case of letters.
const EMPTY: [&str; 11] = [
    "no transactions found",
    "no records found",
    "no blocks found",
    "no data found",
    "no internal transactions found",
    "no token transfers found",
    "no logs found",
    "no tokens found",
    "no token found",
    "no matching records found",
    "contract source code not verified",
];

/// Whether the text says that there is nothing, which is no error.
pub(super) fn is_empty(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    EMPTY.iter().any(|empty| text.starts_with(empty))
}

/// Sorts an error by its text. The order matters: what names a day or a key also speaks of limits and of trying again.
pub(super) fn classify(text: &str) -> Refusal {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let shown = || Untrusted::new(text);
    if lower.trim().is_empty() {
        Refusal::Blank
    } else if has(&["free api limit"]) {
        Refusal::ChainDay { reset: reset_time(text) }
    } else if has(&["max daily", "daily rate limit", "daily limit"]) {
        Refusal::PerDay { reset: reset_time(text) }
    } else if has(&["too many invalid api key"]) {
        Refusal::KeyThrottled
    } else if has(&[
        "calls per sec",
        "max rate limit",
        "rate limit reached",
        "too many requests",
        "rate limit exceeded",
    ]) {
        Refusal::PerSecond
    } else if has(&["not supported for this chain"]) {
        Refusal::ChainNotInPlan
    } else if has(&["temporarily unavailable"]) {
        Refusal::Shed
    } else if has(&["api pro endpoint", "api exclusive endpoint", "not supported for this endpoint"]) {
        Refusal::EndpointNotInPlan
    } else if has(&["deprecated v1 endpoint", "invalid api url endpoint"]) {
        Refusal::BadEndpoint { text: shown() }
    } else if has(&["invalid api key"]) {
        Refusal::BadKey
    } else if has(&["chain not supported"]) {
        Refusal::ChainUnknown
    } else if has(&["result window is too large"]) {
        Refusal::Window
    } else if has(&["query timeout", "smaller result"]) {
        Refusal::TooLarge
    } else if has(&["too busy", "timeout occurred", "try again later", "rpc request failed", "something went wrong"]) {
        Refusal::Busy
    } else if has(&["unable to locate"]) {
        Refusal::NotYet { text: shown() }
    } else if has(&[
        "chainid parameter",
        "error!",
        "invalid address",
        "invalid parameter",
        "unknown module",
        "unknown action",
    ]) {
        Refusal::BadRequest { text: shown() }
    } else {
        Refusal::Unknown { text: shown() }
    }
}

/// The time in `… Resets 2026-09-01 12:00:00 UTC. …`.
fn reset_time(text: &str) -> Option<Timestamp> {
    let start = text.to_ascii_lowercase().find("resets ")?.checked_add("resets ".len())?;
    let stamp = text.get(start..)?.get(.."2026-09-01 12:00:00".len())?;
    let (date, time) = stamp.split_once(' ')?;
    Timestamp::parse(&format!("{date}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_an_error_means() {
        let check = |text: &str, word: &str| assert_eq!(classify(text).word(), word, "{text}");
        check("Max calls per sec rate limit reached (3/sec)", "rate_limit_second");
        check("Max rate limit reached, please use API Key for higher rate limit", "rate_limit_second");
        check("Max daily rate limit reached. 110000 (100%) of 100000 day/limit", "rate_limit_day");
        check("Community Free API limit reached. Resets soon", "rate_limit_chain_day");
        check("Free API access is not supported for this chain. Please upgrade", "chain_not_in_plan");
        check(
            "Free API access is temporarily unavailable due to unusually high network activity.",
            "temporarily_unavailable",
        );
        check("Invalid API Key (#err2)|POLY-2", "bad_key");
        check("Too many invalid api key attempts, please try again later", "bad_key_throttled");
        check("Error! Invalid address format", "bad_request");
        check("Missing chainid parameter (required for v2 api), please see …", "bad_request");
        check("QUERY TIMEOUT OCCURED. Please select a smaller result dataset", "too_large");
        check("Unexpected err, timeout occurred or server too busy. Please try again later", "server_busy");
        check("Sorry, it looks like you are trying to access an API Pro endpoint.", "endpoint_not_in_plan");
        check("You are using a deprecated V1 endpoint, switch to …", "bad_endpoint");
        check("Unable to locate ContractCode at 0x123", "retry_later");
        check("chain not supported", "chain_unknown");
        check("Free API access is not supported for this endpoint", "endpoint_not_in_plan");
        check("Invalid API URL endpoint, url path expected to be '/v2/api'", "bad_endpoint");
        check("Something went wrong.", "server_busy");
        check("Unknown module", "bad_request");
        check(" ", "unknown_error");
        check("something new", "unknown_error");
    }

    #[test]
    fn the_time_of_the_daily_reset_is_read_where_it_is_said() {
        let reset = |text: &str| match classify(text) {
            Refusal::PerDay { reset } | Refusal::ChainDay { reset } => reset.map(|time| time.to_string()),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reset("Community Free API Limit reached. Resets 2026-09-01 12:00:00 UTC. For higher …").as_deref(),
            Some("2026-09-01T12:00:00.000Z")
        );
        for text in [
            "free api limit reached. resets",
            "Free API Limit reached. Resets 2026-09-01 12:00",
            "Max daily",
            "Free API Limit reached. Resets 2026-09-ééé 12:00:00",
        ] {
            assert_eq!(reset(text), None);
        }
    }

    #[test]
    fn an_empty_list_is_told_from_an_error_without_a_word() {
        assert!(is_empty("No transactions found") && is_empty("NO RECORDS FOUND"));
        assert!(!is_empty("") && !is_empty("NOTOK") && !is_empty("Error: no transactions found?"));
    }
}
