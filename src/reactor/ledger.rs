//! The ledger against the chain (MONEY §10): whether the receipt of a payment's transaction says what Circle says of it.
//!
//! A payment that is complete and that the final chain lacks, or that ended otherwise and is on it, freezes everything until a person looks.
//! The paying wallet is watched by itself, where its chain is read: what leaves it and stands in no list of Circle's freezes too.

use super::Reactor;
use super::addresses::AddressList;
use super::effect::Effect;
use super::event::Receipt;
use super::money::{PaymentRow, PaymentState};
use super::payments::desk::Outflow;
use super::rows::TransferRow;
use super::settings::Watch;
use crate::types::{Asset, B256, ChainId, Kind, PaymentId, Stage, Timestamp, TransferKey};
use crate::wire::circle::chain_of;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What the paying wallet is called as a watch.
const WALLET: &str = "[circle] wallet";
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

    /// Whether a receipt's logs move what a payment's frozen request says, from the paying wallet where that is known.
    fn is_paid_by(&self, row: &PaymentRow, receipt: &Receipt) -> bool {
        let Some(payment) = row.live.as_deref() else { return false };
        let wallet = self.settings.live.as_ref().filter(|live| live.wallet == payment.wallet);
        receipt.moved.iter().any(|movement| {
            let from = wallet.is_none_or(|live| live.wallet_address == movement.from);
            let what = movement.kind == Kind::Token && movement.asset == Asset::Token(payment.token);
            from && what && movement.to == row.address && movement.amount == row.amount
        })
    }

    /// The paying wallet as a watch of its own, where its chain is read. No rule looks at it.
    pub(super) fn wallet_watch(&self) -> Option<Watch> {
        let live = self.settings.live.as_ref()?;
        let chain = chain_of(live.blockchain.as_str()).filter(|chain| self.settings.chains.contains_key(chain))?;
        let addresses = AddressList::from_iter([live.wallet_address]);
        let (name, chains) = (WALLET.into(), vec![chain]);
        Some(Watch { name, addresses: Arc::new(addresses), chains, tags: Vec::new(), from_block: None })
    }

    /// A transfer is final: where it is USDC that left the paying wallet, Circle's list has to have it.
    pub(super) fn compare_outflow(&mut self, row: &TransferRow, effects: &mut Vec<Effect>) {
        let Some(live) = &self.settings.live else { return };
        let TransferKey { chain, tx, kind, asset, from, to, amount, .. } = row.key;
        let usdc = kind == Kind::Token && asset == Asset::Token(live.token) && from == live.wallet_address;
        if row.stage == Stage::Final && usdc && chain_of(live.blockchain.as_str()) == Some(chain) {
            let outflow = Outflow { tx, to, amount, time: row.block_time };
            self.at_desk(effects, |desk, _, at, step| desk.outflow(&outflow, at, step));
        }
    }

    /// Receipts that proved nothing yet are asked for again, now and then.
    pub(super) fn compare_again(&mut self) {
        if self.at.since(self.soft.compared_payments.asked) < LOOK_AGAIN {
            return;
        }
        self.soft.compared_payments.asked = self.at;
        let chains: BTreeSet<ChainId> =
            self.settings.live.iter().filter_map(|live| chain_of(live.blockchain.as_str())).collect();
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
        let is_paid = found.is_some_and(|(_, row)| self.is_paid_by(row, receipt));
        let last_final = self.deepest(receipt.chain, Stage::Final);
        let is_final = |block: u64| last_final.is_some_and(|last| block <= last);
        let moved = match receipt.found {
            Some((block, _, succeeded)) if is_final(block) => Some(succeeded),
            None if self.at.since(ended) >= MISSING_AFTER => Some(false),
            Some(_) | None => None,
        };
        let Some(moved) = moved else { return };
        let complete = state == PaymentState::Complete;
        let why = match (complete, moved) {
            (true, true) if is_paid => None,
            (true, true) => {
                Some("Circle says that it is complete, and its transaction moves something else".to_owned())
            }
            (true, false) => Some("Circle says that it is complete, and the chain lacks its transaction".to_owned()),
            (false, true) => {
                Some(format!("Circle says that it ended {}, and its transaction is on the chain", state.word()))
            }
            (false, false) => None,
        };
        let Some(why) = why else {
            self.soft.compared_payments.proven.insert(id);
            return;
        };
        self.at_desk(effects, |desk, _, at, step| desk.contradicted(id, &why, at, step));
    }
}
