//! The `data` of each type of body: one struct for writing it and for reading it back.
//!
//! Field order is the order of FACES §3. Nothing here decides anything: it says what the message says.

use super::time;
use crate::reactor::effect::{
    Body, CrossingBody, CrossingSubject, Message, PaymentBody, SinkBody, SourceBody, TransferBody,
};
use crate::reactor::settings::{Direction, Side};
use crate::types::amount::format_amount;
use crate::types::{Asset, U256, Untrusted};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Decimals beyond this are an absurdity of the token: the amount is said raw (facts/reliability.md S10).
const MOST_DECIMALS: u8 = 36;
/// A gwei is 10^9 wei.
const GWEI_DECIMALS: u8 = 9;
/// USDC has six decimals wherever Circle issues it.
const USDC_DECIMALS: u8 = 6;

/// The data of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    /// Of `transfer.*`.
    Transfer(Box<TransferData<'a>>),
    /// Of `price.*`.
    Price(PriceData<'a>),
    /// Of `gas.*`.
    Gas(GasData<'a>),
    /// Of `source.*`.
    Source(SourceData<'a>),
    /// Of `sink.*`.
    Sink(SinkData<'a>),
    /// Of `payment.*`.
    Payment(Box<PaymentData<'a>>),
    /// Of `test`, and what is common to all where the type is a later version's.
    Other(Common<'a>),
}

/// What every body says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Common<'a> {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Always `null` in this version: no valuation yet.
    #[serde(skip_deserializing)]
    pub usd: (),
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in `reactor::effect::CrossingBody`")]
pub struct PriceData<'a> {
    #[serde(flatten, borrow)]
    pub common: Common<'a>,
    #[serde(borrow)]
    pub pair: Cow<'a, str>,
    #[serde(borrow)]
    pub source: Cow<'a, str>,
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

/// Of `gas.*`. Values are in gwei, and raw in wei.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in `reactor::effect::CrossingBody`")]
pub struct GasData<'a> {
    #[serde(flatten, borrow)]
    pub common: Common<'a>,
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

/// Of `source.*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in `reactor::effect::SourceBody`")]
pub struct SourceData<'a> {
    #[serde(flatten, borrow)]
    pub common: Common<'a>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    pub chain: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    pub last_block: Option<u64>,
    pub gap: Option<GapData>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

/// Blocks that were missed, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapData {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// Of `sink.*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in `reactor::effect::SinkBody`")]
pub struct SinkData<'a> {
    #[serde(flatten, borrow)]
    pub common: Common<'a>,
    #[serde(borrow)]
    pub sink: Cow<'a, str>,
    #[serde(borrow)]
    pub since: Cow<'a, str>,
    pub dead: u64,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

/// Of `payment.*`. Circle's fields and the audit head are `null` while every payment is a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the contract's: FACES §3")]
pub struct PaymentData<'a> {
    #[serde(flatten, borrow)]
    pub common: Common<'a>,
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

impl<'a> Data<'a> {
    /// What `message` says.
    #[must_use]
    pub fn of(message: &'a Message) -> Self {
        let common = || Common::of(message);
        match &message.body {
            Body::Transfer(transfer) => Self::Transfer(Box::new(TransferData::of(message, transfer))),
            Body::Crossing(crossing) => crossing_data(common(), crossing),
            Body::Source(source) => Self::Source(SourceData::of(common(), source)),
            Body::Sink(sink) => Self::Sink(SinkData::of(common(), sink)),
            Body::Payment(payment) => Self::Payment(Box::new(PaymentData::of(common(), payment))),
            Body::Test => Self::Other(common()),
        }
    }

    /// Reads the data of a body of this type.
    pub(super) fn read(kind: &str, json: &'a str) -> serde_json::Result<Self> {
        let family = kind.split('.').next().unwrap_or(kind);
        Ok(match family {
            "transfer" => Self::Transfer(serde_json::from_str(json)?),
            "price" => Self::Price(serde_json::from_str(json)?),
            "gas" => Self::Gas(serde_json::from_str(json)?),
            "source" => Self::Source(serde_json::from_str(json)?),
            "sink" => Self::Sink(serde_json::from_str(json)?),
            "payment" => Self::Payment(serde_json::from_str(json)?),
            _ => Self::Other(serde_json::from_str(json)?),
        })
    }
}

impl<'a> Common<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            alert_id: text(message.alert),
            revision: message.revision,
            rule: message.rule.as_ref().map(|rule| rule.as_str().into()),
            severity: message.severity.word().into(),
            simulated: message.simulated,
        }
    }
}

impl<'a> TransferData<'a> {
    fn of(message: &'a Message, body: &'a TransferBody) -> Self {
        let key = &body.key;
        // A checksum is a hash: the watched address is one of the two ends, whose text is there already.
        let (from, to) = (key.from.to_checksum(None), key.to.to_checksum(None));
        let address = match body.address {
            own if own == key.to => to.clone(),
            own if own == key.from => from.clone(),
            own => own.to_checksum(None),
        };
        let words = body.suspect.any().then(|| body.suspect.words().into_iter().map(Cow::Borrowed).collect());
        Self {
            alert_id: text(message.alert),
            revision: message.revision,
            rule: message.rule.as_ref().map(|rule| rule.as_str().into()),
            severity: message.severity.word().into(),
            transfer_id: text(body.transfer),
            chain: body.chain.as_str().into(),
            chain_id: key.chain.0,
            watch: body.watch.as_str().into(),
            reference: body.reference.as_ref().map(|reference| reference.as_str().into()),
            tags: body.tags.iter().map(|tag| tag.as_str().into()).collect(),
            address: address.into(),
            direction: direction(body.direction).into(),
            asset: AssetData::of(body),
            amount: shown_decimals(body).map(|decimals| format_amount(key.amount, decimals).into()),
            amount_raw: text(key.amount),
            usd: (),
            from: from.into(),
            to: to.into(),
            tx_hash: text(key.tx),
            kind: key.kind.word().into(),
            nth: key.nth,
            token_id: key.token_id.map(text),
            log_index: body.log_index,
            block: BlockData { number: body.block, hash: body.block_hash.map(text), time: time(body.block_time) },
            confirmations: body.confirmations,
            stage: body.stage.word().into(),
            previous_stage: body.previous_stage.map(|stage| stage.word().into()),
            reason: body.reason.as_ref().map(|reason| reason.as_str().into()),
            suspect: words,
            late: body.late,
            history: false,
            simulated: message.simulated,
            url: body.url.as_ref().map(|url| url.as_str().into()),
        }
    }
}

impl<'a> AssetData<'a> {
    fn of(body: &'a TransferBody) -> Self {
        let symbol = body.symbol.as_ref().map(|symbol| match body.verified {
            true => Cow::Borrowed(symbol.as_str()),
            false => Cow::Owned(Untrusted::new(symbol.as_str()).as_str().to_owned()),
        });
        let contract = match body.key.asset {
            Asset::Coin => None,
            Asset::Token(contract) => Some(contract.to_checksum(None).into()),
        };
        Self { symbol, contract, decimals: body.decimals, verified: body.verified }
    }
}

impl<'a> SourceData<'a> {
    fn of(common: Common<'a>, body: &'a SourceBody) -> Self {
        Self {
            common,
            kind: body.kind.word().into(),
            chain: body.chain.as_ref().map(|chain| chain.as_str().into()),
            source: body.source.as_str().into(),
            since: time(body.since),
            last_block: body.last_block,
            gap: body.gap.map(|(from, to)| GapData { from, to }),
            reason: body.reason.as_str().into(),
        }
    }
}

impl<'a> SinkData<'a> {
    fn of(common: Common<'a>, body: &'a SinkBody) -> Self {
        let (sink, reason) = (body.sink.as_str().into(), body.reason.as_str().into());
        Self { common, sink, since: time(body.since), dead: body.dead, reason }
    }
}

impl<'a> PaymentData<'a> {
    fn of(common: Common<'a>, body: &'a PaymentBody) -> Self {
        Self {
            common,
            payment_id: text(body.payment),
            payee: body.payee.as_str().into(),
            chain: body.chain.as_str().into(),
            chain_id: body.chain_id.0,
            amount: format_amount(body.amount, USDC_DECIMALS).into(),
            amount_raw: text(body.amount),
            state: body.state.word().into(),
            circle_state: None,
            circle_id: None,
            tx_hash: None,
            // Nothing in this version can send: the config refuses live payments.
            rehearsal: true,
            reason: body.reason.as_ref().map(|reason| reason.as_str().into()),
            transfer_id: body.transfer.map(text),
            crossing: body.crossing,
            audit_head: None,
        }
    }
}

fn crossing_data<'a>(common: Common<'a>, body: &'a CrossingBody) -> Data<'a> {
    let side = match body.side {
        Side::Below => "below".into(),
        Side::Above => "above".into(),
    };
    let (crossing, since, as_of) = (body.crossing, time(body.since), time(body.as_of));
    match &body.subject {
        CrossingSubject::Price { pair, feed, value, level, recovers_at } => Data::Price(PriceData {
            common,
            pair: pair.as_str().into(),
            source: feed.as_str().into(),
            value: text(value),
            side,
            level: text(level),
            recovers_at: text(recovers_at),
            crossing,
            since,
            as_of,
        }),
        CrossingSubject::BaseFee { chain, chain_id, value, level, recovers_at, block } => Data::Gas(GasData {
            common,
            chain: chain.as_str().into(),
            chain_id: chain_id.0,
            of: "base_fee".into(),
            value: gwei(*value),
            value_wei: text(value),
            side,
            level: gwei(*level),
            level_wei: text(level),
            recovers_at: gwei(*recovers_at),
            recovers_at_wei: text(recovers_at),
            block: *block,
            crossing,
            since,
            as_of,
        }),
    }
}

/// The decimals to write the amount with, where they are known and credible.
fn shown_decimals(body: &TransferBody) -> Option<u8> {
    body.decimals.filter(|decimals| *decimals <= MOST_DECIMALS)
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Both => "self",
    }
}

fn gwei<'a>(wei: U256) -> Cow<'a, str> {
    format_amount(wei, GWEI_DECIMALS).into()
}

fn text<'a>(value: impl std::fmt::Display) -> Cow<'a, str> {
    value.to_string().into()
}
