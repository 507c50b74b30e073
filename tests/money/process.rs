//! One process: a desk over a store that another may take over, and a worker whose requests leave, get lost, come late or not at all.

use crate::chain::{self, Balance, Happening};
use crate::circle::{Circle, Request, amount_of, destination_of, read};
use crate::config::{CHAIN, Config, LEVEL, RECOVERS};
use crate::flight::{Drifting, Flight, Pace};
pub use crate::store::Store;
use fastrand::Rng;
use std::collections::BTreeMap;
use walletwatch::reactor::money::PaymentRow;
use walletwatch::reactor::payments::ask::{Answer, Ask, Asked, Outcome, Unsent, Why};
use walletwatch::reactor::payments::desk::{Desk, Facts, Order, Reading, Refusal, Step, Trigger, Value, Vouched};
use walletwatch::types::{Stage, Timestamp, U256};

/// What the paying wallet holds of the chain's coin.
const COIN: u64 = 20_000_000;

/// The process is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dead;

/// Faults of the process around the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sloppy {
    /// Requests are handed out before the commit.
    pub sends_before_commit: bool,
    /// The worker does not look at `leave_by`.
    pub leaves_late: bool,
    /// A store takes writes of whoever was there before.
    pub no_fence: bool,
}

/// What all processes share.
pub struct Outside {
    pub now: i64,
    /// The wall clock less the true time.
    pub offset: i64,
    pub circle: Circle,
    pub requests: Vec<Request>,
    pub happenings: Vec<Happening>,
    pub balances: [Balance; 2],
    pub config: Config,
    pub drifting: Vec<Drifting>,
    pub violations: Vec<String>,
    pub faulty: bool,
    pub sloppy: Sloppy,
    /// Transactions that moved USDC to a watched address: the block by which they landed.
    pub landed: BTreeMap<String, u64>,
    /// Configs as a process loaded them, with when it did.
    pub loaded: Vec<(i64, Config)>,
}

pub struct Process {
    pub desk: Desk,
    pub store: usize,
    pub epoch: u64,
    pub paused_until: Option<i64>,
    started: i64,
    wall: i64,
    offset_seen: i64,
    flights: Vec<Flight>,
    seen: BTreeMap<usize, (Option<Stage>, u8)>,
    read_at: i64,
    config: Option<Config>,
    /// How far back its first whole list reached.
    listed: Option<i64>,
    /// How often it asks.
    pace: Pace,
}

impl Process {
    pub fn start(store: usize, stores: &mut [Store], out: &Outside, planted: fn(&mut Desk)) -> Self {
        let from = &mut stores[store];
        from.epoch += 1;
        let mut desk = Desk::restore(from.payments.values().cloned().collect(), from.office.clone());
        planted(&mut desk);
        Self {
            desk,
            store,
            epoch: from.epoch,
            paused_until: None,
            started: out.now,
            wall: out.now + out.offset,
            offset_seen: out.offset,
            flights: Vec::new(),
            seen: BTreeMap::new(),
            read_at: 0,
            config: None,
            listed: None,
            pace: Pace::default(),
        }
    }

    pub fn at(&self, now: i64) -> Timestamp {
        Timestamp::from_millis(self.wall + now - self.started)
    }

    pub fn is_off(&self, now: i64) -> bool {
        self.at(now).millis().abs_diff(now) > 1_000
    }

    /// It stands still: what left arrives all the same, and nobody hears the answer.
    pub fn suspend(&mut self, until: i64, out: &mut Outside) {
        self.paused_until = Some(until);
        for flight in self.flights.iter_mut().filter(|flight| flight.left) {
            flight.unheard |= flight.outcome.is_none() || !flight.arrives.is_empty();
            flight.drift(out);
        }
    }

    /// What left arrives all the same.
    pub fn die(self, out: &mut Outside) {
        for mut flight in self.flights.into_iter().filter(|flight| flight.left) {
            flight.drift(out);
        }
    }

    fn commit(&mut self, step: Step, stores: &mut [Store], out: &Outside, rng: &mut Rng) -> Result<(), Dead> {
        if out.sloppy.sends_before_commit {
            self.launch(&mut stores[self.store], out, rng);
        }
        let store = &mut stores[self.store];
        if store.epoch != self.epoch && !out.sloppy.no_fence {
            return Err(Dead);
        }
        let writes = !(step.payments.is_empty() && step.office.is_empty() && step.gone.is_empty());
        let fate = if writes && out.faulty { rng.u16(0..400) } else { 2 };
        if fate == 0 {
            return Err(Dead);
        }
        store.put(&step, out.now);
        if fate == 1 {
            return Err(Dead);
        }
        self.launch(store, out, rng);
        Ok(())
    }

    fn launch(&mut self, store: &mut Store, out: &Outside, rng: &mut Rng) {
        for Asked { ticket, ask } in self.desk.take_asks() {
            if let Ask::Create(create) = &ask {
                let durable = store.payments.get(&create.payment()).and_then(|row| row.live.as_deref());
                if durable.is_none_or(|live| live.attempts < create.attempt()) && !out.sloppy.no_fence {
                    store
                        .faults
                        .push(format!("I2: a request of {} was handed out before its commit", create.payment()));
                }
            }
            store.faults.extend(self.pace.count(&ask, out.now));
            let slow = out.faulty && rng.u8(0..12) == 0;
            let leaves = out.now + if slow { rng.i64(800..5_000) } else { rng.i64(1..400) };
            self.flights.push(Flight {
                ticket,
                ask,
                left: false,
                leaves,
                arrives: Vec::new(),
                ciphertext: 0,
                answers: i64::MAX,
                outcome: None,
                unheard: false,
            });
        }
    }

    /// Everything that is due.
    pub fn run(&mut self, stores: &mut [Store], out: &mut Outside, rng: &mut Rng) -> Result<(), Dead> {
        let at = self.at(out.now);
        if self.config.as_ref() != Some(&out.config) {
            let mut step = Step::default();
            let heads = BTreeMap::from([(CHAIN, chain::height(out.now))]);
            self.desk.configure(Some(out.config.terms(stores[self.store].id)), &heads, at, &mut step);
            self.config = Some(out.config.clone());
            let births = stores[self.store].office.births.clone();
            let committed = self.commit(step, stores, out, rng);
            // It may die of a commit that is durable all the same.
            let loaded = committed.is_ok() || births != stores[self.store].office.births;
            if loaded && out.loaded.last().is_none_or(|(_, config)| *config != out.config) {
                out.loaded.push((out.now, out.config.clone()));
            }
            committed?;
        }
        if self.offset_seen != out.offset {
            let mut step = Step::default();
            self.desk.clock(out.offset - self.offset_seen, at, &mut step);
            self.offset_seen = out.offset;
            self.commit(step, stores, out, rng)?;
        }
        self.look(stores, out, rng)?;
        self.witness(stores, out, rng)?;
        self.fly(stores, out, rng)?;
        let mut step = Step::default();
        let holds = |row: &PaymentRow| Some(holds(out, row));
        self.desk.tick(at, &holds, &mut step);
        self.commit(step, stores, out, rng)
    }

    /// The chain, as the reactor would show it.
    fn look(&mut self, stores: &mut [Store], out: &Outside, rng: &mut Rng) -> Result<(), Dead> {
        let at = self.at(out.now);
        for (index, happening) in out.happenings.iter().enumerate() {
            let stage = happening.stage(out.now);
            let shown = (stage, happening.fork);
            if self.seen.get(&index) == Some(&shown) {
                continue;
            }
            let mut step = Step::default();
            let old = self.seen.insert(index, shown);
            let gone = old.is_some_and(|(stage, fork)| stage.is_some() && (!happening.mined || fork != happening.fork));
            if gone || (old.is_none() && !happening.mined) {
                self.desk.retracted(happening.id(), at, &mut step);
            }
            if let Some(stage) = stage.filter(|_| out.config.matches(happening)) {
                let facts = Facts::Transfer {
                    id: happening.id(),
                    amount: U256::from(happening.amount),
                    from: happening.from,
                    to: happening.to,
                    chain: CHAIN,
                    block: happening.block,
                    stage,
                    suspect: happening.suspect,
                    // Who else sees it says so later.
                    vouched: happening.vouched.min(Vouched::ByOne),
                    block_hash: [happening.fork; 32],
                };
                let time = Timestamp::from_millis(chain::block_time(happening.block));
                self.desk.plan(&Trigger { rule: happening.rule.into(), time, facts }, at, &mut step);
            }
            self.commit(step, stores, out, rng)?;
        }
        if out.now - self.read_at >= 12_000 {
            self.read_at = out.now;
            self.read_balance(stores, out, rng)?;
        }
        Ok(())
    }

    /// Another operator says what it sees of what was planned.
    fn witness(&mut self, stores: &mut [Store], out: &Outside, rng: &mut Rng) -> Result<(), Dead> {
        let at = self.at(out.now);
        let planned: Vec<_> = self.desk.unwitnessed().map(|row| (row.id, row.transfer)).collect();
        for (id, transfer) in planned {
            let sees = |happening: &Happening| happening.mined && happening.vouched == Vouched::ByTwo;
            let seen = out.happenings.iter().any(|happening| Some(happening.id()) == transfer && sees(happening));
            if seen && rng.u8(0..4) != 0 {
                let mut step = Step::default();
                self.desk.witnessed(id, at, &mut step);
                self.commit(step, stores, out, rng)?;
            }
        }
        Ok(())
    }

    /// A transfer that matches by an edit of the config is looked at again.
    pub fn forget_seen(&mut self) {
        self.seen.clear();
    }

    fn read_balance(&mut self, stores: &mut [Store], out: &Outside, rng: &mut Rng) -> Result<(), Dead> {
        let at = self.at(out.now);
        let head = chain::height(out.now);
        let what = out.config.what();
        let balance = &out.balances[usize::from(out.config.place)];
        let last_final = head.saturating_sub(chain::FINAL - 1);
        let waits = self.desk.waits_for_payment(&what).and_then(|id| self.desk.get(id));
        let circle = waits.and_then(|row| row.live.as_deref()).and_then(|live| live.circle_id.as_ref());
        let landed = circle.is_some_and(|id| out.landed.get(id.as_str()).is_some_and(|block| *block <= last_final));
        let broken = out.faulty && rng.u8(0..15) == 0;
        let vouched = match rng.u8(0..30) {
            0 if out.faulty => Vouched::ByNobody,
            1 if out.faulty => Vouched::ByOne,
            _ => Vouched::ByTwo,
        };
        let value = if broken {
            Value::Unknown
        } else {
            let amount = |block: u64| U256::from(u64::try_from(balance.at(block)).expect("no balance is below zero"));
            let (staged, newest) = (amount(last_final), amount(head));
            let level = U256::from(LEVEL);
            let steady = staged < level && newest < level;
            Value::Balance { staged, newest, level, recovers_at: U256::from(RECOVERS), steady, landed }
        };
        let time = Timestamp::from_millis(chain::block_time(head));
        let mut step = Step::default();
        self.desk.read(&Reading { rule: "top up".into(), what, time, value, vouched }, at, &mut step);
        self.commit(step, stores, out, rng)
    }

    fn fly(&mut self, stores: &mut [Store], out: &mut Outside, rng: &mut Rng) -> Result<(), Dead> {
        let now = out.now;
        for flight in &mut self.flights {
            if !flight.left && flight.leaves <= now && flight.outcome.is_none() {
                depart(
                    flight,
                    self.listed,
                    Timestamp::from_millis(self.wall + now - self.started),
                    &stores[self.store],
                    out,
                    rng,
                );
            }
            while let Some(due) = flight.arrives.first().copied().filter(|due| *due <= now) {
                flight.arrives.remove(0);
                flight.outcome = Some(arrive(&flight.ask, flight.ciphertext, due, out, rng));
            }
        }
        let (ended, flying) = std::mem::take(&mut self.flights).into_iter().partition(|flight| flight.answers <= now);
        self.flights = flying;
        let ended: Vec<Flight> = ended;
        for mut flight in ended {
            let unheard = flight.unheard || !flight.arrives.is_empty();
            flight.drift(out);
            let heard = flight.outcome.filter(|_| !unheard);
            let outcome = heard.unwrap_or(Outcome::Ambiguous(Why::Timeout));
            let skewless = matches!(outcome, Outcome::NotSent(_) | Outcome::Ambiguous(Why::Timeout | Why::Broken));
            let date = (!skewless).then(|| Timestamp::from_millis(now));
            if let (Ask::Scan(scan), Outcome::Found(_)) = (&flight.ask, &outcome) {
                self.listed.get_or_insert(now - scan.from.millis());
            }
            let answer = Answer { ticket: flight.ticket, outcome, date, request_id: None, entity_key: None };
            let mut step = Step::default();
            self.desk.answered(answer, self.at(now), &mut step);
            self.commit(step, stores, out, rng)?;
        }
        Ok(())
    }

    /// A person's order.
    pub fn order(
        &mut self,
        order: Order,
        by: &str,
        stores: &mut [Store],
        out: &Outside,
        rng: &mut Rng,
    ) -> Result<Result<(), Refusal>, Dead> {
        let at = self.at(out.now);
        let mut step = Step::default();
        let done = self.desk.order(order, &by.into(), at, &|row| Some(holds(out, row)), &mut step);
        // Of a person's own asking no pace is asked.
        let pace = self.pace.clone();
        self.commit(step, stores, out, rng)?;
        self.pace = pace;
        Ok(done)
    }

    /// Whether something is about to leave.
    pub fn is_eager(&self) -> bool {
        self.flights.iter().any(|flight| !flight.left)
    }

    pub fn is_busy(&self) -> bool {
        !self.flights.is_empty()
    }
}

/// Whether what made a payment still holds.
fn holds(out: &Outside, row: &PaymentRow) -> bool {
    if let Some(id) = row.transfer {
        let found = out.happenings.iter().find(|happening| happening.id() == id);
        found.is_some_and(|happening| happening.mined)
    } else {
        let balance = &out.balances[usize::from(out.config.place)];
        balance.at(chain::height(out.now)) < LEVEL
    }
}

/// A request leaves, or not.
fn depart(flight: &mut Flight, listed: Option<i64>, at: Timestamp, store: &Store, out: &mut Outside, rng: &mut Rng) {
    let now = out.now;
    if let Ask::Create(create) = &flight.ask {
        if at > create.leave_by() && !out.sloppy.leaves_late {
            flight.outcome = Some(Outcome::NotSent(Unsent::TooLate));
            flight.answers = now;
            return;
        }
        let value = read(create.body());
        let reference = value["refId"].as_str().unwrap_or_default().to_owned();
        let durable = store.payments.get(&create.payment()).and_then(|row| row.live.as_deref());
        if durable.is_none_or(|live| live.attempts < create.attempt()) && !out.sloppy.no_fence {
            out.violations.push(format!("I2: a request of {} left before its commit", create.payment()));
        }
        // It reaches two days back, so that what a lost store sent is seen.
        if listed.is_none_or(|reach| reach < 47 * 3_600_000) && out.offset == 0 {
            out.violations.push(format!("§7: a request of {} left before the wallet was listed", create.payment()));
        }
        let last = durable.and_then(|live| live.last_sent);
        if last.is_some_and(|last| at.since(last).as_millis() > 1_000) {
            out.violations.push(format!("§4.2: a request of {} left late", create.payment()));
        }
        let rule = store.payments.get(&create.payment()).map(|row| row.rule.to_string()).unwrap_or_default();
        if create.attempt() == 1 && store.stopped.get(&rule).is_some_and(|since| now > since + 1_000) {
            out.violations.push(format!("§4.7: a request of {} left though its rule is stopped", create.payment()));
        }
        if store.frozen_since.is_some_and(|since| now > since + 1_000) {
            out.violations.push(format!("I7: a request of {} left under freeze", create.payment()));
        }
        out.requests.push(Request {
            left: now,
            key: value["idempotencyKey"].as_str().unwrap_or_default().to_owned(),
            reference,
            destination: destination_of(&value),
            amount: amount_of(&value),
            body: create.body().to_vec(),
            life: store.life,
        });
    }
    flight.left = true;
    let faulty = out.faulty && !out.circle.healed;
    let arrives = now + rng.i64(20..800);
    let (arrives, answers, heard) = match if faulty { rng.u8(0..40) } else { 39 } {
        0 => (None, now + 30_000, false),
        1 => (Some(arrives), now + 30_000, false),
        2 => (Some(now + rng.i64(1_000..29_000)), now + 30_000, true),
        3 => (Some(now + rng.i64(30_000..600_000)), now + 30_000, true),
        _ => (Some(arrives), arrives + rng.i64(20..800), true),
    };
    let again = arrives.filter(|_| faulty && rng.u8(0..30) == 0).map(|at| at + rng.i64(0..5_000));
    // Who asks once more has no answer to pass on until the second copy has one.
    let longer = arrives.zip(again).map_or(0, |(first, again)| again - first);
    flight.answers = if heard { answers + longer } else { answers }.min(now + 30_000);
    flight.arrives = arrives.into_iter().chain(again).collect();
    flight.ciphertext = out.circle.encrypt();
    flight.unheard = !heard;
}

fn arrive(ask: &Ask, ciphertext: u64, now: i64, out: &mut Outside, rng: &mut Rng) -> Outcome {
    match ask {
        Ask::Create(create) => out.circle.create(create.body(), ciphertext, now, rng),
        Ask::Get { id } => out.circle.get(id, now, rng),
        Ask::Scan(scan) => out.circle.list(scan.from.millis(), now, rng),
        Ask::Cancel { .. } => Outcome::CancelAsked,
        Ask::Funds { .. } => Outcome::Funds { usdc: U256::from(out.circle.funds), coin: U256::from(COIN) },
        Ask::Fee { .. } => Outcome::Fee(U256::from(out.circle.fee(now))),
        Ask::Wallet { .. } => Outcome::Ambiguous(Why::Broken),
    }
}
