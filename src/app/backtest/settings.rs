//! The settings of a backtest: those of the config, with everything in them that reaches outside or waits for the present taken away.

use crate::reactor::addresses::{Builder, Listed};
use crate::reactor::settings::{
    ChainSettings, Confirmed, PaymentSettings, Settings, SinkSettings, SystemSettings, Watch,
};
use crate::types::{Name, Pair, Price, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Where everything goes that would be said: nothing takes it from there.
const SAID: &str = "backtest";
/// Who reports the blocks of a chain that only an explorer reads.
pub(super) const LISTS: &str = "explorer";
/// The feed that gives the prices that were stated.
pub(super) const STATED: &str = "stated";
/// No silence of a source counts: longer than any range.
const NEVER: Duration = Duration::from_hours(200 * 365 * 24);

/// The settings as they are tried on the past.
pub(super) fn of_the_past(settings: &Settings, prices: &BTreeMap<Pair, Price>) -> Settings {
    let said = Name::from(SAID);
    let mut tried = settings.clone();
    for chain in tried.chains.values_mut() {
        // What lies in the past is final: it reaches every stage at once.
        let depth = Confirmed::Depth(1);
        let blocks = ChainSettings { confirmed: depth, final_after: 1, finalized_tag: false, ..chain.clone() };
        *chain = ChainSettings { explorer: None, stale_after: NEVER, ..blocks };
        if chain.endpoints.is_empty() {
            chain.endpoints.push(LISTS.into());
        }
    }
    tried.watches = Arc::new(settings.watches.iter().map(without_history).collect());
    for rule in &mut tried.rules {
        rule.notify = vec![said.clone()];
    }
    let sink = SinkSettings { name: said.clone(), min_severity: Severity::Info, types: Vec::new() };
    tried.sinks = BTreeMap::from([(said, sink)]);
    tried.payments =
        settings.payments.iter().map(|payment| PaymentSettings { live: false, ..payment.clone() }).collect();
    tried.live = None;
    tried.system = SystemSettings::default();
    tried.feeds = BTreeMap::new();
    if !prices.is_empty() {
        tried.feeds.insert(STATED.into(), prices.keys().cloned().collect());
    }
    tried.balances.shown = BTreeSet::new();
    tried
}

/// A watch of which nothing lies before the range.
fn without_history(watch: &Watch) -> Watch {
    let asks = watch.addresses.iter().any(|listed| listed.from_block.is_some());
    let addresses = if asks {
        let mut all = Builder::default();
        watch.addresses.iter().for_each(|listed| all.push(Listed { from_block: None, ..listed }));
        Arc::new(all.finish())
    } else {
        Arc::clone(&watch.addresses)
    };
    Watch { addresses, from_block: None, ..watch.clone() }
}
