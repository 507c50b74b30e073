//! What the reactor works by, made from the config by `config::checked` and from nothing else.
//!
//! Names and tags are resolved, thresholds are in raw units, depths are numbers: the reactor never sees the config.

use super::addresses::{AddressList, Listed};
pub use super::paying::{Approval, LiveSettings, Payee, PaymentAmount, PaymentSettings};
pub use super::pricing::{AtLeastUsd, Move, PriceSettings};
pub use super::system::{Heartbeat, SystemSettings};
use crate::types::gas::Fee;
use crate::types::{Address, Asset, ChainId, Name, Pair, Percent, Price, Severity, Stage, U256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Everything in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The chains that anything is watched on.
    pub chains: BTreeMap<ChainId, ChainSettings>,
    /// The watch list of the config. On a chain an address belongs to one watch.
    pub watches: Arc<Vec<Watch>>,
    /// Tokens that are identified by contract: the chain table's and every `[[token]]`.
    pub tokens: BTreeMap<(ChainId, Address), KnownToken>,
    /// In the order of the config.
    pub rules: Vec<Rule>,
    /// Where alerts can go.
    pub sinks: BTreeMap<Name, SinkSettings>,
    /// What rules pay.
    pub payments: Vec<PaymentSettings>,
    /// Whom payments may go to.
    pub payees: BTreeMap<Name, Payee>,
    /// What pays them, where anything is live.
    pub live: Option<LiveSettings>,
    /// Built-in alerts.
    pub system: SystemSettings,
    /// Price feeds by name, with the pairs that each is asked for.
    pub feeds: BTreeMap<Name, Vec<Pair>>,
    /// What is made of prices.
    pub prices: PriceSettings,
    /// The pair that values an asset; what is not here is never valued.
    pub values: BTreeMap<(ChainId, Asset), Pair>,
    /// Less than this of an asset is dust: raw. What is not here has none.
    pub dust: BTreeMap<(ChainId, Asset), U256>,
    /// Which balances are read though no rule looks at them.
    pub balances: BalanceSettings,
    /// Set by `demo`: every message says that it is simulated.
    pub simulated: bool,
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainSettings {
    /// As in the config.
    pub name: Name,
    /// EIP-155 id.
    pub id: ChainId,
    /// Symbol of the coin.
    pub coin: Name,
    /// Decimals of the coin.
    pub coin_decimals: u8,
    /// The usual time between blocks.
    pub block_time: Duration,
    /// When a transfer is confirmed.
    pub confirmed: Confirmed,
    /// A transfer this deep is final where the chain has no `finalized` tag. Confirmations: its own block is the first.
    pub final_after: u64,
    /// Whether final waits for the `finalized` tag. Otherwise depth decides.
    pub finalized_tag: bool,
    /// RPC endpoints in the order of the config; the first fresh one reads blocks.
    pub endpoints: Vec<Name>,
    /// The explorer that covers this chain, by its source name.
    pub explorer: Option<Name>,
    /// No new block for this long is blindness.
    pub stale_after: Duration,
    /// Text before a transaction's hash in a link.
    pub tx_url: Option<Name>,
}

/// When a transfer counts as confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// With so many confirmations; its own block is the first.
    Depth(u64),
    /// At or below the `safe` tag.
    Safe,
    /// At or below the `finalized` tag.
    Finalized,
}

/// A token whose contract we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    /// Its symbol, from the table or the config, never from a chain.
    pub symbol: Name,
    /// Its decimals.
    pub decimals: u8,
}

/// A named set of addresses on some chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Its id.
    pub name: Name,
    /// The addresses, with what a list file says of each.
    pub addresses: Arc<AddressList>,
    /// Where.
    pub chains: Vec<ChainId>,
    /// As in the config.
    pub tags: Vec<Name>,
    /// Where its history begins; `None` is "now".
    pub from_block: Option<u64>,
}

/// A condition, with whom to notify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub name: Name,
    /// Of its alerts.
    pub severity: Severity,
    /// Sinks; never empty.
    pub notify: Vec<Name>,
    /// When it speaks.
    pub condition: Condition,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Each matching transfer.
    Transfer(TransferCondition),
    /// Crossings of a price.
    Price(PriceCondition),
    /// A price that changes within a time.
    Change(ChangeCondition),
    /// Crossings of a gas price.
    Gas(GasCondition),
    /// Crossings of balances.
    Balance(BalanceCondition),
    /// Each matching approval.
    Approval(ApprovalCondition),
}

/// Which transfers a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferCondition {
    /// Names of the config's watches; tags are resolved.
    pub watches: BTreeSet<Name>,
    /// Which of the watches that are added at run time.
    pub added: Added,
    /// Chains.
    pub chains: BTreeSet<ChainId>,
    /// As seen from the watch.
    pub direction: Direction,
    /// Of whom alone; `None` is of anyone.
    pub from: Option<BTreeSet<Address>>,
    /// `None` is every asset. Only assets identified by contract can be named.
    pub assets: Option<BTreeSet<(ChainId, Asset)>>,
    /// Smallest amount that speaks, raw, inclusive, per asset. Where a rule sets a threshold, an asset without an entry is not
    /// spoken of; `None` is no threshold.
    pub at_least: Option<BTreeMap<(ChainId, Asset), U256>>,
    /// Smallest worth that speaks, inclusive. An asset that nothing values is not spoken of then.
    pub at_least_usd: Option<AtLeastUsd>,
    /// The stages it speaks at, ascending; a retraction of what was said is always said.
    pub stages: BTreeSet<Stage>,
    /// Transfers between two watches.
    pub between_own: BetweenOwn,
    /// Whether marked transfers (dust, known symbol) are left out too.
    pub skip_suspect: bool,
    /// Whether what is made to deceive is said at once, not in the daily digest.
    pub show_suspect: bool,
    /// Whether it speaks of what lies before the watch too. The last field: `configure` leaves it out of a condition's hash where it is not
    /// set.
    pub history: bool,
}

/// Which approvals a rule speaks of. The watches are the owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalCondition {
    /// Names of watches; tags are resolved.
    pub watches: BTreeSet<Name>,
    /// Watches that are added at run time.
    pub added: Added,
    /// Chains.
    pub chains: BTreeSet<ChainId>,
    /// `None` is every contract.
    pub assets: Option<BTreeSet<(ChainId, Asset)>>,
    /// What speaks; `None` is every amount, single NFTs too.
    pub at_least: Option<LeastAllowance>,
    /// Spenders of whom nothing is said.
    pub trusted: BTreeSet<(ChainId, Address)>,
    /// Names of watches whose addresses are such spenders.
    pub trusted_watches: BTreeSet<Name>,
    /// Whether it also speaks of approvals that are taken back, however much they were.
    pub revokes: bool,
    /// The stages it speaks at, ascending; a retraction of what was said is always said.
    pub stages: BTreeSet<Stage>,
    /// Whether approvals of unverified tokens with a known symbol are left out.
    pub skip_suspect: bool,
}

/// The smallest allowance that a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeastAllowance {
    /// Raw, inclusive, per asset; an asset without an entry is not spoken of, nor are NFTs.
    Amount(BTreeMap<(ChainId, Asset), U256>),
    /// Nothing bounds it: all there will ever be of a token, everything of an NFT's contract.
    Unlimited,
}

impl ApprovalCondition {
    /// Whether it speaks of leaves to move everything of a contract.
    #[must_use]
    pub const fn speaks_of_everything(&self) -> bool {
        match self.at_least {
            None | Some(LeastAllowance::Unlimited) => true,
            Some(LeastAllowance::Amount(_)) => false,
        }
    }
}

/// Which of the watches that are added at run time a rule looks at. Their names are nobody's promise: a rule names them by tag, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// Each.
    All,
    /// Those with one of these tags.
    Tagged(BTreeSet<Name>),
}

impl Added {
    /// Whether it looks at any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        match self {
            Self::All => true,
            Self::Tagged(tags) => !tags.is_empty(),
        }
    }

    /// Whether it looks at a watch with these tags.
    #[must_use]
    pub fn takes(&self, tags: &[Name]) -> bool {
        match self {
            Self::All => true,
            Self::Tagged(wanted) => tags.iter().any(|tag| wanted.contains(tag)),
        }
    }
}

/// As seen from the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It received.
    In,
    /// It sent.
    Out,
    /// Either.
    Both,
}

/// What a rule says of a transfer between two watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BetweenOwn {
    /// One alert for each watch.
    Each,
    /// One alert, for the receiving watch.
    Once,
    /// None.
    Skip,
}

/// A price and its threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceCondition {
    /// Which.
    pub pair: Pair,
    /// When.
    pub threshold: Threshold<Price>,
}

/// How far a price may move within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeCondition {
    /// Of what.
    pub pair: Pair,
    /// Within this time before now; whole minutes.
    pub within: Duration,
    /// Which way.
    pub movement: Move,
    /// Past how much of the price it moved from; the side is above.
    pub threshold: Threshold<Percent>,
}

/// A chain's fee for gas and its threshold, in wei.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GasCondition {
    /// Where.
    pub chain: ChainId,
    /// When.
    pub threshold: Threshold<U256>,
    /// Which fee. The last field: `configure` leaves the base fee out of a condition's hash.
    pub of: Fee,
}

/// Balances of watched addresses and their thresholds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceCondition {
    /// Names of the config's watches; tags are resolved.
    pub watches: BTreeSet<Name>,
    /// Which of the watches that are added at run time.
    pub added: Added,
    /// Where, of what, and past which raw amount: each address of the watches that is watched there has a level of its own.
    pub thresholds: BTreeMap<(ChainId, Asset), Threshold<U256>>,
}

/// Which balances are read though no rule looks at them, to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BalanceSettings {
    /// Assets by chain, of every address that is watched there.
    pub shown: BTreeSet<(ChainId, Asset)>,
    /// No more balances than so many; the rest is counted.
    pub most: usize,
    /// Tokens whose balances move without transfers.
    pub rebasing: BTreeSet<(ChainId, Address)>,
}

/// A level with hysteresis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold<T> {
    /// Which side of the level is a crossing.
    pub side: Side,
    /// Strictly past this is crossed.
    pub level: T,
    /// At or back beyond this is recovered.
    pub recovers_at: T,
    /// How long it must stay past the level; zero is at once.
    pub hold: Duration,
    /// Crossings sooner than this after the last one that was said are counted, not said.
    pub at_most_every: Option<Duration>,
}

/// Which side of a level is a crossing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Strictly below.
    Below,
    /// Strictly above.
    Above,
}

/// What the reactor must know of a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSettings {
    /// Its id.
    pub name: Name,
    /// Lower severities are not sent there.
    pub min_severity: Severity,
    /// Message types that it takes (`payment.*`, `transfer.confirmed`); empty is all.
    pub types: Vec<Name>,
}

impl ChainSettings {
    /// How many blocks an explorer's list is read again, below the head that it showed.
    #[must_use]
    pub fn overlap(&self) -> u64 {
        /// An explorer's index may report a row this much late: what it could still report is asked for again and remembered.
        const LATEST_ROW: Duration = Duration::from_mins(10);
        let block_time = self.block_time.as_millis().max(1);
        let late = u64::try_from(LATEST_ROW.as_millis() / block_time).unwrap_or(u64::MAX);
        self.final_after.max(late)
    }

    /// The most confirmations that something of this stage can have: with more it would be of the next one.
    #[must_use]
    pub fn most_at(&self, stage: Stage) -> u64 {
        let next = match (stage, self.confirmed) {
            (Stage::Seen, Confirmed::Depth(depth)) => depth,
            (Stage::Seen, Confirmed::Safe | Confirmed::Finalized) | (Stage::Confirmed, _) => self.final_after,
            (Stage::Final | Stage::Retracted, _) => return u64::MAX,
        };
        next.saturating_sub(1).max(1)
    }
}

impl Condition {
    /// Whether it speaks at once of what looks made to deceive. An approval is never held back.
    #[must_use]
    pub const fn shows_suspects(&self) -> bool {
        match self {
            Self::Transfer(condition) => condition.show_suspect,
            Self::Approval(_) | Self::Price(_) | Self::Change(_) | Self::Gas(_) | Self::Balance(_) => true,
        }
    }

    /// Whether it looks at a watch, of the config or added at run time.
    #[must_use]
    pub fn looks_at(&self, watch: &Watch, of_config: bool) -> bool {
        let (watches, added) = match self {
            Self::Transfer(condition) => (&condition.watches, &condition.added),
            Self::Balance(condition) => (&condition.watches, &condition.added),
            Self::Approval(condition) => (&condition.watches, &condition.added),
            Self::Price(_) | Self::Change(_) | Self::Gas(_) => return false,
        };
        if of_config { watches.contains(&watch.name) } else { added.takes(&watch.tags) }
    }
}

impl Watch {
    /// From which block on the lists of one of its addresses are read, where somebody said so.
    #[must_use]
    pub fn from_block_of(&self, listed: &Listed<'_>) -> Option<u64> {
        listed.from_block.or(self.from_block)
    }
}

impl Settings {
    /// Whether `sink` takes messages of this type and severity.
    #[must_use]
    pub fn takes(&self, sink: &Name, kind: &str, severity: Severity) -> bool {
        self.sinks.get(sink).is_some_and(|sink| {
            let typed = |pattern: &Name| is_of_type(kind, pattern.as_str());
            severity >= sink.min_severity && (sink.types.is_empty() || sink.types.iter().any(typed))
        })
    }
}

/// Whether a message of type `kind` is one of those that a config means by `pattern` (`payment.*`, `transfer.confirmed`).
#[must_use]
pub fn is_of_type(kind: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => kind == pattern,
    }
}
