//! A desk on a bench: every commit is kept, every question is answered at once by an honest Circle, time goes when it is told to.

use crate::chain::address;
use crate::circle::{Character, Circle};
use crate::store::Store;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;
use walletwatch::reactor::money::{PaymentRow, PaymentState};
use walletwatch::reactor::office::OfficeTables;
use walletwatch::reactor::payments::ask::{Answer, Ask, Asked, Outcome, Why};
use walletwatch::reactor::payments::desk::terms::{Offer, OfferAmount, PayeeTerms, Terms, sha256};
use walletwatch::reactor::payments::desk::{Desk, Facts, Order, Reading, Refusal, Step, Trigger, Value, Vouched};
use walletwatch::types::{ChainId, Name, PaymentId, Stage, Timestamp, TransferId, U256};

pub const CHAIN: ChainId = ChainId(1);
pub const HOUR: i64 = 3_600_000;
/// The head that every rule is born at.
pub const BORN_AT: u64 = 100;

/// How creates are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// As Circle does.
    Usual,
    /// It arrives, and nobody hears of it.
    DoneUnheard,
    /// It is lost on its way.
    Lost,
    /// It stays on its way.
    Kept,
}

pub struct Bench {
    pub desk: Desk,
    pub store: Store,
    pub circle: Circle,
    pub terms: Terms,
    pub at: i64,
    pub post: Post,
    /// Whether what made payments holds.
    pub holds: Option<bool>,
    pub fee: u64,
    pub coin: u64,
    /// What is on its way.
    pub kept: Vec<Asked>,
    /// When each create was handed out, with whether it was answered.
    pub left: Vec<(i64, PaymentId)>,
    pub said: Vec<walletwatch::reactor::payments::desk::Said>,
    /// How many lists were answered.
    pub scans: usize,
    rng: Rng,
}

pub fn offer(payee: &str) -> Offer {
    Offer {
        payee: payee.into(),
        amount: OfferAmount::Match(U256::ZERO),
        stage: Stage::Final,
        per_payment: U256::from(100),
        per_day: U256::from(250),
        in_total: U256::from(600),
        max_per_day: 10,
        manual: false,
        expires: Duration::from_hours(24),
        max_fee: Some(U256::from(1_000)),
        usual: Duration::from_mins(15),
        mark: sha256("mark", &[payee.as_bytes()]),
    }
}

/// Two rules, each with a payee.
pub fn terms() -> Terms {
    let payee = |number: u8, per_day: u64| PayeeTerms { address: address(number), per_day: U256::from(per_day) };
    Terms {
        store: [7; 16],
        environment: "test".into(),
        wallet: "w-1".into(),
        chain: CHAIN,
        blockchain: "ETH".into(),
        token: address(0x05),
        wallet_address: Some(address(0xee)),
        per_day: U256::from(10_000),
        in_total: U256::from(100_000),
        two_approvals_over: None,
        gasless: false,
        relaxed: false,
        payees: BTreeMap::from([("a".into(), payee(0xa1, 10_000)), ("b".into(), payee(0xb1, 10_000))]),
        offers: BTreeMap::from([("one".into(), offer("a")), ("two".into(), offer("b"))]),
        watched: vec![address(0x70), address(0x71)],
        fingerprint: [0; 32],
    }
}

/// What triggers.
pub fn facts(number: u8, amount: u64) -> Facts {
    Facts::Transfer {
        id: TransferId([number; 16]),
        amount: U256::from(amount),
        from: address(0x51),
        to: address(0x70),
        chain: CHAIN,
        block: BORN_AT + 1,
        stage: Stage::Final,
        suspect: false,
        vouched: Vouched::ByTwo,
        block_hash: [1; 32],
    }
}

impl Bench {
    pub fn new(terms: Terms) -> Self {
        let character = Character { lag: 0, forgets: false, mute: false, broken: 0, refuses: 0, ends_badly: 0 };
        let mut bench = Self {
            desk: Desk::restore(Vec::new(), OfficeTables::default()),
            store: Store::default(),
            circle: Circle::new(character),
            terms: terms.clone(),
            at: 1_790_000_000_000,
            post: Post::Usual,
            holds: Some(true),
            fee: 1_000,
            coin: 1_000,
            kept: Vec::new(),
            left: Vec::new(),
            said: Vec::new(),
            scans: 0,
            rng: Rng::with_seed(1),
        };
        bench.configure(terms);
        bench.accept();
        for payee in bench.terms.payees.keys().cloned().collect::<Vec<_>>() {
            for name in ["ann", "bob"] {
                let _ = bench.order(Order::WaivePayee { payee: payee.clone() }, name);
            }
        }
        bench
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    pub fn configure(&mut self, terms: Terms) {
        self.terms = terms.sealed();
        let (terms, at) = (self.terms.clone(), self.now());
        let heads = BTreeMap::from([(CHAIN, BORN_AT)]);
        self.act(|desk, step| desk.configure(Some(terms), &heads, at, step));
    }

    pub fn accept(&mut self) {
        let fingerprint = self.terms.fingerprint;
        assert_eq!(self.order(Order::Accept { fingerprint }, "ann"), Ok(()));
    }

    /// It dies, and another goes on over what is durable.
    pub fn restart(&mut self) {
        self.desk = Desk::restore(self.store.payments.values().cloned().collect(), self.store.office.clone());
        self.kept.clear();
        let terms = self.terms.clone();
        self.configure(terms);
    }

    pub fn act<T>(&mut self, act: impl FnOnce(&mut Desk, &mut Step) -> T) -> T {
        let mut step = Step::default();
        let done = act(&mut self.desk, &mut step);
        self.store.put(&step, self.at);
        assert_eq!(self.store.faults, Vec::<String>::new());
        self.said.extend(step.said);
        for asked in self.desk.take_asks() {
            if let Ask::Create(create) = &asked.ask {
                self.left.push((self.at, create.payment()));
            }
            self.kept.push(asked);
        }
        done
    }

    /// Everything that is asked is answered. Who asks without an end does so without a pace.
    pub fn answer(&mut self) {
        let mut rounds = 0;
        while let Some(place) = self.kept.iter().position(|asked| !self.keeps(&asked.ask)) {
            let Asked { ticket, ask } = self.kept.remove(place);
            rounds += 1;
            assert!(rounds <= 1_000, "it asks without a pause: {ask:?}");
            self.scans += usize::from(matches!(ask, Ask::Scan(_)));
            let outcome = self.outcome(&ask);
            let answer = Answer { ticket, outcome, date: None, request_id: None, entity_key: None };
            let (at, holds) = (self.now(), self.holds);
            self.act(|desk, step| {
                desk.answered(answer, at, step);
                desk.tick(at, &|_| holds, step);
            });
        }
    }

    fn keeps(&self, ask: &Ask) -> bool {
        matches!(ask, Ask::Create(_)) && self.post == Post::Kept
    }

    fn outcome(&mut self, ask: &Ask) -> Outcome {
        match ask {
            Ask::Create(_) if self.post == Post::Lost => Outcome::Ambiguous(Why::Broken),
            Ask::Create(create) => {
                let ciphertext = self.circle.encrypt();
                let told = self.circle.create(create.body(), ciphertext, self.at, &mut self.rng);
                if self.post == Post::DoneUnheard { Outcome::Ambiguous(Why::Timeout) } else { told }
            }
            Ask::Get { id } => self.circle.get(id, self.at, &mut self.rng),
            Ask::Scan(scan) => self.circle.list(scan.from.millis(), self.at, &mut self.rng),
            Ask::Funds { .. } => Outcome::Funds { usdc: U256::from(self.circle.funds), coin: U256::from(self.coin) },
            Ask::Fee { .. } => Outcome::Fee(U256::from(self.fee)),
            Ask::Cancel { .. } => Outcome::CancelAsked,
            Ask::Wallet { .. } => Outcome::Ambiguous(Why::Broken),
        }
    }

    pub fn tick(&mut self) {
        let (at, holds) = (self.now(), self.holds);
        self.act(|desk, step| desk.tick(at, &|_| holds, step));
        self.answer();
    }

    /// So much time goes by, a second or a minute at a time.
    pub fn pass(&mut self, millis: i64) {
        let until = self.at + millis;
        let step = if millis > HOUR { 60_000 } else { 1_000 };
        while self.at < until {
            self.at = (self.at + step).min(until);
            self.tick();
        }
    }

    /// What Circle was asked for is at its end.
    pub fn settle(&mut self) {
        for _ in 0..400 {
            self.at += 10_000;
            self.tick();
            let waits = |row: &PaymentRow| matches!(row.state, PaymentState::Held | PaymentState::Human);
            if self.store.payments.values().all(|row| row.state.is_terminal() || waits(row)) {
                return;
            }
        }
    }

    /// Until it is there, for as long as it could take.
    pub fn settle_to(&mut self, state: PaymentState, id: PaymentId) {
        for _ in 0..300 {
            if self.row(id).state == state {
                return;
            }
            self.pass(10_000);
        }
    }

    pub fn plan(&mut self, rule: &str, facts: Facts) -> Option<PaymentRow> {
        let (time, at) = (self.now(), self.now());
        let before = self.store.payments.len();
        let known: Vec<PaymentId> = self.store.payments.keys().copied().collect();
        self.act(|desk, step| desk.plan(&Trigger { rule: rule.into(), time, facts }, at, step));
        (self.store.payments.len() > before)
            .then(|| self.store.payments.values().find(|row| !known.contains(&row.id)).cloned())
            .flatten()
    }

    pub fn read(&mut self, value: Value) {
        let at = self.now();
        let what: Name = "one/hot".into();
        let reading = Reading { rule: "one".into(), what, time: at, value, vouched: Vouched::ByTwo };
        self.act(|desk, step| desk.read(&reading, at, step));
    }

    pub fn order(&mut self, order: Order, by: &str) -> Result<(), Refusal> {
        let (at, holds) = (self.now(), self.holds);
        self.act(|desk, step| desk.order(order, &by.into(), at, &|_| holds, step))
    }

    pub fn approve(&mut self, payment: PaymentId, by: &str) -> Result<(), Refusal> {
        let body = self.row(payment).live.expect("it is live").hash;
        self.order(Order::Approve { payment, body, anyway: false }, by)
    }

    pub fn row(&self, id: PaymentId) -> PaymentRow {
        self.store.payments[&id].clone()
    }

    /// Where it stands, and why.
    pub fn stands(&self, id: PaymentId) -> (PaymentState, String) {
        let row = self.row(id);
        (row.state, row.reason.map(|why| why.to_string()).unwrap_or_default())
    }

    /// What Circle paid, raw.
    pub fn paid(&self) -> u64 {
        self.circle.made.iter().filter(|made| made.paid_at().is_some()).map(|made| made.amount).sum()
    }
}
