//! What a payment waits for, as people are told it. Values and words only: nothing decides by them.

use crate::types::amount::format_amount;
use crate::types::{Name, U256};

/// Decimals of USDC wherever Circle issues it.
const USDC: u8 = 6;

/// What the audit calls it that limits held a payment; why is [`in_line`] of those without room.
pub const NO_ROOM_LINE: &str = "no room";

/// Of a yes to a payment that was said under another money config than the one in force.
pub const NO_MORE: &str = "to another config than the one in force: it does not count any more";

/// A limit, how much of it others use, and what one payment adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The key of the config, and whose.
    pub limit: &'static str,
    /// By others, raw USDC, or payments; more than 256 bits is the most that there is.
    pub used: U256,
    /// What this one adds.
    pub adds: U256,
    /// Raw USDC, or payments.
    pub allowed: U256,
    /// It counts payments, and not USDC.
    pub is_count: bool,
    /// Two approvers may pass it for one payment.
    pub yields_to_two: bool,
}

impl Room {
    /// Whether what is added fits.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.used.checked_add(self.adds).is_some_and(|sum| sum <= self.allowed)
    }

    /// How much of it is used with what is added, in millionths: for people.
    #[must_use]
    pub fn millionths(&self) -> u32 {
        let part = self.used.saturating_add(self.adds).saturating_mul(U256::from(1_000_000)).checked_div(self.allowed);
        part.and_then(|part| u32::try_from(part).ok()).unwrap_or(u32::MAX)
    }

    /// An amount of it, for people.
    #[must_use]
    pub fn shown(&self, raw: U256) -> String {
        if self.is_count { raw.to_string() } else { format_amount(raw, USDC) }
    }
}

/// `per_day 250 and 60 of 300 USDC`: used, added and allowed.
impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (used, adds, allowed) = (self.shown(self.used), self.shown(self.adds), self.shown(self.allowed));
        let unit = if self.is_count { "payments" } else { "USDC" };
        write!(f, "{}: {used} and {adds} of {allowed} {unit}", self.limit)
    }
}

/// Limits in one line.
#[must_use]
pub fn in_line<'room>(rooms: impl IntoIterator<Item = &'room Room>) -> String {
    rooms.into_iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What stands in a payment's way now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits {
    /// Every limit that it counts in, itself not counted.
    pub limits: Vec<Room>,
    /// What it waits for, and what to do, a sentence each; nothing of one that is at its end.
    pub lines: Vec<Name>,
}

impl Waits {
    /// One more sentence.
    pub fn say(&mut self, line: impl Into<Name>) {
        self.lines.push(line.into());
    }
}

/// Why a payment is held, for people; the words of the API and of bodies are codes. `None` is no reason that a held payment has.
#[must_use]
pub fn held_because(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "approval" => "a person has to approve it",
        "limit" => "a limit had no room for it",
        "frozen" => "payments were frozen when it came up",
        "config" => {
            "nobody had accepted the money part of the config, its payee was new or changed, or it was approved under another config"
        }
        "age" => "its trigger, or its approval, is too old to pay without a person",
        "clock" => "no clock was trusted when it came up",
        "first_reading" => "it is the first reading, so nobody knows what was there before",
        "fee" => "its fee is above `max_fee`",
        _ => return None,
    })
}
