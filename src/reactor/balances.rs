//! The balances that are read, and where rules stand with them.
//!
//! It keeps what was read and what has to be read again; it knows no blocks, rules or alerts.

use super::effect::Effect;
use super::holdings::{BalanceRow, LevelKey, LevelRow};
use super::rows::{Row, RowKey};
use super::settings::{BalanceSettings, Condition, Settings, Watch};
use super::wants::BalanceWant;
use crate::types::{Address, Asset, ChainId, Holding, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every balance that is read.
#[derive(Debug, Clone, Default)]
pub struct Balances {
    /// What is read, and whether often.
    kept: BTreeMap<Holding, bool>,
    /// Balances that would be shown, were there not too many.
    left_out: u64,
    /// The watches whose balances those are.
    partial: BTreeSet<Name>,
    rows: BTreeMap<Holding, BalanceRow>,
    levels: BTreeMap<LevelKey, LevelRow>,
    /// Levels that a reorg can still undo.
    turned: BTreeSet<LevelKey>,
    /// What is wanted of each chain, until something of it changes.
    wants: BTreeMap<ChainId, Arc<[BalanceWant]>>,
}

impl Balances {
    /// From rows; nothing is read before [`Balances::configure`].
    #[must_use]
    pub fn restore(rows: Vec<BalanceRow>, levels: Vec<LevelRow>) -> Self {
        let mut balances = Self::default();
        for row in rows {
            balances.rows.insert(row.holding, row);
        }
        for level in levels {
            balances.insert_level(level);
        }
        balances
    }

    /// What is read by these settings: what rules look at, and of the rest what there is room for, in the order of the config. Of the
    /// watches that were added at run time (`added`) it is what rules look at alone.
    pub fn configure(&mut self, settings: &Settings, added: &[Watch], effects: &mut Vec<Effect>) {
        self.wants.clear();
        let of_config = settings.watches.iter().flat_map(|watch| of_rules(settings, watch, true));
        self.kept = of_config.map(|holding| (holding, true)).collect();
        self.left_out = 0;
        self.partial.clear();
        let BalanceSettings { shown, most, rebasing } = &settings.balances;
        let moves =
            |chain: ChainId, asset: Asset| matches!(asset, Asset::Token(token) if rebasing.contains(&(chain, token)));
        let mut room = most.saturating_sub(self.kept.len());
        for watch in settings.watches.iter() {
            for (chain, asset) in shown.iter().filter(|(chain, _)| watch.chains.contains(chain)) {
                let new: Vec<Holding> =
                    holdings(watch, *chain, *asset).filter(|holding| !self.kept.contains_key(holding)).collect();
                // A watch is shown as a whole or not at all: a sum over some of its addresses would be a lie.
                if new.len() > room {
                    self.left_out += new.len() as u64;
                    self.partial.insert(watch.name.clone());
                    continue;
                }
                room -= new.len();
                self.kept.extend(new.into_iter().map(|holding| (holding, moves(*chain, *asset))));
            }
        }
        let of_added = added.iter().flat_map(|watch| of_rules(settings, watch, false));
        self.kept.extend(of_added.map(|holding| (holding, true)));
        let gone: Vec<Holding> = self.rows.keys().filter(|holding| !self.kept.contains_key(holding)).copied().collect();
        for holding in gone {
            self.rows.remove(&holding);
            effects.push(Effect::Delete(RowKey::Balance(holding)));
        }
    }

    /// These addresses of a watch that was added at run time are watched from now on.
    pub fn add(&mut self, settings: &Settings, watch: &Watch, addresses: &[Address]) {
        for (chain, asset) in looked_at(settings, watch, false) {
            self.wants.remove(&chain);
            let holdings = addresses.iter().map(|address| Holding { chain, address: *address, asset });
            self.kept.extend(holdings.map(|holding| (holding, true)));
        }
    }

    /// An address is not watched any more: nothing of it is read. Gives what was.
    pub fn remove(&mut self, chain: ChainId, address: Address, effects: &mut Vec<Effect>) -> Vec<Holding> {
        let all = Holding { chain, address, asset: Asset::Coin }..;
        let of_address = self.kept.range(all).map(|(holding, _)| *holding);
        let gone: Vec<Holding> =
            of_address.take_while(|holding| holding.chain == chain && holding.address == address).collect();
        for holding in &gone {
            self.wants.remove(&chain);
            self.kept.remove(holding);
            if self.rows.remove(holding).is_some() {
                effects.push(Effect::Delete(RowKey::Balance(*holding)));
            }
        }
        gone
    }

    /// Whether this balance is read.
    #[must_use]
    pub fn reads(&self, holding: &Holding) -> bool {
        self.kept.contains_key(holding)
    }

    /// Everything that is read, with what is known of it.
    pub fn kept(&self) -> impl Iterator<Item = (&Holding, Option<&BalanceRow>)> {
        self.kept.keys().map(|holding| (holding, self.rows.get(holding)))
    }

    /// How many are read because a rule looks at them, or because they move by themselves.
    #[must_use]
    pub fn of_rules(&self) -> u64 {
        self.kept.values().filter(|often| **often).count() as u64
    }

    /// Balances that would be shown, were there not too many.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether all balances of a watch are read.
    #[must_use]
    pub fn is_whole(&self, watch: &Name) -> bool {
        !self.partial.contains(watch)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, holding: &Holding) -> Option<&BalanceRow> {
        self.rows.get(holding)
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = &BalanceRow> {
        self.rows.values()
    }

    /// The rows of a chain.
    pub fn of_chain(&self, chain: ChainId) -> impl Iterator<Item = &BalanceRow> {
        self.rows.range(first(chain)..).map(|(_, row)| row).take_while(move |row| row.holding.chain == chain)
    }

    /// Writes a balance.
    pub fn put(&mut self, row: BalanceRow, effects: &mut Vec<Effect>) {
        self.wants.remove(&row.holding.chain);
        effects.push(Effect::Put(Row::Balance(row.clone())));
        self.rows.insert(row.holding, row);
    }

    /// A balance has to be read again, at this block or above. Gives whether it was not known to.
    pub fn is_due(&mut self, holding: &Holding, block: u64, effects: &mut Vec<Effect>) -> bool {
        let Some(row) = self.rows.get(holding).filter(|row| row.due.is_none_or(|due| due < block)) else {
            return false;
        };
        let row = BalanceRow { due: Some(block), ..row.clone() };
        self.put(row, effects);
        true
    }

    /// The level of a rule with a balance.
    #[must_use]
    pub fn level(&self, key: &LevelKey) -> LevelRow {
        self.levels.get(key).cloned().unwrap_or_else(|| LevelRow::new(key.clone()))
    }

    /// Every level.
    pub fn levels(&self) -> impl Iterator<Item = &LevelRow> {
        self.levels.values()
    }

    /// The levels of a rule.
    pub fn of_rule(&self, rule: &Name) -> impl Iterator<Item = &LevelRow> {
        let least = LevelKey { rule: rule.clone(), holding: first(ChainId(0)) };
        self.levels.range(least..).map(|(_, level)| level).take_while(move |level| level.key.rule == *rule)
    }

    /// The levels of a chain that a reorg can still undo.
    pub fn turned(&self, chain: ChainId) -> impl Iterator<Item = &LevelRow> {
        self.turned.iter().filter(move |key| key.holding.chain == chain).filter_map(|key| self.levels.get(key))
    }

    /// Writes a level.
    pub fn put_level(&mut self, level: LevelRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Level(level.clone())));
        self.insert_level(level);
    }

    /// What is wanted of a chain.
    pub fn wants(&mut self, chain: ChainId) -> Arc<[BalanceWant]> {
        let (kept, rows) = (&self.kept, &self.rows);
        let wanted = || {
            let of_chain = kept.range(first(chain)..).take_while(|(holding, _)| holding.chain == chain);
            of_chain.map(|(holding, often)| want(holding, *often, rows.get(holding))).collect()
        };
        Arc::clone(self.wants.entry(chain).or_insert_with(wanted))
    }

    fn insert_level(&mut self, level: LevelRow) {
        if level.turned.is_some() {
            self.turned.insert(level.key.clone());
        } else {
            self.turned.remove(&level.key);
        }
        self.levels.insert(level.key.clone(), level);
    }
}

fn want(holding: &Holding, often: bool, row: Option<&BalanceRow>) -> BalanceWant {
    // What a contract refuses to say it will refuse again: it is asked as seldom as anything, unless it has said it once.
    let refused = row.and_then(|row| row.failing).is_some_and(|(_, reason)| reason.lasts());
    let never_said = row.is_none_or(|row| row.last.is_none());
    BalanceWant {
        address: holding.address,
        asset: holding.asset,
        read_at: row.and_then(|row| row.last).map(|last| last.read_at),
        often: often && !(refused && never_said),
        soon: !refused && row.is_none_or(|row| row.last.is_none() || row.due.is_some()),
    }
}

/// What the balance rules look at of a watch, by chain and asset.
pub(super) fn looked_at(settings: &Settings, watch: &Watch, of_config: bool) -> BTreeSet<(ChainId, Asset)> {
    let looking = settings.rules.iter().filter(|rule| rule.condition.looks_at(watch, of_config));
    let assets = looking.flat_map(|rule| match &rule.condition {
        Condition::Balance(condition) => condition.thresholds.keys().copied().collect(),
        Condition::Transfer(_)
        | Condition::Approval(_)
        | Condition::Price(_)
        | Condition::Change(_)
        | Condition::Gas(_) => Vec::new(),
    });
    assets.filter(|(chain, _)| watch.chains.contains(chain)).collect()
}

/// What the balance rules look at of a watch.
fn of_rules(settings: &Settings, watch: &Watch, of_config: bool) -> Vec<Holding> {
    looked_at(settings, watch, of_config).into_iter().flat_map(|(chain, asset)| holdings(watch, chain, asset)).collect()
}

fn holdings(watch: &Watch, chain: ChainId, asset: Asset) -> impl Iterator<Item = Holding> + '_ {
    watch.addresses.addresses().map(move |address| Holding { chain, address: *address, asset })
}

/// No balance of a chain comes before this one.
const fn first(chain: ChainId) -> Holding {
    Holding { chain, address: Address::ZERO, asset: Asset::Coin }
}
