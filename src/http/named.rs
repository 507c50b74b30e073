//! Whom a list may be narrowed to, by one rule for every list: a name that the config has, or that something in the store still goes by.
//! Any other is a mistake of who asks, and is told so: an empty list would say that all is quiet.

use super::Parts;
use super::problem::Problem;
use super::query::{ALERT_STATE, Asked, CHAIN, OUTBOX_STATE, RULE, SINK, WATCH};
use crate::config::near::nearest;
use crate::reactor::effect::MessageKind;
use crate::reactor::rows::AlertState;
use crate::store::{AlertFilter, OutboxFilter, OutboxState, PaymentFilter};
use crate::telemetry::Snapshot;
use crate::types::{Address, ChainId, Name};
use axum::http::StatusCode;
use std::collections::BTreeSet;

fn no<'name>(what: &str, name: &str, known: impl Iterator<Item = &'name Name>) -> Problem {
    let near = nearest(name, known.map(Name::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is no such {what}, neither in the config nor in what the store holds{near}"),
    )
}

/// The chain that is asked for. Words for one that left the config are nobody's: only the config's can be.
pub(super) fn chain(snapshot: &Snapshot, asked: &Asked) -> Result<Option<ChainId>, Problem> {
    let chains = || snapshot.labels.chains.values().map(|chain| &chain.name);
    let named = |name: &str| snapshot.labels.chain_named(name).ok_or_else(|| no("chain", name, chains()));
    asked.of(CHAIN).map(named).transpose()
}

/// The addresses of the watch that is asked for, which moved what they moved whoever watches them.
pub(super) async fn addresses(
    parts: &Parts,
    snapshot: &Snapshot,
    asked: &Asked,
) -> Result<Option<BTreeSet<Address>>, Problem> {
    let Some(name) = asked.of(WATCH) else { return Ok(None) };
    match snapshot.labels.addresses(name) {
        Some(addresses) => Ok(Some(addresses)),
        None => Ok(Some(parts.archive.addresses(name.into()).await?.ok_or_else(|| no("watch", name, watches(snapshot)))?)),
    }
}

fn watches(snapshot: &Snapshot) -> impl Iterator<Item = &Name> {
    snapshot.labels.watches.iter().map(|watch| &watch.name)
}

/// The watch that is asked for, of which alerts outlive it.
async fn watch(parts: &Parts, snapshot: &Snapshot, asked: &Asked) -> Result<Option<Name>, Problem> {
    let Some(name) = asked.name(WATCH) else { return Ok(None) };
    let told = AlertFilter { watch: Some(name.clone()), ..AlertFilter::default() };
    let known = snapshot.labels.watches.iter().any(|watch| watch.name == name)
        || parts.archive.addresses(name.clone()).await?.is_some()
        || !parts.archive.alerts(told, 1).await?.rows.is_empty();
    if known { Ok(Some(name)) } else { Err(no("watch", name.as_str(), watches(snapshot))) }
}

/// The rule that is asked for: its alerts and its payments outlive it, and what is built in speaks by the types of its messages.
pub(super) async fn rule(parts: &Parts, snapshot: &Snapshot, asked: &Asked) -> Result<Option<Name>, Problem> {
    let Some(name) = asked.name(RULE) else { return Ok(None) };
    let told = AlertFilter { rule: Some(name.clone()), ..AlertFilter::default() };
    let paid = PaymentFilter { rule: Some(name.clone()), ..PaymentFilter::default() };
    let known = snapshot.labels.rules.iter().any(|(rule, ..)| *rule == name)
        || MessageKind::ALL.iter().any(|kind| kind.word() == name.as_str())
        || !parts.archive.alerts(told, 1).await?.rows.is_empty()
        || !parts.archive.payments(paid, 1).await?.rows.is_empty();
    if known { Ok(Some(name)) } else { Err(no("rule", name.as_str(), snapshot.labels.rules.iter().map(|(rule, ..)| rule))) }
}

/// The sink that is asked for: its messages outlive it.
async fn sink(parts: &Parts, snapshot: &Snapshot, asked: &Asked) -> Result<Option<Name>, Problem> {
    let Some(name) = asked.name(SINK) else { return Ok(None) };
    let sent = OutboxFilter { sink: Some(name.clone()), ..OutboxFilter::default() };
    let known = snapshot.labels.sinks.contains(&name) || !parts.archive.outbox(sent, 1).await?.rows.is_empty();
    if known { Ok(Some(name)) } else { Err(no("sink", name.as_str(), snapshot.labels.sinks.iter())) }
}

/// Which alerts are asked for, by the API and by the page.
pub(super) async fn alerts(parts: &Parts, snapshot: &Snapshot, asked: &Asked) -> Result<AlertFilter, Problem> {
    Ok(AlertFilter {
        after: asked.place(|text| text.parse().ok())?,
        state: asked.word(ALERT_STATE, &AlertState::ALL, AlertState::word),
        rule: rule(parts, snapshot, asked).await?,
        watch: watch(parts, snapshot, asked).await?,
    })
}

/// The same of messages.
pub(super) async fn messages(parts: &Parts, snapshot: &Snapshot, asked: &Asked) -> Result<OutboxFilter, Problem> {
    Ok(OutboxFilter {
        after: asked.place(|text| text.parse().ok())?,
        state: asked.word(OUTBOX_STATE, &OutboxState::ALL, OutboxState::word),
        sink: sink(parts, snapshot, asked).await?,
    })
}
