//! The public keys that sign hooks. Pure: time is an argument.
//!
//! Who sends a hook chooses the key's id before anything is checked, so looking one up is rationed: a stranger who makes up ids wears out
//! nothing but the ration, and a key once known stays known.

use crate::types::{Timestamp, Uuid};
use std::time::Duration;

/// Keys that are kept. Circle has one or two in use.
pub const KEYS_KEPT: usize = 16;
/// Between two look-ups.
const FETCH_EVERY: Duration = Duration::from_mins(1);

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Its DER.
    Known(Vec<u8>),
    /// It may be looked up now; that is counted.
    Fetch,
    /// Not now.
    Later,
}

/// The keys, the one used last at the end.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<(Uuid, Vec<u8>)>,
    fetched: Option<Timestamp>,
}

impl KeyRing {
    /// Looks for a key.
    pub fn look(&mut self, id: Uuid, now: Timestamp) -> Look {
        if let Some(place) = self.keys.iter().position(|(known, _)| *known == id) {
            let found = self.keys.remove(place);
            let der = found.1.clone();
            self.keys.push(found);
            return Look::Known(der);
        }
        // A clock set back must not stop it for longer than the ration does.
        let waits = self.fetched.is_some_and(|last| last <= now && now.since(last) < FETCH_EVERY);
        if waits {
            return Look::Later;
        }
        self.fetched = Some(now);
        Look::Fetch
    }

    /// Keeps a key that Circle showed; the one that was not used for longest goes.
    pub fn learn(&mut self, id: Uuid, der: Vec<u8>) {
        self.keys.retain(|(known, _)| *known != id);
        if self.keys.len() >= KEYS_KEPT {
            self.keys.remove(0);
        }
        self.keys.push((id, der));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + seconds)
    }

    #[test]
    fn made_up_ids_wear_out_the_ration_and_nothing_else() {
        let (mut ring, own) = (KeyRing::default(), Uuid([1; 16]));
        assert_eq!(ring.look(own, at(0)), Look::Fetch);
        ring.learn(own, vec![7]);
        for second in 0..120 {
            let made_up = Uuid([u8::try_from(second).expect("it is small"); 16]);
            let look = ring.look(made_up, at(second));
            let expected = if made_up == own {
                Look::Known(vec![7])
            } else if second % 60 == 0 && second > 0 {
                Look::Fetch
            } else {
                Look::Later
            };
            assert_eq!(look, expected, "{second}");
            assert_eq!(ring.look(own, at(second)), Look::Known(vec![7]));
        }
        assert_eq!(ring.look(Uuid([200; 16]), at(0)), Look::Fetch, "the clock was set back");
    }

    #[test]
    fn only_so_many_are_kept_and_the_used_ones_stay() {
        let mut ring = KeyRing::default();
        for number in 0..40_u8 {
            ring.learn(Uuid([number; 16]), vec![number]);
            assert_eq!(ring.look(Uuid([0; 16]), at(0)), Look::Known(vec![0]), "it is used all the time");
        }
        assert_eq!(ring.keys.len(), KEYS_KEPT);
        assert_eq!(ring.look(Uuid([39; 16]), at(0)), Look::Known(vec![39]));
        assert_eq!(ring.look(Uuid([1; 16]), at(0)), Look::Fetch);
    }
}
