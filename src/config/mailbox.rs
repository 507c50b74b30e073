//! Mail addresses as a config writes them: `ops@example.com` or `Operations <ops@example.com>`.
//!
//! Takes less than the standards allow, and nothing that could end a header or a command: no quotes, comments, routes or addresses
//! beyond ASCII, no control or hidden characters in a name.

use crate::types::Name;
use crate::types::text::Untrusted;

/// The longest part before the `@`, by RFC 5321.
const MOST_LOCAL: usize = 64;
/// The longest address, by RFC 5321: a path of 256 less its brackets.
const MOST: usize = 254;

/// A mail address, and how its holder is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress {
    /// For people; without line breaks, quotes, backslashes and angle brackets.
    pub name: Option<Name>,
    /// `local@domain`, in ASCII.
    pub address: Name,
}

impl MailAddress {
    /// Reads one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((name, rest)) = text.split_once('<') else { return Self::plain(text.trim(), None) };
        let name = name.trim();
        let fine = Untrusted::new(name).as_str() == name && !name.contains(['>', '"', '\\']);
        let address = rest.trim_end().strip_suffix('>').filter(|_| fine)?;
        Self::plain(address, (!name.is_empty()).then(|| name.into()))
    }

    fn plain(address: &str, name: Option<Name>) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@')?;
        let atom = |atom: &str| {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
            !atom.is_empty() && atom.bytes().all(fine)
        };
        let label = |label: &str| {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(fine)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let fine = local.len() <= MOST_LOCAL
            && address.len() <= MOST
            && local.split('.').all(atom)
            && domain.split('.').all(label);
        fine.then(|| Self { name, address: address.into() })
    }

    /// What is behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_name_and_nothing_that_ends_a_header_is_taken() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let got = MailAddress::parse(text);
            let got = got.as_ref().map(|it| (it.name.as_ref().map_or("", Name::as_str), it.address.as_str()));
            assert_eq!(got, expected, "{text:?}");
        };
        check("ops@example.com", Some(("", "ops@example.com")));
        check(" ops@example.com ", Some(("", "ops@example.com")));
        check(
            "Operations, Zürich <ops+wallets@mail.example.com>",
            Some(("Operations, Zürich", "ops+wallets@mail.example.com")),
        );
        check("<root@localhost>", Some(("", "root@localhost")));
        for text in [
            "",
            "ops",
            "@example.com",
            "ops@",
            "ops@@example.com",
            "a b@example.com",
            "ops@exa mple.com",
            "ops@-example.com",
            "ops@example..com",
            ".ops@example.com",
            "ops@[127.0.0.1]",
            "öps@example.com",
            "ops@example.com\r\nBcc: x@example.com",
            "a\r\nBcc: x <ops@example.com>",
            "a\u{202e} <ops@example.com>",
            "\"a\" <ops@example.com>",
            "a <ops@example.com> b",
            "a <ops@example.com>, b <x@example.com>",
            "ops@example.com>",
            "ops@example.com, x@example.com",
        ] {
            check(text, None);
        }
        check(&format!("{}@example.com", "a".repeat(65)), None);
    }
}
