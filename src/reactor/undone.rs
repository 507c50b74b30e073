//! What a reorg undoes of a level: a crossing or a recovery in a block that is gone, by the balance in what replaced it. It says nothing.

use super::Reactor;
use super::crossing::{is_back, is_past};
use super::event::ReadAt;
use super::holdings::{Amount, LevelRow, Turned};
use super::phase::Phase;
use super::settings::Threshold;
use crate::types::{ChainId, Timestamp, U256};

/// What a reorg undid.
pub(super) enum Undone {
    Nothing,
    /// A crossing that was said.
    Crossing,
    /// A recovery from a crossing since then.
    Recovery(Timestamp),
}

impl Reactor {
    /// Of a level that turned at a block that is gone: whether it holds by the balance that is there now. One that does not goes back.
    pub(super) fn undo(&self, level: &mut LevelRow, threshold: &Threshold<U256>, last: Amount) -> Undone {
        let Some(turned) = level.turned.filter(|turned| turned.gone) else { return Undone::Nothing };
        level.turned = self.turned(level.key.holding.chain, last.at, turned.was);
        match (level.phase, turned.was) {
            (Phase::Crossed(_), _) if !is_past(threshold, &last.raw) => {
                (level.phase, level.turned) = (Phase::Calm, None);
                Undone::Crossing
            }
            (Phase::Muffled(_), _) if !is_past(threshold, &last.raw) => {
                (level.phase, level.turned) = (Phase::Calm, None);
                Undone::Nothing
            }
            (Phase::Calm | Phase::Pending(_), Phase::Crossed(since)) if !is_back(threshold, &last.raw) => {
                (level.phase, level.turned) = (turned.was, None);
                Undone::Recovery(since)
            }
            (Phase::Calm | Phase::Pending(_), Phase::Muffled(_)) if !is_back(threshold, &last.raw) => {
                (level.phase, level.turned) = (turned.was, None);
                Undone::Nothing
            }
            (Phase::Calm | Phase::Pending(_) | Phase::Crossed(_) | Phase::Muffled(_), _) => Undone::Nothing,
        }
    }

    /// How a level turned at this block, while a reorg can still undo it.
    pub(super) fn turned(&self, id: ChainId, at: ReadAt, was: Phase) -> Option<Turned> {
        let last_final = self.chains.get(&id).map_or(0, |chain| chain.row().last_final);
        let hash = at.hash.filter(|_| at.number > last_final)?;
        Some(Turned { block: at.number, hash, was, gone: false })
    }
}
