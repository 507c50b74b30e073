//! What a person can ask the world to do, beside what the story tells: each deed changes the beats that it lasts. Pure, and draws no chance:
//! the story goes on as its seed says.

use super::cast::Cast;
use super::script::{Beat, Turn, milli_ether, thousandths};
use crate::types::{B256, Price, U256};
use crate::world::chain::{Action, Chain, Reorg};
use std::collections::{BTreeMap, BTreeSet};

/// What the reorg's payment is about: nothing else of the story pays as much.
const TAKEN_BACK: u64 = 4_400;
/// The reorg comes when its payment was confirmed, or a beat later where the story has one of its own just then.
const REORG_COMES: std::ops::RangeInclusive<u64> = 5..=6;
/// It reaches so deep at most: short of what is final.
const REORG_REACHES: u64 = 7;
/// Where ether falls to, in US dollars: below what a rule asks for, and below what the story lets it fall to.
const ETHER_FALLS_TO: &str = "2440.00";

/// Something that a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A customer pays.
    Deposit,
    /// A payment that a reorg takes back.
    Reorg,
    /// A receiver that answers 503 for a while.
    DeadReceiver,
    /// A node that says nothing for a while.
    BlindSource,
    /// Address poisoning.
    PoisonedAddress,
    /// A payment that waits for a person.
    HeldPayment,
    /// A till that runs low and is filled up.
    TopUp,
    /// Full blocks.
    GasSpike,
    /// Ether falls and comes back.
    PriceMove,
    /// Somebody may take everything.
    UnlimitedApproval,
    /// A token whose name is an attack.
    HostileName,
}

/// What there is to know of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// How it is asked for.
    pub name: &'static str,
    /// What happens.
    pub what: &'static str,
    /// Where on the page it shows.
    pub look: &'static str,
    /// How long it is under way, in beats.
    beats: u64,
}

impl Deed {
    /// All of them, in the order in which they are best tried.
    pub const ALL: [Self; 11] = [
        Self::Deposit,
        Self::Reorg,
        Self::DeadReceiver,
        Self::BlindSource,
        Self::PoisonedAddress,
        Self::HostileName,
        Self::UnlimitedApproval,
        Self::GasSpike,
        Self::PriceMove,
        Self::TopUp,
        Self::HeldPayment,
    ];

    /// The deed of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.facts().name == name)
    }

    /// What there is to know of it.
    #[must_use]
    pub const fn facts(self) -> Facts {
        let (name, beats, look, what) = match self {
            Self::Deposit => (
                "deposit",
                1,
                "/transfers?watch=deposits",
                "a customer pays 3.3 ETH to deposits on simnet: it is seen, confirmed at 3 and final at 8 confirmations, in one alert",
            ),
            Self::Reorg => (
                "reorg",
                8,
                "/alerts?rule=customer%20pays",
                "4.4 ETH come in to deposits and are confirmed; then a reorg replaces their block, and the alert is taken back where it was told",
            ),
            Self::DeadReceiver => (
                "dead-receiver",
                20,
                "/outbox?sink=book-keeping",
                "the book-keeping's receiver answers 503 for 20 beats while 2.2 ETH come in: the messages wait, are sent again, and arrive under the same id",
            ),
            Self::BlindSource => (
                "blind-source",
                20,
                "/sources",
                "simnet's node is connected and says nothing for 20 beats, while 0.9 ETH come in: it is said that simnet is blind (in a digest, where it came and went three times just now), and what was missed is read afterwards",
            ),
            Self::PoisonedAddress => (
                "poisoned-address",
                4,
                "/transfers?watch=treasury",
                "a customer pays the treasury 0.6 ETH; then who only looks like that customer writes transfers of nothing into the treasury's history: marked suspect, and nobody is bothered",
            ),
            Self::HostileName => (
                "hostile-name",
                1,
                "/alerts?rule=customer%20pays",
                "a token whose name is a script and turns its writing around comes in to deposits: it is shown as the harmless text that it is",
            ),
            Self::UnlimitedApproval => (
                "unlimited-approval",
                1,
                "/alerts?rule=unlimited%20approval",
                "the treasury signs an approval without limit: whoever got it may take every SIM that it will ever hold",
            ),
            Self::GasSpike => (
                "gas-spike",
                11,
                "/alerts?rule=gas%20is%20dear",
                "eleven full blocks on simnet: the base fee climbs over 20 gwei, and comes back",
            ),
            Self::PriceMove => (
                "price-move",
                10,
                "/alerts?rule=ether%20falls",
                "ether falls to 2,440 dollars for ten beats: a rule says that it is below 2,500, and that it is back",
            ),
            Self::TopUp => (
                "top-up",
                1,
                "/payments",
                "the till on sepolia pays out until 300 USDC are left: a rule fills it up to 1,500, by way of a simulated Circle",
            ),
            Self::HeldPayment => (
                "held-payment",
                1,
                "/payments",
                "an invoice of 250 USDC is paid on sepolia: a rule would pass it on to the supplier, and waits until a person approves it",
            ),
        };
        Facts { name, what, look, beats }
    }

    /// Changes a beat, the `step`-th since it was asked for.
    fn change(self, step: u64, beat: &mut Beat, cast: &Cast, simnet: &Chain) {
        let Cast { treasury, deposits, poisoner, sim, hostile, .. } = *cast;
        let regular = cast.regular();
        let pay = |to, milli| Action::Pay { from: regular, to, value: milli_ether(milli) };
        match (self, step) {
            (Self::Deposit, _) => beat.simnet.act(pay(deposits, 3_300)),
            (Self::Reorg, 0) => beat.simnet.act(pay(deposits, TAKEN_BACK)),
            (Self::Reorg, step) if REORG_COMES.contains(&step) => take_back(&mut beat.simnet, cast, simnet),
            (Self::DeadReceiver, step) => {
                beat.books_open = false;
                if step == 0 {
                    beat.simnet.act(pay(deposits, 2_200));
                }
            }
            (Self::BlindSource, step) => {
                beat.node_answers = false;
                if step == 3 {
                    beat.simnet.act(pay(deposits, 900));
                }
            }
            (Self::PoisonedAddress, 0) => beat.simnet.act(pay(treasury, 600)),
            (Self::PoisonedAddress, 3) => {
                beat.simnet.act(Action::Forge {
                    token: sim,
                    by: poisoner,
                    from: treasury,
                    to: poisoner,
                    amount: U256::ZERO,
                });
                beat.simnet.act(Action::Pay { from: poisoner, to: treasury, value: U256::ONE });
            }
            (Self::HostileName, _) => {
                // Not from the poisoner, who would be known for what he is.
                let stranger = cast.customers.last().copied().unwrap_or_default();
                let amount = thousandths(1_000_000, 6);
                beat.simnet.act(Action::Forge { token: hostile, by: stranger, from: stranger, to: deposits, amount });
            }
            (Self::UnlimitedApproval, _) => {
                beat.simnet.act(Action::Approve { token: sim, from: treasury, spender: poisoner, amount: U256::MAX });
            }
            (Self::GasSpike, _) => beat.simnet.fill(),
            (Self::PriceMove, _) => beat.ether = Price::parse(ETHER_FALLS_TO).unwrap_or(beat.ether),
            (Self::TopUp, _) => beat.till_pays = true,
            (Self::HeldPayment, _) => beat.invoiced = true,
            (Self::Reorg | Self::PoisonedAddress, _) => {}
        }
    }
}

/// Turns a block into a reorg that takes the deed's payment back, where it stands shallow enough.
fn take_back(turn: &mut Turn, cast: &Cast, simnet: &Chain) {
    let Turn::Mine(plan) = turn else { return };
    let is_ours = |action: &Action| matches!(action, Action::Pay { to, value, .. } if *to == cast.deposits && *value == milli_ether(TAKEN_BACK));
    let height = simnet.height();
    let reached = (0..REORG_REACHES).filter_map(|back| simnet.at(height.checked_sub(back)?));
    let mut dropped: BTreeSet<B256> = BTreeSet::new();
    let mut depth = 0;
    for block in reached {
        let ours = block.txs.iter().filter(|tx| is_ours(&tx.tx.action)).map(|tx| tx.tx.hash);
        let before = dropped.len();
        dropped.extend(ours);
        if dropped.len() > before {
            depth = height.saturating_sub(block.at.number).saturating_add(1);
        }
    }
    if depth > 0 {
        let (actions, fullness) = (std::mem::take(&mut plan.actions), plan.fullness);
        // One block more than there were: each beat adds one.
        *turn = Turn::Reorg(Reorg {
            depth,
            blocks: depth.saturating_add(1),
            dropped,
            actions,
            fullness,
            ..Reorg::default()
        });
    }
}

/// What was asked for, and how far each is.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    waiting: BTreeSet<Deed>,
    /// Each with the beat that it began at.
    under_way: BTreeMap<Deed, u64>,
}

impl Deeds {
    /// Takes a wish for the next beat; false, and nothing happens, while the same is under way.
    pub(super) fn ask(&mut self, deed: Deed) -> bool {
        !self.under_way.contains_key(&deed) && self.waiting.insert(deed)
    }

    /// Changes the `nth` beat as was asked. Gives what begins with it.
    pub(super) fn change(&mut self, nth: u64, beat: &mut Beat, cast: &Cast, simnet: &Chain) -> BTreeSet<Deed> {
        let begun = std::mem::take(&mut self.waiting);
        self.under_way.extend(begun.iter().map(|deed| (*deed, nth)));
        self.under_way.retain(|deed, first| {
            let step = nth.saturating_sub(*first);
            deed.change(step, beat, cast, simnet);
            step.saturating_add(1) < deed.facts().beats
        });
        begun
    }
}
