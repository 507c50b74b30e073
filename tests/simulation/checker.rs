//! The independent checker. It knows every block that ever was and what each receiver got, and nothing of how it came about.

use crate::chain::{Cast, Chain};
use crate::late::{Demand, Late};
use crate::receivers::Heard;
use crate::spec::{APPROVALS, OLD_WATCH, RULES, RuleSpec, Spec};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::reactor::settings::{BetweenOwn, Direction};
use walletwatch::types::{Address, Asset, Kind, Movement, U256};

/// A transfer as bodies name it.
type Told = (u64, String, String, Option<String>, String, String, String, u64);

/// What one receiver was told of one transfer by one rule for one watch.
type Thread = (String, String, String, Told);

/// The stages of threads.
type Stages = BTreeMap<Thread, Vec<&'static str>>;

/// Whether everything that was heard is true, whole and said once.
pub fn check(spec: &Spec, chains: &[Chain], late: &Late, heard: &[Heard]) -> Result<(), String> {
    let messages = distinct(heard)?;
    check_order(&messages)?;
    let truth: Vec<Truth> = chains.iter().map(|chain| Truth::of(chain, &spec.cast)).collect();
    let mut standing: BTreeMap<Thread, Vec<String>> = BTreeMap::new();
    let mut unsure: BTreeSet<Thread> = BTreeSet::new();
    let mut rehearsed: BTreeSet<String> = BTreeSet::new();
    for (sink, body) in &messages {
        let data = &body["data"];
        match text(&body["type"]).split_once('.') {
            Some(("transfer" | "approval", stage)) => {
                let thread = (sink.clone(), text(&data["rule"]), text(&data["watch"]), told(data));
                let truth = truth.iter().find(|truth| truth.chain.id.0 == thread.3.0).ok_or("an unknown chain")?;
                truth.check_told(&thread.3, data)?;
                // Of approvals nothing is said that lies before the watch. Of what came later, what lies before depends on when it came.
                let of_late = spec.cast.late.iter().any(|(name, _)| *name == thread.2);
                if !of_late && data.get("history").unwrap_or(&Value::Bool(false)) != truth.past.contains(&thread.3.1) {
                    return Err(format!("said as history or not: {body}"));
                }
                let chain = spec.chains.iter().find(|chain| chain.id.0 == thread.3.0).expect("it was found");
                // An endpoint may follow another fork for a while, and then it is true; an explorer's word has to be weighed.
                if stage == "retracted" && chain.endpoints == 0 && truth.steady.contains(&thread.3.1) {
                    return Err(format!("taken back, and never was gone: {body}"));
                }
                // Where one confirmation is enough, an explorer's row with one may still be only seen: its receipt has to say so too.
                if stage == "retracted" && chain.explorer && chain.confirmed == 1 && data["confirmations"] == 1 {
                    unsure.insert(thread.clone());
                }
                follow(&thread, stage, data, chain.confirmed, &mut standing, &mut unsure)?;
            }
            Some(("payment", "rehearsed")) => {
                let id = format!("{sink} {}", text(&data["transfer_id"]));
                if !rehearsed.insert(id) {
                    return Err(format!("rehearsed twice for one trigger: {body}"));
                }
            }
            _ => {}
        }
    }
    check_crossings(spec, &messages)?;
    check_blindness(&messages)?;
    check_expected(spec, &truth, late, &standing)?;
    check_rehearsals(&truth, &spec.cast, spec, &messages)
}

/// First deliveries, in order; a repeat has the same id and the same body.
fn distinct(heard: &[Heard]) -> Result<Vec<(String, Value)>, String> {
    let mut bodies: BTreeMap<_, &Heard> = BTreeMap::new();
    let mut places: BTreeMap<(String, String, u64), String> = BTreeMap::new();
    let mut messages = Vec::new();
    for one in heard {
        if let Some(before) = bodies.get(&one.id) {
            if before.body != one.body || before.sink != one.sink {
                return Err(format!("the id {} came with another body", one.id));
            }
            continue;
        }
        bodies.insert(one.id, one);
        let body: Value = serde_json::from_slice(&one.body).map_err(|error| format!("not JSON: {error}"))?;
        let data = &body["data"];
        let revision = data["revision"].as_u64().ok_or("no revision")?;
        let place = (one.sink.to_string(), text(&data["alert_id"]), revision);
        if let Some(other) = places.insert(place.clone(), one.id.to_string()) {
            return Err(format!("{place:?} came under two ids, {other} and {}", one.id));
        }
        messages.push((one.sink.to_string(), body));
    }
    Ok(messages)
}

fn check_order(messages: &[(String, Value)]) -> Result<(), String> {
    let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (sink, body) in messages {
        let revision = body["data"]["revision"].as_u64().unwrap_or(0);
        let before = last.insert((sink.clone(), text(&body["data"]["alert_id"])), revision);
        if before.is_some_and(|before| before >= revision) {
            return Err(format!("revision {revision} came after {before:?} at {sink}: {body}"));
        }
    }
    Ok(())
}

/// Applies one message to what stands.
fn follow(
    thread: &Thread,
    stage: &str,
    data: &Value,
    confirmed: u64,
    standing: &mut BTreeMap<Thread, Vec<String>>,
    unsure: &mut BTreeSet<Thread>,
) -> Result<(), String> {
    let stands = standing.entry(thread.clone()).or_default();
    if stage != "retracted" {
        if stands.iter().any(|other| other == stage) {
            if stage == "confirmed" && unsure.remove(thread) {
                return Ok(());
            }
            return Err(format!("{stage} was said twice: {thread:?}"));
        }
        stands.push(stage.to_owned());
        return Ok(());
    }
    if stands.is_empty() {
        return Err(format!("what was never said was taken back: {thread:?}"));
    }
    // Of what moved, the stages stand that hold at its new place.
    let confirmations = data["confirmations"].as_u64().unwrap_or(0);
    stands.retain(|stage| match stage.as_str() {
        "seen" => confirmations > 0,
        "confirmed" => confirmations >= confirmed,
        _ => false,
    });
    Ok(())
}

/// A movement that was in some block of some fork, or waited to be.
struct Ever {
    movement: Movement,
    /// The canonical block that holds it.
    canonical: Option<u64>,
    /// The first of all blocks that held it, by their order.
    first: Option<usize>,
}

/// Every movement of a chain that concerns a watch.
struct Truth<'a> {
    chain: &'a Chain,
    /// The canonical ones, and all that ever were.
    canonical: BTreeMap<Told, Movement>,
    ever: BTreeMap<Told, Ever>,
    /// In which blocks each transaction ever was.
    places: BTreeSet<(String, u64, String)>,
    /// Transactions that stand where they were first mined.
    steady: BTreeSet<String>,
    /// Transactions that lie before the watch.
    past: BTreeSet<String>,
}

impl<'a> Truth<'a> {
    fn of(chain: &'a Chain, cast: &Cast) -> Self {
        let canonical_txs = chain.canonical_txs();
        let (mut canonical, mut ever) = (BTreeMap::new(), BTreeMap::new());
        let concerns = |address| cast.watch_of(address).is_some() || cast.late_of(address).is_some();
        let mut mined: BTreeMap<usize, usize> = BTreeMap::new();
        for (place, block) in chain.blocks.iter().enumerate() {
            block.txs.iter().for_each(|tx| _ = mined.entry(*tx).or_insert(place));
        }
        for (index, tx) in chain.txs.iter().enumerate() {
            let mut counted: BTreeMap<Told, u64> = BTreeMap::new();
            for movement in &tx.movements {
                if !movement.parties().any(|party| concerns(*party)) {
                    continue;
                }
                let first = name(chain.id.0, movement);
                let nth = counted.entry(first.clone()).or_default();
                let mut told = first;
                told.7 = *nth;
                *nth += 1;
                if canonical_txs.contains_key(&index) {
                    canonical.insert(told.clone(), *movement);
                }
                let at = canonical_txs.get(&index).copied();
                ever.insert(told, Ever { movement: *movement, canonical: at, first: mined.get(&index).copied() });
            }
        }
        let of_block = |block: &crate::chain::Mined| {
            let at = block.at;
            let place = move |tx: &usize| (format!("{:#x}", chain.txs[*tx].hash), at.number, format!("{:#x}", at.hash));
            block.txs.iter().map(place).collect::<Vec<_>>()
        };
        let places: BTreeSet<_> = chain.blocks.iter().flat_map(of_block).collect();
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        places.iter().for_each(|(tx, _, _)| *counts.entry(tx).or_default() += 1);
        let standing = canonical_txs.keys().map(|index| format!("{:#x}", chain.txs[*index].hash));
        let steady = standing.filter(|tx| counts.get(tx) == Some(&1)).collect();
        let past = chain.txs[..chain.past].iter().map(|tx| format!("{:#x}", tx.hash)).collect();
        Self { chain, canonical, ever, places, steady, past }
    }

    fn check_told(&self, told: &Told, data: &Value) -> Result<(), String> {
        if !self.ever.contains_key(told) {
            return Err(format!("said of what never was: {told:?}"));
        }
        if told.6 == "0" && told.2 != "approval" {
            return Err(format!("said of a transfer of nothing: {told:?}"));
        }
        let number = data["block"]["number"].as_u64().unwrap_or(0);
        let hash = data["block"]["hash"].as_str();
        let was_there = self
            .places
            .iter()
            .any(|(tx, block, of)| *tx == told.1 && *block == number && hash.is_none_or(|hash| hash == of));
        if was_there { Ok(()) } else { Err(format!("it never was in block {number} {hash:?}: {told:?}")) }
    }
}

/// What every rule should have said in the end, and nothing else stands.
fn check_expected(
    spec: &Spec,
    truth: &[Truth],
    late: &Late,
    standing: &BTreeMap<Thread, Vec<String>>,
) -> Result<(), String> {
    let cast = &spec.cast;
    let (mut expected, mut allowed) = expected_of_late(spec, truth, late);
    for (told, movement) in truth.iter().flat_map(|truth| &truth.canonical) {
        for rule in &spec.rules() {
            for watch in speaks(rule, cast, movement) {
                if is_past(truth, told) && !(rule.history && watch == OLD_WATCH) {
                    continue;
                }
                for sink in rule.sinks {
                    let thread = ((*sink).to_owned(), rule.name.to_owned(), watch.to_owned(), told.clone());
                    // Whether the other party was one of ours depends on when it came.
                    let skips = matches!(rule.between_own, BetweenOwn::Skip);
                    let other_is_late = [movement.from, movement.to].iter().any(|it| cast.late_of(*it).is_some());
                    let of = if skips && other_is_late { &mut allowed } else { &mut expected };
                    of.insert(thread, rule.stages.iter().map(|stage| stage.word()).collect());
                }
            }
        }
        if let (Kind::Approval, Some(owner)) = (movement.kind, cast.watch_of(movement.from))
            && !is_past(truth, told)
        {
            let (rule, sink, stages) = APPROVALS;
            let thread = (sink.to_owned(), rule.to_owned(), owner.to_owned(), told.clone());
            expected.insert(thread, stages.iter().map(|stage| stage.word()).collect());
        }
    }
    for (thread, stages) in &expected {
        let stands = standing.get(thread).cloned().unwrap_or_default();
        if let Some(lost) = stages.iter().find(|stage| !stands.iter().any(|other| other == *stage)) {
            return Err(format!("{lost} was never said: {thread:?}, said was {stands:?}"));
        }
    }
    for (thread, stands) in standing {
        let allowed = expected.get(thread).or_else(|| allowed.get(thread)).map(Vec::as_slice).unwrap_or_default();
        if let Some(wrong) = stands.iter().find(|stage| !allowed.contains(&stage.as_str())) {
            return Err(format!("{wrong} stands and should not: {thread:?}"));
        }
    }
    Ok(())
}

/// What every rule has to have said of watches that came and went, and what it may have said besides.
fn expected_of_late(spec: &Spec, truth: &[Truth], late: &Late) -> (Stages, Stages) {
    let (mut expected, mut allowed) = (Stages::new(), Stages::new());
    for (chain, told, ever) in
        truth.iter().flat_map(|truth| truth.ever.iter().map(|(told, it)| (truth.chain.id, told, it)))
    {
        let movement = &ever.movement;
        // The rule on approvals looks at nothing that comes later.
        let transfer = movement.kind != Kind::Approval && !movement.amount.is_zero();
        for rule in spec.rules().iter().filter(|rule| rule.late && transfer) {
            for address in [movement.from, movement.to] {
                let Some(watch) = spec.cast.late_of(address) else { continue };
                let demand = ever
                    .first
                    .map_or(Demand::Never, |first| late.demand(chain, address, ever.canonical, first, rule.history));
                for sink in rule.sinks {
                    let thread = ((*sink).to_owned(), rule.name.to_owned(), watch.to_owned(), told.clone());
                    let stages = rule.stages.iter().map(|stage| stage.word()).collect();
                    match demand {
                        Demand::Must => drop(expected.insert(thread, stages)),
                        Demand::May => drop(allowed.insert(thread, stages)),
                        Demand::Never => {}
                    }
                }
            }
        }
    }
    (expected, allowed)
}

/// Whether a movement lies before the watch.
fn is_past(truth: &[Truth], told: &Told) -> bool {
    truth.iter().any(|truth| truth.chain.id.0 == told.0 && truth.past.contains(&told.1))
}

/// The watches for which a rule speaks of a movement.
fn speaks(rule: &RuleSpec, cast: &Cast, movement: &Movement) -> BTreeSet<&'static str> {
    let (from, to) = (cast.watch_of(movement.from), cast.watch_of(movement.to));
    let mut watches = BTreeSet::new();
    let usdc = movement.asset == Asset::Token(cast.usdc);
    let enough = rule.usdc_at_least.is_none_or(|level| usdc && movement.amount >= U256::from(level));
    if movement.amount.is_zero() || !enough || movement.kind == Kind::Approval {
        return watches;
    }
    let own = from.is_some() && to.is_some() && movement.from != movement.to;
    if own && matches!(rule.between_own, BetweenOwn::Skip) {
        return watches;
    }
    let within = from.is_some() && from == to;
    for (watch, is_from) in [(from, true), (to, false)] {
        let Some(watch) = watch.filter(|watch| rule.watches.contains(watch)) else { continue };
        let direction = match rule.direction {
            Direction::Both => true,
            Direction::In => !is_from || within,
            Direction::Out => is_from || within,
        };
        let once = matches!(rule.between_own, BetweenOwn::Once) && own && is_from && !within;
        if direction && !once {
            watches.insert(watch);
        }
    }
    watches
}

/// Only a final USDC receipt from a stranger pays, and where the chain's own blocks were read it does.
fn check_rehearsals(truth: &[Truth], cast: &Cast, spec: &Spec, messages: &[(String, Value)]) -> Result<(), String> {
    let payments = messages.iter().filter(|(_, body)| text(&body["type"]).starts_with("payment."));
    let ids: BTreeMap<String, Told> = messages
        .iter()
        .filter(|(_, body)| text(&body["type"]).starts_with("transfer."))
        .map(|(_, body)| (text(&body["data"]["transfer_id"]), told(&body["data"])))
        .collect();
    for (_, body) in payments {
        let Some(told) = ids.get(&text(&body["data"]["transfer_id"])) else {
            return Err(format!("paid for a transfer that nobody was told of: {body}"));
        };
        let Some(movement) = truth.iter().find_map(|truth| truth.canonical.get(told)) else {
            return Err(format!("paid for a transfer that is not in the final chain: {body}"));
        };
        let between = cast.watch_of(movement.from).is_some() && cast.watch_of(movement.to).is_some();
        if between || speaks(&RULES[1], cast, movement).is_empty() || movement.kind != Kind::Token {
            return Err(format!("paid for what must not pay: {body}"));
        }
        let chain = spec.chains.iter().find(|chain| chain.id.0 == told.0);
        if chain.is_some_and(|chain| chain.endpoints == 0) {
            return Err(format!("paid on an explorer's word alone: {body}"));
        }
    }
    Ok(())
}

/// Each crossing has a number of its own, is said once and recovers at most once, behind that. (Different crossings are different
/// alerts: a receiver that failed may hear of them in any order.) In the end gas has been dear for longer than `at_most_every`: whatever
/// was said of it lately, the last word is that it is.
fn check_crossings(spec: &Spec, messages: &[(String, Value)]) -> Result<(), String> {
    let mut crossings: BTreeMap<(String, String, u64), bool> = BTreeMap::new();
    for (sink, body) in messages {
        let number = body["data"]["crossing"].as_u64().unwrap_or(0);
        let crossing = (sink.clone(), text(&body["data"]["rule"]), number);
        let before = crossings.get(&crossing).copied();
        let (fits, recovered) = match text(&body["type"]).as_str() {
            "price.crossed" | "gas.crossed" => (before.is_none() && number > 0, false),
            "price.recovered" | "gas.recovered" => (before == Some(false), true),
            _ => continue,
        };
        if !fits {
            return Err(format!("a crossing out of order: {body}"));
        }
        crossings.insert(crossing, recovered);
    }
    let seen = spec.chains.first().is_some_and(|chain| chain.endpoints > 0);
    let last = crossings.iter().rfind(|((_, rule, _), _)| rule == "gas").map(|(_, recovered)| *recovered);
    if seen && last != Some(false) {
        return Err(format!("gas is dear in the end, and the last word on it is another: {crossings:?}"));
    }
    Ok(())
}

/// Whoever was told that a chain is blind was told that it is back.
fn check_blindness(messages: &[(String, Value)]) -> Result<(), String> {
    let mut blind: BTreeMap<(String, String), &Value> = BTreeMap::new();
    for (sink, body) in messages {
        let alert = (sink.clone(), text(&body["data"]["alert_id"]));
        match text(&body["type"]).as_str() {
            "source.blind" => drop(blind.insert(alert, body)),
            "source.recovered" => {
                blind.remove(&alert).ok_or_else(|| format!("back, and never was blind: {body}"))?;
            }
            _ => {}
        }
    }
    blind.values().next().map_or(Ok(()), |body| Err(format!("blind for ever: {body}")))
}

fn told(data: &Value) -> Told {
    (
        data["chain_id"].as_u64().unwrap_or(0),
        text(&data["tx_hash"]),
        text(&data["kind"]),
        data["asset"]["contract"].as_str().map(str::to_lowercase),
        text(data.get("from").unwrap_or(&data["address"])).to_lowercase(),
        text(data.get("to").unwrap_or(&data["spender"])).to_lowercase(),
        text(&data["amount_raw"]),
        data["nth"].as_u64().unwrap_or(u64::MAX),
    )
}

fn name(chain: u64, movement: &Movement) -> Told {
    let address = |address: Address| format!("{address:#x}");
    let contract = match movement.asset {
        Asset::Coin => None,
        Asset::Token(contract) => Some(address(contract)),
    };
    let kind = movement.kind.word().to_owned();
    let amount = movement.amount.to_string();
    (chain, format!("{:#x}", movement.tx), kind, contract, address(movement.from), address(movement.to), amount, 0)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
