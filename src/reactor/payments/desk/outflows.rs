//! What left the paying wallet on the chain, against Circle's lists (MONEY §10): an outflow that neither our rows nor a list has freezes
//! everything until a person looks.
//!
//! One that nothing explains so far is booked beside what Circle lists, under its hash, and void: it counts nowhere until a whole list that
//! reaches back far enough has nothing of it.

use super::search::START_BACK;
use super::{Desk, OURSELVES, Said, Step};
use crate::reactor::money::{CircleId, PaymentState};
use crate::reactor::office::{ForeignRow, OfficeKey, OfficeWrite};
use crate::reactor::payments::ask::Transaction;
use crate::types::{Address, B256, Timestamp, U256};

/// USDC that left the paying wallet, in a final block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outflow {
    /// Its transaction.
    pub tx: B256,
    /// Who got it.
    pub to: Address,
    /// Raw.
    pub amount: U256,
    /// The time of its block.
    pub time: Timestamp,
}

impl Desk {
    /// USDC left the wallet. What a payment or a list of this run explains is no news.
    pub fn outflow(&mut self, outflow: &Outflow, at: Timestamp, step: &mut Step) {
        let Outflow { tx, to, amount, time } = *outflow;
        let ours = self.rows.values().any(|row| row.live.as_deref().and_then(|live| live.tx) == Some(tx));
        let Some(id) = name_of(tx).filter(|id| !ours && !self.foreign.contains_key(id)) else { return };
        if self.terms.is_none() || amount.is_zero() || self.soft.listed.contains_key(&tx) {
            return;
        }
        let row = ForeignRow { id, reference: None, destination: Some(to), amount, at: time, void: true };
        self.audit(OURSELVES, "outflow", None, &format!("{tx:#x}: Circle's list is asked"), at, step);
        self.book(row, step);
    }

    /// The time from which on a list has to show everything, for the outflows that nothing explains.
    pub(super) fn unexplained_since(&self) -> Option<Timestamp> {
        let open = self.foreign.values().filter(|row| row.void && is_outflow(&row.id));
        open.map(|row| super::search::before(row.at, START_BACK)).min()
    }

    /// A whole list since `from`, asked for at `asked`: what it shows is explained, and what it should show and does not stops everything.
    pub(super) fn explain(
        &mut self,
        found: &[Transaction],
        from: Timestamp,
        asked: Timestamp,
        at: Timestamp,
        step: &mut Step,
    ) {
        self.soft.listed.retain(|_, seen| asked.since(*seen) < START_BACK);
        self.soft.listed.extend(found.iter().filter_map(|shown| Some((shown.tx?, asked))));
        let outflows = self.foreign.values().filter(|row| is_outflow(&row.id));
        let outflows: Vec<ForeignRow> = outflows.cloned().collect();
        for row in outflows {
            let is = |tx: B256| name_of(tx).as_ref() == Some(&row.id);
            let listed = self.soft.listed.keys().any(|tx| is(*tx));
            let ours = self.rows.values().filter_map(|row| row.live.as_deref()?.tx).any(is);
            if listed || ours {
                self.foreign.remove(&row.id);
                step.gone.push(OfficeKey::Foreign(row.id));
            } else if row.void
                && !self.may_be_ours(&row)
                && from <= super::search::before(row.at, START_BACK)
                && asked > row.at
            {
                let what = format!(
                    "transaction {} moved USDC out of the paying wallet, and Circle lists nothing of it",
                    row.id
                );
                self.audit(OURSELVES, "foreign outflow", None, row.id.as_str(), at, step);
                self.book(ForeignRow { void: false, ..row }, step);
                step.said.push(Said::Warning(what.as_str().into()));
                self.freeze(&what, OURSELVES, at, step);
            }
        }
    }

    /// One of our own whose transaction Circle has not named yet moves as much to the same place: what becomes of it is known first.
    fn may_be_ours(&self, outflow: &ForeignRow) -> bool {
        let states = [PaymentState::Sending, PaymentState::Reconcile, PaymentState::Accepted];
        states.into_iter().flat_map(|state| self.rows_in(state)).any(|row| {
            let unnamed = row.live.as_deref().is_some_and(|live| live.tx.is_none());
            unnamed && Some(row.address) == outflow.destination && row.amount == outflow.amount
        })
    }

    fn book(&mut self, row: ForeignRow, step: &mut Step) {
        step.office.push(OfficeWrite::Foreign(row.clone()));
        self.foreign.insert(row.id.clone(), row);
    }
}

/// Under which an outflow is booked: its hash. No id of Circle is as long.
fn name_of(tx: B256) -> Option<CircleId> {
    CircleId::parse(&format!("{tx:x}"))
}

fn is_outflow(id: &CircleId) -> bool {
    id.as_str().len() == 2 * B256::len_bytes()
}
