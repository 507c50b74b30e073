//! Reads a list of the API page by page, up to a limit.

use super::Failure;
use super::api::{Answerer, Question};
use super::show::Listed;

/// Rows of one page: the most that the API gives.
const PAGE: usize = 500;

/// The newest `limit` rows of a list.
pub(super) async fn rows(answerer: &Answerer, question: &Question, limit: usize) -> Result<Listed, Failure> {
    let mut all = Listed::default();
    let mut before = None;
    while all.items.len() < limit {
        let wanted = (limit - all.items.len()).min(PAGE);
        let question = question.clone().with("limit", Some(wanted)).with("before", before.take());
        let page = Listed::read(&answerer.get(&question).await?)?;
        all.items.extend(page.items);
        all.next = page.next;
        // A page can be short, or empty, though more follow: a filter looks at many rows for each that fits.
        match &all.next {
            Some(next) => before = Some(next.clone()),
            None => break,
        }
    }
    Ok(all)
}
