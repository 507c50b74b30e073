//! Requests as the bytes that are sent.
//!
//! The body of a transfer is rendered once, stored and sent as those bytes for ever, by later versions too: [`freeze`] is only called
//! when a payment is planned, and what it writes must never depend on anything but its argument. The ciphertext of the entity secret is
//! new in each attempt and no part of what is frozen: [`sealed`] puts it behind the last field.

use super::amount::{AmountText, USDC_DECIMALS};
use super::text::{Field, is_id};
use crate::types::{Address, Name, U256, Uuid};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Where a transfer is asked for.
pub const CREATE_PATH: &str = "v1/w3s/developer/transactions/transfer";
/// Where a fee is estimated.
pub const ESTIMATE_PATH: &str = "v1/w3s/transactions/transfer/estimateFee";
/// Where a cancellation is asked for; the id stands before its last word.
pub const CANCEL_PATH: [&str; 2] = ["v1/w3s/developer/transactions", "cancel"];
/// The longest reference: twice what our own has.
const LONGEST_REFERENCE: usize = 200;

/// How much Circle pays for a place in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeLevel {
    /// LOW
    Low,
    /// MEDIUM
    Medium,
    /// HIGH
    High,
}

impl FeeLevel {
    const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// Circle's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

/// A transfer of USDC as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferTerms {
    /// The idempotency key, in the shape of a UUID v4.
    pub key: Uuid,
    /// Circle's id of the paying wallet.
    pub wallet: Name,
    /// Circle's word for the chain.
    pub blockchain: Name,
    /// The USDC contract.
    pub token: Address,
    /// To whom.
    pub destination: Address,
    /// Raw USDC, above zero.
    pub amount: U256,
    /// How fast.
    pub fee: FeeLevel,
    /// Our own reference, which comes back in every answer.
    pub reference: Name,
}

/// Why terms cannot become a request, or bytes are none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrozenFault {
    /// Circle takes no other.
    #[error("the idempotency key has not the shape of a UUID v4")]
    Key,
    /// An id with characters that no id has.
    #[error("the id of the wallet, or Circle's word for the chain, holds more than letters, digits and dashes")]
    Id,
    /// Nothing to pay.
    #[error("the amount is zero")]
    Zero,
    /// Too long, or more than visible ASCII without quotes.
    #[error("the reference is empty, too long, or holds more than visible ASCII")]
    Reference,
    /// Not what `freeze` writes.
    #[error("the stored request cannot be read: it is not one that was rendered here")]
    Bytes,
}

/// Renders a transfer without its ciphertext: compact JSON, its fields always in this order.
///
/// # Errors
/// [`FrozenFault`] for terms that Circle could only refuse. Nothing in them needs an escape in JSON.
pub fn freeze(terms: &TransferTerms) -> Result<Vec<u8>, FrozenFault> {
    let reference = terms.reference.as_str();
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if !terms.key.is_v4() {
        return Err(FrozenFault::Key);
    }
    if !is_id(terms.wallet.as_str()) || !is_id(terms.blockchain.as_str()) {
        return Err(FrozenFault::Id);
    }
    if terms.amount.is_zero() {
        return Err(FrozenFault::Zero);
    }
    if !(1..=LONGEST_REFERENCE).contains(&reference.len()) || !reference.bytes().all(visible) {
        return Err(FrozenFault::Reference);
    }
    let amount = AmountText::of(terms.amount, USDC_DECIMALS);
    let TransferTerms { key, wallet, blockchain, token, destination, fee, .. } = terms;
    let fee = fee.word();
    Ok(format!(
        r#"{{"idempotencyKey":"{key}","walletId":"{wallet}","destinationAddress":"{destination:#x}","amounts":["{amount}"],"tokenAddress":"{token:#x}","blockchain":"{blockchain}","feeLevel":"{fee}","refId":"{reference}"}}"#
    )
    .into_bytes())
}

/// Reads what [`freeze`] wrote: for those who compare, and for the simulated Circle.
///
/// # Errors
/// [`FrozenFault`] for anything else; further fields are passed over.
pub fn thaw(bytes: &[u8]) -> Result<TransferTerms, FrozenFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        idempotency_key: Field,
        wallet_id: Field,
        destination_address: Field,
        amounts: [Field; 1],
        token_address: Field,
        blockchain: Field,
        fee_level: Field,
        ref_id: Field,
    }
    let body: Body = serde_json::from_slice(bytes).map_err(|_| FrozenFault::Bytes)?;
    let read = || {
        let amount = AmountText::read(body.amounts.first()?.text()?).ok()?.raw(USDC_DECIMALS).ok()?;
        Some(TransferTerms {
            key: Uuid::parse(body.idempotency_key.text()?)?,
            wallet: body.wallet_id.id()?,
            blockchain: body.blockchain.id()?,
            token: body.token_address.address()?,
            destination: body.destination_address.address()?,
            amount,
            fee: FeeLevel::ALL.into_iter().find(|fee| Some(fee.word()) == body.fee_level.text())?,
            reference: body.ref_id.text()?.into(),
        })
    };
    read().ok_or(FrozenFault::Bytes)
}

/// SHA-256 of the frozen bytes: what is approved, and what is compared before each send.
#[must_use]
pub fn body_hash(frozen: &[u8]) -> [u8; 32] {
    Sha256::digest(frozen).into()
}

/// The frozen bytes with the ciphertext behind their last field; nothing else is touched.
///
/// # Errors
/// [`FrozenFault::Bytes`] where they are no JSON object with a field, or the ciphertext is no base64.
pub fn sealed(frozen: &[u8], ciphertext: &str) -> Result<Vec<u8>, FrozenFault> {
    const NAME: &[u8] = b",\"entitySecretCiphertext\":\"";
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let open = frozen.strip_suffix(b"}").filter(|open| open.starts_with(b"{\"")).ok_or(FrozenFault::Bytes)?;
    if ciphertext.is_empty() || !ciphertext.bytes().all(base64) {
        return Err(FrozenFault::Bytes);
    }
    let mut body = Vec::with_capacity(open.len() + NAME.len() + ciphertext.len() + 2);
    body.extend_from_slice(open);
    body.extend_from_slice(NAME);
    body.extend_from_slice(ciphertext.as_bytes());
    body.extend_from_slice(b"\"}");
    Ok(body)
}

/// Asks for a cancellation, without its ciphertext.
#[must_use]
pub fn cancel_body(key: Uuid) -> Vec<u8> {
    format!(r#"{{"idempotencyKey":"{key}"}}"#).into_bytes()
}

/// Asks what a transfer would cost. It moves nothing and has no ciphertext.
///
/// # Errors
/// [`FrozenFault::Id`] for ids that are none.
pub fn estimate_body(
    wallet: &Name,
    blockchain: &Name,
    token: Address,
    destination: Address,
    amount: U256,
) -> Result<Vec<u8>, FrozenFault> {
    if !is_id(wallet.as_str()) || !is_id(blockchain.as_str()) {
        return Err(FrozenFault::Id);
    }
    let amount = AmountText::of(amount, USDC_DECIMALS);
    Ok(format!(
        r#"{{"walletId":"{wallet}","destinationAddress":"{destination:#x}","amounts":["{amount}"],"tokenAddress":"{token:#x}","blockchain":"{blockchain}"}}"#
    )
    .into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms() -> TransferTerms {
        TransferTerms {
            key: Uuid::parse("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").expect("it is one"),
            wallet: "ce714f5b-0d8e-4062-9454-61aa1154869b".into(),
            blockchain: "MATIC-AMOY".into(),
            token: Address::repeat_byte(0x41),
            destination: Address::repeat_byte(0xC9),
            amount: U256::from(10_000),
            fee: FeeLevel::Medium,
            reference: "ww1.00ff.11ee".into(),
        }
    }

    /// These bytes are in people's stores: a change here is a change of what was promised.
    const FROZEN: &str = r#"{"idempotencyKey":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","walletId":"ce714f5b-0d8e-4062-9454-61aa1154869b","destinationAddress":"0xc9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9","amounts":["0.01"],"tokenAddress":"0x4141414141414141414141414141414141414141","blockchain":"MATIC-AMOY","feeLevel":"MEDIUM","refId":"ww1.00ff.11ee"}"#;

    #[test]
    fn the_frozen_bytes_are_these_for_ever() {
        assert_eq!(freeze(&terms()).map(|bytes| String::from_utf8(bytes).expect("it is text")), Ok(FROZEN.into()));
        assert_eq!(thaw(FROZEN.as_bytes()), Ok(terms()));
    }

    #[test]
    fn the_ciphertext_is_put_behind_and_nothing_else_is_touched() {
        let body = sealed(FROZEN.as_bytes(), "q+/8==").expect("it is base64");
        assert!(body.starts_with(FROZEN.trim_end_matches('}').as_bytes()));
        assert_eq!(thaw(&body), Ok(terms()));
        let value: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
        assert_eq!(value["entitySecretCiphertext"], "q+/8==");
        for (frozen, ciphertext) in [("", "qq=="), ("{}", "qq=="), ("[1]", "qq=="), (FROZEN, ""), (FROZEN, "a\"b")] {
            assert_eq!(sealed(frozen.as_bytes(), ciphertext), Err(FrozenFault::Bytes), "{frozen} {ciphertext}");
        }
    }

    #[test]
    fn terms_that_circle_could_only_refuse_are_not_frozen() {
        let check = |change: &dyn Fn(&mut TransferTerms), fault: FrozenFault| {
            let mut terms = terms();
            change(&mut terms);
            assert_eq!(freeze(&terms), Err(fault));
        };
        check(&|terms| terms.key = Uuid([0xff; 16]), FrozenFault::Key);
        check(&|terms| terms.wallet = "a\"b".into(), FrozenFault::Id);
        check(&|terms| terms.blockchain = "".into(), FrozenFault::Id);
        check(&|terms| terms.amount = U256::ZERO, FrozenFault::Zero);
        for reference in ["", "a b", "a\"b", "a\\b", "a\nb", "é", &"x".repeat(201)] {
            check(&|terms| terms.reference = reference.into(), FrozenFault::Reference);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_frozen_thaws_to_the_same_terms(
            key: [u8; 16], token: [u8; 20], destination: [u8; 20], limbs: [u64; 4], reference in "[!#-\\[\\]-~]{1,80}",
        ) {
            let terms = TransferTerms {
                key: Uuid::v4(key),
                token: token.into(),
                destination: destination.into(),
                amount: U256::from_limbs(limbs).max(U256::from(1)),
                reference: reference.as_str().into(),
                ..terms()
            };
            let bytes = freeze(&terms).expect("they are fine");
            prop_assert_eq!(thaw(&bytes), Ok(terms));
            prop_assert_eq!(body_hash(&bytes), body_hash(&bytes.clone()));
        }
    }
}
