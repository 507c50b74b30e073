//! Which hooks were taken, for thirty days. Pure; it is kept in the store as one small note for each day.
//!
//! Only hooks whose signature fits get here, so nobody but Circle can fill it. A day's note is written over when its turn comes again.

use crate::types::{Timestamp, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How many days an id is remembered, today and the day that is going out included.
pub const KEPT_DAYS: i64 = 31;
/// Ids of one day: far more than payments can have states. What comes beyond it is taken as new each time, which costs a GET.
const MOST_OF_A_DAY: usize = 4_096;
const DAY_MILLIS: i64 = 86_400_000;

/// The ids of hooks that were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<i64, BTreeSet<Uuid>>);

const fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY_MILLIS)
}

impl Seen {
    /// The keys of all its notes.
    pub fn keys() -> impl Iterator<Item = String> {
        (0..KEPT_DAYS).map(key)
    }

    /// From its notes, whatever their order; one that cannot be read is as good as none.
    #[must_use]
    pub fn restore(notes: impl IntoIterator<Item = String>) -> Self {
        let read = |note: String| {
            let (day, ids) = note.split_once(':')?;
            let ids = ids.split(',').filter(|id| !id.is_empty()).map(Uuid::parse).collect::<Option<_>>()?;
            Some((day.parse().ok()?, ids))
        };
        Self(notes.into_iter().filter_map(read).collect())
    }

    /// Whether this one was taken within the days that are kept.
    #[must_use]
    pub fn has(&self, id: Uuid, now: Timestamp) -> bool {
        let first = day_of(now).saturating_sub(KEPT_DAYS - 1);
        self.0.range(first..).any(|(_, ids)| ids.contains(&id))
    }

    /// Takes one: the key and text of the note that has to be written.
    pub fn take(&mut self, id: Uuid, now: Timestamp) -> (String, String) {
        let day = day_of(now);
        self.0.retain(|old, _| *old > day.saturating_sub(KEPT_DAYS));
        let ids = self.0.entry(day).or_default();
        if ids.len() < MOST_OF_A_DAY {
            ids.insert(id);
        }
        let mut note = format!("{day}:");
        for (place, id) in ids.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let _ = write!(note, "{comma}{id}");
        }
        (key(day), note)
    }
}

/// Of a day's note: so many, used in turn.
fn key(day: i64) -> String {
    format!("hooks/{}", day.rem_euclid(KEPT_DAYS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(day * DAY_MILLIS + 5)
    }

    #[test]
    fn a_hook_is_known_for_thirty_days_and_then_forgotten() {
        let (mut seen, id) = (Seen::default(), Uuid([7; 16]));
        assert!(!seen.has(id, at(100)));
        assert_eq!(seen.take(id, at(100)), ("hooks/7".to_owned(), format!("100:{id}")));
        for day in 100..=130 {
            assert!(seen.has(id, at(day)), "{day}");
        }
        assert!(!seen.has(id, at(131)));
        assert!(seen.has(id, at(99)), "a clock set back forgets nothing");
    }

    #[test]
    fn a_note_that_cannot_be_read_is_none() {
        for note in ["", "x:", "5", "5:nothing", "5:00000000-0000-4000-8000-000000000000,x"] {
            assert_eq!(Seen::restore([note.to_owned()]), Seen::default(), "{note}");
        }
        assert!(!Seen::restore(["5:".to_owned()]).has(Uuid([0; 16]), at(5)));
    }

    proptest! {
        #[test]
        fn what_the_store_keeps_is_what_is_known(days in prop::collection::vec((0_i64..80, any::<[u8; 16]>()), 0..60)) {
            let mut days = days;
            days.sort_unstable();
            let (mut seen, mut notes) = (Seen::default(), BTreeMap::new());
            for (day, id) in &days {
                let (key, note) = seen.take(Uuid(*id), at(*day));
                notes.insert(key, note);
            }
            prop_assert!(notes.keys().all(|key| Seen::keys().any(|known| known == *key)));
            let restored = Seen::restore(notes.into_values());
            let now = at(days.last().map_or(0, |(day, _)| *day));
            for (_, id) in &days {
                prop_assert_eq!(restored.has(Uuid(*id), now), seen.has(Uuid(*id), now));
            }
        }
    }
}
