//! Approvals against rules. They live as transfers do: same table, same stages, same retractions. They move nothing, change no balance
//! and pay nothing.

use super::Reactor;
use super::effect::Notice;
use super::rows::TransferRow;
use super::settings::{ApprovalCondition, LeastAllowance};
use crate::types::{Address, Allowance, ChainId};

impl Reactor {
    /// Whether a rule speaks of an approval; of what is none it does not.
    pub(super) fn allows(&self, condition: &ApprovalCondition, row: &TransferRow) -> bool {
        let Some(allowance) = Allowance::of(&row.key) else { return false };
        let asset = (row.key.chain, row.key.asset);
        let enough = match (&condition.at_least, allowance) {
            (Some(LeastAllowance::Amount(levels)), _) if !levels.contains_key(&asset) => false,
            (_, Allowance::Nothing) => condition.revokes,
            (None, _) => true,
            (Some(LeastAllowance::Unlimited), allowance) => allowance.is_unlimited(),
            (Some(LeastAllowance::Amount(levels)), Allowance::Amount(_) | Allowance::Unlimited) => {
                levels.get(&asset).is_some_and(|level| row.key.amount >= *level)
            }
            (Some(LeastAllowance::Amount(_)), Allowance::One(_) | Allowance::Everything) => false,
        };
        enough
            && !row.history
            && condition.chains.contains(&row.key.chain)
            && condition.assets.as_ref().is_none_or(|assets| assets.contains(&asset))
            && !self.is_trusted(condition, row.key.chain, &row.key.to)
            && !(condition.skip_suspect && row.suspect.any())
    }

    /// Whether a rule says nothing of this spender. Who may move an NFT no more is nobody: the zero address.
    fn is_trusted(&self, condition: &ApprovalCondition, chain: ChainId, spender: &Address) -> bool {
        // Whoever may add a watch may not thereby make a spender trusted.
        let watch = self.watched.find(chain, spender).filter(|(place, _)| self.watched.is_of_config(*place));
        let watch = watch.map(|(_, watch)| &watch.name);
        condition.trusted.contains(&(chain, *spender))
            || watch.is_some_and(|name| condition.trusted_watches.contains(name))
    }
}

/// What is counted of a transfer or an approval that reached a stage.
pub(super) const fn stage_notice(row: &TransferRow) -> Notice {
    let (chain, stage, suspect) = (row.key.chain, row.stage, row.suspect.any());
    if row.key.kind.is_approval() {
        Notice::Approval { chain, stage, suspect }
    } else {
        Notice::Transfer { chain, stage, suspect }
    }
}
