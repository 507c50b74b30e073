//! Every way to log in to NATS, by Debian's server: a user's password, a token, and a credentials file as an operator's `nsc` makes one, whose
//! keys and JWTs are made here.

use crate::streams::{Real, config, program, publication};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::time::Duration;
use walletwatch::config::checked::NatsLogin;
use walletwatch::net::{Tls, install_crypto_provider};
use walletwatch::sinks::nats::verdict;
use walletwatch::sinks::{NatsPost, Verdict};
use walletwatch::types::Secret;

/// What the first byte says of a public key, and with [`SEED`] the first two of a seed.
#[derive(Clone, Copy)]
enum Of {
    Operator = 14 << 3,
    Account = 0,
    User = 20 << 3,
}

const SEED: u8 = 18 << 3;

struct Key {
    pair: Ed25519KeyPair,
    public: String,
    seed: String,
}

impl Key {
    fn new(of: Of, number: u8) -> Self {
        let seed = [number; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let kind = of as u8;
        let public = written(&[&[kind], pair.public_key().as_ref()].concat());
        let seed = written(&[&[SEED | (kind >> 5), (kind & 31) << 3], &seed[..]].concat());
        Self { pair, public, seed }
    }

    /// What it says of another, or of itself.
    fn says(&self, name: &str, of: &Self, nats: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"jti": name, "iat": 1_700_000_000, "iss": self.public, "name": name, "sub": of.public, "nats": nats});
        let said = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(&claims));
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(said.as_bytes())))
    }
}

/// In base32, with the checksum that NATS puts behind a key: CRC-16 of XMODEM.
fn written(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let checksum = bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    });
    let all = [bytes, &checksum.to_le_bytes()].concat();
    let bits: Vec<u8> = all.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
    let digit = |five: &[u8]| (0..5).fold(0_usize, |all, nth| (all << 1) | usize::from(*five.get(nth).unwrap_or(&0)));
    bits.chunks(5).map(|five| char::from(DIGITS[digit(five)])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_lets_in_who_has_a_password_a_token_or_credentials_and_nobody_else() {
    let Some(program) = program("logging in to a real NATS server") else { return };
    install_crypto_provider();
    let (operator, system, account) = (Key::new(Of::Operator, 1), Key::new(Of::Account, 2), Key::new(Of::Account, 3));
    let (user, admin, stranger) = (Key::new(Of::User, 4), Key::new(Of::User, 5), Key::new(Of::User, 6));
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1});
    let of_account = |limits: Value| json!({"limits": limits, "type": "account", "version": 2});
    let few = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1});
    let of_user = |bearer: bool| json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "bearer_token": bearer, "type": "user", "version": 2});
    let jwts = format!(
        "operator: \"{}\"\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: \"{}\", {}: \"{}\" }}",
        operator.says("operator", &operator, &json!({"type": "operator", "version": 2})),
        system.public,
        system.public,
        operator.says("system", &system, &of_account(few)),
        account.public,
        operator.says("account", &account, &of_account(limits)),
    );
    // Of the operator's own program, which makes the stream, the JWT is enough.
    let bearer = json!({"verbose": false, "jwt": account.says("admin", &admin, &of_user(true))});
    let file = |jwt: &str, seed: &str| {
        let file = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        NatsLogin::Credentials(Secret::new(file))
    };
    let ours = account.says("walletwatch", &user, &of_user(false));
    let secret = |text: &str| Secret::new(text.to_owned());
    let (password, token) = ("authorization { user: w, password: p4ss }", "authorization { token: t0k3n }");
    let by_password = json!({"verbose": false, "user": "w", "pass": "p4ss"});
    let by_token = json!({"verbose": false, "auth_token": "t0k3n"});
    let post = NatsPost::new(Tls::baked());
    for (settings, maker, right, wrong) in [
        (
            password,
            by_password,
            NatsLogin::User("w".into(), secret("p4ss")),
            vec![NatsLogin::User("w".into(), secret("p5ss")), NatsLogin::Nobody],
        ),
        (token, by_token, NatsLogin::Token(secret("t0k3n")), vec![NatsLogin::Token(secret("t0k3m"))]),
        (
            jwts.as_str(),
            bearer,
            file(&ours, &user.seed),
            // Another's key, one that the account does not know, and nobody.
            vec![
                file(&ours, &stranger.seed),
                file(&stranger.says("x", &stranger, &of_user(false)), &stranger.seed),
                NatsLogin::Nobody,
            ],
        ),
    ] {
        let real = Real::start(&program, settings).await;
        real.make(&maker, "ALERTS", "walletwatch.>").await;
        let publish = async |login: NatsLogin| {
            let config = config(real.port, false, login, "ALERTS");
            verdict(&config.stream, &post.publish(publication(&config, Duration::from_secs(10))).await)
        };
        for login in wrong {
            let Verdict::Again(setback) = publish(login).await else { panic!("a stranger is let in: {settings}") };
            assert!(setback.reason.as_str().contains("does not let us in"), "{setback:?}");
        }
        let said = publish(right).await;
        assert!(matches!(said, Verdict::Delivered { .. }), "{said:?} by {settings}");
    }
}
