//! A page of transfers, or of approvals, as the API and the page ask for it.

use super::problem::Problem;
use super::query::{Asked, STAGE};
use super::{Parts, named};
use crate::reactor::rows::TransferRow;
use crate::store;
use crate::telemetry::Snapshot;
use crate::types::{Stage, Timestamp, TransferId};

/// A place, as it is written in a query.
pub(super) fn transfer_place(place: &store::TransferPlace) -> String {
    format!("{}-{}", place.first_seen.millis(), place.id)
}

/// A page of transfers, or of approvals.
pub(super) async fn stored(
    parts: &Parts,
    snapshot: &Snapshot,
    asked: &Asked,
    approvals: bool,
) -> Result<store::Page<TransferRow, store::TransferPlace>, Problem> {
    let addresses = named::addresses(parts, snapshot, asked).await?;
    // The place is written as MILLISECONDS-ID.
    let after = asked.place(|text| {
        let (at, id) = text.rsplit_once('-')?;
        let first_seen = Timestamp::from_millis(at.parse().ok()?);
        Some(store::TransferPlace { first_seen, id: TransferId::parse(id)? })
    })?;
    let filter = store::TransferFilter {
        chain: named::chain(snapshot, asked)?,
        addresses,
        stage: asked.word(STAGE, &Stage::ALL, Stage::word),
        approvals,
        after,
    };
    Ok(parts.archive.transfers(filter, asked.limit).await?)
}
