//! The joint between the payments' protocol and the worker that talks to Circle: what it is asked to do, and what comes back.
//!
//! Plain values. Nothing here sends, parses, or decides: the protocol asks after a durable commit, the worker does it once and answers
//! once. A [`Create`] can be made from a live payment in `sending` and from nothing else.

use crate::reactor::money::{CircleId, CircleState, IdempotencyKey, PaymentRow, PaymentState, Sha256};
use crate::types::{Address, B256, Name, PaymentId, Timestamp, U256};
use std::sync::Arc;
use std::time::Duration;

/// Every byte of a POST leaves within this time of the commit that allows it, or none does.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(1);
/// An answer is waited for so long; then the connection is dropped and never used again.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Which question an answer belongs to. Counts from 1 in each run of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A question with its number. It is handed out after the commit that holds it, once, and answered once by an [`Answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its number.
    pub ticket: Ticket,
    /// What.
    pub ask: Ask,
}

/// What the worker is asked to do. Each is one attempt: nothing below the protocol tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// POST the frozen request.
    Create(Box<Create>),
    /// GET one transaction. Answered by `Read`, `Refused` or `Ambiguous`.
    Get {
        /// Circle's id.
        id: CircleId,
    },
    /// List outbound transactions of the wallet, every page, 50 each. Answered by `Found`, `Refused` or `Ambiguous`.
    Scan(Scan),
    /// POST a cancellation. Only a later GET says what became of it. Answered by `CancelAsked`, `Refused` or `Ambiguous`.
    Cancel {
        /// Circle's id.
        id: CircleId,
    },
    /// Read the wallet itself: its chain and address. Answered by `Wallet`, `Refused` or `Ambiguous`.
    Wallet {
        /// Circle's id of it.
        wallet: Name,
    },
    /// Read what the wallet holds. Answered by `Funds`, `Refused` or `Ambiguous`.
    Funds {
        /// Circle's id of it.
        wallet: Name,
        /// The USDC contract that counts.
        token: Address,
    },
    /// Estimate the fee of a frozen request, in the chain's coin. Answered by `Fee`, `Refused` or `Ambiguous`.
    Fee {
        /// Circle's id of the wallet.
        wallet: Name,
        /// To whom.
        destination: Address,
        /// Raw USDC.
        amount: U256,
        /// The USDC contract.
        token: Address,
        /// Circle's name of the chain.
        chain: Name,
    },
}

/// A request to create a transfer: the frozen bytes, and when they may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    payment: PaymentId,
    attempt: u32,
    wallet: Name,
    key: IdempotencyKey,
    body: Arc<[u8]>,
    hash: Sha256,
    leave_by: Timestamp,
    entity_key: Option<Sha256>,
}

impl Create {
    /// Of a live payment whose attempt was committed at `committed`; `None` for every other.
    ///
    /// `entity_key` is the SHA-256 of the entity public key that is pinned, if one is: with another key nothing may leave.
    #[must_use]
    pub fn of(row: &PaymentRow, committed: Timestamp, entity_key: Option<Sha256>) -> Option<Self> {
        let live = row.live.as_deref()?;
        (row.state == PaymentState::Sending && live.attempts > 0).then(|| Self {
            payment: row.id,
            attempt: live.attempts,
            wallet: live.wallet.clone(),
            key: live.key,
            body: Arc::clone(&live.body),
            hash: live.hash,
            leave_by: committed.after(LEAVE_WITHIN),
            entity_key,
        })
    }

    /// Which payment.
    #[must_use]
    pub const fn payment(&self) -> PaymentId {
        self.payment
    }

    /// The how-manieth attempt, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Circle's id of the paying wallet.
    #[must_use]
    pub const fn wallet(&self) -> &Name {
        &self.wallet
    }

    /// The key, which the body holds too.
    #[must_use]
    pub const fn key(&self) -> IdempotencyKey {
        self.key
    }

    /// The request as a JSON object without `entitySecretCiphertext`, byte for byte the same in every attempt. It ends with `}`: the worker
    /// puts `,"entitySecretCiphertext":"…"` before that last byte and changes nothing else.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// SHA-256 of `body`. The worker compares before it sends.
    #[must_use]
    pub const fn hash(&self) -> Sha256 {
        self.hash
    }

    /// The latest time, on the clock that dates commits, at which the first byte may leave. Later: [`Outcome::NotSent`].
    #[must_use]
    pub const fn leave_by(&self) -> Timestamp {
        self.leave_by
    }

    /// SHA-256 of the DER of the entity public key that may be used; none pins the first that is used.
    #[must_use]
    pub const fn entity_key(&self) -> Option<Sha256> {
        self.entity_key
    }
}

/// Outbound transactions of a wallet, every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Circle's id of it.
    pub wallet: Name,
    /// Created at or after this.
    pub from: Timestamp,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which.
    pub ticket: Ticket,
    /// What.
    pub outcome: Outcome,
    /// Circle's `Date` header, where there was one.
    pub date: Option<Timestamp>,
    /// Circle's `X-Request-Id`, opaque, where there was one.
    pub request_id: Option<Name>,
    /// SHA-256 of the entity public key that was used, of a `Create`.
    pub entity_key: Option<Sha256>,
}

/// What came of a question. `Ambiguous` is everything that is not one of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// To a `Create`: 200 or 201, parsed whole.
    Accepted {
        /// Circle's id.
        id: CircleId,
        /// Its state.
        state: CircleState,
        /// 201. A 200 says that the key was used before.
        new: bool,
    },
    /// Circle's own JSON error, with a status of 400 or above. What it proves is decided by the protocol, by status first.
    Refused {
        /// HTTP status.
        status: u16,
        /// Circle's code, where the body has one.
        code: Option<i64>,
        /// Circle's words, bounded and cleaned: for people only.
        words: Name,
    },
    /// Something may have happened at Circle, and nothing proves what.
    Ambiguous(Why),
    /// To a `Create`: not one byte of it left.
    NotSent(Unsent),
    /// To a `Get`.
    Read(Box<Transaction>),
    /// To a `Scan`: every page came, to the last. (An incomplete scan is `Ambiguous`.)
    Found(Vec<Transaction>),
    /// To a `Cancel`: Circle took it, which proves nothing.
    CancelAsked,
    /// To a `Wallet`.
    Wallet {
        /// Circle's name of its chain.
        chain: Name,
        /// Its address.
        address: Address,
        /// An account that others pay the gas of.
        gasless: bool,
    },
    /// To `Funds`.
    Funds {
        /// Raw USDC of the contract that was asked for.
        usdc: U256,
        /// The chain's coin, in wei; 0 where the list has none.
        coin: U256,
    },
    /// To a `Fee`: in wei.
    Fee(U256),
}

impl Outcome {
    /// What came of a `Create`, for people: it holds no bytes of a body.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Accepted { id, new: true, .. } => format!("accepted as {id}"),
            Self::Accepted { id, new: false, .. } => format!("known to Circle already, as {id}"),
            Self::Refused { status, words, .. } => format!("refused with {status}, {words}"),
            Self::Ambiguous(Why::Timeout) => "no answer in time: nobody knows whether it arrived".to_owned(),
            Self::Ambiguous(Why::Broken) => "the connection broke: nobody knows whether it arrived".to_owned(),
            Self::Ambiguous(Why::Unreadable(status)) => {
                format!("an answer with status {status} that proves nothing: nobody knows whether it arrived")
            }
            Self::NotSent(Unsent::TooLate) => "not sent: its second was over".to_owned(),
            Self::NotSent(Unsent::FreezeFile) => "not sent: the file FREEZE".to_owned(),
            Self::NotSent(Unsent::OtherEntityKey(_)) => "not sent: Circle shows another entity public key".to_owned(),
            Self::NotSent(Unsent::NoEntityKey) => "not sent: Circle's entity public key could not be read".to_owned(),
            Self::NotSent(Unsent::OtherBytes) => "not sent: its bytes are not what was frozen".to_owned(),
            Self::Ambiguous(Why::Incomplete)
            | Self::Read(_)
            | Self::Found(_)
            | Self::CancelAsked
            | Self::Wallet { .. }
            | Self::Funds { .. }
            | Self::Fee(_) => "an answer to another question".to_owned(),
        }
    }
}

/// Why nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No answer within [`ANSWER_WITHIN`].
    Timeout,
    /// The connection failed or broke, at whatever moment.
    Broken,
    /// A status and body that are neither a success nor an error as Circle writes them.
    Unreadable(u16),
    /// A page of a scan did not come, or its cursor led astray.
    Incomplete,
}

/// Why nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsent {
    /// `leave_by` was over.
    TooLate,
    /// A file `FREEZE` lies beside the config.
    FreezeFile,
    /// Circle shows another entity public key than the pinned one.
    OtherEntityKey(Sha256),
    /// The entity public key could not be read.
    NoEntityKey,
    /// The bytes do not have their hash: the store is damaged.
    OtherBytes,
}

/// A transaction as Circle shows it. What Circle leaves out, or writes as "", is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: CircleId,
    /// Its state.
    pub state: CircleState,
    /// Our own reference, as it was sent.
    pub reference: Option<Name>,
    /// The paying wallet.
    pub wallet: Option<Name>,
    /// Circle's name of the chain.
    pub chain: Option<Name>,
    /// The USDC contract or whatever else it moves: Circle's `tokenId` resolved by the worker; `None` where it could not.
    pub token: Option<Address>,
    /// To whom.
    pub destination: Option<Address>,
    /// Of one amount with at most six digits behind the point: raw USDC.
    pub amount: Option<U256>,
    /// Its transaction on the chain.
    pub tx: Option<B256>,
    /// When Circle made it.
    pub created: Option<Timestamp>,
    /// Why it failed, in Circle's word.
    pub reason: Option<Name>,
    /// The fee in wei, once known.
    pub fee: Option<U256>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::money::tests::live_row;

    #[test]
    fn only_a_live_payment_in_sending_makes_a_request() {
        let at = Timestamp::from_secs(100);
        let row = live_row(PaymentState::Sending, 1);
        let create = Create::of(&row, at, None).expect("it is live and sending");
        assert_eq!((create.leave_by(), create.attempt()), (Timestamp::from_secs(101), 1));
        for state in PaymentState::ALL.into_iter().filter(|state| *state != PaymentState::Sending) {
            assert_eq!(Create::of(&live_row(state, 1), at, None), None, "{}", state.word());
        }
        assert_eq!(Create::of(&live_row(PaymentState::Sending, 0), at, None), None, "no attempt was committed");
        let rehearsal = PaymentRow { live: None, ..row };
        assert_eq!(Create::of(&rehearsal, at, None), None, "a rehearsal");
    }
}
