//! What a transfer or a balance is worth: its amount at the price that is known, or unknown. Never a guess, and never another asset's price.
//!
//! A transfer keeps the price of when it was first seen, so that every message of it says the same, and a restart decides nothing anew.

use super::Reactor;
use super::effect::Effect;
use super::market::Quote;
pub use super::quote::Worth;
use super::rows::TransferRow;
use super::settings::AtLeastUsd;
use crate::types::{Asset, ChainId, Kind, Name, Pair, Timestamp, TransferKey, U256, Usd};
use std::time::Duration;

/// The price of now says nothing of what moved longer ago than this.
const VALUED_WITHIN: Duration = Duration::from_hours(1);

/// What is known of a worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Valuation {
    /// It is known.
    Known(Worth),
    /// It has a price, but that is not known, for this reason.
    Unknown(Name),
    /// Nothing values it.
    Never,
}

impl Valuation {
    /// As messages have it: the worth, and why it is not known where it could be.
    #[must_use]
    pub fn into_parts(self) -> (Option<Worth>, Option<Name>) {
        match self {
            Self::Known(worth) => (Some(worth), None),
            Self::Unknown(why) => (None, Some(why)),
            Self::Never => (None, None),
        }
    }
}

impl Reactor {
    /// The price that a transfer of this time is valued at, if it is known now.
    pub(super) fn quote_for(&self, key: &TransferKey, time: Timestamp, history: bool) -> Option<Quote> {
        let pair = self.valued_by(key)?;
        (!history && self.at.since(time) <= VALUED_WITHIN).then(|| self.quote(pair)).flatten()
    }

    /// The same, for one that was seen while its price was not known.
    pub(super) fn quoted(&mut self, row: TransferRow, effects: &mut Vec<Effect>) -> TransferRow {
        if row.quote.is_some() {
            return row;
        }
        let Some(quote) = self.quote_for(&row.key, row.block_time, row.history) else { return row };
        let row = TransferRow { quote: Some(quote), ..row };
        self.transfers.put(row.clone(), effects);
        row
    }

    /// What a transfer is worth.
    pub(super) fn worth_of(&self, row: &TransferRow) -> Valuation {
        let Some(pair) = self.valued_by(&row.key) else { return Valuation::Never };
        match &row.quote {
            Some(quote) => self.at_quote(row.key.chain, row.key.asset, row.key.amount, quote.clone()),
            None if row.history || self.at.since(row.block_time) > VALUED_WITHIN => {
                Valuation::Unknown(format!("what {pair} was then is not known").into())
            }
            None => no_price(pair),
        }
    }

    /// What a balance is worth now.
    pub(super) fn worth_of_balance(&self, chain: ChainId, asset: Asset, amount: U256) -> Valuation {
        let Some(pair) = self.settings.values.get(&(chain, asset)) else { return Valuation::Never };
        match self.quote(pair) {
            Some(quote) => self.at_quote(chain, asset, amount, quote),
            None => no_price(pair),
        }
    }

    /// Whether a transfer is worth what a rule asks for.
    pub(super) fn is_worth(&self, row: &TransferRow, least: &AtLeastUsd) -> bool {
        match self.worth_of(row) {
            Valuation::Known(worth) => worth.value >= least.worth,
            Valuation::Unknown(_) => least.unknown_speaks,
            Valuation::Never => false,
        }
    }

    fn valued_by(&self, key: &TransferKey) -> Option<&Pair> {
        match key.kind {
            Kind::Coin | Kind::Internal | Kind::Token => self.settings.values.get(&(key.chain, key.asset)),
            Kind::Erc721 | Kind::Erc1155 | Kind::Approval | Kind::ApprovalForAll => None,
        }
    }

    fn at_quote(&self, chain: ChainId, asset: Asset, amount: U256, quote: Quote) -> Valuation {
        let (decimals, ..) = self.asset_facts(chain, asset);
        match decimals.and_then(|decimals| Usd::of(amount, decimals, quote.price)) {
            Some(value) => Valuation::Known(Worth { value, quote }),
            None => Valuation::Unknown("it is more than can be said".into()),
        }
    }
}

fn no_price(pair: &Pair) -> Valuation {
    Valuation::Unknown(format!("no fresh price of {pair}").into())
}
