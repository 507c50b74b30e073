//! Second opinions (MONEY §2): a payment that one operator's word made goes by itself only where another operator says the same: the block's
//! hash and the transfer in it, or the balances by the hashes of their blocks.
//!
//! Each operator is asked anew, the one that spoke first too: who said what before is not known here. Nothing of it outlives a restart: then
//! a person is asked.

use super::Reactor;
use super::effect::{Effect, Notice};
use super::event::{Opinion, Witnessed};
use super::money::PaymentState;
use super::rows::TransferRow;
use super::staged::Read;
use super::wants::OpinionWant;
use crate::types::{B256, ChainId, Holding, Name, PaymentId, TransferKey};
use std::collections::{BTreeMap, BTreeSet};

/// So many operators have to say the same.
const OPERATORS: usize = 2;

/// What is asked, by payment.
#[derive(Debug, Clone, Default)]
pub(super) struct Opinions(BTreeMap<PaymentId, Question>);

/// What made a payment, and who else says so.
#[derive(Debug, Clone)]
struct Question {
    chain: ChainId,
    facts: Vec<Fact>,
    /// The facts that each operator confirmed, by their place.
    said: BTreeMap<Name, BTreeSet<usize>>,
    /// Who said otherwise.
    against: BTreeSet<Name>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Transfer { key: TransferKey, block: B256 },
    Balance { holding: Holding, read: Read },
}

impl Fact {
    const fn want(&self) -> OpinionWant {
        match self {
            Self::Transfer { key: _, block } => OpinionWant::Block(*block),
            Self::Balance { holding, read } => OpinionWant::Balance {
                address: holding.address,
                asset: holding.asset,
                number: read.number,
                block: read.hash,
            },
        }
    }

    /// Whether what was read says so too; nothing where it is about something else.
    fn agrees(&self, chain: ChainId, read: &Witnessed) -> Option<bool> {
        match (self, read) {
            (Self::Transfer { key, block }, Witnessed::Block(other)) if other.at.hash == *block => {
                let same = |movement: &&_| TransferKey { nth: key.nth, ..TransferKey::of(chain, movement, 0) } == *key;
                let found = other.movements.iter().filter(same).count();
                Some(usize::try_from(key.nth).is_ok_and(|nth| nth < found))
            }
            (Self::Balance { holding, read }, Witnessed::Balance { address, asset, block, raw })
                if (holding.address, holding.asset, read.hash) == (*address, *asset, *block) =>
            {
                Some(read.raw == *raw)
            }
            (Self::Transfer { .. } | Self::Balance { .. }, Witnessed::Block(_) | Witnessed::Balance { .. }) => None,
        }
    }
}

impl Opinions {
    /// What endpoints are to read.
    pub(super) fn wants(&self, chain: ChainId) -> BTreeSet<OpinionWant> {
        let here = self.0.values().filter(|question| question.chain == chain);
        here.flat_map(|question| question.facts.iter().map(Fact::want)).collect()
    }

    /// An operator's word. Gives the payments of which enough of them say the same now, and those of which this one says otherwise for the
    /// first time.
    fn hear(&mut self, opinion: &Opinion) -> (Vec<PaymentId>, Vec<PaymentId>) {
        let (mut agreed, mut against) = (Vec::new(), Vec::new());
        for (payment, question) in self.0.iter_mut().filter(|(_, question)| question.chain == opinion.chain) {
            let said = question.said.entry(opinion.operator.clone()).or_default();
            for (place, fact) in question.facts.iter().enumerate() {
                match fact.agrees(opinion.chain, &opinion.read) {
                    Some(true) => drop(said.insert(place)),
                    Some(false) => {
                        said.remove(&place);
                        if question.against.insert(opinion.operator.clone()) {
                            against.push(*payment);
                        }
                    }
                    None => {}
                }
            }
            let whole = question.said.values().filter(|said| said.len() == question.facts.len()).count();
            if whole >= OPERATORS {
                agreed.push(*payment);
            }
        }
        (agreed, against)
    }
}

impl Reactor {
    /// Other operators are asked about the transfer that made a payment.
    pub(super) fn ask_of_transfer(&mut self, payment: PaymentId, row: &TransferRow) {
        if let Some(block) = row.block_hash {
            self.ask_others(payment, row.key.chain, vec![Fact::Transfer { key: row.key, block }]);
        }
    }

    /// Other operators are asked about the balances that made the payment for which a rule waits.
    pub(super) fn ask_of_balance(&mut self, what: &Name, holding: Holding, reads: &[Read]) {
        if let Some(payment) = self.desk.waits_for_payment(what) {
            let facts = reads.iter().map(|read| Fact::Balance { holding, read: *read }).collect();
            self.ask_others(payment, holding.chain, facts);
        }
    }

    fn ask_others(&mut self, payment: PaymentId, chain: ChainId, facts: Vec<Fact>) {
        let planned = self.desk.get(payment).is_some_and(|row| row.state == PaymentState::Planned);
        if planned && !self.soft.opinions.0.contains_key(&payment) {
            let question = Question { chain, facts, said: BTreeMap::new(), against: BTreeSet::new() };
            self.soft.opinions.0.insert(payment, question);
            self.unpublished.insert(chain);
        }
    }

    /// Nobody is asked about what went its way.
    pub(super) fn ask_no_more(&mut self) {
        let (desk, unpublished) = (&self.desk, &mut self.unpublished);
        self.soft.opinions.0.retain(|payment, question| {
            let waits = desk.get(*payment).is_some_and(|row| row.state == PaymentState::Planned);
            if !waits {
                unpublished.insert(question.chain);
            }
            waits
        });
    }

    /// What an operator says of something that would pay.
    pub(super) fn opinion(&mut self, opinion: &Opinion, effects: &mut Vec<Effect>) {
        let (agreed, against) = self.soft.opinions.hear(opinion);
        for payment in against {
            let why = format!("{} says otherwise of what made payment {payment}", opinion.operator);
            effects.push(Effect::Notice(Notice::Money { what: "operators do not agree", why: why.into() }));
        }
        for payment in agreed {
            self.at_desk(effects, |desk, _, at, step| desk.witnessed(payment, at, step));
        }
    }
}
