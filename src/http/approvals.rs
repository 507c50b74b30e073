//! Approvals as the API shows them: who may move how much of what a watched address holds, as the log said it.
//!
//! They stand in the table of transfers, and are read as those are.

use super::archive::Learned;
use super::bodies::{self, AssetItem, BlockItem, TransferItem};
use crate::reactor::rows::TransferRow;
use crate::telemetry::Snapshot;
use crate::types::{Allowance, Kind};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(super) struct ApprovalItem {
    approval_id: String,
    chain: String,
    chain_id: u64,
    stage: &'static str,
    kind: &'static str,
    owner: String,
    spender: String,
    asset: AssetItem,
    /// `nothing` where it was taken back.
    allowance: &'static str,
    /// Null where there is none, or the decimals are not known.
    amount: Option<String>,
    /// Null of NFTs.
    amount_raw: Option<String>,
    token_id: Option<String>,
    tx_hash: String,
    nth: u32,
    log_index: Option<u64>,
    block: BlockItem,
    /// Null once it was taken back by a reorg.
    confirmations: Option<u64>,
    suspect: Option<Vec<&'static str>>,
    corroborated: bool,
    late: bool,
    history: bool,
    first_seen: String,
    url: Option<String>,
}

impl ApprovalItem {
    /// One approval, as it stands at the snapshot's tip.
    pub(super) fn of(row: &TransferRow, snapshot: &Snapshot, learned: &Learned) -> Self {
        let item = bodies::transfer(row, snapshot, learned);
        let allowance = Allowance::of(&row.key).unwrap_or(Allowance::Nothing);
        let limited = matches!(allowance, Allowance::Amount(_));
        let TransferItem { transfer_id, chain, chain_id, stage, kind, asset, amount, amount_raw, token_id, .. } = item;
        Self {
            approval_id: transfer_id,
            chain,
            chain_id,
            stage,
            kind,
            owner: item.from,
            spender: item.to,
            asset,
            allowance: allowance.word(),
            amount: amount.filter(|_| limited),
            amount_raw: (row.key.kind == Kind::Approval && row.key.token_id.is_none()).then_some(amount_raw),
            token_id,
            tx_hash: item.tx_hash,
            nth: item.nth,
            log_index: item.log_index,
            block: item.block,
            confirmations: item.confirmations,
            suspect: item.suspect,
            corroborated: item.corroborated,
            late: item.late,
            history: item.history,
            first_seen: item.first_seen,
            url: item.url,
        }
    }
}
