//! The rows beside payments: what holds for all of them, what is stopped, who was born when, what others moved, and the audit. Values only.

use super::money::{CircleId, Sha256};
use crate::types::{Address, ChainId, Name, PaymentId, Timestamp, U256};
use sha2::{Digest, Sha256 as Hasher};

/// What holds for every live payment of this store. There is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfficeRow {
    /// Nothing leaves, and why. It survives restarts.
    pub frozen: Option<Name>,
    /// A clock cannot be trusted, and why; nothing ages out of a limit beyond this time.
    pub paused: Option<(Name, Timestamp)>,
    /// The fingerprint of the money config that an approver accepted.
    pub accepted: Option<Sha256>,
    /// SHA-256 of Circle's entity public key: of the first that was used, or that an approver accepted.
    pub entity_key: Option<Sha256>,
    /// On this account it was shown that references come back in lists and that a repeated key gives the first transfer.
    pub probed: bool,
    /// When every page of the wallet's transactions was last asked for and came.
    pub scanned_at: Option<Timestamp>,
}

/// What can be stopped until a person lets it go on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopped {
    /// A rule plans nothing.
    Rule(Name),
    /// Nothing goes to a payee.
    Payee(Name),
}

/// A rule or a payee that is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRow {
    /// Which.
    pub what: Stopped,
    /// Why.
    pub reason: Name,
    /// Since when.
    pub since: Timestamp,
    /// Triggers that were not planned for it.
    pub missed: u64,
}

/// Since when a paying rule, or a payee, is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BirthRow {
    /// Which. A stop and a birth are of the same two kinds of things.
    pub what: Stopped,
    /// A hash of what makes it what it is: another one is another birth.
    pub mark: Sha256,
    /// When.
    pub at: Timestamp,
    /// The heads of chains then: what was mined at or below never pays by this rule.
    pub heads: Vec<(ChainId, u64)>,
    /// Two approvers said that a payee needs no waiting.
    pub waived: bool,
}

/// An outbound transaction of the wallet that no payment of this store made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRow {
    /// Circle's id.
    pub id: CircleId,
    /// Its reference, where it has one: one of ours proves a restored backup or a second deployment.
    pub reference: Option<Name>,
    /// To whom.
    pub destination: Option<Address>,
    /// Raw USDC; what could not be read counts as more than any limit.
    pub amount: U256,
    /// When Circle made it, or when it was found.
    pub at: Timestamp,
    /// It moved nothing: Circle ended it so.
    pub void: bool,
}

/// A price, a fee or a balance that pays when it crosses: whether the next crossing pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmRow {
    /// The rule, with the watch, chain and asset of a balance: one text, whole and unambiguous.
    pub what: Name,
    /// The next crossing is one.
    pub armed: bool,
    /// Crossings so far.
    pub crossings: u64,
    /// The payment of the last one: until it has landed nothing is armed.
    pub waits_for: Option<PaymentId>,
}

/// One line of the audit. Lines are only added; each carries a hash over the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Counts from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who: a token's name, or `walletwatch`.
    pub who: Name,
    /// What happened, in a few words.
    pub what: Name,
    /// To which payment.
    pub payment: Option<PaymentId>,
    /// Why, or with what.
    pub why: Name,
    /// SHA-256 over all of this and the hash of the line before.
    pub hash: Sha256,
}

impl AuditRow {
    /// The line behind `before`.
    #[must_use]
    pub fn after(
        before: Option<&Self>,
        at: Timestamp,
        who: Name,
        what: Name,
        payment: Option<PaymentId>,
        why: Name,
    ) -> Self {
        let seq = before.map_or(0, |row| row.seq) + 1;
        let mut row = Self { seq, at, who, what, payment, why, hash: [0; 32] };
        row.hash = row.expected(before.map_or([0; 32], |row| row.hash));
        row
    }

    /// The hash that it must have behind a line with this hash.
    #[must_use]
    pub fn expected(&self, before: Sha256) -> Sha256 {
        let mut hasher = Hasher::new();
        hasher.update(b"walletwatch/1/audit");
        hasher.update(before);
        let (seq, at) = (self.seq.to_be_bytes(), self.at.millis().to_be_bytes());
        let payment: &[u8] = self.payment.as_ref().map_or(&[], |id| &id.0);
        let texts = [&self.who, &self.what, &self.why].map(|text| text.as_str().as_bytes());
        for part in [&seq[..], &at, payment, texts[0], texts[1], texts[2]] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(&hasher.finalize());
        hash
    }
}

/// Every row beside payments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfficeTables {
    /// The one row.
    pub office: Option<OfficeRow>,
    /// All.
    pub stops: Vec<StopRow>,
    /// All.
    pub births: Vec<BirthRow>,
    /// All.
    pub foreign: Vec<ForeignRow>,
    /// All.
    pub arms: Vec<ArmRow>,
    /// The last line of the audit.
    pub audit_head: Option<AuditRow>,
}

/// One row beside payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficeWrite {
    /// Replaced whole.
    Office(OfficeRow),
    /// Put under what is stopped.
    Stop(StopRow),
    /// Put under whose birth it is.
    Birth(BirthRow),
    /// Put under Circle's id.
    Foreign(ForeignRow),
    /// Put under what it is of.
    Arm(ArmRow),
    /// Added.
    Audit(AuditRow),
}

impl OfficeWrite {
    /// Where it stands.
    #[must_use]
    pub fn key(&self) -> OfficeKey {
        match self {
            Self::Office(_) => OfficeKey::Office,
            Self::Stop(row) => OfficeKey::Stop(row.what.clone()),
            Self::Birth(row) => OfficeKey::Birth(row.what.clone()),
            Self::Foreign(row) => OfficeKey::Foreign(row.id.clone()),
            Self::Arm(row) => OfficeKey::Arm(row.what.clone()),
            Self::Audit(row) => OfficeKey::Audit(row.seq),
        }
    }
}

/// The key of a row beside payments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfficeKey {
    /// Of [`OfficeRow`].
    Office,
    /// Of [`StopRow`].
    Stop(Stopped),
    /// Of [`BirthRow`].
    Birth(Stopped),
    /// Of [`ForeignRow`].
    Foreign(CircleId),
    /// Of [`ArmRow`].
    Arm(Name),
    /// Of [`AuditRow`]. Nothing deletes one.
    Audit(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_audit_that_was_changed_is_seen() {
        let line = |before: Option<&AuditRow>, what: &str| {
            AuditRow::after(before, Timestamp::from_secs(1), "ops".into(), what.into(), None, "".into())
        };
        let first = line(None, "frozen");
        let second = line(Some(&first), "unfrozen");
        assert_eq!((first.seq, second.seq), (1, 2));
        assert_eq!(first.hash, first.expected([0; 32]));
        assert_eq!(second.hash, second.expected(first.hash));
        let forged = AuditRow { who: "other".into(), ..first.clone() };
        assert_ne!(forged.hash, forged.expected([0; 32]), "it was changed in place");
        let rewritten = AuditRow { hash: forged.expected([0; 32]), ..forged };
        assert_ne!(second.hash, second.expected(rewritten.hash), "the line behind it shows it");
    }
}
