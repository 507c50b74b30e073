//! The `data` of `approval.*`.

use super::{AssetData, Basics, BlockData};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Of `approval.*`: who may move how much of what the watch holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of `TransferData` where they mean the same")]
pub struct ApprovalData<'a> {
    #[serde(flatten, borrow)]
    pub basics: Basics<'a>,
    /// The same on every report of this approval, whatever happens to its block.
    #[serde(borrow)]
    pub approval_id: Cow<'a, str>,
    #[serde(borrow)]
    pub chain: Cow<'a, str>,
    pub chain_id: u64,
    #[serde(borrow)]
    pub watch: Cow<'a, str>,
    #[serde(rename = "ref")]
    pub reference: Option<Cow<'a, str>>,
    pub tags: Vec<Cow<'a, str>>,
    /// Whose: the owner.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// Who may move it.
    #[serde(borrow)]
    pub spender: Cow<'a, str>,
    #[serde(borrow)]
    pub asset: AssetData<'a>,
    /// `nothing` (taken back), `amount`, `one` (a single NFT), `unlimited`, `everything` (of the contract).
    #[serde(borrow)]
    pub allowance: Cow<'a, str>,
    /// Where `allowance` is `amount` and the decimals are known.
    pub amount: Option<Cow<'a, str>>,
    /// As the log says it; `null` where there is no amount.
    pub amount_raw: Option<Cow<'a, str>>,
    /// Of a single NFT only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub tx_hash: Cow<'a, str>,
    /// `approval` or `approval_for_all`.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    pub nth: u32,
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
    pub url: Option<Cow<'a, str>>,
}
