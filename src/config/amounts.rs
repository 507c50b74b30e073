//! Amounts as people write them: exact decimal text, with or without a unit.

use crate::config::faults::{Notes, Place};
use crate::types::U256;
use crate::types::amount::{AmountFault, parse_amount};

/// Decimals of USDC wherever Circle issues it.
pub const USDC_DECIMALS: u8 = 6;

/// A number and its unit, split and not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<'a> {
    /// Decimal text.
    pub number: &'a str,
    /// What was written behind it.
    pub unit: Option<&'a str>,
}

/// Splits `"1000 USDC"` at its blank.
#[must_use]
pub fn split(text: &str) -> Written<'_> {
    let (number, unit) = match text.trim().split_once(' ') {
        Some((number, unit)) => (number, Some(unit.trim_start())),
        None => (text.trim(), None),
    };
    Written { number, unit }
}

/// What is said of an amount that is none.
pub fn note(notes: &Notes, place: &Place, key: &str, fault: AmountFault) {
    let hint = match fault {
        AmountFault::Shape => "for example \"1000\", \"0.25\" or \"1000 USDC\"",
        AmountFault::TooFine { .. } => "write fewer digits behind the point",
        AmountFault::TooLarge => "write a smaller number",
    };
    notes.fault(place, format!("`{key}`: {fault}"), hint);
}

/// Decimals that a unit of a coin stands for: the coin itself, gwei or wei.
#[must_use]
pub fn coin_unit(unit: &str, coin: &str, decimals: u8) -> Option<u8> {
    match unit {
        "wei" => Some(0),
        "gwei" => Some(9),
        _ if unit == coin => Some(decimals),
        _ => None,
    }
}

/// Raw USDC.
///
/// # Errors
/// The sentence to note, with its hint.
pub fn usdc(text: &str) -> Result<U256, (String, &'static str)> {
    let Written { number, unit } = split(text);
    if unit.is_some_and(|unit| unit != "USDC") {
        return Err(("payments are in USDC".into(), "write it as \"1000\" or \"1000 USDC\""));
    }
    parse_amount(number, USDC_DECIMALS).map_err(|fault| (fault.to_string(), "for example \"1000\" or \"0.25 USDC\""))
}
