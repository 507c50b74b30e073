//! Addresses as people write them: strict about checksums where one is written.

pub use alloy::primitives::Address;

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("an address is 0x and 40 hexadecimal digits")]
    Shape,
    /// Mixed case, and not the case that EIP-55 gives these digits.
    #[error("the checksum is wrong: one of its characters was mistyped, or it should read {right}")]
    Checksum {
        /// The same digits with their right checksum.
        right: String,
    },
}

/// Reads an address. All lower or all upper case carries no checksum and is taken; mixed case must agree with EIP-55.
///
/// # Errors
/// [`AddressFault`] when the shape or the checksum is wrong.
pub fn parse_address(text: &str) -> Result<Address, AddressFault> {
    let digits = text.strip_prefix("0x").ok_or(AddressFault::Shape)?;
    if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(AddressFault::Shape);
    }
    let address: Address = text.parse().map_err(|_| AddressFault::Shape)?;
    let lower = digits.bytes().any(|b| b.is_ascii_lowercase());
    let upper = digits.bytes().any(|b| b.is_ascii_uppercase());
    if lower && upper {
        let right = address.to_checksum(None);
        if right != text {
            return Err(AddressFault::Checksum { right });
        }
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_case_address_must_carry_its_checksum() {
        let right = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
        let usdc = parse_address(right).expect("the checksum is right");
        assert_eq!(parse_address(&right.to_lowercase()), Ok(usdc));
        assert_eq!(parse_address(&format!("0x{}", right[2..].to_uppercase())), Ok(usdc));
        let mistyped = right.replace('A', "a");
        assert_eq!(parse_address(&mistyped), Err(AddressFault::Checksum { right: right.into() }));
        for text in ["", "0x", "A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0xA0b8", "0xzz"] {
            assert_eq!(parse_address(text), Err(AddressFault::Shape), "{text}");
        }
    }
}
