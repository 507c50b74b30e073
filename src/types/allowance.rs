//! What an approval allows. It is read from the amount that the log says, and from nothing else.

use super::{Kind, TransferKey, U256};

/// From this amount on nobody can ever hold as much.
const HALF: U256 = U256::from_limbs([0, 0, 0, 1 << 63]);
/// Contracts that keep allowances in fewer bits write the largest number of those bits for "unlimited"; none uses fewer than these.
const FEWEST_BITS: usize = 96;

/// What a spender may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Nothing any more.
    Nothing,
    /// So much, raw.
    Amount(U256),
    /// One NFT, of this id.
    One(U256),
    /// As much as there will ever be.
    Unlimited,
    /// Everything of the contract.
    Everything,
}

impl Allowance {
    /// What an approval allows; `None` of what is none.
    #[must_use]
    pub fn of(key: &TransferKey) -> Option<Self> {
        if !key.kind.is_approval() {
            return None;
        }
        Some(match (key.kind, key.token_id) {
            _ if key.amount.is_zero() => Self::Nothing,
            (Kind::ApprovalForAll, _) => Self::Everything,
            (_, Some(id)) => Self::One(id),
            (_, None) if is_unlimited(key.amount) => Self::Unlimited,
            (_, None) => Self::Amount(key.amount),
        })
    }

    /// The word that people and webhook bodies see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Amount(_) => "amount",
            Self::One(_) => "one",
            Self::Unlimited => "unlimited",
            Self::Everything => "everything",
        }
    }

    /// Whether nothing bounds it.
    #[must_use]
    pub const fn is_unlimited(self) -> bool {
        match self {
            Self::Unlimited | Self::Everything => true,
            Self::Nothing | Self::Amount(_) | Self::One(_) => false,
        }
    }
}

/// Whether an amount means "as much as there will ever be". Some contracts count down from the largest number, others keep it in 96, 128
/// or 160 bits; any other large number is an amount like another.
fn is_unlimited(amount: U256) -> bool {
    amount >= HALF || (amount.bit_len() >= FEWEST_BITS && (amount & (amount + U256::from(1))).is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Address, Asset, B256, ChainId};

    fn key(kind: Kind, token_id: Option<u64>, amount: U256) -> TransferKey {
        TransferKey {
            chain: ChainId(1),
            tx: B256::ZERO,
            kind,
            asset: Asset::Token(Address::ZERO),
            from: Address::ZERO,
            to: Address::ZERO,
            token_id: token_id.map(U256::from),
            amount,
            nth: 0,
        }
    }

    #[test]
    fn what_an_approval_allows_follows_from_its_amount() {
        let check = |kind, id, amount: U256, expected: Option<Allowance>| {
            assert_eq!(Allowance::of(&key(kind, id, amount)), expected, "{kind:?} {id:?} {amount}");
        };
        let (one, ones) = (U256::from(1), |bits: usize| (U256::from(1) << bits) - U256::from(1));
        let limited = |amount| check(Kind::Approval, None, amount, Some(Allowance::Amount(amount)));
        let unlimited = |amount| check(Kind::Approval, None, amount, Some(Allowance::Unlimited));
        for amount in
            [one, U256::from(1_000_000), ones(95), ones(96) - one, ones(96) + one, ones(160) - one, HALF - one - one]
        {
            limited(amount);
        }
        for amount in [U256::MAX, U256::MAX - one, HALF, ones(96), ones(128), ones(160), ones(255)] {
            unlimited(amount);
        }
        check(Kind::Approval, None, U256::ZERO, Some(Allowance::Nothing));
        check(Kind::Approval, Some(7), one, Some(Allowance::One(U256::from(7))));
        check(Kind::Approval, Some(7), U256::ZERO, Some(Allowance::Nothing));
        check(Kind::ApprovalForAll, None, one, Some(Allowance::Everything));
        check(Kind::ApprovalForAll, None, U256::ZERO, Some(Allowance::Nothing));
        check(Kind::Token, None, U256::MAX, None);
    }
}
