//! Keys: of which network an API key is, the entity public key, and the public keys that sign hooks. None of them is a secret, and the
//! API key itself is never kept here.

use super::answer::Unread;
use super::text::Field;
use crate::types::Uuid;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Which networks a key can move money on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// `TEST_API_KEY:…`: test networks only.
    Test,
    /// `LIVE_API_KEY:…`: main networks only.
    Live,
}

/// What is wrong with an API key. It never holds a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not `PREFIX:ID:SECRET`.
    #[error("it is not of the form TEST_API_KEY:id:secret or LIVE_API_KEY:id:secret")]
    Form,
}

impl KeyKind {
    /// Of an API key, by its prefix; all three parts have to be there.
    ///
    /// # Errors
    /// [`KeyFault::Form`].
    pub fn of(key: &str) -> Result<Self, KeyFault> {
        let mut parts = key.split(':');
        let (prefix, id, secret) = (parts.next(), parts.next(), parts.next());
        let fine = |part: Option<&str>| {
            part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic()))
        };
        if !fine(id) || !fine(secret) || parts.next().is_some() {
            return Err(KeyFault::Form);
        }
        match prefix {
            Some("TEST_API_KEY") => Ok(Self::Test),
            Some("LIVE_API_KEY") => Ok(Self::Live),
            Some(_) | None => Err(KeyFault::Form),
        }
    }
}

/// The public key with which the entity secret is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct EntityKey {
    /// DER of SubjectPublicKeyInfo.
    pub der: Vec<u8>,
}

impl EntityKey {
    /// SHA-256 of its DER: what is pinned.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }
}

impl std::fmt::Debug for EntityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntityKey").field("der_bytes", &self.der.len()).finish()
    }
}

/// Reads the entity public key. Its armour says PKCS#1 and what is inside is SubjectPublicKeyInfo, so the armour is taken off unread.
///
/// # Errors
/// [`Unread`] for anything but armoured base64.
pub fn entity_key(data: &str) -> Result<EntityKey, Unread> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        public_key: Field,
    }
    let body: Body = serde_json::from_str(data)?;
    let armoured = body.public_key.text().ok_or_else(|| Unread::new("no publicKey"))?;
    let lines = armoured.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----"));
    let der = STANDARD.decode(lines.collect::<String>()).map_err(|_| Unread::new("publicKey is no base64"))?;
    if der.is_empty() {
        return Err(Unread::new("publicKey is empty"));
    }
    Ok(EntityKey { der })
}

/// Reads a public key that signs hooks: its id, and the DER of its SubjectPublicKeyInfo.
///
/// # Errors
/// [`Unread`] for another algorithm than the one that is published, or without id or key.
pub fn hook_key(data: &str) -> Result<(Uuid, Vec<u8>), Unread> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        id: Field,
        algorithm: Field,
        public_key: Field,
    }
    let body: Body = serde_json::from_str(data)?;
    if body.algorithm.text() != Some("ECDSA_SHA_256") {
        return Err(Unread::new("another algorithm than ECDSA_SHA_256"));
    }
    let id = body.id.text().and_then(Uuid::parse).ok_or_else(|| Unread::new("a key without an id"))?;
    let key = body.public_key.text().and_then(|text| STANDARD.decode(text).ok());
    Ok((id, key.ok_or_else(|| Unread::new("publicKey is no base64"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_on_which_networks_it_pays() {
        assert_eq!(KeyKind::of("TEST_API_KEY:0a1b:2c3d"), Ok(KeyKind::Test));
        assert_eq!(KeyKind::of("LIVE_API_KEY:0a1b:2c3d"), Ok(KeyKind::Live));
        let wrong = [
            "",
            "LIVE_API_KEY",
            "LIVE_API_KEY:a",
            "LIVE_API_KEY::b",
            "LIVE_API_KEY:a:",
            "LIVE_API_KEY:a:b:c",
            "live_api_key:a:b",
            "SAND_API_KEY:a:b",
            "TEST_API_KEY:a:b c",
            "TEST_API_KEY:a:b\n",
            " TEST_API_KEY:a:b",
        ];
        for key in wrong {
            assert_eq!(KeyKind::of(key), Err(KeyFault::Form), "{key}");
        }
    }

    #[test]
    fn the_armour_is_taken_off_whatever_it_says() {
        for armour in ["RSA PUBLIC KEY", "PUBLIC KEY"] {
            let data = format!(r#"{{"publicKey":"-----BEGIN {armour}-----\nAAEC\nAwQF\n-----END {armour}-----\n"}}"#);
            assert_eq!(entity_key(&data).map(|key| key.der), Ok(vec![0, 1, 2, 3, 4, 5]));
        }
        for data in [r#"{"publicKey":""}"#, r#"{"publicKey":"-----BEGIN X-----"}"#, r#"{"publicKey":"!"}"#, "{}"] {
            assert!(entity_key(data).is_err(), "{data}");
        }
    }

    #[test]
    fn a_hooks_key_has_an_id_and_the_one_algorithm() {
        let id = "879dc113-5ca4-4ff7-a6b7-54652083fcf8";
        let data = |algorithm: &str| format!(r#"{{"id":"{id}","algorithm":"{algorithm}","publicKey":"AAEC"}}"#);
        assert_eq!(hook_key(&data("ECDSA_SHA_256")), Ok((Uuid::parse(id).expect("it is one"), vec![0, 1, 2])));
        assert!(hook_key(&data("none")).is_err() && hook_key(&data("HMAC_SHA_256")).is_err());
    }
}
