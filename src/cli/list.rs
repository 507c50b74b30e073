//! Reads a list of the API page by page, up to a limit.

use super::Failure;
use super::api::{Answerer, Question};
use crate::http::Listing;

/// Rows of one page: the most that the API gives.
const PAGE: usize = 500;

/// The newest `limit` rows of a list.
pub(super) async fn rows(answerer: &Answerer, question: &Question, limit: usize) -> Result<Listing, Failure> {
    let mut all = Listing::default();
    while all.len() < limit {
        let wanted = (limit - all.len()).min(PAGE);
        let question = question.clone().with("limit", Some(wanted)).with("before", all.next());
        all.extend(Listing::read(&answerer.get(&question).await?).map_err(Failure::again)?);
        // A page can be short, or empty, though more follow: a filter looks at many rows for each that fits.
        if all.next().is_none() {
            break;
        }
    }
    Ok(all)
}
