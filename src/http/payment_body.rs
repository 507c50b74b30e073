//! The JSON of payments, of what holds for all of them, and of the audit.

use crate::reactor::money::{LivePart, PaymentRow, PaymentState, Sha256};
use crate::reactor::office::{AuditRow, OfficeRow, OfficeTables, StopRow, Stopped};
use crate::reactor::paying::FreezeFile;
use crate::reactor::waits::held_because;
use crate::telemetry::Snapshot;
use crate::types::amount::format_amount;
use crate::wire::hex;
use serde::Serialize;
use utoipa::ToSchema;

/// Decimals of USDC wherever Circle issues it.
pub(super) const USDC_DECIMALS: u8 = 6;

#[derive(Serialize, ToSchema)]
pub(super) struct PaymentItem {
    payment_id: String,
    rehearsal: bool,
    rule: String,
    payee: String,
    chain: String,
    chain_id: u64,
    address: String,
    amount: String,
    amount_raw: String,
    state: &'static str,
    reason: Option<String>,
    /// Of a held one, the reason in words.
    why: Option<&'static str>,
    transfer_id: Option<String>,
    crossing: Option<u64>,
    planned_at: String,
    changed_at: String,
    /// Null of a rehearsal.
    live: Option<LiveItem>,
    /// What was written of it; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Vec<AuditItem>>,
}

#[derive(Serialize, ToSchema)]
struct LiveItem {
    wallet: String,
    idempotency_key: String,
    /// What an approval names.
    body_sha256: String,
    /// The frozen request, without its ciphertext; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    reference: String,
    blockchain: String,
    token: String,
    /// The fingerprint of the config under which it was planned.
    config: String,
    triggered_at: String,
    approvals: Vec<Approval>,
    anyway: bool,
    attempts: u32,
    attempts_without_effect: u32,
    first_sent: Option<String>,
    last_sent: Option<String>,
    circle_id: Option<String>,
    circle_state: Option<String>,
    tx_hash: Option<String>,
    said_absent_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Approval {
    by: String,
    at: String,
    /// False: it was said to another money config than the one in force. Null of a payment that does not wait, or without a monitor.
    counts: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AuditItem {
    seq: u64,
    at: String,
    who: String,
    what: String,
    payment_id: Option<String>,
    why: String,
    hash: String,
}

/// One payment; with its frozen request and its lines of the audit where they are given.
pub(super) fn payment(row: &PaymentRow, audit: Option<&[AuditRow]>, snapshot: &Snapshot) -> PaymentItem {
    let labels = &snapshot.labels;
    PaymentItem {
        payment_id: row.id.to_string(),
        rehearsal: row.live.is_none(),
        rule: row.rule.to_string(),
        payee: row.payee.to_string(),
        chain: labels.chain(row.chain).to_string(),
        chain_id: row.chain.0,
        address: row.address.to_checksum(None),
        amount: format_amount(row.amount, USDC_DECIMALS),
        amount_raw: row.amount.to_string(),
        state: row.state.word(),
        reason: row.reason.as_ref().map(ToString::to_string),
        why: row.reason.as_ref().filter(|_| row.state == PaymentState::Held).and_then(|why| held_because(why.as_str())),
        transfer_id: row.transfer.map(|id| id.to_string()),
        crossing: row.crossing,
        planned_at: row.planned_at.to_string(),
        changed_at: row.changed_at.to_string(),
        live: row.live.as_deref().map(|live| of_live(row, live, audit.is_some(), snapshot.payments.in_force)),
        audit: audit.map(|lines| lines.iter().map(line).collect()),
    }
}

fn of_live(row: &PaymentRow, live: &LivePart, whole: bool, in_force: Option<Sha256>) -> LiveItem {
    let LivePart { wallet, key, body, hash, reference, blockchain, token, version, triggered_at, .. } = live;
    LiveItem {
        wallet: wallet.to_string(),
        idempotency_key: key.to_string(),
        body_sha256: digits(hash),
        body: whole.then(|| String::from_utf8_lossy(body).into_owned()),
        reference: reference.to_string(),
        blockchain: blockchain.to_string(),
        token: token.to_checksum(None),
        config: digits(version),
        triggered_at: triggered_at.to_string(),
        approvals: live
            .approvals
            .iter()
            .map(|yes| Approval { by: yes.by.to_string(), at: yes.at.to_string(), counts: row.counts(yes, in_force) })
            .collect(),
        anyway: live.anyway,
        attempts: live.attempts,
        attempts_without_effect: live.disproven,
        first_sent: live.first_sent.map(|at| at.to_string()),
        last_sent: live.last_sent.map(|at| at.to_string()),
        circle_id: live.circle_id.as_ref().map(ToString::to_string),
        circle_state: live.circle_state.as_ref().map(ToString::to_string),
        tx_hash: live.tx.map(|tx| tx.to_string()),
        said_absent_at: live.absent.map(|at| at.to_string()),
    }
}

/// One line of the audit.
pub(super) fn line(row: &AuditRow) -> AuditItem {
    AuditItem {
        seq: row.seq,
        at: row.at.to_string(),
        who: row.who.to_string(),
        what: row.what.to_string(),
        payment_id: row.payment.map(|id| id.to_string()),
        why: row.why.to_string(),
        hash: digits(&row.hash),
    }
}

/// What holds for all live payments.
#[derive(Serialize, ToSchema)]
pub(super) struct Standing {
    /// Why nothing leaves; null where payments go.
    frozen: Option<String>,
    /// Who froze them: a token's name, or `walletwatch`.
    frozen_by: Option<String>,
    frozen_since: Option<String>,
    /// The file beside the config that stops this process; null where there is none.
    freeze_file: Option<FileItem>,
    /// Why no clock is trusted, and since when.
    paused: Option<Paused>,
    stopped: Vec<StopItem>,
    /// The fingerprint of the money config that an approver accepted.
    accepted: Option<String>,
    /// The fingerprint in force; null where no monitor runs, or nothing is live.
    in_force: Option<String>,
    probed: bool,
    entity_key_sha256: Option<String>,
    scanned_at: Option<String>,
    /// The wallet's transactions that no payment of this store made.
    foreign: usize,
    audit_head: Option<AuditItem>,
    payments: Vec<CountItem>,
}

#[derive(Serialize, ToSchema)]
struct Paused {
    why: String,
    since: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct FileItem {
    why: String,
    by: String,
    since: String,
}

impl FileItem {
    pub(super) fn of(file: &FreezeFile) -> Self {
        Self { why: file.why.to_string(), by: file.by.to_string(), since: file.since.to_string() }
    }
}

#[derive(Serialize, ToSchema)]
struct StopItem {
    what: &'static str,
    name: String,
    reason: String,
    since: String,
    missed: u64,
}

/// How many payments stand in a state.
#[derive(Serialize, ToSchema)]
pub(super) struct CountItem {
    pub state: &'static str,
    pub rehearsal: bool,
    pub count: u64,
}

/// `freeze` is the last line of the audit that froze everything; it says nothing where payments are not frozen now.
pub(super) fn standing(
    tables: &OfficeTables,
    in_force: Option<Sha256>,
    payments: Vec<CountItem>,
    freeze: Option<&AuditRow>,
    file: Option<&FreezeFile>,
) -> Standing {
    let office = tables.office.clone().unwrap_or_default();
    let OfficeRow { frozen, paused, accepted, entity_key, probed, scanned_at } = office;
    let freeze = freeze.filter(|_| frozen.is_some());
    Standing {
        frozen_by: freeze.map(|line| line.who.to_string()),
        frozen_since: freeze.map(|line| line.at.to_string()),
        freeze_file: file.map(FileItem::of),
        frozen: frozen.map(|why| why.to_string()),
        paused: paused.map(|(why, since)| Paused { why: why.to_string(), since: since.to_string() }),
        stopped: tables.stops.iter().map(stop).collect(),
        accepted: accepted.map(|hash| digits(&hash)),
        in_force: in_force.map(|hash| digits(&hash)),
        probed,
        entity_key_sha256: entity_key.map(|hash| digits(&hash)),
        scanned_at: scanned_at.map(|at| at.to_string()),
        foreign: tables.foreign.len(),
        audit_head: tables.audit_head.as_ref().map(line),
        payments,
    }
}

fn stop(row: &StopRow) -> StopItem {
    let (what, name) = match &row.what {
        Stopped::Rule(name) => ("rule", name),
        Stopped::Payee(name) => ("payee", name),
    };
    StopItem {
        what,
        name: name.to_string(),
        reason: row.reason.to_string(),
        since: row.since.to_string(),
        missed: row.missed,
    }
}

/// A hash as 64 hexadecimal digits.
pub(super) fn digits(hash: &Sha256) -> String {
    hex::plain(hash)
}

/// A hash of 64 hexadecimal digits.
pub(super) fn read_digits(text: &str) -> Option<Sha256> {
    hex::fixed::<32>(&format!("0x{text}")).ok()
}
