//! Which of the API's lists changed, and how often: what the event stream tells. Counts only, so that whoever was away can compare.

/// A list of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// How everything stands: sources, chains, sinks, prices.
    Status,
    /// Transfers and approvals.
    Transfers,
    /// Alerts.
    Alerts,
    /// Payments, and what holds for all of them.
    Payments,
    /// The watch list.
    Watches,
    /// Deliveries.
    Outbox,
    /// Balances.
    Balances,
    /// Silences.
    Silences,
}

impl List {
    /// Every list.
    pub const ALL: [Self; 8] = [
        Self::Status,
        Self::Transfers,
        Self::Alerts,
        Self::Payments,
        Self::Watches,
        Self::Outbox,
        Self::Balances,
        Self::Silences,
    ];

    /// Its path below `/api/v1/`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Transfers => "transfers",
            Self::Alerts => "alerts",
            Self::Payments => "payments",
            Self::Watches => "watches",
            Self::Outbox => "outbox",
            Self::Balances => "balances",
            Self::Silences => "silences",
        }
    }
}

/// How often each list changed since the process began. A change counts once it is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes([u64; List::ALL.len()]);

impl Changes {
    /// One more.
    pub const fn count(&mut self, list: List) {
        self.0[list as usize] += 1;
    }

    /// How often.
    #[must_use]
    pub const fn of(&self, list: List) -> u64 {
        self.0[list as usize]
    }

    /// The lists that are not as they were.
    pub fn since(&self, before: &Self) -> impl Iterator<Item = List> {
        List::ALL.into_iter().filter(move |list| self.of(*list) != before.of(*list))
    }

    /// From counts in the order of [`List::ALL`].
    #[must_use]
    pub const fn from_counts(counts: [u64; List::ALL.len()]) -> Self {
        Self(counts)
    }
}
