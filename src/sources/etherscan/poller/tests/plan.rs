//! What the plan of a key holds: learnt from the explorer, chain by chain, not asked for again and again, and noticed when it changes.

use super::*;
use crate::types::pace::Pace;

/// An explorer whose plan comes to hold base after a while.
struct Plan {
    scene: Scene,
    held_after: Duration,
    began: Instant,
    text: String,
}

impl Fetch for Plan {
    async fn fetch(&self, query: String) -> Result<Response, HttpFault> {
        if query.contains("chainid=8453") && self.began.elapsed() < self.held_after {
            self.scene.0.lock().unwrap().calls.push((Instant::now(), query));
            return Ok(Response { status: 200, headers: HeaderMap::new(), body: self.text.clone().into() });
        }
        self.scene.fetch(query).await
    }
}

fn on_both(views: &[ViewWant]) -> Wants {
    let wants = ChainWants { views: views.to_vec(), ..ChainWants::default() };
    want(&[(ETHEREUM, wants.clone()), (BASE, wants)])
}

#[tokio::test(start_paused = true)]
async fn a_chain_outside_the_plan_is_refused_for_a_day_and_the_others_go_on() {
    let text = "Free API access is not supported for this chain. Please upgrade your api plan for full chain coverage.";
    let script = Script {
        tokens: BTreeMap::from([(OWNER, vec![5])]),
        head: 9_000,
        always: BTreeMap::from([(BASE, refusal(text))]),
        ..Script::default()
    };
    let wants = ChainWants { views: vec![view(OWNER)], ..ChainWants::default() };
    let wants = want(&[(ETHEREUM, wants.clone()), (BASE, wants)]);
    let (events, calls) = play(script, wants, 3, Duration::from_hours(25)).await;
    let [SourceState::Refused(reason)] = &states(&events, BASE)[..] else { panic!("{events:?}") };
    assert!(reason.as_str().contains("not covered") && reason.as_str().contains("`etherscan = false`"), "{reason}");
    let asked = calls.iter().filter(|(_, query)| query.contains("chainid=8453")).count();
    assert_eq!(asked, 2, "once, and once more after a day");
    assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
}

/// Every text by which an explorer says that it does not read a chain for this key (facts/etherscan.md §3 and §10).
#[tokio::test(start_paused = true)]
async fn a_chain_that_the_plan_comes_to_hold_is_read_from_then_on() {
    for text in [
        refusal(
            "Free API access is not supported for this chain. Please upgrade your api plan for full chain coverage.",
        ),
        r#"{"status":"0","message":"chain not supported","result":null}"#.to_owned(),
    ] {
        let script = Script { tokens: BTreeMap::from([(OWNER, vec![5])]), head: 9_000, ..Script::default() };
        let held_after = Duration::from_hours(30);
        let plan = Plan { scene: Scene(Mutex::new(script)), held_after, began: Instant::now(), text };
        let events = play_with(&plan, on_both(&[view(OWNER)]), 3, Duration::from_hours(49)).await;
        let [SourceState::Refused(_), SourceState::Fresh] = &states(&events, BASE)[..] else { panic!("{events:?}") };
        let read = explored(&events).into_iter().filter(|read| read.chain == BASE && read.rows.len() == 1).count();
        assert!(read > 0, "its rows come");
        let script = plan.scene.0.into_inner().unwrap();
        let asked = script
            .calls
            .iter()
            .filter(|(at, query)| query.contains("chainid=8453") && at.duration_since(plan.began) < held_after);
        assert_eq!(asked.count(), 2, "at the start and after a day; what it is not given it does not beg for");
        assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_chain_costs_the_others_no_time() {
    let text = refusal("Free API access is not supported for this chain. Please upgrade your api plan.");
    let owners: Vec<Address> = (1..=120).map(Address::repeat_byte).collect();
    let views: Vec<ViewWant> = owners.iter().map(|owner| view(*owner)).collect();
    let script = Script { head: 9_000, always: BTreeMap::from([(BASE, text)]), ..Script::default() };
    let (_, calls) = play(script, on_both(&views), 3, Duration::from_hours(1)).await;
    let of_ethereum =
        calls.iter().filter(|(_, query)| query.contains("chainid=1&") && query.contains("tokentx")).count();
    let limits = Limits { per_second: 3, per_day: 100_000 };
    let demand = |lead| crate::types::pace::Demand { lead, heads: lead / 120, ..crate::types::pace::Demand::default() };
    let rounds = |lead| 3_600_000 / Pace::of(limits, demand(lead)).quiet.expect("lists are wanted").as_millis();
    let (alone, shared) = (rounds(120), rounds(240));
    let read = u128::try_from(of_ethereum / 120).expect("it fits");
    assert!(
        read + 2 >= alone && alone > shared + 5,
        "{read} rounds; alone {alone}, with the other chain's lists {shared}"
    );
}
