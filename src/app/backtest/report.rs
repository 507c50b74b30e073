//! What a backtest found, per rule and day: what would have been said, and paid; what came close; what nobody can know.

use super::BacktestFault;
use super::misses::Miss;
use super::uncovered::Uncovered;
use crate::reactor::settings::{Condition, Settings};
use crate::sinks::body::{Basics, Data, read};
use crate::store::{OutboxFilter, Reader};
use crate::types::amount::format_amount;
use crate::types::gas::Fee;
use crate::types::{ChainId, Name, Timestamp, U256};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a page of messages.
const PAGE: usize = 500;
/// Decimals of USDC wherever Circle issues it.
const USDC_DECIMALS: u8 = 6;
/// How much of a time is its day.
const DAY: usize = 10;

/// What was read of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The chain's name.
    pub chain: Name,
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// Its time.
    pub from_time: Timestamp,
    /// Its time.
    pub to_time: Timestamp,
}

/// What a rule would have said on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The rule.
    pub rule: Name,
    /// The day, in UTC: `2026-11-22`.
    pub day: String,
    /// The type of the messages.
    pub kind: Name,
    /// How many.
    pub messages: u64,
}

/// What a rule would have paid on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The rule.
    pub rule: Name,
    /// The day, in UTC, on which it was planned.
    pub day: String,
    /// To whom.
    pub payee: Name,
    /// How far it would have come: `rehearsed` is paid.
    pub state: &'static str,
    /// What stopped it.
    pub reason: Option<Name>,
    /// How many.
    pub payments: u64,
    /// In sum, in USDC.
    pub amount: String,
}

/// What a backtest cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Of which rule; `None` is of all.
    pub rule: Option<Name>,
    /// Why.
    pub why: String,
    /// On which days, in UTC, where it is not all of them.
    pub days: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was read.
    pub stretches: Vec<Stretch>,
    /// Transfers of watched addresses in it.
    pub transfers: u64,
    /// By rule, day and type.
    pub said: Vec<Said>,
    /// By rule, day, payee and state.
    pub paid: Vec<Paid>,
    /// The nearest misses, by rule.
    pub misses: Vec<Miss>,
    /// Rules that would have said nothing, and of which nothing is unknown.
    pub silent: Vec<Name>,
    /// What it cannot say.
    pub unknown: Vec<Unknown>,
}

/// Which limit had no room, by the payment.
pub(super) type Limits = BTreeMap<String, String>;

/// What was found on the way, and stands in no table.
pub(super) struct Found {
    /// What was read.
    pub(super) stretches: BTreeMap<ChainId, Stretch>,
    /// Transfers of watched addresses.
    pub(super) transfers: u64,
    /// The nearest misses.
    pub(super) misses: Vec<Miss>,
    /// Which limits were met.
    pub(super) limits: Limits,
    /// On which days of which rules nobody knows any more what was held.
    pub(super) uncovered: Uncovered,
    /// Whether prices were stated.
    pub(super) priced: bool,
}

/// Puts the answer together.
pub(super) fn report(reader: &Reader, settings: &Settings, found: Found) -> Result<Report, BacktestFault> {
    let Found { stretches, transfers, misses, limits, uncovered, priced } = found;
    let said = said(reader)?;
    let mut unknown = unknown(settings, &stretches, priced);
    for (rule, days) in uncovered.days() {
        let why = "what was held then could not be read: an archive node knows it, an explorer does not".to_owned();
        unknown.push(Unknown { rule: Some(rule), why, days });
    }
    let spoke: BTreeSet<&Name> = said.iter().map(|said| &said.rule).collect();
    let doubted: BTreeSet<&Name> = unknown.iter().filter_map(|unknown| unknown.rule.as_ref()).collect();
    let names = settings.rules.iter().map(|rule| &rule.name);
    let silent = names.filter(|name| !spoke.contains(name) && !doubted.contains(name)).cloned().collect();
    Ok(Report {
        stretches: stretches.into_values().collect(),
        transfers,
        paid: paid(reader, &limits)?,
        misses,
        silent,
        said,
        unknown,
    })
}

/// Counts the messages, by rule, day and type. What walletwatch says of itself is not of any rule.
fn said(reader: &Reader) -> Result<Vec<Said>, BacktestFault> {
    let mut counts: BTreeMap<(Name, String, Name), u64> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = reader.outbox(&OutboxFilter { after, ..OutboxFilter::default() }, PAGE)?;
        for row in &page.rows {
            if let Some(rule) = rule_of(&row.message.body) {
                let key = (rule, day(row.message.created), row.message.kind.clone());
                *counts.entry(key).or_default() += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let one = |((rule, day, kind), messages)| Said { rule, day, kind, messages };
    Ok(counts.into_iter().map(one).collect())
}

/// The rule that a body is of.
fn rule_of(body: &[u8]) -> Option<Name> {
    let (_, data) = read(body).ok()?;
    let of = |basics: &Basics<'_>| basics.rule.as_deref().map(Name::from);
    match &data {
        Data::Transfer(data) => data.rule.as_deref().map(Name::from),
        Data::Approval(data) => of(&data.basics),
        Data::Payment(data) => of(&data.basics),
        Data::Price(data) => of(&data.basics),
        Data::Gas(data) => of(&data.basics),
        Data::Balance(data) => of(&data.basics),
        Data::Resolved(data) => of(&data.basics),
        Data::Source(_) | Data::Frozen(_) | Data::Sink(_) | Data::Heartbeat(_) | Data::Digest(_) | Data::Other(_) => {
            None
        }
    }
}

/// What payments are summed by: rule, day, payee, state, reason.
type Alike = (Name, String, Name, &'static str, Option<Name>);

/// Sums the payments, by rule, day, payee, state and reason.
fn paid(reader: &Reader, limits: &Limits) -> Result<Vec<Paid>, BacktestFault> {
    let mut sums: BTreeMap<Alike, (u64, U256)> = BTreeMap::new();
    for row in reader.payments()? {
        let limit =
            limits.get(&row.id.to_string()).filter(|_| row.reason.as_ref().is_some_and(|why| why.as_str() == "limit"));
        let reason = limit.map_or_else(|| row.reason.clone(), |limit| Some(format!("limit: {limit}").into()));
        let key = (row.rule.clone(), day(row.planned_at), row.payee.clone(), row.state.word(), reason);
        let sum = sums.entry(key).or_default();
        *sum = (sum.0 + 1, sum.1.saturating_add(row.amount));
    }
    let one = |((rule, day, payee, state, reason), (payments, amount))| {
        let amount = format_amount(amount, USDC_DECIMALS);
        Paid { rule, day, payee, state, reason, payments, amount }
    };
    Ok(sums.into_iter().map(one).collect())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(DAY).collect()
}

/// What a range of blocks does not hold.
fn unknown(settings: &Settings, stretches: &BTreeMap<ChainId, Stretch>, priced: bool) -> Vec<Unknown> {
    let mut unknown = Vec::new();
    for rule in &settings.rules {
        let why = match &rule.condition {
            Condition::Price(_) | Condition::Change(_) => Some("no prices of the past are known"),
            Condition::Transfer(condition) if condition.at_least_usd.is_some() && !priced => Some(
                "no prices of the past are known, so nothing has a worth in dollars: --price ETH-USD=2500 states one",
            ),
            Condition::Transfer(condition) => unread(condition.chains.iter(), stretches),
            Condition::Approval(condition) => unread(condition.chains.iter(), stretches),
            Condition::Gas(condition) if condition.of == Fee::Priority => Some("tips of the past are not read"),
            Condition::Gas(condition) => unread([condition.chain].iter(), stretches),
            Condition::Balance(condition) => unread(condition.thresholds.keys().map(|(chain, _)| chain), stretches),
        };
        unknown.extend(why.map(|why| Unknown { rule: Some(rule.name.clone()), why: why.to_owned(), days: Vec::new() }));
    }
    unknown
}

/// Whether some of these chains were not read.
fn unread<'a>(
    mut chains: impl Iterator<Item = &'a ChainId>,
    stretches: &BTreeMap<ChainId, Stretch>,
) -> Option<&'static str> {
    chains.any(|chain| !stretches.contains_key(chain)).then_some("not all of its chains were read")
}

impl Report {
    /// For machines.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let name = |name: &Name| Value::from(name.as_str());
        let stretches = self.stretches.iter().map(|one| {
            json!({
                "chain": name(&one.chain), "from": one.from, "to": one.to,
                "from_time": one.from_time.to_string(), "to_time": one.to_time.to_string(),
            })
        });
        let said = self.said.iter().map(
            |one| json!({"rule": name(&one.rule), "day": one.day, "type": name(&one.kind), "messages": one.messages}),
        );
        let paid = self.paid.iter().map(|one| {
            json!({
                "rule": name(&one.rule), "day": one.day, "payee": name(&one.payee), "state": one.state,
                "reason": one.reason.as_ref().map(name), "payments": one.payments, "amount": one.amount,
            })
        });
        let misses = self.misses.iter().map(|one| {
            json!({
                "rule": name(&one.rule), "what": name(&one.what), "value": one.value, "threshold": one.threshold,
                "short_by": one.short_by, "block": one.block, "tx_hash": one.tx,
            })
        });
        let unknown = self
            .unknown
            .iter()
            .map(|one| json!({"rule": one.rule.as_ref().map(name), "reason": one.why, "days": one.days}));
        json!({
            "ranges": stretches.collect::<Vec<_>>(),
            "transfers": self.transfers,
            "said": said.collect::<Vec<_>>(),
            "paid": paid.collect::<Vec<_>>(),
            "nearest_misses": misses.collect::<Vec<_>>(),
            "silent": self.silent.iter().map(name).collect::<Vec<_>>(),
            "unknown": unknown.collect::<Vec<_>>(),
        })
    }
}
