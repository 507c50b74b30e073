//! An account is never asked faster than it allows, whatever is asked for, and not much slower either.

use crate::scene::*;
use std::collections::BTreeSet;
use std::time::Duration;
use walletwatch::reactor::event::{Event, List, SourceState};
use walletwatch::types::ChainId;
use walletwatch::world::explorer::ExplorerSettings;

#[tokio::test(start_paused = true)]
async fn a_minute_of_many_chains_and_two_keys_is_never_faster_than_either_account_allows() {
    minute(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nor_is_it_by_the_wall_clock() {
    if std::env::var_os("WALLETWATCH_REAL_MINUTE").is_none() {
        println!("left out: a minute of calls by the wall clock (tests/run --long sets WALLETWATCH_REAL_MINUTE)");
        return;
    }
    minute(false).await;
}

async fn minute(paused: bool) {
    let ids = [ChainId(1), ChainId(137), ChainId(42161), ChainId(59144)];
    let chains = ids.map(|id| chain(id, &[amounts(1, 3), amounts(10, 1_500)]));
    let minute = Duration::from_mins(1);
    let wants = || ids.map(|id| (id, views(0x22..0x26))).into();
    let settings = |calls_per_second| ExplorerSettings { calls_per_second, ..ExplorerSettings::default() };
    // Answers that take longer than the spacing overlap: starts are what counts.
    let free = scene(&chains, "FREE", settings(3), Duration::from_millis(700)).await;
    let lite = scene(&chains, "LITE", settings(5), Duration::from_millis(130)).await;
    let (of_free, of_lite) = tokio::join!(play(&free, wants(), 3, minute), play(&lite, wants(), 5, minute));
    for (name, scene, events, per_second) in [("free", &free, of_free, 3), ("lite", &lite, of_lite, 5)] {
        assert!(scene.client.most_in_a_second() <= per_second, "{name}: {}", scene.client.most_in_a_second());
        // A machine that is busy delivers late what started in time: only the paused clock can tell that from what started early.
        let arrived = scene.explorer.most_in_a_second();
        assert!(arrived <= per_second || !paused, "{name}: {arrived}");
        println!("{name}: at most {} started and {arrived} arrived in a second", scene.client.most_in_a_second());
        // A minute at 350 ms, or at 210: the budget is used, not only kept.
        let full = if per_second == 3 { 171 } else { 285 };
        let calls = scene.explorer.calls();
        assert!((full * 9 / 10..=full + 1).contains(&calls), "{name}: {calls}");
        let troubled = events.iter().filter(|event| match event {
            Event::Source(report) => !matches!(report.state, SourceState::Connecting | SourceState::Fresh),
            _ => false,
        });
        assert!(troubled.count() == 0 || !paused, "{name}: no call was refused");
        let read: BTreeSet<ChainId> = explored(events, List::Tokens).iter().map(|part| part.chain).collect();
        assert_eq!(read, ids.into(), "{name}: every chain has its turn");
    }
}
