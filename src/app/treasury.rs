//! What people decide about payments that takes more than the desk: which config was accepted, in words, and the probe of Circle.

use super::circle::Prober;
use super::clock::Clock;
use super::pump::Asked;
use super::replies::of_payments;
use crate::config::checked::Config;
use crate::config::describe::money_lines;
use crate::http::{MoneyInForce, Refusal};
use crate::payments::probe::probe;
use crate::reactor::event::{Command, PaymentOrder};
use crate::reactor::payments::desk::{Order, Refusal as NotDone};
use crate::reactor::settings::Settings;
use crate::reactor::terms_fingerprint;
use crate::store::{Reader, StoreFault, WriterHandle};
use crate::telemetry::Snapshot;
use crate::types::Name;
use crate::wire::hex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// The key of the note of what the accepted config says, a line each.
const ACCEPTED_NOTE: &str = "payments/accepted";

/// Decisions about payments.
pub(super) struct Treasury {
    pump: mpsc::Sender<Asked>,
    writer: WriterHandle,
    clock: Arc<Clock>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    prober: watch::Receiver<Option<Prober>>,
    accepted: Mutex<Option<String>>,
    probing: Arc<AtomicBool>,
}

impl Treasury {
    /// Over the pump and the store; `prober` is there where anything is live.
    ///
    /// # Errors
    /// When what was accepted cannot be read.
    pub(super) fn new(
        pump: mpsc::Sender<Asked>,
        writer: WriterHandle,
        clock: Arc<Clock>,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        prober: watch::Receiver<Option<Prober>>,
        reader: &Reader,
    ) -> Result<Self, StoreFault> {
        let accepted = Mutex::new(reader.note(ACCEPTED_NOTE)?);
        Ok(Self { pump, writer, clock, snapshot, prober, accepted, probing: Arc::default() })
    }

    /// What a config says of live money, against what was accepted.
    pub(super) fn money(&self, config: &Config) -> Option<MoneyInForce> {
        let fingerprint = terms_fingerprint(&config.settings)?;
        let lines = money_lines(config);
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let difference = difference(accepted.as_deref(), &lines);
        Some(MoneyInForce { fingerprint, lines, difference })
    }

    /// Has the desk do it; what was accepted is kept in words.
    pub(super) async fn order(&self, by: Name, order: Order, config: &Config) -> Result<Result<(), NotDone>, Refusal> {
        let accepts = matches!(order, Order::Accept { .. });
        let done = ask(&self.pump, by, order).await?;
        if accepts && done.is_ok() {
            let words = money_lines(config).join("\n");
            if self.writer.note(ACCEPTED_NOTE.to_owned(), words.clone()).await.is_err() {
                tracing::warn!(
                    "what was accepted could not be kept in words: the difference will be told against what was before"
                );
            }
            *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
        }
        Ok(done)
    }

    /// Begins a probe; one at a time.
    pub(super) async fn probe(&self, by: Name) -> Result<Result<(), NotDone>, Refusal> {
        let Some(prober) = self.prober.borrow().clone() else {
            return Err(Refusal::Conflict("nothing is live: there is no wallet to probe with".to_owned()));
        };
        if self.probing.swap(true, Ordering::SeqCst) {
            return Err(Refusal::Conflict("a probe is under way".to_owned()));
        }
        let asked = ask(&self.pump, by.clone(), Order::AskProbe).await;
        if !matches!(asked, Ok(Ok(()))) {
            self.probing.store(false, Ordering::SeqCst);
            return asked;
        }
        let (pump, probing, snapshot) = (self.pump.clone(), Arc::clone(&self.probing), self.snapshot.clone());
        let plan = prober.plan(self.clock.now());
        tokio::spawn(async move {
            let frozen = || snapshot.borrow().payments.frozen || prober.is_frozen();
            let shown = probe(&prober.client, &prober.secret, &plan, frozen).await;
            let words = match &shown {
                Ok(report) => {
                    let known = if report.repeat_is_known { "gives" } else { "does not give" };
                    let listed = if report.listed_after.is_some() { "comes back" } else { "does not come back" };
                    format!("a repeated key {known} the first transfer, and a reference {listed} in the list")
                }
                Err(fault) => format!("nothing was shown: {fault}"),
            };
            tracing::info!("the probe of Circle: {words}");
            let proven = shown.is_ok_and(|report| report.allows_resends());
            let order = if proven { Order::Probed } else { Order::ProbeShowed { words: words.into() } };
            // A monitor that stops meanwhile has learnt nothing: the next probe shows it.
            let _ = ask(&pump, by, order).await;
            probing.store(false, Ordering::SeqCst);
        });
        Ok(Ok(()))
    }
}

/// What `check` says of the money part of a config: its fingerprint, and what is otherwise than in the one that was accepted. Nothing
/// where nothing is live, or where no monitor has learnt yet on which chain the wallet is.
///
/// # Errors
/// When the store cannot be read.
pub fn told(config: &Config, reader: &Reader) -> Result<Option<Vec<String>>, StoreFault> {
    let live = super::circle::noted_live(config, reader)?;
    let Some(fingerprint) = terms_fingerprint(&Settings { live, ..config.settings.clone() }) else { return Ok(None) };
    let accepted = reader.office()?.office.and_then(|office| office.accepted);
    let digits = hex::plain(&fingerprint);
    if accepted == Some(fingerprint) {
        return Ok(Some(vec![format!("its money part has the fingerprint {digits}, which an approver accepted")]));
    }
    let mut lines = vec![format!("its money part has the fingerprint {digits}, which nobody accepted yet; otherwise:")];
    lines.extend(difference(reader.note(ACCEPTED_NOTE)?.as_deref(), &money_lines(config)));
    Ok(Some(lines))
}

/// Lines that are gone with `-`, new ones with `+`.
fn difference(accepted: Option<&str>, lines: &[String]) -> Vec<String> {
    let before: Vec<&str> = accepted.unwrap_or_default().lines().collect();
    let gone = before.iter().filter(|line| !lines.iter().any(|now| now == *line)).map(|line| format!("- {line}"));
    let new = lines.iter().filter(|line| !before.contains(&line.as_str())).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

/// Freezes payments before anything else happens.
pub(super) fn freeze(pump: &mpsc::Sender<Asked>, why: &str) {
    let order = PaymentOrder { by: "walletwatch".into(), order: Order::Freeze { why: why.into() } };
    // Nobody waits for the answer, and the queue of a pump that has not begun is empty.
    let _ = pump.try_send(Asked { command: Command::Payments(Box::new(order)), done: oneshot::channel().0 });
}

async fn ask(pump: &mpsc::Sender<Asked>, by: Name, order: Order) -> Result<Result<(), NotDone>, Refusal> {
    let stopping = |_| Refusal::NotNow("the monitor is stopping".to_owned());
    let (done, answered) = oneshot::channel();
    let command = Command::Payments(Box::new(PaymentOrder { by, order }));
    pump.send(Asked { command, done }).await.map_err(|_| Refusal::NotNow("the monitor is stopping".to_owned()))?;
    of_payments(answered.await.map_err(stopping)?)
}
