//! The JSON of the API: shapes of its own, so that a row of the store can change without the outside noticing.
//!
//! A token that the config does not name is shown with its own words for itself where whoever shows them marks them as such: `verified` is
//! false then.

use super::archive::Learned;
use crate::reactor::event::SourceState;
use crate::reactor::rows::{AlertRow, AlertSubject, Subject, TransferRow, Voucher};
use crate::reactor::settings::Direction;
use crate::store::{AttemptEnd, AttemptRow, OutboxRow, OutboxState};
use crate::telemetry::{Labels, Snapshot};
use crate::types::amount::format_amount;
use crate::types::{Address, Asset, ChainId, Name, Stage, Timestamp, Usd};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// One page of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    pub items: Vec<T>,
    /// The value of `before` for the page behind this one; null at the end.
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct TransferItem {
    pub transfer_id: String,
    pub chain: String,
    pub chain_id: u64,
    pub stage: &'static str,
    pub kind: &'static str,
    pub asset: AssetItem,
    /// Null where the decimals are not known.
    pub amount: Option<String>,
    pub amount_raw: String,
    pub token_id: Option<String>,
    pub from: String,
    pub to: String,
    pub tx_hash: String,
    pub nth: u32,
    pub log_index: Option<u64>,
    pub block: BlockItem,
    /// Null once it was taken back.
    pub confirmations: Option<u64>,
    pub suspect: Option<Vec<&'static str>>,
    pub corroborated: bool,
    pub late: bool,
    pub history: bool,
    pub first_seen: String,
    /// Null where it is unknown: by the price when it was first seen.
    pub usd: Option<String>,
    pub url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AssetItem {
    pub symbol: Option<String>,
    pub contract: Option<String>,
    pub decimals: Option<u8>,
    pub verified: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct BlockItem {
    pub number: u64,
    pub hash: Option<String>,
    pub time: String,
}

/// The tokens of these transfers that only they themselves can tell of.
pub(super) fn strangers<'a>(
    rows: impl IntoIterator<Item = &'a TransferRow>,
    labels: &Labels,
) -> BTreeSet<(ChainId, Address)> {
    let stranger = |row: &TransferRow| match row.key.asset {
        Asset::Token(contract) if labels.asset(row.key.chain, row.key.asset).is_none() => {
            Some((row.key.chain, contract))
        }
        Asset::Token(_) | Asset::Coin => None,
    };
    rows.into_iter().filter_map(stranger).collect()
}

/// One transfer, as it stands at the snapshot's tip.
pub(super) fn transfer(row: &TransferRow, snapshot: &Snapshot, learned: &Learned) -> TransferItem {
    let labels = &snapshot.labels;
    let (key, chain) = (&row.key, row.key.chain);
    let known = labels.asset(chain, key.asset);
    let tip = snapshot.chains.iter().find(|status| status.id == chain).and_then(|status| status.tip);
    let deep = |(tip, _): (u64, _)| tip.checked_sub(row.block).map(|above| above + 1);
    let (contract, says) = match key.asset {
        Asset::Coin => (None, None),
        Asset::Token(contract) => (Some(contract.to_checksum(None)), learned.get(&(chain, contract))),
    };
    let decimals = known.map(|(_, decimals)| decimals).or_else(|| says?.decimals);
    let symbol = known.map(|(symbol, _)| symbol).or_else(|| says?.symbol.as_ref());
    TransferItem {
        transfer_id: row.id.to_string(),
        chain: labels.chain(chain).to_string(),
        chain_id: chain.0,
        stage: row.stage.word(),
        kind: key.kind.word(),
        asset: AssetItem { symbol: symbol.map(ToString::to_string), contract, decimals, verified: known.is_some() },
        amount: decimals.map(|decimals| format_amount(key.amount, decimals)),
        amount_raw: key.amount.to_string(),
        token_id: key.token_id.map(|id| id.to_string()),
        from: key.from.to_checksum(None),
        to: key.to.to_checksum(None),
        tx_hash: key.tx.to_string(),
        nth: key.nth,
        log_index: row.log_index,
        block: BlockItem {
            number: row.block,
            hash: row.block_hash.map(|hash| hash.to_string()),
            time: row.block_time.to_string(),
        },
        confirmations: if row.stage == Stage::Retracted { None } else { tip.and_then(deep) },
        suspect: row.suspect.any().then(|| row.suspect.words()),
        corroborated: row.voucher == Voucher::Authority,
        late: row.late,
        history: row.history,
        first_seen: row.first_seen.to_string(),
        usd: row
            .quote
            .as_ref()
            .zip(known)
            .and_then(|(quote, (_, decimals))| Usd::of(key.amount, decimals, quote.price).map(|usd| usd.to_string())),
        url: labels
            .chains
            .get(&chain)
            .and_then(|chain| chain.tx_url.as_ref())
            .map(|start| format!("{start}{}", key.tx)),
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct AlertItem {
    pub alert_id: String,
    pub rule: String,
    pub severity: &'static str,
    pub state: &'static str,
    pub revision: u32,
    #[schema(value_type = Object)]
    pub subject: Value,
    pub said: Vec<&'static str>,
    pub told: Vec<String>,
    /// Why its newest message was told to nobody; null where somebody was told, and where a digest has named it since.
    pub untold: Option<String>,
    pub raised_at: String,
    pub changed_at: String,
    pub open: bool,
}

/// One alert.
pub(super) fn alert(row: &AlertRow, labels: &Labels) -> AlertItem {
    AlertItem {
        alert_id: row.id.to_string(),
        rule: row.rule.to_string(),
        severity: row.severity.word(),
        state: row.state.word(),
        revision: row.revision,
        subject: subject(&row.subject, labels),
        said: row.said.iter().map(|stage| stage.word()).collect(),
        told: row.told.iter().map(Name::to_string).collect(),
        untold: row.untold.as_ref().map(Name::to_string),
        raised_at: row.raised_at.to_string(),
        changed_at: row.changed_at.to_string(),
        open: !row.closed,
    }
}

fn subject(subject: &AlertSubject, labels: &Labels) -> Value {
    match subject {
        AlertSubject::Transfer { transfer, watch, address, direction } => {
            let direction = match direction {
                Direction::In => "in",
                Direction::Out => "out",
                Direction::Both => "self",
            };
            json!({"kind": "transfer", "transfer_id": transfer.to_string(), "watch": watch.as_str(),
                "address": address.to_checksum(None), "direction": direction})
        }
        AlertSubject::Crossing(crossing) => json!({"kind": "crossing", "crossing": crossing}),
        AlertSubject::Balance { watch, address, crossing } => {
            json!({"kind": "balance", "watch": watch.as_str(), "address": address.to_checksum(None), "crossing": crossing})
        }
        AlertSubject::Trouble(Subject::Chain(chain)) => {
            json!({"kind": "chain", "chain": labels.chain(*chain).as_str()})
        }
        AlertSubject::Trouble(Subject::Source(source)) => {
            let chain = source.chain.map(|chain| labels.chain(chain).to_string());
            json!({"kind": "source", "source": source.name.as_str(), "source_kind": source.kind.word(), "chain": chain})
        }
        AlertSubject::Trouble(Subject::Disagreement(chain)) => {
            json!({"kind": "disagreement", "chain": labels.chain(*chain).as_str()})
        }
        AlertSubject::Trouble(Subject::List(chain, address, list)) => {
            let (chain, address) = (labels.chain(*chain), address.to_checksum(None));
            json!({"kind": "list", "chain": chain.as_str(), "address": address, "list": list.word()})
        }
        AlertSubject::Trouble(Subject::Prices(pair)) => json!({"kind": "prices", "pair": pair.as_str()}),
        AlertSubject::Trouble(Subject::Unpriced(pair)) => json!({"kind": "unpriced", "pair": pair.as_str()}),
        AlertSubject::Trouble(Subject::Payments(what)) => json!({"kind": "payments", "what": what.as_str()}),
        AlertSubject::Trouble(Subject::Sink(sink)) => json!({"kind": "sink", "sink": sink.as_str()}),
        AlertSubject::Payment(payment) => json!({"kind": "payment", "payment_id": payment.to_string()}),
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct OutboxItem {
    pub message_id: String,
    pub sink: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub alert_id: String,
    pub revision: u32,
    pub severity: &'static str,
    pub state: &'static str,
    pub attempts: u32,
    pub created: String,
    /// Null once it is closed.
    pub due: Option<String>,
    pub closed_at: Option<String>,
    pub reason: Option<String>,
    pub receiver_id: Option<String>,
    /// Every attempt, in order; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Vec<VerdictItem>>,
    /// The message itself; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub body: Option<Box<RawValue>>,
}

/// One row of the outbox, with its message where `whole`.
pub(super) fn outbox(row: &OutboxRow, whole: bool) -> OutboxItem {
    let message = &row.message;
    OutboxItem {
        message_id: message.id.to_string(),
        sink: message.sink.to_string(),
        kind: message.kind.to_string(),
        alert_id: message.alert.to_string(),
        revision: message.revision,
        severity: message.severity.word(),
        state: row.state.word(),
        attempts: row.attempts,
        created: message.created.to_string(),
        due: row.closed_at.is_none().then(|| row.due.to_string()),
        closed_at: row.closed_at.map(|at| at.to_string()),
        reason: row.reason.as_ref().map(Name::to_string),
        receiver_id: row.receiver_id.as_ref().map(Name::to_string),
        verdicts: None,
        body: whole.then(|| serde_json::from_slice(&message.body).ok()).flatten(),
    }
}

/// An attempt, and what came of it.
#[derive(Serialize, ToSchema)]
pub(super) struct VerdictItem {
    pub at: String,
    /// `again`, `dead`, `disabled`, `done`.
    pub verdict: &'static str,
    pub reason: Option<String>,
}

/// One row of the outbox with its message and every attempt.
pub(super) fn outbox_whole(row: &OutboxRow, attempts: &[AttemptRow]) -> OutboxItem {
    let item = |at: Timestamp, ended: AttemptEnd, reason: &Option<Name>| VerdictItem {
        at: at.to_string(),
        verdict: ended.word(),
        reason: reason.as_ref().map(Name::to_string),
    };
    let mut verdicts: Vec<_> = attempts.iter().map(|row| item(row.at, row.ended, &row.reason)).collect();
    if row.state == OutboxState::Done {
        verdicts.extend(row.closed_at.map(|at| item(at, AttemptEnd::Done, &row.reason)));
    }
    OutboxItem { verdicts: Some(verdicts), ..outbox(row, true) }
}

/// The word of a source's state, and what is to say beside it.
pub(super) fn state(state: &SourceState) -> (&'static str, Option<String>) {
    let detail = match state {
        SourceState::Connecting | SourceState::Fresh | SourceState::Stale => None,
        SourceState::BackingOff(reason) | SourceState::Refused(reason) => Some(reason.to_string()),
        SourceState::OverBudget(until) => Some(format!("until {until}")),
    };
    (state.word(), detail)
}
