//! What an explorer allows, and what is wrong with it. Values only.

use super::trouble::Fault;
use crate::types::chain::{EtherscanPlan, known};
use crate::types::{B256, ChainId};
use std::collections::BTreeSet;

/// Rows of an answer where nothing is said, and at most: what a free key gets since July 2026 (facts/etherscan.md §0).
pub(super) const FREE_ROWS: u64 = 1_000;
/// The same for every other key.
const PAID_ROWS: u64 = 10_000;

/// What was paid for, and so what an account may do (facts/etherscan.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: some chains are left out.
    Free,
    /// Every chain, and no more calls a day than a free account has.
    Lite,
    /// Every chain and endpoint.
    Standard,
}

impl Plan {
    /// Every plan that is told apart here.
    pub const ALL: [Self; 3] = [Self::Free, Self::Lite, Self::Standard];

    /// Calls a second, over all chains and keys of the account.
    #[must_use]
    pub const fn calls_per_second(self) -> usize {
        match self {
            Self::Free => 3,
            Self::Lite => 5,
            Self::Standard => 10,
        }
    }

    /// Calls a day, likewise.
    #[must_use]
    pub const fn calls_per_day(self) -> u64 {
        match self {
            Self::Free | Self::Lite => 100_000,
            Self::Standard => 200_000,
        }
    }

    const fn most_rows(self) -> u64 {
        match self {
            Self::Free => FREE_ROWS,
            Self::Lite | Self::Standard => PAID_ROWS,
        }
    }

    /// The chains that it does not hold.
    fn without(self) -> BTreeSet<ChainId> {
        let is_paid = |plan: EtherscanPlan| self == Self::Free && plan == EtherscanPlan::Paid;
        known().iter().filter(|chain| is_paid(chain.etherscan)).map(|chain| chain.id).collect()
    }
}

/// What the explorer allows and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplorerSettings {
    /// The only key it knows.
    pub key: String,
    /// Calls that may begin in any second.
    pub calls_per_second: usize,
    /// Calls of a day, as the word about it says.
    pub calls_per_day: u64,
    /// Calls until the day's limit is reached. Whoever says that a day is over gives more.
    pub calls_left: u64,
    /// Chains that the key's plan does not hold.
    pub not_in_plan: BTreeSet<ChainId>,
    /// The most rows of one answer.
    pub most_rows: u64,
    /// The index is so many blocks behind the chain.
    pub index_lag: u64,
    /// Every other call is answered by a second index, which is so many blocks behind the chain.
    pub second_lag: Option<u64>,
    /// Transactions whose rows are not in the index at the moment.
    pub hidden: BTreeSet<B256>,
    /// A list over more blocks than this takes too long.
    pub longest_range: Option<u64>,
    /// What goes wrong with single calls, the first that fits first.
    pub faults: Vec<Fault>,
}

impl ExplorerSettings {
    /// An account of this plan, and no fault. The key is public: it opens nothing but this.
    #[must_use]
    pub fn of(plan: Plan) -> Self {
        Self {
            key: "SIMULATED".into(),
            calls_per_second: plan.calls_per_second(),
            calls_per_day: plan.calls_per_day(),
            calls_left: plan.calls_per_day(),
            not_in_plan: plan.without(),
            most_rows: plan.most_rows(),
            index_lag: 0,
            second_lag: None,
            hidden: BTreeSet::new(),
            longest_range: None,
            faults: Vec::new(),
        }
    }
}

impl Default for ExplorerSettings {
    /// A free account.
    fn default() -> Self {
        Self::of(Plan::Free)
    }
}
