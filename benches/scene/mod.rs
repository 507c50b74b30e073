//! What the benchmarks share: how rounds are timed, how a line is printed, and one small world of settings.
//!
//! Nothing here judges: a goal is printed beside the ratio, and a person reads it.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses a part of it")]

pub mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use walletwatch::reactor::settings::{
    Added, BetweenOwn, ChainSettings, Condition, Confirmed, Direction, KnownToken, Rule, Settings, SinkSettings,
    TransferCondition, Watch,
};
use walletwatch::types::{Address, ChainId, Name, Severity, Stage};

/// The chain that everything happens on.
pub const CHAIN: ChainId = ChainId(1);

/// Times a second of one core that `work` runs, over `times` runs: by the thread's own processor time, so that what else runs on the machine
/// does not count (it still costs cache and memory).
pub fn rate<T>(times: u32, mut work: impl FnMut() -> T) -> f64 {
    let start = processor_time();
    for _ in 0..times {
        black_box(work());
    }
    f64::from(times) / processor_time().saturating_sub(start).as_secs_f64()
}

/// The processor time that this thread has used.
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The middle one: machines are shared, and an average would show the neighbours.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The limit and what was reached, by round.
#[derive(Default)]
pub struct Pair {
    pub bare: Vec<f64>,
    pub ours: Vec<f64>,
}

impl Pair {
    /// Prints one line of the table: medians, their ratio, and the goal for it.
    pub fn print(self, what: &str, unit: &str, goal: f64) {
        let (bare, ours) = (median(self.bare), median(self.ours));
        println!("{what:<58} bare {bare:>12.0}  ours {ours:>12.0} {unit:<12} ratio {:.2}  goal {goal:.2}", ours / bare);
    }
}

/// Prints a line that has no bare limit.
pub fn print_figure(what: &str, figure: f64, unit: &str, goal: &str) {
    println!("{what:<58} {figure:>35.1} {unit:<12} goal {goal}");
}

/// One chain, one watch with these addresses, these tokens known, and two rules: any coin, and any token.
pub fn settings(addresses: Vec<Address>, tokens: &[Address]) -> Settings {
    let ops = Name::from("ops");
    let watch = Watch {
        name: "wallets".into(),
        addresses: Arc::new(addresses.into_iter().collect()),
        chains: vec![CHAIN],
        tags: Vec::new(),
        from_block: None,
    };
    let known = |token: &Address| ((CHAIN, *token), KnownToken { symbol: "USDC".into(), decimals: 6 });
    Settings {
        chains: BTreeMap::from([(CHAIN, chain())]),
        watches: Arc::new(vec![watch]),
        tokens: tokens.iter().map(known).collect(),
        rules: vec![transfer_rule("in", Direction::In), transfer_rule("out", Direction::Out)],
        sinks: BTreeMap::from([(
            ops.clone(),
            SinkSettings { name: ops, min_severity: Severity::Info, types: Vec::new() },
        )]),
        ..Settings::default()
    }
}

fn chain() -> ChainSettings {
    ChainSettings {
        name: "ethereum".into(),
        id: CHAIN,
        coin: "ETH".into(),
        coin_decimals: 18,
        block_time: Duration::from_secs(12),
        confirmed: Confirmed::Depth(12),
        final_after: 64,
        finalized_tag: false,
        endpoints: vec!["main".into()],
        explorer: None,
        stale_after: Duration::from_mins(5),
        tx_url: Some("https://etherscan.io/tx/".into()),
    }
}

fn transfer_rule(name: &str, direction: Direction) -> Rule {
    Rule {
        name: name.into(),
        severity: Severity::Info,
        notify: vec!["ops".into()],
        condition: Condition::Transfer(TransferCondition {
            watches: BTreeSet::from(["wallets".into()]),
            added: Added::All,
            chains: BTreeSet::from([CHAIN]),
            direction,
            from: None,
            assets: None,
            at_least: None,
            at_least_usd: None,
            stages: BTreeSet::from([Stage::Confirmed]),
            between_own: BetweenOwn::Each,
            skip_suspect: false,
            show_suspect: false,
            history: false,
        }),
    }
}

/// The bytes that this process holds in memory now.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
