//! The entity secret and its ciphertext: RSA-OAEP with SHA-256, new for each request.
//!
//! The crate `rsa` is here for one public-key operation. Its known weakness (RUSTSEC-2023-0071) is the timing of private-key operations,
//! and no private key of Circle's is ever here.

use crate::types::Secret;
use crate::wire::circle::EntityKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePublicKey;
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPublicKey};
use std::fmt;
use zeroize::Zeroizing;

/// Bits of the smallest key that is used. Circle's has 4,096.
const LEAST_BITS: usize = 2_048;

/// Why nothing can be sealed. It never holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Not 64 hexadecimal digits.
    #[error("the entity secret is not 64 hexadecimal digits (32 bytes)")]
    Secret,
    /// Not an RSA key, or a weak one.
    #[error("the entity public key is no RSA key of at least {LEAST_BITS} bits")]
    Key,
    /// The machine gave no random bytes.
    #[error("the entity secret could not be encrypted")]
    Seal,
}

/// The 32 bytes that authorize every transfer of the entity. They cannot be printed and are wiped on drop.
#[derive(Clone)]
pub struct EntitySecret(Zeroizing<[u8; 32]>);

impl EntitySecret {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`SealFault::Secret`].
    pub fn parse(text: &Secret) -> Result<Self, SealFault> {
        let digits = text.expose().as_bytes();
        let mut bytes = Zeroizing::new([0_u8; 32]);
        if digits.len() != 64 {
            return Err(SealFault::Secret);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: u8| char::from(at).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let [high, low] = [pair[0], pair[1]].map(digit);
            *byte = high.ok_or(SealFault::Secret)? << 4 | low.ok_or(SealFault::Secret)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for EntitySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Encrypts for one entity public key.
#[derive(Debug, Clone)]
pub struct Sealer {
    key: RsaPublicKey,
    fingerprint: [u8; 32],
}

impl Sealer {
    /// For this key.
    ///
    /// # Errors
    /// [`SealFault::Key`].
    pub fn new(key: &EntityKey) -> Result<Self, SealFault> {
        let public = RsaPublicKey::from_public_key_der(&key.der).map_err(|_| SealFault::Key)?;
        if public.n().bits() < LEAST_BITS {
            return Err(SealFault::Key);
        }
        Ok(Self { key: public, fingerprint: key.fingerprint() })
    }

    /// SHA-256 of the key's DER: what is pinned.
    #[must_use]
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// A ciphertext that was never there before, in base64.
    ///
    /// # Errors
    /// [`SealFault::Seal`].
    pub fn seal(&self, secret: &EntitySecret) -> Result<Secret, SealFault> {
        let sealed = self.key.encrypt(&mut OsRng, Oaep::new::<Sha256>(), secret.0.as_ref());
        Ok(Secret::new(STANDARD.encode(sealed.map_err(|_| SealFault::Seal)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::circle::{ENTITY_SECRET, SimulatedKey};

    fn secret(text: &str) -> Result<EntitySecret, SealFault> {
        EntitySecret::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn the_secret_is_64_digits_and_cannot_be_printed() {
        let text = "00ff".repeat(16);
        let read = secret(&text).expect("it is 64 digits");
        assert_eq!((&read.0[..2], format!("{read:?}").as_str()), (&[0, 0xff][..], "***"));
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(65), &"0g".repeat(32), &"+1".repeat(32), &"é".repeat(32)]
        {
            assert_eq!(secret(wrong).err(), Some(SealFault::Secret), "{wrong}");
        }
    }

    #[test]
    fn every_ciphertext_is_new_and_opens_to_the_secret() {
        let key = SimulatedKey::new();
        let sealer = Sealer::new(&key.public()).expect("it is an RSA key");
        let secret = secret(ENTITY_SECRET).expect("it is 64 digits");
        let (one, other) = (sealer.seal(&secret).expect("it seals"), sealer.seal(&secret).expect("it seals"));
        assert_ne!(one.expose(), other.expose());
        for sealed in [one, other] {
            assert_eq!(sealed.expose().len(), 684, "as Circle's documentation says");
            assert_eq!(key.open(sealed.expose()).as_deref(), Some(&secret.0[..]));
        }
    }

    #[test]
    fn what_is_no_strong_rsa_key_is_refused() {
        let whole = SimulatedKey::new().public().der;
        for der in [Vec::new(), vec![0x30, 0], whole[1..].to_vec(), whole[..100].to_vec()] {
            assert_eq!(Sealer::new(&EntityKey { der }).err(), Some(SealFault::Key));
        }
    }
}
