//! Which source something is about, and what is told of one. Values only: how a source is doing is in `supervise`.

use super::money::Sha256;
use crate::types::{ChainId, Name, Pair, Timestamp};

/// What kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A chain's RPC endpoint.
    Rpc,
    /// An Etherscan-compatible explorer, on one chain.
    Explorer,
    /// A price feed.
    Feed,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Rpc, Self::Explorer, Self::Feed];

    /// The word in metrics and bodies.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Explorer => "explorer",
            Self::Feed => "feed",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A source: (kind, chain, name) is unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceId {
    /// What it is.
    pub kind: SourceKind,
    /// Its chain, where it has one.
    pub chain: Option<ChainId>,
    /// Endpoint, explorer or feed.
    pub name: Name,
}

/// Which list of an explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// `txlist`: coin moved by transactions themselves.
    Transactions,
    /// `txlistinternal`: coin moved inside transactions.
    Internal,
    /// `tokentx`: ERC-20 transfers.
    Tokens,
    /// `tokennfttx`: ERC-721 transfers.
    Nfts,
    /// `token1155tx`: ERC-1155 transfers, a row for each (id, value).
    MultiTokens,
    /// `getLogs` of `Approval` with the address as its owner.
    Approvals,
    /// `getLogs` of `ApprovalForAll` with the address as its owner.
    ApprovalsForAll,
}

impl List {
    /// Every list.
    pub const ALL: [Self; 7] = [
        Self::Transactions,
        Self::Internal,
        Self::Tokens,
        Self::Nfts,
        Self::MultiTokens,
        Self::Approvals,
        Self::ApprovalsForAll,
    ];

    /// Those that are read for the record; NFTs and approvals cost two calls more each, and are read where a rule speaks of them.
    pub const USUAL: [Self; 3] = [Self::Transactions, Self::Internal, Self::Tokens];

    /// The explorer's own word for it; of logs ours, for the explorer has one word for all of them.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transactions => "txlist",
            Self::Internal => "txlistinternal",
            Self::Tokens => "tokentx",
            Self::Nfts => "tokennfttx",
            Self::MultiTokens => "token1155tx",
            Self::Approvals => "approvals",
            Self::ApprovalsForAll => "approvals_for_all",
        }
    }

    /// Whether what moves in it moves the coin balance too.
    #[must_use]
    pub const fn shows_in_balance(self) -> bool {
        match self {
            Self::Transactions | Self::Internal => true,
            Self::Tokens | Self::Nfts | Self::MultiTokens | Self::Approvals | Self::ApprovalsForAll => false,
        }
    }

    /// The list with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.word() == word)
    }
}

/// The facts of `source.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceBody {
    /// What it is about.
    pub kind: SourceKind,
    /// Its chain's name.
    pub chain: Option<Name>,
    /// The source's name; the chain's where all of its sources are meant.
    pub source: Name,
    /// Since when.
    pub since: Timestamp,
    /// The last block that was processed.
    pub last_block: Option<u64>,
    /// Blocks that were missed and are read now: `(from, to)`.
    pub gap: Option<(u64, u64)>,
    /// The pair that feeds differ about.
    pub pair: Option<Pair>,
    /// The pair that no feed has a price of.
    pub unpriced: Option<Pair>,
    /// In words, without urls or secrets.
    pub reason: Name,
}

/// The facts of `sink.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkBody {
    /// Which sink.
    pub sink: Name,
    /// Since when.
    pub since: Timestamp,
    /// Dead letters since the alert was raised.
    pub dead: u64,
    /// In words, without urls or secrets.
    pub reason: Name,
}

/// The facts of `heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatBody {
    /// When the next one is due: who hears nothing for much longer knows that the monitor is gone.
    pub next: Timestamp,
    /// What is blind or fails now, by name.
    pub trouble: Vec<Name>,
    /// The hash of the last line of the audit of payments, where there is one (MONEY §10).
    pub audit_head: Option<Sha256>,
}
