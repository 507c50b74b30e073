//! Before a first send: whether the wallet can pay the amount, everything that is open, and the fee (MONEY §4.7). `relaxed` lifts all of it.

use super::{Desk, LOOK_AGAIN, Purpose, Said, Step};
use crate::reactor::money::PaymentRow;
use crate::reactor::payments::ask::{Ask, Outcome};
use crate::types::{PaymentId, Timestamp, U256};
use std::collections::BTreeSet;

/// Why a payment waits for a person whose fee stayed above `max_fee` for as long as an approval lasts. Who approves it then accepts the fee.
pub(super) const DEAR: &str = "fee";

/// What was read for the payment whose turn it is. Each is of the time at which it was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Means {
    /// Raw USDC and wei that the wallet holds.
    funds: Option<(Timestamp, U256, U256)>,
    /// What a payment costs, in wei.
    fee: Option<(Timestamp, PaymentId, U256)>,
    /// Payments of which it was said that they wait.
    said: BTreeSet<PaymentId>,
}

impl Means {
    /// Whether a payment waits because the wallet cannot pay it, or its fee is too high.
    pub(super) fn is_said(&self, id: PaymentId) -> bool {
        self.said.contains(&id)
    }
}

impl Desk {
    /// Whether the wallet can pay this; asks what is not known since then.
    pub(super) fn is_affordable(&mut self, row: &PaymentRow, since: Timestamp, at: Timestamp, step: &mut Step) -> bool {
        let Some(terms) = self.terms.clone().filter(|terms| !terms.relaxed) else { return true };
        let funds = self.soft.means.funds.filter(|(asked, ..)| *asked >= since);
        let Some((_, usdc, coin)) = funds else {
            let ask = Ask::Funds { wallet: terms.wallet, token: terms.token };
            self.ask_once(ask, Purpose::Funds, at);
            return false;
        };
        let fee = self.soft.means.fee.filter(|(asked, of, _)| *asked >= since && *of == row.id);
        let Some((.., fee)) = fee else {
            let (destination, amount) = (row.address, row.amount);
            let (wallet, token, chain) = (terms.wallet, terms.token, terms.blockchain);
            self.ask_once(Ask::Fee { wallet, destination, amount, token, chain }, Purpose::Fee(row.id), at);
            return false;
        };
        let out = self.open.iter().filter_map(|id| self.rows.get(id)).filter(|other| other.state.is_out());
        let needed = out.map(|other| other.amount).try_fold(row.amount, U256::checked_add);
        let most = terms.offers.get(&row.rule).and_then(|offer| offer.max_fee);
        let dear = most.is_some_and(|most| fee > most) && row.reason.as_ref().is_none_or(|why| why.as_str() != DEAR);
        if dear {
            self.soft.dear.insert(row.id);
        } else {
            self.soft.dear.remove(&row.id);
        }
        let why = if needed.is_none_or(|needed| usdc < needed) {
            "the paying wallet does not hold enough USDC"
        } else if !terms.gasless && coin < fee {
            "the paying wallet does not hold enough of the chain's coin for the fee"
        } else if dear {
            "the fee is above `max_fee`"
        } else {
            self.soft.means.said.remove(&row.id);
            return true;
        };
        if self.soft.means.said.insert(row.id) {
            step.said.push(Said::Warning(format!("payment {} waits: {why}", row.id).into()));
        }
        self.soft.send_after = at.after(LOOK_AGAIN);
        self.soft.turn = None;
        false
    }

    fn ask_once(&mut self, ask: Ask, purpose: Purpose, at: Timestamp) {
        if !self.is_asked(|asked| *asked == purpose) {
            self.ask(ask, purpose, at);
        }
    }

    /// What the wallet holds; anything else says nothing, and it is asked again a while later.
    pub(super) fn told_funds(&mut self, outcome: &Outcome, asked: Timestamp, at: Timestamp, step: &mut Step) {
        if let Outcome::Funds { usdc, coin } = outcome {
            self.soft.means.funds = Some((asked, *usdc, *coin));
        } else {
            self.not_told(outcome, at, step);
        }
    }

    /// What a payment costs.
    pub(super) fn told_fee(
        &mut self,
        id: PaymentId,
        outcome: &Outcome,
        asked: Timestamp,
        at: Timestamp,
        step: &mut Step,
    ) {
        if let Outcome::Fee(fee) = outcome {
            self.soft.means.fee = Some((asked, id, *fee));
        } else {
            self.not_told(outcome, at, step);
        }
    }

    fn not_told(&mut self, outcome: &Outcome, at: Timestamp, step: &mut Step) {
        self.locked_out(outcome, at, step);
        self.soft.send_after = at.after(LOOK_AGAIN);
    }
}
