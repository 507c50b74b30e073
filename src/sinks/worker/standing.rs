//! What lasts at a receiver only while it is sent again: alerts at an Alertmanager, which keeps them in memory alone.
//!
//! Nothing here is an attempt of a row: a row that is delivered is closed. Who does not take it now gets it the next time.

use super::attempt::post;
use crate::sinks::alertmanager::{AGAIN_EVERY, AT_ONCE, Alertmanager};
use crate::sinks::{Post, Sink, Verdict};
use crate::store::OutboxRow;
use crate::types::{AlertId, Name, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What lasts, by sink. Its size is that of what is wrong: alerts that only happened are not here.
#[derive(Debug, Default)]
pub(super) struct Standing(BTreeMap<Name, Lasting>);

#[derive(Debug)]
struct Lasting {
    rows: BTreeMap<AlertId, Arc<OutboxRow>>,
    /// Of these a later message is on its way, which may end them: what is sent again could come behind it.
    held: BTreeSet<AlertId>,
    due: Timestamp,
    under_way: bool,
    well: bool,
}

impl Standing {
    /// Of what an earlier run delivered, less what its open rows are about. It is sent again at once: nobody knows for how long it was not.
    pub(super) fn new(
        rows: Vec<OutboxRow>,
        open: &[OutboxRow],
        sinks: &BTreeMap<Name, Arc<Sink>>,
        at: Timestamp,
    ) -> Self {
        let mut standing = Self::default();
        for row in rows {
            if let Some(sink) = sinks.get(&row.message.sink) {
                standing.delivered(sink, &Arc::new(row), at);
            }
        }
        standing.0.values_mut().for_each(|lasting| lasting.due = at);
        open.iter().for_each(|row| standing.hold(&row.message.sink, row.message.alert));
        standing
    }

    /// A later message of an alert is on its way.
    pub(super) fn hold(&mut self, sink: &Name, alert: AlertId) {
        if let Some(lasting) = self.0.get_mut(sink).filter(|lasting| lasting.rows.contains_key(&alert)) {
            lasting.held.insert(alert);
        }
    }

    /// It never comes.
    pub(super) fn free(&mut self, sink: &Name, alert: AlertId) {
        if let Some(lasting) = self.0.get_mut(sink) {
            lasting.held.remove(&alert);
        }
    }

    /// A row was delivered.
    pub(super) fn delivered(&mut self, sink: &Sink, row: &Arc<OutboxRow>, at: Timestamp) {
        let Sink::Alertmanager(_) = sink else { return };
        let (name, alert) = (&row.message.sink, row.message.alert);
        self.free(name, alert);
        if Alertmanager::resent(row, at).is_some() {
            let (rows, held, due) = (BTreeMap::new(), BTreeSet::new(), at.after(AGAIN_EVERY));
            let new = || Lasting { rows, held, due, under_way: false, well: true };
            self.0.entry(name.clone()).or_insert_with(new).rows.insert(alert, Arc::clone(row));
        } else if let Some(lasting) = self.0.get_mut(name) {
            lasting.rows.remove(&alert);
        }
    }

    /// When something is to be sent again.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let waiting = self.0.values().filter(|lasting| !lasting.under_way && !lasting.rows.is_empty());
        waiting.map(|lasting| lasting.due).min()
    }

    /// What is to be sent again now, by sink.
    pub(super) fn take(&mut self, at: Timestamp) -> Vec<(Name, Vec<Arc<OutboxRow>>)> {
        let mut taken = Vec::new();
        for (name, lasting) in &mut self.0 {
            if lasting.due <= at && !lasting.under_way && !lasting.rows.is_empty() {
                lasting.under_way = true;
                let free = lasting.rows.iter().filter(|(alert, _)| !lasting.held.contains(*alert));
                taken.push((name.clone(), free.map(|(_, row)| Arc::clone(row)).collect()));
            }
        }
        taken
    }

    /// It was sent again, or not.
    pub(super) fn sent(&mut self, sink: &Name, at: Timestamp, not: Option<&Name>) {
        let Some(lasting) = self.0.get_mut(sink) else { return };
        (lasting.under_way, lasting.due) = (false, at.after(AGAIN_EVERY));
        if let Some(reason) = not
            && std::mem::replace(&mut lasting.well, false)
        {
            tracing::warn!(%sink, %reason, "what lasts was not taken again, and is sent every minute");
        } else if not.is_none() {
            lasting.well = true;
        }
    }

    /// Only these sinks are there from now on.
    pub(super) fn keep(&mut self, sinks: &BTreeMap<Name, Arc<Sink>>) {
        self.0.retain(|name, _| sinks.contains_key(name));
    }
}

/// Sends it again to every member; gives why one of them did not take it.
pub(super) async fn send_again(
    outside: &impl Post,
    sink: &Sink,
    rows: &[Arc<OutboxRow>],
    at: Timestamp,
) -> Option<Name> {
    let Sink::Alertmanager(cluster) = sink else { return None };
    let mut not = None;
    for part in rows.chunks(AT_ONCE) {
        let alerts: Vec<_> = part.iter().filter_map(|row| Alertmanager::resent(row, at)).collect();
        for request in cluster.requests(&alerts) {
            match sink.verdict(&post(outside, request).await) {
                Verdict::Delivered { .. } | Verdict::Partly { .. } => {}
                Verdict::Again(why) | Verdict::Dead(why) | Verdict::Disabled(why) => not = Some(why.reason),
            }
        }
    }
    not
}
