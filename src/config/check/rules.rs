//! Rules: what each looks at, whom it tells, and whether anything can feed it and anybody hear it.

mod approvals;

use crate::config::check::assets::Assets;
use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names};
use crate::config::check::page_and_store::sinks as named_sinks;
use crate::config::check::payees::Payees;
use crate::config::check::prices;
use crate::config::check::senders;
use crate::config::check::sinks::{SEVERITIES, Sinks, is_built_in};
use crate::config::check::thresholds;
use crate::config::check::watches::Watches;
use crate::config::coverage::{self, Matter, Report};
use crate::config::faults::Place;
use crate::config::near;
use crate::config::raw::keys::RULE_KINDS;
use crate::config::raw::scope::{Said, Scope};
use crate::reactor::effect::MessageKind;
use crate::reactor::settings::{
    Added, BalanceCondition, BetweenOwn, Condition, Direction, KnownToken, Rule, SinkSettings, SystemSettings,
    Threshold, TransferCondition, Watch,
};
use crate::types::{Address, Asset, ChainId, Name, Pair, Severity, Stage};
use std::collections::{BTreeMap, BTreeSet};

/// What rules are made of.
pub(super) struct Materials<'a> {
    /// Chains.
    pub chains: &'a Chains,
    /// Tokens known by contract.
    pub tokens: &'a BTreeMap<(ChainId, Address), KnownToken>,
    /// Watches.
    pub watches: &'a Watches,
    /// Sinks.
    pub sinks: &'a Sinks,
    /// Payees.
    pub payees: &'a Payees,
    /// Pairs by feed.
    pub feeds: &'a BTreeMap<Name, Vec<Pair>>,
    /// What values which asset.
    pub values: &'a BTreeMap<(ChainId, Asset), Pair>,
}

/// A rule with the table it was read from.
pub(super) struct Read<'a> {
    /// Its table.
    pub scope: Scope<'a>,
    /// Its name.
    pub name: Name,
    /// The rule, where nothing was wrong with it.
    pub rule: Option<Rule>,
}

/// Every `[[rule]]` that has a name.
pub(super) fn check<'a>(input: &Input<'a>, from: &Materials<'_>) -> Vec<Read<'a>> {
    let mut names = Names::default();
    let routes = routes(input, from.sinks);
    let mut rules = Vec::new();
    for scope in input.root.many("rule") {
        let name = names.claim(&scope);
        let kind = scope.kind("when", &RULE_KINDS);
        let severity = scope.word("severity", &SEVERITIES).map_or(Severity::Info, |said| said.value);
        let notify = notify(input, &scope, from.sinks, &routes, severity);
        let condition = match kind {
            Some("transfer") => Some(Condition::Transfer(transfer(input, &scope, from))),
            Some("price") => thresholds::price(input, &scope, from.feeds),
            Some("gas") => thresholds::gas(input, &scope, from.chains).map(Condition::Gas),
            Some("balance") => balance(input, &scope, from).map(Condition::Balance),
            Some("approval") => approvals::approval(input, &scope, from).map(Condition::Approval),
            Some(_) | None => None,
        };
        let Some(name) = name else {
            continue;
        };
        let rule = condition.map(|condition| Rule { name: name.clone(), severity, notify, condition });
        if let Some(rule) = &rule {
            fed(input, scope.place(), rule, from);
            heard(input, scope.place(), rule, from.sinks);
        }
        rules.push(Read { scope, name, rule });
    }
    rules
}

/// `[route]`: who hears a rule that names nobody.
fn routes(input: &Input<'_>, sinks: &Sinks) -> BTreeMap<Severity, Vec<Name>> {
    let Some(scope) = input.root.one("route") else {
        return BTreeMap::new();
    };
    let route = |severity: Severity| Some((severity, named_sinks(&sinks.names, scope.texts(severity.word())?, input)));
    Severity::ALL.into_iter().filter_map(route).collect()
}

fn notify(
    input: &Input<'_>,
    scope: &Scope<'_>,
    sinks: &Sinks,
    routes: &BTreeMap<Severity, Vec<Name>>,
    severity: Severity,
) -> Vec<Name> {
    if let Some(said) = scope.texts("notify") {
        if said.is_empty() {
            input.notes.fault(
                scope.place(),
                "`notify` is empty: nobody hears this rule",
                "name a sink, or leave it out where a route stands",
            );
        }
        return named_sinks(&sinks.names, said, input);
    }
    if let Some(route) = routes.get(&severity) {
        return route.clone();
    }
    let what = format!("nobody hears this rule: it has no `notify`, and [route] has no {}", severity.word());
    input.notes.fault(scope.place(), what, near_sinks(sinks));
    Vec::new()
}

fn near_sinks(sinks: &Sinks) -> String {
    let names: Vec<String> = sinks.names.words().map(|name| format!("notify = [\"{name}\"]")).collect();
    if names.is_empty() { "write a [[sink]], and name it in `notify`".into() } else { names.join(" or ") }
}

/// Notes a rule that nothing can feed on a chain of it, and warns of one that is fed late or partly.
fn fed(input: &Input<'_>, place: &Place, rule: &Rule, from: &Materials<'_>) {
    for (id, matters) in coverage::matters(&rule.condition, from.tokens) {
        let name = from.chains.name(id);
        let Some(chain) = from.chains.all.get(&id) else {
            // Where it names watches, that none of them is there was noted.
            if from.watches.list.is_empty() && input.root.many("watch").is_empty() {
                let hint = format!("write a [[chain]] {name} with {}", coverage::who_could(Matter::Token));
                input.notes.fault(
                    place,
                    format!("rule {}: no source reads {name}, so nothing can feed it there", rule.name),
                    hint,
                );
            }
            continue;
        };
        let settings = &chain.settings;
        if settings.endpoints.is_empty() && settings.explorer.is_none() {
            // That nothing reads the chain was noted where it is named.
            continue;
        }
        let best: BTreeMap<Matter, Report> =
            matters.into_iter().map(|matter| (matter, coverage::best(settings, matter))).collect();
        // Of a gas rule it was noted where it names its chain.
        let is_unfed =
            best.values().all(|report| *report == Report::Never) && !matches!(rule.condition, Condition::Gas(_));
        if let Some((matter, _)) = best.first_key_value().filter(|_| is_unfed) {
            let what = format!("no source of {name} can report what rule {} is about", rule.name);
            input.notes.fault(place, what, format!("give [[chain]] {name} {}", coverage::who_could(*matter)));
            continue;
        }
        let late = best.values().any(|report| *report == Report::Late);
        let what = match &rule.condition {
            Condition::Balance(_) if late => {
                "only an explorer is read there: balances are of about a block, and can be five minutes old"
            }
            Condition::Transfer(_) | Condition::Approval(_) if late && settings.endpoints.is_empty() => {
                "only an explorer is read there, so it speaks late; `check` says how late"
            }
            Condition::Transfer(_) if best.get(&Matter::Inner) == Some(&Report::Perhaps) => {
                "coin moved inside transactions is seen only where the endpoint answers traces"
            }
            Condition::Transfer(_)
            | Condition::Approval(_)
            | Condition::Balance(_)
            | Condition::Price(_)
            | Condition::Change(_)
            | Condition::Gas(_) => continue,
        };
        input.notes.warn(place, format!("rule {} on {name}: {what}", rule.name));
    }
    if let Condition::Transfer(transfer) = &rule.condition
        && transfer.history
        && !from.watches.list.iter().any(|watch| transfer.watches.contains(&watch.name) && has_a_past(watch))
        && !from.watches.list.is_empty()
    {
        let what = "`history = true`, but none of its watches has a number as its `from_block`: there is no history to speak of";
        input.notes.warn(place, format!("rule {}: {what}", rule.name));
    }
}

/// Whether a watch, or an address of its list, says from which block on.
fn has_a_past(watch: &Watch) -> bool {
    watch.from_block.is_some() || watch.addresses.iter().any(|listed| listed.from_block.is_some())
}

/// Notes a rule of which every sink keeps messages away.
fn heard(input: &Input<'_>, place: &Place, rule: &Rule, sinks: &Sinks) {
    let (spoken, taken_back) = match &rule.condition {
        Condition::Transfer(condition) => {
            let stages = condition.stages.iter().map(|stage| MessageKind::Transfer(*stage)).collect();
            (stages, MessageKind::Transfer(Stage::Retracted))
        }
        Condition::Approval(condition) => {
            let stages = condition.stages.iter().map(|stage| MessageKind::Approval(*stage)).collect();
            (stages, MessageKind::Approval(Stage::Retracted))
        }
        Condition::Price(_) | Condition::Change(_) => (vec![MessageKind::PriceCrossed], MessageKind::PriceRecovered),
        Condition::Gas(_) => (vec![MessageKind::GasCrossed], MessageKind::GasRecovered),
        Condition::Balance(_) => (vec![MessageKind::BalanceCrossed], MessageKind::BalanceRecovered),
    };
    let told: Vec<&SinkSettings> = rule.notify.iter().filter_map(|name| sinks.settings.get(name)).collect();
    if told.is_empty() || told.len() < rule.notify.len() {
        return;
    }
    let taken = |kind: &MessageKind| told.iter().any(|sink| takes(sink, kind.word(), rule.severity));
    if !spoken.iter().any(taken) {
        let what = format!("every sink that `{}` notifies keeps its messages away", rule.name);
        input.notes.fault(place, what, "look at `min_severity` and `types` of the sinks, and at the rule's severity");
        return;
    }
    for kind in spoken.iter().chain([&taken_back]).filter(|kind| !taken(kind)) {
        let what = format!("rule {}: every sink that it notifies keeps {} away", rule.name, kind.word());
        input.notes.warn(place, what);
    }
}

/// Whether a sink takes messages of this type and severity: the law of `Settings::takes`, for a sink alone.
fn takes(sink: &SinkSettings, kind: &str, severity: Severity) -> bool {
    let alone = crate::reactor::settings::Settings {
        sinks: BTreeMap::from([(sink.name.clone(), sink.clone())]),
        ..Default::default()
    };
    alone.takes(&sink.name, kind, severity)
}

/// Notes built-in alerts that every sink of `[system]` keeps away.
pub(super) fn system_heard(input: &Input<'_>, system: &SystemSettings, sinks: &Sinks) {
    let told: Vec<&SinkSettings> = system.notify.iter().filter_map(|name| sinks.settings.get(name)).collect();
    if told.is_empty() || told.len() < system.notify.len() {
        return;
    }
    let place = input.root.one("system").map_or(input.root.place(), |scope| scope.place());
    for word in MessageKind::ALL.into_iter().map(MessageKind::word).filter(|word| is_built_in(word)) {
        let silenced = system.disabled.iter().any(|name| name.as_str() == word);
        if !silenced && !told.iter().any(|sink| takes(sink, word, Severity::Critical)) {
            let what = format!("every sink that [system] notifies keeps the built-in alert {word} away");
            let hint =
                format!("add a sink to `notify`, or silence it: [[system.alert]] name = \"{word}\", enabled = false");
            input.notes.fault(place, what, hint);
        }
    }
}

fn transfer(input: &Input<'_>, scope: &Scope<'_>, from: &Materials<'_>) -> TransferCondition {
    let (watches, added) = watches(input, scope, from.watches);
    let chains = on(input, scope, from, &watches, &added);
    let directions = [("in", Direction::In), ("out", Direction::Out), ("both", Direction::Both)];
    let direction = scope.word("direction", &directions).map_or(Direction::Both, |said| said.value);
    let assets =
        Assets { chains: from.chains, tokens: from.tokens, on: &chains, on_named: scope.table.get("chains").is_some() };
    let named = assets.named(input, scope);
    let at_least_usd = prices::at_least_usd(input, scope);
    let in_dollars = |said: &Said<'_, &str>| crate::config::amounts::split(said.value).unit == Some("USD");
    if at_least_usd.is_some() {
        valued(input, scope, from, &chains, named.as_ref());
    }
    let at_least = scope
        .text("at_least")
        .filter(|said| !in_dollars(said))
        .map(|said| assets.in_each(input, "at_least", said, named.as_ref()));
    let stages = stages(scope);
    let between = [("each", BetweenOwn::Each), ("once", BetweenOwn::Once), ("skip", BetweenOwn::Skip)];
    let between_own = scope.word("between_own", &between).map_or(BetweenOwn::Each, |said| said.value);
    let skip_suspect = scope.flag("skip_suspect").unwrap_or(false);
    let history = scope.flag("history").unwrap_or(false);
    TransferCondition {
        watches,
        added,
        chains,
        direction,
        from: senders::from(input, scope, from.watches, from.payees),
        assets: named,
        at_least,
        at_least_usd,
        stages,
        between_own,
        skip_suspect,
        history,
    }
}

/// Notes a threshold in dollars that nothing can be held against, and says which assets it leaves out.
fn valued(
    input: &Input<'_>,
    scope: &Scope<'_>,
    from: &Materials<'_>,
    chains: &BTreeSet<ChainId>,
    named: Option<&BTreeSet<(ChainId, Asset)>>,
) {
    let all = |(chain, asset): &(ChainId, Asset)| {
        chains.contains(chain) && named.is_none_or(|named| named.contains(&(*chain, *asset)))
    };
    if !from.values.keys().any(all) && !chains.is_empty() {
        let what = "nothing that this rule is about has a price: `at_least_usd` can never be reached";
        let hint = "add a [[feed]] with the pair (\"ETH-USD\"), or a `pair` to the [[token]] or [[chain]]";
        return input.notes.fault(scope.place(), what, hint);
    }
    let unvalued = named.into_iter().flatten().filter(|asset| !from.values.contains_key(asset)).count();
    if unvalued > 0 {
        let what =
            format!("{unvalued} of the assets of this rule have no price: with `at_least_usd` it says nothing of them");
        input.notes.warn(scope.place(), what);
    }
}

/// `when = "balance"`: each named asset on each chain, with its level in raw units.
fn balance(input: &Input<'_>, scope: &Scope<'_>, from: &Materials<'_>) -> Option<BalanceCondition> {
    let (watches, added) = watches(input, scope, from.watches);
    let chains = on(input, scope, from, &watches, &added);
    let assets =
        Assets { chains: from.chains, tokens: from.tokens, on: &chains, on_named: scope.table.get("chains").is_some() };
    if scope.node("asset").is_none() {
        scope.missing("asset", "a level means nothing without it: asset = \"native\", a known symbol or a contract");
        return None;
    }
    let named = assets.named(input, scope)?;
    let levels = |key: &str, said: Said<'_, &str>| {
        let raw = assets.in_each(input, key, said, Some(&named));
        (raw.len() == named.len() && !raw.is_empty()).then_some(raw)
    };
    // The same number in each asset: the amounts of one asset are in order exactly when those of another are.
    let Threshold { side, level, recovers_at, hold, at_most_every } = thresholds::threshold(scope, levels)?;
    let of = |asset: &(ChainId, Asset)| {
        let (level, recovers_at) = (*level.get(asset)?, *recovers_at.get(asset)?);
        Some((*asset, Threshold { side, level, recovers_at, hold, at_most_every }))
    };
    Some(BalanceCondition { watches, added, thresholds: named.iter().filter_map(of).collect() })
}

/// Names and tags of watches, resolved; and which of the watches that will be added at run time.
fn watches(input: &Input<'_>, scope: &Scope<'_>, watches: &Watches) -> (BTreeSet<Name>, Added) {
    let Some(said) = scope.texts("watch") else {
        return (watches.list.iter().map(|watch| watch.name.clone()).collect(), Added::All);
    };
    if said.is_empty() {
        input.notes.fault(scope.place(), "`watch` is empty", "name watches, or leave it out for all");
    }
    let mut found = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for said in said {
        let Some(tag) = said.value.strip_prefix("tag:") else {
            found.extend(watches.names.find("watch", said, input.notes));
            continue;
        };
        let known = watches.tags.iter().map(String::as_str);
        if !watches.tags.contains(tag) && near::nearest(tag, known.clone()).is_some() {
            input.notes.fault(said.place, "no watch has this tag", near::hint(tag, known));
        } else if !watches.tags.contains(tag) {
            let what = "no watch here has this tag: it looks only at watches that are added with it at run time";
            input.notes.warn(said.place, what);
        }
        tags.insert(Name::from(tag));
        let tagged = watches.list.iter().filter(|watch| watch.tags.iter().any(|own| own.as_str() == tag));
        found.extend(tagged.map(|watch| watch.name.clone()));
    }
    (found, Added::Tagged(tags))
}

/// The chains of a transfer rule: those it names, else all on which its watches are or may come to be.
fn on(
    input: &Input<'_>,
    scope: &Scope<'_>,
    from: &Materials<'_>,
    watches: &BTreeSet<Name>,
    added: &Added,
) -> BTreeSet<ChainId> {
    let named = from.watches.list.iter().filter(|watch| watches.contains(&watch.name));
    let mut somewhere: BTreeSet<ChainId> = named.flat_map(|watch| watch.chains.iter().copied()).collect();
    if added.is_any() {
        let fed = |id: &&ChainId| {
            let settings = from.chains.all.get(id).map(|chain| &chain.settings);
            settings.is_some_and(|chain| !chain.endpoints.is_empty() || chain.explorer.is_some())
        };
        somewhere.extend(from.chains.configured.iter().filter(fed));
    }
    let Some(said) = scope.texts("chains") else {
        return somewhere;
    };
    if said.is_empty() {
        input.notes.fault(scope.place(), "`chains` is empty", "name chains, or leave it out for all");
    }
    let mut found = BTreeSet::new();
    let whole = watches.iter().all(|name| from.watches.list.iter().any(|watch| watch.name == *name));
    for said in said {
        let Some(id) = from.chains.find(input, said) else {
            continue;
        };
        if whole && !watches.is_empty() && !somewhere.contains(&id) {
            let what = format!("nothing that this rule is about is watched on {}", from.chains.name(id));
            unwatched(input, said, &what);
        }
        found.insert(id);
    }
    found
}

fn unwatched(input: &Input<'_>, said: Said<'_, &str>, what: &str) {
    input.notes.fault(
        said.place,
        format!("{what}: nothing can feed it there"),
        "add the chain to the watch, or take it out of the rule",
    );
}

fn stages(scope: &Scope<'_>) -> BTreeSet<Stage> {
    let words = [("seen", Stage::Seen), ("confirmed", Stage::Confirmed), ("final", Stage::Final)];
    let Some((key, node)) = scope.either("stage", "stages") else {
        return BTreeSet::from([Stage::Confirmed]);
    };
    let mut stages = BTreeSet::new();
    let said = scope.texts_of(key, node);
    if said.is_empty() {
        scope.notes.fault(&node.place, format!("`{key}` names no stage"), "seen, confirmed, final");
    }
    for said in said {
        match words.iter().find(|(word, _)| *word == said.value) {
            Some((_, stage)) => {
                stages.insert(*stage);
            }
            None if said.value == "retracted" => {
                scope.notes.fault(
                    said.place,
                    "a retraction cannot be asked for alone",
                    "leave it out: what was said is always taken back",
                );
            }
            None => scope.notes.fault(
                said.place,
                "there is no such stage",
                near::hint(said.value, words.map(|(word, _)| word)),
            ),
        }
    }
    if stages.is_empty() {
        // What is wrong was noted; the default keeps it from being noted again as a rule that nobody hears.
        stages.insert(Stage::Confirmed);
    }
    stages
}
