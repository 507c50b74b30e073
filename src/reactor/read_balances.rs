//! Balances that were read, against the rules that look at them; and what makes them be read again.
//!
//! A balance stands with its block. Where a reorg takes the block away it is read again, and what was said because of it is taken back
//! where it does not hold in what replaced it.

use super::Reactor;
use super::alerts::{Saying, balance_alert, new_alert};
use super::crossing::{Step, muffled_for, step, unknown};
use super::effect::{BalanceBody, Body, CrossingBody, CrossingSubject, Effect, MessageKind, Notice};
use super::event::{Balances, NoBalance, ReadAt};
use super::holdings::{Amount, BalanceRow, LevelKey, LevelRow, Turned};
use super::pay_crossings::place;
use super::payments::Trigger;
use super::payments::desk::request::arm_name;
use super::rows::{AlertRow, AlertState, AlertSubject, Deadline, Phase};
use super::rules::InForce;
use super::settings::{Condition, Threshold};
use super::undone::Undone;
use crate::types::{Address, Asset, BlockRef, ChainId, Holding, Kind, Name, Timestamp, TransferKey, U256};
use std::time::Duration;

impl Reactor {
    pub(super) fn balances(&mut self, answer: &Balances, effects: &mut Vec<Effect>) {
        let id = answer.chain;
        let stopped = self.chains.get(&id).is_some_and(|chain| chain.row().stopped.is_some());
        if !self.settings.chains.contains_key(&id) || stopped {
            return;
        }
        self.unpublished.insert(id);
        let counts = match answer.at.hash {
            Some(hash) => self.has_block(id, answer.at.number, Some(hash)),
            None => self.explorer_reads_balances(id),
        };
        if !counts {
            let reason = "balances at a block that is not in the window";
            effects.push(Effect::Notice(Notice::Ignored { chain: id, reason }));
            return;
        }
        let mut read = 0;
        for (address, asset, result) in &answer.read {
            let holding = Holding { chain: id, address: *address, asset: *asset };
            if !self.balances.reads(&holding) {
                continue;
            }
            match result {
                Ok(raw) => {
                    read += 1;
                    self.balance_read(holding, *raw, answer, effects);
                }
                Err(reason) => self.balance_failed(holding, *reason, answer, effects),
            }
        }
        effects.push(Effect::Notice(Notice::BalancesRead { chain: id, read }));
    }

    /// Whether balances of a chain are the explorer's to read now: no endpoint vouches for it.
    pub(super) fn explorer_reads_balances(&self, id: ChainId) -> bool {
        self.has_explorer(id) && !self.endpoint_vouches(id, Kind::Coin)
    }

    /// A transfer moved these balances.
    pub(super) fn stir_balances(&mut self, key: &TransferKey, block: u64, effects: &mut Vec<Effect>) {
        for holding in moved_by(key) {
            let older = |row: &BalanceRow| row.last.is_none_or(|last| last.at.number < block);
            if self.balances.get(&holding).is_some_and(older) {
                self.balances.is_due(&holding, block, effects);
            }
        }
    }

    /// A transfer was taken back: what it moved is read again, at whatever block.
    pub(super) fn restir_balances(&mut self, key: &TransferKey, effects: &mut Vec<Effect>) {
        for holding in moved_by(key) {
            self.balances.is_due(&holding, 0, effects);
        }
    }

    /// These blocks are not canonical any more.
    pub(super) fn balances_gone(&mut self, id: ChainId, removed: &[BlockRef], effects: &mut Vec<Effect>) {
        let Some(lowest) = removed.iter().map(|block| block.number).min() else { return };
        self.soft.shown.gone(id, removed);
        let is_gone = |number: u64, hash| removed.iter().any(|block| block.number == number && block.hash == hash);
        let base = lowest.saturating_sub(1);
        let read_there = |row: &&BalanceRow| {
            let gone = row.last.is_some_and(|last| last.at.hash.is_some_and(|hash| is_gone(last.at.number, hash)));
            gone || row.due.is_some_and(|due| due > base)
        };
        let rows: Vec<BalanceRow> = self.balances.of_chain(id).filter(read_there).cloned().collect();
        for row in rows {
            self.balances.put(BalanceRow { due: Some(base), ..row }, effects);
        }
        let turned_there = |level: &&LevelRow| level.turned.is_some_and(|turned| is_gone(turned.block, turned.hash));
        let levels: Vec<LevelRow> = self.balances.turned(id).filter(turned_there).cloned().collect();
        for level in levels {
            let turned = level.turned.map(|turned| Turned { gone: true, ..turned });
            self.balances.put_level(LevelRow { turned, ..level }, effects);
        }
    }

    /// What was crossed or recovered at a block that is final cannot be undone any more.
    pub(super) fn settle_levels(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let last_final = self.chains.get(&id).map_or(0, |chain| chain.row().last_final);
        let is_final =
            |level: &&LevelRow| level.turned.is_some_and(|turned| !turned.gone && turned.block <= last_final);
        let levels: Vec<LevelRow> = self.balances.turned(id).filter(is_final).cloned().collect();
        for level in levels {
            if matches!(level.phase, Phase::Calm | Phase::Pending(_)) {
                self.close_crossing(&level, level.crossings, AlertState::Resolved, effects);
            }
            self.balances.put_level(LevelRow { turned: None, ..level }, effects);
        }
    }

    /// Nobody can watch a chain: waits for what its balances do start anew.
    pub(super) fn forget_balances(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let pending = |level: &&LevelRow| level.key.holding.chain == id && matches!(level.phase, Phase::Pending(_));
        let levels: Vec<LevelRow> = self.balances.levels().filter(pending).cloned().collect();
        for mut level in levels {
            let _calmed_down = unknown(level.standing());
            self.timers.clear(&Deadline::BalanceHolds(level.key.clone()), effects);
            self.balances.put_level(level, effects);
        }
    }

    /// A balance was past a level for as long as the rule says, or may be spoken of again, by what was last read: it is read again,
    /// which decides.
    pub(super) fn balance_holds(&mut self, key: &LevelKey, effects: &mut Vec<Effect>) {
        if matches!(self.balances.level(key).phase, Phase::Pending(_) | Phase::Muffled(_)) {
            self.balances.is_due(&key.holding, 0, effects);
            self.unpublished.insert(key.holding.chain);
        }
    }

    /// Another config: levels that nothing looks at any more are calm, and what was said of them is over.
    pub(super) fn configure_balances(&mut self, effects: &mut Vec<Effect>) {
        let added = self.watched.watches().get(self.watched.of_config()..).unwrap_or_default();
        self.balances.configure(&self.settings, added, effects);
        let idle = |level: &&LevelRow| {
            let stands = level.phase != Phase::Calm || level.turned.is_some();
            stands && !self.looks_at(&level.key)
        };
        let levels: Vec<LevelRow> = self.balances.levels().filter(idle).cloned().collect();
        for level in levels {
            self.calm_down(level, "the rule does not look at this balance any more", effects);
        }
        // A rule that is new or changed looks at every balance of its own at once.
        let born = self.rules.rows_in_force().filter(|row| row.born == self.at).map(|row| row.rule.clone());
        let born: Vec<Name> = born.collect();
        let kept: Vec<Holding> = self.balances.rows().map(|row| row.holding).collect();
        for holding in kept {
            if born.iter().any(|rule| self.looks_at(&LevelKey { rule: rule.clone(), holding })) {
                self.balances.is_due(&holding, 0, effects);
            }
        }
    }

    /// Addresses are not watched any more: nothing of them is read, and what was said of them is over.
    pub(super) fn unwatch_balances(&mut self, chain: ChainId, address: Address, effects: &mut Vec<Effect>) {
        for holding in self.balances.remove(chain, address, effects) {
            let rules: Vec<Name> = self.rules.rows_in_force().map(|row| row.rule.clone()).collect();
            for key in rules.into_iter().map(|rule| LevelKey { rule, holding }) {
                let level = self.balances.level(&key);
                if level != LevelRow::new(key) {
                    self.calm_down(level, "the address is not watched any more", effects);
                }
            }
            self.unpublished.insert(chain);
        }
    }

    /// The levels of a rule whose condition is another one now, or that is gone: they start anew, and go on counting.
    pub(super) fn calm_levels(&mut self, rule: &Name, why: &str, effects: &mut Vec<Effect>) {
        let levels: Vec<LevelRow> = self.balances.of_rule(rule).cloned().collect();
        for level in levels {
            self.calm_down(level, why, effects);
        }
    }

    fn calm_down(&mut self, level: LevelRow, why: &str, effects: &mut Vec<Effect>) {
        self.timers.clear(&Deadline::BalanceHolds(level.key.clone()), effects);
        if let Some(alert) = self.crossing_of(&level, level.crossings).cloned() {
            self.say_resolved(alert, why, effects);
        }
        let calm = LevelRow { phase: Phase::Calm, spoke_at: None, turned: None, ..level.clone() };
        if calm != level {
            self.balances.put_level(calm, effects);
        }
    }

    /// Whether a rule in force looks at a balance.
    fn looks_at(&self, key: &LevelKey) -> bool {
        let Holding { chain, address, asset } = key.holding;
        let Some((place, watch)) = self.watched.find(chain, &address) else { return false };
        let rule = self.rules.named(&key.rule).map(|entry| &entry.rule.condition);
        matches!(rule, Some(Condition::Balance(condition))
            if condition.thresholds.contains_key(&(chain, asset)))
            && rule.is_some_and(|rule| rule.looks_at(watch, self.watched.is_of_config(place)))
    }

    fn balance_read(&mut self, holding: Holding, raw: U256, answer: &Balances, effects: &mut Vec<Effect>) {
        let old = self.balances.get(&holding).cloned();
        let newer = |last: Amount| last.at.number > answer.at.number && self.still_stands(holding.chain, last.at);
        if old.as_ref().and_then(|old| old.last).is_some_and(newer) {
            return;
        }
        let (due, failing) = old.map_or((None, None), |old| (old.due, old.failing));
        let last = Amount { raw, at: answer.at, read_at: self.at };
        let row = BalanceRow {
            holding,
            last: Some(last),
            source: answer.source.clone(),
            due: due.filter(|due| *due > answer.at.number),
            failing: None,
        };
        self.balances.put(row, effects);
        let unseen = failing.map_or(Duration::ZERO, |(since, _)| self.at.since(since));
        let Some((index, _)) = self.watched.find(holding.chain, &holding.address) else { return };
        for entry in self.rules.of_balances(index as usize).iter() {
            let Condition::Balance(condition) = &entry.rule.condition else { continue };
            if let Some(threshold) = condition.thresholds.get(&(holding.chain, holding.asset)) {
                self.look_at_balance(entry, threshold, holding, last, unseen, effects);
            }
        }
        self.pay_for_balance(holding, last, effects);
    }

    fn balance_failed(&mut self, holding: Holding, reason: NoBalance, answer: &Balances, effects: &mut Vec<Effect>) {
        let old = self.balances.get(&holding).cloned();
        let first = old.as_ref().and_then(|old| old.failing).is_none_or(|(_, known)| known != reason);
        let watch = self.watched.find(holding.chain, &holding.address).map(|(_, watch)| watch.name.clone());
        if let Some(watch) = watch {
            let (chain, asset) = (holding.chain, holding.asset);
            effects.push(Effect::Notice(Notice::BalanceFailed { chain, watch, asset, reason, first }));
        }
        if first {
            let (last, due, failing) = old.map_or((None, None, None), |old| (old.last, old.due, old.failing));
            let since = failing.map_or(self.at, |(since, _)| since);
            let (source, failing) = (answer.source.clone(), Some((since, reason)));
            self.balances.put(BalanceRow { holding, last, source, due, failing }, effects);
        }
        self.balance_unknown(holding, answer, effects);
    }

    /// Whether what was read at a block still counts.
    fn still_stands(&self, id: ChainId, at: ReadAt) -> bool {
        let chain = self.chains.get(&id);
        let tip = chain.and_then(super::chain::Chain::tip).map(|tip| tip.number);
        at.hash.is_none_or(|hash| match chain.and_then(|chain| chain.block(at.number)) {
            Some(block) => block.at.hash == hash,
            None => tip.is_some_and(|tip| at.number <= tip),
        })
    }

    fn look_at_balance(
        &mut self,
        entry: &InForce,
        threshold: &Threshold<U256>,
        holding: Holding,
        last: Amount,
        unseen: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let key = LevelKey { rule: entry.rule.name.clone(), holding };
        let before = self.balances.level(&key);
        let mut level = before.clone();
        if unseen > threshold.hold {
            // It could not be read for as long as it has to stay there: what it did meanwhile nobody knows.
            let _calmed_down = unknown(level.standing());
        }
        let undone = self.undo(&mut level, threshold, last);
        let from = level.phase;
        let step = step(level.standing(), threshold, &last.raw, self.at);
        // What is said late turned where it crossed.
        if matches!(step, Step::Crossed(_) | Step::Muffled(_) | Step::Recovered | Step::RecoveredUnsaid) {
            level.turned = self.turned(holding.chain, last.at, from);
        }
        let holds = Deadline::BalanceHolds(key);
        match (step, level.phase) {
            (Step::Wait(left) | Step::Muffled(left), _) => self.timers.set(self.at, holds, left, effects),
            // Muffled again by a reorg, it has no deadline any more.
            (_, Phase::Muffled(_)) if !self.timers.contains(&holds) => {
                if let Some(left) = muffled_for(&level.standing(), threshold.at_most_every, self.at) {
                    self.timers.set(self.at, holds, left, effects);
                }
            }
            (_, Phase::Pending(_) | Phase::Muffled(_)) => {}
            (_, Phase::Calm | Phase::Crossed(_)) => self.timers.clear(&holds, effects),
        }
        if level != before {
            self.balances.put_level(level.clone(), effects);
        }
        let side = Said { entry, threshold, last };
        match undone {
            Undone::Nothing => {}
            Undone::Crossing => self.say_balance(&side, &level, MessageKind::BalanceRetracted, self.at, effects),
            Undone::Recovery(since) => self.say_balance(&side, &before, MessageKind::BalanceCrossed, since, effects),
        }
        let crossed = matches!(step, Step::Crossed(_) | Step::Muffled(_));
        if crossed {
            // What recovered before is over: this is another crossing.
            self.close_crossing(&level, level.crossings.saturating_sub(1), AlertState::Resolved, effects);
        }
        match step {
            Step::Crossed(since) | Step::Late(since) => {
                self.say_balance(&side, &level, MessageKind::BalanceCrossed, since, effects);
            }
            Step::Recovered => self.say_balance(&side, &level, MessageKind::BalanceRecovered, self.at, effects),
            Step::Muffled(_) => {
                let (rule, reason) = (entry.rule.name.clone(), "at_most_every");
                effects.push(Effect::Notice(Notice::Suppressed { rule, reason }));
            }
            Step::Nothing | Step::Wait(_) | Step::CalmedDown | Step::RecoveredUnsaid => {}
        }
        if crossed {
            let what = arm_name(&entry.rule.name, &place(&holding));
            let trigger = Trigger::Balance(what, level.crossings, last.raw);
            self.pay_for_crossing(&entry.rule, trigger, self.at, effects);
        }
    }

    pub(super) fn say_balance(
        &mut self,
        said: &Said<'_>,
        level: &LevelRow,
        kind: MessageKind,
        since: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let (rule, holding) = (&said.entry.rule, level.key.holding);
        let Some((_, watch)) = self.watched.find(holding.chain, &holding.address) else { return };
        let Some(chain) = self.settings.chains.get(&holding.chain) else { return };
        let Some(born) = self.rules.get(&rule.name).map(|row| row.born) else { return };
        let id = balance_alert(&level.key, &watch.name, born, level.crossings);
        let old = self.alerts.get(id).cloned();
        // A recovery that a reorg took back.
        let again = old.as_ref().is_some_and(|old| old.state == AlertState::Resolved);
        let (state, close) = if kind == MessageKind::BalanceRetracted {
            (AlertState::Retracted, true)
        } else if kind == MessageKind::BalanceRecovered {
            (AlertState::Resolved, level.turned.is_none())
        } else {
            let as_before = old.as_ref().map_or(AlertState::Raised, |old| old.state);
            (if again { AlertState::Updated } else { as_before }, false)
        };
        // Nobody was told of a crossing whose rule was changed since: there is nothing to resolve.
        if old.is_none() && kind != MessageKind::BalanceCrossed {
            return;
        }
        let gone = "the block at which it was read was replaced by another";
        let reason = (again || kind == MessageKind::BalanceRetracted).then(|| Name::from(gone));
        let (decimals, symbol, _, verified) = self.asset_facts(holding.chain, holding.asset);
        let block_time = self.chains.get(&holding.chain).and_then(|chain| chain.block(said.last.at.number));
        let as_of = block_time.filter(|_| said.last.at.hash.is_some()).map_or(said.last.read_at, |block| block.time);
        let valued = self.worth_of_balance(holding.chain, holding.asset, said.last.raw);
        let (usd, usd_unknown) = valued.into_parts();
        let body = BalanceBody {
            holding,
            chain: chain.name.clone(),
            watch: watch.name.clone(),
            reference: watch.addresses.get(&holding.address).and_then(|listed| listed.reference).map(Name::from),
            tags: watch.tags.clone(),
            symbol,
            decimals,
            verified,
            value: said.last.raw,
            at: said.last.at,
            level: said.threshold.level,
            recovers_at: said.threshold.recovers_at,
            usd,
            usd_unknown,
            reason,
        };
        let subject =
            AlertSubject::Balance { watch: watch.name.clone(), address: holding.address, crossing: level.crossings };
        let alert = old.unwrap_or_else(|| new_alert(id, rule.name.clone(), rule.severity, subject, self.at));
        let subject = CrossingSubject::Balance(Box::new(body));
        let body = CrossingBody { subject, crossing: level.crossings, side: said.threshold.side, since, as_of };
        let saying = Saying { kind, body: Body::Crossing(body), state, close };
        self.alerts.say(alert, saying, &rule.notify, &self.settings, self.at, effects);
    }

    /// The alert of a crossing, while it is open.
    fn crossing_of(&self, level: &LevelRow, crossing: u64) -> Option<&AlertRow> {
        let address = level.key.holding.address;
        let born = self.rules.get(&level.key.rule)?.born;
        let ours = |alert: &&AlertRow| {
            matches!(&alert.subject, AlertSubject::Balance { address: whose, crossing: nth, watch }
                if *whose == address && *nth == crossing && alert.id == balance_alert(&level.key, watch, born, crossing))
        };
        self.alerts.iter().find(ours)
    }

    /// Nothing more will be said of a crossing.
    fn close_crossing(&mut self, level: &LevelRow, crossing: u64, state: AlertState, effects: &mut Vec<Effect>) {
        if let Some(alert) = self.crossing_of(level, crossing).cloned() {
            self.alerts.put(AlertRow { state, changed_at: self.at, closed: true, ..alert }, effects);
        }
    }
}

/// What a level is said of.
pub(super) struct Said<'a> {
    pub(super) entry: &'a InForce,
    pub(super) threshold: &'a Threshold<U256>,
    pub(super) last: Amount,
}

/// The balances that a transfer changes: of both ends, and the coin of who gave, who mostly paid the fee too.
fn moved_by(key: &TransferKey) -> impl Iterator<Item = Holding> {
    let of = |address, asset| Holding { chain: key.chain, address, asset };
    let fee = (key.asset != Asset::Coin).then(|| of(key.from, Asset::Coin));
    let ends = [of(key.from, key.asset), of(key.to, key.asset)];
    // An approval cost its fee, and moved nothing.
    ends.into_iter().filter(|_| !key.kind.is_approval()).chain(fee)
}
