//! Balance rules that pay: a top-up (MONEY §1).

use super::fits::{Pair, is_usdc, steady};
use crate::reactor::settings::{Added, BalanceCondition, PaymentAmount, Side};
use crate::types::U256;
use std::time::Duration;

/// Notes what forbids a balance rule to pay.
pub(super) fn balance(pair: &Pair<'_>, condition: &BalanceCondition, amount: Option<PaymentAmount>) {
    let named = pair.read.scope.texts("watch").is_some_and(|said| said.len() == 1);
    let tags = matches!(&condition.added, Added::Tagged(tags) if tags.is_empty());
    let watch = condition.watches.first().and_then(|name| pair.watches.list.iter().find(|watch| watch.name == *name));
    let one = watch.filter(|watch| named && tags && condition.watches.len() == 1 && watch.addresses.len() == 1);
    if one.is_none() && !condition.watches.is_empty() {
        pair.fault("it does not name one watch of one address", "watch = \"NAME\": each top-up has a rule of its own");
    }
    let Some((asset, threshold)) = condition.thresholds.first_key_value() else { return };
    if condition.thresholds.len() != 1 {
        return pair.fault("it is about more than one balance", "chains = \"…\" and asset = \"…\", one of each");
    }
    if asset.0 != pair.payee.chain {
        let what = format!("its payee is on {}, and that is not its only chain", pair.chains.name(pair.payee.chain));
        pair.fault(&what, "chains = \"…\" with the payee's chain alone");
    }
    let usdc = is_usdc(*asset);
    if !usdc && asset.1 != crate::types::Asset::Coin {
        pair.fault(
            "its asset is neither the chain's coin nor the chain table's own USDC",
            "asset = \"USDC\" or asset = \"native\"",
        );
    }
    if threshold.side == Side::Above {
        pair.fault("it speaks when a balance is high", "`below`: what is topped up runs low");
    }
    // Each reading is of a block at the payment's stage: any time beyond one is enough.
    steady(pair, threshold, Duration::ZERO);
    let elsewhere = one.is_some_and(|watch| watch.addresses.get(&pair.payee.address).is_none());
    if elsewhere && !pair.says("payee_elsewhere") {
        pair.fault(
            "its payee is not the address whose balance runs low",
            "the watch's own address as the payee; or payee_elsewhere = true, where that is meant",
        );
    }
    let fills = usdc && !elsewhere;
    let missing = threshold.recovers_at.saturating_sub(threshold.level);
    match amount {
        Some(PaymentAmount::Match { .. }) => {
            pair.fault("`match` needs a transfer to match", "write a `fill_to`, or an `amount`");
        }
        Some(PaymentAmount::FillTo(_)) if !fills => {
            pair.fault("`fill_to` fills a balance of USDC at its own address", "write an `amount`");
        }
        Some(PaymentAmount::FillTo(level)) if level < threshold.recovers_at => {
            pair.fault("its `fill_to` is below `recovers_at`: it would never be armed again", "raise `fill_to`");
        }
        Some(PaymentAmount::Fixed(raw)) if fills && raw < missing => {
            pair.fault(
                "its `amount` does not reach `recovers_at`: it would never be armed again",
                "raise `amount`, or write a `fill_to`",
            );
        }
        Some(PaymentAmount::Fixed(raw)) if fills && raw < threshold.recovers_at => {
            pair.warn("from an empty balance its `amount` does not reach `recovers_at`: a person is told then");
        }
        Some(PaymentAmount::Fixed(_)) if !fills => {
            pair.warn("what it pays does not raise the balance that it looks at: others have to, before it pays again");
        }
        Some(PaymentAmount::Fixed(_) | PaymentAmount::FillTo(_)) | None => {}
    }
}

/// The most that a top-up can need: all of what it fills to.
#[must_use]
pub(super) fn most(amount: PaymentAmount) -> Option<U256> {
    match amount {
        PaymentAmount::FillTo(level) => Some(level),
        PaymentAmount::Fixed(_) | PaymentAmount::Match { .. } => None,
    }
}
