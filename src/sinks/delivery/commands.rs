//! What people ask of the outbox: replay, drop, enable; and what a reload changes.

use super::lane::Lane;
use super::row::{Entry, outcome};
use super::{LaneSettings, Machine, Orphans};
use crate::store::{AttemptEnd, AttemptRow, DeliveryWrite, OutboxRow, OutboxState};
use crate::types::{Name, Timestamp};
use std::collections::BTreeMap;

/// Why a command on the outbox cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// There is no such row.
    #[error("there is no message {seq} in the outbox: `walletwatch outbox list` names them")]
    NoRow {
        /// Which was asked for.
        seq: i64,
    },
    /// It is pending already: a replay would change nothing.
    #[error("the message is on its way already")]
    Pending {
        /// Which was asked for.
        seq: i64,
    },
    /// It is not pending: there is nothing to drop.
    #[error("the message is closed already: there is nothing to drop")]
    Closed {
        /// Which was asked for.
        seq: i64,
    },
    /// The config has no such sink.
    #[error("the config has no sink {sink:?}")]
    NoSink {
        /// Which was asked for.
        sink: Name,
    },
    /// The delivery worker has stopped.
    #[error("the delivery worker has stopped: walletwatch is shutting down")]
    Stopped,
}

impl Machine {
    /// Sends a closed row again, with the same id and body. `row` is as the store has it.
    ///
    /// # Errors
    /// When it is pending already, or its sink is not in the config.
    pub fn replay(&mut self, row: OutboxRow, at: Timestamp) -> Result<(), OrderFault> {
        let (seq, room) = (row.seq, self.room());
        let sink = row.message.sink.clone();
        let lane = self.lanes.get_mut(&sink).filter(|lane| !lane.is_removed()).ok_or(OrderFault::NoSink { sink })?;
        if lane.has(seq) {
            return Err(OrderFault::Pending { seq });
        }
        if row.state == OutboxState::Done {
            let (at, reason) = (row.closed_at.unwrap_or(row.due), row.reason.clone());
            let row = AttemptRow { at, ended: AttemptEnd::Done, reason };
            self.out.writes.push(DeliveryWrite::Attempt { seq, row });
        }
        let row = OutboxRow {
            state: OutboxState::Pending,
            attempts: 0,
            due: at,
            reason: None,
            receiver_id: None,
            closed_at: None,
            ..row
        };
        lane.insert(seq, Entry::new(row, false, at, room));
        self.out.writes.push(outcome(seq, OutboxState::Pending, 0, at, None, None));
        Ok(())
    }

    /// Gives a pending row up. One that is under way is given up when its attempt fails.
    ///
    /// # Errors
    /// When it is not pending.
    pub fn drop_row(&mut self, seq: i64, at: Timestamp) -> Result<(), OrderFault> {
        let lane = self.lanes.values_mut().find(|lane| lane.has(seq)).ok_or(OrderFault::Closed { seq })?;
        lane.drop_row(seq, at, &mut self.out);
        Ok(())
    }

    /// A receiver that counts asked for a pause, though it took what it was sent.
    pub fn rest(&mut self, sink: &Name, until: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(sink) {
            lane.rest(until, &mut self.meters);
        }
    }

    /// Opens a sink that its receiver disabled, and tries at once whatever waits there.
    ///
    /// # Errors
    /// When the config has no such sink.
    pub fn enable(&mut self, sink: &Name, at: Timestamp) -> Result<(), OrderFault> {
        let lane = self.lanes.get_mut(sink).filter(|lane| !lane.is_removed());
        lane.ok_or_else(|| OrderFault::NoSink { sink: sink.clone() })?.enable(at, &mut self.meters, &mut self.out);
        Ok(())
    }

    /// A reload: the sinks in force, and those of them whose destination changed, which are opened.
    pub fn configure(&mut self, sinks: Vec<LaneSettings>, moved: &[Name], at: Timestamp) {
        let mut orphans = BTreeMap::new();
        for (name, lane) in &mut self.lanes {
            let stays = sinks.iter().any(|sink| sink.name == *name);
            if !stays
                && !lane.is_removed()
                && let Some((first, count)) = lane.remove(at, &mut self.out)
            {
                orphans.insert(name.clone(), Orphans { first, count });
            }
        }
        self.bury(orphans);
        self.lanes.retain(|_, lane| !lane.is_removed() || lane.flying() > 0);
        for sink in sinks {
            let lane = self.lanes.entry(sink.name.clone()).or_insert_with(|| Lane::new(sink.clone(), false));
            lane.reconfigure(sink);
        }
        self.meters.keep(self.lanes.values().flat_map(Lane::paces));
        for sink in moved {
            if let Some(lane) = self.lanes.get_mut(sink) {
                lane.enable(at, &mut self.meters, &mut self.out);
            }
        }
    }
}
