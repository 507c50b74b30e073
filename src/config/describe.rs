//! What a config means, in words: what is watched and by whom, what it costs, what nobody sees, who learns what, what can pay.
//!
//! It never prints a secret, and of urls nothing but who runs them.

mod costs;
mod seen;

use super::checked::Config;
use super::describe_circle;
use super::duration;
use super::forecast;
use crate::reactor::settings::{
    Added, Approval, ChainSettings, ChangeCondition, Condition, Confirmed, Direction, Move, PaymentAmount,
    PaymentSettings, PriceCondition, Rule, Side, Threshold,
};
use crate::types::amount::format_amount;
use crate::types::chain::EtherscanPlan;
use crate::types::{Asset, ChainId, Name, U256, chain};
use std::fmt::{Display, Write};

/// Everything that `check` says of a config without faults.
#[must_use]
pub fn describe(config: &Config) -> String {
    let mut text = Lines(String::new());
    chains(&mut text, config);
    watches(&mut text, config);
    rules(&mut text, config);
    costs::costs(&mut text, config);
    costs::past(&mut text, config);
    seen::learns(&mut text, config);
    seen::unseen(&mut text, config);
    payments(&mut text, config);
    let circle = describe_circle::lines(config);
    if !circle.is_empty() {
        text.head("circle");
        circle.iter().for_each(|line| text.line(line));
    }
    text.head("warnings");
    if config.warnings.is_empty() {
        text.line("none");
    }
    for warning in &config.warnings {
        text.line(warning);
    }
    text.0
}

/// Lines under heads.
struct Lines(String);

impl Lines {
    fn head(&mut self, words: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(words);
        self.0.push('\n');
    }

    fn line(&mut self, words: impl Display) {
        writeln!(self.0, "  {words}").expect("writing into a String cannot fail");
    }

    fn inner(&mut self, words: impl Display) {
        writeln!(self.0, "    {words}").expect("writing into a String cannot fail");
    }
}

/// Words with commas.
fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if words.is_empty() { "nobody".into() } else { words.join(", ") }
}

fn count(number: usize, one: &str) -> String {
    let plural = if one.ends_with('s') { "es" } else { "s" };
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}{plural}") }
}

fn chain_name(config: &Config, id: ChainId) -> String {
    let ours = config.settings.chains.get(&id).map(|chain| chain.name.to_string());
    ours.or_else(|| chain::by_id(id).map(|known| known.name.into())).unwrap_or_else(|| id.to_string())
}

fn finality(chain: &ChainSettings) -> String {
    let confirmed = match chain.confirmed {
        Confirmed::Depth(depth) => format!("{depth} confirmations"),
        Confirmed::Safe => "the safe tag".into(),
        Confirmed::Finalized => "the finalized tag".into(),
    };
    let last =
        if chain.finalized_tag { "the finalized tag".into() } else { format!("{} confirmations", chain.final_after) };
    format!(
        "confirmed by {confirmed}, final by {last}, blind after {} without a block",
        duration::show(chain.stale_after)
    )
}

fn chains(text: &mut Lines, config: &Config) {
    text.head("chains and their sources");
    for chain in config.settings.chains.values() {
        text.line(format_args!("{} (id {}, coin {}): {}", chain.name, chain.id, chain.coin, finality(chain)));
        for (index, endpoint) in config.endpoints.iter().filter(|endpoint| endpoint.chain == chain.id).enumerate() {
            let part = if index == 0 { "reads blocks" } else { "follows heads and is asked for agreement" };
            let kind = if endpoint.socket { "socket" } else { "polled" };
            text.inner(format_args!("rpc {} ({}, {kind}): {part}", endpoint.name, endpoint.operator));
        }
        if let Some(explorer) = &chain.explorer {
            let plan = if explorer.as_str() == "etherscan" { plan(chain.id) } else { "" };
            text.inner(format_args!("explorer {explorer}: lists of every watched address{plan}"));
        }
    }
    for feed in &config.feeds {
        text.line(format_args!("feed {}: {}", feed.name, list(&feed.pairs)));
    }
}

/// Which keys read a chain, by the table; the explorer itself has the last word.
fn plan(id: ChainId) -> &'static str {
    match chain::by_id(id).map(|known| known.etherscan) {
        Some(EtherscanPlan::Free) => "; a free key reads it",
        Some(EtherscanPlan::Paid) => "; only a paid key reads it",
        Some(EtherscanPlan::Gone) | None => "; whether the key reads it is seen at the start, or by `check --probe`",
    }
}

fn watches(text: &mut Lines, config: &Config) {
    text.head("watches");
    for watch in config.settings.watches.iter() {
        let from = watch.from_block.map_or("now on".into(), |block| format!("block {block} on"));
        let on = list(watch.chains.iter().map(|id| chain_name(config, *id)));
        let tags = if watch.tags.is_empty() { String::new() } else { format!(", tags {}", list(&watch.tags)) };
        let list = config.lists.iter().find(|list| list.watch == watch.name);
        let file = list.map_or_else(String::new, |list| format!(" in {}", list.file.display()));
        text.line(format_args!(
            "{}: {}{file} on {on}, from {from}{tags}",
            watch.name,
            count(watch.addresses.len(), "address")
        ));
    }
}

fn rules(text: &mut Lines, config: &Config) {
    text.head("rules");
    for rule in &config.settings.rules {
        let what = condition(config, rule);
        text.line(format_args!("{} ({}): {what}; tells {}", rule.name, rule.severity.word(), list(&rule.notify)));
    }
    text.line(format_args!("built in: blind sources, failing sinks; tells {}", list(&config.settings.system.notify)));
    for silenced in &config.settings.system.disabled {
        text.line(format_args!("SILENCED: the built-in alert {silenced}"));
    }
}

fn condition(config: &Config, rule: &Rule) -> String {
    match &rule.condition {
        Condition::Transfer(transfer) => {
            let way = match transfer.direction {
                Direction::In => "into",
                Direction::Out => "out of",
                Direction::Both => "into or out of",
            };
            let on = list(transfer.chains.iter().map(|id| chain_name(config, *id)));
            let stages = list(transfer.stages.iter().map(|stage| stage.word()));
            let assets = match (&transfer.at_least, &transfer.assets) {
                (Some(least), _) => {
                    format!("at least {}", list(least.iter().map(|(asset, raw)| amount(config, *asset, *raw))))
                }
                (None, Some(assets)) => list(assets.iter().map(|asset| symbol(config, *asset))),
                (None, None) => "every asset".into(),
            };
            let worth = transfer.at_least_usd.map_or_else(String::new, |least| {
                let unknown =
                    if least.unknown_speaks { "what has no price is said too" } else { "not what has no price" };
                format!(" worth at least {} USD ({unknown})", least.worth)
            });
            let whose = whose(&transfer.watches, &transfer.added);
            format!("transfers of {assets}{worth} {way} {whose} on {on}, when {stages}")
        }
        Condition::Price(price) => {
            format!("{} {}", price.pair, level(&price.threshold, |value| value.to_string()))
        }
        Condition::Change(change) => {
            let way = match change.movement {
                Move::Fall => "falls",
                Move::Rise => "rises",
                Move::Either => "moves",
            };
            let within = forecast::span(change.within);
            format!("{} {way} within {within}, {}", change.pair, level(&change.threshold, |value| format!("{value} %")))
        }
        Condition::Gas(gas) => {
            let gwei = |wei: U256| format!("{} gwei", format_amount(wei, 9));
            format!("base fee of {} {}", chain_name(config, gas.chain), level(&gas.threshold, gwei))
        }
        Condition::Balance(balance) => {
            let one = |(asset, threshold): (&(ChainId, Asset), &Threshold<U256>)| {
                let level = level(threshold, |raw| amount(config, *asset, raw));
                format!("on {} {level}", chain_name(config, asset.0))
            };
            let whose = whose(&balance.watches, &balance.added);
            format!("balance of {whose} {}", list(balance.thresholds.iter().map(one)))
        }
    }
}

/// The watches of a rule, and what it takes of those that are added at run time.
fn whose<'a>(watches: impl IntoIterator<Item = &'a Name>, added: &Added) -> String {
    let of_config = watches.into_iter().map(ToString::to_string);
    let of_added = match added {
        Added::All => Some("whatever is added at run time".to_owned()),
        Added::Tagged(tags) if tags.is_empty() => None,
        Added::Tagged(tags) => Some(format!("what is added at run time with the tag {}", list(tags))),
    };
    list(of_config.chain(of_added))
}

fn level<T: Copy>(threshold: &Threshold<T>, show: impl Fn(T) -> String) -> String {
    let side = match threshold.side {
        Side::Below => "below",
        Side::Above => "above",
    };
    let hold =
        if threshold.hold.is_zero() { String::new() } else { format!(" for {}", duration::show(threshold.hold)) };
    format!("{side} {}{hold}, recovered at {}", show(threshold.level), show(threshold.recovers_at))
}

fn symbol(config: &Config, (id, asset): (ChainId, Asset)) -> String {
    match asset {
        Asset::Coin => config.settings.chains.get(&id).map_or("the coin".into(), |chain| chain.coin.to_string()),
        Asset::Token(contract) => config
            .settings
            .tokens
            .get(&(id, contract))
            .map_or_else(|| contract.to_string(), |token| token.symbol.to_string()),
    }
}

fn amount(config: &Config, asset: (ChainId, Asset), raw: U256) -> String {
    let decimals = match asset.1 {
        Asset::Coin => config.settings.chains.get(&asset.0).map_or(18, |chain| chain.coin_decimals),
        Asset::Token(contract) => config.settings.tokens.get(&(asset.0, contract)).map_or(0, |token| token.decimals),
    };
    format!("{} {} on {}", format_amount(raw, decimals), symbol(config, asset), chain_name(config, asset.0))
}

fn usdc(raw: U256) -> String {
    format!("{} USDC", format_amount(raw, super::amounts::USDC_DECIMALS))
}

fn payments(text: &mut Lines, config: &Config) {
    text.head("payments");
    if config.settings.payments.is_empty() {
        text.line("none: no rule can pay");
    }
    for payment in &config.settings.payments {
        let Some(payee) = config.settings.payees.get(&payment.payee) else {
            continue;
        };
        let amount = match payment.amount {
            PaymentAmount::Fixed(raw) => usdc(raw),
            PaymentAmount::Match { reserve } if reserve == U256::ZERO => "what another address received".into(),
            PaymentAmount::Match { reserve } => format!("what another address received less {}", usdc(reserve)),
        };
        let approval = match payment.approval {
            Approval::Manual => format!("a person approves each within {}", duration::show(payment.approval_expires)),
            Approval::None => "nobody is asked".into(),
        };
        text.line(format_args!(
            "REHEARSAL: `{}` pays {amount} to {} ({} on {}) when {}; {approval}",
            payment.rule,
            payee.name,
            payee.address,
            chain_name(config, payee.chain),
            payment.stage.word()
        ));
        text.inner(format_args!(
            "limits: {} each, {} a day, {} in total, {} payments a day; payee {} a day",
            usdc(payment.per_payment),
            usdc(payment.per_day),
            usdc(payment.in_total),
            payment.max_per_day,
            usdc(payee.per_day)
        ));
        text.inner(maker(config, payment));
        text.inner(format_args!("at most {} a day", usdc(most(payment, payee.per_day))));
    }
}

/// The most that can leave in a day by every limit together.
fn most(payment: &PaymentSettings, payee: U256) -> U256 {
    let each = match payment.amount {
        PaymentAmount::Fixed(raw) => raw.min(payment.per_payment),
        PaymentAmount::Match { .. } => payment.per_payment,
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
            format!(
                "anyone can make it pay, by sending {} to {to}; what they send stays there",
                least.collect::<Vec<_>>().join(" or ")
            )
        }
        Some(Condition::Price(PriceCondition { pair, .. }) | Condition::Change(ChangeCondition { pair, .. })) => {
            format!("whoever moves {pair} past the threshold on its feeds can make it pay")
        }
        Some(Condition::Gas(gas)) => {
            format!(
                "whoever drives the base fee of {} past the threshold can make it pay",
                chain_name(config, gas.chain)
            )
        }
        Some(Condition::Balance(balance)) => {
            format!("whoever can spend from {} can make it pay", list(&balance.watches))
        }
        None => "its rule is gone".into(),
    }
}
