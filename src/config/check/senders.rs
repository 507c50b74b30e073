//! `from` of a transfer rule: whose transfers it looks at.

use crate::config::check::input::Input;
use crate::config::check::payees::Payees;
use crate::config::check::watches::Watches;
use crate::config::near;
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
        } else if watches.names.has(said.value) || payees.has(said.value) {
            // A name that both have means both; of one with a fault of its own, that is what was noted.
            senders.extend(payees.all.get(&said.value.into()).map(|payee| payee.address));
            let watch = watches.list.iter().find(|watch| watch.name.as_str() == said.value);
            senders.extend(watch.iter().flat_map(|watch| watch.addresses.addresses()).copied());
        } else {
            let words = watches.names.words().chain(payees.names().words());
            input.notes.fault(said.place, "there is no watch and no payee of this name", near::hint(said.value, words));
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
