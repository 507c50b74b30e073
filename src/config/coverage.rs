//! What each kind of source can report, as a table: by it a rule on a chain that nothing can feed is a fault, and one that is fed late or
//! perhaps is said.
//!
//! A plain function of kinds: it knows no urls, no plans and no state. What a plan does not hold is learnt from the explorer itself.

use crate::reactor::event::SourceKind;
use crate::reactor::settings::{ChainSettings, Condition, KnownToken};
use crate::types::gas::Fee;
use crate::types::{Address, Asset, ChainId};
use std::collections::{BTreeMap, BTreeSet};

/// What a rule can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// Coin that a transaction itself moves.
    Coin,
    /// Coin that moves inside transactions.
    Inner,
    /// ERC-20 transfers.
    Token,
    /// ERC-721 and ERC-1155 transfers.
    Nft,
    /// What an address holds.
    Balance,
    /// Leave to move tokens.
    Approval,
    /// The base fee of blocks.
    BaseFee,
    /// What the next block takes, and the tips.
    NextFee,
    /// The price of a coin or token.
    Price,
}

impl Matter {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Coin,
        Self::Inner,
        Self::Token,
        Self::Nft,
        Self::Balance,
        Self::Approval,
        Self::BaseFee,
        Self::NextFee,
        Self::Price,
    ];

    /// What a gas rule of this fee is about.
    #[must_use]
    pub const fn of_fee(fee: Fee) -> Self {
        match fee {
            Fee::Base => Self::BaseFee,
            Fee::NextBase | Fee::Priority => Self::NextFee,
        }
    }
}

/// How a source reports something; the later is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Report {
    /// It cannot.
    Never,
    /// If it answers traces, or has a gas oracle: that is seen when it is asked.
    Perhaps,
    /// When its lists are read.
    Late,
    /// With each block or tick.
    InTime,
}

/// The table.
#[must_use]
pub const fn reports(source: SourceKind, matter: Matter) -> Report {
    match (source, matter) {
        (SourceKind::Rpc, Matter::Inner) | (SourceKind::Explorer, Matter::NextFee) => Report::Perhaps,
        (
            SourceKind::Rpc,
            Matter::Coin
            | Matter::Token
            | Matter::Nft
            | Matter::Balance
            | Matter::Approval
            | Matter::BaseFee
            | Matter::NextFee,
        ) => Report::InTime,
        (
            SourceKind::Explorer,
            Matter::Coin | Matter::Inner | Matter::Token | Matter::Nft | Matter::Balance | Matter::Approval,
        ) => Report::Late,
        (SourceKind::Feed, Matter::Price) => Report::InTime,
        (SourceKind::Rpc, Matter::Price)
        | (SourceKind::Explorer, Matter::BaseFee | Matter::Price)
        | (
            SourceKind::Feed,
            Matter::Coin
            | Matter::Inner
            | Matter::Token
            | Matter::Nft
            | Matter::Balance
            | Matter::Approval
            | Matter::BaseFee
            | Matter::NextFee,
        ) => Report::Never,
    }
}

/// The best that the sources of a chain can do.
#[must_use]
pub fn best(chain: &ChainSettings, matter: Matter) -> Report {
    let rpc = (!chain.endpoints.is_empty()).then(|| reports(SourceKind::Rpc, matter));
    let explorer = chain.explorer.is_some().then(|| reports(SourceKind::Explorer, matter));
    rpc.max(explorer).unwrap_or(Report::Never)
}

/// What would report it on a chain, in words.
#[must_use]
pub const fn who_could(matter: Matter) -> &'static str {
    match matter {
        Matter::Coin | Matter::Token | Matter::Nft | Matter::Balance | Matter::Approval | Matter::NextFee => {
            "an `rpc`, [etherscan] or an [[explorer]]"
        }
        Matter::Inner => "an `rpc` that answers traces, [etherscan] or an [[explorer]]",
        Matter::BaseFee => "an `rpc`",
        Matter::Price => "a [[feed]]",
    }
}

/// What a rule is about, chain by chain. A price rule is about none.
#[must_use]
pub fn matters(
    condition: &Condition,
    tokens: &BTreeMap<(ChainId, Address), KnownToken>,
) -> BTreeMap<ChainId, BTreeSet<Matter>> {
    let of_asset = |(chain, asset): (ChainId, Asset)| match asset {
        Asset::Coin => vec![Matter::Coin, Matter::Inner],
        Asset::Token(contract) if tokens.contains_key(&(chain, contract)) => vec![Matter::Token],
        Asset::Token(_) => vec![Matter::Token, Matter::Nft],
    };
    match condition {
        Condition::Transfer(transfer) => {
            let of = |chain: &ChainId| {
                let named = transfer.assets.iter().flatten().filter(|(on, _)| on == chain);
                let all = [Matter::Coin, Matter::Inner, Matter::Token, Matter::Nft];
                let mut matters: BTreeSet<Matter> = match (&transfer.assets, &transfer.at_least) {
                    (None, None) => all.into(),
                    (None, Some(_)) => [Matter::Coin, Matter::Inner, Matter::Token].into(),
                    (Some(_), _) => named.copied().flat_map(of_asset).collect(),
                };
                if let Some(least) = &transfer.at_least {
                    let measured: BTreeSet<Matter> =
                        least.keys().filter(|(on, _)| on == chain).copied().flat_map(of_asset).collect();
                    matters.retain(|matter| measured.contains(matter));
                }
                (*chain, matters)
            };
            transfer.chains.iter().map(of).filter(|(_, matters)| !matters.is_empty()).collect()
        }
        Condition::Balance(balance) => {
            balance.thresholds.keys().map(|(chain, _)| (*chain, BTreeSet::from([Matter::Balance]))).collect()
        }
        Condition::Approval(approval) => {
            approval.chains.iter().map(|chain| (*chain, BTreeSet::from([Matter::Approval]))).collect()
        }
        Condition::Gas(gas) => BTreeMap::from([(gas.chain, BTreeSet::from([Matter::of_fee(gas.of)]))]),
        Condition::Price(_) | Condition::Change(_) => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, read by people: a row for each matter, a column for each kind of source.
    #[test]
    fn every_kind_of_source_reports_what_the_table_says_and_every_matter_has_somebody() {
        use Report::{InTime, Late, Never, Perhaps};
        for (matter, rpc, explorer, feed) in [
            (Matter::Coin, InTime, Late, Never),
            (Matter::Inner, Perhaps, Late, Never),
            (Matter::Token, InTime, Late, Never),
            (Matter::Nft, InTime, Late, Never),
            (Matter::Balance, InTime, Late, Never),
            (Matter::Approval, InTime, Late, Never),
            (Matter::BaseFee, InTime, Never, Never),
            (Matter::NextFee, InTime, Perhaps, Never),
            (Matter::Price, Never, Never, InTime),
        ] {
            let all = [SourceKind::Rpc, SourceKind::Explorer, SourceKind::Feed].map(|source| reports(source, matter));
            assert_eq!(all, [rpc, explorer, feed], "{matter:?}");
            assert!(all.into_iter().max() > Some(Perhaps), "nobody reports {matter:?}");
            let named = [("`rpc`", rpc), ("[[explorer]]", explorer), ("[[feed]]", feed)];
            for (word, report) in named {
                assert_eq!(who_could(matter).contains(word), report != Never, "{matter:?} {word}");
            }
        }
    }
}
