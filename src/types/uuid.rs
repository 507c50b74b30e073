//! UUIDs, as Circle writes its ids and wants its keys. Nothing here makes a random one: who needs one brings the bytes.

use std::fmt;

/// 128 bits, written `8-4-4-4-12` in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// These bytes in the shape of a version 4 UUID: six bits are overwritten, the rest is as given.
    #[must_use]
    pub const fn v4(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Whether it has the shape of version 4.
    #[must_use]
    pub const fn is_v4(self) -> bool {
        self.0[6] >> 4 == 4 && self.0[8] >> 6 == 2
    }

    /// Reads `8-4-4-4-12` hexadecimal digits, large or small; nothing else, no braces and no bare digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const DASHES: [usize; 4] = [8, 13, 18, 23];
        if text.len() != 36 {
            return None;
        }
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (at, byte) in text.bytes().enumerate() {
            if DASHES.contains(&at) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16)?;
            let place = bytes.get_mut(digits / 2)?;
            *place = *place << 4 | u8::try_from(digit).ok()?;
            digits += 1;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_one_way_of_writing_it_is_read() {
        let text = "1AF639CE-c8b2-54a6-af49-7aebc95aaac1";
        assert_eq!(Uuid::parse(text).map(|id| id.to_string()), Some(text.to_lowercase()));
        let wrong = [
            "",
            "1af639cec8b254a6af497aebc95aaac1",
            "{1af639ce-c8b2-54a6-af49-7aebc95aaac1}",
            "1af639ce-c8b2-54a6-af49-7aebc95aaac",
            "1af639ce-c8b2-54a6-af49-7aebc95aaac12",
            "1af639ce-c8b2-54a6-af497-aebc95aaac1",
            "1af639ce-c8b2-54a6-af49-7aebc95aaacg",
            "+af639ce-c8b2-54a6-af49-7aebc95aaac1",
            "../../..-c8b2-54a6-af49-7aebc95aaac1",
        ];
        for text in wrong {
            assert_eq!(Uuid::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_uuid_reads_back_and_version_4_is_a_shape_only(bytes: [u8; 16]) {
            prop_assert_eq!(Uuid::parse(&Uuid(bytes).to_string()), Some(Uuid(bytes)));
            let shaped = Uuid::v4(bytes);
            prop_assert!(shaped.is_v4());
            prop_assert_eq!(Uuid::v4(shaped.0), shaped);
            prop_assert_eq!(shaped.0[15], bytes[15]);
        }
    }
}
