//! Where a command of the API goes: to the pump, or to the delivery worker. It is answered after the commit that holds it.

use super::pump::Asked;
use super::reload::Asker;
use super::replies::{of_silences, of_watches, of_why, of_why_payment};
use super::treasury::Treasury;
use crate::config::checked::Config;
use crate::config::describe::payment_lines;
use crate::http::{Archive, Command, Control, MoneyInForce, Refusal, Reloaded, WhyPayment};
use crate::reactor::effect::Reply;
use crate::reactor::event::Command as Ask;
use crate::reactor::hush::{SilenceAnswer, SilenceOrder};
use crate::reactor::payments::desk::{Order, Refusal as NotDone};
use crate::reactor::rows::{AlertRow, TransferRow};
use crate::reactor::watch_list::{WatchAnswer, WatchOrder};
use crate::reactor::why::Looked;
use crate::sinks::delivery::OrderFault;
use crate::sinks::worker::Order as DeliveryOrder;
use crate::telemetry::Snapshot;
use crate::types::{ChainId, MessageId, Name, PaymentId};
use futures::future::{BoxFuture, ready};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// The commands of a running monitor.
pub struct Commands {
    in_force: watch::Receiver<Arc<Config>>,
    pump: mpsc::Sender<Asked>,
    worker: mpsc::Sender<DeliveryOrder>,
    archive: Arc<dyn Archive>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    reloads: mpsc::Sender<Asker>,
    treasury: Treasury,
}

type Answer = oneshot::Sender<Result<(), OrderFault>>;

impl Commands {
    /// Of the config in force, over the queues, what the store holds and how things stand.
    #[must_use]
    pub(super) const fn new(
        in_force: watch::Receiver<Arc<Config>>,
        pump: mpsc::Sender<Asked>,
        worker: mpsc::Sender<DeliveryOrder>,
        archive: Arc<dyn Archive>,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        reloads: mpsc::Sender<Asker>,
        treasury: Treasury,
    ) -> Self {
        Self { in_force, pump, worker, archive, snapshot, reloads, treasury }
    }

    async fn ask(&self, command: Ask) -> Result<Option<Reply>, Refusal> {
        let (done, answered) = oneshot::channel();
        self.pump.send(Asked { command, done }).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())
    }

    async fn deliver(&self, order: impl FnOnce(Answer) -> DeliveryOrder) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.worker.send(order(answer)).await.map_err(|_| stopping())?;
        let answered = answered.await.map_err(|_| stopping())?;
        answered.map_err(|fault| Refusal::Conflict(fault.to_string()))
    }

    async fn seq(&self, id: MessageId) -> Result<i64, Refusal> {
        let row = self.archive.message(id).await.map_err(|fault| Refusal::NotNow(fault.to_string()))?;
        row.map(|row| row.seq).ok_or_else(|| Refusal::Unknown(format!("message {id}")))
    }

    /// Whether there is anything to accept, as it was shown last.
    fn is_stopped(&self, chain: ChainId, name: &Name) -> Result<(), Refusal> {
        let snapshot = self.snapshot.borrow();
        let shown = snapshot.chains.iter().find(|status| status.id == chain);
        if shown.is_some_and(|status| status.stopped.is_none()) {
            return Err(Refusal::Conflict(format!("the chain {name} is not stopped: there is nothing to accept")));
        }
        Ok(())
    }

    fn chain(&self, name: &Name) -> Option<ChainId> {
        let in_force = self.in_force.borrow();
        in_force.settings.chains.values().find(|chain| chain.name == *name).map(|chain| chain.id)
    }

    fn sink(&self, name: Name) -> Result<Name, Refusal> {
        let known = self.in_force.borrow().sinks.iter().any(|sink| sink.name == name);
        if known { Ok(name) } else { Err(Refusal::Unknown(format!("sink {name}"))) }
    }
}

impl Control for Commands {
    fn command(&self, _by: Name, command: Command) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            match command {
                Command::Replay(id) => {
                    let seq = self.seq(id).await?;
                    self.deliver(|answer| DeliveryOrder::Replay(seq, answer)).await
                }
                Command::Drop(id) => {
                    let seq = self.seq(id).await?;
                    self.deliver(|answer| DeliveryOrder::Drop(seq, answer)).await
                }
                Command::TestSink(name) => self.ask(Ask::TestSink { sink: self.sink(name)? }).await.map(drop),
                Command::EnableSink(name) => {
                    let sink = self.sink(name)?;
                    self.deliver(|answer| DeliveryOrder::Enable(sink, answer)).await
                }
                Command::AcceptChain(name) => {
                    let chain = self.chain(&name);
                    let chain = chain.ok_or_else(|| Refusal::Unknown(format!("chain {name}")))?;
                    self.is_stopped(chain, &name)?;
                    self.ask(Ask::AcceptChain { chain }).await.map(drop)
                }
            }
        })
    }

    fn reload(&self, _by: Name) -> BoxFuture<'_, Result<Reloaded, Refusal>> {
        Box::pin(async move {
            let (done, answered) = oneshot::channel();
            self.reloads.send(done).await.map_err(|_| stopping())?;
            answered.await.map_err(|_| stopping())?
        })
    }

    fn watches(&self, _by: Name, order: WatchOrder) -> BoxFuture<'_, Result<WatchAnswer, Refusal>> {
        Box::pin(async move { of_watches(self.ask(Ask::Watches(Box::new(order))).await?) })
    }

    fn why_payment(&self, id: PaymentId, rule: Name) -> BoxFuture<'_, Result<WhyPayment, Refusal>> {
        Box::pin(async move {
            let waits = of_why_payment(self.ask(Ask::WhyPayment(id)).await?)?;
            Ok(WhyPayment { rule: payment_lines(&self.in_force.borrow(), &rule), waits })
        })
    }

    fn why(&self, row: TransferRow) -> BoxFuture<'_, Result<Vec<Looked>, Refusal>> {
        Box::pin(async move { of_why(self.ask(Ask::Why(Box::new(row))).await?) })
    }

    fn why_alert(&self, row: AlertRow) -> BoxFuture<'_, Result<Vec<Looked>, Refusal>> {
        Box::pin(async move { of_why(self.ask(Ask::WhyAlert(Box::new(row))).await?) })
    }

    fn silences(&self, _by: Name, order: SilenceOrder) -> BoxFuture<'_, Result<SilenceAnswer, Refusal>> {
        Box::pin(async move { of_silences(self.ask(Ask::Silence(Box::new(order))).await?) })
    }

    fn order(&self, by: Name, order: Order) -> BoxFuture<'_, Result<Result<(), NotDone>, Refusal>> {
        let config = Arc::clone(&self.in_force.borrow());
        Box::pin(async move { self.treasury.order(by, order, &config).await })
    }

    fn probe(&self, by: Name) -> BoxFuture<'_, Result<Result<(), NotDone>, Refusal>> {
        Box::pin(self.treasury.probe(by))
    }

    fn money(&self) -> BoxFuture<'_, Option<MoneyInForce>> {
        let money = self.treasury.money(&self.in_force.borrow());
        Box::pin(ready(money))
    }
}

fn stopping() -> Refusal {
    Refusal::NotNow("the monitor is stopping".to_owned())
}
