//! Which lists of an explorer a watch needs on a chain: what no rule looks at is not asked for.
//!
//! A plain function of the rules, so that `check` can say before the start what will be read and what will not.

use super::event::List;
use super::settings::{ApprovalCondition, Condition, KnownToken, TransferCondition, Watch};
use crate::types::{Address, Asset, ChainId, Kind, Timestamp};
use std::collections::BTreeMap;

/// Some of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lists(u8);

impl Lists {
    /// None.
    pub const NONE: Self = Self(0);
    /// What is read for the record: everything but NFTs.
    pub const USUAL: Self = Self::of(List::Transactions).and(Self::of(List::Internal)).and(Self::of(List::Tokens));

    /// Both that tell of approvals.
    pub const APPROVALS: Self = Self::of(List::Approvals).and(Self::of(List::ApprovalsForAll));

    /// Of one list.
    #[must_use]
    pub const fn of(list: List) -> Self {
        Self(1 << list as u8)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, list: List) -> bool {
        self.0 & Self::of(list).0 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = List> {
        List::ALL.into_iter().filter(move |list| self.contains(*list))
    }
}

/// The lists that a watch needs on a chain, where `rules` are the rules that look at it.
///
/// A watch that no rule looks at there is watched for the record, and so is one with a `from_block`, whose history somebody wants:
/// both are read whole but for their
/// NFTs, which cost two lists more and are read where a rule speaks of them.
pub fn needed<'a>(rules: impl Iterator<Item = &'a Condition>, watch: &Watch, chain: ChainId, tokens: &Tokens) -> Lists {
    let of_rule = |rule: &Condition| match rule {
        Condition::Transfer(rule) if rule.chains.contains(&chain) => of_rule(rule, chain, tokens),
        Condition::Approval(rule) => of_approvals(rule, chain),
        Condition::Transfer(_)
        | Condition::Price(_)
        | Condition::Change(_)
        | Condition::Gas(_)
        | Condition::Balance(_) => Lists::NONE,
    };
    let asked = rules.fold(Lists::NONE, |lists, rule| lists.and(of_rule(rule)));
    if asked == Lists::NONE || watch.from_block.is_some() { asked.and(Lists::USUAL) } else { asked }
}

/// The tokens that are known by their contract: none of them is an NFT.
pub type Tokens = BTreeMap<(ChainId, Address), KnownToken>;

/// The lists that show what a rule speaks of on a chain.
fn of_rule(rule: &TransferCondition, chain: ChainId, tokens: &Tokens) -> Lists {
    let named = |asset: &Asset| rule.assets.as_ref().is_none_or(|assets| assets.contains(&(chain, *asset)));
    let spoken_of = |asset: &Asset| {
        named(asset) && rule.at_least.as_ref().is_none_or(|levels| levels.contains_key(&(chain, *asset)))
    };
    // Of a rule that names assets or amounts, the contracts on this chain.
    let contracts = rule.assets.iter().flatten().chain(rule.at_least.iter().flat_map(BTreeMap::keys));
    let contracts: Vec<Address> = contracts
        .filter_map(|(of, asset)| match asset {
            Asset::Token(contract) if *of == chain && spoken_of(asset) => Some(*contract),
            Asset::Token(_) | Asset::Coin => None,
        })
        .collect();
    let every_asset = rule.assets.is_none() && rule.at_least.is_none();
    let mut lists = Lists::NONE;
    if spoken_of(&Asset::Coin) {
        lists = lists.and(Lists::of(List::Transactions)).and(Lists::of(List::Internal));
    }
    if every_asset || !contracts.is_empty() {
        lists = lists.and(Lists::of(List::Tokens));
    }
    // NFTs have no amount, and a contract that is known is a token.
    let is_unknown = |contract: &Address| !tokens.contains_key(&(chain, *contract));
    if every_asset || (rule.at_least.is_none() && contracts.iter().any(is_unknown)) {
        lists = lists.and(Lists::of(List::Nfts)).and(Lists::of(List::MultiTokens));
    }
    lists
}

/// The lists that show the approvals that a rule speaks of on a chain. A rule with an amount says nothing of everything, and one that
/// names only the coin nothing at all.
fn of_approvals(rule: &ApprovalCondition, chain: ChainId) -> Lists {
    let on_token = |asset: &(ChainId, Asset)| asset.0 == chain && asset.1 != Asset::Coin;
    if !rule.chains.contains(&chain) || rule.assets.as_ref().is_some_and(|assets| !assets.iter().any(on_token)) {
        return Lists::NONE;
    }
    if rule.speaks_of_everything() { Lists::APPROVALS } else { Lists::of(List::Approvals) }
}

/// The rows of a chain that are neither final nor gone.
#[derive(Debug, Default)]
pub(super) struct OpenLists {
    /// Of each list that has any.
    pub(super) lists: BTreeMap<(Address, List), OpenList>,
    /// The time of the last block in which something moved at an address: its other lists may have more of it.
    pub(super) pointed: BTreeMap<Address, Timestamp>,
}

/// The rows of one list that are neither final nor gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenList {
    /// The lowest of their blocks.
    pub(super) lowest: u64,
    /// When one of them was last missing.
    pub(super) doubted_at: Option<Timestamp>,
}

/// The kind that a list reports.
#[must_use]
pub const fn kind_of(list: List) -> Kind {
    match list {
        List::Transactions => Kind::Coin,
        List::Internal => Kind::Internal,
        List::Tokens => Kind::Token,
        List::Nfts => Kind::Erc721,
        List::MultiTokens => Kind::Erc1155,
        List::Approvals => Kind::Approval,
        List::ApprovalsForAll => Kind::ApprovalForAll,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::settings::{Added, BetweenOwn, Direction, LeastAllowance};
    use crate::types::U256;
    use List::{Approvals, ApprovalsForAll, Internal, MultiTokens, Nfts, Tokens, Transactions};

    const HERE: ChainId = ChainId(1);
    const THERE: ChainId = ChainId(137);
    const USDC: Asset = Asset::Token(Address::repeat_byte(7));

    fn rule(assets: Option<&[(ChainId, Asset)]>, at_least: Option<&[(ChainId, Asset)]>) -> Condition {
        Condition::Transfer(TransferCondition {
            added: Added::Tagged([].into()),
            watches: ["hot".into()].into(),
            chains: [HERE].into(),
            direction: Direction::In,
            from: None,
            assets: assets.map(|assets| assets.iter().copied().collect()),
            at_least: at_least.map(|levels| levels.iter().map(|asset| (*asset, U256::from(1))).collect()),
            at_least_usd: None,
            stages: [].into(),
            between_own: BetweenOwn::Each,
            skip_suspect: false,
            history: false,
        })
    }

    fn approvals(assets: Option<&[(ChainId, Asset)]>, at_least: Option<LeastAllowance>) -> Condition {
        Condition::Approval(ApprovalCondition {
            watches: ["hot".into()].into(),
            added: Added::Tagged([].into()),
            chains: [HERE].into(),
            assets: assets.map(|assets| assets.iter().copied().collect()),
            at_least,
            trusted: [].into(),
            trusted_watches: [].into(),
            revokes: false,
            stages: [].into(),
            skip_suspect: false,
        })
    }

    #[test]
    fn a_list_that_no_rule_needs_is_not_asked_for() {
        let watch = |from_block| Watch {
            name: "hot".into(),
            addresses: std::sync::Arc::default(),
            chains: vec![HERE, THERE],
            tags: vec![],
            from_block,
        };
        let known = KnownToken { symbol: "USDC".into(), decimals: 6 };
        let tokens = BTreeMap::from([((HERE, Address::repeat_byte(7)), known)]);
        let check = |rules: &[Condition], chain: ChainId, expected: &[List]| {
            let lists: Vec<List> = needed(rules.iter(), &watch(None), chain, &tokens).iter().collect();
            assert_eq!(lists, expected, "{rules:?}");
            let history = needed(rules.iter(), &watch(Some(5)), chain, &tokens);
            assert!(List::USUAL.iter().all(|list| history.contains(*list)), "its history is wanted");
        };
        let (coin, token, elsewhere) = ((HERE, Asset::Coin), (HERE, USDC), (THERE, USDC));
        check(&[rule(Some(&[token]), None)], HERE, &[Tokens]);
        check(&[rule(Some(&[coin]), None)], HERE, &[Transactions, Internal]);
        check(&[rule(None, Some(&[token]))], HERE, &[Tokens]);
        check(&[rule(Some(&[coin, token]), Some(&[coin]))], HERE, &[Transactions, Internal]);
        check(&[rule(Some(&[token]), None), rule(None, Some(&[coin]))], HERE, &List::USUAL);
        let every = [Transactions, Internal, Tokens, Nfts, MultiTokens];
        check(&[rule(None, None)], HERE, &every);
        let unknown = (HERE, Asset::Token(Address::repeat_byte(9)));
        check(&[rule(Some(&[unknown]), None)], HERE, &[Tokens, Nfts, MultiTokens]);
        check(&[rule(None, Some(&[unknown]))], HERE, &[Tokens]);
        check(&[approvals(None, None)], HERE, &[Approvals, ApprovalsForAll]);
        check(&[approvals(None, Some(LeastAllowance::Unlimited))], HERE, &[Approvals, ApprovalsForAll]);
        check(&[approvals(None, Some(LeastAllowance::Amount([].into())))], HERE, &[Approvals]);
        check(
            &[approvals(Some(&[token]), None), rule(Some(&[coin]), None)],
            HERE,
            &[Transactions, Internal, Approvals, ApprovalsForAll],
        );
        check(&[approvals(Some(&[elsewhere]), None)], HERE, &List::USUAL);
        check(&[approvals(None, None)], THERE, &List::USUAL);
        // What no rule looks at is there for the record.
        check(&[], HERE, &List::USUAL);
        check(&[rule(Some(&[token]), None)], THERE, &List::USUAL);
        check(&[rule(Some(&[elsewhere]), None)], HERE, &List::USUAL);
    }
}
