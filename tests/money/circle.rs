//! Circle as it may be at its worst: keys that are forgotten after a day, lists that lag, references that come back empty, answers of
//! every kind. What it executed is the truth that the checker looks at.

use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::reactor::money::{CircleId, CircleState};
use walletwatch::reactor::payments::ask::{Outcome, Transaction, Why};
use walletwatch::types::amount::parse_amount;
use walletwatch::types::{Address, B256, Timestamp, U256, parse_address};

const DAY_MS: i64 = 86_400_000;
/// Refused of 1,000 requests of which a copy is still on its way.
const HURRIED_REFUSES: u32 = 400;
/// A request came whose ciphertext came before.
const USED_CIPHERTEXT: (u16, i64) = (400, 156_004);

/// One transfer that Circle made.
#[derive(Debug, Clone)]
pub struct Made {
    pub id: CircleId,
    pub reference: Option<String>,
    pub wallet: String,
    pub chain: String,
    pub token: Address,
    pub destination: Address,
    pub amount: u64,
    pub created: i64,
    /// (from when, state), ascending.
    pub path: Vec<(i64, &'static str)>,
    pub tx: B256,
    /// A person made it at Circle's console.
    pub console: bool,
}

impl Made {
    pub fn state(&self, now: i64) -> &'static str {
        self.path.iter().rev().find(|(from, _)| *from <= now).map_or("INITIATED", |(_, state)| state)
    }

    /// When USDC moved on the chain, if it does.
    pub fn paid_at(&self) -> Option<i64> {
        let complete = self.path.iter().any(|(_, state)| *state == "COMPLETE");
        self.path.iter().find(|(_, state)| *state == "CONFIRMED").map(|(at, _)| *at).filter(|_| complete)
    }
}

/// One request as it reached Circle, or left us.
#[derive(Debug, Clone)]
pub struct Request {
    pub left: i64,
    pub key: String,
    pub reference: String,
    pub body: Vec<u8>,
    pub destination: Address,
    pub amount: u64,
    /// How often a backup had come back.
    pub life: u32,
}

/// What a seed says of it.
#[derive(Debug, Clone)]
pub struct Character {
    pub lag: i64,
    pub forgets: bool,
    pub mute: bool,
    /// Of 1,000 requests.
    pub broken: u32,
    pub refuses: u32,
    pub ends_badly: u32,
}

#[derive(Debug)]
pub struct Circle {
    pub character: Character,
    pub made: Vec<Made>,
    keys: BTreeMap<String, (Vec<u8>, usize, i64)>,
    ciphertexts: u64,
    seen: BTreeSet<u64>,
    pub funds: u64,
    /// Keys that were answered with a conflict.
    pub conflicts: BTreeSet<String>,
    /// No faults any more.
    pub healed: bool,
    /// Another copy of the request that comes now is still on its way: this one is refused more often then, because what a refusal proves
    /// of the one and not of the other is seen nowhere else.
    pub hurried: bool,
}

fn text<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Reads a request's body.
pub fn read(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).expect("a frozen body is JSON")
}

pub fn amount_of(value: &serde_json::Value) -> u64 {
    let text = value["amounts"][0].as_str().unwrap_or_default();
    parse_amount(text, 6).expect("an amount is decimal text").to::<u64>()
}

pub fn destination_of(value: &serde_json::Value) -> Address {
    parse_address(text(value, "destinationAddress")).expect("an address")
}

impl Circle {
    pub fn new(character: Character) -> Self {
        Self {
            character,
            made: Vec::new(),
            keys: BTreeMap::new(),
            ciphertexts: 0,
            seen: BTreeSet::new(),
            conflicts: BTreeSet::new(),
            funds: 10_000_000_000,
            healed: false,
            hurried: false,
        }
    }

    fn one_in(&self, of_thousand: u32, rng: &mut Rng) -> bool {
        !self.healed && rng.u32(0..1_000) < of_thousand
    }

    /// What a transfer costs at this time, in wei: for ten minutes of every two hours it is dear.
    pub fn fee(&self, now: i64) -> u64 {
        if !self.healed && now / 600_000 % 12 == 0 { crate::config::MAX_FEE + 1 } else { crate::config::MAX_FEE }
    }

    /// A ciphertext that was not there before.
    pub const fn encrypt(&mut self) -> u64 {
        self.ciphertexts += 1;
        self.ciphertexts
    }

    /// A request arrives, or a copy of one: copies have one ciphertext. Who may ask and how often is looked at first, then whether the
    /// ciphertext is fresh, then whether the key is known: a known key is answered as before, whatever else the request would meet.
    pub fn create(&mut self, body: &[u8], ciphertext: u64, now: i64, rng: &mut Rng) -> Outcome {
        if self.one_in(self.character.broken, rng) {
            return Outcome::Ambiguous(Why::Unreadable(503));
        }
        let said = |(status, code)| Outcome::Refused { status, code: Some(code), words: "no".into() };
        let of_thousand = if self.hurried { HURRIED_REFUSES } else { self.character.refuses };
        let refuses = self.one_in(of_thousand, rng);
        let refusal =
            refuses.then(|| [(400, 2), (422, 155_221), (429, 4), (401, 401), USED_CIPHERTEXT][rng.usize(0..5)]);
        if let Some(refusal @ (401 | 429, _)) = refusal {
            return said(refusal);
        }
        if !self.seen.insert(ciphertext) || refusal == Some(USED_CIPHERTEXT) {
            return said(USED_CIPHERTEXT);
        }
        let value = read(body);
        let key = text(&value, "idempotencyKey").to_owned();
        let known = self.keys.get(&key).filter(|(.., at)| !self.character.forgets || now - at < DAY_MS);
        if let Some((first, made, _)) = known {
            if first == body {
                let made = &self.made[*made];
                return Outcome::Accepted {
                    id: made.id.clone(),
                    state: CircleState::read(made.state(now)),
                    new: false,
                };
            }
            self.conflicts.insert(key);
            return Outcome::Refused { status: 409, code: Some(1_083), words: "bound".into() };
        }
        if let Some(refusal) = refusal {
            return said(refusal);
        }
        let reference = Some(text(&value, "refId").to_owned());
        let made = self.make(&value, reference, now, rng, false);
        self.keys.insert(key, (body.to_vec(), made, now));
        if self.one_in(self.character.broken, rng) {
            return Outcome::Ambiguous(Why::Unreadable(500));
        }
        Outcome::Accepted { id: self.made[made].id.clone(), state: CircleState::read("INITIATED"), new: true }
    }

    fn make(
        &mut self,
        value: &serde_json::Value,
        reference: Option<String>,
        now: i64,
        rng: &mut Rng,
        console: bool,
    ) -> usize {
        let number = self.made.len();
        let mut at = now;
        let mut path = vec![(now, "INITIATED")];
        let bad = self.one_in(self.character.ends_badly, rng);
        let slow = i64::from(rng.u32(0..30)) * 60_000;
        for state in ["QUEUED", "SENT"] {
            at += i64::from(rng.u32(1_000..60_000));
            path.push((at, state));
        }
        if rng.u8(0..10) == 0 {
            path.push((at + 1_000, "STUCK"));
            at += slow;
        }
        at += i64::from(rng.u32(5_000..60_000));
        if bad {
            path.push((at, ["FAILED", "DENIED", "CANCELLED"][rng.usize(0..3)]));
        } else {
            path.push((at, "CONFIRMED"));
            path.push((at + i64::from(rng.u32(1_000..120_000)), "COMPLETE"));
        }
        let id = CircleId::parse(&format!("c-{number}")).expect("it is plain");
        self.made.push(Made {
            id,
            reference,
            wallet: text(value, "walletId").to_owned(),
            chain: text(value, "blockchain").to_owned(),
            token: parse_address(text(value, "tokenAddress")).expect("an address"),
            destination: destination_of(value),
            amount: amount_of(value),
            created: now,
            path,
            tx: B256::with_last_byte(u8::try_from(number % 250).expect("small")),
            console,
        });
        number
    }

    /// A person pays something at the console.
    pub fn console(&mut self, like: &[u8], now: i64, rng: &mut Rng) {
        let value = read(like);
        self.make(&value, None, now, rng, true);
    }

    pub fn get(&self, id: &CircleId, now: i64, rng: &mut Rng) -> Outcome {
        if self.one_in(self.character.broken, rng) {
            return Outcome::Ambiguous(Why::Timeout);
        }
        match self.made.iter().find(|made| made.id == *id) {
            Some(made) => Outcome::Read(Box::new(self.show(made, now))),
            None => Outcome::Refused { status: 404, code: Some(156_003), words: "none".into() },
        }
    }

    pub fn list(&self, from: i64, now: i64, rng: &mut Rng) -> Outcome {
        if self.one_in(self.character.broken * 2, rng) {
            return Outcome::Ambiguous(Why::Incomplete);
        }
        let lag = if self.healed { 0 } else { self.character.lag };
        let shown = self.made.iter().filter(|made| made.created >= from && made.created + lag <= now);
        Outcome::Found(shown.map(|made| self.show(made, now)).collect())
    }

    fn show(&self, made: &Made, now: i64) -> Transaction {
        let state = made.state(now);
        let on_chain = ["CONFIRMED", "COMPLETE"].contains(&state);
        Transaction {
            id: made.id.clone(),
            state: CircleState::read(state),
            reference: made.reference.as_deref().filter(|_| !self.character.mute).map(Into::into),
            wallet: Some(made.wallet.as_str().into()),
            chain: Some(made.chain.as_str().into()),
            token: Some(made.token),
            destination: Some(made.destination),
            amount: Some(U256::from(made.amount)),
            tx: on_chain.then_some(made.tx),
            created: Some(Timestamp::from_millis(made.created)),
            reason: None,
            fee: None,
        }
    }
}
