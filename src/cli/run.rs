//! `walletwatch run`: the monitor.

use super::places::{Located, load as read_config};
use super::{Failure, Places};
use crate::app::circle::CircleFault;
use crate::app::monitor::{self, MonitorFault, Running};
use crate::app::pump::PumpFault;
use crate::app::reload::Reloading;
use crate::config::checked::Config;
use crate::store::{Remedy, StoreFault};
use crate::telemetry::{Metrics, Redactor, logs, secrets};
use anyhow::{Context, anyhow};
use std::io::IsTerminal;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Believe a list file that has lost more than a tenth of its lines since it was last read
    #[arg(long)]
    allow_shrink: bool,
    /// Make a store though payments are live: they start frozen, for only the lost one knew what left already
    #[arg(long)]
    new_store: bool,
}

impl Run {
    pub(super) fn run(self, places: &Places) -> Result<(), Failure> {
        let Located { file, data, mut config, .. } = places.load()?;
        config.allow_shrink = self.allow_shrink;
        config.new_store = self.new_store;
        let redactor = start_log(&config)?;
        make_folder(&data).map_err(Failure::again)?;
        let warnings = config.warnings.clone();
        let told = |running: &Running| {
            say_started(running, &file, &data);
            for warning in &warnings {
                tracing::warn!("{warning}");
            }
        };
        runtime()?.block_on(async {
            let stop = stop_on_signals()?;
            let (file, data) = (file.clone(), data.clone());
            let load = move || {
                let config = read_config(&file, &data)?;
                redactor.learn(secrets::of_config(&config));
                Ok(config)
            };
            let reloading = Reloading { load: Box::new(load), hangups: hangups()? };
            Box::pin(monitor::run(config, Metrics::new(), stop, Some(reloading), told)).await.map_err(failure)
        })
    }
}

/// Starts the log, with every secret of the config replaced in it, also in the words of a panic.
pub(super) fn start_log(config: &Config) -> Result<Redactor, Failure> {
    let redactor = Redactor::new(secrets::of_config(config));
    let filter = std::env::var(logs::VARIABLE).ok();
    logs::start(redactor.clone(), filter.as_deref(), std::io::stderr().is_terminal()).map_err(Failure::usage)?;
    let told = redactor.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.to_string();
        tracing::error!("a fault of ours: {}", told.clean(&text));
    }));
    Ok(redactor)
}

/// The data folder, for its owner only.
pub(super) fn make_folder(data: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("the data folder {} cannot be made", data.display()))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.context("the runtime could not be started").map_err(Failure::again)
}

/// A token that SIGINT and SIGTERM cancel.
pub(super) fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let listen = |kind| signal(kind).context("signals cannot be listened to").map_err(Failure::again);
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        told.cancel();
    });
    Ok(stop)
}

/// Each SIGHUP, from now on. Several at once are one.
fn hangups() -> Result<mpsc::Receiver<()>, Failure> {
    let heard = signal(SignalKind::hangup()).context("signals cannot be listened to").map_err(Failure::again);
    let mut heard = heard?;
    let (told, hangups) = mpsc::channel(1);
    tokio::spawn(async move {
        while heard.recv().await.is_some() {
            // One that waits already is this one too.
            let _ = told.try_send(());
        }
    });
    Ok(hangups)
}

/// Payments are live, and their store is not there.
fn no_store(fault: &StoreFault) -> String {
    let first = "where this is its first start, `walletwatch run --new-store` makes one: payments start frozen, until an approver has \
                 read the config (`walletwatch payments accept`) and lets them go (`walletwatch payments unfreeze`)";
    let lost = "where there was one, bring it back: it alone knows what left already";
    format!("{fault}. Payments are live:\n  {first}\n  {lost}")
}

/// What the end of a monitor asks of whoever started it.
pub(super) fn failure(fault: MonitorFault) -> Failure {
    let person = match &fault {
        MonitorFault::Store(fault @ StoreFault::Missing { .. }) => {
            return Failure::person(anyhow!("{}", no_store(fault)));
        }
        MonitorFault::Store(fault) | MonitorFault::Pump(PumpFault::Store(fault)) => fault.remedy() == Remedy::Person,
        MonitorFault::Sinks(_)
        | MonitorFault::Shrunk(_)
        | MonitorFault::Circle(CircleFault::Place(_) | CircleFault::Entity(_)) => {
            return Failure::usage(anyhow!("{fault}"));
        }
        MonitorFault::Pump(PumpFault::Panicked(_) | PumpFault::NoDelivery)
        | MonitorFault::Delivery(_)
        | MonitorFault::Listen { .. }
        | MonitorFault::Circle(CircleFault::Listen { .. } | CircleFault::Store(_))
        | MonitorFault::Http(_)
        | MonitorFault::Folder { .. }
        | MonitorFault::Ended(_) => false,
    };
    if person { Failure::person(fault) } else { Failure::again(fault) }
}

fn say_started(running: &Running, file: &Path, data: &Path) {
    let (file, data, at) = (file.display(), data.display(), running.listen);
    let from = if running.new_store {
        "new store".to_owned()
    } else if running.resumed.is_empty() {
        "going on, no block read so far".to_owned()
    } else {
        let place = |(chain, block): &(crate::types::Name, u64)| format!("block {block} on {chain}");
        format!("going on from {}", running.resumed.iter().map(place).collect::<Vec<_>>().join(", "))
    };
    tracing::info!(
        "walletwatch {} with {file}, data in {data}, {from}; page at http://{at}",
        env!("CARGO_PKG_VERSION")
    );
}
