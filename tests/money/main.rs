//! The simulator of money (MONEY §11): a seed makes a deployment, a chain, Circle and people, and breaks all of them; a checker that knows
//! only Circle's log and the chain's truth says after every step whether money went wrong.
//!
//! `MONEY_SEEDS=n` runs that many seeds, `MONEY_FIRST=n` begins with that one. With the feature `faults` every planted fault has to be
//! found on the seed that is recorded for it; who looks for such seeds has `planted::search` try `MONEY_PLANTED=n` of them.

mod bench;
mod chain;
mod checker;
mod circle;
mod config;
mod edits;
mod flight;
mod limits;
mod never;
mod orders;
mod others;
mod people;
mod process;
mod store;
mod world;

#[cfg(feature = "faults")]
mod planted;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{Plant, Totals};

/// Seeds of a usual run; `tests/run` asks for 2,000, and with `--long` for a million.
const SEEDS: u64 = 100;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a seed; a panic of the protocol is a fault like any other.
fn run(seed: u64, plant: Plant) -> Result<Totals, String> {
    std::panic::catch_unwind(|| world::run(seed, plant)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("it panicked: {}", text.unwrap_or_default()))
    })
}

#[test]
fn whatever_dies_lags_or_lies_nothing_is_paid_twice_or_beyond_a_limit() {
    let (first, seeds) = (number("MONEY_FIRST", 0), number("MONEY_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let totals = Mutex::new(Totals::default());
    let failed = Mutex::new(BTreeMap::<u64, String>::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    match run(seed, Plant::NONE) {
                        Ok(run) => totals.lock().expect("no thread panics with it").add(&run),
                        Err(fault) => drop(failed.lock().expect("no thread panics with it").insert(seed, fault)),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no thread panicked with it");
    for (seed, fault) in failed.iter().take(20) {
        println!("seed {seed}: {fault}");
    }
    if let Some((seed, fault)) = failed.first_key_value() {
        panic!(
            "{} of {seeds} seeds; seed {seed}: {fault}\nagain: MONEY_FIRST={seed} MONEY_SEEDS=1 cargo test --test money",
            failed.len()
        );
    }
    let totals = totals.into_inner().expect("no thread panicked with it");
    println!("{seeds} seeds from {first}: {totals:?}");
    // A simulation in which nothing happens proves nothing.
    let eventful = totals.paid > 10 * seeds.min(100) && totals.deaths > 0 && totals.humans > 0 && totals.resends > 0;
    assert!(seeds < 100 || (eventful && totals.top_ups > 0 && totals.restores > 0), "{totals:?}");
}
