//! The chain's truth: what was mined, how deep it is, what a reorg took back, what an address holds.

use fastrand::Rng;
use walletwatch::reactor::payments::desk::Vouched;
use walletwatch::types::{Address, Stage, TransferId};

pub const BLOCK_MS: i64 = 12_000;
pub const CONFIRMED: u64 = 5;
pub const FINAL: u64 = 20;

/// Something that may make a rule pay.
#[derive(Debug, Clone)]
pub struct Happening {
    pub rule: &'static str,
    /// Raw USDC: no two are alike, so that what Circle executed says which of them it is for.
    pub amount: u64,
    pub from: Address,
    pub to: Address,
    pub suspect: bool,
    /// Nobody vouches for hearsay.
    pub vouched: Vouched,
    pub block: u64,
    pub fork: u8,
    pub mined: bool,
    /// When a reorg takes it back, and in which block it comes again, if it does.
    pub falls: Option<(i64, Option<u64>)>,
}

impl Happening {
    pub fn id(&self) -> TransferId {
        TransferId::hash("transfer", &[&self.amount.to_be_bytes()])
    }

    /// How deep it is at this time, if it is on the chain.
    pub fn stage(&self, now: i64) -> Option<Stage> {
        let depth = height(now).checked_sub(self.block).map(|below| below + 1).filter(|_| self.mined)?;
        Some(match depth {
            FINAL.. => Stage::Final,
            CONFIRMED.. => Stage::Confirmed,
            _ => Stage::Seen,
        })
    }

    /// Whether it ever was, or now is, final.
    pub fn is_final(&self, now: i64) -> bool {
        self.stage(now) == Some(Stage::Final)
    }
}

pub fn height(now: i64) -> u64 {
    u64::try_from(now / BLOCK_MS).expect("time is positive")
}

pub fn block_time(block: u64) -> i64 {
    i64::try_from(block).expect("it is small") * BLOCK_MS
}

/// The balance of a watched address, as steps: (block, balance from then on).
#[derive(Debug, Clone)]
pub struct Balance {
    pub steps: Vec<(u64, i64)>,
}

impl Balance {
    pub fn new(first: i64) -> Self {
        Self { steps: vec![(0, first)] }
    }

    pub fn add(&mut self, block: u64, amount: i64) {
        let newest = self.steps.last().expect("there is a first").1;
        self.steps.push((block.max(self.steps.last().expect("there is a first").0), (newest + amount).max(0)));
    }

    pub fn at(&self, block: u64) -> i64 {
        self.steps.iter().rev().find(|(from, _)| *from <= block).map_or(0, |(_, balance)| *balance)
    }
}

/// Addresses by number.
pub fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

pub const STRANGER: u8 = 0x51;
pub const TREASURY: u8 = 0x70;
pub const OTHER_OWN: u8 = 0x71;
pub const PAYEE_A: u8 = 0xa1;
pub const PAYEE_A_NEW: u8 = 0xa2;
pub const PAYEE_B: u8 = 0xb1;
pub const HOT: u8 = 0xc1;
pub const WALLET: u8 = 0xee;

/// The next happening, at this time.
pub fn happen(number: u64, now: i64, rng: &mut Rng) -> Happening {
    let rule = ["match", "manual", "quick", "rehearsal"][rng.usize(0..4)];
    let odd = rng.u8(0..20);
    let (from, to) = match odd {
        0 => (address(PAYEE_A), address(TREASURY)),
        1 => (address(OTHER_OWN), address(TREASURY)),
        2 => (address(WALLET), address(TREASURY)),
        _ => (address(STRANGER), address(TREASURY)),
    };
    let block = height(now) + 1;
    let falls = (rng.u8(0..6) == 0).then(|| {
        let at = block_time(block) + rng.i64(0..i64::try_from(FINAL - 2).expect("small")) * BLOCK_MS;
        (at, rng.bool().then(|| rng.u64(1..4)))
    });
    Happening {
        rule,
        amount: 1_000_000 * rng.u64(1..12) + number,
        from,
        to,
        suspect: odd == 3,
        vouched: match odd {
            4 => Vouched::ByNobody,
            5 => Vouched::ByOne,
            _ => Vouched::ByTwo,
        },
        block,
        fork: 0,
        mined: true,
        falls,
    }
}
