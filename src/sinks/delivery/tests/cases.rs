//! The cases that people ask about, each by its name.

use super::*;

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn seqs(begun: &[Begun]) -> Vec<i64> {
    begun.iter().map(|begun| begun.seq).collect()
}

fn machine(open: Vec<OutboxRow>) -> Machine {
    Machine::new(lanes(), open, &[], at(0))
}

/// The states that were written, by row.
fn states(machine: &mut Machine) -> Vec<(i64, OutboxState)> {
    let state = |write| match write {
        DeliveryWrite::Outcome { seq, state, .. } => Some((seq, state)),
        DeliveryWrite::Sink { .. } | DeliveryWrite::Attempt { .. } => None,
    };
    machine.take_writes().into_iter().filter_map(state).collect()
}

fn answer(machine: &mut Machine, sink: &str, seq: i64, number: u8, now: Timestamp) {
    machine.answered(&sink.into(), seq, verdict(number), now, 200);
}

/// Goes on to the next attempts, over wakes that begin none.
pub(super) fn begin_next(machine: &mut Machine, now: &mut Timestamp) -> Vec<Begun> {
    loop {
        let begun = machine.step(*now);
        match machine.next_wake() {
            Some(wake) if begun.is_empty() => *now = wake,
            _ => return begun,
        }
    }
}

#[test]
fn a_retraction_withdraws_what_was_never_sent() {
    let mut machine = machine(vec![]);
    let rows =
        [small_row(1, "chat", 9, 1, false), small_row(2, "chat", 1, 1, false), small_row(3, "chat", 1, 2, false)];
    machine.arrived(rows.to_vec(), at(0));
    assert_eq!(seqs(&machine.step(at(0))), [1], "the chat takes one at a time");
    machine.arrived(vec![small_row(4, "chat", 1, 3, true), small_row(5, "chat", 1, 4, false)], at(0));
    answer(&mut machine, "chat", 1, 0, at(0));
    assert_eq!(seqs(&machine.step(at(1))), [5], "what was said anew behind the retraction is said");
    let superseded = OutboxState::Superseded;
    assert_eq!(states(&mut machine), [(1, OutboxState::Done), (2, superseded), (3, superseded), (4, superseded)]);
}

#[test]
fn a_retraction_is_sent_where_anything_before_it_was_begun_is_of_an_earlier_run_or_is_unknown() {
    let begun_before = |first_answer: u8| {
        let mut machine = machine(vec![]);
        machine.arrived(vec![small_row(1, "ops", 1, 1, false)], at(0));
        assert_eq!(seqs(&machine.step(at(0))), [1]);
        machine.arrived(vec![small_row(2, "ops", 1, 2, true)], at(0));
        assert_eq!(machine.step(at(0)), [], "it waits for its turn");
        answer(&mut machine, "ops", 1, first_answer, at(0));
        machine
    };
    for (number, then) in [(0, vec![2]), (7, vec![2]), (3, vec![])] {
        assert_eq!(seqs(&begun_before(number).step(at(0))), then, "verdict {number}");
    }
    let mut after_refusal = begun_before(4);
    assert_eq!(seqs(&after_refusal.step(at(60))), [1], "the message that may come yet goes first");

    let mut earlier_run = machine(vec![small_row(1, "ops", 1, 1, false), small_row(2, "ops", 1, 2, true)]);
    assert_eq!(seqs(&earlier_run.step(at(0))), [1], "it may have been under way when that run ended");

    let mut delivered_in_an_earlier_run = machine(vec![]);
    delivered_in_an_earlier_run.arrived(vec![small_row(7, "ops", 1, 2, false), small_row(8, "ops", 1, 3, true)], at(0));
    assert_eq!(seqs(&delivered_in_an_earlier_run.step(at(0))), [7], "revision 1 may have been told");
}

#[test]
fn ten_attempts_over_three_days_and_then_it_is_dead() {
    let mut machine = machine(vec![]);
    machine.arrived(vec![small_row(1, "ops", 1, 1, false)], at(0));
    let (mut now, mut tried) = (at(0), Vec::new());
    while let [begun] = &begin_next(&mut machine, &mut now)[..] {
        tried.push(now.since(at(0)).as_secs());
        let number = u32::try_from(tried.len()).expect("it is small");
        assert_eq!((begun.attempt, begun.again), (number, number > 1));
        let decision = machine.answered(&"ops".into(), 1, verdict(3), now, 200);
        assert_eq!(decision, Some(if number == 10 { Decision::Dead } else { Decision::Again }));
    }
    assert_eq!(tried, [0, 5, 305, 2105, 9305, 27305, 63305, 113_705, 185_705, 272_105]);
    assert_eq!(states(&mut machine).last(), Some(&(1, OutboxState::Dead)));
    let reports = machine.take_reports();
    assert!(
        matches!(&reports[..], [.., DeliveryReport::Dead { reason, .. }] if reason.as_str() == "given up after 10 attempts: HTTP 500"),
        "{reports:?}"
    );
}

#[test]
fn a_restart_tries_what_waits_at_once_and_uses_up_nothing_of_the_schedule() {
    let mut row = small_row(1, "ops", 1, 1, false);
    (row.attempts, row.due) = (9, at(3_600));
    for restart in 0..20 {
        let mut machine = machine(vec![row.clone()]);
        let begun = machine.step(at(restart));
        assert_eq!((seqs(&begun), begun[0].again), (vec![1], true));
        answer(&mut machine, "ops", 1, 3, at(restart));
        let writes = machine.take_writes();
        assert!(
            matches!(&writes[..], [DeliveryWrite::Attempt { .. }, DeliveryWrite::Outcome { state: OutboxState::Pending, attempts: 9, due, .. }] if *due == at(3_600)),
            "{writes:?}"
        );
    }
    row.due = at(1_000_000_000);
    let mut machine = machine(vec![row]);
    assert_eq!(machine.step(at(0)).len(), 1);
    answer(&mut machine, "ops", 1, 3, at(0));
    let again = machine.next_wake().expect("it is tried again");
    assert!(again <= at(0).after(schedule::LONGEST), "a clock that was ahead does not put it off for years");
}

#[test]
fn a_gone_receiver_keeps_its_messages_until_a_person_opens_it() {
    let mut machine = machine(vec![]);
    machine.arrived(vec![small_row(1, "ops", 1, 1, false), small_row(2, "ops", 2, 1, false)], at(0));
    assert_eq!(seqs(&machine.step(at(0))), [1, 2]);
    answer(&mut machine, "ops", 1, 8, at(0));
    answer(&mut machine, "ops", 2, 8, at(0));
    machine.arrived(vec![small_row(3, "ops", 3, 1, false)], at(1));
    assert_eq!((machine.step(at(1_000_000)), machine.next_wake()), (vec![], None));
    let ops = "ops".into();
    assert_eq!(machine.take_reports(), [DeliveryReport::Disabled { sink: "ops".into() }], "once");
    let sink_writes = |machine: &mut Machine| {
        machine
            .take_writes()
            .into_iter()
            .filter(|write| matches!(write, DeliveryWrite::Sink { .. }))
            .collect::<Vec<_>>()
    };
    assert_eq!(sink_writes(&mut machine), [DeliveryWrite::Sink { sink: "ops".into(), disabled: true }]);
    machine.enable(&ops, at(1_000_000)).expect("it is in the config");
    assert_eq!(sink_writes(&mut machine), [DeliveryWrite::Sink { sink: "ops".into(), disabled: false }]);
    assert_eq!(seqs(&machine.step(at(1_000_000))), [1, 2, 3]);
}

#[test]
fn a_dead_receiver_is_left_alone_but_for_single_probes_and_uses_up_few_messages() {
    let mut machine = machine(vec![]);
    machine.arrived(
        (0..100).map(|seq| small_row(seq, "ops", u8::try_from(seq).expect("it fits"), 1, false)).collect(),
        at(0),
    );
    let mut now = at(0);
    let mut attempts = 0;
    while now < at(600) {
        let begun = machine.step(now);
        attempts += begun.len();
        assert!(attempts <= 8 || begun.len() <= 1, "one probe at a time");
        for begun in begun {
            answer(&mut machine, "ops", begun.seq, 4, now);
        }
        now = machine.next_wake().expect("something waits").max(now.after(millis(1)));
    }
    assert!((10..20).contains(&attempts), "{attempts} attempts in ten minutes");
    let begun = machine.step(now.after(Duration::from_mins(10)));
    assert_eq!(begun.len(), 1);
    answer(&mut machine, "ops", begun[0].seq, 0, now);
    assert_eq!(machine.step(now.after(Duration::from_mins(10))).len(), 4, "and taken up whole when it is back");
}

#[test]
fn a_sink_that_fails_for_five_minutes_is_said_once_and_so_is_its_recovery() {
    let mut machine = machine(vec![]);
    machine.arrived(vec![small_row(1, "ops", 1, 1, false), small_row(2, "ops", 2, 1, false)], at(0));
    machine.step(at(0));
    answer(&mut machine, "ops", 1, 5, at(0));
    answer(&mut machine, "ops", 2, 6, at(10));
    assert_eq!((machine.step(at(299)), machine.take_reports()), (vec![], vec![]));
    assert_eq!(machine.next_wake(), Some(at(300)), "though no attempt is due");
    machine.step(at(300));
    machine.step(at(301));
    let failing = DeliveryReport::Failing { sink: "ops".into(), since: at(0), reason: "HTTP 500".into() };
    assert_eq!(machine.take_reports(), [failing]);
    let day = 24 * 3_600 + 10;
    assert_eq!(seqs(&machine.step(at(day))), [1, 2]);
    answer(&mut machine, "ops", 1, 0, at(day));
    answer(&mut machine, "ops", 2, 0, at(day));
    assert_eq!(machine.take_reports(), [DeliveryReport::Recovered { sink: "ops".into() }]);
}

#[test]
fn the_first_success_of_a_run_is_said_since_an_earlier_run_may_have_said_failing() {
    let mut machine = machine(vec![small_row(1, "ops", 1, 1, false)]);
    machine.step(at(0));
    answer(&mut machine, "ops", 1, 0, at(0));
    assert_eq!(machine.take_reports(), [DeliveryReport::Recovered { sink: "ops".into() }]);
}

#[test]
fn a_dead_letter_is_trouble_until_the_next_success_and_hides_no_later_trouble() {
    let [dead, fails, gone] = [7, 4, 8];
    let name = |report: &DeliveryReport| match report {
        DeliveryReport::Dead { .. } => "dead",
        DeliveryReport::Failing { .. } => "failing",
        DeliveryReport::Recovered { .. } => "recovered",
        DeliveryReport::Disabled { .. } => "disabled",
    };
    let check = |verdicts: &[u8], expected: &[&str]| {
        let mut machine = machine(vec![]);
        let mut now = at(0);
        for (nth, number) in (1..).zip(verdicts) {
            machine.arrived(vec![small_row(i64::from(nth), "ops", nth, 1, false)], now);
            assert_eq!(seqs(&machine.step(now)), [i64::from(nth)]);
            answer(&mut machine, "ops", i64::from(nth), *number, now);
            now = now.after(millis(1));
        }
        // Longer than it takes to be failing.
        machine.step(now.after(Duration::from_mins(5)));
        assert_eq!(machine.take_reports().iter().map(name).collect::<Vec<_>>(), expected, "{verdicts:?}");
    };
    check(&[0, dead, 0, 0], &["recovered", "dead", "recovered"]);
    check(&[0, dead, dead, 0], &["recovered", "dead", "dead", "recovered"]);
    check(&[0, dead, fails], &["recovered", "dead", "failing"]);
    check(&[0, dead, 0, fails], &["recovered", "dead", "recovered", "failing"]);
    check(&[0, dead, gone], &["recovered", "dead", "disabled"]);
    check(&[0, dead, 0, gone], &["recovered", "dead", "recovered", "disabled"]);
}

#[test]
fn an_answer_that_was_under_way_takes_a_disabled_sink_back_into_no_service() {
    let mut machine = machine(vec![]);
    machine.arrived(vec![small_row(1, "ops", 1, 1, false), small_row(2, "ops", 2, 1, false)], at(0));
    machine.step(at(0));
    answer(&mut machine, "ops", 1, 8, at(0));
    answer(&mut machine, "ops", 2, 0, at(1));
    assert_eq!(machine.take_reports(), [DeliveryReport::Disabled { sink: "ops".into() }]);
    machine.enable(&"ops".into(), at(2)).expect("it is in the config");
    assert_eq!(seqs(&machine.step(at(2))), [1]);
    answer(&mut machine, "ops", 1, 0, at(3));
    assert_eq!(machine.take_reports(), [DeliveryReport::Recovered { sink: "ops".into() }]);
}

#[test]
fn rows_of_a_removed_sink_are_dead_said_once_and_can_be_replayed_when_it_is_back() {
    let mut machine = machine(vec![small_row(1, "gone", 1, 1, false), small_row(2, "gone", 2, 1, false)]);
    let dead = OutboxState::Dead;
    assert_eq!(states(&mut machine), [(1, dead), (2, dead)]);
    assert_eq!(machine.take_reports().len(), 1);

    machine.arrived(
        (3..9).map(|seq| small_row(seq, "ops", u8::try_from(seq).expect("it fits"), 1, false)).collect(),
        at(0),
    );
    assert_eq!(seqs(&machine.step(at(0))), [3, 4, 5, 6]);
    machine.configure(lanes().into_iter().filter(|lane| lane.name.as_str() != "ops").collect(), &[], at(1));
    assert_eq!(states(&mut machine), [(7, dead), (8, dead)]);
    for (seq, number) in [(3, 0), (4, 3), (5, 8), (6, 0)] {
        answer(&mut machine, "ops", seq, number, at(2));
    }
    let done = OutboxState::Done;
    assert_eq!(states(&mut machine), [(3, done), (4, dead), (5, dead), (6, done)], "answers under way still count");
    let row = small_row(7, "ops", 7, 1, false);
    assert_eq!(machine.replay(row.clone(), at(3)), Err(OrderFault::NoSink { sink: "ops".into() }));
    machine.configure(lanes(), &[], at(4));
    assert_eq!(machine.replay(row.clone(), at(5)), Ok(()));
    assert_eq!(machine.replay(row.clone(), at(5)), Err(OrderFault::Pending { seq: 7 }));
    let begun = machine.step(at(5));
    assert_eq!((seqs(&begun), begun[0].again, begun[0].attempt), (vec![7], true, 1));
    assert_eq!(begun[0].row.as_ref().map(|row| &row.message), Some(&row.message), "the same id and body");
}

#[test]
fn a_dropped_message_is_dead_at_once_or_when_its_attempt_fails() {
    let mut machine = machine(vec![]);
    machine.arrived(
        (1..=3).map(|seq| small_row(seq, "chat", 1, u32::try_from(seq).expect("it fits"), false)).collect(),
        at(0),
    );
    assert_eq!(seqs(&machine.step(at(0))), [1]);
    assert_eq!(machine.drop_row(2, at(0)), Ok(()));
    assert_eq!(machine.drop_row(1, at(0)), Ok(()));
    assert_eq!(machine.drop_row(2, at(0)), Err(OrderFault::Closed { seq: 2 }));
    answer(&mut machine, "chat", 1, 3, at(0));
    assert_eq!(states(&mut machine), [(2, OutboxState::Dead), (1, OutboxState::Dead)]);
    assert_eq!(machine.take_reports(), [], "the person knows");
    assert_eq!(seqs(&machine.step(at(1))), [3]);
}

#[test]
fn a_chat_gets_one_message_a_second() {
    let mut machine = machine(vec![]);
    machine.arrived(
        (0..5).map(|seq| small_row(seq, "chat", u8::try_from(seq).expect("it fits"), 1, false)).collect(),
        at(0),
    );
    let mut now = at(0);
    for seq in 0..5 {
        assert_eq!(seqs(&machine.step(now)), [seq]);
        answer(&mut machine, "chat", seq, 0, now);
        assert_eq!(machine.step(now.after(millis(999))), []);
        now = now.after(millis(1_000));
    }
}

#[test]
fn bodies_beyond_the_room_are_left_in_the_store() {
    let rows: Vec<OutboxRow> =
        (0..4).map(|seq| small_row(seq, "ops", u8::try_from(seq).expect("it fits"), 1, false)).collect();
    let room = rows[0].message.body.len() * 2;
    let mut machine = Machine::with_room(room, lanes(), rows, &[], at(0));
    let held: Vec<bool> = machine.step(at(0)).iter().map(|begun| begun.row.is_some()).collect();
    assert_eq!(held, [true, true, false, false]);
}

#[test]
fn what_reached_some_of_several_is_done_with_a_word_and_a_sink_where_that_stays_so_is_failing() {
    let mut machine = Machine::new(lanes(), Vec::new(), &[], at(0));
    let partly = || Verdict::Partly { receiver_id: Some("theirs".into()), reason: "not recipient 2".into() };
    for (seq, now) in [(1, at(0)), (2, at(301))] {
        machine.arrived(vec![small_row(seq, "ops", u8::try_from(seq).expect("it is small"), 1, false)], now);
        assert_eq!(machine.step(now).len(), 1);
        let decision = machine.answered(&"ops".into(), seq, partly(), now, 0);
        assert_eq!(decision, Some(Decision::Delivered { block_time: None }));
        let written = machine.take_writes();
        let done = |write: &DeliveryWrite| {
            matches!(
                write,
                DeliveryWrite::Outcome { state: OutboxState::Done, reason: Some(_), receiver_id: Some(_), .. }
            )
        };
        assert!(written.len() == 1 && written.iter().all(done), "{written:?}");
    }
    let failing = |report: &DeliveryReport| matches!(report, DeliveryReport::Failing { .. });
    assert!(machine.take_reports().iter().any(failing));
}

/// Answers every attempt for so long: gives how many there were, and the time behind.
fn refuse_for(machine: &mut Machine, sink: &str, number: u8, from: u64, to: u64) -> (usize, Timestamp) {
    let (mut now, mut attempts) = (at(from), 0);
    while now < at(to) {
        for begun in machine.step(now) {
            attempts += 1;
            answer(machine, sink, begun.seq, number, now);
        }
        now = machine.next_wake().expect("something waits").max(now.after(millis(1)));
    }
    (attempts, now)
}

#[test]
fn a_sink_that_fails_is_asked_with_one_message_ever_more_rarely_and_its_first_success_frees_the_others() {
    for hours in [0, 6] {
        let outage = 120 + hours * 3_600;
        let mut machine = machine(vec![]);
        let three = (1..4).map(|seq| small_row(seq, "ops", u8::try_from(seq).expect("few"), 1, false));
        machine.arrived(three.collect(), at(0));
        // Nothing of them can be there.
        let (attempts, _) = refuse_for(&mut machine, "ops", 4, 0, outage);
        let rarely = usize::try_from(outage / 300).expect("few");
        assert!((6..20 + rarely).contains(&attempts), "{attempts} attempts in {outage} s");
        let status = machine.status().find(|status| status.sink.as_str() == "ops").expect("it is there");
        assert_eq!(status.failing, Some((at(0), "HTTP 500".into())));
        let next = status.next_try.expect("something waits");
        assert!(next <= at(outage + 305), "within five minutes of its being back: {next}");
        let probe = begin_next(&mut machine, &mut next.clone());
        assert_eq!(probe.len(), 1, "one asks for all");
        answer(&mut machine, "ops", probe[0].seq, 0, next);
        let freed = machine.step(next);
        assert_eq!(freed.len(), 2, "the others go at once");
        drop(machine.take_writes());
        for begun in &freed {
            answer(&mut machine, "ops", begun.seq, 4, next);
        }
        for write in machine.take_writes() {
            let DeliveryWrite::Outcome { attempts, due, .. } = write else { continue };
            assert!(attempts < 7, "what was tried before its time used up nothing: {attempts}");
            assert!(due > next, "and it waits for its own time again");
        }
    }
}

#[test]
fn a_message_that_a_chat_may_have_had_is_not_what_it_is_asked_with() {
    let attempts = |sink: &str, number: u8| {
        let mut machine = machine(vec![]);
        machine.arrived(vec![small_row(1, sink, 1, 1, false)], at(0));
        refuse_for(&mut machine, sink, number, 0, 3_600).0
    };
    assert_eq!(attempts("chat", 6), 1, "the receiver asked for a day");
    assert_eq!(attempts("chat", 3), 4, "by its own schedule: each repeat may be seen");
    assert!(attempts("pager", 3) > 10, "a repeat is seen by nobody");
    assert!(attempts("chat", 4) > 10, "there is nothing to repeat");
}

#[test]
fn a_message_that_fails_among_others_that_get_through_waits_for_its_own_time() {
    let mut machine = machine(vec![]);
    machine.arrived(vec![small_row(0, "ops", 0, 1, false)], at(0));
    let mut tried = 0;
    for second in 0..600_u64 {
        let now = at(second);
        for nth in 1..=4 {
            let seq = i64::try_from(second * 4 + nth).expect("few");
            machine.arrived(vec![small_row(seq, "ops", u8::try_from(nth).expect("few"), 1, false)], now);
        }
        loop {
            let begun = machine.step(now);
            if begun.is_empty() {
                break;
            }
            for begun in begun {
                tried += usize::from(begun.seq == 0);
                answer(&mut machine, "ops", begun.seq, if begun.seq == 0 { 4 } else { 0 }, now);
            }
        }
    }
    assert_eq!(tried, 3, "at once, behind five seconds and behind five minutes");
}
