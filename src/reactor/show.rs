//! What people and gauges are shown of the reactor. Nothing here changes anything.

use super::Reactor;
use super::balances::Balances;
use super::chain::Chain;
use super::event::{SourceId, SourceState};
use super::holdings::LevelRow;
use super::market::Quote;
use super::payments::Payments;
use super::rows::{BarRow, Deadline, RuleRow, TroubleRow, ViewRow};
use super::settings::{Settings, Watch};
use crate::types::{Address, Asset, ChainId, Name, Pair, Price, Timestamp};

impl Reactor {
    /// The settings in force.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A chain's state.
    #[must_use]
    pub fn chain(&self, chain: ChainId) -> Option<&Chain> {
        self.chains.get(&chain)
    }

    /// The height that confirmations are counted from.
    #[must_use]
    pub fn height(&self, chain: ChainId) -> Option<u64> {
        self.chains.get(&chain).and_then(Chain::height)
    }

    /// Whether a chain does not move though its endpoints answer: all of them stand below the tip.
    #[must_use]
    pub fn is_stalled(&self, chain: ChainId) -> bool {
        self.timers.contains(&Deadline::Revert(chain))
    }

    /// The payments.
    #[must_use]
    pub const fn payments(&self) -> &Payments {
        &self.payments
    }

    /// The rules in force, with their states.
    pub fn rules(&self) -> impl Iterator<Item = &RuleRow> {
        self.rules.rows_in_force()
    }

    /// Where a rule on balances stands with each of them.
    pub fn levels(&self, rule: &Name) -> impl Iterator<Item = &LevelRow> {
        self.balances.of_rule(rule)
    }

    /// Everything that is or was in trouble.
    pub fn troubles(&self) -> impl Iterator<Item = &TroubleRow> {
        self.troubles.iter()
    }

    /// The states of sources that have reported.
    pub fn sources(&self) -> impl Iterator<Item = (&SourceId, &SourceState)> {
        self.soft.sources.iter()
    }

    /// The prices that feeds gave last, with their own times.
    pub fn prices(&self) -> impl Iterator<Item = (&Pair, &Name, Price, Timestamp)> {
        self.soft.prices.iter().flat_map(|(pair, followed)| {
            followed.market.prices().map(move |(feed, price, time)| (pair, feed, price, time))
        })
    }

    /// Every pair that feeds are asked for, and what it costs at `at`, where that is known.
    pub fn quotes(&self, at: Timestamp) -> impl Iterator<Item = (&Pair, Option<Quote>)> {
        let stale_after = self.settings.prices.stale_after;
        self.soft.prices.iter().map(move |(pair, followed)| (pair, followed.market.quote(pair, at, stale_after)))
    }

    /// The decimals of an asset, where they are known.
    #[must_use]
    pub fn decimals(&self, chain: ChainId, asset: Asset) -> Option<u8> {
        self.asset_facts(chain, asset).0
    }

    /// The minutes of prices that are over, by pair and ascending.
    pub fn bars(&self) -> impl Iterator<Item = &BarRow> {
        self.bars.rows()
    }

    /// How far explorer lists were read.
    pub fn views(&self) -> impl Iterator<Item = &ViewRow> {
        self.views.values()
    }

    /// The watch that has this address on this chain.
    #[must_use]
    pub fn watch_of(&self, chain: ChainId, address: &Address) -> Option<&Watch> {
        self.watched.find(chain, address).map(|(_, watch)| watch)
    }

    /// The balances that are read, and where rules stand with them.
    #[must_use]
    pub const fn balances_kept(&self) -> &Balances {
        &self.balances
    }
}
