//! `walletwatch demo`: the whole monitor, unchanged, against a simulated world on loopback.
//!
//! No keys, no network, nothing to install: a free port, a temporary folder that is removed at the end. It reads no config, no
//! environment and no store but its own, and says SIMULATED on every line and in every message.

mod door;
mod screen;
mod told;
mod view;
mod wish;

use super::run::{failure, runtime, stop_on_signals};
use super::{Failure, Places};
use crate::app::clock::Clock;
use crate::app::monitor;
use crate::config::checked::Config;
use crate::config::duration;
use crate::config::surroundings::Surroundings;
use crate::telemetry::{Metrics, Redactor, logs, secrets};
use crate::world::story::{Making, Run, World};
use anyhow::{Context, anyhow};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use view::Viewer;
use wish::Wish;

/// The name of the config, which exists in memory only.
const CONFIG: &str = "simulated.toml";
/// What the monitor's own log says unless it is asked for more: what a person has to know is on the screen.
const QUIET: &str = "error";
/// A chain without a block for so many beats is blind.
const BLIND_AFTER_BEATS: u32 = 5;
/// How often it is looked whether the monitor follows the node, before the story begins.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The story begins at the latest after this, whatever the monitor does.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
/// Beats a second at most: more than a reader or a poller can follow shows nothing.
const FASTEST: i64 = 20;

/// The settings of this command.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Demo {
    #[command(subcommand)]
    asked: Option<Asked>,
    /// The same seed tells the same story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Beats of the story in a second: as many blocks of each chain
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=FASTEST))]
    speed: u32,
    /// Nothing happens by itself but blocks and prices: only what `demo do` asks for
    #[arg(long)]
    calm: bool,
    /// End after this long, for example 60s [default: at Ctrl-C]
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    span: Option<Duration>,
    /// Show the monitor's own log too, on stderr, for example walletwatch=info
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// What is asked of a demo that runs.
#[derive(Debug, clap::Subcommand)]
enum Asked {
    /// Let something happen in the demo that runs: a reorg, a dead receiver, a payment that waits; without a name, what there is
    Do(Wish),
}

fn span(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).filter(|span| !span.is_zero()).ok_or("a span is a whole number and a unit: 60s, 5m")
}

impl Demo {
    pub(super) fn run(mut self, places: &Places) -> Result<(), Failure> {
        if places.config.is_some() || places.data_dir.is_some() {
            return Err(Failure::usage(anyhow!("demo reads no config and no data folder: it makes its own")));
        }
        if let Some(Asked::Do(wish)) = self.asked.take() {
            return wish.run();
        }
        let folder = Folder::make().map_err(Failure::again)?;
        runtime()?.block_on(self.play(folder.path()))
    }

    async fn play(self, folder: &Path) -> Result<(), Failure> {
        let clock = Arc::new(Clock::start(None));
        let making = Making { seed: self.seed, pace: self.speed, calm: self.calm };
        let (world, story) = World::start(making, Arc::new(move || clock.now())).await.map_err(Failure::again)?;
        let config = config(&world, folder)?;
        let redactor = Redactor::new(secrets::of_config(&config));
        let log = self.log.as_deref().or(Some(QUIET));
        logs::start(redactor, log, io::stderr().is_terminal()).map_err(Failure::usage)?;
        let stop = stop_on_signals()?;
        // The world outlives the monitor: it is never the world that ends first.
        let over = CancellationToken::new();
        let (page_to, page) = watch::channel(None);
        let asked = door::open(folder).map_err(Failure::again)?;
        let (news_to, news) = mpsc::unbounded_channel();
        let viewer = Viewer::new(&world, &config, self.seed, self.speed)?;
        let monitor = async {
            let ready = |running: &monitor::Running| {
                page_to.send_replace(Some(running.listen));
            };
            let done = Box::pin(monitor::run(config, Metrics::new(), stop.clone(), None, ready)).await;
            over.cancel();
            done
        };
        let limit = async {
            if let Some(span) = self.span {
                over.run_until_cancelled(sleep(span)).await;
                stop.cancel();
            }
        };
        let told = |text: &'static str| {
            let _sent = news_to.send(text);
        };
        let (done, (), (), (), shown) = tokio::join!(
            monitor,
            limit,
            wishes(asked, page.clone(), &world, &over),
            live(&world, story, over.clone(), told),
            viewer.show(&world, page, news, over.clone(), &stop),
        );
        done.map_err(failure).and(shown.map_err(Failure::again))
    }
}

/// Lets the world live; its story begins when the monitor follows the node.
async fn live(world: &World, story: Run, over: CancellationToken, told: impl FnMut(&'static str) + Send) {
    let followed = async {
        while world.node.times_asked("eth_subscribe") == 0 {
            sleep(LOOK_EVERY).await;
        }
    };
    let begin = async {
        // Late or not: the story is told.
        let _late = tokio::time::timeout(BEGINS_WITHIN, followed).await;
    };
    story.run(begin, over, told).await;
}

/// Takes what other processes ask for, from when the page is there.
async fn wishes(
    asked: UnixListener,
    mut page: watch::Receiver<Option<SocketAddr>>,
    world: &World,
    over: &CancellationToken,
) {
    let known = page.wait_for(Option::is_some);
    if let Some(Ok(page)) = over.run_until_cancelled(known).await.map(|known| known.map(|page| *page))
        && let Some(page) = page
    {
        door::serve(asked, page, world, over).await;
    }
}

/// The world's config as the monitor is to have it.
fn config(world: &World, folder: &Path) -> Result<Config, Failure> {
    let around = OwnWorld { text: world.config_toml(), variables: world.environment() };
    let loaded = crate::config::load(Path::new(CONFIG), folder, &around);
    let mut config = loaded.map_err(|faults| Failure::again(anyhow!("the demo's own config is wrong: {faults}")))?;
    config.settings.simulated = true;
    for chain in config.settings.chains.values_mut() {
        // Only the chain with a node has a block a beat; the explorer is asked every few seconds.
        if !chain.endpoints.is_empty() {
            chain.stale_after = world.beat() * BLIND_AFTER_BEATS;
        }
    }
    Ok(config)
}

/// All that the demo's config can see: its own text and its own variables.
struct OwnWorld {
    text: String,
    variables: BTreeMap<String, String>,
}

impl Surroundings for OwnWorld {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        if path == Path::new(CONFIG) { Ok(self.text.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn open_to_others(&self, _path: &Path) -> io::Result<bool> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn exists(&self, path: &Path) -> bool {
        path == Path::new(CONFIG)
    }
}

/// A folder for the owner only, removed with all that is in it when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let name = format!("{}{}-{:08x}", door::FOLDER, std::process::id(), fastrand::u32(..));
        let path = std::env::temp_dir().join(name);
        // Fails where the name is taken: never a folder of somebody else.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("the temporary folder {} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("walletwatch: the temporary folder {} could not be removed: {error}", self.0.display());
        }
    }
}

/// Where the page is.
fn page_url(at: SocketAddr) -> String {
    format!("http://{at}")
}

/// The address of a page that signs in with this token. What stands behind the `#` stays in the browser; the page takes a token from there
/// only where all of it is simulated.
fn signing_in(page: &str, token: &str) -> String {
    format!("{page}#token={token}")
}
