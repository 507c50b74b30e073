//! The gauges of what gas costs.

use super::Metrics;
use super::gas::{GasStatus, KINDS as TIPS};
use super::metrics::{decimal, gwei, seconds};
use super::names::Metric;
use crate::types::amount::format_amount;

impl Metrics {
    /// Sets the gauges of what gas costs. What is not known any more keeps its last value, and its time tells the age.
    pub(super) fn show_gas(&self, gas: &GasStatus, chain: &str, decimals: u8) {
        if let Some(next) = gas.next {
            self.set(Metric::NextBaseFee, &[chain], gwei(next));
        }
        for (kind, tip) in TIPS.into_iter().zip(gas.tips.iter().flat_map(|tips| [tips.low, tips.usual, tips.high])) {
            self.set(Metric::PriorityFee, &[chain, kind], gwei(tip));
        }
        if let Some(at) = gas.tips_as_of {
            self.set(Metric::PriorityFeeTime, &[chain], seconds(at));
        }
        for cost in &gas.costs {
            let of = [chain, cost.asset.as_str()];
            self.set(Metric::TransferCost, &of, decimal(&format_amount(cost.wei, decimals)));
            if let Some(dollars) = &cost.dollars {
                self.set(Metric::TransferCostDollars, &of, decimal(dollars));
            }
        }
    }
}
