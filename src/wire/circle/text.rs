//! Fields as Circle writes them: missing, `null` and `""` all mean that there is nothing.

use crate::types::{Address, B256, Name, Timestamp, Untrusted};
use crate::wire::hex;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The longest id: a UUID has 36 characters, which leaves room for whatever comes after them.
const LONGEST_ID: usize = 64;

/// A text that may be missing, `null` or empty, or no text at all: whatever is no text is as good as missing, since only what is needed
/// is asked for, and asked for by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Field(Option<String>);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) if !text.is_empty() => Self(Some(text)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Self(None)
            }
        })
    }
}

impl Field {
    /// The text.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// For people: bounded and cleaned.
    pub(super) fn words(&self) -> Option<Untrusted> {
        self.text().map(Untrusted::new).filter(|words| !words.is_empty())
    }

    /// An id that can stand in a path: letters, digits and dashes.
    pub(super) fn id(&self) -> Option<Name> {
        self.text().filter(|text| is_id(text)).map(Name::from)
    }

    /// An address of a chain that is like Ethereum.
    pub(super) fn address(&self) -> Option<Address> {
        hex::fixed::<20>(self.text()?).ok().map(Address::from)
    }

    /// The hash of a transaction.
    pub(super) fn hash(&self) -> Option<B256> {
        hex::fixed::<32>(self.text()?).ok().map(B256::from)
    }

    /// A time.
    pub(super) fn time(&self) -> Option<Timestamp> {
        Timestamp::parse(self.text()?)
    }
}

/// Whether a text can be an id of Circle's and stand in a path as it is.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
