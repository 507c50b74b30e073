//! The `data` of each type of body: one struct for writing it and for reading it back.
//!
//! Field order is the order of FACES §3. `fill` puts a message's facts into them.

mod approval;

pub use approval::ApprovalData;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// The data of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    /// Of `transfer.*`.
    Transfer(Box<TransferData<'a>>),
    /// Of `approval.*`.
    Approval(Box<ApprovalData<'a>>),
    /// Of `price.*`.
    Price(PriceData<'a>),
    /// Of `gas.*`.
    Gas(GasData<'a>),
    /// Of `balance.*`.
    Balance(Box<BalanceData<'a>>),
    /// Of `source.*`.
    Source(SourceData<'a>),
    /// Of `sink.*`.
    Sink(SinkData<'a>),
    /// Of `payment.*`.
    Payment(Box<PaymentData<'a>>),
    /// Of `payments.*`.
    Frozen(FrozenData<'a>),
    /// Of `alert.resolved`.
    Resolved(ResolvedData<'a>),
    /// Of `heartbeat`.
    Heartbeat(super::HeartbeatData<'a>),
    /// Of `digest`.
    Digest(super::DigestData<'a>),
    /// Of `test`, and what all say where the type is a later version's.
    Other(Basics<'a>),
}

/// What every body says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Basics<'a> {
    /// Whose life it belongs to.
    #[serde(borrow)]
    pub alert_id: Cow<'a, str>,
    /// Counts per alert.
    pub revision: u32,
    /// The rule; `null` of built-in alerts.
    #[serde(default)]
    pub rule: Option<Cow<'a, str>>,
    /// `info`, `warning`, `critical`.
    #[serde(borrow)]
    pub severity: Cow<'a, str>,
    /// From a simulation.
    #[serde(default)]
    pub simulated: bool,
}

/// Of `transfer.*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the contract's: FACES §3 says what each holds")]
pub struct TransferData<'a> {
    #[serde(borrow)]
    pub alert_id: Cow<'a, str>,
    pub revision: u32,
    pub rule: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub severity: Cow<'a, str>,
    #[serde(borrow)]
    pub transfer_id: Cow<'a, str>,
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
    pub chain_id: u64,
    #[serde(borrow)]
    pub watch: Cow<'a, str>,
    #[serde(rename = "ref")]
    pub reference: Option<Cow<'a, str>>,
    /// What people call the address; messages of earlier versions have none.
    #[serde(default)]
    pub label: Option<Cow<'a, str>>,
    pub tags: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    #[serde(borrow)]
    pub direction: Cow<'a, str>,
    #[serde(borrow)]
    pub asset: AssetData<'a>,
    pub amount: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub amount_raw: Cow<'a, str>,
    /// `null` where it is unknown.
    #[serde(default)]
    pub usd: Option<UsdData<'a>>,
    /// Why it is unknown, of what has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_unknown: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub from: Cow<'a, str>,
    #[serde(borrow)]
    pub to: Cow<'a, str>,
    #[serde(borrow)]
    pub tx_hash: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    pub nth: u32,
    /// Of NFTs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Cow<'a, str>>,
    pub log_index: Option<u64>,
    #[serde(borrow)]
    pub block: BlockData<'a>,
    pub confirmations: u64,
    #[serde(borrow)]
    pub stage: Cow<'a, str>,
    pub previous_stage: Option<Cow<'a, str>>,
    pub reason: Option<Cow<'a, str>>,
    pub suspect: Option<Vec<Cow<'a, str>>>,
    pub late: bool,
    pub history: bool,
    pub simulated: bool,
    pub url: Option<Cow<'a, str>>,
}

/// What moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetData<'a> {
    /// Ours where `verified`; else a stranger's text, cleaned.
    pub symbol: Option<Cow<'a, str>>,
    /// `null` for the chain's coin.
    pub contract: Option<Cow<'a, str>>,
    /// Where known.
    pub decimals: Option<u8>,
    /// Whether the contract is one that we know.
    pub verified: bool,
}

/// What it is worth in US dollars, and by which price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsdData<'a> {
    /// To the cent.
    #[serde(borrow)]
    pub value: Cow<'a, str>,
    /// Exact.
    #[serde(borrow)]
    pub price: Cow<'a, str>,
    /// Of what.
    #[serde(borrow)]
    pub pair: Cow<'a, str>,
    /// The feed; of several, that it is the median of which.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// How many feeds.
    pub sources: u32,
    /// From the lowest to the highest of them, in percent of the price.
    #[serde(borrow)]
    pub spread_percent: Cow<'a, str>,
    /// The price's own time.
    #[serde(borrow)]
    pub as_of: Cow<'a, str>,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockData<'a> {
    /// Height.
    pub number: u64,
    /// `null` where the reporter has none.
    pub hash: Option<Cow<'a, str>>,
    /// The block's own time.
    #[serde(borrow)]
    pub time: Cow<'a, str>,
}

/// Of `price.*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in `reactor::effect::CrossingBody`")]
pub struct PriceData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub pair: Cow<'a, str>,
    /// The feed; of several, that it is the median of which.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// How many feeds the price comes from.
    #[serde(default = "one")]
    pub sources: u32,
    /// From the lowest to the highest of them, in percent of the price.
    #[serde(default)]
    pub spread_percent: Cow<'a, str>,
    /// Of a change within a time only; `level` and `recovers_at` are in percent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeData<'a>>,
    #[serde(borrow)]
    pub value: Cow<'a, str>,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    #[serde(borrow)]
    pub level: Cow<'a, str>,
    #[serde(borrow)]
    pub recovers_at: Cow<'a, str>,
    pub crossing: u64,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    #[serde(borrow)]
    pub as_of: Cow<'a, str>,
}

/// How far a price moved within a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeData<'a> {
    /// As a part of `from`; which way, `side` says: below is a fall.
    #[serde(borrow)]
    pub percent: Cow<'a, str>,
    /// The highest price of the window where it fell, the lowest where it rose.
    #[serde(borrow)]
    pub from: Cow<'a, str>,
    /// The window.
    pub within_seconds: u64,
}

/// Bodies of versions before the median have one source.
const fn one() -> u32 {
    1
}

/// Of `gas.*`. Values are in gwei, and raw in wei.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in `reactor::effect::CrossingBody`")]
pub struct GasData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
    pub chain_id: u64,
    #[serde(borrow)]
    pub of: Cow<'a, str>,
    #[serde(borrow)]
    pub value: Cow<'a, str>,
    #[serde(borrow)]
    pub value_wei: Cow<'a, str>,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    #[serde(borrow)]
    pub level: Cow<'a, str>,
    #[serde(borrow)]
    pub level_wei: Cow<'a, str>,
    #[serde(borrow)]
    pub recovers_at: Cow<'a, str>,
    #[serde(borrow)]
    pub recovers_at_wei: Cow<'a, str>,
    pub block: u64,
    pub crossing: u64,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    #[serde(borrow)]
    pub as_of: Cow<'a, str>,
}

/// Of `balance.*`. Amounts are in the asset's own unit, where its decimals are known, and raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in `reactor::effect::BalanceBody`")]
pub struct BalanceData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
    pub chain_id: u64,
    #[serde(borrow)]
    pub watch: Cow<'a, str>,
    #[serde(rename = "ref")]
    pub reference: Option<Cow<'a, str>>,
    pub tags: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    #[serde(borrow)]
    pub asset: AssetData<'a>,
    pub amount: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub amount_raw: Cow<'a, str>,
    /// `null` where it is unknown.
    #[serde(default)]
    pub usd: Option<UsdData<'a>>,
    /// Why it is unknown, of what has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_unknown: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub side: Cow<'a, str>,
    pub level: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub level_raw: Cow<'a, str>,
    pub recovers_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub recovers_at_raw: Cow<'a, str>,
    #[serde(borrow)]
    pub block: ReadAtData<'a>,
    pub crossing: u64,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    #[serde(borrow)]
    pub as_of: Cow<'a, str>,
    pub reason: Option<Cow<'a, str>>,
}

/// The block that a balance is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadAtData<'a> {
    /// Height; where there is no hash, about.
    pub number: u64,
    /// `null` where the source does not say which block it read at.
    pub hash: Option<Cow<'a, str>>,
}

/// Of `source.*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in `reactor::effect::SourceBody`")]
pub struct SourceData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    pub chain: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    pub last_block: Option<u64>,
    pub gap: Option<GapData>,
    /// Of feeds that differ, and agree again: about what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Cow<'a, str>>,
    /// Of a pair that no feed has a price of, and of its end: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

/// Blocks that were missed, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapData {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// Of `sink.*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in `reactor::effect::SinkBody`")]
pub struct SinkData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub sink: Cow<'a, str>,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    pub dead: u64,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

/// Of `payments.frozen` and `payments.unfrozen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "as in `reactor::effect::FrozenBody`")]
pub struct FrozenData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub what: Cow<'a, str>,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    #[serde(borrow)]
    pub audit_head: Option<Cow<'a, str>>,
}

/// Of `payment.*`. Circle's fields and the audit head are `null` while every payment is a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the contract's: FACES §3")]
pub struct PaymentData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    #[serde(borrow)]
    pub payment_id: Cow<'a, str>,
    #[serde(borrow)]
    pub payee: Cow<'a, str>,
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
    pub chain_id: u64,
    #[serde(borrow)]
    pub amount: Cow<'a, str>,
    #[serde(borrow)]
    pub amount_raw: Cow<'a, str>,
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    pub circle_state: Option<Cow<'a, str>>,
    pub circle_id: Option<Cow<'a, str>>,
    pub tx_hash: Option<Cow<'a, str>>,
    pub rehearsal: bool,
    pub reason: Option<Cow<'a, str>>,
    pub transfer_id: Option<Cow<'a, str>>,
    pub crossing: Option<u64>,
    pub audit_head: Option<Cow<'a, str>>,
}

/// Of `alert.resolved`: the alert is over, for a reason that is none of its subject's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResolvedData<'a> {
    /// What every body says.
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    /// Why, in words.
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

impl<'a> Data<'a> {
    /// Reads the data of a body of this type.
    pub(super) fn read(kind: &str, json: &'a str) -> serde_json::Result<Self> {
        let family = kind.split('.').next().unwrap_or(kind);
        Ok(match family {
            "transfer" => Self::Transfer(serde_json::from_str(json)?),
            "approval" => Self::Approval(serde_json::from_str(json)?),
            "price" => Self::Price(serde_json::from_str(json)?),
            "balance" => Self::Balance(serde_json::from_str(json)?),
            "gas" => Self::Gas(serde_json::from_str(json)?),
            "source" => Self::Source(serde_json::from_str(json)?),
            "sink" => Self::Sink(serde_json::from_str(json)?),
            "payments" => Self::Frozen(serde_json::from_str(json)?),
            "payment" => Self::Payment(serde_json::from_str(json)?),
            "alert" => Self::Resolved(serde_json::from_str(json)?),
            "digest" => Self::Digest(serde_json::from_str(json)?),
            "heartbeat" => Self::Heartbeat(serde_json::from_str(json)?),
            _ => Self::Other(serde_json::from_str(json)?),
        })
    }
}
