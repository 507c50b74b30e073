//! Places where tests let the process die or lie. Without the feature `faults` all of this compiles to nothing.
//!
//! Every place has a name in [`KillPoint::ALL`], so that a test can go through them and none is forgotten.

use crate::reactor::event::Event;

/// A place where a process may die, and where it matters what is on disk by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillPoint {
    /// The tables were read; nothing runs yet.
    AfterLoad,
    /// The config was taken in and is not committed.
    Configured,
    /// A turn is about to be committed.
    BeforeCommit,
    /// Everything of a transaction is written, and it is not committed.
    InsideCommit,
    /// A turn is on disk and nobody was told.
    AfterCommit,
    /// The delivery worker has the turn's messages; who asked for it was not answered.
    AfterPublish,
    /// A receiver answered and nobody took note of it.
    AfterAnswer,
    /// What became of deliveries is about to be written.
    BeforeDeliveryWrite,
    /// What became of deliveries is on disk.
    AfterDeliveryWrite,
    /// Told to stop: the sources have ended, the pump has not.
    Stopping,
    /// A turn that moves a payment is about to be committed.
    BeforePayment,
    /// A turn that moved a payment is on disk.
    AfterPayment,
    /// What payments ask is on disk, and the worker was not asked.
    BeforeAsk,
    /// A request that may move money is about to leave.
    BeforePost,
    /// Circle answered a request that may have moved money, and nobody took note of it.
    AfterPost,
}

impl KillPoint {
    /// Every place, in the order of a process's life.
    pub const ALL: [Self; 15] = [
        Self::AfterLoad,
        Self::Configured,
        Self::BeforeCommit,
        Self::InsideCommit,
        Self::AfterCommit,
        Self::AfterPublish,
        Self::AfterAnswer,
        Self::BeforeDeliveryWrite,
        Self::AfterDeliveryWrite,
        Self::Stopping,
        Self::BeforePayment,
        Self::AfterPayment,
        Self::BeforeAsk,
        Self::BeforePost,
        Self::AfterPost,
    ];

    /// Whether only a monitor that pays comes by.
    #[must_use]
    pub const fn is_of_payments(self) -> bool {
        matches!(self, Self::BeforePayment | Self::AfterPayment | Self::BeforeAsk | Self::BeforePost | Self::AfterPost)
    }

    /// The name in `WALLETWATCH_FAULT_KILL`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AfterLoad => "after_load",
            Self::Configured => "configured",
            Self::BeforeCommit => "before_commit",
            Self::InsideCommit => "inside_commit",
            Self::AfterCommit => "after_commit",
            Self::AfterPublish => "after_publish",
            Self::AfterAnswer => "after_answer",
            Self::BeforeDeliveryWrite => "before_delivery_write",
            Self::AfterDeliveryWrite => "after_delivery_write",
            Self::Stopping => "stopping",
            Self::BeforePayment => "before_payment",
            Self::AfterPayment => "after_payment",
            Self::BeforeAsk => "before_ask",
            Self::BeforePost => "before_post",
            Self::AfterPost => "after_post",
        }
    }
}

/// Ends the process at this place, as `kill -9` would, when `WALLETWATCH_FAULT_KILL` is its name or `name:n` (the n-th passage).
#[inline]
pub fn kill_point(point: KillPoint) {
    #[cfg(feature = "faults")]
    armed::kill(point);
    #[cfg(not(feature = "faults"))]
    let _ = point;
}

/// Panics on what moves in the block that `WALLETWATCH_FAULT_PANIC` names as `chain:block`, both as numbers.
///
/// # Panics
/// When it was asked to.
#[inline]
pub fn plant(event: &Event) {
    #[cfg(feature = "faults")]
    armed::plant(event);
    #[cfg(not(feature = "faults"))]
    let _ = event;
}

#[cfg(feature = "faults")]
mod armed {
    use super::KillPoint;
    use crate::reactor::event::Event;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Kill {
        name: String,
        left: AtomicU64,
    }

    fn asked(variable: &str) -> Option<(String, u64)> {
        let text = std::env::var(variable).ok()?;
        match text.split_once(':') {
            Some((name, number)) => Some((name.to_owned(), number.parse().ok()?)),
            None => Some((text, 1)),
        }
    }

    pub(super) fn kill(point: KillPoint) {
        static KILL: OnceLock<Option<Kill>> = OnceLock::new();
        let kill = KILL.get_or_init(|| {
            asked("WALLETWATCH_FAULT_KILL").map(|(name, left)| Kill { name, left: AtomicU64::new(left) })
        });
        if let Some(kill) = kill
            && kill.name == point.word()
            && kill.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }

    pub(super) fn plant(event: &Event) {
        static PANIC: OnceLock<Option<(u64, u64)>> = OnceLock::new();
        let asked = PANIC.get_or_init(|| {
            asked("WALLETWATCH_FAULT_PANIC").and_then(|(chain, block)| Some((chain.parse().ok()?, block)))
        });
        if let (Some((chain, block)), Event::Run(run)) = (asked, event) {
            let read = |read: &crate::types::Block| read.at.number == *block && !read.movements.is_empty();
            let planted = run.chain.0 == *chain && run.blocks.iter().any(read);
            assert!(!planted, "a planted panic");
        }
    }
}
