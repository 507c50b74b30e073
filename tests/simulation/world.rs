//! One world: made by its seed, run with faults, healed, run until it is quiet, and checked.

use crate::balances;
use crate::chain::{BASE, Chain};
use crate::checker;
use crate::explorer::Explorer;
use crate::late::Late;
use crate::process::{Dead, Process};
use crate::sources::{Endpoint, Sources};
use crate::spec::{ChainSpec, OLD_WATCH, Spec, endpoint_name, pair, price};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use walletwatch::reactor::event::{Event, SourceId, SourceKind, SourceReport, SourceState, Tick};
use walletwatch::types::{Timestamp, TransferKey};

/// Steps with faults.
const FAULTY_STEPS: usize = 80;
/// What came and went is said to be back when it has been well for five minutes: so long after the faults, and a little, worlds go on.
const BELIEVED: Duration = Duration::from_mins(8);
/// Steps within which everything has to be said once the faults have ended.
const QUIET_STEPS: usize = 400;

/// What happened in all runs together.
#[derive(Debug, Default)]
pub struct Totals {
    pub heard: u64,
    pub retracted: u64,
    pub deaths: u64,
    pub rehearsed: u64,
    pub gaps: u64,
    pub repeats: u64,
    /// Chains that an explorer read in their endpoints' place, and handed back.
    pub handed_back: u64,
    /// Balances that crossed, and crossings that a fork took back.
    pub crossed: u64,
    pub uncrossed: u64,
    /// Messages of what lies before a watch.
    pub history: u64,
    /// Addresses that came, and orders that took some away.
    pub added: u64,
    pub removed: u64,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        self.heard += other.heard;
        self.retracted += other.retracted;
        self.deaths += other.deaths;
        self.rehearsed += other.rehearsed;
        self.gaps += other.gaps;
        self.repeats += other.repeats;
        self.handed_back += other.handed_back;
        self.crossed += other.crossed;
        self.uncrossed += other.uncrossed;
        self.history += other.history;
        self.added += other.added;
        self.removed += other.removed;
    }

    /// Whether every kind of thing happened.
    pub fn is_eventful(&self) -> bool {
        let deliveries = [self.heard, self.retracted, self.repeats, self.rehearsed, self.crossed, self.uncrossed];
        let others = [self.deaths, self.gaps, self.handed_back, self.history, self.added, self.removed];
        deliveries.into_iter().chain(others).all(|count| count > 0)
    }
}

struct World {
    spec: Spec,
    rng: Rng,
    now: Timestamp,
    chains: Vec<Chain>,
    sources: Vec<Sources>,
    /// Time that is left of each chain's present block.
    price: u64,
    feed_up: bool,
    feed_introduced: bool,
    process: Process,
    late: Late,
    /// What sources said and the pump has not taken.
    waiting: Vec<Event>,
    gaps: u64,
    /// Every event is printed.
    told_aloud: bool,
}

/// Runs one seed.
pub fn run(seed: u64) -> Result<Totals, String> {
    lived(seed).map(|world| world.totals())
}

/// Everything that the receivers got, byte for byte.
pub fn heard(seed: u64) -> Result<Vec<(String, bytes::Bytes)>, String> {
    let world = lived(seed)?;
    Ok(world.process.heard.into_iter().map(|one| (one.id.to_string(), one.body)).collect())
}

fn lived(seed: u64) -> Result<World, String> {
    let mut world = World::new(seed);
    world.begin()?;
    for _ in 0..FAULTY_STEPS {
        world.step(true)?;
    }
    world.heal()?;
    if world.told_aloud {
        for row in &world.process.reactor.tables().transfers {
            println!("left: {row:?}");
        }
        for row in world.process.store.outbox() {
            let body = String::from_utf8_lossy(&row.message.body);
            println!("{} {:?} {:?} to {}: {body}", row.message.created, row.state, row.reason, row.message.sink);
        }
    }
    checker::check(&world.spec, &world.chains, &world.late, &world.process.heard)?;
    balances::check(&world.spec, &world.chains, &world.late, &world.process.heard)?;
    world.check_revisions()?;
    world.check_past()?;
    Ok(world)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now = Timestamp::from_secs(1_700_000_000);
        let mut long_ago = Rng::with_seed(seed ^ 0x9e37_79b9_7f4a_7c15);
        let mut later = Rng::with_seed(seed ^ 0xd1b5_4a32_d192_ed03);
        let spec = Spec::draw(&mut rng).with_past(&mut long_ago).with_late(&mut later);
        let mut chains: Vec<Chain> = spec.chains.iter().map(|chain| Chain::new(chain.id, now)).collect();
        for (chain, of) in chains.iter_mut().zip(&spec.chains).filter(|(_, of)| of.past > 0) {
            chain.live_through(of.past, Spec::still(of), &spec.cast, &of.kinds(), now, &mut long_ago);
        }
        let sources = spec.chains.iter().map(sources_of).collect();
        let process = Process::new(&spec, now, &mut rng);
        Self {
            spec,
            rng,
            now,
            chains,
            sources,
            price: 110,
            feed_up: true,
            feed_introduced: false,
            process,
            late: Late::new(later),
            waiting: Vec::new(),
            gaps: 0,
            told_aloud: std::env::var_os("SIMULATION_ALOUD").is_some(),
        }
    }

    /// Runs without faults until every chain is followed: what comes from here on has to be said.
    fn begin(&mut self) -> Result<(), String> {
        for _ in 0..20 {
            self.step(false)?;
            let followed = |chain: &ChainSpec| {
                let state = self.process.reactor.chain(chain.id);
                state.is_some_and(|state| {
                    state.row().started.is_some() && (chain.endpoints == 0 || state.tip().is_some())
                })
            };
            if self.spec.chains.iter().all(followed) {
                for chain in &mut self.chains {
                    chain.floor = chain.blocks[chain.tip].at.number;
                }
                return Ok(());
            }
        }
        Err("the chains are not followed".to_owned())
    }

    fn step(&mut self, faulty: bool) -> Result<(), String> {
        self.pass_time(faulty);
        let alive = self.turn(faulty);
        if alive == Err(Dead) {
            self.process.die(&mut self.rng);
            if self.told_aloud {
                println!("{} the process dies", self.now);
            }
            self.waiting.clear();
            self.sources.iter_mut().for_each(Sources::forget);
            self.feed_introduced = false;
            self.now = self.now.after(Duration::from_millis(self.rng.u64(1..60_000)));
            self.process.start(self.now);
        }
        if self.rng.u8(0..24) == 0 {
            self.process.check_rebuilt(self.now)?;
        }
        for chain in &self.spec.chains {
            if let Some(reason) = self.process.reactor.chain(chain.id).and_then(|state| state.row().stopped.clone()) {
                return Err(format!("chain {} was stopped: {}", chain.id, reason.reason()));
            }
            self.gaps += self.process.reactor.chain(chain.id).map_or(0, |state| state.gaps().count() as u64);
        }
        Ok(())
    }

    /// The world moves: blocks, forks, faults, prices.
    fn pass_time(&mut self, faulty: bool) {
        let rng = &mut self.rng;
        let span = match rng.u16(0..200) {
            0 if faulty => rng.u64(60_000..1_200_000),
            1..4 if faulty => rng.u64(20_000..60_000),
            _ => rng.u64(300..6_000),
        };
        // Now and then more blocks pass than a reader may walk back over.
        let block_time = self.spec.chains.iter().map(|chain| chain.block_time).min().unwrap_or_default();
        let span = if faulty && rng.u16(0..300) == 0 {
            u64::try_from(block_time.as_millis()).expect("it is short") * rng.u64(250..420)
        } else {
            span
        };
        let most = if span > 60_000 { 420 } else { 60 };
        self.now = self.now.after(Duration::from_millis(span));
        for (place, chain) in self.chains.iter_mut().enumerate() {
            let spec = &self.spec.chains[place];
            let block_time = u64::try_from(spec.block_time.as_millis()).expect("it is short");
            let due = span / block_time + u64::from(rng.u64(0..block_time) < span % block_time);
            let due = due.min(most);
            if faulty && rng.u8(0..4) == 0 {
                chain.transact(&self.spec.cast, &spec.kinds(), rng);
            }
            let mut due = due;
            if faulty && rng.u8(0..14) == 0 {
                let depth = if rng.bool() { 1 } else { rng.u64(1..=crate::chain::DEEPEST_FORK) };
                let gone = chain.go_back(depth, rng);
                // Mostly the new fork is there with its blocks; sometimes the chain is just shorter for a while.
                due = if rng.u8(0..4) == 0 { due } else { due + gone + 1 };
            }
            for _ in 0..due {
                chain.mine(self.now, rng);
            }
            self.sources[place].trouble(chain, rng, faulty);
            if span > 60_000 {
                self.sources[place].catch_up(chain);
            }
        }
        self.price = self.price.saturating_add_signed(rng.i64(-8..=8)).clamp(80, 130);
        self.feed_up = if faulty && rng.u8(0..20) == 0 { !self.feed_up } else { self.feed_up || !faulty };
    }

    /// The process works.
    fn turn(&mut self, faulty: bool) -> Result<(), Dead> {
        let mut said = Vec::new();
        let wants = self.process.reactor.wants().clone();
        for (chain, sources) in self.chains.iter().zip(&mut self.sources) {
            let of_chain = wants.chains.get(&chain.id).cloned().unwrap_or_default();
            sources.speak(chain, (&of_chain, &wants.watched), &mut self.rng, faulty, &mut said);
        }
        self.feed(&mut said);
        if faulty && self.rng.u8(0..30) == 0 {
            said.push(self.process.reload());
        }
        self.waiting.extend(said);
        self.order(faulty)?;
        // What is not taken now is taken later, when it is old.
        let take =
            if faulty && self.rng.u8(0..4) == 0 { self.rng.usize(..=self.waiting.len()) } else { self.waiting.len() };
        let mut taken: Vec<Event> = self.waiting.drain(..take).collect();
        if self.told_aloud {
            taken.iter().for_each(|event| println!("{} {}", self.now, crate::aloud::event(event)));
        }
        while !taken.is_empty() {
            let batch = taken.drain(..self.rng.usize(1..12).min(taken.len())).collect();
            self.process.turn(self.now, batch, &mut self.rng, faulty)?;
        }
        self.process.deadlines(self.now, &mut self.rng, faulty)?;
        self.process.deliver(self.now, &mut self.rng, faulty)
    }

    /// The watch list changes, while what was read for the old one waits.
    fn order(&mut self, faulty: bool) -> Result<(), Dead> {
        let Some(order) = self.late.order(&self.spec.cast, self.spec.has_past(), faulty) else { return Ok(()) };
        if self.told_aloud {
            println!("{} {order:?}", self.now);
        }
        let answer = self.process.order(self.now, order, &mut self.rng, faulty)?;
        if self.told_aloud {
            println!("{} {answer:?}", self.now);
        }
        self.late.answered(&answer, &self.chains, &self.spec.cast).expect("an order is answered");
        Ok(())
    }

    fn feed(&mut self, said: &mut Vec<Event>) {
        if self.feed_up != self.feed_introduced {
            self.feed_introduced = self.feed_up;
            let source = SourceId { kind: SourceKind::Feed, chain: None, name: "feed".into() };
            let state = if self.feed_up { SourceState::Fresh } else { SourceState::Stale };
            said.push(Event::Source(SourceReport { source, state }));
        }
        if self.feed_up && self.rng.bool() {
            let tick = Tick { feed: "feed".into(), pair: pair(), price: price(self.price), time: self.now };
            said.push(Event::Tick(tick));
        }
    }

    /// The faults end; everything has to come right.
    fn heal(&mut self) -> Result<(), String> {
        self.process.enable_all(self.now);
        self.chains.iter_mut().for_each(|chain| chain.dear = true);
        let healed = self.now;
        for step in 0..QUIET_STEPS {
            let goal = self.spec.chains.iter().map(|chain| chain.final_after).max().unwrap_or(0) / 3 + 16;
            let mined = step as u64 > goal && self.chains.iter().all(|chain| chain.waiting.is_empty());
            // As much time as three blocks take on the slowest chain.
            let block_time = self.spec.chains.iter().map(|chain| chain.block_time).max().unwrap_or_default();
            self.now = self.now.after((block_time * 3).max(Duration::from_secs(2)));
            for chain in &mut self.chains {
                (0..3).for_each(|_| chain.mine(self.now, &mut self.rng));
            }
            self.step(false)?;
            if mined && self.is_quiet() && self.now.since(healed) >= BELIEVED {
                return self.drain();
            }
        }
        let wants = self.process.reactor.wants().chains.values();
        let open: Vec<_> = wants.map(|wants| (&wants.gaps, &wants.receipts, &wants.tokens)).collect();
        Err(format!("it does not come to rest: {open:?}"))
    }

    fn is_quiet(&mut self) -> bool {
        let lowest = self.spec.chains.iter().map(|chain| {
            let state = self.process.reactor.chain(chain.id);
            let unread = self.process.reactor.open_backfills(chain.id).count();
            unread
                + state.map_or(0, |state| state.gaps().count() + usize::from(chain.endpoints > 0 && !state.is_fresh()))
        });
        let lowest: usize = lowest.sum();
        let mut wants = self.process.reactor.wants().chains.values().map(|wants| (&wants.receipts, &wants.balances));
        let came = wants.all(|(receipts, soon)| receipts.is_empty() && soon.iter().all(|want| !want.soon));
        lowest == 0 && self.late.is_quiet() && came
    }

    /// Delivers what is left.
    fn drain(&mut self) -> Result<(), String> {
        let mut rounds = 0;
        loop {
            let mut open = 0;
            self.process.machine.status().for_each(|status| open += status.pending);
            if open == 0 {
                return Ok(());
            }
            rounds += 1;
            // An attempt that was under way when the faults ended may have been told never to call again.
            if rounds == 20 {
                self.process.enable_all(self.now);
            }
            if rounds > 5_000 {
                return Err(format!(
                    "deliveries do not come to rest: {:?}",
                    self.process.machine.status().collect::<Vec<_>>()
                ));
            }
            let flying = self.process.flights.iter().map(|flight| flight.due).min();
            let wake = flying.into_iter().chain(self.process.machine.next_wake()).min();
            self.now = wake.map_or(self.now, |wake| wake.max(self.now)).after(Duration::from_millis(1));
            let delivered = self.process.deliver(self.now, &mut self.rng, false);
            delivered.map_err(|Dead| "it died without a fault".to_owned())?;
        }
    }

    /// The messages of each alert are numbered from 1 without a hole.
    fn check_revisions(&self) -> Result<(), String> {
        let mut revisions: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
        for row in self.process.store.outbox() {
            revisions.entry(row.message.alert).or_default().insert(row.message.revision);
        }
        let whole = |set: &BTreeSet<u32>| (1..).zip(set).all(|(expected, revision)| expected == *revision);
        let wrong = revisions.iter().find(|(_, set)| !whole(set));
        wrong.map_or(Ok(()), |(alert, set)| Err(format!("the revisions of {alert} are {set:?}")))
    }

    /// The past of the watch that asks for it is in the store: each movement once, and complete from where it was asked.
    fn check_past(&self) -> Result<(), String> {
        for chain in self.chains.iter().filter(|chain| chain.past > 0) {
            let (_, addresses) =
                self.spec.cast.watches.iter().find(|(name, _)| *name == OLD_WATCH).expect("it is there");
            for address in addresses {
                let from = self.process.reactor.complete_from(chain.id, address);
                if from != Some(BASE + 1) {
                    return Err(format!("{address} on {} is complete from {from:?}", chain.id));
                }
                let past = chain.txs[..chain.past].iter().flat_map(|tx| &tx.movements);
                let mut expected: Vec<String> = past
                    .filter(|it| it.parties().any(|party| party == address))
                    .map(|it| format!("{} {} {:?} {} {}", it.tx, it.kind.word(), it.asset, it.from, it.amount))
                    .collect();
                // What somebody who came later shares with it may be history to them.
                let cast = &self.spec.cast;
                let alone = |key: &TransferKey| cast.late_of(key.from).or(cast.late_of(key.to)).is_none();
                let is_past = |key: &TransferKey| chain.txs[..chain.past].iter().any(|tx| tx.hash == key.tx);
                let rows = self.process.store.transfers().filter(|row| row.key.chain == chain.id && row.history);
                let rows = rows.filter(|row| alone(&row.key) || is_past(&row.key));
                let mut held: Vec<String> = rows
                    .map(|row| row.key)
                    .filter(|it| it.parties().any(|party| party == address))
                    .map(|it| format!("{} {} {:?} {} {}", it.tx, it.kind.word(), it.asset, it.from, it.amount))
                    .collect();
                expected.sort();
                held.sort();
                if expected != held {
                    return Err(format!("the past of {address} on {}: {expected:#?} and not {held:#?}", chain.id));
                }
            }
        }
        Ok(())
    }

    fn totals(&self) -> Totals {
        let heard = &self.process.heard;
        let of = |kind: &[u8]| heard.iter().filter(|one| one.body.windows(kind.len()).any(|part| part == kind)).count();
        let distinct: BTreeSet<_> = heard.iter().map(|one| one.id).collect();
        Totals {
            heard: heard.len() as u64,
            retracted: of(b"\"transfer.retracted\"") as u64,
            deaths: u64::from(self.process.deaths),
            rehearsed: of(b"\"payment.rehearsed\"") as u64,
            gaps: self.gaps,
            repeats: (heard.len() - distinct.len()) as u64,
            handed_back: of(b"the chain's own blocks are read again") as u64,
            crossed: of(b"\"balance.crossed\"") as u64,
            uncrossed: of(b"\"balance.retracted\"") as u64,
            history: of(b"\"history\":true") as u64,
            added: self.late.added,
            removed: self.late.removed,
        }
    }
}

fn sources_of(spec: &ChainSpec) -> Sources {
    let endpoint = |place: usize| Endpoint {
        name: endpoint_name(place),
        up: true,
        traces: spec.traces[place],
        chooses: spec.chooses,
        head: 0,
        introduced: false,
        forgetful: false,
    };
    let explorer =
        || Explorer { name: "explorer".into(), up: true, introduced: false, backends: [0, 0], hidden: BTreeSet::new() };
    Sources {
        endpoints: (0..spec.endpoints).map(endpoint).collect(),
        explorer: spec.explorer.then(explorer),
        tags: spec.tags,
        final_after: spec.final_after,
        cut: 0,
    }
}
