//! What `check` says of Circle: from which wallet payments are made, how much at most, with whose key, and what is received.

use super::amounts::USDC_DECIMALS;
use super::checked::Config;
use super::circle::CircleConfig;
use crate::types::U256;
use crate::types::amount::format_amount;
use crate::wire::circle::KeyKind;

/// What an approver accepts of `[circle]`; none without it.
#[must_use]
pub(super) fn terms(config: &Config) -> Vec<String> {
    let lines = lines(config);
    // The first lines say which wallet pays and how much; what follows is about this process.
    let most = config
        .circle
        .as_ref()
        .map_or(0, |circle| 2 + usize::from(circle.two_approvals_over.is_some()) + usize::from(circle.relaxed));
    lines.into_iter().take(most).collect()
}

/// Lines for people; none without `[circle]`. They hold no key and no url.
#[must_use]
pub(super) fn lines(config: &Config) -> Vec<String> {
    let Some(circle) = &config.circle else { return Vec::new() };
    let usdc = |raw: U256| format!("{} USDC", format_amount(raw, USDC_DECIMALS));
    let CircleConfig { environment, url, entity_key, wallet, per_day, in_total, two_approvals_over, relaxed, .. } =
        circle;
    let networks = match environment {
        KeyKind::Test => "test networks, whose money is worth nothing",
        KeyKind::Live => "main networks: LIVE MONEY",
    };
    let place = if url.is_some() { "another server on this machine" } else { "Circle's own host" };
    let mut lines = vec![
        format!("wallet {wallet} at {place}, on {networks}"),
        format!("over all rules at most {} a day and {} altogether", usdc(*per_day), usdc(*in_total)),
    ];
    lines.extend(two_approvals_over.map(|over| format!("a payment above {} takes two approvers", usdc(over))));
    if *relaxed {
        lines.push("relaxed: safeguards are lifted, as for the demo; only test networks allow that".into());
    }
    lines.push("two approvers may pass a rule's per_payment and per_day for one payment, and no other limit".into());
    lines.push(match entity_key {
        Some(_) => "Circle's entity public key is pinned by this config".into(),
        None => "Circle's entity public key is kept at first use; another one stops all sends".into(),
    });
    lines.push(format!("a file {} stops every payment of this process", circle.freeze_file.display()));
    lines.push(match config.inbound {
        Some(inbound) => format!("its hooks are received on {} at /hooks/circle, and are hints only", inbound.listen),
        None => "its hooks are not received: it is asked for the state of each payment".into(),
    });
    lines.push("Circle learns the wallet's and the payees' addresses, and no watched one".into());
    lines
}
