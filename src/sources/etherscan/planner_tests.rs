//! The planner: single choices, and a whole day.

use super::*;
use crate::net::{CallBudget, budget::NextStart};

const CHAIN: ChainId = ChainId(1);

/// 2026-11-22T00:00:00Z.
const MIDNIGHT: i64 = 20_779 * DAY_MILLIS;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(MIDNIGHT + seconds * 1_000)
}

fn view(number: u8, read: Option<i64>, moved: Option<i64>, soon: bool) -> ViewWant {
    let (read_at, moved_at) = (read.map(at), moved.map(at));
    ViewWant { address: Address::repeat_byte(number), list: List::Tokens, from: 0, read_at, moved_at, soon }
}

fn call(number: u8) -> Call {
    Call::View(CHAIN, Address::repeat_byte(number), List::Tokens)
}

fn wants(views: Vec<ViewWant>) -> BTreeMap<ChainId, Arc<ChainWants>> {
    BTreeMap::from([(CHAIN, Arc::new(ChainWants { views, ..ChainWants::default() }))])
}

fn plenty(now: Timestamp) -> Allowance {
    Allowance { next_start: now, day: 20_779, used: 0, per_day: 100_000 }
}

fn choose(now: i64, wants: &BTreeMap<ChainId, Arc<ChainWants>>, allowance: &Allowance) -> Choice {
    Planner::default().next(
        at(now),
        wants,
        &Extras { own_receipts: BTreeSet::from([CHAIN]), ..Extras::default() },
        allowance,
    )
}

#[test]
fn what_is_pointed_at_or_just_moved_goes_first() {
    let check = |views: Vec<ViewWant>, expected: Choice| {
        assert_eq!(choose(10_000, &wants(views.clone()), &plenty(at(0))), expected, "{views:?}");
    };
    check(vec![], Choice::Idle);
    check(vec![view(1, None, None, false)], Choice::Make(call(1)));
    check(vec![view(1, Some(9_990), None, false)], Choice::Wait(at(10_005)));
    check(vec![view(1, Some(9_996), None, true)], Choice::Wait(at(10_001)));
    check(vec![view(1, Some(9_000), None, false), view(2, Some(9_990), None, true)], Choice::Make(call(2)));
    check(vec![view(1, Some(9_900), None, false), view(2, Some(9_980), Some(9_950), false)], Choice::Make(call(2)));
    // A sleeper that waited long enough goes before what just moved, and before what is pointed at again and again.
    check(vec![view(1, Some(9_000), None, false), view(2, Some(9_980), Some(9_950), false)], Choice::Make(call(1)));
    check(vec![view(1, Some(1_000), None, false), view(2, Some(9_990), None, true)], Choice::Make(call(1)));
}

#[test]
fn a_chain_that_stopped_and_a_list_that_nobody_wants_are_not_asked() {
    let mut chain = ChainWants { views: vec![view(1, None, None, true)], explorer_head: true, ..ChainWants::default() };
    chain.receipts.insert(B256::repeat_byte(7));
    let of = |chain: &ChainWants| BTreeMap::from([(CHAIN, Arc::new(chain.clone()))]);
    assert_eq!(choose(0, &of(&chain), &plenty(at(0))), Choice::Make(Call::Receipt(CHAIN, B256::repeat_byte(7))));
    let elsewhere = Planner::default().next(at(0), &of(&chain), &Extras::default(), &plenty(at(0)));
    assert_eq!(elsewhere, Choice::Make(Call::Head(CHAIN)), "an RPC endpoint reads the receipts of that chain");
    chain.stopped = true;
    assert_eq!(choose(0, &of(&chain), &plenty(at(0))), Choice::Idle);
}

#[test]
fn calls_wait_for_the_account_the_chain_and_their_own_failures() {
    let wants = wants(vec![view(1, None, None, false)]);
    let spaced = Allowance { next_start: at(3), ..plenty(at(0)) };
    assert_eq!(choose(2, &wants, &spaced), Choice::Wait(at(3)));

    let mut planner = Planner::default();
    planner.rest_until(CHAIN, at(60));
    let own = Extras::default();
    assert_eq!(planner.next(at(1), &wants, &own, &plenty(at(0))), Choice::Wait(at(60)));
    assert_eq!(planner.next(at(60), &wants, &own, &plenty(at(0))), Choice::Make(call(1)));
    planner.started(call(1), at(60));
    assert_eq!(planner.next(at(90), &wants, &own, &plenty(at(0))), Choice::Idle, "its answer is under way");
    planner.failed(call(1));
    assert_eq!(planner.next(at(61), &wants, &own, &plenty(at(0))), Choice::Wait(at(90)));
    planner.started(call(1), at(90));
    planner.answered(call(1), true);
    assert_eq!(planner.next(at(90), &wants, &own, &plenty(at(0))), Choice::Make(call(1)), "page behind page");
    planner.started(call(1), at(91));
    planner.answered(call(1), false);
    assert_eq!(planner.next(at(91), &wants, &own, &plenty(at(0))), Choice::Wait(at(106)));
}

#[test]
fn the_days_calls_are_spread_and_only_what_is_urgent_borrows() {
    // At 06:00 a quarter of the day is gone.
    let check = |used: u64, read: Option<i64>, moved: Option<i64>, soon: bool, expected: Choice| {
        let allowance = Allowance { used, ..plenty(at(0)) };
        assert_eq!(choose(21_600, &wants(vec![view(1, read, moved, soon)]), &allowance), expected, "{used}");
    };
    let later = |millis| Choice::Wait(Timestamp::from_millis(MIDNIGHT + 21_600_000 + millis));
    check(26_500, Some(0), None, false, Choice::Make(call(1)));
    check(26_501, Some(0), None, false, later(881));
    check(26_501, Some(0), Some(21_500), false, Choice::Make(call(1)));
    check(27_251, Some(0), Some(21_500), false, later(890));
    check(27_251, Some(0), None, true, Choice::Make(call(1)));
    check(27_251, None, None, false, Choice::Make(call(1)));
    check(29_501, None, None, true, later(919));
}

#[test]
fn what_is_urgent_opens_the_gate_and_age_decides_who_goes_through() {
    let allowance = Allowance { used: 27_000, ..plenty(at(0)) };
    let two = |read| wants(vec![view(1, Some(read), None, false), view(2, Some(21_590), None, true)]);
    assert_eq!(choose(21_600, &two(20_000), &allowance), Choice::Make(call(2)));
    assert_eq!(choose(21_600, &two(0), &allowance), Choice::Make(call(1)));
}

/// Plays a day: 60 lists, of which list 0 moves every ten minutes and list 1 is pointed at for an hour.
#[test]
fn a_day_on_the_free_plan_stays_in_its_limits_and_starves_nobody() {
    const LISTS: usize = 60;
    let (mut planner, mut budget) = (Planner::default(), CallBudget::new(3, 3_000));
    let mut read: Vec<Option<i64>> = vec![None; LISTS];
    let (mut calls, mut oldest, mut busy_gap, mut hours) = (0_u64, 0, 0, [0_u32; 24]);
    let mut now = at(0);
    let mut last_start: Option<Timestamp> = None;
    let second = |now: Timestamp| (now.millis() - MIDNIGHT) / 1_000;
    let address = |list: usize| Address::from_word(B256::from(crate::types::U256::from(list)));
    while second(now) < 86_400 {
        let views = (0..LISTS).map(|list| ViewWant {
            address: address(list),
            list: List::Tokens,
            from: 0,
            read_at: read[list].map(at),
            moved_at: (list == 0).then(|| at(second(now) / 600 * 600)),
            soon: list == 1 && (36_000..39_600).contains(&second(now)),
        });
        let wants = wants(views.collect());
        let next_start = match budget.next_start(now) {
            NextStart::At(at) => at,
            NextStart::ExhaustedUntil(_) => {
                assert!(second(now) > 86_400 - 120, "used up {} s after midnight", second(now));
                break;
            }
        };
        let allowance = Allowance { next_start, day: 20_779, used: budget.used(), per_day: 3_000 };
        match planner.next(now, &wants, &Extras::default(), &allowance) {
            Choice::Make(call) => {
                let Call::View(_, of, _) = call else { panic!("only lists are wanted") };
                let list = (0..LISTS).find(|list| address(*list) == of).unwrap();
                if let Some(before) = read[list] {
                    oldest = oldest.max(second(now) - before);
                    busy_gap = if list == 0 { busy_gap.max(second(now) - before) } else { busy_gap };
                }
                assert!(last_start.is_none_or(|last| now.since(last).as_millis() >= 350));
                last_start = Some(now);
                read[list] = Some(second(now));
                calls += 1;
                hours[usize::try_from(second(now) / 3_600).unwrap()] += 1;
                budget.started(now);
                planner.started(call, now);
                planner.answered(call, false);
            }
            Choice::Wait(until) => {
                assert!(until > now);
                now = until;
            }
            Choice::Idle => panic!("lists are always wanted"),
        }
    }
    assert!(calls <= 3_000 && calls > 2_900, "{calls}");
    // The weights sum up to at most 59 + 256; 28.8 s between two calls.
    assert!(oldest < 315 * 29, "a list waited {oldest} s");
    assert!(busy_gap * 2 < oldest, "the busy list waited {busy_gap} s");
    assert!(hours[1..].iter().all(|hour| *hour > 55), "{hours:?}");
}
