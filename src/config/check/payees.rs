//! Payees, whose addresses come from the config alone; and amounts of USDC as limits.

use crate::config::amounts;
use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names};
use crate::config::raw::scope::Scope;
use crate::reactor::settings::Payee;
use crate::types::{Name, U256};
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
        let address = scope.need("address", "where payments go").and_then(|said| input.address("address", said));
        let per_day = limit(&scope, "per_day", true);
        if let (Some(name), Some(chain), Some(address), Some(per_day)) = (name, on, address, per_day) {
            payees.all.insert(name.clone(), Payee { name, chain, address, per_day });
        }
    }
    payees
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
