//! A credentials file of NATS: a JWT that says who we are, and the seed of the key that proves it.

use crate::types::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::Ed25519KeyPair;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a seed as it is written: two that say what it is, the seed, two of a checksum.
const SEED_BYTES: usize = 36;
/// What the first two say of the seed of a user's key.
const SEED_OF_A_USER: (u8, u8) = (18 << 3, 20 << 3);

/// Cannot be printed.
pub struct Credentials {
    jwt: Secret,
    key: Ed25519KeyPair,
    file: Secret,
}

impl Credentials {
    /// Reads the file as `nsc` writes it: both between lines of dashes.
    #[must_use]
    pub fn parse(file: &Secret) -> Option<Self> {
        let mut jwt = None;
        let mut seed = None;
        let mut begun = "";
        for line in file.expose().lines().map(str::trim) {
            if line.starts_with("---") {
                begun = line;
            } else if !line.is_empty() && begun.contains("BEGIN NATS USER JWT") {
                jwt = jwt.or(Some(line));
            } else if !line.is_empty() && begun.contains("BEGIN USER NKEY SEED") {
                seed = seed.or(Some(line));
            }
        }
        let seed = seed_of(seed?)?;
        let key = Ed25519KeyPair::from_seed_unchecked(&*seed).ok()?;
        Some(Self { jwt: Secret::new(jwt?.to_owned()), key, file: file.clone() })
    }

    /// Who we are.
    #[must_use]
    pub const fn jwt(&self) -> &Secret {
        &self.jwt
    }

    /// What a server wants to see below what it said.
    #[must_use]
    pub fn sign(&self, nonce: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(nonce.as_bytes()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

impl Eq for Credentials {}

/// The seed of a user's key, where it is one and none of its characters is wrong.
fn seed_of(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(base32(text)?);
    let &[first, second, ref rest @ ..] = bytes.as_slice() else { return None };
    let of = (first & 0xf8, (first << 5) | (second >> 3));
    let (checked, sum) = bytes.split_at_checked(SEED_BYTES - 2)?;
    let fine = bytes.len() == SEED_BYTES && of == SEED_OF_A_USER && sum == checksum(checked).to_le_bytes();
    let seed = rest.get(..32).filter(|_| fine)?;
    Some(Zeroizing::new(seed.try_into().ok()?))
}

/// RFC 4648 base32 without padding.
fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(text.len()), 0_u32, 0);
    for c in text.bytes() {
        let five = match c {
            b'A'..=b'Z' => c - b'A',
            b'2'..=b'7' => c - b'2' + 26,
            _ => return None,
        };
        held = (held << 5) | u32::from(five);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// CRC-16 as NATS has it (XMODEM).
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ (u16::from(*byte) << 8),
            |sum: u16, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair of the `nkeys` documentation: a user's seed, and what it is called in public.
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

    fn file(seed: &str) -> Secret {
        Secret::new(format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.e30.AA\n------END NATS USER JWT------\n\n***** IMPORTANT *****\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        ))
    }

    #[test]
    fn a_file_is_read_and_one_with_a_wrong_character_is_not() {
        let read = Credentials::parse(&file(SEED)).expect("it is whole");
        assert_eq!(read.jwt().expose(), "eyJ0.e30.AA");
        assert_eq!(read.sign("nonce").len(), 86);
        assert_eq!(format!("{read:?}"), "***");
        for wrong in
            ["", &SEED[1..], &SEED.replace("CSS", "CST"), "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"]
        {
            assert!(Credentials::parse(&file(wrong)).is_none(), "{wrong}");
        }
        assert!(Credentials::parse(&Secret::new(SEED.to_owned())).is_none(), "no file");
    }
}
