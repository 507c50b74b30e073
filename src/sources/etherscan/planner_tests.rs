//! The planner: single choices.

use super::*;
use crate::reactor::wants::{ChainWants, ViewWant};
use crate::types::pace::SHORTEST_GAP;

const CHAIN: ChainId = ChainId(1);
/// 2026-11-22T00:00:00Z.
const MIDNIGHT: i64 = 20_779 * DAY_MILLIS;
const FREE: Limits = Limits { per_second: 3, per_day: 100_000 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(MIDNIGHT + seconds * 1_000)
}

fn view(number: u8, read: Option<i64>, moved: Option<i64>, pointed: Option<i64>) -> ViewWant {
    ViewWant {
        address: Address::repeat_byte(number),
        list: List::Tokens,
        from: u64::from(number),
        read_at: read.map(at),
        moved_at: moved.map(at),
        pointed_at: pointed.map(at),
        leads: true,
    }
}

fn call(number: u8) -> Call {
    Call::View(CHAIN, Address::repeat_byte(number), List::Tokens)
}

fn wants(views: Vec<ViewWant>) -> ChainWants {
    ChainWants { views, ..ChainWants::default() }
}

fn plenty(now: i64) -> Allowance {
    Allowance { next_start: at(now), day: 20_779, used: 0, per_day: 100_000 }
}

/// A planner that was told this at the start of the day.
fn planner(wants: &ChainWants, extras: &Extras) -> Planner {
    let mut planner = Planner::new(FREE);
    planner.take(at(0), CHAIN, wants, extras);
    planner
}

fn choose(now: i64, views: Vec<ViewWant>, allowance: &Allowance) -> Choice {
    planner(&wants(views), &Extras::default()).next(at(now), allowance)
}

#[test]
fn what_is_pointed_at_or_just_moved_goes_first() {
    let check = |views: Vec<ViewWant>, expected: Choice| {
        assert_eq!(choose(10_000, views.clone(), &plenty(0)), expected, "{views:?}");
    };
    check(vec![], Choice::Idle);
    check(vec![view(1, None, None, None)], Choice::Make(call(1)));
    check(vec![view(1, Some(9_990), None, None)], Choice::Wait(at(10_005)));
    check(vec![view(1, Some(9_996), None, Some(9_998))], Choice::Wait(at(10_001)));
    check(vec![view(1, Some(9_000), None, None), view(2, Some(9_990), None, Some(9_991))], Choice::Make(call(2)));
    check(vec![view(1, Some(9_900), None, None), view(2, Some(9_980), Some(9_980), None)], Choice::Make(call(2)));
    // The longer nothing came of it, the longer it waits: twice as long each time.
    check(vec![view(1, Some(9_900), None, None), view(2, Some(9_980), Some(9_950), None)], Choice::Make(call(1)));
    check(vec![view(1, Some(9_900), None, None), view(2, Some(9_980), None, Some(9_965))], Choice::Make(call(2)));
    // An hour later it is as any other.
    check(vec![view(1, Some(5_900), None, None), view(2, Some(6_000), Some(1_000), None)], Choice::Make(call(1)));
}

#[test]
fn the_rounds_read_what_was_read_longest_ago_and_what_seconds_seldom() {
    let mut views: Vec<ViewWant> = (1..=16).map(|number| view(number, Some(i64::from(number)), None, None)).collect();
    for view in &mut views[8..] {
        view.leads = false;
    }
    let mut planner = planner(&wants(views), &Extras::default());
    let mut order = Vec::new();
    for nth in 0..80 {
        let now = 20_000 + nth * 300;
        let Choice::Make(made) = planner.next(at(now), &plenty(now)) else { panic!("something is due") };
        planner.started(made, at(now));
        planner.answered(made, false);
        order.push(made);
    }
    assert_eq!(order[..8], [1, 2, 3, 4, 5, 6, 7, 8].map(call), "eight turns of those that lead");
    let seconds = order.iter().filter(|made| **made >= call(9)).count();
    assert_eq!(seconds, 8, "and one of those that second: {order:?}");
    assert_eq!(order.iter().filter(|made| **made == call(9)).count(), 1);
}

#[test]
fn a_hurry_takes_one_call_in_four_where_the_rounds_have_something_to_read() {
    let mut views: Vec<ViewWant> = (1..=100).map(|number| view(number, Some(1), None, None)).collect();
    views.extend((101..=200).map(|number| view(number, Some(1), None, Some(20_000))));
    let mut planner = planner(&wants(views), &Extras::default());
    let mut hurried = Vec::new();
    for nth in 0..40 {
        let Choice::Make(made) = planner.next(at(20_000 + nth), &plenty(0)) else { panic!("something is due") };
        planner.started(made, at(20_000 + nth));
        planner.answered(made, false);
        hurried.push(made >= call(101));
    }
    assert_eq!(hurried[..9], [true, false, false, false, true, false, false, false, true]);
    assert_eq!(hurried.iter().filter(|hurried| **hurried).count(), 10);
}

#[test]
fn a_chain_that_stopped_and_a_list_that_nobody_wants_are_not_asked() {
    let mut chain = ChainWants { views: vec![view(1, None, None, None)], explorer_head: true, ..ChainWants::default() };
    let tx = B256::repeat_byte(7);
    chain.receipts.insert(tx);
    let own = Extras { own_receipts: [CHAIN].into(), ..Extras::default() };
    let all = |planner: &mut Planner| {
        let mut made = BTreeSet::new();
        while let Choice::Make(call) = planner.next(at(1), &plenty(0)) {
            planner.started(call, at(1));
            made.insert(call);
        }
        made
    };
    let mut planner = planner(&chain, &own);
    assert_eq!(all(&mut planner), [Call::Receipt(CHAIN, tx), Call::Head(CHAIN), call(1)].into());
    let mut elsewhere = Planner::new(FREE);
    elsewhere.take(at(0), CHAIN, &chain, &Extras::default());
    let expected = [Call::Head(CHAIN), call(1)].into();
    assert_eq!(all(&mut elsewhere), expected, "an RPC endpoint reads the receipts of that chain");
    assert_eq!(planner.from_block(call(1)), Some(1));
    // What lands when nobody wants it any more is forgotten.
    planner.take(at(2), CHAIN, &ChainWants::default(), &Extras::default());
    assert_eq!(planner.from_block(call(1)), None);
    for made in [Call::Receipt(CHAIN, tx), Call::Head(CHAIN), call(1)] {
        planner.answered(made, false);
    }
    assert_eq!(planner.next(at(9_000), &plenty(0)), Choice::Idle);
    assert!(planner.pasts.is_empty());
    chain.stopped = true;
    planner.take(at(3), CHAIN, &chain, &own);
    assert_eq!(planner.next(at(9_000), &plenty(0)), Choice::Idle);
}

#[test]
fn calls_wait_for_the_account_the_chain_and_their_own_failures() {
    let one = || wants(vec![view(1, None, None, None)]);
    let spaced = Allowance { next_start: at(3), ..plenty(0) };
    assert_eq!(choose(2, one().views, &spaced), Choice::Wait(at(3)));

    let mut planner = planner(&one(), &Extras::default());
    planner.rest_until(CHAIN, at(60));
    assert_eq!(planner.next(at(1), &plenty(0)), Choice::Wait(at(60)));
    assert_eq!(planner.next(at(60), &plenty(0)), Choice::Make(call(1)));
    planner.started(call(1), at(60));
    assert_eq!(planner.next(at(90), &plenty(0)), Choice::Idle, "its answer is under way");
    planner.failed(call(1));
    assert_eq!(planner.next(at(61), &plenty(0)), Choice::Wait(at(90)));
    planner.started(call(1), at(90));
    planner.failed(call(1));
    assert_eq!(planner.next(at(91), &plenty(0)), Choice::Wait(at(150)), "longer each time");
    planner.started(call(1), at(150));
    planner.answered(call(1), true);
    assert_eq!(planner.next(at(150), &plenty(0)), Choice::Make(call(1)), "page behind page");
    planner.started(call(1), at(151));
    planner.put_back(call(1));
    assert_eq!(planner.next(at(151), &plenty(0)), Choice::Make(call(1)), "for a reason that is not its own");
    planner.started(call(1), at(151));
    planner.answered(call(1), false);
    let again = Choice::Wait(at(151).after(SHORTEST_GAP));
    assert_eq!(planner.next(at(151), &plenty(0)), again);
}

#[test]
fn the_days_calls_are_spread_and_the_rounds_pay_back_what_a_hurry_borrowed() {
    // At 06:00 a quarter of the day is gone.
    let check = |used: u64, pointed: Option<i64>, expected: Choice| {
        let allowance = Allowance { used, ..plenty(0) };
        assert_eq!(choose(21_600, vec![view(1, Some(0), None, pointed)], &allowance), expected, "{used}");
    };
    let later = |millis| Choice::Wait(Timestamp::from_millis(MIDNIGHT + 21_600_000 + millis));
    check(26_500, None, Choice::Make(call(1)));
    check(29_501, None, later(919));
    check(29_500, Some(21_600), Choice::Make(call(1)));
    check(29_501, Some(21_600), later(919));
    // Ahead of the hour the rounds go on, at three quarters of the day's pace.
    let views = (1..=9).map(|number| view(number, Some(0), None, None)).collect();
    let mut planner = planner(&wants(views), &Extras::default());
    let ahead = Allowance { used: 27_500, ..plenty(0) };
    let Choice::Make(made) = planner.next(at(21_600), &ahead) else { panic!("the first one may go") };
    planner.started(made, at(21_600));
    planner.answered(made, false);
    assert_eq!(planner.next(at(21_600), &ahead), later(1_176));
}

#[test]
fn balances_are_swept_in_batches_where_that_shows_something_sooner() {
    let list = |number: u16, list: List| ViewWant {
        address: Address::left_padding_from(&number.to_be_bytes()),
        list,
        ..view(0, Some(0), None, None)
    };
    let all =
        |addresses: u16| wants((0..addresses).flat_map(|number| List::USUAL.map(|of| list(number, of))).collect());
    let few = planner(&all(10), &Extras::default());
    assert_eq!(few.pace().sweep, None);
    let mut planner = planner(&all(450), &Extras::default());
    assert!(planner.pace().sweep.is_some());
    let made: Vec<Choice> = (0..23)
        .map(|nth| {
            let choice = planner.next(at(20 + nth), &plenty(0));
            if let Choice::Make(call) = choice {
                planner.started(call, at(20 + nth));
            }
            choice
        })
        .collect();
    let batches: Vec<Choice> = (0..23).map(|batch| Choice::Make(Call::Balances(CHAIN, batch))).collect();
    assert_eq!(made, batches);
    let sizes: Vec<usize> = (0..24).map(|batch| planner.batch(CHAIN, batch).len()).collect();
    assert_eq!((sizes[0], sizes[22], sizes[23]), (20, 10, 0));
    // Who has another balance is read at once, in every list.
    let moved = planner.batch(CHAIN, 3)[7];
    planner.stir(CHAIN, moved, at(60));
    assert!(matches!(planner.next(at(60), &plenty(0)), Choice::Make(Call::View(_, who, _)) if who == moved));
    let tokens = wants((0..450).map(|number| list(number, List::Tokens)).collect());
    planner.take(at(70), CHAIN, &tokens, &Extras::default());
    assert_eq!(planner.pace().sweep, None, "a token moves no coin");
}

#[test]
fn the_chains_head_is_asked_for_when_a_list_showed_its_own_and_not_often() {
    let own = Extras { own_receipts: [CHAIN].into(), ..Extras::default() };
    let mut planner = planner(&wants(vec![view(1, Some(0), None, None)]), &own);
    let mut heads = 0;
    for second in 1..1_200 {
        if let Choice::Make(call) = planner.next(at(second), &plenty(0)) {
            planner.started(call, at(second));
            planner.answered(call, false);
            heads += u32::from(call == Call::Head(CHAIN));
            planner.compare_heads(CHAIN, at(second));
        }
    }
    assert_eq!(heads, 4, "every five minutes");
}

#[test]
fn the_age_of_a_chains_views_is_that_of_the_lists_that_lead() {
    let mut views = vec![view(1, Some(50), None, None), view(2, Some(70), None, None)];
    let age = |views: &[ViewWant]| {
        let planner = planner(&wants(views.to_vec()), &Extras::default());
        planner.view_ages().get(&CHAIN).map(|age| (age.oldest, age.promised.as_secs()))
    };
    assert_eq!(age(&views), Some((at(50), 20)));
    views[0].leads = false;
    assert_eq!(age(&views), Some((at(70), 20)));
    views[1].leads = false;
    assert_eq!(age(&views), Some((at(50), 160)), "a second opinion");
    views[0].read_at = None;
    assert_eq!(age(&views), Some((at(0), 160)), "since it is wanted");
    assert_eq!(age(&[]), None);
}
