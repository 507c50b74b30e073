//! Transfers that are made to deceive: which are marked, which are folded into a digest, and whom a watch is known to deal with.
//!
//! A poisoner puts a line into the victim's history from or to an address that looks like one the victim deals with, and waits for it to be
//! copied. Such a line is worth nothing: no value, next to none, or a token that is nobody's. What moves real value is never folded, whatever it
//! looks like; that a watch paid a look-alike is what its owner most wants to hear, with the mark.

use super::Reactor;
use super::effect::{Effect, Suspect};
use super::rows::TransferRow;
use crate::types::symbol::skeleton;
use crate::types::{Address, Name, TransferKey};
use std::collections::BTreeSet;

impl Reactor {
    /// Why a transfer is suspect, as far as is known.
    pub(super) fn suspect(&self, key: &TransferKey) -> Suspect {
        let (_, symbol, _, verified) = self.asset_facts(key.chain, key.asset);
        let known_symbol = !verified
            && symbol.is_some_and(|symbol| {
                let looks = skeleton(symbol.as_str());
                let own = |known: &Name| skeleton(known.as_str()) == looks;
                super::suspect::is_of_table(&looks)
                    || self.settings.tokens.values().any(|token| own(&token.symbol))
                    || self.settings.chains.values().any(|chain| own(&chain.coin))
            });
        Suspect {
            // An approval of nothing is one that is taken back.
            zero_value: key.amount.is_zero() && !key.kind.is_approval(),
            look_alike: self.imitates(key),
            dust: self.is_dust(key),
            known_symbol,
        }
    }

    /// Whether the other side of a watched address is made to look like somebody that it knows.
    fn imitates(&self, key: &TransferKey) -> bool {
        let payees: BTreeSet<Address> = self.settings.payees.values().map(|payee| payee.address).collect();
        [(key.from, key.to), (key.to, key.from)].into_iter().any(|(owner, other)| {
            let (mine, theirs) = (self.watched.find(key.chain, &owner), self.watched.find(key.chain, &other));
            mine.is_some() && theirs.is_none() && self.alerts.quiet.imitates(owner, other, &payees)
        })
    }

    /// Whether it is next to nothing, of an asset that is known.
    fn is_dust(&self, key: &TransferKey) -> bool {
        let below = self.settings.dust.get(&(key.chain, key.asset)).filter(|_| !key.kind.is_approval());
        !key.amount.is_zero() && below.is_some_and(|below| key.amount < *below)
    }

    /// Whether it is there to be copied from, and for nothing else.
    pub(super) fn is_made_to_deceive(&self, row: &TransferRow) -> bool {
        let (_, _, _, verified) = self.asset_facts(row.key.chain, row.key.asset);
        row.suspect.zero_value || (row.suspect.look_alike && (row.suspect.dust || !verified))
    }

    /// Remembers whom a watched address dealt with in earnest.
    pub(super) fn learn_counterparties(&mut self, row: &TransferRow, effects: &mut Vec<Effect>) {
        let (_, _, _, verified) = self.asset_facts(row.key.chain, row.key.asset);
        if row.suspect.any() || !verified || row.key.kind.is_approval() || row.key.from == row.key.to {
            return;
        }
        for (owner, other) in [(row.key.from, row.key.to), (row.key.to, row.key.from)] {
            let find = |address: &Address| self.watched.find(row.key.chain, address).is_some();
            if find(&owner) && !find(&other) {
                self.alerts.quiet.learn(owner, other, effects);
            }
        }
    }
}
