//! Reload: the config is read again, checked whole, and put into force without touching what did not change.
//!
//! A config with a fault changes nothing. What concerns money is held back ([`hold`]). The order: sinks that are new, then one turn of the pump
//! with the settings (what ended sources had sent is taken before it), then new endpoints and sources, then the sinks that are gone.

mod differences;
mod hold;
#[cfg(test)]
mod tests;

use super::board::Board;
use super::clock::Clock;
use super::lists;
use super::pump::Change;
use super::sources::{Sources, Started};
use crate::config::checked::Config;
use crate::config::faults::Faults;
use crate::http::{Refusal, Reloaded, Tokens};
use crate::reactor::settings::{LiveSettings, Settings};
use crate::sinks::worker::Order;
use crate::sinks::{Sink, SinkFault, Words};
use crate::telemetry::names::RELOADS;
use crate::telemetry::{Metric, Metrics};
use crate::types::{Name, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Reads the config again.
pub type Load = Box<dyn Fn() -> Result<Config, Faults> + Send + Sync>;
/// Who asks for a reload, and waits for what came of it.
pub type Asker = oneshot::Sender<Result<Reloaded, Refusal>>;

/// How a monitor can be told to reload.
pub struct Reloading {
    /// Reads the config again.
    pub load: Load,
    /// `SIGHUP` came.
    pub hangups: mpsc::Receiver<()>,
}

/// What a reload changes, and how.
pub(super) struct Reloader {
    /// What is in force.
    pub in_force: watch::Sender<Arc<Config>>,
    /// Where the config comes from; nowhere, where it was made in memory.
    pub reloading: Option<Reloading>,
    /// What pays, where Circle could not be asked at the start.
    pub live_later: Option<oneshot::Receiver<LiveSettings>>,
    /// What the API asks for.
    pub asked: mpsc::Receiver<Asker>,
    /// What runs.
    pub sources: Sources,
    /// To who starts sources.
    pub starts: mpsc::Sender<Started>,
    /// To the pump.
    pub changes: mpsc::Sender<Change>,
    /// To the delivery worker.
    pub orders: mpsc::Sender<Order>,
    /// The tokens of the API.
    pub tokens: watch::Sender<Tokens>,
    /// Shows the explorer's budget.
    pub board: Arc<Board>,
    /// Counts reloads.
    pub metrics: Metrics,
    /// The time.
    pub clock: Arc<Clock>,
    /// Ends it.
    pub stop: CancellationToken,
}

/// What comes to be done.
enum Next {
    /// A reload, and who waits for what came of it.
    Reload(Option<Asker>),
    /// What pays is known now.
    Live(Box<LiveSettings>),
}

impl Reloader {
    /// Does what it is asked, one reload at a time, until it is stopped.
    pub(super) async fn run(mut self) {
        self.metrics.set(Metric::ReloadTime, &[], seconds(self.clock.now()));
        let stop = self.stop.clone();
        while let Some(next) = stop.run_until_cancelled(self.next()).await {
            let asker = match next {
                Next::Reload(asker) => asker,
                Next::Live(live) => {
                    if let Some(Err(refusal)) = stop.run_until_cancelled(self.go_live(*live)).await {
                        tracing::error!("payments are not live: {refusal}");
                    }
                    continue;
                }
            };
            let done = stop.run_until_cancelled(self.reload()).await;
            let done = done.unwrap_or_else(|| Err(stopping()));
            self.note(&done);
            if let Some(asker) = asker {
                // Who asked may have gone: it is done all the same.
                let _ = asker.send(done);
            }
        }
    }

    /// The config that is in force, and what pays.
    async fn go_live(&mut self, live: LiveSettings) -> Result<(), Refusal> {
        let old = Arc::clone(&self.in_force.borrow());
        let settings = Settings { live: Some(live), ..old.settings.clone() };
        let config = Config { settings, ..Config::clone(&old) };
        let sinks = sinks(&old, &self.metrics).map_err(|fault| Refusal::NotNow(fault.to_string()))?;
        self.apply(&old, Arc::new(config), sinks.clone(), sinks).await
    }

    /// What comes next; a signal wants no answer.
    async fn next(&mut self) -> Next {
        let hangup = async {
            match &mut self.reloading {
                Some(reloading) if !reloading.hangups.is_closed() => match reloading.hangups.recv().await {
                    Some(()) => {}
                    None => std::future::pending().await,
                },
                Some(_) | None => std::future::pending().await,
            }
        };
        let live = async {
            match &mut self.live_later {
                Some(later) => later.await.ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hangup => {
                tracing::info!("reload, by SIGHUP");
                Next::Reload(None)
            }
            Some(asker) = self.asked.recv() => Next::Reload(Some(asker)),
            Some(live) = live => {
                self.live_later = None;
                Next::Live(Box::new(live))
            }
        }
    }

    fn note(&self, done: &Result<Reloaded, Refusal>) {
        match done {
            Ok(reloaded) => {
                self.metrics.add(Metric::Reloads, &[RELOADS[0]], 1);
                self.metrics.set(Metric::ReloadTime, &[], seconds(self.clock.now()));
                let changes = match (reloaded.changes.as_slice(), reloaded.not_applied.is_empty()) {
                    ([], true) => "nothing is otherwise".to_owned(),
                    ([], false) => "nothing of what is otherwise is in force yet".to_owned(),
                    (changes, _) => changes.join(" | "),
                };
                tracing::info!("reloaded: {changes}");
                for line in reloaded.not_applied.iter().chain(&reloaded.warnings) {
                    tracing::warn!("{line}");
                }
            }
            Err(refusal) => {
                self.metrics.add(Metric::Reloads, &[RELOADS[1]], 1);
                tracing::error!("not reloaded: {refusal}");
            }
        }
    }

    async fn reload(&mut self) -> Result<Reloaded, Refusal> {
        let Some(reloading) = &self.reloading else {
            return Err(Refusal::Conflict("this config was made in memory: there is no file to read again".to_owned()));
        };
        let words = |faults: Faults| Refusal::Config(faults.all().iter().map(ToString::to_string).collect());
        let mut config = (reloading.load)().map_err(words)?;
        let old = Arc::clone(&self.in_force.borrow());
        for list in &config.lists {
            let before =
                old.lists.iter().find(|known| known.watch == list.watch).map(|known| known.addresses.to_string());
            lists::compare(list, before.as_deref()).map_err(|shrunk| Refusal::Config(vec![shrunk.to_string()]))?;
        }
        let mut not_applied = differences::fixed(&old, &config);
        (config.http.listen, config.settings.simulated) = (old.http.listen, old.settings.simulated);
        config.store.path.clone_from(&old.store.path);
        config.inbound = old.inbound;
        not_applied.extend(hold::hold(&old, &mut config));
        let made = |config: &Config| sinks(config, &self.metrics).map_err(|fault| Refusal::Config(fault.lines()));
        let (sinks, before) = (made(&config)?, made(&old)?);
        let changes = differences::differences(&old, &config);
        let warnings = config.warnings.clone();
        self.apply(&old, Arc::new(config), before, sinks).await?;
        Ok(Reloaded { changes, not_applied, warnings })
    }

    /// From here on nothing refuses. A stop in the middle loses nothing: the next start reads the file.
    async fn apply(
        &mut self,
        old: &Config,
        config: Arc<Config>,
        before: BTreeMap<Name, Sink>,
        sinks: BTreeMap<Name, Sink>,
    ) -> Result<(), Refusal> {
        let others = (&old.sinks, &old.templates) != (&config.sinks, &config.templates);
        if others {
            // New sinks are there before anything is said to them, and those that are gone until everything was.
            let mut both = before;
            both.extend(sinks.clone());
            self.configure_sinks(both).await?;
        }
        let gone = self.sources.end_others(&config).await;
        let (new, started) = self.sources.make_missing(&config);
        let (done, committed) = oneshot::channel();
        let labels = self.sources.labels(&config);
        let change = Change { config: Arc::clone(&config), gone, new, labels, done };
        self.changes.send(change).await.map_err(|_| stopping())?;
        committed.await.map_err(|_| stopping())?;
        self.in_force.send_replace(Arc::clone(&config));
        self.tokens.send_replace(Tokens::new(&config.http.tokens));
        let names = config.explorers.iter().map(|explorer| explorer.name.clone()).collect();
        let chains = config.explorers.iter().flat_map(|explorer| explorer.chains.iter().copied()).collect();
        self.board.keep_budgets(&names, &chains);
        self.sources.hand_endpoints(&config);
        for source in started {
            self.starts.send(source).await.map_err(|_| stopping())?;
        }
        if others {
            self.configure_sinks(sinks).await?;
        }
        Ok(())
    }

    async fn configure_sinks(&self, sinks: BTreeMap<Name, Sink>) -> Result<(), Refusal> {
        let (done, configured) = oneshot::channel();
        self.orders.send(Order::Configure(sinks, done)).await.map_err(|_| stopping())?;
        configured.await.map_err(|_| stopping())?.map_err(|fault| Refusal::NotNow(fault.to_string()))
    }
}

/// Every sink of a config, ready to work.
pub(super) fn sinks(config: &Config, metrics: &Metrics) -> Result<BTreeMap<Name, Sink>, SinksFault> {
    let metrics = metrics.clone();
    let counted = move |sink: &Name| metrics.add(Metric::TemplateFailures, &[sink.as_str()], 1);
    let words = Words::new(&config.templates, counted)?;
    let made = |sink| Sink::new(sink).map(|sink| sink.signed_at(Clock::wall).in_words(words.clone()));
    config.sinks.iter().map(|sink| Ok((sink.name.clone(), made(sink)?))).collect()
}

/// Why there are no sinks.
#[derive(Debug, thiserror::Error)]
pub enum SinksFault {
    /// One cannot be made.
    #[error(transparent)]
    Sink(#[from] SinkFault),
    /// Their words cannot.
    #[error(transparent)]
    Words(#[from] Faults),
}

impl SinksFault {
    /// A line for each.
    fn lines(&self) -> Vec<String> {
        match self {
            Self::Sink(fault) => vec![fault.to_string()],
            Self::Words(faults) => faults.all().iter().map(ToString::to_string).collect(),
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0)).as_secs_f64()
}

fn stopping() -> Refusal {
    Refusal::NotNow("the monitor is stopping".to_owned())
}
