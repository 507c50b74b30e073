//! The queues of the sources, taken in turn: whatever one of them is flooded with, no other waits for more than a share of it.
//!
//! It never waits, and never looks into an event.

use crate::reactor::event::{Event, SourceId};
use crate::sources::queue::EventIntake;
use std::collections::BTreeMap;

/// The queue of a source, as the pump has it.
#[derive(Debug)]
pub struct Intake {
    /// Which source runs at its other end: `sources::Sources` names them.
    pub key: SourceId,
    /// For whom its drops are counted.
    pub source: SourceId,
    /// What comes.
    pub events: EventIntake,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Intakes {
    all: Vec<Intake>,
    /// The place that the last round began with.
    first: usize,
}

/// A round through all of them, once each.
#[derive(Debug)]
pub(super) struct Round {
    first: usize,
    taken: usize,
}

impl Intakes {
    pub(super) const fn of(all: Vec<Intake>) -> Self {
        Self { all, first: 0 }
    }

    /// Begins another round, and with another queue than the last one: a round may be given up before its end.
    pub(super) fn round(&mut self) -> Round {
        self.first = (self.first + 1).checked_rem(self.all.len()).unwrap_or(0);
        Round { first: self.first, taken: 0 }
    }

    /// What the round's next queue has, at most `most` of it; `None` when each had its turn.
    pub(super) fn take(&mut self, round: &mut Round, most: usize) -> Option<Vec<Event>> {
        let queues = self.all.len();
        if round.taken >= queues {
            return None;
        }
        let place = (round.first + round.taken) % queues;
        round.taken += 1;
        self.all.get_mut(place).map(|intake| intake.events.try_recv_many(most))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Intake> {
        self.all.iter()
    }

    /// Takes those of sources that have ended out.
    pub(super) fn remove(&mut self, gone: &[SourceId]) -> Vec<Intake> {
        let (ended, kept) = std::mem::take(&mut self.all).into_iter().partition(|intake| gone.contains(&intake.key));
        self.all = kept;
        ended
    }

    /// Adds those of new sources; from here on drops are counted for whom `labels` says.
    pub(super) fn extend(&mut self, new: Vec<Intake>, labels: &mut BTreeMap<SourceId, SourceId>) {
        self.all.extend(new);
        for intake in &mut self.all {
            if let Some(source) = labels.remove(&intake.key) {
                intake.source = source;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::event::{Head, SourceKind, Tick};
    use crate::sources::queue::{EventQueue, Lane, Newest, SMALL_EVENT_BYTES, event_queue};
    use crate::types::{B256, BlockRef, ChainId, Pair, Price, Timestamp};
    use std::sync::Arc;
    use tokio::sync::Notify;

    const CHAIN: ChainId = ChainId(1);
    const PAIRS: usize = 100;
    /// What one round takes of each queue.
    const MOST: usize = 64;

    fn source(kind: SourceKind, name: &str) -> (EventQueue, Intake) {
        let (queue, events) = event_queue(Arc::new(Notify::new()));
        let key = SourceId { kind, chain: (kind == SourceKind::Rpc).then_some(CHAIN), name: name.into() };
        (queue, Intake { source: key.clone(), key, events })
    }

    /// Each slot is filled far oftener than anybody looks.
    fn flood(slots: &[Newest]) {
        let (pair, price) = (Pair::parse("ETH-USD").unwrap(), Price::parse("2000").unwrap());
        let tick = Tick { feed: "feed".into(), pair, price, time: Timestamp::from_secs(1) };
        for _ in 0..20 {
            slots.iter().for_each(|slot| slot.put(Event::Tick(tick.clone())));
        }
    }

    fn head(number: u64) -> Event {
        let at = BlockRef { number, hash: B256::repeat_byte(1), parent: B256::ZERO };
        let time = Timestamp::from_secs(number);
        Event::Head(Head { chain: CHAIN, endpoint: "node".into(), at, time, base_fee: None, lacks: None })
    }

    #[test]
    fn a_flood_of_prices_never_keeps_a_block_waiting_for_another_round() {
        let feeds: Vec<_> = ["coinbase", "kraken", "binance"].map(|name| source(SourceKind::Feed, name)).into();
        let slots: Vec<Newest> = feeds.iter().flat_map(|(queue, _)| (0..PAIRS).map(|_| queue.slot())).collect();
        let (node, intake) = source(SourceKind::Rpc, "node");
        let mut intakes = Intakes::of(feeds.into_iter().map(|(_, intake)| intake).chain([intake]).collect());
        let mut begins = Vec::new();
        for number in 1..=40 {
            flood(&slots);
            assert_eq!(node.offer(Lane::New, head(number), SMALL_EVENT_BYTES), Ok(true));
            let (mut round, mut before, mut came) = (intakes.round(), 0, false);
            while let Some(events) = intakes.take(&mut round, MOST) {
                assert!(events.len() <= MOST);
                came |= events.iter().any(|event| matches!(event, Event::Head(head) if head.at.number == number));
                before += if came { 0 } else { events.len() };
                // Prices go on while others are handled.
                flood(&slots);
            }
            assert!(came && before <= 3 * MOST, "block {number}: {before} prices before it");
            begins.push(before / MOST);
        }
        // Who is first goes round, so that a round that is given up starves nobody.
        begins.sort_unstable();
        begins.dedup();
        assert_eq!(begins, [0, 1, 2, 3]);
        // However many came, a pair is one price: the newest.
        assert_eq!(intakes.iter().filter(|intake| intake.events.replaced() > 300_000).count(), 3);
    }

    #[test]
    fn nobody_is_asked_twice_in_a_round_and_without_sources_there_is_nothing_to_take() {
        let mut nobody = Intakes::default();
        let mut round = nobody.round();
        assert!(nobody.take(&mut round, MOST).is_none());
        let (queue, intake) = source(SourceKind::Rpc, "node");
        let mut one = Intakes::of(vec![intake]);
        for number in 0..100 {
            assert_eq!(queue.offer(Lane::New, head(number), SMALL_EVENT_BYTES), Ok(true));
        }
        let mut round = one.round();
        assert_eq!(one.take(&mut round, MOST).map(|events| events.len()), Some(MOST));
        assert!(one.take(&mut round, MOST).is_none());
    }
}
