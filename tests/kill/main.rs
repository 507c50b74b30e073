//! Kills the real binary, at random and at every named place, while a simulated world goes on around it. What it told is compared with
//! what happened by a checker that knows only the chains and what the receivers got.
//!
//! `KILL_ROUNDS` says how often (30), `KILL_SEED` which world; a failure prints its seed, and leaves the monitor's folder where it is.

#![allow(clippy::disallowed_methods, reason = "whoever watches a process from outside lives by the wall clock")]

mod checker;
mod config;
mod import;
mod load;
mod mischief;
mod monitor;
mod poison;
mod scene;
mod store;
mod truth;

use monitor::{Ending, Monitor};
use scene::Scene;
use std::time::{Duration, Instant, SystemTime};
use walletwatch::telemetry::faults::KillPoint;
use walletwatch::world::chance::Chance;

/// Rounds where nothing else is said: every named place once, and twice as many at random.
const ROUNDS: u64 = 30;
/// Rounds in one world. Then everything is checked, and the next world begins.
const ROUNDS_IN_A_WORLD: u64 = 15;
/// A place that was not reached by then is not on the way.
const PATIENCE: Duration = Duration::from_secs(30);

/// How one life of the monitor ends.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// So long after its start.
    AfterStart(Duration),
    /// So long after it said that it runs.
    AfterReady(Duration),
    /// At the n-th passage of this place.
    At(KillPoint, u64),
}

/// The deaths of `rounds` lives: every third one at a named place, in turn.
fn deaths(rounds: u64, chance: &mut Chance) -> Vec<Death> {
    let named = cfg!(feature = "faults");
    let mut points = KillPoint::ALL.into_iter().filter(|point| !point.is_of_payments()).cycle();
    let death = |round: u64| {
        let wait = Duration::from_millis(chance.between(5, 400));
        let point = (named && round.is_multiple_of(3)).then(|| points.next()).flatten();
        match point {
            Some(point @ (KillPoint::AfterLoad | KillPoint::Configured | KillPoint::Stopping)) => Death::At(point, 1),
            Some(point) => Death::At(point, chance.between(1, 5)),
            None if chance.one_in(3) => Death::AfterStart(wait),
            // A few live long enough for messages to be retried, and for a reorg to meet what waits.
            None if chance.one_in(5) => Death::AfterReady(wait * 5),
            None => Death::AfterReady(wait),
        }
    };
    (0..rounds).map(death).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, and not {text:?}")))
}

#[test]
fn nothing_is_lost_and_nothing_is_told_twice_however_the_monitor_dies() {
    if !cfg!(feature = "faults") {
        println!("left out: deaths at named places (the binary was built without the feature `faults`)");
    }
    let rounds = number("KILL_ROUNDS").unwrap_or(ROUNDS);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let seed = number("KILL_SEED").unwrap_or(now.subsec_nanos().into());
    println!("KILL_ROUNDS={rounds} KILL_SEED={seed}");
    let started = Instant::now();
    let all = deaths(rounds, &mut Chance::new(seed));
    let per_world = usize::try_from(ROUNDS_IN_A_WORLD).expect("it is small");
    let (mut messages, mut repeats, mut in_history) = (0, 0, 0);
    let worlds = all.chunks(per_world);
    let last = worlds.len() as u64 - 1;
    for (world, deaths) in (0..).zip(worlds) {
        // Explorers are read seldom: to see the end of such a world takes most of a minute.
        let explored = world == last || world % 10 == 9;
        let told = live_and_die(seed.wrapping_add(world), deaths, explored);
        messages += told.messages;
        repeats += told.repeats;
        in_history += told.in_history;
        assert!(told.violations.is_empty(), "KILL_SEED={seed}, world {world}: {}", told.violations.join("\n"));
    }
    println!(
        "{rounds} deaths in {} s, {in_history} of them while history was read: {messages} messages told, {repeats} of them again, none lost",
        started.elapsed().as_secs()
    );
    assert!(in_history * 3 >= rounds, "history was read too soon: only {in_history} deaths fell into that");
}

/// One world: warm up, die again and again, settle, compare.
fn live_and_die(seed: u64, deaths: &[Death], explored: bool) -> checker::Report {
    let mut scene = Scene::new(seed, explored);
    scene.warm_up();
    scene.mine_on(true);
    let (mut last_at, mut in_history) = (None, 0);
    for (round, death) in deaths.iter().enumerate() {
        let mut monitor = scene.start(match death {
            Death::At(point, passage) => Some((point.word(), *passage)),
            Death::AfterStart(_) | Death::AfterReady(_) => None,
        });
        let problem = die(&mut monitor, *death).err();
        let problem = problem.or_else(|| match store::check(scene.folder(), &mut last_at) {
            Ok(reading) => {
                in_history += u64::from(reading);
                None
            }
            Err(problem) => Some(problem),
        });
        if let Some(problem) = problem {
            scene.keep();
            panic!("seed {seed}, round {round} ({death:?}): {problem}\n{}", monitor.log_tail());
        }
    }
    scene.mine_on(false);
    scene.settle();
    let report = checker::Report { in_history, ..checker::compare(&scene) };
    if !report.violations.is_empty() {
        scene.keep();
    }
    report
}

/// Waits for a death, or brings it about.
fn die(monitor: &mut Monitor, death: Death) -> Result<(), String> {
    match death {
        Death::AfterStart(wait) => {
            std::thread::sleep(wait);
            monitor.kill()
        }
        Death::AfterReady(wait) => {
            monitor.wait_ready(PATIENCE)?;
            std::thread::sleep(wait);
            monitor.kill()
        }
        Death::At(point, _) => {
            if point == KillPoint::Stopping {
                monitor.wait_ready(PATIENCE)?;
                monitor.terminate();
            }
            match monitor.wait(PATIENCE)? {
                Ending::Signal => Ok(()),
                Ending::Code(code) => Err(format!("it ended with code {code} before it came to {}", point.word())),
            }
        }
    }
}
