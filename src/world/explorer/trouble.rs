//! What goes wrong with a call on demand: every error that is known of Etherscan and of what stands before it, in the words by which
//! clients tell them apart (facts/etherscan.md §3). Each comes over HTTP 200 unless something else is said.

use super::super::http::Request;
use crate::types::{ChainId, Timestamp};
use serde_json::{Value, json};
use std::borrow::Cow;

/// What a call is answered with instead of what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Too many calls a second.
    PerSecond,
    /// The account's day is used up.
    PerDay,
    /// What free accounts share on a chain is used up, until the time that is said, if one is.
    ChainDay(Option<Timestamp>),
    /// The plan does not hold this chain.
    NotInPlan,
    /// The plan does not hold this endpoint.
    ProEndpoint,
    /// Free accounts are turned away for a while.
    Shed,
    /// The key is wrong.
    BadKey,
    /// Too many wrong keys came from this address.
    KeyThrottled,
    /// No chain is named, or none that there is.
    NoChain,
    /// No such action.
    NoAction,
    /// No such module.
    NoModule,
    /// An address that is none.
    BadAddress,
    /// The former API's address.
    FormerApi,
    /// Too many blocks for the time there is.
    QueryTimeout,
    /// A page that is too far back.
    Window,
    /// The server has too much to do.
    Busy,
    /// It is not there yet.
    NotYet,
    /// An error without a word.
    Blank,
    /// Nothing is there, though something may be.
    Empty,
    /// The right answer, cut off in the middle.
    Cut,
    /// The right rows, with the word that not all blocks were read yet: Blockscout's status 2.
    Partial,
    /// Cloudflare wants to see a browser: a page and HTTP 503.
    Challenge,
    /// Cloudflare has blocked the caller: a page and HTTP 403.
    Blocked,
    /// A page of one line and HTTP 404.
    NoPage,
    /// HTTP 429 without a word.
    TooMany,
    /// HTTP 502 without a body.
    Gateway,
    /// No answer ever.
    Hang,
}

impl Trouble {
    /// Every kind of trouble but the one that never answers.
    pub const ALL: [Self; 26] = [
        Self::PerSecond,
        Self::PerDay,
        Self::ChainDay(None),
        Self::NotInPlan,
        Self::ProEndpoint,
        Self::Shed,
        Self::BadKey,
        Self::KeyThrottled,
        Self::NoChain,
        Self::NoAction,
        Self::NoModule,
        Self::BadAddress,
        Self::FormerApi,
        Self::QueryTimeout,
        Self::Window,
        Self::Busy,
        Self::NotYet,
        Self::Blank,
        Self::Empty,
        Self::Cut,
        Self::Partial,
        Self::Challenge,
        Self::Blocked,
        Self::NoPage,
        Self::TooMany,
        Self::Gateway,
    ];

    /// How it shows.
    pub(super) fn shows(self) -> Shows {
        let words = |text: &'static str| Shows::Words(text.into());
        let page = |http, html| Shows::InFront(http, "text/html; charset=UTF-8", html);
        match self {
            Self::PerSecond => words("Max calls per sec rate limit reached (3/sec)"),
            Self::PerDay => words("Max daily rate limit reached. 100000 (100%) of 100000 day/limit"),
            Self::ChainDay(None) => words("Community Free API Limit reached."),
            Self::ChainDay(Some(resets)) => Shows::Words(community(resets).into()),
            Self::NotInPlan => words(
                "Free API access is not supported for this chain. Please upgrade your api plan for full chain coverage. https://etherscan.io/apis",
            ),
            Self::ProEndpoint => words(
                "Sorry, it looks like you are trying to access an API Pro endpoint. Contact us to upgrade to API Pro.",
            ),
            Self::Shed => words("Free API access is temporarily unavailable due to unusually high network activity."),
            Self::BadKey => words("Invalid API Key (#err2)"),
            Self::KeyThrottled => words("Too many invalid api key attempts, please try again later"),
            Self::NoChain => words(
                "Missing or unsupported chainid parameter (required for v2 api), please see chainlist for the list of supported chainids",
            ),
            Self::NoAction => words("Error! Missing Or invalid Action name"),
            Self::NoModule => words("Error! Missing Or invalid Module name"),
            Self::BadAddress => words("Error! Invalid address format"),
            Self::FormerApi => words(
                "You are using a deprecated V1 endpoint, switch to Etherscan API V2 using https://docs.etherscan.io/v2-migration",
            ),
            Self::QueryTimeout => words("Query Timeout occured. Please select a smaller result dataset"),
            Self::Window => {
                words("Result window is too large, PageNo x Offset size must be less than or equal to 10000")
            }
            Self::Busy => words("Unexpected err, timeout occurred or server too busy. Please try again later"),
            Self::NotYet => words("Unable to locate the block. It may not be indexed yet"),
            Self::Blank => words(""),
            Self::Empty => Shows::Nothing,
            Self::Cut => Shows::Cut,
            Self::Partial => Shows::Partial,
            Self::Challenge => page(503, "<!DOCTYPE html><html><title>Just a moment...</title></html>"),
            Self::Blocked => page(
                403,
                "<!DOCTYPE html><html><title>Attention Required! | Cloudflare</title>Sorry, you have been blocked</html>",
            ),
            Self::NoPage => Shows::InFront(404, "text/plain", "Page not found"),
            Self::TooMany => Shows::InFront(429, "text/plain", ""),
            Self::Gateway => Shows::InFront(502, "text/plain", ""),
            Self::Hang => Shows::Never,
        }
    }

    /// The answer in JSON. The text stands in `result`, or with nothing in `result` in `message`.
    pub(super) fn body(self, in_message: bool) -> Value {
        match self.shows() {
            Shows::Words(text) if in_message => json!({"status":"0","message":text,"result":null}),
            Shows::Words(text) => json!({"status":"0","message":"NOTOK","result":text}),
            Shows::Nothing | Shows::Cut | Shows::Partial | Shows::InFront(..) | Shows::Never => {
                json!({"status":"0","message":"No transactions found","result":[]})
            }
        }
    }
}

/// How trouble shows.
pub(super) enum Shows {
    /// In words, over HTTP 200.
    Words(Cow<'static, str>),
    /// As a list of nothing.
    Nothing,
    /// As half of the right answer.
    Cut,
    /// As the right answer with a word of caution.
    Partial,
    /// As the answer of something that stands before the explorer: an HTTP status, a kind of body, and a body.
    InFront(u16, &'static str, &'static str),
    /// As silence.
    Never,
}

/// The word about a chain's shared day.
fn community(resets: Timestamp) -> String {
    let written = resets.to_string();
    let (date, time) = written.split_once('T').unwrap_or((&written, ""));
    let time = time.get(.."12:00:00".len()).unwrap_or_default();
    format!(
        "Community Free API Limit reached. Resets {date} {time} UTC. For higher, uninterrupted limits, please upgrade to API Pro: https://etherscan.io/apis"
    )
}

/// Trouble, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    trouble: Trouble,
    /// So many more calls have it; all, if nothing is said.
    times: Option<u32>,
    chain: Option<ChainId>,
    action: Option<&'static str>,
    in_message: bool,
}

impl Fault {
    /// The next call has it.
    #[must_use]
    pub const fn once(trouble: Trouble) -> Self {
        Self { times: Some(1), ..Self::always(trouble) }
    }

    /// Every call has it, until it is taken away.
    #[must_use]
    pub const fn always(trouble: Trouble) -> Self {
        Self { trouble, times: None, chain: None, action: None, in_message: false }
    }

    /// So many calls have it.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only calls about this chain.
    #[must_use]
    pub fn on(self, chain: ChainId) -> Self {
        Self { chain: Some(chain), ..self }
    }

    /// Only calls of this action.
    #[must_use]
    pub fn of(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Its text stands in `message`, with nothing in `result`.
    #[must_use]
    pub fn in_message(self) -> Self {
        Self { in_message: true, ..self }
    }

    /// What it is.
    pub(super) const fn trouble(&self) -> Trouble {
        self.trouble
    }

    pub(super) fn body(&self) -> Value {
        self.trouble.body(self.in_message)
    }

    fn fits(&self, request: &Request) -> bool {
        let asked = |name: &str| request.query.get(name).map(String::as_str);
        self.chain.is_none_or(|chain| asked("chainid") == Some(&chain.to_string()))
            && self.action.is_none_or(|action| asked("action") == Some(action))
    }

    /// Takes the next trouble of this call that is in front of the explorer, or is its own.
    pub(super) fn next(faults: &mut Vec<Self>, request: &Request, in_front: bool) -> Option<Self> {
        let is_in_front = |fault: &Self| matches!(fault.trouble.shows(), Shows::InFront(..) | Shows::Never);
        let place = faults.iter().position(|fault| is_in_front(fault) == in_front && fault.fits(request))?;
        let fault = faults.get_mut(place)?;
        let Some(times) = &mut fault.times else { return Some(fault.clone()) };
        *times = times.saturating_sub(1);
        let taken = fault.clone();
        if taken.times == Some(0) {
            faults.remove(place);
        }
        Some(taken)
    }
}
