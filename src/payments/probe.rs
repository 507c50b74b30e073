//! `payments probe`: shows on this account what the protocol would otherwise only assume.
//!
//! It asks for the smallest transfer there is, from the paying wallet to itself, twice under one key with a fresh ciphertext each, and
//! then looks for it in the list. It moves a millionth of a USDC nowhere and costs at most two fees; whoever calls has committed that a
//! person asked for it. Its reference is no payment's: no scan takes it for one.

use super::client::{CircleClient, Trouble, sealed_body};
use super::seal::{EntitySecret, SealFault, Sealer};
use crate::reactor::payments::desk::request::{PROBE_AMOUNT, PROBE_REFERENCE};
use crate::types::{Address, Name, Timestamp, Uuid};
use crate::wire::circle::{CircleState, FeeLevel, FrozenFault, Next, TransferTerms, freeze};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the list may take to show a new transaction: what the protocol waits for before it takes absence for a proof.
pub const LISTED_WITHIN: Duration = Duration::from_mins(10);
/// Between two looks at the list.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Pages that are looked through: a new transaction stands on the first one.
const MOST_PAGES: usize = 4;

/// What to probe with.
#[derive(Debug, Clone)]
pub struct ProbePlan {
    /// Circle's id of the paying wallet.
    pub wallet: Name,
    /// Its own address, as Circle showed it: where the money goes.
    pub address: Address,
    /// Circle's word for its chain.
    pub blockchain: Name,
    /// The USDC contract there.
    pub token: Address,
    /// New for each probe, in the shape of a UUID v4.
    pub key: Uuid,
    /// The time of the commit, for the list.
    pub at: Timestamp,
    /// SHA-256 of the entity public key that may be used.
    pub pinned: Option<[u8; 32]>,
}

/// What was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// Circle's id of the probe.
    pub id: Name,
    /// Its state when it was last seen.
    pub state: CircleState,
    /// The same key with a fresh ciphertext gave the same transaction. Circle documents a 200 for it; some answer 201, with the same id.
    pub repeat_is_known: bool,
    /// How long the list took to show it with its reference; `None` where it did not within [`LISTED_WITHIN`], or showed no reference.
    pub listed_after: Option<Duration>,
}

impl ProbeReport {
    /// Whether both things hold, so that a lost answer may be followed by the same request.
    #[must_use]
    pub const fn allows_resends(&self) -> bool {
        self.repeat_is_known && self.listed_after.is_some()
    }
}

/// Why nothing was shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeFault {
    /// The entity public key is not the pinned one.
    #[error("Circle shows another entity public key than the pinned one: accept it first")]
    OtherEntityKey,
    /// It cannot be encrypted for.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// The request cannot be rendered.
    #[error(transparent)]
    Frozen(#[from] FrozenFault),
    /// Circle did not take the first request. What became of it may be unknown: it moves a millionth of a USDC to its own wallet.
    #[error("the probe did not get through: {0}")]
    Circle(Trouble),
    /// The key was used before the probe.
    #[error("Circle knew the probe's key already: nothing was shown, probe again")]
    KeyUsed,
}

/// Probes. Takes up to [`LISTED_WITHIN`]. `frozen` is asked before each request leaves.
///
/// # Errors
/// [`ProbeFault`].
pub async fn probe(
    client: &CircleClient,
    secret: &EntitySecret,
    plan: &ProbePlan,
    frozen: impl Fn() -> bool,
) -> Result<ProbeReport, ProbeFault> {
    let sealer = Sealer::new(&client.entity_key().await.told.map_err(ProbeFault::Circle)?)?;
    if plan.pinned.is_some_and(|pinned| pinned != sealer.fingerprint()) {
        return Err(ProbeFault::OtherEntityKey);
    }
    let reference: Name = format!("{PROBE_REFERENCE}{}", plan.key).into();
    let bytes = freeze(&TransferTerms {
        key: plan.key,
        wallet: plan.wallet.clone(),
        blockchain: plan.blockchain.clone(),
        token: plan.token,
        destination: plan.address,
        amount: PROBE_AMOUNT,
        fee: FeeLevel::Medium,
        reference: reference.clone(),
    })?;
    let began = Instant::now();
    let body = sealed_body(&bytes, &sealer.seal(secret)?)?;
    let (first, new) = client.create(body, || !frozen()).await.told.map_err(ProbeFault::Circle)?;
    if !new {
        return Err(ProbeFault::KeyUsed);
    }
    let body = sealed_body(&bytes, &sealer.seal(secret)?)?;
    let repeat = client.create(body, || !frozen()).await.told;
    let repeat_is_known = repeat.is_ok_and(|(again, _)| again.id == first.id);
    let mut report = ProbeReport { id: first.id, state: first.state, repeat_is_known, listed_after: None };
    while report.listed_after.is_none() && began.elapsed() < LISTED_WITHIN {
        if let Some((state, with_reference)) = look(client, plan, &report.id, &reference).await {
            report.state = state;
            report.listed_after = with_reference.then(|| began.elapsed());
            // It is there and has no reference: waiting does not bring one.
            if !with_reference {
                break;
            }
        } else {
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(report)
}

/// Whether the list shows it, in which state, and with its reference.
async fn look(client: &CircleClient, plan: &ProbePlan, id: &Name, reference: &Name) -> Option<(CircleState, bool)> {
    let mut after: Option<Name> = None;
    for _ in 0..MOST_PAGES {
        let (page, next) = client.transactions(&plan.wallet, plan.at, after.as_ref()).await.told.ok()?;
        if let Some(row) = page.rows.iter().find(|row| row.id == *id) {
            return Some((row.state.clone(), row.reference.as_ref() == Some(reference)));
        }
        let Next::After(behind) = next else { return None };
        after = Some(behind);
    }
    None
}

#[cfg(test)]
mod tests;
