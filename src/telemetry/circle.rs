//! The series of Circle: what the paying wallet holds, and what became of hooks.

use super::Metrics;
use super::metrics::{decimal, seconds};
use super::names::{HOOK_OUTCOMES, Metric};
use crate::types::amount::format_amount;
use crate::types::{Timestamp, U256};

/// Decimals of USDC, and of the coin of every chain that is like Ethereum.
const USDC_DECIMALS: u8 = 6;
const COIN_DECIMALS: u8 = 18;

impl Metrics {
    /// Makes the series of hooks exist.
    pub fn register_hooks(&self) {
        for outcome in HOOK_OUTCOMES {
            self.add(Metric::Hooks, &["circle", outcome], 0);
        }
    }

    /// Counts a hook of this kind; `outcome` is one of [`HOOK_OUTCOMES`].
    pub fn hook(&self, kind: &'static str, outcome: &'static str) {
        self.add(Metric::Hooks, &[kind, outcome], 1);
    }

    /// Shows what the paying wallet holds. Before the first reading there is no series of it: 0 would be a lie.
    pub fn show_wallet(&self, coin: &str, usdc: U256, wei: U256, at: Timestamp) {
        self.set(Metric::PayingWalletCoins, &["USDC"], decimal(&format_amount(usdc, USDC_DECIMALS)));
        self.set(Metric::PayingWalletCoins, &[coin], decimal(&format_amount(wei, COIN_DECIMALS)));
        self.set(Metric::PayingWalletTime, &[], seconds(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_is_shown_in_coins_and_hooks_stand_at_zero_from_the_start() {
        let metrics = Metrics::new();
        metrics.register_hooks();
        metrics.hook("circle", "taken");
        assert!(!metrics.render().contains("walletwatch_paying_wallet_coins{"));
        let wei = U256::from(1_500_000_000_000_000_000_u64);
        metrics.show_wallet("ETH", U256::from(12_345_678), wei, Timestamp::from_secs(1_790_000_000));
        let text = metrics.render();
        for line in [
            "walletwatch_paying_wallet_coins{asset=\"USDC\"} 12.345678",
            "walletwatch_paying_wallet_coins{asset=\"ETH\"} 1.5",
            "walletwatch_paying_wallet_last_success_timestamp_seconds 1790000000",
            "walletwatch_inbound_hooks_total{kind=\"circle\",outcome=\"taken\"} 1",
            "walletwatch_inbound_hooks_total{kind=\"circle\",outcome=\"refused\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
