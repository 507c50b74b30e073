//! Troubles that come and go: each is told as it was, and no number of them is a flood.
//!
//! Every outage is an alert of its own with its own times, and what is told of it is true when it is told: its end with its end. Three in a
//! row are told as they begin, and one more with every twenty minutes that pass. What begins beyond that waits for five minutes at most: it
//! is told then if it lasts, else a digest names it. How a source stands is not told later anywhere else: `status`, metrics, `/readyz` and the
//! heartbeat say it at once.

use super::Reactor;
use super::alerts::{is_held, trouble_alert};
use super::effect::Effect;
use super::quiet::Cause;
use super::rows::{AlertRow, Deadline, Subject};
use std::time::Duration;

/// So many outages of one subject are told in a row as they begin.
const IN_A_ROW: u32 = 3;
/// One more may be told as it begins with each time that this has passed: three an hour of what never ceases to come and go.
const ONE_MORE: Duration = Duration::from_mins(20);
/// What begins beyond that is told after this long if it lasts, or named in a digest.
const HELD_FOR: Duration = Duration::from_mins(5);

impl Reactor {
    /// Whether what is to be said of trouble waits because it came and went too often. Each trouble is counted once, when it is new.
    pub(super) fn waits_its_turn(&mut self, alert: &AlertRow, subject: &Subject, effects: &mut Vec<Effect>) -> bool {
        // What a person has to end neither comes nor goes.
        if matches!(subject, Subject::Chain(chain) if self.is_stopped(*chain)) {
            return false;
        }
        if alert.revision > 0 {
            return is_held(alert) && self.timers.contains(&Deadline::Outages);
        }
        let deadline = Deadline::Steady(subject.clone());
        // The deadline is when all of them may come in a row again.
        let told = self.timers.due(&deadline).map_or(Duration::ZERO, |due| due.since(self.at)).min(ONE_MORE * IN_A_ROW);
        if told <= ONE_MORE * (IN_A_ROW - 1) {
            self.timers.set(self.at, deadline, told + ONE_MORE, effects);
            return false;
        }
        if !self.timers.contains(&Deadline::Outages) {
            self.timers.set(self.at, Deadline::Outages, HELD_FOR, effects);
        }
        true
    }

    /// What came and went has waited for long enough.
    pub(super) fn outages_due(&mut self, effects: &mut Vec<Effect>) {
        self.tell_kept(Cause::Outages, "what came and went too often to be told one by one, and is over", effects);
    }

    /// A subject has been well for long enough to be told of as if for the first time. An earlier version held back that it is back: that is
    /// made up for.
    pub(super) fn steady(&mut self, subject: &Subject, effects: &mut Vec<Effect>) {
        let over = self.troubles.get(subject).filter(|row| !row.open).cloned();
        if let Some(row) = over.filter(|row| self.alerts.get(trouble_alert(row)).is_some()) {
            self.say_recovered(&row, effects);
        }
    }
}
