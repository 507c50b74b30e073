//! Whether the monitor can do its work, for `/readyz` and the metric beside it.

use super::snapshot::Snapshot;
use crate::types::Name;
use std::fmt;

/// Why it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unready {
    /// Not every part runs yet.
    Starting,
    /// The last commit failed.
    Store,
    /// A chain that is required, and that no source answers for, or that is stopped.
    Chain(Name),
    /// A source that is required, and does not answer.
    Source(Name),
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Store => f.write_str("the store cannot be written"),
            Self::Chain(name) => write!(f, "blind on {name}"),
            Self::Source(name) => write!(f, "{name} does not answer"),
        }
    }
}

/// Everything that keeps the monitor from being ready; empty is ready.
#[must_use]
pub fn unready(snapshot: &Snapshot) -> Vec<Unready> {
    let mut reasons = Vec::new();
    if snapshot.starting {
        reasons.push(Unready::Starting);
    }
    if !snapshot.store_writable {
        reasons.push(Unready::Store);
    }
    for chain in &snapshot.chains {
        if chain.required && (!chain.followed || chain.blind_since.is_some() || chain.stopped.is_some()) {
            reasons.push(Unready::Chain(snapshot.labels.chain(chain.id)));
        }
    }
    for source in &snapshot.sources {
        if source.required && source.blind_since.is_some() {
            reasons.push(Unready::Source(source.id.name.clone()));
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::super::gas::GasStatus;
    use super::super::snapshot::ChainStatus;
    use super::*;
    use crate::types::{ChainId, Timestamp};
    use std::collections::BTreeMap;

    fn chain(required: bool, blind: bool, stopped: bool) -> ChainStatus {
        ChainStatus {
            id: ChainId(1),
            tip: None,
            head: None,
            gap_blocks: 0,
            untraced: None,
            backfill_blocks: 0,
            backfill_addresses: 0,
            stalled: false,
            stopped: stopped.then(|| "another genesis".into()),
            blind_since: blind.then(Timestamp::default),
            last_outage: None,
            taken_over_since: None,
            authority: BTreeMap::new(),
            followed: true,
            required,
            gas: GasStatus::default(),
            oldest_view: None,
            view_promised: None,
            index_lag: None,
        }
    }

    #[test]
    fn it_is_ready_when_it_runs_writes_and_sees_what_is_required() {
        let check = |starting, store_writable, chains: &[ChainStatus], expected: &[&str]| {
            let snapshot = Snapshot { starting, store_writable, chains: chains.to_vec(), ..Snapshot::default() };
            let reasons: Vec<_> = unready(&snapshot).iter().map(ToString::to_string).collect();
            assert_eq!(reasons, expected);
        };
        check(false, true, &[], &[]);
        check(true, true, &[], &["starting"]);
        check(false, false, &[], &["the store cannot be written"]);
        check(false, true, &[chain(true, false, false)], &[]);
        check(false, true, &[chain(true, true, false)], &["blind on 1"]);
        check(false, true, &[chain(true, false, true)], &["blind on 1"]);
        check(false, true, &[chain(false, true, true)], &[]);
        // Nothing was ever heard of it, and it is too early to call that blind.
        check(false, true, &[ChainStatus { followed: false, ..chain(true, false, false) }], &["blind on 1"]);
        let starting = Snapshot::starting(std::sync::Arc::default(), true);
        assert!(unready(&starting) == [Unready::Starting] && starting.simulated);
        check(true, false, &[chain(true, true, false)], &["starting", "the store cannot be written", "blind on 1"]);
    }
}
