//! The rows and words of money: a payment, its live part, and what Circle says of it. Values only.

pub use crate::wire::circle::CircleState;

use crate::types::{Address, B256, ChainId, Name, PaymentId, Timestamp, TransferId, U256};
use std::fmt;
use std::sync::Arc;

/// A SHA-256.
pub type Sha256 = [u8; 32];

/// Where a payment stands (MONEY §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaymentState {
    /// Limits are reserved.
    Planned,
    /// It waits for a person.
    Held,
    /// It may go.
    Approved,
    /// It did everything but the send. Terminal.
    Rehearsed,
    /// It will not be. Terminal.
    Refused,
    /// A request may have left.
    Sending,
    /// What became of it is looked for; nothing is sent any more.
    Reconcile,
    /// A person says what became of it.
    Human,
    /// Circle has it.
    Accepted,
    /// Circle refused every attempt. Terminal.
    Rejected,
    /// Paid. Terminal.
    Complete,
    /// Circle could not. Terminal.
    Failed,
    /// A person stopped it at Circle. Terminal.
    Cancelled,
    /// Circle would not. Terminal.
    Denied,
}

impl PaymentState {
    /// Every state.
    pub const ALL: [Self; 14] = [
        Self::Planned,
        Self::Held,
        Self::Approved,
        Self::Rehearsed,
        Self::Refused,
        Self::Sending,
        Self::Reconcile,
        Self::Human,
        Self::Accepted,
        Self::Rejected,
        Self::Complete,
        Self::Failed,
        Self::Cancelled,
        Self::Denied,
    ];

    /// The word in bodies, metrics and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Approved => "approved",
            Self::Rehearsed => "rehearsed",
            Self::Refused => "refused",
            Self::Sending => "sending",
            Self::Reconcile => "reconcile",
            Self::Human => "human",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Where it may go from here: the arrows of MONEY §4, and no others.
    #[must_use]
    pub const fn arrows(self) -> &'static [Self] {
        match self {
            Self::Planned => &[Self::Approved, Self::Held, Self::Refused],
            Self::Held => &[Self::Approved, Self::Refused],
            Self::Approved => &[Self::Sending, Self::Rehearsed, Self::Held, Self::Refused],
            Self::Sending => &[Self::Accepted, Self::Reconcile, Self::Rejected],
            Self::Reconcile => &[Self::Accepted, Self::Human],
            Self::Human => &[Self::Accepted, Self::Rejected],
            Self::Accepted => &[Self::Complete, Self::Failed, Self::Cancelled, Self::Denied, Self::Human],
            Self::Rehearsed
            | Self::Refused
            | Self::Rejected
            | Self::Complete
            | Self::Failed
            | Self::Cancelled
            | Self::Denied => &[],
        }
    }

    /// The end of a payment that a state of Circle's is, if it is one. A word that we do not know is none.
    #[must_use]
    pub const fn ended_by(state: &CircleState) -> Option<Self> {
        match state {
            CircleState::Complete => Some(Self::Complete),
            CircleState::Failed => Some(Self::Failed),
            CircleState::Cancelled => Some(Self::Cancelled),
            CircleState::Denied => Some(Self::Denied),
            CircleState::Initiated
            | CircleState::Cleared
            | CircleState::Queued
            | CircleState::Sent
            | CircleState::Stuck
            | CircleState::Confirmed
            | CircleState::Other(_) => None,
        }
    }

    /// Whether nothing leads on from here.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        self.arrows().is_empty()
    }

    /// Whether a request may have left, and may still do something.
    #[must_use]
    pub const fn is_out(self) -> bool {
        matches!(self, Self::Sending | Self::Reconcile | Self::Human | Self::Accepted)
    }

    /// Whether nothing can have left yet, and something still may.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Planned | Self::Held | Self::Approved)
    }
}

/// Circle's id of a transaction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CircleId(Name);

impl CircleId {
    /// Of what Circle wrote: 1 to 64 letters, digits and dashes, so that it can stand in a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (plain && (1..=64).contains(&text.len())).then(|| Self(text.into()))
    }

    /// As Circle wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for CircleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CircleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Circle's idempotency key, in the shape of a UUID v4. It is a hash (MONEY §3): nothing about it is random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdempotencyKey(pub [u8; 16]);

impl IdempotencyKey {
    /// The key of a payment from a wallet in an environment.
    #[must_use]
    pub fn of(environment: &str, wallet: &Name, payment: PaymentId) -> Self {
        let parts: [&[u8]; 3] = [environment.as_bytes(), wallet.as_str().as_bytes(), &payment.0];
        let mut bytes = PaymentId::hash("circle key", &parts).0;
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A payment. Written at planning and never changed but for where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    /// The hash of its identity.
    pub id: PaymentId,
    /// By which rule.
    pub rule: Name,
    /// To whom.
    pub payee: Name,
    /// Where.
    pub chain: ChainId,
    /// To which address, from the config.
    pub address: Address,
    /// Raw USDC.
    pub amount: U256,
    /// Where it stands.
    pub state: PaymentState,
    /// Why, of held and refused.
    pub reason: Option<Name>,
    /// The transfer that triggered it.
    pub transfer: Option<TransferId>,
    /// The crossing that triggered it.
    pub crossing: Option<u64>,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// Its live part; a rehearsal has none, and never gets one.
    pub live: Option<Box<LivePart>>,
}

/// What a live payment has beyond a rehearsal. The upper part is frozen at planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePart {
    /// Circle's id of the paying wallet.
    pub wallet: Name,
    /// Circle's idempotency key.
    pub key: IdempotencyKey,
    /// The request without its ciphertext.
    pub body: Arc<[u8]>,
    /// SHA-256 of `body`.
    pub hash: Sha256,
    /// Our reference in it.
    pub reference: Name,
    /// Circle's name of the chain.
    pub blockchain: Name,
    /// The USDC contract.
    pub token: Address,
    /// The fingerprint of the money config under which it was planned.
    pub version: Sha256,
    /// The time of the block or tick that triggered it.
    pub triggered_at: Timestamp,
    /// Who approved it, when, and under which money config.
    pub approvals: Vec<ApprovedBy>,
    /// An approver said that it is to be paid whether its condition still holds or not.
    pub anyway: bool,
    /// When it became approved, the last time.
    pub approved_at: Option<Timestamp>,
    /// Attempts that were committed.
    pub attempts: u32,
    /// Of them, those that were proven to have done nothing.
    pub disproven: u32,
    /// The first attempt's commit.
    pub first_sent: Option<Timestamp>,
    /// The last attempt's commit.
    pub last_sent: Option<Timestamp>,
    /// When something is to be done next.
    pub due: Option<Timestamp>,
    /// Complete scans that found nothing.
    pub empty_scans: u32,
    /// When the last of them was asked for.
    pub scanned_at: Option<Timestamp>,
    /// Circle's id.
    pub circle_id: Option<CircleId>,
    /// Circle's word.
    pub circle_state: Option<Name>,
    /// Circle showed it, and it is what was frozen.
    pub compared: bool,
    /// Its transaction on the chain.
    pub tx: Option<B256>,
    /// Who said that it is absent, and when: it is looked for on.
    pub absent: Option<Timestamp>,
}

/// A person's yes. It is of what that person was shown: another money config in force makes it nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedBy {
    /// The name of the token.
    pub by: Name,
    /// When.
    pub at: Timestamp,
    /// The fingerprint of the money config that was in force.
    pub of: Sha256,
}

impl PaymentRow {
    /// Whether a yes to it counts where this money config is in force; `None` where nobody asks any more, or nobody knows what is in force.
    #[must_use]
    pub fn counts(&self, yes: &ApprovedBy, in_force: Option<Sha256>) -> Option<bool> {
        in_force.filter(|_| self.state.is_waiting()).map(|in_force| yes.of == in_force)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A live payment in this state, with so many attempts.
    pub(crate) fn live_row(state: PaymentState, attempts: u32) -> PaymentRow {
        let id = PaymentId([7; 16]);
        let wallet = Name::from("wallet-1");
        PaymentRow {
            id,
            rule: "r".into(),
            payee: "p".into(),
            chain: ChainId(1),
            address: Address::repeat_byte(1),
            amount: U256::from(5),
            state,
            reason: None,
            transfer: Some(TransferId([1; 16])),
            crossing: None,
            planned_at: Timestamp::from_secs(1),
            changed_at: Timestamp::from_secs(1),
            live: Some(Box::new(LivePart {
                key: IdempotencyKey::of("test", &wallet, id),
                wallet,
                body: Arc::from(&b"{}"[..]),
                hash: [3; 32],
                reference: "ww1.a.b".into(),
                blockchain: "ETH".into(),
                token: Address::repeat_byte(2),
                version: [4; 32],
                triggered_at: Timestamp::from_secs(1),
                approvals: Vec::new(),
                anyway: false,
                approved_at: None,
                attempts,
                disproven: 0,
                first_sent: None,
                last_sent: None,
                due: None,
                empty_scans: 0,
                scanned_at: None,
                circle_id: None,
                circle_state: None,
                compared: false,
                tx: None,
                absent: None,
            })),
        }
    }

    #[test]
    fn the_arrows_are_those_of_the_contract() {
        // MONEY §4, and the last from its rule 5: what Circle shows otherwise than it was frozen is a person's affair.
        let text = "planned → approved | held | refused\nheld → approved | refused\n\
            approved → sending | rehearsed | held | refused\nsending → accepted | reconcile | rejected\n\
            reconcile → accepted | human\nhuman → accepted | rejected\n\
            accepted → complete | failed | cancelled | denied | human";
        for state in PaymentState::ALL {
            let line = text.lines().find_map(|line| line.strip_prefix(state.word())?.strip_prefix(" → "));
            let wanted: Vec<&str> = line.map_or_else(Vec::new, |line| line.split(" | ").collect());
            let drawn: Vec<&str> = state.arrows().iter().map(|to| to.word()).collect();
            assert_eq!(drawn, wanted, "{}", state.word());
            assert_eq!(state.is_terminal(), wanted.is_empty());
            assert_eq!(PaymentState::from_word(state.word()), Some(state));
        }
    }

    #[test]
    fn a_key_has_the_shape_of_a_uuid_v4_and_depends_on_all_that_it_is_of() {
        let key = |environment: &str, wallet: &str, payment: u8| {
            IdempotencyKey::of(environment, &Name::from(wallet), PaymentId([payment; 16])).to_string()
        };
        let text = key("live", "w", 1);
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4", "{text}");
        assert!("89ab".contains(&text[19..20]), "{text}");
        assert_eq!(text, key("live", "w", 1), "a twin deployment asks for the same transfer");
        for other in [key("test", "w", 1), key("live", "v", 1), key("live", "w", 2)] {
            assert_ne!(text, other);
        }
    }

    #[test]
    fn only_final_words_of_circles_end_a_payment() {
        for word in ["INITIATED", "CLEARED", "QUEUED", "SENT", "STUCK", "CONFIRMED", "WAITING", "", "complete"] {
            assert_eq!(PaymentState::ended_by(&CircleState::read(word)), None, "{word}");
        }
        for (word, end) in [
            ("COMPLETE", PaymentState::Complete),
            ("FAILED", PaymentState::Failed),
            ("CANCELLED", PaymentState::Cancelled),
            ("CANCELED", PaymentState::Cancelled),
            ("DENIED", PaymentState::Denied),
        ] {
            assert_eq!(PaymentState::ended_by(&CircleState::read(word)), Some(end));
        }
        for (text, fine) in [("1af639ce-c8b2", true), ("", false), ("a/b", false), ("a?b", false), ("..", false)] {
            assert_eq!(CircleId::parse(text).is_some(), fine, "{text}");
        }
    }
}
