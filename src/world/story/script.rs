//! What happens when: each beat's deeds, out of the seed, the number of the beat and the chain. Pure.

use super::cast::{CALM_FEE, Cast};
use crate::types::{B256, Price, U256};
use crate::world::chain::{Action, Chain, Fails, Plan, Reorg};
use crate::world::chance::Chance;
use std::collections::BTreeSet;

/// The story begins anew after so many beats.
pub const ACT: u64 = 120;
/// At this beat of an act a customer pays the sum that a rule would answer with a payment.
pub const LARGE_DEPOSIT: u64 = 4;
/// A payment that will be taken back.
pub const DOOMED: u64 = 7;
/// The reorg that takes it back, when it was confirmed and alerted.
pub const TAKEN_BACK: u64 = 12;
/// The node hangs from here …
pub const NODE_HANGS: u64 = 18;
/// … to here.
pub const NODE_ANSWERS: u64 = 27;
/// What comes in meanwhile.
const UNSEEN: u64 = 21;
/// Blocks are full from here …
const GAS_SPIKE: u64 = 22;
/// … to here.
const GAS_CALMS: u64 = 33;
/// The book-keeping's receiver is dead from here …
const BOOKS_CLOSE: u64 = 29;
/// … to here: shorter than the wait before a second attempt.
const BOOKS_OPEN: u64 = 32;
/// A payment that a reorg moves to another block.
pub const MOVED: u64 = 34;
/// That reorg.
pub const MINED_AGAIN: u64 = 36;
/// The hot wallet pays so much out that a rule asks for more to be in it.
pub const HOT_PAYS: u64 = 37;
/// It is filled up again: the balance is read seldom enough that it needs some beats.
pub const HOT_FILLED: u64 = 45;
/// What the hot wallet pays out then, and what it pays out later in an act, in thousandths of a token.
const OUT_OF_HOT: (u64, u64) = (600_000_000, 2_000_000);
/// The till pays out what brings it down to what a rule calls low.
const TILL_PAYS: u64 = 48;
/// Somebody pays an invoice.
const INVOICED: u64 = 56;
/// The second feed says nothing from here …
const SECOND_FALLS_SILENT: u64 = 28;
/// … to here: longer than a venue like that is silent while it lives.
const SECOND_SPEAKS: u64 = 44;
/// From here to the end of the act the second feed says something else of the dollar coin: for longer than feeds may differ unsaid.
const SECOND_DIFFERS: u64 = 47;
/// What each feed says a dollar coin is worth then, in US cents.
const DOLLAR: (u64, u64) = (100, 96);
/// Until here only the script's own scenes happen, so that each can be followed; then also what happens every day.
const SCENES_END: u64 = 44;
/// Ether in US cents at beats of an act; between them in a straight line. It falls below 2,500 and comes back.
const ETHER: [(u64, u64); 7] =
    [(0, 256_000), (5, 252_500), (9, 249_000), (14, 247_500), (20, 253_000), (25, 257_500), (ACT, 256_000)];

/// What happens on one beat.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each happens or not, whatever the others do")]
pub struct Beat {
    /// On the chain with a node: a block, or first a reorg and then none.
    pub simnet: Turn,
    /// On the chain that only an explorer shows.
    pub explored: Turn,
    /// What ether trades at.
    pub ether: Price,
    /// What the second feed says that a dollar coin trades at; the first says a dollar.
    pub second_dollar: Price,
    /// Whether the second feed says anything.
    pub second_speaks: bool,
    /// Whether the node answers anything.
    pub node_answers: bool,
    /// Whether the book-keeping's receiver takes anything.
    pub books_open: bool,
    /// Whether the till pays out.
    pub till_pays: bool,
    /// Whether somebody pays an invoice.
    pub invoiced: bool,
    /// What a reader of the story would be told, where something out of the ordinary happens.
    pub told: Option<&'static str>,
}

/// What happens on a chain.
#[derive(Debug, Clone)]
pub enum Turn {
    /// A block.
    Mine(Plan),
    /// A reorg.
    Reorg(Reorg),
}

impl Turn {
    /// With this in its first block too, behind what was in it.
    pub(super) fn act(&mut self, action: Action) {
        match self {
            Self::Mine(plan) => plan.actions.push(action),
            Self::Reorg(reorg) => reorg.actions.push(action),
        }
    }

    /// With full blocks.
    pub(super) const fn fill(&mut self) {
        match self {
            Self::Mine(plan) => plan.fullness = 100,
            Self::Reorg(reorg) => reorg.fullness = 100,
        }
    }
}

/// The script of a seed.
#[derive(Debug, Clone)]
pub struct Script {
    cast: Cast,
    chance: Chance,
    /// Nothing happens by itself.
    calm: bool,
}

/// Ether or tokens out of thousandths, given the decimals.
pub(super) fn thousandths(amount: u64, decimals: u8) -> U256 {
    U256::from(amount).saturating_mul(U256::from(10).pow(U256::from(decimals.saturating_sub(3))))
}

/// Milli-ether in wei.
pub(super) fn milli_ether(amount: u64) -> U256 {
    thousandths(amount, 18)
}

impl Script {
    /// Of a seed. A calm one has blocks and prices, and no story.
    #[must_use]
    pub const fn new(seed: u64, cast: Cast, calm: bool) -> Self {
        Self { cast, chance: Chance::new(seed), calm }
    }

    /// What happens on the next beat, the `nth` since the start.
    ///
    /// # Panics
    /// Never: its prices are whole cents above zero.
    pub fn beat(&mut self, nth: u64, simnet: &Chain, explored: &Chain) -> Beat {
        // On the first beat of an act nothing happens.
        let beat = if self.calm { 0 } else { nth % ACT };
        let cents = ether(beat).saturating_add(self.chance.between(0, 60));
        let dollar = if beat < SECOND_DIFFERS { DOLLAR.0 } else { DOLLAR.1 };
        let price = |cents: u64| {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            Price::parse(&text).expect("whole cents above zero are a price")
        };
        Beat {
            simnet: self.simnet(beat, simnet),
            explored: self.explored(beat, explored),
            ether: price(cents),
            second_dollar: price(dollar),
            second_speaks: !(SECOND_FALLS_SILENT..SECOND_SPEAKS).contains(&beat),
            node_answers: !(NODE_HANGS..NODE_ANSWERS).contains(&beat),
            books_open: !(BOOKS_CLOSE..BOOKS_OPEN).contains(&beat),
            till_pays: beat == TILL_PAYS,
            invoiced: beat == INVOICED,
            told: told(beat),
        }
    }

    fn simnet(&mut self, beat: u64, chain: &Chain) -> Turn {
        let fullness = fullness(beat, chain);
        match beat {
            TAKEN_BACK => {
                let dropped = self.doomed(chain, TAKEN_BACK.saturating_sub(DOOMED));
                Turn::Reorg(Reorg { depth: 5, blocks: 6, dropped, fullness, ..Reorg::default() })
            }
            MINED_AGAIN => Turn::Reorg(Reorg { depth: 2, blocks: 3, later: 1, fullness, ..Reorg::default() }),
            _ => {
                let mut actions = self.scene(beat);
                if actions.is_empty() && beat >= SCENES_END && self.chance.one_in(4) {
                    actions.extend(self.everyday());
                }
                Turn::Mine(Plan { actions, fullness, ..Plan::default() })
            }
        }
    }

    /// Payments to the deposits in the block of so many beats ago.
    fn doomed(&self, chain: &Chain, ago: u64) -> BTreeSet<B256> {
        // Between then and now each beat was a block; the one of the last beat is the head.
        let block = chain.at(chain.height().saturating_add(1).saturating_sub(ago));
        let to_us = |action: &Action| matches!(action, Action::Pay { to, .. } if *to == self.cast.deposits);
        let txs = block.iter().flat_map(|block| &block.txs);
        txs.filter(|tx| to_us(&tx.tx.action)).map(|tx| tx.tx.hash).collect()
    }

    /// What the script says for a beat of an act.
    fn scene(&self, beat: u64) -> Vec<Action> {
        let Cast { treasury, deposits, hot, poisoner, splitter, sim, fake_usdc, mute, .. } = self.cast;
        let regular = self.cast.regular();
        match beat {
            1 => vec![Action::Pay { from: hot, to: regular, value: milli_ether(120) }],
            LARGE_DEPOSIT => vec![Action::Pay { from: regular, to: treasury, value: milli_ether(2_500) }],
            14 => vec![Action::Through {
                from: regular,
                contract: splitter,
                to: treasury,
                value: milli_ether(300),
                fails: Fails::Nothing,
            }],
            15 => vec![Action::Forge { token: sim, by: poisoner, from: treasury, to: poisoner, amount: U256::ZERO }],
            17 => vec![Action::Forge {
                token: fake_usdc,
                by: poisoner,
                from: poisoner,
                to: treasury,
                amount: thousandths(5_000_000, 6),
            }],
            39 => vec![Action::SendTwice { token: sim, from: regular, to: deposits, amount: thousandths(75_000, 6) }],
            DOOMED => vec![Action::Pay { from: regular, to: deposits, value: milli_ether(5_000) }],
            43 => vec![Action::Approve { token: sim, from: hot, spender: poisoner, amount: U256::MAX }],
            41 => vec![Action::PayInVain { from: regular, to: treasury, value: milli_ether(9_000) }],
            46 => vec![Action::Through {
                from: regular,
                contract: splitter,
                to: deposits,
                value: milli_ether(700),
                fails: Fails::Whole,
            }],
            52 => vec![Action::Create { from: hot, value: milli_ether(250) }],
            MOVED => vec![Action::Pay { from: regular, to: deposits, value: milli_ether(1_400) }],
            64 => vec![Action::Send { token: mute, from: regular, to: treasury, amount: U256::from(123_456_789) }],
            UNSEEN => vec![Action::Pay { from: regular, to: deposits, value: milli_ether(800) }],
            BOOKS_CLOSE => vec![Action::Pay { from: regular, to: deposits, value: milli_ether(1_100) }],
            HOT_PAYS => vec![Action::Send { token: sim, from: hot, to: regular, amount: thousandths(OUT_OF_HOT.0, 6) }],
            // All that an act takes out of it comes back, so that the next act begins alike.
            HOT_FILLED => {
                let amount = thousandths(OUT_OF_HOT.0.saturating_add(OUT_OF_HOT.1), 6);
                vec![Action::Send { token: sim, from: regular, to: hot, amount }]
            }
            96 => vec![Action::Send { token: sim, from: hot, to: regular, amount: thousandths(OUT_OF_HOT.1, 6) }],
            _ => Vec::new(),
        }
    }

    /// What happens every day.
    fn everyday(&mut self) -> Option<Action> {
        let customer = *self.chance.pick(&self.cast.customers)?;
        let Cast { treasury, deposits, hot, sim, .. } = self.cast;
        let milli = self.chance.between(10, 400);
        Some(match self.chance.between(0, 4) {
            0 | 1 => Action::Pay { from: customer, to: deposits, value: milli_ether(milli) },
            2 => Action::Pay { from: hot, to: customer, value: milli_ether(milli) },
            3 => Action::Send {
                token: sim,
                from: customer,
                to: treasury,
                amount: thousandths(milli.saturating_mul(100), 6),
            },
            _ => Action::Send {
                token: sim,
                from: customer,
                to: deposits,
                amount: thousandths(milli.saturating_mul(100), 6),
            },
        })
    }

    fn explored(&mut self, beat: u64, chain: &Chain) -> Turn {
        let Cast { treasury, splitter, usdc, fake_usdc, poisoner, .. } = self.cast;
        let regular = self.cast.regular();
        let fullness = fullness(0, chain);
        let sum = thousandths(self.chance.between(800_000, 2_400_000), 6);
        let actions = match beat {
            75 => return Turn::Reorg(Reorg { depth: 2, blocks: 3, later: 1, fullness, ..Reorg::default() }),
            20 => vec![Action::Through {
                from: regular,
                contract: splitter,
                to: treasury,
                value: milli_ether(450),
                fails: Fails::Nothing,
            }],
            50 => vec![Action::Forge { token: fake_usdc, by: poisoner, from: poisoner, to: treasury, amount: sum }],
            70 => vec![Action::PayInVain { from: regular, to: treasury, value: milli_ether(30_000) }],
            73 => vec![Action::Pay { from: regular, to: treasury, value: milli_ether(800) }],
            _ if beat % 15 == 3 => vec![Action::Send { token: usdc, from: regular, to: treasury, amount: sum }],
            _ => Vec::new(),
        };
        Turn::Mine(Plan { actions, fullness, ..Plan::default() })
    }
}

/// How full the next block is: full in the spike, then empty until the fee is calm, and steady there.
fn fullness(beat: u64, chain: &Chain) -> u8 {
    let (fee, calm) = (chain.head().base_fee, U256::from(CALM_FEE));
    match (GAS_SPIKE..GAS_CALMS).contains(&beat) {
        true => 100,
        false if fee > calm => 0,
        false if fee < calm.saturating_sub(calm / U256::from(8)) => 75,
        false => 50,
    }
}

/// Ether in cents at a beat of an act.
fn ether(beat: u64) -> u64 {
    let legs = ETHER.iter().zip(ETHER.iter().skip(1));
    let mut cents = ETHER.first().map_or(0, |(_, cents)| *cents);
    for ((from, start), (to, end)) in legs {
        let (into, span) = (beat.saturating_sub(*from).min(to.saturating_sub(*from)), to.saturating_sub(*from).max(1));
        let share = |distance: u64| distance.saturating_mul(into) / span;
        if beat >= *from {
            let up = end.saturating_sub(*start);
            let down = start.saturating_sub(*end);
            cents = start.saturating_add(share(up)).saturating_sub(share(down));
        }
    }
    cents
}

/// What a reader is told of a beat.
const fn told(beat: u64) -> Option<&'static str> {
    Some(match beat {
        1 => "the hot wallet pays a customer",
        3 => "on ethereum USDC comes in: there is no node for it, only an explorer that is asked every few seconds",
        LARGE_DEPOSIT => "2.5 ETH come in to the treasury: a rule answers with a payment, which is only rehearsed",
        DOOMED => "5 ETH come in to the deposits, and will be taken back",
        6 => "the price of ether is falling",
        TAKEN_BACK => "a reorg: five blocks are replaced, and the 5 ETH never came",
        14 => "a contract pays the treasury from within: no log and no field of the transaction says so",
        15 => "address poisoning: a transfer of nothing in the treasury's name. Nobody is to be bothered with it",
        17 => "somebody sends a token that calls itself USDC. Nobody is to be bothered with it either",
        NODE_HANGS => "the node hangs: connected, and not a word",
        UNSEEN => "0.8 ETH come in, and the node says nothing",
        NODE_ANSWERS => "the node answers again",
        SECOND_FALLS_SILENT => "the second price feed is connected and silent: prices are the first one's alone",
        SECOND_SPEAKS => "the second price feed speaks again",
        SECOND_DIFFERS => {
            "the feeds differ by 4 % about the dollar coin: who does not come round within a minute is told of"
        }
        BOOKS_CLOSE => "the book-keeping's receiver is down (HTTP 503); 1.1 ETH come in",
        BOOKS_OPEN => "the book-keeping's receiver is up again",
        MOVED => "1.4 ETH come in",
        MINED_AGAIN => "a reorg: the 1.4 ETH stand in another block now. They are not told twice",
        HOT_PAYS => "the hot wallet pays 600,000 SIM out: what is left is less than a rule asks for",
        HOT_FILLED => "the hot wallet is filled up again",
        39 => "two equal token transfers in one transaction: two deposits, not one",
        41 => "a payment of 9 ETH that fails on the chain: nothing moved",
        TILL_PAYS => {
            "on sepolia the till pays USDC out until 300 are left: a rule fills it up, by way of a simulated Circle"
        }
        INVOICED => "an invoice of 250 USDC is paid on sepolia: a rule would pass it on, and waits for a person",
        43 => "the hot wallet signs an unlimited approval: whoever got it may take every SIM it will ever hold",
        _ => return None,
    })
}
