//! What feeds count. Labels come from the config and closed lists.

use crate::types::{Name, Pair};

/// Why a frame made no price.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dropped {
    Sequence,
    Older,
    Timeless,
    Stranger,
    Junk,
}

/// Why a pair has no price, or may soon have none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Silent {
    Rejected,
    Unacknowledged,
    NoFirstPrice,
    NoHeartbeat,
}

pub(super) fn dropped(feed: &Name, why: Dropped) {
    let reason = match why {
        Dropped::Sequence => "sequence",
        Dropped::Older => "older",
        Dropped::Timeless => "no_time",
        Dropped::Stranger => "stranger",
        Dropped::Junk => "junk",
    };
    metrics::counter!("walletwatch_feed_frames_dropped_total", "source" => feed.to_string(), "reason" => reason)
        .increment(1);
}

pub(super) fn silent(feed: &Name, pair: &Pair, why: Silent) {
    let reason = match why {
        Silent::Rejected => "rejected",
        Silent::Unacknowledged => "unacknowledged",
        Silent::NoFirstPrice => "no_first_price",
        Silent::NoHeartbeat => "no_heartbeat",
    };
    let (source, pair) = (feed.to_string(), pair.to_string());
    metrics::counter!("walletwatch_feed_pair_silent_total", "source" => source, "pair" => pair, "reason" => reason)
        .increment(1);
}
