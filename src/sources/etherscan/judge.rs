//! What a failure means: whom it concerns and what is to be done. Pure.
//!
//! Never takes an error for an empty list, and never lets one address's trouble stop its chain.

use super::fetch::Failure;
use crate::net::HttpFault;
use crate::types::Timestamp;
use crate::wire::etherscan::Refusal;

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The account called too fast: everything waits a second, and goes slower for a while.
    SlowDown,
    /// The account's day is used up, until this time or midnight UTC.
    DayOver(Option<Timestamp>),
    /// What free accounts share on this chain is used up, until this time or midnight UTC: the chain rests, the others go on.
    ChainDayOver(Option<Timestamp>),
    /// The key was refused: the account waits, longer each time; after a few times all chains are refused.
    Key,
    /// The key was refused too often: silence for half a minute.
    KeyThrottled,
    /// This chain is refused, for a day.
    ChainRefused,
    /// All chains are refused for this url: a person has to act.
    AccountRefused,
    /// The explorer is in trouble on this chain: its breaker counts it.
    Trouble,
    /// This list asks for too much at once.
    Halve,
    /// This list asks for a page that is never given out.
    Window,
    /// This call alone fails: it waits, longer each time.
    CallOnly,
}

/// What is to be done.
#[must_use]
pub const fn judge(failure: &Failure) -> Remedy {
    match failure {
        Failure::Http(fault) => of_http(fault),
        Failure::Refused(refusal) => of_refusal(refusal),
    }
}

const fn of_http(fault: &HttpFault) -> Remedy {
    match fault {
        HttpFault::Url | HttpFault::Header | HttpFault::Client => Remedy::AccountRefused,
        HttpFault::PlainHttp
        | HttpFault::Refused { .. }
        | HttpFault::Name
        | HttpFault::Connect
        | HttpFault::Tls
        | HttpFault::Timeout { .. }
        | HttpFault::Broken
        | HttpFault::Body => Remedy::Trouble,
        HttpFault::TooLarge { .. } => Remedy::Halve,
    }
}

const fn of_refusal(refusal: &Refusal) -> Remedy {
    match refusal {
        Refusal::PerSecond => Remedy::SlowDown,
        Refusal::PerDay { reset } => Remedy::DayOver(*reset),
        Refusal::ChainDay { reset } => Remedy::ChainDayOver(*reset),
        Refusal::BadKey => Remedy::Key,
        Refusal::KeyThrottled => Remedy::KeyThrottled,
        Refusal::ChainNotInPlan | Refusal::ChainUnknown => Remedy::ChainRefused,
        Refusal::BadEndpoint { .. } => Remedy::AccountRefused,
        // What nobody knows may concern one list or all: the breaker finds out.
        Refusal::Shed
        | Refusal::Busy
        | Refusal::WebPage { .. }
        | Refusal::Cut
        | Refusal::Shape { .. }
        | Refusal::Blank
        | Refusal::Unknown { .. } => Remedy::Trouble,
        Refusal::TooLarge => Remedy::Halve,
        Refusal::Window => Remedy::Window,
        Refusal::EndpointNotInPlan | Refusal::BadRequest { .. } | Refusal::NotYet { .. } | Refusal::Node(_) => {
            Remedy::CallOnly
        }
    }
}
