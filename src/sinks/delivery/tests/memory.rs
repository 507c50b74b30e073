//! What the machine holds while its receivers are behind: few messages, and of each of the others a place in the order.

use super::cases::begin_next;
use super::*;

/// Bytes that a message which waits costs besides its body: its entry, and its alert's queue.
const PLACE: usize = 320;

#[test]
fn of_ten_thousand_that_wait_only_so_many_are_in_memory_and_the_rest_is_read_when_its_turn_comes() {
    const MANY: u32 = 10_000;
    const HELD: usize = 100;
    let row = |n: u32| {
        let mut row = small_row(i64::from(n), "chat", 0, 1, false);
        let mut alert = [0; 16];
        alert[..4].copy_from_slice(&n.to_be_bytes());
        (row.message.alert, row.message.severity) = (AlertId(alert), Severity::Warning);
        row
    };
    let room = HELD * row(0).message.body.len();
    let mut machine = Machine::with_room(room, lanes(), vec![], &[], at(0));
    for first in (0..MANY).step_by(100) {
        machine.arrived((first..first + 100).map(row).collect(), at(0));
        assert!(machine.lanes.values().map(Lane::held_bytes).sum::<usize>() <= room, "behind {first}");
    }
    assert_eq!(machine.status().map(|status| status.pending).sum::<usize>(), MANY as usize);
    let (mut now, mut with_body, mut begun) = (at(0), 0, 0);
    while let [one] = &begin_next(&mut machine, &mut now)[..] {
        begun += 1;
        with_body += usize::from(one.row.is_some());
        machine.answered(&one.sink, one.seq, verdict(0), now, 200);
    }
    assert_eq!((begun, with_body), (MANY, HELD));
    let place = size_of::<Entry>() + size_of::<(AlertId, [usize; 8])>();
    assert!(place <= PLACE, "{place} bytes each");
}
