//! A page of transfers, or of approvals, as the API and the page ask for it.

use super::Parts;
use super::problem::Problem;
use super::query::{Asked, CHAIN, STAGE, WATCH};
use crate::reactor::rows::TransferRow;
use crate::store;
use crate::telemetry::Snapshot;
use crate::types::{Stage, Timestamp, TransferId};
use axum::http::StatusCode;

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
    let no = |what: &str| Problem::new(StatusCode::NOT_FOUND, format!("there is no such {what} in the config"));
    let chain = |name| snapshot.labels.chain_named(name).ok_or_else(|| no("chain"));
    let addresses = match asked.of(WATCH) {
        None => None,
        Some(name) => match snapshot.labels.addresses(name) {
            Some(addresses) => Some(addresses),
            None => Some(parts.archive.addresses(name.into()).await?.ok_or_else(|| no("watch"))?),
        },
    };
    // The place is written as MILLISECONDS-ID.
    let after = asked.place(|text| {
        let (at, id) = text.rsplit_once('-')?;
        let first_seen = Timestamp::from_millis(at.parse().ok()?);
        Some(store::TransferPlace { first_seen, id: TransferId::parse(id)? })
    })?;
    let filter = store::TransferFilter {
        chain: asked.of(CHAIN).map(chain).transpose()?,
        addresses,
        stage: asked.word(STAGE, &Stage::ALL, Stage::word),
        approvals,
        after,
    };
    Ok(parts.archive.transfers(filter, asked.limit).await?)
}
