//! What a config means, in words: what is watched and by whom, what it costs, what nobody sees, who learns what, what can pay.
//!
//! It never prints a secret, and of urls nothing but who runs them.

mod costs;
mod money;
mod seen;

pub use money::{money_lines, payment_lines};

use super::checked::Config;
use super::describe_circle;
use super::duration;
use super::forecast;
use crate::reactor::settings::{
    Added, ApprovalCondition, ChainSettings, Condition, Confirmed, Direction, LeastAllowance, Move, Rule, Side,
    Threshold,
};
use crate::types::amount::format_amount;
use crate::types::chain::EtherscanPlan;
use crate::types::gas::Fee;
use crate::types::{Asset, ChainId, Name, U256, chain};
use std::collections::BTreeSet;
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
    money::payments(&mut text, config);
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
        Condition::Approval(approval) => approval_words(config, approval),
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
            let fee = Fee::named(gas.of.word());
            format!("{fee} of {} {}", chain_name(config, gas.chain), level(&gas.threshold, gwei))
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

fn approval_words(config: &Config, approval: &ApprovalCondition) -> String {
    let named = || approval.assets.iter().flatten().map(|asset| symbol(config, *asset));
    let what = match (&approval.at_least, approval.assets.is_some()) {
        (Some(LeastAllowance::Amount(least)), _) => {
            format!("at least {}", list(least.iter().map(|(asset, raw)| amount(config, *asset, *raw))))
        }
        (Some(LeastAllowance::Unlimited), true) => format!("unlimited {}", list(named())),
        (Some(LeastAllowance::Unlimited), false) => {
            "unlimited amounts of any token, or everything of any contract".into()
        }
        (None, true) => list(named()),
        (None, false) => "anything".into(),
    };
    let trusted = approval.trusted.iter().map(|(_, address)| address.to_string());
    let trusted: BTreeSet<String> = trusted.chain(approval.trusted_watches.iter().map(ToString::to_string)).collect();
    let unless = if trusted.is_empty() { String::new() } else { format!(", unless to {}", list(trusted)) };
    let revokes = if approval.revokes { ", and when that is taken back" } else { "" };
    let on = list(approval.chains.iter().map(|id| chain_name(config, *id)));
    let stages = list(approval.stages.iter().map(|stage| stage.word()));
    format!(
        "leave given by {} on {on} to move {what}{unless}{revokes}, when {stages}",
        whose(&approval.watches, &approval.added)
    )
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
