//! The request of a payment, rendered once (MONEY §3): Circle's Wallets, `POST /v1/w3s/developer/transactions/transfer`.
//!
//! It holds everything but the ciphertext, which the worker puts before the last brace. [`freeze`] renders it.

use super::terms::{Terms, sha256};
use crate::reactor::money::{IdempotencyKey, Sha256};
use crate::types::{Address, Name, PaymentId, U256, Uuid};
use crate::wire::circle::{FeeLevel, TransferTerms, freeze};
use std::fmt::Write as _;
use std::sync::Arc;

/// Our references begin so, and nobody else's do.
pub const REFERENCE: &str = "ww1.";

/// What the reference of a probe begins with. No payment's does.
pub const PROBE_REFERENCE: &str = "ww1-probe.";
/// What a probe moves, raw: from the paying wallet to itself.
pub const PROBE_AMOUNT: U256 = U256::from_limbs([1, 0, 0, 0]);

/// A frozen request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The key in it.
    pub key: IdempotencyKey,
    /// Our reference in it.
    pub reference: Name,
    /// The bytes.
    pub body: Arc<[u8]>,
    /// Their SHA-256.
    pub hash: Sha256,
}

/// The reference of a payment of a store.
#[must_use]
pub fn reference(store: &[u8; 16], payment: PaymentId) -> Name {
    let mut text = String::from(REFERENCE);
    for byte in store {
        let _ = write!(text, "{byte:02x}");
    }
    let _ = write!(text, ".{payment}");
    text.into()
}

/// The request for this payment; `None` where the config holds a text that could not stand in it.
#[must_use]
pub fn request(terms: &Terms, payment: PaymentId, destination: Address, amount: U256) -> Option<Request> {
    let key = IdempotencyKey::of(terms.environment.as_str(), &terms.wallet, payment);
    let reference = reference(&terms.store, payment);
    let asked = TransferTerms {
        key: Uuid(key.0),
        wallet: terms.wallet.clone(),
        blockchain: terms.blockchain.clone(),
        token: terms.token,
        destination,
        amount,
        fee: FeeLevel::Medium,
        reference: reference.clone(),
    };
    let body: Arc<[u8]> = freeze(&asked).ok()?.into();
    Some(Request { key, reference, hash: digest(&body), body })
}

/// SHA-256 of the bytes, as anyone would compute it.
#[must_use]
pub fn digest(bytes: &[u8]) -> Sha256 {
    use sha2::Digest as _;
    let mut hash = [0; 32];
    hash.copy_from_slice(&sha2::Sha256::digest(bytes));
    hash
}

/// The identity of a transfer's payment (MONEY §3).
#[must_use]
pub fn of_transfer(rule: &Name, transfer: [u8; 16]) -> PaymentId {
    PaymentId::hash("payment/live/transfer", &[rule.as_str().as_bytes(), &transfer])
}

/// The identity of a crossing's payment: `what` holds the rule with watch, chain and asset.
#[must_use]
pub fn of_crossing(store: &[u8; 16], what: &Name, number: u64) -> PaymentId {
    PaymentId::hash("payment/live/crossing", &[what.as_str().as_bytes(), store, &number.to_be_bytes()])
}

/// A short text of a hash, for the audit.
#[must_use]
pub fn short(hash: &Sha256) -> String {
    let mut text = String::new();
    for byte in &hash[..8] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The identity of what is armed: a rule, and of balances the watch, chain and asset.
#[must_use]
pub fn arm_name(rule: &Name, place: &str) -> Name {
    let digest = sha256("arm", &[rule.as_str().as_bytes(), place.as_bytes()]);
    format!("{rule}/{}", short(&digest)).into()
}
