//! The query of a path: what may be asked for, read and checked before a handler sees it; and the page that answers a list.

use super::bodies::Page;
use super::problem::Problem;
use crate::reactor::money::PaymentState;
use crate::reactor::rows::AlertState;
use crate::store::{self, OutboxState};
use crate::types::{Name, Stage};
use axum::Json;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use url::form_urlencoded;

/// Rows of a page, where the asker does not say.
const USUAL_PAGE: usize = 100;
/// Rows of a page at most: with their bodies left out some 300 kB.
const LARGEST_PAGE: usize = 500;
/// Where a page begins.
const BEFORE: &str = "before";
/// How long a page is.
const LIMIT: &str = "limit";

/// Something by which a list can be narrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    /// Its key.
    pub key: &'static str,
    /// What it does.
    pub says: &'static str,
    /// Every word that it takes; none where it takes any text.
    pub words: fn() -> Vec<&'static str>,
}

const fn name(key: &'static str, says: &'static str) -> Filter {
    Filter { key, says, words: Vec::new }
}

/// By the name of a chain.
pub(super) const CHAIN: Filter = name("chain", "Only of this chain, by its name in the config.");
/// By the name of a watch.
pub(super) const WATCH: Filter = name("watch", "Only of this watch.");
/// By the name of a rule.
pub(super) const RULE: Filter = name("rule", "Only of this rule.");
/// By the name of a sink.
pub(super) const SINK: Filter = name("sink", "Only to this sink.");
/// By the stage of a transfer or an approval.
pub(super) const STAGE: Filter =
    Filter { key: "stage", says: "Only in this stage.", words: || Stage::ALL.map(Stage::word).to_vec() };
/// By the state of an alert.
pub(super) const ALERT_STATE: Filter =
    Filter { key: "state", says: "Only in this state.", words: || AlertState::ALL.map(AlertState::word).to_vec() };
/// By the state of a message.
pub(super) const OUTBOX_STATE: Filter =
    Filter { key: "state", says: "Only in this state.", words: || OutboxState::ALL.map(OutboxState::word).to_vec() };
/// By the state of a payment.
pub(super) const PAYMENT_STATE: Filter =
    Filter { key: "state", says: "Only in this state.", words: || PaymentState::ALL.map(PaymentState::word).to_vec() };

/// Where a page can begin: what `before` looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A number.
    Number,
    /// A time in milliseconds and an id.
    TimeAndId,
    /// A name.
    Name,
    /// An address.
    Address,
}

impl Start {
    /// As a pattern.
    const fn pattern(self) -> &'static str {
        match self {
            Self::Number => "^[0-9]{1,18}$",
            Self::TimeAndId => "^[0-9]{1,15}-[0-9a-fA-F]{32}$",
            Self::Name => "^[^\\x00]*$",
            Self::Address => "^0x[0-9a-fA-F]{40}$",
        }
    }
}

/// What the query of a path may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Takes {
    /// By what it can be narrowed.
    pub filters: &'static [Filter],
    /// Where its pages begin, if it comes in pages.
    pub pages: Option<Start>,
    /// Rows of a page, where the asker does not say.
    pub rows: usize,
}

/// Nothing.
pub(super) const NOTHING: Takes = Takes { filters: &[], pages: None, rows: USUAL_PAGE };

impl Takes {
    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let pages: &[&'static str] = if self.pages.is_some() { &[BEFORE, LIMIT] } else { &[] };
        pages.iter().copied().chain(self.filters.iter().map(|filter| filter.key))
    }

    /// As parameters of an OpenAPI document.
    pub(super) fn parameters(&self) -> Vec<serde_json::Value> {
        let parameter = |key: &str, says: &str, schema: serde_json::Value| serde_json::json!({"name": key, "in": "query", "required": false, "description": says, "schema": schema});
        let mut all = Vec::new();
        if let Some(start) = self.pages {
            let before = serde_json::json!({"type": "string", "pattern": start.pattern()});
            all.push(parameter(BEFORE, "The value of `next` of the page before this one.", before));
            let limit = serde_json::json!({
                "type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": self.rows
            });
            all.push(parameter(LIMIT, "Rows of the page.", limit));
        }
        for filter in self.filters {
            let words = (filter.words)();
            let schema = if words.is_empty() {
                serde_json::json!({"type": "string"})
            } else {
                serde_json::json!({"type": "string", "enum": words})
            };
            all.push(parameter(filter.key, filter.says, schema));
        }
        all
    }
}

/// A query that was read: it holds only what its path takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    given: BTreeMap<&'static str, String>,
    /// Rows of the page.
    pub limit: usize,
}

impl Asked {
    /// Reads a query.
    pub(super) fn read(query: Option<&str>, takes: &Takes) -> Result<Self, Problem> {
        let wrong = |text: String| Problem::new(StatusCode::BAD_REQUEST, text);
        let mut given = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(known) = takes.keys().find(|known| *known == key) else {
                let keys: Vec<_> = takes.keys().collect();
                return Err(wrong(if keys.is_empty() {
                    "this path takes nothing in its query".to_owned()
                } else {
                    format!("this path takes {} in its query, and nothing else", keys.join(", "))
                }));
            };
            if given.insert(known, value.into_owned()).is_some() {
                return Err(wrong(format!("{known} stands there twice")));
            }
        }
        for filter in takes.filters {
            let words = (filter.words)();
            let fits = given.get(filter.key).is_none_or(|word| words.is_empty() || words.contains(&word.as_str()));
            if !fits {
                return Err(wrong(format!("{} is one of {}", filter.key, words.join(", "))));
            }
        }
        let limit = match given.get(LIMIT) {
            None => takes.rows,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
                limit.ok_or_else(|| wrong(format!("limit is a whole number from 1 to {LARGEST_PAGE}")))?
            }
        };
        Ok(Self { given, limit })
    }

    /// By what it is narrowed.
    pub(super) fn filters(&self) -> Vec<(&'static str, &str)> {
        let given = self.given.iter().filter(|(key, _)| ![BEFORE, LIMIT].contains(*key));
        given.map(|(key, value)| (*key, value.as_str())).collect()
    }

    /// Whether it asks for the first page.
    pub(super) fn is_first(&self) -> bool {
        !self.given.contains_key(BEFORE)
    }

    /// What was given for a filter.
    pub(super) fn of(&self, filter: Filter) -> Option<&str> {
        self.given.get(filter.key).map(String::as_str)
    }

    /// The same as a name.
    pub(super) fn name(&self, filter: Filter) -> Option<Name> {
        self.of(filter).map(Name::from)
    }

    /// The same as what its word means. Only words of the filter were let in.
    pub(super) fn word<T: Copy>(&self, filter: Filter, all: &[T], of: impl Fn(T) -> &'static str) -> Option<T> {
        let given = self.of(filter)?;
        all.iter().copied().find(|value| of(*value) == given)
    }

    /// Where the page begins, as `read` understands it.
    pub(super) fn place<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let wrong = || Problem::new(StatusCode::BAD_REQUEST, "before is the value of next of an earlier page");
        self.given.get(BEFORE).map(|text| read(text).ok_or_else(wrong)).transpose()
    }
}

pub(super) fn page_of<R, P, T>(
    page: &store::Page<R, P>,
    item: impl Fn(&R) -> T,
    place: impl Fn(&P) -> String,
) -> Json<Page<T>> {
    Json(Page { items: page.rows.iter().map(item).collect(), next: page.next.as_ref().map(place) })
}
