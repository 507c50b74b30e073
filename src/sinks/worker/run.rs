//! The worker's loop: ask the machine, then wait for whatever comes first.

use super::turn::{Outside, Worker};
use super::{GRACE, Ledger, LedgerClosed, Observer, Start, Wires};
use crate::sinks::{Carry, Post};
use crate::types::Timestamp;
use futures::future::OptionFuture;
use futures::stream::StreamExt as _;
use tokio::time::{Instant, sleep_until};

pub(super) async fn run<P, L, O, C, R>(start: Start, wires: Wires<P, L, O, C, R>) -> Result<(), LedgerClosed>
where
    P: Post + Carry + Sync,
    L: Ledger + Sync,
    O: Observer,
    C: Fn() -> Timestamp,
    R: FnMut() -> u64,
{
    let Wires { post, ledger, observer, clock, random, mut rows, mut orders, reports, stop } = wires;
    let outside = Outside { post, ledger, observer, clock };
    let mut worker = Worker::new(&outside, start, random);
    let mut grace: Option<Instant> = None;
    let (mut rows_open, mut orders_open, mut reports_open) = (true, true, true);
    loop {
        let wake = worker.turn();
        if worker.is_done() {
            return Ok(());
        }
        let working = grace.is_none();
        tokio::select! {
            () = stop.cancelled(), if working => {
                worker.stopping = true;
                grace = Some(Instant::now() + GRACE);
            }
            () = sleep_until(grace.unwrap_or_else(Instant::now)), if !working && !worker.flying.is_empty() => {
                // Their rows stay pending: the next start tries them again, under the same ids.
                worker.flying.clear();
            }
            Some(written) = OptionFuture::from(worker.writing.as_mut()), if worker.writing.is_some() => {
                worker.written(written)?;
            }
            Some(ended) = worker.flying.next(), if !worker.flying.is_empty() => worker.ended_all(ended)?,
            batch = rows.recv(), if rows_open && working => match batch {
                Some(batch) => worker.take_rows(batch, &mut rows),
                None => rows_open = false,
            },
            order = orders.recv(), if orders_open && working => match order {
                Some(order) => worker.order(order),
                None => orders_open = false,
            },
            permit = reports.reserve(), if reports_open && !worker.unreported.is_empty() => match permit {
                Ok(permit) => {
                    if let Some(report) = worker.unreported.pop_front() {
                        permit.send(report);
                    }
                }
                Err(_) => reports_open = false,
            },
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
        if !reports_open {
            // The pump is gone, and with it whoever could raise an alert of these.
            worker.unreported.clear();
        }
    }
}
