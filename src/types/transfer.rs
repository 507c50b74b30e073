//! Movements and their identity.

use super::{Asset, ChainId, Kind, TransferId};
use alloy::primitives::{Address, B256, U256};

/// One movement of one asset as a source read it, before equal ones of a transaction are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Hash of the transaction.
    pub tx: B256,
    /// How it came about.
    pub kind: Kind,
    /// What moved, or may be moved.
    pub asset: Asset,
    /// Who gave. The zero address where something was minted. Of an approval its owner, as `to` is its spender ([`Kind::is_approval`]).
    pub from: Address,
    /// Who got; of a creation, the created address.
    pub to: Address,
    /// Of NFTs.
    pub token_id: Option<U256>,
    /// In the smallest unit.
    pub amount: U256,
    /// Position of the log in its block, where the reporter has one.
    pub log_index: Option<u64>,
}

impl Movement {
    /// The addresses that it concerns: both ends, and of an approval its owner alone.
    pub fn parties(&self) -> impl Iterator<Item = &Address> {
        parties(self.kind, &self.from, &self.to)
    }
}

/// The ends at which a watch can stand: who gave; and who got, which of an approval nobody did.
pub fn parties<'a>(kind: Kind, from: &'a Address, to: &'a Address) -> impl Iterator<Item = &'a Address> {
    std::iter::once(from).chain((!kind.is_approval()).then_some(to))
}

/// What makes a transfer itself: what it moved. It survives reorgs and is the same whoever reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferKey {
    /// On which chain.
    pub chain: ChainId,
    /// Hash of the transaction.
    pub tx: B256,
    /// How it came about.
    pub kind: Kind,
    /// What moved.
    pub asset: Asset,
    /// Who gave.
    pub from: Address,
    /// Who got.
    pub to: Address,
    /// Of NFTs.
    pub token_id: Option<U256>,
    /// In the smallest unit.
    pub amount: U256,
    /// The how-manieth of equal movements in the transaction, from 0. They cannot be told apart.
    pub nth: u32,
}

impl TransferKey {
    /// The key of the `nth` movement equal to this one in its transaction.
    #[must_use]
    pub fn of(chain: ChainId, movement: &Movement, nth: u32) -> Self {
        let Movement { tx, kind, asset, from, to, token_id, amount, log_index: _ } = *movement;
        Self { chain, tx, kind, asset, from, to, token_id, amount, nth }
    }

    /// The addresses that it concerns: both ends, and of an approval its owner alone.
    pub fn parties(&self) -> impl Iterator<Item = &Address> {
        parties(self.kind, &self.from, &self.to)
    }

    /// The hash that stands for this key everywhere outside.
    #[must_use]
    pub fn id(&self) -> TransferId {
        let contract = match self.asset {
            Asset::Coin => [0; 20],
            Asset::Token(contract) => contract.into_array(),
        };
        let (id_known, token_id) = self.token_id.map_or((0, U256::ZERO), |id| (1, id));
        TransferId::hash(
            "transfer",
            &[
                &self.chain.0.to_be_bytes(),
                self.tx.as_slice(),
                self.kind.word().as_bytes(),
                &[u8::from(self.asset != Asset::Coin)],
                &contract,
                self.from.as_slice(),
                self.to.as_slice(),
                &[id_known],
                &token_id.to_be_bytes::<32>(),
                &self.amount.to_be_bytes::<32>(),
                &self.nth.to_be_bytes(),
            ],
        )
    }
}

/// How buried a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// In a block.
    Seen,
    /// As deep as the chain's settings ask.
    Confirmed,
    /// It cannot be taken back.
    Final,
    /// A reorg took it back.
    Retracted,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Seen, Self::Confirmed, Self::Final, Self::Retracted];

    /// The word that people and webhook bodies see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Confirmed => "confirmed",
            Self::Final => "final",
            Self::Retracted => "retracted",
        }
    }

    /// The stage with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }
}
