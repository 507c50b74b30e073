//! What the explorers' accounts will be asked for, and how old a view then gets: said before the start, by the arithmetic that the
//! planner works by (`types::pace`), from the lists that the reactor will want (`reactor::lists`).
//!
//! A plain function of the config. It knows nothing of urls and keys.

use super::checked::{Config, ExplorerConfig};
use crate::reactor::balances::Balances;
use crate::reactor::event::List;
use crate::reactor::lists::{Lists, needed};
use crate::reactor::settings::{Condition, Settings, Watch};
use crate::types::pace::{BATCH, Demand, Limits, Pace, SECOND_ONE_IN};
use crate::types::{Address, Asset, ChainId, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// What one account will be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The explorer, by its name as a source.
    pub source: Name,
    /// Of the account.
    pub limits: Limits,
    /// What is asked of it.
    pub demand: Demand,
    /// How its calls are shared out.
    pub pace: Pace,
    /// Its chains, by id.
    pub chains: BTreeMap<ChainId, OnChain>,
}

/// What an account will be asked for on one chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnChain {
    /// Watched addresses.
    pub addresses: u64,
    /// How many addresses have each list that nothing else reports.
    pub lead: BTreeMap<List, u64>,
    /// How many addresses have each list of what the chain's own blocks report first.
    pub second: BTreeMap<List, u64>,
    /// Watches of which some lists are read and others not, for no rule needs them.
    pub left_out: Vec<(Name, Lists)>,
}

impl OnChain {
    /// Lists of all addresses.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.lead.values().chain(self.second.values()).sum()
    }
}

impl Forecast {
    /// How often a list of this chain is read while nothing is in a hurry, and how old it gets at most. Where the chain's own blocks
    /// say everything first this is of the second opinion. `None` where no list is wanted.
    #[must_use]
    pub fn ages(&self, chain: ChainId) -> Option<(Duration, Duration)> {
        let (on, ages) = (self.chains.get(&chain)?, self.pace.quiet.zip(self.pace.promised)?);
        match (on.lead.is_empty(), on.second.is_empty()) {
            (false, _) => Some(ages),
            (true, false) => Some((ages.0 * SECOND_ONE_IN, ages.1 * SECOND_ONE_IN)),
            (true, true) => None,
        }
    }

    /// Lists that one round reads.
    #[must_use]
    pub const fn lists(&self) -> u64 {
        self.demand.lead + self.demand.second
    }
}

/// Every account's forecast, in the order of the config.
#[must_use]
pub fn forecasts(config: &Config) -> Vec<Forecast> {
    let of = |explorer: &ExplorerConfig| {
        let limits = Limits { per_second: explorer.calls_per_second, per_day: u64::from(explorer.calls_per_day) };
        forecast(explorer.name.clone(), limits, &explorer.chains, &config.settings)
    };
    config.explorers.iter().map(of).collect()
}

/// Of an account that is asked for these chains.
#[must_use]
pub fn forecast(source: Name, limits: Limits, chains: &[ChainId], settings: &Settings) -> Forecast {
    let mut all = BTreeMap::new();
    let mut demand = Demand::default();
    let mut balances = Balances::default();
    balances.configure(settings, &[], &mut Vec::new());
    for chain in chains.iter().copied().collect::<BTreeSet<_>>() {
        let own_blocks = settings.chains.get(&chain).is_some_and(|chain| !chain.endpoints.is_empty());
        let (on, swept) = on_chain(settings, chain, own_blocks);
        let lead: u64 = on.lead.values().sum();
        demand.lead += lead;
        demand.second += on.second.values().sum::<u64>();
        demand.batches += u64::try_from(swept.len().div_ceil(BATCH)).unwrap_or(u64::MAX);
        demand.heads += u64::from(!own_blocks && lead > 0);
        if !own_blocks {
            for want in balances.wants(chain).iter() {
                let is_shown = want.asset == Asset::Coin && swept.contains(&want.address);
                if is_shown { &mut demand.coins } else { &mut demand.singles }.add(want.often);
            }
        }
        all.insert(chain, on);
    }
    Forecast { source, limits, demand, pace: Pace::of(limits, demand), chains: all }
}

/// Of one chain, with the addresses whose coin balance shows what moved.
fn on_chain(settings: &Settings, chain: ChainId, own_blocks: bool) -> (OnChain, BTreeSet<Address>) {
    let mut on = OnChain::default();
    let mut swept = BTreeSet::new();
    for watch in settings.watches.iter().filter(|watch| watch.chains.contains(&chain)) {
        let addresses = u64::try_from(watch.addresses.len()).unwrap_or(u64::MAX);
        let lists = lists_of(settings, watch, chain);
        on.addresses += addresses;
        let mut shows = false;
        for list in lists.iter() {
            // Whether an endpoint answers traces is not known before it is asked.
            let leads = !own_blocks || list == List::Internal;
            shows |= leads && list.shows_in_balance();
            *if leads { &mut on.lead } else { &mut on.second }.entry(list).or_default() += addresses;
        }
        swept.extend(watch.addresses.iter().filter(|_| shows).map(|it| it.address));
        if lists.and(Lists::USUAL) != lists {
            on.left_out.push((watch.name.clone(), lists));
        }
    }
    (on, swept)
}

pub(super) fn lists_of(settings: &Settings, watch: &Watch, chain: ChainId) -> Lists {
    let looks_at = |condition: &&Condition| match condition {
        Condition::Transfer(condition) => condition.watches.contains(&watch.name),
        Condition::Approval(condition) => condition.watches.contains(&watch.name),
        Condition::Price(_) | Condition::Change(_) | Condition::Gas(_) | Condition::Balance(_) => false,
    };
    let conditions = settings.rules.iter().map(|rule| &rule.condition).filter(looks_at);
    needed(conditions, watch, chain, &settings.tokens)
}

/// Why a promise cannot be kept, with the numbers, and what would keep it; `None` where it is kept.
#[must_use]
pub fn broken(forecast: &Forecast, promise: Duration) -> Option<(String, String)> {
    let Forecast { limits, demand, pace, .. } = forecast;
    let age = pace.promised.filter(|age| *age > promise && demand.lead > 0)?;
    let what = format!(
        "a view can get {} old: {} lists ({} of them lead), a call every {} ms by {} calls a day and {} a second, a quarter of \
         them for what is in a hurry",
        span(age),
        forecast.lists(),
        demand.lead,
        pace.interval.as_millis(),
        limits.per_day,
        limits.per_second,
    );
    let watch_less = format!("watch less (about {} lists fit)", Pace::lists_within(*limits, *demand, promise));
    let more = match Pace::calls_needed(*limits, *demand, promise) {
        Some(calls) => format!("have a plan with `calls_per_day = {calls}`"),
        None => "have a plan with more calls a second".into(),
    };
    Some((what, format!("{watch_less}, {more}, or allow `max_view_age = \"{}\"`", whole_minutes(age))))
}

/// A span for people: the two largest units that it has.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_millis().div_ceil(1_000);
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let first = units.iter().position(|(_, size)| seconds >= *size).unwrap_or(3);
    let mut rest = seconds;
    let mut words = String::new();
    for (unit, size) in units.iter().skip(first).take(2) {
        if rest / size > 0 || words.is_empty() {
            write!(words, "{}{unit}", rest / size).expect("writing into a String cannot fail");
        }
        rest %= size;
    }
    words
}

/// As a config has it, rounded up.
fn whole_minutes(span: Duration) -> String {
    format!("{}m", span.as_millis().div_ceil(60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        for (millis, words) in
            [(0, "0s"), (15_000, "15s"), (1_783_000, "29m43s"), (3_600_000, "1h"), (90_061_001, "1d1h"), (59_999, "1m")]
        {
            assert_eq!(span(Duration::from_millis(millis)), words, "{millis}");
        }
    }
}
