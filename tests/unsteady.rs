//! An explorer that is not steady, for an hour: it lags, two of its back ends disagree, rows vanish and return, a list changes while its
//! pages are read, an answer is empty. The real client over HTTP, its poll loop, its pager and the reactor: nothing is taken back that
//! stands, nothing is lost, nothing is said twice; and what a reorg takes is taken back.
//!
//! Time is tokio's paused clock, and stands still while a call is under way. No test here sleeps.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::net::{HttpClient, HttpFault, Response, Tls};
use walletwatch::reactor::Reactor;
use walletwatch::reactor::addresses::AddressList;
use walletwatch::reactor::effect::{Body, Effect};
use walletwatch::reactor::event::Event;
use walletwatch::reactor::settings::{
    Added, BalanceSettings, BetweenOwn, ChainSettings, Condition, Confirmed, Direction, KnownToken, Rule, Settings,
    SinkSettings, SystemSettings, TransferCondition, Watch,
};
use walletwatch::reactor::wants::Wants;
use walletwatch::sources::WallClock;
use walletwatch::sources::etherscan::{self, BudgetNote, Fetch, Setup};
use walletwatch::sources::queue::{EventIntake, event_queue};
use walletwatch::telemetry::Tally;
use walletwatch::types::pace::Limits;
use walletwatch::types::{Address, ChainId, Kind, Secret, Severity, Stage, Timestamp, TransferId, TransferKey, U256};
use walletwatch::world::chain::{Action, Chain, Fails, Genesis, Plan, Reorg, Token};
use walletwatch::world::explorer::{Explorer, ExplorerSettings};
use walletwatch::world::live::LiveChain;

const CHAIN: ChainId = ChainId(1);
const PAYER: Address = Address::repeat_byte(0x11);
const OWNER: Address = Address::repeat_byte(0x22);
const CONTRACT: Address = Address::repeat_byte(0x33);
const TOKEN: Address = Address::repeat_byte(0x77);
/// Between two blocks.
const BLOCK: Duration = Duration::from_secs(12);
/// Blocks of a phase: ten minutes.
const PHASE: u64 = 50;
/// A transfer so deep is final. More than the longest lag.
const FINAL_AFTER: u64 = 60;

fn noon() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn world() -> Arc<LiveChain> {
    let token = Token { contract: TOKEN, symbol: "SIM".into(), name: "Simulated".into(), decimals: Some(6) };
    let plenty = U256::from(10).pow(U256::from(24));
    let genesis = Genesis {
        id: CHAIN,
        seed: 7,
        at: noon(),
        base_fee: U256::from(1_000_000_000_u64),
        safe_after: 30,
        final_after: 300,
        coin: [(PAYER, plenty)].into(),
        tokens: vec![(token, BTreeMap::from([(PAYER, plenty)]))],
    };
    Arc::new(LiveChain::new(Chain::new(genesis)))
}

fn settings() -> Settings {
    let condition = TransferCondition {
        watches: BTreeSet::from(["owner".into()]),
        added: Added::All,
        chains: BTreeSet::from([CHAIN]),
        direction: Direction::In,
        assets: None,
        at_least: None,
        stages: [Stage::Seen, Stage::Confirmed, Stage::Final].into(),
        between_own: BetweenOwn::Each,
        skip_suspect: false,
        history: false,
    };
    let rule = Rule {
        name: "in".into(),
        severity: Severity::Info,
        notify: vec!["ops".into()],
        condition: Condition::Transfer(condition),
    };
    let chain = ChainSettings {
        name: "ethereum".into(),
        id: CHAIN,
        coin: "ETH".into(),
        coin_decimals: 18,
        block_time: BLOCK,
        confirmed: Confirmed::Depth(5),
        final_after: FINAL_AFTER,
        finalized_tag: false,
        endpoints: Vec::new(),
        explorer: Some("etherscan".into()),
        stale_after: Duration::from_hours(1),
        tx_url: None,
    };
    let watch = Watch {
        name: "owner".into(),
        addresses: Arc::new(AddressList::from_iter([OWNER])),
        chains: vec![CHAIN],
        tags: Vec::new(),
        from_block: None,
    };
    let sink = SinkSettings { name: "ops".into(), min_severity: Severity::Info, types: Vec::new() };
    Settings {
        chains: BTreeMap::from([(CHAIN, chain)]),
        watches: Arc::new(vec![watch]),
        tokens: BTreeMap::from([((CHAIN, TOKEN), KnownToken { symbol: "SIM".into(), decimals: 6 })]),
        rules: vec![rule],
        sinks: BTreeMap::from([("ops".into(), sink)]),
        payments: Vec::new(),
        payees: BTreeMap::new(),
        system: SystemSettings { notify: vec!["ops".into()], disabled: BTreeSet::new() },
        feeds: BTreeMap::new(),
        balances: BalanceSettings::default(),
        simulated: false,
    }
}

/// What is odd about the explorer now.
#[derive(Debug, Clone, Default)]
struct Mood {
    /// Calls go to its two back ends in turn, else all to the first.
    in_turn: bool,
    /// Lists are answered as empty.
    empty: bool,
    /// Transactions that no list shows, as explorers write them.
    hidden: BTreeSet<String>,
}

/// Two back ends over real sockets. While one is asked, the clock stands still.
struct Odd {
    backends: [(Arc<Explorer>, etherscan::Explorer); 2],
    mood: Mutex<Mood>,
    calls: AtomicUsize,
}

impl Fetch for Odd {
    async fn fetch(&self, query: String) -> Result<Response, HttpFault> {
        let mood = self.mood.lock().expect("nobody panicked").clone();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        // Tokio's paused clock does not move while a blocking task runs.
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let hold = tokio::task::spawn_blocking(move || wait.recv().is_err());
        let is_list = query.contains("startblock=");
        let backend = if mood.in_turn { call % 2 } else { 0 };
        let response = self.backends[backend].1.fetch(query).await;
        drop(done);
        hold.await.expect("it waits only");
        let mut response = response?;
        if is_list && (mood.empty || !mood.hidden.is_empty()) {
            response.body = mood.shown(&response.body).into();
        }
        Ok(response)
    }
}

impl Mood {
    /// A list as it is shown.
    fn shown(&self, body: &[u8]) -> String {
        let mut body: Value = serde_json::from_slice(body).expect("it is JSON");
        if let Some(rows) = body["result"].as_array_mut() {
            rows.retain(|row| row["hash"].as_str().is_none_or(|hash| !self.hidden.contains(hash)));
        }
        if self.empty || body["result"].as_array().is_some_and(Vec::is_empty) {
            return r#"{"status":"0","message":"No transactions found","result":[]}"#.into();
        }
        body.to_string()
    }
}

async fn odd(chain: &Arc<LiveChain>, cancel: &CancellationToken) -> Odd {
    let mut backends = Vec::new();
    for _ in 0..2 {
        let settings = ExplorerSettings { key: "K".into(), calls_per_second: 1_000, ..ExplorerSettings::default() };
        let explorer = Arc::new(Explorer::new(Arc::clone(chain), settings));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = Secret::new(format!("http://{}/v2/api", listener.local_addr().expect("it is bound")));
        tokio::spawn(Arc::clone(&explorer).serve(listener, cancel.clone()));
        let http = HttpClient::new(&Tls::baked()).expect("it has authorities");
        backends.push((explorer, etherscan::Explorer::new(http, &url, Secret::new("K".into())).expect("it is a url")));
    }
    let backends = backends.try_into().unwrap_or_else(|_| panic!("two"));
    Odd { backends, mood: Mutex::default(), calls: AtomicUsize::new(0) }
}

/// What is said, by transfer, in its order.
#[derive(Debug, Default)]
struct Said(BTreeMap<TransferId, Vec<Stage>>);

/// The reactor behind the explorer's queue.
struct Monitor {
    reactor: Reactor,
    began: Instant,
    intake: EventIntake,
    wants: watch::Sender<Arc<Wants>>,
    said: Said,
    troubles: Vec<String>,
}

impl Monitor {
    fn now(&self) -> Timestamp {
        noon().after(self.began.elapsed())
    }

    fn take(&mut self, event: Event) {
        let now = self.now();
        for effect in self.reactor.handle(now, event) {
            let Effect::Tell(message) = effect else { continue };
            match &message.body {
                Body::Transfer(body) => self.said.0.entry(body.transfer).or_default().push(body.stage),
                other => self.troubles.push(format!("{:?} {other:?}", message.kind)),
            }
        }
        self.wants.send_replace(Arc::new(self.reactor.wants().clone()));
    }

    /// Takes what comes until then.
    async fn until(&mut self, until: Instant) {
        loop {
            let due = self.reactor.next_deadline().map(|(due, _)| self.began + due.since(noon()));
            let wake = due.map_or(until, |due| due.min(until));
            if tokio::time::timeout_at(wake, self.intake.ready()).await.is_ok() {
                for event in self.intake.try_recv_many(64) {
                    self.take(event);
                }
                continue;
            }
            match self.reactor.next_deadline() {
                Some((due, deadline)) if due <= self.now() => self.take(Event::Deadline(deadline)),
                _ if Instant::now() >= until => return,
                _ => {}
            }
        }
    }
}

/// The payments of a block: none, one, or a few of all kinds.
fn payments(number: u64) -> Vec<Action> {
    let value = |part: u64| U256::from(number * 100 + part);
    match number % 5 {
        0 => vec![Action::Pay { from: PAYER, to: OWNER, value: value(1) }],
        1 => vec![Action::Send { token: TOKEN, from: PAYER, to: OWNER, amount: value(2) }],
        2 => vec![
            Action::SendTwice { token: TOKEN, from: PAYER, to: OWNER, amount: value(3) },
            Action::Through { from: PAYER, contract: CONTRACT, to: OWNER, value: value(4), fails: Fails::Nothing },
        ],
        3 => vec![Action::PayInVain { from: PAYER, to: OWNER, value: value(5) }],
        _ => Vec::new(),
    }
}

/// What the chain itself says was paid to the owner in these blocks, without the failed.
fn truth_of(chain: &Chain, blocks: std::ops::RangeInclusive<u64>) -> BTreeSet<TransferId> {
    let mut paid = BTreeSet::new();
    for number in blocks {
        for tx in chain.at(number).expect("it is there").txs.iter().filter(|tx| tx.succeeded) {
            let mut keys = Vec::new();
            if tx.tx.to == Some(OWNER) && tx.tx.value > U256::ZERO {
                keys.push((Kind::Coin, walletwatch::types::Asset::Coin, tx.tx.value));
            }
            for call in tx.root.calls.iter().filter(|call| call.to == OWNER) {
                keys.push((Kind::Internal, walletwatch::types::Asset::Coin, call.value));
            }
            for log in &tx.logs {
                let amount = walletwatch::wire::hex::word(&log.data, 0).expect("an amount");
                keys.push((Kind::Token, walletwatch::types::Asset::Token(TOKEN), amount));
            }
            let mut nth: BTreeMap<TransferKey, u32> = BTreeMap::new();
            for (kind, asset, amount) in keys {
                let from = if kind == Kind::Internal { CONTRACT } else { PAYER };
                let (chain, tx) = (CHAIN, tx.tx.hash);
                let key = TransferKey { chain, tx, kind, asset, from, to: OWNER, token_id: None, amount, nth: 0 };
                let count = nth.entry(key).or_default();
                assert!(paid.insert(TransferKey { nth: *count, ..key }.id()), "two are one");
                *count += 1;
            }
        }
    }
    paid
}

/// What happens in a phase, before its first block.
type Phase = (&'static str, fn(&Odd, &LiveChain));

fn lag(odd: &Odd, of: [u64; 2]) {
    for ((backend, _), lag) in odd.backends.iter().zip(of) {
        backend.set(|settings| settings.index_lag = lag);
    }
}

const PHASES: [Phase; 8] = [
    ("steady", |_, _| {}),
    ("thirty blocks behind", |odd, _| lag(odd, [30, 30])),
    ("two back ends that disagree", |odd, _| {
        lag(odd, [0, 30]);
        odd.mood.lock().expect("nobody panicked").in_turn = true;
    }),
    ("steady again", |odd, _| {
        lag(odd, [0, 0]);
        *odd.mood.lock().expect("nobody panicked") = Mood::default();
    }),
    ("rows vanish", |odd, chain| {
        let hidden = chain.read(|chain| {
            let newest = chain.height().saturating_sub(20)..=chain.height();
            newest
                .flat_map(|number| chain.at(number).into_iter().flat_map(|block| &block.txs))
                .map(|tx| format!("{:#x}", tx.tx.hash))
                .collect()
        });
        *odd.mood.lock().expect("nobody panicked") = Mood { hidden, ..Mood::default() };
    }),
    ("and return", |odd, _| *odd.mood.lock().expect("nobody panicked") = Mood::default()),
    ("nothing but empty answers", |odd, _| {
        *odd.mood.lock().expect("nobody panicked") = Mood { empty: true, ..Mood::default() };
    }),
    ("a list of pages that changes while it is read", |odd, chain| {
        *odd.mood.lock().expect("nobody panicked") = Mood { in_turn: true, ..Mood::default() };
        lag(odd, [0, 1]);
        for part in 0..2_u64 {
            let burst = |nth: u64| Action::Send {
                token: TOKEN,
                from: PAYER,
                to: OWNER,
                amount: U256::from(10_000_000 + part * 1_000 + nth),
            };
            chain.change(|chain| {
                let at = Timestamp::from_secs(chain.head().time).after(Duration::from_secs(1));
                chain.mine(at, &Plan { actions: (0..600).map(burst).collect(), ..Plan::default() });
            });
        }
    }),
];

#[tokio::test(start_paused = true)]
async fn an_explorer_that_is_not_steady_for_an_hour_costs_nothing_and_takes_nothing_back() {
    let chain = world();
    chain.change(|chain| {
        for _ in 0..5 {
            chain.mine(noon(), &Plan::default());
        }
    });
    let cancel = CancellationToken::new();
    let odd = odd(&chain, &cancel).await;
    let (queue, intake) = event_queue(Arc::new(Notify::new()));
    let began = Instant::now();
    let clock: WallClock = Arc::new(move || noon().after(began.elapsed()));
    let (wants, wanted) = watch::channel(Arc::new(Wants::default()));
    let mut monitor =
        Monitor { reactor: Reactor::default(), began, intake, wants, said: Said::default(), troubles: Vec::new() };
    monitor.take(Event::Configured(Box::new(settings())));
    let setup = Setup {
        name: "etherscan".into(),
        own_receipts: [CHAIN].into(),
        chains: [CHAIN].into(),
        limits: Limits { per_second: 3, per_day: 100_000 },
        used: BudgetNote::default(),
        tally: Tally::default(),
    };
    let looped = etherscan::run(setup, &odd, wanted, queue, clock, |_| {}, cancel.clone());
    let story = async {
        // The head is asked for once, and the lists are wanted from the block behind it on.
        monitor.until(began + Duration::from_mins(2)).await;
        let first = chain.read(Chain::height) + 1;
        let mut at = Instant::now();
        for (name, change) in PHASES {
            change(&odd, &chain);
            for _ in 0..PHASE {
                at += BLOCK;
                monitor.until(at).await;
                let now = monitor.now();
                chain.change(|chain| {
                    chain.mine(now, &Plan { actions: payments(chain.height() + 1), ..Plan::default() })
                });
            }
            let taken: Vec<_> = monitor.said.0.values().filter(|stages| stages.contains(&Stage::Retracted)).collect();
            assert!(taken.is_empty(), "{name}: {} were taken back", taken.len());
        }
        // Steady until everything is final.
        (PHASES[3].1)(&odd, &chain);
        let paid = chain.read(|chain| truth_of(chain, first..=chain.height()));
        for _ in 0..FINAL_AFTER * 3 {
            at += BLOCK;
            monitor.until(at).await;
            let now = monitor.now();
            chain.change(|chain| chain.mine(now, &Plan { actions: payments(5), ..Plan::default() }));
        }
        let said = std::mem::take(&mut monitor.said);
        let there = chain.read(|chain| truth_of(chain, 0..=chain.height()));
        // What a reorg takes is taken back, and nothing else.
        let gone = chain.read(|chain| truth_of(chain, chain.height()..=chain.height()));
        monitor.until(at + Duration::from_mins(2)).await;
        let now = monitor.now();
        let dropped = chain.read(|chain| chain.head().txs.iter().map(|tx| tx.tx.hash).collect());
        chain.change(|chain| {
            chain.reorg(now, &Reorg { depth: 1, blocks: 2, dropped, ..Reorg::default() }).expect("it is not deep");
            chain.mine(now, &Plan { actions: payments(1), ..Plan::default() });
        });
        monitor.until(at + Duration::from_mins(10)).await;
        let taken = monitor.said.0.iter().filter(|(_, stages)| stages.contains(&Stage::Retracted));
        assert_eq!(taken.map(|(id, _)| *id).collect::<BTreeSet<_>>(), gone);
        (paid, said, there)
    };
    let (paid, told, there) = tokio::select! {
        () = looped => panic!("the loop ended by itself"),
        end = story => end,
    };
    assert!(paid.len() > 1_200 + 200, "{}", paid.len());
    let said: BTreeSet<TransferId> = told.0.keys().copied().collect();
    let lost: Vec<_> = paid.difference(&said).collect();
    assert!(lost.is_empty(), "{} of {} were lost", lost.len(), paid.len());
    for id in &paid {
        assert_eq!(told.0[id], [Stage::Seen, Stage::Confirmed, Stage::Final], "each stage once, in order");
    }
    let made_up = told.0.keys().filter(|id| !there.contains(id)).count();
    assert_eq!(made_up, 0, "what never was is said");
    assert!(monitor.troubles.is_empty(), "{:?}", monitor.troubles);
    cancel.cancel();
}
