//! One seed: a deployment or two over stores, a chain, Circle, people, and everything that goes wrong.

use crate::chain::{self, Balance};
use crate::checker::{self, Times};
use crate::circle::{Character, Circle};
use crate::config::Config;
use crate::flight::Drifting;
use crate::people::{self, Said};
use crate::process::{Outside, Process, Sloppy, Store};
use fastrand::Rng;
use std::collections::BTreeMap;
use walletwatch::reactor::payments::desk::Desk;

/// What is planted.
#[derive(Debug, Clone, Copy)]
pub struct Plant {
    pub desk: fn(&mut Desk),
    pub sloppy: Sloppy,
    pub rehearsal_live: bool,
}

impl Plant {
    pub const NONE: Self = Self {
        desk: |_| {},
        sloppy: Sloppy { sends_before_commit: false, leaves_late: false, no_fence: false },
        rehearsal_live: false,
    };
}

/// What happened in a run, so that a quiet world is seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    pub seeds: u64,
    pub paid: u64,
    pub requests: u64,
    pub planned: u64,
    pub deaths: u64,
    pub freezes: u64,
    pub humans: u64,
    pub rejected: u64,
    pub resends: u64,
    pub restores: u64,
    pub top_ups: u64,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        self.seeds += 1;
        self.paid += other.paid;
        self.requests += other.requests;
        self.planned += other.planned;
        self.deaths += other.deaths;
        self.freezes += other.freezes;
        self.humans += other.humans;
        self.rejected += other.rejected;
        self.resends += other.resends;
        self.restores += other.restores;
        self.top_ups += other.top_ups;
    }
}

struct World {
    out: Outside,
    stores: Vec<Store>,
    processes: Vec<Process>,
    backups: Vec<(i64, Store)>,
    times: Times,
    said: Said,
    plant: Plant,
    totals: Totals,
    checked: usize,
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Runs a seed.
///
/// # Errors
/// What went wrong.
pub fn run(seed: u64, plant: Plant) -> Result<Totals, String> {
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(seed, plant, &mut rng);
    let steps = rng.u32(400..1_200);
    let mut lived = (0..steps).try_for_each(|_| world.step(&mut rng));
    lived = lived.and_then(|()| world.heal(&mut rng));
    if lived.is_err() && std::env::var_os("MONEY_ALOUD").is_some() {
        world.show();
    }
    lived?;
    let out = &world.out;
    world.totals.requests = out.requests.len() as u64;
    world.totals.paid = out.circle.made.iter().filter(|made| !made.console && made.paid_at().is_some()).count() as u64;
    world.totals.top_ups =
        out.circle.made.iter().filter(|made| made.destination == chain::address(chain::HOT)).count() as u64;
    for row in world.stores.iter().flat_map(|store| &store.audit) {
        match row.what.as_str() {
            "planned" => world.totals.planned += 1,
            "frozen" => world.totals.freezes += 1,
            "human" => world.totals.humans += 1,
            "rejected" => world.totals.rejected += 1,
            "attempt" if row.why.as_str() != "1" => world.totals.resends += 1,
            _ => {}
        }
    }
    Ok(world.totals)
}

impl World {
    fn new(seed: u64, plant: Plant, rng: &mut Rng) -> Self {
        let quiet = seed.is_multiple_of(8);
        let character = Character {
            lag: if quiet { 0 } else { rng.i64(0..10 * MINUTE) },
            forgets: rng.bool(),
            mute: !quiet && rng.u8(0..6) == 0,
            broken: if quiet { 0 } else { [0, 20, 100, 300][rng.usize(0..4)] },
            refuses: if quiet { 0 } else { [0, 10, 60][rng.usize(0..3)] },
            ends_badly: if quiet { 0 } else { [0, 20, 100][rng.usize(0..3)] },
        };
        let now = people::beginning();
        let config = Config { rehearsal_live: plant.rehearsal_live, ..Config::new(rng.bool(), rng.u8(0..4) == 0) };
        let mut world = Self {
            out: Outside {
                now,
                offset: 0,
                circle: Circle::new(character),
                requests: Vec::new(),
                happenings: Vec::new(),
                balances: [Balance::new(rng.i64(0..60_000_000)), Balance::new(rng.i64(0..60_000_000))],
                config: config.clone(),
                drifting: Vec::new(),
                violations: Vec::new(),
                faulty: !quiet,
                sloppy: plant.sloppy,
                landed: BTreeMap::new(),
                loaded: Vec::new(),
            },
            stores: vec![Store { id: rng.u128(..).to_be_bytes(), ..Store::default() }],
            processes: Vec::new(),
            backups: Vec::new(),
            times: Times { configs: vec![(0, config)], quiet, ..Times::default() },
            said: Said::new(),
            plant,
            totals: Totals::default(),
            checked: 0,
        };
        world.start(0);
        if !quiet && rng.u8(0..8) == 0 {
            world.times.doubled = true;
            world.stores.push(Store { id: rng.u128(..).to_be_bytes(), ..Store::default() });
            world.start(1);
        }
        world
    }

    /// Everything that was written and asked, for who looks for a fault.
    fn show(&self) {
        let since = |at: i64| (at - people::beginning()) / 1_000;
        for store in &self.stores {
            for row in &store.audit {
                let payment = row.payment.map(|id| id.to_string()[..6].to_owned()).unwrap_or_default();
                println!("{} {payment} {} ({}) by {}", since(row.at.millis()), row.what, row.why, row.who);
            }
        }
        for request in &self.out.requests {
            println!(
                "{} request {} to {} of {}",
                since(request.left),
                request.reference,
                request.destination,
                request.amount
            );
        }
        for made in &self.out.circle.made {
            println!(
                "{} made {} {:?} {} {} {:?}",
                since(made.created),
                made.id,
                made.reference,
                made.destination,
                made.amount,
                made.path.iter().map(|(at, state)| (since(*at), *state)).collect::<Vec<_>>()
            );
        }
        for happening in &self.out.happenings {
            println!("{} happening {happening:?}", since(chain::block_time(happening.block)));
        }
        for (at, config) in &self.out.loaded {
            println!("{} loaded {config:?}", since(*at));
        }
        for (at, config) in &self.times.configs {
            println!("{} edited {config:?}", since(*at));
        }
    }

    fn start(&mut self, store: usize) {
        let process = Process::start(store, &mut self.stores, &self.out, self.plant.desk);
        self.processes.push(process);
    }

    fn kill(&mut self, place: usize) {
        self.totals.deaths += 1;
        self.processes.remove(place).die(&mut self.out);
    }

    fn step(&mut self, rng: &mut Rng) -> Result<(), String> {
        let busy = self.processes.iter().any(Process::is_busy);
        let pace = match rng.u16(0..1_000) {
            0 if self.out.faulty => rng.i64(HOUR..30 * HOUR),
            1..10 => rng.i64(MINUTE..2 * HOUR),
            10..60 if busy => rng.i64(1_000..5_000),
            _ if self.processes.iter().any(Process::is_eager) => rng.i64(50..400),
            _ if busy => rng.i64(50..3_000),
            _ => rng.i64(1_000..4 * MINUTE),
        };
        self.out.now += pace;
        self.nature(rng);
        if self.out.faulty {
            self.mischief(rng);
        }
        if rng.u16(0..150) == 0 {
            self.out.config.edit(rng);
            self.times.configs.push((self.out.now, self.out.config.clone()));
            for process in &mut self.processes {
                process.forget_seen();
            }
        }
        self.live(rng, false);
        self.check()
    }

    /// Looks at everything whenever something left or was made.
    fn check(&mut self) -> Result<(), String> {
        let faults = self.stores.iter().map(|store| store.faults.len()).sum::<usize>() + self.out.violations.len();
        let size = self.out.requests.len() + self.out.circle.made.len() + faults;
        if std::mem::replace(&mut self.checked, size) == size {
            return Ok(());
        }
        checker::check(&self.out, &self.stores, &self.times, &self.said)
    }

    /// What the chain and the network do.
    fn nature(&mut self, rng: &mut Rng) {
        let now = self.out.now;
        if !self.out.circle.healed && rng.u8(0..10) == 0 {
            let number = self.out.happenings.len() as u64;
            self.out.happenings.push(chain::happen(number, now, rng));
        }
        for happening in &mut self.out.happenings {
            if let Some((at, again)) = happening.falls
                && at <= now
                && happening.fork == 0
            {
                happening.fork = 1;
                happening.mined = again.is_some();
                happening.block = chain::height(at) + again.unwrap_or(0);
            }
        }
        let place = usize::from(rng.bool());
        let drift = match rng.u8(0..60) {
            0 => -rng.i64(1_000_000..40_000_000),
            1 => rng.i64(1_000_000..10_000_000),
            _ => 0,
        };
        if drift != 0 && !self.out.circle.healed {
            self.out.balances[place].add(chain::height(now), drift);
        }
        let made = &self.out.circle.made;
        let mut landed = Vec::new();
        for (index, made) in made.iter().enumerate() {
            if let Some(paid) = made.paid_at().filter(|paid| *paid <= now)
                && !self.out.landed.contains_key(made.id.as_str())
            {
                landed.push((index, chain::height(paid)));
            }
        }
        for (index, block) in landed {
            let made = &self.out.circle.made[index];
            self.out.landed.insert(made.id.as_str().to_owned(), block);
            for place in 0..2_u8 {
                if made.destination == chain::address(chain::HOT + place) {
                    let amount = i64::try_from(made.amount).expect("it is small");
                    self.out.balances[usize::from(place)].add(block, amount);
                }
            }
        }
        let (due, later) =
            std::mem::take(&mut self.out.drifting).into_iter().partition(|drifting: &Drifting| drifting.at <= now);
        self.out.drifting = later;
        let due: Vec<Drifting> = due;
        for Drifting { at, body, ciphertext } in due {
            let _ = self.out.circle.create(&body, ciphertext, at, rng);
        }
    }

    /// What dies, jumps, stops and comes back.
    fn mischief(&mut self, rng: &mut Rng) {
        let now = self.out.now;
        match rng.u16(0..1_500) {
            0..6 if !self.processes.is_empty() => self.kill(rng.usize(0..self.processes.len())),
            6..10 if !self.processes.is_empty() => {
                // It is suspended, and another takes the store over before it wakes.
                let place = rng.usize(0..self.processes.len());
                let store = self.processes[place].store;
                self.processes[place].suspend(now + rng.i64(500..4 * HOUR), &mut self.out);
                if rng.bool() {
                    self.start(store);
                }
            }
            10..12 => {
                self.times.jumped = true;
                self.out.offset = [-90 * MINUTE, 5 * MINUTE, 26 * HOUR, 3_000][rng.usize(0..4)];
            }
            12..20 => self.out.offset = 0,
            20..24 => self.backups.push((now, self.stores[0].clone())),
            24 if self.backups.last().is_some_and(|(at, _)| now - at > 20 * MINUTE) => self.restore(rng),
            40..46 => {
                if let Some(request) = self.out.requests.last().cloned() {
                    self.out.circle.console(&request.body, now, rng);
                }
            }
            26 => self.out.circle.character.broken = 1_000,
            27..40 => self.out.circle.character.broken = 20,
            _ => {}
        }
    }

    /// A backup comes back, a while after everything died; or nothing does.
    fn restore(&mut self, rng: &mut Rng) {
        self.times.doubled = true;
        self.totals.restores += 1;
        while let Some(place) = self.processes.iter().position(|process| process.store == 0) {
            self.kill(place);
        }
        self.out.now += 15 * MINUTE;
        self.nature(rng);
        let (_, mut store) = self.backups.last().cloned().expect("there is one");
        if rng.u8(0..4) == 0 {
            store = Store { id: rng.u128(..).to_be_bytes(), ..Store::default() };
        }
        store.epoch = self.stores[0].epoch;
        store.life = self.stores[0].life + 1;
        self.stores[0] = store;
    }

    /// Every process runs, and people act.
    fn live(&mut self, rng: &mut Rng, calm: bool) {
        for store in 0..self.stores.len() {
            let awake = |process: &Process| process.store == store && process.paused_until.is_none();
            if !self.processes.iter().any(awake) && (calm || rng.u8(0..6) == 0) {
                self.start(store);
            }
        }
        let mut place = 0;
        while place < self.processes.len() {
            let now = self.out.now;
            let process = &mut self.processes[place];
            if process.paused_until.is_some_and(|until| until > now) {
                place += 1;
                continue;
            }
            process.paused_until = None;
            let mut done = process.run(&mut self.stores, &mut self.out, rng);
            if done.is_ok() && (calm || rng.u8(0..4) == 0) {
                done = people::act(process, &mut self.stores, &mut self.out, &mut self.said, rng, calm);
            }
            // A wrong clock is set right, and the process started again.
            let off = process.is_off(now) && self.out.offset == 0 && (calm || rng.u8(0..10) == 0);
            if done.is_err() || off {
                self.kill(place);
            } else {
                place += 1;
            }
        }
    }

    /// Every fault stops: whatever is open comes to an end.
    fn heal(&mut self, rng: &mut Rng) -> Result<(), String> {
        self.out.faulty = false;
        self.out.circle.healed = true;
        self.out.offset = 0;
        for process in &mut self.processes {
            process.paused_until = None;
        }
        let until = self.out.now + people::patience();
        while self.out.now < until {
            let busy = self.processes.iter().any(Process::is_busy);
            let eager = self.processes.iter().any(Process::is_eager);
            self.out.now += if eager {
                rng.i64(50..400)
            } else if busy {
                rng.i64(200..3_000)
            } else {
                rng.i64(5_000..60_000)
            };
            self.nature(rng);
            self.live(rng, true);
            self.check()?;
        }
        checker::check_end(&self.out, &self.stores, &self.times)
    }
}
