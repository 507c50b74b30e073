//! The ledger against the chain (MONEY §10): whether the receipt of a payment's transaction says what Circle says of it.
//!
//! A payment that is complete and that the final chain lacks, or that ended otherwise and is on it, freezes everything until a person looks.
//! What left the wallet and stands in no list of Circle's is not seen here: the wallet itself is not watched.

use super::Reactor;
use super::effect::Effect;
use super::event::Receipt;
use super::money::{PaymentRow, PaymentState};
use crate::types::{B256, ChainId, PaymentId, Stage, Timestamp};
use crate::wire::circle::chain_of;
use std::collections::BTreeSet;
use std::time::Duration;

/// What ended is compared within this time of its end; what a monitor that stood still for longer missed is left to people.
const COMPARED_FOR: Duration = Duration::from_hours(48);
/// A transaction may come to the final chain so much later than Circle says how it ended: later it is missing.
const MISSING_AFTER: Duration = Duration::from_hours(1);
/// Between two looks at a receipt that proves nothing yet.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// The chain that a payment's transaction is on: a wallet on a test network pays in the place of the payee's main one.
pub(super) fn sent_on(row: &PaymentRow) -> Option<ChainId> {
    chain_of(row.live.as_deref()?.blockchain.as_str())
}

/// What starts empty after a restart, and may: it is compared once more.
#[derive(Debug, Clone, Default)]
pub(super) struct Compared {
    /// Payments whose receipt says what Circle says.
    proven: BTreeSet<PaymentId>,
    /// When receipts were last asked for again.
    asked: Timestamp,
}

impl Reactor {
    /// Transactions of payments that ended, and of which the chain that the wallet is on has not said the same yet.
    pub(super) fn uncompared(&self, id: ChainId) -> impl Iterator<Item = (B256, &PaymentRow)> {
        let ended = |row: &&PaymentRow| match row.state {
            PaymentState::Complete | PaymentState::Failed | PaymentState::Cancelled | PaymentState::Denied => {
                self.at.since(row.changed_at) < COMPARED_FOR && !self.soft.compared_payments.proven.contains(&row.id)
            }
            PaymentState::Planned
            | PaymentState::Held
            | PaymentState::Approved
            | PaymentState::Rehearsed
            | PaymentState::Refused
            | PaymentState::Sending
            | PaymentState::Reconcile
            | PaymentState::Human
            | PaymentState::Accepted
            | PaymentState::Rejected => false,
        };
        let here = move |row: &&PaymentRow| sent_on(row) == Some(id);
        let rows = self.desk.payments().filter(here).filter(ended);
        rows.filter_map(|row| Some((row.live.as_deref()?.tx?, row)))
    }

    /// Receipts that proved nothing yet are asked for again, now and then.
    pub(super) fn compare_again(&mut self) {
        if self.at.since(self.soft.compared_payments.asked) < LOOK_AGAIN {
            return;
        }
        self.soft.compared_payments.asked = self.at;
        let chains: BTreeSet<ChainId> = self.settings.live.iter().filter_map(|live| chain_of(live.blockchain.as_str())).collect();
        for id in chains {
            let open: Vec<B256> = self.uncompared(id).map(|(tx, _)| tx).collect();
            for tx in open {
                self.soft.receipts_asked.remove(&(id, tx));
                self.unpublished.insert(id);
            }
        }
    }

    /// A receipt of a payment's transaction: what Circle says of it is compared.
    pub(super) fn compare_payment(&mut self, receipt: &Receipt, effects: &mut Vec<Effect>) {
        let found = self.uncompared(receipt.chain).find(|(tx, _)| *tx == receipt.tx);
        let Some((id, state, ended)) = found.map(|(_, row)| (row.id, row.state, row.changed_at)) else { return };
        let last_final = self.deepest(receipt.chain, Stage::Final);
        let is_final = |block: u64| last_final.is_some_and(|last| block <= last);
        let moved = match receipt.found {
            Some((block, _, succeeded)) if is_final(block) => Some(succeeded),
            None if self.at.since(ended) >= MISSING_AFTER => Some(false),
            Some(_) | None => None,
        };
        let Some(moved) = moved else { return };
        if moved == (state == PaymentState::Complete) {
            self.soft.compared_payments.proven.insert(id);
            return;
        }
        let why = if moved {
            format!("Circle says that it ended {}, and its transaction is on the chain", state.word())
        } else {
            "Circle says that it is complete, and the chain lacks its transaction".to_owned()
        };
        self.at_desk(effects, |desk, _, at, step| desk.contradicted(id, &why, at, step));
    }
}
