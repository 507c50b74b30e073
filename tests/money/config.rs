//! The config of a simulated deployment, and its edits.

use crate::chain::{self, PAYEE_A, PAYEE_A_NEW, PAYEE_B, address};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;
use walletwatch::reactor::payments::desk::terms::{Offer, OfferAmount, PayeeTerms, Terms, sha256};
use walletwatch::types::{Address, ChainId, Name, Stage, U256};

/// What people wrote.
#[allow(clippy::struct_excessive_bools, reason = "they are independent keys")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub relaxed: bool,
    pub payee_a: Address,
    pub per_payment: u64,
    /// Smaller transfers than this do not match.
    pub at_least: u64,
    pub with_quick: bool,
    /// The rehearsed rule is taken for a live one: a planted fault.
    pub rehearsal_live: bool,
    /// Which of two addresses the balance rule looks at.
    pub place: u8,
    /// It pays this much, and does not fill up.
    pub fixed: bool,
}

pub const LEVEL: i64 = 20_000_000;
/// A small top-up lies beneath [`TWO_OVER`], a large one above it.
pub const FULL: i64 = 28_000_000;
pub const RECOVERS: i64 = 27_000_000;
const FIXED: u64 = 8_999_999;

/// Limits of a rule: per payment, per day, in total, how many a day.
pub fn limits(config: &Config, rule: &str) -> (u64, u64, u64, u32) {
    match rule {
        "match" => (config.per_payment, 30_000_000, 200_000_000, 6),
        "manual" => (12_000_000, 40_000_000, 300_000_000, 8),
        "quick" => (12_000_000, 40_000_000, 300_000_000, 8),
        "top up" => (50_000_000, 150_000_000, 600_000_000, 5),
        _ => (12_000_000, 1_000_000_000, 1_000_000_000, 100),
    }
}

/// `per_day` of a payee, by rule.
pub fn payee_of(rule: &str) -> (&'static str, u64) {
    match rule {
        "manual" => ("b", 60_000_000),
        "top up" => ("hot", 200_000_000),
        _ => ("a", 60_000_000),
    }
}

pub const WALLET_DAY: u64 = 110_000_000;
pub const WALLET_TOTAL: u64 = 2_000_000_000;
pub const TWO_OVER: u64 = 11_500_000;
/// In wei.
pub const MAX_FEE: u64 = 5_000_000;
pub const CHAIN: ChainId = ChainId(1);

impl Config {
    pub fn new(relaxed: bool, fixed: bool) -> Self {
        Self {
            relaxed,
            payee_a: address(PAYEE_A),
            per_payment: 10_000_000,
            at_least: 3_000_000,
            with_quick: true,
            rehearsal_live: false,
            place: 0,
            fixed,
        }
    }

    /// A person changes something.
    pub fn edit(&mut self, rng: &mut Rng) {
        match rng.u8(0..5) {
            0 => {
                let (old, new) = (address(PAYEE_A), address(PAYEE_A_NEW));
                self.payee_a = if self.payee_a == old { new } else { old };
            }
            1 => self.per_payment = if self.per_payment == 10_000_000 { 6_000_000 } else { 10_000_000 },
            2 => self.at_least = if self.at_least == 3_000_000 { 1 } else { 3_000_000 },
            3 => self.with_quick = !self.with_quick,
            _ => self.place = 1 - self.place,
        }
    }

    pub fn matches(&self, happening: &chain::Happening) -> bool {
        (happening.rule != "match" || happening.amount >= self.at_least)
            && (happening.rule != "quick" || self.with_quick)
    }

    pub fn address_of(&self, rule: &str) -> Address {
        match rule {
            "manual" => address(PAYEE_B),
            "top up" => address(chain::HOT + self.place),
            _ => self.payee_a,
        }
    }

    /// The text under which the balance rule is armed.
    pub fn what(&self) -> Name {
        format!("top up/{}", self.place).into()
    }

    pub fn terms(&self, store: [u8; 16]) -> Terms {
        let mut offers: BTreeMap<Name, Offer> = BTreeMap::new();
        for rule in ["match", "manual", "quick", "rehearsal", "top up"] {
            if (rule == "quick" && !self.with_quick) || (rule == "rehearsal" && !self.rehearsal_live) {
                continue;
            }
            let (per_payment, per_day, in_total, max_per_day) = limits(self, rule);
            let payee = payee_of(rule).0;
            let condition = format!(
                "{rule}{}{}",
                if rule == "match" { self.at_least } else { 0 },
                if rule == "top up" { self.place } else { 0 }
            );
            let offer = Offer {
                payee: payee.into(),
                amount: match rule {
                    "top up" if self.fixed => OfferAmount::Fixed(U256::from(FIXED)),
                    "top up" => OfferAmount::FillTo(U256::from(FULL)),
                    _ => OfferAmount::Match(U256::ZERO),
                },
                stage: if rule == "quick" { Stage::Confirmed } else { Stage::Final },
                per_payment: U256::from(per_payment),
                per_day: U256::from(per_day),
                in_total: U256::from(in_total),
                max_per_day,
                manual: rule == "manual",
                expires: Duration::from_hours(24),
                max_fee: Some(U256::from(MAX_FEE)),
                usual: Duration::from_mins(5),
                mark: sha256("mark", &[condition.as_bytes(), self.address_of(rule).as_slice()]),
            };
            offers.insert(rule.into(), offer);
        }
        let payees = ["match", "manual", "top up"].into_iter().map(|rule| {
            let (name, per_day) = payee_of(rule);
            (Name::from(name), PayeeTerms { address: self.address_of(rule), per_day: U256::from(per_day) })
        });
        Terms {
            store,
            environment: "test".into(),
            wallet: "w-1".into(),
            chain: CHAIN,
            blockchain: "ETH-SEPOLIA".into(),
            token: address(0x05),
            wallet_address: Some(address(chain::WALLET)),
            per_day: U256::from(WALLET_DAY),
            in_total: U256::from(WALLET_TOTAL),
            two_approvals_over: Some(U256::from(TWO_OVER)),
            gasless: false,
            relaxed: self.relaxed,
            payees: payees.collect(),
            offers,
            watched: vec![address(chain::TREASURY), address(chain::OTHER_OWN)],
            fingerprint: [0; 32],
        }
        .sealed()
    }
}
