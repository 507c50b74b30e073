//! The tables, as migrations that go forward. A migration that was released is never edited: the next one is added below it.
//!
//! Enums are their words, ids and hashes are blobs, amounts are 32 bytes big-endian (exact, and in order), times are milliseconds
//! since the epoch. Unsigned 64-bit numbers are kept bit for bit in SQLite's signed ones: those above 2^63 look negative and read back
//! exactly, because a number that a chain made up must not be able to stop a commit.

use super::alerts;
use super::attempts;
use super::digests;
use super::lists;
use super::money;
use super::quiet;
use super::watches;

/// `application_id` of every store: "wwch".
pub(super) const APPLICATION_ID: i32 = 0x7777_6368;

/// One step forward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    /// The schema after it: `user_version`.
    pub to: i64,
    /// What it does, in one transaction with its number.
    pub sql: &'static str,
}

/// Every step, ascending by one.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { to: 1, sql: FIRST },
    Migration { to: 2, sql: BALANCES },
    Migration { to: 3, sql: HISTORY },
    Migration { to: 4, sql: watches::TABLES },
    Migration { to: 5, sql: PRICES },
    Migration { to: 6, sql: money::TABLES },
    Migration { to: 7, sql: STOPS },
    Migration { to: 8, sql: quiet::TABLES },
    Migration { to: 9, sql: attempts::TABLES },
    Migration { to: 10, sql: quiet::ENDED },
    Migration { to: 11, sql: IN_FORCE },
    Migration { to: 12, sql: alerts::UNTOLD },
    Migration { to: 13, sql: digests::BY_TIME },
    Migration { to: 14, sql: WHY },
    Migration { to: 15, sql: lists::WITH_PARTIES },
];

/// Why something is in trouble.
const WHY: &str = "ALTER TABLE troubles ADD COLUMN reason TEXT;";

/// A rule keeps what it speaks of over an edit of its condition.
const IN_FORCE: &str = "
ALTER TABLE rules ADD COLUMN in_force_since INTEGER NOT NULL DEFAULT 0;
UPDATE rules SET in_force_since = born;
";

/// What transfers are valued at, and the minutes of prices that rules over a window look at. A price is its exact text.
const PRICES: &str = "
ALTER TABLE transfers ADD COLUMN quote TEXT;
CREATE TABLE bars (
  pair TEXT NOT NULL, minute INTEGER NOT NULL, low TEXT NOT NULL, high TEXT NOT NULL, PRIMARY KEY (pair, minute)
) STRICT, WITHOUT ROWID;
";

/// Why a chain waits for a person: `stopped` says that it is another one, `unreadable` names a block. Earlier stores told them apart by
/// the words.
const STOPS: &str = "
ALTER TABLE chains ADD COLUMN unreadable INTEGER;
ALTER TABLE chains ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
UPDATE chains SET unreadable = CAST(substr(stopped, 7) AS INTEGER), stopped = NULL
  WHERE stopped LIKE 'block % cannot be read: reading it ended the process';
";

/// The history of addresses: what lies before the watch, and how far it was read.
const HISTORY: &str = "
ALTER TABLE chains ADD COLUMN live_from INTEGER;
ALTER TABLE transfers ADD COLUMN history INTEGER NOT NULL DEFAULT 0;
CREATE TABLE backfills (
  chain INTEGER NOT NULL, address BLOB NOT NULL, from_block INTEGER NOT NULL, until INTEGER NOT NULL,
  live_from INTEGER NOT NULL, left TEXT NOT NULL, PRIMARY KEY (chain, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE scans (
  chain INTEGER NOT NULL, until INTEGER NOT NULL, scan TEXT NOT NULL, from_block INTEGER NOT NULL, next INTEGER NOT NULL,
  below BLOB, PRIMARY KEY (chain, until, scan)
) STRICT, WITHOUT ROWID;
";

/// Schema 1.
///
/// Few indexes, and ordered ones: each random key costs a page per row. `alert_ids` is the one that cannot be avoided; everything else of
/// an alert hangs on the number it gives.
const FIRST: &str = "
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE disabled_sinks (sink TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE chains (
  chain INTEGER NOT NULL PRIMARY KEY, genesis BLOB, started INTEGER, tip_endpoint TEXT, confirmed INTEGER NOT NULL,
  last_final INTEGER NOT NULL, explorer_head INTEGER, stopped TEXT
) STRICT;
CREATE TABLE blocks (
  chain INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, parent BLOB NOT NULL, time INTEGER NOT NULL,
  traced INTEGER NOT NULL, PRIMARY KEY (chain, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
  chain INTEGER NOT NULL, from_block INTEGER NOT NULL, to_block INTEGER NOT NULL, above BLOB NOT NULL, below BLOB NOT NULL,
  PRIMARY KEY (chain, from_block)
) STRICT, WITHOUT ROWID;
CREATE TABLE rules (
  rule TEXT NOT NULL PRIMARY KEY, condition BLOB NOT NULL, born INTEGER NOT NULL, phase TEXT NOT NULL, phase_since INTEGER,
  crossings INTEGER NOT NULL, spoke_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE views (
  chain INTEGER NOT NULL, address BLOB NOT NULL, list TEXT NOT NULL, from_block INTEGER NOT NULL, read_to INTEGER NOT NULL,
  read_at INTEGER NOT NULL, moved_at INTEGER, PRIMARY KEY (chain, address, list)
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
  chain INTEGER NOT NULL, contract BLOB NOT NULL, decimals INTEGER, symbol TEXT, PRIMARY KEY (chain, contract)
) STRICT, WITHOUT ROWID;
CREATE TABLE deadlines (
  deadline TEXT NOT NULL PRIMARY KEY, due INTEGER NOT NULL, length_seconds INTEGER NOT NULL, length_nanos INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE troubles (
  subject TEXT NOT NULL PRIMARY KEY, since INTEGER NOT NULL, last_block INTEGER, count INTEGER NOT NULL, dead INTEGER NOT NULL,
  open INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE payments (
  id BLOB NOT NULL PRIMARY KEY, rule TEXT NOT NULL, payee TEXT NOT NULL, chain INTEGER NOT NULL, address BLOB NOT NULL,
  amount BLOB NOT NULL, state TEXT NOT NULL, reason TEXT, transfer BLOB, crossing INTEGER, planned_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE transfers (
  chain INTEGER NOT NULL, block INTEGER NOT NULL, id BLOB NOT NULL,
  tx BLOB NOT NULL, kind TEXT NOT NULL, contract BLOB, sender BLOB NOT NULL, receiver BLOB NOT NULL, token_id BLOB,
  amount BLOB NOT NULL, nth INTEGER NOT NULL,
  block_hash BLOB, block_time INTEGER NOT NULL, log_index INTEGER, stage TEXT NOT NULL, suspect TEXT NOT NULL,
  voucher TEXT NOT NULL, late INTEGER NOT NULL, missing_answers INTEGER, missing_at INTEGER, missing_receipts INTEGER,
  first_seen INTEGER NOT NULL, settled INTEGER NOT NULL,
  PRIMARY KEY (chain, block, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfers_by_time ON transfers (first_seen, id);
CREATE INDEX transfers_open ON transfers (chain, block, id) WHERE settled = 0;

CREATE TABLE alert_ids (id BLOB NOT NULL PRIMARY KEY, alert INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE alerts (
  alert INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL, subject TEXT NOT NULL,
  transfer BLOB, watch TEXT, address BLOB, direction TEXT, crossing INTEGER, trouble TEXT, payment BLOB,
  revision INTEGER NOT NULL, state TEXT NOT NULL, said TEXT NOT NULL, told TEXT NOT NULL, raised_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL, closed INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_open ON alerts (alert) WHERE closed = 0;

CREATE TABLE outbox (
  seq INTEGER NOT NULL PRIMARY KEY, id BLOB NOT NULL, sink TEXT NOT NULL, alert INTEGER NOT NULL, alert_id BLOB NOT NULL,
  revision INTEGER NOT NULL, kind TEXT NOT NULL, retracts INTEGER NOT NULL, severity TEXT NOT NULL, created INTEGER NOT NULL,
  block_time INTEGER,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, reason TEXT, receiver_id TEXT, closed_at INTEGER,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX outbox_by_alert ON outbox (alert, id);
CREATE INDEX outbox_pending ON outbox (sink) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (sink) WHERE state = 'dead';
";

/// Balances, and where rules stand with them. `asset` is a contract, or empty for the coin.
const BALANCES: &str = "
CREATE TABLE balances (
  chain INTEGER NOT NULL, address BLOB NOT NULL, asset BLOB NOT NULL, amount BLOB, block INTEGER, block_hash BLOB,
  read_at INTEGER, source TEXT NOT NULL, due INTEGER, failing_since INTEGER, failing TEXT,
  PRIMARY KEY (chain, address, asset)
) STRICT, WITHOUT ROWID;
CREATE TABLE levels (
  rule TEXT NOT NULL, chain INTEGER NOT NULL, address BLOB NOT NULL, asset BLOB NOT NULL, phase TEXT NOT NULL,
  phase_since INTEGER, crossings INTEGER NOT NULL, spoke_at INTEGER, turned_block INTEGER, turned_hash BLOB, was TEXT,
  was_since INTEGER, gone INTEGER, PRIMARY KEY (rule, chain, address, asset)
) STRICT, WITHOUT ROWID;
";
