//! One deployment: a desk whose commits are kept in memory, a real worker, and a simulated Circle on loopback. Time goes when it is told
//! to; what is asked is answered before it goes on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use walletwatch::net::{SingleUse, Tls};
use walletwatch::payments::worker::{self, Wires};
use walletwatch::payments::{CircleClient, CirclePlace, EntitySecret};
use walletwatch::reactor::money::{CircleId, PaymentRow, PaymentState};
use walletwatch::reactor::office::{OfficeTables, OfficeWrite};
use walletwatch::reactor::payments::ask::{Answer, Asked};
use walletwatch::reactor::payments::desk::terms::{Offer, OfferAmount, PayeeTerms, Terms, sha256};
use walletwatch::reactor::payments::desk::{Desk, Facts, Order, Refusal, Step, Trigger, Vouched};
use walletwatch::types::{Address, ChainId, Name, PaymentId, Secret, Stage, Timestamp, TransferId, U256};
use walletwatch::world::circle::{Circle, WalletFacts};

const WALLET: &str = "ce714f5b-0d8e-4062-9454-61aa1154869b";
const CHAIN: ChainId = ChainId(11_155_111);
const START: i64 = 1_790_000_000_000;
/// Between two looks at what is due.
const TICK: Duration = Duration::from_secs(5);

/// How a deployment is.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub relaxed: bool,
    /// The id of its store.
    pub store: u8,
}

impl Default for Setup {
    fn default() -> Self {
        Self { relaxed: true, store: 1 }
    }
}

pub struct House {
    pub circle: Arc<Circle>,
    address: SocketAddr,
    hands: Arc<AtomicI64>,
    desk: Desk,
    asks: mpsc::Sender<Asked>,
    answers: mpsc::Receiver<Answer>,
    open: usize,
    frozen_file: Arc<AtomicBool>,
    payments: BTreeMap<PaymentId, PaymentRow>,
    office: OfficeTables,
    _worker: DropGuard,
    _circle: Option<DropGuard>,
}

fn token() -> Address {
    Address::repeat_byte(0x41)
}

fn terms(setup: Setup) -> Terms {
    let offer = Offer {
        payee: "a".into(),
        amount: OfferAmount::Match(U256::ZERO),
        stage: Stage::Final,
        per_payment: U256::from(10_000_000),
        per_day: U256::from(50_000_000),
        in_total: U256::from(100_000_000),
        max_per_day: 10,
        manual: false,
        expires: Duration::from_hours(24),
        max_fee: None,
        usual: Duration::from_mins(5),
        mark: sha256("mark", &[]),
    };
    let payee = PayeeTerms { address: Address::repeat_byte(0xC9), per_day: U256::from(50_000_000) };
    let terms = Terms {
        store: [setup.store; 16],
        environment: "test".into(),
        wallet: WALLET.into(),
        chain: CHAIN,
        blockchain: "ETH-SEPOLIA".into(),
        token: token(),
        wallet_address: Some(Address::repeat_byte(0xAA)),
        per_day: U256::from(80_000_000),
        in_total: U256::from(100_000_000),
        two_approvals_over: None,
        gasless: false,
        relaxed: setup.relaxed,
        payees: BTreeMap::from([("a".into(), payee)]),
        offers: BTreeMap::from([("match".into(), offer)]),
        watched: Vec::new(),
        fingerprint: [0; 32],
    };
    terms.sealed()
}

/// What made a payment holds for as long as nobody says otherwise.
const HOLDS: fn(&PaymentRow) -> Option<bool> = |_| Some(true);

impl House {
    pub async fn new(setup: Setup) -> Self {
        let hands = Arc::new(AtomicI64::new(START));
        let clock = {
            let hands = Arc::clone(&hands);
            Arc::new(move || Timestamp::from_millis(hands.load(Ordering::SeqCst)))
        };
        let facts = WalletFacts {
            id: WALLET.into(),
            address: Address::repeat_byte(0xAA),
            blockchain: "ETH-SEPOLIA".into(),
            token: token(),
            usdc: U256::from(90_000_000),
            coin: U256::from(10).pow(U256::from(18)),
            contract_account: false,
        };
        let circle = Circle::new(clock, facts).shared();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&circle).serve(listener, stop.clone()));
        let mut house = Self::at(circle, address, hands, Some(stop.drop_guard()));
        house.begin(setup).await;
        house
    }

    /// Another deployment with an empty store, on the same wallet.
    pub async fn beside(&self, setup: Setup) -> Self {
        let mut house = Self::at(Arc::clone(&self.circle), self.address, Arc::clone(&self.hands), None);
        house.begin(setup).await;
        house
    }

    fn at(circle: Arc<Circle>, address: SocketAddr, hands: Arc<AtomicI64>, guard: Option<DropGuard>) -> Self {
        let url = Secret::new(format!("http://{address}"));
        let place = CirclePlace::new(Some(&url), Circle::api_key()).expect("it is here");
        let client = CircleClient::new(SingleUse::new(Tls::baked()), place, || fastrand::u128(..).to_be_bytes());
        let secret = EntitySecret::parse(&Circle::entity_secret()).expect("it is 64 digits");
        let (asks, asked) = mpsc::channel(64);
        let (answers_to, answers) = mpsc::channel(64);
        let (funds, _) = watch::channel(None);
        let (frozen_file, stop) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let (now, frozen) = (Arc::clone(&hands), Arc::clone(&frozen_file));
        let wires = Wires {
            asks: asked,
            answers: answers_to,
            funds,
            clock: move || Timestamp::from_millis(now.load(Ordering::SeqCst)),
            frozen: move || frozen.load(Ordering::SeqCst),
            stop: stop.clone(),
        };
        tokio::spawn(worker::run(worker::Parts { client, secret, shown: None, pinned: None }, wires));
        Self {
            circle,
            address,
            hands,
            desk: Desk::restore(Vec::new(), OfficeTables::default()),
            asks,
            answers,
            open: 0,
            frozen_file,
            payments: BTreeMap::new(),
            office: OfficeTables::default(),
            _worker: stop.drop_guard(),
            _circle: guard,
        }
    }

    /// The config is in force, accepted, and its payee no stranger.
    async fn begin(&mut self, setup: Setup) {
        let mut step = Step::default();
        let heads = BTreeMap::from([(CHAIN, 100)]);
        let terms = terms(setup);
        let fingerprint = terms.fingerprint;
        self.desk.configure(Some(terms), &heads, self.now(), &mut step);
        self.commit(step).await;
        if !setup.relaxed {
            assert_eq!(self.order(Order::Accept { fingerprint }, "ann"), Ok(()));
            assert_eq!(self.order(Order::WaivePayee { payee: "a".into() }, "ann"), Err(Refusal::SecondName));
            assert_eq!(self.order(Order::WaivePayee { payee: "a".into() }, "bob"), Ok(()));
        }
        self.settle().await;
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.hands.load(Ordering::SeqCst))
    }

    /// What is durable, and then what is asked.
    async fn commit(&mut self, step: Step) {
        self.keep(&step);
        for asked in self.desk.take_asks() {
            self.open += 1;
            self.asks.send(asked).await.expect("the worker runs");
        }
    }

    fn keep(&mut self, step: &Step) {
        for row in &step.payments {
            self.payments.insert(row.id, row.clone());
        }
        for write in &step.office {
            if let OfficeWrite::Office(row) = write {
                self.office.office = Some(row.clone());
            }
        }
    }

    /// Everything that is asked is answered, and so is what follows from it.
    async fn settle(&mut self) {
        let mut step = Step::default();
        self.desk.tick(self.now(), &HOLDS, &mut step);
        self.commit(step).await;
        while self.open > 0 {
            let answer = tokio::time::timeout(Duration::from_mins(1), self.answers.recv()).await.expect("in time");
            self.open -= 1;
            let mut step = Step::default();
            self.desk.answered(answer.expect("the worker runs"), self.now(), &mut step);
            self.commit(step).await;
        }
    }

    /// So much time goes by.
    pub async fn pass(&mut self, span: Duration) {
        let until = self.now().after(span);
        while self.now() < until {
            self.turn().await;
        }
    }

    /// Time goes by until `done`, which has to come within `span`.
    pub async fn run(&mut self, span: Duration, done: impl Fn(&Self) -> bool) {
        let until = self.now().after(span);
        while !done(self) {
            let rows: Vec<_> = self.payments.values().map(|row| (row.state.word(), row.reason.clone())).collect();
            assert!(self.now() < until, "not within {span:?}: {rows:?}, frozen {:?}", self.frozen());
            self.turn().await;
        }
    }

    async fn turn(&mut self) {
        self.hands.fetch_add(i64::try_from(TICK.as_millis()).expect("it is short"), Ordering::SeqCst);
        self.settle().await;
    }

    /// A transfer came in that the rule pays for.
    pub async fn pay(&mut self, number: u8, amount: u64) -> PaymentId {
        let id = TransferId([number; 16]);
        let facts = Facts::Transfer {
            id,
            amount: U256::from(amount),
            from: Address::repeat_byte(0x11),
            to: Address::repeat_byte(0x22),
            chain: CHAIN,
            block: 200,
            stage: Stage::Final,
            suspect: false,
            vouched: Vouched::ByTwo,
            block_hash: [1; 32],
        };
        let mut step = Step::default();
        let trigger = Trigger { rule: "match".into(), time: self.now(), facts };
        self.desk.plan(&trigger, self.now(), &mut step);
        let planned = step.payments.first().map(|row| row.id);
        self.commit(step).await;
        self.settle().await;
        planned.expect("it was planned")
    }

    /// A hook speaks of a transaction.
    pub async fn hint(&mut self, circle: &str) {
        let id = CircleId::parse(circle).expect("it is an id");
        let mut step = Step::default();
        self.desk.hinted(&id, self.now(), &mut step);
        self.commit(step).await;
        self.settle().await;
    }

    pub fn order(&mut self, order: Order, by: &str) -> Result<(), Refusal> {
        let mut step = Step::default();
        let done = self.desk.order(order, &by.into(), self.now(), &HOLDS, &mut step);
        self.keep(&step);
        done
    }

    pub fn row(&self, id: PaymentId) -> PaymentRow {
        self.payments[&id].clone()
    }

    pub fn state(&self, id: PaymentId) -> PaymentState {
        self.payments[&id].state
    }

    pub fn frozen(&self) -> Option<Name> {
        self.office.office.as_ref().and_then(|office| office.frozen.clone())
    }

    pub fn is_paused(&self) -> bool {
        self.office.office.as_ref().is_some_and(|office| office.paused.is_some())
    }

    pub fn is_stopped(&self) -> bool {
        self.desk.stops().next().is_some()
    }

    pub fn freeze_file(&self, there: bool) {
        self.frozen_file.store(there, Ordering::SeqCst);
    }

    /// What left the wallet, raw, in the order of Circle's book.
    pub fn moved(&self) -> Vec<u64> {
        self.circle.read(|book| {
            book.entries()
                .iter()
                .filter(|entry| entry.has_moved())
                .map(|entry| entry.terms.amount.to::<u64>())
                .collect()
        })
    }

    /// How Circle judged each request that could move money.
    pub fn statuses(&self) -> Vec<u16> {
        self.circle.posted().iter().map(|posted| posted.status).collect()
    }
}
