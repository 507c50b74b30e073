//! The simulated Circle's own keys: the entity's RSA key, and the keys that sign hooks.
//!
//! They are public on purpose, as is the secret that they open: all of it opens nothing but the simulation.

use crate::types::{Timestamp, Uuid};
use crate::wire::circle::EntityKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rsa::pkcs8::EncodePublicKey;
use rsa::sha2::Sha256;
use rsa::{BigUint, Oaep, RsaPrivateKey};
use serde_json::json;
use std::fmt;

/// The entity secret of the simulation.
pub const ENTITY_SECRET: &str = "51515151515151515151515151515151515151515151515151515151515151aa";
/// The api key of the simulation.
pub const API_KEY: &str = "TEST_API_KEY:simulated:simulated";

/// One of the two primes of the simulated entity key, in hexadecimal digits.
const FIRST_PRIME: [&str; 4] = [
    "d7e170f142f3eb5ed4b4b8263946d76f6987c9b13b3205938f741c33a676cd55c791f01dac1c7c8a97c36b221b0eef03b1397636e9bec27b0bc0b8c870b772dc",
    "0b7167b00ffd29853d54397a50fddbda9ea4e7eb5057579ab8e64f888d5a93f6b2d6d0babc792ecdd3841f5e7c0ca29618182c1d6310804953679158e2fa34d9",
    "050820aba0db507b81019f5d9ba89edff31dc51c41db2bc008c929840cc024e8969594e1202e4f538eda66c366aefd441c18c8751472fae9a6cefb2c954fd201",
    "191fb8fa4deb0f244b306defee00eb064c3441e078dde86dce2059f50424d753b19a4ec2a9f146ecc19f3038decb66c1001e2d3ce22b71a31c56cbc8c33f5fdf",
];

/// The other.
const SECOND_PRIME: [&str; 4] = [
    "c1f0fec78198064d9cf492c8483c77514b1824777d671e103d278c48e5ab2b11963f59e3a9b9648df50b1d894f1677c3665a809b79585a8195ea7d9f43572be9",
    "9d730ecf9e627fab075797ff7c0626a7cdb96a5824e558af66dc5d3a983ff5d39e8002b7e2d4bbb91595eea57dce9351526d7ccf5e25b62c1a66ac320d63c446",
    "7444ec1932813d8a26dcf40f74d4c709139bbbeea8cb99ac2356763aa718bbaa6dfe2d6cb7572fb67321879714efa6f67096ecf96cd243903b7b944005d64ac1",
    "2f05048a3260d21e270f3d3ea7807b2231762910dc08db471432ffa2b3dea146404566a9919fee78894f907fe8285ddbd44801f034bd948c945c9619121756a1",
];
/// The usual public exponent.
const EXPONENT: u32 = 65_537;
/// What stands before a point on P-256 in a SubjectPublicKeyInfo.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The simulated entity key: of 4,096 bits, as Circle's.
pub struct SimulatedKey(RsaPrivateKey);

impl fmt::Debug for SimulatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedKey")
    }
}

impl Default for SimulatedKey {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedKey {
    /// Always the same.
    ///
    /// # Panics
    /// Never: the primes are primes.
    #[must_use]
    pub fn new() -> Self {
        let number = |lines: [&str; 4]| BigUint::parse_bytes(lines.concat().as_bytes(), 16).expect("they are digits");
        let key = RsaPrivateKey::from_p_q(number(FIRST_PRIME), number(SECOND_PRIME), BigUint::from(EXPONENT));
        Self(key.expect("both are primes"))
    }

    /// The public half.
    ///
    /// # Panics
    /// Never: a public key can be written.
    #[must_use]
    pub fn public(&self) -> EntityKey {
        let der = self.0.to_public_key().to_public_key_der().expect("a public key can be written");
        EntityKey { der: der.as_bytes().to_vec() }
    }

    /// What a ciphertext holds; `None` of anything else.
    #[must_use]
    pub fn open(&self, ciphertext: &str) -> Option<Vec<u8>> {
        let sealed = STANDARD.decode(ciphertext).ok()?;
        self.0.decrypt(Oaep::new::<Sha256>(), &sealed).ok()
    }

    /// The public half as Circle shows it: SubjectPublicKeyInfo under the armour of PKCS#1.
    #[must_use]
    pub fn armoured(&self) -> String {
        let text = STANDARD.encode(self.public().der);
        let mut lines: Vec<&str> = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(64));
            lines.push(line);
            rest = behind;
        }
        format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", lines.join("\n"))
    }
}

/// A key that signs hooks, new in each run.
pub struct HookKey {
    id: Uuid,
    pair: EcdsaKeyPair,
    made: Timestamp,
}

impl fmt::Debug for HookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl HookKey {
    /// Under this id.
    ///
    /// # Panics
    /// Never: ring makes keys that it can read.
    #[must_use]
    pub fn new(id: Uuid, made: Timestamp) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("it makes keys");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random);
        Self { id, pair: pair.expect("it reads its own keys"), made }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// DER of its public half.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        [&P256_HEAD[..], self.pair.public_key().as_ref()].concat()
    }

    /// A signature over these bytes, in base64.
    ///
    /// # Panics
    /// Never: ring signs.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(&SystemRandom::new(), body).expect("it signs").as_ref())
    }

    /// As Circle shows it.
    #[must_use]
    pub fn write(&self) -> serde_json::Value {
        json!({
            "id": self.id.to_string(),
            "algorithm": "ECDSA_SHA_256",
            "publicKey": STANDARD.encode(self.public()),
            "createDate": self.made.to_string(),
        })
    }
}
