//! What is tried before its time: one message of a sink that fails, to learn whether it still does; and all that wait, once it does not.

use super::Lane;
use crate::types::Timestamp;

/// How many of each severity are looked at for one to ask with: every turn of the worker asks.
const MOST_LOOKED_AT: usize = 64;

impl Lane {
    /// Everything that waits is due, as far as the receiver did not ask for a pause.
    pub(super) fn hasten_all(&mut self, at: Timestamp) {
        for seq in self.ready.later(at, usize::MAX).collect::<Vec<_>>() {
            self.hasten(seq, at);
        }
    }

    /// Makes one message due where none is and the sink has failed for long enough to be asked again.
    pub(super) fn hasten_one(&mut self, at: Timestamp) -> Option<i64> {
        self.probes_at().filter(|probe| *probe <= at)?;
        let seq = self.candidate(at)?;
        self.hasten(seq, at);
        Some(seq)
    }

    /// When a message is tried before its time, where none is due until then.
    pub(super) fn probes_at(&self) -> Option<Timestamp> {
        let probe = self.health.probe_at().filter(|_| self.flying == 0)?;
        let idle = self.ready.first_due().is_none_or(|due| due > probe);
        (idle && self.candidate(probe).is_some()).then_some(probe)
    }

    /// The message to ask with: what matters most, of those that nobody would see twice.
    fn candidate(&self, at: Timestamp) -> Option<i64> {
        let unseen = |seq: &i64| {
            let entry = self.entries.get(seq);
            entry.is_some_and(|entry| (self.settings.drops_repeats || !entry.told) && entry.asked <= at)
        };
        self.ready.later(at, MOST_LOOKED_AT).find(unseen)
    }

    fn hasten(&mut self, seq: i64, at: Timestamp) {
        let Some(alert) = self.entries.get(&seq).map(|entry| entry.alert) else { return };
        self.hide(alert);
        if let Some(entry) = self.entries.get_mut(&seq) {
            entry.hasten(at);
        }
        self.show(alert);
    }
}
