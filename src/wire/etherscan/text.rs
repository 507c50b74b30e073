//! A value as explorers write it, and what can be read out of one. Every fault names the key that it is about.

use super::refusal::Refusal;
use crate::types::{Address, B256, U256, Untrusted};
use crate::wire::hex;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::fmt;

/// An answer that has not the shape of what was asked.
pub(super) fn shape(reason: &str) -> Refusal {
    Refusal::Shape { reason: Untrusted::new(reason) }
}

/// Reads a whole result.
pub(super) fn whole<T: DeserializeOwned>(result: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(result.get()).map_err(|error| shape(&error.to_string()))
}

/// Reads a result that is a list, each of its values by itself.
///
/// # Errors
/// [`Refusal::Shape`] when it is none.
pub(super) fn list(result: &RawValue) -> Result<Vec<&RawValue>, Refusal> {
    serde_json::from_str(result.get()).map_err(|error| shape(&error.to_string()))
}

/// A value as explorers write it: text, sometimes a number, `null` for nothing.
#[derive(Debug, Default, Clone)]
pub(super) struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.trim().to_owned()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
            fn visit_unit<E: Error>(self) -> Result<Text, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Plain digits only: no sign, no blank.
    pub(super) fn digits(&self, key: &str) -> Result<&str, String> {
        let plain = !self.0.is_empty() && self.0.bytes().all(|digit| digit.is_ascii_digit());
        if plain { Ok(&self.0) } else { Err(format!("{key} is not a decimal number")) }
    }

    pub(super) fn number(&self, key: &str) -> Result<u64, String> {
        self.digits(key)?.parse().map_err(|_| format!("{key} is too large"))
    }

    /// A number of the node's, hexadecimal; `0x` is zero.
    pub(super) fn quantity(&self, key: &str) -> Result<u64, String> {
        hex::quantity_u64(&self.0).map_err(|fault| format!("{key}: {fault}"))
    }

    /// A number that is decimal in one explorer's answers and hexadecimal in another's.
    pub(super) fn either(&self, key: &str) -> Result<u64, String> {
        if self.0.starts_with("0x") { self.quantity(key) } else { self.number(key) }
    }

    pub(super) fn amount(&self, key: &str) -> Result<U256, String> {
        U256::from_str_radix(self.digits(key)?, 10).map_err(|_| format!("{key} is larger than 256 bits"))
    }

    pub(super) fn account(&self, key: &str) -> Result<Address, String> {
        hex::fixed(&self.0).map(Address::new).map_err(|fault| format!("{key}: {fault}"))
    }

    pub(super) fn hash(&self, key: &str) -> Result<B256, String> {
        hex::fixed(&self.0).map(B256::new).map_err(|fault| format!("{key}: {fault}"))
    }

    pub(super) fn untrusted(&self) -> Option<Untrusted> {
        Some(Untrusted::new(&self.0)).filter(|text| !text.is_empty())
    }
}
