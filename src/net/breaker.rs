//! A circuit breaker: after enough failures in a row it asks to leave the other side alone, then lets one probe through.
//!
//! Pure: time is an argument. It never counts an answer that says "slow down" (429) as a failure: that is the other
//! side working. The caller decides what a failure is.

use super::Moment;
use std::time::Duration;

/// How patient a breaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open the first time; doubled each time a probe fails.
    pub rest: Duration,
    /// The longest it stays open.
    pub longest_rest: Duration,
}

impl Default for Patience {
    /// Five failures in a row, then 5 s doubling to 5 min: short against the hours over which deliveries are retried.
    fn default() -> Self {
        Self { failures: 5, rest: Duration::from_secs(5), longest_rest: Duration::from_mins(5) }
    }
}

/// What a breaker says of an attempt that is to begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit<M> {
    /// Go ahead.
    Go,
    /// Go ahead, alone: what comes of it decides for all. Answer with `succeeded`, `failed` or `abandoned`.
    Probe,
    /// Not before this moment.
    NotBefore(M),
    /// A probe is under way: wait for what comes of it.
    AwaitProbe,
}

/// The states, by their usual names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything passes.
    Closed,
    /// Nothing passes until the rest is over.
    Open,
    /// One probe passes.
    HalfOpen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inner<M> {
    Closed { failures: u32 },
    Open { until: M, rest: Duration },
    Probing { rest: Duration },
}

/// The breaker of one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker<M> {
    patience: Patience,
    inner: Inner<M>,
}

impl<M: Moment> Breaker<M> {
    /// Closed.
    #[must_use]
    pub const fn new(patience: Patience) -> Self {
        Self { patience, inner: Inner::Closed { failures: 0 } }
    }

    /// Whether an attempt may begin now. Answering `Probe` takes the one probe there is.
    pub fn ask(&mut self, now: M) -> Permit<M> {
        match self.inner {
            Inner::Closed { .. } => Permit::Go,
            Inner::Open { until, .. } if now < until => Permit::NotBefore(until),
            Inner::Open { rest, .. } => {
                self.inner = Inner::Probing { rest };
                Permit::Probe
            }
            Inner::Probing { .. } => Permit::AwaitProbe,
        }
    }

    /// An attempt came through: closed, and the past forgotten. A late success of an attempt from before it opened
    /// proves as much as a probe does.
    pub fn succeeded(&mut self) {
        self.inner = Inner::Closed { failures: 0 };
    }

    /// An attempt failed. While it is open this changes nothing: those are attempts from before it opened.
    pub fn failed(&mut self, now: M) {
        self.inner = match self.inner {
            Inner::Closed { failures } if failures.saturating_add(1) >= self.patience.failures => {
                Inner::Open { until: now.after(self.patience.rest), rest: self.patience.rest }
            }
            Inner::Closed { failures } => Inner::Closed { failures: failures.saturating_add(1) },
            open @ Inner::Open { .. } => open,
            Inner::Probing { rest } => {
                let rest = rest.saturating_mul(2).min(self.patience.longest_rest);
                Inner::Open { until: now.after(rest), rest }
            }
        };
    }

    /// The probe was given up without an answer of its own (a stop, a reload): another may go at once.
    pub fn abandoned(&mut self, now: M) {
        if let Inner::Probing { rest } = self.inner {
            self.inner = Inner::Open { until: now, rest };
        }
    }

    /// For metrics and the page.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        match self.inner {
            Inner::Closed { .. } => BreakerState::Closed,
            Inner::Open { .. } => BreakerState::Open,
            Inner::Probing { .. } => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    const PATIENCE: Patience =
        Patience { failures: 3, rest: Duration::from_secs(5), longest_rest: Duration::from_secs(15) };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let mut breaker = Breaker::new(PATIENCE);
        for _ in 0..10 {
            breaker.failed(at(0));
            breaker.failed(at(0));
            breaker.succeeded();
        }
        assert_eq!(breaker.ask(at(0)), Permit::Go);
        for _ in 0..3 {
            breaker.failed(at(1));
        }
        assert_eq!(breaker.ask(at(2)), Permit::NotBefore(at(6)));
        breaker.failed(at(5));
        assert_eq!(breaker.ask(at(5)), Permit::NotBefore(at(6)), "a straggler does not prolong the rest");
    }

    #[test]
    fn one_probe_decides_and_failed_probes_rest_longer_up_to_a_limit() {
        let mut breaker = Breaker::new(PATIENCE);
        for _ in 0..3 {
            breaker.failed(at(0));
        }
        let mut now = 5;
        for rest in [10, 15, 15] {
            assert_eq!(breaker.ask(at(now)), Permit::Probe);
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            assert_eq!(breaker.ask(at(now)), Permit::AwaitProbe);
            breaker.failed(at(now));
            assert_eq!(breaker.ask(at(now)), Permit::NotBefore(at(now + rest)));
            now += rest;
        }
        assert_eq!(breaker.ask(at(now)), Permit::Probe);
        breaker.abandoned(at(now));
        assert_eq!(breaker.ask(at(now)), Permit::Probe, "a given-up probe does not lock the door");
        breaker.succeeded();
        assert_eq!(breaker.ask(at(now)), Permit::Go);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
