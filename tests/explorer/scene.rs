//! A chain, an explorer that shows it, and the real client between it and whoever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::net::{HttpClient, HttpFault, Response, Tls};
use walletwatch::reactor::event::{Event, Explored, List};
use walletwatch::reactor::wants::{ChainWants, ViewWant, Wants};
use walletwatch::sources::WallClock;
use walletwatch::sources::etherscan::{self, BudgetNote, Fetch, Setup};
use walletwatch::sources::queue::event_queue;
use walletwatch::telemetry::Tally;
use walletwatch::types::pace::Limits;
use walletwatch::types::{Address, ChainId, Movement, Secret, Timestamp, TransferKey, U256};
use walletwatch::world::chain::{Action, Chain, Genesis, Plan, Token};
use walletwatch::world::explorer::{Explorer, ExplorerSettings};
use walletwatch::world::live::LiveChain;

pub(crate) const PAYER: Address = Address::repeat_byte(0x11);
pub(crate) const OWNER: Address = Address::repeat_byte(0x22);
pub(crate) const TOKEN: Address = Address::repeat_byte(0x77);
pub(crate) const ETHEREUM: ChainId = ChainId(1);
/// An account's key. A client blots its key out of every short answer: one that is part of a word there would change the words.
pub(crate) const KEY: &str = "a-key-of-the-tests";

pub(crate) fn noon() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

/// A chain of an empty first block and one block for each of these lists of amounts, paid to the owner in a token. An amount that is
/// said twice in a row is one transaction with two equal transfers.
pub(crate) fn chain(id: ChainId, blocks: &[Vec<u64>]) -> Arc<LiveChain> {
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
pub(crate) fn amounts(from: u64, count: u64) -> Vec<u64> {
    (from..from + count).collect()
}

/// The explorer over real sockets. While it asks, the clock stands still; then the answer is so long under way.
pub(crate) struct OnHold {
    explorer: etherscan::Explorer,
    latency: Duration,
    /// When each call started.
    starts: Mutex<Vec<Instant>>,
}

impl OnHold {
    /// The most calls that started within any one second.
    pub(crate) fn most_in_a_second(&self) -> usize {
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
pub(crate) struct Scene {
    pub(crate) explorer: Arc<Explorer>,
    pub(crate) client: OnHold,
    cancel: CancellationToken,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) async fn scene(
    chains: &[Arc<LiveChain>],
    key: &str,
    settings: ExplorerSettings,
    latency: Duration,
) -> Scene {
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
pub(crate) fn views(addresses: impl Iterator<Item = u8>) -> ChainWants {
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

/// The account of a scene, asked for these chains, which have no endpoints.
pub(crate) fn setup(chains: BTreeSet<ChainId>, per_second: u32) -> Setup {
    Setup {
        name: "etherscan".into(),
        own_receipts: chains.clone(),
        chains,
        limits: Limits { per_second, per_day: 100_000 },
        used: BudgetNote::default(),
        tally: Tally::default(),
    }
}

/// Noon, and as much later as tokio's clock has gone on since now.
pub(crate) fn clock() -> WallClock {
    let began = Instant::now();
    Arc::new(move || noon().after(began.elapsed()))
}

/// Runs the poll loop for so long and gives what it reported.
pub(crate) async fn play(
    scene: &Scene,
    wants: BTreeMap<ChainId, ChainWants>,
    per_second: u32,
    lasting: Duration,
) -> Vec<Event> {
    play_until(scene, wants, per_second, lasting, |_| false).await
}

/// The same, and ends when that is enough.
pub(crate) async fn play_until(
    scene: &Scene,
    wants: BTreeMap<ChainId, ChainWants>,
    per_second: u32,
    most: Duration,
    enough: impl Fn(&[Event]) -> bool,
) -> Vec<Event> {
    let (queue, mut intake) = event_queue(Arc::new(Notify::new()));
    let until = Instant::now() + most;
    let setup = setup(wants.keys().copied().collect(), per_second);
    let wants = Wants { chains: wants.into_iter().map(|(id, of)| (id, Arc::new(of))).collect(), ..Wants::default() };
    let (_sender, receiver) = watch::channel(Arc::new(wants));
    let cancel = CancellationToken::new();
    let mut events = Vec::new();
    let looped = etherscan::run(setup, &scene.client, receiver, queue, clock(), |_| {}, cancel.clone());
    let collected = async {
        while !enough(&events) && tokio::time::timeout_at(until, intake.ready()).await.is_ok() {
            events.extend(intake.try_recv_many(64));
        }
    };
    tokio::select! {
        () = looped => panic!("the loop ended by itself"),
        () = collected => {}
    }
    events
}

pub(crate) fn explored(events: Vec<Event>, of: List) -> Vec<Explored> {
    let read = |event| if let Event::Explored(explored) = event { Some(explored) } else { None };
    events.into_iter().filter_map(read).filter(|part| part.list == of).collect()
}

/// Each movement with its count among equal ones of its transaction, as the reactor tells them apart.
pub(crate) fn keys<'a>(movements: impl Iterator<Item = &'a Movement>) -> BTreeSet<TransferKey> {
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
pub(crate) fn truth(chain: &LiveChain) -> BTreeSet<(u64, U256, u32)> {
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
