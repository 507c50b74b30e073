//! The real client of an explorer, its poll loop and its pager against the simulated explorer, over loopback HTTP.
//!
//! Time is tokio's paused clock, and stands still while a call is under way: what is measured is when calls start, to the
//! millisecond, and a minute takes a second. No test here sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::net::{HttpClient, HttpFault, Response, Tls};
use walletwatch::reactor::event::{Event, Explored, List, SourceState, Unlistable};
use walletwatch::reactor::wants::{ChainWants, ViewWant, Wants};
use walletwatch::sources::WallClock;
use walletwatch::sources::etherscan::{self, BudgetNote, Fetch, Setup};
use walletwatch::sources::queue::{EventIntake, event_queue};
use walletwatch::telemetry::Tally;
use walletwatch::types::pace::Limits;
use walletwatch::types::{Address, Asset, ChainId, Movement, Name, Secret, Timestamp, TransferKey, U256};
use walletwatch::world::chain::{Action, Chain, Genesis, Plan, Token};
use walletwatch::world::explorer::{Explorer, ExplorerSettings};
use walletwatch::world::live::LiveChain;

const PAYER: Address = Address::repeat_byte(0x11);
const OWNER: Address = Address::repeat_byte(0x22);
const TOKEN: Address = Address::repeat_byte(0x77);
const ETHEREUM: ChainId = ChainId(1);

fn noon() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

/// A chain of an empty first block and one block for each of these lists of amounts, paid to the owner in a token. An amount that is
/// said twice in a row is one transaction with two equal transfers.
fn chain(id: ChainId, blocks: &[Vec<u64>]) -> Arc<LiveChain> {
    let token = Token { contract: TOKEN, symbol: "SIM".into(), name: "Simulated".into(), decimals: Some(6) };
    let plenty = U256::from(10).pow(U256::from(24));
    let mut chain = Chain::new(Genesis {
        id,
        seed: 7,
        at: noon(),
        base_fee: U256::from(1_000_000_000_u64),
        safe_after: 4,
        final_after: 8,
        coin: [(PAYER, plenty)].into(),
        tokens: vec![(token, BTreeMap::from([(PAYER, plenty)]))],
    });
    for amounts in blocks {
        let equal = amounts.chunk_by(|one, next| one == next);
        let action = |pair: &[u64]| {
            let (token, from, to, amount) = (TOKEN, PAYER, OWNER, U256::from(pair[0]));
            match pair.len() {
                1 => Action::Send { token, from, to, amount },
                2 => Action::SendTwice { token, from, to, amount },
                more => panic!("{more} equal transfers"),
            }
        };
        chain.mine(noon(), &Plan { actions: equal.map(action).collect(), ..Plan::default() });
    }
    Arc::new(LiveChain::new(chain))
}

/// Counts up, so that no two transfers are equal by chance.
fn amounts(from: u64, count: u64) -> Vec<u64> {
    (from..from + count).collect()
}

/// The explorer over real sockets. While it asks, the clock stands still; then the answer is so long under way.
struct OnHold {
    explorer: etherscan::Explorer,
    latency: Duration,
    /// When each call started.
    starts: Mutex<Vec<Instant>>,
}

impl OnHold {
    /// The most calls that started within any one second.
    fn most_in_a_second(&self) -> usize {
        let starts = self.starts.lock().expect("nobody panicked");
        let within = |first: &Instant| {
            let end = *first + Duration::from_secs(1);
            starts.iter().filter(|start| (*first..end).contains(*start)).count()
        };
        starts.iter().map(within).max().unwrap_or(0)
    }
}

impl Fetch for OnHold {
    async fn fetch(&self, query: String) -> Result<Response, HttpFault> {
        self.starts.lock().expect("nobody panicked").push(Instant::now());
        // Tokio's paused clock does not move while a blocking task runs.
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let hold = tokio::task::spawn_blocking(move || wait.recv().is_err());
        let response = self.explorer.fetch(query).await;
        drop(done);
        hold.await.expect("it waits only");
        tokio::time::sleep(self.latency).await;
        response
    }
}

/// An explorer that serves until dropped, and a client of it.
struct Scene {
    explorer: Arc<Explorer>,
    client: OnHold,
    cancel: CancellationToken,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn scene(chains: &[Arc<LiveChain>], key: &str, settings: ExplorerSettings, latency: Duration) -> Scene {
    let settings = ExplorerSettings { key: key.into(), ..settings };
    let (first, others) = chains.split_first().expect("a chain");
    let explorer =
        others.iter().fold(Explorer::new(Arc::clone(first), settings), |all, chain| all.and(Arc::clone(chain)));
    let explorer = Arc::new(explorer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let url = Secret::new(format!("http://{}/v2/api", listener.local_addr().expect("it is bound")));
    let cancel = CancellationToken::new();
    tokio::spawn(Arc::clone(&explorer).serve(listener, cancel.clone()));
    let http = HttpClient::new(&Tls::baked()).expect("it has authorities");
    let client = etherscan::Explorer::new(http, &url, Secret::new(key.into())).expect("it is a url");
    Scene { explorer, client: OnHold { explorer: client, latency, starts: Mutex::default() }, cancel }
}

/// Every list of these addresses, from the first block.
fn views(addresses: impl Iterator<Item = u8>) -> ChainWants {
    let view = |address, list| ViewWant {
        address,
        list,
        from: 0,
        read_at: None,
        moved_at: None,
        pointed_at: None,
        leads: true,
    };
    let of = |byte| List::ALL.map(|list| view(Address::repeat_byte(byte), list));
    ChainWants { views: addresses.flat_map(of).collect(), explorer_head: true, ..ChainWants::default() }
}

/// Runs the poll loop for so long and gives what it reported.
async fn play(scene: &Scene, wants: BTreeMap<ChainId, ChainWants>, per_second: u32, lasting: Duration) -> Vec<Event> {
    let (queue, intake) = event_queue(Arc::new(Notify::new()));
    let began = Instant::now();
    let clock: WallClock = Arc::new(move || noon().after(began.elapsed()));
    let chains: BTreeSet<ChainId> = wants.keys().copied().collect();
    let setup = Setup {
        name: "etherscan".into(),
        own_receipts: chains.clone(),
        chains,
        limits: Limits { per_second, per_day: 100_000 },
        used: BudgetNote::default(),
        tally: Tally::default(),
    };
    let wants = Wants { chains: wants.into_iter().map(|(id, of)| (id, Arc::new(of))).collect(), ..Wants::default() };
    let (_sender, receiver) = watch::channel(Arc::new(wants));
    let cancel = CancellationToken::new();
    let mut events = Vec::new();
    let looped = etherscan::run(setup, &scene.client, receiver, queue, clock, |_| {}, cancel.clone());
    tokio::select! {
        () = looped => panic!("the loop ended by itself"),
        () = collect(intake, &mut events, began + lasting) => {}
    }
    events
}

async fn collect(mut intake: EventIntake, events: &mut Vec<Event>, until: Instant) {
    while tokio::time::timeout_at(until, intake.ready()).await.is_ok() {
        events.extend(intake.try_recv_many(64));
    }
}

fn explored(events: Vec<Event>, of: List) -> Vec<Explored> {
    let read = |event| if let Event::Explored(explored) = event { Some(explored) } else { None };
    events.into_iter().filter_map(read).filter(|part| part.list == of).collect()
}

/// Each movement with its count among equal ones of its transaction, as the reactor tells them apart.
fn keys<'a>(movements: impl Iterator<Item = &'a Movement>) -> BTreeSet<TransferKey> {
    let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for movement in movements {
        let first = TransferKey::of(ETHEREUM, movement, 0);
        let nth = counted.entry(first).or_default();
        keys.insert(TransferKey { nth: *nth, ..first });
        *nth += 1;
    }
    keys
}

/// What the chain itself says was paid to the owner.
fn truth(chain: &LiveChain) -> BTreeSet<(u64, U256, u32)> {
    let mut paid = BTreeSet::new();
    chain.read(|chain| {
        for number in 0..=chain.height() {
            for tx in &chain.at(number).expect("it is there").txs {
                for (nth, log) in (0..).zip(&tx.logs) {
                    let amount = walletwatch::wire::hex::word(&log.data, 0).expect("an amount");
                    assert!(paid.insert((number, amount, nth)), "two transactions pay {amount}");
                }
            }
        }
    });
    paid
}

#[tokio::test(start_paused = true)]
async fn twenty_five_hundred_transfers_of_one_range_come_whole_and_once() {
    // The first page ends between two equal transfers of one transaction, and inside a block of 600; a block of 1,200 fills a page by
    // itself, whose edge lies between two equal ones too.
    let twin = |at: usize, mut amounts: Vec<u64>| {
        amounts.insert(at, amounts[at]);
        amounts
    };
    let blocks = [
        amounts(1, 400),
        vec![],
        twin(599, amounts(1_000, 601)),
        twin(999, amounts(2_000, 1_199)),
        amounts(4_000, 298),
    ];
    let chain = chain(ETHEREUM, &blocks);
    let truth = truth(&chain);
    assert_eq!(truth.len(), 2_500);
    let settings = ExplorerSettings { calls_per_second: 3, ..ExplorerSettings::default() };
    let scene = scene(&[chain], "K", settings, Duration::from_millis(200)).await;
    let wants = views([0x22].into_iter());
    let events = play(&scene, [(ETHEREUM, wants)].into(), 3, Duration::from_secs(13)).await;
    let parts = explored(events, List::Tokens);
    let [part] = &parts[..] else { panic!("{} parts", parts.len()) };
    assert_eq!((part.from, part.to, part.index_head), (0, 5, Some(5)));
    assert_eq!(part.rows.len(), 2_500);
    let got = keys(part.rows.iter().map(|row| &row.movement));
    assert_eq!(got.len(), 2_500, "no two are one");
    let blocks: BTreeMap<_, _> = part.rows.iter().map(|row| (row.movement.tx, row.block)).collect();
    let said: BTreeSet<_> = got.iter().map(|key| (blocks[&key.tx], key.amount, key.nth)).collect();
    assert_eq!(said, truth);
    assert!(got.iter().all(|key| (key.asset, key.from, key.to) == (Asset::Token(TOKEN), PAYER, OWNER)));
    assert!(scene.explorer.most_in_a_second() <= 3, "{}", scene.explorer.most_in_a_second());
}

#[tokio::test(start_paused = true)]
async fn a_block_with_more_rows_than_an_explorer_gives_out_is_said_and_ends_no_other_list() {
    let chain = chain(ETHEREUM, &[amounts(1, 30), amounts(100, 10_001), amounts(20_000, 5)]);
    let settings = ExplorerSettings { calls_per_second: 3, ..ExplorerSettings::default() };
    let scene = scene(&[chain], "K", settings, Duration::from_millis(50)).await;
    let wants = views([0x22].into_iter());
    let events = play(&scene, [(ETHEREUM, wants)].into(), 3, Duration::from_mins(2)).await;
    let stuck: Vec<_> = events.iter().filter(|event| matches!(event, Event::Unlistable(_))).cloned().collect();
    let (source, address, list) = (Name::from("etherscan"), OWNER, List::Tokens);
    assert_eq!(stuck, [Event::Unlistable(Unlistable { chain: ETHEREUM, source, address, list, block: 2 })]);
    let coin = explored(events.clone(), List::Transactions);
    assert!(coin.len() >= 6, "the other lists are read on, every 15 s: {}", coin.len());
    let read: Vec<_> =
        explored(events, List::Tokens).iter().map(|part| (part.from, part.to, part.rows.len())).collect();
    assert_eq!(read, [(0, 1, 30)], "what lies below it stays true");
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_many_chains_and_two_keys_is_never_faster_than_either_account_allows() {
    minute(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nor_is_it_by_the_wall_clock() {
    if std::env::var_os("WALLETWATCH_REAL_MINUTE").is_none() {
        println!("left out: a minute of calls by the wall clock (tests/run --long sets WALLETWATCH_REAL_MINUTE)");
        return;
    }
    minute(false).await;
}

async fn minute(paused: bool) {
    let ids = [ChainId(1), ChainId(137), ChainId(42161), ChainId(59144)];
    let chains = ids.map(|id| chain(id, &[amounts(1, 3), amounts(10, 1_500)]));
    let minute = Duration::from_mins(1);
    let wants = || ids.map(|id| (id, views(0x22..0x26))).into();
    let settings = |calls_per_second| ExplorerSettings { calls_per_second, ..ExplorerSettings::default() };
    // Answers that take longer than the spacing overlap: starts are what counts.
    let free = scene(&chains, "FREE", settings(3), Duration::from_millis(700)).await;
    let lite = scene(&chains, "LITE", settings(5), Duration::from_millis(130)).await;
    let (of_free, of_lite) = tokio::join!(play(&free, wants(), 3, minute), play(&lite, wants(), 5, minute));
    for (name, scene, events, per_second) in [("free", &free, of_free, 3), ("lite", &lite, of_lite, 5)] {
        assert!(scene.client.most_in_a_second() <= per_second, "{name}: {}", scene.client.most_in_a_second());
        // A machine that is busy delivers late what started in time: only the paused clock can tell that from what started early.
        let arrived = scene.explorer.most_in_a_second();
        assert!(arrived <= per_second || !paused, "{name}: {arrived}");
        println!("{name}: at most {} started and {arrived} arrived in a second", scene.client.most_in_a_second());
        // A minute at 350 ms, or at 210: the budget is used, not only kept.
        let full = if per_second == 3 { 171 } else { 285 };
        let calls = scene.explorer.calls();
        assert!((full * 9 / 10..=full + 1).contains(&calls), "{name}: {calls}");
        let troubled = events.iter().filter(|event| match event {
            Event::Source(report) => !matches!(report.state, SourceState::Connecting | SourceState::Fresh),
            _ => false,
        });
        assert!(troubled.count() == 0 || !paused, "{name}: no call was refused");
        let read: BTreeSet<ChainId> = explored(events, List::Tokens).iter().map(|part| part.chain).collect();
        assert_eq!(read, ids.into(), "{name}: every chain has its turn");
    }
}
