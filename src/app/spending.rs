//! How much of the limits of payments is used, as it is shown. The reactor counts; nothing is decided here.

use crate::reactor::Reactor;
use crate::reactor::rows::PaymentState;
use crate::telemetry::snapshot::{Limit, LimitUse, PaymentsStatus};
use crate::types::{Timestamp, U256};
use std::collections::BTreeMap;

/// How payments stand, and how much of each limit is used.
pub(super) fn payments(now: Timestamp, reactor: &Reactor) -> PaymentsStatus {
    let mut rehearsals: BTreeMap<PaymentState, u64> = BTreeMap::new();
    for row in reactor.payments().iter() {
        *rehearsals.entry(row.state).or_default() += 1;
    }
    let mut limits = Vec::new();
    for settings in &reactor.settings().payments {
        let (day, total, count) = if settings.live {
            reactor.desk().used(&settings.rule, now)
        } else {
            reactor.payments().used(&settings.rule, now)
        };
        let of_limits = [
            (Limit::PerDay, day, settings.per_day),
            (Limit::InTotal, total, settings.in_total),
            (Limit::MaxPerDay, U256::from(count), U256::from(settings.max_per_day)),
        ];
        for (limit, used, of) in of_limits {
            let rule = settings.rule.clone();
            limits.push(LimitUse { rule, limit, used_millionths: millionths(used, of), used, of });
        }
    }
    let mut live: BTreeMap<PaymentState, u64> = BTreeMap::new();
    for row in reactor.desk().payments() {
        *live.entry(row.state).or_default() += 1;
    }
    let office = reactor.desk().office();
    let file = reactor.frozen_by_file().cloned();
    let frozen = office.frozen.is_some() || office.paused.is_some() || file.is_some();
    PaymentsStatus { frozen, file, in_force: reactor.desk().fingerprint(), rehearsals, live, limits }
}

/// `used` of `of` in millionths, rounded up: a limit that is passed shows more than a million.
fn millionths(used: U256, of: U256) -> u32 {
    let million = U256::from(1_000_000);
    let ratio = used.checked_mul(million).and_then(|scaled| scaled.checked_add(of).map(|sum| sum - U256::from(1)));
    match ratio.and_then(|scaled| scaled.checked_div(of)) {
        Some(ratio) => u32::try_from(ratio).unwrap_or(u32::MAX),
        None => u32::MAX,
    }
}
