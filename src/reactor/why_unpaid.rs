//! Why no payment came of something that a paying rule matched: the decision itself, made once more and named.

use super::Reactor;
use super::looked::Check;
use super::money::PaymentRow;
use super::pay_crossings::place;
use super::payments::desk::Unpaid;
use super::payments::desk::request::{arm_name, of_transfer};
use super::rows::{TransferRow, Voucher};
use super::settings::{PaymentSettings, Rule};
use crate::types::{Holding, Kind, Name};

impl Reactor {
    /// What a paying rule made of a transfer, in words; nothing of one that does not pay, or whose own checks say why.
    pub(super) fn paid_for(&self, rule: &Rule, checks: &[Check], row: &TransferRow) -> Option<Name> {
        let settings = self.settings.payments.iter().find(|payment| payment.rule == rule.name)?;
        let made = if settings.live {
            self.desk.get(of_transfer(&rule.name, row.id.0))
        } else {
            let of = self.payments.of_transfer(row.id).into_iter();
            of.filter_map(|id| self.payments.get(id)).find(|payment| payment.rule == rule.name)
        };
        if let Some(payment) = made {
            return Some(said_of(payment));
        }
        if checks.iter().any(|check| !check.passed) {
            return None;
        }
        let why = if settings.live { self.live_unpaid(rule, row) } else { self.unrehearsed(rule, settings, row) };
        Some(why.map_or_else(
            || "no payment came of it: none was planned while the rule could pay it".into(),
            |why| format!("no payment: {why}").into(),
        ))
    }

    /// Why a rule would not pay, when what it looks at goes past its level now: of a price or a fee, or of this balance.
    pub(super) fn would_pay(&self, rule: &Rule, holding: Option<&Holding>) -> Option<Name> {
        let settings = self.settings.payments.iter().find(|payment| payment.rule == rule.name)?;
        if !settings.live {
            return None;
        }
        let what = arm_name(&rule.name, &holding.map_or_else(|| "market".to_owned(), place));
        Some(match (self.desk.uncrossed(&rule.name, &what), self.desk.waits_for_payment(&what)) {
            (Some(why), _) => format!("no payment: {why}").into(),
            (None, Some(id)) => self.desk.get(id).map_or_else(|| "the rule is armed".into(), said_of),
            (None, None) => "the rule is armed: the next crossing pays".into(),
        })
    }

    fn live_unpaid(&self, rule: &Rule, row: &TransferRow) -> Option<Unpaid> {
        if self.is_loop(&row.key) { Some(Unpaid::Loop) } else { self.desk.unpaid(&self.trigger_of(rule, row)) }
    }

    /// Why a rule that is rehearsed plans nothing for a transfer that it matches.
    pub(super) fn unrehearsed(&self, rule: &Rule, settings: &PaymentSettings, row: &TransferRow) -> Option<Unpaid> {
        if row.stage < settings.stage {
            return Some(Unpaid::Stage { is: row.stage, needed: settings.stage });
        }
        // An explorer's word alone, an internal transfer alone, and anything suspect never pay.
        if row.voucher != Voucher::Authority || row.key.kind == Kind::Internal || !self.was_read(row) {
            return Some(Unpaid::Hearsay);
        }
        if row.suspect.any() {
            return Some(Unpaid::Suspect);
        }
        let born = self.rules.get(&rule.name).map(|state| state.born);
        if let Some(born) = born.filter(|born| row.block_time <= *born) {
            return Some(Unpaid::Before(born));
        }
        self.is_loop(&row.key).then_some(Unpaid::Loop)
    }
}

fn said_of(payment: &PaymentRow) -> Name {
    let why = payment.reason.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
    format!("payment {} came of it: it is {}{why}", payment.id, payment.state.word()).into()
}
