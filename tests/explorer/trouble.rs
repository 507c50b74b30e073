//! Every trouble that an explorer can have, once, in the middle of what is asked: what it delays, for how long, and what is said of it.

use crate::scene::*;
use std::collections::BTreeSet;
use std::time::Duration;
use walletwatch::reactor::event::{Event, List, SourceState};
use walletwatch::world::explorer::{ExplorerSettings, Fault, Trouble};

/// From the scene's noon, which is eight in the morning in UTC, to midnight.
const MIDNIGHT: Duration = Duration::from_hours(16);
const DAY: Duration = Duration::from_hours(24);
const QUARTER: Duration = Duration::from_mins(15);

/// How long it takes at least until a list is read that met this trouble once, and what is said of the chain meanwhile.
const fn mended_after(trouble: Trouble) -> (Duration, &'static str) {
    match trouble {
        Trouble::PerSecond | Trouble::TooMany => (Duration::from_secs(1), ""),
        Trouble::PerDay | Trouble::ChainDay(_) => (MIDNIGHT, "over budget"),
        Trouble::NotInPlan => (DAY, "refused"),
        Trouble::FormerApi => (QUARTER, "refused"),
        Trouble::BadKey => (Duration::from_secs(10), "backing off"),
        Trouble::KeyThrottled => (Duration::from_secs(30), ""),
        // Nobody knows whether it concerns one list or all.
        Trouble::Shed
        | Trouble::Busy
        | Trouble::Blank
        | Trouble::Cut
        | Trouble::Challenge
        | Trouble::Blocked
        | Trouble::NoPage
        | Trouble::Gateway => (Duration::from_secs(1), "backing off"),
        // This call alone fails; asking for less helps; nothing is wrong.
        Trouble::ProEndpoint
        | Trouble::NoChain
        | Trouble::NoAction
        | Trouble::NoModule
        | Trouble::BadAddress
        | Trouble::NotYet
        | Trouble::Partial
        | Trouble::QueryTimeout
        | Trouble::Window
        | Trouble::Empty
        | Trouble::Hang => (Duration::from_millis(300), ""),
    }
}

const fn word(state: &SourceState) -> &'static str {
    match state {
        SourceState::Refused(_) => "refused",
        SourceState::BackingOff(_) => "backing off",
        SourceState::OverBudget(_) => "over budget",
        SourceState::Connecting | SourceState::Fresh | SourceState::Stale => "",
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_an_explorer_answers_once_everything_is_read_in_the_end() {
    println!("{:14} {:>9} {:>5}  said", "trouble", "read in", "calls");
    for trouble in Trouble::ALL {
        for in_message in [false, true] {
            let chain = chain(ETHEREUM, &[amounts(1, 30), vec![], amounts(100, 12)]);
            let truth = truth(&chain);
            let fault = Fault::once(trouble).of("tokentx");
            let fault = if in_message { fault.in_message() } else { fault };
            let settings = ExplorerSettings { faults: vec![fault], ..ExplorerSettings::default() };
            let scene = scene(&[chain], KEY, settings, Duration::from_millis(200)).await;
            let rows = |events: &[Event]| -> usize {
                let parts = events.iter().filter_map(|event| match event {
                    Event::Explored(part) if part.list == List::Tokens => Some(part.rows.len()),
                    _ => None,
                });
                parts.sum()
            };
            let began = tokio::time::Instant::now();
            let wants = [(ETHEREUM, views([0x22].into_iter()))].into();
            let most = DAY + Duration::from_mins(2);
            let events = play_until(&scene, wants, 3, most, |events| rows(events) >= truth.len()).await;
            let (took, calls) = (began.elapsed(), scene.explorer.calls());
            let (least, said) = mended_after(trouble);
            let states: BTreeSet<&str> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Source(report) => Some(word(&report.state)).filter(|word| !word.is_empty()),
                    _ => None,
                })
                .collect();
            println!("{:14} {:>8.1}s {calls:>5}  {states:?}", format!("{trouble:?}"), took.as_secs_f64());
            assert_eq!(rows(&events), truth.len(), "{trouble:?}: all, and once");
            assert!(took >= least && took < least + Duration::from_secs(90), "{trouble:?}: {took:?}");
            let expected: BTreeSet<&str> = [said].into_iter().filter(|word| !word.is_empty()).collect();
            assert_eq!(states, expected, "{trouble:?}");
            // What has to be waited for is waited for: asking again and again would be an error loop.
            assert!(calls <= 60, "{trouble:?}: {calls} calls");
            assert_eq!(scene.explorer.faults_left(), 0, "{trouble:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_range_that_takes_too_long_is_halved_until_it_does_not() {
    let blocks: Vec<Vec<u64>> = (0..64).map(|nth| vec![1_000 + nth]).collect();
    let chain = chain(ETHEREUM, &blocks);
    let truth = truth(&chain);
    let settings = ExplorerSettings { longest_range: Some(10), ..ExplorerSettings::default() };
    let scene = scene(&[chain], KEY, settings, Duration::from_millis(200)).await;
    let wants = [(ETHEREUM, views([0x22].into_iter()))].into();
    let events = play(&scene, wants, 3, Duration::from_mins(3)).await;
    let parts = explored(events, List::Tokens);
    let rows: BTreeSet<_> =
        parts.iter().flat_map(|part| &part.rows).map(|row| (row.block, row.movement.amount, 0)).collect();
    assert_eq!(rows, truth);
}
