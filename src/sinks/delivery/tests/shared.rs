//! Several sinks that lead to one place, whose receiver counts them together.

use super::cases::{begin_next, millis};
use super::*;

#[test]
fn two_sinks_to_one_chat_keep_its_pace_together_and_take_turns() {
    let mut settings = lanes();
    let chat = settings.remove(1);
    let of_bot = (Meter::of(&["bot"]), Pace { apart: Duration::ZERO, most: Some((3, millis(10_000))) });
    let paces = |chat: &LaneSettings, place: &str| vec![(Meter::of(&[place]), chat.paces[0].1), of_bot];
    let same = LaneSettings { name: "desk".into(), paces: paces(&chat, "chat"), folds: false, ..chat.clone() };
    let other = LaneSettings { name: "other".into(), paces: paces(&chat, "other"), folds: false, ..chat.clone() };
    let chat = LaneSettings { paces: paces(&chat, "chat"), folds: false, ..chat };
    let mut machine = Machine::new(vec![chat, same, other], vec![], &[], at(0));
    let rows = (0..12).map(|seq| (seq, ["chat", "desk"][usize::from(seq >= 6)]));
    machine.arrived(rows.map(|(seq, sink)| small_row(seq, sink, seq.to_le_bytes()[0], 1, false)).collect(), at(0));
    machine.arrived(vec![small_row(90, "other", 90, 1, false)], at(0));
    let (mut now, mut begun) = (at(0), Vec::new());
    for _ in 0..14 {
        for one in begin_next(&mut machine, &mut now) {
            begun.push((now.since(at(0)).as_millis(), one.sink.to_string()));
            machine.answered(&one.sink, one.seq, verdict(0), now, 200);
        }
    }
    let one_chat: Vec<u128> = begun.iter().filter(|(_, sink)| sink != "other").map(|(at, _)| *at).collect();
    assert_eq!(one_chat.len(), 12, "nothing waits for ever: {begun:?}");
    assert!(one_chat.windows(2).all(|two| two[1] - two[0] >= 1_000), "one a second to the chat: {begun:?}");
    let turns = begun.iter().filter(|(_, sink)| sink == "desk").take(3).map(|(at, _)| *at).collect::<Vec<_>>();
    assert!(turns[2] < 30_000, "they take turns: {begun:?}");
    let all: Vec<u128> = begun.iter().map(|(at, _)| *at).collect();
    assert!(all.windows(4).all(|four| four[3] - four[0] >= 10_000), "three in ten seconds of the bot: {begun:?}");
    // A pause that the chat asked of one is a pause for both.
    machine.arrived(vec![small_row(100, "chat", 100, 1, false), small_row(101, "desk", 101, 1, false)], now);
    let first = begin_next(&mut machine, &mut now);
    machine.answered(&first[0].sink, first[0].seq, verdict(5), now, 200);
    let asked = now.after(Duration::from_secs(90));
    begin_next(&mut machine, &mut now);
    assert!(now >= asked, "ninety seconds were asked for");
}
