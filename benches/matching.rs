//! Transfers a second whose two parties are looked for among 10^6 and 10^7 watched addresses, 0.1 % of them watched.
//!
//! The bare limit is the standard library's hash set (a Swiss table) with a multiply-and-rotate hash: as fast as such sets get, and 35 bytes
//! an address. Ours says beside it how many bytes an address takes, counted as what the process grew by.

mod scene;

use scene::{Pair, print_figure, rate, resident_bytes};
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use walletwatch::reactor::match_set::MatchSet;
use walletwatch::types::Address;

/// Rounds of each kind.
const ROUNDS: usize = 7;
/// Transfers in a round.
const TRANSFERS: u32 = 2_000_000;

/// Hashes eight bytes at a time with one multiplication each, as the compiler's own hash sets do.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.wrapping_add(word).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }

    fn write_usize(&mut self, _: usize) {
        // The length of an array is always the same.
    }
}

#[allow(clippy::disallowed_types, reason = "the limit to compare with; its order is never looked at")]
type Bare = std::collections::HashSet<[u8; 20], BuildHasherDefault<Quick>>;

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn address(&mut self) -> Address {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..16].copy_from_slice(&self.next().to_be_bytes());
        bytes[16..].copy_from_slice(&self.next().to_be_bytes()[..4]);
        bytes.into()
    }
}

/// Pairs of sender and receiver: each is watched once in a thousand times.
fn transfers(watched: &[Address]) -> Vec<[Address; 2]> {
    let mut numbers = Numbers(2);
    let mut party = || {
        let chance = numbers.next();
        let place = usize::try_from(chance >> 16).unwrap_or(0) % watched.len();
        if chance.is_multiple_of(1_000) { watched[place] } else { numbers.address() }
    };
    (0..TRANSFERS).map(|_| [party(), party()]).collect()
}

fn compare(count: usize, name: &str) {
    let mut numbers = Numbers(1);
    let watched: Vec<Address> = (0..count).map(|_| numbers.address()).collect();
    let transfers = transfers(&watched);
    let before = resident_bytes();
    let ours = MatchSet::new(watched.iter().map(|address| (*address, 0)));
    let grown = resident_bytes().saturating_sub(before);
    let bare: Bare = watched.iter().map(|address| address.into_array()).collect();
    drop(watched);
    let mut pair = Pair::default();
    for _ in 0..ROUNDS {
        let (mut found, mut expected) = (0_u64, 0_u64);
        let mut each = transfers.iter();
        pair.bare.push(rate(TRANSFERS, || {
            let Some([from, to]) = black_box(each.next()) else { return };
            expected += u64::from(bare.contains(&from.0.0)) + u64::from(bare.contains(&to.0.0));
        }));
        let mut each = transfers.iter();
        pair.ours.push(rate(TRANSFERS, || {
            let Some([from, to]) = black_box(each.next()) else { return };
            found += u64::from(ours.contains(from)) + u64::from(ours.contains(to));
        }));
        assert_eq!(found, expected, "both find the same");
    }
    pair.print(&format!("matching among {name} addresses"), "transfers/s", 0.5);
    #[allow(clippy::cast_precision_loss, reason = "it is printed with one digit")]
    print_figure(&format!("an address among {name}"), grown as f64 / count as f64, "bytes", "at most 30");
}

fn main() {
    compare(1_000_000, "10^6");
    compare(10_000_000, "10^7");
}
