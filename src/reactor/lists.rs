//! Which lists of an explorer a watch needs on a chain: what no rule looks at is not asked for.
//!
//! A plain function of the rules, so that `check` can say before the start what will be read and what will not.

use super::event::List;
use super::settings::{TransferCondition, Watch};
use crate::types::{Asset, ChainId};

/// Some of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lists(u8);

impl Lists {
    /// None.
    pub const NONE: Self = Self(0);
    /// Every list.
    pub const ALL: Self = Self((1 << List::ALL.len()) - 1);

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

/// The lists that a watch needs on a chain, where `rules` are the transfer rules that look at it.
///
/// A watch that no rule looks at there is watched for the record, and so is one with a `from_block`, whose history somebody wants:
/// both are read whole.
pub fn needed<'a>(rules: impl Iterator<Item = &'a TransferCondition>, watch: &Watch, chain: ChainId) -> Lists {
    let of_chain = rules.filter(|rule| rule.chains.contains(&chain));
    let asked = of_chain.fold(Lists::NONE, |lists, rule| lists.and(of_rule(rule, chain)));
    if asked == Lists::NONE || watch.from_block.is_some() { Lists::ALL } else { asked }
}

/// The lists that show what a rule speaks of on a chain.
fn of_rule(rule: &TransferCondition, chain: ChainId) -> Lists {
    let spoken_of = |asset: Asset| {
        let named = rule.assets.as_ref().is_none_or(|assets| assets.contains(&(chain, asset)));
        named && rule.at_least.as_ref().is_none_or(|levels| levels.contains_key(&(chain, asset)))
    };
    let coin = Lists::of(List::Transactions).and(Lists::of(List::Internal));
    let lists = if spoken_of(Asset::Coin) { coin } else { Lists::NONE };
    let is_token =
        |(of, asset): &(ChainId, Asset)| *of == chain && matches!(asset, Asset::Token(_)) && spoken_of(*asset);
    let token = match (&rule.assets, &rule.at_least) {
        (None, None) => true,
        (Some(assets), _) => assets.iter().any(is_token),
        (None, Some(levels)) => levels.keys().any(is_token),
    };
    if token { lists.and(Lists::of(List::Tokens)) } else { lists }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::settings::{BetweenOwn, Direction};
    use crate::types::{Address, U256};
    use List::{Internal, Tokens, Transactions};

    const HERE: ChainId = ChainId(1);
    const THERE: ChainId = ChainId(137);
    const USDC: Asset = Asset::Token(Address::repeat_byte(7));

    fn rule(assets: Option<&[(ChainId, Asset)]>, at_least: Option<&[(ChainId, Asset)]>) -> TransferCondition {
        TransferCondition {
            watches: ["hot".into()].into(),
            chains: [HERE].into(),
            direction: Direction::In,
            assets: assets.map(|assets| assets.iter().copied().collect()),
            at_least: at_least.map(|levels| levels.iter().map(|asset| (*asset, U256::from(1))).collect()),
            stages: [].into(),
            between_own: BetweenOwn::Each,
            skip_suspect: false,
        }
    }

    #[test]
    fn a_list_that_no_rule_needs_is_not_asked_for() {
        let watch = |from_block| Watch {
            name: "hot".into(),
            addresses: vec![],
            chains: vec![HERE, THERE],
            tags: vec![],
            from_block,
        };
        let check = |rules: &[TransferCondition], chain: ChainId, expected: &[List]| {
            let lists: Vec<List> = needed(rules.iter(), &watch(None), chain).iter().collect();
            assert_eq!(lists, expected, "{rules:?}");
            assert_eq!(needed(rules.iter(), &watch(Some(5)), chain), Lists::ALL, "its history is wanted");
        };
        let (coin, token, elsewhere) = ((HERE, Asset::Coin), (HERE, USDC), (THERE, USDC));
        check(&[rule(Some(&[token]), None)], HERE, &[Tokens]);
        check(&[rule(Some(&[coin]), None)], HERE, &[Transactions, Internal]);
        check(&[rule(None, Some(&[token]))], HERE, &[Tokens]);
        check(&[rule(Some(&[coin, token]), Some(&[coin]))], HERE, &[Transactions, Internal]);
        check(&[rule(Some(&[token]), None), rule(None, Some(&[coin]))], HERE, &List::ALL);
        check(&[rule(None, None)], HERE, &List::ALL);
        // What no rule looks at is there for the record.
        check(&[], HERE, &List::ALL);
        check(&[rule(Some(&[token]), None)], THERE, &List::ALL);
        check(&[rule(Some(&[elsewhere]), None)], HERE, &List::ALL);
    }
}
