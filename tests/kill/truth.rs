//! What happened, by the chains' own record, and what has to be told of it by the config's rules.

use super::scene::{ARCHIVE, PAST, Scene, WATCHES};
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::types::{Address, B256, U256};
use walletwatch::world::chain::{Chain, Frame, Included, SimBlock};

/// The first topic of a `Transfer` log.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// One movement, as anybody can read it off the chain. All text as in the bodies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Movement {
    pub(crate) chain: String,
    pub(crate) tx: String,
    pub(crate) kind: &'static str,
    pub(crate) contract: Option<String>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) amount: String,
    pub(crate) nth: u64,
}

/// What an alert is about: one rule's word on a movement to one watch.
pub(crate) type About = (&'static str, &'static str, Movement);

/// A rule of the config, as the checker understands it.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) receiver: usize,
    pub(crate) stages: &'static [&'static str],
}

pub(crate) const RULES: [Rule; 3] = [
    Rule { name: "everything", receiver: 0, stages: &["seen", "confirmed", "final"] },
    Rule { name: "coin for the till", receiver: 1, stages: &["confirmed"] },
    Rule { name: "what was", receiver: 1, stages: &["final"] },
];

impl Rule {
    /// Whether it speaks of a movement to this watch. What lies before the monitor's time is one rule's.
    fn speaks(&self, watch: &str, movement: &Movement, block: u64) -> bool {
        if self.name == "what was" {
            return watch == ARCHIVE;
        }
        if block <= PAST {
            return false;
        }
        if self.name == "everything" {
            return true;
        }
        let half = U256::from(500_000_000_000_000_000_u64);
        let amount: U256 = movement.amount.parse().expect("we wrote it");
        watch == "till" && is_of(watch, &movement.to) && movement.contract.is_none() && amount >= half
    }
}

pub(crate) fn text(address: Address) -> String {
    format!("{address:#x}")
}

fn is_of(watch: &str, address: &str) -> bool {
    let of =
        |(name, addresses): &(&str, &[Address])| *name == watch && addresses.iter().any(|one| text(*one) == address);
    WATCHES.iter().any(of)
}

/// Every movement of a block, each with its transaction's hash.
pub(crate) fn movements(chain: &str, block: &SimBlock) -> Vec<Movement> {
    let mut all = Vec::new();
    for included in block.txs.iter().filter(|included| included.succeeded) {
        let mut bare = Vec::new();
        frames(&included.root, "coin", &mut bare);
        logs(included, &mut bare);
        let mut counted: BTreeMap<_, u64> = BTreeMap::new();
        for (kind, contract, from, to, amount) in bare {
            let nth = counted.entry((kind, contract, from, to, amount)).or_default();
            all.push(Movement {
                chain: chain.to_owned(),
                tx: format!("{:#x}", included.tx.hash),
                kind,
                contract: contract.map(text),
                from: text(from),
                to: text(to),
                amount: amount.to_string(),
                nth: *nth,
            });
            *nth += 1;
        }
    }
    all
}

type Bare = (&'static str, Option<Address>, Address, Address, U256);

fn frames(frame: &Frame, kind: &'static str, all: &mut Vec<Bare>) {
    if frame.failed {
        return;
    }
    if !frame.value.is_zero() {
        all.push((kind, None, frame.from, frame.to, frame.value));
    }
    frame.calls.iter().for_each(|call| frames(call, "internal", all));
}

fn logs(included: &Included, all: &mut Vec<Bare>) {
    for log in included.logs.iter().filter(|log| format!("{:#x}", log.topics[0]) == TRANSFER) {
        let amount: B256 = log.data.parse().expect("the world writes one word");
        let party = |topic: usize| Address::from_word(log.topics[topic]);
        all.push(("token", Some(log.contract), party(1), party(2), U256::from_be_bytes(amount.0)));
    }
}

/// What has to be told of a movement: each rule, with each watch that is a side of it.
fn concerns(movement: &Movement, block: u64) -> Vec<About> {
    let mut all = Vec::new();
    for (watch, _) in WATCHES {
        for rule in &RULES {
            let side = is_of(watch, &movement.from) || is_of(watch, &movement.to);
            if side && rule.speaks(watch, movement, block) {
                all.push((rule.name, watch, movement.clone()));
            }
        }
    }
    all
}

/// The truth: what is on the chains now with the block's hash, and what ever was.
pub(crate) struct Truth {
    pub(crate) standing: BTreeMap<About, (u64, String)>,
    pub(crate) ever: BTreeSet<About>,
}

pub(crate) fn is_of_explorers_internal(movement: &Movement) -> bool {
    (movement.chain.as_str(), movement.kind) == ("ethereum", "internal")
}

pub(crate) fn truth(scene: &Scene) -> Truth {
    let mut truth = Truth { standing: BTreeMap::new(), ever: BTreeSet::new() };
    for at in &scene.chains {
        at.live.read(|chain: &Chain| {
            for number in 0..=chain.height() {
                let block = chain.at(number).expect("it is not above the head");
                for about in movements(at.name, block).iter().flat_map(|movement| concerns(movement, number)) {
                    truth.standing.insert(about, (number, format!("{:#x}", block.at.hash)));
                }
            }
            for block in chain.all_blocks() {
                let number = block.at.number;
                truth.ever.extend(movements(at.name, block).iter().flat_map(|movement| concerns(movement, number)));
            }
        });
    }
    truth
}
