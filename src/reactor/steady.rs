//! Troubles that come and go: the first coming is said, and the last going.
//!
//! Who is back after a first trouble is believed at once. Who falls into it again within the hour is believed when it has been well for
//! five minutes: until then its trouble is the same one, and nobody hears of its comings and goings. What counts as blind, and who
//! vouches for what, is none of this file's business: it only decides what is said.

use super::Reactor;
use super::alerts::trouble_alert;
use super::effect::{Effect, MessageKind};
use super::rows::{Deadline, Subject, TroubleRow};
use crate::types::{Name, Timestamp};
use std::time::Duration;

/// Trouble that comes again within this long of the last recovery comes and goes.
const RECENT: Duration = Duration::from_hours(1);
/// What comes and goes is back when it has been well for this long.
const STEADY: Duration = Duration::from_mins(5);

impl Reactor {
    /// Opens trouble. Gives the row where it has to be said: not of what is open already, or was when its recovery was not yet believed.
    pub(super) fn open_trouble(
        &mut self,
        subject: Subject,
        since: Timestamp,
        last_block: Option<u64>,
        effects: &mut Vec<Effect>,
    ) -> Option<TroubleRow> {
        if self.is_unsaid(&subject) {
            self.troubles.reopen(&subject, effects);
            return None;
        }
        self.troubles.open(subject, since, last_block, effects)
    }

    /// Whether that something is back has to wait until it is believed; from now on it does.
    pub(super) fn has_to_wait(&mut self, subject: &Subject, effects: &mut Vec<Effect>) -> bool {
        let recovered = match subject {
            Subject::Chain(_) | Subject::Source(_) | Subject::Unpriced(_) => MessageKind::SourceRecovered,
            Subject::Sink(_) => MessageKind::SinkRecovered,
            Subject::Disagreement(_) | Subject::List(..) | Subject::Prices(_) | Subject::Payments(_) => return false,
        };
        let deadline = Deadline::Steady(subject.clone());
        // Who wants to hear of no recovery hears of every trouble.
        let silenced = self.settings.system.disabled.contains(&Name::from(recovered.word()));
        let waits = self.timers.contains(&deadline) && !silenced;
        self.timers.set(self.at, deadline, if waits { STEADY } else { RECENT }, effects);
        waits
    }

    /// It has been well for long enough, or its last trouble is long ago.
    pub(super) fn steady(&mut self, subject: Subject, effects: &mut Vec<Effect>) {
        let Some(row) = self.unsaid(&subject).cloned() else { return };
        self.timers.set(self.at, Deadline::Steady(subject), RECENT, effects);
        self.say_recovered(&row, effects);
    }

    /// Whether something is back, and nobody was told.
    pub(super) fn is_unsaid(&self, subject: &Subject) -> bool {
        self.timers.contains(&Deadline::Steady(subject.clone())) && self.unsaid(subject).is_some()
    }

    fn unsaid(&self, subject: &Subject) -> Option<&TroubleRow> {
        let row = self.troubles.get(subject).filter(|row| !row.open)?;
        self.alerts.get(trouble_alert(row)).map(|_| row)
    }
}
