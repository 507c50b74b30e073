//! Why something that a live rule matches makes no payment: the same checks that decide it (MONEY §1, §2), each with a name.

use super::flaws::flawed;
use super::terms::{Offer, Terms};
use super::trigger::{Facts, Trigger, Vouched, amount};
use super::{Desk, Stopped};
use crate::types::{Address, ChainId, Name, PaymentId, Stage, Timestamp};
use std::fmt;

/// Why nothing is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpaid {
    /// Nothing is live, or this rule is not.
    NotLive,
    /// It is not deep enough, or was taken back.
    Stage {
        /// It is.
        is: Stage,
        /// It has to be.
        needed: Stage,
    },
    /// An explorer's row, or an internal movement: no block that was read says it.
    Hearsay,
    /// It is on another chain than the paying wallet.
    OtherChain,
    /// It was mined before the rule became what it is, or before a person let it go on.
    Before(Timestamp),
    /// From or to the paying wallet or a payee, or between watches.
    Loop,
    /// It may be a trick.
    Suspect,
    /// Nothing is left to be paid.
    Nothing,
    /// Its rule is stopped, and why.
    Stopped(Name),
    /// What was read has not been on the other side of `recovers_at` since the rule last looked anew.
    Unarmed,
    /// What the rule paid last has not landed, with the balance back at `recovers_at`.
    WaitsFor(PaymentId),
}

impl Unpaid {
    /// For counting.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotLive => "unpaid: not live",
            Self::Stage { .. } => "unpaid: not deep enough",
            Self::Hearsay => "unpaid: hearsay",
            Self::OtherChain => "unpaid: another chain",
            Self::Before(_) => "older than the rule",
            Self::Loop => "a loop",
            Self::Suspect => "suspect: it never pays",
            Self::Nothing => "unpaid: nothing is left",
            Self::Stopped(_) => "unpaid: its rule is stopped",
            Self::Unarmed => "unpaid: not armed",
            Self::WaitsFor(_) => "unpaid: another payment is open",
        }
    }
}

/// For people.
impl fmt::Display for Unpaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLive => f.write_str("nothing of this rule is live in the config in force"),
            Self::Stage { is: Stage::Retracted, .. } => f.write_str("it was taken back"),
            Self::Stage { is, needed } => write!(f, "it is {}, and pays when it is {}", is.word(), needed.word()),
            Self::Hearsay => {
                f.write_str("no block that was read says it: an explorer's word or an internal movement never pays")
            }
            Self::OtherChain => f.write_str("it is on another chain than the paying wallet"),
            Self::Before(since) => write!(
                f,
                "it was mined before the rule was what it is now, or before `payments resume`: what came before {since} never pays"
            ),
            Self::Loop => f.write_str("it is from or to the paying wallet or a payee, or between two watches"),
            Self::Suspect => f.write_str("it looks made to deceive: that never pays"),
            Self::Nothing => f.write_str("nothing is left of it to pay"),
            Self::Stopped(why) => write!(f, "the rule is stopped ({why}), and what comes meanwhile never pays"),
            Self::Unarmed => f.write_str(
                "the rule is not armed: it pays when what it looks at goes past its level from beyond `recovers_at`",
            ),
            Self::WaitsFor(id) => {
                write!(f, "the rule waits until payment {id} has landed and what it looks at is back at `recovers_at`")
            }
        }
    }
}

impl Desk {
    /// Why a rule pays nothing for this, if it pays nothing.
    #[must_use]
    pub fn unpaid(&self, trigger: &Trigger) -> Option<Unpaid> {
        let Some(terms) = &self.terms else { return Some(Unpaid::NotLive) };
        let Some(offer) = terms.offers.get(&trigger.rule) else { return Some(Unpaid::NotLive) };
        self.never_pays(trigger, offer, terms)
            .or_else(|| amount(offer, &trigger.facts).is_none_or(|amount| amount.is_zero()).then_some(Unpaid::Nothing))
            .or_else(|| Some(Unpaid::Stopped(self.stops.get(&Stopped::Rule(trigger.rule.clone()))?.reason.clone())))
    }

    /// Why a rule does not pay when what it looks at goes past its level, as it stands.
    #[must_use]
    pub fn uncrossed(&self, rule: &Name, what: &Name) -> Option<Unpaid> {
        if self.terms.as_ref().is_none_or(|terms| !terms.offers.contains_key(rule)) {
            return Some(Unpaid::NotLive);
        }
        if let Some(stop) = self.stops.get(&Stopped::Rule(rule.clone())) {
            return Some(Unpaid::Stopped(stop.reason.clone()));
        }
        match self.arms.get(what) {
            Some(arm) if arm.armed => None,
            Some(arm) => Some(arm.waits_for.map_or(Unpaid::Unarmed, Unpaid::WaitsFor)),
            None => Some(Unpaid::Unarmed),
        }
    }

    /// Why such a trigger never pays by this rule, or not yet.
    fn never_pays(&self, trigger: &Trigger, offer: &Offer, terms: &Terms) -> Option<Unpaid> {
        let Facts::Transfer { from, to, chain, block, stage, suspect, vouched, .. } = &trigger.facts else {
            return None;
        };
        let deep = match stage {
            Stage::Seen | Stage::Confirmed | Stage::Final => *stage >= offer.stage || flawed!(self, UnfinalPays),
            Stage::Retracted => false,
        };
        if !deep {
            return Some(Unpaid::Stage { is: *stage, needed: offer.stage });
        }
        if *vouched == Vouched::ByNobody {
            return Some(Unpaid::Hearsay);
        }
        if *chain != terms.chain {
            return Some(Unpaid::OtherChain);
        }
        if let Some(before) = self.was_before(trigger, *chain, *block) {
            return Some(before);
        }
        if self.is_loop(terms, from, to) {
            return Some(Unpaid::Loop);
        }
        (*suspect && !flawed!(self, SuspectPays)).then_some(Unpaid::Suspect)
    }

    /// What was mined before the rule was what it is never pays by it.
    fn was_before(&self, trigger: &Trigger, chain: ChainId, block: u64) -> Option<Unpaid> {
        let Some(birth) = self.births.get(&Stopped::Rule(trigger.rule.clone())) else { return Some(Unpaid::NotLive) };
        let head = birth.heads.iter().find(|(known, _)| *known == chain).map(|(_, head)| *head);
        // Where the chain was not known then, time decides.
        let before = head.map_or(trigger.time <= birth.at, |head| block <= head);
        before.then_some(Unpaid::Before(birth.at))
    }

    /// A transfer from or to the paying wallet or a payee, or between watches.
    fn is_loop(&self, terms: &Terms, from: &Address, to: &Address) -> bool {
        if flawed!(self, LoopThroughPayee) {
            return false;
        }
        let ours = |address: &Address| {
            terms.wallet_address.as_ref() == Some(address)
                || terms.payees.values().any(|payee| payee.address == *address)
        };
        ours(from) || ours(to) || (terms.watched.contains(from) && terms.watched.contains(to))
    }
}
