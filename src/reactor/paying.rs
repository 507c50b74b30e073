//! What rules pay and to whom, as the config says it, and what people are told of a payment. Values only.

use super::money::{CircleId, PaymentState, Sha256};
use crate::types::{Address, B256, ChainId, Name, PaymentId, Stage, Timestamp, TransferId, U256};
use std::time::Duration;

/// What a rule pays, beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentSettings {
    /// The rule's name.
    pub rule: Name,
    /// To whom.
    pub payee: Name,
    /// How much, in raw USDC (6 decimals).
    pub amount: PaymentAmount,
    /// The stage of the trigger: `Confirmed` or `Final`.
    pub stage: Stage,
    /// Most in one payment, raw.
    pub per_payment: U256,
    /// Most in a rolling day, raw.
    pub per_day: U256,
    /// Most ever, raw.
    pub in_total: U256,
    /// Most payments in a rolling day.
    pub max_per_day: u32,
    /// Whether each waits for a person.
    pub approval: Approval,
    /// How long one waits before it is refused.
    pub approval_expires: Duration,
    /// It is more than a rehearsal.
    pub live: bool,
    /// Above this estimate, in the smallest unit of the chain's coin, it waits for a person.
    pub max_fee: Option<U256>,
}

/// How much a payment moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentAmount {
    /// Always this, raw.
    Fixed(U256),
    /// What came in (a USDC trigger), less a reserve, raw.
    Match {
        /// Held back.
        reserve: U256,
    },
    /// What is missing to this balance (a USDC balance rule), raw.
    FillTo(U256),
}

/// Whether a person has to say yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// No.
    None,
    /// Each time.
    Manual,
}

/// Whom payments may go to: written in the config by a person, never read from a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// Its id.
    pub name: Name,
    /// Where.
    pub chain: ChainId,
    /// The address.
    pub address: Address,
    /// Most in a rolling day over all rules, raw USDC.
    pub per_day: U256,
}

/// What pays, where anything is live: `[circle]`, and what was read of its wallet at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSettings {
    /// The random id of the store.
    pub store: [u8; 16],
    /// `test` or `live`.
    pub environment: Name,
    /// Circle's id of the paying wallet.
    pub wallet: Name,
    /// The chain that it is on.
    pub chain: ChainId,
    /// Circle's name of that chain.
    pub blockchain: Name,
    /// The USDC contract there, of the chain table.
    pub token: Address,
    /// The wallet's own address.
    pub wallet_address: Address,
    /// It is an account that others pay the gas of.
    pub gasless: bool,
    /// Most in a rolling day, raw.
    pub per_day: U256,
    /// Most ever, raw.
    pub in_total: U256,
    /// A payment above this takes two names.
    pub two_approvals_over: Option<U256>,
    /// Lifts what MONEY.md marks; test environment only.
    pub relaxed: bool,
    /// Who hears of payments beside a rule's own sinks.
    pub notify: Vec<Name>,
}

/// The facts of `payment.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentBody {
    /// Its id.
    pub payment: PaymentId,
    /// Name of the payee.
    pub payee: Name,
    /// Name of the chain.
    pub chain: Name,
    /// Its id.
    pub chain_id: ChainId,
    /// Raw USDC.
    pub amount: U256,
    /// Ours (MONEY §4).
    pub state: PaymentState,
    /// Why, of held and refused.
    pub reason: Option<Name>,
    /// The transfer that triggered it.
    pub transfer: Option<TransferId>,
    /// The crossing that triggered it.
    pub crossing: Option<u64>,
    /// What is known of it at Circle; a rehearsal has none.
    pub live: Option<LiveWords>,
}

/// The facts of `payments.frozen` and `payments.unfrozen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenBody {
    /// Everything, the clock, a rule or a payee: in words.
    pub what: Name,
    /// Since when.
    pub since: Timestamp,
    /// Why, or by whom it goes on.
    pub reason: Name,
    /// The hash of the last line of the audit.
    pub audit_head: Option<Sha256>,
}

/// The file that stops every payment of a process for as long as it lies beside the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeFile {
    /// Its first line.
    pub why: Name,
    /// Whose it is on this machine.
    pub by: Name,
    /// When it was written.
    pub since: Timestamp,
}

/// What is known of a live payment at Circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveWords {
    /// Circle's id.
    pub circle_id: Option<CircleId>,
    /// Circle's word.
    pub circle_state: Option<Name>,
    /// Its transaction on the chain.
    pub tx: Option<B256>,
    /// The hash of the last line of the audit.
    pub audit_head: Option<Sha256>,
}
