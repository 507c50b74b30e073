//! What gas costs, in the status answer: exact decimal text, null where it is not known.

use crate::telemetry::gas::{Cost, GasStatus};
use crate::types::U256;
use crate::types::amount::format_amount;
use serde::Serialize;
use utoipa::ToSchema;

/// A gwei is 10^9 wei.
const GWEI_DECIMALS: u8 = 9;

#[derive(Serialize, ToSchema)]
pub(super) struct GasItem {
    next_base_fee_gwei: Option<String>,
    /// At the percentiles 10, 50 and 90 of the newest blocks.
    priority_gwei: Option<[String; 3]>,
    priority_as_of: Option<String>,
    /// What it costs to send each asset in the next block with the usual tip.
    transfers: Vec<CostItem>,
}

#[derive(Serialize, ToSchema)]
struct CostItem {
    asset: String,
    /// In the chain's coin.
    coins: String,
    /// Null without a price of the coin.
    usd: Option<String>,
}

/// Wei as gwei.
pub(super) fn gwei(wei: U256) -> String {
    format_amount(wei, GWEI_DECIMALS)
}

impl GasItem {
    /// Of a chain whose coin has so many decimals.
    pub(super) fn of(gas: &GasStatus, coin_decimals: u8) -> Self {
        let cost = |cost: &Cost| CostItem {
            asset: cost.asset.to_string(),
            coins: format_amount(cost.wei, coin_decimals),
            usd: cost.dollars.clone(),
        };
        Self {
            next_base_fee_gwei: gas.next.map(gwei),
            priority_gwei: gas.tips.map(|tips| [tips.low, tips.usual, tips.high].map(gwei)),
            priority_as_of: gas.tips_as_of.map(|at| at.to_string()),
            transfers: gas.costs.iter().map(cost).collect(),
        }
    }
}
