//! The poll loop and balances: they point at lists, and stand for none.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_balance_that_changed_has_its_lists_read_at_once() {
    let owner = |number: u64| Address::left_padding_from(&(number + 1).to_be_bytes());
    let views = (0..100)
        .flat_map(|number| [List::Transactions, List::Internal].map(|list| ViewWant { list, ..view(owner(number)) }));
    let wants = want(&[(ETHEREUM, ChainWants { views: views.collect(), ..ChainWants::default() })]);
    // After two minutes owner 42 has more.
    let script = Script { head: 9_000, richer: Some((owner(42), Duration::from_mins(2))), ..Script::default() };
    let (_, calls) = play(script, wants, 3, Duration::from_mins(5)).await;
    let began = calls[0].0;
    let sweeps: Vec<_> = calls.iter().filter(|(_, query)| query.contains("balancemulti")).collect();
    assert!(sweeps.iter().all(|(_, query)| query.matches("0x").count() == 20), "{:?}", sweeps[0]);
    let asks = |query: &String| query.contains("balancemulti") && query.contains(&format!("{:#x}", owner(42)));
    let shown = sweeps.iter().find(|(at, query)| asks(query) && *at - began >= Duration::from_mins(2)).unwrap().0;
    let read = |(at, query): &&(Instant, String)| {
        *at > shown && query.contains("txlist") && query.contains(&format!("{:#x}", owner(42)))
    };
    let after: Vec<Duration> = calls.iter().filter(read).map(|(at, _)| *at - shown).collect();
    assert!(after[1] <= Duration::from_secs(4), "both of its lists: {after:?}");
    assert!(closest(&calls) >= 350);
}
