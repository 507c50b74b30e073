//! The process under test: a reactor, the delivery machine and the model store, joined by `app::turn::turn` as the pump joins them.
//!
//! It can die at any commit, before or after it is durable. What is in memory is gone then.

use crate::receivers::{Flight, Heard};
use crate::spec::{SINKS, Spec};
use fastrand::Rng;
use walletwatch::app::turn::turn;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::Reply;
use walletwatch::reactor::event::{Command, Event};
use walletwatch::reactor::rows::TransferRow;
use walletwatch::reactor::settings::Settings;
use walletwatch::reactor::watch_list::{WatchAnswer, WatchOrder};
use walletwatch::sinks::delivery::{LaneSettings, Machine};
use walletwatch::sinks::webhook::verdict;
use walletwatch::store::{Commit, DeliveryWrite, ModelStore, OutboxRow, Store};
use walletwatch::types::{B256, Name, Timestamp};

/// The process is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dead;

/// When to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fuse {
    Never,
    BeforeCommit,
    AfterCommit,
}

/// The store, which may take the process with it.
struct Doomed<'a> {
    model: &'a mut ModelStore,
    fuse: Fuse,
}

impl Store for Doomed<'_> {
    type Fault = Dead;

    fn load(&mut self) -> Result<(walletwatch::reactor::rows::Tables, Option<Timestamp>), Dead> {
        self.model.load().map_err(|never| match never {})
    }

    fn commit(&mut self, commit: &Commit) -> Result<Vec<OutboxRow>, Dead> {
        if self.fuse == Fuse::BeforeCommit {
            return Err(Dead);
        }
        let rows = self.model.commit(commit).map_err(|never| match never {})?;
        if self.fuse == Fuse::AfterCommit { Err(Dead) } else { Ok(rows) }
    }

    fn deliver(&mut self, writes: &[DeliveryWrite]) -> Result<(), Dead> {
        self.model.deliver(writes).map_err(|never| match never {})
    }

    fn open_outbox(&mut self) -> Result<(Vec<OutboxRow>, Vec<Name>), Dead> {
        self.model.open_outbox().map_err(|never| match never {})
    }
}

/// One life of the process, and what outlives it.
pub struct Process {
    pub store: ModelStore,
    pub reactor: Reactor,
    pub machine: Machine,
    pub flights: Vec<Flight>,
    pub heard: Vec<Heard>,
    pub deaths: u32,
    settings: Settings,
    small: bool,
}

impl Process {
    pub fn new(spec: &Spec, now: Timestamp, rng: &mut Rng) -> Self {
        let mut process = Self {
            store: ModelStore::default(),
            reactor: Reactor::default(),
            machine: Machine::new(Vec::new(), Vec::new(), &[], now),
            flights: Vec::new(),
            heard: Vec::new(),
            deaths: 0,
            settings: spec.settings(),
            small: rng.bool(),
        };
        process.start(now);
        process
    }

    /// Goes on from what is in the store.
    pub fn start(&mut self, now: Timestamp) {
        let Ok((tables, _)) = self.store.load();
        self.reactor = Reactor::restore(tables, now);
        let Ok((open, disabled)) = self.store.open_outbox();
        let room = if self.small { 2_000 } else { 1_000_000 };
        self.machine = Machine::with_room(room, lanes(), open, &disabled, now);
        let configured = Event::Configured(Box::new(self.settings.clone()));
        let Ok(turned) = turn(&mut self.reactor, &mut self.store, [(now, configured)]);
        self.machine.arrived(turned.rows, now);
    }

    /// The process dies: what was under way arrives or does not, and nobody hears the answer.
    pub fn die(&mut self, rng: &mut Rng) {
        self.deaths += 1;
        let arrived: Vec<Flight> = self.flights.drain(..).filter(|flight| flight.arrives && rng.bool()).collect();
        self.heard.extend(arrived.into_iter().map(|flight| flight.heard));
    }

    /// A reload of the config as it is: it changes nothing, and is said to nobody.
    pub fn reload(&self) -> Event {
        Event::Configured(Box::new(self.settings.clone()))
    }

    /// Somebody changes the watch list. Who asked hears nothing where the process dies with it.
    pub fn order(
        &mut self,
        now: Timestamp,
        order: WatchOrder,
        rng: &mut Rng,
        faulty: bool,
    ) -> Result<WatchAnswer, Dead> {
        let answers = self.turn(now, vec![Event::Command(Command::Watches(Box::new(order)))], rng, faulty)?;
        Ok(answers.into_iter().next().expect("an order is answered with its commit"))
    }

    /// One turn of the pump. Gives what orders were answered.
    pub fn turn(
        &mut self,
        now: Timestamp,
        events: Vec<Event>,
        rng: &mut Rng,
        faulty: bool,
    ) -> Result<Vec<WatchAnswer>, Dead> {
        let fuse = match rng.u16(0..160) {
            0 if faulty => Fuse::BeforeCommit,
            1 if faulty => Fuse::AfterCommit,
            _ => Fuse::Never,
        };
        let mut doomed = Doomed { model: &mut self.store, fuse };
        let turned = turn(&mut self.reactor, &mut doomed, events.into_iter().map(|event| (now, event)))?;
        self.machine.arrived(turned.rows, now);
        let of_watches = |reply| match reply {
            Reply::Watches(answer) => Some(answer),
            Reply::Payments(_) | Reply::Silences(_) | Reply::Why(_) | Reply::WhyPayment(_) => None,
        };
        Ok(turned.answers.into_iter().filter_map(of_watches).collect())
    }

    /// Deadlines that were reached, as the pump takes them.
    pub fn deadlines(&mut self, now: Timestamp, rng: &mut Rng, faulty: bool) -> Result<(), Dead> {
        while let Some((_, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= now) {
            self.turn(now, vec![Event::Deadline(deadline)], rng, faulty)?;
        }
        Ok(())
    }

    /// Begins attempts, takes answers, writes what became of them.
    pub fn deliver(&mut self, now: Timestamp, rng: &mut Rng, faulty: bool) -> Result<(), Dead> {
        let (ended, flying) = std::mem::take(&mut self.flights).into_iter().partition(|flight| flight.due <= now);
        self.flights = flying;
        let mut ended: Vec<Flight> = ended;
        ended.sort_by_key(|flight| flight.due);
        for flight in ended {
            let sink = flight.heard.sink.clone();
            if flight.arrives {
                self.heard.push(flight.heard);
            }
            let _ = self.machine.answered(&sink, flight.seq, verdict(&flight.answer), now, rng.u64(..));
        }
        let begun = self.machine.step(now);
        let writes = self.machine.take_writes();
        if !writes.is_empty() && faulty && rng.u16(0..200) == 0 {
            return Err(Dead);
        }
        // What was superseded is closed for good before anything behind it leaves.
        let Ok(()) = self.store.deliver(&writes);
        for begun in begun {
            let row = begun.row.clone().map(|row| (*row).clone());
            let row = row.or_else(|| self.store.outbox().find(|row| row.seq == begun.seq).cloned());
            let message = row.expect("a row that was begun is in the store").message;
            let heard = Heard { sink: begun.sink, id: message.id, body: message.body };
            self.flights.push(Flight::launch(begun.seq, heard, now, rng, faulty));
        }
        let reports: Vec<Event> = self.machine.take_reports().into_iter().map(Event::Delivery).collect();
        if reports.is_empty() { Ok(()) } else { self.turn(now, reports, rng, faulty).map(drop) }
    }

    /// A person opens every sink again.
    pub fn enable_all(&mut self, now: Timestamp) {
        for sink in SINKS {
            self.machine.enable(&sink.into(), now).expect("it is in the config");
        }
    }

    /// A rebuilt reactor equals the running one.
    pub fn check_rebuilt(&mut self, now: Timestamp) -> Result<(), String> {
        let Ok((stored, _)) = self.store.load();
        same("what the store holds", &sorted(self.reactor.tables()), &sorted(stored.clone()))?;
        let mut rebuilt = Reactor::restore(stored, now);
        same("a rebuilt reactor", &sorted(self.reactor.tables()), &sorted(rebuilt.tables()))?;
        let _ = rebuilt.handle(now, Event::Configured(Box::new(self.settings.clone())));
        for chain in self.settings.chains.keys() {
            let ours = self.reactor.wants().chains.get(chain).cloned().unwrap_or_default();
            let theirs = rebuilt.wants().chains.get(chain).cloned().unwrap_or_default();
            // Which receipts were answered since the explorer's last answer is soft, what its proxy's head was, and who is fresh.
            let plain = |wants: &walletwatch::reactor::wants::ChainWants| {
                let mut wants = wants.clone();
                wants.receipts.clear();
                // And so is which endpoints vouch now.
                wants.views.iter_mut().for_each(|view| view.leads = true);
                wants.explorer_head = false;
                wants.explorer_receipts = false;
                wants
            };
            same("what a rebuilt reactor wants", &plain(&ours), &plain(&theirs))?;
            if ours.explorer_head && !theirs.explorer_head {
                return Err("a rebuilt reactor does not want the explorer's head".to_owned());
            }
            // Receipts that make something deeper are asked for when heads and tags are known again.
            let tables = self.reactor.tables();
            let in_doubt = |tx: &&B256| {
                let open = |row: &TransferRow| row.missing.is_some_and(|missing| missing.receipts < missing.answers);
                tables.transfers.iter().any(|row| row.key.tx == **tx && open(row))
            };
            if let Some(tx) = ours.receipts.difference(&theirs.receipts).find(in_doubt) {
                return Err(format!("a rebuilt reactor does not want the receipt of {tx}"));
            }
        }
        Ok(())
    }
}

/// The order of the model's tables is SQLite's.
fn sorted(mut tables: walletwatch::reactor::rows::Tables) -> walletwatch::reactor::rows::Tables {
    tables.transfers.sort_by_key(|row| row.id);
    tables.alerts.sort_by_key(|row| row.id);
    tables.deadlines.sort_by(|one, other| one.deadline.cmp(&other.deadline));
    tables.troubles.sort_by(|one, other| one.subject.cmp(&other.subject));
    tables.views.sort_by_key(|row| (row.chain, row.address, row.list));
    tables
}

/// Says which lines of the two differ.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    let (ours, theirs) = (format!("{ours:#?}"), format!("{theirs:#?}"));
    let only = |one: &str, other: &str| {
        let lines: Vec<&str> = one.lines().filter(|line| !other.lines().any(|known| known == *line)).collect();
        lines.join("\n")
    };
    Err(format!("{what} differs\nrunning:\n{}\nrebuilt:\n{}", only(&ours, &theirs), only(&theirs, &ours)))
}

fn lanes() -> Vec<LaneSettings> {
    let (concurrency, folds, drops_repeats) = (4, false, true);
    let lane =
        |name: &&str| LaneSettings { name: Name::from(*name), concurrency, paces: Vec::new(), folds, drops_repeats };
    SINKS.iter().map(lane).collect()
}
