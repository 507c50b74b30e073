//! The query of a list, and the page that answers it.

use super::bodies::Page;
use super::problem::Problem;
use crate::store;
use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::Deserialize;

/// Rows of a page, where the asker does not say.
const USUAL_PAGE: usize = 100;
/// Rows of a page at most: with their bodies left out some 300 kB.
const LARGEST_PAGE: usize = 500;

/// The query of every list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub before: Option<String>,
    pub limit: Option<usize>,
    pub chain: Option<String>,
    pub watch: Option<String>,
    pub rule: Option<String>,
    pub sink: Option<String>,
    pub stage: Option<String>,
    pub state: Option<String>,
}

pub(super) type AskedQuery = Result<Query<Asked>, QueryRejection>;

impl Asked {
    /// The query with its limit, if every key is one of `known`.
    pub(super) fn read(query: AskedQuery, known: &[&str]) -> Result<(Self, usize), Problem> {
        let wrong =
            || Problem::new(StatusCode::BAD_REQUEST, format!("this list takes before, limit, {}", known.join(", ")));
        let Query(asked) = query.map_err(|_| wrong())?;
        let given = [
            ("chain", &asked.chain),
            ("watch", &asked.watch),
            ("rule", &asked.rule),
            ("sink", &asked.sink),
            ("stage", &asked.stage),
            ("state", &asked.state),
        ];
        if given.iter().any(|(key, value)| value.is_some() && !known.contains(key)) {
            return Err(wrong());
        }
        let limit = asked.limit.unwrap_or(USUAL_PAGE);
        if limit == 0 || limit > LARGEST_PAGE {
            return Err(Problem::new(StatusCode::BAD_REQUEST, format!("limit is a number from 1 to {LARGEST_PAGE}")));
        }
        Ok((asked, limit))
    }

    /// `before` as `read` understands it.
    pub(super) fn place<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let wrong = || Problem::new(StatusCode::BAD_REQUEST, "before is the value of next of an earlier page");
        self.before.as_deref().map(|text| read(text).ok_or_else(wrong)).transpose()
    }
}

/// One of a closed list of words.
pub(super) fn word<T: Copy>(
    key: &str,
    given: Option<&String>,
    all: &[T],
    of: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let words: Vec<_> = all.iter().map(|value| of(*value)).collect();
    let found = all.iter().copied().find(|value| of(*value) == given.as_str());
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, format!("{key} is one of {}", words.join(", ")));
    found.map(Some).ok_or_else(wrong)
}

pub(super) fn page_of<R, P, T>(
    page: &store::Page<R, P>,
    item: impl Fn(&R) -> T,
    place: impl Fn(&P) -> String,
) -> Json<Page<T>> {
    Json(Page { items: page.rows.iter().map(item).collect(), next: page.next.as_ref().map(place) })
}
