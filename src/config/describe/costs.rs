//! What the explorers' accounts are asked for, and what the history of watches costs, in words.

use super::{Lines, chain_name, count, list};
use crate::config::checked::Config;
use crate::config::forecast::{self, Forecast, forecasts};
use crate::config::history::histories;
use crate::reactor::event::List;
use crate::reactor::room;
use crate::reactor::settings::{Condition, Rule, Watch};
use crate::types::ChainId;
use crate::types::pace::{BALANCE_OFTEN, BALANCE_SELDOM, BATCH, HURRIED_ONE_IN, SECOND_ONE_IN};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn past(text: &mut Lines, config: &Config) {
    let histories = histories(config);
    if histories.is_empty() {
        return;
    }
    text.head("history");
    for history in histories {
        text.line(history.words(&chain_name(config, history.chain)));
    }
}

pub(super) fn costs(text: &mut Lines, config: &Config) {
    text.head("explorer calls");
    let forecasts = forecasts(config);
    if forecasts.is_empty() {
        text.line("none: there is no explorer");
    }
    for forecast in forecasts {
        account(text, config, &forecast);
    }
}

/// Whether a rule looks at what only an explorer's gas oracle tells of a chain.
fn asks_oracle(config: &Config, id: ChainId) -> bool {
    let of_chain = |rule: &Rule| matches!(&rule.condition, Condition::Gas(gas) if gas.chain == id);
    let no_node = config.settings.chains.get(&id).is_some_and(|chain| chain.endpoints.is_empty());
    no_node && config.settings.rules.iter().any(of_chain)
}

/// What one account is asked for, and how old its views get.
fn account(text: &mut Lines, config: &Config, forecast: &Forecast) {
    let Forecast { source, limits, pace, .. } = forecast;
    for id in forecast.chains.keys().filter(|id| asks_oracle(config, **id)) {
        text.line(format_args!("{source}: the gas oracle of {}, 1440 calls a day", chain_name(config, *id)));
    }
    if forecast.lists() == 0 {
        text.line(format_args!("{source}: none, no watched address is on a chain that it covers"));
        return;
    }
    text.line(format_args!(
        "{source}: {} a round, {} calls a day of {}, at most {} a second",
        count(usize::try_from(forecast.lists()).unwrap_or(usize::MAX), "call"),
        pace.per_day,
        limits.per_day,
        limits.per_second
    ));
    for (id, on) in &forecast.chains {
        let Some((quiet, promised)) = forecast.ages(*id) else { continue };
        let words =
            |lists: &BTreeMap<List, u64>| list(lists.iter().map(|(list, many)| format!("{} {many}", list.word())));
        let lists = if on.lead.is_empty() { &on.second } else { &on.lead };
        text.inner(format_args!(
            "{}: {}; each is read every {} while nothing moves, and is never older than {}",
            chain_name(config, *id),
            words(lists),
            forecast::span(quiet),
            forecast::span(promised)
        ));
        if !on.lead.is_empty() && !on.second.is_empty() {
            let every = forecast::span(quiet * SECOND_ONE_IN);
            text.inner(format_args!(
                "  and, as a second opinion on its own blocks, every {every}: {}",
                words(&on.second)
            ));
        }
    }
    let balances = forecast.demand.singles.and(forecast.demand.coins);
    let each = [(balances.often, BALANCE_OFTEN), (balances.seldom, BALANCE_SELDOM)];
    let each = each.into_iter().filter(|(many, _)| *many > 0);
    let each: Vec<String> = each.map(|(many, every)| format!("{many} every {}", forecast::span(every))).collect();
    if !each.is_empty() {
        text.inner(format_args!(
            "balances: {}, and when something moved; their calls are among these",
            each.join(", ")
        ));
    }
    let added = added(config, forecast);
    if !added.is_empty() {
        text.inner(format_args!("an address that is added at run time, without a tag: {} more", added.join(" and ")));
    }
    text.inner(format_args!(
        "ahead of their turn: what just moved, balances, and receipts of rows that vanished; one call in {HURRIED_ONE_IN} at most"
    ));
    if let Some(every) = pace.sweep {
        let batches = count(usize::try_from(forecast.demand.batches).unwrap_or(usize::MAX), "call");
        text.inner(format_args!(
            "coin balances show every {} which lists to read first ({batches} of up to {BATCH} addresses)",
            forecast::span(every)
        ));
    }
}

/// What one address costs that is added on all chains of an account.
fn added(config: &Config, forecast: &Forecast) -> Vec<String> {
    let chains = forecast.chains.keys().copied().collect();
    let sample = Watch { name: "".into(), addresses: Arc::default(), chains, tags: Vec::new(), from_block: None };
    let cost = room::cost(&config.settings, &sample);
    let lists: u64 = cost.lists.iter().map(|(_, lists)| lists).sum();
    let lists = (lists > 0).then(|| format!("{} a round", count(usize::try_from(lists).unwrap_or(usize::MAX), "call")));
    let every = forecast::span(BALANCE_OFTEN);
    let balances = (cost.balances > 0)
        .then(|| format!("{} every {every}", count(usize::try_from(cost.balances).unwrap_or(usize::MAX), "balance")));
    lists.into_iter().chain(balances).collect()
}
