//! People: they approve, freeze, look at Circle, and never lie.

use crate::chain::block_time;
use crate::process::{Dead, Outside, Process, Store};
use fastrand::Rng;
use std::collections::BTreeMap;
use walletwatch::reactor::office::Stopped;
use walletwatch::reactor::payments::desk::Order;
use walletwatch::reactor::rows::PaymentState;

/// Who said yes to which payment, by reference, and when they said it.
pub type Said = BTreeMap<String, BTreeMap<&'static str, Vec<i64>>>;

const MINUTE: i64 = 60_000;

/// What they do at this moment, with one process.
pub fn act(
    process: &mut Process,
    stores: &mut [Store],
    out: &mut Outside,
    said: &mut Said,
    rng: &mut Rng,
    calm: bool,
) -> Result<(), Dead> {
    let office = process.desk.office().clone();
    if office.paused.is_some() && out.offset == 0 && !process.is_off(out.now) {
        let _ = process.order(Order::ResumeClock, "alice", stores, out, rng)?;
    }
    if office.frozen.is_some() && (calm || rng.u8(0..20) == 0) {
        let _ = process.order(Order::Unfreeze, "alice", stores, out, rng)?;
    }
    if !calm && rng.u16(0..300) == 0 {
        let _ = process.order(Order::Freeze { why: "a person".into() }, "bob", stores, out, rng)?;
    }
    if let Some(fingerprint) = process.desk.fingerprint()
        && office.accepted != Some(fingerprint)
        && (calm || rng.u8(0..10) == 0)
    {
        let _ = process.order(Order::Accept { fingerprint }, "alice", stores, out, rng)?;
    }
    let stops: Vec<Stopped> = process.desk.stops().map(|row| row.what.clone()).collect();
    for what in stops {
        if rng.u8(0..20) == 0 {
            let order = match what {
                Stopped::Rule(rule) => {
                    stores[process.store].stopped.remove(rule.as_str());
                    Order::Resume { rule }
                }
                Stopped::Payee(payee) => Order::ResumePayee { payee },
            };
            let _ = process.order(order, "bob", stores, out, rng)?;
        }
    }
    let rows: Vec<_> = process.desk.payments().filter(|row| !row.state.is_terminal()).cloned().collect();
    for row in rows {
        let Some(live) = row.live.as_deref() else { continue };
        match row.state {
            PaymentState::Held if rng.u8(0..if calm { 4 } else { 25 }) == 0 => {
                let order = Order::Approve { payment: row.id, body: live.hash, anyway: false };
                if rng.u8(0..12) == 0 {
                    let _ = process.order(Order::Reject { payment: row.id }, "bob", stores, out, rng)?;
                    continue;
                }
                let both = rng.bool();
                for name in ["alice", "bob"].into_iter().take(if both { 2 } else { 1 }) {
                    said.entry(live.reference.to_string()).or_default().entry(name).or_default().push(out.now);
                    let _ = process.order(order.clone(), name, stores, out, rng)?;
                }
            }
            PaymentState::Human => resolve(process, &row, stores, out, rng)?,
            PaymentState::Accepted if !calm && rng.u8(0..200) == 0 => {
                let _ = process.order(Order::Cancel { payment: row.id }, "bob", stores, out, rng)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// They look at Circle's console, which never lags.
fn resolve(
    process: &mut Process,
    row: &walletwatch::reactor::money::PaymentRow,
    stores: &mut [Store],
    out: &Outside,
    rng: &mut Rng,
) -> Result<(), Dead> {
    let Some(live) = row.live.as_deref() else { return Ok(()) };
    let waited = process.at(out.now).since(row.changed_at).as_millis() > 20 * 60_000;
    if !waited || rng.u8(0..5) != 0 {
        return Ok(());
    }
    let made = out.circle.made.iter().find(|made| made.reference.as_deref() == Some(live.reference.as_str()));
    match made {
        Some(made) => {
            let order = Order::IsThere { payment: row.id, circle: made.id.clone() };
            let _ = process.order(order, "alice", stores, out, rng)?;
        }
        None => {
            for name in ["alice", "bob"] {
                let _ = process.order(Order::IsAbsent { payment: row.id }, name, stores, out, rng)?;
            }
        }
    }
    Ok(())
}

/// Nobody waits longer than this for anything.
pub const fn patience() -> i64 {
    MINUTE * 60 * 4
}

/// The first moment of a simulation.
pub fn beginning() -> i64 {
    block_time(10_000_000)
}
