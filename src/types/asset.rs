//! What moves: the chain's coin, or a token identified by its contract and never by its symbol.

use super::chain::ChainId;
use alloy::primitives::Address;

/// An asset on one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// The chain's own coin.
    Coin,
    /// A contract. Its name and symbol are decoration.
    Token(Address),
}

/// An asset at an address on a chain: what has a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holding {
    /// Where.
    pub chain: ChainId,
    /// Whose.
    pub address: Address,
    /// Of what.
    pub asset: Asset,
}

/// How a movement came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The value of a transaction itself.
    Coin,
    /// Coin moved by a call, a creation or a self-destruct inside a transaction.
    Internal,
    /// An ERC-20 `Transfer` log.
    Token,
    /// An ERC-721 `Transfer` log.
    Erc721,
    /// One (id, value) of an ERC-1155 transfer.
    Erc1155,
    /// An ERC-20 or ERC-721 `Approval` log: nothing moved, but the spender may move it.
    Approval,
    /// An `ApprovalForAll` log of ERC-721 or ERC-1155: the operator may move everything of the contract.
    ApprovalForAll,
}

impl Kind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 7] =
        [Self::Coin, Self::Internal, Self::Token, Self::Erc721, Self::Erc1155, Self::Approval, Self::ApprovalForAll];

    /// The word that people and webhook bodies see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Coin => "coin",
            Self::Internal => "internal",
            Self::Token => "token",
            Self::Erc721 => "erc721",
            Self::Erc1155 => "erc1155",
            Self::Approval => "approval",
            Self::ApprovalForAll => "approval_for_all",
        }
    }

    /// Whether it is a leave to move something, and moves nothing itself: `from` is the owner, `to` the spender, the amount what may be
    /// moved (of one NFT and of all: 1, and 0 where the leave was taken back).
    #[must_use]
    pub const fn is_approval(self) -> bool {
        match self {
            Self::Approval | Self::ApprovalForAll => true,
            Self::Coin | Self::Internal | Self::Token | Self::Erc721 | Self::Erc1155 => false,
        }
    }

    /// Whether the explorers' list of it shows how far its index has come.
    #[must_use]
    pub const fn shows_head(self) -> bool {
        match self {
            Self::Internal | Self::Approval | Self::ApprovalForAll => false,
            Self::Coin | Self::Token | Self::Erc721 | Self::Erc1155 => true,
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
