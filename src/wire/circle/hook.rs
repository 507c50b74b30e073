//! Circle's webhooks of version 2: a signature over the raw body, and a body that is a hint and nothing more.
//!
//! The signature is ECDSA on P-256 over SHA-256 of the bytes as they came: whoever reads the JSON and writes it again has other bytes.
//! Circle signs with high and with low S, and both are taken: a hook is kept apart by its id, never by its signature.

use super::text::Field;
use crate::types::{Name, Timestamp, Untrusted, Uuid};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

/// What stands before the point in the SubjectPublicKeyInfo of a key on P-256 (RFC 5480): there is one way to write it in DER.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The longest signature in base64: 72 bytes of DER.
const LONGEST_SIGNATURE: usize = 96;

/// Why a hook is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookFault {
    /// The signature is no base64 of a signature's length.
    #[error("the signature is not base64 of a DER signature")]
    Signature,
    /// The key is not on P-256.
    #[error("the key is no SubjectPublicKeyInfo of a point on P-256")]
    Key,
    /// The signature is not this key's over these bytes.
    #[error("the signature does not fit the body")]
    Mismatch,
    /// The body is signed and not what was expected.
    #[error("the body cannot be read: {0}")]
    Body(Untrusted),
}

/// Checks a signature over a raw body.
///
/// # Errors
/// [`HookFault::Signature`], [`HookFault::Key`], [`HookFault::Mismatch`].
pub fn verify(key: &[u8], signature: &str, body: &[u8]) -> Result<(), HookFault> {
    if signature.len() > LONGEST_SIGNATURE {
        return Err(HookFault::Signature);
    }
    let signature = STANDARD.decode(signature).map_err(|_| HookFault::Signature)?;
    let point = key.strip_prefix(&P256_HEAD).filter(|point| point.len() == 65).ok_or(HookFault::Key)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(body, &signature).map_err(|_| HookFault::Mismatch)
}

/// What a hook is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookKind {
    /// A transaction of ours changed: look at it.
    Transaction {
        /// Circle's id of it.
        id: Name,
    },
    /// A test, as Circle sends one for each subscription. Two of them can have the same id.
    Test,
    /// Something that does not concern us.
    Other,
}

/// A hook, read. Nothing in it says how a payment stands: only a GET does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The id of the notification: the same in every repeat.
    pub id: Uuid,
    /// What it is about.
    pub kind: HookKind,
    /// When Circle wrote it; a repeat can come hours later.
    pub at: Option<Timestamp>,
}

/// Reads the body of a hook whose signature was checked.
///
/// # Errors
/// [`HookFault::Body`] for anything but a notification of version 2 with an id.
pub fn hook(body: &[u8]) -> Result<Hook, HookFault> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        id: Field,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        notification_id: Field,
        notification_type: Field,
        notification: Inner,
        #[serde(default)]
        timestamp: Field,
        version: u64,
    }
    let fault = |reason: &str| HookFault::Body(Untrusted::new(reason));
    let body: Body = serde_json::from_slice(body).map_err(|error| fault(&error.to_string()))?;
    if body.version != 2 {
        return Err(fault("another version than 2"));
    }
    let id = body.notification_id.text().and_then(Uuid::parse).ok_or_else(|| fault("no notificationId"))?;
    let kind = body.notification_type.text().ok_or_else(|| fault("no notificationType"))?;
    let kind = match kind {
        "webhooks.test" => HookKind::Test,
        kind if kind.starts_with("transactions.") => {
            HookKind::Transaction { id: body.notification.id.id().ok_or_else(|| fault("a transaction without an id"))? }
        }
        _ => HookKind::Other,
    };
    Ok(Hook { id, kind, at: body.timestamp.time() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    /// The order of P-256, big end first (SEC 2, secp256r1).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
        0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    fn signed(body: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("ring makes keys");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.as_ref(), &random);
        let pair = pair.expect("it is a key");
        let key = [&P256_HEAD[..], pair.public_key().as_ref()].concat();
        (key, pair.sign(&random, body).expect("ring signs").as_ref().to_vec())
    }

    /// The same signature with S replaced by n − S.
    fn mirrored(signature: &[u8]) -> Vec<u8> {
        let r_length = usize::from(signature[3]);
        let (r, s) = (&signature[2..4 + r_length], &signature[6 + r_length..]);
        let mut wide = [0_u8; 32];
        let s = &s[s.len().saturating_sub(32)..];
        wide[32 - s.len()..].copy_from_slice(s);
        let (mut mirror, mut borrow) = ([0_u8; 32], 0_i16);
        for at in (0..32).rev() {
            let digit = i16::from(ORDER[at]) - i16::from(wide[at]) - borrow;
            borrow = i16::from(digit < 0);
            mirror[at] = u8::try_from(digit.rem_euclid(256)).expect("it is a byte");
        }
        let zeros = mirror.iter().take_while(|byte| **byte == 0).count();
        let mut s = mirror[zeros..].to_vec();
        if s[0] & 0x80 != 0 {
            s.insert(0, 0);
        }
        let s = [&[2, u8::try_from(s.len()).expect("it is short")][..], &s].concat();
        let length = u8::try_from(r.len() + s.len()).expect("it is short");
        [&[0x30, length][..], r, &s].concat()
    }

    #[test]
    fn a_signature_fits_its_bytes_alone_and_both_halves_of_s_are_taken() {
        let body = br#"{"version":2}"#;
        for _ in 0..20 {
            let (key, signature) = signed(body);
            let text = STANDARD.encode(&signature);
            assert_eq!(verify(&key, &text, body), Ok(()));
            assert_eq!(verify(&key, &STANDARD.encode(mirrored(&signature)), body), Ok(()));
            assert_eq!(verify(&key, &text, br#"{"version": 2}"#), Err(HookFault::Mismatch), "one blank more");
            assert_eq!(verify(&signed(body).0, &text, body), Err(HookFault::Mismatch), "another key");
        }
    }

    #[test]
    fn what_is_no_signature_or_no_key_is_refused_before_any_arithmetic() {
        let (key, signature) = signed(b"x");
        let text = STANDARD.encode(&signature);
        for wrong in ["", "!", "AAAA", &text[1..], &format!("{text}{text}"), &hex_of(&signature)] {
            assert!(verify(&key, wrong, b"x").is_err(), "{wrong}");
        }
        for wrong in [&key[1..], &key[..90], &[0; 91][..], &[]] {
            assert_eq!(verify(wrong, &text, b"x"), Err(HookFault::Key));
        }
    }

    fn hex_of(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_hook_is_a_hint_at_a_transaction_a_test_or_nothing_of_ours() {
        const ID: &str = "acab8c14-92ae-481a-8335-6eb5271da014";
        let body = |kind: &str, inner: &str| {
            let time = "2025-08-16T05:19:02.235460983Z";
            format!(
                r#"{{"subscriptionId":"x","notificationId":"{ID}","notificationType":"{kind}","notification":{inner},"timestamp":"{time}","version":2}}"#
            )
        };
        let read = |text: &str| hook(text.as_bytes()).map(|hook| hook.kind);
        let about = |id: &str| Ok(HookKind::Transaction { id: id.into() });
        assert_eq!(read(&body("transactions.outbound", r#"{"id":"ad3f40ae","state":"COMPLETE"}"#)), about("ad3f40ae"));
        assert_eq!(read(&body("transactions.inbound", r#"{"id":"ad3f40ae"}"#)), about("ad3f40ae"));
        assert_eq!(read(&body("webhooks.test", r#"{"hello":"world"}"#)), Ok(HookKind::Test));
        assert_eq!(read(&body("challenges.x", "{}")), Ok(HookKind::Other));
        for broken in [
            body("transactions.outbound", r#"{"id":"../../x"}"#),
            body("transactions.outbound", "{}"),
            body("", "{}"),
            body("webhooks.test", "{}").replace(ID, "7"),
            body("webhooks.test", "{}").replace(":2}", ":1}"),
            String::new(),
            "[]".into(),
        ] {
            assert!(read(&broken).is_err(), "{broken}");
        }
    }
}
