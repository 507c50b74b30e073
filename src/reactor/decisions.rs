//! What people decide about payments, and why a decision was not followed. Values only.

use super::hushed::SilenceAnswer;
use super::looked::Looked;
use super::money::{CircleId, Sha256};
use super::waits::Waits;
use super::watch_list::WatchAnswer;
use crate::types::{Name, PaymentId};

/// What the audit says of a payment whose transaction a person showed, and which is not that one.
pub const NOT_IT: &str = "not it";

/// What the audit says of a payment that Circle was asked to cancel.
pub const CANCEL_ANSWERED: &str = "cancel answered";

/// An order of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A payment that waits may go: this one, with these bytes.
    Approve {
        /// Which.
        payment: PaymentId,
        /// SHA-256 of its frozen request.
        body: Sha256,
        /// Though what made it may not hold any more.
        anyway: bool,
    },
    /// A payment that waits will not be.
    Reject {
        /// Which.
        payment: PaymentId,
    },
    /// Nothing leaves.
    Freeze {
        /// Why.
        why: Name,
    },
    /// Payments go on.
    Unfreeze,
    /// Ask Circle to stop one.
    Cancel {
        /// Which.
        payment: PaymentId,
    },
    /// One that needs a person is this transaction at Circle.
    IsThere {
        /// Which.
        payment: PaymentId,
        /// Circle's id.
        circle: CircleId,
    },
    /// One that needs a person never arrived. Takes two names.
    IsAbsent {
        /// Which.
        payment: PaymentId,
    },
    /// A stopped rule goes on.
    Resume {
        /// Which.
        rule: Name,
    },
    /// A stopped payee may be paid again.
    ResumePayee {
        /// Which.
        payee: Name,
    },
    /// The clock is right.
    ResumeClock,
    /// The money config in force is what it should be.
    Accept {
        /// The fingerprint that was read.
        fingerprint: Sha256,
    },
    /// A new payee needs no day of waiting. Takes two names.
    WaivePayee {
        /// Which.
        payee: Name,
    },
    /// Circle's entity public key is this one now.
    AcceptEntityKey {
        /// SHA-256 of it.
        key: Sha256,
    },
    /// Somebody is about to show what this account does: a millionth of a USDC goes from the wallet to itself.
    AskProbe,
    /// A probe showed less than that.
    ProbeShowed {
        /// What.
        words: Name,
    },
    /// It was shown on this account that references come back and that keys hold.
    Probed,
}

/// Why an order was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such payment, rule or payee.
    #[error("there is none")]
    Unknown,
    /// It does not stand where this can be done.
    #[error("it does not stand where this can be done")]
    Elsewhere,
    /// What Circle showed is not absent.
    #[error(
        "Circle showed a transaction of it, so it is not absent. Where Circle shows it as it was asked for, `resolve --circle` with that \
         id ends this; where it does not, ask Circle: it counts in every limit until then"
    )]
    NotAbsent,
    /// The transaction at Circle is another payment's.
    #[error("that transaction at Circle belongs to another payment")]
    OfAnother,
    /// The approval names other bytes, or none.
    #[error(
        "an approval of a live payment names the request that it shows, as body_sha256: this names another one, or none"
    )]
    OtherBody,
    /// Something forbids it for good: it is refused now.
    #[error("it is refused now: {0}")]
    Forbidden(&'static str),
    /// A limit has no room, not even for two names.
    #[error("a limit has no room")]
    NoRoom,
    /// Its rule is stopped.
    #[error("its rule is stopped: resume it first")]
    Stopped,
    /// Nothing goes while payments are frozen.
    #[error("payments are frozen")]
    Frozen,
    /// There is no freeze to end.
    #[error("payments are not frozen")]
    NotFrozen,
    /// Nothing goes while a clock cannot be trusted.
    #[error("a clock cannot be trusted: payments are paused")]
    Paused,
    /// No clock is doubted.
    #[error("payments are not paused: no clock is doubted")]
    NotPaused,
    /// There is no stop to end.
    #[error("nothing of this name is stopped")]
    NotStopped,
    /// What made it does not hold any more: it is refused now.
    #[error("it is refused now: what made it does not hold any more")]
    OverNow,
    /// Nobody knows whether what made it still holds.
    #[error("nobody knows now whether what made it still holds")]
    NotKnown,
    /// The fingerprint is not the one in force.
    #[error("the config in force is another one")]
    OtherConfig,
    /// A second name is needed.
    #[error("noted; a second name is needed")]
    SecondName,
}

/// An order, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The name of the token.
    pub by: Name,
    /// What.
    pub order: Order,
}

/// What came of a command that is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Of an order for the watch list.
    Watches(WatchAnswer),
    /// Of an order about payments.
    Payments(Result<(), Refusal>),
    /// Of an order for silences.
    Silences(SilenceAnswer),
    /// Which rules look at a transfer.
    Why(Vec<Looked>),
    /// What a payment waits for; nothing where there is no such payment.
    WhyPayment(Option<Waits>),
}
