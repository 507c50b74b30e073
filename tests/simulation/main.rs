//! The simulation of DESIGN §8: a seed makes a world, the real turn runs in it, and a checker that knows only the truth and what
//! receivers got says whether anything was lost, doubled, untrue or paid twice.
//!
//! `SIMULATION_SEEDS=n` runs that many seeds, `SIMULATION_FIRST=n` begins with that one, `SIMULATION_ALOUD=1` prints every
//! event (run one seed then, with `-- --nocapture`).

#![allow(clippy::disallowed_methods, reason = "it says how long it took")]

mod aloud;
mod balances;
mod chain;
mod checker;
mod explorer;
mod late;
mod process;
mod receivers;
mod sources;
mod spec;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of a usual run; `tests/run` asks for 2,000, and with `--long` for a million in the profile that is made for it.
const SEEDS: u64 = 200;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_dies_lags_or_lies_nothing_is_lost_doubled_or_untrue() {
    let (first, seeds) = (number("SIMULATION_FIRST", 0), number("SIMULATION_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let totals = Mutex::new(world::Totals::default());
    let failed = Mutex::new(None::<(u64, String)>);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().expect("no thread panics with it").is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let run = std::panic::catch_unwind(|| world::run(seed));
                    let run = run.unwrap_or_else(|panic| {
                        let text = panic.downcast_ref::<String>().cloned();
                        Err(format!("it panicked: {}", text.unwrap_or_default()))
                    });
                    match run {
                        Ok(run) => totals.lock().expect("no thread panics with it").add(&run),
                        Err(fault) => {
                            let mut failed = failed.lock().expect("no thread panics with it");
                            if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                                *failed = Some((seed, fault));
                            }
                        }
                    }
                }
            });
        }
    });
    if let Some((seed, fault)) = failed.into_inner().expect("no thread panicked with it") {
        panic!("seed {seed}: {fault}\nagain: SIMULATION_FIRST={seed} SIMULATION_SEEDS=1 cargo test --test simulation");
    }
    let totals = totals.into_inner().expect("no thread panicked with it");
    println!("{seeds} seeds from {first}: {totals:?}");
    // A simulation in which nothing happens proves nothing.
    assert!(seeds < 100 || totals.is_eventful(), "{totals:?}");
}

#[test]
fn the_same_world_gives_the_same_bytes() {
    for seed in 0..8 {
        assert!(world::heard(seed).expect("it holds") == world::heard(seed).expect("it holds"), "seed {seed}");
    }
}
