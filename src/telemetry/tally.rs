//! What sources and the pump count by themselves: calls, connections that ended, frames that were left out. Labels come from closed lists and the
//! config, never from an answer.

use super::names::CallOutcome;
use super::{Labels, Metric, Metrics};
use crate::reactor::event::{List, NoPrice, SourceId};
use crate::types::{ChainId, Name, Pair};
use std::sync::Arc;
use std::time::Duration;

/// Counts for the sources of one config. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    metrics: Metrics,
    labels: Arc<Labels>,
}

impl Tally {
    /// The names of chains.
    #[must_use]
    pub fn labels(&self) -> Arc<Labels> {
        Arc::clone(&self.labels)
    }

    /// Over these series.
    #[must_use]
    pub const fn new(metrics: Metrics, labels: Arc<Labels>) -> Self {
        Self { metrics, labels }
    }

    /// A commit took so long, with its fsync.
    pub fn committed(&self, took: Duration) {
        self.metrics.record(Metric::Commit, &[], took.as_secs_f64());
    }

    /// A connection of a source ended.
    pub fn ended(&self, source: &SourceId, reason: &'static str) {
        self.metrics.add_source(Metric::SocketReconnects, &self.labels, source, Some(reason), 1);
    }

    /// Events of a source were dropped: newer ones came, or there was no room.
    pub fn dropped(&self, source: &SourceId, events: u64) {
        self.metrics.add_source(Metric::QueueDropped, &self.labels, source, None, events);
    }

    /// A call to an explorer came back; `call` is a list's word or one of `names::OTHER_CALLS`.
    pub fn called(&self, chain: ChainId, call: &'static str, outcome: CallOutcome) {
        self.metrics.explorer_call(&self.labels, chain, call, outcome);
    }

    /// Rows of an explorer's list could not be read.
    pub fn unread_rows(&self, chain: ChainId, list: List, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.metrics.add(Metric::UnreadRows, &[self.labels.chain(chain).as_str(), list.word()], rows);
    }

    /// Blocks of an endpoint that traces were read without their traces: transfers inside transactions were not seen in them.
    pub fn untraced_blocks(&self, chain: ChainId, blocks: usize) {
        let blocks = u64::try_from(blocks).unwrap_or(u64::MAX);
        self.metrics.add(Metric::UntracedBlocks, &[self.labels.chain(chain).as_str()], blocks);
    }

    /// A frame of a feed made no price.
    pub fn frame_dropped(&self, feed: &Name, reason: &'static str) {
        self.metrics.add(Metric::FramesDropped, &[feed.as_str(), reason], 1);
    }

    /// A pair of a feed has no price, or may soon have none.
    pub fn pair_silent(&self, feed: &Name, pair: &Pair, why: NoPrice) {
        self.metrics.add(Metric::PairSilent, &[feed.as_str(), pair.as_str(), why.label()], 1);
    }
}
