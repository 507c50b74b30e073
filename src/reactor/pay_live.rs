//! Live payments join the rest: what triggers them, what they write and say, and what is in force for them.

use super::Reactor;
use super::cross::said_at;
use super::effect::{Effect, LiveWords, MessageKind, Notice};
use super::event::ClockReport;
use super::halts::Halt;
use super::money::{CircleId, PaymentRow, Sha256};
use super::payments::ask::{Answer, Asked};
use super::payments::desk::request::of_transfer;
use super::payments::desk::terms::{Offer, OfferAmount, PayeeTerms, Terms, sha256};
use super::payments::desk::{Desk, Facts, Order, Refusal, Said, Step, Trigger, Unpaid, Vouched};
use super::rows::{Deadline, Row, RowKey, TransferRow, Voucher};
use super::settings::{Approval, PaymentAmount, PaymentSettings, Rule, Settings};
use crate::types::{Address, ChainId, Kind, Name, Stage, Timestamp, TransferId, TransferKey, chain};
use std::collections::BTreeMap;
use std::time::Duration;

impl Reactor {
    /// Whether the chain's own blocks vouch for a transfer: its block was read, and what stands in a block that was read was compared
    /// with it. Whether an endpoint is fresh at this moment does not matter: the block was read when one was.
    pub(super) fn was_read(&self, row: &TransferRow) -> bool {
        let Some(chain) = self.chains.get(&row.key.chain).filter(|chain| chain.covers(row.block)) else { return false };
        // An explorer may have listed it in another fork's block of this height while no endpoint was fresh.
        row.block_hash.is_some_and(|hash| chain.block(row.block).is_none_or(|block| block.at.hash == hash))
    }

    /// A transfer from or to a payee, or between watches, never pays (MONEY §1).
    pub(super) fn is_loop(&self, key: &TransferKey) -> bool {
        let watched = |address: &Address| self.watched.find(key.chain, address).is_some();
        let payee = |address: Address| {
            self.settings.payees.values().any(|payee| payee.chain == key.chain && payee.address == address)
        };
        (watched(&key.from) && watched(&key.to)) || payee(key.from) || payee(key.to)
    }

    /// What the payment worker is to be asked, once what was handled is durable. Each is handed out once.
    pub fn take_asks(&mut self) -> Vec<Asked> {
        self.desk.take_asks()
    }

    /// The live payments.
    #[must_use]
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Lets the desk do something, and writes and says what follows.
    pub(super) fn at_desk<T>(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Desk, &Self, Timestamp, &mut Step) -> T,
    ) -> T {
        let mut desk = std::mem::take(&mut self.desk);
        let mut step = Step::default();
        let done = act(&mut desk, self, self.at, &mut step);
        self.desk = desk;
        effects.extend(step.payments.into_iter().map(|row| Effect::Put(Row::Payment(Box::new(row)))));
        effects.extend(step.gone.into_iter().map(|key| Effect::Delete(RowKey::Office(key))));
        effects.extend(step.office.into_iter().map(|row| Effect::Put(Row::Office(Box::new(row)))));
        for said in step.said {
            self.say_of_desk(said, effects);
        }
        self.look_again(effects);
        self.ask_no_more();
        done
    }

    fn look_again(&mut self, effects: &mut Vec<Effect>) {
        match self.desk.next_due(self.at) {
            // An earlier one stays: a stream of events postpones nothing.
            Some(due) if !self.timers.is_due(due, &Deadline::Money) => {
                self.timers.set(self.at, Deadline::Money, due.since(self.at), effects);
            }
            Some(_) => {}
            None => self.timers.clear(&Deadline::Money, effects),
        }
    }

    fn say_of_desk(&mut self, said: Said, effects: &mut Vec<Effect>) {
        match said {
            Said::Payment(row) => match said_at(row.state) {
                Some(kind) => self.say_payment_of(&row, kind, effects),
                None => effects.push(Effect::Notice(Notice::Payment {
                    payment: row.id,
                    rule: row.rule.clone(),
                    state: row.state,
                })),
            },
            Said::TriggerRetracted(row) => self.say_payment_of(&row, MessageKind::PaymentTriggerRetracted, effects),
            Said::Unpaid(rule, why) => {
                effects.push(Effect::Notice(Notice::Suppressed { rule, reason: why.word() }));
            }
            Said::Frozen(why) => {
                effects.push(Effect::Notice(Notice::Money { what: "payments are frozen", why: why.clone() }));
                self.say_frozen(Halt::Everything, why, effects);
            }
            Said::Unfrozen(by) => {
                self.say_unfrozen(Halt::Everything, &by, effects);
                effects.push(Effect::Notice(Notice::Money { what: "payments go on", why: by }));
            }
            Said::Paused(why) => {
                effects.push(Effect::Notice(Notice::Money { what: "payments are paused", why: why.clone() }));
                self.say_frozen(Halt::Clock, why, effects);
            }
            Said::ClockTrusted(by) => self.say_unfrozen(Halt::Clock, &by, effects),
            Said::Stopped(row) => {
                let why = row.reason.clone();
                effects.push(Effect::Notice(Notice::Money { what: "a rule or payee is stopped", why: why.clone() }));
                self.say_frozen(Halt::One(&row.what), why, effects);
            }
            Said::Resumed(what, by) => self.say_unfrozen(Halt::One(&what), &by, effects),
            Said::Warning(why) => effects.push(Effect::Notice(Notice::Money { what: "payments", why })),
        }
    }

    pub(super) fn configure_live(&mut self, effects: &mut Vec<Effect>) {
        let terms = terms(&self.settings);
        let heads: BTreeMap<ChainId, u64> =
            self.chains.iter().filter_map(|(id, chain)| Some((*id, chain.height()?))).collect();
        let live = terms.is_some();
        self.show_again();
        self.at_desk(effects, |desk, reactor, at, step| {
            desk.configure(terms, &heads, at, step);
            if live {
                desk.tick(at, &|row| reactor.holds(row), step);
            }
        });
    }

    /// The wall clock moved against the monotonic one: money pauses.
    pub(super) fn clock_moved(&mut self, report: &ClockReport, effects: &mut Vec<Effect>) {
        effects.push(Effect::Notice(Notice::Clock { ahead_ms: report.ahead_ms }));
        if self.settings.live.is_some() {
            self.at_desk(effects, |desk, _, at, step| desk.clock(report.ahead_ms, at, step));
        }
    }

    pub(super) fn money_due(&mut self, effects: &mut Vec<Effect>) {
        self.compare_again();
        self.at_desk(effects, |desk, reactor, at, step| desk.tick(at, &|row| reactor.holds(row), step));
    }

    pub(super) fn answered(&mut self, answer: Answer, effects: &mut Vec<Effect>) {
        self.at_desk(effects, |desk, reactor, at, step| {
            desk.answered(answer, at, step);
            desk.tick(at, &|row| reactor.holds(row), step);
        });
    }

    pub(super) fn hinted(&mut self, transaction: &CircleId, effects: &mut Vec<Effect>) {
        self.at_desk(effects, |desk, reactor, at, step| {
            desk.hinted(transaction, at, step);
            desk.tick(at, &|row| reactor.holds(row), step);
        });
    }

    pub(super) fn order_live(&mut self, order: Order, by: &Name, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.at_desk(effects, |desk, reactor, at, step| {
            let done = desk.order(order, by, at, &|row| reactor.holds(row), step);
            if desk.fingerprint().is_some() {
                desk.tick(at, &|row| reactor.holds(row), step);
            }
            done
        })
    }

    pub(super) fn live_retracted(&mut self, transfer: TransferId, effects: &mut Vec<Effect>) {
        self.at_desk(effects, |desk, _, at, step| desk.retracted(transfer, at, step));
    }

    /// A transfer that a live rule matches: the desk decides.
    pub(super) fn pay_live_for(&mut self, rule: &Rule, row: &TransferRow, effects: &mut Vec<Effect>) {
        if self.is_loop(&row.key) {
            return self.say_of_desk(Said::Unpaid(rule.name.clone(), Unpaid::Loop), effects);
        }
        let trigger = self.trigger_of(rule, row);
        self.at_desk(effects, |desk, _, at, step| desk.plan(&trigger, at, step));
        self.ask_of_transfer(of_transfer(&rule.name, row.id.0), row);
    }

    /// A transfer as a rule's trigger.
    pub(super) fn trigger_of(&self, rule: &Rule, row: &TransferRow) -> Trigger {
        let read = row.key.kind != Kind::Internal && row.voucher == Voucher::Authority && self.was_read(row);
        // Whoever else is asked says so later: with one operator alone, a person approves.
        let vouched = if read { Vouched::ByOne } else { Vouched::ByNobody };
        // A depth below the chain table's is none for money.
        let shallow = || self.deepest(row.key.chain, Stage::Confirmed).is_none_or(|deepest| row.block > deepest);
        let stage = if row.stage == Stage::Confirmed && shallow() { Stage::Seen } else { row.stage };
        let facts = Facts::Transfer {
            id: row.id,
            amount: row.key.amount,
            from: row.key.from,
            to: row.key.to,
            chain: row.key.chain,
            block: row.block,
            stage,
            suspect: row.suspect.any(),
            vouched,
            block_hash: row.block_hash.unwrap_or_default().0,
        };
        Trigger { rule: rule.name.clone(), time: row.block_time, facts }
    }

    /// What is known of a payment at Circle.
    pub(super) fn live_words(&self, row: &PaymentRow) -> Option<LiveWords> {
        row.live.as_deref().map(|live| LiveWords {
            circle_id: live.circle_id.clone(),
            circle_state: live.circle_state.clone(),
            tx: live.tx,
            audit_head: self.desk.audit_head().map(|head| head.hash),
        })
    }
}

/// The fingerprint of what the config says of live money; `None` where nothing is live.
#[must_use]
pub fn terms_fingerprint(settings: &Settings) -> Option<Sha256> {
    terms(settings).map(|terms| terms.fingerprint)
}

/// What the config says of live money; `None` where nothing is live.
fn terms(settings: &Settings) -> Option<Terms> {
    let live = settings.live.as_ref()?;
    // Coins of a test network are anybody's: only a relaxed deployment pays for them.
    let worth = live.relaxed || chain::by_id(live.chain).is_some_and(|known| !known.test);
    let offers = settings.payments.iter().filter(|payment| payment.live && worth).filter_map(|payment| {
        let payee = settings.payees.get(&payment.payee).filter(|payee| payee.chain == live.chain)?;
        let rule = settings.rules.iter().find(|rule| rule.name == payment.rule)?;
        let mark = format!("{:?} {:?} {:?}", rule.condition, payment.stage, payee.address);
        Some((payment.rule.clone(), offer(payment, settings, live.chain, &mark)))
    });
    let payees = settings.payees.iter().filter(|(_, payee)| payee.chain == live.chain);
    let payees =
        payees.map(|(name, payee)| (name.clone(), PayeeTerms { address: payee.address, per_day: payee.per_day }));
    Some(
        Terms {
            store: live.store,
            environment: live.environment.clone(),
            wallet: live.wallet.clone(),
            chain: live.chain,
            blockchain: live.blockchain.clone(),
            token: live.token,
            wallet_address: Some(live.wallet_address),
            per_day: live.per_day,
            in_total: live.in_total,
            two_approvals_over: live.two_approvals_over,
            gasless: live.gasless,
            relaxed: live.relaxed,
            payees: payees.collect(),
            offers: offers.collect(),
            // A transfer between two watches never comes to the desk: there may be a million of them.
            watched: Vec::new(),
            fingerprint: [0; 32],
        }
        .sealed(),
    )
}

fn offer(payment: &PaymentSettings, settings: &Settings, chain: ChainId, mark: &str) -> Offer {
    let usual = settings.chains.get(&chain).map_or(Duration::ZERO, |chain| {
        chain.block_time.saturating_mul(u32::try_from(chain.final_after).unwrap_or(u32::MAX))
    });
    Offer {
        payee: payment.payee.clone(),
        amount: match payment.amount {
            PaymentAmount::Fixed(amount) => OfferAmount::Fixed(amount),
            PaymentAmount::Match { reserve } => OfferAmount::Match(reserve),
            PaymentAmount::FillTo(level) => OfferAmount::FillTo(level),
        },
        stage: payment.stage,
        per_payment: payment.per_payment,
        per_day: payment.per_day,
        in_total: payment.in_total,
        max_per_day: payment.max_per_day,
        manual: payment.approval == Approval::Manual,
        expires: payment.approval_expires,
        max_fee: payment.max_fee,
        usual,
        mark: sha256("rule", &[mark.as_bytes()]),
    }
}
