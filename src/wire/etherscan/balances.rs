//! Balances: of one address, or of up to [`super::MOST_BALANCES`] at once.

use super::refusal::Refusal;
use super::rows::Aside;
use super::text::{Text, list, shape, whole};
use crate::types::{Address, U256, Untrusted};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Reads one coin or token balance, in the smallest unit.
///
/// # Errors
/// [`Refusal::Shape`] for anything but a decimal number as text.
pub fn balance(result: &RawValue) -> Result<U256, Refusal> {
    whole::<Text>(result)?.amount("balance").map_err(|reason| shape(&reason))
}

/// What `balancemulti` answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balances {
    /// In wei. Whoever was asked for and is not here was not read: that is no zero.
    pub held: Vec<(Address, U256)>,
    /// Rows that could not be read; no balance has a block.
    pub aside: Vec<Aside>,
}

/// Reads the balances of several addresses.
///
/// # Errors
/// [`Refusal::Shape`] when the result is no list at all.
pub fn balances(result: &RawValue) -> Result<Balances, Refusal> {
    /// One of them.
    #[derive(Deserialize)]
    struct Row {
        account: Text,
        balance: Text,
        /// Blockscout's: it knows that something moved since it was read.
        #[serde(default)]
        stale: bool,
    }
    let mut read = Balances::default();
    for (index, raw) in list(result)?.into_iter().enumerate() {
        let row = serde_json::from_str::<Row>(raw.get()).map_err(|error| error.to_string());
        match row.and_then(|row| Ok((row.account.account("account")?, row.balance.amount("balance")?, row.stale))) {
            Ok((_, _, true)) => {
                let reason = Untrusted::new("the explorer calls it stale");
                read.aside.push(Aside { index, block_number: None, reason });
            }
            Ok((account, held, false)) => read.held.push((account, held)),
            Err(reason) => {
                read.aside.push(Aside { index, block_number: None, reason: Untrusted::new(&reason) });
            }
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).expect("it is JSON")
    }

    #[test]
    fn a_balance_is_exact_or_refused() {
        assert_eq!(
            balance(&raw(r#""40891626854930000000000""#)).ok(),
            U256::from_str_radix("40891626854930000000000", 10).ok()
        );
        for text in [r#""""#, r#""1.5""#, r#""0x1""#, "null", "[]", "-1", "1.5", "true", "{}"] {
            assert!(balance(&raw(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_balance_that_cannot_be_read_costs_no_other_and_is_no_zero() {
        let row = |n: u8, held: &str| format!(r#"{{"account":"{:#x}","balance":"{held}"}}"#, Address::repeat_byte(n));
        let of = |n: u8, held: u64| (Address::repeat_byte(n), U256::from(held));
        let check = |text: &str, held: &[(Address, U256)], aside: &[usize]| {
            let read = balances(&raw(text)).expect("it is a list");
            assert_eq!(read.held, held, "{text}");
            assert_eq!(read.aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), aside, "{text}");
        };
        check(&format!("[{},{}]", row(1, "1"), row(2, "0")), &[of(1, 1), of(2, 0)], &[]);
        check(&format!("[{},{},{}]", row(1, ""), row(2, "7"), row(3, "-1")), &[of(2, 7)], &[0, 2]);
        check(&format!("[7,null,{{}},[],{}]", row(1, "1")), &[of(1, 1)], &[0, 1, 2, 3]);
        let stale = row(1, "7").replace('}', r#","stale":true}"#);
        check(&format!("[{stale},{}]", row(2, "8").replace('}', r#","stale":false}"#)), &[of(2, 8)], &[0]);
        check("[]", &[], &[]);
        assert!(balances(&raw("{}")).is_err() && balances(&raw("null")).is_err());
    }
}
