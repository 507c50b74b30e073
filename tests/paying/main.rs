//! Kills the real binary, at random and at every named place between a payment's plan and its end, while money comes in and a simulated
//! Circle answers, loses answers and fails. A checker that knows Circle's book, the chain and the dead's store says whether anything was
//! paid twice, or for nothing, or not at all.
//!
//! `KILL_ROUNDS` says how often (30), `KILL_SEED` which world; a failure prints its seed, and leaves the monitor's folder where it is.

#![allow(clippy::disallowed_methods, reason = "whoever watches a process from outside lives by the wall clock")]

mod checker;
#[allow(dead_code, reason = "the other killer uses all of it")]
#[path = "../kill/monitor.rs"]
mod monitor;
mod restored;
mod scene;

use monitor::{Ending, Monitor};
use scene::{FULL, HOT, LOW, PATIENCE, STRANGER, Scene, VAULT, now, usdc};
use std::time::{Duration, Instant};
use walletwatch::reactor::money::PaymentState;
use walletwatch::telemetry::faults::KillPoint;
use walletwatch::types::U256;
use walletwatch::world::chain::{Action, Plan};
use walletwatch::world::chance::Chance;

/// Rounds where nothing else is said.
const ROUNDS: u64 = 30;
/// A place that was not reached by then is not on the way.
const ON_THE_WAY: Duration = Duration::from_secs(40);

/// How one life ends.
#[derive(Debug, Clone, Copy)]
enum Death {
    AfterReady(Duration),
    At(KillPoint, u64),
}

/// Every second one at a named place, in turn; of the others each at a random time.
fn deaths(rounds: u64, chance: &mut Chance) -> Vec<Death> {
    let shared = [KillPoint::BeforeCommit, KillPoint::InsideCommit, KillPoint::AfterCommit, KillPoint::AfterPublish];
    let of_payments = KillPoint::ALL.into_iter().filter(|point| point.is_of_payments());
    let mut points = of_payments.chain(shared).cycle();
    let death = |round: u64| {
        let point = (cfg!(feature = "faults") && round.is_multiple_of(2)).then(|| points.next()).flatten();
        match point {
            Some(point @ (KillPoint::BeforePost | KillPoint::AfterPost)) => Death::At(point, chance.between(1, 3)),
            Some(point) => Death::At(point, chance.between(1, 12)),
            None => Death::AfterReady(Duration::from_millis(chance.between(50, 2_500))),
        }
    };
    (0..rounds).map(death).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, and not {text:?}")))
}

#[test]
fn nothing_is_paid_twice_or_for_nothing_and_everything_is_paid_however_the_monitor_dies() {
    if !cfg!(feature = "faults") {
        println!("left out: deaths at named places (the binary was built without the feature `faults`)");
    }
    let rounds = number("KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.min(200));
    let seed = number("KILL_SEED").unwrap_or_else(|| u64::try_from(now().millis() % 1_000_000).expect("it is small"));
    println!("KILL_ROUNDS={rounds} KILL_SEED={seed}");
    let scene = Scene::new(seed);
    scene.warm_up();
    scene.load(true);
    scene.trouble(true);
    for (round, death) in deaths(rounds, &mut Chance::new(seed)).into_iter().enumerate() {
        let point = match death {
            Death::At(point, passage) => Some((point.word(), passage)),
            Death::AfterReady(_) => None,
        };
        let mut monitor = scene.start(point);
        let problem = die(&mut monitor, death).err();
        let problem =
            problem.or_else(|| checker::circle(&scene).err()).or_else(|| checker::store(scene.folder()).err());
        if let Some(problem) = problem {
            panic!("seed {seed}, round {round} ({death:?}): {problem}\n{}", monitor.log_tail());
        }
    }
    scene.load(false);
    scene.trouble(false);
    let mut monitor = scene.start(None);
    let wanted = scene.truth().len();
    scene.wait(&monitor, "everything is paid", || scene.taken(VAULT).len() >= wanted && is_settled(&scene));
    monitor.kill().expect("it runs");
    let left = checker::store(scene.folder());
    let balanced = checker::circle(&scene).and_then(|()| balance(&scene, &left?));
    match balanced {
        Ok(attempts) => println!("{rounds} deaths: {wanted} payments, {attempts} attempts, none twice, none lost"),
        Err(problem) => panic!("seed {seed}: {problem}"),
    }
    assert!(wanted as u64 >= rounds / 2, "too little came in to prove anything: {wanted}");
}

/// What the monitor holds for paid is what Circle moved.
fn balance(scene: &Scene, left: &checker::Left) -> Result<u64, String> {
    if !left.held_up.is_empty() {
        return Err(format!("nothing leaves: {:?}", left.held_up));
    }
    let open: Vec<&(PaymentState, u64)> =
        left.payments.iter().filter(|(state, _)| *state != PaymentState::Complete).collect();
    if !open.is_empty() {
        return Err(format!("not at their end: {open:?}"));
    }
    let ours: u64 = left.payments.iter().map(|(_, amount)| amount).sum();
    let moved: u64 = scene.taken(VAULT).iter().chain(&scene.taken(HOT)).sum();
    if ours == moved { Ok(left.attempts) } else { Err(format!("the store says {ours} was paid, and Circle {moved}")) }
}

fn is_settled(scene: &Scene) -> bool {
    checker::store(scene.folder())
        .is_ok_and(|left| left.payments.iter().all(|(state, _)| *state == PaymentState::Complete))
}

/// Waits for a death, or brings it about.
fn die(monitor: &mut Monitor, death: Death) -> Result<(), String> {
    match death {
        Death::AfterReady(wait) => {
            monitor.wait_ready(PATIENCE)?;
            std::thread::sleep(wait);
            monitor.kill()
        }
        Death::At(point, _) => match monitor.wait(ON_THE_WAY)? {
            Ending::Signal => Ok(()),
            Ending::Code(code) => Err(format!("it ended with code {code} before it came to {}", point.word())),
        },
    }
}

/// A minute and more: the config lets no rule pay for a balance that was low for less.
#[test]
fn a_hot_wallet_that_runs_low_is_filled_up_once() {
    let scene = Scene::new(7);
    let mut monitor = scene.start(None);
    let at = monitor.wait_ready(PATIENCE).unwrap_or_else(|why| panic!("{why}\n{}", monitor.log_tail()));
    // Armed: enough was read at a block that is final by now. It is read once a minute.
    let started = Instant::now();
    scene
        .wait(&monitor, "it reads on", || monitor::status(at).is_some() && started.elapsed() > Duration::from_secs(75));
    let spend = |amount: u64| {
        let spent = Action::Send { token: usdc(), from: HOT, to: STRANGER, amount: U256::from(amount) };
        scene.live.change(|chain| chain.mine(now(), &Plan { actions: vec![spent], ..Plan::default() }));
    };
    let missing = FULL - LOW + 1;
    spend(missing);
    scene.wait_for(&monitor, "it is filled up", PATIENCE * 3, || scene.taken(HOT).len() == 1);
    scene.wait(&monitor, "it is paid", || is_settled(&scene));
    // Circle says that it is paid. Until that was read at a final block nothing follows, however low it is.
    spend(missing);
    let again = Instant::now();
    scene.wait(&monitor, "it reads on", || again.elapsed() > Duration::from_secs(20));
    assert_eq!(scene.taken(HOT), [missing], "what is missing to the whole, once");
    monitor.kill().expect("it runs");
    let left = checker::store(scene.folder()).expect("it can be read");
    assert_eq!(left.payments, [(PaymentState::Complete, missing)]);
}
