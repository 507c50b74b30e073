//! Why a transfer was said, or was not: each rule that could speak of it, and what each of its conditions says, value against threshold.
//!
//! The same checks decide what is said ([`super::speak`]); here they are only named.

use super::Reactor;
use super::alerts::{new_alert, transfer_alert};
use super::effect::MessageKind;
use super::hush::in_words;
pub use super::looked::{Check, Looked};
use super::rows::{AlertRow, AlertSubject, TransferRow, Voucher};
use super::rules::InForce;
use super::settings::{ApprovalCondition, BetweenOwn, Condition, Direction, LeastAllowance, Rule, TransferCondition};
use super::speak::Side;
use super::worth::Valuation;
use crate::types::amount::format_amount;
use crate::types::{Asset, ChainId, Name, Stage, TransferKey, U256};
use std::collections::{BTreeMap, BTreeSet};

/// The most of a list that is named.
const MOST_NAMED: usize = 5;

impl Reactor {
    /// Every rule on the watches of a transfer, with what each check says.
    pub(super) fn why(&self, row: &TransferRow) -> Vec<Looked> {
        let mut looked = Vec::new();
        for side in self.sides(&row.key) {
            let Some(watch) = self.watched.watches().get(side.watch) else { continue };
            for entry in self.rules.of_watch(side.watch).iter() {
                let (checks, stages) = match &entry.rule.condition {
                    Condition::Transfer(condition) => {
                        (self.of_transfer(entry, condition, row, &side), &condition.stages)
                    }
                    Condition::Approval(condition) => {
                        (self.of_approval(entry, condition, row, &side), &condition.stages)
                    }
                    Condition::Price(_) | Condition::Change(_) | Condition::Gas(_) | Condition::Balance(_) => continue,
                };
                let mut besides = self.besides(&entry.rule, stages, row, &watch.name, &side);
                besides.extend(self.paid_for(&entry.rule, &checks, row));
                looked.push(Looked { rule: entry.rule.name.clone(), watch: Some(watch.name.clone()), checks, besides });
            }
        }
        looked
    }

    fn of_transfer(
        &self,
        entry: &InForce,
        condition: &TransferCondition,
        row: &TransferRow,
        side: &Side,
    ) -> Vec<Check> {
        let key = &row.key;
        let worth = match self.worth_of(row) {
            Valuation::Known(worth) => format!("{} USD", worth.value),
            Valuation::Unknown(why) => format!("unknown: {why}"),
            Valuation::Never => "no price is known of it".to_owned(),
        };
        let values: [(String, String); 11] = [
            (key.kind.word().to_owned(), "a transfer".to_owned()),
            (row.first_seen.to_string(), format!("since {}", self.rules.row(entry).in_force_since)),
            (self.chain_name(key.chain), named(condition.chains.iter().map(|chain| self.chain_name(*chain)))),
            (direction(side.direction).to_owned(), direction(condition.direction).to_owned()),
            (
                key.from.to_string(),
                condition.from.as_ref().map_or_else(any, |from| named(from.iter().map(ToString::to_string))),
            ),
            (self.asset_name(key.chain, key.asset), self.assets_wanted(condition.assets.as_ref())),
            (self.amount(key), condition.at_least.as_ref().map_or_else(any, |levels| self.least(key, levels))),
            (worth, condition.at_least_usd.as_ref().map_or_else(any, |least| format!("at least {} USD", least.worth))),
            (
                if side.between_own { "between two watches" } else { "with somebody else" }.to_owned(),
                match condition.between_own {
                    BetweenOwn::Each => "each",
                    BetweenOwn::Once => "once, for the receiving watch",
                    BetweenOwn::Skip => "not between two watches",
                }
                .to_owned(),
            ),
            (
                if self.is_past_to(row, side) { "before the watch" } else { "since the watch" }.to_owned(),
                if condition.history { "history too" } else { "since the watch" }.to_owned(),
            ),
            suspect(row, condition.skip_suspect),
        ];
        let checks = self.checks(entry, condition, row, side).into_iter().zip(values);
        checks.map(|((check, passed), (is, wanted))| told(check, passed, is, wanted)).collect()
    }

    fn of_approval(
        &self,
        entry: &InForce,
        condition: &ApprovalCondition,
        row: &TransferRow,
        side: &Side,
    ) -> Vec<Check> {
        let key = &row.key;
        let since = self.rules.row(entry).in_force_since;
        let is_one = key.kind.is_approval();
        let enough =
            ApprovalCondition { trusted: BTreeSet::new(), trusted_watches: BTreeSet::new(), ..condition.clone() };
        let least = match &condition.at_least {
            None => any(),
            Some(LeastAllowance::Unlimited) => "without a bound".to_owned(),
            Some(LeastAllowance::Amount(levels)) => self.least(key, levels),
        };
        let assets = condition.assets.as_ref();
        let holds = |asked: bool| asked || !is_one;
        let mut checks = vec![
            told("an approval", is_one, key.kind.word().to_owned(), "an approval".to_owned()),
            told(
                "first seen since the rule is in force",
                row.first_seen >= since,
                row.first_seen.to_string(),
                format!("since {since}"),
            ),
            told(
                "chain",
                condition.chains.contains(&key.chain),
                self.chain_name(key.chain),
                named(condition.chains.iter().map(|chain| self.chain_name(*chain))),
            ),
            told(
                "asset",
                assets.is_none_or(|assets| assets.contains(&(key.chain, key.asset))),
                self.asset_name(key.chain, key.asset),
                self.assets_wanted(assets),
            ),
            told("at_least", holds(self.allows(&enough, row)), self.amount(key), least),
            told(
                "trusted",
                holds(self.allows(condition, row) || !self.allows(&enough, row)),
                key.to.to_string(),
                "nobody who is trusted".to_owned(),
            ),
        ];
        let (is, wanted) = suspect(row, condition.skip_suspect);
        checks.push(told("skip_suspect", !(condition.skip_suspect && row.suspect.any()), is, wanted));
        // What the parts do not explain, the whole says.
        let speaks = self.speaks_of(entry, row, side).is_some();
        if !speaks && checks.iter().all(|check| check.passed) {
            checks.push(told("history", false, "before the watch".to_owned(), "since the watch".to_owned()));
        }
        checks
    }

    /// What keeps a rule that looks at a transfer from saying it now, or kept it.
    fn besides(
        &self,
        rule: &Rule,
        stages: &BTreeSet<Stage>,
        row: &TransferRow,
        watch: &Name,
        side: &Side,
    ) -> Vec<Name> {
        let mut besides: Vec<Name> = Vec::new();
        if row.stage == Stage::Retracted {
            besides.push("the transfer was taken back".into());
        }
        if row.voucher == Voucher::Other {
            besides.push("only a source that is not the authority reports it".into());
        }
        let next = stages.iter().find(|stage| **stage > row.stage);
        if !stages.iter().any(|stage| *stage <= row.stage)
            && let Some(next) = next
        {
            besides.push(format!("the rule speaks when it is {}, and it is {}", next.word(), row.stage.word()).into());
        }
        if self.is_made_to_deceive(row) && !rule.condition.shows_suspects() {
            let marks = row.suspect.words().join(", ").replace('_', " ");
            let how = "it is named in the daily digest, unless the rule has `show_suspect = true`";
            besides.push(format!("it looks made to deceive ({marks}): {how}").into());
        }
        let id = transfer_alert(&rule.name, watch, row.id);
        let alert = self.alerts.get(id).cloned().unwrap_or_else(|| {
            let Side { address, direction, .. } = *side;
            let subject = AlertSubject::Transfer { transfer: row.id, watch: watch.clone(), address, direction };
            new_alert(id, rule.name.clone(), rule.severity, subject, row.first_seen)
        });
        let stage = stages.iter().copied().find(|stage| *stage <= row.stage);
        let kind = if row.key.kind.is_approval() { MessageKind::Approval } else { MessageKind::Transfer };
        let kind = kind(stage.unwrap_or(Stage::Seen));
        besides.extend(self.hushed(&alert, kind, Some(watch), Some(row.key.chain)));
        besides.extend(self.kept_away(rule, kind));
        besides
    }

    /// The silences that keep or kept an alert from being said.
    pub(super) fn hushed(
        &self,
        alert: &AlertRow,
        kind: MessageKind,
        watch: Option<&Name>,
        chain: Option<ChainId>,
    ) -> Vec<Name> {
        let chain = chain.and_then(|chain| self.settings.chains.get(&chain)).map(|chain| &chain.name);
        let quiet = &self.alerts.quiet;
        let at = [alert.raised_at, self.at];
        let mut silences: Vec<_> =
            at.iter().filter_map(|at| quiet.silence_of(alert, kind, (watch, chain), *at)).collect();
        silences.dedup();
        silences.into_iter().map(|silence| in_words(silence).into()).collect()
    }

    /// The sinks of a rule that take no such message.
    pub(super) fn kept_away(&self, rule: &Rule, kind: MessageKind) -> Option<Name> {
        let away = |sink: &&Name| !self.settings.takes(sink, kind.word(), rule.severity);
        let away = rule.notify.iter().filter(away).map(ToString::to_string);
        let away = named(away);
        let filters = "by their `min_severity` or `types`";
        (!away.is_empty()).then(|| format!("these sinks do not take it, {filters}: {away}").into())
    }

    pub(super) fn chain_name(&self, chain: ChainId) -> String {
        self.settings.chains.get(&chain).map_or_else(|| chain.0.to_string(), |chain| chain.name.to_string())
    }

    /// What an asset is called, only where it is known; a stranger's word is none.
    pub(super) fn asset_name(&self, chain: ChainId, asset: Asset) -> String {
        let (_, symbol, _, verified) = self.asset_facts(chain, asset);
        match (symbol.filter(|_| verified), asset) {
            (Some(symbol), _) => symbol.to_string(),
            (None, Asset::Token(contract)) => contract.to_string(),
            (None, Asset::Coin) => "the coin".to_owned(),
        }
    }

    fn assets_wanted(&self, assets: Option<&BTreeSet<(ChainId, Asset)>>) -> String {
        assets.map_or_else(any, |assets| named(assets.iter().map(|(chain, asset)| self.asset_name(*chain, *asset))))
    }

    /// An amount in the asset's unit, where that is known.
    pub(super) fn in_unit(&self, chain: ChainId, asset: Asset, raw: U256) -> String {
        match self.asset_facts(chain, asset).0 {
            Some(decimals) => format!("{} {}", format_amount(raw, decimals), self.asset_name(chain, asset)),
            None => format!("{raw} raw"),
        }
    }

    fn amount(&self, key: &TransferKey) -> String {
        self.in_unit(key.chain, key.asset, key.amount)
    }

    fn least(&self, key: &TransferKey, levels: &BTreeMap<(ChainId, Asset), U256>) -> String {
        match levels.get(&(key.chain, key.asset)) {
            None => "the rule has no threshold for this asset".to_owned(),
            Some(level) => format!("at least {}", self.in_unit(key.chain, key.asset, *level)),
        }
    }
}

pub(super) fn told(check: &'static str, passed: bool, is: String, wanted: String) -> Check {
    Check { check, passed, is: is.into(), wanted: wanted.into() }
}

fn any() -> String {
    "any".to_owned()
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Both => "both",
    }
}

fn suspect(row: &TransferRow, skips: bool) -> (String, String) {
    let marks = row.suspect.words().join(", ").replace('_', " ");
    let is = if marks.is_empty() { "not suspect".to_owned() } else { marks };
    (is, if skips { "not suspect".to_owned() } else { any() })
}

/// Some of a list, and how many more there are.
fn named(all: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = all.collect();
    all.dedup();
    let more = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    let named = all.join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}
