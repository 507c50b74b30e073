//! Hexadecimal as Ethereum's JSON has it: quantities (`"0x1a"`), and bytes of fixed or any length.
//!
//! Read straight from the text, without an allocation. What does not fit is an error, never cut.

use crate::types::{Address, B256, U256};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::fmt::Write as _;

/// Why a text is not the hexadecimal that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HexFault {
    /// It does not begin with `0x`.
    #[error("hexadecimal begins with 0x")]
    Prefix,
    /// Something else than hexadecimal digits.
    #[error("not a hexadecimal digit")]
    Digit,
    /// Bytes of another length than expected.
    #[error("the wrong number of hexadecimal digits")]
    Length,
    /// A quantity that does not fit.
    #[error("the number is too large")]
    TooLarge,
}

/// Marks what is not a digit in [`NIBBLES`].
const NONE: u8 = 0xff;

/// The value of each hexadecimal digit.
const NIBBLES: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut digit = 0_u8;
    #[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while digit < 16 {
        table[b"0123456789abcdef"[digit as usize] as usize] = digit;
        table[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        digit += 1;
    }
    table
};

/// The value of a digit, [`NONE`] for anything else.
#[inline]
fn nibble(digit: u8) -> u8 {
    NIBBLES.get(usize::from(digit)).copied().unwrap_or(NONE)
}

/// The digits behind `0x`.
#[inline]
fn digits(text: &str) -> Result<&[u8], HexFault> {
    match text.as_bytes() {
        [b'0', b'x' | b'X', digits @ ..] => Ok(digits),
        _ => Err(HexFault::Prefix),
    }
}

/// Decodes exactly `N` bytes of digits.
#[inline]
fn decode<const N: usize>(digits: &[u8]) -> Result<[u8; N], HexFault> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(HexFault::Length);
    }
    let mut bytes = [0; N];
    let mut wrong = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (nibble(*high), nibble(*low));
        wrong |= high | low;
        *byte = (high << 4) | (low & 0x0f);
    }
    // A digit is below 16, NONE has the high bits set.
    if wrong > 0x0f { Err(HexFault::Digit) } else { Ok(bytes) }
}

/// `N` bytes written as `0x` and 2·N digits.
///
/// # Errors
/// [`HexFault`] for anything else.
pub fn fixed<const N: usize>(text: &str) -> Result<[u8; N], HexFault> {
    decode(digits(text)?)
}

/// A quantity of at most 256 bits. `"0x"` is zero, as explorers and old nodes write it; leading zeros are taken.
///
/// # Errors
/// [`HexFault`] for no prefix, other digits, or more than 256 bits.
pub fn quantity_u256(text: &str) -> Result<U256, HexFault> {
    let digits = digits(text)?;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let mut limbs = [0_u64; 4];
    let mut chunks = digits.get(zeros..).unwrap_or_default().rchunks(16);
    for (limb, chunk) in limbs.iter_mut().zip(&mut chunks) {
        for digit in chunk {
            let value = nibble(*digit);
            if value == NONE {
                return Err(HexFault::Digit);
            }
            *limb = (*limb << 4) | u64::from(value);
        }
    }
    match chunks.next() {
        Some(more) if more.iter().all(|digit| nibble(*digit) != NONE) => Err(HexFault::TooLarge),
        Some(_) => Err(HexFault::Digit),
        None => Ok(U256::from_limbs(limbs)),
    }
}

/// A quantity of at most 64 bits, as [`quantity_u256`].
///
/// # Errors
/// [`HexFault`] for no prefix, other digits, or more than 64 bits.
pub fn quantity_u64(text: &str) -> Result<u64, HexFault> {
    let mut number = 0_u64;
    for digit in digits(text)? {
        let value = nibble(*digit);
        if value == NONE {
            return Err(HexFault::Digit);
        }
        if number >> 60 != 0 {
            return Err(HexFault::TooLarge);
        }
        number = (number << 4) | u64::from(value);
    }
    Ok(number)
}

/// Bytes of any length.
///
/// # Errors
/// [`HexFault`] for no prefix, other digits, or an odd number of them.
pub fn bytes(text: &str) -> Result<Vec<u8>, HexFault> {
    let (pairs, rest) = digits(text)?.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HexFault::Length);
    }
    let byte = |[high, low]: &[u8; 2]| {
        let (high, low) = (nibble(*high), nibble(*low));
        if high | low > 0x0f { Err(HexFault::Digit) } else { Ok((high << 4) | low) }
    };
    pairs.iter().map(byte).collect()
}

/// Bytes as digits, two each, without a prefix.
#[must_use]
pub fn plain(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether the text is whole bytes in hexadecimal.
#[must_use]
pub fn is_bytes(text: &str) -> bool {
    digits(text).is_ok_and(|digits| digits.len() % 2 == 0 && digits.iter().all(|digit| nibble(*digit) != NONE))
}

/// The 32-byte word at `index` of hexadecimal data; `None` where the data ends before it.
#[must_use]
pub fn word(data: &str, index: usize) -> Option<U256> {
    let start = index.checked_mul(64)?;
    let word = digits(data).ok()?.get(start..start.checked_add(64)?)?;
    decode::<32>(word).ok().map(U256::from_be_bytes)
}

/// The number of whole 32-byte words in hexadecimal data.
#[must_use]
pub fn words(data: &str) -> usize {
    digits(data).map_or(0, |digits| digits.len() / 64)
}

macro_rules! from_text {
    ($(#[$doc:meta])* $name:ident($inner:ty), $expecting:literal, $read:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            #[inline]
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl Visitor<'_> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    #[inline]
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        $read(text).map($name).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Reader)
            }
        }
    };
}

from_text!(
    /// A quantity of 64 bits in JSON.
    Q64(u64), "a hexadecimal number of at most 64 bits", quantity_u64
);
from_text!(
    /// A quantity of 256 bits in JSON.
    Q256(U256), "a hexadecimal number of at most 256 bits", quantity_u256
);
from_text!(
    /// 32 bytes in JSON.
    Hash(B256), "0x and 64 hexadecimal digits", |text| fixed(text).map(B256::new)
);
from_text!(
    /// 20 bytes in JSON.
    Account(Address), "0x and 40 hexadecimal digits", |text| fixed(text).map(Address::new)
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_exact_or_an_error() {
        let check = |text: &str, expected: Result<u64, HexFault>| {
            assert_eq!(quantity_u64(text), expected, "{text:?}");
            if expected != Err(HexFault::TooLarge) {
                assert_eq!(quantity_u256(text), expected.map(U256::from), "{text:?}");
            }
        };
        check("0x", Ok(0));
        check("0x0", Ok(0));
        check("0x00000000000000000000000000000000001A", Ok(26));
        check("0xffffffffffffffff", Ok(u64::MAX));
        check("0x10000000000000000", Err(HexFault::TooLarge));
        for (text, fault) in [
            ("", HexFault::Prefix),
            ("1a", HexFault::Prefix),
            ("0xg", HexFault::Digit),
            ("0x-1", HexFault::Digit),
            ("0x1 ", HexFault::Digit),
        ] {
            check(text, Err(fault));
        }
        assert_eq!(quantity_u256(&format!("0x{}", "f".repeat(64))), Ok(U256::MAX));
        assert_eq!(quantity_u256(&format!("0x1{}", "0".repeat(64))), Err(HexFault::TooLarge));
        assert_eq!(quantity_u256(&format!("0xz{}", "0".repeat(64))), Err(HexFault::Digit));
    }

    #[test]
    fn bytes_have_exactly_their_length() {
        assert_eq!(fixed("0x00fF10"), Ok([0x00, 0xff, 0x10]));
        assert_eq!(fixed::<3>("0x00fF1"), Err(HexFault::Length));
        assert_eq!(fixed::<3>("0x00fF1g"), Err(HexFault::Digit));
        assert_eq!(fixed::<3>("00ff10"), Err(HexFault::Prefix));
        assert_eq!(bytes("0x"), Ok(vec![]));
        assert_eq!(bytes("0x0"), Err(HexFault::Length));
        assert_eq!(bytes("0x0é"), Err(HexFault::Length));
        let two = format!("0x{}{}", "0".repeat(63) + "7", "0".repeat(62) + "0a");
        assert_eq!((word(&two, 0), word(&two, 1), word(&two, 2)), (Some(U256::from(7)), Some(U256::from(10)), None));
        assert_eq!((words(&two), words("0x"), words(""), word(&two, usize::MAX)), (2, 0, 0, None));
    }

    proptest! {
        #[test]
        fn every_number_reads_back(limbs: [u64; 4], small: u64) {
            let number = U256::from_limbs(limbs);
            prop_assert_eq!(quantity_u256(&format!("{number:#x}")), Ok(number));
            prop_assert_eq!(quantity_u64(&format!("{small:#x}")), Ok(small));
            prop_assert_eq!(word(&format!("{number:#066x}"), 0), Some(number));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = (quantity_u64(&text), quantity_u256(&text), fixed::<20>(&text), word(&text, 1), words(&text));
            prop_assert_eq!(bytes(&text).is_ok(), is_bytes(&text));
        }
    }
}
