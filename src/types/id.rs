//! Names that people chose, and ids that are hashes of what they stand for. No id is random.

use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// A name from the config: of a watch, rule, sink, endpoint, payee. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// SHA-256 over a tag and length-prefixed parts, cut to 16 bytes.
fn hash16(tag: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update(b"walletwatch/1/");
    hasher.update(tag.as_bytes());
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The id of what these parts describe; `tag` keeps different kinds of things apart.
            #[must_use]
            pub fn hash(tag: &str, parts: &[&[u8]]) -> Self {
                Self(hash16(tag, parts))
            }

            /// Reads the 32 hexadecimal digits that `Display` writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                let mut bytes = [0; 16];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).ok()?;
                    *byte = u8::from_str_radix(pair, 16).ok()?;
                }
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// The hash of a `TransferKey`.
    TransferId
);
id!(
    /// What a rule says once: the hash of (rule, watch, transfer) or of (rule, crossing).
    AlertId
);
id!(
    /// One message to one sink; the `webhook-id` of every attempt to deliver it.
    MessageId
);
id!(
    /// The hash of a payment's identity (mode, rule and what triggered it).
    PaymentId
);

id!(
    /// A request that may come twice: the hash of its key and of who asked, or of what it asks.
    RequestId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_parts_do_not_run_together() {
        let id = AlertId::hash("alert", &[b"ab", b"c"]);
        assert_eq!(AlertId::parse(&id.to_string()), Some(id));
        assert_ne!(id, AlertId::hash("alert", &[b"a", b"bc"]));
        assert_ne!(id.0, TransferId::hash("transfer", &[b"ab", b"c"]).0);
        for text in ["", "0", &"g".repeat(32), &"+1".repeat(16)] {
            assert_eq!(AlertId::parse(text), None, "{text}");
        }
    }
}
