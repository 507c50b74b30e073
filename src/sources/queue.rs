//! The way from a source to the pump: a queue bounded in bytes with two lanes, and slots that hold only the newest.
//!
//! A socket's reader never waits: it puts heads and prices into slots, or offers and lets the drop be counted. Only who reads blocks
//! waits for room. Nothing here looks into an event, and nothing is dropped without being counted.

use crate::reactor::event::Event;
use crate::types::{Block, Movement};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// What a source's queue may hold in both lanes together.
pub const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// The part of it for what can wait, so that a gap never keeps a new block from its place.
const LATER_BYTES: usize = QUEUE_BYTES / 4;
/// What a small event is counted as: the event itself and its place.
pub const SMALL_EVENT_BYTES: usize = 512;

/// Which lane of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What is new. Taken first.
    New,
    /// What fills a gap. Taken when nothing new waits.
    Later,
}

/// The pump is gone: nothing that is sent would be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads this queue any more")]
pub struct Closed;

/// How many bytes blocks are counted as: their fixed part and their movements.
#[must_use]
pub fn blocks_bytes(blocks: &[Block]) -> usize {
    let movements: usize = blocks.iter().map(|block| block.movements.len()).sum();
    SMALL_EVENT_BYTES + size_of_val(blocks) + movements * size_of::<Movement>()
}

/// A queue of one source. `bell` rings whenever something can be taken; the pump shares one bell among all its queues.
#[must_use]
pub fn event_queue(bell: Arc<Notify>) -> (EventQueue, EventIntake) {
    with_capacity(bell, QUEUE_BYTES - LATER_BYTES, LATER_BYTES)
}

fn with_capacity(bell: Arc<Notify>, new: usize, later: usize) -> (EventQueue, EventIntake) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        new: Room::of(new),
        later: Room::of(later),
        dropped: AtomicU64::new(0),
        replaced: AtomicU64::new(0),
        bell,
    });
    (EventQueue(Arc::clone(&shared)), EventIntake(shared))
}

/// The source's end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventQueue(Arc<Shared>);

/// A place that holds only the newest event: what was not taken in time is replaced. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Newest {
    shared: Arc<Shared>,
    place: usize,
}

/// The pump's end. Dropping it closes the queue.
#[derive(Debug)]
pub struct EventIntake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    new: Room,
    later: Room,
    dropped: AtomicU64,
    replaced: AtomicU64,
    bell: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Option<Event>>,
    new: VecDeque<Held>,
    later: VecDeque<Held>,
}

/// An event with the room it takes: the room is free when this is dropped.
#[derive(Debug)]
struct Held {
    event: Event,
    _room: OwnedSemaphorePermit,
}

/// The bytes of one lane, one permit each.
#[derive(Debug)]
struct Room {
    free: Arc<Semaphore>,
    capacity: u32,
}

impl Room {
    fn of(bytes: usize) -> Self {
        let capacity = u32::try_from(bytes.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// What an event of so many bytes takes: an event larger than the lane takes all of it, so that it always fits alone.
    fn share(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, self.capacity)
    }
}

impl Shared {
    /// The state. A panic elsewhere cannot leave it half-changed: every change is one push, pop or assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn room(&self, lane: Lane) -> &Room {
        match lane {
            Lane::New => &self.new,
            Lane::Later => &self.later,
        }
    }

    fn push(&self, lane: Lane, held: Held) {
        let mut state = self.state();
        match lane {
            Lane::New => state.new.push_back(held),
            Lane::Later => state.later.push_back(held),
        }
        drop(state);
        self.bell.notify_one();
    }
}

impl EventQueue {
    /// Sends, and waits for room first. Nothing was sent when this future is dropped before it is done.
    ///
    /// # Errors
    /// [`Closed`] when the pump is gone.
    pub async fn send(&self, lane: Lane, event: Event, bytes: usize) -> Result<(), Closed> {
        let room = self.0.room(lane);
        let permit = Arc::clone(&room.free).acquire_many_owned(room.share(bytes)).await.map_err(|_| Closed)?;
        self.0.push(lane, Held { event, _room: permit });
        Ok(())
    }

    /// Sends without waiting. `Ok(false)` when there was no room: the event is dropped, and counted.
    ///
    /// # Errors
    /// [`Closed`] when the pump is gone.
    pub fn offer(&self, lane: Lane, event: Event, bytes: usize) -> Result<bool, Closed> {
        let room = self.0.room(lane);
        match Arc::clone(&room.free).try_acquire_many_owned(room.share(bytes)) {
            Ok(permit) => {
                self.0.push(lane, Held { event, _room: permit });
                Ok(true)
            }
            Err(TryAcquireError::NoPermits) => {
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
                Ok(false)
            }
            Err(TryAcquireError::Closed) => Err(Closed),
        }
    }

    /// A new slot, taken before everything that queues.
    #[must_use]
    pub fn slot(&self) -> Newest {
        let mut state = self.0.state();
        state.slots.push(None);
        Newest { shared: Arc::clone(&self.0), place: state.slots.len() - 1 }
    }
}

impl Newest {
    /// Puts the newest; what was there and not taken yet is gone, and counted.
    pub fn put(&self, event: Event) {
        let mut state = self.shared.state();
        let old = state.slots.get_mut(self.place).and_then(|slot| slot.replace(event));
        drop(state);
        if old.is_some() {
            self.shared.replaced.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.bell.notify_one();
    }
}

impl EventIntake {
    /// Takes what is there, at most `max`: slots first, then what is new, then what fills gaps.
    pub fn try_recv_many(&mut self, max: usize) -> Vec<Event> {
        let mut state = self.0.state();
        let mut taken: Vec<_> =
            state.slots.iter_mut().filter(|slot| slot.is_some()).take(max).filter_map(Option::take).collect();
        while taken.len() < max {
            let Some(held) = state.new.pop_front().or_else(|| state.later.pop_front()) else { break };
            taken.push(held.event);
        }
        taken
    }

    /// Whether nothing can be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.0.state();
        state.new.is_empty() && state.later.is_empty() && state.slots.iter().all(Option::is_none)
    }

    /// Waits until something can be taken. For a reader of this queue alone: it consumes a ring of the shared bell.
    pub async fn ready(&mut self) {
        while self.is_empty() {
            self.0.bell.notified().await;
        }
    }

    /// Events that found no room, since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Events in slots that a newer one replaced before they were taken, since the start.
    #[must_use]
    pub fn replaced(&self) -> u64 {
        self.0.replaced.load(Ordering::Relaxed)
    }
}

impl Drop for EventIntake {
    fn drop(&mut self) {
        self.0.new.free.close();
        self.0.later.free.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::event::ClockReport;
    use futures::FutureExt;

    fn event(mark: i64) -> Event {
        Event::Clock(ClockReport { ahead_ms: mark })
    }

    fn marks(events: &[Event]) -> Vec<i64> {
        events
            .iter()
            .map(|event| if let Event::Clock(report) = event { report.ahead_ms } else { panic!("only marks are sent") })
            .collect()
    }

    fn queue(new: usize, later: usize) -> (EventQueue, EventIntake) {
        with_capacity(Arc::new(Notify::new()), new, later)
    }

    #[test]
    fn what_is_new_goes_before_what_fills_gaps_and_slots_before_both() {
        let (queue, mut intake) = queue(100, 100);
        let slot = queue.slot();
        assert_eq!(queue.offer(Lane::Later, event(1), 10), Ok(true));
        assert_eq!(queue.offer(Lane::New, event(2), 10), Ok(true));
        assert_eq!(queue.offer(Lane::New, event(3), 10), Ok(true));
        slot.put(event(4));
        slot.put(event(5));
        assert_eq!(marks(&intake.try_recv_many(2)), [5, 2]);
        assert_eq!(marks(&intake.try_recv_many(9)), [3, 1]);
        assert!(intake.is_empty());
        assert_eq!((intake.dropped(), intake.replaced()), (0, 1));
    }

    #[test]
    fn an_offer_without_room_is_dropped_and_counted_and_a_lane_does_not_fill_the_other() {
        let (queue, mut intake) = queue(100, 50);
        assert_eq!(queue.offer(Lane::Later, event(1), 50), Ok(true));
        assert_eq!(queue.offer(Lane::Later, event(2), 1), Ok(false));
        assert_eq!(queue.offer(Lane::New, event(3), 60), Ok(true));
        assert_eq!(queue.offer(Lane::New, event(4), 41), Ok(false));
        assert_eq!(queue.offer(Lane::New, event(5), 40), Ok(true));
        assert_eq!(marks(&intake.try_recv_many(9)), [3, 5, 1]);
        assert_eq!(intake.dropped(), 2);
        assert_eq!(queue.offer(Lane::Later, event(6), 50), Ok(true), "what was taken has left its room");
    }

    #[test]
    fn who_sends_waits_for_room_and_an_event_larger_than_the_lane_fits_alone() {
        let (queue, mut intake) = queue(100, 100);
        assert_eq!(queue.send(Lane::New, event(1), 10).now_or_never(), Some(Ok(())));
        let mut large = Box::pin(queue.send(Lane::New, event(2), usize::MAX));
        assert_eq!(large.as_mut().now_or_never(), None);
        assert_eq!(marks(&intake.try_recv_many(9)), [1]);
        assert_eq!(large.now_or_never(), Some(Ok(())));
        assert_eq!(queue.send(Lane::New, event(3), 1).now_or_never(), None, "nothing fits beside it");
        assert_eq!(marks(&intake.try_recv_many(9)), [2], "a send that was given up sent nothing");
    }

    #[tokio::test]
    async fn the_bell_wakes_who_waits_and_a_closed_queue_says_so() {
        let (queue, mut intake) = queue(100, 100);
        let slot = queue.slot();
        let (taken, ()) = tokio::join!(
            async {
                intake.ready().await;
                intake.try_recv_many(1)
            },
            async { slot.put(event(1)) }
        );
        assert_eq!(marks(&taken), [1]);
        drop(intake);
        assert_eq!(queue.send(Lane::New, event(2), 1).await, Err(Closed));
        assert_eq!(queue.offer(Lane::Later, event(3), 1), Err(Closed));
    }
}
