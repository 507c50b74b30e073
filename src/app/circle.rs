//! Circle, as the monitor runs it: the payment worker, the listener of its hooks, and what people see of the paying wallet.
//!
//! Everything is built here from the config and handed back unstarted. Without `[circle]` there is nothing of it.

use super::clock::Clock;
use super::freeze_file;
use super::payer::Payer;
use crate::config::checked::Config;
use crate::config::circle::CircleConfig;
use crate::http::Deadlines;
use crate::http::inbound::serve_hooks;
use crate::net::{SingleUse, Tls};
use crate::payments::probe::ProbePlan;
use crate::payments::worker::{self, WalletFunds};
use crate::payments::{CircleClient, CirclePlace, EntitySecret, SealFault, Trouble};
use crate::reactor::settings::LiveSettings;
use crate::sources::hooks::{CircleHooks, FetchKey, HookWires, KeepNote, KeyTrouble, Seen};
use crate::store::{Reader, StoreFault, StoreId, WriterHandle};
use crate::telemetry::Metrics;
use crate::types::{Address, ChainId, Name, Timestamp, Uuid, chain, parse_address};
use crate::wire::circle::{self as wire, KeyKind, PlaceFault};
use futures::future::BoxFuture;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Questions that may wait for the worker: one of each kind for every open payment of a full house (20 a rule).
const ASKS: usize = 256;
/// Answers and hints that may wait for the pump.
const ANSWERS: usize = 256;

/// Why it cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum CircleFault {
    /// The listener of hooks.
    #[error("cannot listen on {at} ([inbound] listen; is another program running there?)")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Key and host, which the config should not have let through.
    #[error(transparent)]
    Place(#[from] PlaceFault),
    /// The entity secret, which the config should not have let through.
    #[error(transparent)]
    Entity(#[from] SealFault),
    /// What hooks were taken cannot be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// What Circle is built from.
#[derive(Debug)]
pub struct CircleParts<'config> {
    /// The config.
    pub config: &'config Config,
    /// The time.
    pub clock: Arc<Clock>,
    /// Keeps what hooks were taken.
    pub writer: WriterHandle,
    /// Knows what hooks were taken.
    pub store: &'config Path,
    /// Shows the wallet and counts hooks.
    pub metrics: Metrics,
    /// Ends all of it.
    pub stop: CancellationToken,
}

/// What runs, by name, and its ends.
pub struct CircleSide {
    /// For the pump: questions, behind their commit, and what came of them.
    pub payer: Option<Payer>,
    /// What pays, where any payment is live.
    pub live: Option<LiveSettings>,
    /// What a person can have shown, where anything is live.
    pub prober: Option<Prober>,
    /// Futures that have to run.
    pub tasks: Vec<(&'static str, BoxFuture<'static, ()>)>,
}

/// What a probe is made with.
#[derive(Debug, Clone)]
pub struct Prober {
    /// Circle.
    pub client: CircleClient,
    /// What authorizes transfers.
    pub secret: Arc<EntitySecret>,
    live: LiveSettings,
    pinned: Option<[u8; 32]>,
    freeze_file: PathBuf,
}

impl Prober {
    /// A probe of its own, committed at this time.
    #[must_use]
    pub fn plan(&self, at: Timestamp) -> ProbePlan {
        ProbePlan {
            wallet: self.live.wallet.clone(),
            address: self.live.wallet_address,
            blockchain: self.live.blockchain.clone(),
            token: self.live.token,
            key: Uuid::v4(fastrand::u128(..).to_be_bytes()),
            at,
            pinned: self.pinned,
        }
    }

    /// Whether the file lies there that stops everything.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        frozen(self.freeze_file.clone())()
    }
}

impl std::fmt::Debug for CircleSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CircleSide").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

/// Builds all of it; binds the listener of hooks.
///
/// # Errors
/// [`CircleFault`].
pub async fn build(parts: CircleParts<'_>) -> Result<Option<CircleSide>, CircleFault> {
    let Some(settings) = &parts.config.circle else { return Ok(None) };
    let place = CirclePlace::new(settings.url.as_ref(), settings.api_key.clone())?;
    let secret = EntitySecret::parse(&settings.entity_secret)?;
    let entity = EntitySecret::parse(&settings.entity_secret)?;
    let client = CircleClient::new(SingleUse::new(Tls::baked()), place, || fastrand::u128(..).to_be_bytes());
    let (asks, asked) = mpsc::channel(ASKS);
    let (answers_to, answers) = mpsc::channel(ANSWERS);
    let (hints_to, hints) = mpsc::channel(ANSWERS);
    let (funds_to, funds) = watch::channel(None);
    let (file_to, mut file) = watch::channel(freeze_file::look(&settings.freeze_file));
    file.mark_changed();
    let (clock, writer) = (Arc::clone(&parts.clock), parts.writer);
    let wires = worker::Wires {
        asks: asked,
        answers: answers_to,
        funds: funds_to,
        clock: move || clock.now(),
        frozen: frozen(settings.freeze_file.clone()),
        stop: parts.stop.clone(),
    };
    let shown = Some(settings.wallet.clone());
    let worker = worker::Parts { client: client.clone(), secret, shown, pinned: settings.entity_key };
    let run = worker::run(worker, wires);
    let shown = show(funds, parts.metrics.clone(), parts.stop.clone());
    let mut tasks: Vec<(&'static str, BoxFuture<'static, ()>)> =
        vec![("the payment worker", Box::pin(run)), ("the paying wallet's gauge", Box::pin(shown))];
    let look = freeze_file::watch(settings.freeze_file.clone(), file_to, parts.stop.clone());
    tasks.push(("the look for the file that freezes", Box::pin(look)));
    if let Some(inbound) = parts.config.inbound {
        let listener = TcpListener::bind(inbound.listen).await;
        let listener = listener.map_err(|source| CircleFault::Listen { at: inbound.listen, source })?;
        let reader = Reader::open(parts.store)?;
        let notes = Seen::keys().filter_map(|key| reader.note(&key).transpose());
        let seen = Seen::restore(notes.collect::<Result<Vec<String>, StoreFault>>()?);
        let now = Arc::clone(&parts.clock);
        let wires = HookWires {
            fetch: fetch(client.clone()),
            keep: keep(writer.clone()),
            hints: hints_to,
            clock: Arc::new(move || now.now()),
        };
        parts.metrics.register_hooks();
        let counted = parts.metrics;
        let hooks = CircleHooks::new(wires, seen).counted(move |verdict| counted.hook("circle", verdict.word()));
        let serving = serve_hooks(listener, Arc::new(hooks), Deadlines::default(), parts.stop);
        tasks.push(("the listener of hooks", Box::pin(serving)));
    }
    let live = live(parts.config, &client, parts.store, &writer).await?;
    let prober = live.as_ref().map(|live| Prober {
        secret: Arc::new(entity),
        live: live.clone(),
        pinned: settings.entity_key,
        freeze_file: settings.freeze_file.clone(),
        client,
    });
    Ok(Some(CircleSide { payer: Some(Payer { asks, answers, hints, file }), live, prober, tasks }))
}

/// Whether the file lies there that stops everything. What cannot be looked for counts as there.
fn frozen(file: PathBuf) -> impl Fn() -> bool + Send + Sync + 'static {
    move || file.try_exists().unwrap_or(true)
}

fn fetch(client: CircleClient) -> FetchKey {
    Arc::new(move |id| {
        let client = client.clone();
        Box::pin(async move {
            client.hook_key(id).await.told.map_err(|trouble| match trouble {
                Trouble::Said { status: 400 | 404, error: _ } => KeyTrouble::Unknown,
                Trouble::Said { .. }
                | Trouble::Unreadable { .. }
                | Trouble::Withheld
                | Trouble::NoConnection(_)
                | Trouble::Lost(_) => KeyTrouble::Unavailable,
            })
        })
    })
}

fn keep(writer: WriterHandle) -> KeepNote {
    Arc::new(move |key, note| {
        let writer = writer.clone();
        Box::pin(async move { writer.note(key, note).await.is_ok() })
    })
}

/// Shows what the paying wallet holds.
async fn show(mut funds: watch::Receiver<Option<WalletFunds>>, metrics: Metrics, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = funds.changed() => if changed.is_err() {
                // The worker is gone; whoever started both knows.
                return stop.cancelled().await;
            },
        }
        let read = *funds.borrow_and_update();
        if let Some(WalletFunds { chain, usdc, coin, at }) = read
            && let Some(known) = chain::by_id(chain)
        {
            metrics.show_wallet(known.coin, usdc, coin, at);
        }
    }
}

/// The key of the note of what Circle said of the paying wallet.
const WALLET_NOTE: &str = "circle/wallet";

/// What pays: `[circle]`, and its wallet as Circle shows it, or as it did at an earlier start where Circle cannot be asked now (a wallet
/// never moves). Without either, nothing is live.
async fn live(
    config: &Config,
    client: &CircleClient,
    store: &Path,
    writer: &WriterHandle,
) -> Result<Option<LiveSettings>, CircleFault> {
    let Some(circle) = &config.circle else { return Ok(None) };
    if !config.settings.payments.iter().any(|payment| payment.live) {
        return Ok(None);
    }
    let reader = Reader::open(store)?;
    let place = match client.wallet(&circle.wallet).await.told {
        Ok(wallet) if wallet.id == circle.wallet => {
            let pays = if wallet.contract_account { "gasless" } else { "pays" };
            let note = format!("{} {} {} {pays}", wallet.id, wallet.blockchain, wallet.address);
            writer.note(WALLET_NOTE.to_owned(), note).await?;
            Some((wallet.blockchain, wallet.address, wallet.contract_account))
        }
        Ok(_) => None,
        Err(trouble) => {
            tracing::warn!("Circle does not say where the paying wallet is ({trouble}): what it said before counts");
            noted(reader.note(WALLET_NOTE)?.as_deref(), &circle.wallet)
        }
    };
    Ok(of_place(config, circle, reader.store_id()?, place))
}

/// The same as it was noted, for who asks nobody.
///
/// # Errors
/// When the store cannot be read.
pub fn noted_live(config: &Config, reader: &Reader) -> Result<Option<LiveSettings>, StoreFault> {
    let Some(circle) = config.circle.as_ref().filter(|_| config.settings.payments.iter().any(|payment| payment.live))
    else {
        return Ok(None);
    };
    let place = noted(reader.note(WALLET_NOTE)?.as_deref(), &circle.wallet);
    Ok(of_place(config, circle, reader.store_id()?, place))
}

fn of_place(
    config: &Config,
    circle: &CircleConfig,
    store: StoreId,
    place: Option<(Name, Address, bool)>,
) -> Option<LiveSettings> {
    let found = place.and_then(|(blockchain, address, gasless)| {
        let on = wire::chain_of(blockchain.as_str())?;
        Some((blockchain, address, gasless, on, chain::by_id(on)?.usdc?.address))
    });
    let Some((blockchain, wallet_address, gasless, on, token)) = found else {
        tracing::error!(
            "no payment is live: nobody knows on which chain the paying wallet is, or it has no USDC there"
        );
        return None;
    };
    let Some(chain) = paid_on(config, on, circle.environment) else {
        tracing::error!("no payment is live: the paying wallet is on {blockchain}, and no payee of a live payment is");
        return None;
    };
    let environment = match circle.environment {
        KeyKind::Test => "test",
        KeyKind::Live => "live",
    };
    Some(LiveSettings {
        store,
        environment: environment.into(),
        wallet: circle.wallet.clone(),
        chain,
        blockchain,
        token,
        wallet_address,
        gasless,
        per_day: circle.per_day,
        in_total: circle.in_total,
        two_approvals_over: circle.two_approvals_over,
        relaxed: circle.relaxed,
        notify: circle.notify.clone().unwrap_or_else(|| config.settings.system.notify.clone()),
    })
}

/// The chain of the payees that a wallet on this chain pays: its own, or with a test key the main network that it stands for.
fn paid_on(config: &Config, on: ChainId, environment: KeyKind) -> Option<ChainId> {
    let settings = &config.settings;
    let live = settings.payments.iter().filter(|payment| payment.live);
    let mut chains = live.filter_map(|payment| Some(settings.payees.get(&payment.payee)?.chain));
    chains.find(|chain| *chain == on || (environment == KeyKind::Test && wire::test_twin(*chain) == Some(on)))
}

/// What was noted of this wallet.
fn noted(note: Option<&str>, wallet: &Name) -> Option<(Name, Address, bool)> {
    let mut words = note?.split(' ');
    let (id, blockchain, address) = (words.next()?, words.next()?, words.next()?);
    let gasless = words.next() == Some("gasless");
    (id == wallet.as_str()).then(|| Some((blockchain.into(), parse_address(address).ok()?, gasless))).flatten()
}
