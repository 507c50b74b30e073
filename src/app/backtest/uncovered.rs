//! Which days of which balance rules a backtest does not cover: nobody could say any more what was held then.

use super::misses::rules_on;
use crate::reactor::settings::Settings;
use crate::types::{Address, Asset, ChainId, Name, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Of whom, and of what.
pub(super) type Holder = (Address, Asset);

/// Days since the epoch, UTC.
type Day = i64;
/// How long one is, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;
/// How much of a time is its day.
const WRITTEN: usize = 10;

/// What was not answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uncovered {
    rules: BTreeMap<Name, BTreeSet<Day>>,
    /// Whose balance was last not answered on which day: not asked for again on that day. Lost with the process, which asks again.
    holders: BTreeMap<(ChainId, Holder), Day>,
}

impl Uncovered {
    /// Whether this balance is not asked for again on this day.
    pub(super) fn is_given_up(&self, chain: ChainId, holder: Holder, at: Timestamp) -> bool {
        self.holders.get(&(chain, holder)) == Some(&day(at))
    }

    /// Whether this balance was not answered on some day.
    pub(super) fn was_given_up(&self, chain: ChainId, holder: Holder) -> bool {
        self.holders.contains_key(&(chain, holder))
    }

    /// Nobody answers: the day of the rules that look at it is not covered.
    pub(super) fn give_up(&mut self, settings: &Settings, chain: ChainId, holder: Holder, at: Timestamp) {
        self.holders.insert((chain, holder), day(at));
        for (rule, ..) in rules_on(settings, (chain, holder.0, holder.1)) {
            self.rules.entry(rule.name.clone()).or_default().insert(day(at));
        }
    }

    /// By rule, the days as they are written.
    pub(super) fn days(self) -> impl Iterator<Item = (Name, Vec<String>)> {
        let written = |day: Day| {
            let begin = Timestamp::from_millis(day.saturating_mul(DAY));
            begin.to_string().chars().take(WRITTEN).collect()
        };
        self.rules.into_iter().map(move |(rule, days)| (rule, days.into_iter().map(written).collect()))
    }

    /// As a note of the scratch store, where there is anything to note.
    pub(super) fn to_note(&self) -> Option<String> {
        let rules: BTreeMap<&str, &BTreeSet<Day>> =
            self.rules.iter().map(|(rule, days)| (rule.as_str(), days)).collect();
        (!rules.is_empty()).then(|| json!(rules).to_string())
    }

    /// Reads what `to_note` wrote; what it did not write is left out.
    pub(super) fn from_note(note: &str) -> Self {
        let noted: BTreeMap<String, Value> = serde_json::from_str(note).unwrap_or_default();
        let days = |days: &Value| days.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        let rules = noted.iter().map(|(rule, noted)| (Name::from(rule.as_str()), days(noted))).collect();
        Self { rules, holders: BTreeMap::new() }
    }
}

const fn day(at: Timestamp) -> Day {
    at.millis().div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_given_up_and_not_the_next_and_stays_so_over_a_restart() {
        let (chain, holder) = (ChainId(1), (Address::repeat_byte(1), Asset::Coin));
        let at = |text: &str| Timestamp::parse(text).expect("it is a time");
        let mut uncovered = Uncovered::default();
        assert_eq!(uncovered.to_note(), None);
        uncovered.give_up(&Settings::default(), chain, holder, at("2026-11-01T00:00:00Z"));
        for (time, expected) in
            [("2026-10-31T23:59:59Z", false), ("2026-11-01T23:59:59Z", true), ("2026-11-02T00:00:00Z", false)]
        {
            assert_eq!(uncovered.is_given_up(chain, holder, at(time)), expected, "{time}");
        }
        assert!(uncovered.was_given_up(chain, holder));
        uncovered.rules.insert("low".into(), BTreeSet::from([20_758, 20_760]));
        let again = Uncovered::from_note(&uncovered.to_note().expect("there is something"));
        assert!(!again.was_given_up(chain, holder), "who comes anew asks again");
        let days: Vec<_> = again.days().collect();
        assert_eq!(days, [(Name::from("low"), vec!["2026-11-01".to_owned(), "2026-11-03".to_owned()])]);
        assert_eq!(Uncovered::from_note("nonsense"), Uncovered::default());
    }
}
