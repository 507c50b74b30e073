//! What the config says of money, as the desk works by it, and its fingerprint.

use crate::reactor::money::Sha256;
use crate::types::{Address, ChainId, Name, Stage, U256};
use sha2::{Digest, Sha256 as Hasher};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything of the config that concerns live money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The random id of the store: part of references and of the identity of crossings, never of a key.
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
    /// The paying wallet's own address, so that what it sends is never a trigger.
    pub wallet_address: Option<Address>,
    /// Most in a rolling day, raw.
    pub per_day: U256,
    /// Most ever, raw.
    pub in_total: U256,
    /// A payment above this takes two names.
    pub two_approvals_over: Option<U256>,
    /// Others pay its gas.
    pub gasless: bool,
    /// Lifts what MONEY.md marks; test environment only.
    pub relaxed: bool,
    /// Whom payments may go to.
    pub payees: BTreeMap<Name, PayeeTerms>,
    /// What rules pay, by rule. Rehearsals are not here.
    pub offers: BTreeMap<Name, Offer>,
    /// Every watched address of the chain: a transfer between two of them never pays.
    pub watched: Vec<Address>,
    /// A hash of everything above that a person would have to read again.
    pub fingerprint: Sha256,
}

/// A payee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayeeTerms {
    /// Where.
    pub address: Address,
    /// Most in a rolling day over all rules, raw.
    pub per_day: U256,
}

/// What a rule pays, live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// To whom.
    pub payee: Name,
    /// How much.
    pub amount: OfferAmount,
    /// The stage of the trigger.
    pub stage: Stage,
    /// Most in one payment, raw.
    pub per_payment: U256,
    /// Most in a rolling day, raw.
    pub per_day: U256,
    /// Most ever, raw.
    pub in_total: U256,
    /// Most payments in a rolling day.
    pub max_per_day: u32,
    /// Each waits for a person.
    pub manual: bool,
    /// How long one waits before it is refused.
    pub expires: Duration,
    /// A fee above this, in wei, waits, and then asks a person.
    pub max_fee: Option<U256>,
    /// The usual time from a block to its stage.
    pub usual: Duration,
    /// A hash of the trigger, the payee and of being live: another one is another birth.
    pub mark: Sha256,
}

/// How much a payment moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferAmount {
    /// Always this, raw.
    Fixed(U256),
    /// What came in less this, raw.
    Match(U256),
    /// What is missing to this balance, raw.
    FillTo(U256),
}

/// SHA-256 over parts that cannot run together.
#[must_use]
pub fn sha256(tag: &str, parts: &[&[u8]]) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(b"walletwatch/1/");
    hasher.update(tag.as_bytes());
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(&hasher.finalize());
    hash
}

impl Terms {
    /// The same with its fingerprint filled in: over everything but the store's id and the wallet's address, which Circle's id of it
    /// stands for. `Debug` writes every field, in order.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        let plain = Self { store: [0; 16], wallet_address: None, fingerprint: [0; 32], ..self.clone() };
        self.fingerprint = sha256("money config", &[format!("{plain:?}").as_bytes()]);
        self
    }
}
