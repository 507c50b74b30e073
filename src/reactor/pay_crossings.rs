//! Crossings that pay live (MONEY §2): what the desk is shown of balances, prices and fees, and whether what it was shown still holds.
//!
//! A balance is shown at a block of the payment's stage and at the newest one, each read by its hash; without both it is not shown at all.

use super::Reactor;
use super::chain::Chain;
use super::crossing::{is_back, is_past};
use super::effect::Effect;
use super::event::{Balances, Receipt};
use super::holdings::{Amount, LevelKey};
use super::ledger::sent_on;
use super::money::{PaymentRow, PaymentState};
use super::payments::desk::request::{arm_name, of_crossing};
use super::payments::desk::{Reading, Value, Vouched};
use super::phase::Phase;
use super::rules::InForce;
use super::settings::{Condition, Settings, Threshold};
use super::staged::{Read, SPREAD, Staged};
use crate::types::{Asset, B256, BlockRef, ChainId, Holding, Name, Stage, Timestamp, TransferId, U256, chain};
use std::collections::BTreeMap;

/// What starts empty after a restart, and may: the first reading of each is none that pays by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// Balances that may still grow deeper, of those that a live rule looks at.
    staged: BTreeMap<Holding, Staged>,
    /// What the desk was shown of a price or a fee: past the level, back beyond the way back; nothing while it is not known.
    markets: BTreeMap<Name, Option<(bool, bool)>>,
    /// Transactions of payments that were seen on the chain: the block that each is in.
    landed: BTreeMap<B256, (u64, B256)>,
}

impl Shown {
    pub(super) fn gone(&mut self, chain: ChainId, removed: &[BlockRef]) {
        let of_chain = self.staged.iter_mut().filter(|(holding, _)| holding.chain == chain);
        of_chain.for_each(|(_, staged)| staged.gone(removed));
        self.landed.retain(|_, at| removed.iter().all(|block| (block.number, block.hash) != *at));
    }
}

/// The stage at which a rule pays live, if it does.
fn pays(settings: &Settings, rule: &Name) -> Option<Stage> {
    settings.live.as_ref()?;
    settings.payments.iter().find(|payment| payment.live && payment.rule == *rule).map(|payment| payment.stage)
}

/// What a balance is armed under: the rule alone would be one for all of its balances.
pub(super) fn place(holding: &Holding) -> String {
    let Holding { chain, address, asset } = holding;
    match asset {
        Asset::Coin => format!("{}/{address:#x}/coin", chain.0),
        Asset::Token(contract) => format!("{}/{address:#x}/{contract:#x}", chain.0),
    }
}

impl Reactor {
    /// The highest block of a chain that is of this stage, as money counts it: `confirmed` is never less than the chain table says.
    pub(super) fn deepest(&self, id: ChainId, stage: Stage) -> Option<u64> {
        let chain = self.chains.get(&id)?;
        match stage {
            Stage::Final => Some(chain.row().last_final),
            Stage::Confirmed => {
                let relaxed = self.settings.live.as_ref().is_some_and(|live| live.relaxed);
                let least = chain::by_id(id).filter(|_| !relaxed).map_or(0, |known| known.confirmed);
                let deep = (chain.height()? + 1).saturating_sub(least);
                Some(chain.row().confirmed.min(deep))
            }
            Stage::Seen | Stage::Retracted => None,
        }
    }

    /// A balance was read: rules that pay when it is low look at it.
    pub(super) fn pay_for_balance(&mut self, holding: Holding, last: Amount, effects: &mut Vec<Effect>) {
        for (entry, threshold) in self.paying_rules(holding) {
            let Some(stage) = pays(&self.settings, &entry.rule.name) else { continue };
            let Some(hash) = last.at.hash else { continue };
            let apart = self.settings.chains.get(&holding.chain).map_or(1, |chain| (chain.final_after / SPREAD).max(1));
            let kept = self.soft.shown.staged.entry(holding).or_default();
            kept.take(Read { number: last.at.number, hash, raw: last.raw }, apart);
            let Some(staged) = self.staged(holding, stage) else { continue };
            let key = LevelKey { rule: entry.rule.name.clone(), holding };
            let what = arm_name(&entry.rule.name, &place(&holding));
            let value = Value::Balance {
                staged: staged.raw,
                newest: last.raw,
                level: threshold.level,
                recovers_at: threshold.recovers_at,
                steady: matches!(self.balances.level(&key).phase, Phase::Crossed(_) | Phase::Muffled(_)),
                landed: self.has_landed(&what, staged.number, holding.chain),
            };
            let block = self.chains.get(&holding.chain).and_then(|chain| chain.block(last.at.number));
            let time = block.map_or(last.read_at, |block| block.time);
            self.show_desk(entry.rule.name.clone(), what.clone(), time, value, Vouched::ByOne, effects);
            self.ask_of_balance(&what, holding, &[staged, Read { number: last.at.number, hash, raw: last.raw }]);
        }
    }

    /// A balance could not be read: whatever is read next is read for the first time, and what was read before arms nothing.
    pub(super) fn balance_unknown(&mut self, holding: Holding, answer: &Balances, effects: &mut Vec<Effect>) {
        // An explorer's word pays nothing, and its silence hides nothing.
        if answer.at.hash.is_none() {
            return;
        }
        self.soft.shown.staged.remove(&holding);
        for (entry, _) in self.paying_rules(holding) {
            if pays(&self.settings, &entry.rule.name).is_some() {
                let what = arm_name(&entry.rule.name, &place(&holding));
                self.show_desk(entry.rule.name.clone(), what, self.at, Value::Unknown, Vouched::ByOne, effects);
            }
        }
    }

    /// The balance rules that look at this, if anything is live at all.
    fn paying_rules(&self, holding: Holding) -> Vec<(InForce, Threshold<U256>)> {
        if self.settings.live.is_none() {
            return Vec::new();
        }
        let Some((index, _)) = self.watched.find(holding.chain, &holding.address) else { return Vec::new() };
        let rules = self.rules.of_balances(index as usize);
        let of_holding = rules.iter().filter_map(|entry| match &entry.rule.condition {
            Condition::Balance(balance) => {
                let threshold = balance.thresholds.get(&(holding.chain, holding.asset));
                threshold.map(|threshold| (entry.clone(), *threshold))
            }
            Condition::Transfer(_)
            | Condition::Approval(_)
            | Condition::Price(_)
            | Condition::Change(_)
            | Condition::Gas(_) => None,
        });
        of_holding.collect()
    }

    /// The newest reading of a balance at a block of this stage.
    fn staged(&mut self, holding: Holding, stage: Stage) -> Option<Read> {
        let bound = self.deepest(holding.chain, stage)?;
        self.soft.shown.staged.get_mut(&holding)?.at(bound)
    }

    /// Whether the transaction of the payment that a rule waits for was seen at or below this block, which is deep enough. Where it was not,
    /// its receipt is asked for once more. A wallet on a test network pays in the place of this chain, which will never show it: there
    /// Circle's word is all that there is.
    fn has_landed(&mut self, what: &Name, staged: u64, id: ChainId) -> bool {
        let Some(row) = self.desk.waits_for_payment(what).and_then(|id| self.desk.get(id)) else { return false };
        if sent_on(row) != Some(id) {
            return row.state == PaymentState::Complete;
        }
        let Some(tx) = row.live.as_deref().and_then(|live| live.tx) else { return false };
        let seen = self.soft.shown.landed.get(&tx).is_some_and(|(block, hash)| {
            let stands = |chain: &Chain| chain.block(*block).is_none_or(|known| known.at.hash == *hash);
            *block <= staged && self.chains.get(&id).is_some_and(stands)
        });
        if !seen && !self.soft.shown.landed.contains_key(&tx) && self.soft.receipts_asked.remove(&(id, tx)) {
            self.unpublished.insert(id);
        }
        seen
    }

    /// Transactions of payments that rules wait for, and that were not seen on the chain yet.
    pub(super) fn landings(&self, id: ChainId) -> impl Iterator<Item = B256> + '_ {
        let unseen = |tx: &B256| !self.soft.shown.landed.contains_key(tx);
        let of_row = |row: &PaymentRow| row.live.as_deref().and_then(|live| live.tx);
        let here = move |row: &&PaymentRow| sent_on(row) == Some(id) && row.state == PaymentState::Complete;
        self.desk.waited_for().filter(here).filter_map(of_row).filter(unseen)
    }

    /// A receipt of a payment's transaction.
    pub(super) fn landed(&mut self, receipt: &Receipt) {
        if let Some((block, hash, true)) = receipt.found
            && self.landings(receipt.chain).any(|tx| tx == receipt.tx)
        {
            self.soft.shown.landed.insert(receipt.tx, (block, hash));
        }
    }

    /// Whether a payment in force is made by this rule.
    pub(super) fn is_paying(&self, entry: &InForce) -> bool {
        pays(&self.settings, &entry.rule.name).is_some()
    }

    /// A price or a fee, as a rule on it stands: `past` and `back` of a value that is known.
    pub(super) fn pay_for_market(
        &mut self,
        entry: &InForce,
        known: Option<(bool, bool, Timestamp, Vouched)>,
        effects: &mut Vec<Effect>,
    ) {
        let rule = &entry.rule.name;
        if pays(&self.settings, rule).is_none() {
            return;
        }
        // Past for as long as the rule says: one that waits is not there yet.
        let held = matches!(self.rules.row(entry).phase, Phase::Crossed(_) | Phase::Muffled(_));
        let said = known.map(|(past, back, ..)| (past && held, back));
        if self.soft.shown.markets.insert(rule.clone(), said) == Some(said) {
            return;
        }
        let (value, time, vouched) = match (said, known) {
            (Some((past, recovered)), Some((.., time, vouched))) => (Value::Market { past, recovered }, time, vouched),
            (_, _) => (Value::Unknown, self.at, Vouched::ByNobody),
        };
        self.show_desk(rule.clone(), arm_name(rule, "market"), time, value, vouched, effects);
    }

    /// Another config is in force: prices and fees are shown again, and balances are read anew.
    pub(super) fn show_again(&mut self) {
        self.soft.shown.markets.clear();
        self.soft.shown.staged.clear();
    }

    fn show_desk(
        &mut self,
        rule: Name,
        what: Name,
        time: Timestamp,
        value: Value,
        vouched: Vouched,
        effects: &mut Vec<Effect>,
    ) {
        let reading = Reading { rule, what, time, value, vouched };
        self.at_desk(effects, |desk, _, at, step| desk.read(&reading, at, step));
    }

    /// Whether what made a payment still holds, as far as that is known.
    pub(super) fn holds(&self, row: &PaymentRow) -> Option<bool> {
        match (row.transfer, row.crossing) {
            (Some(transfer), _) => Some(self.transfer_holds(transfer)),
            (None, Some(number)) => self.crossing_holds(row, number),
            (None, None) => None,
        }
    }

    /// A transfer that is not held any more was final.
    fn transfer_holds(&self, transfer: TransferId) -> bool {
        self.transfers.get(transfer).is_none_or(|transfer| transfer.stage != Stage::Retracted)
    }

    fn crossing_holds(&self, row: &PaymentRow, number: u64) -> Option<bool> {
        let entry = self.rules.named(&row.rule)?;
        match &entry.rule.condition {
            Condition::Transfer(_) | Condition::Approval(_) => None,
            Condition::Balance(balance) => {
                let store = self.settings.live.as_ref()?.store;
                let of_watch = |watch: &super::settings::Watch| -> Vec<Holding> {
                    let assets = balance.thresholds.keys().filter(|(chain, _)| watch.chains.contains(chain));
                    let all = assets.flat_map(|(chain, asset)| {
                        let of = |address: &_| Holding { chain: *chain, address: *address, asset: *asset };
                        watch.addresses.addresses().map(of).collect::<Vec<_>>()
                    });
                    all.collect()
                };
                let named = self.settings.watches.iter().filter(|watch| balance.watches.contains(&watch.name));
                let made =
                    |holding: &Holding| of_crossing(&store, &arm_name(&row.rule, &place(holding)), number) == row.id;
                let holding = named.flat_map(of_watch).find(made)?;
                let known = self.balances.get(&holding).filter(|known| known.failing.is_none())?;
                let threshold = balance.thresholds.get(&(holding.chain, holding.asset))?;
                known.last.map(|last| is_past(threshold, &last.raw))
            }
            Condition::Price(price) => {
                self.watched_price(&price.pair).map(|known| is_past(&price.threshold, &known.price))
            }
            Condition::Change(change) => {
                let held = matches!(self.rules.row(entry).phase, Phase::Crossed(_) | Phase::Muffled(_));
                self.watched_price(&change.pair).map(|_| held)
            }
            Condition::Gas(gas) => self.fee(gas.chain, gas.of).map(|fee| is_past(&gas.threshold, &fee.wei)),
        }
    }
}

/// Whether a value is past the level, and whether it is back.
pub(super) fn sides<T: Ord>(threshold: &Threshold<T>, value: &T) -> (bool, bool) {
    (is_past(threshold, value), is_back(threshold, value))
}
