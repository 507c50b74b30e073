//! Where a command of the API goes: to the pump, or to the delivery worker. It is answered after the commit that holds it.

use super::pump::Asked;
use crate::config::checked::Config;
use crate::http::{Archive, Command, Control, Refusal};
use crate::reactor::event::Command as Ask;
use crate::reactor::watch_list::{WatchAnswer, WatchOrder};
use crate::sinks::delivery::OrderFault;
use crate::sinks::worker::Order;
use crate::telemetry::Snapshot;
use crate::types::{ChainId, MessageId, Name};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// The commands of a running monitor.
pub struct Commands {
    chains: BTreeMap<Name, ChainId>,
    sinks: BTreeSet<Name>,
    pump: mpsc::Sender<Asked>,
    worker: mpsc::Sender<Order>,
    archive: Arc<dyn Archive>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
}

type Answer = oneshot::Sender<Result<(), OrderFault>>;

impl Commands {
    /// Of a config, over the two queues, what the store holds and how things stand.
    #[must_use]
    pub fn new(
        config: &Config,
        pump: mpsc::Sender<Asked>,
        worker: mpsc::Sender<Order>,
        archive: Arc<dyn Archive>,
        snapshot: watch::Receiver<Arc<Snapshot>>,
    ) -> Self {
        let chains = config.settings.chains.values().map(|chain| (chain.name.clone(), chain.id));
        let sinks = config.sinks.iter().map(|sink| sink.name.clone());
        Self { chains: chains.collect(), sinks: sinks.collect(), pump, worker, archive, snapshot }
    }

    async fn ask(&self, command: Ask) -> Result<Option<WatchAnswer>, Refusal> {
        let (done, answered) = oneshot::channel();
        self.pump.send(Asked { command, done }).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())
    }

    async fn order(&self, order: impl FnOnce(Answer) -> Order) -> Result<(), Refusal> {
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

    fn sink(&self, name: Name) -> Result<Name, Refusal> {
        if self.sinks.contains(&name) { Ok(name) } else { Err(Refusal::Unknown(format!("sink {name}"))) }
    }
}

impl Control for Commands {
    fn command(&self, _by: Name, command: Command) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            match command {
                Command::Replay(id) => {
                    let seq = self.seq(id).await?;
                    self.order(|answer| Order::Replay(seq, answer)).await
                }
                Command::Drop(id) => {
                    let seq = self.seq(id).await?;
                    self.order(|answer| Order::Drop(seq, answer)).await
                }
                Command::TestSink(name) => self.ask(Ask::TestSink { sink: self.sink(name)? }).await.map(drop),
                Command::EnableSink(name) => {
                    let sink = self.sink(name)?;
                    self.order(|answer| Order::Enable(sink, answer)).await
                }
                Command::AcceptChain(name) => {
                    let chain = self.chains.get(&name).copied();
                    let chain = chain.ok_or_else(|| Refusal::Unknown(format!("chain {name}")))?;
                    self.is_stopped(chain, &name)?;
                    self.ask(Ask::AcceptChain { chain }).await.map(drop)
                }
            }
        })
    }

    fn watches(&self, _by: Name, order: WatchOrder) -> BoxFuture<'_, Result<WatchAnswer, Refusal>> {
        Box::pin(async move { self.ask(Ask::Watches(Box::new(order))).await?.ok_or_else(unanswered) })
    }
}

/// An order came back without an answer: it cannot.
pub fn unanswered() -> Refusal {
    Refusal::NotNow("the order was not answered: look before asking again".to_owned())
}

fn stopping() -> Refusal {
    Refusal::NotNow("the monitor is stopping".to_owned())
}
