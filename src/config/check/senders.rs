//! `from` of a transfer rule: whose transfers it looks at.

use crate::config::check::input::Input;
use crate::config::check::payees::Payees;
use crate::config::check::watches::Watches;
use crate::config::raw::scope::Scope;
use crate::types::Address;
use std::collections::BTreeSet;

/// The senders that a rule names; `None` is anyone.
pub(super) fn from(
    input: &Input<'_>,
    scope: &Scope<'_>,
    watches: &Watches,
    payees: &Payees,
) -> Option<BTreeSet<Address>> {
    let said = scope.texts("from")?;
    if said.is_empty() {
        input.notes.fault(scope.place(), "`from` is empty: nothing could match", "name senders, or \"anyone\"");
    }
    let mut senders = BTreeSet::new();
    let mut anyone = None;
    for said in said {
        if said.value == "anyone" {
            anyone = Some(said.place);
        } else if said.value.starts_with("0x") {
            senders.extend(input.address("from", said));
        } else if let Some(payee) = payees.all.get(&said.value.into()) {
            senders.insert(payee.address);
        } else if let Some(watch) = watches.list.iter().find(|watch| watch.name.as_str() == said.value) {
            senders.extend(watch.addresses.addresses().copied());
        } else if !payees.has(said.value) {
            // Of a watch or payee with a fault of its own, that is what is noted.
            watches.names.find("watch or payee", said, input.notes);
        }
    }
    match anyone {
        Some(place) if !senders.is_empty() => {
            input.notes.fault(place, "\"anyone\" stands beside senders that are named", "keep one of them");
            None
        }
        Some(_) => None,
        None => Some(senders),
    }
}
