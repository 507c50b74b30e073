//! Silences, counterparties, and what was not said yet.

use super::{address, count, name, number, time};
use crate::reactor::quiet::{Cause, Counterparty, Kept, QuietRow, Silence};
use crate::types::Severity;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn quiet() -> impl Strategy<Value = QuietRow> {
    let label = || proptest::option::of(name());
    let labels = (label(), label(), label(), label());
    let severity = select(Severity::ALL.to_vec());
    let silence = (count(), labels, severity, time(), time(), name(), name(), any::<bool>());
    let silence =
        silence.prop_map(|(number, (rule, watch, chain, types), up_to, from, until, author, comment, over)| {
            QuietRow::Silence(Silence { number, rule, watch, chain, types, up_to, from, until, author, comment, over })
        });
    let known = (address(), address(), number())
        .prop_map(|(owner, other, number)| QuietRow::Known(Counterparty { owner, other, number }));
    let cause = prop_oneof![Just(Cause::Suspect), (1..4_u32).prop_map(Cause::Silence), Just(Cause::Outages)];
    let kept = (number(), cause, vec(select(vec!["ops", "chat"]), 0..2), name(), number());
    let kept = kept.prop_map(|(number, cause, sinks, line, more)| {
        QuietRow::Kept(Kept { number, cause, sinks: sinks.into_iter().map(Into::into).collect(), line, more })
    });
    prop_oneof![silence, known, kept]
}
