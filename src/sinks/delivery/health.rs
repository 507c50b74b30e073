//! Whether a sink is failing, and what was said about it.

use crate::reactor::event::DeliveryReport;
use crate::types::{Name, Timestamp};
use std::time::Duration;

/// How soon a sink that fails is asked again with what waits, at first; doubled each time, up to [`LONGEST_REST`].
pub(super) const FIRST_REST: Duration = Duration::from_secs(5);
/// The longest that a sink that fails is left alone while something waits for it.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// A sink is failing when nothing but failures came for this long: longer than a receiver's restart, shorter than a person's patience.
pub(super) const FAILING_AFTER: Duration = Duration::from_mins(5);

/// What the reactor was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Nothing of the sink as a whole, in this run or since a message was given up. What an earlier run said, or that message, may
    /// have opened trouble, so the next success is reported.
    Nothing,
    /// It works.
    Well,
    /// It fails.
    Failing,
}

/// How one sink is.
#[derive(Debug)]
pub(super) struct Health {
    said: Said,
    since: Option<Timestamp>,
    /// Since when there were only failures before this run, or before a person opened the sink: so it is since then, should the next
    /// attempt fail too.
    before: Option<Timestamp>,
    last: Option<Name>,
    /// When it may next be asked with what is not due yet, and how long it was left alone before.
    probe: Option<(Timestamp, Duration)>,
}

impl Health {
    pub(super) const fn new() -> Self {
        Self { said: Said::Nothing, since: None, before: None, last: None, probe: None }
    }

    /// There were only failures since then, in an earlier run.
    pub(super) fn remember(&mut self, since: Timestamp, last: Name) {
        (self.before, self.last) = (Some(since), Some(last));
    }

    /// It is tried anew, and nothing is said before that.
    pub(super) fn anew(&mut self) {
        (self.before, self.since) = (self.since.or(self.before), None);
        (self.said, self.probe) = (Said::Nothing, None);
    }

    /// Since when there were only failures.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since.or(self.before)
    }

    /// Why the last attempt failed, while there are only failures.
    pub(super) const fn last(&self) -> Option<&Name> {
        self.last.as_ref()
    }

    /// When something may be tried before its time, to learn whether the sink still fails.
    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.probe.map(|(at, _)| at)
    }

    /// An attempt ended, whatever it came to.
    pub(super) fn tried(&mut self, at: Timestamp) {
        if let Some((due, rest)) = &mut self.probe
            && at >= *due
        {
            *rest = rest.saturating_mul(2).min(LONGEST_REST);
            *due = at.after(*rest);
        }
    }

    /// Whether so much failed for so long that a success is news for what waits, and not only for itself.
    pub(super) fn was_out(&self, at: Timestamp) -> bool {
        self.since.is_some_and(|since| at.since(since) >= FIRST_REST)
    }

    /// Something got through.
    pub(super) fn succeeded(&mut self, sink: &Name) -> Option<DeliveryReport> {
        (self.since, self.before) = (None, None);
        self.last = None;
        self.probe = None;
        (std::mem::replace(&mut self.said, Said::Well) != Said::Well)
            .then(|| DeliveryReport::Recovered { sink: sink.clone() })
    }

    /// A message was given up and said so, which is trouble until something gets through again.
    pub(super) fn gave_up(&mut self) {
        if self.said == Said::Well {
            self.said = Said::Nothing;
        }
    }

    /// Something did not get through, and could have.
    pub(super) fn failed(&mut self, at: Timestamp, reason: &Name) {
        let before = self.before.take();
        self.since.get_or_insert(before.unwrap_or(at));
        self.last = Some(reason.clone());
        self.probe.get_or_insert((at.after(FIRST_REST), FIRST_REST));
    }

    /// When it will have failed for long enough to say so.
    pub(super) fn to_be_said_at(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.said != Said::Failing).map(|since| since.after(FAILING_AFTER))
    }

    /// Says that it fails, once, when it is time.
    pub(super) fn check(&mut self, sink: &Name, at: Timestamp) -> Option<DeliveryReport> {
        self.to_be_said_at().filter(|due| *due <= at)?;
        self.said = Said::Failing;
        let reason = self.last.clone().unwrap_or_else(|| Name::from("no answer"));
        Some(DeliveryReport::Failing { sink: sink.clone(), since: self.since.unwrap_or(at), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::samples::at;

    /// A restart and a person who opens the sink make it neither well nor newly ill.
    #[test]
    fn a_sink_fails_since_it_first_failed_whatever_happened_to_the_process_meanwhile() {
        let (ops, refused): (Name, Name) = ("ops".into(), "HTTP 503".into());
        let check = |mut health: Health| {
            assert_eq!((health.since(), health.last()), (Some(at(10)), Some(&refused)));
            assert_eq!(health.check(&ops, at(2_000)), None, "it was not tried since");
            health.failed(at(2_001), &"HTTP 500".into());
            let said = DeliveryReport::Failing { sink: ops.clone(), since: at(10), reason: "HTTP 500".into() };
            assert_eq!(health.check(&ops, at(2_001)), Some(said), "five minutes are long over");
            assert_eq!(health.succeeded(&ops), Some(DeliveryReport::Recovered { sink: ops.clone() }));
            health.failed(at(3_000), &refused);
            assert_eq!(health.since(), Some(at(3_000)), "that is another time");
        };
        let mut restarted = Health::new();
        restarted.remember(at(10), refused.clone());
        check(restarted);
        let mut opened = Health::new();
        opened.failed(at(10), &refused);
        opened.check(&ops, at(310));
        opened.anew();
        check(opened);
    }
}
