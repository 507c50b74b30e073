//! What rules pay: to whom, how much at most, who can make them, and what that costs.

use super::{Lines, amount, chain_name, condition, list};
use crate::config::amounts::USDC_DECIMALS;
use crate::config::checked::Config;
use crate::config::{describe_circle, duration};
use crate::reactor::settings::{Approval, ChangeCondition, Condition, PaymentAmount, PaymentSettings, PriceCondition};
use crate::types::amount::format_amount;
use crate::types::gas::Fee;
use crate::types::{Name, U256};

/// The most senders that are shown by address.
const MOST_NAMED: usize = 5;

fn usdc(raw: U256) -> String {
    format!("{} USDC", format_amount(raw, USDC_DECIMALS))
}

pub(super) fn payments(text: &mut Lines, config: &Config) {
    text.head("payments");
    if config.settings.payments.is_empty() {
        text.line("none: no rule can pay");
    }
    for payment in &config.settings.payments {
        for (nth, line) in one(config, payment).iter().enumerate() {
            if nth == 0 { text.line(line) } else { text.inner(line) }
        }
    }
}

/// A payment: what it pays first, then its bounds and who can make it.
fn one(config: &Config, payment: &PaymentSettings) -> Vec<String> {
    let Some(payee) = config.settings.payees.get(&payment.payee) else { return Vec::new() };
    let amount = match payment.amount {
        PaymentAmount::Fixed(raw) => usdc(raw),
        PaymentAmount::Match { reserve } if reserve == U256::ZERO => "what another address received".into(),
        PaymentAmount::Match { reserve } => format!("what another address received less {}", usdc(reserve)),
        PaymentAmount::FillTo(level) => format!("what is missing to {}", usdc(level)),
    };
    let approval = match payment.approval {
        Approval::Manual => format!("a person approves each within {}", duration::show(payment.approval_expires)),
        Approval::None => "nobody is asked".into(),
    };
    let word = if payment.live { "LIVE" } else { "REHEARSAL" };
    let mut lines = vec![
        format!(
            "{word}: `{}` pays {amount} to {} ({} on {}) when {}; {approval}",
            payment.rule,
            payee.name,
            payee.address,
            chain_name(config, payee.chain),
            payment.stage.word()
        ),
        format!(
            "limits: {} each, {} a day, {} in total, {} payments a day; payee {} a day",
            usdc(payment.per_payment),
            usdc(payment.per_day),
            usdc(payment.in_total),
            payment.max_per_day,
            usdc(payee.per_day)
        ),
    ];
    let coin = config.settings.chains.get(&payee.chain);
    lines.extend(payment.max_fee.zip(coin).map(|(fee, chain)| {
        format!("above a fee of {} {} a person is asked", format_amount(fee, chain.coin_decimals), chain.coin)
    }));
    lines.push(maker(config, payment));
    let most = most(payment, payee.per_day);
    let wallet = config.circle.as_ref().filter(|_| payment.live).map_or(most, |circle| most.min(circle.per_day));
    lines.push(format!("at most {} a day", usdc(wallet)));
    lines
}

/// What the config says of what one rule pays, a line each; empty where it pays nothing.
#[must_use]
pub fn payment_lines(config: &Config, rule: &Name) -> Vec<String> {
    let payment = config.settings.payments.iter().find(|payment| payment.rule == *rule);
    let Some(payment) = payment else { return Vec::new() };
    let mut lines = one(config, payment);
    let rule = config.settings.rules.iter().find(|known| known.name == *rule);
    lines.extend(rule.map(|rule| format!("rule `{}`: {}", rule.name, condition(config, rule))));
    lines
}

/// What the config says of live money, a line each: what an approver accepts, and what is compared with what was accepted before. Empty
/// where nothing is live.
#[must_use]
pub fn money_lines(config: &Config) -> Vec<String> {
    let settings = &config.settings;
    let live: Vec<&PaymentSettings> = settings.payments.iter().filter(|payment| payment.live).collect();
    if live.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for payment in live {
        lines.extend(payment_lines(config, &payment.rule));
    }
    for payee in settings.payees.values() {
        lines.push(format!(
            "payee `{}`: {} on {}, at most {} a day",
            payee.name,
            payee.address,
            chain_name(config, payee.chain),
            usdc(payee.per_day)
        ));
    }
    lines.extend(describe_circle::terms(config));
    lines
}

/// The most that can leave in a day by every limit together.
fn most(payment: &PaymentSettings, payee: U256) -> U256 {
    let each = match payment.amount {
        PaymentAmount::Fixed(raw) => raw.min(payment.per_payment),
        PaymentAmount::Match { .. } => payment.per_payment,
        PaymentAmount::FillTo(level) => level.min(payment.per_payment),
    };
    let by_count = each.saturating_mul(U256::from(payment.max_per_day));
    by_count.min(payment.per_day).min(payee).min(payment.in_total)
}

/// Who can make a rule pay, and what it costs them.
fn maker(config: &Config, payment: &PaymentSettings) -> String {
    match config.settings.rules.iter().find(|rule| rule.name == payment.rule).map(|rule| &rule.condition) {
        Some(Condition::Transfer(transfer)) => {
            let least = transfer.at_least.iter().flatten().map(|(asset, raw)| amount(config, *asset, *raw));
            let to = list(&transfer.watches);
            let who = match &transfer.from {
                None => "anyone".to_owned(),
                Some(from) if from.len() > MOST_NAMED => format!("{} named senders", from.len()),
                Some(from) => list(from),
            };
            let least = least.collect::<Vec<_>>().join(" or ");
            format!("{who} can make it pay, by sending {least} to {to}; what they send stays there")
        }
        Some(Condition::Price(PriceCondition { pair, .. }) | Condition::Change(ChangeCondition { pair, .. })) => {
            format!(
                "whoever moves {pair} past the threshold on its feeds can make it pay, at the cost of moving a market"
            )
        }
        Some(Condition::Gas(gas)) => {
            format!(
                "whoever drives the {} of {} past the threshold can make it pay, at the cost of full blocks",
                Fee::named(gas.of.word()),
                chain_name(config, gas.chain)
            )
        }
        Some(Condition::Balance(balance)) => {
            let watches = list(&balance.watches);
            format!(
                "whoever can spend from {watches} can make it pay; it costs them nothing where they keep what they take"
            )
        }
        Some(Condition::Approval(_)) | None => "its rule is gone".into(),
    }
}
