//! Planted faults: the simulator must find each of them. Without the feature `faults` there are none, and nothing can plant one.

/// A way to get money wrong.
#[cfg(feature = "faults")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is explained where it is asked for")]
pub enum Flaw {
    RandomKeyPerAttempt,
    KeyFromBlockHash,
    NewKeyOnNotFound,
    BodyChangedOnRetry,
    ResendAfterKeyLife,
    OneProofRejects,
    EditPaysThePast,
    SaltOfTheStore,
    OneRuleOnAllChains,
    SecondTopUp,
    LoopThroughPayee,
    LimitsOnlyAtPlanning,
    AgesMixedUp,
    RehearsalSent,
    ResendUnderFreeze,
    AbsentAfterOneScan,
    ClockJumpIgnored,
    IncompleteScanCounts,
    LimitsOfOneVersion,
    ApprovalCountsTwice,
    StuckIsFailed,
    EditedPayeeIsPaid,
    NoStartScan,
    SuspectPays,
    UnfinalPays,
    ConflictIsRejected,
    ForeignUncounted,
    FailedGoesOn,
    RetractedGoesOut,
    ZeroBalancePays,
    FirstReadingPays,
    ShortScanWindow,
    UsedCiphertextProves,
    OneOperatorPays,
    ApprovalOutlivesEdit,
    ScansWithoutPause,
}

/// Which fault is planted, if one is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flaws {
    #[cfg(feature = "faults")]
    planted: Option<Flaw>,
}

#[cfg(feature = "faults")]
impl Flaws {
    /// With this one.
    #[must_use]
    pub const fn with(flaw: Flaw) -> Self {
        Self { planted: Some(flaw) }
    }

    /// The one.
    #[must_use]
    pub const fn planted(self) -> Option<Flaw> {
        self.planted
    }
}

/// Whether a fault is planted at this desk: `flawed!(self, StuckIsFailed)`. Without the feature it is `false`, and no name of a fault is
/// compiled in.
macro_rules! flawed {
    ($desk:expr, $flaw:ident) => {{
        #[cfg(feature = "faults")]
        let planted = $desk.flaws.planted() == Some($crate::reactor::payments::desk::flaws::Flaw::$flaw);
        #[cfg(not(feature = "faults"))]
        let planted = {
            let _ = $desk.flaws;
            false
        };
        planted
    }};
}
pub(super) use flawed;

#[cfg(feature = "faults")]
mod planted {
    use super::Flaw;
    use crate::reactor::money::{IdempotencyKey, LivePart, PaymentRow, PaymentState};
    use crate::reactor::payments::desk::request::{Request, digest, request};
    use crate::reactor::payments::desk::terms::Terms;
    use crate::reactor::payments::desk::{Desk, Step};
    use crate::types::{PaymentId, Timestamp};
    use std::sync::Arc;

    impl Desk {
        /// A key with a salt that dies with the store.
        pub(in crate::reactor::payments::desk) fn spoiled(
            &self,
            honest: Request,
            terms: &Terms,
            id: PaymentId,
        ) -> Request {
            if !flawed!(self, SaltOfTheStore) {
                return honest;
            }
            let key = IdempotencyKey(PaymentId::hash("salt", &[&terms.store, &id.0]).0);
            let text = String::from_utf8_lossy(&honest.body).replace(&honest.key.to_string(), &key.to_string());
            let body: Arc<[u8]> = text.into_bytes().into();
            Request { key, hash: digest(&body), body, reference: honest.reference }
        }

        /// Another key, or another body, for each attempt behind the first.
        pub(in crate::reactor::payments::desk) fn spoil(&mut self, id: PaymentId) {
            let (key, body) = (flawed!(self, RandomKeyPerAttempt), flawed!(self, BodyChangedOnRetry));
            let Some(live) = self.rows.get_mut(&id).and_then(|row| row.live.as_deref_mut()) else { return };
            if live.attempts < 2 {
                return;
            }
            let mut text = String::from_utf8_lossy(&live.body).into_owned();
            if key {
                let other = IdempotencyKey(PaymentId::hash("random", &[&live.key.0, &live.attempts.to_be_bytes()]).0);
                text = text.replace(&live.key.to_string(), &other.to_string());
                live.key = other;
            }
            if body {
                text = text.replace("MEDIUM", "HIGH");
            }
            live.body = text.into_bytes().into();
            live.hash = digest(&live.body);
        }

        /// What must never follow from an empty list: it is taken for absent, or sent anew under another key.
        pub(in crate::reactor::payments::desk) fn take_for_absent(
            &mut self,
            id: PaymentId,
            at: Timestamp,
            step: &mut Step,
        ) {
            let anew = flawed!(self, NewKeyOnNotFound);
            if !anew && !flawed!(self, AbsentAfterOneScan) {
                return;
            }
            if !anew {
                self.advance(id, PaymentState::Rejected, Some("absent"), "walletwatch", at, step);
                self.ended_badly(id, at, step);
                return;
            }
            let (Some(row), Some(terms)) = (self.rows.get(&id).cloned(), self.terms.clone()) else { return };
            let other = PaymentId::hash("again", &[&row.id.0, &at.millis().to_be_bytes()]);
            let frozen = request(&terms, other, row.address, row.amount);
            let (Some(frozen), Some(live)) = (frozen, row.live.clone()) else { return };
            let live = LivePart {
                key: frozen.key,
                body: frozen.body,
                hash: frozen.hash,
                reference: frozen.reference,
                attempts: 0,
                disproven: 0,
                first_sent: None,
                last_sent: None,
                empty_scans: 0,
                scanned_at: None,
                approved_at: Some(at),
                ..*live
            };
            let row = PaymentRow { id: other, state: PaymentState::Approved, live: Some(Box::new(live)), ..row };
            step.payments.push(row.clone());
            self.rows.insert(other, row);
            self.open.insert(other);
        }
    }

    impl Flaw {
        /// All of them.
        pub const ALL: [Self; 36] = [
            Self::RandomKeyPerAttempt,
            Self::KeyFromBlockHash,
            Self::NewKeyOnNotFound,
            Self::BodyChangedOnRetry,
            Self::ResendAfterKeyLife,
            Self::OneProofRejects,
            Self::EditPaysThePast,
            Self::SaltOfTheStore,
            Self::OneRuleOnAllChains,
            Self::SecondTopUp,
            Self::LoopThroughPayee,
            Self::LimitsOnlyAtPlanning,
            Self::AgesMixedUp,
            Self::RehearsalSent,
            Self::ResendUnderFreeze,
            Self::AbsentAfterOneScan,
            Self::ClockJumpIgnored,
            Self::IncompleteScanCounts,
            Self::LimitsOfOneVersion,
            Self::ApprovalCountsTwice,
            Self::StuckIsFailed,
            Self::EditedPayeeIsPaid,
            Self::NoStartScan,
            Self::SuspectPays,
            Self::UnfinalPays,
            Self::ConflictIsRejected,
            Self::ForeignUncounted,
            Self::FailedGoesOn,
            Self::RetractedGoesOut,
            Self::ZeroBalancePays,
            Self::FirstReadingPays,
            Self::ShortScanWindow,
            Self::UsedCiphertextProves,
            Self::OneOperatorPays,
            Self::ApprovalOutlivesEdit,
            Self::ScansWithoutPause,
        ];
    }
}
