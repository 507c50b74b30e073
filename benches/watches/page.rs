//! The first paint at the server: the page over 100,000 transfers and 10,000 watches, from the question to the last byte, without a socket;
//! and what it costs in memory to answer it again and again.

use crate::scene::node::address;
use crate::scene::{CHAIN, median, print_figure, resident_bytes, settings};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use walletwatch::http::{Command, Control, Deadlines, Local, Parts, Refusal, Tokens, archive};
use walletwatch::reactor::directory::Directory;
use walletwatch::reactor::effect::Suspect;
use walletwatch::reactor::hush::{SilenceAnswer, SilenceOrder};
use walletwatch::reactor::payments::desk::{Order, Refusal as NotDone};
use walletwatch::reactor::rows::{Row, TransferRow, Voucher};
use walletwatch::reactor::settings::{Settings, Watch};
use walletwatch::reactor::watch_list::{WatchAnswer, WatchOrder};
use walletwatch::store::{Commit, IfMissing, SqliteStore, Store, Write};
use walletwatch::telemetry::balances::{BalanceSeries, BalancesStatus};
use walletwatch::telemetry::worth::Portfolio;
use walletwatch::telemetry::{Labels, Metrics, Snapshot};
use walletwatch::types::{Asset, B256, Kind, Name, Stage, Timestamp, TransferKey, U256, Usd};

/// Transfers in the store.
const TRANSFERS: u64 = 100_000;
/// Transfers of a commit.
const GROUP: u64 = 1_000;
/// Watches, an address each.
const WATCHES: u64 = 10_000;
/// How often each page is asked for.
const ROUNDS: usize = 50;

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_000_000)
}

/// Nobody commands here.
struct Nobody;

fn no<T>() -> futures::future::BoxFuture<'static, Result<T, Refusal>>
where
    T: Send + 'static,
{
    Box::pin(std::future::ready(Err(Refusal::NotNow("nobody is here".to_owned()))))
}

impl Control for Nobody {
    fn command(&self, _: Name, _: Command) -> futures::future::BoxFuture<'_, Result<(), Refusal>> {
        no()
    }

    fn watches(&self, _: Name, _: WatchOrder) -> futures::future::BoxFuture<'_, Result<WatchAnswer, Refusal>> {
        no()
    }

    fn silences(&self, _: Name, _: SilenceOrder) -> futures::future::BoxFuture<'_, Result<SilenceAnswer, Refusal>> {
        no()
    }

    fn order(&self, _: Name, _: Order) -> futures::future::BoxFuture<'_, Result<Result<(), NotDone>, Refusal>> {
        no()
    }
}

fn transfer(number: u64) -> TransferRow {
    let at = Timestamp::from_millis(now().millis() - 10 * (TRANSFERS - number).cast_signed());
    let key = TransferKey {
        chain: CHAIN,
        tx: B256::left_padding_from(&number.to_be_bytes()),
        kind: Kind::Coin,
        asset: Asset::Coin,
        from: address(u64::MAX - number),
        to: address(number % WATCHES),
        token_id: None,
        amount: U256::from(number) * U256::from(1_000_000_000_000_u64),
        nth: 0,
    };
    TransferRow {
        id: key.id(),
        key,
        block: 19_000_000 + number / 64,
        block_hash: Some(B256::repeat_byte(0xbb)),
        block_time: at,
        log_index: None,
        stage: Stage::Final,
        suspect: Suspect::default(),
        voucher: Voucher::Authority,
        late: false,
        history: false,
        missing: None,
        first_seen: at,
        quote: None,
        settled: true,
    }
}

fn watches() -> Vec<Watch> {
    let watch = |number| Watch {
        name: format!("watch {number:05}").into(),
        addresses: Arc::new([address(number)].into_iter().collect()),
        chains: vec![CHAIN],
        tags: Vec::new(),
        from_block: None,
    };
    (0..WATCHES).map(watch).collect()
}

fn parts(path: &Path) -> Parts {
    let settings = Settings { watches: Arc::new(watches()), ..settings(Vec::new(), &[]) };
    // Each watch holds the coin and one token, and is worth something.
    let read_at = Some(now());
    let held = |(number, watch): (usize, &Watch)| {
        let of = |asset| BalanceSeries {
            watch: watch.name.clone(),
            chain: CHAIN,
            asset,
            raw: Some(U256::from(number) * U256::from(1_000_000_000_007_u64)),
            read_at,
        };
        [of(Asset::Coin), of(Asset::Token(address(u64::MAX)))]
    };
    let series = settings.watches.iter().enumerate().flat_map(held).collect();
    let worth = |watch: &Watch| Portfolio { watch: watch.name.clone(), value: Some(Usd::default()), as_of: read_at };
    let snapshot = Snapshot {
        portfolios: settings.watches.iter().map(worth).collect(),
        balances: Arc::new(BalancesStatus { series, ..BalancesStatus::default() }),
        labels: Arc::new(Labels::of(&settings)),
        directory: Arc::new(Directory::of(&settings.watches)),
        store_writable: true,
        ..Snapshot::default()
    };
    let (archive, body) = archive::of_store(path.to_owned());
    std::thread::spawn(body);
    Parts {
        snapshot: watch::channel(Arc::new(snapshot)).1,
        metrics: Metrics::new(),
        archive: Arc::new(archive),
        control: Arc::new(Nobody),
        tokens: watch::channel(Tokens::default()).1,
        now: Arc::new(now),
        deadlines: Deadlines::default(),
    }
}

/// Prints how long each page takes.
pub fn run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let mut store = SqliteStore::open(&path, IfMissing::Create([7; 16])).expect("a store");
    for first in (0..TRANSFERS).step_by(usize::try_from(GROUP).expect("it is small")) {
        let rows = (first..first + GROUP).map(|number| Write::Put(Row::Transfer(Box::new(transfer(number)))));
        let commit = Commit { at: now(), writes: rows.collect(), ..Commit::default() };
        store.commit(&commit).expect("it is durable");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = Local::new(parts(&path));
    let ask = |path: &str| {
        let begin = Instant::now();
        let (status, body) = runtime.block_on(local.ask(axum::http::Method::GET, path));
        assert_eq!(status, 200, "{path}");
        (begin.elapsed().as_secs_f64() * 1_000.0, body.len())
    };
    let deep = format!("/transfers?before={}-{}", now().millis() - 900_000, "f".repeat(32));
    let last = format!("/transfers/{}", transfer(0).id);
    let newest = format!("/transfers/{}", transfer(TRANSFERS - 1).id);
    for (what, path) in [
        ("overview", "/"),
        ("transfers, the first page", "/transfers"),
        ("transfers, a page far behind", deep.as_str()),
        ("the oldest transfer", &last),
        ("the newest transfer", &newest),
        ("watches, the first page", "/watches"),
        ("watches, a page far behind", "/watches?before=watch%2009000"),
        ("a watch", "/watches/watch%2009999"),
    ] {
        ask(path);
        let before = resident_bytes();
        let (took, sizes): (Vec<f64>, Vec<usize>) = (0..ROUNDS).map(|_| ask(path)).unzip();
        let grown = resident_bytes().saturating_sub(before) / 1_000;
        print_figure(&format!("page: {what} ({} kB, {grown} kB kept)", sizes[0] / 1_000), median(took), "ms", "-");
    }
}
