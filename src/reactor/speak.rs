//! Transfers and approvals against rules: what is said at which stage, what is taken back, what is paid.
//!
//! Speaking is idempotent: an alert knows which stages were said, so that a transfer may be looked at as often as it changes.

use super::Reactor;
use super::alerts::{Saying, new_alert, transfer_alert};
use super::effect::{Body, Effect, MessageKind, Notice, TransferBody};
use super::payments::Trigger;
use super::payments::desk::Unpaid;
use super::rows::{AlertRow, AlertState, AlertSubject, Deadline, TransferRow, Voucher};
use super::rules::InForce;
use super::settings::{BetweenOwn, Condition, Direction, Rule, TransferCondition};
use crate::types::{Address, Name, Stage, TransferId, TransferKey};
use std::collections::BTreeSet;
use std::time::Duration;

/// A retracted transfer that is mined again within this time comes back under its alerts.
const REMEMBER_RETRACTED: Duration = Duration::from_hours(7 * 24);

/// A transfer as one watch sees it.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) watch: usize,
    pub(super) address: Address,
    pub(super) direction: Direction,
    /// The other side is a watch too.
    pub(super) between_own: bool,
}

impl Side {
    /// The addresses of the watch: both of a transfer within it.
    const fn either(&self, key: &TransferKey) -> [Address; 2] {
        [if matches!(self.direction, Direction::Both) { key.from } else { self.address }, self.address]
    }
}

impl Reactor {
    /// Says whatever the rules say of a transfer as it stands, and was not said.
    pub(super) fn speak(&mut self, id: TransferId, effects: &mut Vec<Effect>) {
        self.speak_to(id, None, effects);
    }

    /// The same, to the watches of these addresses alone.
    pub(super) fn speak_to(&mut self, id: TransferId, only: Option<&BTreeSet<Address>>, effects: &mut Vec<Effect>) {
        let Some(row) = self.transfers.get(id) else { return };
        if row.stage == Stage::Retracted {
            return;
        }
        // Uncorroborated: whoever is the authority will vouch for it, or not.
        if row.voucher == Voucher::Other {
            return;
        }
        self.compare_outflow(&row, effects);
        if self.wait_for_token(&row, effects) {
            return;
        }
        let row = self.quoted(row, effects);
        self.learn_counterparties(&row, effects);
        let deceives = self.is_made_to_deceive(&row);
        for side in self.sides(&row.key) {
            // Within one watch it is the history of either.
            let either = side.either(&row.key);
            let wanted = only.is_none_or(|only| either.iter().any(|address| only.contains(address)));
            let past = self.is_past_to(&row, &side);
            if !wanted || (past && !either.iter().any(|address| self.is_history_of(&row, address))) {
                continue;
            }
            for entry in self.rules.of_watch(side.watch).iter() {
                let rule = &entry.rule;
                let Some(stages) = self.speaks_of(entry, &row, &side) else { continue };
                let fold = deceives && !rule.condition.shows_suspects();
                self.say_stages(rule, stages, &row, &side, fold, effects);
                // What was long before the watch is nothing to pay for, and an approval moved nothing. Whoever may add a watch may not
                // thereby make somebody pay.
                let of_config = side.watch < self.watched.of_config();
                if matches!(rule.condition, Condition::Transfer(_)) && !past && of_config {
                    self.pay_for_transfer(rule, &row, effects);
                }
            }
        }
    }

    /// Takes a transfer back, from everyone who was told.
    pub(super) fn retract(&mut self, id: TransferId, reason: &str, effects: &mut Vec<Effect>) {
        let Some(old) = self.transfers.get(id).filter(|row| row.stage != Stage::Retracted) else { return };
        let row = TransferRow { stage: Stage::Retracted, missing: None, ..old.clone() };
        Self::note_stages(&row, Some(&old), effects);
        self.transfers.put(row.clone(), effects);
        self.unpublished.insert(row.key.chain);
        self.timers.set(self.at, Deadline::Forget(id), REMEMBER_RETRACTED, effects);
        for alert in self.alerts.of_transfer(id) {
            self.take_back(alert, &row, &[], reason, effects);
        }
        self.trigger_retracted(id, effects);
        self.restir_balances(&row.key, effects);
    }

    /// A transfer was mined again in another block: what was said and does not hold there is taken back.
    pub(super) fn moved(&mut self, row: &TransferRow, effects: &mut Vec<Effect>) {
        for id in self.alerts.of_transfer(row.id) {
            let Some(alert) = self.alerts.get(id) else { continue };
            let holding: Vec<Stage> = alert.said.iter().copied().filter(|stage| *stage <= row.stage).collect();
            if holding.len() < alert.said.len() {
                let reason = format!("it moved to block {} and is not as deep there", row.block);
                self.take_back(id, row, &holding, &reason, effects);
            }
        }
    }

    pub(super) fn forget(&mut self, id: TransferId, effects: &mut Vec<Effect>) {
        if let Some(row) = self.transfers.get(id).filter(|row| row.stage == Stage::Retracted) {
            self.close_alerts_of(id, effects);
            self.transfers.put(TransferRow { settled: true, ..row }, effects);
        }
    }

    pub(super) fn close_alerts_of(&mut self, id: TransferId, effects: &mut Vec<Effect>) {
        for alert in self.alerts.of_transfer(id) {
            if let Some(row) = self.alerts.get(alert).cloned() {
                self.alerts.put(AlertRow { closed: true, ..row }, effects);
            }
        }
    }

    /// Whether any rule would speak of it.
    pub(super) fn is_spoken_of(&self, row: &TransferRow) -> bool {
        self.sides(&row.key)
            .iter()
            .any(|side| self.rules.of_watch(side.watch).iter().any(|entry| self.speaks_of(entry, row, side).is_some()))
    }

    /// The stages at which a rule speaks of a transfer or an approval of a watch; `None` where it does not.
    pub(super) fn speaks_of<'rule>(
        &self,
        entry: &'rule InForce,
        row: &TransferRow,
        side: &Side,
    ) -> Option<&'rule BTreeSet<Stage>> {
        if row.first_seen < self.rules.row(entry).in_force_since {
            return None;
        }
        match &entry.rule.condition {
            Condition::Transfer(condition) => self.matches(entry, condition, row, side).then_some(&condition.stages),
            Condition::Approval(condition) => self.allows(condition, row).then_some(&condition.stages),
            Condition::Price(_) | Condition::Change(_) | Condition::Gas(_) | Condition::Balance(_) => None,
        }
    }

    /// The watches that a transfer concerns: one, or both of two; one for a transfer to itself or within one watch.
    pub(super) fn sides(&self, key: &TransferKey) -> Vec<Side> {
        let find = |address: &Address| {
            self.watched.find(key.chain, address).map(|(index, _)| index as usize).map(|watch| (watch, *address))
        };
        let side = |(watch, address), direction, between_own| Side { watch, address, direction, between_own };
        // An approval is its owner's.
        let to = if key.kind.is_approval() { None } else { find(&key.to) };
        match (find(&key.from), to) {
            (None, None) => Vec::new(),
            (Some(from), None) => vec![side(from, Direction::Out, false)],
            (None, Some(to)) => vec![side(to, Direction::In, false)],
            (Some(from), Some(to)) if from.0 == to.0 => vec![side(to, Direction::Both, key.from != key.to)],
            (Some(from), Some(to)) => vec![side(from, Direction::Out, true), side(to, Direction::In, true)],
        }
    }

    /// Whether a transfer is history to a watch, which it need not be to the other party.
    pub(super) fn is_past_to(&self, row: &TransferRow, side: &Side) -> bool {
        row.history || side.either(&row.key).iter().all(|address| self.is_past_of(row, address))
    }

    fn matches(&self, entry: &InForce, condition: &TransferCondition, row: &TransferRow, side: &Side) -> bool {
        self.checks(entry, condition, row, side).iter().all(|(_, passed)| *passed)
    }

    /// What each condition of a rule says of a transfer, in the order in which [`super::why`] puts values to it.
    pub(super) fn checks(
        &self,
        entry: &InForce,
        condition: &TransferCondition,
        row: &TransferRow,
        side: &Side,
    ) -> [(&'static str, bool); 11] {
        let key = &row.key;
        let asset = (key.chain, key.asset);
        // What was spoken of stays spoken of, should its price become known only then.
        let worth = condition.at_least_usd.is_none_or(|least| {
            let said = || {
                let watch = self.watched.watches().get(side.watch)?;
                self.alerts.get(transfer_alert(&entry.rule.name, &watch.name, row.id))
            };
            self.is_worth(row, &least) || said().is_some_and(|alert| alert.revision > 0)
        });
        let between_own = match condition.between_own {
            BetweenOwn::Each => true,
            BetweenOwn::Once => !(side.between_own && side.direction == Direction::Out),
            BetweenOwn::Skip => !side.between_own,
        };
        let direction = match (condition.direction, side.direction) {
            (Direction::Both, _) | (_, Direction::Both) => true,
            (wanted, seen) => wanted == seen,
        };
        let enough = match &condition.at_least {
            None => true,
            Some(levels) => levels.get(&asset).is_some_and(|level| key.amount >= *level),
        };
        [
            ("no approval", !key.kind.is_approval()),
            ("first seen since the rule is in force", row.first_seen >= self.rules.row(entry).in_force_since),
            ("chain", condition.chains.contains(&key.chain)),
            ("direction", direction),
            ("from", condition.from.as_ref().is_none_or(|from| from.contains(&key.from))),
            ("asset", condition.assets.as_ref().is_none_or(|assets| assets.contains(&asset))),
            ("at_least", enough),
            ("at_least_usd", worth),
            ("between_own", between_own),
            ("history", condition.history || !self.is_past_to(row, side)),
            ("skip_suspect", !(condition.skip_suspect && row.suspect.any())),
        ]
    }

    /// Says each listed stage that is reached and was not said, in order.
    fn say_stages(
        &mut self,
        rule: &Rule,
        stages: &BTreeSet<Stage>,
        row: &TransferRow,
        side: &Side,
        fold: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(watch) = self.watched.watches().get(side.watch) else { return };
        let id = transfer_alert(&rule.name, &watch.name, row.id);
        let subject = AlertSubject::Transfer {
            transfer: row.id,
            watch: watch.name.clone(),
            address: side.address,
            direction: side.direction,
        };
        for stage in stages.iter().copied().filter(|stage| *stage <= row.stage) {
            let alert = self.alerts.get(id).cloned();
            let mut alert =
                alert.unwrap_or_else(|| new_alert(id, rule.name.clone(), rule.severity, subject.clone(), self.at));
            if alert.said.contains(&stage) {
                continue;
            }
            let previous = alert.said.last().copied();
            let Some(body) = self.transfer_body(row, &alert, stage, previous, None) else { continue };
            alert.said.push(stage);
            alert.said.sort_unstable();
            let state = if alert.revision == 0 { AlertState::Raised } else { AlertState::Updated };
            let saying = Saying { kind: said_of(&row.key, stage), body, state, close: false };
            if fold {
                self.alerts.fold(alert, saying, &rule.notify, &self.settings, self.at, effects);
                self.await_digest(effects);
            } else {
                self.alerts.say(alert, saying, &rule.notify, &self.settings, self.at, effects);
            }
        }
    }

    /// Takes back what was said, less the stages that still hold.
    fn take_back(
        &mut self,
        id: crate::types::AlertId,
        row: &TransferRow,
        holding: &[Stage],
        reason: &str,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut alert) = self.alerts.get(id).filter(|alert| !alert.said.is_empty()).cloned() else { return };
        let previous = alert.said.last().copied();
        let Some(body) = self.transfer_body(row, &alert, Stage::Retracted, previous, Some(reason)) else { return };
        alert.said = holding.to_vec();
        let kind = said_of(&row.key, Stage::Retracted);
        let saying = Saying { kind, body, state: AlertState::Retracted, close: false };
        self.alerts.say(alert, saying, &[], &self.settings, self.at, effects);
    }

    fn transfer_body(
        &self,
        row: &TransferRow,
        alert: &AlertRow,
        stage: Stage,
        previous_stage: Option<Stage>,
        reason: Option<&str>,
    ) -> Option<Body> {
        let AlertSubject::Transfer { watch, address, direction, .. } = &alert.subject else { return None };
        let chain = self.settings.chains.get(&row.key.chain)?;
        let found = self.watched.find(row.key.chain, address).map(|(_, watch)| watch);
        let beside = found.and_then(|watch| watch.addresses.get(address));
        let (decimals, symbol, _, verified) = self.asset_facts(row.key.chain, row.key.asset);
        let own = self.has_depth_of_its_own(row);
        let listed = || self.listed_height(row.key.chain, row.key.kind);
        let height = if own { self.height(row.key.chain) } else { listed() }.unwrap_or(row.block);
        // Of what moved, and is not as deep there, the confirmations that it has are said; of what is gone, none.
        let gone = row.stage == Stage::Retracted;
        let confirmations = if gone { 0 } else { (height + 1).saturating_sub(row.block).max(1) };
        // A list that knows no further than its newest row proves less than the chain's height.
        let confirmations =
            if stage == Stage::Retracted { confirmations.min(chain.most_at(row.stage)) } else { confirmations };
        let (usd, usd_unknown) = self.worth_of(row).into_parts();
        let body = Box::new(TransferBody {
            key: row.key,
            transfer: row.id,
            chain: chain.name.clone(),
            watch: watch.clone(),
            address: *address,
            reference: beside.and_then(|listed| listed.reference).map(Name::from),
            label: beside.and_then(|listed| listed.label).map(Name::from),
            tags: found.map(|watch| watch.tags.clone()).unwrap_or_default(),
            direction: *direction,
            symbol,
            decimals,
            verified,
            block: row.block,
            block_hash: row.block_hash,
            block_time: row.block_time,
            log_index: row.log_index,
            confirmations,
            stage,
            previous_stage,
            reason: reason.map(Name::from),
            suspect: row.suspect,
            late: row.late,
            history: row.history || self.is_past_of(row, address),
            usd,
            usd_unknown,
            url: chain.tx_url.as_ref().map(|prefix| Name::from(format!("{prefix}{}", row.key.tx))),
        });
        Some(if row.key.kind.is_approval() { Body::Approval(body) } else { Body::Transfer(body) })
    }

    fn pay_for_transfer(&mut self, rule: &Rule, row: &TransferRow, effects: &mut Vec<Effect>) {
        let Some(settings) = self.settings.payments.iter().find(|payment| payment.rule == rule.name).cloned() else {
            return;
        };
        if settings.live {
            self.pay_live_for(rule, row, effects);
            return;
        }
        if let Some(why) = self.unrehearsed(rule, &settings, row) {
            if !matches!(why, Unpaid::Stage { .. }) {
                effects.push(Effect::Notice(Notice::Suppressed { rule: rule.name.clone(), reason: why.word() }));
            }
            return;
        }
        let trigger = Trigger::Transfer(row.id, row.key.amount);
        self.pay(rule, &settings, trigger, row.block_time, row.key.chain, effects);
    }
}

/// The type of message that says this stage.
const fn said_of(key: &TransferKey, stage: Stage) -> MessageKind {
    if key.kind.is_approval() { MessageKind::Approval(stage) } else { MessageKind::Transfer(stage) }
}
