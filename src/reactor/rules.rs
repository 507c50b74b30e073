//! The rules in force, found by what they look at, and the rows of their states.
//!
//! An event costs the rules that it concerns, however many others there are. It decides nothing about any of them.

use super::rows::RuleRow;
use super::settings::{ChangeCondition, Condition, PriceCondition, Rule, Settings, Watch};
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
    /// In the order of the config.
    in_order: Vec<InForce>,
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

    /// Puts the rules of `settings`, whose rows are there, into force over these watches, of which the first are the config's.
    pub fn bind(&mut self, settings: &Settings, watches: &[Watch], of_config: usize) {
        let in_force = |rule: &Rule| {
            let row = self.place(&rule.name).ok()?;
            Some(InForce { rule: Arc::new(rule.clone()), row })
        };
        let rules: Vec<InForce> = settings.rules.iter().filter_map(in_force).collect();
        let mut of_pair: BTreeMap<Pair, Vec<InForce>> = BTreeMap::new();
        let mut of_gas: BTreeMap<ChainId, Vec<InForce>> = BTreeMap::new();
        for entry in &rules {
            match &entry.rule.condition {
                Condition::Transfer(_) | Condition::Approval(_) | Condition::Balance(_) => {}
                Condition::Price(PriceCondition { pair, .. }) | Condition::Change(ChangeCondition { pair, .. }) => {
                    of_pair.entry(pair.clone()).or_default().push(entry.clone());
                }
                Condition::Gas(gas) => of_gas.entry(gas.chain).or_default().push(entry.clone()),
            }
        }
        self.of_pair = of_pair.into_iter().map(|(pair, rules)| (pair, rules.into())).collect();
        self.of_gas = of_gas.into_iter().map(|(chain, rules)| (chain, rules.into())).collect();
        self.by_name = rules.iter().map(|entry| (entry.rule.name.clone(), entry.clone())).collect();
        self.in_order = rules;
        self.of_watch.clear();
        self.of_balances.clear();
        for (place, watch) in watches.iter().enumerate() {
            self.look_at(place, watch, place < of_config);
        }
    }

    /// The watch at this place of the list is now this one.
    pub fn look_at(&mut self, place: usize, watch: &Watch, of_config: bool) {
        let of = |balances: bool| -> Arc<[InForce]> {
            let kind = |entry: &&InForce| matches!(entry.rule.condition, Condition::Balance(_)) == balances;
            let looking =
                self.in_order.iter().filter(kind).filter(|entry| entry.rule.condition.looks_at(watch, of_config));
            looking.cloned().collect()
        };
        let (transfers, balances) = (of(false), of(true));
        for (all, looking) in [(&mut self.of_watch, transfers), (&mut self.of_balances, balances)] {
            if all.len() <= place {
                all.resize_with(place + 1, Arc::default);
            }
            all[place] = looking;
        }
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
