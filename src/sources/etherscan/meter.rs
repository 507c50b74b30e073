//! What the poll loop counts. Labels come from closed lists and the config, never from an answer.

use super::planner::Call;
use crate::reactor::event::List;
use crate::types::ChainId;

const REQUESTS: &str = "walletwatch_etherscan_requests_total";
const REMAINING: &str = "walletwatch_etherscan_budget_remaining_requests";
const UNREAD: &str = "walletwatch_etherscan_unread_rows_total";

/// A request ended; `failure` is the closed word of what went wrong.
pub(super) fn request(chain: ChainId, call: Call, failure: Option<&'static str>, remaining: u64) {
    let outcome = failure.unwrap_or("ok");
    metrics::counter!(REQUESTS, "chain" => chain.to_string(), "list" => call.word(), "outcome" => outcome).increment(1);
    // Far below 2^53: exact.
    #[allow(clippy::cast_precision_loss, reason = "a day's calls are far below 2^53")]
    metrics::gauge!(REMAINING).set(remaining as f64);
}

/// Rows that could not be read.
pub(super) fn unread_rows(chain: ChainId, list: List, rows: usize) {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    metrics::counter!(UNREAD, "chain" => chain.to_string(), "list" => list.word()).increment(rows);
}
