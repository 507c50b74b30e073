//! Payees, whose addresses come from the config alone; and amounts of USDC as limits.

use crate::config::amounts;
use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names};
use crate::config::raw::scope::{Said, Scope};
use crate::reactor::settings::Payee;
use crate::types::{Address, Name, U256, chain};
use std::collections::BTreeMap;

/// Payees, and names also of those with faults.
#[derive(Debug, Default)]
pub(super) struct Payees {
    /// Those without faults.
    pub all: BTreeMap<Name, Payee>,
    names: Names,
}

impl Payees {
    /// Their names.
    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    /// Whether a payee is called so.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.has(name)
    }
}

/// Every `[[payee]]`.
pub(super) fn check(input: &Input<'_>, chains: &Chains) -> Payees {
    let mut payees = Payees::default();
    for scope in input.root.many("payee") {
        let name = payees.names.claim(&scope);
        let on = scope.need("chain", "the name of its chain").and_then(|said| chains.find(input, said));
        let said = scope.need("address", "where payments go");
        let address = said.and_then(|said| Some((said, input.address("address", said)?)));
        let address = address.and_then(|(said, address)| payable(input, said, address).then_some(address));
        let per_day = limit(&scope, "per_day", true);
        if let (Some(name), Some(chain), Some(address), Some(per_day)) = (name, on, address, per_day) {
            let same = |other: &&Payee| other.chain == chain && other.address == address;
            if let Some(other) = payees.all.values().find(same) {
                let what = format!("the payees `{}` and `{name}` have one address", other.name);
                let then = "what goes to either counts in the per_day of both";
                input.notes.warn(scope.place(), format!("{what}: {then}"));
            }
            payees.all.insert(name.clone(), Payee { name, chain, address, per_day });
        }
    }
    payees
}

/// Notes an address to which USDC would be lost, and one in which a slip of a finger cannot be seen.
fn payable(input: &Input<'_>, said: Said<'_, &str>, address: Address) -> bool {
    if let Some(known) = chain::known().iter().find(|known| known.usdc.is_some_and(|usdc| usdc.address == address)) {
        let what = format!("`address` is the contract of USDC on {}: what is sent to it is lost", known.name);
        input.notes.fault(said.place, what, "write the address of whoever is to be paid");
        return false;
    }
    let checksummed = address.to_checksum(None);
    if said.value != checksummed {
        let what = "a payee's address is written without its checksum, so a slip of a finger would not be seen";
        input.notes.warn(said.place, format!("{what}: compare it with its source, and write {checksummed}"));
    }
    true
}

/// Raw USDC above zero.
pub(super) fn limit(scope: &Scope<'_>, key: &str, mandatory: bool) -> Option<U256> {
    if mandatory && scope.node(key).is_none() {
        scope.missing(key, "a limit in USDC, for example \"1000\": there is none by default");
    }
    let said = scope.text(key)?;
    match amounts::usdc(said.value) {
        Ok(raw) if raw > U256::ZERO => Some(raw),
        Ok(_) => {
            scope.notes.fault(said.place, format!("`{key}` is zero"), "write an amount above zero");
            None
        }
        Err((what, hint)) => {
            scope.notes.fault(said.place, format!("`{key}`: {what}"), hint);
            None
        }
    }
}
