//! The poll loop and the day: a day that is over is a pause with its end said.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_day_that_is_over_is_a_pause_and_not_a_loop_of_errors() {
    let script = Script {
        tokens: BTreeMap::from([(OWNER, vec![5])]),
        head: 9_000,
        // At one in the morning: what is said right behind midnight may be yesterday's.
        delay: Duration::from_hours(1),
        first: VecDeque::from([Ok((200, refusal("Max daily rate limit reached. 110000 (100%) of 100000 day/limit")))]),
        ..Script::default()
    };
    let (events, calls) = play(script, one_view(), 3, Duration::from_hours(26)).await;
    let midnight = Timestamp::parse("2026-11-23T00:00:00Z").unwrap();
    assert_eq!(states(&events, ETHEREUM), [SourceState::OverBudget(midnight), SourceState::Fresh]);
    assert_eq!((explored(&events).len(), (calls[1].0 - calls[0].0).as_secs() / 3_600), (1, 24), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_free_keys_share_on_a_chain_stops_this_chain_until_its_reset_and_no_other() {
    let text =
        "Community Free API Limit reached. Resets 2026-11-22 12:00:00 UTC. For higher, uninterrupted limits, upgrade";
    let script = Script {
        tokens: BTreeMap::from([(OWNER, vec![5])]),
        head: 9_000,
        always: BTreeMap::from([(BASE, refusal(text))]),
        ..Script::default()
    };
    let wants = ChainWants { views: vec![view(OWNER)], ..ChainWants::default() };
    let wants = want(&[(ETHEREUM, wants.clone()), (BASE, wants)]);
    let (events, calls) = play(script, wants, 3, Duration::from_secs(12 * 3_600 - 5)).await;
    let noon = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    assert_eq!(states(&events, BASE), [SourceState::OverBudget(noon)]);
    assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
    let asked = calls.iter().filter(|(_, query)| query.contains("chainid=8453")).count();
    assert!(asked == 1 && calls.len() > 1_000, "{asked} {}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn our_own_count_ends_the_day_too_and_survives_a_restart() {
    // 99,990 were used before the restart: the ten that are left are kept for the day's end.
    let script = Script { tokens: BTreeMap::from([(OWNER, vec![5])]), head: 9_000, ..Script::default() };
    let (events, calls) = play(script, one_view(), 0, Duration::from_secs(86_395)).await;
    assert!((1..=10).contains(&calls.len()), "{}", calls.len());
    let said = states(&events, ETHEREUM);
    let Some(SourceState::OverBudget(until)) = said.first() else { panic!("{said:?}") };
    assert!(until.since(Timestamp::from_millis(START)) > Duration::from_hours(23), "{until}");
}
