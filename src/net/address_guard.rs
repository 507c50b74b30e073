//! Which addresses a destination that is only to be reached over the public internet may not have.
//!
//! Pure. Against a url (a receiver's, a hook's) that points inside: the cloud's metadata service, a database, ourselves.
//! What is not known to be public is forbidden: of IPv6 only the global unicast space passes, less its special parts.
//! Never trusts a name: the client asks this about every address that a name resolves to, when it connects, and about
//! every address written as such in a url. Ranges: IANA special-purpose registries (RFC 6890 and its successors).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::Host;

/// Why an address is not a public one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forbidden {
    /// This host itself.
    Loopback,
    /// "This network", the unspecified address: many systems read it as this host.
    Unspecified,
    /// A private network (RFC 1918, unique local IPv6, the old site-local).
    Private,
    /// Shared by a carrier's customers (100.64.0.0/10).
    CarrierShared,
    /// One link only; the clouds' metadata services are here (169.254.169.254).
    LinkLocal,
    /// A group, not a host; the broadcast address too.
    Multicast,
    /// Documentation and benchmarks: nobody is there.
    Documentation,
    /// An IPv4 address hidden in an IPv6 one, by a way that is obsolete or local (6to4, Teredo, compatible, local NAT64).
    Tunnel,
    /// Reserved, or not global unicast.
    Reserved,
}

impl Forbidden {
    /// A short word for logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Unspecified => "unspecified",
            Self::Private => "private",
            Self::CarrierShared => "carrier_shared",
            Self::LinkLocal => "link_local",
            Self::Multicast => "multicast",
            Self::Documentation => "documentation",
            Self::Tunnel => "tunnel",
            Self::Reserved => "reserved",
        }
    }
}

/// Whether an address is public.
///
/// # Errors
/// Why it is not.
pub fn check_address(address: IpAddr) -> Result<(), Forbidden> {
    let why = match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => forbidden_v6(v6),
    };
    why.map_or(Ok(()), Err)
}

/// The host of a parsed url, where it is written as an address. `url` has already turned the odd forms (decimal, octal,
/// hexadecimal, short) into the address they mean. A name passes here: its addresses are checked when they are known.
///
/// # Errors
/// Why the address may not be reached.
pub fn check_host(host: &Host<&str>) -> Result<(), Forbidden> {
    match host {
        Host::Domain(_) => Ok(()),
        Host::Ipv4(v4) => check_address(IpAddr::V4(*v4)),
        Host::Ipv6(v6) => check_address(IpAddr::V6(*v6)),
    }
}

fn forbidden_v4(address: Ipv4Addr) -> Option<Forbidden> {
    match address.octets() {
        [127, ..] => Some(Forbidden::Loopback),
        [0, ..] => Some(Forbidden::Unspecified),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Forbidden::Private),
        [100, 64..=127, ..] => Some(Forbidden::CarrierShared),
        [169, 254, ..] => Some(Forbidden::LinkLocal),
        [224..=239, ..] | [255, 255, 255, 255] => Some(Forbidden::Multicast),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18 | 19, ..] => Some(Forbidden::Documentation),
        [192, 88, 99, _] => Some(Forbidden::Tunnel),
        [192, 0, 0, _] | [240..=255, ..] => Some(Forbidden::Reserved),
        _ => None,
    }
}

fn forbidden_v6(address: Ipv6Addr) -> Option<Forbidden> {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Forbidden::Loopback),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Forbidden::Unspecified),
        // v4-mapped, and NAT64 by the well-known prefix (how an IPv6-only host reaches IPv4): the address inside counts.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            forbidden_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        // v4-compatible, v4-translated, local NAT64, Teredo, 6to4, and last ISATAP, whose interface identifiers carry an
        // IPv4 address of the local site.
        [0, 0, 0, 0, 0 | 0xffff, 0, _, _]
        | [0x64, 0xff9b, 1, ..]
        | [0x2001, 0, ..]
        | [0x2002, ..]
        | [0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe, _, _] => Some(Forbidden::Tunnel),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Forbidden::Private),
        [0xfe80..=0xfebf, ..] => Some(Forbidden::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Forbidden::Multicast),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2001, 2, 0, ..] => Some(Forbidden::Documentation),
        // 2001::/23 is for protocols (ORCHID and the like), not for hosts.
        [0x2001, 1..=0x1ff, ..] => Some(Forbidden::Reserved),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Forbidden::Reserved),
    }
}

#[cfg(test)]
mod tests {
    use super::Forbidden::{
        CarrierShared, Documentation, LinkLocal, Loopback, Multicast, Private, Reserved, Tunnel, Unspecified,
    };
    use super::*;
    use url::Url;

    fn check(host: &str, expected: Option<Forbidden>) {
        let url = Url::parse(&format!("https://{host}/hook")).unwrap_or_else(|fault| panic!("{host}: {fault}"));
        let got = check_host(&url.host().expect("https has a host")).err();
        assert_eq!(got, expected, "{host}");
    }

    const INSIDE: &[(&str, Forbidden)] = &[
        ("127.0.0.1", Loopback),
        ("127.0.0.1.", Loopback),
        ("127.255.255.254", Loopback),
        ("127.1", Loopback),
        ("2130706433", Loopback),
        ("0x7f000001", Loopback),
        ("0x7f.1", Loopback),
        ("0177.0.0.1", Loopback),
        ("017700000001", Loopback),
        ("0x7F.0x0.0x0.0x1", Loopback),
        ("%31%32%37.0.0.1", Loopback),
        ("127。0。0。1", Loopback),
        ("127.0.0.1", Loopback),
        ("①②⑦.⓪.⓪.①", Loopback),
        ("0.0.0.0", Unspecified),
        ("0", Unspecified),
        ("0.1.2.3", Unspecified),
        ("10.0.0.1", Private),
        ("10.255.255.255", Private),
        ("167772161", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("192.168.1.1", Private),
        ("0xc0a80101", Private),
        ("192.168.257", Private),
        ("100.64.0.1", CarrierShared),
        ("100.127.255.255", CarrierShared),
        ("100.100.100.200", CarrierShared),
        ("169.254.169.254", LinkLocal),
        ("2852039166", LinkLocal),
        ("0xa9fea9fe", LinkLocal),
        ("0251.0376.0251.0376", LinkLocal),
        ("169.254.43518", LinkLocal),
        ("169.254.0.1", LinkLocal),
        ("224.0.0.1", Multicast),
        ("239.255.255.250", Multicast),
        ("255.255.255.255", Multicast),
        ("192.0.2.1", Documentation),
        ("198.51.100.7", Documentation),
        ("203.0.113.9", Documentation),
        ("198.18.0.1", Documentation),
        ("198.19.255.255", Documentation),
        ("192.88.99.1", Tunnel),
        ("192.0.0.192", Reserved),
        ("240.0.0.1", Reserved),
        ("255.255.255.254", Reserved),
        ("[::1]", Loopback),
        ("[0:0:0:0:0:0:0:1]", Loopback),
        ("[::]", Unspecified),
        ("[::ffff:127.0.0.1]", Loopback),
        ("[::ffff:7f00:1]", Loopback),
        ("[::ffff:10.1.2.3]", Private),
        ("[::ffff:169.254.169.254]", LinkLocal),
        ("[64:ff9b::127.0.0.1]", Loopback),
        ("[64:ff9b::a9fe:a9fe]", LinkLocal),
        ("[64:ff9b::10.0.0.1]", Private),
        ("[64:ff9b:1::1]", Tunnel),
        ("[64:ff9b:2::1]", Reserved),
        ("[::127.0.0.1]", Tunnel),
        ("[::8.8.8.8]", Tunnel),
        ("[::ffff:0:127.0.0.1]", Tunnel),
        ("[2002:7f00:1::]", Tunnel),
        ("[2002:a9fe:a9fe::1]", Tunnel),
        ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", Tunnel),
        ("[2a00:1450::5efe:10.0.0.1]", Tunnel),
        ("[2a00:1450::200:5efe:a00:1]", Tunnel),
        ("[fe80::1]", LinkLocal),
        ("[febf::1]", LinkLocal),
        ("[fec0::1]", Private),
        ("[fc00::1]", Private),
        ("[fd00:ec2::254]", Private),
        ("[fdff::1]", Private),
        ("[ff02::1]", Multicast),
        ("[2001:db8::1]", Documentation),
        ("[3fff::1]", Documentation),
        ("[2001:2::1]", Documentation),
        ("[2001:10::1]", Reserved),
        ("[2001:20::1]", Reserved),
        ("[100::1]", Reserved),
        ("[5f00::1]", Reserved),
        ("[4000::1]", Reserved),
        ("[1::]", Reserved),
    ];

    #[test]
    fn addresses_inside_are_forbidden_however_they_are_written() {
        for (host, why) in INSIDE {
            check(host, Some(*why));
        }
        assert!(INSIDE.len() >= 60);
    }

    #[test]
    fn public_addresses_and_names_pass_also_at_the_edges_of_forbidden_ranges() {
        let cases = [
            "8.8.8.8",
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "134744072",
            "[2606:4700::1111]",
            "[2001:4860:4860::8888]",
            "[2001:200::1]",
            "[2a00:1450:4001::1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::8.8.8.8]",
            "[2003::1]",
            "[3ffe::1]",
            "example.com",
            "localhost",
            "metadata.google.internal",
        ];
        for host in cases {
            check(host, None);
        }
    }
}
