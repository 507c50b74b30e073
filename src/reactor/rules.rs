//! The rules in force, found by what they look at, and the rows of their states.
//!
//! An event costs the rules that it concerns, however many others there are. It decides nothing about any of them.

use super::rows::RuleRow;
use super::settings::{Condition, Rule, Settings};
use crate::types::{ChainId, Name, Pair};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rule in force, with the place of its row.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The rule.
    pub rule: Arc<Rule>,
    row: usize,
}

/// Every rule. After [`Rules::put`] and [`Rules::remove`] the rules have to be bound anew.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// By name; also those of rules that are not in force and may come back.
    rows: Vec<RuleRow>,
    by_name: BTreeMap<Name, InForce>,
    of_watch: Vec<Arc<[InForce]>>,
    of_balances: Vec<Arc<[InForce]>>,
    of_pair: BTreeMap<Pair, Arc<[InForce]>>,
    of_gas: BTreeMap<ChainId, Arc<[InForce]>>,
}

impl Rules {
    /// From rows; no rule is in force before [`Rules::bind`].
    #[must_use]
    pub fn restore(mut rows: Vec<RuleRow>) -> Self {
        rows.sort_by(|one, other| one.rule.cmp(&other.rule));
        Self { rows, ..Self::default() }
    }

    /// Puts the rules of `settings`, whose rows are there, into force.
    pub fn bind(&mut self, settings: &Settings) {
        let in_force = |rule: &Rule| {
            let row = self.place(&rule.name).ok()?;
            Some(InForce { rule: Arc::new(rule.clone()), row })
        };
        let rules: Vec<InForce> = settings.rules.iter().filter_map(in_force).collect();
        let of_watch = |watch: &Name| {
            let looks_at = |entry: &&InForce| match &entry.rule.condition {
                Condition::Transfer(condition) => condition.watches.contains(watch),
                Condition::Approval(condition) => condition.watches.contains(watch),
                Condition::Price(_) | Condition::Gas(_) | Condition::Balance(_) => false,
            };
            rules.iter().filter(looks_at).cloned().collect()
        };
        let of_balances = |watch: &Name| {
            let looks_at = |entry: &&InForce| match &entry.rule.condition {
                Condition::Balance(condition) => condition.watches.contains(watch),
                Condition::Transfer(_) | Condition::Approval(_) | Condition::Price(_) | Condition::Gas(_) => false,
            };
            rules.iter().filter(looks_at).cloned().collect()
        };
        self.of_watch = settings.watches.iter().map(|watch| of_watch(&watch.name)).collect();
        self.of_balances = settings.watches.iter().map(|watch| of_balances(&watch.name)).collect();
        let mut of_pair: BTreeMap<Pair, Vec<InForce>> = BTreeMap::new();
        let mut of_gas: BTreeMap<ChainId, Vec<InForce>> = BTreeMap::new();
        for entry in &rules {
            match &entry.rule.condition {
                Condition::Transfer(_) | Condition::Approval(_) | Condition::Balance(_) => {}
                Condition::Price(price) => of_pair.entry(price.pair.clone()).or_default().push(entry.clone()),
                Condition::Gas(gas) => of_gas.entry(gas.chain).or_default().push(entry.clone()),
            }
        }
        self.of_pair = of_pair.into_iter().map(|(pair, rules)| (pair, rules.into())).collect();
        self.of_gas = of_gas.into_iter().map(|(chain, rules)| (chain, rules.into())).collect();
        self.by_name = rules.into_iter().map(|entry| (entry.rule.name.clone(), entry)).collect();
    }

    /// A rule in force.
    #[must_use]
    pub fn named(&self, name: &Name) -> Option<&InForce> {
        self.by_name.get(name)
    }

    /// The rules on transfers and approvals that look at a watch, in the order of the config.
    #[must_use]
    pub fn of_watch(&self, watch: usize) -> Arc<[InForce]> {
        self.of_watch.get(watch).cloned().unwrap_or_default()
    }

    /// The balance rules that look at a watch, in the order of the config.
    #[must_use]
    pub fn of_balances(&self, watch: usize) -> Arc<[InForce]> {
        self.of_balances.get(watch).cloned().unwrap_or_default()
    }

    /// The rules on the price of a pair, in the order of the config.
    #[must_use]
    pub fn of_pair(&self, pair: &Pair) -> Arc<[InForce]> {
        self.of_pair.get(pair).cloned().unwrap_or_default()
    }

    /// The rules on a chain's fees, in the order of the config.
    #[must_use]
    pub fn of_gas(&self, chain: ChainId) -> Arc<[InForce]> {
        self.of_gas.get(&chain).cloned().unwrap_or_default()
    }

    /// The state of a rule in force.
    #[must_use]
    pub fn row(&self, of: &InForce) -> &RuleRow {
        &self.rows[of.row]
    }

    /// The same, to be changed.
    pub fn row_mut(&mut self, of: &InForce) -> &mut RuleRow {
        &mut self.rows[of.row]
    }

    /// Every row, by name.
    pub fn rows(&self) -> impl Iterator<Item = &RuleRow> {
        self.rows.iter()
    }

    /// The rows of the rules in force, by name.
    pub fn rows_in_force(&self) -> impl Iterator<Item = &RuleRow> {
        self.by_name.values().map(|entry| self.row(entry))
    }

    /// The row of this name, in force or not.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&RuleRow> {
        self.place(name).ok().map(|place| &self.rows[place])
    }

    /// Writes a row.
    pub fn put(&mut self, row: RuleRow) {
        match self.place(&row.rule) {
            Ok(place) => self.rows[place] = row,
            Err(place) => self.rows.insert(place, row),
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, name: &Name) {
        if let Ok(place) = self.place(name) {
            self.rows.remove(place);
        }
    }

    fn place(&self, name: &Name) -> Result<usize, usize> {
        self.rows.binary_search_by(|row| row.rule.cmp(name))
    }
}
