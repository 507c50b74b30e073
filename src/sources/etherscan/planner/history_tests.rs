//! The past of lists beside what is new.

use super::*;
use crate::reactor::event::List;
use crate::reactor::wants::HistoryWants;
use crate::types::Address;

const CHAIN: ChainId = ChainId(1);
const LIVE: Call = Call::Head(CHAIN);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_795_305_600 + seconds)
}

/// The day has only begun to be used.
fn allowance(now: Timestamp) -> Allowance {
    Allowance { next_start: now, day: 20_779, used: 0, per_day: 100_000 }
}

fn wants(froms: &[(u8, u64)]) -> ChainWants {
    let want = |(byte, from): &(u8, u64)| {
        let address = Address::repeat_byte(*byte);
        ListWant { address, list: List::Tokens, from: *from, to: 900, again: None }
    };
    let lists = froms.iter().map(want).collect();
    ChainWants { history: HistoryWants { lists, ..HistoryWants::default() }, ..ChainWants::default() }
}

fn past(byte: u8) -> Call {
    Call::History(CHAIN, Address::repeat_byte(byte), List::Tokens)
}

#[test]
fn of_four_calls_one_is_for_the_past_while_what_is_new_has_calls_too() {
    let mut history = History::default();
    history.take(CHAIN, &wants(&[(1, 10)]));
    let mut made = Vec::new();
    for second in 0..12 {
        let now = at(second);
        let choice = history.choose(now, Choice::Make(LIVE), &allowance(now));
        let Choice::Make(call) = choice else { panic!("{choice:?}") };
        made.push(call == past(1));
        if call == past(1) {
            history.started(call);
            history.answered(call, true);
        }
    }
    assert_eq!(made.iter().filter(|past| **past).count(), 3, "{made:?}");
    let idle = history.choose(at(20), Choice::Wait(at(60)), &allowance(at(20)));
    assert_eq!(idle, Choice::Make(past(1)), "what nobody else needs is the past's");
}

#[test]
fn the_past_never_borrows_from_later_hours() {
    let mut history = History::default();
    history.take(CHAIN, &wants(&[(1, 10)]));
    let spent = Allowance { used: 50_000, ..allowance(at(60)) };
    let choice = history.choose(at(60), Choice::Make(LIVE), &spent);
    assert_eq!(choice, Choice::Make(LIVE));
    let Choice::Wait(until) = history.choose(at(60), Choice::Idle, &spent) else { panic!("it waits") };
    assert!(until > at(3_600 * 10), "{until}");
}

#[test]
fn what_was_handed_on_waits_for_its_commit_and_what_failed_waits_longer() {
    let mut history = History::default();
    let next = |history: &mut History, second: u64| history.choose(at(second), Choice::Idle, &allowance(at(second)));
    history.take(CHAIN, &wants(&[(1, 10), (2, 20)]));
    assert_eq!(next(&mut history, 0), Choice::Make(past(1)));
    history.started(past(1));
    assert_eq!(next(&mut history, 0), Choice::Make(past(2)), "one is under way");
    history.answered(past(1), true);
    assert_eq!(next(&mut history, 0), Choice::Make(past(1)), "its next page goes before another list");
    history.started(past(1));
    history.answered(past(1), false);
    assert_eq!(next(&mut history, 1), Choice::Make(past(2)));
    history.started(past(2));
    history.failed(past(2));
    assert_eq!(next(&mut history, 2), Choice::Wait(at(10)), "nothing was committed yet");
    history.take(CHAIN, &wants(&[(1, 400), (2, 20)]));
    assert_eq!(history.range(past(1)), Some((400, 900)));
    assert_eq!(next(&mut history, 2), Choice::Make(past(1)));
    history.take(CHAIN, &wants(&[(2, 20)]));
    assert_eq!(next(&mut history, 2), Choice::Wait(at(16)));
    history.rest_until(CHAIN, at(100));
    assert_eq!(next(&mut history, 20), Choice::Wait(at(100)));
    history.take(CHAIN, &wants(&[]));
    assert_eq!(next(&mut history, 200), Choice::Idle);
}
