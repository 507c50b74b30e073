//! Why a transfer was said, or was not: each rule that could speak of it, and what each of its conditions says.
//!
//! The same checks decide what is said ([`super::speak`]); here they are only named.

use super::Reactor;
pub use super::looked::{Check, Looked};
use super::rows::{TransferRow, Voucher};
use super::settings::Condition;
use crate::types::{Name, Stage};

impl Reactor {
    /// Every rule on the watches of a transfer, with what each check says.
    pub(super) fn why(&self, row: &TransferRow) -> Vec<Looked> {
        let mut looked = Vec::new();
        for side in self.sides(&row.key) {
            let Some(watch) = self.watched.watches().get(side.watch) else { continue };
            for entry in self.rules.of_watch(side.watch).iter() {
                let (rule, watch) = (entry.rule.name.clone(), watch.name.clone());
                let condition = match &entry.rule.condition {
                    Condition::Transfer(condition) => condition,
                    Condition::Approval(_) => {
                        let speaks = self.speaks_of(entry, row, &side).is_some();
                        let checks = vec![("an approval that the rule is about", speaks)];
                        looked.push(Looked { rule, watch, checks, besides: Vec::new() });
                        continue;
                    }
                    Condition::Price(_) | Condition::Change(_) | Condition::Gas(_) | Condition::Balance(_) => continue,
                };
                let checks = self.checks(entry, condition, row, &side).to_vec();
                let mut besides: Vec<Name> = Vec::new();
                if row.stage == Stage::Retracted {
                    besides.push("the transfer was taken back".into());
                }
                if row.voucher == Voucher::Other {
                    besides.push("only a source that is not the authority reports it".into());
                }
                let next = condition.stages.iter().find(|stage| **stage > row.stage);
                if !condition.stages.iter().any(|stage| *stage <= row.stage)
                    && let Some(next) = next
                {
                    besides.push(format!("the rule speaks when it is {}", next.word()).into());
                }
                if self.is_made_to_deceive(row) && !condition.show_suspect {
                    besides.push("it looks made to deceive: it is named in the daily digest (`show_suspect`)".into());
                }
                looked.push(Looked { rule, watch, checks, besides });
            }
        }
        looked
    }
}
