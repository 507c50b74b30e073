//! From what is written to what is meant: each part reads its tables, notes every fault, and goes on.

mod assets;
mod chains;
mod circle;
mod dust;
mod endpoints;
mod explorer_names;
mod explorers;
mod fits;
mod fits_balance;
pub(super) mod input;
mod live;
mod page_and_store;
mod payees;
mod payments;
mod prices;
mod rules;
mod senders;
mod sinks;
mod sources;
mod templates;
mod thresholds;
mod watches;

use crate::config::checked::{Config, Role};
use crate::config::forecast;
use crate::reactor::room;
use crate::reactor::settings::{Approval, BalanceSettings, Condition, Settings, Watch};
use crate::types::{Asset, ChainId};
use input::Input;
use std::sync::Arc;
use std::time::Duration;

/// Reads everything. What comes back means something only where nothing was noted as a fault.
pub(super) fn check(input: &Input<'_>) -> Config {
    let chains = chains::check(input);
    let explorers = explorers::check(input, &chains);
    let (feeds, required_feeds) = sources::feeds(input);
    let pairs = feeds.iter().map(|feed| (feed.name.clone(), feed.pairs.clone())).collect();
    let values = prices::values(input, &chains, &pairs);
    let tokens = watches::tokens(input, &chains);
    let watches = watches::check(input, &chains);
    let sinks = sinks::check(input);
    let system = sinks::system(input, &sinks);
    rules::system_heard(input, &system, &sinks);
    let payees = payees::check(input, &chains);
    let materials = rules::Materials {
        chains: &chains,
        tokens: &tokens,
        watches: &watches,
        sinks: &sinks,
        payees: &payees,
        feeds: &pairs,
        values: &values,
    };
    let read = rules::check(input, &materials);
    many_balances(&read, &watches.list, input);
    let balances = BalanceSettings {
        shown: watches::shown(&tokens, &chains),
        most: page_and_store::max_balances(input),
        rebasing: watches::rebasing(input, &chains),
    };
    let required = |chain: &&chains::Chain| chain.required.unwrap_or(true);
    let required_chains = chains.all.values().filter(required).map(|chain| chain.settings.id).collect();
    let circle = circle::circle(input, &sinks);
    let live = fits::Live::new(input, circle.as_ref());
    let paying = payments::Materials { rules: &read, payees: &payees, watches: &watches, chains: &chains, live };
    let payments = payments::payments(input, &paying);
    let templates = templates::check(input, &sinks, &read);
    let http = page_and_store::http(input);
    let inbound = circle::inbound(input, input.root.one("circle").is_some(), http.listen);
    let dust = dust::dust(&chains, &tokens);
    let settings = Settings {
        chains: chains.all.iter().map(|(id, chain)| (*id, chain.settings.clone())).collect(),
        watches: Arc::new(watches.list),
        tokens,
        rules: read.into_iter().filter_map(|read| read.rule).collect(),
        sinks: sinks.settings,
        payments,
        payees: payees.all,
        // Where the wallet is, Circle says at the start.
        live: None,
        system,
        prices: prices::prices(input),
        values,
        feeds: pairs,
        balances,
        dust,
        simulated: false,
    };
    let config = Config {
        settings,
        endpoints: chains.endpoints,
        explorers,
        lists: watches.lists,
        allow_shrink: false,
        new_store: false,
        feeds,
        sinks: sinks.list,
        templates,
        http,
        circle,
        inbound,
        store: page_and_store::store(input),
        required_chains,
        required_feeds,
        warnings: Vec::new(),
    };
    view_age(input, &config);
    approvers(input, &config);
    live::together(input, &config);
    config
}

/// Reads where the page is and where the store, for their faults alone.
pub(super) fn only_places(input: &Input<'_>) {
    let _where_to_ask = (page_and_store::http(input), page_and_store::store(input));
}

/// Warns where payments wait for a person and no token can say yes.
fn approvers(input: &Input<'_>, config: &Config) {
    let waits = config.settings.payments.iter().any(|payment| payment.approval == Approval::Manual);
    if waits && !config.http.tokens.iter().any(|token| token.role == Role::Approve) {
        let place = input.root.one("http").map_or(input.root.place(), |scope| scope.place());
        input
            .notes
            .warn(place, "payments wait for a person, but no token has the role approve: each will be refused in time");
    }
}

/// `max_view_age` of an explorer: more watches than its budget can serve are a fault; a round that takes longer than a day is said anyway.
fn view_age(input: &Input<'_>, config: &Config) {
    const DAY: Duration = Duration::from_hours(24);
    for forecast in forecast::forecasts(config) {
        let Some(scope) = explorers::section(input, &forecast.source) else { continue };
        let promise = scope.span("max_view_age");
        let broken = promise.as_ref().and_then(|said| Some((said.place, forecast::broken(&forecast, said.value)?)));
        if let Some((place, (what, hint))) = broken {
            input.notes.fault(place, what, hint);
        } else if let Some(age) = forecast.pace.promised.filter(|age| *age > DAY) {
            let what = format!("a round of {} takes {} by its calls a day", forecast.source, forecast::span(age));
            input.notes.warn(scope.place(), format!("{what}: what moves may be seen that late"));
        }
        for (chain, on) in forecast.chains.iter().filter(|(_, on)| on.lists() > room::MOST_LISTS) {
            let Some(chain) = config.settings.chains.get(chain) else { continue };
            let what = format!("{} lists of {} addresses on {}", on.lists(), on.addresses, chain.name);
            let most = format!("{} is asked for {} on a chain at most", forecast.source, room::MOST_LISTS);
            let hint = room::way_out(&chain.name, chain.endpoints.is_empty());
            input.notes.fault(scope.place(), format!("{what}: {most}"), hint);
        }
    }
}

/// Balances are read one by one: a rule that looks at very many is a fault.
fn many_balances(rules: &[rules::Read<'_>], watches: &[Watch], input: &Input<'_>) {
    let balance = |read: &rules::Read<'_>| match read.rule.as_ref().map(|rule| &rule.condition) {
        Some(Condition::Balance(balance)) => {
            let of = |(chain, _): &(ChainId, Asset)| {
                let looked_at = |watch: &&Watch| balance.watches.contains(&watch.name) && watch.chains.contains(chain);
                watches.iter().filter(looked_at).map(|watch| watch.addresses.len() as u64).sum::<u64>()
            };
            balance.thresholds.keys().map(of).sum()
        }
        Some(
            Condition::Transfer(_)
            | Condition::Approval(_)
            | Condition::Price(_)
            | Condition::Change(_)
            | Condition::Gas(_),
        )
        | None => 0,
    };
    for read in rules {
        let many = balance(read);
        if many > room::MOST_BALANCES {
            let what = format!("{} looks at {many} balances: {} are read at most", read.name, room::MOST_BALANCES);
            input.notes.fault(read.scope.place(), what, "write `watch`: the names or tags that it is about");
        }
    }
}
