//! A message's facts as the `data` of its body.
//!
//! Nothing here decides anything: it says what the message says, exactly, in the words of FACES §3.

use super::data::{
    ApprovalData, AssetData, BalanceData, Basics, BlockData, ChangeData, Data, FrozenData, GapData, GasData,
    PaymentData, PriceData, ReadAtData, ResolvedData, SinkData, SourceData, TransferData, UsdData,
};
use super::{DigestData, HeartbeatData, time};
use crate::reactor::effect::{
    BalanceBody, Body, CrossingBody, CrossingSubject, DigestBody, FrozenBody, HeartbeatBody, Message, PaymentBody,
    SinkBody, SourceBody, TransferBody, Worth,
};
use crate::reactor::settings::{Direction, Side};
use crate::types::amount::format_amount;
use crate::types::{Allowance, Asset, B256, Kind, Name, U256, Untrusted};
use std::borrow::Cow;

/// Decimals beyond this are an absurdity of a token that nobody vouches for: its amounts are said raw.
const MOST_DECIMALS: u8 = 36;
/// A gwei is 10^9 wei.
const GWEI_DECIMALS: u8 = 9;
/// USDC has six decimals wherever Circle issues it.
const USDC_DECIMALS: u8 = 6;

impl<'a> Data<'a> {
    /// What `message` says.
    #[must_use]
    pub fn of(message: &'a Message) -> Self {
        let basics = || Basics::of(message);
        match &message.body {
            Body::Transfer(transfer) => Self::Transfer(Box::new(TransferData::of(message, transfer))),
            Body::Approval(approval) => Self::Approval(Box::new(ApprovalData::of(basics(), approval))),
            Body::Crossing(crossing) => crossing_data(basics(), crossing),
            Body::Source(source) => Self::Source(SourceData::of(basics(), source)),
            Body::Sink(sink) => Self::Sink(SinkData::of(basics(), sink)),
            Body::Payment(payment) => Self::Payment(Box::new(PaymentData::of(basics(), payment))),
            Body::Frozen(frozen) => Self::Frozen(FrozenData::of(basics(), frozen)),
            Body::Resolved(reason) => Self::Resolved(ResolvedData { basics: basics(), reason: reason.as_str().into() }),
            Body::Heartbeat(HeartbeatBody { next, trouble, audit_head }) => Self::Heartbeat(HeartbeatData {
                basics: basics(),
                next: time(*next),
                trouble: trouble.iter().map(|name| name.as_str().into()).collect(),
                audit_head: audit_head.map(hash),
            }),
            Body::Digest(DigestBody { reason, entries, more }) => Self::Digest(DigestData {
                basics: basics(),
                reason: reason.as_str().into(),
                entries: entries.iter().map(|line| line.as_str().into()).collect(),
                more: *more,
            }),
            Body::Test => Self::Other(basics()),
        }
    }
}

impl<'a> Basics<'a> {
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
            label: body.label.as_ref().map(|label| label.as_str().into()),
            tags: body.tags.iter().map(|tag| tag.as_str().into()).collect(),
            address: address.into(),
            direction: direction(body.direction).into(),
            asset: AssetData::of(key.asset, body.symbol.as_ref(), body.decimals, body.verified),
            amount: shown_decimals(body.decimals, body.verified)
                .map(|decimals| format_amount(key.amount, decimals).into()),
            amount_raw: text(key.amount),
            usd: body.usd.as_ref().map(usd_data),
            usd_unknown: body.usd_unknown.as_ref().map(|why| why.as_str().into()),
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
            suspect: suspect_words(body),
            late: body.late,
            history: body.history,
            simulated: message.simulated,
            url: body.url.as_ref().map(|url| url.as_str().into()),
        }
    }
}

impl<'a> ApprovalData<'a> {
    fn of(basics: Basics<'a>, body: &'a TransferBody) -> Self {
        let key = &body.key;
        let allowance = Allowance::of(key).unwrap_or(Allowance::Nothing);
        let decimals = shown_decimals(body.decimals, body.verified);
        let amount = match allowance {
            Allowance::Amount(raw) => decimals.map(|decimals| format_amount(raw, decimals).into()),
            Allowance::Nothing | Allowance::One(_) | Allowance::Unlimited | Allowance::Everything => None,
        };
        let has_amount = key.kind == Kind::Approval && key.token_id.is_none();
        Self {
            basics,
            approval_id: text(body.transfer),
            chain: body.chain.as_str().into(),
            chain_id: key.chain.0,
            watch: body.watch.as_str().into(),
            reference: body.reference.as_ref().map(|reference| reference.as_str().into()),
            tags: body.tags.iter().map(|tag| tag.as_str().into()).collect(),
            address: key.from.to_checksum(None).into(),
            spender: key.to.to_checksum(None).into(),
            asset: AssetData::of(key.asset, body.symbol.as_ref(), body.decimals, body.verified),
            allowance: allowance.word().into(),
            amount,
            amount_raw: has_amount.then(|| text(key.amount)),
            token_id: key.token_id.map(text),
            tx_hash: text(key.tx),
            kind: key.kind.word().into(),
            nth: key.nth,
            log_index: body.log_index,
            block: BlockData { number: body.block, hash: body.block_hash.map(text), time: time(body.block_time) },
            confirmations: body.confirmations,
            stage: body.stage.word().into(),
            previous_stage: body.previous_stage.map(|stage| stage.word().into()),
            reason: body.reason.as_ref().map(|reason| reason.as_str().into()),
            suspect: suspect_words(body),
            late: body.late,
            url: body.url.as_ref().map(|url| url.as_str().into()),
        }
    }
}

/// Why it is suspect; `None` where it is not.
fn suspect_words<'a>(body: &TransferBody) -> Option<Vec<Cow<'a, str>>> {
    body.suspect.any().then(|| body.suspect.words().into_iter().map(Cow::Borrowed).collect())
}

impl<'a> AssetData<'a> {
    fn of(asset: Asset, symbol: Option<&'a Name>, decimals: Option<u8>, verified: bool) -> Self {
        let cleaned = |symbol: &str| Cow::Owned(Untrusted::new(symbol).as_str().to_owned());
        let symbol = symbol.map(Name::as_str);
        let symbol = symbol.map(|symbol| if verified { symbol.into() } else { cleaned(symbol) });
        let contract = match asset {
            Asset::Coin => None,
            Asset::Token(contract) => Some(contract.to_checksum(None).into()),
        };
        Self { symbol, contract, decimals, verified }
    }
}

impl<'a> SourceData<'a> {
    fn of(basics: Basics<'a>, body: &'a SourceBody) -> Self {
        Self {
            basics,
            kind: body.kind.word().into(),
            chain: body.chain.as_ref().map(|chain| chain.as_str().into()),
            source: body.source.as_str().into(),
            since: time(body.since),
            last_block: body.last_block,
            gap: body.gap.map(|(from, to)| GapData { from, to }),
            pair: body.pair.as_ref().map(|pair| pair.as_str().into()),
            unpriced: body.unpriced.as_ref().map(|pair| pair.as_str().into()),
            reason: body.reason.as_str().into(),
        }
    }
}

impl<'a> SinkData<'a> {
    fn of(basics: Basics<'a>, body: &'a SinkBody) -> Self {
        let (sink, reason) = (body.sink.as_str().into(), body.reason.as_str().into());
        Self { basics, sink, since: time(body.since), dead: body.dead, reason }
    }
}

/// A hash, in digits.
fn hash<'a>(hash: [u8; 32]) -> Cow<'a, str> {
    format!("{:#x}", B256::from(hash)).into()
}

impl<'a> FrozenData<'a> {
    fn of(basics: Basics<'a>, body: &'a FrozenBody) -> Self {
        let (what, reason) = (body.what.as_str().into(), body.reason.as_str().into());
        Self { basics, what, since: time(body.since), reason, audit_head: body.audit_head.map(hash) }
    }
}

impl<'a> PaymentData<'a> {
    fn of(basics: Basics<'a>, body: &'a PaymentBody) -> Self {
        let live = body.live.as_ref();
        Self {
            basics,
            payment_id: text(body.payment),
            payee: body.payee.as_str().into(),
            chain: body.chain.as_str().into(),
            chain_id: body.chain_id.0,
            amount: format_amount(body.amount, USDC_DECIMALS).into(),
            amount_raw: text(body.amount),
            state: body.state.word().into(),
            circle_state: live.and_then(|live| live.circle_state.as_ref()).map(|word| word.as_str().into()),
            circle_id: live.and_then(|live| live.circle_id.as_ref()).map(|id| id.as_str().into()),
            tx_hash: live.and_then(|live| live.tx).map(|tx| format!("{tx:#x}").into()),
            rehearsal: live.is_none(),
            reason: body.reason.as_ref().map(|reason| reason.as_str().into()),
            transfer_id: body.transfer.map(text),
            crossing: body.crossing,
            audit_head: live.and_then(|live| live.audit_head).map(hash),
        }
    }
}

fn crossing_data<'a>(basics: Basics<'a>, body: &'a CrossingBody) -> Data<'a> {
    let side = side(body.side);
    let (crossing, since, as_of) = (body.crossing, time(body.since), time(body.as_of));
    match &body.subject {
        CrossingSubject::Price { quote, level, recovers_at } => Data::Price(PriceData {
            basics,
            pair: quote.pair.as_str().into(),
            source: quote.source.as_str().into(),
            sources: quote.sources,
            spread_percent: text(quote.spread),
            change: None,
            value: text(quote.price),
            side,
            level: text(level),
            recovers_at: text(recovers_at),
            crossing,
            since,
            as_of,
        }),
        CrossingSubject::Change(change) => Data::Price(PriceData {
            basics,
            pair: change.quote.pair.as_str().into(),
            source: change.quote.source.as_str().into(),
            sources: change.quote.sources,
            spread_percent: text(change.quote.spread),
            change: Some(ChangeData {
                percent: text(change.moved),
                from: text(change.from),
                within_seconds: change.within.as_secs(),
            }),
            value: text(change.quote.price),
            side,
            level: text(change.level),
            recovers_at: text(change.recovers_at),
            crossing,
            since,
            as_of,
        }),
        CrossingSubject::Gas { chain, chain_id, of, value, level, recovers_at, block } => Data::Gas(GasData {
            basics,
            chain: chain.as_str().into(),
            chain_id: chain_id.0,
            of: of.word().into(),
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
        CrossingSubject::Balance(balance) => Data::Balance(Box::new(BalanceData::of(basics, balance, body))),
    }
}

impl<'a> BalanceData<'a> {
    fn of(basics: Basics<'a>, body: &'a BalanceBody, crossing: &CrossingBody) -> Self {
        let decimals = shown_decimals(body.decimals, body.verified);
        let shown = |raw: U256| decimals.map(|decimals| format_amount(raw, decimals).into());
        Self {
            basics,
            chain: body.chain.as_str().into(),
            chain_id: body.holding.chain.0,
            watch: body.watch.as_str().into(),
            reference: body.reference.as_ref().map(|reference| reference.as_str().into()),
            tags: body.tags.iter().map(|tag| tag.as_str().into()).collect(),
            address: body.holding.address.to_checksum(None).into(),
            asset: AssetData::of(body.holding.asset, body.symbol.as_ref(), body.decimals, body.verified),
            amount: shown(body.value),
            amount_raw: text(body.value),
            usd: body.usd.as_ref().map(usd_data),
            usd_unknown: body.usd_unknown.as_ref().map(|why| why.as_str().into()),
            side: side(crossing.side),
            level: shown(body.level),
            level_raw: text(body.level),
            recovers_at: shown(body.recovers_at),
            recovers_at_raw: text(body.recovers_at),
            block: ReadAtData { number: body.at.number, hash: body.at.hash.map(text) },
            crossing: crossing.crossing,
            since: time(crossing.since),
            as_of: time(crossing.as_of),
            reason: body.reason.as_ref().map(|reason| reason.as_str().into()),
        }
    }
}

fn usd_data(worth: &Worth) -> UsdData<'_> {
    let Worth { value, quote } = worth;
    UsdData {
        value: text(value),
        price: text(quote.price),
        pair: quote.pair.as_str().into(),
        source: quote.source.as_str().into(),
        sources: quote.sources,
        spread_percent: text(quote.spread),
        as_of: time(quote.as_of),
    }
}

const fn side<'a>(side: Side) -> Cow<'a, str> {
    Cow::Borrowed(match side {
        Side::Below => "below",
        Side::Above => "above",
    })
}

/// The decimals to write the amount with, where they are known and credible.
fn shown_decimals(decimals: Option<u8>, verified: bool) -> Option<u8> {
    decimals.filter(|decimals| verified || *decimals <= MOST_DECIMALS)
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
