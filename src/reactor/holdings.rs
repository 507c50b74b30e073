//! Balances as values: what sources report of them, the rows that keep them, what is wanted, what is said.
//!
//! A balance is an amount at a block. One that could not be read is never zero: the last one stands, with its age.

use super::phase::{Phase, Standing};
use super::quote::Worth;
use crate::types::{Address, Asset, B256, ChainId, Holding, Name, Timestamp, U256};

/// Balances of one chain, all read at one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balances {
    /// Which chain.
    pub chain: ChainId,
    /// Who answered.
    pub source: Name,
    /// At which block.
    pub at: ReadAt,
    /// What was asked, with the amount in the smallest unit, or why there is none.
    pub read: Vec<(Address, Asset, Result<U256, NoBalance>)>,
}

/// The block that a balance is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAt {
    /// Height. Where there is no hash, the head that the source stood at: the balance is of about this block.
    pub number: u64,
    /// The block itself; explorers name none.
    pub hash: Option<B256>,
}

/// Why a balance could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoBalance {
    /// Nothing, or not a whole number, where a balance should be: never zero.
    Empty,
    /// The contract refuses to say.
    Reverted,
    /// Nobody answered, or only that it cannot be answered now.
    NoAnswer,
}

impl NoBalance {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Empty, Self::Reverted, Self::NoAnswer];

    /// The word in metrics, the store and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Reverted => "reverted",
            Self::NoAnswer => "no_answer",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Whether it will be the same however often it is asked: the contract's own fault.
    #[must_use]
    pub const fn lasts(self) -> bool {
        match self {
            Self::Empty | Self::Reverted => true,
            Self::NoAnswer => false,
        }
    }
}

/// A balance that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// In the smallest unit.
    pub raw: U256,
    /// At which block.
    pub at: ReadAt,
    /// When.
    pub read_at: Timestamp,
}

/// What is known of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceRow {
    /// Whose, of what, where.
    pub holding: Holding,
    /// The last that was read, whatever failed since.
    pub last: Option<Amount>,
    /// Who read it, or failed to.
    pub source: Name,
    /// It has to be read again, at this block or above: something moved there, or the block that it was read at is gone.
    pub due: Option<u64>,
    /// Since when it cannot be read, and why.
    pub failing: Option<(Timestamp, NoBalance)>,
}

/// Which level: a rule's, for one balance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LevelKey {
    /// The rule.
    pub rule: Name,
    /// The balance.
    pub holding: Holding,
}

/// Where a rule stands with one balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelRow {
    /// Which.
    pub key: LevelKey,
    /// Where it stands.
    pub phase: Phase,
    /// Crossings so far.
    pub crossings: u64,
    /// When it last spoke.
    pub spoke_at: Option<Timestamp>,
    /// How it came there, while a reorg can still undo it.
    pub turned: Option<Turned>,
}

impl LevelRow {
    /// A level that was never looked at.
    #[must_use]
    pub const fn new(key: LevelKey) -> Self {
        Self { key, phase: Phase::Calm, crossings: 0, spoke_at: None, turned: None }
    }

    /// What a step changes.
    #[must_use]
    pub const fn standing(&mut self) -> Standing<'_> {
        Standing { phase: &mut self.phase, crossings: &mut self.crossings, spoke_at: &mut self.spoke_at }
    }
}

/// The block at which a level was crossed or recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned {
    /// Height.
    pub block: u64,
    /// The block.
    pub hash: B256,
    /// Where the level stood before.
    pub was: Phase,
    /// The block was replaced by another: the next balance says whether it holds.
    pub gone: bool,
}

/// The facts of `balance.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceBody {
    /// Whose, of what, where.
    pub holding: Holding,
    /// Name of the chain.
    pub chain: Name,
    /// Whose address it is.
    pub watch: Name,
    /// The reference of the address in its list file.
    pub reference: Option<Name>,
    /// Of the watch.
    pub tags: Vec<Name>,
    /// The asset's symbol, where known.
    pub symbol: Option<Name>,
    /// The asset's decimals, where known.
    pub decimals: Option<u8>,
    /// Whether the contract is one that the table or the config names (the coin always is).
    pub verified: bool,
    /// The balance, raw.
    pub value: U256,
    /// At which block.
    pub at: ReadAt,
    /// The rule's level, raw.
    pub level: U256,
    /// The rule's way back, raw.
    pub recovers_at: U256,
    /// What it is worth, where that is known.
    pub usd: Option<Worth>,
    /// Why that is not known, of an asset that has a price.
    pub usd_unknown: Option<Name>,
    /// Why what was said before does not hold.
    pub reason: Option<Name>,
}
