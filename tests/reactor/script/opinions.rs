//! What operators say of what would pay, and what people say of a live config.

use super::{CHAIN, Script};
use std::collections::BTreeSet;
use walletwatch::reactor::event::{Command, Event, Opinion, PaymentOrder, Witnessed};
use walletwatch::reactor::payments::desk::Order;
use walletwatch::reactor::wants::OpinionWant;
use walletwatch::types::Name;

impl Script {
    pub(super) fn opinions(&mut self) -> BTreeSet<OpinionWant> {
        self.reactor.wants().chains.get(&CHAIN).map(|wants| wants.opinions.clone()).unwrap_or_default()
    }

    pub(super) fn opinion(&mut self, operator: &str, read: Witnessed) {
        let wanted = self.opinions().iter().any(|want| match (want, &read) {
            (OpinionWant::Block(wanted), Witnessed::Block(block)) => *wanted == block.at.hash,
            (
                OpinionWant::Balance { address: whose, asset: what, number: _, block: at },
                Witnessed::Balance { address, asset, block, raw: _ },
            ) => (whose, what, at) == (address, asset, block),
            (_, _) => false,
        });
        assert!(wanted, "nobody asks {operator} for {read:?}");
        let (endpoint, operator) = ("b".into(), operator.into());
        self.handle(Event::Opinion(Box::new(Opinion { chain: CHAIN, endpoint, operator, read })));
    }

    /// People say what they have to say of every live config.
    pub(super) fn trust(&mut self) {
        let fingerprint = self.reactor.desk().fingerprint().expect("something is live");
        let payees: Vec<Name> = self.settings.payees.keys().cloned().collect();
        let waive = |payee: Name| ["ann", "bob"].map(|by| (by, Order::WaivePayee { payee: payee.clone() }));
        let orders: Vec<_> = payees.into_iter().flat_map(waive).collect();
        for (by, order) in [("ann", Order::Accept { fingerprint })].into_iter().chain(orders) {
            let order = PaymentOrder { by: by.into(), order };
            self.handle(Event::Command(Command::Payments(Box::new(order))));
        }
        self.said.clear();
    }
}
