//! Whether money went wrong, by Circle's book, the chain, and what a dead monitor left on disk.

use super::scene::{Scene, VAULT};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use walletwatch::reactor::money::PaymentState;
use walletwatch::reactor::office::AuditRow;
use walletwatch::types::{PaymentId, Timestamp};

/// At most one transfer at Circle for each that came in, none for anything else, and each with a reference and a key of its own.
pub(crate) fn circle(scene: &Scene) -> Result<(), String> {
    let came_in: BTreeSet<u64> = scene.truth().into_iter().collect();
    let mut paid = BTreeSet::new();
    for amount in scene.taken(VAULT) {
        if !came_in.contains(&amount) {
            return Err(format!("{amount} was paid for nothing that came in"));
        }
        if !paid.insert(amount) {
            return Err(format!("{amount} was paid for twice"));
        }
    }
    let mut keys: BTreeMap<String, [u8; 32]> = BTreeMap::new();
    let mut ciphertexts = BTreeSet::new();
    for posted in scene.circle.posted() {
        let key = posted.key.map(|key| format!("{key:?}")).ok_or("a request without a key")?;
        if *keys.entry(key.clone()).or_insert(posted.frozen) != posted.frozen {
            return Err(format!("{key} was sent with two bodies"));
        }
        if posted.ciphertext.is_some_and(|sealed| !ciphertexts.insert(sealed)) {
            return Err("a ciphertext was used twice".into());
        }
    }
    Ok(())
}

/// The rows of a store whose monitor is dead: payments, raw, with their state; and the audit, whole and in order.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) payments: Vec<(PaymentState, u64)>,
    pub(crate) attempts: u64,
    /// Why nothing leaves, if nothing does: frozen, paused.
    pub(crate) held_up: Vec<String>,
}

/// Looks at a copy, so that the next start finds the log of the store as the dead left it.
pub(crate) fn store(folder: &Path) -> Result<Left, String> {
    let copies = tempfile::tempdir().map_err(|error| error.to_string())?;
    let copy = copies.path().join("paying.db");
    for end in ["", "-wal"] {
        let from = folder.join(format!("data/paying.db{end}"));
        if from.exists() {
            std::fs::copy(&from, copies.path().join(format!("paying.db{end}"))).map_err(|error| error.to_string())?;
        }
    }
    let connection = rusqlite::Connection::open(&copy).map_err(|error| error.to_string())?;
    let attempts = audit(&connection)?;
    let mut found = connection.prepare("SELECT state, amount FROM payments").map_err(|error| error.to_string())?;
    let rows = found.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let rows = rows.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| error.to_string())?;
    let payments = rows.into_iter().map(|(state, amount)| {
        let state = PaymentState::from_word(&state).ok_or_else(|| format!("no state: {state}"))?;
        Ok((state, amount.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))))
    });
    let why =
        "SELECT frozen FROM office WHERE frozen IS NOT NULL UNION SELECT paused FROM office WHERE paused IS NOT NULL";
    let mut why = connection.prepare(why).map_err(|error| error.to_string())?;
    let held_up = why.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(|error| error.to_string())?;
    Ok(Left { payments: payments.collect::<Result<_, String>>()?, attempts, held_up })
}

/// Every line follows the one before, and payments moved along the arrows alone. Gives the number of attempts.
fn audit(connection: &rusqlite::Connection) -> Result<u64, String> {
    let sql = "SELECT seq, at, who, what, payment, why, hash FROM audit ORDER BY seq";
    let mut found = connection.prepare(sql).map_err(|error| error.to_string())?;
    let read = |row: &rusqlite::Row<'_>| {
        let payment: Option<Vec<u8>> = row.get(4)?;
        let payment = payment.and_then(|bytes| bytes.try_into().ok()).map(PaymentId);
        let hash: Vec<u8> = row.get(6)?;
        Ok(AuditRow {
            seq: row.get::<_, i64>(0)?.unsigned_abs(),
            at: Timestamp::from_millis(row.get(1)?),
            who: row.get::<_, String>(2)?.into(),
            what: row.get::<_, String>(3)?.into(),
            payment,
            why: row.get::<_, String>(5)?.into(),
            hash: hash.try_into().unwrap_or_default(),
        })
    };
    let rows = found.query_map([], read).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let (mut before, mut next, mut attempts) = ([0; 32], 1, 0);
    let mut states: BTreeMap<PaymentId, PaymentState> = BTreeMap::new();
    for row in rows.map_err(|error| error.to_string())? {
        if row.seq != next || row.hash != row.expected(before) {
            return Err(format!("line {} of the audit does not follow", row.seq));
        }
        (before, next) = (row.hash, row.seq + 1);
        attempts += u64::from(row.what.as_str() == "attempt");
        let (Some(id), Some(state)) = (row.payment, PaymentState::from_word(row.what.as_str())) else { continue };
        let moves = match states.insert(id, state) {
            Some(old) => old.arrows().contains(&state),
            None => state == PaymentState::Planned,
        };
        if !moves {
            return Err(format!("{id} came to {} along no arrow", state.word()));
        }
    }
    Ok(attempts)
}
