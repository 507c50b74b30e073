//! What makes a rule pay, as the desk is shown it. Values only.

use super::terms::{Offer, OfferAmount};
use crate::types::{Address, ChainId, Name, Stage, Timestamp, TransferId, U256};

/// Something that makes a rule pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Which rule.
    pub rule: Name,
    /// The time of the block or tick.
    pub time: Timestamp,
    /// What happened.
    pub facts: Facts,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// A transfer that the rule's condition matches.
    Transfer {
        /// Which.
        id: TransferId,
        /// Raw, of its asset.
        amount: U256,
        /// Who gave.
        from: Address,
        /// Who got.
        to: Address,
        /// Where.
        chain: ChainId,
        /// Its block.
        block: u64,
        /// How deep it is.
        stage: Stage,
        /// It may be a trick.
        suspect: bool,
        /// Read from the receipts of its block, and two operators agree; or one, and nothing more.
        vouched: Vouched,
        /// A hash of the block that it is in. Never a part of what it is.
        block_hash: [u8; 32],
    },
    /// A crossing, with its number: see [`super::Desk::read`].
    Crossing {
        /// The rule with watch, chain and asset: one text.
        what: Name,
        /// The how-manieth.
        number: u64,
        /// What is missing to a level that is filled to, raw; a price and a fee have none.
        missing: Option<U256>,
        /// Nothing was known before: a person is asked.
        first: bool,
        /// Who says what was read.
        vouched: Vouched,
    },
}

/// Who vouches for a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vouched {
    /// Nobody who counts: an explorer's row, or an internal movement.
    ByNobody,
    /// One operator: others are asked, see [`super::Desk::witnessed`].
    ByOne,
    /// Two operators.
    ByTwo,
}

/// What is paid for this, if that is anything.
pub(super) fn amount(offer: &Offer, facts: &Facts) -> Option<U256> {
    match (offer.amount, facts) {
        (OfferAmount::Fixed(amount), _) => Some(amount),
        (OfferAmount::Match(reserve), Facts::Transfer { amount, .. }) => amount.checked_sub(reserve),
        (OfferAmount::FillTo(_), Facts::Crossing { missing, .. }) => *missing,
        (OfferAmount::Match(_), Facts::Crossing { .. }) | (OfferAmount::FillTo(_), Facts::Transfer { .. }) => None,
    }
}
